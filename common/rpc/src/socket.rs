//! The two system calls of a session: receive bytes with descriptors, send bytes or one descriptor; and waiting for
//! their socket. Bytes of remote clients may pass a [`Layer`] that encrypts them.

use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::task::{Context, Poll};
use std::time::Instant;

use protocol::message::MAX_FDS;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

use crate::layer::Layer;
use crate::sync::lock;

/// Bytes read at once.
const SCRATCH: usize = 128 * 1024;
/// Byte that carries a descriptor.
const CARRIER: [u8; 1] = [0];

thread_local! {
    /// One read buffer per worker thread: connections own none while they are idle.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
    /// How many bytes at its beginning hold what was read.
    static FILLED: Cell<usize> = const { Cell::new(0) };
}

/// Whether read buffers are wiped after use.
static WIPING: AtomicBool = AtomicBool::new(false);

/// From now on read buffers, which outlive connections, keep nothing of what came through them: for processes that are
/// told secrets. It costs as much as copying what was read once more.
pub fn wipe_buffers() {
    WIPING.store(true, Ordering::Relaxed);
}

/// Whether [`wipe_buffers`] was called.
pub(crate) fn wiping() -> bool {
    WIPING.load(Ordering::Relaxed)
}

/// A connected socket.
#[derive(Debug)]
pub(crate) struct Socket {
    fd: OwnedFd,
    layer: OnceLock<Mutex<Layer>>,
}

impl Socket {
    /// A connected socket without a layer.
    pub(crate) fn new(fd: OwnedFd) -> Self {
        Self { fd, layer: OnceLock::new() }
    }

    /// From now on all bytes pass `layer`. The first one stays.
    pub(crate) fn put_on(&self, layer: Layer) {
        let _ = self.layer.set(Mutex::new(layer));
    }

    /// Whether bytes pass a layer.
    pub(crate) fn is_layered(&self) -> bool {
        self.layer.get().is_some()
    }

    /// Whether bytes that count as sent still wait for room in the socket.
    pub(crate) fn holds_back(&self) -> bool {
        self.layer.get().is_some_and(|layer| lock(layer).holds_back())
    }

    /// Tells the client that nothing follows, if a layer has words for it and the socket takes them.
    pub(crate) fn say_goodbye(&self) {
        if let Some(layer) = self.layer.get() {
            lock(layer).say_goodbye(self.fd.as_fd());
        }
    }
}

impl AsFd for Socket {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl AsRawFd for Socket {
    fn as_raw_fd(&self) -> RawFd {
        self.fd.as_raw_fd()
    }
}

/// Result of one read.
#[derive(Debug)]
pub(crate) enum Received {
    /// Something.
    Bytes {
        /// So many bytes.
        count: usize,
        /// The descriptors came with the last of them.
        fds: Vec<OwnedFd>,
        /// The read did not empty the socket, perhaps.
        more: bool,
    },
    /// Nothing there.
    Blocked,
    /// The client has closed.
    End,
}

impl Received {
    /// Whether the read did not empty the socket, perhaps.
    pub(crate) fn may_leave_more(&self) -> bool {
        matches!(self, Self::Bytes { more: true, .. })
    }
}

/// Result of one write.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Bytes that left.
    pub(crate) count: usize,
    /// The socket takes no more at the moment.
    pub(crate) blocked: bool,
}

/// Waits for a socket by way of the runtime.
///
/// The runtime is told of the socket only while somebody waits, and of its room only once it was full: each event that
/// the runtime is told of wakes one of its threads, which would take the processor from the client or from us.
#[derive(Debug)]
pub(crate) struct Waiting {
    socket: Arc<Socket>,
    registered: Option<AsyncFd<Arc<Socket>>>,
    interest: Interest,
    /// The last read left something, of which there is no event.
    more: bool,
}

impl Waiting {
    pub(crate) fn new(socket: Arc<Socket>) -> Self {
        Self { socket, registered: None, interest: Interest::READABLE, more: false }
    }

