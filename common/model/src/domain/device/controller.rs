//! `<controller>`: what other devices are plugged into.

use super::DeviceXml;
use super::info::Allow;
use super::info::{DeviceInfo, VirtioOptions};
use crate::Rare;
use crate::Token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError, kib_from_element};

/// A controller.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Controller {
    /// Bus it makes, with the settings of that kind.
    pub kind: ControllerKind,
    /// Number among those of its bus. None: the next free one.
    pub index: Option<u32>,
    /// `<driver>`.
    pub driver: Rare<ControllerDriver>,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// Kind of a controller, with what only that kind has. A model of None is the driver's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ControllerKind {
    /// `ide`
    Ide {
        /// `model=`
        model: Option<IdeModel>,
    },
    /// `fdc`: floppy disks.
    Fdc,
    /// `scsi`
    Scsi {
        /// `model=`
        model: Option<ScsiModel>,
    },
    /// `sata`
    Sata,
    /// `virtio-serial`
    VirtioSerial {
        /// `model=`
        model: Option<VirtioSerialModel>,
        /// Number of ports.
        ports: Option<u32>,
        /// Number of interrupt vectors.
        vectors: Option<u32>,
    },
    /// `ccid`: smart cards.
    Ccid,
    /// `usb`
    Usb {
        /// `model=`
        model: Option<UsbModel>,
        /// Number of ports (xHCI).
        ports: Option<u32>,
    },
    /// `pci`
    Pci(PciController),
    /// `xenbus`
    Xenbus {
        /// Number of grant frames.
        max_grant_frames: Option<u32>,
        /// Number of event channels.
        max_event_channels: Option<u32>,
    },
    /// `isa`
    Isa {
        /// `model=`
        model: Option<IsaModel>,
    },
}

/// `<controller type='pci'>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PciController {
    /// `model=`: what it is on the bus.
    pub model: Option<PciModel>,
    /// `<model name=>`: the device that stands for it.
    pub model_name: Option<PciModelName>,
    /// Chassis number of a bridge.
    pub chassis_nr: Option<u32>,
    /// Chassis of a port.
    pub chassis: Option<u32>,
    /// Port number.
    pub port: Option<u32>,
    /// Index of a sPAPR host bridge.
    pub target_index: Option<u32>,
    /// What few have.
    pub extra: Rare<PciExtra>,
}

/// The part of [`PciController`] that hardly any of a guest's dozen ports has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PciExtra {
    /// Bus number of an expander.
    pub bus_nr: Option<u32>,
    /// Whether devices can be plugged into the running guest.
    pub hotplug: Option<bool>,
    /// Guest NUMA node of an expander.
    pub numa_node: Option<u32>,
    /// Size of the 64-bit PCI hole in KiB.
    pub pcihole64: Option<u64>,
}

/// `<driver>` of a controller.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ControllerDriver {
    /// Request queues.
    pub queues: Option<u32>,
    /// Commands queued per unit.
    pub cmd_per_lun: Option<u32>,
    /// Largest transfer in sectors of 512 bytes.
    pub max_sectors: Option<u32>,
    /// Notifications by eventfd.
    pub ioeventfd: Option<bool>,
    /// Number of the I/O thread that serves it.
    pub iothread: Option<u32>,
    /// virtio settings.
    pub virtio: VirtioOptions,
}

