//! Devices that need more of the host than this daemon does yet: programs beside QEMU, devices taken from the host,
//! other daemons. They are refused when a client brings them, by name, instead of failing at a start much later.
//! Command lines can be made of them all the same (`domxml-to-native`).

use model::Token;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::disk::source::Location;
use model::domain::device::filesystem::{Filesystem, FilesystemDriverType, FilesystemSource};
use model::domain::device::interface::{Interface, InterfaceType};
use model::domain::device::tpm::TpmBackend;
use protocol::{ErrorCode, ErrorDomain, Fault};

/// Refuse a definition for its first device that cannot be run.
pub fn refuse_define(definition: &Definition) -> Result<(), Fault> {
    answer(definition.devices.iter().find_map(missing))
}

/// Refuse a start for the first device that cannot be run.
pub fn refuse_start(definition: &Definition) -> Result<(), Fault> {
    answer(definition.devices.iter().find_map(missing))
}

fn answer(missing: Option<String>) -> Result<(), Fault> {
    match missing {
        None => Ok(()),
        Some(what) => {
            let detail = format!("this daemon does not run {what} yet");
            Err(Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail))
        }
    }
}

/// What the device is called, if it cannot be run.
fn missing(device: &Device) -> Option<String> {
    match device {
        Device::Tpm(tpm) => match tpm.backend {
            TpmBackend::Emulator(_) => Some("<tpm> devices with backend 'emulator'".to_owned()),
            TpmBackend::Passthrough { .. } => Some("<tpm> devices with backend 'passthrough'".to_owned()),
            TpmBackend::External { .. } => None,
        },
        Device::Hostdev(_) => Some("<hostdev> devices".to_owned()),
        Device::Filesystem(filesystem) if needs_virtiofsd(filesystem) => {
            Some("<filesystem> devices with driver 'virtiofs' and without a socket".to_owned())
        }
        Device::Interface(interface) => network(interface),
        Device::Disk(disk) => match &disk.source.location {
            Location::Volume { .. } => Some("<disk> devices of type 'volume'".to_owned()),
            Location::Nvme(_) => Some("<disk> devices of type 'nvme'".to_owned()),
            _ => None,
        },
        _ => None,
    }
}

fn needs_virtiofsd(filesystem: &Filesystem) -> bool {
    filesystem.driver.kind == Some(FilesystemDriverType::Virtiofs)
        && !matches!(filesystem.source, FilesystemSource::Mount { socket: Some(_), .. })
}

/// Networks that need another daemon or hardware. Networks of networkd are looked for at the start.
fn network(interface: &Interface) -> Option<String> {
    let kind = interface.source.kind();
    let reached = matches!(
        kind,
        InterfaceType::User
            | InterfaceType::Server
            | InterfaceType::Client
            | InterfaceType::Mcast
            | InterfaceType::Udp
            | InterfaceType::VhostUser
            | InterfaceType::Bridge
            | InterfaceType::Ethernet
            | InterfaceType::Direct
            | InterfaceType::Internal
            | InterfaceType::Network
    );
    (!reached).then(|| format!("<interface> devices of type '{}'", kind.as_str()))
}
