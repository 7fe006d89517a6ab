//! A service made of closures, and a client made of plain system calls.

use std::collections::HashMap;
use std::future::Future;
use std::io::{IoSlice, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use protocol::message::{Header, Kind, Status, encode_raw, head};
use protocol::{Fault, Meta, keepalive, qemu, remote, xdr};
use rpc::{BoxFuture, Call, EndpointKind, Limits, Server, Service, Session, Unknown};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer, SendAncillaryMessage,
    SendFlags,
};
use tokio::sync::watch;

/// CONNECT_GET_TYPE: high priority.
pub(crate) const TYPE: i32 = 3;
/// DOMAIN_CREATE: ordinary priority, writes.
pub(crate) const CREATE: i32 = 9;
/// CONNECT_DOMAIN_EVENT_CALLBACK_REGISTER_ANY.
pub(crate) const REGISTER: i32 = 316;
/// DOMAIN_EVENT_CALLBACK_LIFECYCLE.
pub(crate) const LIFECYCLE: i32 = 318;
/// STORAGE_VOL_UPLOAD.
pub(crate) const UPLOAD: i32 = 208;
/// STORAGE_VOL_DOWNLOAD.
pub(crate) const DOWNLOAD: i32 = 209;
/// DOMAIN_OPEN_CONSOLE.
pub(crate) const CONSOLE: i32 = 201;
/// Longest wait for anything that must come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) type Outcome = Result<Vec<u8>, Fault>;
type Handler = Box<dyn Fn(Arc<Call>, Bytes) -> BoxFuture<Outcome> + Send + Sync>;

/// A service whose procedures are closures by number; the others echo their arguments.
pub(crate) struct Closures {
    handlers: HashMap<i32, Handler>,
    closed: Mutex<Vec<u64>>,
    closings: watch::Sender<usize>,
}

impl Closures {
    pub(crate) fn new() -> Self {
        Self { handlers: HashMap::new(), closed: Mutex::default(), closings: watch::Sender::new(0) }
    }

    pub(crate) fn on<F>(
        mut self,
        procedure: i32,
        handler: impl Fn(Arc<Call>, Bytes) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Outcome> + Send + 'static,
    {
        self.handlers.insert(procedure, Box::new(move |call, body| Box::pin(handler(call, body))));
        self
    }

    pub(crate) fn serve(self, limits: Limits) -> Server<Self> {
        Server::new(Arc::new(self), limits)
    }

    /// Ids of the sessions that were reported closed, once there are `count`.
    pub(crate) async fn closed(&self, count: usize) -> Vec<u64> {
        let mut closings = self.closings.subscribe();
        let enough = closings.wait_for(|closings| *closings >= count);
        tokio::time::timeout(PATIENCE, enough).await.expect("in time").expect("sender lives");
        self.closed.lock().expect("no panic").clone()
    }
}

impl Service for Closures {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &[(remote::PROGRAM, 1), (qemu::PROGRAM, 1)])
    }

    async fn call(self: Arc<Self>, call: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        match self.handlers.get(&call.procedure()) {
            Some(handler) => handler(call, body).await.map(Bytes::from),
            None => Ok(body),
        }
    }

    fn session_closed(&self, session: &Session) {
        self.closed.lock().expect("no panic").push(session.id());
        self.closings.send_modify(|closings| *closings += 1);
    }
}

/// The client's end of a connection.
pub(crate) struct Client {
    pub(crate) stream: UnixStream,
}

impl Client {
    /// A client of a socket pair, and its session.
    pub(crate) fn pair<S: Service>(server: &Server<S>, kind: EndpointKind) -> (Self, Session) {
        let (near, far) = UnixStream::pair().expect("pair");
        let session = server.serve_connection(far, kind).expect("served");
        (Self::new(near), session)
    }

    pub(crate) fn main<S: Service>(server: &Server<S>) -> Self {
        Self::pair(server, EndpointKind::Main).0
    }

    pub(crate) fn new(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
        stream.set_write_timeout(Some(PATIENCE)).expect("timeout");
        Self { stream }
    }

    pub(crate) fn send(&mut self, header: Header, body: &[u8]) {
        self.raw(&encode_raw(&header, body));
    }

