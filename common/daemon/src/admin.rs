//! The admin server: who administers a daemon while it runs, on its admin socket, as virt-admin does.
//!
//! It is a server of its own beside the one for clients, with limits of its own, and stands in its own list under the
//! name "admin". Only root and the daemon's own user come in, whatever the socket's permissions are.

mod calls;
mod params;
mod roster;

pub(crate) use roster::{Entry, Roster};

use crate::context::Context;
use bytes::Bytes;
use protocol::procedure::Meta;
use protocol::{Fault, admin};
use rpc::{Call, Session, Unknown};
use std::sync::Arc;

/// The admin server's name in the list of servers.
pub(crate) const NAME: &str = "admin";

/// The service behind the admin socket.
pub(crate) struct Admin {
    context: Context,
    roster: Arc<Roster>,
}

impl Admin {
    pub(crate) fn new(context: Context, roster: Arc<Roster>) -> Self {
        Self { context, roster }
    }
}

impl rpc::Service for Admin {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &[(admin::PROGRAM, admin::VERSION)])
    }

    async fn call(self: Arc<Self>, call: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        if !may_administer(call.session()) {
            return Err(Fault::rpc("authentication required"));
        }
        let answer = admin::dispatch(self.as_ref(), &call, call.procedure(), &body).await;
        let answer =
            answer.unwrap_or_else(|| Err(Fault::unsupported(call.meta().family.errors(), call.meta().api)));
        answer.map(Bytes::from)
    }

    fn session_opened(&self, session: &Session) {
        if !may_administer(session) {
            let uid = session.peer().uid;
            tracing::warn!(?uid, "a client of the admin socket is neither root nor the daemon's own user");
            session.close("not allowed to administer the daemon");
        }
    }
}

/// The kernel's word counts, not what a client says of itself.
fn may_administer(session: &Session) -> bool {
    session.peer().uid.is_some_and(|uid| uid == 0 || uid == rustix::process::geteuid().as_raw())
}
