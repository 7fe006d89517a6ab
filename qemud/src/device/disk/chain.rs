//! The images behind each disk: found out from the images before a start, down to the last one.

use model::Token;
use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::disk::source::{Backing, Location, StorageFormat, StorageSource};
use model::domain::device::disk::{DiskDevice, StartupPolicy};

use super::header::{self, Below};
use super::location;
use crate::command::PlanError;
use crate::defaults::Part;

/// Longest chain; what is longer goes in a circle.
const LONGEST: usize = 200;

/// The start of an image.
#[derive(Clone, Debug, Default)]
pub struct Head {
    /// Up to [`header::HEAD`] bytes.
    pub bytes: Vec<u8>,
    /// The image is a block device.
    pub block: bool,
}

/// Reads the start of a file.
pub type ReadHead<'a> = &'a dyn Fn(&str) -> std::io::Result<Head>;

/// Completes the chains of all disks. Chains that the document ends itself stay as they are. An image that cannot
/// be read is left to the checks of the start, if it is the guest's own; below, it is an error. Answers the targets of
/// disks that may be missing (`startupPolicy='optional'`) and are, from the last to the first.
pub fn detect(domain: &mut Domain, read: ReadHead<'_>) -> Result<Vec<String>, PlanError> {
    let mut missing = Vec::new();
    for device in domain.devices.iter_mut().rev() {
        let Device::Disk(disk) = device else { continue };
        let found = follow(&mut disk.source, read);
        if disk.startup_policy != Some(StartupPolicy::Optional) || disk.source.is_empty() {
            found?;
        } else if found.is_err() || !is_there(&disk.source, read) {
            missing.push(disk.target.clone());
        }
    }
    Ok(missing)
}

/// Whether an image can be read, as far as it is a file. What [`follow`] found below it can.
fn is_there(image: &StorageSource, read: ReadHead<'_>) -> bool {
    location::path(&image.location).is_none_or(|path| read(path).is_ok())
}

/// A disk that a guest does without.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Absent {
    /// Path of its image.
    pub path: Option<String>,
    /// Its alias.
    pub alias: String,
    /// The guest has no such disk; otherwise it has the drive, which is empty.
    pub dropped: bool,
}

/// Takes disks that are missing out of a live definition, a medium out of its drive. Places and numbers of other disks
/// stay.
pub fn leave_out(domain: &mut Domain, missing: &[String]) -> Vec<Absent> {
    let mut absent = Vec::new();
    for target in missing {
        let is_it = |device: &Device| matches!(device, Device::Disk(disk) if disk.target == *target);
        let Some(at) = domain.devices.iter().position(is_it) else { continue };
        let Some(Device::Disk(disk)) = domain.devices.get_mut(at) else { continue };
        let dropped = !matches!(disk.device, DiskDevice::Cdrom | DiskDevice::Floppy);
        let path = location::path(&disk.source.location).map(str::to_owned);
        absent.push(Absent { path, alias: disk.info.alias.clone().unwrap_or_default(), dropped });
        if dropped {
            domain.devices.remove(at);
        } else {
            disk.source = StorageSource {
                location: Location::File { path: None, fdgroup: None },
                ..StorageSource::default()
            };
            disk.startup_policy = None;
        }
    }
    absent
}

/// Goes down to the last image that is written down, and on from there.
fn follow(top: &mut StorageSource, read: ReadHead<'_>) -> Result<(), PlanError> {
    let mut image = top;
    let mut above: Option<String> = None;
    for _ in 0..LONGEST {
        if matches!(image.backing, Backing::Unknown) {
            image.backing = below(image, above.as_deref(), read)?;
        }
        above = location::path(&image.location).map(str::to_owned);
        match &mut image.backing {
            Backing::Source(next) => image = next,
            Backing::Unknown | Backing::None => return Ok(()),
        }
    }
    let path = above.unwrap_or_default();
    Err(PlanError::OperationInvalid(format!("the chain of backing images at '{path}' has no end")))
}

/// The image below one; unknown where only QEMU can tell.
fn below(image: &StorageSource, above: Option<&str>, read: ReadHead<'_>) -> Result<Backing, PlanError> {
    let Some(path) = location::path(&image.location) else { return Ok(Backing::Unknown) };
    let Some(format) = image.format else { return Ok(Backing::Unknown) };
    if !can_have_backing(format) && above.is_none() {
        return Ok(Backing::None);
    }
    let head = match (read(path), above) {
        (Ok(head), _) => head,
        (Err(_), None) => return Ok(Backing::Unknown),
        (Err(error), Some(above)) => {
            return Err(PlanError::Host {
                part: Part::Storage,
                detail: format!("Cannot access backing file '{path}' of storage file '{above}'"),
                errno: error.raw_os_error().unwrap_or(0),
            });
        }
    };
    let found = header::below(format, &head.bytes).map_err(|reason| {
        let format = format.as_str();
        PlanError::OperationInvalid(format!("cannot read '{path}' as {format} image: {reason}"))
    })?;
    match found {
        Some(found) => named(path, found, read),
        None if format == StorageFormat::Vmdk => Ok(Backing::Unknown),
        None => Ok(Backing::None),
    }
}

