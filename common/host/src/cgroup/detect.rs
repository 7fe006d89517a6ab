//! Which hierarchies are mounted, and where in them a process is.

use std::path::{Path, PathBuf};

use super::{Controller, Group, IN_SCOPE, Place, bpf};
use crate::{Result, kernel};

/// The hierarchies in use, each with at least one controller that no other has.
#[derive(Debug, Clone, Default)]
pub(super) struct Hierarchies {
    pub(super) list: Vec<Hierarchy>,
}

/// A mounted hierarchy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hierarchy {
    /// Where it is mounted.
    pub(super) mount: PathBuf,
    /// Which group of the hierarchy is seen at the mount point: "/" but in a container.
    root: PathBuf,
    /// Version 2.
    pub(super) unified: bool,
    /// What it is used for.
    pub(super) controllers: Vec<Controller>,
}

/// The kernel's name of a controller in version 2, where it is one. CPU time is accounted for by "cpu" there;
/// freezing is built in; devices are a matter of BPF programs.
pub(super) fn name_v2(controller: Controller) -> Option<&'static str> {
    match controller {
        Controller::Cpu | Controller::CpuAcct => Some("cpu"),
        Controller::CpuSet => Some("cpuset"),
        Controller::Memory => Some("memory"),
        Controller::Blkio => Some("io"),
        Controller::Devices | Controller::Freezer => None,
    }
}

impl Hierarchies {
    pub(super) fn read() -> Result<Hierarchies> {
        let text = kernel::text(Path::new("/proc/self/mountinfo"))?;
        let mut found = Hierarchies::parse(&text, |mount| {
            kernel::text(&mount.join("cgroup.controllers")).unwrap_or_default()
        });
        let taken = found.list.iter().any(|hierarchy| hierarchy.controllers.contains(&Controller::Devices));
        if !taken
            && let Some(unified) = found.list.iter_mut().find(|hierarchy| hierarchy.unified)
            && bpf::is_available()
        {
            unified.controllers.push(Controller::Devices);
        }
        Ok(found)
    }

    /// From a mountinfo table (proc(5)); `available` tells the controllers of a version 2 mount.
    pub(super) fn parse(mountinfo: &str, available: impl Fn(&Path) -> String) -> Hierarchies {
        let mut found = Hierarchies::default();
        let mounts: Vec<Mount> = mountinfo.lines().filter_map(Mount::parse).collect();
        // A controller is in one hierarchy only; version 1 first, because there it is bound to the mount.
        for mount in mounts.iter().filter(|mount| mount.kind == "cgroup") {
            let has =
                |controller: &Controller| mount.options.split(',').any(|word| word == controller.name());
            found.add(mount, false, Controller::ALL.into_iter().filter(has).collect());
        }
        for mount in mounts.iter().filter(|mount| mount.kind == "cgroup2").take(1) {
            let words = available(&mount.point);
            let offers = |name: &str| words.split_ascii_whitespace().any(|word| word == name);
            let has = |controller: &Controller| name_v2(*controller).is_some_and(offers);
            let mut controllers: Vec<_> = Controller::ALL.into_iter().filter(has).collect();
            // Beside others, a hierarchy without controllers is there only for systemd's bookkeeping.
            if !controllers.is_empty() || found.list.is_empty() {
                controllers.push(Controller::Freezer);
            }
            found.add(mount, true, controllers);
        }
        found
    }

    fn add(&mut self, mount: &Mount, unified: bool, controllers: Vec<Controller>) {
        let taken = |c: &Controller| self.list.iter().any(|hierarchy| hierarchy.controllers.contains(c));
        let controllers: Vec<_> = controllers.into_iter().filter(|c| !taken(c)).collect();
        if !controllers.is_empty() {
            let (mount, root) = (mount.point.clone(), mount.root.clone());
            self.list.push(Hierarchy { mount, root, unified, controllers });
        }
    }

    /// The group with one of the names `leaves` that a `/proc/PID/cgroup` text tells, in the hierarchies where
    /// the process is in one.
    pub(super) fn group_of(&self, text: &str, leaves: &[String]) -> Option<Group> {
        let mut places = Vec::new();
        for hierarchy in &self.list {
            let Some(path) = hierarchy.path_of(text) else { continue };
            let is_leaf =
                |part: &Path| part.file_name().is_some_and(|n| leaves.iter().any(|leaf| n == leaf.as_str()));
            let Some(machine) = path.ancestors().find(|part| is_leaf(part)) else { continue };
            let dir = hierarchy.dir_of(machine);
            places.push(match path.strip_prefix(machine).is_ok_and(|rest| rest.starts_with(IN_SCOPE)) {
                true => hierarchy.in_scope(dir),
                false => Place { hierarchy: hierarchy.clone(), dir, scope: None },
            });
        }
        (!places.is_empty()).then_some(Group { places, threaded: false })
    }

