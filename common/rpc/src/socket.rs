//! The two system calls of a session: receive bytes with descriptors, send bytes or one descriptor; and waiting for
//! their socket.

use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use protocol::message::MAX_FDS;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use tokio::io::Interest;
use tokio::io::unix::AsyncFd;

/// Bytes read at once.
const SCRATCH: usize = 128 * 1024;
/// Byte that carries a descriptor.
const CARRIER: [u8; 1] = [0];

thread_local! {
    /// One read buffer per worker thread: connections own none while they are idle.
    static BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// Result of one read.
#[derive(Debug)]
pub(crate) enum Received {
    /// So many bytes; the descriptors came with the last of them.
    Bytes(usize, Vec<OwnedFd>),
    /// Nothing there.
    Blocked,
    /// The client has closed.
    End,
}

impl Received {
    /// Whether a read into a buffer of this size did not empty the socket, perhaps.
    pub(crate) fn may_leave_more(&self, room: usize) -> bool {
        matches!(self, Self::Bytes(count, fds) if *count == room || !fds.is_empty())
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
    socket: Arc<UnixStream>,
    registered: Option<AsyncFd<Arc<UnixStream>>>,
    interest: Interest,
    /// The last read left something, of which there is no event.
    more: bool,
}

impl Waiting {
    pub(crate) fn new(socket: Arc<UnixStream>) -> Self {
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

    fn registered(&mut self, interest: Interest) -> io::Result<&AsyncFd<Arc<UnixStream>>> {
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
fn register(socket: Arc<UnixStream>, interest: Interest) -> io::Result<AsyncFd<Arc<UnixStream>>> {
    AsyncFd::with_interest(socket, interest)
}

/// Lends this thread's read buffer to `work`.
pub(crate) fn with_buffer<R>(work: impl FnOnce(&mut [u8]) -> R) -> R {
    let mut buffer = BUFFER.take();
    buffer.resize(SCRATCH, 0);
    let result = work(&mut buffer);
    BUFFER.set(buffer);
    result
}

/// Reads what is there. A read never goes beyond a byte that carries descriptors, so none is lost however large it is.
///
/// # Errors
/// The connection is broken, or descriptors did not fit (a client that attaches more than the protocol has).
pub(crate) fn receive(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<Received> {
    match receive_now(socket, buffer) {
        Ok((0, _)) => Ok(Received::End),
        Ok((count, fds)) => Ok(Received::Bytes(count, fds)),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Received::Blocked),
        Err(error) => Err(error),
    }
}

/// Reads until `deadline` without waiting for tokio; lets other threads of this processor run in between.
///
/// # Errors
/// As [`receive`].
pub(crate) fn receive_until(
    socket: &UnixStream,
    buffer: &mut [u8],
    deadline: Instant,
) -> io::Result<Received> {
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
pub(crate) fn send(socket: &UnixStream, slices: &[IoSlice<'_>], total: usize) -> io::Result<Sent> {
    match send_now(socket, slices, &mut SendAncillaryBuffer::default()) {
        Ok(count) => Ok(Sent { count, blocked: count < total }),
        Err(error) => full(error),
    }
}

/// Sends one descriptor with its byte.
///
/// # Errors
/// The connection is broken.
pub(crate) fn send_descriptor(socket: &UnixStream, fd: BorrowedFd<'_>) -> io::Result<Sent> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    let fds = [fd];
    if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
        return Err(io::ErrorKind::InvalidInput.into());
    }
    match send_now(socket, &[IoSlice::new(&CARRIER)], &mut control) {
        Ok(count) => Ok(Sent { count, blocked: false }),
        Err(error) => full(error),
    }
}

fn full(error: io::Error) -> io::Result<Sent> {
    if error.kind() == io::ErrorKind::WouldBlock { Ok(Sent { count: 0, blocked: true }) } else { Err(error) }
}

fn receive_now(socket: &UnixStream, buffer: &mut [u8]) -> io::Result<(usize, Vec<OwnedFd>)> {
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
    socket: &UnixStream,
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
    use std::time::Duration;

    use super::*;

    fn pair() -> (Arc<UnixStream>, Waiting, UnixStream) {
        let (ours, client) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let ours = Arc::new(ours);
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
        assert!(received.may_leave_more(buffer.len()));
        waiting.left(true);
        assert!(readable(&mut waiting).await);
        let mut buffer = [0; 16];
        let received = receive(&ours, &mut buffer).unwrap();
        assert!(matches!(received, Received::Bytes(2, _)) && !received.may_leave_more(buffer.len()));
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
