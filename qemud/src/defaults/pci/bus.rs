//! The kinds of PCI bus a guest can have, what may be plugged into each, and which slots are taken.
//!
//! Facts: QEMU's `docs/pcie.txt` (what plugs into what) and the documented rules of PCI controllers in
//! libvirt's domain XML.

use std::fmt;
use std::ops::{BitAnd, BitOr, BitOrAssign};

/// How a device connects to PCI: a set of plug types, and whether it must be possible to unplug it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Connect(u32);

impl Connect {
    /// Not a PCI device at all.
    pub const NONE: Connect = Connect(0);
    /// The slot must allow hotplug.
    pub const HOTPLUG: Connect = Connect(1);
    /// Several devices of this kind share a slot, one per function.
    pub const AGGREGATE: Connect = Connect(1 << 1);
    /// Conventional PCI endpoint.
    pub const PCI: Connect = Connect(1 << 2);
    /// PCI Express endpoint.
    pub const PCIE: Connect = Connect(1 << 3);
    /// `pcie-root-port`.
    pub const ROOT_PORT: Connect = Connect(1 << 4);
    /// `pcie-switch-upstream-port`.
    pub const SWITCH_UP: Connect = Connect(1 << 5);
    /// `pcie-switch-downstream-port`.
    pub const SWITCH_DOWN: Connect = Connect(1 << 6);
    /// `dmi-to-pci-bridge`.
    pub const DMI_TO_PCI: Connect = Connect(1 << 7);
    /// `pcie-to-pci-bridge`.
    pub const PCIE_TO_PCI: Connect = Connect(1 << 8);
    /// `pci-bridge`.
    pub const BRIDGE: Connect = Connect(1 << 9);
    /// `pci-expander-bus`.
    pub const EXPANDER: Connect = Connect(1 << 10);
    /// `pcie-expander-bus`.
    pub const PCIE_EXPANDER: Connect = Connect(1 << 11);

    /// All plug types, without the properties.
    const TYPES: Connect = Connect(0xffc);
    /// Both kinds of endpoint.
    const ENDPOINT: Connect = Connect(0b1100);

    /// Whether any bit of `other` is set.
    pub fn has(self, other: Connect) -> bool {
        self.0 & other.0 != 0
    }

    /// The same plug types without the demand for hotplug.
    pub fn fixed(self) -> Connect {
        Connect(self.0 & !Self::HOTPLUG.0)
    }

    /// Whether the device is no PCI device.
    pub fn is_none(self) -> bool {
        self.0 & Self::TYPES.0 == 0
    }
}

impl BitOr for Connect {
    type Output = Connect;
    fn bitor(self, rhs: Connect) -> Connect {
        Connect(self.0 | rhs.0)
    }
}

impl BitOrAssign for Connect {
    fn bitor_assign(&mut self, rhs: Connect) {
        self.0 |= rhs.0;
    }
}

impl BitAnd for Connect {
    type Output = Connect;
    fn bitand(self, rhs: Connect) -> Connect {
        Connect(self.0 & rhs.0)
    }
}

impl fmt::Display for Connect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Connect, &str); 10] = [
            (Connect::PCI, "pci-device"),
            (Connect::PCIE, "pcie-device"),
            (Connect::ROOT_PORT, "pcie-root-port"),
            (Connect::SWITCH_UP, "pcie-switch-upstream-port"),
            (Connect::SWITCH_DOWN, "pcie-switch-downstream-port"),
            (Connect::DMI_TO_PCI, "dmi-to-pci-bridge"),
            (Connect::PCIE_TO_PCI, "pcie-to-pci-bridge"),
            (Connect::BRIDGE, "pci-bridge"),
            (Connect::EXPANDER, "pci-expander-bus"),
            (Connect::PCIE_EXPANDER, "pcie-expander-bus"),
        ];
        let found: Vec<&str> =
            NAMES.iter().filter(|(flag, _)| self.has(*flag)).map(|(_, name)| *name).collect();
        if found.is_empty() { write!(f, "{:02x}", self.0) } else { f.write_str(&found.join(",")) }
    }
}

