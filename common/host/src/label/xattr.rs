//! libvirt's extended attributes of a labelled file.

use std::os::fd::{AsRawFd, OwnedFd};
use std::path::{Path, PathBuf};

use rustix::fs::{XattrFlags, getxattr, removexattr, setxattr};
use rustix::io::Errno;

use super::{Owner, boot_time};
use crate::{Error, Result};

/// The owner of before.
const OWNER: &str = "trusted.libvirt.security.dac";
/// How many guests use the file.
const COUNT: &str = "trusted.libvirt.security.ref_dac";
/// When the host had booted that remembers it.
const TIMESTAMP: &str = "trusted.libvirt.security.timestamp_dac";
/// Longest value.
const LONGEST: usize = 256;
/// Seconds by which two daemons may disagree about the time of the same boot.
const SAME_BOOT: u64 = 2;

/// What a file remembers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Memory {
    /// Its users.
    pub(super) count: u32,
    /// Its owner of before; none if the attribute is gone or senseless.
    pub(super) owner: Option<Owner>,
}

/// The attributes of one file.
pub(super) struct Attributes<'a> {
    /// The descriptor by the name under which attributes can be reached without opening the file.
    name: String,
    path: &'a Path,
}

impl<'a> Attributes<'a> {
    pub(super) fn of(fd: &OwnedFd, path: &'a Path) -> Self {
        Attributes { name: format!("/proc/self/fd/{}", fd.as_raw_fd()), path }
    }

    /// Counts one user more; the first one's owner is kept. Answers the count, or none where the file system has no
    /// such attributes.
    pub(super) fn remember(&self, before: Owner) -> Result<Option<u32>> {
        let count = match self.peek_anywhere()? {
            None => return Ok(None),
            Some(None) => 1,
            Some(Some(memory)) => memory.count.saturating_add(1),
        };
        if count == 1 {
            self.write(OWNER, &before.label())?;
            self.write(TIMESTAMP, &boot_time().to_string())?;
        }
        self.write(COUNT, &count.to_string())?;
        Ok(Some(count))
    }

    /// Counts one user less and forgets everything with the last.
    pub(super) fn recall(&self) -> Result<()> {
        match self.peek()? {
            None => Ok(()),
            Some(memory) if memory.count > 1 => self.write(COUNT, &(memory.count - 1).to_string()),
            Some(_) => self.forget(),
        }
    }

    /// What is remembered since this boot.
    pub(super) fn peek(&self) -> Result<Option<Memory>> {
        self.peek_anywhere().map(Option::flatten)
    }

    /// As [`peek`](Self::peek); the outer none says that the file system has no such attributes.
    fn peek_anywhere(&self) -> Result<Option<Option<Memory>>> {
        let count = match self.read(COUNT) {
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM | Errno::ACCESS) => return Ok(None),
            Err(Errno::NODATA) => return Ok(Some(None)),
            Err(errno) => return Err(self.failed("read attributes of", errno)),
            Ok(text) => text.trim().parse::<u32>().ok().filter(|count| *count > 0),
        };
        let stamp = self.read(TIMESTAMP).ok().and_then(|text| text.trim().parse::<u64>().ok());
        let fresh = stamp.is_some_and(|stamp| stamp.abs_diff(boot_time()) <= SAME_BOOT);
        match count {
            Some(count) if fresh => {
                let owner = self.read(OWNER).ok().and_then(|text| Owner::parse(text.trim()));
                Ok(Some(Some(Memory { count, owner })))
            }
            _ => {
                self.forget()?;
                Ok(Some(None))
            }
        }
    }

    fn forget(&self) -> Result<()> {
        // The count last: while it is there, the rest is looked at again.
        for attribute in [OWNER, TIMESTAMP, COUNT] {
            match removexattr(&self.name, attribute) {
                Ok(()) | Err(Errno::NODATA | Errno::ROFS) => {}
                Err(errno) => return Err(self.failed("remove attributes of", errno)),
            }
        }
        Ok(())
    }

    fn read(&self, attribute: &str) -> std::result::Result<String, Errno> {
        let mut buffer = vec![0u8; LONGEST];
        let length = getxattr(&self.name, attribute, &mut buffer[..])?;
        buffer.truncate(length);
        String::from_utf8(buffer).map_err(|_| Errno::INVAL)
    }

    fn write(&self, attribute: &str, value: &str) -> Result<()> {
        setxattr(&self.name, attribute, value.as_bytes(), XattrFlags::empty())
            .map_err(|errno| self.failed("set attributes of", errno))
    }

    fn failed(&self, action: &'static str, errno: Errno) -> Error {
        Error::File { action, path: PathBuf::from(self.path), source: errno.into() }
    }
}
