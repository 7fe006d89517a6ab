//! Guest memory: sizes, what backs it, limits. All sizes in KiB.

use crate::bitmap::Bitmap;
use crate::xml::{Element, Writer, XmlError, kib_from_element, scale};

/// `memory`, `currentMemory`, `maxMemory`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Memory {
    /// What the guest has at start, memory devices included: `memory`. KiB.
    pub total_kib: u64,
    /// What the balloon leaves it: `currentMemory`. KiB.
    pub current_kib: u64,
    /// Room for memory devices.
    pub max: Option<MaxMemory>,
    /// Does guest memory go into a core dump of the emulator?
    pub dump_core: Option<bool>,
}

/// `maxMemory`: up to where memory can be plugged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxMemory {
    /// KiB.
    pub kib: u64,
    /// Slots for memory devices.
    pub slots: u32,
}

tokens! {
    /// What guest memory is made of.
    pub enum MemorySource { Anonymous = "anonymous", File = "file", Memfd = "memfd" }

    /// Who sees writes to guest memory.
    pub enum MemoryAccess { Shared = "shared", Private = "private" }

    /// When memory is taken from the host.
    pub enum MemoryAllocation { Immediate = "immediate", Ondemand = "ondemand" }
}

/// `memoryBacking`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemoryBacking {
    /// Huge pages; empty: none wanted.
    pub hugepages: Vec<HugePage>,
    /// Keep the host from merging pages.
    pub no_share_pages: bool,
    /// Lock guest memory into the host's.
    pub locked: bool,
    /// Source of the memory.
    pub source: Option<MemorySource>,
    /// Access of mappings.
    pub access: Option<MemoryAccess>,
    /// Allocation.
    pub allocation: Option<MemoryAllocation>,
    /// Threads that allocate at start; 0: emulator's default.
    pub allocation_threads: u32,
    /// Give memory back to the host at guest stop.
    pub discard: bool,
}

/// Huge pages of one size.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HugePage {
    /// KiB; 0: the host's default size.
    pub size_kib: u64,
    /// Guest NUMA cells they are for; `None`: all others.
    pub nodeset: Option<Bitmap>,
}

/// `memtune`. KiB each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemTune {
    /// The most memory.
    pub hard_limit: Option<u64>,
    /// The most memory under contention.
    pub soft_limit: Option<u64>,
    /// The least memory.
    pub min_guarantee: Option<u64>,
    /// The most memory plus swap.
    pub swap_hard_limit: Option<u64>,
}

/// Limits from here on mean "no limit" (KiB; `VIR_DOMAIN_MEMORY_PARAM_UNLIMITED`).
pub const UNLIMITED_KIB: u64 = (i64::MAX as u64) >> 10;

impl Memory {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let size = |name: &str| match domain.child(name).filter(|e| !e.text().is_empty()) {
            Some(e) => kib_from_element(e, &format!("{name}[1]")),
            None => Ok(0),
        };
        let max = match domain.child("maxMemory") {
            Some(e) => {
                let max = MaxMemory { kib: size("maxMemory")?, slots: e.attr_num("slots")?.unwrap_or(0) };
                if (max.kib == 0) != (max.slots == 0) {
                    let text = "both maximum memory size and memory slot count must be specified";
                    return Err(XmlError::xml(text));
                }
                Some(max).filter(|m| m.kib != 0)
            }
            None => None,
        };
        let dump_core = match domain.child("memory") {
            Some(e) => e.attr_on_off("dumpCore")?,
            None => None,
        };
        Ok(Self { total_kib: size("memory")?, current_kib: size("currentMemory")?, max, dump_core })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        if let Some(max) = self.max {
            w.start("maxMemory").attr("slots", max.slots).attr("unit", "KiB").text(max.kib).end();
        }
        w.start("memory").attr_on_off("dumpCore", self.dump_core).attr("unit", "KiB");
        w.text(self.total_kib).end();
        w.start("currentMemory").attr("unit", "KiB").text(self.current_kib).end();
    }
}

