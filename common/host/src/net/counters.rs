//! What network devices have moved, from `/proc/net/dev`: one read for all devices.

use std::collections::HashMap;
use std::path::Path;

use crate::{Result, store};

/// Counters of one direction.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Traffic {
    /// Bytes.
    pub bytes: u64,
    /// Packets.
    pub packets: u64,
    /// Packets with errors.
    pub errors: u64,
    /// Packets dropped.
    pub dropped: u64,
}

/// Counters of a device.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// What it received.
    pub received: Traffic,
    /// What it sent.
    pub sent: Traffic,
}

impl Counters {
    /// As the other end of the wire sees it: what a tap of the host sends, its guest receives.
    pub fn other_end(self) -> Counters {
        Counters { received: self.sent, sent: self.received }
    }
}

/// Counters by the name of the device.
pub type Table = HashMap<String, Counters>;

/// Enough for tens of thousands of devices.
const LIMIT: u64 = 16 << 20;

/// The counters of all devices of this network namespace.
pub fn counters() -> Result<Table> {
    read().map(|text| parse(&text))
}

/// The counters of one device of this network namespace; none if there is no such device.
pub fn counters_of(device: &str) -> Result<Option<Counters>> {
    read().map(|text| find(&text, device))
}

fn read() -> Result<String> {
    let text = store::read(Path::new("/proc/thread-self/net/dev"), LIMIT)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

fn find(text: &str, device: &str) -> Option<Counters> {
    let own = |line: &&str| line.trim_start().strip_prefix(device).is_some_and(|rest| rest.starts_with(':'));
    text.lines().filter(own).filter_map(line).find(|(name, _)| name == device).map(|(_, counters)| counters)
}

/// Reads the kernel's table; lines of another form, such as the two heads, are left out.
fn parse(text: &str) -> Table {
    text.lines().filter_map(line).collect()
}

fn line(line: &str) -> Option<(String, Counters)> {
    // A name may hold a colon itself; figures hold none.
    let (name, figures) = line.rsplit_once(':')?;
    let figures: Vec<u64> =
        figures.split_ascii_whitespace().map_while(|figure| figure.parse().ok()).collect();
    let traffic = |from: &[u64]| {
        let [bytes, packets, errors, dropped, ..] = *from else { return None };
        Some(Traffic { bytes, packets, errors, dropped })
    };
    let counters = Counters { received: traffic(figures.get(..8)?)?, sent: traffic(figures.get(8..)?)? };
    Some((name.trim_start().to_owned(), counters))
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEAD: &str = "Inter-|   Receive                                                |  Transmit\n \
             face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
             lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0\n \
             a:b:       1       2    3    4    5     6          7         8        9      10   11   12   13    14      15         16\n\
             broken: 1 2 3\nnonsense\n";

    #[test]
    fn the_kernels_table_is_read() {
        let table = parse(HEAD);
        assert_eq!(table.len(), 2);
        let received = Traffic { bytes: 1, packets: 2, errors: 3, dropped: 4 };
        let sent = Traffic { bytes: 9, packets: 10, errors: 11, dropped: 12 };
        assert_eq!(table["a:b"], Counters { received, sent });
        assert_eq!(find(HEAD, "a:b"), Some(table["a:b"]));
        assert_eq!(find(HEAD, "a"), None);
        assert_eq!(find(HEAD, "b"), None);
        assert_eq!(table["a:b"].other_end(), Counters { received: sent, sent: received });
    }

    #[test]
    fn this_host_has_a_loopback() {
        assert!(counters().unwrap().contains_key("lo"));
    }
}
