//! The servers of a daemon, as their administrator sees them: clients, limits, workers.

use crate::config::{Config, ServerLimits};
use crate::context::BoxFuture;
use protocol::{ErrorCode, ErrorDomain, Fault};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What the administrator sees of a server and changes in it, whatever it serves.
pub(crate) trait Served: Send + Sync {
    fn counters(&self) -> rpc::Counters;
    fn workers(&self) -> rpc::WorkerFigures;
    fn limits(&self) -> Arc<rpc::Limits>;
    fn set_limits(&self, limits: rpc::Limits);
    fn sessions(&self) -> Vec<rpc::Session>;
    fn session(&self, id: u64) -> Option<rpc::Session>;
    /// As [`rpc::Server::update_tls`].
    fn update_tls(&self) -> BoxFuture<'_, Option<Result<(), String>>>;
}

impl<S: rpc::Service> Served for rpc::Server<S> {
    fn counters(&self) -> rpc::Counters {
        self.counters()
    }

    fn workers(&self) -> rpc::WorkerFigures {
        self.workers()
    }

    fn limits(&self) -> Arc<rpc::Limits> {
        self.limits()
    }

    fn set_limits(&self, limits: rpc::Limits) {
        self.set_limits(limits);
    }

    fn sessions(&self) -> Vec<rpc::Session> {
        self.sessions()
    }

    fn session(&self, id: u64) -> Option<rpc::Session> {
        self.session(id)
    }

    fn update_tls(&self) -> BoxFuture<'_, Option<Result<(), String>>> {
        Box::pin(self.update_tls())
    }
}

/// Numbers of workers that bind nothing here: a call needs no thread that would have to be there before it, and calls of
/// high priority need no worker at all. They are kept, so that who sets them reads them back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Reserve {
    /// What the number of workers may not be set below.
    pub(crate) min_workers: u32,
    /// Calls of high priority that are served at once at least.
    pub(crate) prio_workers: u32,
}

impl Reserve {
    fn main(config: &Config) -> Self {
        Self { min_workers: config.main.min_workers, prio_workers: config.prio_workers }
    }

    fn admin(limits: &ServerLimits) -> Self {
        Self { min_workers: limits.min_workers, prio_workers: 0 }
    }
}

/// A server and its name.
pub(crate) struct Entry {
    pub(crate) name: &'static str,
    pub(crate) server: Arc<dyn Served>,
    reserve: Mutex<Reserve>,
}

impl Entry {
    /// The reserve, locked while limits are read and changed.
    pub(crate) fn reserve(&self) -> MutexGuard<'_, Reserve> {
        self.reserve.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn apply(&self, limits: rpc::Limits, reserve: Reserve) {
        let mut held = self.reserve();
        *held = reserve;
        self.server.set_limits(limits);
    }
}

/// The daemon's servers. It knows them from the daemon's start until its end.
#[derive(Default)]
pub(crate) struct Roster {
    entries: Mutex<Vec<Arc<Entry>>>,
}

impl Roster {
    /// The main server, under the daemon's name.
    pub(crate) fn add_main(&self, name: &'static str, server: Arc<dyn Served>, config: &Config) {
        self.add(name, server, Reserve::main(config));
    }

    /// The admin server.
    pub(crate) fn add_admin(&self, server: Arc<dyn Served>, config: &Config) {
        self.add(super::NAME, server, Reserve::admin(&config.admin));
    }

    /// All servers, in the order of their names.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.lock().clone()
    }

    /// The server of this name.
    pub(crate) fn find(&self, name: &str) -> Result<Arc<Entry>, Fault> {
        let found = self.lock().iter().find(|entry| entry.name == name).cloned();
        found.ok_or_else(|| {
            let detail = format!("No server named '{name}'");
            Fault::new(ErrorDomain::RPC, ErrorCode::NO_SERVER, detail)
        })
    }

    /// Gives all servers the limits of a configuration.
    pub(crate) fn apply(&self, config: &Config) {
        for entry in self.all() {
            if entry.name == super::NAME {
                entry.apply(config.admin_limits(), Reserve::admin(&config.admin));
            } else {
                entry.apply(config.limits(), Reserve::main(config));
            }
        }
    }

    /// Forgets all servers, which otherwise would hold each other: the admin server knows itself.
    pub(crate) fn clear(&self) {
        self.lock().clear();
    }

    fn add(&self, name: &'static str, server: Arc<dyn Served>, reserve: Reserve) {
        let mut entries = self.lock();
        entries.push(Arc::new(Entry { name, server, reserve: Mutex::new(reserve) }));
        entries.sort_by_key(|entry| entry.name);
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Arc<Entry>>> {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