tokens! {
    /// `type=` of `<controller>`.
    pub enum ControllerType {
        Ide = "ide", Fdc = "fdc", Scsi = "scsi", Sata = "sata", VirtioSerial = "virtio-serial", Ccid = "ccid",
        Usb = "usb", Pci = "pci", Xenbus = "xenbus", Isa = "isa",
    }

    /// Models of IDE controllers.
    pub enum IdeModel { Piix3 = "piix3", Piix4 = "piix4", Ich6 = "ich6" }

    /// Models of SCSI controllers.
    pub enum ScsiModel {
        Auto = "auto", BusLogic = "buslogic", LsiLogic = "lsilogic", LsiSas1068 = "lsisas1068",
        Vmpvscsi = "vmpvscsi", Ibmvscsi = "ibmvscsi", Virtio = "virtio-scsi", LsiSas1078 = "lsisas1078",
        VirtioTransitional = "virtio-transitional", VirtioNonTransitional = "virtio-non-transitional",
        Ncr53c90 = "ncr53c90", Dc390 = "dc390", Am53c974 = "am53c974",
    }

    /// Models of virtio-serial controllers.
    pub enum VirtioSerialModel {
        Virtio = "virtio", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }

    /// Models of USB controllers.
    pub enum UsbModel {
        Piix3Uhci = "piix3-uhci", Piix4Uhci = "piix4-uhci", Ehci = "ehci", Ich9Ehci1 = "ich9-ehci1",
        Ich9Uhci1 = "ich9-uhci1", Ich9Uhci2 = "ich9-uhci2", Ich9Uhci3 = "ich9-uhci3",
        Vt82c686bUhci = "vt82c686b-uhci", PciOhci = "pci-ohci", NecXhci = "nec-xhci", Qusb1 = "qusb1",
        Qusb2 = "qusb2", QemuXhci = "qemu-xhci", None = "none",
    }

    /// Models of PCI controllers.
    pub enum PciModel {
        PciRoot = "pci-root", PcieRoot = "pcie-root", PciBridge = "pci-bridge",
        DmiToPciBridge = "dmi-to-pci-bridge", PcieToPciBridge = "pcie-to-pci-bridge",
        PcieRootPort = "pcie-root-port", PcieSwitchUpstreamPort = "pcie-switch-upstream-port",
        PcieSwitchDownstreamPort = "pcie-switch-downstream-port", PciExpanderBus = "pci-expander-bus",
        PcieExpanderBus = "pcie-expander-bus",
    }

    /// Devices that stand for PCI controllers.
    pub enum PciModelName {
        PciBridge = "pci-bridge", I82801b11Bridge = "i82801b11-bridge", Ioh3420 = "ioh3420",
        X3130Upstream = "x3130-upstream", Xio3130Downstream = "xio3130-downstream", Pxb = "pxb",
        PxbPcie = "pxb-pcie", PcieRootPort = "pcie-root-port",
        SpaprPciHostBridge = "spapr-pci-host-bridge", PciePciBridge = "pcie-pci-bridge",
    }

    /// Models of ISA controllers.
    pub enum IsaModel { Isa = "isa" }
}

impl ScsiModel {
    /// Whether it is virtio's.
    pub fn is_virtio(self) -> bool {
        matches!(self, Self::Virtio | Self::VirtioTransitional | Self::VirtioNonTransitional)
    }
}

impl UsbModel {
    /// The first port of its master that a part of an Intel USB 2 controller serves.
    pub fn companion_port(self) -> Option<u32> {
        match self {
            Self::Ich9Uhci1 => Some(0),
            Self::Ich9Uhci2 => Some(2),
            Self::Ich9Uhci3 => Some(4),
            _ => None,
        }
    }

    /// Whether it serves the ports of another controller and has no bus of its own.
    pub fn is_companion(self) -> bool {
        self.companion_port().is_some()
    }
}

