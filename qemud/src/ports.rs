//! Ports of the guests' displays: which are given out, and the next free one.
//!
//! A port is free when we have not given it out and nothing listens on it now. QEMU itself binds it a moment
//! later: should another program be quicker, the start fails with QEMU's words.

use std::collections::HashSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener};
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::graphics::{GraphicsKind, Listen};
use protocol::{ErrorCode, ErrorDomain, Fault};

/// The display ports of all guests.
#[derive(Debug)]
pub struct Ports {
    range: RangeInclusive<u16>,
    taken: Mutex<HashSet<u16>>,
}

impl Ports {
    /// Ports of this range are given out (`remote_display_port_min` and `_max` of qemu.conf).
    pub fn new(range: RangeInclusive<u16>) -> Self {
        Self { range, taken: Mutex::default() }
    }

    /// Give every display that wants one (`autoport`) a port, and note those that are fixed.
    pub fn assign(&self, definition: &mut Definition) -> Result<(), Fault> {
        let mut failed = None;
        for (port, automatic) in slots(definition) {
            match fixed(*port).filter(|_| !automatic) {
                Some(port) => self.note(port),
                None => match self.take() {
                    Ok(free) => *port = Some(i32::from(free)),
                    Err(error) => {
                        failed = Some(error);
                        break;
                    }
                },
            }
        }
        match failed {
            None => Ok(()),
            Some(error) => {
                self.release(definition);
                Err(error)
            }
        }
    }

    /// Note the ports of a guest that an earlier daemon started.
    pub fn adopt(&self, definition: &Definition) {
        for (port, _) in slots(&mut definition.clone()) {
            fixed(*port).into_iter().for_each(|port| self.note(port));
        }
    }

    /// The guest is gone: its ports may be given out again.
    pub fn release(&self, definition: &Definition) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        for (port, _) in slots(&mut definition.clone()) {
            if let Some(port) = fixed(*port) {
                taken.remove(&port);
            }
        }
    }

    fn note(&self, port: u16) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
    }

    fn take(&self) -> Result<u16, Fault> {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = self.range.clone().find(|port| !taken.contains(port) && is_free(*port));
        let port = free.ok_or_else(|| {
            let (first, last) = (self.range.start(), self.range.end());
            let detail = format!("Unable to find an unused port in range 'display' ({first}-{last})");
            Fault::new(ErrorDomain::NONE, ErrorCode::INTERNAL_ERROR, detail)
        })?;
        taken.insert(port);
        Ok(port)
    }
}

/// The displays' ports that are listened on, each with whether it is chosen here. A display on a socket, or on
/// nothing, has none.
fn slots(definition: &mut Definition) -> Vec<(&mut Option<i32>, bool)> {
    let displays = definition.devices.iter_mut().filter_map(|device| match device {
        Device::Graphics(graphics) => Some(graphics),
        _ => None,
    });
    let slots = displays.filter_map(|graphics| {
        if matches!(graphics.listens.first(), Some(Listen::Socket { .. } | Listen::None)) {
            return None;
        }
        match &mut graphics.kind {
            GraphicsKind::Vnc(vnc) => Some((&mut vnc.port, vnc.autoport)),
            GraphicsKind::Spice(spice) => Some((&mut spice.port, spice.autoport)),
            _ => None,
        }
    });
    slots.collect()
}

fn fixed(port: Option<i32>) -> Option<u16> {
    port.and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)
}

/// Whether nothing listens on the port, on any address of either family.
fn is_free(port: u16) -> bool {
    let any = [IpAddr::V6(Ipv6Addr::UNSPECIFIED), IpAddr::V4(Ipv4Addr::UNSPECIFIED)];
    any.iter().all(|address| match TcpListener::bind(SocketAddr::new(*address, port)) {
        Ok(_) => true,
        // A host without the address family has nobody listening on it.
        Err(error) => error.kind() != std::io::ErrorKind::AddrInUse,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_in_use_is_passed_over() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let used = listener.local_addr().unwrap().port();
        assert!(!is_free(used));
        let ports = Ports::new(used..=used);
        assert!(ports.take().unwrap_err().message.contains(&used.to_string()));
        drop(listener);
        assert_eq!(ports.take().unwrap(), used);
        assert!(ports.take().is_err(), "given out once");
    }
}
