//! What the rules for definitions and command lines need to know of this host, gathered once.

use std::path::Path;

use host::store;

use crate::capabilities::firmware::descriptors;
use crate::command::{Dirs, Mode, PlanOptions};
use crate::defaults::facts::{HostFacts, HugetlbMount};
use crate::driver::Driver;

impl Driver {
    /// The host's facts.
    pub async fn facts(&self) -> &HostFacts {
        self.facts.get_or_init(|| self.gather()).await
    }

    async fn gather(&self) -> HostFacts {
        let mut facts = HostFacts {
            arch: host::system::architecture(),
            session: !self.paths.is_system(),
            conf: self.config.domain.clone(),
            ..HostFacts::default()
        };
        let read = tokio::task::spawn_blocking(|| (descriptors(), hugetlb_mounts(), numa_nodes())).await;
        match read {
            Ok((firmware, mounts, nodes)) => {
                facts.firmware = firmware;
                facts.hugepages = mounts;
                facts.numa_nodes = nodes;
            }
            Err(error) => tracing::error!(target: "qemu", "the host's facts cannot be read: {error}"),
        }
        facts
    }

    /// The directories of guests.
    pub fn dirs(&self) -> Dirs {
        let text = |path: &Path| path.display().to_string();
        Dirs {
            lib: text(&self.paths.lib_dir),
            run: text(&self.paths.state_dir),
            channel: text(&self.paths.channel_dir()),
            nvram: text(&self.paths.nvram_dir()),
        }
    }

    /// Options of a real start.
    pub fn plan_options(&self, id: i32) -> PlanOptions {
        PlanOptions { mode: Mode::Start, id, ..self.native_options() }
    }

    /// Options of a command line that is only shown.
    pub fn native_options(&self) -> PlanOptions {
        let path = std::env::var("PATH").unwrap_or_else(|_| "/usr/sbin:/usr/bin:/sbin:/bin".to_owned());
        let (now, offset) = host::time::now_and_local_offset();
        PlanOptions::native(self.dirs(), path, now, offset)
    }
}

/// The host's NUMA nodes; none where they cannot be read.
fn numa_nodes() -> Vec<u32> {
    let read = host::topology::read();
    read.map(|topology| topology.cells.iter().map(|cell| cell.id).collect()).unwrap_or_default()
}

/// Mounted hugetlbfs directories (`/proc/mounts`).
fn hugetlb_mounts() -> Vec<HugetlbMount> {
    let read = |path: &str| String::from_utf8(store::read(Path::new(path), 1 << 20).ok()?).ok();
    let mounts = read("/proc/mounts").unwrap_or_default();
    let default_kib = read("/proc/meminfo").and_then(|text| default_page_kib(&text)).unwrap_or(2048);
    let mounts = mounts.lines().filter_map(|line| {
        let mut words = line.split(' ');
        let (path, kind, options) = (words.nth(1)?, words.next()?, words.next()?);
        let kib = options.split(',').find_map(|option| page_kib(option.strip_prefix("pagesize=")?));
        let kib = kib.unwrap_or(default_kib);
        (kind == "hugetlbfs").then(|| HugetlbMount {
            path: path.to_owned(),
            kib,
            default: kib == default_kib,
        })
    });
    mounts.collect()
}

fn default_page_kib(meminfo: &str) -> Option<u64> {
    let line = meminfo.lines().find_map(|line| line.strip_prefix("Hugepagesize:"))?;
    line.split_whitespace().next()?.parse().ok()
}

/// A page size as mount options write it: `2M`, `1024M`, `1G`.
fn page_kib(text: &str) -> Option<u64> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let number: u64 = text[..split].parse().ok()?;
    match &text[split..] {
        "K" => Some(number),
        "M" => number.checked_mul(1 << 10),
        "G" => number.checked_mul(1 << 20),
        "" => Some(number / 1024),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn page_sizes() {
        assert_eq!(page_kib("2M"), Some(2048));
        assert_eq!(page_kib("1G"), Some(1 << 20));
        assert_eq!(page_kib("2097152"), Some(2048));
        assert_eq!(page_kib("x"), None);
        assert_eq!(default_page_kib("MemTotal: 1 kB\nHugepagesize:    2048 kB\n"), Some(2048));
    }
}
