//! The task of one session: waits for its socket, its timer and its handles; everything else is done without waiting.

use std::future::{Future, poll_fn};
use std::io;
use std::os::fd::AsFd;
use std::pin::Pin;
use std::sync::atomic::Ordering;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::{Duration, Instant as Moment};

use protocol::keepalive::rows;
use protocol::message::MAX_MESSAGE;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::Session;
use crate::auth::Authenticator;
use crate::core::framer::{Framer, Violation};
use crate::core::keepalive::{Action, Keepalive};
use crate::core::linger::Linger;
use crate::dispatch::Dispatcher;
use crate::layer::Layer;
use crate::limits::Workers;
use crate::output::Close;
use crate::service::Service;
use crate::session::tell;
use crate::socket::{self, Received, Socket, Waiting};
use crate::sync::lock;
use crate::tls::{Handshake, HandshakeError, Step, TlsAcceptor, TlsSettings};

/// Messages handled before other sessions of the thread get their turn.
const BATCH: usize = 64;
/// The same for requests that follow each other at once.
const QUICK_ROUNDS: u32 = 16;
/// Longest message of a client that has not proved who it is; the largest step of SASL is below.
const MAX_UNAUTHENTICATED: usize = 1 << 20;

/// Bytes of a handshake that are read at once.
const HANDSHAKE_READ: usize = 16 * 1024;

