//! Which device of the host: `<source>` and the attributes that go with it.

use uuid::Uuid;

use super::{
    HostdevCapsType, HostdevMode, HostdevSource, HostdevType, MdevHostdev, PciHostdev, ScsiHostdev,
    ScsiProtocol, ScsiUnit, UsbHostdev,
};
use crate::Token;
use crate::domain::device::address::PciAddress;
use crate::domain::device::disk::StartupPolicy;
use crate::domain::device::disk::source::{
    NetworkHost, NetworkProtocol, NetworkSource, SecretUsageType, StorageAuth,
};
use crate::domain::device::interface::link::{IpAddress, IpRoute};
use crate::domain::device::words::{require_supported, supported_token};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

impl HostdevSource {
    /// `mode=`
    pub fn mode(&self) -> HostdevMode {
        match self {
            Self::CapsStorage { .. } | Self::CapsMisc { .. } | Self::CapsNet { .. } => {
                HostdevMode::Capabilities
            }
            Self::Usb(_) | Self::Pci(_) | Self::Scsi(_) | Self::ScsiHost { .. } | Self::Mdev(_) => {
                HostdevMode::Subsystem
            }
        }
    }

    /// `type=`
    pub fn type_word(&self) -> &'static str {
        match self {
            Self::Usb(_) => "usb",
            Self::Pci(_) => "pci",
            Self::Scsi(_) => "scsi",
            Self::ScsiHost { .. } => "scsi_host",
            Self::Mdev(_) => "mdev",
            Self::CapsStorage { .. } => "storage",
            Self::CapsMisc { .. } => "misc",
            Self::CapsNet { .. } => "net",
        }
    }

    pub(super) fn parse(hostdev: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let source = hostdev
            .child("source")
            .ok_or_else(|| XmlError::xml("Missing <source> element in hostdev device"));
        let what = "host device source address type";
        if supported_token(hostdev, "mode", "hostdev mode")? == Some(HostdevMode::Capabilities) {
            return Self::parse_capabilities(hostdev, require_supported(hostdev, "type", what)?, source?);
        }
        Ok(match require_supported(hostdev, "type", what)? {
            HostdevType::Usb => Self::Usb(UsbHostdev::parse(source?, options)?),
            HostdevType::Pci => Self::Pci(PciHostdev::parse(hostdev, source?)?),
            HostdevType::Scsi => Self::Scsi(ScsiHostdev::parse(hostdev, source?)?),
            HostdevType::ScsiHost => Self::parse_scsi_host(hostdev, source?)?,
            HostdevType::Mdev => Self::Mdev(MdevHostdev::parse(hostdev, source?)?),
        })
    }

    /// Reads the device of `<interface type='hostdev'>`: PCI or USB, as the type of the source's address says.
    pub(in crate::domain::device) fn parse_of_interface(
        interface: &Element,
        options: &ParseOptions,
    ) -> Result<Self, XmlError> {
        let source = interface
            .child("source")
            .ok_or_else(|| XmlError::xml("Missing <source> element in hostdev device"))?;
        let Some(address) = source.child("address") else {
            return UsbHostdev::parse(source, options).map(Self::Usb);
        };
        match address.attr("type") {
            Some("pci") => PciHostdev::parse(interface, source).map(Self::Pci),
            Some("usb") => UsbHostdev::parse(source, options).map(Self::Usb),
            Some(other) => {
                Err(XmlError::unsupported(format!("unknown host device source address type '{other}'")))
            }
            None => Err(XmlError::xml("missing source address type")),
        }
    }

    /// Adds attributes of `<hostdev>` that only this type has.
    pub(super) fn format_attrs(&self, w: &mut Writer) {
        match self {
            Self::Scsi(scsi) => _ = w.attr_opt("sgio", scsi.sgio).attr_yes_no("rawio", scsi.rawio),
            Self::ScsiHost { model, .. } => _ = w.attr_opt("model", *model),
            Self::Mdev(mdev) => {
                w.attr("model", mdev.model)
                    .attr_on_off("display", mdev.display)
                    .attr_on_off("ramfb", mdev.ramfb);
            }
            Self::Usb(_)
            | Self::Pci(_)
            | Self::CapsStorage { .. }
            | Self::CapsMisc { .. }
            | Self::CapsNet { .. } => {}
        }
    }

    /// Writes `<driver>` and `<source>` of an interface: its address names its type.
    pub(in crate::domain::device) fn format_source(&self, w: &mut Writer, options: &FormatOptions) {
        match self {
            Self::Usb(usb) => {
                w.start("source");
                usb.format(w, options, true);
                w.end();
            }
            Self::Pci(pci) => pci.format(w, true),
            _ => {}
        }
    }

    pub(super) fn format_with_policy(
        &self,
        w: &mut Writer,
        options: &FormatOptions,
        policy: Option<StartupPolicy>,
    ) {
        match self {
            Self::Pci(pci) => return pci.format(w, false),
            Self::CapsNet { interface, ips, routes } => return format_caps_net(w, interface, ips, routes),
            _ => _ = w.start("source").attr_opt("startupPolicy", policy),
        }
        match self {
            Self::Usb(usb) => usb.format(w, options, false),
            Self::Scsi(scsi) => scsi.format(w),
            Self::ScsiHost { wwpn, .. } => _ = w.attr("protocol", "vhost").attr("wwpn", wwpn),
            Self::Mdev(mdev) => _ = w.start("address").attr("uuid", mdev.uuid).end(),
            Self::CapsStorage { block } => _ = w.text_element("block", block),
            Self::CapsMisc { char } => _ = w.text_element("char", char),
            Self::Pci(_) | Self::CapsNet { .. } => {}
        }
        w.end();
    }

    fn parse_capabilities(
        hostdev: &Element,
        kind: HostdevCapsType,
        source: &Element,
    ) -> Result<Self, XmlError> {
        let need = |name: &str| {
            source
                .child_text(name)
                .ok_or_else(|| XmlError::xml(format!("Missing <{name}> element in hostdev {kind} device")))
        };
        Ok(match kind {
            HostdevCapsType::Storage => Self::CapsStorage { block: need("block")? },
            HostdevCapsType::Misc => Self::CapsMisc { char: need("char")? },
            HostdevCapsType::Net => Self::CapsNet {
                interface: need("interface")?,
                ips: hostdev.children_named("ip").map(IpAddress::parse).collect::<Result<_, _>>()?,
                routes: hostdev.children_named("route").map(IpRoute::parse).collect::<Result<_, _>>()?,
            },
        })
    }

    fn parse_scsi_host(hostdev: &Element, source: &Element) -> Result<Self, XmlError> {
        let protocol = source.require("protocol")?;
        if protocol != "vhost" {
            return Err(XmlError::unsupported(format!("Unknown scsi_host subsystem protocol '{protocol}'")));
        }
        let wwpn =
            source.attr("wwpn").ok_or_else(|| XmlError::xml("Missing vhost-scsi hostdev source 'wwpn'"))?;
        let digits = wwpn.strip_prefix("naa.").unwrap_or_default();
        if digits.len() != 16 || !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
            return Err(XmlError::xml("malformed 'wwpn' value"));
        }
        Ok(Self::ScsiHost { wwpn: wwpn.to_owned(), model: hostdev.attr_token("model")? })
    }
}

