//! `<capabilities>`: the host, and the kinds of guests that it can run.

use uuid::Uuid;

use crate::bitmap::Bitmap;
use crate::domain::VirtType;
use crate::domain::cpu::{MaxPhysAddr, Topology};
use crate::domain::os::{Arch, OsType};
use crate::xml::{Writer, short_size};

/// The whole document.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Capabilities {
    /// The host.
    pub host: CapsHost,
    /// Kinds of guests.
    pub guests: Vec<Guest>,
}

/// `host`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CapsHost {
    /// UUID of the host.
    pub uuid: Option<Uuid>,
    /// Processor.
    pub cpu: Option<CapsCpu>,
    /// Sleep states; `None`: unknown.
    pub power_management: Option<PowerManagement>,
    /// Can devices be assigned?
    pub iommu: Option<bool>,
    /// Migration; `None`: the driver cannot.
    pub migration: Option<Migration>,
    /// NUMA cells.
    pub cells: Vec<Cell>,
    /// Caches that are shared.
    pub caches: Vec<CacheBank>,
    /// Security drivers.
    pub secmodels: Vec<SecModel>,
}

/// `host/cpu`.
#[derive(Clone, Debug, PartialEq)]
pub struct CapsCpu {
    /// Architecture.
    pub arch: Arch,
    /// Nearest model of the CPU map.
    pub model: Option<String>,
    /// Vendor.
    pub vendor: Option<String>,
    /// Version of the microcode.
    pub microcode: Option<u32>,
    /// Signature.
    pub signature: Option<Signature>,
    /// Time stamp counter.
    pub counter: Option<Counter>,
    /// Topology.
    pub topology: Option<Topology>,
    /// Physical addresses.
    pub max_phys_addr: Option<MaxPhysAddr>,
    /// What it has beyond the model.
    pub features: Vec<String>,
    /// Page sizes in KiB.
    pub page_sizes_kib: Vec<u64>,
}

/// Family, model and stepping of a CPU.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Family.
    pub family: u32,
    /// Model.
    pub model: u32,
    /// Stepping.
    pub stepping: u32,
}

/// A counter that guests may read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counter {
    /// Name ("tsc").
    pub name: String,
    /// Hz.
    pub frequency: u64,
    /// Can another frequency be shown to a guest?
    pub scaling: Option<bool>,
}

/// Sleep states of the host.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PowerManagement {
    /// S3.
    pub suspend_mem: bool,
    /// S4.
    pub suspend_disk: bool,
    /// Both at once.
    pub suspend_hybrid: bool,
}

/// `migration_features`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Migration {
    /// While the guest runs.
    pub live: bool,
    /// Kinds of URI.
    pub transports: Vec<String>,
}

/// A NUMA cell of the host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cell {
    /// Number.
    pub id: u32,
    /// KiB.
    pub memory_kib: Option<u64>,
    /// Pages by size.
    pub pages: Vec<PageCount>,
    /// Distance to each cell: number and value.
    pub distances: Vec<(u32, u32)>,
    /// CPUs.
    pub cpus: Vec<CellCpu>,
}

/// Pages of one size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PageCount {
    /// KiB.
    pub size_kib: u64,
    /// How many.
    pub count: u64,
}

/// A CPU of a cell. Those that are offline have but a number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CellCpu {
    /// Number.
    pub id: u32,
    /// Socket, die and core; `None`: offline.
    pub place: Option<(u32, u32, u32)>,
    /// Threads of the same core.
    pub siblings: Bitmap,
}

/// A cache.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheBank {
    /// Number on its level.
    pub id: u32,
    /// Level.
    pub level: u32,
    /// What it holds ("both", "code", "data").
    pub kind: &'static str,
    /// Bytes.
    pub size: u64,
    /// CPUs that share it.
    pub cpus: Bitmap,
    /// How it can be divided.
    pub controls: Vec<CacheControl>,
}

/// A way to divide a cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheControl {
    /// Bytes of the smallest step.
    pub granularity: u64,
    /// Bytes of the least part, where it is more than a step.
    pub min: Option<u64>,
    /// What is divided.
    pub kind: &'static str,
    /// Parts at most.
    pub max_allocs: u32,
}

