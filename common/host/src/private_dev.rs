//! A `/dev` of a process's own, with nothing in it but the devices that it is to use.
//!
//! It is built as a detached mount, which has no place in any tree of files: it needs no folder on the host, nobody
//! else sees it, and it is gone with the last descriptor, so also when the daemon is killed on the way. The new
//! process puts it in place in a mount namespace of its own ([`crate::process::Plan::mounts`]).

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, Stat, Uid, XattrFlags, chmodat, chownat, getxattr, lstat, makedev,
    mkdirat, mknodat, setxattr, symlinkat,
};
use rustix::io::Errno;
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, MountPropagationFlags, MoveMountFlags, OpenTreeFlags,
    fsconfig_create, fsconfig_set_string, fsmount, fsopen, mount_change, move_mount, open_tree,
};
use rustix::thread::{UnshareFlags, unshare_unsafe};

use crate::label::Owner;
use crate::{Error, Result, kernel};

/// The directory that is replaced.
const DEV: &str = "/dev";
/// Names hold devices only: room for a thousand of them and their directories.
const SIZE: &str = "64k";
/// Links that are followed from one to the next (path_resolution(7)).
const MAX_LINKS: u32 = 40;
/// The attribute with a device's access list, which lets the user at the screen use it.
const ACCESS_LIST: &str = "system.posix_acl_access";

/// The directory being filled, and what is mounted below it on the host, which stays.
#[derive(Debug)]
pub struct PrivateDev {
    root: OwnedFd,
    /// Mount points below `/dev` with copies of what is there.
    kept: Vec<(PathBuf, OwnedFd)>,
}

/// Whether this process may make such directories: the kernel and whatever confines us decide. Blocks for a moment.
pub fn is_available() -> bool {
    // The namespace is of the thread and goes with it.
    let tried = std::thread::Builder::new().name("namespace".to_owned()).spawn(try_it);
    let tried = tried.map_err(Error::system("start a thread")).map(std::thread::JoinHandle::join);
    match tried {
        Ok(Ok(Ok(()))) => true,
        Ok(Ok(Err(_)) | Err(_)) | Err(_) => false,
    }
}

fn try_it() -> io::Result<()> {
    // SAFETY: a mount namespace and the directories of this thread alone change; descriptors stay shared.
    unsafe { unshare_unsafe(UnshareFlags::NEWNS)? };
    mount_change("/", MountPropagationFlags::DOWNSTREAM | MountPropagationFlags::REC)?;
    let root = detached()?;
    open_tree(CWD, "/", OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC)?;
    Ok(move_mount(root, "", CWD, DEV, MoveMountFlags::MOVE_MOUNT_F_EMPTY_PATH)?)
}

impl PrivateDev {
    /// An empty one. What is mounted below `/dev` now (terminals, shared memory, huge pages) stays in it. Blocks.
    pub fn new() -> Result<PrivateDev> {
        let dev = Path::new(DEV);
        let root = detached().map_err(Error::file("make a private", dev))?;
        let mut private = PrivateDev { root, kept: Vec::new() };
        for point in mount_points()? {
            private.keep(&point)?;
        }
        Ok(private)
    }

    /// Adds what a path leads to: a device with the host's mode, and the host's owner unless another is named. Links on
    /// the way are made as well. What is not below `/dev`, and what is not there, needs nothing. Blocks.
    pub fn add(&mut self, path: &Path, owner: Option<Owner>) -> Result<()> {
        let mut links = 0;
        let mut rest = path.to_path_buf();
        while let Some((link, next)) = self.walk(&rest, owner)? {
            links += 1;
            if links > MAX_LINKS {
                return Err(Error::file("follow", path)(Errno::LOOP.into()));
            }
            if self.is_ours(&link) {
                let target = std::fs::read_link(&link).map_err(Error::file("read the link", &link))?;
                let below = self.parents(&link)?;
                done_or_there(symlinkat(target, &self.root, &below), "link", &link)?;
            }
            rest = next;
        }
        Ok(())
    }

    /// Whether a path leads to a device that has a node of its own here, so that its owner here is not the host's.
    /// Blocks.
    pub fn has_own_node(&self, path: &Path) -> bool {
        let Ok(real) = path.canonicalize() else { return false };
        self.is_ours(&real) && lstat(&real).is_ok_and(|stat| is_device(&stat))
    }

