//! What networks and interfaces share: addresses, routes, limits, VLANs, switch ports.

use std::net::{IpAddr, Ipv4Addr};

use uuid::Uuid;

use crate::xml::{Element, Scope, Writer, XmlError};

/// `<ip>`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IpAddress {
    /// The address.
    pub address: IpAddr,
    /// Bits of the network.
    pub prefix: Option<u32>,
    /// Other end of a point-to-point link.
    pub peer: Option<IpAddr>,
}

/// `<route>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct IpRoute {
    /// `ipv4` or `ipv6`, when it was given.
    pub family: Option<String>,
    /// Network; none: the default route.
    pub address: Option<IpAddr>,
    /// Mask, instead of a prefix.
    pub netmask: Option<IpAddr>,
    /// Bits of the network.
    pub prefix: Option<u32>,
    /// Next hop.
    pub gateway: IpAddr,
    /// Cost.
    pub metric: Option<u32>,
}

/// `<bandwidth>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Bandwidth {
    /// Towards the guest.
    pub inbound: Option<BandwidthRate>,
    /// From the guest.
    pub outbound: Option<BandwidthRate>,
}

/// One direction: kilobytes per second; the burst in kilobytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BandwidthRate {
    /// Sustained.
    pub average: Option<u64>,
    /// In a burst.
    pub peak: Option<u64>,
    /// Guaranteed (inbound only).
    pub floor: Option<u64>,
    /// Size of a burst.
    pub burst: Option<u64>,
}

/// `<vlan>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vlan {
    /// Packets keep their tags.
    pub trunk: bool,
    /// Tags, at most 4095 each.
    pub tags: Vec<u16>,
    /// How untagged packets are treated, and the tag this is about.
    pub native: Option<(NativeVlanMode, u16)>,
}

/// `<virtualport>`: each parameter as far as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VirtualPort {
    /// Kind of the switch.
    pub kind: Option<VirtualPortType>,
    /// 802.1Qbg: manager.
    pub manager_id: Option<u8>,
    /// 802.1Qbg: type, 24 bits.
    pub type_id: Option<u32>,
    /// 802.1Qbg: version of the type.
    pub type_id_version: Option<u8>,
    /// 802.1Qbg: instance.
    pub instance_id: Option<Uuid>,
    /// Port profile.
    pub profile_id: Option<String>,
    /// Open vSwitch, midonet: interface.
    pub interface_id: Option<Uuid>,
}

tokens! {
    /// `<virtualport type=>`
    pub enum VirtualPortType {
        None = "none", Qbg = "802.1Qbg", Qbh = "802.1Qbh", OpenVswitch = "openvswitch", Midonet = "midonet",
    }

    /// `<tag nativeMode=>`
    pub enum NativeVlanMode { Tagged = "tagged", Untagged = "untagged" }
}

impl IpAddress {
    /// Reads `<ip>`.
    pub fn parse(element: &Element) -> Result<Self, XmlError> {
        let text = element.attr("address").ok_or_else(|| XmlError::xml("Missing network address"))?;
        let family = element.attr("family");
        let bad = || XmlError::xml(format!("Failed to parse IP address: '{text}'"));
        let address: IpAddr = text.parse().map_err(|_| bad())?;
        if family.is_some_and(|f| f != family_word(&address)) {
            return Err(bad());
        }
        let prefix = match element.attr("prefix") {
            None => None,
            Some(p) => Some(
                p.parse()
                    .ok()
                    .filter(|n| *n <= prefix_limit(&address))
                    .ok_or_else(|| XmlError::xml(format!("Invalid prefix value '{p}' for '{text}'")))?,
            ),
        };
        let peer = match element.attr("peer") {
            None => None,
            Some(p) => Some(p.parse().map_err(|_| XmlError::invalid(format!("Invalid peer '{p}' in <ip>")))?),
        };
        Ok(Self { address, prefix: prefix.filter(|p| *p > 0), peer })
    }

    /// Bits of the network: those given, else those of the address's class, 64 of IPv6.
    pub fn bits(&self) -> u8 {
        bits(self.address, self.prefix)
    }

    /// Writes `<ip>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("ip")
            .attr("address", self.address)
            .attr("family", family_word(&self.address))
            .attr_opt("prefix", self.prefix)
            .attr_opt("peer", self.peer)
            .end();
    }
}

