//! Controllers that no document needs to name: root bus, USB, and those that disks, channels and cards sit behind.

use std::collections::BTreeSet;

use model::Rare;
use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::address::Address;
use model::domain::device::chardev::{ChannelTarget, ConsoleTarget};
use model::domain::device::controller::{
    Controller, ControllerKind, PciController, PciModel, PciModelName, UsbModel,
};
use model::domain::device::disk::DiskBus;
use model::domain::device::info::DeviceInfo;

use super::Board;
use super::error::DefaultsError;
use crate::device::controller::default_usb;

/// Most controllers of one kind that a drive address may call into being; keeps a hostile index cheap.
const MAX_IMPLICIT: u32 = 1024;

/// Adds what the machine has: USB, the chipset's SATA, the root bus. Gives numbers to those without.
pub(super) fn defaults(domain: &mut Domain, board: &Board<'_>) -> Result<(), DefaultsError> {
    masters_first(domain);
    number(domain);
    if board.x86() && board.machine != "isapc" && find(domain, is_usb, 0).is_none() {
        let kind = ControllerKind::Usb { model: Some(default_usb(board)), ports: None };
        add(domain, kind, 0);
    }
    if board.q35() {
        if find(domain, is_sata, 0).is_none() {
            add(domain, ControllerKind::Sata, 0);
        }
        root(domain, PciModel::PcieRoot)?;
    } else if board.i440fx() {
        root(domain, PciModel::PciRoot)?;
    }
    pci_devices(domain);
    Ok(())
}

/// Adds the controllers that other devices' addresses ask for.
pub(super) fn implicit(domain: &mut Domain) -> Result<(), DefaultsError> {
    for (bus, kind) in [
        (DiskBus::Scsi, ControllerKind::Scsi { model: None }),
        (DiskBus::Fdc, ControllerKind::Fdc),
        (DiskBus::Ide, ControllerKind::Ide { model: None }),
        (DiskBus::Sata, ControllerKind::Sata),
    ] {
        for_disks(domain, bus, &kind)?;
    }
    for_ports(domain)?;
    for_smartcards(domain);
    Ok(())
}

/// Controllers of a kind without an index get the next free one; the parts of a USB 2 controller share one.
fn number(domain: &mut Domain) {
    let mut group: Option<(u32, Vec<UsbModel>)> = None;
    for position in 0..domain.devices.len() {
        let Device::Controller(controller) = &domain.devices[position] else { continue };
        let part = usb2_part(&controller.kind);
        if controller.index.is_some() {
            group = None;
            if let Device::Controller(controller) = &mut domain.devices[position] {
                controller.info.master_port =
                    controller.info.master_port.or(part.and_then(UsbModel::companion_port));
            }
            continue;
        }
        let kind = std::mem::discriminant(&controller.kind);
        let taken: BTreeSet<u32> = indexes(domain, |other| std::mem::discriminant(other) == kind).collect();
        let next = (0..=u32::MAX).find(|index| !taken.contains(index)).unwrap_or(u32::MAX);
        let index = match (part, &mut group) {
            (Some(part), Some((index, parts))) if !parts.contains(&part) => {
                parts.push(part);
                *index
            }
            (Some(part), _) => {
                group = Some((next, vec![part]));
                next
            }
            (None, _) => {
                group = None;
                next
            }
        };
        if let Device::Controller(controller) = &mut domain.devices[position] {
            controller.index = Some(index);
            controller.info.master_port =
                controller.info.master_port.or(part.and_then(UsbModel::companion_port));
        }
    }
}

/// A USB 2 controller stands before its companions.
fn masters_first(domain: &mut Domain) {
    for position in 0..domain.devices.len() {
        let Device::Controller(master) = &domain.devices[position] else { continue };
        if usb2_part(&master.kind) != Some(UsbModel::Ich9Ehci1) {
            continue;
        }
        let index = master.index;
        let first = domain.devices[..position].iter().position(|device| {
            matches!(device, Device::Controller(other)
                if index.is_some() && other.index == index && usb2_part(&other.kind).is_some_and(UsbModel::is_companion))
        });
        if let Some(first) = first {
            domain.devices[first..=position].rotate_right(1);
        }
    }
}

