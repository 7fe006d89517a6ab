//! The task that owns the socket: it alone reads and writes.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, OwnedFd};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, sendmsg};
use serde_json::Value;
use tokio::io::Interest;
use tokio::net::UnixStream;
use tokio::sync::mpsc::{Receiver, Sender};
use tokio::sync::oneshot;
use tracing::{debug, warn};

use super::MonitorError;
use super::compact::compact;
use super::event::Event;
use super::frames::{Frames, MAX_LINE};
use super::progress::Progress;
use super::reply::{self, Message};

/// Bytes waiting to be written above which no further call is taken from the queue.
const WRITE_QUEUE: usize = 1 << 20;
/// Most descriptors that go with one command.
pub(super) const MAX_FDS: usize = 8;

/// In which form the caller wants the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Want {
    /// Parsed.
    Value,
    /// As text.
    Text,
}

/// An answer, `return` and `error` alike.
#[derive(Debug)]
pub(super) enum Outcome {
    Value(Value),
    Text(String),
}

/// One command on its way.
#[derive(Debug)]
pub(super) struct Request {
    pub(super) id: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) fds: Vec<OwnedFd>,
    pub(super) want: Want,
    pub(super) done: oneshot::Sender<Outcome>,
}

/// What handles and task both see.
#[derive(Debug, Default)]
pub(super) struct Shared {
    calls: Mutex<Calls>,
    failure: OnceLock<String>,
    pub(super) progress: Progress,
}

/// Calls without an answer: number to begin and deadline. Those whose callers gave up stay until QEMU answers.
#[derive(Debug, Default)]
struct Calls {
    last: u64,
    open: BTreeMap<u64, (Instant, Instant)>,
}

impl Shared {
    /// Note a call that begins now and is due at `end`.
    pub(super) fn enter(self: &Arc<Self>, end: Instant) -> Ticket {
        let mut calls = self.calls();
        calls.last += 1;
        let id = calls.last;
        calls.open.insert(id, (Instant::now(), end));
        drop(calls);
        Ticket { shared: Some(Arc::clone(self)), id }
    }

    /// Begin and deadline of the oldest call without an answer.
    pub(super) fn oldest(&self) -> Option<(Instant, Instant)> {
        self.calls().open.values().next().copied()
    }

    /// Why the connection ended.
    pub(super) fn reason(&self) -> MonitorError {
        match self.failure.get() {
            Some(what) => MonitorError::Protocol(what.clone()),
            None => MonitorError::Closed,
        }
    }

    fn leave(&self, id: u64) {
        self.calls().open.remove(&id);
    }

    fn calls(&self) -> MutexGuard<'_, Calls> {
        // Nothing panics while it is held, so what it holds is whole.
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A call's place in the list of open ones; given back on drop unless the task has taken the call over.
#[derive(Debug)]
pub(super) struct Ticket {
    shared: Option<Arc<Shared>>,
    id: u64,
}

impl Ticket {
    pub(super) fn id(&self) -> u64 {
        self.id
    }

