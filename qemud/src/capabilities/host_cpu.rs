//! The host's processor in libvirt's words, and what `host-model` means for a guest.

use std::path::Path;
use std::sync::Arc;

use model::Token;
use model::capabilities::Signature;
use model::cpu_map::{Candidates, CpuData, CpuMap, Decoded, Leaf};
use model::domain::cpu::{Cpu, CpuFallback, CpuFeature, FeaturePolicy};
use model::domain::os::Arch;

use super::cpuid::{HostCpuid, MSRS};
use super::qemu::{CpuModel, HostCpu, QemuCaps};

/// Where libvirt's packages put their map of processor models. It is their data under their licence: read where it
/// is installed, never built in. Without it, processors are told by architecture and signature only.
const MAP_DIR: &str = "/usr/share/libvirt/cpu_map";
/// Largest file of the map accepted.
const MAX_FILE: u64 = 4 << 20;

/// The host's processor and the map that explains it.
#[derive(Clone, Debug, Default)]
pub struct Processor {
    /// Models and features.
    pub map: Arc<CpuMap>,
    /// What the processor says of itself.
    pub data: CpuData,
}

impl Processor {
    /// The processor that we run on; none if it or the map is unknown. Blocks.
    pub fn read() -> Option<Self> {
        let map = read_map(&host::system::architecture())?;
        Some(Self { map: Arc::new(map), data: super::cpuid::read()?.data })
    }

    /// What a guest with `<cpu mode='host-model'/>` gets with these capabilities: only what survives migration.
    pub fn host_model(&self, caps: &QemuCaps, virt_type: &str) -> Option<Cpu> {
        host_model(&self.map, caps, virt_type, Which::Migratable)
    }

    /// What a guest like the host is measured by: the whole processor that QEMU can offer here; with KVM also all that
    /// the host's has.
    pub fn host_model_data(&self, caps: &QemuCaps, virt_type: &str) -> Option<CpuData> {
        if !is_x86(&caps.arch) {
            return None;
        }
        let cpu = caps.accel(virt_type)?.host_cpu.as_ref()?;
        let mut data = offered(&self.map, cpu, &caps.arch, Which::All).features_only();
        if virt_type == "kvm" {
            data.add(&self.data.features_only());
        }
        Some(data)
    }
}

/// Which features of the offered processor count.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Which {
    /// All: what domain capabilities report.
    All,
    /// Those that survive migration: what a guest gets.
    Migratable,
}

/// Read the map for an architecture of the host; none if there is none (the log says why). Blocks.
pub(super) fn read_map(arch: &str) -> Option<CpuMap> {
    if !is_x86(arch) {
        return None;
    }
    match try_read_map(Path::new(MAP_DIR), "x86") {
        Ok(map) => Some(map),
        Err(reason) => {
            tracing::info!("processors are described without models and features: {reason}");
            None
        }
    }
}

/// Names of the models that the map has for an architecture, in its order; none for those of which it knows no
/// models. Blocks.
pub(super) fn model_names(arch: Arch) -> Result<Vec<String>, String> {
    let family = match arch {
        Arch::X86_64 | Arch::I686 => "x86",
        Arch::Ppc64 | Arch::Ppc64le => "ppc64",
        _ => return Ok(Vec::new()),
    };
    let map = try_read_map(Path::new(MAP_DIR), family)?;
    Ok(map.models.into_iter().map(|model| model.name).collect())
}

fn try_read_map(dir: &Path, family: &str) -> Result<CpuMap, String> {
    let read = |name: &str| {
        let bytes = host::store::read(&dir.join(name), MAX_FILE).map_err(|error| error.full_text())?;
        String::from_utf8(bytes).map_err(|_| format!("'{name}' is not UTF-8"))
    };
    let files = CpuMap::includes(&read("index.xml")?, family).map_err(|error| error.message)?;
    // A name that leads out of the directory is never right.
    let texts: Vec<_> =
        files.iter().filter(|name| !name.contains('/')).map(|name| read(name)).collect::<Result<_, _>>()?;
    CpuMap::parse(texts).map_err(|error| error.message)
}

fn is_x86(arch: &str) -> bool {
    matches!(arch, "x86_64" | "i686")
}

/// The host's processor by the nearest model that it has all features of.
pub(super) fn host(map: &CpuMap, cpuid: &HostCpuid) -> Option<Decoded> {
    map.decode(&cpuid.data, &Candidates::Host)
}

