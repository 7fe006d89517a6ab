//! What an interface is connected to: `type=` and `<source>`.

use uuid::Uuid;

use super::{ActualInterface, InterfaceSource, InterfaceType, NetworkRef, SocketSource};
use crate::domain::device::chardev::Reconnect;
use crate::domain::device::hostdev::HostdevSource;
use crate::domain::device::interface::link::{IpAddress, IpRoute};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

impl InterfaceSource {
    /// The word for it.
    pub fn kind(&self) -> InterfaceType {
        match self {
            Self::User => InterfaceType::User,
            Self::Ethernet { .. } => InterfaceType::Ethernet,
            Self::VhostUser { .. } => InterfaceType::VhostUser,
            Self::Server(_) => InterfaceType::Server,
            Self::Client(_) => InterfaceType::Client,
            Self::Mcast(_) => InterfaceType::Mcast,
            Self::Udp { .. } => InterfaceType::Udp,
            Self::Network(_) => InterfaceType::Network,
            Self::Bridge { .. } => InterfaceType::Bridge,
            Self::Internal { .. } => InterfaceType::Internal,
            Self::Direct { .. } => InterfaceType::Direct,
            Self::Hostdev { .. } => InterfaceType::Hostdev,
            Self::Vdpa { .. } => InterfaceType::Vdpa,
            Self::Null => InterfaceType::Null,
            Self::Vds { .. } => InterfaceType::Vds,
        }
    }

    /// Reads `<source>` of an interface of the given type.
    pub(super) fn parse(
        interface: &Element,
        kind: InterfaceType,
        options: &ParseOptions,
    ) -> Result<Self, XmlError> {
        let source = interface.child("source");
        let attr = |name: &str| source.and_then(|s| s.attr_string(name));
        let need = |name: &str| {
            attr(name).ok_or_else(|| match source {
                Some(_) => XmlError::missing_attr("source", name),
                None => XmlError::xml(format!("interface type='{kind}' requires a 'source' element")),
            })
        };
        Ok(match kind {
            InterfaceType::User => Self::User,
            InterfaceType::Ethernet => Self::parse_ethernet(source)?,
            InterfaceType::VhostUser => Self::parse_vhost_user(source)?,
            InterfaceType::Server => Self::Server(SocketSource::parse(source, kind)?),
            InterfaceType::Client => Self::Client(SocketSource::parse(source, kind)?),
            InterfaceType::Mcast => Self::Mcast(SocketSource::parse(source, kind)?),
            InterfaceType::Udp => Self::Udp {
                peer: SocketSource::parse(source, kind)?,
                local: SocketSource::parse(source.and_then(|s| s.child("local")), kind)?,
            },
            InterfaceType::Network => Self::Network(NetworkRef::parse(interface, need("network")?, options)?),
            InterfaceType::Bridge => Self::Bridge {
                bridge: need("bridge")?,
                mac_table_manager: source
                    .filter(|_| options.status)
                    .map(|s| s.attr_token("macTableManager"))
                    .transpose()?
                    .flatten(),
            },
            InterfaceType::Internal => Self::Internal { name: need("name")? },
            InterfaceType::Direct => Self::Direct {
                dev: Some(need("dev")?),
                mode: source.map(|s| s.attr_token("mode")).transpose()?.flatten().unwrap_or_default(),
            },
            InterfaceType::Hostdev => Self::Hostdev {
                managed: interface.attr_yes_no("managed")?.filter(|m| *m),
                source: Box::new(HostdevSource::parse_of_interface(interface, options)?),
            },
            InterfaceType::Vdpa => Self::Vdpa { dev: need("dev")? },
            InterfaceType::Null => Self::Null,
            InterfaceType::Vds => Self::parse_vds(source, &need("switchid")?)?,
        })
    }

    /// Writes `<source>`, and what of the hostdev stands beside it.
    pub(super) fn format(&self, w: &mut Writer, options: &FormatOptions) {
        if let Self::Hostdev { source, .. } = self {
            return source.format_source(w, options);
        }
        w.start("source");
        match self {
            Self::Ethernet { ips, routes } => format_addresses(w, ips, routes),
            Self::VhostUser { path, listen, reconnect } => {
                w.attr("type", "unix").attr("path", path);
                w.attr("mode", if *listen { "server" } else { "client" });
                if let Some(reconnect) = reconnect {
                    reconnect.format(w);
                }
            }
            Self::Server(s) | Self::Client(s) | Self::Mcast(s) => s.format_attrs(w),
            Self::Udp { peer, local } => {
                peer.format_attrs(w);
                w.start("local");
                local.format_attrs(w);
                w.end();
            }
            Self::Network(network) => {
                network.format_attrs(w, options);
                w.attr_opt("bridge", network.bridge.as_ref().filter(|_| !options.inactive));
            }
            Self::Bridge { bridge, mac_table_manager } => {
                w.attr("bridge", bridge).attr_opt("macTableManager", *mac_table_manager);
            }
            Self::Internal { name } => _ = w.attr("name", name),
            Self::Direct { dev, mode } => _ = w.attr_opt("dev", dev.as_ref()).attr("mode", mode),
            Self::Vdpa { dev } => _ = w.attr("dev", dev),
            Self::Vds { switch_id, port_id, portgroup_id, connection_id } => {
                w.attr("switchid", switch_id)
                    .attr_opt("portid", *port_id)
                    .attr_opt("portgroupid", portgroup_id.as_ref())
                    .attr_opt("connectionid", *connection_id);
            }
            Self::User | Self::Null | Self::Hostdev { .. } => {}
        }
        w.end_or_drop();
    }

