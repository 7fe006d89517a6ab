//! How large disks are: as the guest sees them, on the storage, and in all (`virDomainBlockInfo`).

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::Path;
use std::time::Duration;

use futures_util::future;
use model::domain::device::disk::Disk;
use model::domain::device::disk::source::StorageFormat;
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::device::disk::header::{self, HEAD};
use crate::domain::Live;
use crate::figures;
use crate::parts;

/// Readers of many images at most, and images for which one reader is enough.
const READERS: usize = 8;
const FEW: usize = 64;
/// How long many images may take together.
const LIMIT: Duration = Duration::from_secs(10);

/// Bytes of a disk.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sizes {
    /// What the guest sees.
    pub capacity: u64,
    /// What is taken on the storage.
    pub allocation: u64,
    /// The image's own length.
    pub physical: u64,
}

/// Sizes of a disk of a running guest: QEMU knows what it has written, and what an image grew to.
pub async fn of_running(live: &Live, disk: &Disk) -> Result<Sizes, Fault> {
    let table = figures::block(live).await;
    let alias = disk.info.alias.as_deref().unwrap_or_default();
    let known = table.disks.get(alias).copied().unwrap_or_default();
    let Some(capacity) = known.capacity else {
        let detail = format!("QEMU does not tell sizes of disk '{}' now", disk.target);
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail));
    };
    let Some(path) = parts::disk_path(disk).map(str::to_owned) else {
        let written = known.allocation.unwrap_or_default();
        return Ok(Sizes { capacity, allocation: written, physical: known.physical.unwrap_or(capacity) });
    };
    let format = disk.source.format;
    let file = blocking(move || measure(Path::new(&path), format)).await?;
    // On a block device the kernel cannot tell what is in use; QEMU can, by what it has written.
    let on_device = file.allocation == file.physical && format != Some(StorageFormat::Raw);
    let written = known.allocation.filter(|_| on_device && file.device);
    Ok(Sizes { capacity, allocation: written.unwrap_or(file.allocation), physical: file.physical })
}

/// Sizes of a disk of a domain that does not run, from its image.
pub async fn of_image(disk: &Disk) -> Result<Sizes, Fault> {
    let Some(path) = parts::disk_path(disk).map(str::to_owned) else {
        let detail = format!("disk '{}' is not kept in a file of this host", disk.target);
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_UNSUPPORTED, detail));
    };
    let format = disk.source.format;
    let file = blocking(move || measure(Path::new(&path), format)).await?;
    Ok(Sizes { capacity: file.capacity, allocation: file.allocation, physical: file.physical })
}

/// Sizes of images by path and format; one that cannot be read is not there.
pub type Images = HashMap<(String, Option<StorageFormat>), Sizes>;

/// Sizes of the images of many disks that no guest runs with, by a few readers side by side: one of thousands of
/// domains must not take thousands of threads. Images that do not answer in time, as those of a server that hangs,
/// are left out.
pub async fn of_images(disks: impl Iterator<Item = &Disk>) -> Images {
    let path = |disk: &Disk| parts::disk_path(disk).map(|path| (path.to_owned(), disk.source.format));
    let wanted: Vec<_> = disks.filter(|disk| !parts::is_empty(disk)).filter_map(path).collect();
    let share = wanted.len().div_ceil(READERS).max(FEW);
    let readers = wanted.chunks(share).map(|share| {
        let share = share.to_vec();
        let read = blocking(move || Ok(share.into_iter().filter_map(sized).collect::<Vec<_>>()));
        tokio::time::timeout(LIMIT, read)
    });
    let read = future::join_all(readers).await;
    read.into_iter().flatten().flatten().flatten().collect()
}

fn sized(image: (String, Option<StorageFormat>)) -> Option<((String, Option<StorageFormat>), Sizes)> {
    let file = measure(Path::new(&image.0), image.1).ok()?;
    Some((image, Sizes { capacity: file.capacity, allocation: file.allocation, physical: file.physical }))
}

/// Whether a drive of QEMU's is the device with this alias.
pub fn is_device(qdev: Option<&str>, drive: &str, alias: &str) -> bool {
    match qdev {
        Some(path) => {
            let path = path.strip_prefix("/machine/peripheral/").unwrap_or(path);
            path.split('/').next() == Some(alias)
        }
        None => drive.strip_prefix("drive-").unwrap_or(drive) == alias,
    }
}

/// What an image's file or device tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measured {
    capacity: u64,
    allocation: u64,
    physical: u64,
    device: bool,
}

fn measure(path: &Path, format: Option<StorageFormat>) -> Result<Measured, Fault> {
    let failed = |error: std::io::Error| {
        let errno = error.raw_os_error().unwrap_or(0);
        Fault::system(ErrorDomain::NONE, errno, format!("cannot read the size of '{}'", path.display()))
    };
    // A pipe or a device without a medium must not hold us up.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC);
    let mut file = options.open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    let device = meta.file_type().is_block_device();
    let (physical, allocation) = if device {
        let end = file.seek(SeekFrom::End(0)).map_err(failed)?;
        file.seek(SeekFrom::Start(0)).map_err(failed)?;
        (end, end)
    } else {
        // stat(2) counts blocks of 512 bytes.
        (meta.len(), meta.blocks().saturating_mul(512))
    };
    let mut head = Vec::new();
    if device || meta.is_file() {
        file.take(HEAD as u64).read_to_end(&mut head).map_err(failed)?;
    }
    let told = header::capacity(format.unwrap_or(StorageFormat::Raw), &head);
    Ok(Measured { capacity: told.unwrap_or(physical), allocation, physical, device })
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::QEMU, error.to_string())))
}

#[cfg(test)]
mod tests {
    use model::domain::device::disk::source::Location;

    use super::*;

    #[test]
    fn sparse_files_and_missing_ones() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("raw");
        std::fs::File::create(&path).unwrap().set_len(1 << 20).unwrap();
        let raw = measure(&path, Some(StorageFormat::Raw)).unwrap();
        assert_eq!((raw.capacity, raw.physical, raw.device), (1 << 20, 1 << 20, false));
        assert!(raw.allocation < 1 << 20);
        let missing = measure(&dir.path().join("none"), None).unwrap_err();
        assert_eq!(missing.code, ErrorCode::SYSTEM_ERROR);
    }

    #[test]
    fn drives_by_their_device() {
        assert!(is_device(Some("/machine/peripheral/virtio-disk0/virtio-backend"), "", "virtio-disk0"));
        assert!(!is_device(Some("/machine/peripheral/virtio-disk10/virtio-backend"), "", "virtio-disk1"));
        assert!(is_device(None, "drive-ide0-0-0", "ide0-0-0"));
    }

    #[tokio::test]
    async fn many_images_have_few_readers() {
        let dir = tempfile::tempdir().unwrap();
        let disk = |n: usize| {
            let path = dir.path().join(n.to_string());
            if n != 7 {
                std::fs::write(&path, vec![0; n]).unwrap();
            }
            let mut disk = Disk::default();
            disk.source.location = Location::File { path: path.to_str().map(str::to_owned), fdgroup: None };
            disk
        };
        let disks: Vec<Disk> = (0..1000).map(disk).collect();
        let images = of_images(disks.iter()).await;
        assert_eq!(images.len(), 999, "all but the missing one");
        let path = dir.path().join("999").to_str().map(str::to_owned).unwrap();
        assert_eq!(images[&(path, None)].capacity, 999);
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads < 100, "{threads} threads");
    }
}