/// A security driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecModel {
    /// Name.
    pub model: String,
    /// Domain of interpretation.
    pub doi: String,
    /// Base label by hypervisor.
    pub base_labels: Vec<(VirtType, String)>,
}

/// A kind of guest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// Kind.
    pub os_type: OsType,
    /// Architecture.
    pub arch: Arch,
    /// Bits of a word.
    pub word_size: u32,
    /// Path of the emulator.
    pub emulator: Option<String>,
    /// Path of a loader that every such guest needs.
    pub loader: Option<String>,
    /// Machine types.
    pub machines: Vec<Machine>,
    /// Hypervisors.
    pub domains: Vec<GuestVariant>,
    /// Features.
    pub features: Vec<GuestFeature>,
}

/// A hypervisor for a kind of guest, with what differs from the kind's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GuestVariant {
    /// Hypervisor.
    pub virt_type: VirtType,
    /// Path of its emulator.
    pub emulator: Option<String>,
    /// Its machine types.
    pub machines: Vec<Machine>,
}

/// A machine type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Machine {
    /// Name.
    pub name: String,
    /// What the name is an alias of.
    pub canonical: Option<String>,
    /// CPUs at most.
    pub max_cpus: Option<u32>,
    /// The emulator advises against it.
    pub deprecated: bool,
}

/// A feature of a kind of guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GuestFeature {
    /// Element ("acpi").
    pub name: &'static str,
    /// Is it on at first, and can that be changed? `None`: it is just there.
    pub toggle: Option<(bool, bool)>,
}

impl Capabilities {
    /// The document in libvirt's layout.
    pub fn format(&self) -> String {
        let mut w = Writer::new();
        w.start("capabilities").blank_line();
        self.host.format(&mut w);
        w.blank_line();
        for guest in &self.guests {
            guest.format(&mut w);
            w.blank_line();
        }
        w.end();
        w.finish()
    }
}

impl CapsHost {
    fn format(&self, w: &mut Writer) {
        w.start("host");
        w.text_element_opt("uuid", self.uuid);
        if let Some(cpu) = &self.cpu {
            cpu.format(w);
        }
        if let Some(pm) = self.power_management {
            w.start("power_management");
            let states = [
                ("suspend_mem", pm.suspend_mem),
                ("suspend_disk", pm.suspend_disk),
                ("suspend_hybrid", pm.suspend_hybrid),
            ];
            states.iter().filter(|(_, can)| *can).for_each(|(name, _)| _ = w.empty(name));
            w.end();
        }
        w.start("iommu").attr_yes_no("support", self.iommu).end_or_drop();
        if let Some(migration) = &self.migration {
            migration.format(w);
        }
        if !self.cells.is_empty() {
            w.start("topology");
            w.start("cells").attr("num", self.cells.len());
            self.cells.iter().for_each(|c| c.format(w));
            w.end().end();
        }
        w.start("cache");
        self.caches.iter().for_each(|c| c.format(w));
        w.end_or_drop();
        self.secmodels.iter().for_each(|s| s.format(w));
        w.end();
    }
}

impl CapsCpu {
    fn format(&self, w: &mut Writer) {
        w.start("cpu");
        w.text_element("arch", self.arch);
        w.text_element_opt("model", self.model.as_ref());
        w.text_element_opt("vendor", self.vendor.as_ref());
        w.start("microcode").attr_opt("version", self.microcode).end_or_drop();
        if let Some(s) = self.signature {
            w.start("signature").attr("family", s.family).attr("model", s.model);
            w.attr("stepping", s.stepping).end();
        }
        if let Some(c) = &self.counter {
            w.start("counter").attr("name", &c.name).attr("frequency", c.frequency);
            w.attr_yes_no("scaling", c.scaling).end();
        }
        if let Some(t) = self.topology {
            w.start("topology").attr("sockets", t.sockets).attr("dies", t.dies).attr("cores", t.cores);
            w.attr("threads", t.threads).end();
        }
        if let Some(m) = self.max_phys_addr {
            w.start("maxphysaddr").attr("mode", m.mode).attr_opt("bits", m.bits).end();
        }
        for name in &self.features {
            w.start("feature").attr("name", name).end();
        }
        for size in &self.page_sizes_kib {
            w.start("pages").attr("unit", "KiB").attr("size", size).end();
        }
        w.end();
    }
}

