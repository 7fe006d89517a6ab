//! Macvtaps: a guest's card on a device of the host. They stay until they are deleted.

use ::driver::documents::blocking;
use host::command::System;
use host::net::{self, MacvtapMode, Netlink, Shaping};
use model::domain::device::interface::{DirectMode, Interface};
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::{Wires, machine, queues, tap};

/// Fails when somebody has this name. Before anything is made: what a start has made is deleted by its name when it fails,
/// and another guest may have this name and even this address.
pub(super) fn check_free(name: &str) -> Result<(), Fault> {
    if net::index(name).is_none() {
        return Ok(());
    }
    let detail = format!("The {name} interface already exists");
    Err(Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_INVALID, detail))
}

/// Makes the macvtap of an interface on the device `lower.0`.
pub(super) async fn connect(
    interface: &Interface,
    alias: &str,
    lower: (Option<&str>, DirectMode),
    wires: &mut Wires,
) -> Result<(), Fault> {
    let (Some(name), (Some(dev), mode)) = (interface.target_dev.as_deref(), lower) else { return Ok(()) };
    let netlink = Netlink::open().map_err(machine)?;
    let below = netlink.link(dev).await.map_err(machine)?;
    let mac = interface.mac.as_ref().map(|mac| mac.address).unwrap_or_default();
    let made = netlink.add_macvtap(name, below.index, mac, mode_of(mode)).await;
    made.map_err(host::Error::device("create macvtap device", name)).map_err(machine)?;
    let index = netlink.link(name).await.map_err(machine)?.index;
    if let Some(mtu) = interface.mtu.filter(|mtu| *mtu > 0) {
        let set = netlink.set_mtu(index, mtu).await;
        set.map_err(host::Error::device("set the MTU of", name)).map_err(machine)?;
    }
    let up = netlink.set_up(index).await;
    up.map_err(host::Error::device("switch on", name)).map_err(machine)?;
    let (queues, vnet_hdr) = (queues(interface), interface.is_virtio());
    let fds = blocking(move || net::open_macvtap(index, queues, vnet_hdr)).await.map_err(machine)?;
    wires.put_tap(alias, fds);
    limit(interface, name).await
}

/// Deletes the macvtap, if it is still the guest's.
pub(super) async fn disconnect(interface: &Interface, name: &str) -> Result<(), Fault> {
    let netlink = Netlink::open().map_err(machine)?;
    // It may never have been made; and the name may be somebody else's by now.
    let Ok(link) = netlink.link(name).await else { return Ok(()) };
    if interface.mac.as_ref().is_none_or(|mac| mac.address != link.mac) {
        return Ok(());
    }
    let deleted = netlink.delete(link.index).await;
    deleted.map_err(host::Error::device("delete macvtap device", name)).map_err(machine)
}

/// A macvtap shows the host what the guest sees: nothing is turned round.
async fn limit(interface: &Interface, name: &str) -> Result<(), Fault> {
    let Some(bandwidth) = interface.bandwidth.as_deref() else { return Ok(()) };
    let shaping = Shaping {
        sent: bandwidth.outbound.and_then(tap::rate),
        received: bandwidth.inbound.and_then(tap::rate),
    };
    net::shape(&System, name, &shaping).await.map_err(machine)
}

fn mode_of(mode: DirectMode) -> MacvtapMode {
    match mode {
        DirectMode::Vepa => MacvtapMode::Vepa,
        DirectMode::Private => MacvtapMode::Private,
        DirectMode::Bridge => MacvtapMode::Bridge,
        DirectMode::Passthrough => MacvtapMode::Passthrough,
    }
}
