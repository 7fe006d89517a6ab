//! The set of a guest's PCI buses and the addresses taken on them.
//!
//! A *dry run* grows the set by the controllers that are missing; the second run, with all controllers known,
//! only takes places.

use std::fmt;

use super::bus::{Bus, BusModel, Connect, Misfit};

/// Address of one PCI function in the guest.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Place {
    /// PCI domain (segment); only 0 exists.
    pub domain: u32,
    /// Bus: the index of its controller.
    pub bus: u32,
    /// Slot on the bus, 0 to 31.
    pub slot: u8,
    /// Function in the slot, 0 to 7.
    pub function: u8,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.slot, self.function)
    }
}

/// Why an address cannot be given or taken.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum PciError {
    /// The machine has no PCI, or no controller was defined.
    #[error("No PCI buses available")]
    NoBus,
    /// Domain other than 0.
    #[error("Only PCI domain 0 is available")]
    Domain,
    /// Bus beyond the last one.
    #[error("Only PCI buses up to {last} are available, not the bus of {place}")]
    BusRange {
        /// Requested address.
        place: Place,
        /// Highest bus.
        last: usize,
    },
    /// Slot below the first usable one.
    #[error("Invalid PCI address {place}. slot must be >= {first}")]
    SlotLow {
        /// Requested address.
        place: Place,
        /// First usable slot.
        first: u8,
    },
    /// Slot above the last usable one.
    #[error("Invalid PCI address {place}. slot must be <= {last}")]
    SlotHigh {
        /// Requested address.
        place: Place,
        /// Last usable slot.
        last: u8,
    },
    /// Function above 7.
    #[error("Invalid PCI address {0}. function must be <= 7")]
    Function(Place),
    /// The plug type of the device is not accepted there.
    #[error(
        "The device at PCI address {place} needs a slot of type {wanted}, which the PCI controller with index='{bus}' (model='{model}') does not offer"
    )]
    Misfit {
        /// Requested address.
        place: Place,
        /// Plug types of the device.
        wanted: Connect,
        /// Index of the controller.
        bus: u32,
        /// Model of the controller.
        model: &'static str,
    },
    /// The device needs hotplug and the bus has none.
    #[error(
        "The device at PCI address {place} needs hotplug, which the PCI controller with index='{bus}' lacks"
    )]
    NoHotplug {
        /// Requested address.
        place: Place,
        /// Index of the controller.
        bus: u32,
    },
    /// Two devices at one function.
    #[error("Attempted double use of PCI Address {0}")]
    Double(Place),
    /// No free slot and none can be added.
    #[error("No more available PCI slots")]
    Full,
    /// The device cannot be placed on PCI at all.
    #[error("Cannot automatically add a new PCI bus for a device with connect flags {0}")]
    NoGrowth(Connect),
    /// A controller has no place and its parent cannot be added by itself.
    #[error(
        "a PCI slot is needed to connect a PCI controller model='{0}', but none is available, and it cannot be automatically added"
    )]
    NoParent(&'static str),
}

/// All buses of a guest.
#[derive(Clone, Debug)]
pub struct PciSet {
    buses: Vec<Bus>,
    dry_run: bool,
    bridge_from_express: bool,
}

impl PciSet {
    /// An empty set. `bridge_from_express`: the emulator has `pcie-pci-bridge`.
    pub fn new(dry_run: bool, bridge_from_express: bool) -> PciSet {
        PciSet { buses: Vec::new(), dry_run, bridge_from_express }
    }

    /// Puts a bus at an index; buses between are `filler`s until said otherwise.
    pub fn set_bus(&mut self, index: usize, model: BusModel, filler: BusModel) {
        while self.buses.len() <= index {
            self.buses.push(Bus::new(filler));
        }
        self.buses[index] = Bus::new(model);
    }

    /// The buses in order of their index.
    pub fn buses(&self) -> &[Bus] {
        &self.buses
    }

    /// Whether no bus has a free slot.
    pub fn full(&self) -> bool {
        self.buses.iter().all(Bus::full)
    }

