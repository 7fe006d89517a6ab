//! What sits at fixed places: parts of the chipset, and the devices whose drivers expect them where hardware has them.

use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::controller::{ControllerKind, PciModel, UsbModel};
use model::domain::device::sound::SoundModel;

use super::assign::{given, store, to_place, wanted};
use super::bus::Connect;
use super::set::{PciSet, Place};
use crate::defaults::Board;
use crate::defaults::error::{DefaultsError, Part};

/// Places of i440fx: bridge, IDE, USB, power management.
const PIIX_SLOT: u8 = 1;
const PIIX_IDE: u8 = 1;
const PIIX_USB: u8 = 2;
/// First card of i440fx.
const PIIX_VIDEO: u8 = 2;
/// Places of q35: LPC bridge, AHCI, SMBus.
const ICH9_SLOT: u8 = 0x1f;
const ICH9_SATA: u8 = 2;
/// First card of q35.
const ICH9_VIDEO: u8 = 1;
/// Where q35 boards have sound, USB 2 and the bridge to PCI.
const ICH9_SOUND: u8 = 0x1b;
const ICH9_USB: [u8; 2] = [0x1d, 0x1a];
const ICH9_BRIDGE: u8 = 0x1e;

/// Takes and gives the fixed places.
pub(super) fn place(domain: &mut Domain, board: &Board<'_>, set: &mut PciSet) -> Result<(), DefaultsError> {
    if set.buses().is_empty() {
        return Ok(());
    }
    if board.i440fx() {
        piix3(domain, board, set)
    } else if board.q35() {
        q35(domain, board, set)
    } else {
        Ok(())
    }
}

/// Whether a device is part of the chipset at its own place, which [`place`] takes as a whole.
pub(super) fn built_in(device: &Device, board: &Board<'_>) -> bool {
    let Some(at) = given(device) else { return false };
    let Device::Controller(controller) = device else { return false };
    if at.domain != 0 || at.bus != 0 || controller.index != Some(0) {
        return false;
    }
    let here = |slot: u8, function: u8| at.slot == u32::from(slot) && at.function == u32::from(function);
    match &controller.kind {
        ControllerKind::Ide { .. } => board.i440fx() && here(PIIX_SLOT, PIIX_IDE),
        ControllerKind::Usb { model: Some(UsbModel::Piix3Uhci) | None, .. } => {
            board.i440fx() && here(PIIX_SLOT, PIIX_USB)
        }
        ControllerKind::Sata => board.q35() && here(ICH9_SLOT, ICH9_SATA),
        _ => false,
    }
}

fn root(slot: u8, function: u8) -> Place {
    Place { domain: 0, bus: 0, slot, function }
}

/// Gives a built-in controller its place, and refuses any other.
fn fix(device: &mut Device, place: Place, what: &str) -> Result<(), DefaultsError> {
    if wanted(device) {
        store(device, place, None);
        return Ok(());
    }
    match given(device) {
        Some(at) if to_place(&at)? == place => Ok(()),
        _ => Err(DefaultsError::internal(format!("{what} must have PCI address {place}")).by(Part::Qemu)),
    }
}

fn piix3(domain: &mut Domain, board: &Board<'_>, set: &mut PciSet) -> Result<(), DefaultsError> {
    for device in &mut domain.devices {
        let Device::Controller(controller) = &*device else { continue };
        match (&controller.kind, controller.index) {
            (ControllerKind::Ide { .. }, Some(0)) => {
                fix(device, root(PIIX_SLOT, PIIX_IDE), "Primary IDE controller")?;
                set.take(root(PIIX_SLOT, PIIX_IDE), Connect::PCI, true)?;
            }
            (ControllerKind::Usb { model: Some(UsbModel::Piix3Uhci), .. }, Some(0)) => {
                fix(device, root(PIIX_SLOT, PIIX_USB), "PIIX3 USB controller")?;
                set.take(root(PIIX_SLOT, PIIX_USB), Connect::PCI, true)?;
            }
            _ => {}
        }
    }
    set.take(root(PIIX_SLOT, 0), Connect::PCI, true)?;
    primary_video(domain, board, set, PIIX_VIDEO)
}

fn q35(domain: &mut Domain, board: &Board<'_>, set: &mut PciSet) -> Result<(), DefaultsError> {
    for position in 0..domain.devices.len() {
        let Device::Controller(controller) = &domain.devices[position] else { continue };
        let index = controller.index;
        match (&controller.kind, index) {
            (ControllerKind::Sata, Some(0)) => {
                fix(&mut domain.devices[position], root(ICH9_SLOT, ICH9_SATA), "Primary SATA controller")?;
            }
            (ControllerKind::Usb { model: Some(UsbModel::Ich9Uhci1), .. }, _) => {
                usb2(&mut domain.devices[position], set)?;
            }
            (ControllerKind::Pci(pci), _) if pci.model == Some(PciModel::DmiToPciBridge) => {
                let plug = super::bus::BusModel::DmiToPci.plug();
                try_fixed(&mut domain.devices[position], root(ICH9_BRIDGE, 0), plug, set)?;
            }
            _ => {}
        }
    }
    // LPC bridge, AHCI and SMBus are one slot that nothing else may use.
    for function in [0, ICH9_SATA, 3] {
        set.take(root(ICH9_SLOT, function), Connect::PCIE, true)?;
    }
    primary_video(domain, board, set, ICH9_VIDEO)?;
    let sound = domain.devices.iter().position(|device| {
        matches!(device, Device::Sound(sound) if sound.model == SoundModel::Ich9) && wanted(device)
    });
    match sound {
        Some(position) => try_fixed(&mut domain.devices[position], root(ICH9_SOUND, 0), Connect::PCI, set),
        None => Ok(()),
    }
}

/// The first two USB 2 controllers go where boards have them, if that is free.
fn usb2(device: &mut Device, set: &mut PciSet) -> Result<(), DefaultsError> {
    if !wanted(device) {
        return Ok(());
    }
    let free = ICH9_USB.into_iter().map(|slot| root(slot, 0)).find(|place| !set.slot_taken(*place));
    if let Some(place) = free {
        set.take(place, Connect::PCI, true)?;
        store(device, place, Some(true));
    }
    Ok(())
}

/// Takes a customary place if it is free; else the device is placed like any other.
fn try_fixed(
    device: &mut Device,
    place: Place,
    plug: Connect,
    set: &mut PciSet,
) -> Result<(), DefaultsError> {
    if wanted(device) && !set.slot_taken(place) {
        set.take(place, plug, true)?;
        store(device, place, None);
    }
    Ok(())
}

/// Firmware expects the first card at a certain slot.
fn primary_video(
    domain: &mut Domain,
    board: &Board<'_>,
    set: &mut PciSet,
    slot: u8,
) -> Result<(), DefaultsError> {
    let Some(position) = domain.devices.iter().position(|device| matches!(device, Device::Video(_))) else {
        return Ok(());
    };
    let device = &mut domain.devices[position];
    let Some(plug) = crate::device::plug(device, board) else { return Ok(()) };
    if !wanted(device) {
        return Ok(());
    }
    let place = root(slot, 0);
    let place = if set.slot_taken(place) {
        set.take_next(plug, Some(0))?
    } else {
        set.take(place, plug, true)?;
        place
    };
    store(device, place, None);
    Ok(())
}
