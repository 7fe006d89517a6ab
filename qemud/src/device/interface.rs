//! Network cards and the host's side of them.

use std::net::IpAddr;

use model::domain::device::interface::{
    GuestOffload, HostOffload, Interface, InterfaceSource, InterfaceType, LinkState, SocketSource, Teaming,
    TxMode,
};

use serde_json::json;

use super::{Check, QemuDevice, hostdev};
use crate::command::PlanError;
use crate::command::after::Step;
use crate::command::build::{Build, rom, virtio_driver, virtio_options};
use crate::command::chardev;
use crate::command::options::Mode;
use crate::command::plan::FdSource;
use crate::command::props::Props;
use crate::command::quote::commas;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;
use crate::defaults::{DefaultsError, QemuConf};

/// Queues of a tap device (Linux, `MAX_TAP_QUEUES`).
const MAX_TAP_QUEUES: u32 = 256;
/// Card of an interface that names none.
const DEFAULT_MODEL: &str = "rtl8139";

impl QemuDevice for Interface {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        let passed = matches!(self.source, InterfaceSource::Hostdev { .. });
        if self.model.as_deref().is_none_or(str::is_empty) && !passed {
            self.model = Some(DEFAULT_MODEL.to_owned());
        }
        if !is_virtio(self) {
            self.backend.vhost = None;
        }
        Ok(())
    }

    fn validate(&self, _check: &Check<'_>) -> Result<(), DefaultsError> {
        rules(self)
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        if let InterfaceSource::Hostdev { source, .. } = &self.source {
            return hostdev::source_plug(source, board);
        }
        Some(match self.model.as_deref() {
            Some("usb-net") => Connect::NONE,
            Some("virtio" | "virtio-non-transitional") => board.virtio(false),
            Some("virtio-transitional" | "e1000" | "rtl8139" | "vmxnet3") => board.pci(),
            _ => board.pcie(),
        })
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        if let InterfaceSource::Hostdev { source, .. } = &self.source {
            return hostdev::device(source, &self.info, build);
        }
        let alias = build.alias(&self.info)?;
        let backend = backend(self, &alias, build)?;
        build.plan.option("-netdev", backend.to_json());
        let props = card(self, &alias, build)?;
        build.device(props)
    }

    fn after(&self, _conf: &QemuConf) -> Vec<Step> {
        match (self.link_state, &self.info.alias) {
            (Some(LinkState::Down), Some(alias)) => {
                vec![Step::new("set_link", json!({ "name": alias, "up": false }))]
            }
            _ => Vec::new(),
        }
    }
}

fn is_virtio(interface: &Interface) -> bool {
    matches!(interface.model.as_deref(), Some("virtio" | "virtio-transitional" | "virtio-non-transitional"))
}

fn backend(interface: &Interface, alias: &str, build: &mut Build<'_>) -> Result<Props, PlanError> {
    let id = format!("host{alias}");
    let props = match &interface.source {
        InterfaceSource::User | InterfaceSource::Internal { .. } => user(interface),
        InterfaceSource::Ethernet { .. }
        | InterfaceSource::Network(_)
        | InterfaceSource::Bridge { .. }
        | InterfaceSource::Direct { .. } => tap(interface, alias, build)?,
        InterfaceSource::Client(peer) => tunnel("connect", peer),
        InterfaceSource::Server(local) => tunnel("listen", local),
        InterfaceSource::Mcast(group) => tunnel("mcast", group),
        InterfaceSource::Udp { peer, local } => tunnel("udp", peer)
            .str("localaddr", &format!("{}:{}", local.address.as_deref().unwrap_or(""), local.port)),
        InterfaceSource::VhostUser { path, listen, reconnect } => {
            vhost_user(path, *listen, *reconnect, alias, interface, build)
        }
        InterfaceSource::Vdpa { .. }
        | InterfaceSource::Null
        | InterfaceSource::Vds { .. }
        | InterfaceSource::Hostdev { .. } => {
            return Err(PlanError::unsupported(format!(
                "network type of interface '{alias}' is not supported by QEMU"
            )));
        }
    };
    Ok(props.str("id", &id))
}

