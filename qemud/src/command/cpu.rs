//! `-cpu`.

use model::Token;
use model::domain::clock::TimerName;
use model::domain::cpu::{CacheMode, Cpu, CpuMode, FeaturePolicy, MaxPhysAddrMode};
use model::domain::device::Device;
use model::domain::device::panic::PanicModel;
use model::domain::features::{HypervFeature, HypervMode, KvmFeature};

use super::PlanError;
use super::build::Build;
use crate::defaults::Part;

/// The CPU with its switches.
pub(super) fn cpu(build: &mut Build<'_>) -> Result<(), PlanError> {
    let mut parts = model(build)?;
    timers(build, &mut parts)?;
    paravirtual(build, &mut parts);
    hyperv(build, &mut parts);
    kvm(build, &mut parts);
    if let Some(on) = build.domain.features.pmu {
        parts.push(format!("pmu={}", word(on)));
    }
    caches(&build.domain.cpu, &mut parts);
    if let Some(width) = &build.domain.cpu.max_phys_addr {
        match width.mode {
            MaxPhysAddrMode::Passthrough => parts.push("host-phys-bits=on".to_owned()),
            MaxPhysAddrMode::Emulate => {
                if let Some(bits) = width.bits {
                    parts.push(format!("phys-bits={bits}"));
                }
            }
        }
    }
    build.plan.option("-cpu", parts.join(","));
    Ok(())
}

fn word(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}

/// Name of the model and its features.
fn model(build: &Build<'_>) -> Result<Vec<String>, PlanError> {
    let cpu = &build.domain.cpu;
    match cpu.mode {
        Some(mode @ (CpuMode::HostPassthrough | CpuMode::Maximum)) => {
            if mode == CpuMode::HostPassthrough && !build.board.kvm() {
                let (arch, host) = (&build.board.arch, &build.board.host.arch);
                return Err(PlanError::unsupported(format!(
                    "CPU mode 'host-passthrough' for {arch} qemu domain on {host} host is not supported by hypervisor"
                )));
            }
            let name = if mode == CpuMode::Maximum { "max" } else { "host" };
            let mut parts = vec![name.to_owned()];
            if let Some(on) = cpu.migratable.filter(|_| crate::defaults::offers_migratable(&build.board)) {
                parts.push(format!("migratable={}", word(on)));
            }
            parts.extend(features(cpu));
            Ok(parts)
        }
        Some(CpuMode::HostModel) => {
            Err(PlanError::internal("CPU mode 'host-model' was not resolved before the start"))
        }
        Some(CpuMode::Custom) | None => {
            let name = cpu.model.clone().unwrap_or_default();
            if build.board.caps.cpu_model(&build.board.virt, &name).is_none() {
                let detail = format!("Unknown CPU model {name}: this QEMU binary does not have it");
                return Err(PlanError::Internal { part: Part::Cpu, detail });
            }
            let mut parts = vec![name];
            parts.extend(cpu.vendor_id.as_ref().map(|id| format!("vendor={id}")));
            parts.extend(features(cpu));
            Ok(parts)
        }
    }
}

/// Features in QEMU's words.
fn features(cpu: &Cpu) -> impl Iterator<Item = String> {
    cpu.features.iter().filter_map(|feature| {
        let on = match feature.policy {
            FeaturePolicy::Force | FeaturePolicy::Require => true,
            FeaturePolicy::Disable | FeaturePolicy::Forbid => false,
            // Resolved against the host before the start; QEMU itself has no such word.
            FeaturePolicy::Optional => return None,
        };
        Some(format!("{}={}", qemu_name(&feature.name), word(on)))
    })
}

/// QEMU's name of a feature.
pub fn qemu_name(name: &str) -> String {
    match name {
        "pclmuldq" => "pclmulqdq".to_owned(),
        other => other.replace('_', "-"),
    }
}

