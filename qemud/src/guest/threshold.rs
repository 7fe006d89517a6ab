//! Thresholds of disks: clients are told when a guest has written beyond one, in time to give it more room.

use std::collections::BTreeSet;
use std::sync::{Mutex, PoisonError};

use ::driver::jobs::Job;
use model::domain::Domain as Definition;
use model::domain::device::disk::Disk;
use model::domain::device::disk::source::{Backing, StorageSource};
use protocol::remote::DomainSetBlockThresholdArgs;
use protocol::{ErrorDomain, Fault};

use crate::driver::{Driver, no_flags};
use crate::parts;
use crate::process::control::active_monitor;

/// Which images a client named with their number (`vda[1]`): it is told of them in that form alone.
#[derive(Debug, Default)]
pub struct Named {
    numbers: Mutex<BTreeSet<u32>>,
}

impl Named {
    fn set(&self, number: u32, by_number: bool) {
        let mut numbers = self.numbers.lock().unwrap_or_else(PoisonError::into_inner);
        if by_number {
            numbers.insert(number);
        } else {
            numbers.remove(&number);
        }
    }

    fn contains(&self, number: u32) -> bool {
        self.numbers.lock().unwrap_or_else(PoisonError::into_inner).contains(&number)
    }
}

/// Set the threshold of an image in bytes (procedure 386, QMP `block-set-write-threshold`). The image is named by its
/// disk (`vda`), or by disk and number of the chain (`vda[2]`).
pub async fn set(driver: &Driver, args: DomainSetBlockThresholdArgs) -> Result<(), Fault> {
    no_flags("virDomainSetBlockThreshold", args.flags)?;
    let domain = driver.domain(&args.dom)?;
    let _job = domain.begin(Job::Modify, "virDomainSetBlockThreshold").await?;
    let monitor = active_monitor(&domain)?;
    let (definition, named) = {
        let view = domain.view();
        let live = view.active()?;
        (live.definition.clone(), live.thresholds.clone())
    };
    let found = find(&definition, &args.dev);
    let (image, by_number) = found.ok_or_else(|| {
        let detail = format!("failed to find disk '{}'", args.dev);
        Fault::invalid_arg(ErrorDomain::QEMU, detail)
    })?;
    let number = image.index.ok_or_else(|| {
        let detail = format!("image of disk '{}' has no block node", args.dev);
        Fault::internal(ErrorDomain::QEMU, detail)
    })?;
    let before = named.contains(number);
    // Before the command: the event may be quicker than its answer.
    named.set(number, by_number);
    let node = format!("libvirt-{number}-storage");
    let set = monitor.set_write_threshold(&node, args.threshold).await;
    if set.is_err() {
        named.set(number, before);
    }
    set.map_err(Fault::from)
}

/// Under which names clients are told of a node, and the path of its image.
pub fn names(definition: &Definition, named: &Named, node: &str) -> Option<(Vec<String>, Option<String>)> {
    let (disk, image) = image_of_node(definition, node)?;
    let number = image.index?;
    let indexed = format!("{}[{number}]", disk.target);
    let top = disk.source.index == Some(number);
    let names =
        if top && !named.contains(number) { vec![disk.target.clone(), indexed] } else { vec![indexed] };
    Some((names, parts::image_path(image).map(str::to_owned)))
}

/// The disk and the image of its chain that a node of QEMU is of: "libvirt-NUMBER-storage" or "…-format".
pub fn image_of_node<'a>(definition: &'a Definition, node: &str) -> Option<(&'a Disk, &'a StorageSource)> {
    let number = node.strip_prefix("libvirt-")?;
    let number = number.strip_suffix("-storage").or_else(|| number.strip_suffix("-format"))?.parse().ok()?;
    parts::disks(definition).find_map(|disk| Some((disk, image(disk, number)?)))
}

/// The image that a client names, and whether it did so by its number.
fn find<'a>(definition: &'a Definition, name: &str) -> Option<(&'a StorageSource, bool)> {
    let (target, number) = match name.strip_suffix(']').and_then(|name| name.split_once('[')) {
        Some((target, number)) => (target, Some(number.parse::<u32>().ok()?)),
        None => (name, None),
    };
    let disk = parts::disks(definition).find(|disk| disk.target == target)?;
    match number {
        Some(number) => image(disk, number).map(|image| (image, true)),
        None => Some((&disk.source, false)),
    }
}

fn image(disk: &Disk, number: u32) -> Option<&StorageSource> {
    let mut next = Some(&disk.source);
    while let Some(image) = next {
        if image.index == Some(number) {
            return Some(image);
        }
        next = match &image.backing {
            Backing::Source(below) => Some(below),
            _ => None,
        };
    }
    None
}
