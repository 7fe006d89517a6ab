//! Figures for operators in Prometheus' text form, off by default (`metrics_listen`; the decision record on metrics says why so).
//!
//! Where they are wanted, each answered call costs a few relaxed atomic additions; where not, one look at a pointer.

mod calls;
mod http;
mod servers;

use crate::admin::Roster;
use crate::config::Config;
use crate::context::Context;
use calls::CallFigures;
use prometheus_client::registry::Registry;
use servers::{DriverFigures, ServerFigures};
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What all names of figures begin with.
const PREFIX: &str = "oxivirt";
/// Mode of a unix socket: its group may read.
const MODE: u32 = 0o660;
/// Connections that may wait for their turn.
const BACKLOG: u32 = 16;

/// Figures of one kind that a driver has at the moment of a scrape, such as guests by state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Measured {
    /// The name behind the common prefix: `domains`.
    pub name: &'static str,
    /// What it counts, in a sentence without its full stop.
    pub help: &'static str,
    /// The name of the label that tells the values apart: `state`.
    pub label: &'static str,
    /// The label's values and the figures.
    pub values: Vec<(&'static str, u64)>,
}

/// Where figures are served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Address {
    /// A unix socket.
    Unix(PathBuf),
    /// A port of this host's loopback.
    Loopback(SocketAddr),
}

impl Address {
    /// Reads `unix:PATH`, `127.0.0.1:PORT` or `[::1]:PORT`. Who reads the figures has nothing to prove, so the network
    /// does not get them.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = Path::new(path);
            return match path.is_absolute() {
                true => Ok(Self::Unix(path.to_owned())),
                false => Err(format!("'{text}' needs an absolute path behind 'unix:'")),
            };
        }
        match text.parse::<SocketAddr>() {
            Ok(address) if address.ip().is_loopback() => Ok(Self::Loopback(address)),
            Ok(address) => {
                Err(format!("'{address}' is no loopback address, and metrics are not for the network"))
            }
            Err(_) => {
                Err(format!("'{text}' is neither unix:PATH nor an address with a port, as 127.0.0.1:9177"))
            }
        }
    }
}

/// Why figures cannot be served.
#[derive(Debug, thiserror::Error)]
#[error("metrics_listen: cannot listen on {place}")]
pub(crate) struct MetricsError {
    place: String,
    source: std::io::Error,
}

/// The socket for those who read the figures; a unix socket is removed with it.
#[derive(Debug)]
pub(crate) struct Listener {
    socket: Socket,
}

#[derive(Debug)]
enum Socket {
    Unix(UnixListener, Made),
    Tcp(TcpListener),
}

/// A file that goes with its owner.
#[derive(Debug)]
struct Made(PathBuf);

impl Drop for Made {
    fn drop(&mut self) {
        if let Err(error) = std::fs::remove_file(&self.0) {
            tracing::warn!(path = %self.0.display(), "cannot remove socket: {error}");
        }
    }
}

impl Listener {
    /// Opens the socket that the configuration names, if it names one. Call it while the process has one thread, as for
    /// the daemon's other sockets.
    pub(crate) fn open(config: &Config) -> Result<Option<Self>, MetricsError> {
        let Some(address) = &config.metrics_listen else { return Ok(None) };
        let failed = |place: String| move |source| MetricsError { place, source };
        let socket = match address {
            Address::Unix(path) => {
                let failed = failed(format!("socket '{}'", path.display()));
                let group = config.unix_sock_group.as_deref();
                let (listener, made) = listen_unix(path, group).map_err(failed)?;
                Socket::Unix(listener, made)
            }
            Address::Loopback(address) => {
                let failed = failed(format!("address '{address}'"));
                let open = || {
                    let listener = TcpListener::bind(address)?;
                    listener.set_nonblocking(true)?;
                    Ok(listener)
                };
                Socket::Tcp(open().map_err(failed)?)
            }
        };
        Ok(Some(Self { socket }))
    }

    /// Serves the figures of these servers until the result is dropped. To be called inside a tokio runtime.
    pub(crate) fn serve(self, context: &Context, figures: &Figures) -> std::io::Result<Running> {
        let registry = Arc::new(figures.registry(context));
        let (listener, made) = match self.socket {
            Socket::Unix(listener, made) => {
                (http::Listener::Unix(tokio::net::UnixListener::from_std(listener)?), Some(made))
            }
            Socket::Tcp(listener) => {
                (http::Listener::Tcp(tokio::net::TcpListener::from_std(listener)?), None)
            }
        };
        let task = tokio::spawn(http::serve(listener, registry));
        Ok(Running { task, _made: made })
    }
}

fn listen_unix(path: &Path, group: Option<&str>) -> std::io::Result<(UnixListener, Made)> {
    let listener = crate::sockets::bind(path, MODE, BACKLOG)?;
    let made = Made(path.to_owned());
    if let Some(name) = group {
        let gid = host::users::resolve_group(name).map_err(std::io::Error::other)?;
        std::os::unix::fs::chown(path, None, gid)?;
    }
    Ok((listener, made))
}

/// The serving of figures; it ends with this.
#[derive(Debug)]
pub(crate) struct Running {
    task: tokio::task::JoinHandle<()>,
    _made: Option<Made>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Where the figures come from.
pub(crate) struct Figures {
    calls: Arc<CallFigures>,
    roster: Arc<Roster>,
}

impl Figures {
    pub(crate) fn new(roster: Arc<Roster>) -> Self {
        Self { calls: Arc::default(), roster }
    }

    /// Who is to be told of calls.
    pub(crate) fn observer(&self) -> Arc<dyn rpc::Observer> {
        Arc::clone(&self.calls) as Arc<dyn rpc::Observer>
    }

    fn registry(&self, context: &Context) -> Registry {
        let mut registry = Registry::with_prefix(PREFIX);
        registry.register_collector(Box::new(Arc::clone(&self.calls)));
        let servers = ServerFigures { spec: context.spec().clone(), roster: Arc::clone(&self.roster) };
        registry.register_collector(Box::new(servers));
        registry.register_collector(Box::new(DriverFigures { context: context.clone() }));
        registry
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_stay_on_the_host() {
        let parse = |text| Address::parse(text).unwrap();
        assert_eq!(parse("unix:/run/x.sock"), Address::Unix("/run/x.sock".into()));
        assert_eq!(parse("127.0.0.1:9177"), Address::Loopback(([127, 0, 0, 1], 9177).into()));
        assert!(matches!(parse("[::1]:1"), Address::Loopback(address) if address.is_ipv6()));
        for (wrong, part) in [
            ("0.0.0.0:9177", "no loopback"),
            ("[::]:9177", "no loopback"),
            ("192.0.2.1:80", "no loopback"),
            ("unix:run/x", "absolute path"),
            ("localhost:9177", "neither"),
            ("127.0.0.1", "neither"),
            ("", "neither"),
        ] {
            let error = Address::parse(wrong).unwrap_err();
            assert!(error.contains(part), "{wrong}: {error}");
        }
    }
}
