//! Ports of USB devices, and the hubs that make enough of them.

use model::domain::Domain;
use model::domain::device::address::{Address, UsbAddress};
use model::domain::device::chardev::SerialTarget;
use model::domain::device::controller::{ControllerKind, UsbModel};
use model::domain::device::disk::DiskBus;
use model::domain::device::hostdev::HostdevSource;
use model::domain::device::hub::{Hub, HubType};
use model::domain::device::info::DeviceInfo;
use model::domain::device::input::InputBus;
use model::domain::device::sound::SoundModel;
use model::domain::device::{Device, insert};

use super::usb_set::{HUB_PORTS, UsbSet};
use crate::defaults::error::{DefaultsError, Part};

/// Gives ports to all USB devices.
pub fn assign(domain: &mut Domain) -> Result<(), DefaultsError> {
    if disabled(domain) {
        // Devices are refused by validation, which names them.
        return Ok(());
    }
    controllers(domain)?;
    let order = order(domain);
    if order.is_empty() {
        return Ok(());
    }
    add_hubs(domain, &order);
    let order = self::order(domain);
    let mut set = controllers(domain)?;
    if set.is_empty() {
        return Ok(());
    }
    refuse_strange(domain, &order)?;
    take_given(domain, &order, &mut set)?;
    for position in order {
        give(domain, position, &mut set)?;
    }
    Ok(())
}

/// USB devices of the guest sit on USB; disks and serial ports have rules of their own.
fn refuse_strange(domain: &Domain, order: &[usize]) -> Result<(), DefaultsError> {
    let strange = |device: &Device| {
        matches!(device, Device::Input(_) | Device::Redirdev(_))
            && device
                .info()
                .and_then(|info| info.address.as_ref())
                .is_some_and(|address| !matches!(address, Address::Usb(_)))
    };
    match order.iter().any(|position| strange(&domain.devices[*position])) {
        true => Err(DefaultsError::xml("Invalid address for a USB device").by(Part::Domain)),
        false => Ok(()),
    }
}

/// `<controller type='usb' model='none'/>`.
pub fn disabled(domain: &Domain) -> bool {
    domain.devices.iter().any(|device| {
        matches!(device, Device::Controller(controller)
            if matches!(controller.kind, ControllerKind::Usb { model: Some(UsbModel::None), .. }))
    })
}

/// Positions of USB devices in the order in which they get ports; hubs first.
fn order(domain: &Domain) -> Vec<usize> {
    let rank = |device: &Device| match device {
        Device::Hub(_) => Some(0),
        Device::Hostdev(hostdev) if matches!(hostdev.source, HostdevSource::Usb(_)) => Some(1),
        Device::Disk(disk) if disk.bus == Some(DiskBus::Usb) => Some(2),
        Device::Controller(controller) if matches!(controller.kind, ControllerKind::Ccid) => Some(3),
        Device::Input(input) if input.bus == Some(InputBus::Usb) => Some(4),
        Device::Serial(serial) if serial.target_type == Some(SerialTarget::Usb) => Some(5),
        Device::Sound(sound) if sound.model == SoundModel::Usb => Some(6),
        Device::Redirdev(_) => Some(7),
        _ => None,
    };
    let mut found: Vec<(i32, usize)> =
        domain.devices.iter().enumerate().filter_map(|(at, device)| Some((rank(device)?, at))).collect();
    found.sort();
    found.into_iter().map(|(_, at)| at).collect()
}

/// Most ports of a root hub; more are refused by validation.
const MAX_PORTS: u32 = 255;

/// Root hub ports of a controller; companions add none.
fn root_ports(model: Option<UsbModel>, ports: Option<u32>) -> usize {
    match model {
        Some(UsbModel::Ehci | UsbModel::Ich9Ehci1) => 6,
        Some(UsbModel::PciOhci) => 3,
        Some(UsbModel::NecXhci | UsbModel::QemuXhci) => ports.unwrap_or(4).min(MAX_PORTS) as usize,
        Some(UsbModel::Qusb1 | UsbModel::Qusb2) => 8,
        Some(UsbModel::None) => 0,
        _ => 2,
    }
}