/// What `<cpu mode='host-model'/>` stands for under this type of guest: the processor that QEMU offers, by the
/// model of QEMU that suits it best.
pub(super) fn host_model(map: &CpuMap, caps: &QemuCaps, virt_type: &str, which: Which) -> Option<Cpu> {
    if !is_x86(&caps.arch) {
        return None;
    }
    let accel = caps.accel(virt_type)?;
    let data = offered(map, accel.host_cpu.as_ref()?, &caps.arch, which);
    let mut best: Option<(bool, Decoded)> = None;
    // What comes later in the map is newer and wins among equals.
    for model in map.models.iter().rev() {
        let Some(own) = accel.cpus.iter().find(|cpu| cpu.name == model.name) else { continue };
        let known = |name: &str| (name == model.name).then(Vec::new);
        let decoded = map.decode(&data, &Candidates::Guest { known: &known, preferred: None });
        let Some(mut decoded) = decoded else { continue };
        disable_blockers(map, &mut decoded, own, &data);
        let same =
            data.signature().is_some_and(|signature| model.signatures.iter().any(|of| of.matches(signature)));
        // The processor's own signature counts most, then a description that costs little.
        let better = best.as_ref().is_none_or(|(best_same, best)| match (same, best_same) {
            (true, false) => true,
            (false, true) => false,
            _ => decoded.cost() < best.cost(),
        });
        if better {
            best = Some((same, decoded));
        }
    }
    best.map(|(_, decoded)| Cpu { fallback: CpuFallback::Forbid, ..decoded.into_host_model() })
}

/// QEMU's idea of a model may have features that the map's has not: what blocks it here must be left out.
fn disable_blockers(map: &CpuMap, decoded: &mut Decoded, own: &CpuModel, data: &CpuData) {
    let order = |name: &str| map.features.iter().position(|feature| feature.name == name);
    for feature in own.blockers.iter().filter_map(|name| map.feature(name)) {
        let told = decoded.features.iter().any(|told| told.name == feature.name);
        if told || data.contains(&feature.data) {
            continue;
        }
        let new = CpuFeature { name: feature.name.clone(), policy: FeaturePolicy::Disable };
        let is_later = |other: &CpuFeature| {
            other.policy == FeaturePolicy::Disable && order(&other.name) > order(&feature.name)
        };
        let at = decoded.features.iter().position(is_later).unwrap_or(decoded.features.len());
        decoded.features.insert(at, new);
    }
}

/// The bits of the processor that QEMU offers; features that the map does not know are left out, and those of
/// registers where the reference does not trust them: in QEMUs that are not for x86_64.
fn offered(map: &CpuMap, cpu: &HostCpu, arch: &str, which: Which) -> CpuData {
    let of_register = |data: &CpuData| MSRS.iter().any(|index| data.get(Leaf::Msr(*index)).is_some());
    let mut data = CpuData::default();
    let wanted = cpu.features.iter().filter(|(_, migratable)| which == Which::All || **migratable);
    for feature in wanted.filter_map(|(name, _)| map.feature(name)) {
        if arch == "x86_64" || !of_register(&feature.data) {
            data.add(&feature.data);
        }
    }
    if let Some(vendor) = &cpu.vendor {
        data.set_vendor(vendor);
    }
    if let (Some(family), Some(model)) = (cpu.family, cpu.model) {
        data.set_signature(Signature { family, model, stepping: cpu.stepping.unwrap_or_default() });
    }
    data
}

/// QEMU's models that a definition may name: those of the map, without QEMU's own versions and stand-ins. Without a
/// map, all but these.
pub(super) fn named_models<'a>(
    map: Option<&CpuMap>,
    models: &'a [CpuModel],
) -> Vec<(&'a CpuModel, Option<String>)> {
    let is_stand_in = |name: &str| matches!(name, "host" | "max" | "base");
    let is_version = |name: &str| {
        name.rsplit_once("-v")
            .is_some_and(|(_, n)| !n.is_empty() && n.bytes().all(|byte| byte.is_ascii_digit()))
    };
    let named = models.iter().filter(|model| !is_stand_in(&model.name));
    match map {
        Some(map) => named.filter_map(|own| Some((own, map.model(&own.name)?.vendor.clone()))).collect(),
        None => named.filter(|own| !is_version(&own.name)).map(|own| (own, None)).collect(),
    }
}

/// libvirt's architectures by name.
pub(super) fn arch(name: &str) -> Option<Arch> {
    Arch::from_word(name)
}
