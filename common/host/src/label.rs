//! Owners of files that guests use, with the owner of before remembered in libvirt's extended attributes.
//!
//! A file that is used by several guests is counted in `trusted.libvirt.security.ref_dac`; the owner of before and
//! the time of the boot stand beside it. What was remembered before the host booted is stale, since nobody gave it
//! back. Every step works on one descriptor: a link that somebody changes meanwhile leads nowhere else. All of it
//! blocks on the file's disk, which may be a server's: use the blocking pool.

mod boot;
mod xattr;

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use nix::fcntl::{FcntlArg, fcntl};
use rustix::fs::{AtFlags, FileType, Gid, Stat, Uid, chownat, fstat};

use crate::links::{self, Distrusted};
use crate::{Error, Result, fault};
pub use boot::boot_time;
use xattr::Attributes;

/// User and group of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Owner {
    /// User.
    pub uid: u32,
    /// Group.
    pub gid: u32,
}

impl Owner {
    /// Root's.
    pub const ROOT: Owner = Owner { uid: 0, gid: 0 };

    fn of(stat: &Stat) -> Owner {
        Owner { uid: stat.st_uid, gid: stat.st_gid }
    }

    /// As libvirt writes it into labels and attributes: "+64055:+64055".
    pub fn label(self) -> String {
        format!("+{}:+{}", self.uid, self.gid)
    }

    /// Reads [`Owner::label`].
    fn parse(text: &str) -> Option<Owner> {
        let number = |part: &str| part.strip_prefix('+').unwrap_or(part).parse().ok();
        let (uid, gid) = text.split_once(':')?;
        Some(Owner { uid: number(uid)?, gid: number(gid)? })
    }
}

/// Gives a file to `owner`. With `remember`, the owner of before is kept for [`restore`]; a file that another guest
/// uses under another owner is refused. A file system that has no owners, or does not let us set them, is no error:
/// whether the guest can use the file is seen when it tries to.
pub fn set(path: &Path, owner: Owner, remember: bool) -> Result<()> {
    let file = Labelled::open(path, Distrusted::guest(owner.uid))?;
    let before = Owner::of(&file.stat);
    if !remember {
        return file.give(owner);
    }
    let lock = file.lock()?;
    let attributes = Attributes::of(&file.fd, path);
    let count = attributes.remember(before)?;
    fault::at("label.counted");
    let given = match count {
        Some(count) if count > 1 && before != owner => Err(Error::InUse { path: path.to_path_buf() }),
        _ => file.give(owner),
    };
    if given.is_err() && count.is_some() {
        // As if we had never been here; the first error is the one to tell.
        let _ = attributes.recall();
    }
    drop(lock);
    given
}

/// Gives a file back that [`set`] gave to `guest`: to the owner it had before, once its last user is gone; to root
/// if none is remembered. A file that is not the guest's any more was given back already, and stays as it is.
pub fn restore(path: &Path, guest: Owner, remember: bool) -> Result<()> {
    let file = match Labelled::open(path, Distrusted::guest(guest.uid)) {
        // Whoever removed it does not want it back.
        Err(error) if error.is_not_found() => return Ok(()),
        other => other?,
    };
    if !remember {
        return file.give_back(guest, Owner::ROOT);
    }
    let lock = file.lock()?;
    let attributes = Attributes::of(&file.fd, path);
    match attributes.peek()? {
        // Ownership first: a daemon that is killed in between finds the memory still there.
        Some(memory) if memory.count <= 1 => {
            file.give(memory.owner.unwrap_or(Owner::ROOT))?;
            fault::at("label.restored");
            attributes.recall()?;
        }
        Some(_) => attributes.recall()?,
        None => file.give_back(guest, Owner::ROOT)?,
    }
    drop(lock);
    Ok(())
}

/// A file, held by a descriptor that neither reads nor writes it.
struct Labelled {
    path: PathBuf,
    fd: OwnedFd,
    stat: Stat,
}

impl Labelled {
    /// Follows links as any user of the path will, but none of `/proc`, and none that the guest's user made: a guest that
    /// was taken over would be given the file of its choice at its next start.
    fn open(path: &Path, distrusted: Distrusted) -> Result<Labelled> {
        let fd = links::open(path, distrusted)?;
        let stat = fstat(&fd).map_err(|errno| Error::file("examine", path)(errno.into()))?;
        Ok(Labelled { path: path.to_path_buf(), fd, stat })
    }

    fn give_back(&self, guest: Owner, to: Owner) -> Result<()> {
        if Owner::of(&self.stat) == guest { self.give(to) } else { Ok(()) }
    }

    fn give(&self, owner: Owner) -> Result<()> {
        if Owner::of(&self.stat) == owner {
            return Ok(());
        }
        let (uid, gid) = (Uid::from_raw(owner.uid), Gid::from_raw(owner.gid));
        let given = chownat(&self.fd, "", Some(uid), Some(gid), AtFlags::EMPTY_PATH);
        match given {
            Ok(()) => Ok(()),
            // No owners there, a server that trusts no root, or nothing can be written.
            Err(
                rustix::io::Errno::OPNOTSUPP
                | rustix::io::Errno::INVAL
                | rustix::io::Errno::PERM
                | rustix::io::Errno::ROFS,
            ) => Ok(()),
            Err(errno) => Err(Error::file("set the owner of", &self.path)(errno.into())),
        }
    }

    /// libvirt's lock over changes of the attributes: byte 1 of the file. None for what cannot be locked.
    fn lock(&self) -> Result<Option<File>> {
        let kind = FileType::from_raw_mode(self.stat.st_mode);
        if !matches!(kind, FileType::RegularFile | FileType::BlockDevice) {
            return Ok(None);
        }
        let again = format!("/proc/self/fd/{}", self.fd.as_raw_fd());
        let Ok(file) = File::options().read(true).write(true).open(again) else {
            // What nobody can write has no attributes to change either.
            return Ok(None);
        };
        // Waits for another daemon's change, which takes a moment; callers have a deadline for all they do.
        match fcntl(&file, FcntlArg::F_OFD_SETLKW(&byte_one())) {
            Ok(_) => Ok(Some(file)),
            // A file system without locks.
            Err(_) => Ok(None),
        }
    }
}

fn byte_one() -> nix::libc::flock {
    nix::libc::flock {
        l_type: nix::libc::F_WRLCK as nix::libc::c_short,
        l_whence: nix::libc::SEEK_SET as nix::libc::c_short,
        l_start: 1,
        l_len: 1,
        l_pid: 0,
    }
}

/// Makes an empty file for a guest's output if there is none, readable by root only.
pub fn make_output(path: &Path) -> Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    match File::options().write(true).create_new(true).mode(0o600).open(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(Error::file("create", path)(error)),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests;
