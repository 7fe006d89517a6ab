//! `cpu/numa`: the guest's own NUMA cells.

use super::memory::MemoryAccess;
use crate::bitmap::Bitmap;
use crate::xml::{Element, Writer, XmlError, scale};

tokens! {
    /// How a memory side cache finds lines.
    pub enum CacheAssociativity { None = "none", Direct = "direct", Full = "full" }

    /// When a memory side cache writes.
    pub enum CachePolicy { None = "none", Writeback = "writeback", Writethrough = "writethrough" }

    /// What latency or bandwidth is told of.
    pub enum Transfer { Access = "access", Read = "read", Write = "write" }
}

/// Cells and what connects them. Empty: the guest has no NUMA.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GuestNuma {
    /// Cells by number.
    pub cells: Vec<NumaCell>,
    /// Latencies and bandwidths, in document order.
    pub interconnects: Vec<Interconnect>,
}

/// `cell`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NumaCell {
    /// vCPUs; none: a cell of memory only.
    pub cpus: Option<Bitmap>,
    /// KiB.
    pub memory_kib: u64,
    /// Access of mappings.
    pub access: Option<MemoryAccess>,
    /// Give memory back at guest stop.
    pub discard: Option<bool>,
    /// Distance to each cell (10 is the cell itself, 255 unreachable); empty: not given.
    pub distances: Vec<u32>,
    /// Memory side caches.
    pub caches: Vec<NumaCache>,
}

/// `cell/cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NumaCache {
    /// Level.
    pub level: u32,
    /// Associativity.
    pub associativity: Option<CacheAssociativity>,
    /// Policy.
    pub policy: Option<CachePolicy>,
    /// KiB.
    pub size_kib: u64,
    /// Bytes.
    pub line: u64,
}

/// `interconnects/latency` or `interconnects/bandwidth`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Interconnect {
    /// Cell that asks.
    pub initiator: u32,
    /// Cell that has the memory.
    pub target: u32,
    /// Level of the cache; `None`: memory itself.
    pub cache: Option<u32>,
    /// Of what.
    pub transfer: Transfer,
    /// How much.
    pub value: Measure,
}

/// What an interconnect is told to have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// Nanoseconds.
    Latency(u64),
    /// KiB in a second.
    Bandwidth(u64),
}

/// Distance of a cell to itself.
const LOCAL: u32 = 10;
/// Distance of cells of which nothing is said.
const REMOTE: u32 = 20;

impl GuestNuma {
    /// KiB of all cells.
    pub fn memory_kib(&self) -> u64 {
        self.cells.iter().fold(0, |sum, c| sum.saturating_add(c.memory_kib))
    }

    /// The largest vCPU number plus one; 0: no cell has vCPUs.
    pub fn cpu_limit(&self) -> u32 {
        self.cells.iter().filter_map(|c| c.cpus.as_ref()?.last()).map(|n| n + 1).max().unwrap_or(0)
    }

    pub(super) fn parse(cpu: &Element) -> Result<Self, XmlError> {
        let Some(e) = cpu.child("numa") else { return Ok(Self::default()) };
        let elements: Vec<_> = e.children_named("cell").collect();
        if elements.is_empty() {
            return Err(XmlError::xml("NUMA topology defined without NUMA cells"));
        }
        let mut cells: Vec<Option<NumaCell>> = vec![None; elements.len()];
        let mut rows = vec![Vec::new(); elements.len()];
        for (i, element) in elements.iter().enumerate() {
            let id = element.attr_num::<u32>("id")?.map_or(i, |n| n as usize);
            let Some(slot) = cells.get_mut(id) else {
                return Err(XmlError::xml(
                    "Exactly one 'cell' element per guest NUMA cell allowed, non-contiguous ranges or ranges not starting from 0 are not allowed",
                ));
            };
            if slot.is_some() {
                return Err(XmlError::xml(format!("Duplicate NUMA cell info for cell id '{id}'")));
            }
            *slot = Some(NumaCell::parse(element)?);
            rows[id] = parse_siblings(element, elements.len())?;
        }
        let mut cells: Vec<_> = cells.into_iter().flatten().collect();
        check_cpus(&cells)?;
        fill_distances(&mut cells, &rows)?;
        let interconnects =
            e.child("interconnects").map(parse_interconnects).transpose()?.unwrap_or_default();
        let numa = Self { cells, interconnects };
        numa.check_interconnects()?;
        Ok(numa)
    }

