//! Where a device sits: bus addresses of every kind.

use std::fmt;

use super::words::supported_token;
use crate::xml::{Element, Scope, Writer, XmlError};

/// `<address>` of a device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Address {
    /// `type='pci'`. All zero: the driver chooses.
    Pci(PciAddress),
    /// `type='drive'`: place behind a disk controller.
    Drive(DriveAddress),
    /// `type='virtio-serial'`.
    VirtioSerial(VirtioSerialAddress),
    /// `type='ccid'`: a smart card slot.
    Ccid {
        /// Index of the CCID controller.
        controller: u32,
        /// Slot of it.
        slot: u32,
    },
    /// `type='usb'`.
    Usb(UsbAddress),
    /// `type='spapr-vio'`.
    SpaprVio {
        /// Register; none: the driver chooses.
        reg: Option<u64>,
    },
    /// `type='ccw'`: the s390 channel subsystem. None: the driver chooses.
    Ccw(Option<CcwAddress>),
    /// `type='virtio-mmio'`.
    VirtioMmio,
    /// `type='isa'`.
    Isa {
        /// First I/O port.
        iobase: Option<u32>,
        /// Interrupt line.
        irq: Option<u32>,
    },
    /// `type='dimm'`: a memory slot.
    Dimm {
        /// Slot number.
        slot: u32,
        /// Guest physical address; none: QEMU chooses.
        base: Option<u64>,
    },
    /// `type='unassigned'`: the device is not plugged into the guest (host devices that are only reserved).
    Unassigned,
}

/// A PCI address; all zero means "to be assigned".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PciAddress {
    /// PCI domain.
    pub domain: u32,
    /// Bus: the index of a PCI controller.
    pub bus: u32,
    /// Slot, at most 31.
    pub slot: u32,
    /// Function, at most 7.
    pub function: u32,
    /// Whether more functions of the slot are used.
    pub multifunction: Option<bool>,
    /// The s390 identifiers.
    pub zpci: Option<ZpciAddress>,
}

/// `<zpci>`: identifiers of a PCI function on s390.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ZpciAddress {
    /// User-defined identifier.
    pub uid: Option<u32>,
    /// Function identifier.
    pub fid: Option<u32>,
}

/// Place of a disk behind a controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DriveAddress {
    /// Index of the controller.
    pub controller: u32,
    /// Channel of the controller.
    pub bus: u32,
    /// SCSI target.
    pub target: u32,
    /// Unit on the bus or target.
    pub unit: u32,
}

/// Port of a virtio-serial controller.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtioSerialAddress {
    /// Index of the controller.
    pub controller: u32,
    /// Bus, always 0.
    pub bus: u32,
    /// Port; 0 on a channel: to be assigned.
    pub port: u32,
}

/// Place on a USB bus.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct UsbAddress {
    /// Bus: the index of a USB controller.
    pub bus: u32,
    /// Port path through hubs, from the root; zeros at the end are not part of it. All zero: to be assigned.
    pub port: [u32; UsbAddress::DEPTH],
}

/// Address in the s390 channel subsystem.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CcwAddress {
    /// Channel subsystem, at most 0xfe.
    pub cssid: u32,
    /// Subchannel set, at most 3.
    pub ssid: u32,
    /// Device number, at most 0xffff.
    pub devno: u32,
}

tokens! {
    /// `<address type=>`
    pub enum AddressType {
        Pci = "pci", Drive = "drive", VirtioSerial = "virtio-serial", Ccid = "ccid", Usb = "usb",
        SpaprVio = "spapr-vio", VirtioS390 = "virtio-s390", Ccw = "ccw", VirtioMmio = "virtio-mmio", Isa = "isa",
        Dimm = "dimm", Unassigned = "unassigned",
    }
}

