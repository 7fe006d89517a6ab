//! A connection to another daemon: calls with encoded arguments and their replies, descriptors, streams, events.
//!
//! Callers write their own messages as long as the socket takes them; one task per connection reads, writes what had to
//! wait, and asks a peer that somebody waits for whether it lives. `forward` passes a client's call on.

mod forward;
mod task;

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::task::Waker;
use std::time::Duration;

use bytes::Bytes;
use protocol::client::{ClientError, Transport};
use protocol::message::{Header, Kind, Message, Status};
use protocol::remote::{self, AuthListRet, AuthType, ConnectOpenArgs};
use protocol::xdr::{self, Xdr};
use protocol::{ErrorCode, ErrorDomain, Fault, Meta};
use tokio::sync::{Notify, mpsc, oneshot};
use tokio_util::sync::CancellationToken;

use crate::core::outbound::{Outgoing, SendQueue};
use crate::socket::Socket;
use crate::sync::lock;

pub use forward::{forward, lost};

/// Takes the events of a connection: header and body.
pub type Events = Box<dyn Fn(&Header, Bytes) + Send + Sync>;

/// What a connection needs beside its socket.
pub struct Settings {
    /// The peer's name in errors and in the log.
    pub name: String,
    /// How long the peer may be silent while somebody waits for it, before it is asked whether it lives (zero: it is
    /// never asked), and how many of these questions it may leave unanswered.
    pub keepalive: (Duration, u32),
    /// Takes the events, in their order; must not block.
    pub events: Events,
    /// Ends the connection.
    pub end: CancellationToken,
}

/// A connection to a daemon; clones are handles of the same one. It ends with its last handle.
#[derive(Clone)]
pub struct Link(Arc<Handle>);

/// The end of a [`Link`].
struct Handle(Arc<Shared>);

/// A reply.
#[derive(Debug)]
pub struct Reply {
    /// The encoded result: a slice of what was received.
    pub body: Bytes,
    /// The descriptors that came with it.
    pub fds: Vec<OwnedFd>,
}

/// What callers and the connection's task share.
struct Shared {
    name: String,
    socket: Arc<Socket>,
    state: Mutex<State>,
    /// All that waited has been written, or the connection has ended.
    room: Notify,
    ended: CancellationToken,
}

struct State {
    queue: SendQueue<()>,
    /// The socket is full; the task waits for it.
    blocked: bool,
    /// Why the connection has ended.
    ended: Option<String>,
    /// Number of the last call.
    serial: u32,
    replies: HashMap<u32, oneshot::Sender<Answer>>,
    streams: HashMap<u32, mpsc::Sender<Message>>,
    /// The task looks after the peer's life.
    watched: bool,
    waker: Option<Waker>,
}

/// A reply as it came.
struct Answer {
    message: Message,
    fds: Vec<OwnedFd>,
}

impl Link {
    /// Connects to the socket at `path`. To be called inside a tokio runtime.
    ///
    /// # Errors
    /// Nobody serves there (`NotFound`, `ConnectionRefused`), or what the system says.
    pub async fn connect(path: &Path, settings: Settings) -> io::Result<Self> {
        let stream = tokio::net::UnixStream::connect(path).await?.into_std()?;
        Ok(Self::over(stream, settings))
    }

    /// Uses a connected socket, which must not block.
    fn over(socket: UnixStream, settings: Settings) -> Self {
        let Settings { name, keepalive, events, end } = settings;
        let socket = Arc::new(Socket::new(socket.into()));
        let shared = Arc::new(Shared {
            name,
            socket: Arc::clone(&socket),
            state: Mutex::new(State::new()),
            room: Notify::new(),
            ended: CancellationToken::new(),
        });
        tokio::spawn(task::Task::new(Arc::clone(&shared), socket, keepalive, events).run(end));
        Self(Arc::new(Handle(shared)))
    }

    /// Asks for admission, as every client does first (AUTH_LIST).
    ///
    /// # Errors
    /// The peer wants a proof.
    pub async fn authenticate(&self) -> Result<(), ClientError> {
        let list: AuthListRet = self.ask(&remote::rows::auth_list, &()).await?;
        if list.types.is_empty() || list.types.contains(&AuthType::None) {
            return Ok(());
        }
        let detail = format!("{} asks for authentication", self.name());
        Err(Fault::new(ErrorDomain::RPC, ErrorCode::AUTH_UNAVAILABLE, detail).into())
    }

    /// Opens a driver's connection (CONNECT_OPEN) with virConnectFlags in `flags`.
    ///
    /// # Errors
    /// The peer's.
    pub async fn open(&self, uri: Option<String>, flags: u32) -> Result<(), ClientError> {
        self.ask(&remote::rows::connect_open, &ConnectOpenArgs { name: uri, flags }).await
    }

    /// A typed call.
    ///
    /// # Errors
    /// The peer's, or those of the conversation.
    pub async fn ask<R: Xdr>(&self, meta: &Meta, arguments: &impl Xdr) -> Result<R, ClientError> {
        let body = xdr::to_vec(arguments)?;
        let reply = self.call(meta, body.into(), Vec::new()).await?;
        Ok(xdr::from_slice(&reply.body)?)
    }

    /// Writes a call with encoded arguments and descriptors, and waits for the reply. It may take its time, as long as
    /// the peer answers pings meanwhile.
    ///
    /// # Errors
    /// As [`Transport::call`].
    pub async fn call(&self, meta: &Meta, body: Bytes, fds: Vec<OwnedFd>) -> Result<Reply, ClientError> {
        self.exchange(meta, body, fds, None).await.map(|(_, reply)| reply)
    }