    fn parse_ethernet(source: Option<&Element>) -> Result<Self, XmlError> {
        let (ips, routes) = source.map(addresses).transpose()?.unwrap_or_default();
        Ok(Self::Ethernet { ips, routes })
    }

    fn parse_vhost_user(source: Option<&Element>) -> Result<Self, XmlError> {
        let missing = |what: &str| {
            XmlError::xml(format!("Missing required '{what}' for <interface type='vhostuser'/>"))
        };
        let source = source.ok_or_else(|| missing("source"))?;
        match source.attr("type") {
            Some("unix") => {}
            Some(_) => return Err(XmlError::unsupported("Invalid type attribute for vhostuser")),
            None => return Err(missing("type")),
        }
        let path = source.attr_string("path").ok_or_else(|| missing("path"))?;
        let listen = match source.attr("mode") {
            Some("server") => true,
            Some("client") => false,
            Some(word) => return Err(XmlError::bad_attr("source", "mode", word)),
            None => return Err(missing("mode")),
        };
        let reconnect = Reconnect::parse_below(source)?;
        if listen && reconnect.is_some_and(|r| r.enabled == Some(true)) {
            return Err(XmlError::unsupported(
                "'reconnect' attribute unsupported 'server' mode for <interface type='vhostuser'>",
            ));
        }
        Ok(Self::VhostUser { path, listen, reconnect })
    }

    fn parse_vds(source: Option<&Element>, switch: &str) -> Result<Self, XmlError> {
        Ok(Self::Vds {
            switch_id: uuid(switch, "switchid")?,
            port_id: source.map(|s| s.require_num("portid")).transpose()?,
            portgroup_id: source.and_then(|s| s.attr_string("portgroupid")),
            connection_id: source.map(|s| s.attr_num("connectionid")).transpose()?.flatten(),
        })
    }
}

impl NetworkRef {
    fn parse(interface: &Element, network: String, options: &ParseOptions) -> Result<Self, XmlError> {
        let source = interface.child("source");
        let attr = |name: &str| source.and_then(|s| s.attr_string(name));
        let mut reference = Self { network, portgroup: attr("portgroup"), ..Self::default() };
        if options.status {
            reference.port_id = attr("portid").map(|id| uuid(&id, "portid")).transpose()?;
            reference.bridge = attr("bridge");
            let actual = interface.child("actual").map(|a| ActualInterface::parse(a, options));
            reference.actual = actual.transpose()?.map(Box::new);
        }
        Ok(reference)
    }

    /// Adds the attributes of `<source>` to the element being written.
    pub(super) fn format_attrs(&self, w: &mut Writer, options: &FormatOptions) {
        w.attr("network", &self.network).attr_opt("portgroup", self.portgroup.as_ref());
        w.attr_opt("portid", self.port_id.filter(|_| !options.inactive));
    }
}

impl SocketSource {
    fn parse(source: Option<&Element>, kind: InterfaceType) -> Result<Self, XmlError> {
        let Some(source) = source else {
            let text = format!(
                "interface type='{kind}' requires a 'source' element, one of type 'udp' a 'local' too"
            );
            return Err(XmlError::xml(text));
        };
        let port = source.attr_num("port")?;
        let port = port.ok_or_else(|| XmlError::missing_attr(source.local_name(), "port"))?;
        let address = source.attr_string("address");
        if address.is_none() && kind != InterfaceType::Server {
            return Err(XmlError::missing_attr(source.local_name(), "address"));
        }
        Ok(Self { address, port })
    }

    fn format_attrs(&self, w: &mut Writer) {
        w.attr_opt("address", self.address.as_ref()).attr("port", self.port);
    }
}

/// `<ip>` and `<route>` below an element.
pub(super) fn addresses(parent: &Element) -> Result<(Vec<IpAddress>, Vec<IpRoute>), XmlError> {
    let ips = parent.children_named("ip").map(IpAddress::parse).collect::<Result<_, _>>()?;
    let routes = parent.children_named("route").map(IpRoute::parse).collect::<Result<_, _>>()?;
    Ok((ips, routes))
}

/// Writes what [`addresses`] reads.
pub(super) fn format_addresses(w: &mut Writer, ips: &[IpAddress], routes: &[IpRoute]) {
    for ip in ips {
        ip.format(w);
    }
    for route in routes {
        route.format(w);
    }
}

fn uuid(text: &str, name: &str) -> Result<Uuid, XmlError> {
    Uuid::parse_str(text).map_err(|_| XmlError::xml(format!("Unable to parse {name} '{text}'")))
}
