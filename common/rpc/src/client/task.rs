//! The task of a connection to another daemon: reads, writes what had to wait, asks whether the peer lives.

use std::future::{Future, poll_fn};
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use protocol::keepalive;
use protocol::message::{Header, Kind, MAX_MESSAGE, Message, Status};
use tokio::sync::mpsc;
use tokio::sync::mpsc::error::TrySendError;
use tokio::time::{Instant, Sleep, sleep_until};
use tokio_util::sync::CancellationToken;

use super::{Answer, Events, Shared, State};
use crate::core::framer::{Frame, Framer};
use crate::core::outbound::Outgoing;
use crate::socket::{self, Received, Sent, Socket, Waiting};
use crate::sync::lock;

/// Parts of one write; a message has two.
const SLICES: usize = 8;
/// Reads before other tasks of the thread get their turn.
const ROUNDS: usize = 16;

/// The state of the task.
pub(super) struct Task {
    shared: Arc<Shared>,
    waiting: Waiting,
    framer: Framer,
    /// Bytes read behind a packet whose stream has no room.
    backlog: Vec<u8>,
    /// The packet that waits for its stream.
    held: Option<Held>,
    events: Events,
    interval: Duration,
    count: u32,
    /// Pings that were not answered.
    missed: u32,
    heard: Instant,
    timer: Option<Pin<Box<Sleep>>>,
}

/// A packet on its way to who takes it; nothing else is read meanwhile.
type Held = Pin<Box<dyn Future<Output = ()> + Send>>;

/// What the task has to look at.
enum Wake {
    Read,
    Write,
    Timer,
    End,
}

impl Task {
    pub(super) fn new(
        shared: Arc<Shared>,
        socket: Arc<Socket>,
        (interval, count): (Duration, u32),
        events: Events,
    ) -> Self {
        Self {
            shared,
            waiting: Waiting::new(socket),
            framer: Framer::new(MAX_MESSAGE),
            backlog: Vec::new(),
            held: None,
            events,
            interval,
            count,
            missed: 0,
            heard: Instant::now(),
            timer: None,
        }
    }

    /// Serves the connection until its end, or that of `end`.
    pub(super) async fn run(mut self, end: CancellationToken) {
        let reason = tokio::select! {
            reason = self.serve() => reason,
            () = end.cancelled() => "closed on this side".to_owned(),
        };
        self.shared.end(reason);
    }