    /// The mounts to be put in place, in this order.
    pub fn into_mounts(self) -> Vec<(OwnedFd, PathBuf)> {
        let kept = self.kept.into_iter().map(|(path, fd)| (fd, path));
        [(self.root, PathBuf::from(DEV))].into_iter().chain(kept).collect()
    }

    /// Goes along a path to its end, which it adds; or to the first link: the link and the path behind it.
    fn walk(&mut self, path: &Path, owner: Option<Owner>) -> Result<Option<(PathBuf, PathBuf)>> {
        let mut at = PathBuf::from("/");
        let mut parts = path.components();
        while let Some(part) = parts.next() {
            match part {
                Component::Normal(name) => at.push(name),
                Component::ParentDir => {
                    at.pop();
                }
                Component::RootDir | Component::CurDir | Component::Prefix(_) => continue,
            }
            let stat = match lstat(&at) {
                Ok(stat) => stat,
                Err(Errno::NOENT | Errno::NOTDIR) => return Ok(None),
                Err(error) => return Err(Error::file("look at", &at)(error.into())),
            };
            if FileType::from_raw_mode(stat.st_mode) == FileType::Symlink {
                let target = std::fs::read_link(&at).map_err(Error::file("read the link", &at))?;
                let next = at.parent().unwrap_or(Path::new("/")).join(target).join(parts.as_path());
                return Ok(Some((at, next)));
            }
            if parts.as_path().as_os_str().is_empty() && self.is_ours(&at) {
                self.add_end(&at, &stat, owner)?;
            }
        }
        Ok(None)
    }

    fn add_end(&mut self, path: &Path, stat: &Stat, owner: Option<Owner>) -> Result<()> {
        if is_device(stat) { self.node(path, stat, owner) } else { self.keep(path) }
    }

    /// A device.
    fn node(&self, path: &Path, stat: &Stat, owner: Option<Owner>) -> Result<()> {
        let below = self.parents(path)?;
        let mode = Mode::from_raw_mode(stat.st_mode);
        let device = makedev(rustix::fs::major(stat.st_rdev), rustix::fs::minor(stat.st_rdev));
        let made = mknodat(&self.root, &below, FileType::from_raw_mode(stat.st_mode), mode, device);
        done_or_there(made, "make", path)?;
        let owner = owner.unwrap_or(Owner { uid: stat.st_uid, gid: stat.st_gid });
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        chownat(&self.root, &below, Some(uid), Some(gid), AtFlags::SYMLINK_NOFOLLOW)
            .map_err(|error| Error::file("set the owner of", path)(error.into()))?;
        // Our file mode mask has no say.
        chmodat(&self.root, &below, mode, AtFlags::empty())
            .map_err(|error| Error::file("set the mode of", path)(error.into()))?;
        let mut list = [0u8; 1024];
        if let Ok(length) = getxattr(path, ACCESS_LIST, &mut list[..]) {
            let copy = Path::new("/proc/self/fd").join(self.root.as_raw_fd().to_string()).join(&below);
            // A kernel without lists in memory has none to miss.
            let _ = setxattr(copy, ACCESS_LIST, list.get(..length).unwrap_or_default(), XattrFlags::empty());
        }
        Ok(())
    }

    /// What is no device of its own, as the host has it.
    fn keep(&mut self, path: &Path) -> Result<()> {
        let flags = OpenTreeFlags::OPEN_TREE_CLONE | OpenTreeFlags::OPEN_TREE_CLOEXEC;
        let tree = match open_tree(CWD, path, flags | OpenTreeFlags::AT_RECURSIVE) {
            Ok(tree) => tree,
            // The mount point is hidden by a later mount, or went meanwhile.
            Err(Errno::NOENT) => return Ok(()),
            Err(error) => return Err(Error::file("copy the mount", path)(error.into())),
        };
        let below = self.parents(path)?;
        let stat = rustix::fs::fstat(&tree).map_err(|error| Error::file("look at", path)(error.into()))?;
        let place = match FileType::from_raw_mode(stat.st_mode) {
            FileType::Directory => mkdirat(&self.root, &below, Mode::from_raw_mode(0o755)),
            _ => mknodat(&self.root, &below, FileType::RegularFile, Mode::RUSR, 0),
        };
        done_or_there(place, "make", path)?;
        self.kept.push((path.to_path_buf(), tree));
        Ok(())
    }