    pub(crate) fn raw(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).expect("written");
    }

    pub(crate) fn call(&mut self, procedure: i32, serial: u32, body: &[u8]) {
        self.send(call(procedure, serial), body);
    }

    /// Header and body of the next message.
    pub(crate) fn read(&mut self) -> (Header, Vec<u8>) {
        let mut word = [0; 4];
        self.stream.read_exact(&mut word).expect("length");
        let mut rest = vec![0; u32::from_be_bytes(word) as usize - 4];
        self.stream.read_exact(&mut rest).expect("message");
        let message = [word.as_slice(), &rest].concat();
        (Header::decode(&message).expect("header"), rest[24..].to_vec())
    }

    /// Calls and gives the body of the good reply.
    pub(crate) fn ask(&mut self, procedure: i32, serial: u32, body: &[u8]) -> Vec<u8> {
        self.call(procedure, serial, body);
        let (header, reply) = self.read();
        assert_eq!(header, call(procedure, serial).answer(Kind::Reply, Status::Ok));
        reply
    }

    /// Reads the error reply of a call.
    pub(crate) fn error(&mut self, asked: Header) -> Fault {
        let (header, body) = self.read();
        assert_eq!(header, asked.answer(Kind::Reply, Status::Error));
        fault(&body)
    }

    /// Whether the server has closed without another byte.
    pub(crate) fn is_closed(&mut self) -> bool {
        let mut byte = [0];
        match self.stream.read(&mut byte) {
            Ok(count) => count == 0,
            Err(error) => error.kind() == std::io::ErrorKind::ConnectionReset,
        }
    }

    /// Whether nothing has come so far.
    pub(crate) fn is_silent(&self) -> bool {
        self.stream.set_nonblocking(true).expect("nonblocking");
        let result = rustix::net::recv(&self.stream, &mut [0u8; 1], RecvFlags::PEEK);
        self.stream.set_nonblocking(false).expect("blocking");
        result == Err(rustix::io::Errno::AGAIN)
    }

    pub(crate) fn send_with_fds(&mut self, header: Header, body: &[u8], count: u32, fds: &[OwnedFd]) {
        let header = Header { kind: Kind::CallWithFds, ..header };
        self.raw(&[head(&header, body.len(), Some(count)).as_ref(), body].concat());
        for fd in fds {
            self.send_fds(&[fd]);
        }
    }

    /// One byte with descriptors.
    pub(crate) fn send_fds(&self, fds: &[&OwnedFd]) {
        let borrowed: Vec<_> = fds.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(64))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&borrowed)));
        rustix::net::sendmsg(&self.stream, &[IoSlice::new(&[0])], &mut control, SendFlags::empty())
            .expect("sent");
    }

    /// One byte with its descriptor.
    pub(crate) fn read_fd(&self) -> OwnedFd {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(4))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut byte = [1];
        let iov = &mut [IoSliceMut::new(&mut byte)];
        let message =
            rustix::net::recvmsg(&self.stream, iov, &mut control, RecvFlags::empty()).expect("received");
        let mut fds: Vec<OwnedFd> = control
            .drain()
            .filter_map(|part| match part {
                RecvAncillaryMessage::ScmRights(fds) => Some(fds),
                _ => None,
            })
            .flatten()
            .collect();
        assert_eq!((message.bytes, fds.len(), byte), (1, 1, [0]));
        fds.remove(0)
    }
}

pub(crate) fn call(procedure: i32, serial: u32) -> Header {
    Header { program: remote::PROGRAM, version: 1, procedure, kind: Kind::Call, serial, status: Status::Ok }
}

/// Header of a keepalive packet.
pub(crate) fn keepalive(row: &Meta) -> Header {
    let (kind, status) = (Kind::Message, Status::Ok);
    Header { program: keepalive::PROGRAM, version: 1, procedure: row.number, kind, serial: 0, status }
}

pub(crate) fn fault(body: &[u8]) -> Fault {
    Fault::from_wire(xdr::from_slice(body).expect("an error"))
}

/// Awaits something that must come.
pub(crate) async fn soon<T>(future: impl Future<Output = T>) -> T {
    tokio::time::timeout(PATIENCE, future).await.expect("in time")
}

/// A gate that handlers wait at.
#[derive(Clone)]
pub(crate) struct Gate(Arc<watch::Sender<bool>>, Arc<watch::Sender<usize>>);

impl Gate {
    pub(crate) fn new() -> Self {
        Self(Arc::new(watch::Sender::new(false)), Arc::new(watch::Sender::new(0)))
    }

    pub(crate) fn open(&self) {
        self.0.send_replace(true);
    }

    /// Waits until the gate is open.
    pub(crate) async fn pass(self) {
        self.1.send_modify(|waiting| *waiting += 1);
        self.0.subscribe().wait_for(|open| *open).await.expect("sender lives");
    }

    /// Waits until so many have come to the gate.
    pub(crate) async fn waiting(&self, count: usize) {
        soon(self.1.subscribe().wait_for(|waiting| *waiting >= count)).await.expect("sender lives");
    }

    /// How many have come.
    pub(crate) fn count(&self) -> usize {
        *self.1.borrow()
    }
}

/// What sockets of the system ask: the own user is let in, others are not.
pub(crate) struct NobodyElse;

impl rpc::Gatekeeper for NobodyElse {
    fn action(&self) -> &str {
        "org.example.call"
    }

    fn note(&self, _peer: &rpc::Identity) {}

    fn judge(&self, _peer: rpc::Identity) -> rpc::BoxFuture<rpc::Verdict> {
        Box::pin(std::future::ready(rpc::Verdict::Denied))
    }
}

/// The authenticator of such a socket.
pub(crate) fn own_user() -> Arc<rpc::ByPolkit<NobodyElse>> {
    Arc::new(rpc::ByPolkit(Arc::new(NobodyElse)))
}
