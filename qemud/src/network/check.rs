//! What cannot be connected is refused before anything is made.

use model::domain::device::interface::link::VirtualPortType;
use model::domain::device::interface::{DirectMode, Interface, InterfaceSource, InterfaceType};
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::{has_device, queues, unsupported};

/// Refuses what this daemon cannot connect.
pub(super) fn interface(interface: &Interface) -> Result<(), Fault> {
    if let InterfaceSource::Network(network) = &interface.source {
        let detail = format!("no network with matching name '{}'", network.network);
        return Err(Fault::new(ErrorDomain::NETWORK, ErrorCode::NO_NETWORK, detail));
    }
    settings(interface)?;
    if let Some(filter) = &interface.filter {
        let name = &filter.filter;
        return Err(unsupported(format!(
            "this daemon does not filter packets yet: <filterref filter='{name}'>"
        )));
    }
    if let Some(kind) = interface.virtual_port.as_ref().and_then(|port| port.kind)
        && kind != VirtualPortType::None
    {
        return Err(unsupported(format!("this daemon does not connect to switches of type '{kind}' yet")));
    }
    if let InterfaceSource::Direct { mode: DirectMode::Passthrough, dev } = &interface.source {
        let dev = dev.as_deref().unwrap_or("");
        return Err(unsupported(format!(
            "this daemon does not hand over a whole device yet: <source dev='{dev}' mode='passthrough'>"
        )));
    }
    let unmanaged = interface.target_managed == Some(false);
    match &interface.target_dev {
        None if unmanaged => {
            Err(Fault::internal(ErrorDomain::QEMU, "target dev must be supplied when managed='no'"))
        }
        Some(name) if unmanaged && host::net::index(name).is_none() => {
            Err(Fault::internal(ErrorDomain::QEMU, "target managed='no' but specified dev doesn't exist"))
        }
        Some(name) if name.len() > host::net::MAX_NAME => {
            let detail = format!("Network interface name '{name}' is too long");
            Err(Fault::system(ErrorDomain::NONE, OUT_OF_RANGE, detail))
        }
        _ => Ok(()),
    }
}

/// What a definition may say of any interface, and the start of this kind does not do.
fn settings(interface: &Interface) -> Result<(), Fault> {
    let kind = interface.source.kind();
    let mac = interface.mac.as_ref().map(ToString::to_string).unwrap_or_default();
    let hostdev = kind == InterfaceType::Hostdev;
    if interface.vlan.is_some() && !hostdev {
        let detail = format!("interface {mac} - vlan tag not supported for this connection type");
        return Err(Fault::new(ErrorDomain::DOMAIN, ErrorCode::CONFIG_UNSUPPORTED, detail));
    }
    if interface.script.is_some() && kind != InterfaceType::Ethernet {
        return Err(unsupported(format!("scripts are not supported on interfaces of type {kind}")));
    }
    if queues(interface) > host::net::MAX_QUEUES && has_device(interface) {
        let detail = format!("a tap device has {} queues at most", host::net::MAX_QUEUES);
        return Err(Fault::system(ErrorDomain::NONE, TOO_BIG, detail));
    }
    let many = interface.driver.queues.is_some_and(|queues| queues > 1) && interface.is_virtio();
    if many && !has_device(interface) && !matches!(kind, InterfaceType::VhostUser | InterfaceType::Hostdev) {
        return Err(unsupported(format!(
            "interface {mac} - multiqueue is not supported for network interfaces of type {kind}"
        )));
    }
    Ok(())
}

/// E2BIG of Linux.
const TOO_BIG: i32 = 7;
/// ERANGE of Linux.
const OUT_OF_RANGE: i32 = 34;

#[cfg(test)]
mod tests {
    use super::*;
    use model::domain::device::Device;
    use model::domain::{Domain, ParseOptions};

    fn refusal(xml: &str) -> (ErrorCode, String) {
        let text = format!(
            "<domain type='kvm'><name>g</name><memory>1024</memory><os><type>hvm</type></os><devices>{xml}</devices></domain>"
        );
        let domain = Domain::parse_str(&text, &ParseOptions::default()).unwrap();
        let Some(Device::Interface(found)) = domain.devices.first() else { panic!("no interface") };
        let fault = interface(found).unwrap_err();
        (fault.code, fault.message)
    }

    #[test]
    fn what_is_not_built_is_refused_by_name() {
        let (code, text) = refusal("<interface type='network'><source network='n1'/></interface>");
        assert_eq!(code, ErrorCode::NO_NETWORK);
        assert!(text.contains("'n1'"), "{text}");
        for (xml, name) in [
            ("<interface type='bridge'><source bridge='b'/><filterref filter='f1'/></interface>", "f1"),
            (
                "<interface type='bridge'><source bridge='b'/><virtualport type='openvswitch'/></interface>",
                "openvswitch",
            ),
            ("<interface type='bridge'><source bridge='b'/><script path='/s'/></interface>", "type bridge"),
            ("<interface type='user'><model type='virtio'/><driver queues='2'/></interface>", "multiqueue"),
            ("<interface type='direct'><source dev='e0'/><vlan><tag id='7'/></vlan></interface>", "vlan"),
            ("<interface type='direct'><source dev='e0' mode='passthrough'/></interface>", "e0"),
        ] {
            let (code, text) = refusal(xml);
            assert_eq!(code, ErrorCode::CONFIG_UNSUPPORTED);
            assert!(text.contains(name), "{text}");
        }
    }

    #[test]
    fn devices_that_are_not_ours_must_be_there() {
        let (_, text) = refusal("<interface type='ethernet'><target managed='no'/></interface>");
        assert!(text.contains("must be supplied"), "{text}");
        let (_, text) =
            refusal("<interface type='ethernet'><target dev='nosuch0' managed='no'/></interface>");
        assert!(text.contains("doesn't exist"), "{text}");
        let (code, _) = refusal("<interface type='ethernet'><target dev='abcdefghijklmnop'/></interface>");
        assert_eq!(code, ErrorCode::SYSTEM_ERROR);
    }
}
