//! `cachetune` and `memorytune`: what the host's resource control gives to groups of vCPUs.

use crate::bitmap::Bitmap;
use crate::xml::{Element, Scope, Writer, XmlError, scale, short_size};

tokens! {
    /// What a part of a cache holds.
    pub enum CacheType { Both = "both", Code = "code", Data = "data" }
}

/// Parts of host caches for a group of vCPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CacheTune {
    /// The group.
    pub vcpus: Bitmap,
    /// Reserved parts.
    pub caches: Vec<CachePart>,
    /// What is measured: level and vCPUs.
    pub monitors: Vec<(u32, Bitmap)>,
}

/// A reserved part of a host cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CachePart {
    /// Number of the cache on its level.
    pub id: u32,
    /// Level.
    pub level: u32,
    /// Kind.
    pub kind: CacheType,
    /// Bytes.
    pub size: u64,
}

/// Memory bandwidth for a group of vCPUs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryTune {
    /// The group.
    pub vcpus: Bitmap,
    /// Per cent by host node.
    pub nodes: Vec<(u32, u32)>,
    /// What is measured: vCPUs.
    pub monitors: Vec<Bitmap>,
}

impl CacheTune {
    pub(super) fn parse(e: &Element, vcpus: u32) -> Result<Self, XmlError> {
        let mut tune = Self { vcpus: group(e, vcpus)?, ..Self::default() };
        for c in e.children_named("cache") {
            let part = CachePart::parse(c)?;
            tune.caches.iter().try_for_each(|other| part.check_against(other))?;
            tune.caches.push(part);
        }
        for m in e.children_named("monitor") {
            let level: u32 = m.require_num("level")?;
            if level != 3 {
                let text = format!("Invalid monitor cache level '{level}'");
                return Err(XmlError::xml(text));
            }
            let set = group(m, vcpus)?;
            if !set.iter().all(|v| tune.vcpus.contains(v)) {
                return Err(XmlError::invalid("Monitor vcpus must be a subset of its allocation's"));
            }
            if !set.is_empty() {
                tune.monitors.push((level, set));
            }
        }
        Ok(tune)
    }

    /// Keeps `fresh` unless its vCPUs are in another group; `taken`: those of all groups.
    pub(super) fn add(all: &mut Vec<Self>, taken: &mut Bitmap, fresh: Self) -> Result<(), XmlError> {
        // A group without part or monitor, or of vCPUs that the guest cannot have, says nothing and is not kept.
        if fresh.vcpus.is_empty() || (fresh.caches.is_empty() && fresh.monitors.is_empty()) {
            return Ok(());
        }
        if taken.overlaps(&fresh.vcpus) {
            return Err(clash(all.iter().any(|t| t.vcpus == fresh.vcpus), "cachetunes"));
        }
        fresh.vcpus.iter().for_each(|v| taken.insert(v));
        all.push(fresh);
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("cachetune").attr("vcpus", &self.vcpus);
        for part in &self.caches {
            let (size, unit) = short_size(part.size);
            w.start("cache").attr("id", part.id).attr("level", part.level).attr("type", part.kind);
            w.attr("size", size).attr("unit", unit).end();
        }
        for (level, set) in &self.monitors {
            w.start("monitor").attr("level", level).attr("vcpus", set).end();
        }
        w.end();
    }
}

impl CachePart {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let size = scale(e.require_num("size")?, e.attr("unit"), 1024, u64::MAX)?;
        Ok(Self {
            id: e.require_num("id")?,
            level: e.require_num("level")?,
            kind: e.require_token("type")?,
            size,
        })
    }

    fn check_against(&self, other: &Self) -> Result<(), XmlError> {
        let mixes = (self.kind == CacheType::Both) != (other.kind == CacheType::Both);
        if self.level == other.level && self.id == other.id && (self.kind == other.kind || mixes) {
            let text = format!(
                "Colliding cache allocations for cache level '{}' id '{}', type '{}'",
                self.level, self.id, self.kind
            );
            return Err(XmlError::xml(text).scoped(Scope::Resctrl));
        }
        Ok(())
    }
}

impl MemoryTune {
    pub(super) fn parse(e: &Element, vcpus: u32) -> Result<Self, XmlError> {
        let mut tune = Self { vcpus: group(e, vcpus)?, ..Self::default() };
        for n in e.children_named("node") {
            let (id, bandwidth) = (n.require_num("id")?, n.require_num("bandwidth")?);
            if tune.nodes.iter().any(|(other, _)| *other == id) {
                let text = format!("Memory Bandwidth already defined for node {id}");
                return Err(XmlError::xml(text).scoped(Scope::Resctrl));
            }
            if bandwidth > 100 {
                let text = format!("Memory Bandwidth value exceeding 100 is invalid for node {id}");
                return Err(XmlError::xml(text).scoped(Scope::Resctrl));
            }
            tune.nodes.push((id, bandwidth));
        }
        for m in e.children_named("monitor") {
            let set = group(m, vcpus)?;
            if !set.is_empty() {
                tune.monitors.push(set);
            }
        }
        Ok(tune)
    }

    /// Bandwidth and caches go to the same groups.
    pub(super) fn check_against(&self, caches: &[CacheTune]) -> Result<(), XmlError> {
        match caches.iter().any(|tune| tune.vcpus != self.vcpus && tune.vcpus.overlaps(&self.vcpus)) {
            true => Err(clash(false, "memorytunes")),
            false => Ok(()),
        }
    }

    /// Keeps `fresh` unless its vCPUs are in another group; `taken`: those of all groups.
    pub(super) fn add(all: &mut Vec<Self>, taken: &mut Bitmap, fresh: Self) -> Result<(), XmlError> {
        if fresh.vcpus.is_empty() || (fresh.nodes.is_empty() && fresh.monitors.is_empty()) {
            return Ok(());
        }
        if taken.overlaps(&fresh.vcpus) {
            return Err(clash(all.iter().any(|t| t.vcpus == fresh.vcpus), "memorytunes"));
        }
        fresh.vcpus.iter().for_each(|v| taken.insert(v));
        all.push(fresh);
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("memorytune").attr("vcpus", &self.vcpus);
        for (id, bandwidth) in &self.nodes {
            w.start("node").attr("id", id).attr("bandwidth", bandwidth).end();
        }
        for set in &self.monitors {
            w.start("monitor").attr("vcpus", set).end();
        }
        w.end();
    }
}

/// The vCPUs that an element names, those that the guest cannot have left out.
fn group(e: &Element, vcpus: u32) -> Result<Bitmap, XmlError> {
    let Some(text) = e.attr("vcpus") else {
        return Err(XmlError::xml(format!("Missing {} attribute 'vcpus'", e.local_name())));
    };
    let wrong = |_| XmlError::xml(format!("Invalid {} attribute 'vcpus' value '{text}'", e.local_name()));
    Ok(Bitmap::parse(text).map_err(wrong)?.iter().filter(|v| *v < vcpus).collect())
}

fn clash(identical: bool, what: &str) -> XmlError {
    if identical {
        XmlError::xml(format!("Identical vcpus in {what} found"))
    } else {
        XmlError::xml("Overlapping vcpus in resctrls")
    }
}