impl Address {
    /// Reads `<address>` of a device.
    pub fn parse(element: &Element) -> Result<Self, XmlError> {
        let kind = supported_token(element, "type", "address type")?;
        let kind = kind.ok_or_else(|| XmlError::internal("No type specified for device address"))?;
        Ok(match kind {
            AddressType::Pci => Self::Pci(PciAddress::parse(element)?),
            AddressType::Drive => Self::Drive(DriveAddress::parse(element)?),
            AddressType::VirtioSerial => Self::VirtioSerial(VirtioSerialAddress {
                controller: element.attr_num("controller")?.unwrap_or_default(),
                bus: element.attr_num("bus")?.unwrap_or_default(),
                port: element.attr_num("port")?.unwrap_or_default(),
            }),
            AddressType::Ccid => Self::Ccid {
                controller: element.attr_num("controller")?.unwrap_or_default(),
                slot: element.attr_num("slot")?.unwrap_or_default(),
            },
            AddressType::Usb => Self::Usb(UsbAddress::parse(element)?),
            AddressType::SpaprVio => Self::SpaprVio { reg: attr_hex(element, "reg")? },
            AddressType::VirtioS390 => {
                return Err(XmlError::xml("an address of type 'virtio-s390' has no form"));
            }
            AddressType::Ccw => Self::Ccw(CcwAddress::parse(element)?),
            AddressType::VirtioMmio => Self::VirtioMmio,
            AddressType::Isa => {
                Self::Isa { iobase: attr_hex(element, "iobase")?, irq: attr_hex(element, "irq")? }
            }
            AddressType::Dimm => Self::Dimm {
                slot: element.require_num("slot")?,
                base: attr_hex(element, "base")?.filter(|b| *b != 0),
            },
            AddressType::Unassigned => Self::Unassigned,
        })
    }

    /// Writes `<address>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("address").attr("type", self.kind());
        match self {
            Self::Pci(pci) => pci.format_attrs(w),
            Self::Drive(d) => _ = d.format_attrs(w),
            Self::VirtioSerial(v) => {
                w.attr("controller", v.controller).attr("bus", v.bus).attr("port", v.port);
            }
            Self::Ccid { controller, slot } => _ = w.attr("controller", controller).attr("slot", slot),
            Self::Usb(usb) => {
                w.attr("bus", usb.bus);
                w.attr_opt("port", usb.has_port().then(|| usb.port_path()));
            }
            Self::SpaprVio { reg } => _ = w.attr_opt("reg", reg.map(|r| format!("{r:#010x}"))),
            Self::Ccw(ccw) => ccw.unwrap_or_default().format_attrs(w),
            Self::Isa { iobase, irq } => {
                w.attr_opt("iobase", iobase.filter(|n| *n > 0).map(|n| format!("{n:#x}")));
                w.attr_opt("irq", irq.filter(|n| *n > 0).map(|n| format!("{n:#x}")));
            }
            Self::Dimm { slot, base } => {
                w.attr("slot", slot).attr_opt("base", base.map(|b| format!("{b:#x}")));
            }
            Self::VirtioMmio | Self::Unassigned => {}
        }
        w.end();
    }

    /// The word for its kind.
    pub fn kind(&self) -> AddressType {
        match self {
            Self::Pci(_) => AddressType::Pci,
            Self::Drive(_) => AddressType::Drive,
            Self::VirtioSerial(_) => AddressType::VirtioSerial,
            Self::Ccid { .. } => AddressType::Ccid,
            Self::Usb(_) => AddressType::Usb,
            Self::SpaprVio { .. } => AddressType::SpaprVio,
            Self::Ccw(_) => AddressType::Ccw,
            Self::VirtioMmio => AddressType::VirtioMmio,
            Self::Isa { .. } => AddressType::Isa,
            Self::Dimm { .. } => AddressType::Dimm,
            Self::Unassigned => AddressType::Unassigned,
        }
    }
}

impl PciAddress {
    /// Reads the attributes of an element, whatever its name.
    pub fn parse(element: &Element) -> Result<Self, XmlError> {
        let pci = Self {
            domain: element.attr_num_any_base("domain")?.unwrap_or_default(),
            bus: element.attr_num_any_base("bus")?.unwrap_or_default(),
            slot: element.attr_num_any_base("slot")?.unwrap_or_default(),
            function: element.attr_num_any_base("function")?.unwrap_or_default(),
            multifunction: element.attr_on_off("multifunction")?,
            zpci: element.child("zpci").map(ZpciAddress::parse).transpose()?,
        };
        pci.check()?;
        Ok(pci)
    }

