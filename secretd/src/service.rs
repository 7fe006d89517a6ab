//! The daemon as the RPC server sees it: which programs it speaks, and which family answers a number.

use std::sync::Arc;

use bytes::Bytes;
use driver::connection::Connection;
use protocol::procedure::{Family, Meta};
use protocol::{Fault, remote};
use rpc::{Call, Service, Session, Unknown};

use crate::driver::Driver;

/// virtsecretd's service: the procedure families in `calls` are implemented on it.
#[derive(Clone)]
pub struct Virtsecretd {
    /// What all calls share.
    pub driver: Arc<Driver>,
}

impl Service for Virtsecretd {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &[(remote::PROGRAM, remote::VERSION)])
    }

    async fn call(self: Arc<Self>, call: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        let meta = call.meta();
        Connection::check_open(&call)?;
        let answer = match meta.family {
            Family::Connect => remote::connect::dispatch(&*self, &*call, meta.number, &body).await,
            Family::Secret => remote::secret::dispatch(&*self, &*call, meta.number, &body).await,
            _ => None,
        };
        let answer = answer.map(|answer| answer.map(Bytes::from));
        answer.unwrap_or_else(|| Err(Fault::unsupported(meta.family.errors(), meta.api)))
    }

    fn session_closed(&self, session: &Session) {
        self.driver.events.forget(session.id());
    }
}