    /// From now on the task says when the call is over.
    pub(super) fn hand_over(mut self) {
        self.shared = None;
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if let Some(shared) = &self.shared {
            shared.leave(self.id);
        }
    }
}

/// State of the task.
pub(super) struct Actor {
    stream: UnixStream,
    // Boxed: a channel has room for 32 at all times.
    queue: Receiver<Box<Request>>,
    events: Sender<Box<Event>>,
    shared: Arc<Shared>,
    input: Frames,
    output: VecDeque<Chunk>,
    output_bytes: usize,
    waiting: HashMap<u64, (Want, oneshot::Sender<Outcome>)>,
    /// The command whose descriptors QEMU may not have taken yet; QEMU keeps only the last ones it received, so
    /// the next such command must wait.
    fds_of: Option<u64>,
    fds_next: VecDeque<Box<Request>>,
    /// Events read but not yet delivered; while there are any, nothing more is read.
    undelivered: VecDeque<Box<Event>>,
}

struct Chunk {
    bytes: Vec<u8>,
    sent: usize,
    fds: Vec<OwnedFd>,
}

/// Why the task ends.
enum End {
    /// QEMU closed the connection, or we do not need it any more.
    Closed,
    /// QEMU wrote what cannot be understood.
    Failed(String),
}

impl From<io::Error> for End {
    fn from(error: io::Error) -> Self {
        debug!(%error, "monitor connection ended");
        Self::Closed
    }
}

impl Actor {
    pub(super) fn new(
        stream: UnixStream,
        queue: Receiver<Box<Request>>,
        events: Sender<Box<Event>>,
        shared: Arc<Shared>,
    ) -> Self {
        Self {
            stream,
            queue,
            events,
            shared,
            input: Frames::new(MAX_LINE),
            output: VecDeque::new(),
            output_bytes: 0,
            waiting: HashMap::new(),
            fds_of: None,
            fds_next: VecDeque::new(),
            undelivered: VecDeque::new(),
        }
    }

    /// Serve the connection until it ends. `greeted` hears of QEMU's greeting.
    pub(super) async fn run(mut self, greeted: oneshot::Sender<()>) {
        let mut greeted = Some(greeted);
        if let Err(End::Failed(what)) = self.serve(&mut greeted).await {
            warn!("monitor connection given up: {what}");
            let _ = self.shared.failure.set(what);
        }
        self.queue.close();
        drop(greeted);
        for (id, _) in self.waiting.drain() {
            self.shared.leave(id);
        }
        for request in self.fds_next.drain(..) {
            self.shared.leave(request.id);
        }
        while let Ok(request) = self.queue.try_recv() {
            self.shared.leave(request.id);
        }
        // Events that came before the end still count.
        while let Some(event) = self.undelivered.pop_front() {
            if self.events.send(event).await.is_err() {
                break;
            }
        }
    }

    async fn serve(&mut self, greeted: &mut Option<oneshot::Sender<()>>) -> Result<(), End> {
        loop {
            let reading = self.undelivered.is_empty();
            let interest = match (reading, self.output.is_empty()) {
                (true, true) => Some(Interest::READABLE),
                (true, false) => Some(Interest::READABLE | Interest::WRITABLE),
                (false, false) => Some(Interest::WRITABLE),
                (false, true) => None,
            };
            tokio::select! {
                request = self.queue.recv(), if self.output_bytes < WRITE_QUEUE => match request {
                    Some(request) => self.take(request)?,
                    None => return Err(End::Closed),
                },
                wanted = room(&self.events), if !reading => self.deliver(wanted),
                ready = self.stream.ready(interest.unwrap_or(Interest::READABLE)), if interest.is_some() => {
                    let ready = ready?;
                    if ready.is_writable() {
                        self.write()?;
                    }
                    if ready.is_readable() && reading {
                        self.read(greeted)?;
                    }
                }
            }
        }
    }

    /// Hand undelivered events over, as many as fit; without a reader they are of no use to anyone.
    fn deliver(&mut self, wanted: bool) {
        if !wanted {
            self.undelivered.clear();
        }
        while let Some(event) = self.undelivered.pop_front() {
            match self.events.try_send(event) {
                Ok(()) => {}
                Err(tokio::sync::mpsc::error::TrySendError::Full(event)) => {
                    self.undelivered.push_front(event);
                    return;
                }
                Err(tokio::sync::mpsc::error::TrySendError::Closed(_)) => self.undelivered.clear(),
            }
        }
    }

    fn take(&mut self, request: Box<Request>) -> Result<(), End> {
        if request.done.is_closed() {
            // The caller gave up before QEMU heard of it: it never will.
            self.shared.leave(request.id);
            return Ok(());
        }
        if !request.fds.is_empty() {
            if self.fds_of.is_some() {
                self.drop_abandoned();
                self.fds_next.push_back(request);
                return Ok(());
            }
            self.fds_of = Some(request.id);
        }
        debug!(id = request.id, "{}", reply::shown(&request.bytes));
        let Request { id, bytes, fds, want, done } = *request;
        self.output_bytes += bytes.len();
        self.waiting.insert(id, (want, done));
        self.output.push_back(Chunk { bytes, sent: 0, fds });
        Ok(self.write()?)
    }