    fn check_interconnects(&self) -> Result<(), XmlError> {
        for i in &self.interconnects {
            let count = self.cells.len();
            if i.initiator as usize >= count {
                return Err(XmlError::xml("'initiator' refers to a non-existent NUMA node"));
            }
            let Some(target) = self.cells.get(i.target as usize) else {
                return Err(XmlError::xml("'target' refers to a non-existent NUMA node"));
            };
            if let Some(level) = i.cache
                && level != 0
                && !target.caches.iter().any(|c| c.level == level)
            {
                return Err(XmlError::xml("'cache' refers to a non-existent NUMA node cache"));
            }
        }
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer) {
        if self.cells.is_empty() {
            return;
        }
        w.start("numa");
        for (id, cell) in self.cells.iter().enumerate() {
            cell.format(w, id);
        }
        w.start("interconnects");
        self.interconnects.iter().for_each(|i| i.format(w));
        w.end_or_drop();
        w.end();
    }
}

impl NumaCell {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let cpus = e.attr("cpus").filter(|c| !c.is_empty()).map(Bitmap::parse).transpose()?;
        let Some(memory) = e.attr_num::<u64>("memory")? else {
            return Err(XmlError::missing_path("@memory"));
        };
        let bytes = scale(memory, e.attr("unit"), 1024, i64::MAX as u64)?;
        Ok(Self {
            cpus: cpus.filter(|c| !c.is_empty()),
            memory_kib: bytes.div_ceil(1024),
            access: e.attr_token("memAccess")?,
            discard: e.attr_yes_no("discard")?,
            distances: Vec::new(),
            caches: e.children_named("cache").map(NumaCache::parse).collect::<Result<_, _>>()?,
        })
    }

    fn format(&self, w: &mut Writer, id: usize) {
        w.start("cell").attr("id", id).attr_opt("cpus", self.cpus.as_ref());
        w.attr("memory", self.memory_kib).attr("unit", "KiB").attr_opt("memAccess", self.access);
        w.attr_yes_no("discard", self.discard);
        if !self.distances.is_empty() {
            w.start("distances");
            for (sibling, value) in self.distances.iter().enumerate().filter(|(_, v)| **v != 0) {
                w.start("sibling").attr("id", sibling).attr("value", value).end();
            }
            w.end();
        }
        self.caches.iter().for_each(|c| c.format(w));
        w.end();
    }
}

impl NumaCache {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let size = |name: &str| -> Result<u64, XmlError> {
            let Some(s) = e.child(name) else {
                return Err(XmlError::xml(format!("Missing '{name}' element of NUMA cache")));
            };
            scale(s.require_num("value")?, s.attr("unit"), 1024, u64::MAX)
        };
        Ok(Self {
            level: e.require_positive("level")?,
            associativity: e.attr_token("associativity")?.filter(|a| *a != CacheAssociativity::None),
            policy: e.attr_token("policy")?.filter(|p| *p != CachePolicy::None),
            size_kib: size("size")?.div_ceil(1024),
            line: size("line")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("cache").attr("level", self.level).attr_opt("associativity", self.associativity);
        w.attr_opt("policy", self.policy);
        w.start("size").attr("value", self.size_kib).attr("unit", "KiB").end();
        w.start("line").attr("value", self.line).attr("unit", "B").end();
        w.end();
    }
}

impl Interconnect {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let value = if e.is("latency") {
            Measure::Latency(e.require_positive("value")?)
        } else {
            let bytes = scale(e.require_num("value")?, e.attr("unit"), 1024, u64::MAX)?;
            Measure::Bandwidth(bytes.div_ceil(1024))
        };
        Ok(Self {
            initiator: e.require_num("initiator")?,
            target: e.require_num("target")?,
            cache: e.attr_num("cache")?.filter(|c| *c != 0),
            transfer: e.require_token("type")?,
            value,
        })
    }

