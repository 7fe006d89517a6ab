//! RPC server: sockets, framing, sessions, dispatch, streams, event queues, keepalive; and a client for daemons that ask
//! others.
//!
//! A daemon implements [`Service`] and gives it to a [`Server`], which listens on any number of sockets. Each client is a
//! [`Session`] with one task; each [`Call`] is polled once on that task and becomes a task of its own only if it has to
//! wait. Whatever leaves goes through the session's one queue, so that order is kept and slow readers are bounded:
//!
//! - `core`: framing, judging messages, keepalive, outbound queue and stream flow control, all without input and output;
//! - `connection`: the task that waits; `dispatch`: from a message to its answer; `output`, `socket`: writing, reading;
//! - `endpoint`, `layer`, `tls`: sockets of the host and of the network, and what encrypts the latter;
//! - [`Server`]: accepting, limits, counters, shutdown; [`Authenticator`]: who is let in;
//! - [`client`]: a connection to another daemon, and a client's calls passed on to it.

#![forbid(unsafe_code)]

mod auth;
pub mod client;
mod connection;
mod core;
mod dispatch;
mod endpoint;
pub mod faults;
pub mod fuzz;
mod identity;
mod layer;
mod limits;
mod observer;
mod output;
mod server;
mod service;
mod session;
mod socket;
mod stream;
mod sync;
mod tls;

pub use auth::{
    AuthStep, AuthType, Authenticator, BoxFuture, ByPolkit, Gatekeeper, NoAuth, Offer, Proof, Verdict,
};
pub use endpoint::{Endpoint, EndpointKind, Listener, Transport};
pub use identity::{Identity, token_param};
pub use layer::SecurityLayer;
pub use limits::{Limits, WorkerFigures};
pub use observer::Observer;
pub use server::{Counters, Server};
pub use service::{Call, Service, Unknown, known};
pub use session::Session;
pub use socket::wipe_buffers;
pub use stream::{Packet, Stream, StreamClosed};
pub use tls::{Judge, TlsAcceptor, TlsSettings};
