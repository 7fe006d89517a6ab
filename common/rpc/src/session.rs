//! A client's session as drivers see it.

use std::any::{Any, TypeId};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::{ArcSwap, ArcSwapOption};
use bytes::Bytes;
use protocol::message::{EVENT_SERIAL, Header, Kind, Status};
use protocol::procedure::StreamDirection;
use protocol::{Fault, Meta, keepalive};
use tokio_util::sync::CancellationToken;

use crate::core::admission::Standing;
use crate::core::outbound::Outgoing;
use crate::endpoint::{EndpointKind, Transport};
use crate::limits::Limits;
use crate::output::{Close, Departed, Output, Token};
use crate::server::Gauge;
use crate::socket::Socket;
use crate::stream::StreamState;
use crate::sync::lock;
use crate::{Identity, SecurityLayer, faults};

/// Version of every program that sends events.
const EVENT_VERSION: u32 = 1;

/// A client's session; clones are handles of the same one.
#[derive(Clone, Debug)]
pub struct Session(Arc<Inner>);

#[derive(Debug)]
pub(crate) struct Inner {
    id: u64,
    kind: EndpointKind,
    transport: Transport,
    address: Option<SocketAddr>,
    peer: Identity,
    proved: OnceLock<Identity>,
    assumed: ArcSwapOption<Identity>,
    connected_at: SystemTime,
    began: Instant,
    readonly: AtomicBool,
    authenticated: AtomicBool,
    keepalive: AtomicBool,
    pub(crate) calls: AtomicU64,
    pub(crate) limits: Arc<ArcSwap<Limits>>,
    pub(crate) gauge: Arc<Gauge>,
    pub(crate) out: Mutex<Output>,
    streams: Mutex<Vec<Arc<StreamState>>>,
    pub(crate) full_streams: AtomicUsize,
    extensions: Mutex<Option<Vec<Extension>>>,
    closed: CancellationToken,
}

type Extension = (TypeId, Arc<dyn Any + Send + Sync>);

/// What a session is made of.
pub(crate) struct Beginning {
    pub(crate) id: u64,
    pub(crate) kind: EndpointKind,
    pub(crate) transport: Transport,
    pub(crate) address: Option<SocketAddr>,
    pub(crate) peer: Identity,
    pub(crate) authenticated: bool,
    pub(crate) limits: Arc<ArcSwap<Limits>>,
    pub(crate) gauge: Arc<Gauge>,
}

impl Session {
    pub(crate) fn new(beginning: Beginning, socket: Arc<Socket>) -> Self {
        let Beginning { id, kind, transport, address, peer, authenticated, limits, gauge } = beginning;
        Self(Arc::new(Inner {
            id,
            kind,
            transport,
            address,
            peer,
            proved: OnceLock::new(),
            assumed: ArcSwapOption::empty(),
            connected_at: SystemTime::now(),
            began: Instant::now(),
            readonly: AtomicBool::new(kind == EndpointKind::ReadOnly),
            authenticated: AtomicBool::new(authenticated),
            keepalive: AtomicBool::new(false),
            calls: AtomicU64::new(0),
            limits,
            gauge,
            out: Mutex::new(Output::new(socket, transport == Transport::Tls)),
            streams: Mutex::new(Vec::new()),
            full_streams: AtomicUsize::new(0),
            extensions: Mutex::new(Some(Vec::new())),
            closed: CancellationToken::new(),
        }))
    }

    /// Number of the session, never used again by its server.
    pub fn id(&self) -> u64 {
        self.0.id
    }

    /// The kind of socket it came through.
    pub fn kind(&self) -> EndpointKind {
        self.0.kind
    }

    /// Whether the client may only read.
    pub fn readonly(&self) -> bool {
        self.0.readonly.load(Ordering::Relaxed)
    }

    /// From now on the client may only read (flag 1 of CONNECT_OPEN). There is no way back.
    pub fn set_readonly(&self) {
        self.0.readonly.store(true, Ordering::Relaxed);
    }

    /// On whose behalf the client calls: who connected, unless [`Self::assume_identity`] said otherwise.
    pub fn identity(&self) -> Identity {
        self.0.assumed.load().as_deref().unwrap_or_else(|| self.peer()).clone()
    }

    /// Who connected, as the kernel says, or as the client has proved by certificate or password.
    pub fn peer(&self) -> &Identity {
        self.0.proved.get().unwrap_or(&self.0.peer)
    }

    /// How the client is connected.
    pub fn transport(&self) -> Transport {
        self.0.transport
    }

    /// From where, if it came over the network.
    pub fn remote_address(&self) -> Option<SocketAddr> {
        self.0.address
    }

