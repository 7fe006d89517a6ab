//! Commands that steer the whole machine, and how answers become types.

use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::{Monitor, MonitorError};

impl Monitor {
    /// Execute a command and read its answer as a `T`; members that `T` does not know are passed over.
    pub async fn ask<T: DeserializeOwned>(&self, command: &str, arguments: Value) -> Result<T, MonitorError> {
        let value = self.execute(command, arguments).await?;
        serde_json::from_value(value)
            .map_err(|error| MonitorError::Reply { command: command.to_owned(), what: error.to_string() })
    }

    /// Execute a command whose answer says nothing.
    pub(super) async fn order(&self, command: &str, arguments: Value) -> Result<(), MonitorError> {
        self.execute(command, arguments).await.map(drop)
    }

    /// Let the processors run (`cont`).
    pub async fn cont(&self) -> Result<(), MonitorError> {
        self.order("cont", Value::Null).await
    }

    /// Stop the processors (`stop`); returns when disks have nothing in flight any more.
    pub async fn stop(&self) -> Result<(), MonitorError> {
        self.order("stop", Value::Null).await
    }

    /// Press the power button (`system_powerdown`).
    pub async fn system_powerdown(&self) -> Result<(), MonitorError> {
        self.order("system_powerdown", Value::Null).await
    }

    /// Press the reset button (`system_reset`).
    pub async fn system_reset(&self) -> Result<(), MonitorError> {
        self.order("system_reset", Value::Null).await
    }

    /// Wake a guest that sleeps in RAM (`system_wakeup`).
    pub async fn system_wakeup(&self) -> Result<(), MonitorError> {
        self.order("system_wakeup", Value::Null).await
    }

    /// End QEMU (`quit`).
    pub async fn quit(&self) -> Result<(), MonitorError> {
        self.order("quit", Value::Null).await
    }

    /// Send a non-maskable interrupt to all processors (`inject-nmi`).
    pub async fn inject_nmi(&self) -> Result<(), MonitorError> {
        self.order("inject-nmi", Value::Null).await
    }

    /// A line for the human monitor (`human-monitor-command`); answers what it prints.
    pub async fn human(&self, line: &str) -> Result<String, MonitorError> {
        self.ask("human-monitor-command", json!({"command-line": line})).await
    }

    /// Press keys given by their QKeyCode numbers for `hold_ms` milliseconds (`send-key`); 0 is QEMU's default.
    pub async fn send_key(&self, keys: &[u32], hold_ms: u32) -> Result<(), MonitorError> {
        let keys: Vec<Value> = keys.iter().map(|key| json!({"type": "number", "data": key})).collect();
        let arguments = match hold_ms {
            0 => json!({"keys": keys}),
            _ => json!({"keys": keys, "hold-time": hold_ms}),
        };
        self.order("send-key", arguments).await
    }

    /// Have the VNC server read its certificates again (`display-reload`, QEMU 6.0).
    pub async fn display_reload_vnc_tls(&self) -> Result<(), MonitorError> {
        self.order("display-reload", json!({"type": "vnc", "tls-certs": true})).await
    }

    /// Begin to write the guest's memory as an ELF file to a descriptor that QEMU has by a name; DUMP_COMPLETED
    /// tells when it is done (`dump-guest-memory`).
    pub async fn dump_guest_memory(&self, fd_name: &str) -> Result<(), MonitorError> {
        let arguments = json!({"paging": false, "protocol": format!("fd:{fd_name}"), "detach": true});
        self.order("dump-guest-memory", arguments).await
    }

    /// Tell by BLOCK_WRITE_THRESHOLD when a node is written beyond an offset in bytes; 0 for never
    /// (`block-set-write-threshold`).
    pub async fn set_write_threshold(&self, node_name: &str, bytes: u64) -> Result<(), MonitorError> {
        let arguments = json!({"node-name": node_name, "write-threshold": bytes});
        self.order("block-set-write-threshold", arguments).await
    }

    /// Write a picture of a head of a video device (or the primary one) into a file (`screendump`). The format is
    /// "ppm" or "png", or `None` for QEMU's default.
    pub async fn screendump(
        &self,
        file: &str,
        device: Option<(&str, u32)>,
        format: Option<&str>,
    ) -> Result<(), MonitorError> {
        let mut arguments = json!({"filename": file});
        if let Some((device, head)) = device {
            arguments["device"] = device.into();
            arguments["head"] = head.into();
        }
        if let Some(format) = format {
            arguments["format"] = format.into();
        }
        self.order("screendump", arguments).await
    }
}