impl IpRoute {
    /// Reads `<route>`.
    pub fn parse(element: &Element) -> Result<Self, XmlError> {
        let ip = |name: &str| match element.attr(name) {
            None => Ok(None),
            Some(t) => {
                t.parse().map(Some).map_err(|_| XmlError::xml(format!("Bad {name} address '{t}' in route")))
            }
        };
        let gateway =
            ip("gateway")?.ok_or_else(|| XmlError::xml("Missing required gateway address in route"))?;
        let metric: Option<u32> = element.attr_positive("metric")?;
        let route = Self {
            family: element.attr_string("family"),
            address: ip("address")?,
            netmask: ip("netmask")?,
            prefix: element.attr_num("prefix")?,
            gateway,
            metric,
        };
        route.check()?;
        Ok(route)
    }

    fn check(&self) -> Result<(), XmlError> {
        let Some(address) = self.address else {
            return Err(XmlError::xml("Missing required address attribute in route definition"));
        };
        if self.netmask.is_some() && self.prefix.is_some() {
            return Err(XmlError::xml("Route definition cannot have both a prefix and a netmask"));
        }
        let family = self.family.as_deref().unwrap_or("ipv4");
        if family != family_word(&address) || family != family_word(&self.gateway) {
            return Err(XmlError::xml(format!(
                "addresses of a route of family '{family}' are of another family"
            )));
        }
        let outside = match (address, self.netmask) {
            (IpAddr::V4(a), Some(IpAddr::V4(mask))) => u32::from(a) & !u32::from(mask) != 0,
            (IpAddr::V4(a), _) => {
                let prefix = self.prefix.unwrap_or_else(|| class_prefix(a));
                u64::from(u32::from(a)) & ((1 << (32 - prefix.min(32))) - 1) != 0
            }
            (IpAddr::V6(a), _) => {
                let host_bits = 128 - self.prefix.unwrap_or(64).min(128);
                let mask = 1_u128.checked_shl(host_bits).map_or(u128::MAX, |n| n - 1);
                u128::from(a) & mask != 0
            }
        };
        if outside {
            let text = format!("Address '{address}' in route definition is not a network address");
            return Err(XmlError::xml(text));
        }
        Ok(())
    }

    /// Bits of the network: those given, those of the mask, else those of the address's class, 64 of IPv6.
    pub fn bits(&self) -> u8 {
        let mask = match self.netmask {
            Some(IpAddr::V4(mask)) => Some(u32::from(mask).count_ones()),
            Some(IpAddr::V6(mask)) => Some(u128::from(mask).count_ones()),
            None => None,
        };
        self.address.map_or(0, |address| bits(address, self.prefix.or(mask)))
    }

    /// Writes `<route>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("route")
            .attr_opt("family", self.family.as_ref())
            .attr_opt("address", self.address)
            .attr_opt("netmask", self.netmask)
            .attr_opt("prefix", self.prefix)
            .attr("gateway", self.gateway)
            .attr_opt("metric", self.metric)
            .end();
    }
}

impl Bandwidth {
    /// Reads `<bandwidth>`; None when it limits nothing.
    pub fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let direction = |name: &str| {
            if element.children_named(name).nth(1).is_some() {
                let text = format!("Only one child <{name}> element allowed");
                return Err(XmlError::detail(text).scoped(Scope::None));
            }
            element.child(name).map(BandwidthRate::parse).transpose().map(Option::flatten)
        };
        let bandwidth = Self { inbound: direction("inbound")?, outbound: direction("outbound")? };
        if bandwidth.outbound.is_some_and(|o| o.floor.is_some()) {
            let text = "'floor' attribute allowed only in <inbound> element";
            return Err(XmlError::unsupported(text).scoped(Scope::None));
        }
        Ok(Some(bandwidth).filter(|b| b.inbound.is_some() || b.outbound.is_some()))
    }

    /// Writes `<bandwidth>`.
    pub fn format(&self, w: &mut Writer) {
        self.format_with_class(w, None);
    }

    /// As [`Bandwidth::format`], with the traffic class on the bridge.
    pub fn format_with_class(&self, w: &mut Writer, class_id: Option<u32>) {
        w.start("bandwidth").attr_opt("classID", class_id);
        for (name, rate) in [("inbound", self.inbound), ("outbound", self.outbound)] {
            if let Some(rate) = rate {
                rate.format(w, name);
            }
        }
        w.end_or_drop();
    }
}

