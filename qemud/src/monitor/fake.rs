//! A QMP server for tests that misbehaves on demand. Tests write what QEMU would write, and read what it would read.

use serde_json::{Value, json};
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};

use super::{Events, Monitor, MonitorError};

/// The greeting of a QEMU 7.2.
pub(crate) const GREETING: &str = r#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 7}, "package": ""}, "capabilities": ["oob"]}}"#;

/// The other end of a monitor's socket.
pub(crate) struct Fake {
    input: BufReader<OwnedReadHalf>,
    output: OwnedWriteHalf,
}

impl Fake {
    /// A fake and the client's end of its socket; nothing is said yet.
    pub(crate) fn silent() -> (Self, std::os::unix::net::UnixStream) {
        let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let (input, output) = tokio::net::UnixStream::from_std(ours).unwrap().into_split();
        (Self { input: BufReader::new(input), output }, theirs)
    }

    /// A fake with a monitor that has greeted and negotiated.
    pub(crate) async fn connected() -> (Self, Monitor, Events) {
        let (mut fake, theirs) = Self::silent();
        let ((), attached) = tokio::join!(fake.greet(), Monitor::attach(theirs, Duration::from_secs(5)));
        let (monitor, events) = attached.unwrap();
        (fake, monitor, events)
    }

    /// Say the greeting and agree to the negotiation.
    pub(crate) async fn greet(&mut self) {
        self.say(GREETING).await;
        let command = self.hear().await.unwrap();
        assert_eq!(command["execute"], "qmp_capabilities");
        self.answer(&command, json!({})).await;
    }

    /// The next command; `None` when the monitor has hung up.
    pub(crate) async fn hear(&mut self) -> Option<Value> {
        let mut line = String::new();
        match self.input.read_line(&mut line).await.unwrap() {
            0 => None,
            _ => Some(serde_json::from_str(&line).unwrap()),
        }
    }

    /// Write a line.
    pub(crate) async fn say(&mut self, line: &str) {
        self.bytes(line.as_bytes()).await.unwrap();
        self.bytes(b"\r\n").await.unwrap();
    }

    /// Write bytes.
    pub(crate) async fn bytes(&mut self, bytes: &[u8]) -> std::io::Result<()> {
        self.output.write_all(bytes).await
    }

    /// Answer a command.
    pub(crate) async fn answer(&mut self, command: &Value, value: Value) {
        self.say(&json!({"return": value, "id": command["id"]}).to_string()).await;
    }

    /// Refuse a command.
    pub(crate) async fn refuse(&mut self, command: &Value, class: &str, desc: &str) {
        let error = json!({"class": class, "desc": desc});
        self.say(&json!({"id": command["id"], "error": error}).to_string()).await;
    }

    /// Answer every command with an empty object, but the `fails`-th (from 1) with an error; until the monitor
    /// hangs up.
    pub(crate) async fn serve_failing(mut self, fails: usize) {
        let mut count = 0;
        while let Some(command) = self.hear().await {
            count += 1;
            match count == fails {
                true => self.refuse(&command, "GenericError", "told to fail").await,
                false => self.answer(&command, json!({})).await,
            }
        }
    }
}

/// Whether an error is a deadline.
pub(crate) fn is_timeout<T>(result: &Result<T, MonitorError>) -> bool {
    matches!(result, Err(MonitorError::Timeout { .. }))
}
