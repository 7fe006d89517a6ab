//! What holds for every interface, whatever the driver.

use super::{Interface, InterfaceSource, InterfaceType};
use crate::domain::device::address::Address;
use crate::xml::{Scope, XmlError};

/// Rules of one interface.
pub(super) fn validate(interface: &Interface) -> Result<(), XmlError> {
    let kind = interface.source.kind();
    interface.driver.virtio.require_virtio(interface.is_virtio())?;
    let switched = matches!(
        kind,
        InterfaceType::Network | InterfaceType::Bridge | InterfaceType::Direct | InterfaceType::Hostdev
    );
    if let Some(port) = interface.virtual_port.as_ref() {
        if !switched {
            let text = format!("<virtualport> element unsupported for <interface type='{kind}'>");
            return Err(XmlError::unsupported(text));
        }
        if port.kind.is_none() && kind != InterfaceType::Network {
            return Err(XmlError::xml("missing required virtualport type").scoped(Scope::None));
        }
    }
    let bridged = matches!(kind, InterfaceType::Network | InterfaceType::Bridge);
    if interface.port_isolated == Some(true) && !bridged {
        return Err(XmlError::unsupported(format!(
            "interface {} - <port isolated='yes'/> is not supported for network interfaces with type='{kind}'",
            interface.mac.as_ref().map(ToString::to_string).unwrap_or_default()
        )));
    }
    let floor = interface.bandwidth.as_ref().and_then(|b| b.inbound).and_then(|i| i.floor);
    if floor.is_some() && kind != InterfaceType::Network {
        return Err(XmlError::unsupported("floor attribute is not supported for this config"));
    }
    if interface.target_managed == Some(false) && kind != InterfaceType::Ethernet {
        let text = format!("unmanaged target dev is not supported on interfaces of type '{kind}'");
        return Err(XmlError::unsupported(text));
    }
    check_model(interface)?;
    if matches!(interface.info.address, Some(Address::Unassigned)) {
        return Err(XmlError::unsupported("address of type 'unassigned' is supported only for hostdevs"));
    }
    Ok(())
}

fn check_model(interface: &Interface) -> Result<(), XmlError> {
    let model = interface.model.as_deref();
    if matches!(interface.source, InterfaceSource::VhostUser { .. })
        && !model.is_some_and(super::card::is_virtio_model)
    {
        let text = "Wrong or no <model> 'type' attribute specified with <interface type='vhostuser'/>. vhostuser requires the virtio-net* frontend";
        return Err(XmlError::internal(text));
    }
    Ok(())
}
