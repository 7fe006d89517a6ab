//! The card itself: everything of `<interface>` but its source.

use std::fmt;

use super::link::{Bandwidth, VirtualPort, Vlan};
use super::source::{addresses, format_addresses};
use super::{
    ActualInterface, ActualSource, FilterRef, Interface, InterfaceBackend, InterfaceDriver, InterfaceSource,
    InterfaceType, Mac, NetworkRef, PortForward, Teaming,
};
use crate::Rare;
use crate::domain::device::DeviceXml;
use crate::domain::device::info::{Allow, DeviceInfo};
use crate::domain::device::words::supported_token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, ErrorKind, Writer, XmlError};

/// Names that the driver gives to host devices; they are not kept in a definition.
const GENERATED_NAMES: [&str; 3] = ["vnet", "macvtap", "macvlan"];

impl DeviceXml for Interface {
    const ELEMENT: &'static str = "interface";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = element.attr_token("type")?.unwrap_or(InterfaceType::User);
        let trust_guest_rx_filters = element.attr_yes_no("trustGuestRxFilters")?;
        check_model_name(element)?;
        let mut interface = Self::new(InterfaceSource::parse(element, kind, options)?);
        interface.trust_guest_rx_filters = trust_guest_rx_filters;
        interface.info = DeviceInfo::parse(element, options, Allow::BOOT_ROM)?;
        interface.parse_model(element, kind)?;
        interface.parse_link(element, kind)?;
        interface.parse_host_side(element, options)?;
        Ok(interface)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        let public = self.public_actual(options);
        let kind = public.map_or(self.source.kind(), |(_, actual)| actual.source.kind());
        w.start("interface").attr("type", kind);
        w.attr_yes_no("managed", self.managed(public));
        w.attr_yes_no(
            "trustGuestRxFilters",
            match public {
                Some((_, actual)) => actual.trust_guest_rx_filters,
                None => self.trust_guest_rx_filters,
            },
        );
        if let Some(mac) = &self.mac {
            mac.format(w);
        }
        self.format_connection(w, options);
        self.format_host_side(w, options);
        self.format_guest_side(w);
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        super::rules::validate(self)
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl Interface {
    /// Whether the model is one of virtio's.
    pub fn is_virtio(&self) -> bool {
        self.model.as_deref().is_some_and(is_virtio_model)
    }

    /// An interface with nothing set but its source.
    pub fn new(source: InterfaceSource) -> Self {
        Self {
            source,
            mac: None,
            model: None,
            driver: Rare::default(),
            backend: Rare::default(),
            target_dev: None,
            target_managed: None,
            guest_dev: None,
            guest_actual: None,
            virtual_port: None,
            filter: None,
            bandwidth: None,
            vlan: None,
            trust_guest_rx_filters: None,
            port_isolated: None,
            port_forwards: Vec::new(),
            ips: Vec::new(),
            routes: Vec::new(),
            script: None,
            downscript: None,
            backend_domain: None,
            link_state: None,
            mtu: None,
            sndbuf: None,
            coalesce_rx_frames: None,
            teaming: None,
            info: DeviceInfo::default(),
        }
    }

    /// Reads the card that the guest sees, and who moves its packets.
    fn parse_model(&mut self, element: &Element, kind: InterfaceType) -> Result<(), XmlError> {
        self.mac = element.child("mac").map(Mac::parse).transpose()?.flatten();
        self.model = element.child("model").and_then(|m| m.attr_string("type"));
        let is_virtio = self.is_virtio();
        if let Some(driver) = element.child("driver").filter(|_| kind != InterfaceType::Hostdev) {
            self.driver = InterfaceDriver::parse(driver, is_virtio)?.into();
        }
        if let Some(backend) = element.child("backend") {
            self.backend = InterfaceBackend::parse(backend, is_virtio)?.into();
        }
        if let Some(link) = element.child("link") {
            self.link_state = supported_token(link, "state", "interface link state")?;
        }
        if let Some(mtu) = element.child("mtu") {
            self.mtu = mtu.attr_num("size")?;
        }
        let frames = element.find("coalesce/rx/frames").map(coalesce_frames);
        self.coalesce_rx_frames = frames.transpose()?.flatten();
        self.teaming = element.child("teaming").map(Teaming::parse).transpose()?.flatten();
        Ok(())
    }

    /// Reads what the switch and the guest's network know.
    fn parse_link(&mut self, element: &Element, kind: InterfaceType) -> Result<(), XmlError> {
        self.virtual_port = element.child("virtualport").map(VirtualPort::parse).transpose()?.map(Box::new);
        self.bandwidth =
            element.child("bandwidth").map(Bandwidth::parse).transpose()?.flatten().map(Box::new);
        self.vlan = element.child("vlan").map(Vlan::parse).transpose()?.flatten().map(Box::new);
        if let Some(port) = element.child("port") {
            self.port_isolated = port.attr_yes_no("isolated")?;
        }
        let filtered =
            matches!(kind, InterfaceType::Ethernet | InterfaceType::Network | InterfaceType::Bridge);
        self.filter =
            element.child("filterref").filter(|_| filtered).and_then(FilterRef::parse).map(Box::new);
        (self.ips, self.routes) = addresses(element)?;
        for forward in element.children_named("portForward") {
            self.port_forwards.push(PortForward::parse(forward)?);
        }
        Ok(())
    }

    fn parse_host_side(&mut self, element: &Element, options: &ParseOptions) -> Result<(), XmlError> {
        let attr = |name: &str, attribute: &str| element.child(name).and_then(|e| e.attr_string(attribute));
        self.guest_dev = attr("guest", "dev");
        self.guest_actual = attr("guest", "actual").filter(|_| options.status);
        self.script = attr("script", "path");
        self.downscript = attr("downscript", "path");
        self.backend_domain = attr("backenddomain", "name");
        if let Some(tune) = element.child("tune") {
            self.sndbuf = tune.child_num("sndbuf")?;
        }
        match element.child("target") {
            Some(target) => self.parse_target(target, options),
            None => Ok(()),
        }
    }

    fn parse_target(&mut self, target: &Element, options: &ParseOptions) -> Result<(), XmlError> {
        self.target_managed = target.attr_yes_no("managed")?;
        let generated = |name: &String| {
            !options.status
                && self.target_managed != Some(false)
                && GENERATED_NAMES.iter().any(|prefix| name.starts_with(prefix))
        };
        self.target_dev = target.attr_string("dev").filter(|name| !name.is_empty() && !generated(name));
        Ok(())
    }

    /// What networkd made of it, where the document shows that in place of the definition: the live form.
    fn public_actual(&self, options: &FormatOptions) -> Option<(&NetworkRef, &ActualInterface)> {
        match &self.source {
            InterfaceSource::Network(network) if !options.inactive && !options.status => {
                network.actual.as_deref().map(|actual| (network, actual))
            }
            _ => None,
        }
    }

    fn managed(&self, public: Option<(&NetworkRef, &ActualInterface)>) -> Option<bool> {
        match (public, &self.source) {
            (Some((_, ActualInterface { source: ActualSource::Hostdev { managed, .. }, .. })), _) => {
                Some(*managed).filter(|m| *m)
            }
            (None, InterfaceSource::Hostdev { managed, .. }) => *managed,
            _ => None,
        }
    }

    fn format_connection(&self, w: &mut Writer, options: &FormatOptions) {
        if let Some((network, actual)) = self.public_actual(options) {
            actual.format_public(w, options, network);
        } else {
            self.format_own_connection(w, options);
        }
        format_addresses(w, &self.ips, &self.routes);
        for forward in &self.port_forwards {
            forward.format(w);
        }
    }

    fn format_own_connection(&self, w: &mut Writer, options: &FormatOptions) {
        self.source.format(w, options);
        if let Some(vlan) = &self.vlan {
            vlan.format(w);
        }
        if let Some(port) = &self.virtual_port {
            port.format(w);
        }
        if let Some(bandwidth) = &self.bandwidth {
            bandwidth.format(w);
        }
        w.start("port").attr_yes_no("isolated", self.port_isolated).end_or_drop();
        if let InterfaceSource::Network(NetworkRef { actual: Some(actual), .. }) = &self.source
            && options.status
        {
            actual.format(w, options);
        }
    }

    fn format_host_side(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("script").attr_opt("path", self.script.as_ref()).end_or_drop();
        w.start("downscript").attr_opt("path", self.downscript.as_ref()).end_or_drop();
        w.start("backenddomain").attr_opt("name", self.backend_domain.as_ref()).end_or_drop();
        let generated = |name: &&String| {
            options.inactive
                && self.target_managed != Some(false)
                && GENERATED_NAMES.iter().any(|prefix| name.starts_with(prefix))
        };
        let target = self.target_dev.as_ref().filter(|name| !generated(name));
        w.start("target").attr_opt("dev", target).attr_yes_no("managed", self.target_managed).end_or_drop();
        w.start("guest")
            .attr_opt("dev", self.guest_dev.as_ref())
            .attr_opt("actual", self.guest_actual.as_ref().filter(|_| !options.inactive))
            .end_or_drop();
    }

    fn format_guest_side(&self, w: &mut Writer) {
        if let Some(model) = &self.model {
            w.start("model").attr("type", model).end();
            if self.is_virtio() {
                self.driver.format(w);
            }
        }
        self.backend.format(w);
        if let Some(filter) = &self.filter {
            filter.format(w);
        }
        w.start("tune").text_element_opt("sndbuf", self.sndbuf).end_or_drop();
        if let Some(teaming) = &self.teaming {
            teaming.format(w);
        }
        w.start("link").attr_opt("state", self.link_state).end_or_drop();
        if let Some(mtu) = self.mtu.filter(|m| *m > 0) {
            w.start("mtu").attr("size", mtu).end();
        }
        if let Some(frames) = self.coalesce_rx_frames {
            w.start("coalesce").start("rx").start("frames").attr("max", frames);
            w.end().end().end();
        }
    }
}

/// `52:54:00:01:02:03`
impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.address;
        write!(f, "{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{g:02x}")
    }
}

