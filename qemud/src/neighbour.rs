//! Calls that other daemons answer. A client may ask a connection to virtqemud for networks, pools or devices too, as it
//! could when one daemon did all; such a call is passed on, undecoded, to the daemon whose it is, on a connection that
//! this session has there, and that daemon's events come back the same way.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use protocol::client::ClientError;
use protocol::message::{self, Header, Kind, Message};
use protocol::procedure::{Family, Meta, StreamDirection};
use protocol::remote::{self, AuthListRet, AuthType, ConnectOpenArgs};
use protocol::xdr::{self, Xdr};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::{Call, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;

/// Longest time until a neighbour has let us in.
const OPENING: Duration = Duration::from_secs(30);

/// Calls of one session that may wait to be written to one neighbour.
const QUEUE: usize = 16;

/// Another daemon: the stem of its socket's name, and the scheme of its URI.
struct Neighbour {
    daemon: &'static str,
    scheme: &'static str,
}

/// Whose a family of procedures is; `None` if it is no other daemon's.
fn neighbour(family: Family) -> Option<Neighbour> {
    let (daemon, scheme) = match family {
        Family::Network => ("virtnetworkd", "network"),
        Family::Interface => ("virtinterfaced", "interface"),
        Family::StoragePool | Family::StorageVol => ("virtstoraged", "storage"),
        Family::NodeDevice => ("virtnodedevd", "nodedev"),
        Family::Secret => ("virtsecretd", "secret"),
        Family::Nwfilter => ("virtnwfilterd", "nwfilter"),
        _ => return None,
    };
    Some(Neighbour { daemon, scheme })
}

/// The connections of one session to other daemons, by their names.
#[derive(Default)]
pub struct Neighbours {
    links: Mutex<HashMap<&'static str, Arc<Link>>>,
}

/// Pass a call on and bring back the answer; `None` if no other daemon has its family, or that one does not serve: "not
/// supported" is the answer with which clients go on without networks or pools. `run_dir` is where the daemons of this
/// user have their sockets, `path` that of the URI ("system" or "session").
///
/// Streams are not passed on: such a call is not supported.
pub async fn pass_on(run_dir: &Path, path: &str, call: &Call, body: &[u8]) -> Option<Result<Vec<u8>, Fault>> {
    let meta = call.meta();
    let Neighbour { daemon, scheme } = neighbour(meta.family)?;
    if meta.stream != StreamDirection::None {
        return None;
    }
    let place = Place { socket: run_dir.join(format!("{daemon}-sock")), uri: format!("{scheme}:///{path}") };
    match link(call.session(), daemon, place).await {
        Ok(Some(link)) => Some(link.call(meta, body).await.map(Into::into)),
        Ok(None) => None,
        Err(fault) => Some(Err(fault)),
    }
}

/// Where a neighbour is.
struct Place {
    socket: PathBuf,
    uri: String,
}

/// The session's connection to a neighbour, opened if there is none or the last one has ended; `None` if nobody serves
/// there.
async fn link(session: &Session, daemon: &'static str, place: Place) -> Result<Option<Arc<Link>>, Fault> {
    let neighbours = session.extension::<Neighbours>();
    let open = lock(&neighbours.links).get(daemon).filter(|link| link.is_open()).cloned();
    if open.is_some() {
        return Ok(open);
    }
    let late = || {
        let detail = format!("no answer from '{}' for {} seconds", place.socket.display(), OPENING.as_secs());
        Fault::new(ErrorDomain::RPC, ErrorCode::OPERATION_TIMEOUT, detail)
    };
    let opened = timeout(OPENING, Link::open(session, daemon, &place)).await.map_err(|_| late())??;
    let Some(fresh) = opened else { return Ok(None) };
    let mut links = lock(&neighbours.links);
    // Another call may have been faster; events are subscribed to on one connection only.
    let kept = links.get(daemon).filter(|link| link.is_open()).cloned().unwrap_or(fresh);
    links.insert(daemon, Arc::clone(&kept));
    Ok(Some(kept))
}

/// One connection to a neighbour. It ends with its last user.
struct Link {
    daemon: &'static str,
    frames: mpsc::Sender<Vec<u8>>,
    waiting: Arc<Mutex<Waiting>>,
}

/// Who waits for which reply.
#[derive(Default)]
struct Waiting {
    last: u32,
    ended: bool,
    replies: HashMap<u32, oneshot::Sender<Message>>,
}

impl Link {
    async fn open(
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
        tokio::spawn(write_frames(write, queue));
        tokio::spawn(read_frames(read, Arc::clone(&waiting), session.clone()));
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

    fn is_open(&self) -> bool {
        !lock(&self.waiting).ended
    }

    /// A call of our own.
    async fn ask<R: Xdr>(&self, meta: &Meta, arguments: &impl Xdr) -> Result<R, Fault> {
        let wrong = |error: &dyn std::fmt::Display| Fault::internal(ErrorDomain::RPC, error.to_string());
        let body = xdr::to_vec(arguments).map_err(|error| wrong(&error))?;
        let answer = self.call(meta, &body).await?;
        xdr::from_slice(&answer).map_err(|error| wrong(&error))
    }

    /// Writes a call with encoded arguments and waits for the encoded reply.
    async fn call(&self, meta: &Meta, body: &[u8]) -> Result<Bytes, Fault> {
        let gone = || {
            let detail = format!("{} has closed the connection", self.daemon);
            Fault::new(ErrorDomain::RPC, ErrorCode::RPC, detail)
        };
        let (sender, reply) = oneshot::channel();
        let serial = lock(&self.waiting).enter(sender).ok_or_else(gone)?;
        let header = Header::call((meta.program, remote::VERSION, meta.number), serial);
        self.frames.send(message::encode_raw(&header, body)).await.map_err(|_| gone())?;
        let answer = reply.await.map_err(|_| gone())?;
        answer.outcome().map_err(|error| match error {
            ClientError::Fault(fault) => fault,
            _ => gone(),
        })
    }
}

impl Waiting {
    /// Notes who waits and gives the number of the call; `None` if no reply will come any more.
    fn enter(&mut self, sender: oneshot::Sender<Message>) -> Option<u32> {
        if self.ended {
            return None;
        }
        self.last = self.last.wrapping_add(1);
        self.replies.insert(self.last, sender);
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

/// Gives replies to those who wait and events to the client, until the connection or the session ends.
async fn read_frames(mut from: OwnedReadHalf, waiting: Arc<Mutex<Waiting>>, session: Session) {
    loop {
        let frame = tokio::select! {
            frame = read_frame(&mut from) => frame,
            () = session.closed() => None,
        };
        let Some(message) = frame else { break };
        let header = message.header;
        match header.kind {
            Kind::Reply if header.program == remote::PROGRAM => {
                if let Some(sender) = lock(&waiting).replies.remove(&header.serial) {
                    // Who asked may have gone.
                    let _ = sender.send(message);
                }
            }
            Kind::Message if header.program == remote::PROGRAM => {
                session.send_event(header.program, header.procedure, message.body);
            }
            _ => {}
        }
    }
    let mut waiting = lock(&waiting);
    waiting.ended = true;
    waiting.replies.clear();
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

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
