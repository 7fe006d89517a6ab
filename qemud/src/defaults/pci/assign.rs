//! Gives every PCI device its place, and adds the controllers that are missing.
//!
//! Two passes: a dry run on a copy finds out which controllers are missing; then these are added and all devices
//! get their places for good, controllers first, so that the result is the same as if all had been written down.

use model::Token;
use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::address::{Address, PciAddress};
use model::domain::device::controller::{Controller, ControllerKind, PciModel, UsbModel};
use model::domain::device::interface::InterfaceSource;

use super::bus::{BusModel, Connect};
use super::chipset;
use super::set::{PciSet, Place};
use crate::defaults::Board;
use crate::defaults::controllers;
use crate::defaults::error::{DefaultsError, Part};
use crate::device::controller::bus_model;

/// Highest number the guest's firmware gives to an expander's bus.
const TOP_BUS: u32 = 256;

/// Completes the PCI topology of a domain.
pub fn assign(domain: &mut Domain, board: &Board<'_>) -> Result<(), DefaultsError> {
    check_cells(domain)?;
    let given = bus_count(domain);
    if given > 0 {
        let missing = dry_run(domain, board, given)?;
        for (index, model) in missing.into_iter().enumerate().skip(1) {
            let known = has_pci(domain, index as u32);
            if let (false, Some(model)) = (known, PciModel::from_word(model.name())) {
                controllers::add(domain, controllers::pci(model), index as u32);
            }
        }
    }
    let mut set = create(domain, board, false)?;
    place_all(domain, board, &mut set)?;
    mark_multifunction(domain, &set);
    options(domain)
}

/// Controllers belong to NUMA cells that the guest has.
fn check_cells(domain: &Domain) -> Result<(), DefaultsError> {
    let cells = domain.cpu.numa.cells.len();
    for device in &domain.devices {
        let Device::Controller(controller) = device else { continue };
        let ControllerKind::Pci(pci) = &controller.kind else { continue };
        let Some(model) = pci.model else { continue };
        if let Some(node) = pci.extra.numa_node.filter(|node| *node as usize >= cells) {
            let index = controller.index.unwrap_or(0);
            return Err(DefaultsError::xml(format!(
                "{model} with index {index} belongs to NUMA node {node}, but the guest has {cells} NUMA cells"
            )));
        }
    }
    Ok(())
}

/// Buses that a guest needs, as far as they are not written down.
fn dry_run(domain: &Domain, board: &Board<'_>, given: usize) -> Result<Vec<BusModel>, DefaultsError> {
    let mut copy = domain.clone();
    let mut set = create(&copy, board, true)?;
    chipset::place(&mut copy, board, &mut set)?;
    if board.i440fx() && !set.full() {
        // Room for one bridge, in case the devices fill the root bus.
        set.take_next(Connect::PCI | Connect::HOTPLUG, Some(0))?;
    }
    place_devices(&mut copy, board, &mut set)?;
    if given == 1 && set.buses().len() > 1 && board.q35() {
        // The caller leaves the topology to us: one spare port for hotplug.
        set.take_next(board.pcie(), Some(0))?;
    }
    // A controller may need a parent that is missing too, so the set can grow meanwhile.
    let mut index = 1;
    while let Some(bus) = set.buses().get(index) {
        let plug = bus.model.plug();
        if !has_pci(&copy, index as u32) {
            set.take_next(plug, controller_function(plug))?;
        }
        index += 1;
    }
    Ok(set.buses().iter().map(|bus| bus.model).collect())
}

/// A port may take any function of a shared slot.
fn controller_function(plug: Connect) -> Option<u8> {
    if plug.has(Connect::AGGREGATE) { None } else { Some(0) }
}

fn pci_controllers(domain: &Domain) -> impl Iterator<Item = (&Controller, Option<PciModel>)> {
    domain.devices.iter().filter_map(|device| match device {
        Device::Controller(controller) => match &controller.kind {
            ControllerKind::Pci(pci) => Some((&**controller, pci.model)),
            _ => None,
        },
        _ => None,
    })
}

fn has_pci(domain: &Domain, index: u32) -> bool {
    pci_controllers(domain).any(|(controller, _)| controller.index == Some(index))
}

fn bus_count(domain: &Domain) -> usize {
    pci_controllers(domain)
        .filter_map(|(controller, _)| controller.index)
        .max()
        .map_or(0, |top| top as usize + 1)
}