    /// Whether it is still to be assigned.
    pub fn is_empty(&self) -> bool {
        (self.domain, self.bus, self.slot, self.function) == (0, 0, 0, 0)
    }

    /// Adds the attributes, and `<zpci>`, to the element being written; none while it is to be assigned.
    pub fn format_attrs(&self, w: &mut Writer) {
        if !self.is_empty() {
            self.format_numbers(w);
        }
        w.attr_on_off("multifunction", self.multifunction);
        if let Some(zpci) = self.zpci {
            w.start("zpci")
                .attr("uid", format_args!("{:#06x}", zpci.uid.unwrap_or_default()))
                .attr("fid", format_args!("{:#010x}", zpci.fid.unwrap_or_default()))
                .end();
        }
    }

    /// Adds the four numbers to the element being written.
    pub fn format_numbers<'a>(&self, w: &'a mut Writer) -> &'a mut Writer {
        w.attr("domain", format_args!("{:#06x}", self.domain))
            .attr("bus", format_args!("{:#04x}", self.bus))
            .attr("slot", format_args!("{:#04x}", self.slot))
            .attr("function", format_args!("{:#x}", self.function))
    }

    fn check(&self) -> Result<(), XmlError> {
        let limits = [
            (self.bus, 0xff, format!("bus='{:#x}', must be <= 0xFF", self.bus)),
            (self.slot, 0x1f, format!("slot='{:#x}', must be <= 0x1F", self.slot)),
            (self.function, 7, format!("function={:#x}, must be <= 7", self.function)),
        ];
        for (value, limit, what) in limits {
            if value > limit {
                return Err(XmlError::xml(format!("Invalid PCI address {what}")).scoped(Scope::None));
            }
        }
        Ok(())
    }
}

/// `0000:01:02.3`
impl fmt::Display for PciAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04x}:{:02x}:{:02x}.{:x}", self.domain, self.bus, self.slot, self.function)
    }
}

impl ZpciAddress {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self { uid: element.attr_num_any_base("uid")?, fid: element.attr_num_any_base("fid")? })
    }
}

impl DriveAddress {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            controller: element.attr_num("controller")?.unwrap_or_default(),
            bus: element.attr_num("bus")?.unwrap_or_default(),
            target: element.attr_num("target")?.unwrap_or_default(),
            unit: element.attr_num("unit")?.unwrap_or_default(),
        })
    }

    fn format_attrs<'a>(&self, w: &'a mut Writer) -> &'a mut Writer {
        w.attr("controller", self.controller)
            .attr("bus", self.bus)
            .attr("target", self.target)
            .attr("unit", self.unit)
    }
}

impl UsbAddress {
    /// Hubs in a row that a port path can hold.
    pub const DEPTH: usize = 4;

    /// Whether a port is given.
    pub fn has_port(&self) -> bool {
        self.port[0] != 0
    }

    /// The port path as text ("1.2"); empty while it is to be assigned.
    pub fn port_path(&self) -> String {
        let ports: Vec<_> = self.port.iter().take_while(|p| **p != 0).map(u32::to_string).collect();
        ports.join(".")
    }

    fn parse(element: &Element) -> Result<Self, XmlError> {
        let port = match element.attr("port") {
            None => [0; Self::DEPTH],
            Some(text) => port_path(text).ok_or_else(|| {
                XmlError::internal("Cannot parse <address> 'port' attribute").scoped(Scope::Device)
            })?,
        };
        Ok(Self { bus: element.attr_num("bus")?.unwrap_or_default(), port })
    }
}

