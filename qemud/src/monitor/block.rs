//! Disks as QEMU sees them.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Monitor, MonitorError};

/// One drive (`query-block`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockDevice {
    /// Name of the drive; empty with -blockdev.
    #[serde(default)]
    pub device: String,
    /// Path of the guest's device in the object tree.
    pub qdev: Option<String>,
    /// It has a tray or slot.
    #[serde(default)]
    pub removable: bool,
    /// The guest has locked the tray.
    #[serde(default)]
    pub locked: bool,
    /// The tray is open.
    #[serde(default, rename = "tray_open")]
    pub tray_open: bool,
    /// "ok", "failed" or "nospace".
    pub io_status: Option<String>,
    /// The medium.
    pub inserted: Option<NodeInfo>,
}

/// Counters of one node or drive (`query-blockstats`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct BlockStats {
    /// Name of the drive; empty with -blockdev.
    #[serde(default)]
    pub device: String,
    /// Path of the guest's device in the object tree.
    pub qdev: Option<String>,
    /// The node.
    pub node_name: Option<String>,
    /// The counters.
    pub stats: BlockCounters,
    /// The node below that does the work.
    pub parent: Option<Box<BlockStats>>,
    /// The next image of the chain.
    pub backing: Option<Box<BlockStats>>,
}

/// Operations, bytes and nanoseconds since QEMU's start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct BlockCounters {
    /// Reads.
    pub rd_operations: u64,
    /// Bytes read.
    pub rd_bytes: u64,
    /// Time spent reading.
    pub rd_total_time_ns: u64,
    /// Writes.
    pub wr_operations: u64,
    /// Bytes written.
    pub wr_bytes: u64,
    /// Time spent writing.
    pub wr_total_time_ns: u64,
    /// Flushes.
    pub flush_operations: u64,
    /// Time spent flushing.
    pub flush_total_time_ns: u64,
    /// The highest offset written so far.
    pub wr_highest_offset: u64,
}

/// One node (`query-named-block-nodes`).
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct NodeInfo {
    /// Its name.
    pub node_name: Option<String>,
    /// Its driver: "qcow2", "file".
    pub drv: String,
    /// The file's name or JSON description.
    #[serde(default)]
    pub file: String,
    /// Not to be written to.
    #[serde(default)]
    pub ro: bool,
    /// What is known of the image.
    pub image: ImageInfo,
}

/// Sizes of an image, in bytes.
#[derive(Clone, Debug, PartialEq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct ImageInfo {
    /// File name or JSON description.
    pub filename: String,
    /// Format.
    pub format: String,
    /// As the guest sees it.
    pub virtual_size: u64,
    /// As it takes room on the host.
    pub actual_size: Option<u64>,
}

impl Monitor {
    /// All drives.
    pub async fn query_block(&self) -> Result<Vec<BlockDevice>, MonitorError> {
        self.ask("query-block", Value::Null).await
    }

    /// Counters of all drives, or (`nodes`) of all nodes.
    pub async fn query_blockstats(&self, nodes: bool) -> Result<Vec<BlockStats>, MonitorError> {
        let arguments = if nodes { json!({"query-nodes": true}) } else { Value::Null };
        self.ask("query-blockstats", arguments).await
    }

    /// All nodes, each without the chain below it (`flat`, QEMU 5.0).
    pub async fn query_named_block_nodes(&self) -> Result<Vec<NodeInfo>, MonitorError> {
        self.ask("query-named-block-nodes", json!({"flat": true})).await
    }
}
