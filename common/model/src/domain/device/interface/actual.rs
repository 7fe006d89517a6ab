//! `<actual>`: what networkd made of an interface, in status documents and in the live form.

use super::link::{Bandwidth, VirtualPort, Vlan};
use super::{ActualInterface, ActualSource, InterfaceType, NetworkRef};
use crate::domain::device::hostdev::HostdevSource;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

impl ActualInterface {
    /// Reads `<actual>`.
    pub(super) fn parse(actual: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let bandwidth = actual.child("bandwidth");
        Ok(Self {
            source: ActualSource::parse(actual, options)?,
            virtual_port: actual.child("virtualport").map(VirtualPort::parse).transpose()?,
            vlan: actual.child("vlan").map(Vlan::parse).transpose()?.flatten(),
            bandwidth: bandwidth.map(Bandwidth::parse).transpose()?.flatten(),
            class_id: bandwidth.map(|b| b.attr_num("classID")).transpose()?.flatten(),
            trust_guest_rx_filters: actual.attr_yes_no("trustGuestRxFilters")?,
            port_isolated: actual.child("port").map(|p| p.attr_yes_no("isolated")).transpose()?.flatten(),
        })
    }

    /// Writes `<actual>`.
    pub(super) fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("actual").attr("type", self.source.kind());
        if let ActualSource::Hostdev { managed: true, .. } = self.source {
            w.attr("managed", "yes");
        }
        w.attr_yes_no("trustGuestRxFilters", self.trust_guest_rx_filters);
        self.source.format(w, options, None);
        self.format_link(w);
        w.end();
    }

    /// Writes the parts in the place of the interface's own: the live form, which shows no `<actual>`.
    pub(super) fn format_public(&self, w: &mut Writer, options: &FormatOptions, network: &NetworkRef) {
        self.source.format(w, options, Some(network));
        self.format_link(w);
    }

    fn format_link(&self, w: &mut Writer) {
        if let Some(vlan) = &self.vlan {
            vlan.format(w);
        }
        if let Some(port) = &self.virtual_port {
            port.format(w);
        }
        if let Some(bandwidth) = &self.bandwidth {
            bandwidth.format_with_class(w, self.class_id);
        }
        w.start("port").attr_yes_no("isolated", self.port_isolated).end_or_drop();
    }
}

impl ActualSource {
    /// The word for it.
    pub fn kind(&self) -> InterfaceType {
        match self {
            Self::Network { .. } => InterfaceType::Network,
            Self::Bridge { .. } => InterfaceType::Bridge,
            Self::Direct { .. } => InterfaceType::Direct,
            Self::Hostdev { .. } => InterfaceType::Hostdev,
        }
    }

    fn parse(actual: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let source = actual.child("source");
        let attr = |name: &str| source.and_then(|s| s.attr_string(name));
        let manager = || source.map(|s| s.attr_token("macTableManager")).transpose().map(Option::flatten);
        let bridge = || {
            let missing = || {
                XmlError::internal(
                    "Missing <source> element with bridge name in interface's <actual> element",
                )
            };
            attr("bridge").ok_or_else(missing)
        };
        Ok(match actual.require_token("type")? {
            InterfaceType::Network => Self::Network { bridge: bridge()?, mac_table_manager: manager()? },
            InterfaceType::Bridge => Self::Bridge { bridge: bridge()?, mac_table_manager: manager()? },
            InterfaceType::Direct => Self::Direct {
                dev: attr("dev"),
                mode: source.map(|s| s.attr_token("mode")).transpose()?.flatten().unwrap_or_default(),
            },
            InterfaceType::Hostdev => Self::Hostdev {
                managed: actual.attr_yes_no("managed")?.unwrap_or_default(),
                source: Box::new(HostdevSource::parse_of_interface(actual, options)?),
            },
            other => {
                return Err(XmlError::unsupported(format!(
                    "unsupported type '{other}' in interface's <actual> element"
                )));
            }
        })
    }

