//! Live figures of a guest: from the kernel, and from QEMU with a short deadline.
//!
//! The kernel answers at once. QEMU may hang: it gets [`ANSWER_LIMIT`] once, then its last known answers are
//! given until it speaks again, so that statistics of a thousand guests never wait for one.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::proc;
use serde_json::Value;

use crate::domain::{Live, View};
use crate::monitor::{BlockStats, Monitor, MonitorError, NodeInfo};

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
    /// What the image takes on the host, in bytes.
    pub physical: Option<u64>,
}

/// Figures of one node of an image chain.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct NodeFigures {
    /// The highest offset written, in bytes.
    pub allocation: u64,
    /// The size that its user sees, in bytes.
    pub capacity: u64,
    /// What it takes on the host, in bytes.
    pub physical: Option<u64>,
}

/// Figures of all disks, and of the images behind them.
#[derive(Debug, Default)]
pub struct BlockTable {
    /// By the alias of the disk's device.
    pub disks: HashMap<String, BlockFigures>,
    /// By the node's name ("libvirt-3-format").
    pub nodes: HashMap<String, NodeFigures>,
}

/// The last answers of one QEMU.
#[derive(Debug, Default)]
pub struct LastKnown {
    block: Mutex<Arc<BlockTable>>,
    answers: Mutex<HashMap<&'static str, Arc<Value>>>,
}

/// QEMU's answer to a question that takes it no time: a fresh one, or the last known when it does not answer now.
/// None: it refuses, or has never answered. `key` tells the questions apart.
pub async fn answer(live: &Live, key: &'static str, command: &str, arguments: Value) -> Option<Arc<Value>> {
    let answers = || live.figures.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let known = || answers().get(key).map(Arc::clone);
    let Some(monitor) = live.monitor.as_ref().filter(|monitor| monitor.stalled_for().is_none()) else {
        return known();
    };
    match monitor.within(ANSWER_LIMIT).execute(command, arguments).await {
        Ok(value) => {
            let value = Arc::new(value);
            answers().insert(key, Arc::clone(&value));
            Some(value)
        }
        Err(MonitorError::Command { .. }) => None,
        Err(error) => {
            tracing::debug!(target: "qemu", "last known {key} of pid {}: {error}", live.process.pid);
            known()
        }
    }
}

/// QEMU's answer to a question that has the same answer as long as it runs; `None` as of [`answer`].
pub async fn constant(live: &Live, key: &'static str, command: &str) -> Option<Arc<Value>> {
    let known = live.figures.answers.lock().unwrap_or_else(PoisonError::into_inner).get(key).map(Arc::clone);
    match known {
        Some(known) => Some(known),
        None => answer(live, key, command, Value::Null).await,
    }
}

/// The disks' figures: fresh ones, or the last known when QEMU does not answer now.
pub async fn block(live: &Live) -> Arc<BlockTable> {
    let known = || Arc::clone(&live.figures.block.lock().unwrap_or_else(PoisonError::into_inner));
    let Some(monitor) = live.monitor.as_ref().filter(|monitor| monitor.stalled_for().is_none()) else {
        return known();
    };
    let monitor = monitor.within(ANSWER_LIMIT);
    match ask_block(&monitor).await {
        Ok(table) => {
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

async fn ask_block(monitor: &Monitor) -> Result<BlockTable, MonitorError> {
    let (stats, nodes) = tokio::join!(monitor.query_blockstats(false), monitor.query_named_block_nodes());
    let mut table = BlockTable::default();
    for NodeInfo { node_name, image, .. } in nodes? {
        let known = NodeFigures { allocation: 0, capacity: image.virtual_size, physical: image.actual_size };
        table.nodes.extend(node_name.map(|name| (name, known)));
    }
    for drive in &stats? {
        note_written(drive, &mut table.nodes);
        if let Some(alias) = alias_of(drive) {
            let figures = figures_of(drive, &table.nodes);
            table.disks.insert(alias, figures);
        }
    }
    Ok(table)
}

/// How far each node of a chain was written. Depth is bounded by the answer's parser.
fn note_written(drive: &BlockStats, nodes: &mut HashMap<String, NodeFigures>) {
    if let Some(node) = drive.node_name.as_ref().and_then(|name| nodes.get_mut(name)) {
        node.allocation =
            drive.parent.as_ref().map_or(&drive.stats, |parent| &parent.stats).wr_highest_offset;
    }
    if let Some(backing) = &drive.backing {
        note_written(backing, nodes);
    }
}

fn figures_of(drive: &BlockStats, nodes: &HashMap<String, NodeFigures>) -> BlockFigures {
    let counters = &drive.stats;
    let node = drive.node_name.as_ref().and_then(|name| nodes.get(name));
    BlockFigures {
        read: (counters.rd_operations, counters.rd_bytes, counters.rd_total_time_ns),
        written: (counters.wr_operations, counters.wr_bytes, counters.wr_total_time_ns),
        flushed: (counters.flush_operations, counters.flush_total_time_ns),
        allocation: node.map(|node| node.allocation),
        capacity: node.map(|node| node.capacity),
        physical: node.and_then(|node| node.physical),
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
