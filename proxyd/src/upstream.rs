//! A session's connection to one driver's daemon. It outlives the daemon's restarts: what has only read is asked again, the
//! client's subscriptions are renewed, and the rest of what was in flight fails with an error that says so.

use std::io::{Error, ErrorKind};
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use bytes::Bytes;
use protocol::client::ClientError;
use protocol::message::Header;
use protocol::procedure::{Fds, Meta, StreamDirection};
use protocol::remote::rows;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::client::{self, Events, Link, Settings};
use rpc::{Call, Session};
use tokio::sync::Mutex as AsyncMutex;
use tokio::time::{Instant, timeout};

use crate::drivers::Driver;
use crate::service::Proxy;
use crate::subscriptions::{Change, Kind, Subscriptions, change};

/// How long calls wait for a driver that was there and has gone.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long a client waits for a driver that has not been there yet, though it is installed.
const FIRST_PATIENCE: Duration = Duration::from_secs(5);
/// Longest time until a driver that is there has let us in.
const OPENING: Duration = Duration::from_secs(30);
/// How often a call that only reads is made again, should the driver go each time.
const ATTEMPTS: usize = 5;
/// First and longest pause between two tries to find the driver.
const PAUSES: (Duration, Duration) = (Duration::from_millis(1), Duration::from_millis(250));

/// A session's connection to a driver.
pub struct Upstream {
    proxy: Arc<Proxy>,
    driver: &'static Driver,
    uri: String,
    session: Session,
    link: Mutex<Option<Link>>,
    /// Held by whoever makes the connection, or changes what is subscribed to.
    gate: AsyncMutex<()>,
    subscriptions: Arc<Mutex<Subscriptions>>,
    closed: AtomicBool,
}

/// Why there is no connection.
enum Failure {
    /// Nobody serves at the driver's socket.
    Absent(Error),
    /// The driver, or the system, refuses.
    Fault(Fault),
}

