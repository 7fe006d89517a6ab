//! One secret: its definition, its value, and the right to change them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use daemon::Inhibitor;
use driver::jobs::{Job, JobGuard, Jobs};
use driver::secret::Value;
use model::secret::Secret as Definition;
use protocol::remote::NonnullSecret;
use protocol::{ErrorCode, ErrorDomain, Fault};
use uuid::Uuid;

/// Callers that may wait for one secret.
const MAX_WAITING: usize = 1000;

/// A secret. Readers look at its state for a moment; whoever changes it holds its job.
#[derive(Debug)]
pub struct Secret {
    /// Its name everywhere.
    pub uuid: Uuid,
    jobs: Arc<Jobs>,
    state: Mutex<State>,
}

/// What is known of a secret.
#[derive(Debug, Default)]
pub struct State {
    /// None until its first definition is on disk, and once it is removed: nobody sees such a secret.
    pub definition: Option<Arc<Definition>>,
    /// Its value, if it has one.
    pub value: Option<Arc<Value>>,
    /// Held while the secret is in memory only: the daemon's end would lose it.
    pub inhibitor: Option<Inhibitor>,
}

impl Secret {
    /// A secret without definition.
    pub fn new(uuid: Uuid) -> Arc<Self> {
        Arc::new(Self { uuid, jobs: Jobs::new(MAX_WAITING), state: Mutex::default() })
    }

    /// Its state, for a moment.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Its definition.
    ///
    /// # Errors
    /// "Secret not found" if it has none (any more).
    pub fn definition(&self) -> Result<Arc<Definition>, Fault> {
        self.lock().definition.clone().ok_or_else(|| no_secret(self.uuid))
    }

    /// Wait for the right to change it, on behalf of the public call `api`.
    pub async fn begin(&self, api: &'static str) -> Result<JobGuard, Fault> {
        self.jobs.begin(Job::Config, api).await.map_err(driver::fault::job(ErrorDomain::SECRET))
    }
}

/// How a secret is named on the wire.
pub fn named(uuid: Uuid, definition: &Definition) -> NonnullSecret {
    NonnullSecret {
        uuid: protocol::xdr::Uuid(*uuid.as_bytes()),
        usageType: definition.usage.kind.number(),
        usageID: definition.usage.id.clone(),
    }
}

/// "Secret not found: …".
pub fn no_secret(uuid: Uuid) -> Fault {
    let detail = format!("no secret with matching uuid '{uuid}'");
    Fault::new(ErrorDomain::SECRET, ErrorCode::NO_SECRET, detail)
}
