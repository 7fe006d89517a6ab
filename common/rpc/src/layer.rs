//! What the bytes of a remote client pass between socket and session: TLS, or the security layer of SASL.
//!
//! A layer owns no memory while its connection is idle and no record is incomplete: reads and writes use buffers of the
//! thread, and only what the socket did not take is kept.

use std::cell::Cell;
use std::fmt;
use std::io::{self, IoSlice};
use std::os::fd::BorrowedFd;

use crate::socket::{Received, Sent, receive_raw, send_raw, wiping};

/// Bytes received at once. The plain bytes of these and of one incomplete record fit into a session's read buffer.
const WIRE: usize = 64 * 1024;
/// Plain bytes sealed at once: so much at most waits for a socket that is full.
const PORTION: usize = 64 * 1024;

thread_local! {
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// The security layer that a client and an authenticator of SASL agreed on (RFC 4422, section 3.7).
pub trait SecurityLayer: Send + fmt::Debug {
    /// Protects `plain`; appends what has to be sent to `wire`.
    ///
    /// # Errors
    /// The layer does not work any more; the connection ends.
    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> io::Result<()>;

    /// Takes received bytes, which may end anywhere, and appends what they hold to `plain`. Keeps no more than one
    /// incomplete packet, whose size was agreed upon.
    ///
    /// # Errors
    /// The bytes were not protected by the client.
    fn decode(&mut self, wire: &[u8], plain: &mut Vec<u8>) -> io::Result<()>;
}

/// From bytes on the wire to bytes of messages, and back.
pub(crate) trait Codec: Send + fmt::Debug {
    /// Takes received bytes; what has to be answered at once is appended to `answers`. Whether the client ended.
    fn open(&mut self, wire: &mut [u8], plain: &mut Sink<'_>, answers: &mut Vec<u8>) -> io::Result<bool>;

    /// Appends to `wire` what carries `plain`.
    fn seal(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> io::Result<()>;

    /// Appends to `wire` the last words, if the protocol has some.
    fn goodbye(&mut self, wire: &mut Vec<u8>);
}

/// A buffer that is filled.
pub(crate) struct Sink<'a> {
    buffer: &'a mut [u8],
    used: usize,
}

impl<'a> Sink<'a> {
    pub(crate) fn new(buffer: &'a mut [u8]) -> Self {
        Self { buffer, used: 0 }
    }

    /// Bytes put in so far.
    pub(crate) fn len(&self) -> usize {
        self.used
    }

    /// Puts bytes behind the others.
    ///
    /// # Errors
    /// They do not fit, which only a codec that makes many bytes of few could bring about.
    pub(crate) fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        let end = self.used + bytes.len();
        let room = self.buffer.get_mut(self.used..end).ok_or(io::ErrorKind::InvalidData)?;
        room.copy_from_slice(bytes);
        self.used = end;
        Ok(())
    }
}

/// A codec between a socket and its session.
#[derive(Debug)]
pub(crate) struct Layer {
    codec: Box<dyn Codec>,
    /// Sealed bytes that the socket did not take yet.
    unsent: Vec<u8>,
    ended: bool,
}

impl Layer {
    /// `unsent` has to leave first.
    pub(crate) fn new(codec: Box<dyn Codec>, unsent: Vec<u8>) -> Self {
        Self { codec, unsent, ended: false }
    }

    /// The layer that SASL agreed on.
    pub(crate) fn of_sasl(layer: Box<dyn SecurityLayer>) -> Self {
        Self::new(Box::new(Sasl(layer)), Vec::new())
    }

    /// Whether sealed bytes wait for room.
    pub(crate) fn holds_back(&self) -> bool {
        !self.unsent.is_empty()
    }

    /// Reads until there are plain bytes or the socket is empty.
    ///
    /// # Errors
    /// The connection is broken, or the client keeps to no protocol.
    pub(crate) fn receive(&mut self, socket: BorrowedFd<'_>, buffer: &mut [u8]) -> io::Result<Received> {
        with_scratch(|wire| {
            wire.resize(WIRE, 0);
            while !self.ended {
                let count = match receive_raw(socket, wire)? {
                    None => return Ok(Received::Blocked),
                    Some(0) => break,
                    Some(count) => count,
                };
                let mut plain = Sink::new(buffer);
                let received = wire.get_mut(..count).unwrap_or_default();
                let opened = self.codec.open(received, &mut plain, &mut self.unsent);
                // Where the codec fails, these are its last words.
                self.push(socket)?;
                self.ended = opened?;
                if plain.len() > 0 {
                    let more = count == WIRE || self.ended;
                    return Ok(Received::Bytes { count: plain.len(), fds: Vec::new(), more });
                }
            }
            self.ended = true;
            Ok(Received::End)
        })
    }

    /// Seals as much as the socket takes, and a little more.
    ///
    /// # Errors
    /// The connection is broken.
    pub(crate) fn send(&mut self, socket: BorrowedFd<'_>, slices: &[IoSlice<'_>]) -> io::Result<Sent> {
        self.push(socket)?;
        if self.holds_back() {
            return Ok(Sent { count: 0, blocked: true });
        }
        with_scratch(|wire| {
            // Head and body of a message go together: each piece that is sealed costs a record.
            let mut plain = Vec::new();
            for slice in slices {
                let room = PORTION - plain.len();
                plain.extend_from_slice(slice.get(..slice.len().min(room)).unwrap_or_default());
            }
            let count = plain.len();
            if count > 0 {
                self.codec.seal(&plain, wire)?;
            }
            let sent = send_raw(socket, wire)?.count;
            self.unsent = wire.get(sent..).unwrap_or_default().to_vec();
            Ok(Sent { count, blocked: self.holds_back() })
        })
    }

    /// Sends the last words unless other bytes wait.
    pub(crate) fn say_goodbye(&mut self, socket: BorrowedFd<'_>) {
        if !self.holds_back() {
            let mut wire = Vec::new();
            self.codec.goodbye(&mut wire);
            // The connection ends either way.
            let _ = send_raw(socket, &wire);
        }
    }

    fn push(&mut self, socket: BorrowedFd<'_>) -> io::Result<()> {
        if self.holds_back() {
            let sent = send_raw(socket, &self.unsent)?.count;
            if sent == self.unsent.len() {
                self.unsent = Vec::new();
            } else {
                self.unsent.drain(..sent);
            }
        }
        Ok(())
    }
}

/// Lends an empty buffer of this thread to `work`.
fn with_scratch<R>(work: impl FnOnce(&mut Vec<u8>) -> R) -> R {
    let mut scratch = SCRATCH.take();
    scratch.clear();
    let result = work(&mut scratch);
    if wiping() {
        // TLS opens its records where they lie.
        scratch.fill(0);
    }
    SCRATCH.set(scratch);
    result
}

#[derive(Debug)]
struct Sasl(Box<dyn SecurityLayer>);

impl Codec for Sasl {
    fn open(&mut self, wire: &mut [u8], plain: &mut Sink<'_>, _answers: &mut Vec<u8>) -> io::Result<bool> {
        let mut decoded = Vec::new();
        self.0.decode(wire, &mut decoded)?;
        plain.put(&decoded)?;
        Ok(false)
    }

    fn seal(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> io::Result<()> {
        self.0.encode(plain, wire)
    }

    fn goodbye(&mut self, _wire: &mut Vec<u8>) {}
}
