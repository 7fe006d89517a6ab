//! Disks: the guest's drive and the block nodes behind it.

pub mod blockdev;
pub mod chain;
pub mod header;
pub mod location;
mod rules;
mod throttle;

use model::Token;
use model::domain::device::address::{Address, DriveAddress};
use model::domain::device::controller::{ControllerKind, ScsiModel};
use model::domain::device::disk::source::{Backing, EncryptionEngine, Location, StorageFormat};
use model::domain::device::disk::{CacheMode, Disk, DiskBus, DiskDevice, DiskModel, ErrorPolicy};

use super::{Check, QemuDevice};
use crate::command::after::Step;
use crate::command::build::{Build, virtio_driver, virtio_options};
use crate::command::props::Props;
use crate::command::quote::commas;
use crate::command::{Mode, PlanError};
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;
use crate::defaults::{DefaultsError, QemuConf};

impl QemuDevice for Disk {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        if self.bus.is_none() {
            self.bus = Some(bus_of_target(&self.target, self.device));
        }
        if self.driver.name.is_none() && !matches!(self.source.location, Location::VhostUser { .. }) {
            self.driver.name = Some("qemu".to_owned());
        }
        complete_formats(self);
        location::complete(&mut self.source);
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        rules::validate(self, check)
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        let transitional = self.model == Some(DiskModel::VirtioTransitional);
        (self.bus == Some(DiskBus::Virtio)).then(|| board.virtio(transitional))
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        // Plugged in over the monitor, when the image that several guests share has got an overlay for each.
        if self.share_backing == Some(true) && build.options.mode == Mode::Native {
            return Ok(());
        }
        if self.bus == Some(DiskBus::Sd) {
            return sd_drive(self, build);
        }
        let drive = blockdev::disk(self, build)?;
        let props = frontend(self, drive.as_deref(), build)?;
        build.device(props)
    }

    fn after(&self, _conf: &QemuConf) -> Vec<Step> {
        throttle::steps(self)
    }
}

/// Without probing, an image of unknown format is raw; QEMU decrypts unless the document says otherwise.
fn complete_formats(disk: &mut Disk) {
    let format = match disk.source.location {
        // Known when the volume is looked up.
        Location::Volume { .. } | Location::VhostUser { .. } => None,
        Location::Dir { .. } => Some(StorageFormat::Fat),
        _ => Some(StorageFormat::Raw),
    };
    disk.source.format = disk.source.format.or(format);
    let mut next = Some(&mut disk.source);
    while let Some(image) = next {
        if let Some(encryption) = &mut image.encryption {
            encryption.engine.get_or_insert(EncryptionEngine::Qemu);
        }
        next = match &mut image.backing {
            Backing::Source(below) => Some(below),
            Backing::Unknown | Backing::None => None,
        };
    }
}

/// Bus that the first letters of a target name stand for.
fn bus_of_target(target: &str, device: DiskDevice) -> DiskBus {
    if device == DiskDevice::Floppy {
        return DiskBus::Fdc;
    }
    let by_prefix = [
        ("hd", DiskBus::Ide),
        ("sd", DiskBus::Scsi),
        ("vd", DiskBus::Virtio),
        ("xvd", DiskBus::Xen),
        ("ubd", DiskBus::Uml),
    ];
    by_prefix.iter().find(|(prefix, _)| target.starts_with(prefix)).map_or(DiskBus::Ide, |(_, bus)| *bus)
}

/// SD cards have no `-device` of their own.
fn sd_drive(disk: &Disk, build: &mut Build<'_>) -> Result<(), PlanError> {
    let index = model::domain::device::disk::target_index(&disk.target).unwrap_or(0);
    let mut value = String::new();
    if let Some(path) = location::path(&disk.source.location) {
        let format = disk.source.format.unwrap_or(StorageFormat::Raw);
        value = format!("file={},format={},", commas(path), format.as_str());
        build.plan.label(path, disk.readonly, disk.shareable);
    }
    value.push_str(&format!("if=sd,index={index}"));
    if disk.readonly {
        value.push_str(",readonly=on");
    }
    build.plan.option("-drive", value);
    Ok(())
}

