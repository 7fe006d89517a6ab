//! Paths through directories in which a guest's user may write.
//!
//! The daemon is root, and parts of its directories are the guests' user's: a QEMU that was taken over could put a link
//! where the daemon is about to give a file away, write a log or set a mode, and so reach files of the host. No link that
//! this user made is followed here, and what is changed is what was looked at: a descriptor, not a name. Functions block
//! on the disk.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{
    AtFlags, CWD, FileType, Gid, Mode, OFlags, PROC_SUPER_MAGIC, Uid, chownat, fstat, fstatfs, openat,
    readlinkat,
};
use rustix::io::Errno;

use crate::{Error, Result};

/// Links that one path may lead through, as many as the kernel's own limit.
const MAX_LINKS: usize = 40;
/// How often somebody may be quicker with a file that is to be made.
const ATTEMPTS: usize = 8;

/// The user whose links are not followed; none where root or we ourselves would be that user: they need no link.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Distrusted(Option<u32>);

impl Distrusted {
    /// Everybody's links are followed.
    pub const NOBODY: Distrusted = Distrusted(None);

    /// The user of a guest.
    pub fn guest(uid: u32) -> Self {
        let harmless = uid == 0 || uid == rustix::process::geteuid().as_raw();
        Distrusted((!harmless).then_some(uid))
    }
}

/// A descriptor of what is at a path, for looking at it and changing its owner (O_PATH). Links of `/proc` are followed
/// for nobody.
pub fn open(path: &Path, distrusted: Distrusted) -> Result<OwnedFd> {
    let failed = |errno: Errno| Error::file("open", path)(errno.into());
    match resolve(path, distrusted).map_err(failed)? {
        Place::Node(node) => Ok(node),
        Place::Free { .. } => Err(failed(Errno::NOENT)),
    }
}

/// A file to append to, made with mode 0600 if there is none.
pub fn append(path: &Path, distrusted: Distrusted) -> Result<File> {
    let failed = |errno: Errno| Error::file("open", path)(errno.into());
    let flags = OFlags::WRONLY | OFlags::APPEND | OFlags::CLOEXEC | OFlags::NOCTTY;
    for _ in 0..ATTEMPTS {
        let opened = match resolve(path, distrusted).map_err(failed)? {
            Place::Node(node) => {
                // A pipe without a reader must not hold us up.
                let pipe = kind(&node).map_err(failed)? == FileType::Fifo;
                let flags = if pipe { flags | OFlags::NONBLOCK } else { flags };
                openat(CWD, by_number(&node), flags, Mode::empty())
            }
            Place::Free { dir, name } => {
                let made = flags | OFlags::CREATE | OFlags::EXCL;
                openat(dir, &name, made, Mode::RUSR | Mode::WUSR)
            }
        };
        match opened {
            Ok(file) => return Ok(File::from(file)),
            Err(Errno::EXIST) => {}
            Err(errno) => return Err(failed(errno)),
        }
    }
    Err(failed(Errno::EXIST))
}

/// Sets mode and owner (user, group) of a directory, a socket or the like that was made at this path; another kind of
/// thing in its place is refused, a link not followed.
pub fn settle(path: &Path, wanted: FileType, mode: u32, owner: Option<(u32, u32)>) -> io::Result<()> {
    let node = openat(CWD, path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    if kind(&node)? != wanted {
        return Err(Errno::LOOP.into());
    }
    if let Some((uid, gid)) = owner {
        let (uid, gid) = (Uid::from_raw(uid), Gid::from_raw(gid));
        chownat(&node, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH)?;
    }
    Ok(rustix::fs::chmod(by_number(&node), Mode::from_raw_mode(mode))?)
}

/// Where a path leads.
enum Place {
    /// To something that is there.
    Node(OwnedFd),
    /// To a name in a directory that nothing has.
    Free { dir: OwnedFd, name: OsString },
}

/// Goes from directory to directory as the kernel would, and looks at each link before it is followed.
fn resolve(path: &Path, distrusted: Distrusted) -> rustix::io::Result<Place> {
    let flags = OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let from =
        |start: &str| openat(CWD, start, OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC, Mode::empty());
    let mut dir = from(if path.is_absolute() { "/" } else { "." })?;
    let mut rest = steps(path);
    let mut links = 0;
    loop {
        let Some(name) = rest.pop() else { return Ok(Place::Node(dir)) };
        let node = match openat(&dir, &name, flags, Mode::empty()) {
            Err(Errno::NOENT) if rest.is_empty() => return Ok(Place::Free { dir, name }),
            node => node?,
        };
        if kind(&node)? != FileType::Symlink {
            dir = node;
            continue;
        }
        links += 1;
        if links > MAX_LINKS || fstatfs(&node)?.f_type == PROC_SUPER_MAGIC {
            return Err(Errno::LOOP);
        }
        if distrusted.0 == Some(fstat(&node)?.st_uid) {
            return Err(Errno::ACCESS);
        }
        let target = PathBuf::from(OsStr::from_bytes(readlinkat(&node, "", Vec::new())?.to_bytes()));
        if target.is_absolute() {
            dir = from("/")?;
        }
        rest.extend(steps(&target));
    }
}

/// The names of a path, the first one last.
fn steps(path: &Path) -> Vec<OsString> {
    let names = path.components().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some("..".into()),
        _ => None,
    });
    names.rev().collect()
}

