//! The server: its sockets, its sessions, its limits, its end.

use std::collections::HashMap;
use std::io;
use std::os::unix::net::UnixStream as StdStream;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use tokio::sync::{Notify, watch};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::auth::{Authenticator, BoxFuture, NoAuth, Offer};
use crate::connection::Connection;
use crate::dispatch::panic_text;
use crate::endpoint::{Arrival, Endpoint, EndpointKind, Source};
use crate::limits::{WorkerFigures, Workers};
use crate::session::Beginning;
use crate::sync::lock;
use crate::{Limits, Observer, Service, Session};

/// Longest pause after a failed accept; the end of any session ends it earlier.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);
/// Clients whose requests are no further apart count as busy at the same time.
const CROWD: Duration = Duration::from_millis(1);

/// A moment's figures.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Connections.
    pub clients: usize,
    /// Those of them that have not authenticated.
    pub unauthenticated: usize,
    /// Calls whose replies have not left.
    pub calls_running: usize,
    /// Calls since the start.
    pub calls_total: u64,
}

/// Serves one [`Service`] on any number of sockets. Clones are handles of the same server.
pub struct Server<S>(Arc<Inner<S>>);

impl<S> Clone for Server<S> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Inner<S> {
    service: Arc<S>,
    limits: Arc<ArcSwap<Limits>>,
    workers: Arc<Workers>,
    gauge: Arc<Gauge>,
    sessions: Mutex<HashMap<u64, Session>>,
    next_id: AtomicU64,
    /// Calls of the sessions that have ended.
    past_calls: AtomicU64,
    tls_update: OnceLock<TlsUpdate>,
    stopping: CancellationToken,
    tasks: TaskTracker,
}

/// Reads certificates again, and says what is wrong with them.
type TlsUpdate = Box<dyn Fn() -> BoxFuture<Result<(), String>> + Send + Sync>;

/// How many clients there are.
#[derive(Debug)]
pub(crate) struct Gauge {
    clients: watch::Sender<usize>,
    local_strangers: AtomicUsize,
    remote_strangers: AtomicUsize,
    /// A place has become free, or the limits have changed.
    room: Notify,
    /// A session watches for its client's next request.
    lingering: AtomicBool,
    turn: Turn,
    observer: OnceLock<Arc<dyn Observer>>,
}

/// Whose request came last, and when. Races only cost or spare a moment of watching.
#[derive(Debug)]
struct Turn {
    /// 0: a session that has ended.
    session: AtomicU64,
    /// Microseconds since `begin`.
    at: AtomicU64,
    begin: Instant,
}

impl<S: Service> Server<S> {
    /// A server without sockets.
    pub fn new(service: Arc<S>, limits: Limits) -> Self {
        let workers = Arc::new(Workers::new(limits.max_workers));
        let gauge = Gauge {
            clients: watch::Sender::new(0),
            local_strangers: AtomicUsize::new(0),
            remote_strangers: AtomicUsize::new(0),
            room: Notify::new(),
            lingering: AtomicBool::new(false),
            turn: Turn { session: AtomicU64::new(0), at: AtomicU64::new(0), begin: Instant::now() },
            observer: OnceLock::new(),
        };
        Self(Arc::new(Inner {
            service,
            limits: Arc::new(ArcSwap::from_pointee(limits)),
            workers,
            gauge: Arc::new(gauge),
            sessions: Mutex::new(HashMap::new()),
            next_id: AtomicU64::new(1),
            past_calls: AtomicU64::new(0),
            tls_update: OnceLock::new(),
            stopping: CancellationToken::new(),
            tasks: TaskTracker::new(),
        }))
    }

    /// Accepts clients of a socket until [`Self::shutdown`]. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// The socket cannot be registered with the runtime.
    pub fn listen(&self, endpoint: Endpoint) -> io::Result<()> {
        let Endpoint { kind, listener, auth } = endpoint;
        let source = Source::new(listener)?;
        let server = self.clone();
        self.0.tasks.spawn(async move { server.accept(kind, source, auth).await });
        Ok(())
    }

