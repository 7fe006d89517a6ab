//! Architecture, emulator, machine type, and what follows from them.

use model::Rare;
use model::Token;
use model::domain::Domain;
use model::domain::os::{Arch, FirmwareFeature, LoaderType};

use super::Board;
use super::error::{DefaultsError, Part};
use crate::capabilities::QemuCaps;

/// Fills in architecture and emulator, before capabilities can be looked up.
///
/// `host` is the host's architecture; `find` names the default emulator of an architecture.
pub fn resolve_emulator(
    domain: &mut Domain,
    host: Arch,
    find: impl Fn(Arch) -> Option<String>,
) -> Result<(), DefaultsError> {
    if domain.os.bootloader.is_some() || domain.os.bootloader_args.is_some() {
        return Err(DefaultsError::unsupported("bootloader is not supported by QEMU"));
    }
    let arch = *domain.os.arch.get_or_insert(host);
    if domain.emulator.is_none() {
        let found = find(arch).ok_or_else(|| {
            DefaultsError::unsupported(format!("No emulator found for arch '{}'", arch.as_str()))
        })?;
        domain.emulator = Some(found);
    }
    Ok(())
}

/// Names the machine by its versioned name.
pub(super) fn complete(domain: &mut Domain, caps: &QemuCaps) {
    let virt = domain.virt_type.as_str();
    let virt = if caps.is_virt_type_supported(virt) { virt } else { caps.best_virt_type() };
    let name = match domain.os.machine.as_deref() {
        None => caps.default_machine(virt).map(|machine| machine.name.clone()),
        Some(name) => caps.canonical_machine(virt, name).map(str::to_owned),
    };
    if let Some(name) = name {
        domain.os.machine = Some(name);
    }
    // A process to start is for containers.
    domain.os.init = Rare::default();
    domain.os.arch.get_or_insert(Arch::from_word(&caps.arch).unwrap_or(Arch::X86_64));
    if domain.emulator.is_none() {
        domain.emulator = Some(caps.binary.clone());
    }
}

/// A read-only flash loader keeps its variables in a file of its own.
pub(super) fn firmware_paths(domain: &mut Domain, board: &Board<'_>) {
    let os = &mut domain.os;
    let on = |feature| os.firmware_features.contains(&(feature, true));
    let told = os.firmware_features.iter().any(|(feature, _)| *feature == FirmwareFeature::SecureBoot);
    if on(FirmwareFeature::EnrolledKeys) && !told {
        os.firmware_features.push((FirmwareFeature::SecureBoot, true));
    }
    let Some(loader) = &mut os.loader else { return };
    if os.firmware.is_none() && loader.path.is_some() && loader.kind.is_none() {
        loader.kind = Some(LoaderType::Rom);
    }
    let split = loader.kind == Some(LoaderType::Pflash) && loader.readonly == Some(true);
    if !split || loader.stateless == Some(true) {
        return;
    }
    let name = &domain.name;
    let nvram = os.nvram.get_or_insert_default();
    if nvram.path.is_none() && nvram.kind.is_none() {
        nvram.path = Some(format!("{}/{name}_VARS.fd", board.host.conf.nvram_dir));
    }
}

/// Refuses machines, types and systems that the emulator does not have.
pub(super) fn validate(domain: &Domain, caps: &QemuCaps) -> Result<(), DefaultsError> {
    let binary = domain.emulator.as_deref().unwrap_or(&caps.binary);
    let refuse = |what: &str, name: &str| {
        Err(DefaultsError::Unsupported {
            part: Part::Qemu,
            detail: format!("Emulator '{binary}' does not support {what} '{name}'"),
        })
    };
    if domain.os.os_type.as_str() != "hvm" {
        return refuse("os type", domain.os.os_type.as_str());
    }
    if let Some(arch) = domain.os.arch
        && arch.as_str() != caps.arch
        && !(arch == Arch::I686 && caps.arch == Arch::X86_64.as_str())
    {
        return refuse("arch", arch.as_str());
    }
    let virt = domain.virt_type.as_str();
    if !caps.is_virt_type_supported(virt) {
        return refuse("virt type", virt);
    }
    let machine = domain.os.machine.as_deref().unwrap_or("");
    if caps.machine(virt, machine).is_none() {
        return refuse("machine type", machine);
    }
    Ok(())
}
