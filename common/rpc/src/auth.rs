//! Authentication: what a client has to prove before it may call, and how.
//!
//! AUTH_LIST (66) tells a client what is asked of it, and lets in whom the socket's credentials already prove. The
//! further steps (67..70: SASL, polkit) belong to the authenticator of the socket.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use nix::unistd::geteuid;
use protocol::remote::{AuthPolkitRet, rows};
use protocol::{Fault, xdr};

use crate::{Identity, SecurityLayer, Session, faults};

/// A boxed future; authenticators are trait objects.
pub type BoxFuture<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// Kinds of authentication as AUTH_LIST answers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AuthType {
    /// Nothing to prove.
    None = 0,
    /// SASL_INIT, SASL_START, SASL_STEP.
    Sasl = 1,
    /// POLKIT.
    Polkit = 2,
}

/// What a socket asks of a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offer {
    /// Nothing, not even AUTH_LIST.
    NotNeeded,
    /// AUTH_LIST alone.
    Admitted,
    /// This kind of authentication.
    Prove(AuthType),
}

/// Result of one step.
#[derive(Debug)]
pub enum AuthStep {
    /// The reply's body; more steps have to follow.
    Continue(Vec<u8>),
    /// The reply's body; the client is in.
    Admitted(Vec<u8>),
    /// The client is in, and known by a name.
    Proved(Box<Proof>),
    /// The client gets error 45 and may try again.
    Refused,
}

/// What a client has proved.
#[derive(Debug)]
pub struct Proof {
    /// The reply's body.
    pub reply: Vec<u8>,
    /// Who the client is.
    pub identity: Identity,
    /// What all bytes behind the reply pass, both ways.
    pub layer: Option<Box<dyn SecurityLayer>>,
}

/// How the clients of a socket prove who they are.
pub trait Authenticator: Send + Sync + 'static {
    /// Decides by the credentials of the socket.
    fn offer(&self, peer: &Identity) -> Offer;

    /// One of the procedures 67..70. Without an own body every step is refused.
    fn step(&self, session: &Session, procedure: i32, body: Bytes) -> BoxFuture<Result<AuthStep, Fault>> {
        let _ = (session, procedure, body);
        Box::pin(std::future::ready(Ok(AuthStep::Refused)))
    }
}

/// Nothing to prove: sockets whose permissions are the only guard (session mode, admin).
#[derive(Clone, Copy, Debug, Default)]
pub struct NoAuth;

impl Authenticator for NoAuth {
    fn offer(&self, _peer: &Identity) -> Offer {
        Offer::NotNeeded
    }
}

/// What polkit, or whoever answers for it, says about a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It may come in.
    Allowed,
    /// It may not.
    Denied,
    /// Its user would have to prove something, and no agent is there to ask for it.
    NoAgent,
    /// Its user would not prove it.
    Dismissed,
    /// The bus that polkit is asked over is not there; why.
    NoBus(String),
    /// polkit gives no answer; why.
    NoAnswer(String),
}

/// Asks polkit, which this crate knows nothing of.
pub trait Gatekeeper: Send + Sync + 'static {
    /// The action that clients have to be allowed.
    fn action(&self) -> &str;

    /// Notes who has connected, while it surely is there.
    fn note(&self, peer: &Identity);

    /// Decides about a client; its user may be asked.
    fn judge(&self, peer: Identity) -> BoxFuture<Verdict>;
}

/// Lets in root and the daemon's own user by AUTH_LIST, and others whom a [`Gatekeeper`] allows, by POLKIT (70).
#[derive(Clone, Debug)]
pub struct ByPolkit<J>(pub Arc<J>);

impl<J: Gatekeeper> Authenticator for ByPolkit<J> {
    fn offer(&self, peer: &Identity) -> Offer {
        match peer.uid {
            // They must come in even where polkit is broken or absent.
            Some(uid) if uid == 0 || uid == geteuid().as_raw() => Offer::Admitted,
            _ => {
                self.0.note(peer);
                Offer::Prove(AuthType::Polkit)
            }
        }
    }

    fn step(&self, session: &Session, procedure: i32, _body: Bytes) -> BoxFuture<Result<AuthStep, Fault>> {
        if procedure != rows::auth_polkit.number {
            return Box::pin(std::future::ready(Ok(AuthStep::Refused)));
        }
        let (judge, session) = (Arc::clone(&self.0), session.clone());
        Box::pin(async move {
            let verdict = tokio::select! {
                verdict = judge.judge(session.peer().clone()) => verdict,
                () = session.closed() => Verdict::Denied,
            };
            match faults::polkit(&verdict, judge.action()) {
                None => {
                    let reply = xdr::to_vec(&AuthPolkitRet { complete: 1 });
                    reply.map(AuthStep::Admitted).map_err(|error| Fault::rpc(error.to_string()))
                }
                Some(fault) => {
                    tracing::warn!(client = session.id(), uid = session.peer().uid, "not let in: {fault}");
                    Err(fault)
                }
            }
        })
    }
}

/// The answer of AUTH_LIST and whether it lets the client in.
pub(crate) fn list(offer: Offer, authenticated: bool) -> (AuthType, bool) {
    match offer {
        _ if authenticated => (AuthType::None, true),
        Offer::NotNeeded | Offer::Admitted => (AuthType::None, true),
        Offer::Prove(kind) => (kind, false),
    }
}

/// Does what a step leads to; the reply's body.
pub(crate) fn conclude(session: &Session, step: Result<AuthStep, Fault>) -> Result<Vec<u8>, Fault> {
    match step? {
        AuthStep::Continue(body) => Ok(body),
        AuthStep::Admitted(body) => {
            session.admit();
            Ok(body)
        }
        AuthStep::Proved(proof) => {
            let Proof { reply, identity, layer } = *proof;
            session.prove(identity);
            if let Some(layer) = layer {
                session.protect(layer);
            }
            session.admit();
            Ok(reply)
        }
        AuthStep::Refused => Err(faults::refused()),
    }
}
