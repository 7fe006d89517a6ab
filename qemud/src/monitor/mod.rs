//! The control connection to a QEMU process: QMP, the QEMU Machine Protocol (docs/interop/qmp-spec of QEMU).
//!
//! One task owns the socket; [`Monitor`] is a cheap handle to it. Calls of several askers are in flight at the same
//! time and each has its own deadline, so a QEMU that does not answer costs only those who ask it. Events come in
//! QEMU's order by [`Events`]; while nobody takes them, reading pauses, so none is lost and memory stays bounded.

mod actor;
mod block;
mod calls;
mod chardev;
mod compact;
mod device;
mod error;
pub mod event;
#[cfg(test)]
pub(crate) mod fake;
mod frames;
mod guest;
mod processor;
mod progress;
mod reply;
#[cfg(test)]
mod tests;

use std::os::fd::OwnedFd;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Map, Value};
use tokio::net::UnixStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout_at;

pub use block::{BlockCounters, BlockDevice, BlockStats, ImageInfo, NodeInfo};
pub use chardev::Chardev;
pub use device::QomProperty;
pub use error::MonitorError;
pub use event::{Event, EventKind};
pub use guest::{BalloonStats, Cpu, CpuProps, IoThreadInfo, KvmInfo, RunState, VncClient, VncInfo};
pub use processor::CpuWords;

use actor::{Actor, Outcome, Request, Shared, Want};

/// How long a call may take unless the caller says otherwise.
pub const DEFAULT_LIMIT: Duration = Duration::from_secs(30);
/// Events that may wait for their reader before reading from QEMU pauses.
const EVENT_QUEUE: usize = 4096;
/// Calls that may wait for the task before callers wait.
const CALL_QUEUE: usize = 64;

/// A handle to one QEMU's control connection. The connection ends when the last handle is dropped.
#[derive(Clone, Debug)]
pub struct Monitor {
    calls: mpsc::Sender<Box<Request>>,
    shared: Arc<Shared>,
    limit: Duration,
}

/// The events of one QEMU, in its order.
#[derive(Debug)]
pub struct Events {
    queue: mpsc::Receiver<Box<Event>>,
    shared: Arc<Shared>,
    /// The last event taken counts as dealt with when the next one is asked for.
    taken: bool,
}

impl Events {
    /// The next event; `None` once the connection has ended and all events before its end were taken.
    pub async fn next(&mut self) -> Option<Event> {
        if std::mem::take(&mut self.taken) {
            self.shared.progress.handled_one();
        }
        let event = self.queue.recv().await;
        self.taken = event.is_some();
        event.map(|event| *event)
    }
}

impl Drop for Events {
    fn drop(&mut self) {
        self.shared.progress.end();
    }
}

impl Monitor {
    /// Connect to QEMU's listening socket, take its greeting and negotiate, all within `limit`.
    pub async fn connect(path: &Path, limit: Duration) -> Result<(Self, Events), MonitorError> {
        let end = Instant::now() + limit;
        let stream = within(end, "connect", limit, UnixStream::connect(path)).await?;
        let stream = stream.map_err(MonitorError::Connect)?;
        Self::start(stream, end, limit).await
    }

    /// Take a connected socket whose other end QEMU has (or is about to accept), and negotiate within `limit`.
    pub async fn attach(
        stream: std::os::unix::net::UnixStream,
        limit: Duration,
    ) -> Result<(Self, Events), MonitorError> {
        stream.set_nonblocking(true).map_err(MonitorError::Connect)?;
        let stream = UnixStream::from_std(stream).map_err(MonitorError::Connect)?;
        Self::start(stream, Instant::now() + limit, limit).await
    }

    async fn start(
        stream: UnixStream,
        end: Instant,
        limit: Duration,
    ) -> Result<(Self, Events), MonitorError> {
        let (calls, call_queue) = mpsc::channel(CALL_QUEUE);
        let (events, event_queue) = mpsc::channel(EVENT_QUEUE);
        let (greeted, greeting) = oneshot::channel();
        let shared = Arc::new(Shared::default());
        let actor = Actor::new(stream, call_queue, events, Arc::clone(&shared));
        tokio::spawn(actor.run(greeted));
        let events = Events { queue: event_queue, shared: Arc::clone(&shared), taken: false };
        let monitor = Self { calls, shared, limit: DEFAULT_LIMIT };
        match within(end, "greeting", limit, greeting).await? {
            Ok(()) => {}
            Err(_) => return Err(monitor.shared.reason()),
        }
        let left = end.saturating_duration_since(Instant::now());
        monitor.execute_within("qmp_capabilities", Value::Null, left).await?;
        Ok((monitor, events))
    }

    /// The same connection with another deadline for the calls made by this handle.
    #[must_use]
    pub fn within(&self, limit: Duration) -> Self {
        Self { limit, ..self.clone() }
    }

    /// Execute a command; `arguments` is an object, or null for none. Answers QEMU's `return` value.
    pub async fn execute(&self, command: &str, arguments: Value) -> Result<Value, MonitorError> {
        self.execute_within(command, arguments, self.limit).await
    }

