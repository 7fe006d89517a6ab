//! What one QEMU binary can do on this host: the answers that the rest of the daemon asks for.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// The oldest QEMU that this daemon drives, as the reference.
pub const OLDEST: Version = Version::new(4, 2, 0);

/// A QEMU release.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Version {
    /// Major.
    pub major: u32,
    /// Minor.
    pub minor: u32,
    /// Micro; 50 and more before a release.
    pub micro: u32,
}

impl Version {
    /// A release.
    pub const fn new(major: u32, minor: u32, micro: u32) -> Self {
        Self { major, minor, micro }
    }

    /// As libvirt counts: major * 1,000,000 + minor * 1,000 + micro.
    pub fn number(&self) -> u64 {
        u64::from(self.major) * 1_000_000 + u64::from(self.minor) * 1_000 + u64::from(self.micro)
    }
}

impl std::fmt::Display for Version {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}.{}", self.major, self.minor, self.micro)
    }
}

/// What one binary told when it was probed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct QemuCaps {
    /// Path of the binary.
    pub binary: String,
    /// Its release.
    pub version: Version,
    /// The distribution's package version, as `query-version` gives it; may be empty.
    pub package: String,
    /// What it emulates, in libvirt's words: "x86_64", "i686", "armv7l".
    pub arch: String,
    /// With KVM; none if this binary cannot use it on this host.
    pub kvm: Option<Accel>,
    /// With TCG; none if it was built without.
    pub tcg: Option<Accel>,
    /// All types of QEMU's object model (`qom-list-types`): devices, objects, machines.
    pub types: BTreeSet<String>,
    /// All QMP commands.
    pub commands: BTreeSet<String>,
    /// Command line options with their parameters (`query-command-line-options`).
    pub options: BTreeMap<String, BTreeSet<String>>,
    /// Features that need QEMU's schema to tell, under libvirt's names.
    pub features: BTreeSet<String>,
    /// Capabilities of migration (`query-migrate-capabilities`).
    pub migration: BTreeSet<String>,
    /// TPM models: "tpm-tis", "tpm-crb".
    pub tpm_models: BTreeSet<String>,
    /// TPM back ends: "passthrough", "emulator".
    pub tpm_types: BTreeSet<String>,
    /// ARM interrupt controllers.
    pub gic: Vec<Gic>,
    /// Hyper-V enlightenments that KVM offers, in libvirt's words ("relaxed", "spinlocks"); none without KVM.
    pub hyperv: Option<Vec<String>>,
    /// AMD memory encryption.
    pub sev: Option<Sev>,
    /// Intel enclaves.
    pub sgx: Option<Sgx>,
}

/// What depends on the accelerator.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Accel {
    /// Machine types in QEMU's order, without "none".
    pub machines: Vec<Machine>,
    /// Processor models in QEMU's order.
    pub cpus: Vec<CpuModel>,
    /// What the models "host" (KVM) or "max" (TCG) stand for.
    pub host_cpu: Option<HostCpu>,
}

/// A machine type (`query-machines`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Machine {
    /// Versioned name: "pc-q35-7.2".
    pub name: String,
    /// Short name: "q35".
    pub alias: Option<String>,
    /// Most processors.
    pub max_cpus: u32,
    /// QEMU takes it when none is named.
    pub default: bool,
    /// QEMU will drop it.
    pub deprecated: bool,
    /// Processors can be added while it runs.
    pub hotpluggable_cpus: bool,
    /// NUMA nodes may have memory without a back end.
    pub numa_mem: bool,
    /// Type of its default processor: "qemu64-x86_64-cpu".
    pub default_cpu: Option<String>,
    /// Id of its main memory: "pc.ram".
    pub default_ram_id: Option<String>,
    /// It has ACPI; none where QEMU does not say (before 8.0).
    pub acpi: Option<bool>,
}

/// A processor model (`query-cpu-definitions`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct CpuModel {
    /// Its name: "EPYC-Rome".
    pub name: String,
    /// Its type: "EPYC-Rome-x86_64-cpu".
    pub typename: String,
    /// Whether it runs here; none where QEMU does not say.
    pub usable: Option<bool>,
    /// Features that are missing for it, in QEMU's words.
    pub blockers: Vec<String>,
    /// QEMU will drop it.
    pub deprecated: bool,
}

/// The processor that QEMU would give a guest with `-cpu host` or `-cpu max` (`query-cpu-model-expansion`).
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HostCpu {
    /// Features that are on, in QEMU's words, and whether each survives migration.
    pub features: BTreeMap<String, bool>,
    /// CPUID vendor: "AuthenticAMD".
    pub vendor: Option<String>,
    /// CPUID family.
    pub family: Option<u32>,
    /// CPUID model.
    pub model: Option<u32>,
    /// CPUID stepping.
    pub stepping: Option<u32>,
    /// QEMU can leave out what does not survive migration (`migratable`).
    pub migratable: bool,
}

/// An ARM interrupt controller (`query-gic-capabilities`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Gic {
    /// 2 or 3.
    pub version: u32,
    /// KVM has it.
    pub kernel: bool,
    /// QEMU has it.
    pub emulated: bool,
}