    /// The group in a scope, in every hierarchy.
    pub(super) fn group_in(&self, scope: &Path) -> Group {
        let places = self.list.iter().map(|hierarchy| hierarchy.in_scope(hierarchy.dir_of(scope)));
        Group { places: places.collect(), threaded: false }
    }
}

/// Where systemd has put a process (a `/proc/PID/cgroup` text): in its own hierarchy, or in that of version 2.
pub(super) fn systemd_path(text: &str) -> Option<&Path> {
    let path = |prefix: &str| {
        let mut lines = text.lines().filter_map(|line| line.split_once(':').map(|(_, rest)| rest));
        let path = lines.find_map(|rest| rest.strip_prefix(prefix))?;
        (path != "/" && path.starts_with('/') && !path.contains("..")).then_some(Path::new(path))
    };
    path("name=systemd:").or_else(|| path(":"))
}

impl Hierarchy {
    /// The path in a `/proc/PID/cgroup` text: lines "ID:CONTROLLERS:PATH", no controllers for version 2.
    pub(super) fn path_of<'a>(&self, text: &'a str) -> Option<&'a Path> {
        text.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':');
            let (id, controllers, path) = (fields.next()?, fields.next()?, fields.next()?);
            let this = match self.unified {
                true => id == "0" && controllers.is_empty(),
                false => controllers.split(',').any(|name| self.controllers.iter().any(|c| c.name() == name)),
            };
            (this && !path.contains("..")).then_some(Path::new(path))
        })
    }

    /// The directory of a path of `/proc/PID/cgroup`.
    fn dir_of(&self, path: &Path) -> PathBuf {
        let below = path.strip_prefix(&self.root).unwrap_or(path);
        self.mount.join(below.strip_prefix("/").unwrap_or(below))
    }

    fn in_scope(&self, scope: PathBuf) -> Place {
        Place { hierarchy: self.clone(), dir: scope.join(IN_SCOPE), scope: Some(scope) }
    }

    /// How `/proc/PID/cgroup` calls the group in a directory below the mount point.
    pub(super) fn path_in(&self, dir: &Path) -> PathBuf {
        self.root.join(dir.strip_prefix(&self.mount).unwrap_or(dir))
    }
}

/// A line of mountinfo.
#[derive(Debug)]
struct Mount<'a> {
    root: PathBuf,
    point: PathBuf,
    kind: &'a str,
    options: &'a str,
}

