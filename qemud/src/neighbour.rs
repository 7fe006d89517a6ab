//! Calls that other daemons answer. A client may ask a connection to virtqemud for networks, pools or devices too, as it
//! could when one daemon did all; such a call is passed on, undecoded, to the daemon whose it is, on a connection that
//! this session has there, and that daemon's events come back the same way. Streams go through connections of their own.

mod link;
mod stream;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use protocol::procedure::{Family, StreamDirection};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::{Call, Session};
use tokio::time::timeout;

use link::Link;

/// Longest time until a neighbour has let us in.
const OPENING: Duration = Duration::from_secs(30);

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
pub async fn pass_on(run_dir: &Path, path: &str, call: &Call, body: &[u8]) -> Option<Result<Vec<u8>, Fault>> {
    let meta = call.meta();
    let Neighbour { daemon, scheme } = neighbour(meta.family)?;
    let place = Place { socket: run_dir.join(format!("{daemon}-sock")), uri: format!("{scheme}:///{path}") };
    if meta.stream != StreamDirection::None {
        return match connect(call.session(), daemon, &place).await {
            Ok(Some(link)) => Some(stream::pass_on(link, call, body).await),
            Ok(None) => None,
            Err(fault) => Some(Err(fault)),
        };
    }
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
    let Some(fresh) = connect(session, daemon, &place).await? else { return Ok(None) };
    let mut links = lock(&neighbours.links);
    // Another call may have been faster; events are subscribed to on one connection only.
    let kept = links.get(daemon).filter(|link| link.is_open()).cloned().unwrap_or(fresh);
    links.insert(daemon, Arc::clone(&kept));
    Ok(Some(kept))
}

/// A new connection to a neighbour; `None` if nobody serves there.
async fn connect(session: &Session, daemon: &'static str, place: &Place) -> Result<Option<Arc<Link>>, Fault> {
    let late = |_| {
        let detail = format!("no answer from '{}' for {} seconds", place.socket.display(), OPENING.as_secs());
        Fault::new(ErrorDomain::RPC, ErrorCode::OPERATION_TIMEOUT, detail)
    };
    timeout(OPENING, Link::open(session, daemon, place)).await.map_err(late)?
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