/// All buses, with the places that documents give taken.
fn create(domain: &Domain, board: &Board<'_>, dry_run: bool) -> Result<PciSet, DefaultsError> {
    let mut set = PciSet::new(dry_run, board.caps.has_device("pcie-pci-bridge"));
    let mut seen = Vec::new();
    // What no controller says of a bus: on express machines, a bus is a root port's.
    let express = pci_controllers(domain).any(|(_, model)| model == Some(PciModel::PcieRoot));
    let filler = if express { BusModel::RootPort } else { BusModel::Bridge };
    for (controller, model) in pci_controllers(domain) {
        let index = controller.index.unwrap_or(0);
        if seen.contains(&index) {
            return Err(DefaultsError::xml(format!("Multiple 'pci' controllers with index '{index}'"))
                .by(Part::Domain));
        }
        seen.push(index);
        if index > MAX_INDEX {
            return Err(DefaultsError::xml(format!(
                "PCI controller index {index} too high, maximum is {MAX_INDEX}"
            ))
            .by(Part::Domain));
        }
        if let Some(model) = model.and_then(bus_model) {
            set.set_bus(index as usize, model, filler);
        }
    }
    for device in &domain.devices {
        if let (Some(at), Some(plug)) = (given(device), crate::device::plug(device, board))
            && !chipset::built_in(device, board)
        {
            set.take(to_place(&at)?, plug, true)?;
        }
    }
    Ok(set)
}

/// Buses have 8-bit numbers.
const MAX_INDEX: u32 = 255;

/// The address a device has, if it is a complete PCI address.
pub fn given(device: &Device) -> Option<PciAddress> {
    match device.info()?.address {
        Some(Address::Pci(at)) if !is_empty(&at) => Some(at),
        _ => None,
    }
}

fn is_empty(at: &PciAddress) -> bool {
    at.domain == 0 && at.bus == 0 && at.slot == 0 && at.function == 0
}

/// Whether a device needs a place on PCI.
pub fn wanted(device: &Device) -> bool {
    match device.info().map(|info| &info.address) {
        Some(None) => true,
        Some(Some(Address::Pci(at))) => is_empty(at),
        _ => false,
    }
}

/// The address as a place of the set.
pub fn to_place(at: &PciAddress) -> Result<Place, DefaultsError> {
    let small = |value: u32| u8::try_from(value).unwrap_or(u8::MAX);
    Ok(Place { domain: at.domain, bus: at.bus, slot: small(at.slot), function: small(at.function) })
}

/// Writes a place into a device.
pub fn store(device: &mut Device, place: Place, multifunction: Option<bool>) {
    if let Some(info) = device.info_mut() {
        let kept = match &info.address {
            Some(Address::Pci(at)) => at.multifunction,
            _ => None,
        };
        info.address = Some(Address::Pci(PciAddress {
            domain: place.domain,
            bus: place.bus,
            slot: u32::from(place.slot),
            function: u32::from(place.function),
            multifunction: multifunction.or(kept),
            zpci: None,
        }));
    }
}

fn place_all(domain: &mut Domain, board: &Board<'_>, set: &mut PciSet) -> Result<(), DefaultsError> {
    chipset::place(domain, board, set)?;
    place_devices(domain, board, set)
}

/// Order in which kinds get their places.
fn rank(device: &Device) -> Option<u32> {
    Some(match device {
        Device::Controller(controller) => match controller.kind {
            ControllerKind::Pci(_) => 0,
            _ => 4,
        },
        Device::Filesystem(_) => 1,
        Device::Interface(interface) if matches!(interface.source, InterfaceSource::Hostdev { .. }) => 6,
        Device::Interface(_) => 2,
        Device::Sound(_) => 3,
        Device::Disk(_) => 5,
        Device::Hostdev(_) => 6,
        Device::Memballoon(_) => 7,
        Device::Rng(_) => 8,
        Device::Watchdog(_) => 9,
        Device::Video(_) => 10,
        Device::Shmem(_) => 11,
        Device::Input(_) => 12,
        Device::Serial(_) => 13,
        Device::Vsock(_) => 14,
        Device::Memory(_) => 15,
        Device::Iommu(_) => 17,
        _ => return None,
    })
}

fn place_devices(domain: &mut Domain, board: &Board<'_>, set: &mut PciSet) -> Result<(), DefaultsError> {
    let mut order: Vec<(u32, usize)> = domain
        .devices
        .iter()
        .enumerate()
        .filter_map(|(position, device)| Some((rank(device)?, position)))
        .collect();
    order.sort();
    for (_, position) in order {
        let device = &domain.devices[position];
        let Some(plug) = crate::device::plug(device, board) else { continue };
        if !wanted(device) || is_root(device) {
            continue;
        }
        if let Some(usb) = usb2(device) {
            place_usb2(domain, position, usb, plug, set)?;
            continue;
        }
        let place = set.take_next(plug, controller_function(plug))?;
        store(&mut domain.devices[position], place, None);
    }
    Ok(())
}

