//! Control groups of machines, in libvirt's layout, on version 1, version 2, or both at once.
//!
//! A machine has a group PARTITION/MACHINE.libvirt-DRIVER in the hierarchy of every controller, and below it, in
//! those that count CPU time, one group for the emulator's own threads and one for each vcpu and iothread.
//! Reads and writes are single system calls on kernel files; creating and removing groups may wait for the
//! kernel: use the blocking pool.

mod bpf;
mod detect;
mod figures;
mod io;
mod name;
mod remove;

use std::fs::DirBuilder;
use std::io::ErrorKind;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

pub use figures::{CpuSplit, DeviceRule};
pub use io::Throttle;
pub use name::{DEFAULT_PARTITION, machine_name, scope_name, slice_name};

use crate::{Error, Result};
use detect::{Hierarchies, Hierarchy};

/// What a hierarchy can account for or limit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Controller {
    /// Shares and bandwidth of CPU time.
    Cpu,
    /// Used CPU time.
    CpuAcct,
    /// Which CPUs and NUMA cells.
    CpuSet,
    /// Memory and swap.
    Memory,
    /// Which devices. In version 2 no controller of the kernel's, but programs of ours.
    Devices,
    /// Stopping all processes at once.
    Freezer,
    /// Disk bandwidth.
    Blkio,
}

impl Controller {
    const ALL: [Controller; 7] = [
        Controller::Cpu,
        Controller::CpuAcct,
        Controller::CpuSet,
        Controller::Memory,
        Controller::Devices,
        Controller::Freezer,
        Controller::Blkio,
    ];

    /// The kernel's name in version 1.
    pub fn name(self) -> &'static str {
        match self {
            Controller::Cpu => "cpu",
            Controller::CpuAcct => "cpuacct",
            Controller::CpuSet => "cpuset",
            Controller::Memory => "memory",
            Controller::Devices => "devices",
            Controller::Freezer => "freezer",
            Controller::Blkio => "blkio",
        }
    }

    /// The controller with this name of the kernel's or of qemu.conf's.
    pub fn from_name(name: &str) -> Option<Controller> {
        Controller::ALL.into_iter().find(|controller| controller.name() == name)
    }

    /// Whether threads of one process may be in different groups, so that a machine's subgroups exist there.
    fn is_threaded(self) -> bool {
        matches!(self, Controller::Cpu | Controller::CpuAcct | Controller::CpuSet)
    }
}

/// The hierarchies of this host. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Cgroups {
    hierarchies: Arc<Hierarchies>,
}

/// One group, in every hierarchy. Plain data: it need not exist.
#[derive(Debug, Clone)]
pub struct Group {
    places: Vec<Place>,
    /// A subgroup for threads.
    threaded: bool,
}

/// A group's directory in one hierarchy.
#[derive(Debug, Clone)]
struct Place {
    hierarchy: Hierarchy,
    dir: PathBuf,
    /// Systemd's scope around the group: it has the weights against what stands beside it.
    scope: Option<PathBuf>,
}

impl Place {
    /// What stands beside other machines: the scope, or the group itself.
    fn outermost(&self) -> &Path {
        self.scope.as_deref().unwrap_or(&self.dir)
    }
}

/// The group in a scope of systemd that everything of a machine is in: the scope itself is systemd's.
const IN_SCOPE: &str = "libvirt";

impl Cgroups {
    /// Finds the hierarchies. [`Error::Unavailable`] if there are none, or if we are not user 0 and so may not
    /// make groups in them (session mode).
    pub fn detect() -> Result<Cgroups> {
        if !rustix::process::geteuid().is_root() {
            return Err(unavailable("control groups", "the daemon does not run as root"));
        }
        Cgroups::of(Hierarchies::read()?)
    }

    fn of(hierarchies: Hierarchies) -> Result<Cgroups> {
        if hierarchies.list.is_empty() {
            return Err(unavailable("control groups", "no hierarchy with a usable controller is mounted"));
        }
        Ok(Cgroups { hierarchies: Arc::new(hierarchies) })
    }

    /// The same without controllers that are not to be used.
    pub fn only(&self, wanted: &[Controller]) -> Result<Cgroups> {
        let mut hierarchies = Hierarchies::clone(&self.hierarchies);
        for hierarchy in &mut hierarchies.list {
            hierarchy.controllers.retain(|controller| wanted.contains(controller));
        }
        hierarchies.list.retain(|hierarchy| !hierarchy.controllers.is_empty());
        Cgroups::of(hierarchies)
    }

