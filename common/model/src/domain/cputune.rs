//! `cputune`: shares, bandwidth, pins and schedulers of the guest's threads.

use std::collections::BTreeMap;

use super::resctrl::{CacheTune, MemoryTune};
use super::vcpu::IoThreads;
use crate::bitmap::Bitmap;
use crate::xml::{Element, Writer, XmlError};

/// Limits and places of a guest's threads. Periods and quotas are in microseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuTune {
    /// Weight against other guests.
    pub shares: Option<u64>,
    /// Of one vCPU.
    pub vcpu: Bandwidth,
    /// Of the whole guest.
    pub global: Bandwidth,
    /// Of the emulator's own threads.
    pub emulator: Bandwidth,
    /// Of one iothread.
    pub iothread: Bandwidth,
    /// Host CPUs by vCPU.
    pub vcpu_pins: BTreeMap<u32, Bitmap>,
    /// Host CPUs of the emulator's own threads.
    pub emulator_pin: Option<Bitmap>,
    /// Host CPUs by iothread id.
    pub iothread_pins: BTreeMap<u32, Bitmap>,
    /// Scheduler of the emulator's own threads.
    pub emulator_sched: Option<Sched>,
    /// Scheduler by vCPU.
    pub vcpu_scheds: BTreeMap<u32, Sched>,
    /// Scheduler by iothread id.
    pub iothread_scheds: BTreeMap<u32, Sched>,
    /// Host caches.
    pub cache_tunes: Vec<CacheTune>,
    /// Host memory bandwidth.
    pub memory_tunes: Vec<MemoryTune>,
}

/// Run `quota` microseconds in each `period`; zero or negative quota: no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// 1000 to 1000000.
    pub period: Option<u64>,
    /// Microseconds.
    pub quota: Option<i64>,
}

tokens! {
    /// Scheduling policy of the host's kernel.
    pub enum Scheduler { Batch = "batch", Idle = "idle", Fifo = "fifo", Rr = "rr" }
}

/// Policy, and priority for those that have one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sched {
    /// Policy.
    pub scheduler: Scheduler,
    /// Of `fifo` and `rr`.
    pub priority: Option<i32>,
}

impl CpuTune {
    /// `vcpus`: the most the guest can have; pins of others are dropped, as by the reference.
    pub(super) fn parse(domain: &Element, vcpus: u32, iothreads: &IoThreads) -> Result<Self, XmlError> {
        let mut tune = Self::default();
        let Some(e) = domain.child("cputune") else { return Ok(tune) };
        tune.shares = e.child_num("shares")?;
        if let Some(shares) = tune.shares
            && shares != 0
            && !(2..=262_144).contains(&shares)
        {
            let text = "Value of cputune 'shares' must be in range [2, 262144]";
            return Err(XmlError::unsupported(text));
        }
        tune.vcpu = Bandwidth::parse(e, "")?;
        tune.global = Bandwidth::parse(e, "global_")?;
        tune.emulator = Bandwidth::parse(e, "emulator_")?;
        tune.iothread = Bandwidth::parse(e, "iothread_")?;
        tune.parse_pins(e, vcpus, iothreads)?;
        tune.parse_scheds(e, vcpus, iothreads)?;
        let mut taken = Bitmap::new();
        for c in e.children_named("cachetune") {
            let fresh = CacheTune::parse(c, vcpus)?;
            CacheTune::add(&mut tune.cache_tunes, &mut taken, fresh)?;
        }
        let mut taken = Bitmap::new();
        for m in e.children_named("memorytune") {
            let fresh = MemoryTune::parse(m, vcpus)?;
            fresh.check_against(&tune.cache_tunes)?;
            MemoryTune::add(&mut tune.memory_tunes, &mut taken, fresh)?;
        }
        Ok(tune)
    }

    fn parse_pins(&mut self, e: &Element, vcpus: u32, iothreads: &IoThreads) -> Result<(), XmlError> {
        for pin in e.children_named("vcpupin") {
            let vcpu: u32 = pin.require_num("vcpu")?;
            let set = pin_cpus(pin)?;
            if self.vcpu_pins.contains_key(&vcpu) {
                return Err(XmlError::internal(format!("duplicate vcpupin for vcpu '{vcpu}'")));
            }
            if vcpu < vcpus {
                self.vcpu_pins.insert(vcpu, set);
            }
        }
        let mut emulator = e.children_named("emulatorpin");
        self.emulator_pin = emulator.next().map(pin_cpus).transpose()?;
        if emulator.next().is_some() {
            return Err(XmlError::xml("only one emulatorpin is supported"));
        }
        for pin in e.children_named("iothreadpin") {
            let id: u32 = pin.require_positive("iothread")?;
            if !iothreads.threads.iter().any(|t| t.id == id) {
                return Err(XmlError::unsupported(format!("Cannot find 'iothread' : {id}")));
            }
            if self.iothread_pins.insert(id, pin_cpus(pin)?).is_some() {
                return Err(XmlError::internal(format!("duplicate iothreadpin for same iothread '{id}'")));
            }
        }
        Ok(())
    }