    /// Gives why the connection has ended.
    async fn serve(&mut self) -> String {
        loop {
            let outcome = match poll_fn(|cx| self.poll_wake(cx)).await {
                Ok(Wake::Read) => self.read().await,
                Ok(Wake::Write) => {
                    let mut state = lock(&self.shared.state);
                    state.blocked = false;
                    state.flush(&self.shared.socket);
                    if state.queue.is_empty() {
                        self.shared.room.notify_waiters();
                    }
                    Ok(())
                }
                Ok(Wake::Timer) => self.on_timer(),
                Ok(Wake::End) => return String::new(),
                Err(error) => Err(error.to_string()),
            };
            if let Err(reason) = outcome {
                return reason;
            }
        }
    }

    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<Wake>> {
        let (blocked, watched) = {
            let mut state = lock(&self.shared.state);
            if state.ended.is_some() {
                return Poll::Ready(Ok(Wake::End));
            }
            if !state.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                state.waker = Some(cx.waker().clone());
            }
            (state.blocked, state.watched)
        };
        if blocked && let Poll::Ready(ready) = self.waiting.poll_write(cx) {
            return Poll::Ready(ready.map(|()| Wake::Write));
        }
        if watched && !self.interval.is_zero() {
            let first = || Box::pin(sleep_until(Instant::now() + self.interval));
            if self.timer.get_or_insert_with(first).as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ok(Wake::Timer));
            }
        }
        if let Some(held) = &mut self.held {
            if held.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
            self.held = None;
        }
        if !self.backlog.is_empty() {
            return Poll::Ready(Ok(Wake::Read));
        }
        self.waiting.poll_read(cx).map_ok(|()| Wake::Read)
    }

    /// Reads what is there, as long as it has takers.
    async fn read(&mut self) -> Result<(), String> {
        let backlog = std::mem::take(&mut self.backlog);
        self.take(&backlog)?;
        for _ in 0..ROUNDS {
            if self.held.is_some() || !self.backlog.is_empty() || !self.read_once()? {
                return Ok(());
            }
        }
        self.waiting.left(true);
        tokio::task::yield_now().await;
        Ok(())
    }

    /// One read; whether there may be more.
    fn read_once(&mut self) -> Result<bool, String> {
        socket::with_buffer(|buffer| {
            let received = socket::receive(&self.shared.socket, buffer).map_err(|error| error.to_string())?;
            let more = received.may_leave_more();
            match received {
                Received::Blocked => Ok(false),
                Received::End => Err("the peer has closed the connection".to_owned()),
                Received::Bytes { count, fds, .. } => {
                    self.heard = Instant::now();
                    self.missed = 0;
                    self.framer.received(count, fds);
                    self.take(buffer.get(..count).unwrap_or_default())?;
                    self.waiting.left(more);
                    Ok(more)
                }
            }
        })
    }

    /// Handles the messages in `chunk`; what is behind a packet that has to wait becomes the backlog.
    fn take(&mut self, mut chunk: &[u8]) -> Result<(), String> {
        while self.held.is_none() {
            match self.framer.next(&mut chunk) {
                Ok(Some(frame)) => self.hand_on(frame),
                Ok(None) => break,
                Err(violation) => return Err(format!("protocol violation: {violation}")),
            }
        }
        self.backlog = chunk.to_vec();
        Ok(())
    }

    /// Gives a reply or packet to who waits for it, and an event to who takes events.
    fn hand_on(&mut self, Frame { message, fds }: Frame) {
        let header = message.header;
        match header.kind {
            _ if header.program == keepalive::PROGRAM => self.on_keepalive(header.procedure),
            Kind::Reply | Kind::ReplyWithFds => {
                let waiting = lock(&self.shared.state).replies.remove(&header.serial);
                if let Some(sender) = waiting {
                    // Who asked may have gone.
                    let _ = sender.send(Answer { message, fds });
                }
            }
            Kind::Stream | Kind::StreamHole => {
                let taker = lock(&self.shared.state).taker(header.serial, header.status);
                if let Some(taker) = taker {
                    self.held = offer(taker, message);
                }
            }
            Kind::Message => (self.events)(&header, message.body),
            _ => {}
        }
    }

    /// That a pong has come was noted when it was read.
    fn on_keepalive(&self, procedure: i32) {
        if procedure == keepalive::rows::ping.number {
            self.say(&keepalive::rows::pong);
        }
    }

    /// Somebody was waited for, or the peer was silent, for a while.
    fn on_timer(&mut self) -> Result<(), String> {
        self.timer = None;
        {
            let mut state = lock(&self.shared.state);
            state.watched = state.is_waited_for();
            if !state.watched {
                self.missed = 0;
                return Ok(());
            }
        }
        // A peer whose packets have no taker is not asked: its answers would not be read either.
        let silent = self.heard.elapsed() >= self.interval && self.held.is_none();
        if silent && self.missed >= self.count {
            tracing::warn!("{} has not answered {} keepalive pings", self.shared.name, self.count);
            return Err(format!("{} keepalive pings were not answered", self.count));
        }
        if silent {
            self.missed += 1;
            self.say(&keepalive::rows::ping);
        }
        Ok(())
    }

    /// Sends a message of the keepalive program, unless others wait: then the peer does not read and need not be asked.
    fn say(&self, procedure: &protocol::Meta) {
        let header = Header {
            program: keepalive::PROGRAM,
            version: keepalive::VERSION,
            procedure: procedure.number,
            kind: Kind::Message,
            serial: keepalive::SERIAL,
            status: Status::Ok,
        };
        let mut state = lock(&self.shared.state);
        if state.queue.is_empty() {
            state.queue.push(Outgoing::new(&header, Bytes::new(), None));
            state.flush(&self.shared.socket);
        }
    }
}

impl State {
    /// Writes until the queue is empty or the socket is full. A broken socket is found by the reading.
    pub(super) fn flush(&mut self, socket: &Socket) {
        while !self.blocked && !self.queue.is_empty() {
            match self.write(socket) {
                Ok(true) => {
                    self.blocked = true;
                    self.wake();
                }
                Ok(false) => {}
                Err(_) => self.queue.clear(),
            }
        }
    }

    /// One write; whether the socket is full now.
    fn write(&mut self, socket: &Socket) -> io::Result<bool> {
        if let Some(fd) = self.queue.descriptor() {
            let Sent { count, blocked } = socket::send_descriptor(socket, fd)?;
            if count > 0 {
                self.queue.descriptor_sent(drop);
            }
            return Ok(blocked);
        }
        let mut slices = [IoSlice::new(&[]); SLICES];
        let (used, total) = self.queue.fill(&mut slices);
        let Sent { count, blocked } = socket::send(socket, slices.get(..used).unwrap_or_default(), total)?;
        self.queue.advance(count, drop);
        Ok(blocked)
    }
}

/// Gives a packet to who takes it; what has to wait is answered.
fn offer(taker: mpsc::Sender<Message>, packet: Message) -> Option<Held> {
    match taker.try_send(packet) {
        // Who took the packets may have gone.
        Ok(()) | Err(TrySendError::Closed(_)) => None,
        Err(TrySendError::Full(packet)) => Some(Box::pin(async move {
            let _ = taker.send(packet).await;
        })),
    }
}
