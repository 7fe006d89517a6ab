//! The two system calls of a session: receive bytes with descriptors, send bytes or one descriptor.
//!
//! Both tell tokio at once when the socket is drained or full, so that no call is spent on finding it out.

use std::cell::Cell;
use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{BorrowedFd, OwnedFd};
use std::time::Instant;

use protocol::message::MAX_FDS;
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, ReturnFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags,
};
use tokio::io::Interest;
use tokio::net::UnixStream;

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

/// Result of one write.
#[derive(Debug)]
pub(crate) struct Sent {
    /// Bytes that left.
    pub(crate) count: usize,
    /// The socket takes no more at the moment.
    pub(crate) blocked: bool,
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
    let mut received = None;
    let result = socket.try_io(Interest::READABLE, || {
        let (count, fds) = receive_now(socket, buffer)?;
        // A read that is not full and did not end at a descriptor has drained the socket: forget that it was readable.
        let drained = count > 0 && count < buffer.len() && fds.is_empty();
        received = Some((count, fds));
        if drained { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    match (received, result) {
        (Some((0, _)), _) => Ok(Received::End),
        (Some((count, fds)), _) => Ok(Received::Bytes(count, fds)),
        (None, Err(error)) if error.kind() != io::ErrorKind::WouldBlock => Err(error),
        (None, _) => Ok(Received::Blocked),
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
        match receive_now(socket, buffer) {
            Ok((0, _)) => return Ok(Received::End),
            Ok((count, fds)) => return Ok(Received::Bytes(count, fds)),
            Err(error) if error.kind() != io::ErrorKind::WouldBlock => return Err(error),
            Err(_) if Instant::now() >= deadline => return Ok(Received::Blocked),
            Err(_) => std::thread::yield_now(),
        }
    }
}

/// Writes as much of `total` bytes in `slices` as the socket takes.
///
/// # Errors
/// The connection is broken.
pub(crate) fn send(socket: &UnixStream, slices: &[IoSlice<'_>], total: usize) -> io::Result<Sent> {
    let mut count = 0;
    let result = socket.try_io(Interest::WRITABLE, || {
        count = send_now(socket, slices, &mut SendAncillaryBuffer::default())?;
        if count < total { Err(io::ErrorKind::WouldBlock.into()) } else { Ok(()) }
    });
    finish(count, result)
}

/// Sends one descriptor with its byte.
///
/// # Errors
/// The connection is broken.
pub(crate) fn send_descriptor(socket: &UnixStream, fd: BorrowedFd<'_>) -> io::Result<Sent> {
    let mut count = 0;
    let result = socket.try_io(Interest::WRITABLE, || {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        let fds = [fd];
        if !control.push(SendAncillaryMessage::ScmRights(&fds)) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        count = send_now(socket, &[IoSlice::new(&CARRIER)], &mut control)?;
        Ok(())
    });
    finish(count, result)
}

fn finish(count: usize, result: io::Result<()>) -> io::Result<Sent> {
    match result {
        Ok(()) => Ok(Sent { count, blocked: false }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Ok(Sent { count, blocked: true }),
        Err(error) => Err(error),
    }
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