    /// Serves a connected socket whose client has nothing to prove, beyond all limits of clients. To be called inside a
    /// tokio runtime, as [`Self::serve_with`].
    ///
    /// # Errors
    /// The socket cannot be registered with the runtime, or is no unix socket.
    pub fn serve_connection(&self, stream: StdStream, kind: EndpointKind) -> io::Result<Session> {
        self.serve_with(stream, kind, Arc::new(NoAuth))
    }

    /// Serves a connected socket, beyond all limits of clients.
    ///
    /// # Errors
    /// As [`Self::serve_connection`].
    pub fn serve_with(
        &self,
        stream: StdStream,
        kind: EndpointKind,
        auth: Arc<dyn Authenticator>,
    ) -> io::Result<Session> {
        Ok(self.start(Arrival::local(stream)?, kind, auth))
    }

    /// Number of clients, to be watched for idle exit.
    pub fn client_count(&self) -> watch::Receiver<usize> {
        self.0.gauge.clients.subscribe()
    }

    /// The sessions of the moment, in the order of their ids.
    pub fn sessions(&self) -> Vec<Session> {
        let mut sessions: Vec<Session> = lock(&self.0.sessions).values().cloned().collect();
        sessions.sort_unstable_by_key(Session::id);
        sessions
    }

    /// The session with this id.
    pub fn session(&self, id: u64) -> Option<Session> {
        lock(&self.0.sessions).get(&id).cloned()
    }

    /// The figures of the moment.
    pub fn counters(&self) -> Counters {
        let sessions = self.sessions();
        let calls: u64 = sessions.iter().map(|session| session.inner().calls.load(Ordering::Relaxed)).sum();
        Counters {
            clients: sessions.len(),
            unauthenticated: [false, true]
                .map(|remote| self.0.gauge.strangers(remote).load(Ordering::Relaxed))
                .iter()
                .sum(),
            calls_running: sessions.iter().map(|session| lock(&session.inner().out).in_flight).sum(),
            calls_total: calls + self.0.past_calls.load(Ordering::Relaxed),
        }
    }

    /// Tells `observer` of all calls from now on. Without one, calls are not even timed. Of several the first stays.
    pub fn observe(&self, observer: Arc<dyn Observer>) {
        // A second one is a mistake of the daemon that harms nobody.
        let _ = self.0.gauge.observer.set(observer);
    }

    /// How busy the workers are.
    pub fn workers(&self) -> WorkerFigures {
        self.0.workers.figures(self.0.limits.load().max_workers)
    }

    /// The limits in force.
    pub fn limits(&self) -> Arc<Limits> {
        self.0.limits.load_full()
    }

    /// Changes the limits; they hold for living sessions too.
    pub fn set_limits(&self, limits: Limits) {
        let new = limits.max_workers;
        let old = self.0.limits.swap(Arc::new(limits)).max_workers;
        self.0.workers.resize(old, new);
        self.0.gauge.room.notify_waiters();
    }

    /// Says how certificates are read again; the first to say so counts.
    pub fn on_update_tls(&self, update: impl Fn() -> BoxFuture<Result<(), String>> + Send + Sync + 'static) {
        let _ = self.0.tls_update.set(Box::new(update));
    }

    /// Has certificates, keys and revocation lists read again: new sessions use them, living ones go on as they are.
    /// `None`: the server does not listen for TLS.
    ///
    /// # Errors
    /// They cannot be used, for the reason given; the old ones stay in use.
    pub async fn update_tls(&self) -> Option<Result<(), String>> {
        match self.0.tls_update.get() {
            Some(update) => Some(update().await),
            None => None,
        }
    }

    /// What it serves.
    pub fn service(&self) -> &Arc<S> {
        &self.0.service
    }

