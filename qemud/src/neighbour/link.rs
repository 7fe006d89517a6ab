//! One connection to a neighbour: calls with their replies, streams, and events.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use protocol::client::ClientError;
use protocol::message::{self, Header, Kind, Message, Status};
use protocol::procedure::Meta;
use protocol::remote::{self, AuthListRet, AuthType, ConnectOpenArgs};
use protocol::xdr::{self, Xdr};
use protocol::{ErrorCode, ErrorDomain, Fault, keepalive};
use rpc::Session;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};

use super::{Place, lock};

/// Messages of one session that may wait to be written to one neighbour.
const QUEUE: usize = 16;

/// One connection to a neighbour. It ends with its last user.
pub(super) struct Link {
    daemon: &'static str,
    frames: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits for which reply, and who takes the packets of which stream.
#[derive(Default)]
struct Waiting {
    last: u32,
    ended: bool,
    replies: HashMap<u32, oneshot::Sender<Message>>,
    streams: HashMap<u32, mpsc::Sender<Message>>,
}

impl Link {
    /// Connect, and open the URI there as this session has opened its own; `None` if nobody serves there.
    pub(super) async fn open(
        session: &Session,
        daemon: &'static str,
        place: &Place,
    ) -> Result<Option<Arc<Self>>, Fault> {
        let stream = match UnixStream::connect(&place.socket).await {
            Ok(stream) => stream,
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused) => {
                return Ok(None);
            }
            Err(error) => {
                let detail = format!("Failed to connect socket to '{}'", place.socket.display());
                let errno = error.raw_os_error().unwrap_or_default();
                return Err(Fault::system(ErrorDomain::RPC, errno, detail));
            }
        };
        let (read, write) = stream.into_split();
        let (frames, queue) = mpsc::channel(QUEUE);
        let waiting = Arc::<Mutex<Waiting>>::default();
        let writer = tokio::spawn(write_frames(write, queue));
        let reader = Reader {
            daemon,
            session: session.clone(),
            waiting: Arc::clone(&waiting),
            pings: frames.downgrade(),
        };
        tokio::spawn(async move {
            reader.run(read).await;
            // A neighbour that does not read either must not hold up those who write.
            writer.abort();
        });
        let link = Self { daemon, frames, waiting };
        let auth: AuthListRet = link.ask(&remote::rows::auth_list, &()).await?;
        if !auth.types.is_empty() && !auth.types.contains(&AuthType::None) {
            let detail = format!("{daemon} asks for authentication");
            return Err(Fault::new(ErrorDomain::RPC, ErrorCode::AUTH_UNAVAILABLE, detail));
        }
        let open = ConnectOpenArgs { name: Some(place.uri.clone()), flags: session.readonly().into() };
        link.ask::<()>(&remote::rows::connect_open, &open).await?;
        Ok(Some(Arc::new(link)))
    }

    pub(super) fn is_open(&self) -> bool {
        !lock(&self.waiting).ended
    }

    /// A call of our own.
    async fn ask<R: Xdr>(&self, meta: &Meta, arguments: &impl Xdr) -> Result<R, Fault> {
        let wrong = |error: &dyn std::fmt::Display| Fault::internal(ErrorDomain::RPC, error.to_string());
        let body = xdr::to_vec(arguments).map_err(|error| wrong(&error))?;
        let answer = self.call(meta, &body).await?;
        xdr::from_slice(&answer).map_err(|error| wrong(&error))
    }

    /// Writes a call with encoded arguments and waits for the encoded reply. It may take its time, as long as the
    /// neighbour answers pings meanwhile.
    pub(super) async fn call(&self, meta: &Meta, body: &[u8]) -> Result<Bytes, Fault> {
        self.exchange(meta, body, None).await.map(|(_, answer)| answer)
    }

    /// As [`Self::call`] for a call with a stream: its packets go to `packets`. Answers the call's header, too, which
    /// packets to the neighbour repeat.
    pub(super) async fn exchange(
        &self,
        meta: &Meta,
        body: &[u8],
        packets: Option<mpsc::Sender<Message>>,
    ) -> Result<(Header, Bytes), Fault> {
        let (sender, reply) = oneshot::channel();
        let serial = lock(&self.waiting).enter(sender, packets).ok_or_else(|| self.gone())?;
        let header = Header::call((meta.program, remote::VERSION, meta.number), serial);
        self.send(&header, body).await?;
        let answer = reply.await.map_err(|_| self.gone())?;
        let outcome = self.outcome(answer);
        if outcome.is_err() {
            lock(&self.waiting).streams.remove(&serial);
        }
        outcome.map(|body| (header, body))
    }

    /// Writes a message.
    pub(super) async fn send(&self, header: &Header, body: &[u8]) -> Result<(), Fault> {
        self.frames.send(message::encode_raw(header, body)).await.map_err(|_| self.gone())
    }