/// QEMU's own network: NAT, DHCP and DNS inside the process.
fn user(interface: &Interface) -> Props {
    let mut props = Props::new().str("type", "user");
    for ip in &interface.ips {
        props = match ip.address {
            IpAddr::V4(address) => {
                let prefix = ip.prefix.map(|p| format!("/{p}")).unwrap_or_default();
                props.str("net", &format!("{address}{prefix}"))
            }
            IpAddr::V6(address) => {
                props.str("ipv6-prefix", &address.to_string()).opt("ipv6-prefixlen", ip.prefix)
            }
        };
    }
    props
}

fn tunnel(key: &str, socket: &SocketSource) -> Props {
    let address = socket.address.as_deref().unwrap_or("");
    Props::new().str("type", "socket").str(key, &format!("{address}:{}", socket.port))
}

/// Tap queues are opened by the daemon; with virtio the kernel's vhost moves the packets where it is asked for.
fn tap(interface: &Interface, alias: &str, build: &mut Build<'_>) -> Result<Props, PlanError> {
    let many = build.options.mode == Mode::Start && is_virtio(interface);
    let queues = if many { interface.driver.queues.unwrap_or(1).max(1) } else { 1 };
    if queues > MAX_TAP_QUEUES {
        return Err(PlanError::unsupported(format!(
            "interface '{alias}' wants {queues} queues, but a tap device has {MAX_TAP_QUEUES} at most"
        )));
    }
    let pass = |build: &mut Build<'_>, vhost: bool| -> String {
        let numbers = (0..queues).map(|queue| {
            let alias = alias.to_owned();
            let source =
                if vhost { FdSource::VhostNet { alias, queue } } else { FdSource::Tap { alias, queue } };
            build.plan.pass(source).to_string()
        });
        numbers.collect::<Vec<_>>().join(":")
    };
    let many = if queues > 1 { "s" } else { "" };
    let props = Props::new().str("type", "tap").str(&format!("fd{many}"), &pass(build, false));
    let props = if build.options.vhost.contains(alias) {
        props.set("vhost", true).str(&format!("vhostfd{many}"), &pass(build, true))
    } else {
        props
    };
    Ok(props.opt("sndbuf", interface.sndbuf))
}

fn vhost_user(
    path: &str,
    listen: bool,
    reconnect: Option<model::domain::device::chardev::Reconnect>,
    alias: &str,
    interface: &Interface,
    build: &mut Build<'_>,
) -> Props {
    let id = format!("char{alias}");
    if listen {
        build.plan.option("-chardev", format!("socket,id={id},path={},server=on", commas(path)));
    } else {
        chardev::vhost_user(build, &id, path, reconnect);
    }
    Props::new()
        .str("type", "vhost-user")
        .str("chardev", &id)
        .opt("queues", interface.driver.queues.filter(|queues| *queues > 1))
}

fn card(interface: &Interface, alias: &str, build: &Build<'_>) -> Result<Props, PlanError> {
    let model = interface.model.as_deref().unwrap_or(DEFAULT_MODEL);
    let props = if is_virtio(interface) { virtio_card(interface, model)? } else { Props::device(model) };
    let mac = interface
        .mac
        .as_ref()
        .map(|mac| mac.address.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":"));
    let props = props
        .opt("host_mtu", interface.mtu.filter(|_| is_virtio(interface)))
        .str("netdev", &format!("host{alias}"))
        .str("id", alias)
        .opt_str("mac", mac.as_deref())
        .opt("bootindex", build.boot_index(&interface.info));
    let props = build.place(props, &interface.info)?;
    Ok(rom(props, &interface.info))
}

