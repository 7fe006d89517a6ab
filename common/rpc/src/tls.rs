//! TLS sessions: the handshake, and records afterwards.
//!
//! rustls's connections without buffers: a connection that is idle keeps its keys and nothing else. What is computed in a
//! handshake takes milliseconds, so it is done by the runtime's threads for blocking work.

use std::fmt;
use std::io;
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::CertificateDer;
use rustls::server::UnbufferedServerConnection;
use rustls::unbuffered::{
    ConnectionState, EncodeError, EncryptError, InsufficientSizeError, UnbufferedStatus,
};
use rustls::{ServerConfig, SupportedCipherSuite};

use crate::layer::{Codec, Sink};

/// Most bytes of a handshake that wait to be complete. One handshake message has at most 64 KiB (rustls refuses longer
/// ones); certificates are the longest.
const MAX_WAITING: usize = 128 * 1024;
/// What TLS may add to a record of 16 KiB.
const RECORD_EXTRA: usize = 64;
const RECORD: usize = 16 * 1024;
/// The byte that tells a client of libvirt that its certificate was accepted.
const CONFIRMATION: [u8; 1] = [1];

/// Judges the certificates that a client has shown, its own first; empty if it has none. Gives the distinguished name of
/// the first, or the reason why the client is refused. It may block.
pub type Judge = dyn Fn(&[CertificateDer<'static>]) -> Result<Option<String>, String> + Send + Sync;

/// What new TLS sessions begin with.
#[derive(Clone)]
pub struct TlsSettings {
    /// Certificates, versions and algorithms. It has to let clients finish the handshake whatever their certificate is:
    /// `judge` decides, so that a refused client finds the connection closed where the confirmation should be.
    pub config: Arc<ServerConfig>,
    /// Who is let in.
    pub judge: Arc<Judge>,
}

impl fmt::Debug for TlsSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TlsSettings").field("config", &self.config).finish_non_exhaustive()
    }
}

/// The settings of TLS endpoints; they can be changed while these listen.
#[derive(Debug)]
pub struct TlsAcceptor(ArcSwap<TlsSettings>);

impl TlsAcceptor {
    /// Begins with these settings.
    pub fn new(settings: TlsSettings) -> Self {
        Self(ArcSwap::from_pointee(settings))
    }

    /// New sessions begin with these settings; living ones stay as they are.
    pub fn replace(&self, settings: TlsSettings) {
        self.0.store(Arc::new(settings));
    }

    pub(crate) fn settings(&self) -> Arc<TlsSettings> {
        self.0.load_full()
    }
}

/// Why a handshake fails.
#[derive(Debug, thiserror::Error)]
pub(crate) enum HandshakeError {
    /// The client keeps to no TLS that is allowed here.
    #[error("TLS handshake failed: {0}")]
    Tls(#[from] rustls::Error),
    /// Its certificate is not accepted.
    #[error("the client's certificate is refused: {0}")]
    Refused(String),
    /// It sent too much.
    #[error("the client sent more than {MAX_WAITING} bytes that do not complete a handshake")]
    TooMuch,
    /// It closed.
    #[error("the client has closed the connection before the end of the TLS handshake")]
    Ended,
}

/// A handshake that is not over.
pub(crate) struct Handshake {
    tls: Tls,
    judge: Arc<Judge>,
    /// To be sent.
    pub(crate) outgoing: Vec<u8>,
    /// What the client sent behind its side of the handshake.
    early: Vec<u8>,
}

/// A handshake that is over.
pub(crate) struct Finished {
    /// Seals and opens from now on.
    pub(crate) tls: Tls,
    /// To be sent; the confirmation is its end.
    pub(crate) outgoing: Vec<u8>,
    /// What the client has said already.
    pub(crate) early: Vec<u8>,
    /// The client's distinguished name.
    pub(crate) dname: Option<String>,
}

/// Where a handshake stands after some bytes.
pub(crate) enum Step {
    /// More bytes of the client are needed.
    Blocked(Box<Handshake>),
    /// It is over.
    Finished(Box<Finished>),
    /// It failed; these are the last words to the client.
    Failed(HandshakeError, Vec<u8>),
}

impl Handshake {
    /// Begins.
    ///
    /// # Errors
    /// rustls refuses its configuration.
    pub(crate) fn new(settings: &TlsSettings) -> Result<Self, HandshakeError> {
        let conn = UnbufferedServerConnection::new(Arc::clone(&settings.config))?;
        let tls = Tls { conn, partial: Vec::new() };
        Ok(Self { tls, judge: Arc::clone(&settings.judge), outgoing: Vec::new(), early: Vec::new() })
    }