impl Upstream {
    /// A connection that is made at the first call.
    pub fn new(proxy: Arc<Proxy>, driver: &'static Driver, uri: String, session: &Session) -> Arc<Self> {
        Arc::new(Self {
            proxy,
            driver,
            uri,
            session: session.clone(),
            link: Mutex::default(),
            gate: AsyncMutex::default(),
            subscriptions: Arc::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// The driver.
    pub fn driver(&self) -> &'static Driver {
        self.driver
    }

    /// Makes the connection now.
    ///
    /// # Errors
    /// The driver's, or that it is not there.
    pub async fn open(self: &Arc<Self>) -> Result<(), Fault> {
        self.link().await.map(drop).map_err(|failure| self.fault(failure))
    }

    /// Ends the connection for good.
    pub fn close(&self) {
        self.closed.store(true, Ordering::Release);
        if let Some(link) = lock(&self.link).take() {
            link.close();
        }
    }

    /// Tells the driver that the client calls for somebody else from now on. A connection that is made later tells anyway.
    ///
    /// # Errors
    /// The driver's; the connection is closed then.
    pub async fn tell_identity(&self) -> Result<(), Fault> {
        let Some(link) = self.current() else { return Ok(()) };
        match driver::identity::tell(&link, &self.session.identity(), &self.proxy.token).await {
            Ok(()) | Err(ClientError::Closed(_)) => Ok(()),
            Err(error) => {
                link.close();
                Err(self.cut_off(&rows::connect_set_identity, error))
            }
        }
    }

    /// Passes a call on and brings back the answer.
    ///
    /// # Errors
    /// The driver's, unchanged; that the driver is gone, or went during the call.
    pub async fn pass_on(self: Arc<Self>, call: &Call, body: Bytes) -> Result<Bytes, Fault> {
        let meta = call.meta();
        if meta.stream != StreamDirection::None {
            return Box::pin(self.with_stream(call, body)).await;
        }
        match change(meta) {
            Some(Change::Register(kind)) => return Box::pin(self.subscribe(kind, call, body)).await,
            Some(Change::Deregister(kind)) => return Box::pin(self.unsubscribe(kind, call, body)).await,
            None => {}
        }
        let link = match self.current() {
            Some(link) => link,
            None => Box::pin(self.link()).await.map_err(|failure| self.missing(meta, failure))?,
        };
        let repeated = only_reads(meta, &body).then(|| body.clone());
        match (client::forward(&link, call, body).await, repeated) {
            (Err(ClientError::Closed(_)), Some(body)) => Box::pin(self.repeat(call, body)).await,
            (outcome, _) => outcome.map_err(|error| self.cut_off(meta, error)),
        }
    }

    /// Makes a call again during which the driver went.
    async fn repeat(self: &Arc<Self>, call: &Call, body: Bytes) -> Result<Bytes, Fault> {
        let mut attempt = 0;
        loop {
            let link = self.link().await.map_err(|failure| self.fault(failure))?;
            attempt += 1;
            match client::forward(&link, call, body.clone()).await {
                Err(ClientError::Closed(_)) if attempt < ATTEMPTS => {}
                outcome => return outcome.map_err(|error| self.cut_off(call.meta(), error)),
            }
        }
    }

    /// A call with a stream has a connection of its own, so that a client that does not read holds up nothing else.
    async fn with_stream(self: &Arc<Self>, call: &Call, body: Bytes) -> Result<Bytes, Fault> {
        let meta = call.meta();
        // Waits for the driver if need be.
        self.link().await.map_err(|failure| self.missing(meta, failure))?;
        let nothing: Events = Box::new(|_, _| {});
        let link = self.dial(nothing).await.map_err(|failure| self.fault(failure))?;
        client::forward(&link, call, body).await.map_err(|error| self.cut_off(meta, error))
    }

    async fn subscribe(self: &Arc<Self>, kind: Kind, call: &Call, body: Bytes) -> Result<Bytes, Fault> {
        let meta = call.meta();
        let work = async {
            let _gate = self.gate.lock().await;
            for _ in 0..ATTEMPTS {
                let link = self.link_at_gate().await.map_err(|failure| self.missing(meta, failure))?;
                lock(&self.subscriptions).begin();
                match link.call(meta, body.clone(), Vec::new()).await {
                    Ok(reply) => return Ok(self.subscribed(kind, meta, body, reply.body)),
                    Err(error) => {
                        let mut subscriptions = lock(&self.subscriptions);
                        tell(&self.session, subscriptions.give_up());
                        if !matches!(error, ClientError::Closed(_)) {
                            return Err(self.cut_off(meta, error));
                        }
                    }
                }
            }
            Err(client::lost(self.driver.daemon))
        };
        timeout(PATIENCE + OPENING, work).await.unwrap_or_else(|_| Err(self.late()))
    }

    fn subscribed(&self, kind: Kind, meta: &'static Meta, body: Bytes, reply: Bytes) -> Bytes {
        let mut subscriptions = lock(&self.subscriptions);
        let (reply, early) = subscriptions.add(kind, meta, body, reply);
        // Under the lock: later events wait behind these.
        tell(&self.session, early);
        reply
    }

    async fn unsubscribe(self: &Arc<Self>, kind: Kind, call: &Call, body: Bytes) -> Result<Bytes, Fault> {
        let meta = call.meta();
        let work = async {
            let _gate = self.gate.lock().await;
            let Some(link) = self.current() else {
                // The driver has forgotten it already.
                if lock(&self.subscriptions).remove(kind, &body) {
                    return Ok(Bytes::new());
                }
                return Err(client::lost(self.driver.daemon));
            };
            let arguments = lock(&self.subscriptions).arguments(kind, &body);
            match link.call(meta, arguments, Vec::new()).await {
                Err(ClientError::Closed(_)) if lock(&self.subscriptions).remove(kind, &body) => {
                    Ok(Bytes::new())
                }
                Err(error) => Err(self.cut_off(meta, error)),
                Ok(reply) => {
                    lock(&self.subscriptions).remove(kind, &body);
                    Ok(reply.body)
                }
            }
        };
        timeout(PATIENCE + OPENING, work).await.unwrap_or_else(|_| Err(self.late()))
    }

    /// The connection, if there is one.
    fn current(&self) -> Option<Link> {
        lock(&self.link).as_ref().filter(|link| link.is_open()).cloned()
    }

    /// The connection, made if there is none.
    async fn link(self: &Arc<Self>) -> Result<Link, Failure> {
        let work = async {
            let _gate = self.gate.lock().await;
            self.link_at_gate().await
        };
        timeout(PATIENCE + OPENING, work).await.unwrap_or_else(|_| Err(Failure::Fault(self.late())))
    }

    /// As [`Self::link`], for who holds the gate.
    async fn link_at_gate(self: &Arc<Self>) -> Result<Link, Failure> {
        if let Some(link) = self.current() {
            return Ok(link);
        }
        let presence = &self.proxy.presence;
        let patience = match presence.was_seen(self.driver) {
            true => PATIENCE,
            false if self.driver.hypervisor && presence.is_expected(self.driver) => FIRST_PATIENCE,
            false => Duration::ZERO,
        };
        self.connect(Some(Instant::now() + patience)).await
    }

    /// Makes the connection, waits for the driver until then if it is not there, and renews what was subscribed to.
    async fn connect(self: &Arc<Self>, until: Option<Instant>) -> Result<Link, Failure> {
        let presence = &self.proxy.presence;
        let mut link = self.prepare().await;
        if matches!(link, Err(Failure::Absent(_))) {
            let _turn = presence.turn(self.driver).await;
            let mut pause = PAUSES.0;
            link = self.prepare().await;
            if matches!(link, Err(Failure::Absent(_))) {
                presence.start(self.driver).await;
            }
            while matches!(link, Err(Failure::Absent(_))) && until.is_none_or(|until| Instant::now() < until)
            {
                presence.wait(pause).await;
                pause = (pause * 2).min(PAUSES.1);
                link = self.prepare().await;
            }
            if matches!(link, Err(Failure::Absent(_))) {
                link = self.prepare().await;
            }
        }
        let link = link?;
        if self.closed.load(Ordering::Acquire) {
            link.close();
        }
        presence.note(self.driver);
        *lock(&self.link) = Some(link.clone());
        tokio::spawn(watch(Arc::downgrade(self), link.clone()));
        Ok(link)
    }

    /// One try to be where the last connection was.
    async fn prepare(&self) -> Result<Link, Failure> {
        let calls = lock(&self.subscriptions).renew();
        let (session, subscriptions) = (self.session.clone(), Arc::clone(&self.subscriptions));
        let events: Events = Box::new(move |header, body| {
            let mut subscriptions = lock(&subscriptions);
            if let Some(body) = subscriptions.translate(header, body) {
                // Under the lock: events that had to wait go first.
                session.send_event(header.program, header.procedure, body);
            }
        });
        let link = self.dial(events).await?;
        let mut replies = Vec::with_capacity(calls.len());
        for (meta, body) in calls {
            match timeout(OPENING, link.call(meta, body, Vec::new())).await {
                Ok(Ok(reply)) => replies.push(Some(reply.body)),
                Ok(Err(ClientError::Closed(reason))) => {
                    return Err(Failure::Absent(Error::new(ErrorKind::ConnectionRefused, reason)));
                }
                Ok(Err(error)) => {
                    tracing::warn!(client = self.session.id(), "{} is not renewed: {error}", meta.name);
                    replies.push(None);
                }
                Err(_) => return Err(Failure::Fault(self.late())),
            }
        }
        let mut subscriptions = lock(&self.subscriptions);
        tell(&self.session, subscriptions.renewed(&replies));
        drop(subscriptions);
        Ok(link)
    }

    /// A fresh connection to the driver, opened as the client has opened its own.
    async fn dial(&self, events: Events) -> Result<Link, Failure> {
        let socket = self.proxy.presence.socket(self.driver);
        let settings = Settings {
            name: self.driver.daemon.to_owned(),
            keepalive: self.session.keepalive(),
            events,
            end: self.session.end(),
        };
        let opening = async {
            let link = Link::connect(&socket, settings).await.map_err(|error| match error.kind() {
                ErrorKind::NotFound | ErrorKind::ConnectionRefused => Failure::Absent(error),
                _ => Failure::Fault(self.unreachable(&error)),
            })?;
            let opened = async {
                link.authenticate().await?;
                link.open(Some(self.uri.clone()), self.session.readonly().into()).await?;
                driver::identity::tell(&link, &self.session.identity(), &self.proxy.token).await
            };
            opened.await.map_err(|error| match error {
                // It has gone again meanwhile.
                ClientError::Closed(reason) => {
                    Failure::Absent(Error::new(ErrorKind::ConnectionRefused, reason))
                }
                ClientError::Fault(fault) => Failure::Fault(fault),
                other => Failure::Fault(Fault::internal(ErrorDomain::RPC, other.to_string())),
            })?;
            Ok(link)
        };
        timeout(OPENING, opening).await.unwrap_or_else(|_| Err(Failure::Fault(self.late())))
    }

    /// Makes the connection again, however long it takes, for a client that waits for events.
    async fn recover(self: Arc<Self>) {
        let mut pause = PAUSES.1;
        while !self.session.is_closed() && !self.closed.load(Ordering::Acquire) {
            {
                let _gate = self.gate.lock().await;
                if self.current().is_some() {
                    return;
                }
                match self.connect(None).await {
                    Ok(_) => return,
                    Err(failure) => {
                        let fault = self.fault(failure);
                        tracing::warn!(
                            client = self.session.id(),
                            "no events of {}: {}",
                            self.driver.daemon,
                            fault.message
                        );
                    }
                }
            }
            self.proxy.presence.wait(pause).await;
            pause = (pause * 2).min(PATIENCE);
        }
    }

    /// The error of a call that found no driver. Drivers beside that of the guests may be missing on a host: their calls are
    /// not supported then, and clients go on without (decision 12).
    fn missing(&self, meta: &Meta, failure: Failure) -> Fault {
        match failure {
            Failure::Absent(error) if error.kind() == ErrorKind::NotFound && !self.is_needed() => {
                Fault::unsupported(meta.family.errors(), meta.api)
            }
            failure => self.fault(failure),
        }
    }

    /// Whether a host that has this connection must have the driver.
    fn is_needed(&self) -> bool {
        self.driver.hypervisor || self.proxy.presence.was_seen(self.driver)
    }

    fn fault(&self, failure: Failure) -> Fault {
        match failure {
            Failure::Fault(fault) => fault,
            Failure::Absent(error) => self.unreachable(&error),
        }
    }

    fn unreachable(&self, error: &Error) -> Fault {
        let socket = self.proxy.presence.socket(self.driver);
        let refused = rustix::io::Errno::CONNREFUSED.raw_os_error();
        let detail = format!("Failed to connect socket to '{}'", socket.display());
        Fault::system(ErrorDomain::RPC, error.raw_os_error().unwrap_or(refused), detail)
    }

    /// The error of a call during which the driver went, and which may have been carried out.
    fn cut_off(&self, meta: &Meta, error: ClientError) -> Fault {
        match error {
            ClientError::Fault(fault) => fault,
            ClientError::Closed(_) => {
                let (daemon, api) = (self.driver.daemon, meta.api);
                let detail =
                    format!("{daemon} went away during {api}, which may have been carried out or not");
                Fault::new(ErrorDomain::RPC, ErrorCode::RPC, detail)
            }
            other => Fault::internal(ErrorDomain::RPC, other.to_string()),
        }
    }

    fn late(&self) -> Fault {
        let detail = format!(
            "{} has not let this connection in for {} seconds",
            self.driver.daemon,
            OPENING.as_secs()
        );
        Fault::new(ErrorDomain::RPC, ErrorCode::OPERATION_TIMEOUT, detail)
    }
}

/// Waits for the end of a connection. Whoever waits for events gets a new one at once, others with their next call. Boxed:
/// the new one is watched in turn.
fn watch(upstream: Weak<Upstream>, link: Link) -> Pin<Box<dyn Future<Output = ()> + Send>> {
    Box::pin(async move {
        link.ended().await;
        let Some(upstream) = upstream.upgrade() else { return };
        if upstream.session.is_closed() || lock(&upstream.subscriptions).is_empty() {
            return;
        }
        let session = upstream.session.clone();
        tokio::select! {
            () = upstream.recover() => {}
            () = session.closed() => {}
        }
    })
}

/// Whether a call may be made twice: it changes nothing, and no descriptor went with it.
fn only_reads(meta: &Meta, body: &[u8]) -> bool {
    matches!(meta.fds, Fds::None | Fds::Out) && meta.refused_readonly(body) == Ok(false)
}

/// Hands events on to the client.
fn tell(session: &Session, events: Vec<(Header, Bytes)>) {
    for (header, body) in events {
        session.send_event(header.program, header.procedure, body);
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