fn virtio_card(interface: &Interface, model: &str) -> Result<Props, PlanError> {
    let driver = &interface.driver;
    let queues = driver.queues.filter(|queues| *queues > 1);
    let txmode = driver.txmode.map(|mode| match mode {
        TxMode::Iothread => "bh",
        TxMode::Timer => "timer",
    });
    let props = Props::device(&virtio_driver("virtio-net", Some(model), &interface.info)?);
    let props = virtio_options(props, &driver.virtio)
        .opt_str("tx", txmode)
        .opt("ioeventfd", driver.ioeventfd)
        .opt("event_idx", driver.event_idx);
    Ok(guest_offload(host_offload(props, &driver.host), &driver.guest)
        .flag("failover", interface.teaming == Some(Teaming::Persistent))
        .flag("mq", queues.is_some())
        .opt("vectors", queues.map(|queues| u64::from(queues) * 2 + 2))
        .opt("rx_queue_size", driver.rx_queue_size)
        .opt("tx_queue_size", driver.tx_queue_size)
        .opt("rss", driver.rss)
        .opt("hash", driver.rss_hash_report))
}

fn host_offload(props: Props, host: &HostOffload) -> Props {
    props
        .opt("csum", host.csum)
        .opt("gso", host.gso)
        .opt("host_tso4", host.tso4)
        .opt("host_tso6", host.tso6)
        .opt("host_ecn", host.ecn)
        .opt("host_ufo", host.ufo)
        .opt("mrg_rxbuf", host.mrg_rxbuf)
}

fn guest_offload(props: Props, guest: &GuestOffload) -> Props {
    props
        .opt("guest_csum", guest.csum)
        .opt("guest_tso4", guest.tso4)
        .opt("guest_tso6", guest.tso6)
        .opt("guest_ecn", guest.ecn)
        .opt("guest_ufo", guest.ufo)
}

fn rules(interface: &Interface) -> Result<(), DefaultsError> {
    let guest_routes = !interface.routes.is_empty();
    let guest_ips = !interface.ips.is_empty() && !matches!(interface.source, InterfaceSource::User);
    if guest_routes || guest_ips {
        return Err(DefaultsError::unsupported(
            "Invalid attempt to set network interface guest-side IP route and/or address info, not supported by QEMU",
        ));
    }
    let per_family = |v6: bool| interface.ips.iter().filter(|ip| ip.address.is_ipv6() == v6).count();
    if per_family(false) > 1 || per_family(true) > 1 {
        return Err(DefaultsError::unsupported(
            "only one IPv4 and one IPv6 address per interface is allowed",
        ));
    }
    if let Some(ip) = interface.ips.iter().find(|ip| ip.peer.is_some()) {
        let address = ip.address;
        return Err(DefaultsError::unsupported(format!(
            "peers are not supported by QEMU (address {address})"
        )));
    }
    let kind = interface.source.kind();
    let switched = matches!(kind, InterfaceType::Bridge | InterfaceType::Network);
    let wired = matches!(kind, InterfaceType::Ethernet | InterfaceType::VhostUser);
    if interface.mtu.is_some_and(|mtu| mtu > 0) && !switched && !wired {
        return Err(DefaultsError::unsupported(format!(
            "setting MTU on interface type {kind} is not supported yet"
        )));
    }
    if interface.coalesce_rx_frames.is_some() && !switched {
        return Err(DefaultsError::unsupported(format!(
            "coalesce settings on interface type {kind} are not supported"
        )));
    }
    if is_virtio(interface) {
        queue_rules("rx_queue_size", interface.driver.rx_queue_size)?;
        queue_rules("tx_queue_size", interface.driver.tx_queue_size)?;
    }
    match &interface.source {
        InterfaceSource::Hostdev { source, .. } => hostdev::source_rules(source),
        InterfaceSource::Network(_) => Ok(()),
        _ if matches!(interface.teaming, Some(Teaming::Transient { .. })) => Err(DefaultsError::unsupported(
            format!("virtio-net teaming transient interface must be type='hostdev', not '{kind}'"),
        )),
        _ => Ok(()),
    }
}

fn queue_rules(what: &str, size: Option<u32>) -> Result<(), DefaultsError> {
    match size {
        Some(size) if !size.is_power_of_two() => {
            Err(DefaultsError::unsupported(format!("{what} has to be a power of two")))
        }
        _ => Ok(()),
    }
}