impl DeviceXml for Controller {
    const ELEMENT: &'static str = "controller";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = element.attr_token("type")?.unwrap_or(ControllerType::Ide);
        let controller = Self {
            index: non_negative(element, "index")?,
            driver: element
                .child("driver")
                .map(ControllerDriver::parse)
                .transpose()?
                .unwrap_or_default()
                .into(),
            kind: ControllerKind::parse(element, kind)?,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        };
        let virtio = |model: &Option<ScsiModel>| model.is_some_and(ScsiModel::is_virtio);
        match &controller.kind {
            ControllerKind::Scsi { model } if controller.driver.iothread.is_some() && !virtio(model) => {
                Err(XmlError::xml("'iothread' attribute only supported for virtio scsi controllers"))
            }
            _ => Ok(controller),
        }
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("controller").attr("type", self.kind.kind()).attr_opt("index", self.index);
        self.kind.format_attrs(w);
        if let ControllerKind::Pci(pci) = &self.kind {
            pci.format_children(w);
        }
        self.driver.format(w);
        self.info.format(w, options);
        if let ControllerKind::Pci(pci) = &self.kind
            && let Some(size) = pci.extra.pcihole64
        {
            w.start("pcihole64").attr("unit", "KiB").text(size).end();
        }
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        match &self.kind {
            ControllerKind::Pci(pci) => pci.validate(self.index),
            _ => Ok(()),
        }
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl ControllerKind {
    /// The word for its bus.
    pub fn kind(&self) -> ControllerType {
        match self {
            Self::Ide { .. } => ControllerType::Ide,
            Self::Fdc => ControllerType::Fdc,
            Self::Scsi { .. } => ControllerType::Scsi,
            Self::Sata => ControllerType::Sata,
            Self::VirtioSerial { .. } => ControllerType::VirtioSerial,
            Self::Ccid => ControllerType::Ccid,
            Self::Usb { .. } => ControllerType::Usb,
            Self::Pci(_) => ControllerType::Pci,
            Self::Xenbus { .. } => ControllerType::Xenbus,
            Self::Isa { .. } => ControllerType::Isa,
        }
    }

    /// A controller of this kind with nothing set.
    pub fn of_type(kind: ControllerType) -> Self {
        match kind {
            ControllerType::Ide => Self::Ide { model: None },
            ControllerType::Fdc => Self::Fdc,
            ControllerType::Scsi => Self::Scsi { model: None },
            ControllerType::Sata => Self::Sata,
            ControllerType::VirtioSerial => Self::VirtioSerial { model: None, ports: None, vectors: None },
            ControllerType::Ccid => Self::Ccid,
            ControllerType::Usb => Self::Usb { model: None, ports: None },
            ControllerType::Pci => Self::Pci(PciController::default()),
            ControllerType::Xenbus => Self::Xenbus { max_grant_frames: None, max_event_channels: None },
            ControllerType::Isa => Self::Isa { model: None },
        }
    }

    fn parse(element: &Element, kind: ControllerType) -> Result<Self, XmlError> {
        Ok(match kind {
            ControllerType::Ide => Self::Ide { model: model(element)? },
            ControllerType::Fdc => no_model(element, Self::Fdc)?,
            ControllerType::Scsi => Self::Scsi { model: model(element)? },
            ControllerType::Sata => no_model(element, Self::Sata)?,
            ControllerType::VirtioSerial => Self::VirtioSerial {
                model: model(element)?,
                ports: non_negative(element, "ports")?,
                vectors: non_negative(element, "vectors")?,
            },
            ControllerType::Ccid => no_model(element, Self::Ccid)?,
            ControllerType::Usb => {
                Self::Usb { model: model(element)?, ports: non_negative(element, "ports")? }
            }
            ControllerType::Pci => Self::Pci(PciController::parse(element)?),
            ControllerType::Xenbus => no_model(
                element,
                Self::Xenbus {
                    max_grant_frames: non_negative(element, "maxGrantFrames")?,
                    max_event_channels: non_negative(element, "maxEventChannels")?,
                },
            )?,
            ControllerType::Isa => Self::Isa { model: model(element)? },
        })
    }

    fn format_attrs(&self, w: &mut Writer) {
        match self {
            Self::Ide { model } => _ = w.attr_opt("model", *model),
            Self::Scsi { model } => _ = w.attr_opt("model", *model),
            Self::VirtioSerial { model, ports, vectors } => {
                w.attr_opt("model", *model).attr_opt("ports", *ports).attr_opt("vectors", *vectors);
            }
            Self::Usb { model, ports } => _ = w.attr_opt("model", *model).attr_opt("ports", *ports),
            Self::Pci(pci) => _ = w.attr_opt("model", pci.model),
            Self::Xenbus { max_grant_frames, max_event_channels } => {
                w.attr_opt("maxGrantFrames", *max_grant_frames);
                w.attr_opt("maxEventChannels", *max_event_channels);
            }
            Self::Isa { model } => _ = w.attr_opt("model", *model),
            Self::Fdc | Self::Sata | Self::Ccid => {}
        }
    }
}

impl PciController {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let mut pci = Self { model: model(element)?, ..Self::default() };
        if element.children_named("model").nth(1).is_some() {
            return Err(XmlError::xml("Multiple <model> elements in controller definition not allowed"));
        }
        let name = element.child("model").and_then(|m| m.attr("name"));
        if let Some(name) = name.filter(|name| *name != "none") {
            let unknown = || XmlError::bad_attr("model", "name", name);
            pci.model_name = Some(PciModelName::from_word(name).ok_or_else(unknown)?);
        }
        if element.children_named("target").nth(1).is_some() {
            return Err(XmlError::xml("Multiple <target> elements in controller definition not allowed"));
        }
        if let Some(target) = element.child("target") {
            pci.parse_target(target)?;
        }
        let root = matches!(pci.model, Some(PciModel::PciRoot | PciModel::PcieRoot));
        if let Some(hole) = element.child("pcihole64").filter(|_| root) {
            pci.extra.pcihole64 = Some(kib_from_element(hole, "pcihole64")?);
        }
        Ok(pci)
    }