    /// Makes the directories above a path; answers the path below `/dev`.
    fn parents(&self, path: &Path) -> Result<PathBuf> {
        let below = path.strip_prefix(DEV).unwrap_or(path).to_path_buf();
        let above: Vec<&Path> = below.ancestors().skip(1).filter(|dir| !dir.as_os_str().is_empty()).collect();
        for dir in above.into_iter().rev() {
            done_or_there(mkdirat(&self.root, dir, Mode::from_raw_mode(0o755)), "make", dir)?;
        }
        Ok(below)
    }

    /// Whether what is at a path is made by us: it is below `/dev`, and not below what is mounted there.
    fn is_ours(&self, path: &Path) -> bool {
        let below = path.starts_with(DEV) && path != Path::new(DEV);
        below && !self.kept.iter().any(|(point, _)| path.starts_with(point))
    }
}

/// An empty file system in memory.
fn detached() -> io::Result<OwnedFd> {
    let context = fsopen("tmpfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
    for (key, value) in [("source", "devfs"), ("mode", "755"), ("size", SIZE)] {
        fsconfig_set_string(context.as_fd(), key, value)?;
    }
    fsconfig_create(context.as_fd())?;
    let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID;
    Ok(fsmount(context.as_fd(), FsMountFlags::FSMOUNT_CLOEXEC, attributes)?)
}

/// Mount points below `/dev`, without those below another.
fn mount_points() -> Result<Vec<PathBuf>> {
    let table = kernel::text(Path::new("/proc/self/mountinfo"))?;
    let mut points: Vec<PathBuf> = table.lines().filter_map(point_of).collect();
    points.sort();
    let mut kept: Vec<PathBuf> = Vec::new();
    for point in points {
        if !kept.iter().any(|above| point.starts_with(above)) {
            kept.push(point);
        }
    }
    Ok(kept)
}

/// The mount point of a line of mountinfo (proc(5)), if it is below `/dev`.
fn point_of(line: &str) -> Option<PathBuf> {
    let point = kernel::unescape(line.split(' ').nth(4)?);
    (point.starts_with(DEV) && point != Path::new(DEV)).then_some(point)
}

fn is_device(stat: &Stat) -> bool {
    matches!(FileType::from_raw_mode(stat.st_mode), FileType::BlockDevice | FileType::CharacterDevice)
}

fn done_or_there(result: rustix::io::Result<()>, action: &'static str, path: &Path) -> Result<()> {
    match result {
        Ok(()) | Err(Errno::EXIST) => Ok(()),
        Err(error) => Err(Error::file(action, path)(error.into())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mount_points_of_the_table() {
        let line = |point: &str| format!("86 94 0:27 / {point} rw,relatime - tmpfs tmpfs rw");
        assert_eq!(point_of(&line("/dev/shm")), Some("/dev/shm".into()));
        assert_eq!(point_of(&line("/dev/a\\040b\\134c")), Some("/dev/a b\\c".into()));
        for other in ["/dev", "/", "/devices", "/run/dev/pts"] {
            assert_eq!(point_of(&line(other)), None, "{other}");
        }
        assert_eq!(point_of("nonsense"), None);
    }

    #[test]
    fn devices_links_and_nothing() {
        if !is_available() {
            return eprintln!("not run: devices_links_and_nothing: no mounts can be made here");
        }
        let dir = tempfile::tempdir().unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink("/dev/./zero", &link).unwrap();
        let round = dir.path().join("round");
        std::os::unix::fs::symlink("round", &round).unwrap();
        let mut private = PrivateDev::new().unwrap();
        private.add(Path::new("/dev/null"), None).unwrap();
        private.add(&link, Some(Owner { uid: 7, gid: 8 })).unwrap();
        private.add(Path::new("/dev/no-such-device"), None).unwrap();
        private.add(Path::new("/etc/hostname"), None).unwrap();
        private.add(Path::new("/dev/pts/ptmx"), None).unwrap();
        assert!(private.add(&round, None).unwrap_err().full_text().contains("round"));
        let at = |name: &str| rustix::fs::statat(&private.root, name, AtFlags::SYMLINK_NOFOLLOW);
        assert_eq!(at("null").unwrap().st_mode, rustix::fs::lstat("/dev/null").unwrap().st_mode);
        let zero = at("zero").unwrap();
        assert_eq!((zero.st_uid, zero.st_gid, zero.st_mode & 0o777), (7, 8, 0o666));
        assert!(at("no-such-device").is_err() && at("etc").is_err() && at("pts/ptmx").is_err());
        assert!(private.has_own_node(&link) && !private.has_own_node(Path::new("/dev/pts/ptmx")));
        assert_eq!(private.into_mounts()[0].1, Path::new("/dev"));
    }
}
