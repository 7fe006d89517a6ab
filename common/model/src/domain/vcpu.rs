//! Virtual CPUs and iothreads: how many, and which.

use std::collections::BTreeSet;

use crate::bitmap::{self, Bitmap};
use crate::xml::{Element, Number, Writer, XmlError};

tokens! {
    /// Who chooses the host CPUs.
    #[derive(Default)]
    pub enum Placement { #[default] Static = "static", Auto = "auto" }
}

/// `vcpu` and `vcpus`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vcpus {
    /// CPUs that the guest can have.
    pub max: u32,
    /// CPUs that it has at start.
    pub current: u32,
    /// Placement.
    pub placement: Placement,
    /// Host CPUs for threads without a pin of their own.
    pub cpuset: Option<Bitmap>,
    /// One entry for each CPU by number, when the document tells them apart; else empty.
    pub entries: Vec<VcpuEntry>,
}

/// `vcpus/vcpu`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VcpuEntry {
    /// Is it there at start?
    pub enabled: bool,
    /// Can it be taken away?
    pub hotpluggable: Option<bool>,
    /// Place in the order of plugging; 0: none given.
    pub order: u32,
}

impl Default for Vcpus {
    fn default() -> Self {
        Self { max: 1, current: 1, placement: Placement::Static, cpuset: None, entries: Vec::new() }
    }
}

impl Vcpus {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let mut vcpus = Self::default();
        if let Some(e) = domain.child("vcpu") {
            vcpus.max = u32::read(&e.text(), false)
                .ok_or_else(|| XmlError::xml("maximum vcpus count must be an integer"))?;
            vcpus.current = e.attr_num("current")?.unwrap_or(vcpus.max);
            vcpus.placement = e.attr_token("placement")?.unwrap_or_default();
            if vcpus.placement != Placement::Auto {
                vcpus.cpuset = e.attr("cpuset").filter(|c| !c.is_empty()).map(parse_cpuset).transpose()?;
            }
        }
        if vcpus.current > vcpus.max {
            let text = "maximum vCPU count must not be less than current vCPU count";
            return Err(XmlError::unsupported(text));
        }
        if let Some(list) = domain.child("vcpus") {
            vcpus.parse_entries(list)?;
        }
        Ok(vcpus)
    }

    fn parse_entries(&mut self, list: &Element) -> Result<(), XmlError> {
        if list.child("vcpu").is_none() || self.max == 0 {
            return Ok(());
        }
        if self.max > bitmap::MAX {
            return Err(XmlError::xml(format!("vcpu count {} exceeds {}", self.max, bitmap::MAX)));
        }
        let blank = VcpuEntry { hotpluggable: Some(true), ..VcpuEntry::default() };
        self.entries = vec![blank; self.max as usize];
        for e in list.children_named("vcpu") {
            let id: u32 = e.require_num("id")?;
            let Some(entry) = self.entries.get_mut(id as usize) else {
                let text = "vcpu id must be less than the maximum number of vcpus";
                return Err(XmlError::xml(text));
            };
            entry.enabled =
                e.attr_yes_no("enabled")?.ok_or_else(|| XmlError::missing_attr("vcpu", "enabled"))?;
            // Unsaid, it is for the driver to say of those that are there at start.
            let unsaid = if entry.enabled { None } else { Some(true) };
            entry.hotpluggable = e.attr_yes_no("hotpluggable")?.or(unsaid);
            entry.order = e.attr_positive("order")?.unwrap_or(0);
        }
        let enabled = self.entries.iter().filter(|e| e.enabled).count();
        self.current = u32::try_from(enabled).unwrap_or(u32::MAX);
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer) {
        let current = Some(self.current).filter(|n| *n != self.max);
        w.start("vcpu").attr("placement", self.placement);
        // What an adviser chose is the start's.
        w.attr_opt("cpuset", self.cpuset.as_ref().filter(|_| self.placement != Placement::Auto));
        w.attr_opt("current", current).text(self.max).end();
        if self.entries.is_empty() {
            return;
        }
        w.start("vcpus");
        for (id, entry) in self.entries.iter().enumerate() {
            w.start("vcpu").attr("id", id).attr_yes_no("enabled", Some(entry.enabled));
            w.attr_yes_no("hotpluggable", entry.hotpluggable);
            w.attr_opt("order", Some(entry.order).filter(|n| *n != 0)).end();
        }
        w.end();
    }
}

