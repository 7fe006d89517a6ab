//! USB ports of a guest: buses by controller index, ports on their root hubs, and hubs plugged into ports.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

/// Deepest chain of hubs a port path may have.
pub const MAX_DEPTH: usize = 4;
/// Ports of a `usb-hub`.
pub const HUB_PORTS: usize = 8;

/// Why a port cannot be taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum UsbError {
    /// No controller with this index.
    #[error("USB bus {0} requested but no controller with that index is present")]
    NoBus(u32),
    /// The path leads through a port without a hub.
    #[error("there is no hub at port {port} in USB address bus: {bus} port: {path}")]
    NoHub {
        /// Bus number.
        bus: u32,
        /// Port without a hub.
        port: u32,
        /// Whole path.
        path: String,
    },
    /// The hub has fewer ports.
    #[error("requested USB port {path} not present on USB bus {bus}")]
    NoPort {
        /// Bus number.
        bus: u32,
        /// Whole path.
        path: String,
    },
    /// Two devices on one port.
    #[error("Duplicate USB address bus {bus} port {path}")]
    Double {
        /// Bus number.
        bus: u32,
        /// Whole path.
        path: String,
    },
    /// Every port of the bus (or of all buses) is taken.
    #[error("No free USB ports")]
    Full,
}

/// A hub: the taken ports and the hubs plugged into them.
#[derive(Clone, Debug, Default)]
struct Hub {
    taken: Vec<bool>,
    below: Vec<Option<Hub>>,
}

impl Hub {
    fn new(ports: usize) -> Hub {
        Hub { taken: vec![false; ports], below: vec![None; ports] }
    }

    fn free_path(&self, depth: usize) -> Option<Vec<u32>> {
        if let Some(port) = self.taken.iter().position(|taken| !taken) {
            return Some(vec![port as u32 + 1]);
        }
        if depth + 1 >= MAX_DEPTH {
            return None;
        }
        self.below.iter().enumerate().find_map(|(port, hub)| {
            let mut path = hub.as_ref()?.free_path(depth + 1)?;
            path.insert(0, port as u32 + 1);
            Some(path)
        })
    }
}

/// All USB buses of a guest.
#[derive(Clone, Debug, Default)]
pub struct UsbSet {
    buses: BTreeMap<u32, Hub>,
}

impl UsbSet {
    /// Adds the root hub of a controller; a second controller of the same index is not taken.
    #[must_use]
    pub fn add_bus(&mut self, index: u32, ports: usize) -> bool {
        match self.buses.entry(index) {
            Entry::Occupied(_) => false,
            Entry::Vacant(free) => {
                free.insert(Hub::new(ports));
                true
            }
        }
    }

    /// Whether there is any bus.
    pub fn is_empty(&self) -> bool {
        self.buses.is_empty()
    }

    /// Takes the port a device has.
    pub fn take(&mut self, bus: u32, path: &[u32]) -> Result<(), UsbError> {
        let text = path_text(path);
        let (hub, index) = self.find(bus, path)?;
        if hub.taken[index] {
            return Err(UsbError::Double { bus, path: text });
        }
        hub.taken[index] = true;
        Ok(())
    }

    /// Takes the port a hub has, and opens the hub's own ports.
    pub fn take_hub(&mut self, bus: u32, path: &[u32]) -> Result<(), UsbError> {
        self.take(bus, path)?;
        let (hub, index) = self.find(bus, path)?;
        hub.below[index] = Some(Hub::new(HUB_PORTS));
        Ok(())
    }

    /// First free port, on the given bus or on any.
    pub fn free(&self, bus: Option<u32>) -> Result<(u32, Vec<u32>), UsbError> {
        if let Some(bus) = bus {
            let hub = self.buses.get(&bus).ok_or(UsbError::NoBus(bus))?;
            return hub.free_path(0).map(|path| (bus, path)).ok_or(UsbError::Full);
        }
        self.buses.iter().find_map(|(index, hub)| Some((*index, hub.free_path(0)?))).ok_or(UsbError::Full)
    }

    fn find(&mut self, bus: u32, path: &[u32]) -> Result<(&mut Hub, usize), UsbError> {
        let text = path_text(path);
        let root = self.buses.get_mut(&bus).ok_or(UsbError::NoBus(bus))?;
        let Some((&last, above)) = path.split_last() else {
            return Err(UsbError::NoPort { bus, path: text });
        };
        let mut hub = root;
        for &port in above {
            let inner = hub.below.get_mut((port as usize).wrapping_sub(1)).and_then(Option::as_mut);
            hub = inner.ok_or_else(|| UsbError::NoHub { bus, port, path: text.clone() })?;
        }
        let index = (last as usize).wrapping_sub(1);
        if index >= hub.taken.len() {
            return Err(UsbError::NoPort { bus, path: text });
        }
        Ok((hub, index))
    }
}

/// `1.2.3` form of a port path.
pub fn path_text(path: &[u32]) -> String {
    path.iter().map(u32::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fills_root_then_hubs() {
        let mut set = UsbSet::default();
        assert!(set.add_bus(0, 2));
        set.take_hub(0, &[1]).unwrap();
        let (_, path) = set.free(None).unwrap();
        assert_eq!(path, [2]);
        set.take(0, &path).unwrap();
        assert_eq!(set.free(None).unwrap().1, [1, 1]);
        assert!(matches!(set.take(0, &[2]), Err(UsbError::Double { .. })));
        assert!(matches!(set.take(0, &[1, 9]), Err(UsbError::NoPort { .. })));
        assert!(matches!(set.take(0, &[2, 1]), Err(UsbError::NoHub { .. })));
        assert!(matches!(set.take(3, &[1]), Err(UsbError::NoBus(3))));
    }
}