fn kind(node: &OwnedFd) -> rustix::io::Result<FileType> {
    Ok(FileType::from_raw_mode(fstat(node)?.st_mode))
}

/// A name by which a descriptor's file is opened again, whatever its path leads to by now.
fn by_number(node: &OwnedFd) -> String {
    format!("/proc/self/fd/{}", node.as_raw_fd())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::io::Write;
    use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
    use std::os::unix::net::UnixListener;

    use super::*;

    /// As if our own links were a guest's.
    fn ours() -> Distrusted {
        Distrusted(Some(rustix::process::geteuid().as_raw()))
    }

    fn errno(result: Result<impl Sized>) -> Option<i32> {
        result.err().and_then(|error| error.errno())
    }

    fn refused(result: io::Result<()>) -> Option<i32> {
        result.err().and_then(|error| error.raw_os_error())
    }

    #[test]
    fn links_lead_on_unless_their_owner_is_distrusted() {
        let dir = tempfile::tempdir().unwrap();
        let root = dir.path().canonicalize().unwrap();
        fs::create_dir(root.join("real")).unwrap();
        fs::write(root.join("real/file"), "x").unwrap();
        symlink("real", root.join("to_dir")).unwrap();
        symlink(root.join("to_dir/../to_dir/file"), root.join("to_file")).unwrap();
        symlink("loop", root.join("loop")).unwrap();
        let inode = fs::metadata(root.join("real/file")).unwrap().ino();
        for path in ["real/file", "to_dir/file", "to_file", "real/../to_file"] {
            let found = open(&root.join(path), Distrusted::NOBODY).unwrap();
            assert_eq!(fstat(&found).unwrap().st_ino, inode, "{path}");
        }
        assert!(open(&root.join("real/file"), ours()).is_ok());
        for path in ["to_dir/file", "to_file"] {
            assert_eq!(errno(open(&root.join(path), ours())), Some(libc::EACCES), "{path}");
        }
        assert_eq!(errno(open(&root.join("loop"), Distrusted::NOBODY)), Some(libc::ELOOP));
        assert_eq!(errno(open(Path::new("/proc/self/exe"), Distrusted::NOBODY)), Some(libc::ELOOP));
        assert!(open(&root.join("none"), Distrusted::NOBODY).unwrap_err().is_not_found());
        assert_eq!(errno(open(&root.join("real/file/x"), Distrusted::NOBODY)), Some(libc::ENOTDIR));
    }

    #[test]
    fn logs_are_made_and_continued_where_they_belong() {
        let dir = tempfile::tempdir().unwrap();
        let (log, link) = (dir.path().join("log"), dir.path().join("link"));
        for text in ["a", "b"] {
            append(&log, ours()).unwrap().write_all(text.as_bytes()).unwrap();
        }
        assert_eq!(fs::read_to_string(&log).unwrap(), "ab");
        assert_eq!(fs::metadata(&log).unwrap().permissions().mode() & 0o777, 0o600);
        // A link to nothing would have a file made anywhere.
        symlink(dir.path().join("victim"), &link).unwrap();
        assert_eq!(errno(append(&link, ours())), Some(libc::EACCES));
        assert!(!dir.path().join("victim").exists());
        append(&link, Distrusted::NOBODY).unwrap();
        assert!(dir.path().join("victim").exists());
    }

    #[test]
    fn modes_are_set_of_what_was_made_only() {
        let dir = tempfile::tempdir().unwrap();
        let (victim, link, socket) =
            (dir.path().join("victim"), dir.path().join("link"), dir.path().join("socket"));
        fs::write(&victim, "").unwrap();
        fs::set_permissions(&victim, fs::Permissions::from_mode(0o600)).unwrap();
        symlink(&victim, &link).unwrap();
        for path in [&victim, &link] {
            assert_eq!(refused(settle(path, FileType::Socket, 0o777, None)), Some(libc::ELOOP));
        }
        assert_eq!(fs::metadata(&victim).unwrap().permissions().mode() & 0o777, 0o600);
        let _listener = UnixListener::bind(&socket).unwrap();
        settle(&socket, FileType::Socket, 0o775, None).unwrap();
        assert_eq!(fs::metadata(&socket).unwrap().permissions().mode() & 0o777, 0o775);
    }
}
