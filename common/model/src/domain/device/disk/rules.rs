//! What holds for every disk, whatever the driver.

use super::source::{HostTransport, Location, NetworkProtocol, SecretUsageType, StorageFormat};
use super::{Disk, DiskBus, DiskDevice, DiskModel, Sgio};
use crate::xml::{ErrorKind, XmlError};

/// Longest product name that SCSI has room for, in characters.
const PRODUCT_LIMIT: usize = 16;
/// Longest vendor name.
const VENDOR_LIMIT: usize = 8;

/// Rules of one disk.
pub(super) fn validate(disk: &Disk) -> Result<(), XmlError> {
    check_source(disk)?;
    check_lun(disk)?;
    let virtio = disk.bus == Some(DiskBus::Virtio) || is_virtio(disk.model);
    disk.driver.virtio.require_virtio(virtio)?;
    if disk.model.is_some() && disk.bus != Some(DiskBus::Virtio) {
        return Err(XmlError::unsupported("disk model is supported only for virtio disks"));
    }
    if disk.removable.is_some() && disk.bus != Some(DiskBus::Usb) {
        return Err(XmlError::xml("removable is only valid for usb disks"));
    }
    if disk.startup_policy.is_some() && disk.device == DiskDevice::Lun {
        return Err(XmlError::unsupported("startupPolicy is not allowed for disk of 'lun' device type"));
    }
    if disk.sgio == Some(Sgio::Unfiltered) {
        return Err(XmlError::unsupported("unfiltered sgio is no longer supported"));
    }
    Ok(())
}

/// Form of the names told to the guest.
pub(super) fn check_identity(disk: &Disk) -> Result<(), XmlError> {
    if let Some(wwn) = &disk.wwn {
        let digits = wwn.strip_prefix("0x").unwrap_or(wwn);
        if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(XmlError::xml(format!("malformed wwn: {wwn}")));
        }
    }
    for (what, value, limit) in
        [("vendor", &disk.vendor, VENDOR_LIMIT), ("product", &disk.product, PRODUCT_LIMIT)]
    {
        let Some(value) = value else { continue };
        if value.len() > limit {
            return Err(XmlError::xml(format!("disk {what} is more than {limit} characters")));
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
        let raw = disk.rawio.is_some() || disk.sgio.is_some();
        return match raw {
            true => Err(XmlError::xml("rawio or sgio can be used only with device='lun'")),
            false => Ok(()),
        };
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

fn is_virtio(model: Option<DiskModel>) -> bool {
    model.is_some()
}