/// The guest's side: `virtio-blk-pci`, `scsi-hd`, `ide-cd`, …
fn frontend(disk: &Disk, drive: Option<&str>, build: &Build<'_>) -> Result<Props, PlanError> {
    let alias = build.alias(&disk.info)?;
    let head = match disk.bus {
        Some(DiskBus::Virtio) => virtio_head(disk, build)?,
        Some(DiskBus::Scsi) => scsi_head(disk, build)?,
        Some(DiskBus::Ide) => ide_head(disk, build)?,
        Some(DiskBus::Sata) => sata_head(disk, build)?,
        Some(DiskBus::Fdc) => fdc_head(disk)?,
        Some(DiskBus::Usb) => build.place(Props::device("usb-storage"), &disk.info)?,
        other => {
            let bus = other.map_or("none", Token::as_str);
            return Err(PlanError::Failed(format!("unsupported disk bus '{bus}' with device setup")));
        }
    };
    Ok(tail(disk, drive, &alias, head, build))
}

fn virtio_head(disk: &Disk, build: &Build<'_>) -> Result<Props, PlanError> {
    let base = if matches!(disk.source.location, Location::VhostUser { .. }) {
        "vhost-user-blk"
    } else {
        "virtio-blk"
    };
    let driver = virtio_driver(base, disk.model.map(Token::as_str), &disk.info)?;
    let props = Props::device(&driver)
        .opt("num-queues", disk.driver.queues)
        .opt("queue-size", disk.driver.queue_size);
    let props = virtio_options(props, &disk.driver.virtio)
        .opt("event_idx", disk.driver.event_idx)
        .opt("iothread", disk.driver.iothread.map(|id| format!("iothread{id}")))
        .opt("ioeventfd", disk.driver.ioeventfd);
    build.place(props, &disk.info)
}

fn scsi_head(disk: &Disk, build: &Build<'_>) -> Result<Props, PlanError> {
    let at = drive_address(disk)?;
    let driver = match disk.device {
        DiskDevice::Cdrom => "scsi-cd",
        DiskDevice::Lun => "scsi-block",
        DiskDevice::Disk | DiskDevice::Floppy => "scsi-hd",
    };
    let props = scsi_place(Props::device(driver), &at, build)?;
    if disk.device == DiskDevice::Lun {
        return Ok(props);
    }
    match &disk.serial {
        Some(serial) => Ok(props.str("device_id", serial)),
        None => Ok(props.str("device_id", &format!("drive-{}", build.alias(&disk.info)?))),
    }
}

/// Adds the place of a SCSI unit: narrow adapters know units only, the others targets and their units.
pub fn scsi_place(props: Props, at: &DriveAddress, build: &Build<'_>) -> Result<Props, PlanError> {
    let bus =
        format!("{}.{}", build.controller("scsi", at.controller)?, scsi_bus(build, at.controller, at.bus));
    let props = props.str("bus", &bus);
    Ok(match scsi_model(build, at.controller) {
        Some(ScsiModel::LsiLogic | ScsiModel::Am53c974 | ScsiModel::Dc390 | ScsiModel::Ncr53c90) => {
            props.set("scsi-id", if at.target != 0 { at.target } else { at.unit })
        }
        _ => props.set("channel", at.bus).set("scsi-id", at.target).set("lun", at.unit),
    })
}

/// LSI adapters have one bus per channel, the others one bus with channels.
fn scsi_bus(build: &Build<'_>, controller: u32, channel: u32) -> u32 {
    match scsi_model(build, controller) {
        Some(ScsiModel::LsiLogic | ScsiModel::Am53c974 | ScsiModel::Dc390 | ScsiModel::Ncr53c90) => channel,
        _ => 0,
    }
}

fn scsi_model(build: &Build<'_>, index: u32) -> Option<ScsiModel> {
    build.controllers().find_map(|controller| match controller.kind {
        ControllerKind::Scsi { model } if controller.index == Some(index) => model,
        _ => None,
    })
}

fn ide_driver(disk: &Disk) -> &'static str {
    if disk.device == DiskDevice::Cdrom { "ide-cd" } else { "ide-hd" }
}