impl Migration {
    fn format(&self, w: &mut Writer) {
        w.start("migration_features");
        if self.live {
            w.empty("live");
        }
        w.start("uri_transports");
        for transport in &self.transports {
            w.text_element("uri_transport", transport);
        }
        w.end_or_drop();
        w.end();
    }
}

impl Cell {
    fn format(&self, w: &mut Writer) {
        w.start("cell").attr("id", self.id);
        if let Some(kib) = self.memory_kib {
            w.start("memory").attr("unit", "KiB").text(kib).end();
        }
        for page in &self.pages {
            w.start("pages").attr("unit", "KiB").attr("size", page.size_kib).text(page.count).end();
        }
        w.start("distances");
        for (id, value) in &self.distances {
            w.start("sibling").attr("id", id).attr("value", value).end();
        }
        w.end_or_drop();
        w.start("cpus").attr("num", self.cpus.len());
        for cpu in &self.cpus {
            w.start("cpu").attr("id", cpu.id);
            if let Some((socket, die, core)) = cpu.place {
                w.attr("socket_id", socket).attr("die_id", die).attr("core_id", core);
                w.attr("siblings", &cpu.siblings);
            }
            w.end();
        }
        w.end().end();
    }
}

impl CacheBank {
    fn format(&self, w: &mut Writer) {
        let (size, unit) = short_size(self.size);
        w.start("bank").attr("id", self.id).attr("level", self.level).attr("type", self.kind);
        w.attr("size", size).attr("unit", unit).attr("cpus", &self.cpus);
        for control in &self.controls {
            let (granularity, unit) = short_size(control.granularity);
            w.start("control").attr("granularity", granularity);
            if let Some(min) = control.min {
                // One unit serves both, so the least part is told in the step's.
                let scale = control.granularity.checked_div(granularity).unwrap_or(1);
                w.attr("min", min.checked_div(scale).unwrap_or(min));
            }
            w.attr("unit", unit).attr("type", control.kind).attr("maxAllocs", control.max_allocs).end();
        }
        w.end();
    }
}

impl SecModel {
    fn format(&self, w: &mut Writer) {
        w.start("secmodel");
        w.text_element("model", &self.model);
        w.text_element("doi", &self.doi);
        for (virt_type, label) in &self.base_labels {
            w.start("baselabel").attr("type", virt_type).text(label).end();
        }
        w.end();
    }
}

impl Guest {
    fn format(&self, w: &mut Writer) {
        w.start("guest");
        w.text_element("os_type", self.os_type);
        w.start("arch").attr("name", self.arch);
        w.text_element("wordsize", self.word_size);
        w.text_element_opt("emulator", self.emulator.as_ref());
        w.text_element_opt("loader", self.loader.as_ref());
        self.machines.iter().for_each(|m| m.format(w));
        for domain in &self.domains {
            w.start("domain").attr("type", domain.virt_type);
            w.text_element_opt("emulator", domain.emulator.as_ref());
            domain.machines.iter().for_each(|m| m.format(w));
            w.end();
        }
        w.end();
        w.start("features");
        for feature in &self.features {
            w.start(feature.name);
            if let Some((default, toggle)) = feature.toggle {
                w.attr_on_off("default", Some(default)).attr_yes_no("toggle", Some(toggle));
            }
            w.end();
        }
        w.end_or_drop();
        w.end();
    }
}

impl Machine {
    fn format(&self, w: &mut Writer) {
        w.start("machine").attr_opt("canonical", self.canonical.as_ref());
        w.attr_opt("maxCpus", self.max_cpus).attr_yes_no("deprecated", self.deprecated.then_some(true));
        w.text(&self.name).end();
    }
}