    /// Ends the server: no new clients, no new calls; running calls may end within `grace`, then all sessions are closed.
    pub async fn shutdown(&self, grace: Duration) {
        self.0.stopping.cancel();
        self.0.tasks.close();
        for session in self.sessions() {
            session.drain();
        }
        if tokio::time::timeout(grace, self.0.tasks.wait()).await.is_err() {
            for session in self.sessions() {
                session.close("the server stops");
            }
            self.0.tasks.wait().await;
        }
    }

    async fn accept(&self, kind: EndpointKind, source: Source, auth: Arc<dyn Authenticator>) {
        while self.room(source.is_remote()).await {
            let accepted = tokio::select! {
                accepted = source.accept() => accepted,
                () = self.0.stopping.cancelled() => return,
            };
            // Another socket may have given the place away meanwhile, or the limit may be lower now.
            if !self.room(source.is_remote()).await {
                return;
            }
            if let Err(error) = accepted.map(|arrival| self.start(arrival, kind, Arc::clone(&auth))) {
                tracing::warn!("cannot take on a client: {error}");
                // Usually no descriptor is left; the next try has a chance once a session has ended.
                let room = self.0.gauge.room.notified();
                tokio::select! {
                    _ = tokio::time::timeout(ACCEPT_PAUSE, room) => {}
                    () = self.0.stopping.cancelled() => return,
                }
            }
        }
    }

    /// Waits for a free place; `false`: the server stops. Where strangers of the network hold all of theirs, the one who
    /// has been silent for longest makes room after a while, so that nobody can keep the others out by saying nothing.
    async fn room(&self, remote: bool) -> bool {
        loop {
            let mut changed = std::pin::pin!(self.0.gauge.room.notified());
            changed.as_mut().enable();
            if self.0.stopping.is_cancelled() {
                return false;
            }
            let limits = self.0.limits.load_full();
            if self.0.gauge.has_room(&limits, remote) {
                return true;
            }
            tracing::debug!(clients = *self.0.gauge.clients.borrow(), "no place for more clients");
            let patience = if remote { self.send_stranger_away(limits.stranger_time) } else { None };
            let waited = async {
                match patience {
                    Some(time) => tokio::time::sleep(time).await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                () = changed => {}
                () = waited => {}
                () = self.0.stopping.cancelled() => return false,
            }
        }
    }

    /// Disconnects the stranger who came first if that was `time` ago; else gives the time that is left.
    fn send_stranger_away(&self, time: Duration) -> Option<Duration> {
        let sessions = lock(&self.0.sessions);
        let strangers =
            sessions.values().filter(|session| session.is_remote() && !session.is_authenticated());
        let oldest = strangers.filter(|session| !session.is_closed()).min_by_key(|session| session.id())?;
        match time.checked_sub(oldest.age()) {
            Some(left) if !left.is_zero() => Some(left),
            _ => {
                oldest.close("it has not proved who it is, and others wait");
                None
            }
        }
    }

    fn start(&self, arrival: Arrival, kind: EndpointKind, auth: Arc<dyn Authenticator>) -> Session {
        // A client of TLS is a stranger until the handshake is over.
        let authenticated = arrival.tls.is_none() && auth.offer(&arrival.peer) == Offer::NotNeeded;
        let beginning = Beginning {
            id: self.0.next_id.fetch_add(1, Ordering::Relaxed),
            kind,
            transport: arrival.transport(),
            address: arrival.address,
            peer: arrival.peer,
            authenticated,
            limits: Arc::clone(&self.0.limits),
            gauge: Arc::clone(&self.0.gauge),
        };
        let session = Session::new(beginning, Arc::clone(&arrival.socket));
        lock(&self.0.sessions).insert(session.id(), session.clone());
        self.0.gauge.arrived(authenticated, session.is_remote());
        let registered = Registered { server: self.clone(), session: session.clone() };
        let parts = (Arc::clone(&self.0.service), Arc::clone(&self.0.workers));
        let mut connection = Connection::new(session.clone(), arrival.socket, auth, parts);
        if self.0.stopping.is_cancelled() {
            session.drain();
        }
        self.0.tasks.spawn(async move {
            registered.open();
            let ending = match connection.secure(arrival.tls).await {
                Ok(()) => connection.run().await,
                Err(ending) => ending,
            };
            ending.log(registered.session.id());
        });
        session
    }
}

/// A session's place in the server; dropping it ends the session, however its task ended.
struct Registered<S: Service> {
    server: Server<S>,
    session: Session,
}

impl<S: Service> Registered<S> {
    fn open(&self) {
        let service = &self.server.0.service;
        guarded(&self.session, || service.session_opened(&self.session));
    }
}

impl<S: Service> Drop for Registered<S> {
    fn drop(&mut self) {
        let Self { server, session } = self;
        session.finish();
        guarded(session, || server.0.service.session_closed(session));
        session.drop_extensions();
        lock(&server.0.sessions).remove(&session.id());
        server.0.past_calls.fetch_add(session.inner().calls.load(Ordering::Relaxed), Ordering::Relaxed);
        server.0.gauge.turn_over(session.id());
        server.0.gauge.left(session.is_authenticated(), session.is_remote());
    }
}

/// Runs a callback of the service, whose panic must not reach the session's task.
fn guarded(session: &Session, callback: impl FnOnce()) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(callback)) {
        tracing::error!(client = session.id(), "session callback panicked: {}", panic_text(panic.as_ref()));
    }
}