    fn format(&self, w: &mut Writer) {
        let name = if matches!(self.value, Measure::Latency(_)) { "latency" } else { "bandwidth" };
        w.start(name).attr("initiator", self.initiator).attr("target", self.target);
        w.attr_opt("cache", self.cache).attr("type", self.transfer);
        match self.value {
            Measure::Latency(ns) => w.attr("value", ns),
            Measure::Bandwidth(kib) => w.attr("value", kib).attr("unit", "KiB"),
        };
        w.end();
    }
}

fn parse_interconnects(e: &Element) -> Result<Vec<Interconnect>, XmlError> {
    e.elements().filter(|c| c.is("latency") || c.is("bandwidth")).map(Interconnect::parse).collect()
}

/// `(sibling, distance)` pairs of a cell.
fn parse_siblings(cell: &Element, count: usize) -> Result<Vec<(usize, u32)>, XmlError> {
    let Some(list) = cell.child("distances") else { return Ok(Vec::new()) };
    let mut siblings = Vec::new();
    for s in list.children_named("sibling") {
        let (id, value): (u32, u32) = (s.require_num("id")?, s.require_num("value")?);
        if id as usize >= count {
            return Err(XmlError::xml(format!(
                "'sibling_id {id}' does not refer to a valid cell within NUMA"
            )));
        }
        if !(LOCAL..=255).contains(&value) {
            let text = format!("'value {value}' is invalid for 'sibling id {id}'");
            return Err(XmlError::xml(text));
        }
        siblings.push((id as usize, value));
    }
    if siblings.is_empty() {
        return Err(XmlError::xml("NUMA distances defined without siblings"));
    }
    Ok(siblings)
}

/// Makes full rows of what was said: the other direction holds for what was not, and defaults for the rest.
fn fill_distances(cells: &mut [NumaCell], rows: &[Vec<(usize, u32)>]) -> Result<(), XmlError> {
    let count = cells.len();
    // A full table of more cells than any host has would only eat memory.
    if rows.iter().all(Vec::is_empty) || count > 1024 {
        return Ok(());
    }
    let mut table = vec![vec![0; count]; count];
    for (from, row) in rows.iter().enumerate() {
        for (to, value) in row {
            if from == *to && *value != LOCAL {
                let text = format!("'value {value}' is invalid for local 'sibling id {to}'");
                return Err(XmlError::xml(text));
            }
            table[from][*to] = *value;
        }
    }
    let touched: Vec<bool> = (0..count)
        .map(|i| !rows[i].is_empty() || rows.iter().any(|row| row.iter().any(|(to, _)| *to == i)))
        .collect();
    for (from, cell) in cells.iter_mut().enumerate().filter(|(i, _)| touched[*i]) {
        let distance = |to: usize| match (table[from][to], table[to][from]) {
            (0, 0) if from == to => LOCAL,
            (0, 0) => REMOTE,
            (0, back) => back,
            (value, _) => value,
        };
        cell.distances = (0..count).map(distance).collect();
    }
    Ok(())
}

fn check_cpus(cells: &[NumaCell]) -> Result<(), XmlError> {
    for (number, cell) in cells.iter().enumerate() {
        let Some(cpus) = &cell.cpus else { continue };
        let same = |other: &NumaCell| other.cpus.as_ref().is_some_and(|own| own.overlaps(cpus));
        if let Some(other) = cells.iter().take(number).position(same) {
            let text = format!("NUMA cells {number} and {other} have overlapping vCPU ids");
            return Err(XmlError::unsupported(text));
        }
    }
    Ok(())
}
