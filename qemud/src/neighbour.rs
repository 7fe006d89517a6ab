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
use rpc::{Call, Session};
use tokio::time::timeout;

/// Longest time until a neighbour has let us in.
const OPENING: Duration = Duration::from_secs(30);

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
        let paths = context.paths();
        let path = if paths.is_system() { "system" } else { "session" };
        let socket = paths.run_dir.join(format!("{}-sock", self.daemon));
        let uri = format!("{}:///{path}", self.scheme);
        let place = Place { socket, uri, token: context.system_token().clone() };
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
        let Place { socket, uri, token } = place;
        let open = async {
            let link = match Link::connect(&socket, settings).await {
                Ok(link) => link,
                Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
                Err(error) => {
                    let detail = format!("Failed to connect socket to '{}'", socket.display());
                    let errno = error.raw_os_error().unwrap_or_default();
                    return Err(Fault::system(ErrorDomain::RPC, errno, detail));
                }
            };
            let opened = async {
                link.authenticate().await?;
                link.open(Some(uri), session.readonly().into()).await?;
                driver::identity::tell(&link, &session.identity(), &token).await
            };
            opened.await.map_err(|error| self.fault(error)).map(|()| Some(link))
        };
        let late = |_| {
            let detail = format!("no answer from '{}' for {} seconds", socket.display(), OPENING.as_secs());
            Fault::new(ErrorDomain::RPC, ErrorCode::OPERATION_TIMEOUT, detail)
        };
        timeout(OPENING, open).await.map_err(late)?
    }

    /// What the client is told.
    fn fault(&self, error: ClientError) -> Fault {
        match error {
            ClientError::Fault(fault) => fault,
            ClientError::Closed(_) => client::lost(self.daemon),
            other => Fault::internal(ErrorDomain::RPC, other.to_string()),
        }
    }
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
