//! Pseudo terminals and other character devices that are the host's end of a guest's console.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::Path;

use crate::{Error, Result};

/// Opens a character device for reading and writing without waiting and without becoming its session. Anything
/// else at that path is refused.
pub fn open(path: &Path) -> Result<OwnedFd> {
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(libc::O_NOCTTY | libc::O_NONBLOCK)
        .open(path)
        .map_err(Error::file("open", path))?;
    let kind = file.metadata().map_err(Error::file("examine", path))?.file_type();
    if !kind.is_char_device() {
        let source = io::Error::from_raw_os_error(libc::ENOTTY);
        return Err(Error::file("use as a character device", path)(source));
    }
    Ok(file.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
    use std::fs::File;
    use std::io::{Read, Write};
    use std::path::PathBuf;

    #[test]
    fn what_is_written_at_one_end_is_read_at_the_other() {
        let host = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&host).unwrap();
        unlockpt(&host).unwrap();
        let path = PathBuf::from(ptsname(&host, Vec::new()).unwrap().into_string().unwrap());
        let mut console = File::from(open(&path).unwrap());
        assert_eq!(console.read(&mut [0; 8]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        let mut host = File::from(host);
        host.write_all(b"hello\n").unwrap();
        let mut text = [0; 6];
        assert_eq!(console.read(&mut text).unwrap(), 6);
        assert_eq!(&text, b"hello\n");
    }

    #[test]
    fn other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("f");
        File::create(&path).unwrap();
        assert_eq!(open(&path).unwrap_err().errno(), Some(libc::ENOTTY));
        assert!(open(&dir.path().join("none")).unwrap_err().is_not_found());
    }
}
