//! Links, bridge ports, addresses, routes and neighbours by the kernel's routing socket (rtnetlink(7)).

use std::future::Future;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use futures_util::{StreamExt, TryStreamExt};
use rtnetlink::packet_core::{
    NLM_F_ACK, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REQUEST, NetlinkMessage, NetlinkPayload,
};
use rtnetlink::packet_route::RouteNetlinkMessage;
use rtnetlink::packet_route::address::AddressAttribute;
use rtnetlink::packet_route::link::{LinkAttribute, LinkFlags, LinkMessage, MacVtapMode};
use rtnetlink::packet_route::neighbour::{NeighbourAddress, NeighbourAttribute, NeighbourFlags};
use rtnetlink::packet_route::route::{RouteMessage, RouteProtocol};
use rtnetlink::packet_route::tc::{TcAttribute, TcHandle, TcMessage};
use rtnetlink::{Handle, LinkBridgePort, LinkMacVtap, LinkMessageBuilder, LinkUnspec, RouteMessageBuilder};
use tokio::task::JoinHandle;

use super::{MAX_NAME, Mac};
use crate::{Error, Result};

/// The kernel answers at once unless it is in trouble.
const LIMIT: Duration = Duration::from_secs(10);

/// A routing socket. Needs a tokio runtime; it is closed when this is dropped.
#[derive(Debug)]
pub struct Netlink {
    handle: Handle,
    task: JoinHandle<()>,
}

/// What the kernel tells of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its number.
    pub index: u32,
    /// Largest packet in bytes.
    pub mtu: u32,
    /// Its address; zero for links without one.
    pub mac: Mac,
    /// The bridge it is a port of.
    pub master: Option<u32>,
    /// Whether it is switched on.
    pub up: bool,
}

/// Settings of a bridge's port; what is not given stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BridgePort {
    /// Other isolated ports are out of its sight.
    pub isolated: Option<bool>,
    /// The bridge notes the senders' addresses.
    pub learning: Option<bool>,
    /// Packets for unknown receivers go out here.
    pub flood: Option<bool>,
}

/// A route through a link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The network and the bits of its prefix.
    pub network: (IpAddr, u8),
    /// Next hop.
    pub gateway: IpAddr,
    /// Cost; none: the kernel's default.
    pub metric: Option<u32>,
}

/// An entry of the host's neighbour tables (ARP and neighbour discovery).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Neighbour {
    /// Link-layer address.
    pub mac: Mac,
    /// Its address.
    pub address: IpAddr,
}

/// How macvtaps on one link see each other.
pub type MacvtapMode = MacVtapMode;

impl Netlink {
    /// Opens a socket in the network namespace of this thread.
    pub fn open() -> Result<Netlink> {
        let opened = rtnetlink::new_connection().map_err(Error::system("open a routing socket"));
        let (connection, handle, _) = opened?;
        Ok(Netlink { handle, task: tokio::spawn(connection) })
    }

    /// The link of this name. Errors: errno ENODEV for none.
    pub async fn link(&self, name: &str) -> Result<Link> {
        let failed = || Error::device("find network device", name);
        if name.is_empty() || name.len() > MAX_NAME {
            return Err(failed()(io::Error::from_raw_os_error(libc::ENODEV)));
        }
        let asked = self.handle.link().get().match_name(name).execute();
        let found = within(async { std::pin::pin!(asked).try_next().await }).await.map_err(failed())?;
        found.map(|message| read_link(&message)).ok_or_else(|| {
            let error = io::Error::from_raw_os_error(libc::ENODEV);
            failed()(error)
        })
    }

    /// Gives a link an address.
    pub async fn set_mac(&self, index: u32, mac: Mac) -> io::Result<()> {
        self.set(link(index).append_extra_attribute(LinkAttribute::Address(mac.to_vec()))).await
    }

    /// Sets the largest packet in bytes.
    pub async fn set_mtu(&self, index: u32, mtu: u32) -> io::Result<()> {
        self.set(link(index).mtu(mtu)).await
    }

    /// Makes a link a port of a bridge.
    pub async fn set_master(&self, index: u32, bridge: u32) -> io::Result<()> {
        self.set(link(index).controller(bridge)).await
    }

    /// Switches a link on.
    pub async fn set_up(&self, index: u32) -> io::Result<()> {
        self.set(link(index).up()).await
    }

    /// Sets what a bridge does with its port.
    pub async fn set_bridge_port(&self, index: u32, port: BridgePort) -> io::Result<()> {
        let mut message = LinkBridgePort::new(index);
        if let Some(isolated) = port.isolated {
            message = message.isolated(isolated);
        }
        if let Some(learning) = port.learning {
            message = message.learning(learning);
        }
        if let Some(flood) = port.flood {
            message = message.flood(flood);
        }
        within(self.handle.link().set_port(message.build()).execute()).await
    }

    /// Tells the bridge of a port which address is behind it.
    pub async fn add_forwarding(&self, index: u32, mac: Mac) -> io::Result<()> {
        let add = self.handle.neighbours().add_bridge(index, &mac).flags(NeighbourFlags::Controller);
        within(add.execute()).await
    }

