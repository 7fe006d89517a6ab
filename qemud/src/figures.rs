//! Live figures of a guest: from the kernel, and from QEMU with a short deadline.
//!
//! The kernel answers at once. QEMU may hang: it gets [`ANSWER_LIMIT`] once, then its last known answers are
//! given until it speaks again, so that statistics of a thousand guests never wait for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::proc;

use crate::domain::{Live, View};
use crate::monitor::{BlockStats, Monitor, MonitorError, NodeInfo};
use crate::parts;

/// How long statistics wait for QEMU.
pub const ANSWER_LIMIT: Duration = Duration::from_millis(500);

/// What a guest's disks have done, as QEMU counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct BlockFigures {
    /// Requests and bytes read, and the nanoseconds they took.
    pub read: (u64, u64, u64),
    /// Requests and bytes written, and the nanoseconds they took.
    pub written: (u64, u64, u64),
    /// Flushes, and the nanoseconds they took.
    pub flushed: (u64, u64),
    /// The highest offset written, in bytes.
    pub allocation: Option<u64>,
    /// The size that the guest sees, in bytes.
    pub capacity: Option<u64>,
    /// The size of the image's file, in bytes.
    pub physical: Option<u64>,
}

/// Figures of all disks by the alias of their device.
pub type BlockTable = HashMap<String, BlockFigures>;

/// The last answers of one QEMU.
#[derive(Debug, Default)]
pub struct LastKnown {
    block: Mutex<Arc<BlockTable>>,
}

/// The disks' figures: fresh ones, or the last known when QEMU does not answer now.
pub async fn block(live: &Live) -> Arc<BlockTable> {
    let known = || Arc::clone(&live.figures.block.lock().unwrap_or_else(PoisonError::into_inner));
    let Some(monitor) = live.monitor.as_ref().filter(|monitor| monitor.stalled_for().is_none()) else {
        return known();
    };
    let monitor = monitor.within(ANSWER_LIMIT);
    let (asked, files) = tokio::join!(ask_block(&monitor), file_sizes(live));
    match asked {
        Ok(mut table) => {
            for (alias, bytes) in files {
                table.entry(alias).or_default().physical = Some(bytes);
            }
            let table = Arc::new(table);
            *live.figures.block.lock().unwrap_or_else(PoisonError::into_inner) = Arc::clone(&table);
            table
        }
        Err(error) => {
            tracing::debug!(target: "qemu", "last known block figures of pid {}: {error}", live.process.pid);
            known()
        }
    }
}

/// Sizes of the images' files by the disks' aliases. A file system that hangs costs its sizes, not the answer.
async fn file_sizes(live: &Live) -> Vec<(String, u64)> {
    let paths = parts::disks(&live.definition)
        .filter_map(|disk| Some((disk.info.alias.clone()?, parts::disk_path(disk)?.to_owned())));
    let paths: Vec<(String, String)> = paths.collect();
    let read = tokio::task::spawn_blocking(move || {
        let sizes = paths.into_iter().map(|(alias, path)| Some((alias, std::fs::metadata(path).ok()?.len())));
        sizes.flatten().collect()
    });
    match tokio::time::timeout(ANSWER_LIMIT, read).await {
        Ok(Ok(sizes)) => sizes,
        _ => Vec::new(),
    }
}

async fn ask_block(monitor: &Monitor) -> Result<BlockTable, MonitorError> {
    let (stats, nodes) = tokio::join!(monitor.query_blockstats(false), monitor.query_named_block_nodes());
    let sizes: HashMap<String, u64> = nodes?.iter().filter_map(size_of).collect();
    let stats = stats?;
    Ok(stats.iter().filter_map(|drive| Some((alias_of(drive)?, figures_of(drive, &sizes)))).collect())
}

fn size_of(node: &NodeInfo) -> Option<(String, u64)> {
    Some((node.node_name.clone()?, node.image.virtual_size))
}

fn figures_of(drive: &BlockStats, sizes: &HashMap<String, u64>) -> BlockFigures {
    let counters = &drive.stats;
    let storage = drive.parent.as_ref().map_or(counters, |parent| &parent.stats);
    BlockFigures {
        read: (counters.rd_operations, counters.rd_bytes, counters.rd_total_time_ns),
        written: (counters.wr_operations, counters.wr_bytes, counters.wr_total_time_ns),
        flushed: (counters.flush_operations, counters.flush_total_time_ns),
        allocation: Some(storage.wr_highest_offset),
        capacity: drive.node_name.as_ref().and_then(|node| sizes.get(node)).copied(),
        physical: None,
    }
}

/// The device's alias: the part of its object path behind `/machine/peripheral/`.
fn alias_of(drive: &BlockStats) -> Option<String> {
    match &drive.qdev {
        Some(path) => {
            let path = path.strip_prefix("/machine/peripheral/").unwrap_or(path);
            path.split('/').next().map(str::to_owned)
        }
        None => Some(drive.device.strip_prefix("drive-").unwrap_or(&drive.device).to_owned()),
    }
}

/// CPU time of a domain's process in nanoseconds, 0 when no guest runs. Reads procfs, which does not block.
pub fn cpu_time_ns(view: &View) -> u64 {
    let times = view.live.as_ref().and_then(|live| proc::times(live.process.pid));
    times.map_or(0, |times| times.user + times.system)
}
