//! The images behind a guest's disks, found out before its start.

use std::fs::OpenOptions;
use std::io::Read;
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};

use model::domain::Domain as Definition;
use protocol::{ErrorDomain, Fault};

use crate::device::disk::chain::{Head, detect};
use crate::device::disk::header::HEAD;

/// Writes the chains of all disks into the live definition; answers the targets of those that may be missing and are.
pub(super) async fn find_chains(definition: &mut Definition) -> Result<Vec<String>, Fault> {
    let mut copy = definition.clone();
    let found =
        tokio::task::spawn_blocking(move || detect(&mut copy, &read_head).map(|missing| (copy, missing)));
    let found = found.await.map_err(|error| Fault::internal(ErrorDomain::QEMU, error.to_string()))??;
    let (complete, missing) = found;
    *definition = complete;
    Ok(missing)
}

/// Reads the start of an image. A pipe or a device without a medium must not hold us up.
fn read_head(path: &str) -> std::io::Result<Head> {
    let nonblocking = nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC;
    let file = OpenOptions::new().read(true).custom_flags(nonblocking).open(path)?;
    let kind = file.metadata()?.file_type();
    let mut bytes = Vec::new();
    if kind.is_file() || kind.is_block_device() {
        file.take(HEAD as u64).read_to_end(&mut bytes)?;
    }
    Ok(Head { bytes, block: kind.is_block_device() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_of_files_pipes_and_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("image");
        std::fs::write(&file, vec![7; HEAD + 1]).unwrap();
        assert_eq!(read_head(file.to_str().unwrap()).unwrap().bytes.len(), HEAD);
        let pipe = dir.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        assert!(read_head(pipe.to_str().unwrap()).unwrap().bytes.is_empty());
        assert!(read_head("/nosuch").is_err());
    }
}
