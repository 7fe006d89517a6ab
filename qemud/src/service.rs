//! The daemon as the RPC server sees it: which programs it speaks, and which family answers a number.

use std::sync::Arc;

use ::driver::connection::Connection;
use bytes::Bytes;
use protocol::procedure::{Family, Meta};
use protocol::{Fault, qemu, remote};
use rpc::{Call, Service, Session, Unknown};

use crate::driver::Driver;
use crate::neighbour;

/// The programs that clients may call here.
const PROGRAMS: [(u32, u32); 2] = [(remote::PROGRAM, remote::VERSION), (qemu::PROGRAM, qemu::VERSION)];

/// virtqemud's service: the procedure families in `calls` are implemented on it.
#[derive(Clone)]
pub struct Virtqemud {
    /// What all calls share.
    pub driver: Arc<Driver>,
}

impl Service for Virtqemud {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &PROGRAMS)
    }

    async fn call(self: Arc<Self>, call: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        let meta = call.meta();
        Connection::check_open(&call)?;
        let answer = match neighbour::of(meta.family) {
            Some(neighbour) => Box::pin(neighbour.pass_on(&self.driver.context, &call, body)).await,
            None => {
                if self.driver.access.is_on() {
                    Box::pin(self.driver.access.check(&call, &body, &*self.driver)).await?;
                }
                self.dispatch(&call, meta, &body).await.map(|answer| answer.map(Bytes::from))
            }
        };
        answer.unwrap_or_else(|| Err(Fault::unsupported(meta.family.errors(), meta.api)))
    }

    fn checks_access(&self) -> bool {
        true
    }

    fn session_closed(&self, session: &Session) {
        self.driver.events.forget(session.id());
        crate::process::stop::session_closed(&self.driver, session.id());
    }
}

impl Virtqemud {
    /// Answer by the family that the procedure belongs to; `None` when this daemon has no such family.
    async fn dispatch(&self, call: &Call, meta: &Meta, body: &[u8]) -> Option<Result<Vec<u8>, Fault>> {
        let n = meta.number;
        match meta.family {
            Family::Connect => remote::connect::dispatch(self, call, n, body).await,
            Family::DomainLifecycle => remote::domain_lifecycle::dispatch(self, call, n, body).await,
            Family::DomainDevices => remote::domain_devices::dispatch(self, call, n, body).await,
            Family::DomainBlock => remote::domain_block::dispatch(self, call, n, body).await,
            Family::DomainCompute => remote::domain_compute::dispatch(self, call, n, body).await,
            Family::DomainStats => remote::domain_stats::dispatch(self, call, n, body).await,
            Family::DomainSnapshot => remote::domain_snapshot::dispatch(self, call, n, body).await,
            Family::DomainCheckpoint => remote::domain_checkpoint::dispatch(self, call, n, body).await,
            Family::DomainMigration => remote::domain_migration::dispatch(self, call, n, body).await,
            Family::DomainAgent => remote::domain_agent::dispatch(self, call, n, body).await,
            Family::DomainEvents => remote::domain_events::dispatch(self, call, n, body).await,
            Family::Qemu => qemu::dispatch(self, call, n, body).await,
            _ => None,
        }
    }
}