    /// The peer's name.
    pub fn name(&self) -> &str {
        &self.shared().name
    }

    /// Whether calls have a chance.
    pub fn is_open(&self) -> bool {
        lock(&self.shared().state).ended.is_none()
    }

    /// Ends the connection for all its handles.
    pub fn close(&self) {
        self.shared().end("closed on this side".to_owned());
    }

    /// Resolves when the connection has ended.
    pub async fn ended(&self) {
        self.shared().ended.cancelled().await;
    }

    /// As [`Self::call`]; the packets of the call's stream go to `packets`. Answers the call's header, too, which packets
    /// to the peer repeat.
    async fn exchange(
        &self,
        meta: &Meta,
        body: Bytes,
        fds: Vec<OwnedFd>,
        packets: Option<mpsc::Sender<Message>>,
    ) -> Result<(Header, Reply), ClientError> {
        let shared = self.shared();
        let (sender, reply) = oneshot::channel();
        let serial = lock(&shared.state).enter(sender, packets).map_err(ClientError::Closed)?;
        let header = Header::call((meta.program, remote::VERSION, meta.number), serial);
        let message = if fds.is_empty() {
            Outgoing::new(&header, body, None)
        } else {
            Outgoing::with_fds(&Header { kind: Kind::CallWithFds, ..header }, body, fds, None)
        };
        shared.send(message).await?;
        let Answer { message, fds } = reply.await.map_err(|_| shared.gone())?;
        match message.outcome() {
            Ok(body) => Ok((header, Reply { body, fds })),
            Err(error) => {
                lock(&shared.state).streams.remove(&serial);
                Err(error)
            }
        }
    }

    /// Sends a packet of a stream.
    async fn send(&self, header: &Header, body: Bytes) -> Result<(), ClientError> {
        self.shared().send(Outgoing::new(header, body, None)).await
    }

    fn shared(&self) -> &Shared {
        &self.0.0
    }
}

impl Transport for Link {
    async fn call(&self, meta: &'static Meta, body: Vec<u8>) -> Result<Bytes, ClientError> {
        Self::call(self, meta, body.into(), Vec::new()).await.map(|reply| reply.body)
    }
}

impl Drop for Handle {
    fn drop(&mut self) {
        self.0.end("closed on this side".to_owned());
    }
}

impl Shared {
    /// Queues a message and writes what the socket takes. Waits while earlier messages wait, so that a peer that does not
    /// read costs one message per caller.
    async fn send(&self, message: Outgoing<()>) -> Result<(), ClientError> {
        let mut message = Some(message);
        loop {
            let mut room = std::pin::pin!(self.room.notified());
            room.as_mut().enable();
            if self.try_send(&mut message)? {
                return Ok(());
            }
            room.await;
        }
    }

    /// Sends what is in `message`; `false`: it has to wait.
    fn try_send(&self, message: &mut Option<Outgoing<()>>) -> Result<bool, ClientError> {
        let mut state = lock(&self.state);
        if let Some(reason) = &state.ended {
            return Err(ClientError::Closed(reason.clone()));
        }
        if !state.queue.is_empty() {
            return Ok(false);
        }
        if let Some(message) = message.take() {
            state.queue.push(message);
            state.flush(&self.socket);
        }
        Ok(true)
    }

    /// Ends the connection; the first reason stays.
    fn end(&self, reason: String) {
        let (waker, dropped) = {
            let mut state = lock(&self.state);
            state.ended.get_or_insert(reason);
            state.queue.clear();
            let dropped = (std::mem::take(&mut state.replies), std::mem::take(&mut state.streams));
            (state.waker.take(), dropped)
        };
        drop(dropped);
        // Handles may live on; the peer shall know at once. A socket that is cut off already needs no end.
        let _ = rustix::net::shutdown(&*self.socket, rustix::net::Shutdown::Both);
        self.ended.cancel();
        self.room.notify_waiters();
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The error of those who waited when the connection ended.
    fn gone(&self) -> ClientError {
        let reason = lock(&self.state).ended.clone();
        ClientError::Closed(reason.unwrap_or_else(|| "no answer came".to_owned()))
    }
}

impl State {
    fn new() -> Self {
        Self {
            queue: SendQueue::new(),
            blocked: false,
            ended: None,
            serial: 0,
            replies: HashMap::new(),
            streams: HashMap::new(),
            watched: false,
            waker: None,
        }
    }

    /// Notes who waits and gives the number of the call.
    ///
    /// # Errors
    /// No reply will come any more: why.
    fn enter(
        &mut self,
        sender: oneshot::Sender<Answer>,
        packets: Option<mpsc::Sender<Message>>,
    ) -> Result<u32, String> {
        if let Some(reason) = &self.ended {
            return Err(reason.clone());
        }
        self.serial = self.serial.wrapping_add(1);
        self.replies.insert(self.serial, sender);
        if let Some(packets) = packets {
            self.streams.insert(self.serial, packets);
        }
        if !self.watched {
            self.watched = true;
            self.wake();
        }
        Ok(self.serial)
    }

    /// Whether somebody waits for the peer.
    fn is_waited_for(&self) -> bool {
        !self.replies.is_empty() || !self.streams.is_empty()
    }

    fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// Who gets a packet of the stream of call `serial`; forgotten with the last one.
    fn taker(&mut self, serial: u32, status: Status) -> Option<mpsc::Sender<Message>> {
        match status {
            Status::Continue => self.streams.get(&serial).cloned(),
            _ => self.streams.remove(&serial),
        }
    }
}