fn is_root(device: &Device) -> bool {
    let Device::Controller(controller) = device else { return false };
    matches!(&controller.kind, ControllerKind::Pci(pci)
        if matches!(pci.model, Some(PciModel::PciRoot | PciModel::PcieRoot) | None))
}

/// Function of a part of the ICH9 USB 2 controller, and the index of the whole.
fn usb2(device: &Device) -> Option<(u32, u8)> {
    let Device::Controller(controller) = device else { return None };
    let ControllerKind::Usb { model, .. } = controller.kind else { return None };
    let function = match model? {
        UsbModel::Ich9Ehci1 => 7,
        UsbModel::Ich9Uhci1 => 0,
        UsbModel::Ich9Uhci2 => 1,
        UsbModel::Ich9Uhci3 => 2,
        _ => return None,
    };
    Some((controller.index.unwrap_or(0), function))
}

/// The parts of an ICH9 USB 2 controller share a slot.
fn place_usb2(
    domain: &mut Domain,
    position: usize,
    (index, function): (u32, u8),
    plug: Connect,
    set: &mut PciSet,
) -> Result<(), DefaultsError> {
    let sibling = domain.devices.iter().enumerate().find_map(|(other, device)| {
        (other != position && usb2(device).is_some_and(|(other, _)| other == index))
            .then(|| given(device))
            .flatten()
    });
    let place = match sibling {
        Some(at) => {
            let place = Place { function, ..to_place(&at)? };
            // The first part was placed already, perhaps by the document; the others follow it anywhere.
            set.take(place, plug, true)?;
            place
        }
        None => set.take_next(plug, Some(function))?,
    };
    store(&mut domain.devices[position], place, (function == 0).then_some(true));
    Ok(())
}

/// Function 0 of a slot with more functions says so.
fn mark_multifunction(domain: &mut Domain, set: &PciSet) {
    for device in &mut domain.devices {
        let Some(at) = given(device) else { continue };
        let Some(Address::Pci(address)) = device.info_mut().and_then(|info| info.address.as_mut()) else {
            continue;
        };
        let others =
            (1..8).any(|function| to_place(&at).is_ok_and(|place| set.taken(Place { function, ..place })));
        if at.function == 0 && others && address.multifunction.is_none() {
            address.multifunction = Some(true);
        }
    }
}

/// Numbers of bridges and ports that follow from their place.
fn options(domain: &mut Domain) -> Result<(), DefaultsError> {
    for position in 0..domain.devices.len() {
        let lowest = lowest_bus(domain);
        let Device::Controller(controller) = &mut domain.devices[position] else { continue };
        let at = match controller.info.address {
            Some(Address::Pci(at)) => at,
            _ => PciAddress::default(),
        };
        let index = controller.index.unwrap_or(0);
        let ControllerKind::Pci(pci) = &mut controller.kind else { continue };
        match pci.model {
            Some(PciModel::PciBridge) if index <= at.bus => {
                return Err(DefaultsError::unsupported(format!(
                    "PCI controller at index {index} ({index:#04x}) has bus='{:#04x}', but index must be larger than bus",
                    at.bus
                )));
            }
            Some(PciModel::PciBridge) => _ = pci.chassis_nr.get_or_insert(index),
            Some(PciModel::PcieRootPort) => {
                pci.chassis.get_or_insert(index);
                pci.port.get_or_insert((at.slot << 3) + at.function);
            }
            Some(PciModel::PcieSwitchDownstreamPort) => {
                pci.chassis.get_or_insert(index);
                pci.port.get_or_insert(at.slot);
            }
            Some(PciModel::PciExpanderBus | PciModel::PcieExpanderBus) if pci.extra.bus_nr.is_none() => {
                if lowest <= 2 {
                    let model = pci.model.map_or("", Token::as_str);
                    return Err(DefaultsError::internal(format!(
                        "No free busNr lower than current lowest busNr is available to auto-assign to controller {index} ({model})"
                    )));
                }
                pci.extra.bus_nr = Some(lowest - 2);
            }
            _ => {}
        }
    }
    Ok(())
}

fn lowest_bus(domain: &Domain) -> u32 {
    domain
        .devices
        .iter()
        .filter_map(|device| match device {
            Device::Controller(controller) => match &controller.kind {
                ControllerKind::Pci(pci) => pci.extra.bus_nr,
                _ => None,
            },
            _ => None,
        })
        .min()
        .unwrap_or(TOP_BUS)
}
