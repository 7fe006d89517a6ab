//! Messages: length word, header, descriptor count, body.
//!
//! ```text
//! length | program | version | procedure | kind | serial | status | [descriptor count] | body
//! ```
//! All words; the length counts itself. Bodies are slices of the received frame, never copies; to send one
//! without copying, write [`head`] and the body with one vectored write.

use bytes::{Buf, Bytes};

use crate::client::ClientError;
use crate::fault::Fault;
use crate::xdr::{self, Decoder, EncodeError, Encoder, Xdr};

/// Bytes from the length word to the body (or to the descriptor count).
pub const HEADER_LEN: usize = 28;
/// Shortest message: a header alone.
pub const MIN_MESSAGE: usize = HEADER_LEN;
/// Longest message, length word included: 32 MiB and that word.
pub const MAX_MESSAGE: usize = 33_554_436;
/// Most bytes of stream data in one packet; what the oldest peers accept.
pub const MAX_STREAM_CHUNK: usize = 262_120;
/// Most descriptors with one message.
pub const MAX_FDS: u32 = 32;
/// Serial of every event.
pub const EVENT_SERIAL: u32 = 1;

/// What a message is. Unknown words are kept: the server leaves such messages unanswered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Arguments of a procedure.
    Call,
    /// Result of a procedure, or its error.
    Reply,
    /// An event; nothing answers it.
    Message,
    /// A packet of a stream.
    Stream,
    /// A call that descriptors follow.
    CallWithFds,
    /// A reply that descriptors follow.
    ReplyWithFds,
    /// A hole in a stream of a sparse file; the body is a [`StreamHole`].
    StreamHole,
    /// No kind of this protocol.
    Other(u32),
}

/// How it stands with the call or stream. Unknown words are kept; a call is only good with `Ok`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// Result, or the end of a stream.
    Ok,
    /// The body is a [`MessageError`], or empty where a client aborts a stream.
    Error,
    /// More of the stream will follow.
    Continue,
    /// No status of this protocol.
    Other(i32),
}

/// The six words after the length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// Number of the program.
    pub program: u32,
    /// Version of the program.
    pub version: u32,
    /// Number of the procedure or event.
    pub procedure: i32,
    /// What the message is.
    pub kind: Kind,
    /// The caller's number of the call; its reply and stream packets repeat it.
    pub serial: u32,
    /// How it stands.
    pub status: Status,
}

/// A received message, taken apart.
#[derive(Clone, Debug, PartialEq)]
pub struct Message {
    /// The header.
    pub header: Header,
    /// Descriptors that follow, for the kinds that can have some.
    pub fds: Option<u32>,
    /// All after the header and descriptor count: a slice of the frame.
    pub body: Bytes,
}

impl Message {
    /// What a reply says: its body, or the error that it carries.
    ///
    /// # Errors
    /// [`ClientError::Fault`] with the server's error, [`ClientError::Decode`] where that is none.
    pub fn outcome(self) -> Result<Bytes, ClientError> {
        match self.header.status {
            Status::Ok => Ok(self.body),
            _ => Err(ClientError::Fault(Fault::from_wire(xdr::from_slice(&self.body)?))),
        }
    }
}

/// Bytes that are no message; the connection cannot go on, as its next boundary is unknown or in doubt.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameError {
    /// The length word is below [`MIN_MESSAGE`] or above [`MAX_MESSAGE`].
    #[error("message length {0} is out of range")]
    Length(u32),
    /// The message ends inside its header or descriptor count.
    #[error("message of {0} bytes is too short")]
    Short(usize),
    /// More descriptors than [`MAX_FDS`].
    #[error("{0} descriptors are too many for a message")]
    Fds(u32),
}

/// Header of an outgoing message in wire form, with the length word and the descriptor count if there is one.
#[derive(Clone, Copy, Debug)]
pub struct Head {
    bytes: [u8; HEADER_LEN + 4],
    len: usize,
}

wire! {
    /// A hole in a sparse stream: what [`Kind::StreamHole`] carries.
    struct StreamHole {
        length: i64,
        flags: u32,
    }

    /// The error of a reply or stream as it stands on the wire; [`crate::Fault`] is the form to work with.
    struct MessageError {
        code: i32,
        domain: i32,
        message: Option<String>,
        level: i32,
        dom: Option<crate::shared::NonnullDomain>,
        str1: Option<String>,
        str2: Option<String>,
        str3: Option<String>,
        int1: i32,
        int2: i32,
        net: Option<crate::shared::NonnullNetwork>,
    }
}

