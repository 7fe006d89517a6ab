//! Places of disks behind their controllers, by target name.

use std::collections::BTreeSet;

use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::address::{Address, DriveAddress};
use model::domain::device::controller::ControllerKind;
use model::domain::device::disk::{Disk, DiskBus, target_index};
use model::domain::device::hostdev::HostdevSource;

use crate::defaults::error::{DefaultsError, Part};

/// Units of a narrow SCSI bus; its controller is one of eight.
const SCSI_UNITS: u32 = 7;

/// Gives every disk that needs one a drive address.
pub fn assign(domain: &mut Domain) -> Result<(), DefaultsError> {
    for device in &mut domain.devices {
        if let Device::Disk(disk) = device {
            let needs = matches!(disk.bus, Some(DiskBus::Scsi | DiskBus::Ide | DiskBus::Sata | DiskBus::Fdc));
            if disk.info.address.is_none() {
                let place = place(disk)?;
                disk.info.address = place.filter(|_| needs).map(Address::Drive);
            }
        }
    }
    Ok(())
}

/// Place that a target name stands for; none for buses without drive addresses.
fn place(disk: &Disk) -> Result<Option<DriveAddress>, DefaultsError> {
    let Some(index) = target_index(&disk.target) else {
        let name = &disk.target;
        return Err(DefaultsError::xml(format!("Unknown disk name '{name}' and no address specified"))
            .by(Part::Domain));
    };
    let at = |controller, bus, unit| Some(DriveAddress { controller, bus, target: 0, unit });
    Ok(match disk.bus {
        Some(DiskBus::Scsi) => at(index / SCSI_UNITS, 0, index % SCSI_UNITS),
        Some(DiskBus::Ide) => at(index / 4, index % 4 / 2, index % 2),
        Some(DiskBus::Sata) => at(index / 6, 0, index % 6),
        Some(DiskBus::Fdc) => at(index / 2, 0, index % 2),
        _ => None,
    })
}

/// Gives passed-through SCSI units the first free place on the SCSI controllers.
pub fn hostdevs(domain: &mut Domain) -> Result<(), DefaultsError> {
    let mut free = Free::on(domain);
    for device in &mut domain.devices {
        let Device::Hostdev(hostdev) = device else { continue };
        if matches!(hostdev.source, HostdevSource::Scsi(_)) && hostdev.info.address.is_none() {
            hostdev.info.address = Some(Address::Drive(free.next()));
        }
    }
    Ok(())
}

/// Free places on SCSI controllers, in order. An address in use implies its controller.
struct Free {
    controllers: BTreeSet<u32>,
    taken: BTreeSet<(u32, u32)>,
    from: u32,
}

impl Free {
    fn on(domain: &Domain) -> Free {
        let places: Vec<DriveAddress> = domain.devices.iter().filter_map(scsi_place).collect();
        let listed = domain.devices.iter().filter_map(|device| match device {
            Device::Controller(controller) => match controller.kind {
                ControllerKind::Scsi { .. } => controller.index,
                _ => None,
            },
            _ => None,
        });
        Free {
            controllers: listed.chain(places.iter().map(|at| at.controller)).collect(),
            taken: places.iter().map(|at| (at.controller, at.unit)).collect(),
            from: 0,
        }
    }

    /// Takes the first free place; behind the last controller a new one begins.
    fn next(&mut self) -> DriveAddress {
        let free = self.controllers.range(self.from..).find_map(|controller| {
            let unit = (0..SCSI_UNITS).find(|unit| !self.taken.contains(&(*controller, *unit)))?;
            Some((*controller, unit))
        });
        let (controller, unit) = free
            .unwrap_or_else(|| (self.controllers.last().map_or(0, |highest| highest.saturating_add(1)), 0));
        self.controllers.insert(controller);
        self.taken.insert((controller, unit));
        // Nothing is given back, so that earlier controllers stay full.
        self.from = controller;
        DriveAddress { controller, unit, ..DriveAddress::default() }
    }
}

fn scsi_place(device: &Device) -> Option<DriveAddress> {
    let info = match device {
        Device::Disk(disk) if disk.bus == Some(DiskBus::Scsi) => &disk.info,
        Device::Hostdev(hostdev) => &hostdev.info,
        _ => return None,
    };
    match info.address {
        Some(Address::Drive(at)) => Some(at),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use model::domain::ParseOptions;

    use super::*;

    fn domain(devices: &str) -> Domain {
        let text = format!(
            "<domain type='kvm'><name>g</name><memory>1024</memory><os><type>hvm</type></os><devices>{devices}</devices></domain>"
        );
        Domain::parse_str(&text, &ParseOptions::default()).unwrap()
    }

    fn drive(bus: &str, target: &str) -> Option<(u32, u32, u32)> {
        let mut domain = domain(&format!(
            "<disk type='file'><source file='/a'/><target dev='{target}' bus='{bus}'/></disk>"
        ));
        assign(&mut domain).unwrap();
        match domain.devices[0].info().unwrap().address {
            Some(Address::Drive(at)) => Some((at.controller, at.bus, at.unit)),
            _ => None,
        }
    }

    #[test]
    fn target_names_give_places() {
        assert_eq!(drive("ide", "hdd"), Some((0, 1, 1)));
        assert_eq!(drive("sata", "sdg"), Some((1, 0, 0)));
        assert_eq!(drive("scsi", "sdh"), Some((1, 0, 0)));
        assert_eq!(drive("scsi", "sdg"), Some((0, 0, 6)));
        assert_eq!(drive("virtio", "vda"), None);
    }

    #[test]
    fn passed_units_take_the_first_free_place() {
        let unit = |number: u32| {
            format!(
                "<hostdev mode='subsystem' type='scsi'><source><adapter name='scsi_host0'/>\
                 <address bus='0' target='0' unit='{number}'/></source></hostdev>"
            )
        };
        let mut domain = domain(&(0..9).map(unit).collect::<String>());
        hostdevs(&mut domain).unwrap();
        let places: Vec<_> =
            domain.devices.iter().filter_map(scsi_place).map(|at| (at.controller, at.unit)).collect();
        assert_eq!(places[0], (0, 0));
        assert_eq!(places[6..], [(0, 6), (1, 0), (1, 1)]);
    }
}
