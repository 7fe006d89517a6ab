//! A client of the wire protocol that does nothing but calls, so that figures are those of the daemon.

use bytes::Bytes;
use protocol::Fault;
use protocol::message::{self, Header, Kind, Status};
use protocol::procedure::Meta;
use protocol::remote::{self, NonnullDomain};
use protocol::subject::Leading;
use protocol::xdr::{self, Xdr};
use std::io::{Read, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::os::unix::net::UnixStream;
use std::path::Path;

/// A connection on which one call at a time is made; events that come in between are kept.
pub struct Wire {
    stream: UnixStream,
    serial: u32,
    events: Vec<Bytes>,
}

impl Wire {
    /// Connects without saying anything.
    pub fn connect(socket: &Path) -> std::io::Result<Self> {
        let stream = UnixStream::connect(socket)?;
        stream.set_read_timeout(Some(crate::LIMIT))?;
        Ok(Self { stream, serial: 0, events: Vec::new() })
    }

    /// Connects as a client does: asks for authentication, and opens `uri`.
    pub fn open(socket: &Path, uri: &str) -> std::io::Result<Self> {
        let mut wire = Self::connect(socket)?;
        let _: remote::AuthListRet =
            wire.call(&remote::rows::auth_list, &()).map_err(std::io::Error::other)?;
        let open = remote::ConnectOpenArgs { name: Some(uri.to_owned()), flags: 0 };
        wire.call::<()>(&remote::rows::connect_open, &open).map_err(std::io::Error::other)?;
        Ok(wire)
    }

    /// Makes one call and waits for its reply.
    ///
    /// # Panics
    /// If the connection breaks or answers what is no reply: there is nothing to measure then.
    pub fn call<R: Xdr>(&mut self, meta: &'static Meta, arguments: &impl Xdr) -> Result<R, Fault> {
        self.serial += 1;
        let header = Header::call((meta.program, remote::VERSION, meta.number), self.serial);
        self.stream.write_all(&message::encode_message(&header, arguments).unwrap()).unwrap();
        loop {
            let answer = self.receive();
            match answer.header.kind {
                Kind::Message => self.events.push(answer.body),
                Kind::Reply if answer.header.status == Status::Ok => {
                    return Ok(xdr::from_slice(&answer.body).unwrap());
                }
                _ => return Err(Fault::from_wire(xdr::from_slice(&answer.body).unwrap())),
            }
        }
    }

    /// Waits for the next event.
    pub fn event(&mut self) -> Bytes {
        if !self.events.is_empty() {
            return self.events.remove(0);
        }
        loop {
            let message = self.receive();
            if message.header.kind == Kind::Message {
                return message.body;
            }
        }
    }

    fn receive(&mut self) -> message::Message {
        let mut word = [0; 4];
        self.stream.read_exact(&mut word).unwrap();
        let mut frame = vec![0; message::message_len(word).unwrap()];
        frame[..4].copy_from_slice(&word);
        self.stream.read_exact(&mut frame[4..]).unwrap();
        message::split(Bytes::from(frame)).unwrap()
    }
}

impl AsFd for Wire {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

/// Encoded arguments as they are, of a length that is a multiple of four.
#[derive(Debug)]
pub struct Raw(pub Vec<u8>);

impl Raw {
    /// Arguments that begin with this domain, or as the procedure wants it, and are zero behind that.
    pub fn about(meta: &Meta, dom: &NonnullDomain) -> Self {
        let handle = xdr::to_vec(dom).unwrap();
        let text = |text: &str| xdr::to_vec(&text.to_owned()).unwrap();
        let name = meta.name;
        let head = match meta.leading {
            Leading::Domain => handle,
            Leading::InDomain => [text(""), handle].concat(),
            _ if name.contains("lookup_by_name") => text(&dom.name),
            _ if name.contains("lookup_by_uuid") => dom.uuid.0.to_vec(),
            _ if name.contains("lookup_by_id") => xdr::to_vec(&dom.id).unwrap(),
            _ if name.contains("_xml") => text("<domain type='qemu'><name>new</name></domain>"),
            _ => Vec::new(),
        };
        Self([head, vec![0; 1024]].concat())
    }
}

impl Xdr for Raw {
    const MIN_LEN: usize = 0;

    fn encode(&self, out: &mut xdr::Encoder) -> Result<(), xdr::EncodeError> {
        out.padded(&self.0);
        Ok(())
    }

    fn decode(_input: &mut xdr::Decoder<'_>) -> Result<Self, xdr::DecodeError> {
        Ok(Self(Vec::new()))
    }
}

/// A result that is not looked into.
#[derive(Debug)]
pub struct Anything;

impl Xdr for Anything {
    const MIN_LEN: usize = 0;

    fn encode(&self, _out: &mut xdr::Encoder) -> Result<(), xdr::EncodeError> {
        Ok(())
    }

    fn decode(_input: &mut xdr::Decoder<'_>) -> Result<Self, xdr::DecodeError> {
        Ok(Self)
    }
}
