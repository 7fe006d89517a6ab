//! `<interface>`: network cards of the guest.

mod actual;
mod card;
mod driver;
mod extras;
pub mod link;
mod rules;
mod source;
mod virtual_port;

use crate::Rare;
use std::net::IpAddr;

use uuid::Uuid;

use super::chardev::Reconnect;
use super::hostdev::HostdevSource;
use super::info::{DeviceInfo, VirtioOptions};
use link::{Bandwidth, IpAddress, IpRoute, VirtualPort, Vlan};

/// A network card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Interface {
    /// What it is connected to.
    pub source: InterfaceSource,
    /// Its MAC address.
    pub mac: Option<Mac>,
    /// Device model ("virtio", "e1000").
    pub model: Option<String>,
    /// `<driver>`.
    pub driver: Rare<InterfaceDriver>,
    /// `<backend>`.
    pub backend: Rare<InterfaceBackend>,
    /// Host name of the tap or macvtap device; none: chosen at start.
    pub target_dev: Option<String>,
    /// Whether libvirt makes and removes the tap device.
    pub target_managed: Option<bool>,
    /// Name inside a container.
    pub guest_dev: Option<String>,
    /// Name inside a running container.
    pub guest_actual: Option<String>,
    /// Port of a switch.
    pub virtual_port: Option<Box<VirtualPort>>,
    /// `<filterref>`.
    pub filter: Option<Box<FilterRef>>,
    /// Limits of throughput.
    pub bandwidth: Option<Box<Bandwidth>>,
    /// VLAN tags.
    pub vlan: Option<Box<Vlan>>,
    /// Whether the host follows the guest's receive filter.
    pub trust_guest_rx_filters: Option<bool>,
    /// Whether other isolated ports of the bridge are hidden.
    pub port_isolated: Option<bool>,
    /// Host ports that lead to the guest.
    pub port_forwards: Vec<PortForward>,
    /// Guest addresses.
    pub ips: Vec<IpAddress>,
    /// Guest routes.
    pub routes: Vec<IpRoute>,
    /// Script run at start.
    pub script: Option<String>,
    /// Script run at the end.
    pub downscript: Option<String>,
    /// Xen: domain that serves it.
    pub backend_domain: Option<String>,
    /// Whether the cable is plugged in.
    pub link_state: Option<LinkState>,
    /// Largest packet in bytes.
    pub mtu: Option<u32>,
    /// Size of the tap's send buffer in bytes.
    pub sndbuf: Option<u64>,
    /// `<coalesce>`: frames received before an interrupt.
    pub coalesce_rx_frames: Option<u32>,
    /// Failover pairs.
    pub teaming: Option<Teaming>,
    /// Alias, address, boot order, ROM.
    pub info: DeviceInfo,
}

/// `type=` with the content of `<source>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum InterfaceSource {
    /// `user`: QEMU's own network.
    User,
    /// `ethernet`: a tap device without a bridge.
    Ethernet {
        /// Host addresses.
        ips: Vec<IpAddress>,
        /// Host routes.
        routes: Vec<IpRoute>,
    },
    /// `vhostuser`: another process is the switch.
    VhostUser {
        /// Unix socket.
        path: String,
        /// We listen (`mode='server'`).
        listen: bool,
        /// When the connection breaks.
        reconnect: Option<Reconnect>,
    },
    /// `server`: a TCP tunnel; we listen.
    Server(SocketSource),
    /// `client`: a TCP tunnel.
    Client(SocketSource),
    /// `mcast`: a multicast group.
    Mcast(SocketSource),
    /// `udp`: a UDP tunnel.
    Udp {
        /// Peer and port.
        peer: SocketSource,
        /// Our address and port.
        local: SocketSource,
    },
    /// `network`: of networkd.
    Network(NetworkRef),
    /// `bridge` of the host.
    Bridge {
        /// Its name.
        bridge: String,
        /// Who keeps its table of addresses.
        mac_table_manager: Option<MacTableManager>,
    },
    /// `internal`
    Internal {
        /// Name of the network.
        name: String,
    },
    /// `direct`: macvtap.
    Direct {
        /// Host device.
        dev: Option<String>,
        /// How.
        mode: DirectMode,
    },
    /// `hostdev`: a device of the host passed through.
    Hostdev {
        /// Whether libvirt detaches it from the host.
        managed: Option<bool>,
        /// The device.
        source: Box<HostdevSource>,
    },
    /// `vdpa`
    Vdpa {
        /// Path of the device.
        dev: String,
    },
    /// `null`: not connected.
    Null,
    /// `vds`: VMware's switch.
    Vds {
        /// Switch.
        switch_id: Uuid,
        /// Port.
        port_id: Option<i64>,
        /// Port group.
        portgroup_id: Option<String>,
        /// Connection.
        connection_id: Option<i64>,
    },
}