    fn drop_abandoned(&mut self) {
        let shared = &self.shared;
        self.fds_next.retain(|request| {
            let alive = !request.done.is_closed();
            if !alive {
                shared.leave(request.id);
            }
            alive
        });
    }

    fn write(&mut self) -> io::Result<()> {
        while let Some(chunk) = self.output.front_mut() {
            let rest = &chunk.bytes[chunk.sent..];
            let written = match chunk.fds.is_empty() {
                true => self.stream.try_write(rest),
                false => {
                    self.stream.try_io(Interest::WRITABLE, || send_with_fds(&self.stream, rest, &chunk.fds))
                }
            };
            match written {
                Ok(count) => {
                    chunk.sent += count;
                    chunk.fds.clear();
                    self.output_bytes -= count;
                    if chunk.sent == chunk.bytes.len() {
                        self.output.pop_front();
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                // What QEMU wrote before it went away is still to be read; reading finds the end.
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.output.clear();
                    self.output_bytes = 0;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn read(&mut self, greeted: &mut Option<oneshot::Sender<()>>) -> Result<(), End> {
        let mut buffer = [0; 16 << 10];
        while self.undelivered.is_empty() {
            match self.stream.try_read(&mut buffer) {
                Ok(0) => return Err(End::Closed),
                Ok(count) => self.input.extend(&buffer[..count]),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error.into()),
            }
            self.messages(greeted)?;
        }
        Ok(())
    }

    /// All whole messages received so far.
    fn messages(&mut self, greeted: &mut Option<oneshot::Sender<()>>) -> Result<(), End> {
        loop {
            let line = match self.input.next() {
                Ok(Some(line)) => line,
                Ok(None) => return Ok(()),
                Err(_) => return Err(End::Failed(format!("a message is longer than {MAX_LINE} bytes"))),
            };
            match reply::parse(line).map_err(End::Failed)? {
                Message::Greeting => {
                    if let Some(greeted) = greeted.take() {
                        let _ = greeted.send(());
                    }
                }
                Message::Event(event) => {
                    debug!("event {} {}", event.name, event.data);
                    self.shared.progress.read_one();
                    self.undelivered.push_back(event);
                    self.deliver(true);
                }
                Message::Answer(id, value) => {
                    if let Some((want, done)) = self.waiting.remove(&id) {
                        let outcome = match want {
                            Want::Value => Outcome::Value(value),
                            Want::Text => Outcome::Text(compact(line)),
                        };
                        // A caller past its deadline is not there any more.
                        let _ = done.send(outcome);
                        self.answered(id)?;
                    }
                }
                Message::Lost(desc) => {
                    return Err(End::Failed(format!("QEMU did not understand a command: {desc}")));
                }
                Message::Unknown => debug!("message passed over: {}", String::from_utf8_lossy(line)),
            }
        }
    }

    fn answered(&mut self, id: u64) -> Result<(), End> {
        self.shared.leave(id);
        if self.fds_of == Some(id) {
            self.fds_of = None;
            while let Some(request) = self.fds_next.pop_front() {
                self.take(request)?;
                if self.fds_of.is_some() {
                    break;
                }
            }
        }
        Ok(())
    }
}

/// Waits for room for one event; false when nobody takes events.
async fn room(events: &Sender<Box<Event>>) -> bool {
    events.reserve().await.is_ok()
}

fn send_with_fds(stream: &UnixStream, bytes: &[u8], fds: &[OwnedFd]) -> io::Result<usize> {
    let fds: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
    let mut space = [std::mem::MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "too many descriptors for one command"));
    }
    Ok(sendmsg(stream, &[IoSlice::new(bytes)], &mut control, SendFlags::NOSIGNAL)?)
}