/// Judges the first word of a message.
///
/// # Errors
/// [`FrameError::Length`].
pub fn message_len(word: [u8; 4]) -> Result<usize, FrameError> {
    let word = u32::from_be_bytes(word);
    match usize::try_from(word) {
        Ok(len) if (MIN_MESSAGE..=MAX_MESSAGE).contains(&len) => Ok(len),
        _ => Err(FrameError::Length(word)),
    }
}

/// Takes a whole message apart (length word included; its value was judged by [`message_len`]).
///
/// # Errors
/// [`FrameError::Short`], [`FrameError::Fds`].
pub fn split(mut frame: Bytes) -> Result<Message, FrameError> {
    let header = Header::decode(&frame)?;
    let len = frame.len();
    frame.advance(HEADER_LEN);
    let fds = match header.kind {
        Kind::CallWithFds | Kind::ReplyWithFds => {
            let count = frame.try_get_u32().map_err(|_| FrameError::Short(len))?;
            if count > MAX_FDS {
                return Err(FrameError::Fds(count));
            }
            Some(count)
        }
        _ => None,
    };
    Ok(Message { header, fds, body: frame })
}

/// A whole message around an encoded value.
///
/// # Errors
/// As [`Xdr::encode`]; [`EncodeError::TooLong`] where the message would be over [`MAX_MESSAGE`].
pub fn encode_message(header: &Header, value: &impl Xdr) -> Result<Vec<u8>, EncodeError> {
    let mut out = Vec::with_capacity(HEADER_LEN + 100);
    out.extend_from_slice(head(header, 0, None).as_ref());
    let mut out = Encoder::append_to(out);
    value.encode(&mut out)?;
    let mut message = out.into_vec();
    if message.len() > MAX_MESSAGE {
        return Err(EncodeError::TooLong { len: message.len(), max: MAX_MESSAGE });
    }
    let body_len = message.len() - HEADER_LEN;
    message[..HEADER_LEN].copy_from_slice(head(header, body_len, None).as_ref());
    Ok(message)
}

/// A whole message around bytes that are encoded already.
pub fn encode_raw(header: &Header, body: &[u8]) -> Vec<u8> {
    let head = head(header, body.len(), None);
    [head.as_ref(), body].concat()
}

/// What goes before a body of `body_len` bytes; `fds` is the descriptor count of the kinds that have one.
pub fn head(header: &Header, body_len: usize, fds: Option<u32>) -> Head {
    let len = HEADER_LEN + if fds.is_some() { 4 } else { 0 };
    let total = u32::try_from(len + body_len).unwrap_or(u32::MAX);
    let words = [
        total,
        header.program,
        header.version,
        header.procedure.cast_unsigned(),
        header.kind.word(),
        header.serial,
        header.status.word().cast_unsigned(),
        fds.unwrap_or(0),
    ];
    let mut bytes = [0; HEADER_LEN + 4];
    for (place, word) in bytes.chunks_exact_mut(4).zip(words) {
        place.copy_from_slice(&word.to_be_bytes());
    }
    Head { bytes, len }
}

impl Header {
    /// Reads the header of a message that begins with its length word. The words are not judged.
    ///
    /// # Errors
    /// [`FrameError::Short`].
    pub fn decode(message: &[u8]) -> Result<Self, FrameError> {
        let words = message.get(4..).unwrap_or_default();
        Self::read(&mut Decoder::new(words)).ok_or(FrameError::Short(message.len()))
    }

    /// The header of a call of a procedure of some version of a program.
    #[must_use]
    pub fn call((program, version, procedure): (u32, u32, i32), serial: u32) -> Self {
        Self { program, version, procedure, kind: Kind::Call, serial, status: Status::Ok }
    }

    /// The header of an answer to this message: same program, version, procedure and serial.
    #[must_use]
    pub fn answer(&self, kind: Kind, status: Status) -> Self {
        Self { kind, status, ..*self }
    }

