//! `<disk>`: block devices of the guest.

mod image;
mod iotune;
mod network;
mod rules;
mod secret;
pub mod source;
mod xml;

use super::info::{DeviceInfo, VirtioOptions};
use crate::Rare;
use source::StorageSource;

/// A disk, CD-ROM or floppy drive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Disk {
    /// Drive kind.
    pub device: DiskDevice,
    /// virtio flavour.
    pub model: Option<DiskModel>,
    /// Privileged raw SCSI access.
    pub rawio: Option<bool>,
    /// Filtering of SCSI commands of a passed-through unit.
    pub sgio: Option<Sgio>,
    /// What snapshots do with it.
    pub snapshot: Option<SnapshotLocation>,
    /// `<driver>`; the image format lies in the source.
    pub driver: DiskDriver,
    /// The image, with its chain of backing images.
    pub source: StorageSource,
    /// `<auth>` stands beside `<source>` instead of inside (the older form, kept as written).
    pub auth_outside: bool,
    /// `<encryption>` stands beside `<source>` instead of inside.
    pub encryption_outside: bool,
    /// What to do at guest start when the source is missing.
    pub startup_policy: Option<StartupPolicy>,
    /// Name in the guest's order of drives ("vda").
    pub target: String,
    /// Bus the guest sees.
    pub bus: Option<DiskBus>,
    /// Whether the tray is open.
    pub tray_open: bool,
    /// The guest sees a removable medium (USB).
    pub removable: Option<bool>,
    /// Rotations per minute; 1: not rotating.
    pub rotation_rate: Option<u32>,
    /// Xen: domain that serves the disk.
    pub backend_domain: Option<String>,
    /// Geometry told to the guest.
    pub geometry: Option<Geometry>,
    /// Block sizes told to the guest.
    pub blockio: Option<BlockIo>,
    /// A copy job in progress; live definitions only.
    pub mirror: Option<Box<Mirror>>,
    /// Limits of throughput.
    pub iotune: Rare<IoTune>,
    /// The guest can only read.
    pub readonly: bool,
    /// Several guests may use it at once.
    pub shareable: bool,
    /// Changes are lost when the guest stops.
    pub transient: bool,
    /// Whether a transient disk's base is shared between guests.
    pub share_backing: Option<bool>,
    /// Serial number told to the guest.
    pub serial: Option<String>,
    /// World wide name, 16 hexadecimal digits.
    pub wwn: Option<String>,
    /// SCSI vendor, at most 8 characters.
    pub vendor: Option<String>,
    /// SCSI product, at most 16 characters.
    pub product: Option<String>,
    /// Alias, address, boot order.
    pub info: DeviceInfo,
}

/// `<driver>` of a disk.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DiskDriver {
    /// Back end ("qemu").
    pub name: Option<String>,
    /// Use of the host's page cache.
    pub cache: Option<CacheMode>,
    /// On a write error.
    pub error_policy: Option<ErrorPolicy>,
    /// On a read error.
    pub rerror_policy: Option<ErrorPolicy>,
    /// How I/O is done.
    pub io: Option<IoMode>,
    /// Notifications by eventfd.
    pub ioeventfd: Option<bool>,
    /// virtio event index.
    pub event_idx: Option<bool>,
    /// Whether blocks read from a backing image are copied up.
    pub copy_on_read: Option<bool>,
    /// What a discard request does.
    pub discard: Option<Discard>,
    /// Number of the I/O thread that serves it.
    pub iothread: Option<u32>,
    /// What writing zeros does.
    pub detect_zeroes: Option<DetectZeroes>,
    /// Request queues.
    pub queues: Option<u32>,
    /// Entries of a queue.
    pub queue_size: Option<u32>,
    /// virtio settings.
    pub virtio: VirtioOptions,
    /// Size of the metadata cache in bytes.
    pub metadata_cache_size: Option<u64>,
}

/// `<geometry>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Geometry {
    /// Cylinders.
    pub cylinders: u32,
    /// Heads.
    pub heads: u32,
    /// Sectors per track.
    pub sectors: u32,
    /// BIOS translation.
    pub translation: Option<Translation>,
}

/// `<blockio>`: sizes in bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BlockIo {
    /// Smallest addressable unit.
    pub logical: Option<u32>,
    /// Unit of the medium.
    pub physical: Option<u32>,
}