    /// `network`: its attributes stand in the same `<source>`.
    fn format(&self, w: &mut Writer, options: &FormatOptions, network: Option<&NetworkRef>) {
        if let Self::Hostdev { source, .. } = self {
            return source.format_source(w, options);
        }
        w.start("source");
        if let Some(network) = network {
            network.format_attrs(w, options);
        }
        match self {
            Self::Network { bridge, mac_table_manager } | Self::Bridge { bridge, mac_table_manager } => {
                w.attr("bridge", bridge).attr_opt("macTableManager", *mac_table_manager);
            }
            Self::Direct { dev, mode } => _ = w.attr_opt("dev", dev.as_ref()).attr("mode", mode),
            Self::Hostdev { .. } => {}
        }
        w.end_or_drop();
    }
}

#[cfg(test)]
mod tests {
    use crate::domain::device::DeviceXml;
    use crate::domain::device::interface::Interface;
    use crate::domain::{FormatOptions, ParseOptions};
    use crate::xml::{Limits, Writer, parse};

    const PORT: &str = "ad162beb-0585-4c34-9f9d-a39eff1dece5";

    fn written(interface: &Interface, options: FormatOptions) -> String {
        let mut w = Writer::new();
        interface.format(&mut w, &options);
        w.finish()
    }

    /// Status form, live form, stored form of an interface whose network made `actual` of it.
    fn check(actual: &str, live_type: &str, live_source: &str) {
        let status = format!(
            "<interface type='network'>\n  <mac address='52:54:00:00:00:01'/>\n  <source network='n' portid='{PORT}'/>\n{actual}  <target dev='vnet0'/>\n  <model type='virtio'/>\n  <alias name='net0'/>\n</interface>\n"
        );
        let tree = parse(&status, &Limits::document("test")).unwrap();
        let interface = Interface::parse(&tree, &ParseOptions { status: true }).unwrap();
        let all = FormatOptions { status: true, secure: true, ..FormatOptions::default() };
        assert_eq!(written(&interface, all), status);
        let live = format!(
            "<interface type='{live_type}'>\n  <mac address='52:54:00:00:00:01'/>\n{live_source}  <target dev='vnet0'/>\n  <model type='virtio'/>\n  <alias name='net0'/>\n</interface>\n"
        );
        assert_eq!(written(&interface, FormatOptions::default()), live);
        assert_eq!(
            written(&interface, FormatOptions::STORED),
            "<interface type='network'>\n  <mac address='52:54:00:00:00:01'/>\n  <source network='n'/>\n  <model type='virtio'/>\n</interface>\n"
        );
    }

    #[test]
    fn networks_of_every_kind() {
        check(
            "  <actual type='network'>\n    <source bridge='nbr1'/>\n  </actual>\n",
            "network",
            &format!("  <source network='n' portid='{PORT}' bridge='nbr1'/>\n"),
        );
        check(
            "  <actual type='bridge'>\n    <source bridge='obr0' macTableManager='libvirt'/>\n    <bandwidth classID='3'>\n      <inbound average='5'/>\n    </bandwidth>\n  </actual>\n",
            "bridge",
            &format!(
                "  <source network='n' portid='{PORT}' bridge='obr0' macTableManager='libvirt'/>\n  <bandwidth classID='3'>\n    <inbound average='5'/>\n  </bandwidth>\n"
            ),
        );
        check(
            "  <actual type='direct'>\n    <source dev='eth0' mode='private'/>\n  </actual>\n",
            "direct",
            &format!("  <source network='n' portid='{PORT}' dev='eth0' mode='private'/>\n"),
        );
        check(
            "  <actual type='hostdev' managed='yes'>\n    <source>\n      <address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x1'/>\n    </source>\n  </actual>\n",
            "hostdev' managed='yes",
            "  <source>\n    <address type='pci' domain='0x0000' bus='0x03' slot='0x10' function='0x1'/>\n  </source>\n",
        );
    }
}
