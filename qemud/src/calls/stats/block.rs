//! Figures of disks.

use std::fmt::Display;
use std::sync::Arc;

use model::domain::Domain as Definition;
use model::domain::device::disk::Disk;
use model::domain::device::disk::source::{Backing, Location, StorageSource};
use protocol::consts::params as name;
use protocol::remote::{DomainBlockStatsRet, TypedParam, TypedParamValue};
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::Params;
use crate::diskinfo::{self, Images};
use crate::domain::{Live, View};
use crate::figures::{self, BlockFigures, BlockTable};
use crate::parts;

/// Sizes of the disks of those of the domains that do not run.
pub(super) async fn images(views: &[View]) -> Images {
    let resting = views.iter().filter(|view| view.live.is_none()).filter_map(|view| view.definition().ok());
    diskinfo::of_images(resting.flat_map(|definition| parts::disks(definition))).await
}

/// The group of the record of a domain that does not run; `images` has the sizes of its disks.
pub(super) fn at_rest(definition: &Definition, images: &Images, params: &mut Params) {
    params.uint("block.count", parts::disks(definition).count());
    for (number, disk) in parts::disks(definition).enumerate() {
        let mut entry = Entry { number, params };
        entry.source(&disk.target, &disk.source);
        entry.image(disk, images);
    }
}

/// The group of a running guest's record; with `backing` the images below each disk's are told too.
pub(super) async fn group(live: &Live, backing: bool) -> Params {
    let mut params = Params::default();
    let definition = &live.definition;
    let table = match parts::disks(definition).next() {
        Some(_) => figures::block(live).await,
        None => Arc::default(),
    };
    // The count goes first.
    let mut entries = Params::default();
    let mut count = 0;
    for disk in parts::disks(definition) {
        let mut entry = Entry { number: count, params: &mut entries };
        count += 1;
        entry.source(&disk.target, &disk.source);
        entry.running(disk, &table);
        let mut below = &disk.source.backing;
        while let (true, Backing::Source(source)) = (backing, below) {
            let mut entry = Entry { number: count, params: &mut entries };
            count += 1;
            entry.source(&disk.target, source);
            entry.node(source, &table);
            below = &source.backing;
        }
    }
    params.uint("block.count", count);
    params.append(&entries);
    params
}

/// The figures of one image in the making.
struct Entry<'p> {
    number: usize,
    params: &'p mut Params,
}

impl Entry<'_> {
    fn add(&mut self, name: impl Display, value: u64) {
        self.params.ullong(format_args!("block.{}.{name}", self.number), value);
    }

    fn source(&mut self, target: &str, source: &StorageSource) {
        self.params.text(format_args!("block.{}.name", self.number), target);
        if let Location::File { path: Some(path), .. }
        | Location::Block { path: Some(path) }
        | Location::Dir { path: Some(path) } = &source.location
        {
            self.params.text(format_args!("block.{}.path", self.number), path);
        }
        if let Some(index) = source.index {
            self.params.uint(format_args!("block.{}.backingIndex", self.number), index as usize);
        }
    }

    fn running(&mut self, disk: &Disk, table: &BlockTable) {
        let alias = disk.info.alias.as_deref().unwrap_or_default();
        let Some(figures) = table.disks.get(alias) else { return };
        for (way, (requests, bytes, time)) in [("rd", figures.read), ("wr", figures.written)] {
            self.add(format_args!("{way}.reqs"), requests);
            self.add(format_args!("{way}.bytes"), bytes);
            self.add(format_args!("{way}.times"), time);
        }
        self.add("fl.reqs", figures.flushed.0);
        self.add("fl.times", figures.flushed.1);
        if !parts::is_empty(disk) {
            self.sizes(figures.allocation, figures.capacity, figures.physical);
        }
    }

    /// An image below a disk's, by its node.
    fn node(&mut self, source: &StorageSource, table: &BlockTable) {
        let node = source.index.and_then(|index| table.nodes.get(&format!("libvirt-{index}-format")));
        if let Some(node) = node {
            self.sizes(Some(node.allocation), Some(node.capacity), node.physical);
        }
    }

    /// The image of a disk without a guest. What cannot be read has no sizes.
    fn image(&mut self, disk: &Disk, images: &Images) {
        if let Some(sizes) = images.of(disk) {
            let allocation = Some(sizes.allocation).filter(|bytes| *bytes > 0);
            self.sizes(allocation, Some(sizes.capacity), Some(sizes.physical));
        }
    }

    fn sizes(&mut self, allocation: Option<u64>, capacity: Option<u64>, physical: Option<u64>) {
        for (name, bytes) in [("allocation", allocation), ("capacity", capacity), ("physical", physical)] {
            if let Some(bytes) = bytes {
                self.add(name, bytes);
            }
        }
    }
}