    /// Whether there may be something to read. Forgets that it was so: whoever is told reads, and says by
    /// [`Waiting::left`] if something is left.
    ///
    /// # Errors
    /// The runtime cannot wait for the socket.
    pub(crate) fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        if std::mem::take(&mut self.more) {
            return Poll::Ready(Ok(()));
        }
        let ready = self.registered(Interest::READABLE)?.poll_read_ready(cx);
        ready.map_ok(|mut guard| guard.clear_ready())
    }

    /// Whether there may be room to write, after a write that found none. Forgets that it was so.
    ///
    /// # Errors
    /// As [`Waiting::poll_read`].
    pub(crate) fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ready = self.registered(Interest::WRITABLE)?.poll_write_ready(cx);
        ready.map_ok(|mut guard| guard.clear_ready())
    }

    /// The last read did not empty the socket.
    pub(crate) fn left(&mut self, more: bool) {
        self.more = more;
    }

    /// The runtime need not tell of the socket until somebody waits again.
    pub(crate) fn stop(&mut self) {
        self.registered = None;
        self.interest = Interest::READABLE;
    }

    fn registered(&mut self, interest: Interest) -> io::Result<&AsyncFd<Arc<Socket>>> {
        let wanted = self.interest | interest;
        if wanted != self.interest {
            self.registered = None;
            self.interest = wanted;
        }
        let registered = match self.registered.take() {
            Some(registered) => registered,
            None => register(Arc::clone(&self.socket), wanted)?,
        };
        Ok(self.registered.insert(registered))
    }
}

#[expect(
    deprecated,
    reason = "its successor is unsafe for types that may answer other descriptors; a socket does not"
)]
fn register(socket: Arc<Socket>, interest: Interest) -> io::Result<AsyncFd<Arc<Socket>>> {
    AsyncFd::with_interest(socket, interest)
}

/// Lends this thread's read buffer to `work`.
pub(crate) fn with_buffer<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer = BUFFER.take();
    buffer.resize(SCRATCH, 0);
    let result = work(&mut buffer);
    let filled = FILLED.take();
    if wiping()
        && let Some(filled) = buffer.get_mut(..filled)
    {
        filled.fill(0);
    }
    BUFFER.set(buffer);
    result
}

/// Reads what is there. A read never goes beyond a byte that carries descriptors, so none is lost however large it is.
///
/// # Errors
/// The connection is broken, or descriptors did not fit (a client that attaches more than the protocol has).
pub(crate) fn receive(socket: &Socket, buffer: &mut [u8]) -> io::Result<Received> {
    let received = receive_any(socket, buffer);
    if let Ok(Received::Bytes { count, .. }) = &received {
        FILLED.set(FILLED.get().max(*count));
    }
    received
}

fn receive_any(socket: &Socket, buffer: &mut [u8]) -> io::Result<Received> {
    if let Some(layer) = socket.layer.get() {
        return lock(layer).receive(socket.as_fd(), buffer);
    }
    match receive_now(socket, buffer) {
        Ok((0, _)) => Ok(Received::End),
        Ok((count, fds)) => {
            let more = count == buffer.len() || !fds.is_empty();
            Ok(Received::Bytes { count, fds, more })
        }
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Blocked),
        Err(error) => Err(error),
    }
}

/// Reads until `deadline` without waiting for tokio; lets other threads of this processor run in between.
///
/// # Errors
/// As [`receive`].
pub(crate) fn receive_until(socket: &Socket, buffer: &mut [u8], deadline: Instant) -> io::Result<Received> {
    loop {
        match receive(socket, buffer)? {
            Received::Blocked if Instant::now() < deadline => std::thread::yield_now(),
            received => return Ok(received),
        }
    }
}

/// Writes as much of `total` bytes in `slices` as the socket takes.
///
/// # Errors
/// The connection is broken.
pub(crate) fn send(socket: &Socket, slices: &[IoSlice<'_>], total: usize) -> io::Result<Sent> {
    if let Some(layer) = socket.layer.get() {
        return lock(layer).send(socket.as_fd(), slices);
    }
    match send_now(socket.as_fd(), slices, &mut SendAncillaryBuffer::default()) {
        Ok(count) => Ok(Sent { count, blocked: count < total }),
        Err(error) => full(error),
    }
}

/// Sends one descriptor with its byte.
///
/// # Errors
/// The connection is broken.
pub(crate) fn send_descriptor(socket: &Socket, fd: BorrowedFd<'_>) -> io::Result<Sent> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    match send_now(socket.as_fd(), &[IoSlice::new(&CARRIER)], &mut control) {
        Ok(count) => Ok(Sent { count, blocked: false }),
        Err(error) => full(error),
    }
}

/// Sends bytes as they are, past any layer.
///
/// # Errors
/// The connection is broken.
pub(crate) fn send_raw(socket: BorrowedFd<'_>, bytes: &[u8]) -> io::Result<Sent> {
    match send_now(socket, &[IoSlice::new(bytes)], &mut SendAncillaryBuffer::default()) {
        Ok(count) => Ok(Sent { count, blocked: count < bytes.len() }),
        Err(error) => full(error),
    }
}

