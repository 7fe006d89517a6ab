//! What holds for every disk, whatever the driver.

use super::source::{HostTransport, Location, NetworkProtocol, SecretUsageType, StorageFormat};
use super::{Disk, DiskBus, DiskDevice, ErrorPolicy, Sgio, StartupPolicy, target_index};
use crate::domain::device::address::Address;
use crate::xml::{ErrorKind, Scope, XmlError};

/// Longest product name that SCSI has room for, in characters.
const PRODUCT_LIMIT: usize = 16;
/// Longest vendor name.
const VENDOR_LIMIT: usize = 8;

/// Rules of one disk.
pub(super) fn validate(disk: &Disk) -> Result<(), XmlError> {
    if target_index(&disk.target).is_none() && disk.info.address.is_none() {
        let text = format!("Unknown disk name '{}' and no address specified", disk.target);
        return Err(XmlError::xml(text));
    }
    check_lun(disk)?;
    check_source(disk)?;
    check_driver(disk)?;
    check_target(disk)?;
    check_address(disk)
}

/// Form of the names told to the guest.
pub(super) fn check_identity(disk: &Disk) -> Result<(), XmlError> {
    if let Some(wwn) = &disk.wwn {
        let digits = wwn.strip_prefix("0x").unwrap_or(wwn);
        if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(XmlError::internal(format!("Malformed wwn: {wwn}")).scoped(Scope::None));
        }
    }
    for (what, value, limit) in
        [("vendor", &disk.vendor, VENDOR_LIMIT), ("product", &disk.product, PRODUCT_LIMIT)]
    {
        let Some(value) = value else { continue };
        if value.len() > limit {
            return Err(XmlError::unsupported(format!("disk {what} is more than {limit} characters")));
        }
        if !value.bytes().all(|b| (0x20..0x7f).contains(&b)) {
            return Err(XmlError::xml(format!("disk {what} is not printable string")));
        }
    }
    Ok(())
}

fn check_source(disk: &Disk) -> Result<(), XmlError> {
    let needs_medium = matches!(disk.device, DiskDevice::Disk | DiskDevice::Lun);
    if needs_medium && disk.source.is_empty() {
        return Err(XmlError::new(ErrorKind::NoSource, disk.target.as_str()));
    }
    if disk.source.encryption.as_ref().is_some_and(|e| e.cipher.is_some()) {
        return Err(XmlError::unsupported("supplying <cipher> for domain disk definition is unnecessary"));
    }
    let Location::Network(network) = &disk.source.location else { return Ok(()) };
    if let Some(auth) = &disk.source.auth {
        let expected = match network.protocol {
            NetworkProtocol::Rbd => Some(SecretUsageType::Ceph),
            NetworkProtocol::Iscsi => Some(SecretUsageType::Iscsi),
            _ => None,
        };
        if expected.is_some_and(|e| e != auth.secret_type) {
            return Err(XmlError::internal(format!("invalid secret type '{}'", auth.secret_type)));
        }
    }
    let unix = network.hosts.iter().any(|h| h.transport == HostTransport::Unix);
    if unix && network.protocol == NetworkProtocol::Iscsi {
        return Err(XmlError::unsupported("protocol 'iscsi' does not support unix transport"));
    }
    Ok(())
}

fn check_lun(disk: &Disk) -> Result<(), XmlError> {
    if disk.device != DiskDevice::Lun {
        let lun_only = [
            (disk.rawio.is_some(), "rawio can be used only with device='lun'"),
            (disk.sgio.is_some(), "sgio can be used only with device='lun'"),
            (disk.source.reservations.is_some(), "<reservations/> allowed only for lun devices"),
        ];
        return match lun_only.iter().find(|(set, _)| *set) {
            Some((_, text)) => Err(XmlError::unsupported(*text)),
            None => Ok(()),
        };
    }
    if disk.sgio == Some(Sgio::Unfiltered) {
        return Err(XmlError::unsupported("unfiltered sgio is no longer supported"));
    }
    let block = match &disk.source.location {
        Location::Block { .. } | Location::Volume { .. } => true,
        Location::Network(network) => network.protocol == NetworkProtocol::Iscsi,
        _ => false,
    };
    if !block {
        return Err(XmlError::unsupported("disk device='lun' is only valid for block type disk source"));
    }
    if disk.source.format.is_some_and(|f| f != StorageFormat::Raw) {
        return Err(XmlError::unsupported("disk device 'lun' must use 'raw' format"));
    }
    Ok(())
}