impl BandwidthRate {
    /// None when all figures are 0.
    fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let number = |name: &str| match element.attr(name) {
            None => Ok(None),
            Some(text) => text.parse::<u64>().map(Some).map_err(|_| {
                XmlError::unsupported(format!("could not convert bandwidth {name} value '{text}'"))
                    .scoped(Scope::None)
            }),
        };
        let rate = Self {
            average: number("average")?,
            peak: number("peak")?,
            floor: number("floor")?,
            burst: number("burst")?,
        };
        let problem = match rate {
            Self { average: None, floor: None, .. } => "Missing mandatory average or floor attributes",
            Self { average: None, peak: Some(_), .. } | Self { average: None, burst: Some(_), .. } => {
                "'peak' and 'burst' require 'average' attribute"
            }
            _ => return Ok(Some(rate).filter(Self::limits)),
        };
        Err(XmlError::detail(problem).scoped(Scope::None))
    }

    fn limits(&self) -> bool {
        [self.average, self.peak, self.floor, self.burst].iter().any(|n| n.is_some_and(|n| n > 0))
    }

    fn format(&self, w: &mut Writer, name: &str) {
        let set = |v: Option<u64>| v.filter(|n| *n > 0);
        w.start(name)
            .attr_opt("average", set(self.average))
            .attr_opt("peak", set(self.peak))
            .attr_opt("floor", set(self.floor))
            .attr_opt("burst", set(self.burst))
            .end();
    }
}

impl Vlan {
    /// Reads `<vlan>`; None when it has no tags.
    pub fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let mut vlan = Self::default();
        for tag in element.children_named("tag") {
            let given = tag.attr_num::<u32>("id")?.ok_or_else(|| XmlError::missing_attr("tag", "id"))?;
            let id = u16::try_from(given).ok().filter(|n| *n <= 4095);
            let id =
                id.ok_or_else(|| XmlError::xml(format!("vlan tag id {given} too large (maximum 4095)")))?;
            if let Some(mode) = tag.attr_token("nativeMode")? {
                if vlan.native.is_some() {
                    return Err(XmlError::xml("duplicate native vlan setting"));
                }
                vlan.native = Some((mode, id));
            }
            vlan.tags.push(id);
        }
        let trunk = element.attr("trunk");
        vlan.trunk = vlan.tags.len() > 1 || vlan.native.is_some();
        match trunk {
            Some("yes") => vlan.trunk = true,
            Some("no") if vlan.trunk => {
                let text = "invalid configuration in <vlan> - \"trunk='no'\" is not allowed with several tags or a native one";
                return Err(XmlError::xml(text));
            }
            None | Some("no") => {}
            Some(word) => {
                let text = format!("invalid \"trunk='{word}'\" in <vlan> - must be yes or no");
                return Err(XmlError::xml(text));
            }
        }
        if vlan.tags.is_empty() {
            let text = "missing tag id - each <vlan> must have at least one <tag id='n'/> subelement";
            return Err(XmlError::xml(text).scoped(Scope::None));
        }
        Ok(Some(vlan))
    }

    /// Writes `<vlan>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("vlan").attr_opt("trunk", self.trunk.then_some("yes"));
        for id in &self.tags {
            let native = self.native.filter(|(_, tag)| tag == id).map(|(mode, _)| mode);
            w.start("tag").attr("id", id).attr_opt("nativeMode", native).end();
        }
        w.end();
    }
}

/// Bits of the network by the old classes, which stand in for a missing prefix.
fn bits(address: IpAddr, given: Option<u32>) -> u8 {
    let class = match address {
        IpAddr::V4(address) => class_prefix(address),
        IpAddr::V6(_) => 64,
    };
    u8::try_from(given.unwrap_or(class).min(prefix_limit(&address))).unwrap_or(u8::MAX)
}

fn class_prefix(address: Ipv4Addr) -> u32 {
    match address.octets() {
        [0, 0, 0, 0] => 0,
        [0..=127, ..] => 8,
        [128..=191, ..] => 16,
        [192..=223, ..] => 24,
        _ => 32,
    }
}

fn family_word(address: &IpAddr) -> &'static str {
    if address.is_ipv4() { "ipv4" } else { "ipv6" }
}

fn prefix_limit(address: &IpAddr) -> u32 {
    if address.is_ipv4() { 32 } else { 128 }
}