/// Which controller provides a bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum BusModel {
    /// The root bus of an i440fx machine.
    PciRoot,
    /// The root complex of a q35 machine.
    PcieRoot,
    /// Conventional bridge.
    Bridge,
    /// Bridge from PCI Express to PCI without hotplug (i82801b11).
    DmiToPci,
    /// Bridge from PCI Express to PCI.
    PcieToPci,
    /// One hotplug slot on the root complex.
    RootPort,
    /// Upstream side of a switch.
    SwitchUp,
    /// Downstream side of a switch: one slot.
    SwitchDown,
    /// Extra root bus of i440fx.
    Expander,
    /// Extra root complex of q35.
    PcieExpander,
}

impl BusModel {
    /// Name in the domain XML.
    pub fn name(self) -> &'static str {
        match self {
            BusModel::PciRoot => "pci-root",
            BusModel::PcieRoot => "pcie-root",
            BusModel::Bridge => "pci-bridge",
            BusModel::DmiToPci => "dmi-to-pci-bridge",
            BusModel::PcieToPci => "pcie-to-pci-bridge",
            BusModel::RootPort => "pcie-root-port",
            BusModel::SwitchUp => "pcie-switch-upstream-port",
            BusModel::SwitchDown => "pcie-switch-downstream-port",
            BusModel::Expander => "pci-expander-bus",
            BusModel::PcieExpander => "pcie-expander-bus",
        }
    }

    /// The bus of that name.
    pub fn from_name(name: &str) -> Option<BusModel> {
        Self::ALL.into_iter().find(|model| model.name() == name)
    }

    const ALL: [BusModel; 10] = [
        BusModel::PciRoot,
        BusModel::PcieRoot,
        BusModel::Bridge,
        BusModel::DmiToPci,
        BusModel::PcieToPci,
        BusModel::RootPort,
        BusModel::SwitchUp,
        BusModel::SwitchDown,
        BusModel::Expander,
        BusModel::PcieExpander,
    ];

    /// How the controller itself plugs into another bus; none for the roots.
    pub fn plug(self) -> Connect {
        match self {
            BusModel::PciRoot | BusModel::PcieRoot => Connect::NONE,
            BusModel::Bridge => Connect::BRIDGE,
            BusModel::DmiToPci => Connect::DMI_TO_PCI,
            BusModel::PcieToPci => Connect::PCIE_TO_PCI,
            BusModel::RootPort => Connect::ROOT_PORT | Connect::AGGREGATE,
            BusModel::SwitchUp => Connect::SWITCH_UP,
            BusModel::SwitchDown => Connect::SWITCH_DOWN,
            BusModel::Expander => Connect::EXPANDER,
            BusModel::PcieExpander => Connect::PCIE_EXPANDER,
        }
    }

    /// What the bus accepts, its first and last slot.
    fn accepts(self) -> (Connect, u8, u8) {
        let conventional = Connect::PCI | Connect::BRIDGE | Connect::HOTPLUG;
        let express = Connect::PCIE | Connect::SWITCH_UP | Connect::PCIE_TO_PCI | Connect::HOTPLUG;
        match self {
            BusModel::PciRoot => (conventional | Connect::EXPANDER, 1, 31),
            BusModel::Bridge | BusModel::PcieToPci => (conventional, 1, 31),
            BusModel::Expander => (conventional, 0, 31),
            BusModel::PcieRoot => {
                (Connect::PCIE | Connect::ROOT_PORT | Connect::DMI_TO_PCI | Connect::PCIE_EXPANDER, 1, 31)
            }
            BusModel::DmiToPci => (Connect::PCI | Connect::BRIDGE, 0, 31),
            BusModel::RootPort | BusModel::SwitchDown => (express, 0, 0),
            BusModel::SwitchUp => (Connect::SWITCH_DOWN, 0, 31),
            BusModel::PcieExpander => (Connect::ROOT_PORT | Connect::DMI_TO_PCI, 0, 31),
        }
    }
}

