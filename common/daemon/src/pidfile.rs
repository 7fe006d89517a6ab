//! PID files: who runs, and that only one does.
//!
//! The file is locked with a POSIX record lock over its whole length, as libvirt's daemons do, so that neither
//! kind of daemon starts beside the other.

use rustix::fs::FlockOperation;
use std::fs::{File, OpenOptions};
use std::io::{Read, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// A PID file that this process holds. Dropping it removes the file and releases the lock.
#[derive(Debug)]
pub struct PidFile {
    path: PathBuf,
    /// Closing any descriptor of the file would drop the lock: it is opened exactly once.
    _locked: File,
}

/// Why a PID file cannot be had.
#[derive(Debug, thiserror::Error)]
pub enum PidFileError {
    /// Another process holds it.
    #[error("cannot acquire PID file '{}': {}", path.display(), holder_text(*holder))]
    Held {
        /// The file.
        path: PathBuf,
        /// The process named in it.
        holder: Option<u32>,
    },
    /// It cannot be opened, locked or written.
    #[error("cannot acquire PID file '{}'", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
}

fn holder_text(holder: Option<u32>) -> String {
    holder.map_or_else(|| "it is held by another process".to_owned(), |pid| format!("process {pid} holds it"))
}

impl PidFile {
    /// Locks the file at `path`, creating it if need be, and writes this process's number into it.
    pub fn acquire(path: &Path) -> Result<Self, PidFileError> {
        let failed = |source: std::io::Error| PidFileError::Io { path: path.to_owned(), source };
        loop {
            let mut file = OpenOptions::new()
                .read(true)
                .write(true)
                .create(true)
                .truncate(false)
                .mode(0o644)
                .open(path)
                .map_err(failed)?;
            match rustix::fs::fcntl_lock(&file, FlockOperation::NonBlockingLockExclusive) {
                Ok(()) => {}
                Err(rustix::io::Errno::AGAIN | rustix::io::Errno::ACCESS) => {
                    return Err(PidFileError::Held { path: path.to_owned(), holder: read_pid(&mut file) });
                }
                Err(error) => return Err(failed(error.into())),
            }
            // The previous holder may have removed the file between our open and our lock.
            if is_still_at(&file, path) {
                write_pid(&mut file).map_err(failed)?;
                return Ok(Self { path: path.to_owned(), _locked: file });
            }
        }
    }
}

impl Drop for PidFile {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.path) {
            tracing::warn!(path = %self.path.display(), "cannot remove PID file: {error}");
        }
    }
}

fn is_still_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), std::fs::metadata(path)) {
        (Ok(ours), Ok(theirs)) => ours.dev() == theirs.dev() && ours.ino() == theirs.ino(),
        _ => false,
    }
}

fn write_pid(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.write_all(std::process::id().to_string().as_bytes())
}

fn read_pid(file: &mut File) -> Option<u32> {
    let mut text = String::new();
    file.take(32).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn written_and_removed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.pid");
        std::fs::write(&path, "99999999 left over from long ago").unwrap();
        let held = PidFile::acquire(&path).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), std::process::id().to_string());
        drop(held);
        assert!(!path.exists());
    }

    #[test]
    fn a_missing_folder_is_an_error() {
        let error = PidFile::acquire(Path::new("/proc/nonexistent/x.pid")).unwrap_err();
        assert!(error.to_string().contains("/proc/nonexistent/x.pid"));
    }
}