    /// Goes on with bytes from the client. It computes for milliseconds.
    pub(crate) fn advance(mut self, wire: &mut [u8]) -> Step {
        match self.take(wire) {
            Ok(false) => Step::Blocked(self.into()),
            Ok(true) => match self.finish() {
                Ok(finished) => Step::Finished(Box::new(finished)),
                Err((error, goodbye)) => Step::Failed(error, goodbye),
            },
            Err(error) => Step::Failed(error, self.outgoing),
        }
    }

    /// Whether the handshake is over.
    fn take(&mut self, wire: &mut [u8]) -> Result<bool, HandshakeError> {
        let mut early = vec![0; wire.len() + self.tls.partial.len()];
        let mut plain = Sink::new(&mut early);
        let ended = self.tls.take(wire, &mut plain, &mut self.outgoing)?;
        let count = plain.len();
        self.early.extend_from_slice(early.get(..count).unwrap_or_default());
        if self.tls.partial.len() + self.early.len() > MAX_WAITING {
            return Err(HandshakeError::TooMuch);
        }
        let over = !self.tls.conn.is_handshaking();
        if ended && !over { Err(HandshakeError::Ended) } else { Ok(over) }
    }

    fn finish(mut self) -> Result<Finished, (HandshakeError, Vec<u8>)> {
        let chain = self.tls.conn.peer_certificates().unwrap_or_default().to_vec();
        let judged = (self.judge)(&chain).map_err(HandshakeError::Refused);
        let sealed = judged.and_then(|dname| {
            self.tls.protect(&CONFIRMATION, &mut self.outgoing)?;
            Ok(dname)
        });
        match sealed {
            Ok(dname) => Ok(Finished { tls: self.tls, outgoing: self.outgoing, early: self.early, dname }),
            Err(error) => Err((error, self.outgoing)),
        }
    }
}

/// An established session.
pub(crate) struct Tls {
    conn: UnbufferedServerConnection,
    /// Received bytes that complete nothing yet.
    partial: Vec<u8>,
}

impl fmt::Debug for Tls {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let suite = self.conn.negotiated_cipher_suite().map(|suite: SupportedCipherSuite| suite.suite());
        f.debug_struct("Tls").field("suite", &suite).field("partial", &self.partial.len()).finish()
    }
}

impl Tls {
    /// Takes received bytes; whether the client ended.
    fn take(
        &mut self,
        wire: &mut [u8],
        plain: &mut Sink<'_>,
        answers: &mut Vec<u8>,
    ) -> Result<bool, rustls::Error> {
        if self.partial.is_empty() {
            let (used, ended) = self.run(wire, plain, answers)?;
            self.partial = wire.get(used..).unwrap_or_default().to_vec();
            return Ok(ended);
        }
        let mut all = std::mem::take(&mut self.partial);
        all.extend_from_slice(wire);
        let (used, ended) = self.run(&mut all, plain, answers)?;
        if used < all.len() {
            all.drain(..used);
            self.partial = all;
        }
        Ok(ended)
    }

    /// Has the records in `wire` processed; how many bytes are used up, and whether the client ended.
    fn run(
        &mut self,
        wire: &mut [u8],
        plain: &mut Sink<'_>,
        answers: &mut Vec<u8>,
    ) -> Result<(usize, bool), rustls::Error> {
        let mut used = 0;
        loop {
            let rest = wire.get_mut(used..).unwrap_or_default();
            let UnbufferedStatus { mut discard, state, .. } = self.conn.process_tls_records(rest);
            let state = match state {
                Ok(state) => state,
                Err(error) => {
                    let rest = wire.get_mut(used + discard..).unwrap_or_default();
                    self.last_words(rest, answers);
                    return Err(error);
                }
            };
            let over = match state {
                ConnectionState::ReadTraffic(mut traffic) => {
                    while let Some(record) = traffic.next_record() {
                        let record = record?;
                        discard += record.discard;
                        plain.put(record.payload).map_err(|_| too_much())?;
                    }
                    None
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    append(answers, 0, |room| data.encode(room))?;
                    None
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    None
                }
                ConnectionState::BlockedHandshake | ConnectionState::WriteTraffic(_) => Some(false),
                ConnectionState::PeerClosed | ConnectionState::Closed => Some(true),
                // Data before the handshake's end is not offered to any client.
                _ => return Err(too_much()),
            };
            used += discard;
            if let Some(ended) = over {
                return Ok((used, ended));
            }
        }
    }