fn check_driver(disk: &Disk) -> Result<(), XmlError> {
    let virtio = disk.bus == Some(DiskBus::Virtio);
    disk.driver.virtio.require_virtio(virtio)?;
    let virtio_only = [
        (disk.model.is_some(), "disk model supported only for virtio bus"),
        (disk.driver.ioeventfd.is_some(), "disk ioeventfd mode supported only for virtio bus"),
        (disk.driver.event_idx.is_some(), "disk event_idx mode supported only for virtio bus"),
        (
            disk.driver.queues.is_some(),
            "queues attribute in disk driver element is only supported by virtio-blk",
        ),
        (
            matches!(disk.source.location, Location::VhostUser { .. }),
            "vhostuser disk supports only virtio bus",
        ),
    ];
    if let Some((_, text)) = virtio_only.iter().find(|(set, _)| *set && !virtio) {
        return Err(XmlError::unsupported(*text));
    }
    if disk.driver.rerror_policy == Some(ErrorPolicy::Enospace) {
        return Err(XmlError::unsupported("Invalid disk read error policy: 'enospace'"));
    }
    Ok(())
}

fn check_target(disk: &Disk) -> Result<(), XmlError> {
    let floppy = disk.device == DiskDevice::Floppy;
    if disk.tray_open && !matches!(disk.device, DiskDevice::Floppy | DiskDevice::Cdrom) {
        return Err(XmlError::unsupported("tray is only valid for cdrom and floppy"));
    }
    if disk.removable.is_some() && disk.bus != Some(DiskBus::Usb) {
        return Err(XmlError::xml("removable is only valid for usb disks"));
    }
    if let Some(policy) = disk.startup_policy
        && matches!(disk.source.location, Location::Network(_))
    {
        let text = format!("disk startupPolicy '{policy}' is not allowed for disk of 'network' type");
        return Err(XmlError::xml(text));
    }
    let removable = matches!(disk.device, DiskDevice::Floppy | DiskDevice::Cdrom);
    if disk.startup_policy == Some(StartupPolicy::Requisite) && !removable {
        return Err(XmlError::xml("disk startupPolicy 'requisite' is allowed only for cdrom or floppy"));
    }
    let prefixes: &[&str] = if floppy { &["fd"] } else { &["hd", "sd", "vd", "xvd", "ubd"] };
    if !prefixes.iter().any(|p| disk.target.starts_with(p)) {
        let what = if floppy { "floppy" } else { "harddisk" };
        return Err(XmlError::internal(format!("Invalid {what} device name: {}", disk.target)));
    }
    match disk.bus {
        Some(bus) if floppy && bus != DiskBus::Fdc => {
            Err(XmlError::internal(format!("Invalid bus type '{bus}' for floppy disk")))
        }
        Some(DiskBus::Fdc) if !floppy => Err(XmlError::internal("Invalid bus type 'fdc' for disk")),
        _ => Ok(()),
    }
}

fn check_address(disk: &Disk) -> Result<(), XmlError> {
    let Some((address, bus)) = disk.info.address.as_ref().zip(disk.bus) else { return Ok(()) };
    let behind_controller = matches!(bus, DiskBus::Ide | DiskBus::Fdc | DiskBus::Scsi | DiskBus::Sata);
    if behind_controller && !matches!(address, Address::Drive(_)) {
        return Err(XmlError::unsupported(format!(
            "Invalid address type '{}' for the disk '{}' with the bus type '{bus}'",
            address.kind(),
            disk.target
        )));
    }
    Ok(())
}