    /// What a reply, or the last packet of a stream, says.
    pub(super) fn outcome(&self, message: Message) -> Result<Bytes, Fault> {
        message.outcome().map_err(|error| match error {
            ClientError::Fault(fault) => fault,
            _ => self.gone(),
        })
    }

    /// The error of those who waited when the connection ended.
    pub(super) fn gone(&self) -> Fault {
        let detail = format!("{} has closed the connection, or does not answer any more", self.daemon);
        Fault::new(ErrorDomain::RPC, ErrorCode::RPC, detail)
    }
}

impl Waiting {
    /// Notes who waits and gives the number of the call; `None` if no reply will come any more.
    fn enter(
        &mut self,
        sender: oneshot::Sender<Message>,
        packets: Option<mpsc::Sender<Message>>,
    ) -> Option<u32> {
        if self.ended {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        self.replies.insert(self.last, sender);
        if let Some(packets) = packets {
            self.streams.insert(self.last, packets);
        }
        Some(self.last)
    }
}

async fn write_frames(mut to: OwnedWriteHalf, mut frames: mpsc::Receiver<Vec<u8>>) {
    while let Some(frame) = frames.recv().await {
        if to.write_all(&frame).await.is_err() {
            break;
        }
    }
    // Closed for writing by the drop: the neighbour ends the connection, and the reader sees it.
}

/// The reading side of a connection.
struct Reader {
    daemon: &'static str,
    session: Session,
    waiting: Arc<Mutex<Waiting>>,
    /// Not a user of the connection, which ends without it.
    pings: mpsc::WeakSender<Vec<u8>>,
}

impl Reader {
    /// Gives replies and packets to those who wait and events to the client, until connection or session end.
    async fn run(self, mut from: OwnedReadHalf) {
        while let Some(message) = self.next(&mut from).await {
            let header = message.header;
            if header.program != remote::PROGRAM {
                continue;
            }
            match header.kind {
                Kind::Reply => {
                    if let Some(sender) = lock(&self.waiting).replies.remove(&header.serial) {
                        // Who asked may have gone.
                        let _ = sender.send(message);
                    }
                }
                Kind::Stream | Kind::StreamHole => self.pass_packet(message).await,
                Kind::Message => {
                    self.session.send_event(header.program, header.procedure, message.body);
                }
                _ => {}
            }
        }
        let mut waiting = lock(&self.waiting);
        waiting.ended = true;
        waiting.replies.clear();
        waiting.streams.clear();
    }

    /// Nothing more is read until the stream has taken it: each stream has a connection of its own.
    async fn pass_packet(&self, message: Message) {
        let serial = message.header.serial;
        let taker = {
            let mut waiting = lock(&self.waiting);
            match message.header.status {
                Status::Continue => waiting.streams.get(&serial).cloned(),
                _ => waiting.streams.remove(&serial),
            }
        };
        if let Some(taker) = taker {
            // Who took the packets may have gone.
            let _ = taker.send(message).await;
        }
    }

    /// The next message; `None` at the end. While somebody waits for the neighbour, it is asked whether it lives, as
    /// often as clients are.
    async fn next(&self, from: &mut OwnedReadHalf) -> Option<Message> {
        let (interval, count) = self.session.keepalive();
        let mut frame = pin!(read_frame(from));
        let mut missed = 0;
        loop {
            tokio::select! {
                biased;
                message = &mut frame => return message,
                () = self.session.closed() => return None,
                () = tokio::time::sleep(interval), if !interval.is_zero() => {
                    let idle = {
                        let waiting = lock(&self.waiting);
                        waiting.replies.is_empty() && waiting.streams.is_empty()
                    };
                    if idle {
                        missed = 0;
                    } else if missed >= count {
                        tracing::warn!(target: "qemu", "{} has not answered {count} keepalive pings", self.daemon);
                        return None;
                    } else {
                        missed += 1;
                        self.ping();
                    }
                }
            }
        }
    }

    /// A full queue means that the neighbour does not read: it need not be asked.
    fn ping(&self) {
        let header = Header {
            program: keepalive::PROGRAM,
            version: keepalive::VERSION,
            procedure: keepalive::rows::ping.number,
            kind: Kind::Message,
            serial: keepalive::SERIAL,
            status: Status::Ok,
        };
        if let Some(frames) = self.pings.upgrade() {
            let _ = frames.try_send(message::encode_raw(&header, &[]));
        }
    }
}

/// The next message; `None` at the end of the connection, or when what came is no message.
async fn read_frame(from: &mut OwnedReadHalf) -> Option<Message> {
    let mut word = [0; 4];
    from.read_exact(&mut word).await.ok()?;
    let length = message::message_len(word).ok()?;
    let mut frame = vec![0; length];
    let (head, rest) = frame.split_at_mut_checked(word.len())?;
    head.copy_from_slice(&word);
    from.read_exact(rest).await.ok()?;
    message::split(Bytes::from(frame)).ok()
}