    fn read(words: &mut Decoder<'_>) -> Option<Self> {
        Some(Self {
            program: words.word().ok()?,
            version: words.word().ok()?,
            procedure: words.word().ok()?.cast_signed(),
            kind: Kind::from_word(words.word().ok()?),
            serial: words.word().ok()?,
            status: Status::from_word(words.word().ok()?.cast_signed()),
        })
    }
}

impl Kind {
    /// The kind a word stands for.
    pub fn from_word(word: u32) -> Self {
        match word {
            0 => Self::Call,
            1 => Self::Reply,
            2 => Self::Message,
            3 => Self::Stream,
            4 => Self::CallWithFds,
            5 => Self::ReplyWithFds,
            6 => Self::StreamHole,
            other => Self::Other(other),
        }
    }

    /// The word on the wire.
    pub fn word(self) -> u32 {
        match self {
            Self::Call => 0,
            Self::Reply => 1,
            Self::Message => 2,
            Self::Stream => 3,
            Self::CallWithFds => 4,
            Self::ReplyWithFds => 5,
            Self::StreamHole => 6,
            Self::Other(other) => other,
        }
    }
}

impl Status {
    /// The status a word stands for.
    pub fn from_word(word: i32) -> Self {
        match word {
            0 => Self::Ok,
            1 => Self::Error,
            2 => Self::Continue,
            other => Self::Other(other),
        }
    }

    /// The word on the wire.
    pub fn word(self) -> i32 {
        match self {
            Self::Ok => 0,
            Self::Error => 1,
            Self::Continue => 2,
            Self::Other(other) => other,
        }
    }
}

impl AsRef<[u8]> for Head {
    fn as_ref(&self) -> &[u8] {
        &self.bytes[..self.len]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call() -> Header {
        let (kind, status) = (Kind::Call, Status::Ok);
        Header { program: 0x2000_8086, version: 1, procedure: 60, kind, serial: 3, status }
    }

    #[test]
    fn header_and_body() {
        let message = encode_message(&call(), &10_i32).expect("fits");
        assert_eq!(message.len(), 32);
        assert_eq!(message, encode_raw(&call(), &[0, 0, 0, 10]));
        let parts = split(Bytes::from(message)).expect("well formed");
        assert_eq!((parts.header, parts.fds, parts.body.as_ref()), (call(), None, &[0, 0, 0, 10][..]));
    }

    #[test]
    fn body_is_not_copied() {
        let frame = Bytes::from(encode_raw(&call(), &[1; 100]));
        let body = split(frame.clone()).expect("well formed").body;
        assert_eq!(body.as_ptr(), frame[HEADER_LEN..].as_ptr());
    }

    #[test]
    fn descriptor_count() {
        let header = Header { kind: Kind::ReplyWithFds, ..call() };
        let frame = |fds| Bytes::from([head(&header, 4, Some(fds)).as_ref(), &[9; 4]].concat());
        let parts = split(frame(32)).expect("well formed");
        assert_eq!((parts.fds, parts.body.as_ref()), (Some(32), &[9; 4][..]));
        assert_eq!(message_len([0, 0, 0, 36]), Ok(frame(32).len()));
        assert_eq!(split(frame(33)), Err(FrameError::Fds(33)));
        assert_eq!(split(frame(1).slice(..30)), Err(FrameError::Short(30)));
    }

    #[test]
    fn lengths() {
        assert_eq!(message_len([0, 0, 0, 27]), Err(FrameError::Length(27)));
        assert_eq!(message_len([0, 0, 0, 28]), Ok(28));
        assert_eq!(message_len(33_554_436_u32.to_be_bytes()), Ok(MAX_MESSAGE));
        assert_eq!(message_len(33_554_437_u32.to_be_bytes()), Err(FrameError::Length(33_554_437)));
        assert_eq!(Header::decode(&[0; 27]), Err(FrameError::Short(27)));
        assert_eq!(Header::decode(&[]), Err(FrameError::Short(0)));
    }

    #[test]
    fn unknown_words_are_kept() {
        let header = Header { kind: Kind::Other(7), status: Status::Other(-1), ..call() };
        assert_eq!(Header::decode(&encode_raw(&header, &[])), Ok(header));
        for word in 0..9 {
            assert_eq!(Kind::from_word(word).word(), word);
            assert_eq!(Status::from_word(word.cast_signed()).word(), word.cast_signed());
        }
    }
}
