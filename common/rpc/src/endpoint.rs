//! Listening sockets, and what is known of a client when it has connected.

use std::io;
use std::net::{SocketAddr, TcpListener as StdTcp};
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener as StdUnix, UnixStream as StdStream};
use std::sync::Arc;
use std::time::Duration;

use rustix::net::sockopt;
use tokio::net::{TcpListener, UnixListener};

use crate::Identity;
use crate::auth::Authenticator;
use crate::socket::Socket;
use crate::tls::TlsAcceptor;

/// Silence after which the kernel asks whether a remote host still lives, and what follows.
const PROBE_AFTER: Duration = Duration::from_secs(60);
const PROBE_EVERY: Duration = Duration::from_secs(15);
const PROBES: u32 = 4;

/// Kind of a listening socket.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum EndpointKind {
    /// All calls.
    Main,
    /// Only calls that read.
    ReadOnly,
    /// The admin program.
    Admin,
}

/// How a client is connected.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Transport {
    /// A unix socket: the kernel names the client's process and user, and descriptors can be passed.
    Unix,
    /// The network, unprotected unless SASL agrees on a security layer.
    Tcp,
    /// The network, protected by TLS.
    Tls,
}

/// A socket that clients connect to.
pub enum Listener {
    /// Of this host.
    Unix(StdUnix),
    /// Of the network.
    Tcp(StdTcp),
    /// Of the network; clients begin with TLS.
    Tls(StdTcp, Arc<TlsAcceptor>),
}

impl From<StdUnix> for Listener {
    fn from(listener: StdUnix) -> Self {
        Self::Unix(listener)
    }
}

/// A listening socket with its rules.
pub struct Endpoint {
    /// What its clients may do.
    pub kind: EndpointKind,
    /// The socket; blocking or not.
    pub listener: Listener,
    /// What its clients have to prove.
    pub auth: Arc<dyn Authenticator>,
}

impl Endpoint {
    /// Puts the three together.
    pub fn new(kind: EndpointKind, listener: impl Into<Listener>, auth: Arc<dyn Authenticator>) -> Self {
        Self { kind, listener: listener.into(), auth }
    }
}

/// A listening socket that the runtime knows.
pub(crate) enum Source {
    Unix(UnixListener),
    Tcp(TcpListener, Option<Arc<TlsAcceptor>>),
}

impl Source {
    pub(crate) fn new(listener: Listener) -> io::Result<Self> {
        let tcp = |listener: StdTcp, tls| {
            listener.set_nonblocking(true)?;
            TcpListener::from_std(listener).map(|listener| Self::Tcp(listener, tls))
        };
        match listener {
            Listener::Unix(listener) => {
                listener.set_nonblocking(true)?;
                UnixListener::from_std(listener).map(Self::Unix)
            }
            Listener::Tcp(listener) => tcp(listener, None),
            Listener::Tls(listener, acceptor) => tcp(listener, Some(acceptor)),
        }
    }

    /// Whether clients come over the network.
    pub(crate) fn is_remote(&self) -> bool {
        matches!(self, Self::Tcp(..))
    }

    /// The next client.
    pub(crate) async fn accept(&self) -> io::Result<Arrival> {
        match self {
            // The runtime is told of the socket again when the session waits for it.
            Self::Unix(listener) => Arrival::local(listener.accept().await?.0.into_std()?),
            Self::Tcp(listener, tls) => {
                let (stream, address) = listener.accept().await?;
                let stream = OwnedFd::from(stream.into_std()?);
                sockopt::set_tcp_nodelay(&stream, true)?;
                sockopt::set_socket_keepalive(&stream, true)?;
                sockopt::set_tcp_keepidle(&stream, PROBE_AFTER)?;
                sockopt::set_tcp_keepintvl(&stream, PROBE_EVERY)?;
                sockopt::set_tcp_keepcnt(&stream, PROBES)?;
                Ok(Arrival {
                    socket: Arc::new(Socket::new(stream)),
                    peer: Identity::new(None, None, None),
                    address: Some(address),
                    tls: tls.clone(),
                })
            }
        }
    }
}

/// A client that has connected.
pub(crate) struct Arrival {
    pub(crate) socket: Arc<Socket>,
    pub(crate) peer: Identity,
    pub(crate) address: Option<SocketAddr>,
    /// It begins with TLS.
    pub(crate) tls: Option<Arc<TlsAcceptor>>,
}

impl Arrival {
    /// A client of a unix socket.
    ///
    /// # Errors
    /// It is no unix socket.
    pub(crate) fn local(stream: StdStream) -> io::Result<Self> {
        stream.set_nonblocking(true)?;
        let user = sockopt::socket_peercred(&stream)?;
        let pid = user.pid.as_raw_nonzero().get();
        let peer = Identity::new(Some(pid), Some(user.uid.as_raw()), Some(user.gid.as_raw()));
        let socket = Arc::new(Socket::new(stream.into()));
        Ok(Self { socket, peer, address: None, tls: None })
    }

    /// How it is connected.
    pub(crate) fn transport(&self) -> Transport {
        match (&self.tls, self.address) {
            (Some(_), _) => Transport::Tls,
            (None, Some(_)) => Transport::Tcp,
            (None, None) => Transport::Unix,
        }
    }
}
