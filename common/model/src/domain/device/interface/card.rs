//! The card itself: everything of `<interface>` but its source.

use std::fmt;

use super::link::{Bandwidth, VirtualPort, Vlan};
use super::source::{addresses, format_addresses};
use super::{
    ActualInterface, ActualSource, FilterRef, GuestOffload, HostOffload, Interface, InterfaceBackend,
    InterfaceDriver, InterfaceSource, InterfaceType, Mac, NetworkRef, PortForward, PortRange, Teaming,
    TeamingType,
};
use crate::domain::device::DeviceXml;
use crate::domain::device::info::{Allow, DeviceInfo, VirtioOptions};
use crate::domain::device::words::supported_token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Scope, Writer, XmlError};

/// Names that the driver gives to host devices; they are not kept in a definition.
const GENERATED_NAMES: [&str; 3] = ["vnet", "macvtap", "macvlan"];

impl DeviceXml for Interface {
    const ELEMENT: &'static str = "interface";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = element.attr_token("type")?.unwrap_or(InterfaceType::User);
        let child = |name: &str| element.child(name);
        let attr = |name: &str, attribute: &str| child(name).and_then(|e| e.attr_string(attribute));
        let model = attr("model", "type");
        let is_virtio = model.as_deref().is_some_and(is_virtio_model);
        let driver = child("driver").filter(|_| kind != InterfaceType::Hostdev);
        let filtered =
            matches!(kind, InterfaceType::Ethernet | InterfaceType::Network | InterfaceType::Bridge);
        let (ips, routes) = addresses(element)?;
        let mut interface = Self {
            source: InterfaceSource::parse(element, kind, options)?,
            mac: child("mac").map(Mac::parse).transpose()?.flatten(),
            model,
            driver: driver.map(|d| InterfaceDriver::parse(d, is_virtio)).transpose()?.unwrap_or_default(),
            backend: child("backend")
                .map(|b| InterfaceBackend::parse(b, is_virtio))
                .transpose()?
                .unwrap_or_default(),
            target_dev: None,
            target_managed: None,
            guest_dev: attr("guest", "dev"),
            guest_actual: attr("guest", "actual").filter(|_| options.status),
            virtual_port: child("virtualport").map(VirtualPort::parse).transpose()?,
            filter: child("filterref").filter(|_| filtered).and_then(FilterRef::parse),
            bandwidth: child("bandwidth").map(Bandwidth::parse).transpose()?.flatten(),
            vlan: child("vlan").map(Vlan::parse).transpose()?.flatten(),
            trust_guest_rx_filters: element.attr_yes_no("trustGuestRxFilters")?,
            port_isolated: child("port").map(|p| p.attr_yes_no("isolated")).transpose()?.flatten(),
            port_forwards: element
                .children_named("portForward")
                .map(PortForward::parse)
                .collect::<Result<_, _>>()?,
            ips,
            routes,
            script: attr("script", "path"),
            downscript: attr("downscript", "path"),
            backend_domain: attr("backenddomain", "name"),
            link_state: child("link")
                .map(|l| supported_token(l, "state", "interface link state"))
                .transpose()?
                .flatten(),
            mtu: child("mtu").map(|m| m.attr_num("size")).transpose()?.flatten(),
            sndbuf: child("tune").map(|t| t.child_num("sndbuf")).transpose()?.flatten(),
            coalesce_rx_frames: element
                .find("coalesce/rx/frames")
                .map(coalesce_frames)
                .transpose()?
                .flatten(),
            teaming: child("teaming").map(Teaming::parse).transpose()?.flatten(),
            info: DeviceInfo::parse(element, options, Allow::BOOT_ROM)?,
        };
        if let Some(target) = child("target") {
            interface.parse_target(target, options)?;
        }
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

impl InterfaceDriver {
    /// Of a card that is not virtio only what virtio would have is read, to be refused.
    fn parse(driver: &Element, is_virtio: bool) -> Result<Self, XmlError> {
        let virtio = VirtioOptions::parse(driver)?;
        if !is_virtio {
            return Ok(Self { virtio, ..Self::default() });
        }
        let number = |name: &str| driver.attr_num(name).map(|n| n.filter(|n| *n > 0));
        Ok(Self {
            name: driver.attr_token("name")?,
            txmode: driver.attr_token("txmode")?,
            ioeventfd: driver.attr_on_off("ioeventfd")?,
            event_idx: driver.attr_on_off("event_idx")?,
            // One queue is what there is anyway.
            queues: number("queues")?.filter(|n| *n > 1),
            rx_queue_size: number("rx_queue_size")?,
            tx_queue_size: number("tx_queue_size")?,
            rss: driver.attr_on_off("rss")?,
            rss_hash_report: driver.attr_on_off("rss_hash_report")?,
            virtio,
            host: driver.child("host").map(HostOffload::parse).transpose()?.unwrap_or_default(),
            guest: driver.child("guest").map(GuestOffload::parse).transpose()?.unwrap_or_default(),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("driver")
            .attr_opt("name", self.name)
            .attr_opt("txmode", self.txmode)
            .attr_on_off("ioeventfd", self.ioeventfd)
            .attr_on_off("event_idx", self.event_idx)
            .attr_opt("queues", self.queues)
            .attr_opt("rx_queue_size", self.rx_queue_size)
            .attr_opt("tx_queue_size", self.tx_queue_size)
            .attr_on_off("rss", self.rss)
            .attr_on_off("rss_hash_report", self.rss_hash_report);
        self.virtio.format(w);
        self.host.format(w);
        self.guest.format(w);
        w.end_or_drop();
    }
}

impl HostOffload {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            csum: element.attr_on_off("csum")?,
            gso: element.attr_on_off("gso")?,
            tso4: element.attr_on_off("tso4")?,
            tso6: element.attr_on_off("tso6")?,
            ecn: element.attr_on_off("ecn")?,
            ufo: element.attr_on_off("ufo")?,
            mrg_rxbuf: element.attr_on_off("mrg_rxbuf")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("host")
            .attr_on_off("csum", self.csum)
            .attr_on_off("gso", self.gso)
            .attr_on_off("tso4", self.tso4)
            .attr_on_off("tso6", self.tso6)
            .attr_on_off("ecn", self.ecn)
            .attr_on_off("ufo", self.ufo)
            .attr_on_off("mrg_rxbuf", self.mrg_rxbuf)
            .end_or_drop();
    }
}

impl GuestOffload {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            csum: element.attr_on_off("csum")?,
            tso4: element.attr_on_off("tso4")?,
            tso6: element.attr_on_off("tso6")?,
            ecn: element.attr_on_off("ecn")?,
            ufo: element.attr_on_off("ufo")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("guest")
            .attr_on_off("csum", self.csum)
            .attr_on_off("tso4", self.tso4)
            .attr_on_off("tso6", self.tso6)
            .attr_on_off("ecn", self.ecn)
            .attr_on_off("ufo", self.ufo)
            .end_or_drop();
    }
}

impl InterfaceBackend {
    fn parse(element: &Element, is_virtio: bool) -> Result<Self, XmlError> {
        // The reference knows the attribute and takes no value of it.
        if let Some(word) = element.attr("type") {
            return Err(XmlError::bad_attr("backend", "type", word).scoped(Scope::Domain));
        }
        Ok(Self {
            log_file: element.attr_string("logFile"),
            tap: element.attr_string("tap"),
            vhost: element.attr_string("vhost").filter(|_| is_virtio),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("backend")
            .attr_opt("tap", self.tap.as_ref())
            .attr_opt("vhost", self.vhost.as_ref())
            .attr_opt("logFile", self.log_file.as_ref())
            .end_or_drop();
    }
}

impl FilterRef {
    /// None when it names no filter.
    fn parse(element: &Element) -> Option<Self> {
        let filter = element.attr("filter")?;
        let mut parameters: Vec<_> = element
            .children_named("parameter")
            .filter_map(|p| Some((p.attr_string("name")?, p.attr_string("value")?)))
            .collect();
        parameters.sort_by(|a, b| a.0.cmp(&b.0));
        Some(Self { filter: filter.to_owned(), parameters })
    }

    fn format(&self, w: &mut Writer) {
        w.start("filterref").attr("filter", &self.filter);
        for (name, value) in &self.parameters {
            w.start("parameter").attr("name", name).attr("value", value).end();
        }
        w.end();
    }
}

impl Teaming {
    /// Reads `<teaming>`; None when it says nothing.
    pub fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let persistent = element.attr_string("persistent");
        match (supported_token(element, "type", "teaming type")?, persistent) {
            (Some(TeamingType::Persistent), None) => Ok(Some(Self::Persistent)),
            (Some(TeamingType::Transient), Some(persistent)) => Ok(Some(Self::Transient { persistent })),
            (Some(TeamingType::Persistent), Some(_)) => Err(XmlError::unsupported(
                "teaming persistent attribute not allowed if teaming type is 'persistent'",
            )),
            (Some(TeamingType::Transient), None) => Err(XmlError::unsupported(
                "teaming persistent attribute must be set if teaming type is 'transient'",
            )),
            (None, _) => Ok(None),
        }
    }

    /// Writes `<teaming>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("teaming");
        match self {
            Self::Persistent => _ = w.attr("type", TeamingType::Persistent),
            Self::Transient { persistent } => {
                w.attr("type", TeamingType::Transient).attr("persistent", persistent);
            }
        }
        w.end();
    }
}

impl PortForward {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let address = match element.attr("address") {
            None => None,
            Some(text) => Some(
                text.parse()
                    .map_err(|_| XmlError::xml(format!("Invalid address '{text}' in <portForward>")))?,
            ),
        };
        Ok(Self {
            proto: element.require_token("proto")?,
            address,
            dev: element.attr_string("dev"),
            ranges: element.children_named("range").map(PortRange::parse).collect::<Result<_, _>>()?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("portForward")
            .attr("proto", self.proto)
            .attr_opt("address", self.address)
            .attr_opt("dev", self.dev.as_ref());
        for range in &self.ranges {
            range.format(w);
        }
        w.end();
    }
}

impl PortRange {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            start: element.attr_positive("start")?.unwrap_or_default(),
            end: element.attr_positive("end")?.unwrap_or_default(),
            to: element.attr_positive("to")?.unwrap_or_default(),
            exclude: element.attr_yes_no("exclude")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("range")
            .attr_opt("start", Some(self.start).filter(|n| *n > 0))
            .attr_opt("end", Some(self.end).filter(|n| *n > 0))
            .attr_opt("to", Some(self.to).filter(|n| *n > 0))
            .attr_yes_no("exclude", self.exclude)
            .end();
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