    /// Whether the function is taken (also false for addresses out of range).
    pub fn taken(&self, place: Place) -> bool {
        self.bus(place).is_some_and(|bus| bus.taken(place.slot, place.function))
    }

    /// Whether anything is in the slot.
    pub fn slot_taken(&self, place: Place) -> bool {
        self.bus(place).is_some_and(|bus| bus.slot_taken(place.slot))
    }

    /// Takes the address a device has.
    pub fn take(&mut self, place: Place, wanted: Connect, by_user: bool) -> Result<(), PciError> {
        if self.dry_run && place.bus as usize >= self.buses.len() {
            self.grow(place.bus as usize, wanted)?;
        }
        self.check(place, wanted, by_user)?;
        let bus = self.buses.get_mut(place.bus as usize).ok_or(PciError::NoBus)?;
        if bus.taken(place.slot, place.function) {
            return Err(PciError::Double(place));
        }
        // Function 0 may come last, so a slot stays shared only when its first taker is of the sharing kind.
        bus.take(place.slot, place.function, wanted.has(Connect::AGGREGATE));
        Ok(())
    }

    /// Finds and takes a place; `function` none means any free one of a shared slot.
    pub fn take_next(&mut self, wanted: Connect, function: Option<u8>) -> Result<Place, PciError> {
        let place = self.find(wanted, function)?;
        self.take(place, wanted, false)?;
        Ok(place)
    }

    /// Finds a place, growing the set in a dry run.
    fn find(&mut self, wanted: Connect, function: Option<u8>) -> Result<Place, PciError> {
        if self.buses.is_empty() {
            return Err(PciError::NoBus);
        }
        if let Some(place) = self.search(wanted, function) {
            return Ok(place);
        }
        if !self.dry_run {
            return Err(PciError::Full);
        }
        let bus = self.buses.len();
        self.grow(bus, wanted)?;
        self.search(wanted, function).ok_or(PciError::Full)
    }

    fn search(&self, wanted: Connect, function: Option<u8>) -> Option<Place> {
        self.buses.iter().enumerate().find_map(|(index, bus)| {
            bus.fits(wanted, false).ok()?;
            let (slot, function) = bus.free(wanted, function)?;
            Some(Place { domain: 0, bus: index as u32, slot, function })
        })
    }

    fn bus(&self, place: Place) -> Option<&Bus> {
        self.buses.get(place.bus as usize)
    }

    fn check(&self, place: Place, wanted: Connect, by_user: bool) -> Result<(), PciError> {
        if self.buses.is_empty() {
            return Err(PciError::NoBus);
        }
        if place.domain != 0 {
            return Err(PciError::Domain);
        }
        let bus = self.bus(place).ok_or(PciError::BusRange { place, last: self.buses.len() - 1 })?;
        bus.fits(wanted, by_user).map_err(|misfit| match misfit {
            Misfit::Plug => PciError::Misfit { place, wanted, bus: place.bus, model: bus.model.name() },
            Misfit::Hotplug => PciError::NoHotplug { place, bus: place.bus },
        })?;
        let (first, last) = bus.range();
        if place.slot < first {
            return Err(PciError::SlotLow { place, first });
        }
        if place.slot > last {
            return Err(PciError::SlotHigh { place, last });
        }
        if place.function > 7 {
            return Err(PciError::Function(place));
        }
        Ok(())
    }

    /// Adds buses up to `index`, of a kind that takes `wanted`, with the parents these need.
    fn grow(&mut self, index: usize, wanted: Connect) -> Result<(), PciError> {
        let mut count = (index + 1).saturating_sub(self.buses.len());
        let model = self.growth_model(wanted)?;
        if model == BusModel::PcieToPci {
            self.buses.push(Bus::new(BusModel::RootPort));
            count = count.saturating_sub(1).max(1);
        }
        if model == BusModel::DmiToPci {
            // Without hotplug on the bridge itself, a conventional bridge below it offers the slots.
            self.buses.push(Bus::new(BusModel::DmiToPci));
            count = count.saturating_sub(1).max(1);
            self.buses.extend((0..count).map(|_| Bus::new(BusModel::Bridge)));
            return Ok(());
        }
        self.buses.extend((0..count).map(|_| Bus::new(model)));
        Ok(())
    }