/// `<source network=>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NetworkRef {
    /// Name of the network.
    pub network: String,
    /// Group of ports in it.
    pub portgroup: Option<String>,
    /// Port that networkd gave; live definitions only.
    pub port_id: Option<Uuid>,
    /// Bridge that networkd chose; only when read from a live definition without [`NetworkRef::actual`].
    pub bridge: Option<String>,
    /// What the network made of the interface; status documents only.
    pub actual: Option<Box<ActualInterface>>,
}

/// `<actual>`: what an interface of type network is while the guest runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ActualInterface {
    /// What stands for it.
    pub source: ActualSource,
    /// Port of a switch.
    pub virtual_port: Option<VirtualPort>,
    /// VLAN tags.
    pub vlan: Option<Vlan>,
    /// Limits.
    pub bandwidth: Option<Bandwidth>,
    /// Traffic class on the bridge.
    pub class_id: Option<u32>,
    /// See [`Interface::trust_guest_rx_filters`].
    pub trust_guest_rx_filters: Option<bool>,
    /// See [`Interface::port_isolated`].
    pub port_isolated: Option<bool>,
}

/// What stands for an interface of type network while the guest runs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ActualSource {
    /// `network`: a bridge that networkd made.
    Network {
        /// Its name.
        bridge: String,
        /// Who keeps its table of addresses.
        mac_table_manager: Option<MacTableManager>,
    },
    /// `bridge` that was there before.
    Bridge {
        /// Its name.
        bridge: String,
        /// Who keeps its table of addresses.
        mac_table_manager: Option<MacTableManager>,
    },
    /// `direct`: macvtap.
    Direct {
        /// Host device.
        dev: Option<String>,
        /// How.
        mode: DirectMode,
    },
    /// `hostdev`: a device of the network's pool.
    Hostdev {
        /// Whether it is detached from the host.
        managed: bool,
        /// The device.
        source: Box<HostdevSource>,
    },
}

/// Address and port of a tunnel.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SocketSource {
    /// Address; a server without one listens everywhere.
    pub address: Option<String>,
    /// Port.
    pub port: u32,
}

/// `<mac>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mac {
    /// The six bytes.
    pub address: [u8; 6],
    /// Who chose it.
    pub kind: Option<MacType>,
    /// Whether ESX checks it.
    pub check: Option<bool>,
}

/// `<driver>` of an interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceDriver {
    /// virtio: who moves packets.
    pub name: Option<InterfaceDriverName>,
    /// When packets are sent.
    pub txmode: Option<TxMode>,
    /// Notifications by eventfd.
    pub ioeventfd: Option<bool>,
    /// virtio event index.
    pub event_idx: Option<bool>,
    /// Queue pairs.
    pub queues: Option<u32>,
    /// Entries of a receive queue.
    pub rx_queue_size: Option<u32>,
    /// Entries of a send queue.
    pub tx_queue_size: Option<u32>,
    /// Receive-side scaling.
    pub rss: Option<bool>,
    /// Receive-side scaling reports its hash.
    pub rss_hash_report: Option<bool>,
    /// virtio settings.
    pub virtio: VirtioOptions,
    /// Offloads of the host.
    pub host: HostOffload,
    /// Offloads of the guest.
    pub guest: GuestOffload,
}