    /// Whether some hierarchy has this controller.
    pub fn has(&self, controller: Controller) -> bool {
        self.hierarchies.list.iter().any(|hierarchy| hierarchy.controllers.contains(&controller))
    }

    /// Whether CPU time is shared by version 2.
    pub fn is_unified(&self) -> bool {
        self.hierarchies.list.iter().any(|hierarchy| hierarchy.unified)
    }

    /// The group of a machine ([`machine_name`]) of a driver ("qemu") in a partition ("/machine"). The default
    /// partition need not exist yet, any other must.
    pub fn machine(&self, partition: &str, driver: &str, machine: &str) -> Result<Group> {
        let path = name::partition_path(partition)?;
        let leaf = name::escape(&format!("{machine}.libvirt-{driver}"));
        if leaf.contains('/') {
            return Err(Error::Name { name: machine.to_owned() });
        }
        let mut places = Vec::new();
        for hierarchy in &self.hierarchies.list {
            let parent = hierarchy.mount.join(&path);
            if partition != DEFAULT_PARTITION && !parent.is_dir() {
                return Err(Error::file("find the partition", &parent)(ErrorKind::NotFound.into()));
            }
            places.push(Place { hierarchy: hierarchy.clone(), dir: parent.join(&leaf), scope: None });
        }
        Ok(Group { places, threaded: false })
    }

    /// The group of a machine in the scope that systemd-machined makes for it in a partition's slice.
    pub fn in_scope(&self, partition: &str, machine: &str) -> Group {
        let path = name::slice_path(&slice_name(partition)).join(scope_name(machine));
        self.hierarchies.group_in(&path)
    }

    /// The group of a machine in the scope that systemd has put its process in, wherever that is. None if systemd has
    /// put it nowhere.
    pub fn scope_of(&self, pid: i32) -> Result<Option<Group>> {
        let path = Path::new("/proc").join(pid.to_string()).join("cgroup");
        let Some(text) = crate::kernel::text_if_any(&path)? else { return Ok(None) };
        Ok(detect::systemd_path(&text).map(|path| self.hierarchies.group_in(path)))
    }

    /// The machine group that a process is in, whoever made it (a daemon of before, systemd-machined): None if
    /// it is in no group of that machine.
    pub fn of_process(&self, pid: i32, driver: &str, machine: &str) -> Result<Option<Group>> {
        let path = Path::new("/proc").join(pid.to_string()).join("cgroup");
        let Some(text) = crate::kernel::text_if_any(&path)? else { return Ok(None) };
        let leaves = [name::escape(&format!("{machine}.libvirt-{driver}")), scope_name(machine)];
        Ok(self.hierarchies.group_of(&text, &leaves))
    }
}

impl Group {
    /// Makes the group in every hierarchy, with what the kernel demands of it before a process can join. What
    /// exists stays. On an error nothing is undone; [`Group::remove`] does that.
    pub fn create(&self) -> Result<()> {
        for place in &self.places {
            self.create_in(place)?;
        }
        Ok(())
    }

    /// Moves the process that systemd has put into the scope around this group into the group itself: version 2 lets
    /// no process be where controllers are handed down.
    pub fn take_from_scope(&self, pid: i32) -> Result<()> {
        for place in self.places.iter().filter(|place| place.hierarchy.unified) {
            if place.scope.is_some() {
                make_dir(&place.dir)?;
                write(&place.dir.join("cgroup.procs"), &pid.to_string())?;
            }
        }
        Ok(())
    }

    /// Whether the group is there in all its hierarchies.
    pub fn exists(&self) -> bool {
        self.places.iter().all(|place| place.dir.is_dir())
    }

    /// The subgroup "emulator", "vcpu0", "iothread1": for threads, and only in the hierarchies that can separate
    /// them.
    pub fn sub(&self, name: &str) -> Group {
        let separates = |place: &&Place| place.hierarchy.controllers.iter().any(|c| c.is_threaded());
        let below = |place: &Place| Place { dir: place.dir.join(name), ..place.clone() };
        let places = self.places.iter().filter(separates).map(below).collect();
        Group { places, threaded: true }
    }

    /// The files by which a new process enters the machine: for [`crate::process::Plan::cgroups`]. It enters the
    /// subgroup where there is one, else the machine's own group. In version 1 it moves its one thread: unlike moving a
    /// process, that waits for no grace period of the kernel's, some ten milliseconds.
    pub fn entry_files(&self, sub: &Group) -> Vec<PathBuf> {
        let entry = |place: &Place| {
            let inner = sub.places.iter().find(|inner| inner.hierarchy.mount == place.hierarchy.mount);
            let file = if place.hierarchy.unified { "cgroup.procs" } else { "tasks" };
            inner.unwrap_or(place).dir.join(file)
        };
        self.places.iter().map(entry).collect()
    }

