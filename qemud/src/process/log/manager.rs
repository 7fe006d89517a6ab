//! virtlogd: the log manager, which reads what guests write and keeps its files within bounds. Its protocol is
//! `protocol::log`. Every function blocks, at most for [`LIMIT`] per step.

use std::io::{self, IoSliceMut, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use protocol::client::ClientError;
use protocol::log::{
    DomainAppendLogFileArgs, DomainAppendLogFileRet, DomainGetLogFilePositionArgs,
    DomainGetLogFilePositionRet, DomainOpenLogFileArgs, DomainOpenLogFileRet, DomainReadLogFileArgs,
    DomainReadLogFileRet, LogFilePosition, PROGRAM, VERSION,
};
use protocol::message::{self, Header};
use protocol::xdr::{self, Xdr};
use protocol::{ErrorDomain, Fault};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags};

use super::{Mark, Owner};

/// How long virtlogd may take for one answer.
const LIMIT: Duration = Duration::from_secs(10);
/// Longest answer accepted: a piece of a log.
const MAX_REPLY: usize = 1 << 20;
/// `VIR_LOG_MANAGER_PROTOCOL_DOMAIN_OPEN_LOG_FILE_TRUNCATE`.
const TRUNCATE: u32 = 1;

/// Procedures of the program.
const OPEN: i32 = 1;
const POSITION: i32 = 2;
const READ: i32 = 3;
const APPEND: i32 = 4;

/// A connection to virtlogd.
#[derive(Debug)]
pub(super) struct Manager {
    stream: UnixStream,
    serial: u32,
}

impl Manager {
    /// Connects; none if no virtlogd listens.
    pub(super) fn connect(socket: &Path) -> Option<Self> {
        let stream = UnixStream::connect(socket).ok()?;
        stream.set_read_timeout(Some(LIMIT)).ok()?;
        stream.set_write_timeout(Some(LIMIT)).ok()?;
        Some(Self { stream, serial: 0 })
    }

    /// A pipe whose contents go to the log at `path`.
    pub(super) fn open(
        &mut self,
        owner: &Owner,
        path: &Path,
        truncate: bool,
    ) -> Result<OwnedFd, ClientError> {
        let args = DomainOpenLogFileArgs {
            driver: super::DRIVER.to_owned(),
            dom: owner.wire(),
            path: text(path),
            flags: if truncate { TRUNCATE } else { 0 },
        };
        let (_, fd): (DomainOpenLogFileRet, _) = self.call(OPEN, &args)?;
        fd.ok_or_else(|| ClientError::Closed("virtlogd sent no descriptor for a log".to_owned()))
    }

    /// Where the log ends, after all that was written to its pipe until now.
    pub(super) fn position(&mut self, path: &Path) -> Result<Mark, ClientError> {
        let args = DomainGetLogFilePositionArgs { path: text(path), flags: 0 };
        self.call::<DomainGetLogFilePositionRet>(POSITION, &args)
            .map(|(ret, _)| Mark { inode: ret.pos.inode, offset: ret.pos.offset })
    }

    /// What the log has from a position on, at most `max` bytes.
    pub(super) fn read(&mut self, path: &Path, from: Mark, max: u64) -> Result<String, ClientError> {
        let pos = LogFilePosition { inode: from.inode, offset: from.offset };
        let args = DomainReadLogFileArgs { path: text(path), pos, maxlen: max, flags: 0 };
        self.call::<DomainReadLogFileRet>(READ, &args).map(|(ret, _)| ret.data)
    }

    /// Adds a message to the log.
    pub(super) fn append(&mut self, owner: &Owner, path: &Path, message: &str) -> Result<(), ClientError> {
        let args = DomainAppendLogFileArgs {
            driver: super::DRIVER.to_owned(),
            dom: owner.wire(),
            path: text(path),
            message: message.to_owned(),
            flags: 0,
        };
        self.call::<DomainAppendLogFileRet>(APPEND, &args).map(|_| ())
    }

    fn call<R: Xdr>(&mut self, procedure: i32, args: &impl Xdr) -> Result<(R, Option<OwnedFd>), ClientError> {
        self.serial = self.serial.wrapping_add(1);
        let serial = self.serial;
        let header = Header::call((PROGRAM, VERSION, procedure), serial);
        let frame = message::encode_message(&header, args)?;
        self.stream.write_all(&frame).map_err(broken)?;
        let reply = self.receive()?;
        if reply.header.serial != serial || reply.header.procedure != procedure {
            return Err(ClientError::Closed("virtlogd answered something else than was asked".to_owned()));
        }
        let fds = reply.fds.unwrap_or(0);
        let body = reply.outcome()?;
        let mut fd = None;
        for _ in 0..fds {
            fd = self.receive_fd().map_err(broken)?.or(fd);
        }
        Ok((xdr::from_slice(&body)?, fd))
    }

    fn receive(&mut self) -> Result<message::Message, ClientError> {
        let mut word = [0; 4];
        self.stream.read_exact(&mut word).map_err(broken)?;
        let malformed = |error: message::FrameError| ClientError::Closed(error.to_string());
        let length = message::message_len(word).map_err(malformed)?;
        if length > MAX_REPLY {
            return Err(ClientError::Closed(format!("virtlogd's answer has {length} bytes")));
        }
        let mut frame = vec![0; length];
        frame[..word.len()].copy_from_slice(&word);
        self.stream.read_exact(&mut frame[word.len()..]).map_err(broken)?;
        message::split(Bytes::from(frame)).map_err(malformed)
    }

    /// Each descriptor comes with a byte of its own behind the message.
    fn receive_fd(&self) -> io::Result<Option<OwnedFd>> {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
        let mut control = RecvAncillaryBuffer::new(&mut space);
        let mut carrier = [0];
        let mut parts = [IoSliceMut::new(&mut carrier)];
        let got = rustix::net::recvmsg(&self.stream, &mut parts, &mut control, RecvFlags::CMSG_CLOEXEC)?;
        if got.bytes == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        let mut fds = control.drain().filter_map(|part| match part {
            RecvAncillaryMessage::ScmRights(fds) => Some(fds),
            _ => None,
        });
        Ok(fds.next().and_then(|mut fds| fds.next()))
    }
}

fn broken(error: io::Error) -> ClientError {
    match error.kind() {
        io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut => ClientError::TimedOut,
        _ => ClientError::Closed(error.to_string()),
    }
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// The error of a start whose log virtlogd does not keep.
pub(super) fn fault(error: ClientError) -> Fault {
    match error {
        ClientError::Fault(fault) => fault,
        other => {
            Fault::internal(ErrorDomain::QEMU, format!("virtlogd does not keep the guest's log: {other}"))
        }
    }
}