    fn parse_scheds(&mut self, e: &Element, vcpus: u32, iothreads: &IoThreads) -> Result<(), XmlError> {
        for s in e.children_named("vcpusched") {
            for id in Sched::parse_ids(s, "vcpus")?.iter().filter(|id| *id < vcpus) {
                if self.vcpu_scheds.insert(id, Sched::parse(s)?).is_some() {
                    return Err(XmlError::detail(format!("vcpusched vcpus range '{id}' overlaps")));
                }
            }
        }
        for s in e.children_named("iothreadsched") {
            for id in Sched::parse_ids(s, "iothreads")?.iter() {
                if !iothreads.threads.iter().any(|t| t.id == id) {
                    return Err(XmlError::xml(format!("Cannot find 'iothread' : {id}")));
                }
                if self.iothread_scheds.insert(id, Sched::parse(s)?).is_some() {
                    return Err(XmlError::detail(format!("iothreadssched iothreads range '{id}' overlaps")));
                }
            }
        }
        let mut emulator = e.children_named("emulatorsched");
        self.emulator_sched = emulator.next().map(Sched::parse).transpose()?;
        if emulator.next().is_some() {
            return Err(XmlError::xml("only one emulatorsched is supported"));
        }
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer, iothreads: &IoThreads) {
        w.start("cputune");
        w.text_element_opt("shares", self.shares);
        self.vcpu.format(w, "");
        self.global.format(w, "global_");
        self.emulator.format(w, "emulator_");
        self.iothread.format(w, "iothread_");
        for (vcpu, set) in &self.vcpu_pins {
            w.start("vcpupin").attr("vcpu", vcpu).attr("cpuset", set).end();
        }
        if let Some(set) = &self.emulator_pin {
            w.start("emulatorpin").attr("cpuset", set).end();
        }
        for id in iothreads.threads.iter().map(|t| t.id) {
            if let Some(set) = self.iothread_pins.get(&id) {
                w.start("iothreadpin").attr("iothread", id).attr("cpuset", set).end();
            }
        }
        if let Some(sched) = self.emulator_sched {
            sched.format(w.start("emulatorsched"));
        }
        for (vcpu, sched) in &self.vcpu_scheds {
            sched.format(w.start("vcpusched").attr("vcpus", vcpu));
        }
        for id in iothreads.threads.iter().map(|t| t.id) {
            if let Some(sched) = self.iothread_scheds.get(&id) {
                sched.format(w.start("iothreadsched").attr("iothreads", id));
            }
        }
        self.cache_tunes.iter().for_each(|c| c.format(w));
        self.memory_tunes.iter().for_each(|m| m.format(w));
        w.end_or_drop();
    }
}

impl Bandwidth {
    fn parse(tune: &Element, prefix: &str) -> Result<Self, XmlError> {
        let (period_name, quota_name) = (format!("{prefix}period"), format!("{prefix}quota"));
        let period: Option<u64> = tune.child_num(&period_name)?;
        if period.is_some_and(|p| p != 0 && !(1000..=1_000_000).contains(&p)) {
            let text = format!("Value of cputune '{period_name}' must be in range [1000, 1000000]");
            return Err(XmlError::unsupported(text));
        }
        let quota: Option<i64> = tune.child_num(&quota_name)?;
        if quota.is_some_and(|q| q > 0 && !(1000..=17_592_186_044_415).contains(&q)) {
            let text = format!("Value of cputune '{quota_name}' must be in range [1000, 17592186044415]");
            return Err(XmlError::unsupported(text));
        }
        Ok(Self { period: period.filter(|p| *p != 0), quota: quota.filter(|q| *q != 0) })
    }

    fn format(self, w: &mut Writer, prefix: &str) {
        w.text_element_opt(&format!("{prefix}period"), self.period);
        w.text_element_opt(&format!("{prefix}quota"), self.quota);
    }
}

impl Sched {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let scheduler: Scheduler = e.require_token("scheduler")?;
        let priority = match scheduler {
            Scheduler::Fifo | Scheduler::Rr => Some(e.require_num("priority")?),
            Scheduler::Batch | Scheduler::Idle => None,
        };
        Ok(Self { scheduler, priority })
    }

    fn parse_ids(e: &Element, attribute: &str) -> Result<Bitmap, XmlError> {
        let Some(text) = e.attr(attribute) else {
            let text = format!("Missing attribute '{attribute}' in element '{}'", e.local_name());
            return Err(XmlError::xml(text));
        };
        let ids = Bitmap::parse(text)?;
        if ids.is_empty() {
            return Err(XmlError::xml(format!("'{attribute}' bitmap '{text}' is empty")));
        }
        Ok(ids)
    }

    fn format(self, w: &mut Writer) {
        w.attr("scheduler", self.scheduler).attr_opt("priority", self.priority).end();
    }
}

fn pin_cpus(pin: &Element) -> Result<Bitmap, XmlError> {
    let Some(text) = pin.attr("cpuset") else {
        return Err(XmlError::internal(format!("missing cpuset for {}", pin.local_name())));
    };
    let set = Bitmap::parse(text)?;
    if set.is_empty() {
        return Err(XmlError::xml(format!("Invalid value of 'cpuset': {text}")));
    }
    Ok(set)
}