/// `iothreads`, `iothreadids`, `defaultiothread`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IoThreads {
    /// The threads.
    pub threads: Vec<IoThread>,
    /// Worker limits of the main loop.
    pub default_thread: Option<ThreadPool>,
}

/// One iothread.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IoThread {
    /// Number that devices name; above 0.
    pub id: u32,
    /// Made up by us, because the document gives only a count.
    pub autofill: bool,
    /// Limits of its worker threads.
    pub pool: ThreadPool,
}

/// Limits of a pool of worker threads.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ThreadPool {
    /// At least.
    pub min: Option<u32>,
    /// At most.
    pub max: Option<u32>,
}

impl IoThreads {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let mut threads = Vec::new();
        let mut seen = BTreeSet::new();
        for e in domain.child("iothreadids").into_iter().flat_map(|l| l.children_named("iothread")) {
            let id = e.require_positive("id")?;
            if !seen.insert(id) {
                return Err(XmlError::xml(format!("duplicate iothread id '{id}' found")));
            }
            threads.push(IoThread { id, autofill: false, pool: ThreadPool::parse(e)? });
        }
        let default_thread = domain.child("defaultiothread").map(ThreadPool::parse).transpose()?;
        let mut all = Self { threads, default_thread };
        if let Some(text) = domain.child_text("iothreads") {
            let count = u32::read(&text, false)
                .ok_or_else(|| XmlError::xml(format!("invalid iothreads count '{text}'")))?;
            if count > bitmap::MAX {
                return Err(XmlError::xml(format!("iothreads count {count} exceeds {}", bitmap::MAX)));
            }
            all.fill(count as usize);
        }
        Ok(all)
    }

    /// Adds threads with the lowest free numbers up to `count`.
    fn fill(&mut self, count: usize) {
        let mut taken: Vec<u32> = self.threads.iter().map(|t| t.id).collect();
        taken.sort_unstable();
        let mut taken = taken.into_iter().peekable();
        let mut id = 1;
        while self.threads.len() < count {
            if taken.next_if(|t| *t <= id).is_some_and(|t| t == id) {
                id += 1;
                continue;
            }
            self.threads.push(IoThread { id, autofill: true, pool: ThreadPool::default() });
            id += 1;
        }
    }

    pub(super) fn format(&self, w: &mut Writer) {
        if !self.threads.is_empty() {
            w.text_element("iothreads", self.threads.len());
        }
        if self.threads.iter().any(|t| !t.autofill) {
            w.start("iothreadids");
            for thread in &self.threads {
                w.start("iothread").attr("id", thread.id);
                thread.pool.attributes(w);
                w.end();
            }
            w.end();
        }
        if let Some(pool) = self.default_thread {
            w.start("defaultiothread");
            pool.attributes(w);
            w.end_or_drop();
        }
    }
}

impl ThreadPool {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        Ok(Self { min: e.attr_num("thread_pool_min")?, max: e.attr_num("thread_pool_max")? })
    }

    fn attributes(self, w: &mut Writer) {
        w.attr_opt("thread_pool_min", self.min).attr_opt("thread_pool_max", self.max);
    }
}

/// A set of host CPUs that must name at least one.
fn parse_cpuset(text: &str) -> Result<Bitmap, XmlError> {
    let set = Bitmap::parse(text)?;
    if set.is_empty() {
        return Err(XmlError::xml(format!("Invalid value of 'cpuset': {text}")));
    }
    Ok(set)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_without_owner_are_filled_in() {
        let named = |id| IoThread { id, ..IoThread::default() };
        let mut threads = IoThreads { threads: vec![named(2), named(7)], default_thread: None };
        threads.fill(5);
        let ids: Vec<_> = threads.threads.iter().map(|t| t.id).collect();
        assert_eq!(ids, [2, 7, 1, 3, 4]);
    }
}
