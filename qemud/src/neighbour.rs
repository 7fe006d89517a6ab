//! Calls that other daemons answer. A client may ask a connection to virtqemud for networks, pools or devices too, as it
//! could when one daemon did all; such a call is passed on, undecoded, to the daemon whose it is, on a connection that
//! this session has there, and that daemon's events come back the same way. Streams go through connections of their own.

use std::collections::HashMap;
use std::io::ErrorKind;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use daemon::Context;
use host::token::SystemToken;
use protocol::client::ClientError;
use protocol::procedure::{Family, StreamDirection};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::client::{self, Link, Settings};
use rpc::{Call, Identity, Session};
use rustix::process::{getegid, geteuid};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

/// Longest time until a neighbour has let us in.
const OPENING: Duration = Duration::from_secs(30);
/// How long a neighbour that this daemon itself asks may be silent before it is asked whether it lives.
const OWN_KEEPALIVE: Duration = Duration::from_secs(5);

/// Another daemon: the stem of its socket's name, and the scheme of its URI.
pub struct Neighbour {
    daemon: &'static str,
    scheme: &'static str,
}

/// Whose a family of procedures is; `None` if it is no other daemon's.
pub fn of(family: Family) -> Option<Neighbour> {
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
struct Neighbours {
    links: Mutex<HashMap<&'static str, Link>>,
}

impl Neighbour {
    /// Pass a call on and bring back the answer; `None` if the host has no such daemon: "not supported" is the answer
    /// with which clients go on without networks or pools. One that has died is an error (decision 12).
    pub async fn pass_on(&self, context: &Context, call: &Call, body: Bytes) -> Option<Result<Bytes, Fault>> {
        let place = self.place(context);
        let link = match call.meta().stream {
            StreamDirection::None => self.link(call.session(), place).await,
            _ => self.connect(call.session(), place).await,
        };
        match link {
            Ok(Some(link)) => {
                Some(client::forward(&link, call, body).await.map_err(|error| self.fault(error)))
            }
            Ok(None) => None,
            Err(fault) => Some(Err(fault)),
        }
    }

    /// The session's connection to the neighbour, opened if there is none or the last one has ended; `None` if
    /// there is no such daemon.
    async fn link(&self, session: &Session, place: Place) -> Result<Option<Link>, Fault> {
        let neighbours = session.extension::<Neighbours>();
        let open = lock(&neighbours.links).get(self.daemon).filter(|link| link.is_open()).cloned();
        if open.is_some() {
            return Ok(open);
        }
        let Some(fresh) = self.connect(session, place).await? else { return Ok(None) };
        let mut links = lock(&neighbours.links);
        // Another call may have been faster; events are subscribed to on one connection only.
        let kept = links.get(self.daemon).filter(|link| link.is_open()).cloned().unwrap_or(fresh);
        links.insert(self.daemon, kept.clone());
        Ok(Some(kept))
    }

    /// A new connection to the neighbour, opened as this session has opened its own; `None` if there is no such daemon.
    async fn connect(&self, session: &Session, place: Place) -> Result<Option<Link>, Fault> {
        let events = session.clone();
        let settings = Settings {
            name: self.daemon.to_owned(),
            keepalive: session.keepalive(),
            events: Box::new(move |header, body| {
                events.send_event(header.program, header.procedure, body);
            }),
            end: session.end(),
        };
        match self.open(place, settings, session.readonly(), &session.identity()).await {
            Ok(link) => Ok(Some(link)),
            Err(Refused::Absent(_)) => Ok(None),
            Err(Refused::Failed(fault)) => Err(fault),
        }
    }

    /// A new connection for this daemon's own purposes, elevated by the system token. It ends with its last handle.
    ///
    /// # Errors
    /// There is no such daemon, or it does not let us in.
    pub async fn for_ourselves(&self, context: &Context) -> Result<Link, Fault> {
        let settings = Settings {
            name: self.daemon.to_owned(),
            keepalive: (OWN_KEEPALIVE, 5),
            events: Box::new(|_, _| {}),
            end: CancellationToken::new(),
        };
        let own = i32::try_from(std::process::id()).ok();
        let (uid, gid) = (geteuid().as_raw(), getegid().as_raw());
        let identity = Identity::new(own, Some(uid), Some(gid)).elevated();
        let opened = self.open(self.place(context), settings, false, &identity).await;
        opened.map_err(|refused| match refused {
            Refused::Absent(fault) | Refused::Failed(fault) => fault,
        })
    }

    fn place(&self, context: &Context) -> Place {
        let paths = context.paths();
        let path = if paths.is_system() { "system" } else { "session" };
        let socket = paths.run_dir.join(format!("{}-sock", self.daemon));
        let uri = format!("{}:///{path}", self.scheme);
        Place { socket, uri, token: context.system_token().clone() }
    }

    async fn open(
        &self,
        place: Place,
        settings: Settings,
        readonly: bool,
        identity: &Identity,
    ) -> Result<Link, Refused> {
        let Place { socket, uri, token } = place;
        let open = async {
            let link = Link::connect(&socket, settings).await.map_err(|error| {
                let detail = format!("Failed to connect socket to '{}'", socket.display());
                let errno = error.raw_os_error().unwrap_or_default();
                let fault = Fault::system(ErrorDomain::RPC, errno, detail);
                match error.kind() {
                    ErrorKind::NotFound => Refused::Absent(fault),
                    _ => Refused::Failed(fault),
                }
            })?;
            let opened = async {
                link.authenticate().await?;
                link.open(Some(uri), readonly.into()).await?;
                driver::identity::tell(&link, identity, &token).await
            };
            opened.await.map_err(|error| Refused::Failed(self.fault(error))).map(|()| link)
        };
        let late = |_| {
            let detail = format!("no answer from '{}' for {} seconds", socket.display(), OPENING.as_secs());
            Refused::Failed(Fault::new(ErrorDomain::RPC, ErrorCode::OPERATION_TIMEOUT, detail))
        };
        timeout(OPENING, open).await.map_err(late)?
    }

    /// What the client is told.
    pub fn fault(&self, error: ClientError) -> Fault {
        match error {
            ClientError::Fault(fault) => fault,
            ClientError::Closed(_) => client::lost(self.daemon),
            other => Fault::internal(ErrorDomain::RPC, other.to_string()),
        }
    }
}

/// Why there is no connection.
enum Refused {
    /// Nobody has made such a socket.
    Absent(Fault),
    /// Another reason.
    Failed(Fault),
}

/// Where a neighbour is.
struct Place {
    socket: PathBuf,
    uri: String,
    token: SystemToken,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