/// `<iotune>`; 0: no limit. Bytes or operations per second; lengths in seconds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct IoTune {
    /// Bytes per second.
    pub bytes: Limit,
    /// Operations per second.
    pub iops: Limit,
    /// Bytes that count as one operation.
    pub size_iops_sec: u64,
    /// Disks of one group share the limits.
    pub group_name: Option<String>,
}

/// The limits of one quantity.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limit {
    /// Sustained.
    pub rate: Rate,
    /// In a burst.
    pub max: Rate,
    /// How long a burst may last, in seconds.
    pub max_length: Rate,
}

/// One figure per direction.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Rate {
    /// Reads and writes together.
    pub total: u64,
    /// Reads.
    pub read: u64,
    /// Writes.
    pub write: u64,
}

/// `<mirror>`: the copy that a block job of a live disk fills.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mirror {
    /// Which job.
    pub job: MirrorJob,
    /// How far it is.
    pub ready: Option<MirrorState>,
    /// Where the copy goes.
    pub source: StorageSource,
}

tokens! {
    /// `device=`
    #[derive(Default)]
    pub enum DiskDevice { #[default] Disk = "disk", Cdrom = "cdrom", Floppy = "floppy", Lun = "lun" }

    /// `<target bus=>`
    pub enum DiskBus {
        Ide = "ide", Fdc = "fdc", Scsi = "scsi", Virtio = "virtio", Xen = "xen", Usb = "usb", Uml = "uml",
        Sata = "sata", Sd = "sd",
    }

    /// `model=`
    pub enum DiskModel {
        Virtio = "virtio", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }

    /// `sgio=`
    pub enum Sgio { Filtered = "filtered", Unfiltered = "unfiltered" }

    /// `snapshot=`
    pub enum SnapshotLocation { No = "no", Internal = "internal", External = "external", Manual = "manual" }

    /// `cache=`
    pub enum CacheMode {
        None = "none", Writethrough = "writethrough", Writeback = "writeback", Directsync = "directsync",
        Unsafe = "unsafe",
    }

    /// `error_policy=`, `rerror_policy=`
    pub enum ErrorPolicy { Stop = "stop", Report = "report", Ignore = "ignore", Enospace = "enospace" }

    /// `io=`
    pub enum IoMode { Native = "native", Threads = "threads", IoUring = "io_uring" }

    /// `discard=`
    pub enum Discard { Unmap = "unmap", Ignore = "ignore" }

    /// `detect_zeroes=`
    pub enum DetectZeroes { Off = "off", On = "on", Unmap = "unmap" }

    /// `startupPolicy=`
    pub enum StartupPolicy { Mandatory = "mandatory", Requisite = "requisite", Optional = "optional" }

    /// `trans=`
    pub enum Translation { None = "none", Auto = "auto", Lba = "lba" }

    /// `<mirror job=>`
    pub enum MirrorJob { Copy = "copy", ActiveCommit = "active-commit" }

    /// `<mirror ready=>`
    pub enum MirrorState { Yes = "yes", Abort = "abort", Pivot = "pivot" }
}

/// Place of a drive's name in the order of its kind: "vda" is 0, "sdaa" is 26, "hdb1" is 1. None: no such name.
pub fn target_index(target: &str) -> Option<u32> {
    let letters = ["fd", "hd", "vd", "sd", "xvd", "ubd"].iter().find_map(|p| target.strip_prefix(p))?;
    let end = letters.find(|c: char| !c.is_ascii_lowercase()).unwrap_or(letters.len());
    let (name, partition) = letters.split_at(end);
    if name.is_empty() || !partition.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let mut index: u32 = 0;
    for letter in name.bytes() {
        index = index.checked_mul(26)?.checked_add(u32::from(letter - b'a') + 1)?;
    }
    index.checked_sub(1)
}

#[cfg(test)]
mod tests {
    use super::target_index;

    #[test]
    fn names_count_as_letters() {
        assert_eq!(target_index("vda"), Some(0));
        assert_eq!(target_index("sdz"), Some(25));
        assert_eq!(target_index("xvdaa"), Some(26));
        assert_eq!(target_index("hdb1"), Some(1));
        assert_eq!(target_index("vd"), None);
        assert_eq!(target_index("xyz"), None);
        assert_eq!(target_index("vdaaaaaaaaaaaaaaaaaaaa"), None);
    }
}
