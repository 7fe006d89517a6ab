//! How large disks are: as the guest sees them, on the storage, and in all (`virDomainBlockInfo`).

use std::collections::HashMap;
use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom};
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
    let file = blocking(move || measured(&path, format)).await?;
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
    let file = blocking(move || measured(&path, format)).await?;
    Ok(Sizes { capacity: file.capacity, allocation: file.allocation, physical: file.physical })
}

/// Sizes of images by format and path; one that cannot be read is not there.
#[derive(Debug, Default)]
pub struct Images(HashMap<Option<StorageFormat>, HashMap<String, Sizes>>);

impl Images {
    /// Sizes of a disk's image.
    pub fn of(&self, disk: &Disk) -> Option<&Sizes> {
        self.0.get(&disk.source.format)?.get(parts::disk_path(disk)?)
    }
}

/// Format and path of an image.
type Image = (Option<StorageFormat>, String);

/// Sizes of the images of many disks that no guest runs with, by a few readers side by side: one of thousands of
/// domains must not take thousands of threads. Images that do not answer in time, as those of a server that hangs,
/// are left out.
pub async fn of_images(disks: impl Iterator<Item = &Disk>) -> Images {
    let path = |disk: &Disk| Some((disk.source.format, parts::disk_path(disk)?.to_owned()));
    let mut wanted: Vec<Image> = disks.filter(|disk| !parts::is_empty(disk)).filter_map(path).collect();
    let share = wanted.len().div_ceil(READERS).max(FEW);
    let mut readers = Vec::new();
    while !wanted.is_empty() {
        let share = wanted.split_off(wanted.len().saturating_sub(share));
        let read = blocking(move || Ok(share.into_iter().filter_map(sized).collect::<Vec<_>>()));
        readers.push(tokio::time::timeout(LIMIT, read));
    }
    let mut images = Images::default();
    for ((format, path), sizes) in future::join_all(readers).await.into_iter().flatten().flatten().flatten() {
        images.0.entry(format).or_default().insert(path, sizes);
    }
    images
}

fn sized((format, path): Image) -> Option<(Image, Sizes)> {
    let file = measure(Path::new(&path), format).ok()?;
    let sizes = Sizes { capacity: file.capacity, allocation: file.allocation, physical: file.physical };
    Some(((format, path), sizes))
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

fn measured(path: &str, format: Option<StorageFormat>) -> Result<Measured, Fault> {
    measure(Path::new(path), format).map_err(|error| {
        let errno = error.raw_os_error().unwrap_or(0);
        Fault::system(ErrorDomain::NONE, errno, format!("cannot read the size of '{path}'"))
    })
}

fn measure(path: &Path, format: Option<StorageFormat>) -> io::Result<Measured> {
    // A pipe or a device without a medium must not hold us up.
    let mut options = OpenOptions::new();
    options.read(true).custom_flags(nix::libc::O_NONBLOCK | nix::libc::O_CLOEXEC);
    let mut file = options.open(path)?;
    let meta = file.metadata()?;
    let device = meta.file_type().is_block_device();
    let (physical, allocation) = if device {
        let end = file.seek(SeekFrom::End(0))?;
        file.seek(SeekFrom::Start(0))?;
        (end, end)
    } else {
        // stat(2) counts blocks of 512 bytes.
        (meta.len(), meta.blocks().saturating_mul(512))
    };
    let mut head = Vec::new();
    if device || meta.is_file() {
        file.take(HEAD as u64).read_to_end(&mut head)?;
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
        let missing = measured(dir.path().join("none").to_str().unwrap(), None).unwrap_err();
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
        let missing = disks.iter().position(|disk| images.of(disk).is_none());
        assert_eq!((images.0[&None].len(), missing), (999, Some(7)));
        assert_eq!(images.of(&disks[999]).unwrap().capacity, 999);
        let threads = std::fs::read_dir("/proc/self/task").unwrap().count();
        assert!(threads < 100, "{threads} threads");
    }
}