fn ide_head(disk: &Disk, build: &Build<'_>) -> Result<Props, PlanError> {
    let at = drive_address(disk)?;
    let bus = format!("{}.{}", build.controller("ide", at.controller)?, at.bus);
    Ok(Props::device(ide_driver(disk)).str("bus", &bus).set("unit", at.unit))
}

fn sata_head(disk: &Disk, build: &Build<'_>) -> Result<Props, PlanError> {
    let at = drive_address(disk)?;
    let bus = format!("{}.{}", build.controller("sata", at.controller)?, at.unit);
    Ok(Props::device(ide_driver(disk)).str("bus", &bus))
}

fn fdc_head(disk: &Disk) -> Result<Props, PlanError> {
    Ok(Props::device("floppy").set("unit", drive_address(disk)?.unit))
}

fn drive_address(disk: &Disk) -> Result<DriveAddress, PlanError> {
    match disk.info.address {
        Some(Address::Drive(at)) => Ok(at),
        _ => Err(PlanError::unsupported(format!("disk '{}' has no drive address", disk.target))),
    }
}

/// What all drives share, behind their place.
fn tail(disk: &Disk, drive: Option<&str>, alias: &str, head: Props, build: &Build<'_>) -> Props {
    let floppy = disk.bus == Some(DiskBus::Fdc);
    let boot = if floppy { None } else { build.boot_index(&disk.info) };
    let usb = disk.bus == Some(DiskBus::Usb);
    let removable = usb.then_some(disk.removable.unwrap_or(false));
    let mut props = head.flag("share-rw", disk.shareable && disk.bus != Some(DiskBus::Fdc));
    props = match (&disk.source.location, drive) {
        (Location::VhostUser { .. }, _) => props.str("chardev", &format!("chr-vu-{alias}")),
        (_, drive) => props.opt_str("drive", drive),
    };
    let wwn =
        disk.wwn.as_deref().and_then(|text| u64::from_str_radix(text.trim_start_matches("0x"), 16).ok());
    props = props
        .str("id", alias)
        .opt("bootindex", boot)
        .opt_str("loadparm", disk.info.extra.load_parm.as_deref());
    let blockio = disk.blockio.unwrap_or_default();
    props = props
        .opt("removable", removable)
        .opt("logical_block_size", blockio.logical)
        .opt("physical_block_size", blockio.physical)
        .opt("wwn", wwn)
        .opt("rotation_rate", disk.rotation_rate)
        .opt_str("vendor", disk.vendor.as_deref())
        .opt_str("product", disk.product.as_deref());
    if drive.is_some() && !floppy {
        props = props.opt_str("write-cache", write_cache(disk));
    }
    props = geometry(disk, props).opt_str("serial", disk.serial.as_deref());
    let (on_write, on_read) = error_policies(disk);
    props.opt_str("werror", on_write).opt_str("rerror", on_read)
}

/// Whether the guest sees a write cache; only told when the mode was chosen.
fn write_cache(disk: &Disk) -> Option<&'static str> {
    disk.driver.cache.map(|mode| match mode {
        CacheMode::None | CacheMode::Writeback | CacheMode::Unsafe => "on",
        CacheMode::Writethrough | CacheMode::Directsync => "off",
    })
}

fn geometry(disk: &Disk, props: Props) -> Props {
    match &disk.geometry {
        Some(g) if g.cylinders > 0 && g.heads > 0 && g.sectors > 0 => props
            .set("cyls", g.cylinders)
            .set("heads", g.heads)
            .set("secs", g.sectors)
            .opt_str("bios-chs-trans", g.translation.map(Token::as_str)),
        _ => props,
    }
}

/// QEMU's words for what happens on a write and on a read error.
fn error_policies(disk: &Disk) -> (Option<&'static str>, Option<&'static str>) {
    let word = |policy: ErrorPolicy| match policy {
        ErrorPolicy::Enospace => "enospc",
        other => other.as_str(),
    };
    let write = disk.driver.error_policy;
    // "enospace" has no meaning for a read, which then is reported.
    let read = match (disk.driver.rerror_policy, write) {
        (Some(policy), _) => Some(policy),
        (None, Some(ErrorPolicy::Enospace)) => None,
        (None, policy) => policy,
    };
    (write.map(word), read.map(word))
}