    /// The alert that tells the client of a failure; it is queued already. `rest`: the records that are not used up.
    fn last_words(&mut self, rest: &mut [u8], wire: &mut Vec<u8>) {
        if let Ok(ConnectionState::EncodeTlsData(mut data)) = self.conn.process_tls_records(rest).state
            && let Err(error) = append(wire, 0, |room| data.encode(room))
        {
            tracing::debug!("TLS fails without a word: {error}");
        }
    }

    fn protect(&mut self, data: &[u8], wire: &mut Vec<u8>) -> Result<(), rustls::Error> {
        let room = data.len() + (data.len() / RECORD + 1) * RECORD_EXTRA;
        self.write(wire, |state, wire| append(wire, room, |space| state.encrypt(data, space)))
    }

    /// Runs `work` once application data may be written.
    fn write(
        &mut self,
        wire: &mut Vec<u8>,
        mut work: impl FnMut(&mut WriteTraffic<'_>, &mut Vec<u8>) -> Result<(), rustls::Error>,
    ) -> Result<(), rustls::Error> {
        loop {
            let UnbufferedStatus { discard, state, .. } = self.conn.process_tls_records(&mut self.partial);
            let done = match state? {
                ConnectionState::WriteTraffic(mut traffic) => {
                    work(&mut traffic, wire)?;
                    true
                }
                ConnectionState::EncodeTlsData(mut data) => {
                    append(wire, 0, |room| data.encode(room))?;
                    false
                }
                ConnectionState::TransmitTlsData(data) => {
                    data.done();
                    false
                }
                // The client has ended its side, which is told once; it may still read.
                ConnectionState::PeerClosed => false,
                _ => return Err(rustls::Error::HandshakeNotComplete),
            };
            self.partial.drain(..discard.min(self.partial.len()));
            if done {
                return Ok(());
            }
        }
    }
}

type WriteTraffic<'a> = rustls::unbuffered::WriteTraffic<'a, rustls::server::ServerConnectionData>;

impl Codec for Tls {
    fn open(&mut self, wire: &mut [u8], plain: &mut Sink<'_>, answers: &mut Vec<u8>) -> io::Result<bool> {
        self.take(wire, plain, answers).map_err(invalid)
    }

    fn seal(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> io::Result<()> {
        self.protect(plain, wire).map_err(invalid)
    }

    fn goodbye(&mut self, wire: &mut Vec<u8>) {
        let said = self
            .write(wire, |state, wire| append(wire, RECORD_EXTRA, |space| state.queue_close_notify(space)));
        if let Err(error) = said {
            tracing::debug!("TLS ends without a word: {error}");
        }
    }
}

/// Lets `encode` append to `wire`, with as much room as it turns out to need.
fn append<E: Needs>(
    wire: &mut Vec<u8>,
    room: usize,
    mut encode: impl FnMut(&mut [u8]) -> Result<usize, E>,
) -> Result<(), rustls::Error> {
    let start = wire.len();
    let mut room = room;
    loop {
        wire.resize(start + room, 0);
        match encode(wire.get_mut(start..).unwrap_or_default()) {
            Ok(count) => {
                wire.truncate(start + count);
                return Ok(());
            }
            Err(error) => match error.needs() {
                Some(more) if more > room => room = more,
                _ => {
                    wire.truncate(start);
                    return Err(rustls::Error::EncryptError);
                }
            },
        }
    }
}

/// An error that may ask for more room.
trait Needs {
    fn needs(&self) -> Option<usize>;
}

impl Needs for EncodeError {
    fn needs(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::AlreadyEncoded => None,
        }
    }
}

impl Needs for EncryptError {
    fn needs(&self) -> Option<usize> {
        match self {
            Self::InsufficientSize(InsufficientSizeError { required_size }) => Some(*required_size),
            Self::EncryptExhausted => None,
        }
    }
}

fn too_much() -> rustls::Error {
    rustls::Error::General("data that is not expected".to_owned())
}

fn invalid(error: rustls::Error) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}