    /// Gives a link no queue of its own before it is sent: the guest has one.
    pub async fn set_no_queue(&self, index: u32) -> io::Result<()> {
        let number = i32::try_from(index).map_err(io::Error::other)?;
        let mut message = TcMessage::with_index(number);
        message.header.parent = TcHandle::ROOT;
        message.attributes.push(TcAttribute::Kind("noqueue".to_owned()));
        let mut request = NetlinkMessage::from(RouteNetlinkMessage::NewQueueDiscipline(message));
        request.header.flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL;
        let mut handle = self.handle.clone();
        let mut answers = handle.request(request).map_err(io::Error::other)?;
        let answer = tokio::time::timeout(LIMIT, answers.next()).await;
        match answer.map_err(|_| io::Error::from(io::ErrorKind::TimedOut))?.map(|answer| answer.payload) {
            Some(NetlinkPayload::Error(error)) if error.code.is_some() => Err(error.to_io()),
            _ => Ok(()),
        }
    }

    /// Gives a link an IP address, with the other end of a point-to-point link.
    pub async fn add_address(
        &self,
        index: u32,
        address: (IpAddr, u8),
        peer: Option<IpAddr>,
    ) -> io::Result<()> {
        let mut add = self.handle.address().add(index, address.0, address.1);
        if let Some(peer) = peer {
            let attributes = &mut add.message_mut().attributes;
            attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Address(_)));
            attributes.push(AddressAttribute::Address(peer));
            attributes.retain(|attribute| !matches!(attribute, AddressAttribute::Local(_)));
            attributes.push(AddressAttribute::Local(address.0));
        }
        within(add.execute()).await
    }

    /// Adds a route through a link.
    pub async fn add_route(&self, index: u32, route: &Route) -> io::Result<()> {
        let (network, prefix) = route.network;
        let message = match (network, route.gateway) {
            (IpAddr::V4(network), IpAddr::V4(gateway)) => {
                let to = RouteMessageBuilder::<Ipv4Addr>::new();
                through(index, to.destination_prefix(network, prefix).gateway(gateway), route.metric)
            }
            (IpAddr::V6(network), IpAddr::V6(gateway)) => {
                let to = RouteMessageBuilder::<Ipv6Addr>::new();
                through(index, to.destination_prefix(network, prefix).gateway(gateway), route.metric)
            }
            _ => return Err(io::Error::from_raw_os_error(libc::EAFNOSUPPORT)),
        };
        within(self.handle.route().add(message).execute()).await
    }

    /// Makes a macvtap on the link `lower`.
    pub async fn add_macvtap(&self, name: &str, lower: u32, mac: Mac, mode: MacVtapMode) -> io::Result<()> {
        let message = LinkMacVtap::new(name, lower, mode);
        let message = message.append_extra_attribute(LinkAttribute::Address(mac.to_vec()));
        within(self.handle.link().add(message.build()).execute()).await
    }

    /// Deletes a link; that it is gone already is no error.
    pub async fn delete(&self, index: u32) -> io::Result<()> {
        match within(self.handle.link().del(index).execute()).await {
            Err(error) if error.raw_os_error() == Some(libc::ENODEV) => Ok(()),
            done => done,
        }
    }

    /// The host's neighbours with a link-layer address.
    pub async fn neighbours(&self) -> io::Result<Vec<Neighbour>> {
        let table = self.handle.neighbours().get().execute();
        within(
            table.try_filter_map(|message| async move { Ok(neighbour(&message.attributes)) }).try_collect(),
        )
        .await
    }

    async fn set(&self, message: LinkMessageBuilder<LinkUnspec>) -> io::Result<()> {
        within(self.handle.link().set(message.build()).execute()).await
    }
}

impl Drop for Netlink {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// A route through a link, as if it had been typed in: no routing daemon takes it for its own.
fn through<T>(index: u32, route: RouteMessageBuilder<T>, metric: Option<u32>) -> RouteMessage {
    let route = route.protocol(RouteProtocol::Boot).output_interface(index);
    metric.into_iter().fold(route, RouteMessageBuilder::priority).build()
}

fn link(index: u32) -> LinkMessageBuilder<LinkUnspec> {
    LinkUnspec::new_with_index(index)
}

/// A question to the kernel, with its deadline.
async fn within<T>(asked: impl Future<Output = std::result::Result<T, rtnetlink::Error>>) -> io::Result<T> {
    match tokio::time::timeout(LIMIT, asked).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(rtnetlink::Error::NetlinkError(error))) => Err(error.to_io()),
        Ok(Err(error)) => Err(io::Error::other(error)),
        Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut)),
    }
}

fn read_link(message: &LinkMessage) -> Link {
    let mut link = Link {
        index: message.header.index,
        mtu: 0,
        mac: Mac::default(),
        master: None,
        up: message.header.flags.contains(LinkFlags::Up),
    };
    for attribute in &message.attributes {
        match attribute {
            LinkAttribute::Mtu(mtu) => link.mtu = *mtu,
            LinkAttribute::Address(mac) => link.mac = mac.as_slice().try_into().unwrap_or_default(),
            LinkAttribute::Controller(master) => link.master = Some(*master),
            _ => {}
        }
    }
    link
}

fn neighbour(attributes: &[NeighbourAttribute]) -> Option<Neighbour> {
    let mac = attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::LinkLayerAddress(bytes) => Mac::try_from(bytes.as_slice()).ok(),
        _ => None,
    });
    let address = attributes.iter().find_map(|attribute| match attribute {
        NeighbourAttribute::Destination(NeighbourAddress::Inet(address)) => Some(IpAddr::V4(*address)),
        NeighbourAttribute::Destination(NeighbourAddress::Inet6(address)) => Some(IpAddr::V6(*address)),
        _ => None,
    });
    Some(Neighbour { mac: mac?, address: address? })
}