/// AMD memory encryption (`query-sev-capabilities`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sev {
    /// Platform key, base64.
    pub pdh: String,
    /// Certificates, base64.
    pub cert_chain: String,
    /// Id of the first processor, base64; newer QEMU only.
    pub cpu0_id: Option<String>,
    /// Which address bit means encrypted.
    pub cbitpos: u32,
    /// Physical address bits lost.
    pub reduced_phys_bits: u32,
}

/// Intel enclaves (`query-sgx-capabilities`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sgx {
    /// Launch control can be set by the guest.
    pub flc: bool,
    /// First instruction set.
    pub sgx1: bool,
    /// Second instruction set.
    pub sgx2: bool,
    /// Bytes of each section, with its NUMA node.
    pub sections: Vec<(u32, u64)>,
}

impl QemuCaps {
    /// The release as libvirt counts it: 7002022.
    pub fn version_number(&self) -> u64 {
        self.version.number()
    }

    /// Whether the release is at least this one.
    pub fn at_least(&self, major: u32, minor: u32) -> bool {
        self.version >= Version::new(major, minor, 0)
    }

    /// Whether there is such a type in QEMU's object model.
    pub fn has_type(&self, name: &str) -> bool {
        self.types.contains(name)
    }

    /// Whether there is such a device: "virtio-blk-pci".
    pub fn has_device(&self, name: &str) -> bool {
        self.has_type(name)
    }

    /// Whether there is such a kind of object: "memory-backend-memfd".
    pub fn has_object(&self, name: &str) -> bool {
        self.has_type(name)
    }

    /// Whether there is such a QMP command.
    pub fn has_command(&self, name: &str) -> bool {
        self.commands.contains(name)
    }

    /// Whether a command line option has a parameter: ("sandbox", "enable").
    pub fn has_option(&self, option: &str, parameter: &str) -> bool {
        self.options.get(option).is_some_and(|parameters| parameters.contains(parameter))
    }

    /// Whether QEMU has a feature of the list in `features.rs`.
    pub fn has_feature(&self, name: &str) -> bool {
        self.features.contains(name)
    }

    /// What it can do under a `<domain type=…>` of this name.
    pub fn accel(&self, virt_type: &str) -> Option<&Accel> {
        match virt_type {
            "kvm" => self.kvm.as_ref(),
            "qemu" => self.tcg.as_ref(),
            _ => None,
        }
    }

    /// Whether guests of this type can run.
    pub fn is_virt_type_supported(&self, virt_type: &str) -> bool {
        self.accel(virt_type).is_some()
    }

    /// The better one of the types that can run: "kvm" before "qemu".
    pub fn best_virt_type(&self) -> &'static str {
        if self.kvm.is_some() { "kvm" } else { "qemu" }
    }

    /// A machine by either of its names.
    pub fn machine(&self, virt_type: &str, name: &str) -> Option<&Machine> {
        let machines = &self.accel(virt_type)?.machines;
        machines
            .iter()
            .find(|machine| machine.name == name)
            .or_else(|| machines.iter().find(|machine| machine.alias.as_deref() == Some(name)))
    }

    /// The versioned name of a machine.
    pub fn canonical_machine(&self, virt_type: &str, name: &str) -> Option<&str> {
        self.machine(virt_type, name).map(|machine| machine.name.as_str())
    }

    /// The machine for definitions that name none: QEMU's own, else what libvirt prefers for the architecture.
    pub fn default_machine(&self, virt_type: &str) -> Option<&Machine> {
        let preferred = match self.arch.as_str() {
            "aarch64" | "armv6l" | "armv7l" | "riscv32" | "riscv64" => Some("virt"),
            "s390x" => Some("s390-ccw-virtio"),
            "ppc64" | "ppc64le" => Some("pseries"),
            _ => None,
        };
        let machines = &self.accel(virt_type)?.machines;
        preferred
            .and_then(|name| self.machine(virt_type, name))
            .or_else(|| machines.iter().find(|machine| machine.default))
            .or_else(|| machines.first())
    }

    /// The machines in the order in which capabilities list them: QEMU's default first.
    pub fn listed_machines(&self, virt_type: &str) -> Vec<&Machine> {
        let machines = self.accel(virt_type).map(|accel| accel.machines.as_slice()).unwrap_or_default();
        let (default, others): (Vec<_>, Vec<_>) = machines.iter().partition(|machine| machine.default);
        default.into_iter().chain(others).collect()
    }

    /// A processor model by its name.
    pub fn cpu_model(&self, virt_type: &str, name: &str) -> Option<&CpuModel> {
        self.accel(virt_type)?.cpus.iter().find(|cpu| cpu.name == name)
    }

    /// The name of the processor model that a machine has by default: "qemu64".
    pub fn default_cpu_model(&self, virt_type: &str, machine: &str) -> Option<&str> {
        let typename = self.machine(virt_type, machine)?.default_cpu.as_deref()?;
        let cpus = &self.accel(virt_type)?.cpus;
        cpus.iter().find(|cpu| cpu.typename == typename).map(|cpu| cpu.name.as_str())
    }
}
