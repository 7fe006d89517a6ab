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
use model::domain::device::graphics::{Graphics, GraphicsKind, Listen};
use protocol::{ErrorCode, ErrorDomain, Fault};

/// The display ports of all guests.
#[derive(Debug)]
pub struct Ports {
    displays: RangeInclusive<u16>,
    websockets: RangeInclusive<u16>,
    taken: Mutex<HashSet<u16>>,
}

/// A display's port.
#[derive(Debug)]
struct Slot<'a> {
    port: &'a mut Option<i32>,
    /// Chosen here.
    wanted: bool,
    /// Of the WebSockets' range.
    websocket: bool,
}

impl Ports {
    /// Ports of these ranges are given out (`remote_display_port_min` and `_max` of qemu.conf, and
    /// `remote_websocket_port_…`).
    pub fn new(displays: RangeInclusive<u16>, websockets: RangeInclusive<u16>) -> Self {
        Self { displays, websockets, taken: Mutex::default() }
    }

    /// Give every display the ports that it wants, and note those that are fixed. `tls`: SPICE can encrypt
    /// (`spice_tls`).
    pub fn assign(&self, definition: &mut Definition, tls: bool) -> Result<(), Fault> {
        let spice = displays(definition).into_iter().find_map(|graphics| match &graphics.kind {
            GraphicsKind::Spice(spice) => Some(spice.wanted_ports(tls).1),
            _ => None,
        });
        if spice == Some(true) && !tls {
            let detail = "Auto allocation of spice TLS port requested but spice TLS is disabled in qemu.conf";
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail));
        }
        let assigned = displays(definition)
            .into_iter()
            .flat_map(|graphics| slots(graphics, tls))
            .try_for_each(|slot| self.fill(slot));
        if assigned.is_err() {
            self.release(definition);
        }
        assigned
    }

    fn fill(&self, slot: Slot<'_>) -> Result<(), Fault> {
        if !slot.wanted {
            fixed(*slot.port).into_iter().for_each(|port| self.note(port));
            return Ok(());
        }
        // What was there is not ours to release, should this fail.
        *slot.port = None;
        *slot.port = Some(i32::from(self.take(slot.websocket)?));
        Ok(())
    }

    /// Note the ports of a guest that an earlier daemon started.
    pub fn adopt(&self, definition: &Definition) {
        self.each_fixed(definition, |port| self.note(port));
    }

    /// The guest is gone: its ports may be given out again.
    pub fn release(&self, definition: &Definition) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        self.each_fixed(definition, |port| _ = taken.remove(&port));
    }

    fn each_fixed(&self, definition: &Definition, mut what: impl FnMut(u16)) {
        let mut copy = definition.clone();
        for slot in displays(&mut copy).into_iter().flat_map(|graphics| slots(graphics, true)) {
            fixed(*slot.port).into_iter().for_each(&mut what);
        }
    }

    fn note(&self, port: u16) {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).insert(port);
    }

    fn take(&self, websocket: bool) -> Result<u16, Fault> {
        let (range, name) =
            if websocket { (&self.websockets, "webSocket") } else { (&self.displays, "display") };
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let free = range.clone().find(|port| !taken.contains(port) && is_free(*port));
        let port = free.ok_or_else(|| {
            let (first, last) = (range.start(), range.end());
            let detail = format!("Unable to find an unused port in range '{name}' ({first}-{last})");
            Fault::new(ErrorDomain::NONE, ErrorCode::INTERNAL_ERROR, detail)
        })?;
        taken.insert(port);
        Ok(port)
    }
}

/// The displays that listen on ports; one on a socket, or on nothing, has none.
fn displays(definition: &mut Definition) -> Vec<&mut Graphics> {
    let all = definition.devices.iter_mut().filter_map(|device| match device {
        Device::Graphics(graphics) => Some(&mut **graphics),
        _ => None,
    });
    let portless =
        |graphics: &Graphics| matches!(graphics.listens.first(), Some(Listen::Socket { .. } | Listen::None));
    all.filter(|graphics| !portless(graphics)).collect()
}

/// The ports of a display.
fn slots(graphics: &mut Graphics, tls: bool) -> Vec<Slot<'_>> {
    match &mut graphics.kind {
        GraphicsKind::Vnc(vnc) => {
            let wanted = vnc.websocket == Some(-1);
            vnc.websocket_generated |= wanted;
            vec![
                Slot { port: &mut vnc.port, wanted: vnc.autoport, websocket: false },
                Slot { port: &mut vnc.websocket, wanted, websocket: true },
            ]
        }
        GraphicsKind::Spice(spice) => {
            let (plain, secure) = spice.wanted_ports(tls);
            vec![
                Slot { port: &mut spice.port, wanted: plain, websocket: false },
                Slot { port: &mut spice.tls_port, wanted: secure, websocket: false },
            ]
        }
        _ => Vec::new(),
    }
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
        let ports = Ports::new(used..=used, used..=used);
        assert!(ports.take(false).unwrap_err().message.contains(&used.to_string()));
        drop(listener);
        assert_eq!(ports.take(true).unwrap(), used);
        assert!(ports.take(false).is_err(), "given out once");
    }
}