    fn parse_target(&mut self, target: &Element) -> Result<(), XmlError> {
        self.chassis_nr = target_number(target, "chassisNr")?;
        self.chassis = target_number(target, "chassis")?;
        self.port = target_number(target, "port")?;
        let bus_nr = target_number(target, "busNr")?;
        self.target_index = target_number(target, "index")?;
        self.extra = PciExtra {
            bus_nr,
            hotplug: target.attr_on_off("hotplug")?,
            numa_node: target.child_num("node")?,
            pcihole64: None,
        }
        .into();
        Ok(())
    }

    fn format_children(&self, w: &mut Writer) {
        if let Some(name) = self.model_name {
            w.start("model").attr("name", name).end();
        }
        w.start("target")
            .attr_opt("chassisNr", self.chassis_nr)
            .attr_opt("chassis", self.chassis)
            .attr_opt("port", self.port.map(|p| format!("{p:#x}")))
            .attr_opt("busNr", self.extra.bus_nr)
            .attr_opt("index", self.target_index)
            .attr_on_off("hotplug", self.extra.hotplug)
            .text_element_opt("node", self.extra.numa_node)
            .end_or_drop();
    }

    fn validate(&self, index: Option<u32>) -> Result<(), XmlError> {
        let limits = [
            ("chassisNr", self.chassis_nr, 1, 255),
            ("chassis", self.chassis, 0, 255),
            ("port", self.port, 0, 255),
            ("busNr", self.extra.bus_nr, 1, 254),
            ("target index", self.target_index, 0, 30),
        ];
        for (name, value, least, most) in limits {
            if let Some(n) = value.filter(|n| !(least..=most).contains(n)) {
                let text = format!("PCI controller {name} '{n}' out of range - must be {least}-{most}");
                return Err(XmlError::unsupported(text));
            }
        }
        if let Some((index, target)) = index.zip(self.target_index)
            && (index == 0) != (target == 0)
        {
            let text = "Only the PCI controller with index 0 can have target index 0, and vice versa";
            return Err(XmlError::unsupported(text));
        }
        Ok(())
    }
}

impl ControllerDriver {
    fn parse(driver: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            queues: driver.attr_num("queues")?,
            cmd_per_lun: driver.attr_num("cmd_per_lun")?,
            max_sectors: driver.attr_num("max_sectors")?,
            ioeventfd: driver.attr_on_off("ioeventfd")?,
            iothread: driver.attr_num("iothread")?.filter(|id| *id != 0),
            virtio: VirtioOptions::parse(driver)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("driver")
            .attr_opt("queues", self.queues.filter(|n| *n > 0))
            .attr_opt("cmd_per_lun", self.cmd_per_lun.filter(|n| *n > 0))
            .attr_opt("max_sectors", self.max_sectors.filter(|n| *n > 0))
            .attr_on_off("ioeventfd", self.ioeventfd)
            .attr_opt("iothread", self.iothread);
        self.virtio.format(w).end_or_drop();
    }
}

/// `model=`, as a word of the kind's list.
fn model<T: Token>(element: &Element) -> Result<Option<T>, XmlError> {
    let Some(text) = element.attr("model") else { return Ok(None) };
    let unknown = || XmlError::unsupported(format!("Unknown model type '{text}'"));
    T::from_word(text).map(Some).ok_or_else(unknown)
}

/// Kinds that come in one model only.
fn no_model(element: &Element, kind: ControllerKind) -> Result<ControllerKind, XmlError> {
    match element.attr("model") {
        Some(text) => Err(XmlError::unsupported(format!("Unknown model type '{text}'"))),
        None => Ok(kind),
    }
}

/// A number that the reference keeps as a signed one and refuses when negative.
fn non_negative(element: &Element, name: &str) -> Result<Option<u32>, XmlError> {
    let Some(number) = element.attr_num::<i32>(name)? else { return Ok(None) };
    let text = element.attr(name).unwrap_or_default();
    let negative = |_| XmlError::bad_number(element.local_name(), name, text, "non-negative value");
    u32::try_from(number).map(Some).map_err(negative)
}

/// A number of `<target>`, in any base.
fn target_number(target: &Element, name: &str) -> Result<Option<u32>, XmlError> {
    let Some(number) = target.attr_num_any_base::<i32>(name)? else { return Ok(None) };
    let text = target.attr(name).unwrap_or_default();
    let negative = |_| XmlError::bad_number(target.local_name(), name, text, "non-negative value");
    u32::try_from(number).map(Some).map_err(negative)
}
