//! What is refused of disks.

use model::Token;
use model::domain::device::Device;
use model::domain::device::address::Address;
use model::domain::device::controller::{ControllerKind, ScsiModel};
use model::domain::device::disk::source::{
    Backing, Encryption, EncryptionEngine, EncryptionFormat, Location, NetworkProtocol, StorageFormat,
    StorageSource,
};
use model::domain::device::disk::{CacheMode, Disk, DiskBus, DiskDevice, IoMode};

use crate::defaults::{DefaultsError, Part};
use crate::device::Check;

type Verdict = Result<(), DefaultsError>;

pub(super) fn validate(disk: &Disk, check: &Check<'_>) -> Verdict {
    driver_name(disk)?;
    media(disk)?;
    drive_settings(disk)?;
    cache_and_io(disk)?;
    sharing(disk)?;
    iothread(disk, check)?;
    address(disk, check)?;
    source(disk, check)
}

fn refuse(detail: String) -> Verdict {
    Err(DefaultsError::unsupported(detail))
}

fn driver_name(disk: &Disk) -> Verdict {
    match disk.driver.name.as_deref() {
        Some(name) if name != "qemu" => {
            refuse(format!("unsupported driver name '{name}' for disk '{}'", disk.target))
        }
        _ => Ok(()),
    }
}

fn media(disk: &Disk) -> Verdict {
    let ejectable = match disk.device {
        DiskDevice::Cdrom => {
            matches!(disk.bus, Some(DiskBus::Ide | DiskBus::Scsi | DiskBus::Sata | DiskBus::Usb))
        }
        DiskDevice::Floppy => disk.bus == Some(DiskBus::Fdc),
        DiskDevice::Disk | DiskDevice::Lun => true,
    };
    if !ejectable {
        return refuse(format!("disk type of '{}' does not support ejectable media", disk.target));
    }
    if disk.bus == Some(DiskBus::Fdc) && disk.device != DiskDevice::Floppy {
        return refuse(format!(
            "disk '{}' with device='{}' cannot be on the floppy bus",
            disk.target,
            disk.device.as_str()
        ));
    }
    if disk.device == DiskDevice::Lun && !matches!(disk.bus, Some(DiskBus::Scsi)) {
        return refuse(format!("disk device='lun' is not supported for bus='{}'", bus_name(disk)));
    }
    Ok(())
}

fn bus_name(disk: &Disk) -> &'static str {
    disk.bus.map_or("none", Token::as_str)
}

fn drive_settings(disk: &Disk) -> Verdict {
    let translation = disk.geometry.and_then(|geometry| geometry.translation);
    if translation.is_some() && disk.bus != Some(DiskBus::Ide) {
        let bus = bus_name(disk);
        return refuse(format!("CHS translation mode can only be set for 'ide' bus not '{bus}'"));
    }
    if disk.serial.is_some() && disk.device == DiskDevice::Lun {
        return refuse("'serial' cannot be set on a passed-through unit ('lun')".to_owned());
    }
    let scsi = disk.bus == Some(DiskBus::Scsi);
    if (disk.vendor.is_some() || disk.product.is_some()) && !scsi {
        return refuse("Only scsi disk supports vendor and product".to_owned());
    }
    if disk.wwn.is_some() {
        if !matches!(disk.bus, Some(DiskBus::Ide | DiskBus::Scsi)) {
            return refuse("Only ide and scsi disk support wwn".to_owned());
        }
        if disk.device == DiskDevice::Lun {
            return refuse("Setting wwn is not supported for lun device".to_owned());
        }
    }
    if disk.rotation_rate.is_some()
        && !(matches!(disk.bus, Some(DiskBus::Scsi | DiskBus::Ide | DiskBus::Sata))
            && disk.device == DiskDevice::Disk)
    {
        return refuse(format!("rotation rate is not supported for disk '{}'", disk.target));
    }
    virtio_settings(disk)
}

