//! The guests part of capabilities: what can be emulated, by architecture. Pure.

use model::capabilities::{Guest, GuestFeature, GuestVariant, Machine};
use model::domain::VirtType;
use model::domain::os::{Arch, OsType};

use super::binaries::word_size;
use super::qemu::QemuCaps;

/// Guests of one architecture on one emulator.
pub(super) fn guest(arch: Arch, caps: &QemuCaps) -> Guest {
    let virt_types = [(VirtType::Qemu, caps.tcg.is_some()), (VirtType::Kvm, caps.kvm.is_some())];
    let variants = virt_types.into_iter().filter(|(_, there)| *there).map(|(virt_type, _)| GuestVariant {
        virt_type,
        emulator: None,
        machines: Vec::new(),
    });
    Guest {
        os_type: OsType::Hvm,
        arch,
        word_size: word_size(model::Token::as_str(arch)),
        emulator: Some(caps.binary.clone()),
        loader: None,
        machines: machines(caps),
        domains: variants.collect(),
        features: features(arch),
    }
}

/// Every machine by its name, and once more by its alias.
fn machines(caps: &QemuCaps) -> Vec<Machine> {
    let mut machines = Vec::new();
    for machine in caps.listed_machines(caps.best_virt_type()) {
        let max_cpus = (machine.max_cpus > 0).then_some(machine.max_cpus);
        let own =
            Machine { name: machine.name.clone(), canonical: None, max_cpus, deprecated: machine.deprecated };
        if let Some(alias) = &machine.alias {
            let canonical = Some(machine.name.clone());
            machines.extend([own.clone(), Machine { name: alias.clone(), canonical, ..own }]);
        } else {
            machines.push(own);
        }
    }
    machines
}

fn features(arch: Arch) -> Vec<GuestFeature> {
    let fixed = |name| GuestFeature { name, toggle: None };
    let toggle = |name, default, toggle| GuestFeature { name, toggle: Some((default, toggle)) };
    let mut features = Vec::new();
    if arch == Arch::I686 {
        features.extend([fixed("pae"), fixed("nonpae")]);
    }
    if matches!(arch, Arch::I686 | Arch::X86_64) {
        features.extend([toggle("acpi", true, true), toggle("apic", true, false)]);
    }
    if arch == Arch::Aarch64 {
        features.push(toggle("acpi", true, true));
    }
    features.extend([fixed("cpuselection"), fixed("deviceboot"), toggle("disksnapshot", true, false)]);
    features
}