    fn growth_model(&self, wanted: Connect) -> Result<BusModel, PciError> {
        if wanted.has(Connect::PCI) {
            if self.buses.iter().any(|bus| bus.takes(Connect::BRIDGE)) {
                return Ok(BusModel::Bridge);
            }
            return Ok(if self.bridge_from_express { BusModel::PcieToPci } else { BusModel::DmiToPci });
        }
        let express = self.buses.first().is_some_and(|bus| bus.model == BusModel::PcieRoot);
        if wanted.has(Connect::PCIE | Connect::SWITCH_UP | Connect::PCIE_TO_PCI) && express {
            return Ok(BusModel::RootPort);
        }
        if wanted.has(Connect::BRIDGE) {
            let any = self.buses.iter().any(|bus| bus.takes(Connect::BRIDGE));
            return match (any, self.bridge_from_express) {
                (true, _) => Ok(BusModel::Bridge),
                (false, true) => Ok(BusModel::PcieToPci),
                (false, false) => Ok(BusModel::DmiToPci),
            };
        }
        Self::refuse_growth(wanted)
    }

    fn refuse_growth(wanted: Connect) -> Result<BusModel, PciError> {
        let parents = [
            (Connect::ROOT_PORT, BusModel::RootPort),
            (Connect::SWITCH_DOWN, BusModel::SwitchDown),
            (Connect::DMI_TO_PCI, BusModel::DmiToPci),
            (Connect::EXPANDER, BusModel::Expander),
            (Connect::PCIE_EXPANDER, BusModel::PcieExpander),
        ];
        match parents.iter().find(|(flag, _)| wanted.has(*flag)) {
            Some((_, model)) => Err(PciError::NoParent(model.name())),
            None => Err(PciError::NoGrowth(wanted)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn q35() -> PciSet {
        let mut set = PciSet::new(true, true);
        set.set_bus(0, BusModel::PcieRoot, BusModel::RootPort);
        set
    }

    #[test]
    fn express_device_grows_a_root_port() {
        let mut set = q35();
        let place = set.take_next(Connect::PCIE | Connect::HOTPLUG, Some(0)).unwrap();
        assert_eq!(place, Place { bus: 1, ..Place::default() });
        assert_eq!(set.buses()[1].model, BusModel::RootPort);
    }

    #[test]
    fn pci_device_on_express_grows_port_and_bridge() {
        let mut set = q35();
        let place = set.take_next(Connect::PCI | Connect::HOTPLUG, Some(0)).unwrap();
        assert_eq!(place, Place { bus: 2, slot: 1, ..Place::default() });
        assert_eq!(set.buses()[2].model, BusModel::PcieToPci);
    }

    #[test]
    fn root_ports_share_a_slot() {
        let mut set = q35();
        let plug = BusModel::RootPort.plug();
        for function in 0..8 {
            assert_eq!(set.take_next(plug, None).unwrap().function, function);
        }
        assert_eq!(set.take_next(plug, None).unwrap(), Place { slot: 2, ..Place::default() });
    }

    #[test]
    fn bad_places_are_refused() {
        let mut set = PciSet::new(false, true);
        assert_eq!(set.take_next(Connect::PCI, Some(0)), Err(PciError::NoBus));
        set.set_bus(0, BusModel::PciRoot, BusModel::Bridge);
        let zero = Place::default();
        assert_eq!(set.take(zero, Connect::PCI, true), Err(PciError::SlotLow { place: zero, first: 1 }));
        let one = Place { slot: 1, ..zero };
        set.take(one, Connect::PCI, true).unwrap();
        assert_eq!(set.take(one, Connect::PCI, true), Err(PciError::Double(one)));
        assert!(matches!(set.take_next(Connect::NONE, Some(0)), Err(PciError::Full)));
    }
}