fn timers(build: &Build<'_>, parts: &mut Vec<String>) -> Result<(), PlanError> {
    for timer in &build.domain.clock.timers {
        match timer.name {
            TimerName::Kvmclock => {
                if let Some(on) = timer.present {
                    parts.push(format!("kvmclock={}", word(on)));
                }
            }
            TimerName::Hypervclock if timer.present == Some(true) => parts.push("hv-time=on".to_owned()),
            TimerName::Tsc => {
                if let Some(hz) = timer.frequency.filter(|hz| *hz > 0) {
                    tsc(build, hz)?;
                    parts.push(format!("tsc-frequency={hz}"));
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// KVM can show another frequency only when the host's CPU scales it.
fn tsc(build: &Build<'_>, hz: u64) -> Result<(), PlanError> {
    let Some(host) = build.board.host.tsc.filter(|host| build.board.kvm() && !host.scaling) else {
        return Ok(());
    };
    // What the kernel takes as equal: 250 parts in a million.
    let tolerance = host.hz / 1_000_000 * 250;
    let (low, high) = (host.hz.saturating_sub(tolerance), host.hz.saturating_add(tolerance));
    if (low..=high).contains(&hz) {
        return Ok(());
    }
    Err(PlanError::unsupported(format!(
        "Requested TSC frequency {hz} Hz is outside tolerance range ([{low}, {high}] Hz) around host frequency {} Hz and TSC scaling is not supported by the host CPU",
        host.hz
    )))
}

fn paravirtual(build: &Build<'_>, parts: &mut Vec<String>) {
    let features = &build.domain.features;
    if let Some(on) = features.apic.and_then(|apic| apic.eoi) {
        parts.push(format!("kvm-pv-eoi={}", word(on)));
    }
    if let Some(on) = features.pvspinlock {
        parts.push(format!("kvm-pv-unhalt={}", word(on)));
    }
}

fn hyperv(build: &Build<'_>, parts: &mut Vec<String>) {
    if let Some(hyperv) = &build.domain.features.hyperv {
        if hyperv.mode == HypervMode::Passthrough {
            parts.push("hv-passthrough=on".to_owned());
        }
        for feature in hyperv.features.iter().filter(|(_, on)| **on).map(|(feature, _)| *feature) {
            match feature {
                HypervFeature::Spinlocks => {
                    parts.push(format!("hv-spinlocks={:#x}", hyperv.spinlock_retries.unwrap_or(0)));
                }
                HypervFeature::VendorId => {
                    parts.push(format!("hv-vendor-id={}", hyperv.vendor_id.as_deref().unwrap_or("")));
                }
                other => parts.push(format!("hv-{}=on", other.as_str())),
            }
            if feature == HypervFeature::Stimer && hyperv.stimer_direct == Some(true) {
                parts.push("hv-stimer-direct=on".to_owned());
            }
        }
    }
    let crash =
        |device: &Device| matches!(device, Device::Panic(panic) if panic.model == Some(PanicModel::Hyperv));
    if build.domain.devices.iter().any(crash) {
        parts.push("hv-crash".to_owned());
    }
}

fn kvm(build: &Build<'_>, parts: &mut Vec<String>) {
    let Some(kvm) = &build.domain.features.kvm else { return };
    for (feature, on) in &kvm.features {
        match feature {
            KvmFeature::Hidden if *on => parts.push("kvm=off".to_owned()),
            KvmFeature::HintDedicated if *on => parts.push("kvm-hint-dedicated=on".to_owned()),
            KvmFeature::PollControl if *on => parts.push("kvm-poll-control=on".to_owned()),
            KvmFeature::PvIpi if !*on => parts.push("kvm-pv-ipi=off".to_owned()),
            _ => {}
        }
    }
}

fn caches(cpu: &Cpu, parts: &mut Vec<String>) {
    let Some(cache) = &cpu.cache else { return };
    let host = matches!(cpu.mode, Some(CpuMode::HostPassthrough | CpuMode::Maximum));
    let (through, level3) = match cache.mode {
        CacheMode::Emulate => (host.then_some(false), "on"),
        CacheMode::Passthrough => (Some(true), "off"),
        CacheMode::Disable => (host.then_some(false), "off"),
    };
    // The order is that of the cases in the reference's lines.
    let host_first = cache.mode != CacheMode::Emulate;
    let host = through.map(|on| format!("host-cache-info={}", word(on)));
    parts.extend(host.clone().filter(|_| host_first));
    parts.push(format!("l3-cache={level3}"));
    parts.extend(host.filter(|_| !host_first));
}
