//! The drivers: which daemon serves which URI, and whose a family of procedures is.

use protocol::procedure::Family;
use protocol::{ErrorCode, ErrorDomain, Fault};

/// A driver's daemon.
#[derive(Debug, PartialEq, Eq)]
pub struct Driver {
    /// Its program, after which its socket is named.
    pub daemon: &'static str,
    /// Scheme of its URIs.
    pub scheme: &'static str,
    /// Guests' driver: its clients also reach the drivers of networks, storage and so on.
    pub hypervisor: bool,
}

/// All of them; hypervisors in the order in which an empty URI takes the first that is there.
static DRIVERS: [Driver; 8] = [
    hypervisor("virtqemud", "qemu"),
    hypervisor("virtlxcd", "lxc"),
    other("virtnetworkd", "network"),
    other("virtinterfaced", "interface"),
    other("virtstoraged", "storage"),
    other("virtnodedevd", "nodedev"),
    other("virtsecretd", "secret"),
    other("virtnwfilterd", "nwfilter"),
];

const fn hypervisor(daemon: &'static str, scheme: &'static str) -> Driver {
    Driver { daemon, scheme, hypervisor: true }
}

const fn other(daemon: &'static str, scheme: &'static str) -> Driver {
    Driver { daemon, scheme, hypervisor: false }
}

/// The drivers of guests.
pub fn hypervisors() -> impl Iterator<Item = &'static Driver> {
    DRIVERS.iter().filter(|driver| driver.hypervisor)
}

/// The driver that serves this URI.
///
/// # Errors
/// None does, or the URI is another host's: "no connection driver available", as libvirt says.
pub fn of_uri(uri: &str) -> Result<&'static Driver, Fault> {
    let parts = uri.split_once("://");
    let scheme = parts.filter(|(_, rest)| rest.starts_with('/')).map(|(scheme, _)| scheme);
    let found = scheme.and_then(|scheme| DRIVERS.iter().find(|driver| driver.scheme == scheme));
    found.ok_or_else(|| none_for(uri))
}

/// The driver whose this family is where it is not that of the guests' driver.
pub fn of_family(family: Family) -> Option<&'static Driver> {
    let scheme = match family {
        Family::Network => "network",
        Family::Interface => "interface",
        Family::StoragePool | Family::StorageVol => "storage",
        Family::NodeDevice => "nodedev",
        Family::Secret => "secret",
        Family::Nwfilter => "nwfilter",
        _ => return None,
    };
    DRIVERS.iter().find(|driver| driver.scheme == scheme)
}

/// The error for a URI that no driver has.
pub fn none_for(uri: &str) -> Fault {
    let message = format!("no connection driver available for {uri}");
    Fault { message, ..Fault::new(ErrorDomain::NONE, ErrorCode::NO_CONNECT, uri) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris_have_their_drivers() {
        for (uri, daemon) in [
            ("qemu:///system", "virtqemud"),
            ("qemu:///session", "virtqemud"),
            ("lxc:///", "virtlxcd"),
            ("network:///system", "virtnetworkd"),
            ("secret:///session", "virtsecretd"),
            ("nodedev:///system", "virtnodedevd"),
        ] {
            assert_eq!(of_uri(uri).map(|driver| driver.daemon), Ok(daemon));
        }
        for uri in [
            "",
            "qemu",
            "qemu://",
            "qemu://host/system",
            "xen:///system",
            "vbox:///session",
            "test:///default",
        ] {
            let fault = of_uri(uri).unwrap_err();
            assert_eq!(
                (fault.code, fault.message),
                (ErrorCode::NO_CONNECT, format!("no connection driver available for {uri}"))
            );
        }
    }

    #[test]
    fn families_of_the_other_drivers() {
        assert_eq!(of_family(Family::StorageVol).unwrap().daemon, "virtstoraged");
        assert_eq!(of_family(Family::Nwfilter).unwrap().scheme, "nwfilter");
        assert_eq!(of_family(Family::DomainSnapshot), None);
        assert_eq!(hypervisors().map(|driver| driver.scheme).collect::<Vec<_>>(), ["qemu", "lxc"]);
    }
}
