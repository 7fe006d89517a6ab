//! What the rules for definitions and command lines need to know of this host, gathered when they change.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use host::store;
use protocol::Fault;
use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::capabilities::firmware::Installed;
use crate::command::{Dirs, Mode, PlanOptions};
use crate::defaults::facts::{HostFacts, HugetlbMount, QemuConf, Tsc};
use crate::driver::Driver;

/// Facts, and what they were gathered from.
pub(crate) struct Gathered {
    firmware: Arc<Installed>,
    mounts: Arc<str>,
    facts: Arc<HostFacts>,
}

impl Driver {
    /// The host's facts; gathered again when firmware or mounts have changed.
    pub async fn facts(&self) -> Result<Arc<HostFacts>, Fault> {
        let firmware = self.capabilities.firmware().await?;
        let mounts = self.mounts.hugetlb();
        if let Some(known) = &*self.facts.load()
            && Arc::ptr_eq(&known.firmware, &firmware)
            && *known.mounts == *mounts
        {
            return Ok(Arc::clone(&known.facts));
        }
        let facts = Arc::new(self.gather(&firmware, &mounts).await?);
        self.facts.store(Some(Arc::new(Gathered { firmware, mounts, facts: Arc::clone(&facts) })));
        Ok(facts)
    }

    async fn gather(&self, firmware: &Installed, mounts: &str) -> Result<HostFacts, Fault> {
        let tsc = self.capabilities.tsc().await?;
        // A user's daemon may use only what the administrator opened to it, and qemu.conf tells what that is.
        let text = if self.paths.is_system() { mounts.to_owned() } else { String::new() };
        let read = tokio::task::spawn_blocking(move || (hugetlb_mounts(&text), numa_nodes())).await;
        let (mounted, numa_nodes) = read.unwrap_or_default();
        let hugepages = self.config.domain.hugetlbfs.clone().unwrap_or(mounted);
        Ok(HostFacts {
            arch: host::system::architecture(),
            session: !self.paths.is_system(),
            conf: self.conf(firmware),
            firmware: firmware.descriptors.clone(),
            hugepages,
            numa_nodes,
            tsc: tsc.map(|tsc| Tsc { hz: tsc.hz, scaling: tsc.scaling }),
        })
    }

    /// The settings that count here: descriptors of firmware go before `nvram` of qemu.conf, and the directories are
    /// this daemon's own.
    fn conf(&self, firmware: &Installed) -> QemuConf {
        let mut conf = self.config.domain.clone();
        let (dirs, usual) = (self.dirs(), QemuConf::default());
        if !firmware.descriptors.is_empty() && conf.nvram != usual.nvram {
            tracing::warn!(target: "qemu", "'nvram' of qemu.conf does not count: firmware descriptors are installed");
            conf.nvram = usual.nvram;
        }
        if conf.memory_backing_dir == usual.memory_backing_dir {
            conf.memory_backing_dir = format!("{}/ram", dirs.lib);
        }
        (conf.nvram_dir, conf.channel_dir) = (dirs.nvram, dirs.channel);
        conf
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
        let render_nodes = render_nodes(Path::new("/dev/dri"));
        PlanOptions { render_nodes, ..PlanOptions::native(self.dirs(), path, now, offset) }
    }
}

/// Devices that OpenGL can draw on, in the order of their names; a directory of devices keeps nobody waiting.
fn render_nodes(dir: &Path) -> Option<Vec<String>> {
    let entries = std::fs::read_dir(dir).ok()?.flatten();
    let names = entries.map(|entry| entry.file_name().to_string_lossy().into_owned());
    let mut nodes: Vec<_> = names.filter(|name| name.starts_with("renderD")).collect();
    nodes.sort();
    Some(nodes.into_iter().map(|name| dir.join(name).display().to_string()).collect())
}

/// The host's NUMA nodes; none where they cannot be read.
fn numa_nodes() -> Vec<u32> {
    let read = host::topology::read();
    read.map(|topology| topology.cells.iter().map(|cell| cell.id).collect()).unwrap_or_default()
}

/// The host's mounts, read when they have changed: a host with many containers has thousands.
#[derive(Debug, Default)]
pub(crate) struct Mounts(Mutex<Option<Table>>);

#[derive(Debug)]
struct Table {
    /// `/proc/mounts`, which says when there is another one (proc(5)).
    file: File,
    hugetlb: Arc<str>,
}

impl Mounts {
    /// The lines of `/proc/mounts` that count here. The kernel makes them up, so that nothing waits.
    fn hugetlb(&self) -> Arc<str> {
        let mut table = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = table.as_ref().filter(|known| !known.is_old()) {
            return Arc::clone(&known.hugetlb);
        }
        *table = Table::read();
        table.as_ref().map_or_else(Arc::default, |table| Arc::clone(&table.hugetlb))
    }
}

impl Table {
    fn read() -> Option<Self> {
        // What changes from here on is told.
        let mut file = File::open("/proc/thread-self/mounts").ok()?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).ok()?;
        let text = String::from_utf8_lossy(&text);
        let lines: Vec<&str> = text.lines().filter(|line| line.contains(" hugetlbfs ")).collect();
        Some(Self { file, hugetlb: lines.join("\n").into() })
    }

    fn is_old(&self) -> bool {
        let mut polled = [PollFd::new(&self.file, PollFlags::PRI)];
        !matches!(poll(&mut polled, Some(&Timespec::default())), Ok(0))
    }
}

fn read_text(path: &str) -> Option<String> {
    String::from_utf8(store::read(Path::new(path), 1 << 20).ok()?).ok()
}

/// Mounted hugetlbfs directories (`/proc/mounts`).
fn hugetlb_mounts(mounts: &str) -> Vec<HugetlbMount> {
    let default_kib = read_text("/proc/meminfo").and_then(|text| default_page_kib(&text)).unwrap_or(2048);
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
    fn mounts_are_read_again_only_when_they_change() {
        let table = Table::read().unwrap();
        assert!(table.hugetlb.lines().all(|line| line.contains(" hugetlbfs ")));
        // In a namespace of its own, where nobody else mounts.
        let user = nix::unistd::Uid::effective();
        if !user.is_root() {
            println!("not run: mounts_are_read_again_only_when_they_change: only root may mount");
            return;
        }
        std::thread::spawn(|| {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNS).unwrap();
            let private = nix::mount::MsFlags::MS_REC | nix::mount::MsFlags::MS_PRIVATE;
            let none: Option<&str> = None;
            nix::mount::mount(none, "/", none, private, none).unwrap();
            let table = Table::read().unwrap();
            assert!(!table.is_old());
            let dir = tempfile::tempdir().unwrap();
            nix::mount::mount(Some("none"), dir.path(), Some("tmpfs"), nix::mount::MsFlags::empty(), none)
                .unwrap();
            assert!(table.is_old());
            nix::mount::umount(dir.path()).unwrap();
        })
        .join()
        .unwrap();
    }

    #[test]
    fn page_sizes() {
        assert_eq!(page_kib("2M"), Some(2048));
        assert_eq!(page_kib("1G"), Some(1 << 20));
        assert_eq!(page_kib("2097152"), Some(2048));
        assert_eq!(page_kib("x"), None);
        assert_eq!(default_page_kib("MemTotal: 1 kB\nHugepagesize:    2048 kB\n"), Some(2048));
    }
}