fn usb2_part(kind: &ControllerKind) -> Option<UsbModel> {
    match kind {
        ControllerKind::Usb { model: Some(model), .. } => matches!(
            model,
            UsbModel::Ich9Ehci1 | UsbModel::Ich9Uhci1 | UsbModel::Ich9Uhci2 | UsbModel::Ich9Uhci3
        )
        .then_some(*model),
        _ => None,
    }
}

fn indexes(domain: &Domain, test: impl Fn(&ControllerKind) -> bool) -> impl Iterator<Item = u32> {
    domain.devices.iter().filter_map(move |device| match device {
        Device::Controller(controller) if test(&controller.kind) => controller.index,
        _ => None,
    })
}

fn find(domain: &Domain, test: fn(&ControllerKind) -> bool, index: u32) -> Option<&Controller> {
    domain.devices.iter().find_map(|device| match device {
        Device::Controller(controller) if test(&controller.kind) && controller.index == Some(index) => {
            Some(&**controller)
        }
        _ => None,
    })
}

/// Adds a controller behind all others, where the reference lists those that it adds.
pub(super) fn add(domain: &mut Domain, kind: ControllerKind, index: u32) {
    let controller =
        Controller { kind, index: Some(index), driver: Rare::default(), info: DeviceInfo::default() };
    let controller = Device::from(controller);
    let end = domain.devices.partition_point(|device| device.rank() <= controller.rank());
    domain.devices.insert(end, controller);
}

/// A PCI controller of a model, with the device that stands for it.
pub(super) fn pci(model: PciModel) -> ControllerKind {
    ControllerKind::Pci(PciController {
        model: Some(model),
        model_name: device_of(model),
        ..PciController::default()
    })
}

fn root(domain: &mut Domain, model: PciModel) -> Result<(), DefaultsError> {
    let Some(found) = find(domain, |kind| matches!(kind, ControllerKind::Pci(_)), 0) else {
        add(domain, pci(model), 0);
        return Ok(());
    };
    match &found.kind {
        ControllerKind::Pci(pci) if pci.model == Some(model) => Ok(()),
        ControllerKind::Pci(PciController { model: Some(other), .. }) => Err(DefaultsError::xml(format!(
            "The PCI controller with index='0' must be model='{model}' for this machine type, but model='{other}' was found instead"
        ))),
        _ => Err(DefaultsError::xml(format!(
            "The PCI controller with index='0' must be model='{model}' for this machine type, but has no model"
        ))),
    }
}

/// The device that stands for each PCI controller.
fn pci_devices(domain: &mut Domain) {
    for device in &mut domain.devices {
        if let Device::Controller(controller) = device
            && let ControllerKind::Pci(pci) = &mut controller.kind
            && pci.model_name.is_none()
        {
            pci.model_name = pci.model.and_then(device_of);
        }
    }
}

fn device_of(model: PciModel) -> Option<PciModelName> {
    match model {
        PciModel::PciRoot | PciModel::PcieRoot => None,
        PciModel::PciBridge => Some(PciModelName::PciBridge),
        PciModel::DmiToPciBridge => Some(PciModelName::I82801b11Bridge),
        PciModel::PcieToPciBridge => Some(PciModelName::PciePciBridge),
        PciModel::PcieRootPort => Some(PciModelName::PcieRootPort),
        PciModel::PcieSwitchUpstreamPort => Some(PciModelName::X3130Upstream),
        PciModel::PcieSwitchDownstreamPort => Some(PciModelName::Xio3130Downstream),
        PciModel::PciExpanderBus => Some(PciModelName::Pxb),
        PciModel::PcieExpanderBus => Some(PciModelName::PxbPcie),
    }
}