impl Gauge {
    fn has_room(&self, limits: &Limits, remote: bool) -> bool {
        let strangers = match limits.max_anonymous_clients {
            0 => usize::MAX,
            limit => limit,
        };
        *self.clients.borrow() < limits.max_clients
            && self.strangers(remote).load(Ordering::Relaxed) < strangers
    }

    /// Those of the network are counted apart: they cannot keep out who is on the host.
    fn strangers(&self, remote: bool) -> &AtomicUsize {
        if remote { &self.remote_strangers } else { &self.local_strangers }
    }

    fn arrived(&self, authenticated: bool, remote: bool) {
        if !authenticated {
            self.strangers(remote).fetch_add(1, Ordering::Relaxed);
        }
        self.clients.send_modify(|count| *count += 1);
    }

    /// A client has authenticated.
    pub(crate) fn admitted(&self, remote: bool) {
        self.strangers(remote).fetch_sub(1, Ordering::Relaxed);
        self.room.notify_waiters();
    }

    /// Who wants to know of calls.
    pub(crate) fn observer(&self) -> Option<&Arc<dyn Observer>> {
        self.observer.get()
    }

    /// Runs `watch` unless another session watches already.
    pub(crate) fn linger<R>(&self, watch: impl FnOnce() -> R) -> Option<R> {
        if self.lingering.swap(true, Ordering::Acquire) {
            return None;
        }
        let result = watch();
        self.lingering.store(false, Ordering::Release);
        Some(result)
    }

    /// Notes a request of this session; whether no other session had one in the last moment.
    pub(crate) fn take_turn(&self, session: u64, now: Instant) -> bool {
        let at = now.saturating_duration_since(self.turn.begin).as_micros() as u64;
        let before = self.turn.at.swap(at, Ordering::Relaxed);
        let last = self.turn.session.swap(session, Ordering::Relaxed);
        last == session || last == 0 || u128::from(at.saturating_sub(before)) > CROWD.as_micros()
    }

    /// The session has ended and competes with nobody.
    fn turn_over(&self, session: u64) {
        // It fails where another session's turn came since.
        let _ = self.turn.session.compare_exchange(session, 0, Ordering::Relaxed, Ordering::Relaxed);
    }

    fn left(&self, authenticated: bool, remote: bool) {
        if !authenticated {
            self.strangers(remote).fetch_sub(1, Ordering::Relaxed);
        }
        self.clients.send_modify(|count| *count -= 1);
        self.room.notify_waiters();
    }
}