impl Mac {
    /// Six bytes of one or two hexadecimal digits each.
    pub fn read(text: &str) -> Option<[u8; 6]> {
        let byte = |t: &str| {
            let digits = (1..=2).contains(&t.len()) && t.bytes().all(|b| b.is_ascii_hexdigit());
            u8::from_str_radix(t, 16).ok().filter(|_| digits)
        };
        let bytes: Option<Vec<u8>> = text.split(':').map(byte).collect();
        bytes?.try_into().ok()
    }

    fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let Some(text) = element.attr("address") else { return Ok(None) };
        let unreadable = || XmlError::xml(format!("unable to parse mac address '{text}'"));
        let address = Self::read(text).ok_or_else(unreadable)?;
        if address[0] & 1 == 1 {
            return Err(XmlError::xml(format!("expected unicast mac address, found multicast '{text}'")));
        }
        let check = element.attr_yes_no("check")?;
        Ok(Some(Self { address, kind: element.attr_token("type")?, check }))
    }

    fn format(&self, w: &mut Writer) {
        w.start("mac").attr("address", self);
        w.attr_opt("type", self.kind).attr_yes_no("check", self.check).end();
    }
}

fn coalesce_frames(element: &Element) -> Result<Option<u32>, XmlError> {
    let Some(text) = element.attr("max") else { return Ok(None) };
    match text.parse::<u32>() {
        Ok(frames) => Ok(Some(frames).filter(|n| *n > 0)),
        Err(_) => Err(XmlError::detail(format!("cannot parse value '{text}' for coalesce parameter"))),
    }
}

pub(super) fn is_virtio_model(model: &str) -> bool {
    matches!(model, "virtio" | "virtio-transitional" | "virtio-non-transitional")
}

/// Any name may be one of QEMU's devices, but no other text.
fn check_model_name(interface: &Element) -> Result<(), XmlError> {
    let name = interface.child("model").and_then(|model| model.attr("type")).unwrap_or_default();
    if name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_') {
        return Ok(());
    }
    Err(XmlError::new(ErrorKind::InvalidArg, "Model name contains invalid characters"))
}