impl UsbHostdev {
    fn parse(source: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut usb = Self { guest_reset: source.attr_token("guestReset")?, ..Self::default() };
        if let Some(vendor) = source.child("vendor") {
            usb.vendor = Some(usb_id(vendor, "vendor")?);
            let product = source.child("product").ok_or_else(|| XmlError::internal("missing product"))?;
            usb.product = Some(usb_id(product, "product")?);
        } else if source.child("product").is_some() {
            return Err(XmlError::internal("missing vendor"));
        }
        if let Some(address) = source.child("address") {
            usb.bus = Some(address.require_num("bus")?);
            usb.device = Some(address.require_num("device")?);
        }
        usb.auto_address = options.status && source.attr("autoAddress") == Some("yes");
        Ok(usb)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions, typed: bool) {
        w.attr_opt("guestReset", self.guest_reset);
        if options.status && self.auto_address {
            w.attr("autoAddress", "yes");
        }
        if let (Some(vendor), Some(product)) = (self.vendor, self.product) {
            w.start("vendor").attr("id", format_args!("{vendor:#06x}")).end();
            w.start("product").attr("id", format_args!("{product:#06x}")).end();
        }
        let hidden = self.auto_address && options.inactive && !options.status;
        if let (Some(bus), Some(device), false) = (self.bus, self.device, hidden) {
            w.start("address").attr_opt("type", typed.then_some("usb"));
            w.attr("bus", bus).attr("device", device).end();
        }
    }
}

impl PciHostdev {
    fn parse(hostdev: &Element, source: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            address: source.child("address").map(PciAddress::parse).transpose()?.unwrap_or_default(),
            driver: hostdev.child("driver").map(|d| d.attr_token("name")).transpose()?.flatten(),
            write_filtering: source.attr_yes_no("writeFiltering")?,
        })
    }

    fn format(&self, w: &mut Writer, typed: bool) {
        w.start("driver").attr_opt("name", self.driver).end_or_drop();
        w.start("source").attr_yes_no("writeFiltering", self.write_filtering);
        w.start("address").attr_opt("type", typed.then_some("pci"));
        self.address.format_numbers(w).end();
        w.end();
    }
}