    /// As [`execute`](Self::execute) with a deadline of its own.
    pub async fn execute_within(
        &self,
        command: &str,
        arguments: Value,
        limit: Duration,
    ) -> Result<Value, MonitorError> {
        self.submit(Command { name: command, body: body(command, arguments), fds: Vec::new() }, limit).await
    }

    /// Execute a command that takes descriptors along (`getfd`, `add-fd`). They are closed on our side afterwards.
    pub async fn execute_with_fds(
        &self,
        command: &str,
        arguments: Value,
        fds: Vec<OwnedFd>,
    ) -> Result<Value, MonitorError> {
        if fds.len() > actor::MAX_FDS {
            return Err(MonitorError::Invalid(format!("more than {} descriptors", actor::MAX_FDS)));
        }
        self.submit(Command { name: command, body: body(command, arguments), fds }, self.limit).await
    }

    /// Pass a client's command on as it is and answer QEMU's whole reply, errors included, as QEMU wrote it but
    /// without blanks between its parts. The text must be one JSON object without `id`; descriptors go with it.
    pub async fn raw(&self, text: &str, fds: Vec<OwnedFd>) -> Result<String, MonitorError> {
        let parsed: Value = serde_json::from_str(text)
            .map_err(|error| MonitorError::Invalid(format!("not JSON: {error}")))?;
        let Value::Object(body) = parsed else {
            return Err(MonitorError::Invalid("a command is a JSON object".to_owned()));
        };
        let name = match body.get("execute").or_else(|| body.get("exec-oob")) {
            Some(Value::String(name)) => name.clone(),
            // QEMU says what it misses.
            _ => "command".to_owned(),
        };
        if body.contains_key("id") {
            return Err(MonitorError::Invalid("the 'id' of a command is given by the connection".to_owned()));
        }
        match self.call(Command { name: &name, body, fds }, Want::Text, self.limit).await? {
            Outcome::Text(text) => Ok(text),
            Outcome::Value(value) => Ok(value.to_string()),
        }
    }

    /// Returns once the connection has ended; at once if it has already.
    pub async fn closed(&self) {
        self.calls.closed().await;
    }

    /// Wait until all events that QEMU told of before its last answer were dealt with, at most as long as a call may
    /// take: whoever asks for a change then finds what QEMU has told of it.
    pub async fn caught_up(&self) {
        if tokio::time::timeout(self.limit, self.shared.progress.caught_up()).await.is_err() {
            tracing::warn!(target: "qemu", "events of QEMU wait for {} seconds", self.limit.as_secs());
        }
    }

    /// Whether the connection has ended.
    pub fn is_closed(&self) -> bool {
        self.calls.is_closed()
    }

    /// Whether the connection has ended because QEMU broke the protocol.
    pub fn is_broken(&self) -> bool {
        matches!(self.shared.reason(), MonitorError::Protocol(_))
    }

    /// How long the oldest call has been waiting for its answer, if one is.
    pub fn busy_for(&self) -> Option<Duration> {
        self.shared.oldest().map(|(since, _)| since.elapsed())
    }

    /// As [`busy_for`](Self::busy_for), only when that call is past its deadline: QEMU does not answer.
    pub fn stalled_for(&self) -> Option<Duration> {
        let (since, end) = self.shared.oldest()?;
        (Instant::now() >= end).then(|| since.elapsed())
    }

    async fn submit(&self, command: Command<'_>, limit: Duration) -> Result<Value, MonitorError> {
        let name = command.name;
        match self.call(command, Want::Value, limit).await? {
            Outcome::Value(value) => reply::returned(name, value),
            Outcome::Text(_) => Err(MonitorError::Protocol("text where a value was wanted".to_owned())),
        }
    }

    async fn call(&self, command: Command<'_>, want: Want, limit: Duration) -> Result<Outcome, MonitorError> {
        let end = Instant::now() + limit;
        let ticket = self.shared.enter(end);
        let id = ticket.id();
        let (done, outcome) = oneshot::channel();
        let bytes = encode(command.body, id);
        let request = Box::new(Request { id, bytes, fds: command.fds, want, done });
        match within(end, command.name, limit, self.calls.send(request)).await? {
            Ok(()) => ticket.hand_over(),
            Err(_) => return Err(self.shared.reason()),
        }
        match within(end, command.name, limit, outcome).await? {
            Ok(outcome) => Ok(outcome),
            Err(_) => Err(self.shared.reason()),
        }
    }
}

struct Command<'a> {
    name: &'a str,
    body: Map<String, Value>,
    fds: Vec<OwnedFd>,
}

fn body(command: &str, arguments: Value) -> Map<String, Value> {
    let mut body = Map::new();
    body.insert("execute".to_owned(), command.into());
    if !arguments.is_null() {
        body.insert("arguments".to_owned(), arguments);
    }
    body
}

fn encode(mut body: Map<String, Value>, id: u64) -> Vec<u8> {
    body.insert("id".to_owned(), reply::id_text(id).into());
    let mut bytes = Value::Object(body).to_string().into_bytes();
    bytes.extend_from_slice(b"\r\n");
    bytes
}

async fn within<F: Future>(
    end: Instant,
    command: &str,
    limit: Duration,
    future: F,
) -> Result<F::Output, MonitorError> {
    timeout_at(end.into(), future)
        .await
        .map_err(|_| MonitorError::Timeout { command: command.to_owned(), limit })
}