fn virtio_settings(disk: &Disk) -> Verdict {
    if disk.bus == Some(DiskBus::Virtio) {
        return match disk.driver.queue_size {
            Some(size) if !size.is_power_of_two() || size == 0 || size > MAX_QUEUE_SIZE => refuse(format!(
                "queue_size of disk '{}' must be a power of two up to {MAX_QUEUE_SIZE}",
                disk.target
            )),
            _ => Ok(()),
        };
    }
    let set = [
        (disk.driver.queues.is_some(), "queues"),
        (disk.driver.queue_size.is_some(), "queue_size"),
        (disk.driver.event_idx.is_some(), "event_idx"),
        (disk.driver.ioeventfd.is_some(), "ioeventfd"),
    ];
    match set.iter().find(|(given, _)| *given) {
        Some((_, what)) => {
            let bus = bus_name(disk);
            refuse(format!("disk driver option '{what}' is supported by virtio only, not by bus '{bus}'"))
        }
        None => Ok(()),
    }
}

/// Largest queue of `virtio-blk`.
const MAX_QUEUE_SIZE: u32 = 1024;

fn cache_and_io(disk: &Disk) -> Verdict {
    let direct = matches!(disk.driver.cache, Some(CacheMode::None | CacheMode::Directsync));
    if disk.driver.io == Some(IoMode::Native) && !direct {
        return refuse("io='native' needs either no disk cache or directsync cache mode".to_owned());
    }
    if disk.driver.copy_on_read == Some(true) {
        if disk.readonly {
            return refuse(format!("copy_on_read is not compatible with read-only disk '{}'", disk.target));
        }
        if matches!(disk.device, DiskDevice::Cdrom | DiskDevice::Floppy) {
            return refuse("copy_on_read is not supported with removable disks".to_owned());
        }
    }
    Ok(())
}

fn sharing(disk: &Disk) -> Verdict {
    let raw = disk.source.format.is_none_or(|format| format == StorageFormat::Raw);
    if disk.shareable && !raw && disk.bus != Some(DiskBus::Fdc) {
        return refuse(format!(
            "shared access for disk '{}' requires use of supported storage format",
            disk.target
        ));
    }
    if disk.transient {
        if !matches!(disk.source.location, Location::File { .. }) {
            return refuse(format!("transient disk supported only with 'file' type ({})", disk.target));
        }
        if disk.readonly {
            return refuse(format!("transient disk cannot be read-only ({})", disk.target));
        }
    }
    Ok(())
}

fn iothread(disk: &Disk, check: &Check<'_>) -> Verdict {
    let Some(id) = disk.driver.iothread.filter(|id| *id != 0) else { return Ok(()) };
    if disk.bus != Some(DiskBus::Virtio) {
        let bus = bus_name(disk);
        return refuse(format!("IOThreads not available for bus {bus} target {}", disk.target));
    }
    if check.domain.iothreads.threads.iter().all(|thread| thread.id != id) {
        return refuse(format!("Disk iothread '{id}' not defined in iothreadid"));
    }
    Ok(())
}

fn address(disk: &Disk, check: &Check<'_>) -> Verdict {
    let wrong = match (&disk.info.address, disk.bus) {
        (None, _)
        | (
            Some(Address::Drive(_)),
            Some(DiskBus::Ide | DiskBus::Fdc | DiskBus::Scsi | DiskBus::Sata | DiskBus::Xen | DiskBus::Uml),
        ) => None,
        (Some(Address::Pci(_) | Address::Ccw(_) | Address::VirtioMmio), Some(DiskBus::Virtio)) => None,
        (Some(Address::Usb(_)), Some(DiskBus::Usb)) => None,
        (Some(_), Some(DiskBus::Usb)) => {
            return Err(DefaultsError::internal("unexpected address type for usb disk"));
        }
        (Some(other), _) => Some(other),
    };
    match wrong {
        Some(address) if disk.bus == Some(DiskBus::Virtio) => {
            refuse(format!("virtio disk cannot have an address of type '{}'", address_name(address)))
        }
        Some(address) => Err(DefaultsError::unsupported(format!(
            "Invalid address type '{}' for the disk '{}' with the bus type '{}'",
            address_name(address),
            disk.target,
            bus_name(disk)
        ))
        .by(Part::Domain)),
        None => drive(disk, check),
    }
}