fn can_have_backing(format: StorageFormat) -> bool {
    matches!(format, StorageFormat::Qcow2 | StorageFormat::Qcow | StorageFormat::Qed | StorageFormat::Vmdk)
}

/// The image that a header names.
fn named(above: &str, below: Below, read: ReadHead<'_>) -> Result<Backing, PlanError> {
    let Some(path) = local(above, &below.name) else { return Ok(Backing::Unknown) };
    let head = read(&path).ok();
    let format = match (below.format, &head) {
        (Some(format), _) => format,
        // An image without a format in its parent is safe only if it cannot name further files.
        (None, Some(head)) if header::is_raw(&head.bytes) => StorageFormat::Raw,
        (None, Some(_)) => {
            return Err(PlanError::OperationInvalid(format!(
                "format of backing image '{path}' of image '{above}' was not specified in the image metadata (See https://libvirt.org/kbase/backing_chains.html for troubleshooting)"
            )));
        }
        // The next step says why it cannot be read.
        (None, None) => StorageFormat::Raw,
    };
    let location = if head.is_some_and(|head| head.block) {
        Location::Block { path: Some(path) }
    } else {
        Location::File { path: Some(path), fdgroup: None }
    };
    Ok(Backing::Source(Box::new(StorageSource {
        location,
        format: Some(format),
        ..StorageSource::default()
    })))
}

/// Path of a local backing file; none for URLs and JSON, which QEMU follows itself.
fn local(above: &str, name: &str) -> Option<String> {
    let name = name.strip_prefix("file:").unwrap_or(name);
    if name.starts_with('/') {
        return Some(name.to_owned());
    }
    let scheme = name.split_once(':').map(|(scheme, _)| scheme);
    if scheme.is_some_and(|scheme| !scheme.contains('/')) {
        return None;
    }
    let dir = above.rsplit_once('/').map_or("", |(dir, _)| dir);
    Some(format!("{dir}/{name}"))
}

/// Numbers the images of a live definition as their nodes are numbered: disks from the last to the first, each with
/// its chain. A drive without a medium takes a number too, but has no image.
pub fn number(domain: &mut Domain) {
    let mut next = 1;
    for device in domain.devices.iter_mut().rev() {
        let Device::Disk(disk) = device else { continue };
        if location::is_empty(&disk.source.location) {
            disk.source.format = None;
            next += 1;
            continue;
        }
        let mut image = &mut disk.source;
        loop {
            image.index.get_or_insert(next);
            next += 1;
            match &mut image.backing {
                Backing::Source(below) => image = below,
                Backing::Unknown | Backing::None => break,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_optional_may_be_missing() {
        let disk = |device: &str, path: &str, target: &str, bus: &str, policy: &str| {
            format!(
                "<disk type='file' device='{device}'><driver name='qemu' type='qcow2'/>\
                 <source file='{path}' startupPolicy='{policy}'/><target dev='{target}' bus='{bus}'/></disk>"
            )
        };
        let read = |path: &str| match path {
            "/there" => Ok(Head::default()),
            _ => Err(std::io::ErrorKind::NotFound.into()),
        };
        let text = format!(
            "<domain type='qemu'><name>a</name><memory>1</memory><os><type>hvm</type></os><devices>{}{}{}</devices>\
             </domain>",
            disk("disk", "/gone", "vda", "virtio", "optional"),
            disk("disk", "/gone", "vdb", "virtio", "mandatory"),
            disk("cdrom", "/gone", "sdc", "sata", "optional"),
        );
        let mut domain = Domain::parse_str(&text, &model::domain::ParseOptions::default()).unwrap();
        let missing = detect(&mut domain, &read).unwrap();
        assert_eq!(missing, ["sdc", "vda"]);
        let absent = leave_out(&mut domain, &missing);
        let told: Vec<_> = absent.iter().map(|disk| (disk.path.as_deref(), disk.dropped)).collect();
        assert_eq!(told, [(Some("/gone"), false), (Some("/gone"), true)]);
        let left: Vec<_> = domain
            .devices
            .iter()
            .filter_map(|device| match device {
                Device::Disk(disk) => Some((disk.target.as_str(), disk.source.is_empty())),
                _ => None,
            })
            .collect();
        assert_eq!(left, [("vdb", false), ("sdc", true)]);
    }

    #[test]
    fn names_relative_to_the_image_above() {
        assert_eq!(local("/a/b.qcow2", "c.raw").as_deref(), Some("/a/c.raw"));
        assert_eq!(local("/a/b.qcow2", "../c").as_deref(), Some("/a/../c"));
        assert_eq!(local("/a/b.qcow2", "file:/x").as_deref(), Some("/x"));
        assert_eq!(local("/a/b.qcow2", "nbd://h/x"), None);
        assert_eq!(local("/a/b.qcow2", "json:{}"), None);
        assert_eq!(local("/a/b.qcow2", "./a:b").as_deref(), Some("/a/./a:b"));
    }
}
