//! Ports of virtio-serial controllers.

use std::collections::{BTreeMap, BTreeSet};

use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::address::{Address, VirtioSerialAddress};
use model::domain::device::chardev::{ChannelTarget, ConsoleTarget};
use model::domain::device::controller::ControllerKind;

use crate::defaults::controllers;
use crate::defaults::error::{DefaultsError, Part};

/// Ports of a controller that says nothing.
const DEFAULT_PORTS: u32 = 31;

/// Taken ports by controller.
#[derive(Default)]
struct Ports {
    limit: BTreeMap<u32, u32>,
    taken: BTreeMap<u32, BTreeSet<u32>>,
}

impl Ports {
    fn take(&mut self, controller: u32, port: u32) -> Result<(), DefaultsError> {
        let limit = self.limit.get(&controller).copied().ok_or_else(|| {
            DefaultsError::xml(format!("virtio serial controller {controller} is missing")).by(Part::Domain)
        })?;
        if port >= limit {
            return Err(DefaultsError::xml(format!(
                "virtio serial controller {controller} does not have port {port}"
            ))
            .by(Part::Domain));
        }
        if !self.taken.entry(controller).or_default().insert(port) {
            return Err(DefaultsError::xml(format!(
                "virtio serial port {port} on controller {controller} is already occupied"
            ))
            .by(Part::Domain));
        }
        Ok(())
    }

    fn free(&self, only: Option<u32>, first: u32) -> Option<(u32, u32)> {
        self.limit.iter().filter(|(controller, _)| only.is_none_or(|o| o == **controller)).find_map(
            |(controller, limit)| {
                let taken = self.taken.get(controller);
                let port = (first..*limit).find(|port| !taken.is_some_and(|taken| taken.contains(port)))?;
                Some((*controller, port))
            },
        )
    }
}

/// Gives ports to channels, and to consoles that were given a controller.
pub(super) fn assign(domain: &mut Domain) -> Result<(), DefaultsError> {
    let mut ports = collect(domain)?;
    for position in 0..domain.devices.len() {
        let (wanted, first) = match &domain.devices[position] {
            Device::Channel(channel) if matches!(channel.target, ChannelTarget::Virtio { .. }) => {
                match channel.info.address {
                    Some(Address::VirtioSerial(at)) if at.port == 0 => (Some(at.controller), 1),
                    Some(Address::VirtioSerial(_)) => continue,
                    // A channel sits nowhere else, whatever the document says.
                    _ => (None, 1),
                }
            }
            _ => continue,
        };
        let free = match ports.free(wanted, first) {
            Some(free) => free,
            None if wanted.is_none() => {
                let index = ports.limit.keys().next_back().map_or(0, |last| last + 1);
                let kind = ControllerKind::VirtioSerial { model: None, ports: None, vectors: None };
                controllers::add(domain, kind, index);
                ports.limit.insert(index, DEFAULT_PORTS);
                // The new controller stands before this device.
                return assign(domain);
            }
            None => {
                return Err(
                    DefaultsError::internal("Unable to find a free virtio-serial port").by(Part::Domain)
                );
            }
        };
        ports.take(free.0, free.1)?;
        if let Some(info) = domain.devices[position].info_mut() {
            info.address =
                Some(Address::VirtioSerial(VirtioSerialAddress { controller: free.0, bus: 0, port: free.1 }));
        }
    }
    Ok(())
}

fn collect(domain: &Domain) -> Result<Ports, DefaultsError> {
    let mut ports = Ports::default();
    for device in &domain.devices {
        if let Device::Controller(controller) = device
            && let ControllerKind::VirtioSerial { ports: count, .. } = &controller.kind
        {
            ports.limit.insert(controller.index.unwrap_or(0), count.unwrap_or(DEFAULT_PORTS));
        }
    }
    for device in &domain.devices {
        let (info, zero) = match device {
            Device::Channel(channel) => (&channel.info, false),
            Device::Console(console) if console.target_type == Some(ConsoleTarget::Virtio) => {
                (&console.info, true)
            }
            _ => continue,
        };
        if let Some(Address::VirtioSerial(at)) = info.address
            && (at.port != 0 || zero)
        {
            ports.take(at.controller, at.port)?;
        }
    }
    Ok(ports)
}