fn controllers(domain: &Domain) -> Result<UsbSet, DefaultsError> {
    let mut set = UsbSet::default();
    for device in &domain.devices {
        let Device::Controller(controller) = device else { continue };
        let ControllerKind::Usb { model, ports } = controller.kind else { continue };
        if model.is_some_and(|model| model == UsbModel::None || model.is_companion()) {
            continue;
        }
        let index = controller.index.unwrap_or(0);
        if !set.add_bus(index, root_ports(model, ports)) {
            let detail = format!("Duplicate USB controllers with index {index}");
            return Err(DefaultsError::xml(detail).by(Part::Domain));
        }
    }
    Ok(set)
}

/// Adds hubs until there is a port for every device.
fn add_hubs(domain: &mut Domain, order: &[usize]) {
    let roots: usize = domain
        .devices
        .iter()
        .map(|device| match device {
            Device::Controller(controller) => match controller.kind {
                ControllerKind::Usb { model, ports } => root_ports(model, ports),
                _ => 0,
            },
            Device::Hub(_) => HUB_PORTS,
            _ => 0,
        })
        .sum();
    if order.len() <= roots {
        return;
    }
    let hubs = (order.len() - roots + 1).div_ceil(HUB_PORTS - 1);
    for _ in 0..hubs {
        insert(&mut domain.devices, Hub { kind: HubType::Usb, info: DeviceInfo::default() }.into());
    }
}

fn path(address: &UsbAddress) -> Vec<u32> {
    address.port.iter().copied().take_while(|port| *port != 0).collect()
}

/// Takes the ports that documents give: hubs by depth, so that the ports behind them exist.
fn take_given(domain: &Domain, order: &[usize], set: &mut UsbSet) -> Result<(), DefaultsError> {
    let given = |position: usize| match domain.devices[position].info().and_then(|info| info.address.as_ref())
    {
        Some(Address::Usb(usb)) if usb.port[0] != 0 => Some((usb.bus, path(usb))),
        _ => None,
    };
    let is_hub = |position: &usize| matches!(domain.devices[*position], Device::Hub(_));
    let mut hubs: Vec<(u32, Vec<u32>)> =
        order.iter().filter(|p| is_hub(p)).filter_map(|position| given(*position)).collect();
    hubs.sort_by_key(|(_, path)| path.len());
    for (bus, path) in hubs {
        set.take_hub(bus, &path)?;
    }
    for (bus, path) in order.iter().filter(|p| !is_hub(p)).filter_map(|position| given(*position)) {
        set.take(bus, &path)?;
    }
    Ok(())
}

fn give(domain: &mut Domain, position: usize, set: &mut UsbSet) -> Result<(), DefaultsError> {
    let hub = matches!(domain.devices[position], Device::Hub(_));
    let Some(info) = domain.devices[position].info_mut() else { return Ok(()) };
    let bus = match &info.address {
        None => None,
        Some(Address::Usb(usb)) if usb.port[0] == 0 => Some(usb.bus),
        Some(_) => return Ok(()),
    };
    let (bus, path) = set.free(bus)?;
    if hub {
        set.take_hub(bus, &path)?;
    } else {
        set.take(bus, &path)?;
    }
    let mut port = [0; UsbAddress::DEPTH];
    for (slot, number) in port.iter_mut().zip(&path) {
        *slot = *number;
    }
    info.address = Some(Address::Usb(UsbAddress { bus, port }));
    Ok(())
}

/// Refuses USB devices of a guest whose USB is switched off.
pub fn validate(domain: &Domain) -> Result<(), DefaultsError> {
    if !disabled(domain) {
        return Ok(());
    }
    let count = domain
        .devices
        .iter()
        .filter(|device| {
            matches!(device, Device::Controller(controller)
                if matches!(controller.kind, ControllerKind::Usb { .. }))
        })
        .count();
    if count > 1 {
        let detail = "Can't add another USB controller: USB is disabled for this domain";
        return Err(DefaultsError::Detail { part: Part::Domain, detail: detail.to_owned() });
    }
    if let Some(position) = order(domain).into_iter().next() {
        let detail = match &domain.devices[position] {
            Device::Hub(_) => "Can't add USB hub: USB is disabled for this domain".to_owned(),
            Device::Input(_) => "Can't add USB input device. USB bus is disabled".to_owned(),
            other => format!(
                "Device configuration is not compatible: Domain has no USB bus support for {}",
                other.element()
            ),
        };
        return Err(DefaultsError::unsupported(detail).by(Part::Domain));
    }
    Ok(())
}