/// `<host>` in `<driver>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HostOffload {
    /// Checksums.
    pub csum: Option<bool>,
    /// Generic segmentation.
    pub gso: Option<bool>,
    /// TCP over IPv4 segmentation.
    pub tso4: Option<bool>,
    /// TCP over IPv6 segmentation.
    pub tso6: Option<bool>,
    /// Congestion notification.
    pub ecn: Option<bool>,
    /// UDP fragmentation.
    pub ufo: Option<bool>,
    /// Mergeable receive buffers.
    pub mrg_rxbuf: Option<bool>,
}

/// `<guest>` in `<driver>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct GuestOffload {
    /// Checksums.
    pub csum: Option<bool>,
    /// TCP over IPv4 segmentation.
    pub tso4: Option<bool>,
    /// TCP over IPv6 segmentation.
    pub tso6: Option<bool>,
    /// Congestion notification.
    pub ecn: Option<bool>,
    /// UDP fragmentation.
    pub ufo: Option<bool>,
}

/// `<portForward>`: host ports that lead to the guest (passt).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortForward {
    /// Protocol.
    pub proto: PortForwardProto,
    /// Host address; none: all.
    pub address: Option<IpAddr>,
    /// Host device; none: all.
    pub dev: Option<String>,
    /// Ports; none: all.
    pub ranges: Vec<PortRange>,
}

/// `<range>` of forwarded ports. 0: not given.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PortRange {
    /// First host port.
    pub start: u16,
    /// Last host port; 0: only the first.
    pub end: u16,
    /// First guest port; 0: the same.
    pub to: u16,
    /// These are left out.
    pub exclude: Option<bool>,
}

/// `<backend>`: who moves packets, and devices to open instead of the usual ones.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InterfaceBackend {
    /// Log of the program that moves packets.
    pub log_file: Option<String>,
    /// Instead of `/dev/net/tun`.
    pub tap: Option<String>,
    /// Instead of `/dev/vhost-net`.
    pub vhost: Option<String>,
}

/// `<filterref>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilterRef {
    /// Name of the filter.
    pub filter: String,
    /// Variables, in order of name and then as given.
    pub parameters: Vec<(String, String)>,
}

/// `<teaming>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Teaming {
    /// Stays during a migration.
    Persistent,
    /// Goes away during a migration.
    Transient {
        /// Alias of the one that stays.
        persistent: String,
    },
}

tokens! {
    /// `type=` of `<interface>`.
    pub enum InterfaceType {
        User = "user", Ethernet = "ethernet", VhostUser = "vhostuser", Server = "server", Client = "client",
        Mcast = "mcast", Network = "network", Bridge = "bridge", Internal = "internal", Direct = "direct",
        Hostdev = "hostdev", Udp = "udp", Vdpa = "vdpa", Null = "null", Vds = "vds",
    }

    /// `<portForward proto=>`
    pub enum PortForwardProto { Tcp = "tcp", Udp = "udp" }

    /// `<mac type=>`
    pub enum MacType { Generated = "generated", Static = "static" }

    /// `<driver name=>`
    pub enum InterfaceDriverName { Qemu = "qemu", Vhost = "vhost" }

    /// `<driver txmode=>`
    pub enum TxMode { Iothread = "iothread", Timer = "timer" }

    /// `<link state=>`
    pub enum LinkState { Up = "up", Down = "down" }

    /// macvtap modes.
    #[derive(Default)]
    pub enum DirectMode { #[default] Vepa = "vepa", Private = "private", Bridge = "bridge", Passthrough = "passthrough" }

    /// `macTableManager=`
    pub enum MacTableManager { Kernel = "kernel", Libvirt = "libvirt" }

    /// `<teaming type=>`
    pub enum TeamingType { Persistent = "persistent", Transient = "transient" }
}
