//! Network devices of the host: taps and macvtaps for guests, links and bridges over netlink, counters, vhost.
//!
//! Devices belong to the network namespace of the calling thread. A tap lives as long as somebody holds one of its
//! descriptors: a daemon that is killed at a start leaves none behind, and a guest's end removes its own. Only
//! macvtaps stay until they are deleted.

mod counters;
mod helper;
mod netlink;
mod shaping;
mod tap;
mod vhost;

use std::sync::atomic::{AtomicU64, Ordering};

pub use counters::{Counters, Table, Traffic, counters, counters_of};
pub use helper::{HELPER_LIMIT, Helped, ask_helper};
pub use netlink::{BridgePort, Link, MacvtapMode, Neighbour, Netlink, Route};
pub use shaping::{Rate, Shaping, shape, unshape};
pub use tap::{MAX_QUEUES, Tap, open_macvtap, open_tap, set_receive_coalescing};
pub use vhost::{open_vhost, open_vsock};

/// The six bytes of an Ethernet address.
pub type Mac = [u8; 6];

/// Most bytes of a device's name (Linux, `IFNAMSIZ` without the closing zero).
pub const MAX_NAME: usize = 15;

/// The number of a network device, if there is one of this name.
pub fn index(name: &str) -> Option<u32> {
    if name.is_empty() || name.len() > MAX_NAME {
        return None;
    }
    let socket = rustix::net::socket(rustix::net::AddressFamily::UNIX, rustix::net::SocketType::DGRAM, None);
    rustix::net::netdevice::name_to_index(socket.ok()?, name).ok()
}

/// The address of the host's end of a tap whose guest has `guest`: the same with a high first byte, so that a bridge
/// never takes its own address from it.
pub fn tap_mac(guest: Mac) -> Mac {
    let first = if guest[0] == 0xfe { 0xfa } else { 0xfe };
    [first, guest[1], guest[2], guest[3], guest[4], guest[5]]
}

/// Whether a name is a pattern with one place for a number (`tap%d`).
pub fn is_template(name: &str) -> bool {
    name.contains("%d") && name.matches('%').count() == 1
}

/// Gives out names of devices that nobody has yet. Numbers are not used again while the daemon runs, so that two
/// starts at once never get the same.
#[derive(Debug, Default)]
pub struct Names {
    next: AtomicU64,
}

/// How many numbers are tried before a pattern is given up.
const ATTEMPTS: usize = 10_000;

impl Names {
    /// The next free name of a pattern with one `%d`; none if it leaves no room for a number or all are taken.
    pub fn next(&self, template: &str) -> Option<String> {
        self.next_where(template, |name| index(name).is_none())
    }

    fn next_where(&self, template: &str, free: impl Fn(&str) -> bool) -> Option<String> {
        let room = MAX_NAME.checked_sub(template.len() - 2).filter(|room| *room > 0)?;
        // Numbers begin again when they no longer fit.
        let limit = 10u64.saturating_pow(u32::try_from(room).ok()?);
        let mut names = (0..ATTEMPTS).map(|_| {
            let number = self.next.fetch_add(1, Ordering::Relaxed) % limit;
            template.replace("%d", &number.to_string())
        });
        names.find(|name| free(name))
    }

    /// Does not give out this number or a smaller one: a device of an earlier daemon has `prefix` and it for a name.
    pub fn adopt(&self, name: &str, prefix: &str) {
        let number = name.strip_prefix(prefix).and_then(|number| number.parse::<u64>().ok());
        // What does not fit into a name cannot be one; a document may say so all the same.
        if let Some(number) = number.filter(|_| name.len() <= MAX_NAME) {
            self.next.fetch_max(number + 1, Ordering::Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hosts_end_has_a_high_address() {
        assert_eq!(tap_mac([0x52, 0x54, 0, 1, 2, 3]), [0xfe, 0x54, 0, 1, 2, 3]);
        assert_eq!(tap_mac([0xfe, 0x54, 0, 1, 2, 3]), [0xfa, 0x54, 0, 1, 2, 3]);
    }

    #[test]
    fn names_are_the_next_free_ones() {
        let names = Names::default();
        let taken = |name: &str| name != "vnet1";
        assert_eq!(names.next_where("vnet%d", taken).as_deref(), Some("vnet0"));
        assert_eq!(names.next_where("vnet%d", taken).as_deref(), Some("vnet2"));
        assert_eq!(names.next_where("tap%dx", taken).as_deref(), Some("tap3x"));
        names.adopt("vnet40", "vnet");
        names.adopt("vnet7", "vnet");
        names.adopt("vnetx", "vnet");
        names.adopt("vnet18446744073709551615", "vnet");
        assert_eq!(names.next_where("vnet%d", taken).as_deref(), Some("vnet41"));
        assert_eq!(names.next_where("abcdefghijklmn%d", |_| true).as_deref(), Some("abcdefghijklmn2"));
        assert_eq!(names.next_where("abcdefghijklmno%d", |_| true), None);
        assert_eq!(names.next_where("vnet%d", |_| false), None);
        assert!(is_template("vnet%d") && !is_template("%d%d") && !is_template("vnet") && !is_template("%s"));
    }

    #[test]
    fn loopback_has_a_number() {
        assert!(index("lo").is_some());
        assert_eq!(index("no-such-device"), None);
        assert_eq!(index("a-name-that-is-too-long"), None);
        assert_eq!(index(""), None);
    }
}