impl<'a> Mount<'a> {
    /// `ID PARENT MAJ:MIN ROOT POINT OPTIONS [TAGS] - TYPE SOURCE SUPER-OPTIONS`
    fn parse(line: &'a str) -> Option<Mount<'a>> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let mut right = right.split(' ');
        Some(Mount {
            root: kernel::unescape(left.next()?),
            point: kernel::unescape(left.next()?),
            kind: right.next()?,
            options: right.nth(1)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V1: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
        32 31 0:29 / /sys/fs/cgroup/cpu,cpuacct rw,nosuid shared:9 - cgroup cgroup rw,cpu,cpuacct\n\
        33 31 0:30 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n\
        34 31 0:31 / /sys/fs/cgroup/systemd rw - cgroup cgroup rw,name=systemd\n";
    const V2: &str = "41 31 0:38 / /sys/fs/cgroup/un\\040ified rw - cgroup2 cgroup2 rw\n";

    fn found(text: &str, available: &str) -> Vec<(String, bool, Vec<Controller>)> {
        let hierarchies = Hierarchies::parse(text, |_| available.to_owned());
        let tell = |h: Hierarchy| (h.mount.to_str().unwrap().to_owned(), h.unified, h.controllers);
        hierarchies.list.into_iter().map(tell).collect()
    }

    #[test]
    fn version_1_by_mount_options() {
        use Controller::{Cpu, CpuAcct, Memory};
        let expect = [
            ("/sys/fs/cgroup/cpu,cpuacct".to_owned(), false, vec![Cpu, CpuAcct]),
            ("/sys/fs/cgroup/memory".to_owned(), false, vec![Memory]),
        ];
        assert_eq!(found(V1, ""), expect);
        // A unified mount without controllers is passed over.
        assert_eq!(found(&format!("{V2}{V1}"), "hugetlb"), expect);
    }

    #[test]
    fn version_2_by_its_controllers() {
        use Controller::{Blkio, Cpu, CpuAcct, Freezer};
        let expect = vec![("/sys/fs/cgroup/un ified".to_owned(), true, vec![Cpu, CpuAcct, Blkio, Freezer])];
        assert_eq!(found(V2, "cpu io pids\n"), expect);
    }

    #[test]
    fn hybrid_gives_each_controller_one_place() {
        use Controller::{CpuSet, Freezer};
        let both = found(&format!("{V2}{V1}"), "cpuset memory");
        assert_eq!(both[2], ("/sys/fs/cgroup/un ified".to_owned(), true, vec![CpuSet, Freezer]));
        assert_eq!(both.len(), 3);
    }

    #[test]
    fn nonsense_is_passed_over() {
        assert_eq!(found("a\nb - c\n1 2 3 4 5 - cgroup\n\\9 - - -\n", "cpu"), []);
        assert_eq!(kernel::unescape("a\\04"), Path::new("a\\04"));
    }

    fn machine_of(text: &str, mountinfo: &str) -> Option<Group> {
        let leaves = ["qemu-1-a.libvirt-qemu".to_owned(), super::super::scope_name("qemu-1-a")];
        Hierarchies::parse(mountinfo, |_| "cpu memory".to_owned()).group_of(text, &leaves)
    }

    #[test]
    fn group_of_a_process_is_its_machines() {
        let text = "2:cpu,cpuacct:/machine/qemu-1-a.libvirt-qemu/emulator\n1:memory:/machine/qemu-1-a.libvirt-qemu\n";
        let group = machine_of(text, V1).unwrap();
        let dirs: Vec<_> = group.places.iter().map(|place| place.dir.to_str().unwrap()).collect();
        assert_eq!(
            dirs,
            [
                "/sys/fs/cgroup/cpu,cpuacct/machine/qemu-1-a.libvirt-qemu",
                "/sys/fs/cgroup/memory/machine/qemu-1-a.libvirt-qemu"
            ]
        );
        assert!(machine_of("2:cpu,cpuacct:/machine/qemu-1-b.libvirt-qemu\n1:memory:/\n", V1).is_none());
    }

    #[test]
    fn group_in_a_scope_has_its_subgroups_inside() {
        let scope = "/machine.slice/machine-qemu\\x2d1\\x2da.scope";
        let group = machine_of(&format!("0::{scope}/libvirt/emulator\n"), V2).unwrap();
        assert_eq!(group.places[0].dir, Path::new(&format!("/sys/fs/cgroup/un ified{scope}/libvirt")));
        assert_eq!(group.places[0].scope, Some(format!("/sys/fs/cgroup/un ified{scope}").into()));
        let vcpu = group.sub("vcpu0");
        assert_eq!(vcpu.places[0].dir, Path::new(&format!("/sys/fs/cgroup/un ified{scope}/libvirt/vcpu0")));
    }

    #[test]
    fn where_systemd_has_put_a_process() {
        let both = "9:name=systemd:/a.slice/b.scope\n3:cpuset:/\n0::/c.slice/d.scope\n";
        assert_eq!(systemd_path(both), Some(Path::new("/a.slice/b.scope")));
        assert_eq!(
            systemd_path("9:name=systemd:/\n0::/c.slice/d.scope\n"),
            Some(Path::new("/c.slice/d.scope"))
        );
        assert_eq!(systemd_path("3:cpuset:/x\n0::/\n"), None);
        assert_eq!(systemd_path("0::/a/../b\n"), None);
        let group = Hierarchies::parse(V1, |_| String::new()).group_in(Path::new("/a.slice/b.scope"));
        assert_eq!(group.places[1].dir, Path::new("/sys/fs/cgroup/memory/a.slice/b.scope/libvirt"));
    }

    #[test]
    fn a_containers_mount_shows_part_of_the_hierarchy() {
        let mount = "9 8 0:1 /box /cg rw - cgroup2 cgroup2 rw\n";
        let group = machine_of("0::/box/machine/qemu-1-a.libvirt-qemu\n", mount).unwrap();
        assert_eq!(group.places[0].dir, Path::new("/cg/machine/qemu-1-a.libvirt-qemu"));
    }
}