impl CcwAddress {
    fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let parts: (Option<u32>, Option<u32>, Option<u32>) = (
            element.attr_num_any_base("cssid")?,
            element.attr_num_any_base("ssid")?,
            element.attr_num_any_base("devno")?,
        );
        let ccw = match parts {
            (None, None, None) => return Ok(None),
            (Some(cssid), Some(ssid), Some(devno)) => Self { cssid, ssid, devno },
            _ => {
                let text = "a ccw address has all of 'cssid', 'ssid' and 'devno', or none";
                return Err(XmlError::internal(text).scoped(Scope::Device));
            }
        };
        if ccw.cssid > 0xfe || ccw.ssid > 3 || ccw.devno > 0xffff {
            let text = format!(
                "Invalid virtio ccw address: cssid='{:#x}' ssid='{:#x}' devno='{:#06x}'",
                ccw.cssid, ccw.ssid, ccw.devno
            );
            return Err(XmlError::internal(text).scoped(Scope::Device));
        }
        Ok(Some(ccw))
    }

    fn format_attrs(&self, w: &mut Writer) {
        w.attr("cssid", format_args!("{:#x}", self.cssid))
            .attr("ssid", format_args!("{:#x}", self.ssid))
            .attr("devno", format_args!("{:#06x}", self.devno));
    }
}

/// A hexadecimal attribute, with or without `0x`.
fn attr_hex<T: TryFrom<u64>>(element: &Element, name: &str) -> Result<Option<T>, XmlError> {
    let Some(text) = element.attr(name) else { return Ok(None) };
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")).unwrap_or(text);
    let plain = digits.starts_with(|c: char| c.is_ascii_hexdigit());
    match u64::from_str_radix(digits, 16).ok().filter(|_| plain).and_then(|n| T::try_from(n).ok()) {
        Some(n) => Ok(Some(n)),
        None => Err(XmlError::bad_number(element.local_name(), name, text, "non-negative integer value")),
    }
}

/// "1.2.3", at most [`UsbAddress::DEPTH`] numbers.
fn port_path(text: &str) -> Option<[u32; UsbAddress::DEPTH]> {
    let mut port = [0; UsbAddress::DEPTH];
    for (place, part) in text.split('.').enumerate() {
        let number = Some(part).filter(|p| p.bytes().all(|b| b.is_ascii_digit()))?.parse().ok()?;
        *port.get_mut(place)? = number;
    }
    Some(port)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::xml::{Limits, parse};

    fn read(text: &str) -> Result<Address, XmlError> {
        Address::parse(&parse(text, &Limits::document("test")).unwrap())
    }

    #[test]
    fn every_form_round_trips() {
        for text in [
            "<address type='pci' domain='0x0000' bus='0x01' slot='0x1f' function='0x7' multifunction='on'/>\n",
            "<address type='pci'/>\n",
            "<address type='pci' domain='0x0000' bus='0x00' slot='0x01' function='0x0'>\n  <zpci uid='0x0019' fid='0x0000001f'/>\n</address>\n",
            "<address type='drive' controller='0' bus='0' target='0' unit='1'/>\n",
            "<address type='virtio-serial' controller='0' bus='0' port='2'/>\n",
            "<address type='ccid' controller='0' slot='1'/>\n",
            "<address type='usb' bus='0' port='1.2.3.4'/>\n",
            "<address type='usb' bus='1'/>\n",
            "<address type='spapr-vio' reg='0x00002000'/>\n",
            "<address type='ccw' cssid='0xfe' ssid='0x0' devno='0x0001'/>\n",
            "<address type='virtio-mmio'/>\n",
            "<address type='isa' iobase='0x3f8' irq='0x4'/>\n",
            "<address type='dimm' slot='0' base='0x100000000'/>\n",
            "<address type='unassigned'/>\n",
        ] {
            let mut w = Writer::new();
            read(text).unwrap().format(&mut w);
            assert_eq!(w.finish(), text);
        }
    }

    #[test]
    fn faults_name_the_part() {
        let message = |text| read(text).unwrap_err().message;
        assert_eq!(
            message("<address type='pci' bus='0x100'/>"),
            "Invalid PCI address bus='0x100', must be <= 0xFF"
        );
        assert_eq!(
            message("<address type='pci' slot='32'/>"),
            "Invalid PCI address slot='0x20', must be <= 0x1F"
        );
        assert_eq!(
            message("<address type='usb' port='1.2.3.4.5'/>"),
            "Cannot parse <address> 'port' attribute"
        );
        assert!(read("<address type='ccw' ssid='0'/>").is_err());
        assert!(read("<address/>").is_err());
    }
}
