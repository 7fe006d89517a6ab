//! Whom polkit lets in at the unix sockets.

use crate::chain;
use host::polkit::{Decision, Polkit, PolkitError, Subject};
use rpc::{BoxFuture, EndpointKind, Gatekeeper, Identity, Verdict};
use std::sync::Arc;

/// Action of the main and the admin socket.
const MANAGE: &str = "org.libvirt.unix.manage";
/// Action of the read-only socket.
const MONITOR: &str = "org.libvirt.unix.monitor";

/// Asks polkit about the clients of one socket.
pub(crate) struct SocketGatekeeper {
    polkit: Arc<Polkit>,
    action: &'static str,
}

impl SocketGatekeeper {
    pub(crate) fn new(polkit: Arc<Polkit>, kind: EndpointKind) -> Self {
        let action = match kind {
            EndpointKind::ReadOnly => MONITOR,
            EndpointKind::Main | EndpointKind::Admin => MANAGE,
        };
        Self { polkit, action }
    }
}

impl Gatekeeper for SocketGatekeeper {
    fn action(&self) -> &str {
        self.action
    }

    fn note(&self, peer: &Identity) {
        // Another process may have its number later.
        peer.process_time(host::process::start_time);
    }

    fn judge(&self, peer: Identity) -> BoxFuture<Verdict> {
        let (polkit, action) = (Arc::clone(&self.polkit), self.action);
        Box::pin(async move {
            let Some(subject) = subject(&peer) else {
                return Verdict::NoAnswer("the client's process and its start cannot be told".to_owned());
            };
            match polkit.check_with_user(subject, action).await {
                Ok(Decision::Allowed) => Verdict::Allowed,
                Ok(Decision::Denied) => Verdict::Denied,
                Ok(Decision::NoAgent) => Verdict::NoAgent,
                Ok(Decision::Dismissed) => Verdict::Dismissed,
                Err(error @ PolkitError::Bus(_)) => Verdict::NoBus(chain(&error)),
                Err(error) => Verdict::NoAnswer(chain(&error)),
            }
        })
    }
}

fn subject(peer: &Identity) -> Option<Subject> {
    let start_time = peer.process_time(host::process::start_time)?;
    Some(Subject { pid: u32::try_from(peer.pid?).ok()?, start_time, uid: peer.uid? })
}