fn is_usb(kind: &ControllerKind) -> bool {
    matches!(kind, ControllerKind::Usb { .. })
}

fn is_sata(kind: &ControllerKind) -> bool {
    matches!(kind, ControllerKind::Sata)
}

fn for_disks(domain: &mut Domain, bus: DiskBus, kind: &ControllerKind) -> Result<(), DefaultsError> {
    let highest = domain
        .devices
        .iter()
        .filter_map(|device| match device {
            Device::Disk(disk) if disk.bus == Some(bus) => match disk.info.address {
                Some(Address::Drive(at)) => Some(at.controller),
                _ => None,
            },
            _ => None,
        })
        .max();
    match highest {
        Some(highest) => up_to(domain, kind, highest),
        None => Ok(()),
    }
}

/// Adds all missing controllers of a kind up to an index.
fn up_to(domain: &mut Domain, kind: &ControllerKind, highest: u32) -> Result<(), DefaultsError> {
    if highest >= MAX_IMPLICIT {
        return Err(DefaultsError::xml(format!("controller index {highest} is too large")));
    }
    let same = std::mem::discriminant(kind);
    for index in 0..=highest {
        let there =
            indexes(domain, |other| std::mem::discriminant(other) == same).any(|other| other == index);
        if !there {
            add(domain, kind.clone(), index);
        }
    }
    Ok(())
}

fn for_ports(domain: &mut Domain) -> Result<(), DefaultsError> {
    let wanted: BTreeSet<u32> = domain
        .devices
        .iter()
        .filter_map(|device| {
            let info = match device {
                Device::Channel(channel) if matches!(channel.target, ChannelTarget::Virtio { .. }) => {
                    &channel.info
                }
                Device::Console(console) if console.target_type == Some(ConsoleTarget::Virtio) => {
                    &console.info
                }
                _ => return None,
            };
            Some(match info.address {
                Some(Address::VirtioSerial(at)) => at.controller,
                _ => 0,
            })
        })
        .collect();
    for index in wanted {
        if find(domain, |kind| matches!(kind, ControllerKind::VirtioSerial { .. }), index).is_none() {
            add(domain, ControllerKind::VirtioSerial { model: None, ports: None, vectors: None }, index);
        }
    }
    Ok(())
}

fn for_smartcards(domain: &mut Domain) {
    let mut slot = 0;
    for device in &mut domain.devices {
        if let Device::Smartcard(card) = device {
            if card.info.address.is_none() {
                card.info.address = Some(Address::Ccid { controller: 0, slot });
            }
            slot += 1;
        }
    }
    let wanted: Vec<u32> = domain
        .devices
        .iter()
        .filter_map(|device| match device {
            Device::Smartcard(card) => match card.info.address {
                Some(Address::Ccid { controller, .. }) => Some(controller),
                _ => None,
            },
            _ => None,
        })
        .collect();
    for index in wanted {
        if find(domain, |kind| matches!(kind, ControllerKind::Ccid), index).is_none() {
            add(domain, ControllerKind::Ccid, index);
        }
    }
}

/// Adds SCSI controllers for passed-through units, like the last one that is there.
pub(super) fn for_scsi_hostdevs(domain: &mut Domain) -> Result<(), DefaultsError> {
    super::address::drive::hostdevs(domain)?;
    let highest = domain
        .devices
        .iter()
        .filter_map(|device| match device {
            Device::Hostdev(hostdev) => match hostdev.info.address {
                Some(Address::Drive(at)) => Some(at.controller),
                _ => None,
            },
            _ => None,
        })
        .max();
    match highest {
        Some(highest) => {
            let model = domain.devices.iter().rev().find_map(|device| match device {
                Device::Controller(controller) => match controller.kind {
                    ControllerKind::Scsi { model } => model,
                    _ => None,
                },
                _ => None,
            });
            up_to(domain, &ControllerKind::Scsi { model }, highest)
        }
        None => Ok(()),
    }
}
