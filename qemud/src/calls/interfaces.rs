//! What clients ask of network interfaces: counters, addresses, limits.

use model::domain::Domain as Definition;
use model::domain::device::interface::link::BandwidthRate;
use model::domain::device::interface::{Interface, InterfaceSource, InterfaceType, Mac};
use protocol::consts::domain_interface_addresses_source as source;
use protocol::remote::{DomainInterface, DomainInterfaceStatsRet, DomainIpAddr, TypedParam, TypedParamValue};
use protocol::{ErrorCode, ErrorDomain, Fault};

use ::driver::fault;
use host::net::{self, Counters, Netlink};

use super::stats::Params;
use crate::domain::{Live, View};
use crate::guest::agent;
use crate::network::interfaces;

/// The interface that a client names by its device on the host or its MAC address.
fn find<'a>(definition: &'a Definition, name: &str) -> Result<&'a Interface, Fault> {
    let mac = Mac::read(name);
    let wanted = |interface: &&Interface| match mac {
        Some(mac) => interface.mac.as_ref().is_some_and(|own| own.address == mac),
        None => interface.target_dev.as_deref() == Some(name),
    };
    interfaces(definition)
        .find(wanted)
        .ok_or_else(|| Fault::invalid_arg(ErrorDomain::DOMAIN, format!("'{name}' is not a known interface")))
}

/// Counters of one interface as its guest sees them (procedure 65).
pub(super) fn stats(view: &View, name: &str) -> Result<DomainInterfaceStatsRet, Fault> {
    let interface = find(&view.active()?.definition, name)?;
    let device = interface.target_dev.as_deref();
    let device = device.ok_or_else(|| Fault::internal(ErrorDomain::NONE, "Interface name not provided"))?;
    let counters = net::counters_of(device).map_err(fault::host(ErrorDomain::NONE))?;
    let counters = counters.ok_or_else(|| Fault::internal(ErrorDomain::NONE, "Interface not found"))?;
    let Counters { received, sent } = seen_by_guest(interface, counters);
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(DomainInterfaceStatsRet {
        rx_bytes: signed(received.bytes),
        rx_packets: signed(received.packets),
        rx_errs: signed(received.errors),
        rx_drop: signed(received.dropped),
        tx_bytes: signed(sent.bytes),
        tx_packets: signed(sent.packets),
        tx_errs: signed(sent.errors),
        tx_drop: signed(sent.dropped),
    })
}

/// A tap is the other end of the guest's cable; a macvtap is the guest's own.
fn seen_by_guest(interface: &Interface, counters: Counters) -> Counters {
    match interface.source {
        InterfaceSource::Direct { .. } => counters,
        _ => counters.other_end(),
    }
}

/// Counters of the host's devices for a bulk call, read once for all domains; empty when none of them needs it.
pub(super) fn traffic(views: &[View]) -> net::Table {
    let connected = |live: &Live| interfaces(&live.definition).any(|i| i.target_dev.is_some());
    if !views.iter().filter_map(|view| view.live.as_deref()).any(connected) {
        return net::Table::default();
    }
    net::counters().unwrap_or_else(|error| {
        tracing::warn!(target: "qemu", "counters of network devices cannot be read: {}", error.full_text());
        net::Table::default()
    })
}

/// The group of a running guest's record.
pub(super) fn group(live: &Live, table: &net::Table) -> Params {
    let mut params = Params::default();
    params.uint("net.count", interfaces(&live.definition).count());
    for (n, interface) in interfaces(&live.definition).enumerate() {
        let Some(device) = interface.target_dev.as_deref() else { continue };
        params.text(format_args!("net.{n}.name"), device);
        let Some(counters) = table.get(device) else { continue };
        let counters = seen_by_guest(interface, *counters);
        for (way, traffic) in [("rx", counters.received), ("tx", counters.sent)] {
            let mut add = |figure: &str, value| params.ullong(format_args!("net.{n}.{way}.{figure}"), value);
            add("bytes", traffic.bytes);
            add("pkts", traffic.packets);
            add("errs", traffic.errors);
            add("drop", traffic.dropped);
        }
    }
    params
}

/// The limits of an interface's throughput (procedure 257); 0 for none.
pub(super) fn parameters(definition: &Definition, name: &str) -> Result<Vec<TypedParam>, Fault> {
    let bandwidth = find(definition, name)?.bandwidth.as_deref().copied().unwrap_or_default();
    let mut params = Vec::new();
    let mut add = |field: String, value: Option<u64>| {
        let value = u32::try_from(value.unwrap_or(0)).unwrap_or(u32::MAX);
        params.push(TypedParam { field, value: TypedParamValue::Uint(value) });
    };
    for (way, rate) in [("inbound", bandwidth.inbound), ("outbound", bandwidth.outbound)] {
        let BandwidthRate { average, peak, floor, burst } = rate.unwrap_or_default();
        add(format!("{way}.average"), average);
        add(format!("{way}.peak"), peak);
        add(format!("{way}.burst"), burst);
        if way == "inbound" {
            add(format!("{way}.floor"), floor);
        }
    }
    Ok(params)
}

/// Refuse limits for an interface that is not there, or whose traffic passes no device that could hold it back.
pub(super) fn refuse_limits(definition: &Definition, name: &str) -> Result<(), Fault> {
    match find(definition, name)?.source.kind() {
        InterfaceType::Ethernet | InterfaceType::Network | InterfaceType::Bridge | InterfaceType::Direct => {
            Ok(())
        }
        kind => {
            let detail =
                format!("interfaces of type '{kind}' have no limits of their bandwidth that can be set");
            Err(Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail))
        }
    }
}

/// How many parameters an interface has.
pub(super) const PARAMETERS: i32 = 7;

/// The addresses of a guest's interfaces (procedure 353).
pub(super) async fn addresses(view: &View, from: u32) -> Result<Vec<DomainInterface>, Fault> {
    let live = view.active()?;
    match from {
        // Leases are those of networks; an interface of another kind has none.
        source::LEASE => Ok(Vec::new()),
        source::AGENT => Err(agent::unavailable(view)),
        source::ARP => neighbours(live).await,
        unknown => {
            let detail = format!("Unknown IP address data source {unknown}");
            Err(Fault::new(ErrorDomain::QEMU, ErrorCode::ARGUMENT_UNSUPPORTED, detail))
        }
    }
}

/// What the host's own neighbour tables know of the guest's cards.
async fn neighbours(live: &Live) -> Result<Vec<DomainInterface>, Fault> {
    let netlink = Netlink::open().map_err(fault::host(ErrorDomain::NONE))?;
    let table = netlink.neighbours().await.map_err(|error| {
        let errno = error.raw_os_error().unwrap_or(0);
        Fault::system(ErrorDomain::NONE, errno, "the host's neighbour tables cannot be read")
    })?;
    let mut found = Vec::new();
    for interface in interfaces(&live.definition) {
        let (Some(mac), Some(name)) = (&interface.mac, &interface.target_dev) else { continue };
        let own = table.iter().filter(|neighbour| neighbour.mac == mac.address);
        let addrs: Vec<DomainIpAddr> = own
            .map(|neighbour| DomainIpAddr {
                r#type: i32::from(neighbour.address.is_ipv6()),
                addr: neighbour.address.to_string(),
                prefix: 0,
            })
            .collect();
        if !addrs.is_empty() {
            let hwaddr = Some(mac.to_string());
            found.push(DomainInterface { name: name.clone(), hwaddr, addrs: addrs.into() });
        }
    }
    Ok(found)
}