/// Machines have one IDE controller; narrow SCSI adapters know units only.
fn drive(disk: &Disk, check: &Check<'_>) -> Verdict {
    let Some(Address::Drive(at)) = disk.info.address else { return Ok(()) };
    match disk.bus {
        Some(DiskBus::Ide) if at.controller != 0 => {
            Err(DefaultsError::internal("Only 1 IDE controller is supported"))
        }
        Some(DiskBus::Scsi) if at.target != 0 && is_narrow(at.controller, check) => {
            refuse("target must be 0 for controller model 'lsilogic'".to_owned())
        }
        _ => Ok(()),
    }
}

fn is_narrow(index: u32, check: &Check<'_>) -> bool {
    check.domain.devices.iter().any(|device| {
        matches!(device, Device::Controller(controller)
            if controller.index == Some(index)
                && matches!(controller.kind, ControllerKind::Scsi { model: Some(ScsiModel::LsiLogic) }))
    })
}

fn address_name(address: &Address) -> &'static str {
    match address {
        Address::Pci(_) => "pci",
        Address::Drive(_) => "drive",
        Address::VirtioSerial(_) => "virtio-serial",
        Address::Ccid { .. } => "ccid",
        Address::Usb(_) => "usb",
        Address::SpaprVio { .. } => "spapr-vio",
        Address::Ccw(_) => "ccw",
        Address::VirtioMmio => "virtio-mmio",
        Address::Isa { .. } => "isa",
        Address::Dimm { .. } => "dimm",
        Address::Unassigned => "unassigned",
    }
}

fn source(disk: &Disk, check: &Check<'_>) -> Verdict {
    if let Location::VhostUser { .. } = disk.source.location
        && !crate::defaults::memory_is_shared(check.domain)
    {
        return refuse("'vhostuser' requires shared memory".to_owned());
    }
    image_format(&disk.source, disk.driver.metadata_cache_size)?;
    let fat = disk.source.format == Some(StorageFormat::Fat);
    if fat && !disk.readonly && disk.device != DiskDevice::Cdrom {
        return refuse("virtual FAT storage can't be accessed in read-write mode".to_owned());
    }
    let mut next = Some(&disk.source);
    while let Some(image) = next {
        image_rules(image)?;
        next = match &image.backing {
            Backing::Source(below) => Some(below),
            Backing::Unknown | Backing::None => None,
        };
    }
    Ok(())
}

/// Formats that QEMU has no driver for, or only for folders.
fn image_format(image: &StorageSource, metadata_cache_size: Option<u64>) -> Verdict {
    let Some(format) = image.format else { return Ok(()) };
    let folder = matches!(image.location, Location::Dir { .. });
    match format {
        StorageFormat::Dir => {
            refuse("storage format 'dir' is not one of QEMU's: use the disk type 'dir'".to_owned())
        }
        StorageFormat::Iso => refuse("storage format 'iso' is not one of QEMU's: use 'raw'".to_owned()),
        StorageFormat::Cow => refuse("storage format 'cow' is not supported".to_owned()),
        StorageFormat::Fat if !folder => {
            refuse("storage format 'fat' is supported only with the storage type 'dir'".to_owned())
        }
        format if folder && format != StorageFormat::Fat => {
            refuse("storage type 'dir' requires use of storage format 'fat'".to_owned())
        }
        format if metadata_cache_size.is_some() && format != StorageFormat::Qcow2 => {
            refuse("the size of the metadata cache can be set of qcow2 images only".to_owned())
        }
        _ => Ok(()),
    }
}

fn image_rules(image: &StorageSource) -> Verdict {
    image_format(image, image.metadata_cache_size)?;
    if let Location::Network(network) = &image.location
        && network.protocol == NetworkProtocol::Tftp
    {
        return refuse("'tftp' protocol is not supported with this QEMU binary".to_owned());
    }
    match &image.encryption {
        Some(encryption) => encrypted(image, encryption),
        None => Ok(()),
    }
}

fn encrypted(image: &StorageSource, encryption: &Encryption) -> Verdict {
    if matches!(encryption.format, EncryptionFormat::Qcow | EncryptionFormat::Default) {
        return refuse("old qcow/qcow2 encryption is not supported".to_owned());
    }
    let rbd =
        matches!(&image.location, Location::Network(network) if network.protocol == NetworkProtocol::Rbd);
    if encryption.engine == Some(EncryptionEngine::Librbd) && !rbd {
        return refuse("librbd encryption is supported only with RBD backed disks".to_owned());
    }
    Ok(())
}