impl MemoryBacking {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let Some(e) = domain.child("memoryBacking") else { return Ok(Self::default()) };
        let mut backing = Self {
            no_share_pages: e.child("nosharepages").is_some(),
            locked: e.child("locked").is_some(),
            discard: e.child("discard").is_some(),
            ..Self::default()
        };
        if let Some(source) = e.child("source") {
            backing.source = source.attr_supported("type", "unknown memoryBacking/source/type")?;
        }
        if let Some(access) = e.child("access") {
            backing.access = access.attr_supported("mode", "unknown memoryBacking/access/mode")?;
        }
        if let Some(allocation) = e.child("allocation") {
            backing.allocation =
                allocation.attr_supported("mode", "unknown memoryBacking/allocation/mode")?;
            backing.allocation_threads = match allocation.attr("threads") {
                None | Some("") => 0,
                Some(_) => allocation.require_num("threads")?,
            };
        }
        if let Some(pages) = e.child("hugepages") {
            backing.hugepages =
                pages.children_named("page").map(HugePage::parse).collect::<Result<_, _>>()?;
            if backing.hugepages.is_empty() {
                backing.hugepages.push(HugePage { size_kib: 0, nodeset: None });
            }
        }
        backing.check_hugepages()?;
        Ok(backing)
    }

    pub(super) fn check_hugepages(&self) -> Result<(), XmlError> {
        for (i, page) in self.hugepages.iter().enumerate() {
            for other in &self.hugepages[..i] {
                match (&page.nodeset, &other.nodeset) {
                    (Some(a), Some(b)) if a.overlaps(b) => {
                        let text = format!(
                            "nodeset attribute of hugepages of sizes {} and {} intersect",
                            page.size_kib, other.size_kib
                        );
                        return Err(XmlError::detail(text));
                    }
                    (None, None) => {
                        let text = format!(
                            "two master hugepages detected: {} and {}",
                            page.size_kib, other.size_kib
                        );
                        return Err(XmlError::detail(text));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("memoryBacking");
        if let Some(first) = self.hugepages.first() {
            w.start("hugepages");
            if first.size_kib != 0 {
                self.hugepages.iter().for_each(|page| page.format(w));
            }
            w.end();
        }
        if self.no_share_pages {
            w.empty("nosharepages");
        }
        if self.locked {
            w.empty("locked");
        }
        w.start("source").attr_opt("type", self.source).end_or_drop();
        w.start("access").attr_opt("mode", self.access).end_or_drop();
        let threads = Some(self.allocation_threads).filter(|n| *n != 0);
        w.start("allocation").attr_opt("mode", self.allocation).attr_opt("threads", threads).end_or_drop();
        if self.discard {
            w.empty("discard");
        }
        w.end_or_drop();
    }
}

impl HugePage {
    fn parse(page: &Element) -> Result<Self, XmlError> {
        let size = page.attr_num::<u64>("size")?.ok_or_else(|| XmlError::missing_path("@size"))?;
        let bytes = scale(size, page.attr("unit"), 1024, u64::MAX)?;
        if bytes < 1024 {
            return Err(XmlError::detail("hugepage size can't be zero"));
        }
        let nodeset = page.attr("nodeset").map(Bitmap::parse).transpose()?;
        if nodeset.as_ref().is_some_and(Bitmap::is_empty) {
            let text = format!("Invalid value of 'nodeset': {}", page.attr("nodeset").unwrap_or_default());
            return Err(XmlError::xml(text));
        }
        Ok(Self { size_kib: bytes.div_ceil(1024), nodeset })
    }

    fn format(&self, w: &mut Writer) {
        w.start("page").attr("size", self.size_kib).attr("unit", "KiB");
        w.attr_opt("nodeset", self.nodeset.as_ref()).end();
    }
}

impl MemTune {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let limit = |name: &str| -> Result<Option<u64>, XmlError> {
            let path = format!("memtune/{name}");
            let Some(e) = domain.find(&path).filter(|e| !e.text().is_empty()) else { return Ok(None) };
            let size = kib_from_element(e, &format!("{path}[1]"))?;
            Ok(Some(size).filter(|kib| *kib < UNLIMITED_KIB))
        };
        Ok(Self {
            hard_limit: limit("hard_limit")?,
            soft_limit: limit("soft_limit")?,
            min_guarantee: limit("min_guarantee")?,
            swap_hard_limit: limit("swap_hard_limit")?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("memtune");
        let limits = [
            ("hard_limit", self.hard_limit),
            ("soft_limit", self.soft_limit),
            ("min_guarantee", self.min_guarantee),
            ("swap_hard_limit", self.swap_hard_limit),
        ];
        for (name, limit) in limits {
            if let Some(kib) = limit {
                w.start(name).attr("unit", "KiB").text(kib).end();
            }
        }
        w.end_or_drop();
    }
}