/// Why a session ends.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Ending {
    /// The client has closed its side.
    #[error("the client has closed the connection")]
    Client,
    /// It did so within a message.
    #[error("the client has closed the connection inside a message")]
    Midway,
    /// Our side closes.
    #[error(transparent)]
    Closed(Close),
    /// All is answered, and the server stops.
    #[error("the server stops")]
    Drained,
    /// The client keeps to no protocol.
    #[error("protocol violation: {0}")]
    Violation(#[from] Violation),
    /// The socket broke.
    #[error("cannot read: {0}")]
    Read(#[from] std::io::Error),
    /// Bytes before the security layer.
    #[error("bytes without protection came behind the end of authentication")]
    Unprotected,
    /// TLS did not come about.
    #[error(transparent)]
    Handshake(#[from] HandshakeError),
    /// Nor in time.
    #[error("the TLS handshake took longer than {} s", .0.as_secs())]
    Slow(Duration),
    /// No answer to pings.
    #[error("the client has not answered {0} keepalive pings")]
    Silent(u32),
}

/// What the task has to look at.
enum Wake {
    /// The socket has something.
    Read,
    /// Bytes that were read before a pause.
    Backlog,
    /// The socket takes bytes again.
    Write,
    /// The keepalive timer has fired.
    Timer,
    /// The end.
    End(Ending),
}

/// State of the task.
pub(crate) struct Connection<S> {
    session: Session,
    socket: Arc<Socket>,
    waiting: Waiting,
    dispatcher: Dispatcher<S>,
    framer: Framer,
    backlog: Vec<u8>,
    keepalive: Option<(Keepalive, Pin<Box<Sleep>>)>,
    linger: Linger,
    /// Calls so far, when it was last watched for more.
    calls: u64,
    /// All bytes pass a layer.
    layered: bool,
    /// Not reading at the moment, whatever the client sends.
    deaf: bool,
}

impl<S: Service> Connection<S> {
    pub(crate) fn new(
        session: Session,
        socket: Arc<Socket>,
        auth: Arc<dyn Authenticator>,
        server: (Arc<S>, Arc<Workers>),
    ) -> Self {
        let window = if may_linger() { session.inner().limits.load().linger } else { Duration::ZERO };
        let dispatcher = Dispatcher::new(session.clone(), auth, server.0, server.1);
        Self {
            session,
            waiting: Waiting::new(Arc::clone(&socket)),
            socket,
            dispatcher,
            framer: Framer::new(MAX_UNAUTHENTICATED),
            backlog: Vec::new(),
            keepalive: None,
            linger: Linger::new(window),
            calls: 0,
            layered: false,
            deaf: false,
        }
    }

    /// Has the client authenticate by TLS first, where its socket asks for that.
    pub(crate) async fn secure(&mut self, tls: Option<Arc<TlsAcceptor>>) -> Result<(), Ending> {
        let Some(settings) = tls.map(|acceptor| acceptor.settings()) else { return Ok(()) };
        let time = self.session.inner().limits.load().handshake_time;
        // Few clients have it, and only once: its state is no part of this one.
        let handshake = Box::pin(self.handshake(&settings));
        tokio::time::timeout(time, handshake).await.unwrap_or(Err(Ending::Slow(time)))
    }

    async fn handshake(&mut self, settings: &TlsSettings) -> Result<(), Ending> {
        let mut handshake = Handshake::new(settings)?;
        loop {
            let mut wire = self.receive_raw().await?;
            let step = tokio::task::spawn_blocking(move || handshake.advance(&mut wire)).await;
            match step.map_err(|panic| io::Error::other(panic.to_string()))? {
                Step::Blocked(mut next) => {
                    self.send_raw(&std::mem::take(&mut next.outgoing)).await?;
                    handshake = *next;
                }
                Step::Finished(finished) => {
                    self.layered = true;
                    self.backlog = finished.early;
                    let name = finished.dname;
                    let peer = self.session.peer().clone();
                    self.session.prove(name.iter().fold(peer, |peer, name| peer.with_x509_dname(name)));
                    self.dispatcher.admit_if_nothing_to_prove();
                    // Nothing has been written past the layer: until now the session took its socket for full.
                    self.socket.put_on(Layer::new(Box::new(finished.tls), finished.outgoing));
                    self.unblock();
                    return Ok(());
                }
                Step::Failed(error, goodbye) => {
                    // The client learns why, if it still reads.
                    let _ = self.send_raw(&goodbye).await;
                    return Err(error.into());
                }
            }
        }
    }

    /// The next bytes of a handshake.
    async fn receive_raw(&mut self) -> Result<Vec<u8>, Ending> {
        loop {
            poll_fn(|cx| match self.look(cx) {
                // What is queued cannot leave before the handshake's end.
                Ok(_) if lock(&self.session.inner().out).draining => Poll::Ready(Err(Ending::Drained)),
                Ok(_) => self.waiting.poll_read(cx).map(|ready| ready.map_err(Ending::Read)),
                Err(ending) => Poll::Ready(Err(ending)),
            })
            .await?;
            let received = socket::with_buffer(|buffer| {
                let room = buffer.get_mut(..HANDSHAKE_READ).unwrap_or_default();
                let count = socket::receive_raw(self.socket.as_fd(), room)?;
                Ok::<_, io::Error>(count.map(|count| room.get(..count).unwrap_or_default().to_vec()))
            })?;
            match received {
                None => {}
                Some(bytes) if bytes.is_empty() => return Err(HandshakeError::Ended.into()),
                Some(bytes) => {
                    self.waiting.left(bytes.len() == HANDSHAKE_READ);
                    return Ok(bytes);
                }
            }
        }
    }

    async fn send_raw(&mut self, mut bytes: &[u8]) -> Result<(), Ending> {
        while !bytes.is_empty() {
            let sent = socket::send_raw(self.socket.as_fd(), bytes)?;
            bytes = bytes.get(sent.count..).unwrap_or_default();
            if sent.blocked {
                poll_fn(|cx| self.waiting.poll_write(cx)).await?;
            }
        }
        Ok(())
    }

    /// Serves the client until the end.
    pub(crate) async fn run(&mut self) -> Ending {
        let mut result = self.begin().await;
        loop {
            if let Err(ending) = result {
                return ending;
            }
            result = match poll_fn(|cx| self.poll_wake(cx)).await {
                Wake::Read => self.read_while_quick().await,
                Wake::Backlog => {
                    tokio::task::yield_now().await;
                    let backlog = std::mem::take(&mut self.backlog);
                    self.note_layer(true).and_then(|()| self.process(&backlog))
                }
                Wake::Write => {
                    self.unblock();
                    Ok(())
                }
                Wake::Timer => self.on_timer(),
                Wake::End(ending) => Err(ending),
            };
        }
    }

    /// The first request follows the connection at once: often it is there before the runtime knows the socket.
    async fn begin(&mut self) -> Result<(), Ending> {
        if self.linger.is_on() {
            self.linger.on_answered(Moment::now());
            if self.read_quick()? {
                return self.go_on_while_quick().await;
            }
        }
        Ok(())
    }

    fn poll_wake(&mut self, cx: &mut Context<'_>) -> Poll<Wake> {
        let blocked = match self.look(cx) {
            Ok(blocked) => blocked,
            Err(ending) => return Poll::Ready(Wake::End(ending)),
        };
        if blocked && let Poll::Ready(ready) = self.waiting.poll_write(cx) {
            return Poll::Ready(wake(ready, Wake::Write));
        }
        if !self.deaf {
            if !self.backlog.is_empty() {
                return Poll::Ready(Wake::Backlog);
            }
            if let Poll::Ready(ready) = self.waiting.poll_read(cx) {
                return Poll::Ready(wake(ready, Wake::Read));
            }
        }
        self.start_keepalive();
        match &mut self.keepalive {
            Some((_, timer)) => timer.as_mut().poll(cx).map(|()| Wake::Timer),
            None => Poll::Pending,
        }
    }

    /// Looks at what others changed and leaves the waker with them; whether bytes wait for a full socket.
    fn look(&mut self, cx: &Context<'_>) -> Result<bool, Ending> {
        let inner = self.session.inner();
        let max = inner.limits.load().max_client_requests.max(1);
        let mut out = lock(&inner.out);
        if !out.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
            out.waker = Some(cx.waker().clone());
        }
        if let Some(reason) = &out.close {
            return Err(Ending::Closed(reason.clone()));
        }
        if out.draining && out.in_flight == 0 && out.queue.is_empty() && !out.blocked {
            return Err(Ending::Drained);
        }
        out.starved = out.in_flight >= max;
        self.deaf =
            out.starved || out.draining || out.hushed || inner.full_streams.load(Ordering::SeqCst) > 0;
        Ok(out.blocked)
    }

    /// Reads once, and again as long as the client comes back at once.
    async fn read_while_quick(&mut self) -> Result<(), Ending> {
        socket::with_buffer(|buffer| {
            let received = socket::receive(&self.socket, buffer)?;
            self.waiting.left(received.may_leave_more());
            self.on_received(received, buffer)
        })?;
        self.go_on_while_quick().await
    }

    /// Reads as long as the client comes back at once. Every few rounds the tasks of this thread have their turn, such
    /// as those that handlers started; the other threads go on anyway.
    async fn go_on_while_quick(&mut self) -> Result<(), Ending> {
        for round in 1u32.. {
            if round.is_multiple_of(QUICK_ROUNDS) {
                tokio::task::yield_now().await;
            }
            if !self.pause() || !self.read_quick()? {
                break;
            }
        }
        Ok(())
    }

    /// Notes that all calls are answered; whether to watch for the next one. Packets of streams are no calls.
    fn pause(&mut self) -> bool {
        let inner = self.session.inner();
        let calls = inner.calls.load(Ordering::Relaxed);
        if !self.linger.is_on() || std::mem::replace(&mut self.calls, calls) == calls {
            return false;
        }
        let out = lock(&inner.out);
        let ended = out.draining || out.is_closed();
        if out.in_flight > 0 || out.blocked || ended || inner.full_streams.load(Ordering::SeqCst) > 0 {
            return false;
        }
        self.linger.on_answered(Moment::now());
        self.linger.deadline().is_some()
    }

    /// Watches the socket for a moment; whether it gave something.
    fn read_quick(&mut self) -> Result<bool, Ending> {
        let (Some(deadline), true) = (self.linger.deadline(), self.backlog.is_empty()) else {
            return Ok(false);
        };
        let session = self.session.clone();
        socket::with_buffer(|buffer| {
            let watch = || {
                self.waiting.stop();
                socket::receive_until(&self.socket, buffer, deadline)
            };
            match session.inner().gauge.linger(watch).transpose()? {
                Some(Received::Blocked) => {
                    self.linger.in_vain();
                    Ok(false)
                }
                Some(received) => self.on_received(received, buffer).map(|()| true),
                None => Ok(false),
            }
        })
    }

    fn on_received(&mut self, received: Received, buffer: &[u8]) -> Result<(), Ending> {
        match received {
            Received::Bytes { count, fds, .. } => {
                if let Some((core, _)) = &mut self.keepalive {
                    core.on_packet(Instant::now());
                }
                if self.linger.is_on() {
                    let now = Moment::now();
                    let inner = self.session.inner();
                    self.linger.on_input(now, inner.gauge.take_turn(self.session.id(), now));
                }
                self.note_layer(false)?;
                self.framer.received(count, fds);
                self.process(buffer.get(..count).unwrap_or_default())
            }
            Received::Blocked => {
                if self.socket.holds_back() {
                    self.unblock();
                }
                Ok(())
            }
            Received::End if self.framer.is_midway() => Err(Ending::Midway),
            Received::End => Err(Ending::Client),
        }
    }

    /// Nothing that came before a security layer counts behind it: somebody on the way could have put it in.
    fn note_layer(&mut self, backlog: bool) -> Result<(), Ending> {
        if !self.layered && self.socket.is_layered() {
            self.layered = true;
            if backlog || self.framer.is_midway() {
                return Err(Ending::Unprotected);
            }
        }
        Ok(())
    }

    /// Handles the messages in `chunk`; what must wait becomes the backlog. Replies leave together at the end.
    fn process(&mut self, mut chunk: &[u8]) -> Result<(), Ending> {
        lock(&self.session.inner().out).corked = true;
        let result = self.handle(&mut chunk);
        let departed = {
            let mut out = lock(&self.session.inner().out);
            out.corked = false;
            out.flush()
        };
        tell(departed);
        if !chunk.is_empty() {
            self.backlog = chunk.to_vec();
        }
        Ok(result?)
    }

    fn handle(&mut self, chunk: &mut &[u8]) -> Result<(), Violation> {
        for _ in 0..BATCH {
            let limit = if self.session.is_authenticated() { MAX_MESSAGE } else { MAX_UNAUTHENTICATED };
            self.framer.set_limit(limit);
            let Some(frame) = self.framer.next(chunk)? else { return Ok(()) };
            self.dispatcher.dispatch(frame);
            if !chunk.is_empty() && !self.may_go_on() {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Whether the client may have one more request; if not, replies that wait for the end of the batch leave first.
    fn may_go_on(&self) -> bool {
        let inner = self.session.inner();
        let max = inner.limits.load().max_client_requests.max(1);
        let (room, departed) = {
            let mut out = lock(&inner.out);
            let departed = if out.in_flight < max { Vec::new() } else { out.flush() };
            (out.in_flight < max && !out.draining && !out.hushed && !out.is_closed(), departed)
        };
        tell(departed);
        room && inner.full_streams.load(Ordering::SeqCst) == 0
    }

    fn unblock(&self) {
        let departed = {
            let mut out = lock(&self.session.inner().out);
            out.blocked = false;
            out.flush()
        };
        tell(departed);
    }

    fn start_keepalive(&mut self) {
        if self.keepalive.is_some() || !self.session.wants_keepalive() {
            return;
        }
        let limits = self.session.inner().limits.load();
        if !limits.keepalive_interval.is_zero() {
            let core = Keepalive::new(limits.keepalive_interval, limits.keepalive_count, Instant::now());
            let timer = Box::pin(sleep_until(core.first()));
            self.keepalive = Some((core, timer));
        }
    }

    fn on_timer(&mut self) -> Result<(), Ending> {
        let Some((core, timer)) = &mut self.keepalive else { return Ok(()) };
        match core.on_timer(Instant::now(), self.deaf) {
            Action::Wait(next) => timer.as_mut().reset(next),
            Action::Ping(next) => {
                timer.as_mut().reset(next);
                self.session.send_keepalive(&rows::ping);
            }
            Action::Dead => return Err(Ending::Silent(self.session.inner().limits.load().keepalive_count)),
        }
        Ok(())
    }
}

fn wake(ready: io::Result<()>, wake: Wake) -> Wake {
    ready.map_or_else(|error| Wake::End(Ending::Read(error)), |()| wake)
}

/// Whether watching takes nothing from others: a second worker serves the other sessions, and a second processor runs
/// the client.
fn may_linger() -> bool {
    static PROCESSORS: OnceLock<usize> = OnceLock::new();
    let processors = *PROCESSORS.get_or_init(|| std::thread::available_parallelism().map_or(1, usize::from));
    processors > 1 && tokio::runtime::Handle::current().metrics().num_workers() > 1
}

impl Ending {
    /// Logs the end of session `client`, as loud as it deserves.
    pub(crate) fn log(&self, client: u64) {
        match self {
            Self::Client | Self::Drained | Self::Closed(Close::Client) => {
                tracing::debug!(client, "session ended: {self}");
            }
            Self::Read(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {
                tracing::debug!(client, "session ended: {self}");
            }
            Self::Closed(Close::Asked(_)) => tracing::info!(client, "session ended: {self}"),
            _ => tracing::warn!(client, "session ended: {self}"),
        }
    }
}
