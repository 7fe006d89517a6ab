//! Taps: on a bridge, alone, or made by somebody else.

use std::io;
use std::net::IpAddr;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ::driver::documents::blocking;
use host::command::System;
use host::net::{self, BridgePort, Helped, Mac, Netlink, Route, Shaping, Tap};
use model::domain::device::interface::link::{BandwidthRate, IpAddress, IpRoute};
use model::domain::device::interface::{Interface, InterfaceSource, MacTableManager};
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::{Names, machine, queues, script};
use crate::driver::Driver;

const CLONE_DEVICE: &str = "/dev/net/tun";
/// Places of QEMU's bridge helper: upstream's and Debian's.
const HELPERS: [&str; 2] = ["/usr/libexec/qemu-bridge-helper", "/usr/lib/qemu/qemu-bridge-helper"];
/// EBUSY of Linux: the device exists.
const BUSY: i32 = 16;
/// How often another program may be quicker with a name.
const ATTEMPTS: usize = 100;

/// Has QEMU's helper make a tap on a bridge: for daemons without the rights of root.
pub(super) async fn by_helper(driver: &Driver, bridge: &str, vnet_hdr: bool) -> Result<Helped, Fault> {
    let helper = match &driver.config.bridge_helper {
        Some(path) => PathBuf::from(path),
        None => {
            let found = HELPERS.iter().map(Path::new).find(|path| path.exists());
            found.unwrap_or_else(|| Path::new(HELPERS[0])).to_owned()
        }
    };
    let bridge = bridge.to_owned();
    blocking(move || net::ask_helper(&helper, &bridge, vnet_hdr)).await.map_err(machine)
}

/// Opens the tap of an interface: a fresh one under a name that nobody has, or that of somebody else.
pub(super) async fn open(names: &Names, interface: &Interface) -> Result<(String, Vec<OwnedFd>), Fault> {
    let fresh = interface.target_managed != Some(false);
    let ours = interface.target_dev.as_deref().is_none_or(net::is_template);
    let mut attempt = 0;
    loop {
        attempt += 1;
        let name = names.choose(interface)?;
        match open_named(interface, &name, fresh).await {
            Ok(fds) => return Ok((name, fds)),
            // Another program was quicker: the next name is as good.
            Err(error) if error.errno() == Some(BUSY) && fresh && ours && attempt < ATTEMPTS => {}
            Err(error) if error.errno() == Some(BUSY) && fresh => {
                let detail = format!("The {name} interface already exists");
                return Err(Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_INVALID, detail));
            }
            Err(error) => return Err(machine(error)),
        }
    }
}

/// Connects the tap of an interface.
pub(super) async fn connect(interface: &Interface) -> Result<(), Fault> {
    let Some(name) = interface.target_dev.as_deref() else { return Ok(()) };
    let managed = interface.target_managed != Some(false);
    let netlink = Netlink::open().map_err(machine)?;
    let tap = Connected { netlink: &netlink, name, index: netlink.link(name).await.map_err(machine)?.index };
    if let Err(error) = netlink.set_no_queue(tap.index).await {
        tracing::debug!(target: "qemu", "network device '{name}' keeps its own queue: {error}");
    }
    match &interface.source {
        InterfaceSource::Bridge { bridge, mac_table_manager } => {
            tap.join(interface, bridge, *mac_table_manager == Some(MacTableManager::Libvirt)).await?;
        }
        InterfaceSource::Ethernet { ips, routes } => {
            if managed {
                tap.set_up(interface, None).await?;
            }
            if let Some(path) = &interface.script {
                script::run(path, name).await?;
            }
            tap.address(ips, routes).await?;
        }
        _ => {}
    }
    if let Some(frames) = interface.coalesce_rx_frames.filter(|_| managed) {
        let device = name.to_owned();
        blocking(move || net::set_receive_coalescing(&device, frames)).await.map_err(machine)?;
    }
    limit(interface, name).await
}

/// What does not go with QEMU: what the definition's script takes back, and limits of a device that stays.
pub(super) async fn disconnect(interface: &Interface, name: &str) -> Result<(), Fault> {
    if interface.target_managed == Some(false) && interface.bandwidth.is_some() {
        net::unshape(&System, name).await.map_err(machine)?;
    }
    match (&interface.source, &interface.downscript) {
        (InterfaceSource::Ethernet { .. }, Some(path)) => script::run(path, name).await,
        _ => Ok(()),
    }
}