impl ScsiHostdev {
    fn parse(hostdev: &Element, source: &Element) -> Result<Self, XmlError> {
        let unknown = |word: &str| XmlError::unsupported(format!("Unknown SCSI subsystem protocol '{word}'"));
        let protocol =
            source.attr("protocol").map(|word| ScsiProtocol::from_word(word).ok_or_else(|| unknown(word)));
        let unit = match protocol.transpose()? {
            Some(ScsiProtocol::Iscsi) => ScsiUnit::parse_iscsi(source)?,
            Some(ScsiProtocol::Adapter) | None => ScsiUnit::parse_host(source)?,
        };
        Ok(Self { sgio: hostdev.attr_token("sgio")?, rawio: hostdev.attr_yes_no("rawio")?, unit })
    }

    fn format(&self, w: &mut Writer) {
        match &self.unit {
            ScsiUnit::Host { adapter, bus, target, unit } => {
                w.start("adapter").attr("name", adapter).end();
                w.start("address").attr("bus", bus).attr("target", target).attr("unit", unit).end();
            }
            ScsiUnit::Iscsi { network, auth } => {
                w.attr("protocol", ScsiProtocol::Iscsi).attr_opt("name", network.name.as_ref());
                for host in &network.hosts {
                    host.format(w);
                }
                if let Some(auth) = auth {
                    auth.format(w);
                }
                network.format_initiator(w);
            }
        }
    }
}

impl ScsiUnit {
    fn parse_host(source: &Element) -> Result<Self, XmlError> {
        let (Some(address), Some(adapter)) = (source.child("address"), source.child("adapter")) else {
            return Err(XmlError::xml("'adapter' and 'address' must be specified for scsi hostdev source"));
        };
        let adapter = adapter
            .attr_string("name")
            .ok_or_else(|| XmlError::xml("'adapter' name must be specified for scsi hostdev source"))?;
        Ok(Self::Host {
            adapter,
            bus: address.require_num("bus")?,
            target: address.require_num("target")?,
            unit: address.require_num("unit")?,
        })
    }

    fn parse_iscsi(source: &Element) -> Result<Self, XmlError> {
        let name =
            source.attr("name").ok_or_else(|| XmlError::xml("missing iSCSI hostdev source path name"))?;
        // The reference adds the unit of a target that is named without one.
        let name = if name.contains('/') { name.to_owned() } else { format!("{name}/0") };
        let protocol = NetworkProtocol::Iscsi;
        let hosts: Vec<_> =
            source.children_named("host").map(NetworkHost::parse_bare).collect::<Result<_, _>>()?;
        match hosts.len() {
            0 => return Err(XmlError::xml("missing the host address for the iSCSI hostdev")),
            1 => {}
            _ => {
                return Err(XmlError::xml(
                    "only one source host address may be specified for the iSCSI hostdev",
                ));
            }
        }
        let mut network = NetworkSource::new(protocol);
        network.name = Some(name);
        network.hosts = hosts;
        network.parse_initiator(source);
        let auth = source.child("auth").map(StorageAuth::parse).transpose()?;
        if let Some(kind) = auth.as_ref().map(|a| a.secret_type).filter(|t| *t != SecretUsageType::Iscsi) {
            return Err(XmlError::internal(format!("hostdev invalid secret type '{kind}'")));
        }
        Ok(Self::Iscsi { network: Box::new(network), auth })
    }
}

impl MdevHostdev {
    fn parse(hostdev: &Element, source: &Element) -> Result<Self, XmlError> {
        let missing =
            |what: &str| XmlError::unsupported(format!("Missing '{what}' attribute for element <address>"));
        let model = hostdev.require_token("model")?;
        let address =
            source.child("address").ok_or_else(|| XmlError::unsupported("Missing <address> element"))?;
        let uuid = address.attr("uuid").ok_or_else(|| missing("uuid"))?;
        let uuid = Uuid::parse_str(uuid).map_err(|_| {
            XmlError::internal(format!("Cannot parse uuid attribute of element <address>: '{uuid}'"))
        })?;
        let display = hostdev.attr_on_off("display")?;
        Ok(Self { model, display, ramfb: hostdev.attr_on_off("ramfb")?, uuid })
    }
}

fn format_caps_net(w: &mut Writer, interface: &str, ips: &[IpAddress], routes: &[IpRoute]) {
    w.start("source").text_element("interface", interface).end();
    for ip in ips {
        ip.format(w);
    }
    for route in routes {
        route.format(w);
    }
}

fn usb_id(element: &Element, what: &str) -> Result<u32, XmlError> {
    match element.attr_num_any_base::<u32>("id")? {
        Some(0) if what == "vendor" => Err(XmlError::xml("vendor cannot be 0.")),
        Some(id) => Ok(id),
        None => Err(XmlError::missing_attr(element.local_name(), "id")),
    }
}
