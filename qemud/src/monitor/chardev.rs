//! Character devices.

use serde::Deserialize;
use serde_json::Value;

use super::{Monitor, MonitorError};

/// One character device (`query-chardev`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Chardev {
    /// Its id: "charserial0".
    pub label: String,
    /// What it is connected to: "pty:/dev/pts/3", "unix:/path,server=on".
    pub filename: String,
    /// The guest's side is open.
    #[serde(default)]
    pub frontend_open: bool,
}

impl Chardev {
    /// The terminal of a `pty` device: "/dev/pts/3".
    pub fn pty(&self) -> Option<&str> {
        self.filename.strip_prefix("pty:")
    }
}

impl Monitor {
    /// All character devices.
    pub async fn query_chardev(&self) -> Result<Vec<Chardev>, MonitorError> {
        self.ask("query-chardev", Value::Null).await
    }
}