/// One disk of a running guest, by its target or source path, or with an empty name all together (procedure 64).
pub(super) async fn one(view: &View, path: &str) -> Result<DomainBlockStatsRet, Fault> {
    let figures = counters(view, path).await?;
    let signed = |n: u64| i64::try_from(n).unwrap_or(i64::MAX);
    Ok(DomainBlockStatsRet {
        rd_req: signed(figures.read.0),
        rd_bytes: signed(figures.read.1),
        wr_req: signed(figures.written.0),
        wr_bytes: signed(figures.written.1),
        errs: -1,
    })
}

/// As [`one`], by names (procedure 243): as many as there is room for, and how many there are.
pub(super) async fn by_name(view: &View, path: &str, room: i32) -> Result<(Vec<TypedParam>, i32), Fault> {
    let figures = counters(view, path).await?;
    let signed = |n: u64| TypedParamValue::Llong(i64::try_from(n).unwrap_or(i64::MAX));
    let named = [
        (name::DOMAIN_BLOCK_STATS_WRITE_BYTES, figures.written.1),
        (name::DOMAIN_BLOCK_STATS_WRITE_REQ, figures.written.0),
        (name::DOMAIN_BLOCK_STATS_READ_BYTES, figures.read.1),
        (name::DOMAIN_BLOCK_STATS_READ_REQ, figures.read.0),
        (name::DOMAIN_BLOCK_STATS_FLUSH_REQ, figures.flushed.0),
        (name::DOMAIN_BLOCK_STATS_WRITE_TOTAL_TIMES, figures.written.2),
        (name::DOMAIN_BLOCK_STATS_READ_TOTAL_TIMES, figures.read.2),
        (name::DOMAIN_BLOCK_STATS_FLUSH_TOTAL_TIMES, figures.flushed.1),
    ];
    let count = i32::try_from(named.len()).unwrap_or(i32::MAX);
    let most = usize::try_from(room).unwrap_or(0);
    let params = named.into_iter().take(most).map(|(name, value)| TypedParam::new(name, signed(value)));
    Ok((params.collect(), if room == 0 { count } else { count.min(room) }))
}

async fn counters(view: &View, path: &str) -> Result<BlockFigures, Fault> {
    let live = view.active()?;
    if path.is_empty() {
        let table = figures::block(live).await;
        return Ok(table.disks.values().fold(BlockFigures::default(), sum));
    }
    let disk = parts::disk_by(&live.definition, path)
        .ok_or_else(|| Fault::invalid_arg(ErrorDomain::QEMU, format!("invalid path: {path}")))?;
    let table = figures::block(live).await;
    let figures = disk.info.alias.as_deref().and_then(|alias| table.disks.get(alias));
    figures.copied().ok_or_else(|| {
        let detail = format!("QEMU does not tell figures of disk '{}' now", disk.target);
        Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail)
    })
}

fn sum(all: BlockFigures, one: &BlockFigures) -> BlockFigures {
    let three = |a: (u64, u64, u64), b: (u64, u64, u64)| {
        (a.0.saturating_add(b.0), a.1.saturating_add(b.1), a.2.saturating_add(b.2))
    };
    let flushed = (all.flushed.0.saturating_add(one.flushed.0), all.flushed.1.saturating_add(one.flushed.1));
    BlockFigures { read: three(all.read, one.read), written: three(all.written, one.written), flushed, ..all }
}