/// Receives bytes as they are; `None`: nothing there, zero: the client has closed.
///
/// # Errors
/// The connection is broken.
pub(crate) fn receive_raw(socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Option<usize>> {
    loop {
        match rustix::net::recv(socket, &mut *buffer, RecvFlags::DONTWAIT) {
            Err(rustix::io::Errno::INTR) => {}
            Err(rustix::io::Errno::AGAIN) => return Ok(None),
            other => return Ok(Some(other.map(|(count, _)| count)?)),
        }
    }
}

fn full(error: io::Error) -> io::Result<Sent> {
    if error.kind() == io::ErrorKind::WouldBlock { Ok(Sent { count: 0, blocked: true }) } else { Err(error) }
}

fn receive_now(socket: &Socket, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MAX_FDS as usize))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let flags = RecvFlags::CMSG_CLOEXEC | RecvFlags::DONTWAIT;
    let message = loop {
        match rustix::net::recvmsg(socket, &mut [IoSliceMut::new(buffer)], &mut control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            other => break other?,
        }
    };
    let mut fds = Vec::new();
    for part in control.drain() {
        if let RecvAncillaryMessage::ScmRights(some) = part {
            fds.extend(some);
        }
    }
    if message.flags.contains(ReturnFlags::CTRUNC) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "more descriptors at once than a message can have",
        ));
    }
    Ok((message.bytes, fds))
}

fn send_now(
    socket: BorrowedFd<'_>,
    slices: &[IoSlice<'_>],
    control: &mut SendAncillaryBuffer<'_, '_, '_>,
) -> io::Result<usize> {
    let flags = SendFlags::NOSIGNAL | SendFlags::DONTWAIT;
    loop {
        match rustix::net::sendmsg(socket, slices, control, flags) {
            Err(rustix::io::Errno::INTR) => {}
            other => return Ok(other?),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;
    use std::io::{Read, Write};
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use super::*;

    fn pair() -> (Arc<Socket>, Waiting, UnixStream) {
        let (ours, client) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = Arc::new(Socket::new(ours.into()));
        (Arc::clone(&ours), Waiting::new(ours), client)
    }

    async fn readable(waiting: &mut Waiting) -> bool {
        let ready = poll_fn(|cx| waiting.poll_read(cx));
        tokio::time::timeout(Duration::from_millis(200), ready).await.is_ok()
    }

    #[tokio::test]
    async fn what_arrives_is_told_once_and_again_where_something_is_left() {
        let (ours, mut waiting, mut client) = pair();
        assert!(!readable(&mut waiting).await);
        client.write_all(b"abcd").unwrap();
        assert!(readable(&mut waiting).await);
        let mut buffer = [0; 2];
        let received = receive(&ours, &mut buffer).unwrap();
        assert!(received.may_leave_more());
        waiting.left(true);
        assert!(readable(&mut waiting).await);
        let mut buffer = [0; 16];
        let received = receive(&ours, &mut buffer).unwrap();
        assert!(matches!(received, Received::Bytes { count: 2, .. }) && !received.may_leave_more());
        assert!(!readable(&mut waiting).await);
        drop(client);
        assert!(readable(&mut waiting).await);
        assert!(matches!(receive(&ours, &mut buffer).unwrap(), Received::End));
    }

    #[tokio::test]
    async fn what_arrived_while_nobody_waited_is_told() {
        let (_ours, mut waiting, mut client) = pair();
        assert!(!readable(&mut waiting).await);
        waiting.stop();
        client.write_all(b"a").unwrap();
        assert!(readable(&mut waiting).await);
    }

    #[tokio::test]
    async fn room_in_a_full_socket_is_told_while_reads_go_on() {
        let (ours, mut waiting, mut client) = pair();
        let block = [0; 65536];
        while !send(&ours, &[IoSlice::new(&block)], block.len()).unwrap().blocked {}
        let full = poll_fn(|cx| waiting.poll_write(cx));
        assert!(tokio::time::timeout(Duration::from_millis(50), full).await.is_err());
        client.write_all(b"a").unwrap();
        assert!(readable(&mut waiting).await);
        client.set_nonblocking(true).unwrap();
        let mut sink = vec![0; 1 << 20];
        while client.read(&mut sink).is_ok() {}
        let room = poll_fn(|cx| waiting.poll_write(cx));
        tokio::time::timeout(Duration::from_secs(10), room).await.unwrap().unwrap();
        assert!(send(&ours, &[IoSlice::new(&block[..1])], 1).unwrap().count == 1);
    }
}