    /// Sets on whose behalf a client calls from now on: it is a trusted daemon that tells (CONNECT_SET_IDENTITY, 419), or
    /// has proved a name.
    pub fn assume_identity(&self, identity: Identity) {
        self.0.assumed.store(Some(Arc::new(identity)));
    }

    /// When the client connected.
    pub fn connected_at(&self) -> SystemTime {
        self.0.connected_at
    }

    /// Whether the client has proved who it is, or need not.
    pub fn is_authenticated(&self) -> bool {
        self.0.authenticated.load(Ordering::Relaxed)
    }

    /// Queues an event and never blocks; the order of events is kept. `false`: the client is gone, or has just been
    /// disconnected because it left more than [`Limits::max_event_bytes`] unread.
    pub fn send_event(&self, program: u32, procedure: i32, body: Bytes) -> bool {
        let (kind, status) = (Kind::Message, Status::Ok);
        let header =
            Header { program, version: EVENT_VERSION, procedure, kind, serial: EVENT_SERIAL, status };
        let max = self.0.limits.load().max_event_bytes;
        let departed = {
            let mut out = lock(&self.0.out);
            if out.is_closed() {
                return false;
            }
            if let Err(overflow) = out.queue.push_event(Outgoing::new(&header, body, None), max) {
                out.end(Close::Failed(format!("the client does not read: {overflow}")));
                return false;
            }
            out.flush_unless_corked()
        };
        tell(departed);
        true
    }

    /// The client understands keepalive (feature 10): from now on it is pinged when it is silent.
    pub fn enable_keepalive(&self) {
        self.0.keepalive.store(true, Ordering::Relaxed);
        lock(&self.0.out).wake();
    }

    /// How long a peer may be silent before it is asked whether it lives (zero: never), and how many of these questions
    /// it may leave unanswered: what this server's configuration says.
    pub fn keepalive(&self) -> (Duration, u32) {
        let limits = self.0.limits.load();
        (limits.keepalive_interval, limits.keepalive_count)
    }

    /// Whether the client is gone or about to be disconnected.
    pub fn is_closed(&self) -> bool {
        self.0.closed.is_cancelled() || lock(&self.0.out).is_closed()
    }

    /// Resolves when the client is gone.
    pub async fn closed(&self) {
        self.0.closed.cancelled().await;
    }

    /// Cancelled when the client is gone.
    pub fn end(&self) -> CancellationToken {
        self.0.closed.child_token()
    }

    /// Disconnects the client; what waits for it is dropped. The reason is logged.
    pub fn close(&self, reason: impl Into<String>) {
        lock(&self.0.out).end(Close::Asked(reason.into()));
    }

    /// The driver's state of this session: one value per type, made at the first request. It is dropped behind
    /// [`crate::Service::session_closed`]; afterwards each request gets a fresh value that is kept nowhere.
    pub fn extension<T: Default + Send + Sync + 'static>(&self) -> Arc<T> {
        let mut extensions = lock(&self.0.extensions);
        let Some(list) = extensions.as_mut() else { return Arc::default() };
        let wanted = TypeId::of::<T>();
        if let Some(found) = list.iter().find(|(id, _)| *id == wanted)
            && let Ok(value) = Arc::clone(&found.1).downcast::<T>()
        {
            return value;
        }
        let value = Arc::<T>::default();
        list.push((wanted, Arc::clone(&value) as Arc<dyn Any + Send + Sync>));
        value
    }
}

impl Session {
    pub(crate) fn inner(&self) -> &Inner {
        &self.0
    }

    pub(crate) fn standing(&self) -> Standing {
        Standing { authenticated: self.is_authenticated(), readonly: self.readonly() }
    }

    pub(crate) fn wants_keepalive(&self) -> bool {
        self.0.keepalive.load(Ordering::Relaxed)
    }

    /// The client has proved who it is.
    pub(crate) fn admit(&self) {
        if !self.0.authenticated.swap(true, Ordering::Relaxed) {
            self.0.gauge.admitted(self.is_remote());
        }
    }

    /// Whether the client came over the network.
    pub(crate) fn is_remote(&self) -> bool {
        self.0.transport != Transport::Unix
    }

    /// For how long the client has been connected.
    pub(crate) fn age(&self) -> Duration {
        self.0.began.elapsed()
    }

    /// The client is not read until it has its reply: a layer may begin behind that, and nothing may slip in before.
    pub(crate) fn hush(&self) {
        lock(&self.0.out).hushed = true;
    }

    /// All bytes behind the next reply pass this layer.
    pub(crate) fn protect(&self, layer: Box<dyn SecurityLayer>) {
        lock(&self.0.out).layer = Some(layer);
    }

