//! What this host is, for capabilities: its processor, devices and security drivers. Blocks on sysfs.

use std::path::Path;
use std::sync::Arc;

use model::capabilities::{CapsCpu, CapsHost, Counter, Migration, PowerManagement, SecModel};
use model::domain::VirtType;
use model::domain::cpu::{MaxPhysAddr, MaxPhysAddrMode};
use model::domain::os::Arch;
use uuid::Uuid;

use super::Settings;
use super::cpuid::{self, HostCpuid};
use super::domain::Surroundings;
use super::host_cpu::Processor;
use super::{host_cpu, host_numa};

/// Facts that do not change while the daemon runs.
#[derive(Debug)]
pub(super) struct Facts {
    pub(super) around: Surroundings,
    cpuid: Option<HostCpuid>,
    /// Time stamp counter, where KVM tells.
    tsc: Option<host::cpu::Tsc>,
    /// Made up where the host has none; the same as long as the daemon runs.
    uuid: Uuid,
}

impl Facts {
    /// Read everything.
    pub(super) fn read(host_arch: String) -> Self {
        let cpuid = cpuid::read();
        let around = Surroundings {
            cpu_map: host_cpu::read_map(&host_arch).map(Arc::new),
            host_arch,
            tpm_versions: tpm_versions(),
            sev_guests: cpuid.as_ref().map(HostCpuid::sev_guests).unwrap_or_default(),
            kvm_max_vcpus: host::cpu::kvm_max_vcpus().ok().and_then(|count| count.try_into().ok()),
            vfio: Path::new("/dev/vfio/vfio").exists() && has_iommu(),
        };
        Self { around, cpuid, tsc: host::cpu::tsc().ok().flatten(), uuid: uuid() }
    }

    /// The processor, if it and the map are known.
    pub(super) fn processor(&self) -> Option<Arc<Processor>> {
        let (map, cpuid) = self.around.cpu_map.as_ref().zip(self.cpuid.as_ref())?;
        Some(Arc::new(Processor { map: Arc::clone(map), data: cpuid.data.clone() }))
    }

    /// The time stamp counter, where it is known.
    pub(super) fn tsc(&self) -> Option<host::cpu::Tsc> {
        self.tsc
    }

    /// The host as it is now.
    pub(super) fn host(&self, settings: &Settings) -> CapsHost {
        let numa = host_numa::Numa::read();
        CapsHost {
            uuid: Some(settings.host_uuid.unwrap_or(self.uuid)),
            cpu: Some(self.cpu(&numa)),
            power_management: Some(power_management()),
            iommu: Some(has_iommu()),
            migration: Some(Migration { live: true, transports: vec!["tcp".to_owned(), "rdma".to_owned()] }),
            caches: numa.caches,
            cells: numa.cells,
            secmodels: secmodels(settings),
        }
    }

    fn cpu(&self, numa: &host_numa::Numa) -> CapsCpu {
        let arch = host_cpu::arch(&self.around.host_arch).unwrap_or(Arch::X86_64);
        let described = self.around.cpu_map.as_ref().zip(self.cpuid.as_ref());
        let described = described.and_then(|(map, cpuid)| host_cpu::host(map, cpuid));
        let (model, vendor, features) = match described {
            Some(described) => (Some(described.model), described.vendor, described.features),
            None => (None, None, Vec::new()),
        };
        let bits = self.cpuid.as_ref().and_then(|cpuid| cpuid.address_bits);
        CapsCpu {
            arch,
            model,
            vendor,
            microcode: host::cpu::info().ok().and_then(|info| info.microcode),
            signature: self.cpuid.as_ref().and_then(|cpuid| cpuid.data.signature()),
            counter: self.tsc.map(|tsc| Counter {
                name: "tsc".to_owned(),
                frequency: tsc.hz,
                scaling: Some(tsc.scaling),
            }),
            topology: numa.topology,
            max_phys_addr: bits.map(|bits| MaxPhysAddr { mode: MaxPhysAddrMode::Emulate, bits: Some(bits) }),
            features: features.into_iter().map(|feature| feature.name).collect(),
            page_sizes_kib: numa.page_sizes_kib.clone(),
        }
    }
}

/// The mainboard's UUID, else the installation's id, else a new one.
fn uuid() -> Uuid {
    let read = |path: &str| Uuid::try_parse(std::fs::read_to_string(path).ok()?.trim()).ok();
    let is_real = |uuid: &Uuid| !uuid.is_nil() && !uuid.is_max();
    read("/sys/class/dmi/id/product_uuid")
        .filter(is_real)
        .or_else(|| read("/etc/machine-id").filter(is_real))
        .unwrap_or_else(Uuid::new_v4)
}

/// How the host can sleep, by its kernel.
pub(super) fn power_management() -> PowerManagement {
    let has = |path: &str, word: &str| {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        text.split_whitespace().any(|found| found.trim_matches(['[', ']']) == word)
    };
    let suspend_mem = has("/sys/power/state", "mem");
    let suspend_disk = has("/sys/power/state", "disk");
    let suspend_hybrid = suspend_mem && suspend_disk && has("/sys/power/disk", "suspend");
    PowerManagement { suspend_mem, suspend_disk, suspend_hybrid }
}

fn has_iommu() -> bool {
    std::fs::read_dir("/sys/kernel/iommu_groups").is_ok_and(|mut groups| groups.next().is_some())
}

/// What swtpm emulates; every release of it that still works does both versions.
fn tpm_versions() -> Vec<&'static str> {
    let installed =
        |name: &str| ["/usr/bin", "/usr/local/bin"].iter().any(|dir| Path::new(dir).join(name).exists());
    if installed("swtpm") && installed("swtpm_setup") { vec!["1.2", "2.0"] } else { Vec::new() }
}

/// The security drivers, the first of which is the one that older calls are about. Guests are kept apart by the users
/// they run as; nothing else is set up.
pub(super) fn secmodels(settings: &Settings) -> Vec<SecModel> {
    let none = SecModel { model: "none".to_owned(), doi: "0".to_owned(), base_labels: Vec::new() };
    if settings.session {
        return vec![none];
    }
    let (uid, gid) = match &settings.user {
        Some(ids) => (ids.uid, ids.gid),
        None => (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw()),
    };
    let label = format!("+{uid}:+{gid}");
    let base_labels = vec![(VirtType::Kvm, label.clone()), (VirtType::Qemu, label)];
    vec![none, SecModel { model: "dac".to_owned(), doi: "0".to_owned(), base_labels }]
}
