//! The definition of a guest: `<domain>`.

pub mod clock;
pub mod cpu;
pub mod cputune;
pub mod device;
pub mod features;
mod fill;
mod format;
pub mod idmap;
pub mod lifecycle;
pub mod memory;
pub mod metadata;
pub mod numa;
pub mod numatune;
mod options;
pub mod os;
mod parse;
pub mod qemu_namespace;
pub mod resctrl;
pub mod seclabel;
pub mod security;
pub mod sysinfo;
pub mod tune;
mod validate;
mod validate_devices;
pub mod vcpu;

pub use options::{FormatOptions, ParseOptions};

use uuid::Uuid;

use crate::Rare;

use clock::Clock;
use cpu::Cpu;
use cputune::CpuTune;
use device::Device;
use features::Features;
use idmap::IdMap;
use lifecycle::{Lifecycle, Perf, Pm};
use memory::{MemTune, Memory, MemoryBacking};
use metadata::Metadata;
use numatune::NumaTune;
use os::Os;
use qemu_namespace::QemuNamespace;
use seclabel::SecLabel;
use security::{KeyWrap, LaunchSecurity};
use sysinfo::Sysinfo;
use tune::{BlkioTune, Resource};
use vcpu::{IoThreads, Vcpus};

tokens! {
    /// Hypervisor that runs the guest: `domain/@type`.
    #[derive(Default)]
    pub enum VirtType {
        #[default]
        Qemu = "qemu",
        Kqemu = "kqemu",
        Kvm = "kvm",
        Xen = "xen",
        Lxc = "lxc",
        Uml = "uml",
        Openvz = "openvz",
        Test = "test",
        Vmware = "vmware",
        Hyperv = "hyperv",
        Vbox = "vbox",
        Phyp = "phyp",
        Parallels = "parallels",
        Bhyve = "bhyve",
        Vz = "vz",
        Hvf = "hvf",
    }
}

/// Value of `genid`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GenId {
    /// An empty element: a value is to be made up. The driver does, before the definition is kept.
    Wanted,
    /// The value.
    Given(Uuid),
}

/// A guest's definition, as the document says it plus what follows from that alone. What depends on the driver
/// (machine type, addresses, controllers, default models) is filled in by the driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Domain {
    /// Hypervisor.
    pub virt_type: VirtType,
    /// Number of the running guest.
    pub id: Option<u32>,
    /// Name.
    pub name: String,
    /// UUID; `None` until the driver makes one up.
    pub uuid: Option<Uuid>,
    /// Generation id for the guest.
    pub genid: Option<GenId>,
    /// One line for people.
    pub title: Option<String>,
    /// Text for people.
    pub description: Option<String>,
    /// Other programs' elements.
    pub metadata: Option<Box<Metadata>>,
    /// Memory.
    pub memory: Memory,
    /// Shares of the host's disks.
    pub blkiotune: Rare<BlkioTune>,
    /// Memory limits.
    pub memtune: Rare<MemTune>,
    /// What backs memory.
    pub memory_backing: Rare<MemoryBacking>,
    /// vCPUs.
    pub vcpus: Vcpus,
    /// Iothreads.
    pub iothreads: IoThreads,
    /// CPU limits and pins.
    pub cputune: Rare<CpuTune>,
    /// Host NUMA nodes.
    pub numatune: Rare<NumaTune>,
    /// Place among the host's groups.
    pub resource: Option<Resource>,
    /// Firmware strings.
    pub sysinfo: Vec<Sysinfo>,
    /// What is booted.
    pub os: Os,
    /// Mapped ids.
    pub idmap: Rare<IdMap>,
    /// What the machine offers.
    pub features: Features,
    /// CPU, topology and NUMA cells.
    pub cpu: Cpu,
    /// Clock and timers.
    pub clock: Clock,
    /// What follows the guest's end.
    pub lifecycle: Lifecycle,
    /// Sleep states.
    pub pm: Pm,
    /// Performance events.
    pub perf: Perf,
    /// Path of the emulator; the driver fills it in.
    pub emulator: Option<String>,
    /// Devices in libvirt's order of output.
    pub devices: Vec<Device>,
    /// Labels of security drivers.
    pub seclabels: Vec<SecLabel>,
    /// QEMU's own elements.
    pub qemu: Option<Box<QemuNamespace>>,
    /// Key wrapping.
    pub keywrap: Option<KeyWrap>,
    /// Encryption against the host.
    pub launch_security: Option<Box<LaunchSecurity>>,
}