    /// The client has proved to be this.
    pub(crate) fn prove(&self, identity: Identity) {
        // A second proof changes nothing: the steps that lead to one are refused behind the first.
        let _ = self.0.proved.set(identity);
    }

    /// A request begins: it counts until its reply has left, and holds events back.
    pub(crate) fn begin(&self) {
        self.0.calls.fetch_add(1, Ordering::Relaxed);
        let mut out = lock(&self.0.out);
        out.in_flight += 1;
        out.queue.hold();
    }

    /// The request goes on in a task of its own; events need not wait for its reply.
    pub(crate) fn release_events(&self) {
        let departed = {
            let mut out = lock(&self.0.out);
            out.queue.release();
            out.flush_unless_corked()
        };
        tell(departed);
    }

    /// Queues the reply of a request; `holding`: it held events back until now.
    pub(crate) fn reply(&self, message: Outgoing<Token>, holding: bool) {
        let departed = {
            let mut out = lock(&self.0.out);
            if out.is_closed() {
                return;
            }
            out.queue.push(message);
            if holding {
                out.queue.release();
            }
            out.replied();
            out.flush_unless_corked()
        };
        tell(departed);
    }

    /// Queues a packet of a stream, or anything else the client waits for.
    pub(crate) fn send(&self, message: Outgoing<Token>) {
        let departed = lock(&self.0.out).send(message);
        tell(departed);
    }

    /// Queues a packet of the keepalive program.
    pub(crate) fn send_keepalive(&self, procedure: &Meta) {
        let header = Header {
            program: keepalive::PROGRAM,
            version: keepalive::VERSION,
            procedure: procedure.number,
            kind: Kind::Message,
            serial: 0,
            status: Status::Ok,
        };
        let max = self.0.limits.load().max_event_bytes;
        let departed = {
            let mut out = lock(&self.0.out);
            if out.is_closed() {
                return;
            }
            if let Err(overflow) = out.queue.push_control(Outgoing::new(&header, Bytes::new(), None), max) {
                out.end(Close::Failed(format!("the client does not read: {overflow}")));
                return;
            }
            out.flush_unless_corked()
        };
        tell(departed);
    }

    /// No more requests; the session ends with the last reply.
    pub(crate) fn drain(&self) {
        let mut out = lock(&self.0.out);
        out.draining = true;
        out.wake();
    }

    /// The socket is gone.
    pub(crate) fn finish(&self) {
        {
            let mut out = lock(&self.0.out);
            out.close.get_or_insert(Close::Client);
            out.queue.clear();
            if let Some(socket) = out.socket.take() {
                socket.say_goodbye();
            }
            out.waker = None;
        }
        self.0.closed.cancel();
        let streams = std::mem::take(&mut *lock(&self.0.streams));
        for stream in streams {
            stream.session_closed();
        }
    }

    /// Drops the driver's state of this session.
    pub(crate) fn drop_extensions(&self) {
        let dropped = lock(&self.0.extensions).take();
        drop(dropped);
    }

    /// Registers the stream of a call.
    ///
    /// # Errors
    /// The client has too many, one with the same number, or is gone.
    pub(crate) fn add_stream(
        &self,
        header: Header,
        meta: &Meta,
        direction: StreamDirection,
    ) -> Result<Arc<StreamState>, Fault> {
        let max = self.0.limits.load().max_client_streams;
        let mut streams = lock(&self.0.streams);
        if streams.len() >= max {
            return Err(faults::too_many_streams(max));
        }
        if self.0.closed.is_cancelled() || streams.iter().any(|stream| stream.is(&header)) {
            return Err(faults::stream_exists(meta));
        }
        let state = Arc::new(StreamState::new(self.clone(), header, direction));
        streams.push(Arc::clone(&state));
        Ok(state)
    }

    pub(crate) fn find_stream(&self, header: &Header) -> Option<Arc<StreamState>> {
        lock(&self.0.streams).iter().find(|stream| stream.is(header)).cloned()
    }

    pub(crate) fn remove_stream(&self, state: &StreamState) {
        let mut streams = lock(&self.0.streams);
        streams.retain(|stream| !std::ptr::eq(Arc::as_ptr(stream), state));
        if streams.is_empty() {
            *streams = Vec::new();
        }
    }

    /// A stream has become full, or is full no longer.
    pub(crate) fn stream_full(&self, full: bool) {
        if full {
            self.0.full_streams.fetch_add(1, Ordering::SeqCst);
        } else {
            self.0.full_streams.fetch_sub(1, Ordering::SeqCst);
            lock(&self.0.out).wake();
        }
    }
}

/// Tells streams that their packets have left.
pub(crate) fn tell(departed: Departed) {
    for stream in departed {
        stream.packet_left();
    }
}