/// Occupation of one slot: a bit per function.
#[derive(Clone, Copy, Default, Debug)]
struct Slot {
    functions: u8,
    aggregate: bool,
}

/// One bus and its slots.
#[derive(Clone, Debug)]
pub struct Bus {
    /// The controller that provides it.
    pub model: BusModel,
    accepts: Connect,
    first: u8,
    last: u8,
    slots: [Slot; 32],
}

impl Bus {
    /// An empty bus.
    pub fn new(model: BusModel) -> Bus {
        let (accepts, first, last) = model.accepts();
        Bus { model, accepts, first, last, slots: [Slot::default(); 32] }
    }

    /// First and last usable slot.
    pub fn range(&self) -> (u8, u8) {
        (self.first, self.last)
    }

    /// Whether the bus takes a controller or device of this plug type at all.
    pub fn takes(&self, plug: Connect) -> bool {
        self.accepts.has(plug & Connect::TYPES)
    }

    /// Whether a device fits. An address given by the user may put PCI into PCI Express slots, the reverse,
    /// and a pluggable device into a fixed slot.
    pub fn fits(&self, wanted: Connect, by_user: bool) -> Result<(), Misfit> {
        let mut accepts = self.accepts;
        if by_user {
            if accepts.has(Connect::ENDPOINT) {
                accepts |= Connect::ENDPOINT;
            }
            accepts |= Connect::HOTPLUG;
        }
        if !accepts.has(wanted & Connect::TYPES) {
            return Err(Misfit::Plug);
        }
        if wanted.has(Connect::HOTPLUG) && !accepts.has(Connect::HOTPLUG) {
            return Err(Misfit::Hotplug);
        }
        Ok(())
    }

    /// Whether the function is taken.
    pub fn taken(&self, slot: u8, function: u8) -> bool {
        self.slots.get(usize::from(slot)).is_some_and(|s| s.functions & (1 << (function & 7)) != 0)
    }

    /// Whether any function of the slot is taken.
    pub fn slot_taken(&self, slot: u8) -> bool {
        self.slots.get(usize::from(slot)).is_some_and(|s| s.functions != 0)
    }

    /// Whether no slot is left.
    pub fn full(&self) -> bool {
        (self.first..=self.last).all(|slot| self.slot_taken(slot))
    }

    /// Takes one function; `shared` keeps the slot open for others of its kind.
    pub fn take(&mut self, slot: u8, function: u8, shared: bool) {
        if let Some(place) = self.slots.get_mut(usize::from(slot)) {
            if place.functions == 0 {
                place.aggregate = shared;
            }
            place.functions |= 1 << (function & 7);
        }
    }

    /// First free place for a device; `function` none means any.
    pub fn free(&self, wanted: Connect, function: Option<u8>) -> Option<(u8, u8)> {
        (self.first..=self.last).find_map(|slot| self.free_in_slot(slot, wanted, function).map(|f| (slot, f)))
    }

    fn free_in_slot(&self, slot: u8, wanted: Connect, function: Option<u8>) -> Option<u8> {
        let place = self.slots.get(usize::from(slot))?;
        if place.functions == 0 {
            return Some(function.unwrap_or(0));
        }
        if !(wanted.has(Connect::AGGREGATE) && place.aggregate) {
            return None;
        }
        match function {
            Some(f) => (place.functions & (1 << (f & 7)) == 0).then_some(f),
            None => (0..8).find(|f| place.functions & (1 << f) == 0),
        }
    }
}

/// Why a device does not fit a bus.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Misfit {
    /// Wrong plug type.
    Plug,
    /// The bus has no hotplug.
    Hotplug,
}