async fn open_named(interface: &Interface, name: &str, fresh: bool) -> host::Result<Vec<OwnedFd>> {
    let clone_device = PathBuf::from(interface.backend.tap.as_deref().unwrap_or(CLONE_DEVICE));
    let (device, queues, vnet_hdr) = (name.to_owned(), queues(interface), interface.is_virtio());
    blocking(move || {
        let tap = Tap { clone_device: &clone_device, name: &device, queues, vnet_hdr, fresh };
        net::open_tap(&tap)
    })
    .await
}

/// A tap that is open.
struct Connected<'a> {
    netlink: &'a Netlink,
    name: &'a str,
    index: u32,
}

impl Connected<'_> {
    /// Makes it a port of a bridge, with the bridge's MTU unless the definition says another.
    async fn join(&self, interface: &Interface, bridge: &str, own_table: bool) -> Result<(), Fault> {
        let switch = self.netlink.link(bridge).await.map_err(machine)?;
        self.set_mac(interface).await?;
        let mtu = interface.mtu.filter(|mtu| *mtu > 0).unwrap_or(switch.mtu);
        self.done("set the MTU of", self.netlink.set_mtu(self.index, mtu).await)?;
        self.done("connect a bridge with", self.netlink.set_master(self.index, switch.index).await)?;
        self.done("switch on", self.netlink.set_up(self.index).await)?;
        let mut port =
            BridgePort { isolated: interface.port_isolated.filter(|on| *on), ..BridgePort::default() };
        if own_table {
            (port.learning, port.flood) = (Some(false), Some(false));
        }
        if port != BridgePort::default() {
            self.done("set the bridge port of", self.netlink.set_bridge_port(self.index, port).await)?;
        }
        if own_table && let Some(mac) = guest_mac(interface) {
            self.done("tell the bridge of", self.netlink.add_forwarding(self.index, mac).await)?;
        }
        Ok(())
    }

    /// Sets the address, the MTU of the definition or `mtu`, and switches it on.
    async fn set_up(&self, interface: &Interface, mtu: Option<u32>) -> Result<(), Fault> {
        self.set_mac(interface).await?;
        if let Some(mtu) = interface.mtu.filter(|mtu| *mtu > 0).or(mtu) {
            self.done("set the MTU of", self.netlink.set_mtu(self.index, mtu).await)?;
        }
        self.done("switch on", self.netlink.set_up(self.index).await)
    }

    async fn set_mac(&self, interface: &Interface) -> Result<(), Fault> {
        match guest_mac(interface) {
            Some(mac) => {
                self.done("set the address of", self.netlink.set_mac(self.index, net::tap_mac(mac)).await)
            }
            None => Ok(()),
        }
    }

    /// The host's own addresses and routes on it.
    async fn address(&self, ips: &[IpAddress], routes: &[IpRoute]) -> Result<(), Fault> {
        for ip in ips {
            let added = self.netlink.add_address(self.index, (ip.address, ip.bits()), ip.peer).await;
            self.done("add an IP address to", added)?;
        }
        for route in routes {
            let any = match route.gateway {
                IpAddr::V4(_) => IpAddr::V4(std::net::Ipv4Addr::UNSPECIFIED),
                IpAddr::V6(_) => IpAddr::V6(std::net::Ipv6Addr::UNSPECIFIED),
            };
            let network = (route.address.unwrap_or(any), route.bits());
            let route = Route { network, gateway: route.gateway, metric: route.metric };
            self.done("add a route to", self.netlink.add_route(self.index, &route).await)?;
        }
        Ok(())
    }

    fn done(&self, action: &'static str, result: io::Result<()>) -> Result<(), Fault> {
        result.map_err(host::Error::device(action, self.name)).map_err(machine)
    }
}

fn guest_mac(interface: &Interface) -> Option<Mac> {
    interface.mac.as_ref().map(|mac| mac.address)
}

/// Sets the limits of throughput. What comes in for the guest, the host's device sends.
async fn limit(interface: &Interface, name: &str) -> Result<(), Fault> {
    let Some(bandwidth) = interface.bandwidth.as_deref() else { return Ok(()) };
    let shaping =
        Shaping { sent: bandwidth.inbound.and_then(rate), received: bandwidth.outbound.and_then(rate) };
    net::shape(&System, name, &shaping).await.map_err(machine)
}

/// A direction's limit, where it has one of its own.
pub(super) fn rate(rate: BandwidthRate) -> Option<net::Rate> {
    Some(net::Rate { average: rate.average?, peak: rate.peak, burst: rate.burst })
}