    /// Moves a process of one thread into the machine as [`Group::entry_files`] says: one that waits before its program.
    pub fn admit(&self, sub: &Group, pid: i32) -> Result<()> {
        self.entry_files(sub).iter().try_for_each(|file| write(file, &pid.to_string()))
    }

    /// Moves a running process with all its threads into the group.
    pub fn add_process(&self, pid: i32) -> Result<()> {
        self.places.iter().try_for_each(|place| write(&place.dir.join("cgroup.procs"), &pid.to_string()))
    }

    /// Moves one thread into a subgroup of the group that its process is in.
    pub fn add_thread(&self, tid: i32) -> Result<()> {
        let file = |place: &Place| if place.hierarchy.unified { "cgroup.threads" } else { "tasks" };
        self.places.iter().try_for_each(|place| write(&place.dir.join(file(place)), &tid.to_string()))
    }

    /// Numbers of the processes in the group and below it.
    pub fn processes(&self) -> Result<Vec<i32>> {
        let mut all = Vec::new();
        for place in &self.places {
            remove::members(&place.dir, &mut all)?;
        }
        all.sort_unstable();
        all.dedup();
        Ok(all)
    }

    fn place(&self, controller: Controller) -> Result<&Place> {
        let found = self.places.iter().find(|place| place.hierarchy.controllers.contains(&controller));
        found.ok_or_else(|| unavailable(controller.name(), "no hierarchy has this controller for the group"))
    }

    fn create_in(&self, place: &Place) -> Result<()> {
        let mount = &place.hierarchy.mount;
        let below = place.dir.strip_prefix(mount).unwrap_or(Path::new(""));
        let mut dir = mount.clone();
        let count = below.components().count();
        for (at, part) in below.components().enumerate() {
            let parent = dir.clone();
            dir.push(part);
            let last = at + 1 == count;
            let threaded = self.threaded && last;
            if place.hierarchy.unified && !threaded {
                enable(&parent, &place.hierarchy.controllers, false)?;
            }
            let made = make_dir(&dir)?;
            if made && place.hierarchy.controllers.contains(&Controller::CpuSet) && !place.hierarchy.unified {
                inherit_cpuset(&parent, &dir)?;
            }
            if place.hierarchy.unified && threaded {
                write(&dir.join("cgroup.type"), "threaded")?;
                enable(&parent, &place.hierarchy.controllers, true)?;
            }
        }
        Ok(())
    }
}

/// Makes controllers available to the groups below `parent` (version 2): all that are available there, or only
/// those that can separate threads.
fn enable(parent: &Path, controllers: &[Controller], threads_only: bool) -> Result<()> {
    let path = parent.join("cgroup.controllers");
    let available = crate::kernel::text(&path)?;
    let enabled = crate::kernel::text(&parent.join("cgroup.subtree_control"))?;
    for word in available.split_ascii_whitespace() {
        let wanted = controllers
            .iter()
            .any(|c| detect::name_v2(*c) == Some(word) && (!threads_only || c.is_threaded()));
        if wanted && !enabled.split_ascii_whitespace().any(|name| name == word) {
            write(&parent.join("cgroup.subtree_control"), &format!("+{word}"))?;
        }
    }
    Ok(())
}

/// A new group of version 1 has no CPUs and no memory, and no process can join until it has.
fn inherit_cpuset(parent: &Path, dir: &Path) -> Result<()> {
    for file in ["cpuset.cpus", "cpuset.mems"] {
        write(&dir.join(file), crate::kernel::text(&parent.join(file))?.trim())?;
    }
    // Memory follows when the nodes change, as libvirt has it.
    write(&dir.join("cpuset.memory_migrate"), "1")
}

fn make_dir(dir: &Path) -> Result<bool> {
    match DirBuilder::new().mode(0o755).create(dir) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(false),
        Err(error) => Err(Error::file("create the control group", dir)(error)),
    }
}

fn write(path: &Path, text: &str) -> Result<()> {
    use std::io::Write;
    // Never created: a missing file means that the kernel does not offer it.
    let file = std::fs::OpenOptions::new().write(true).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes())).map_err(Error::file("write", path))
}

fn unavailable(what: &str, reason: &str) -> Error {
    Error::Unavailable { what: what.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests;
