//! What all calls of virtsecretd share: the secrets, their files, the clients' subscriptions.

use std::sync::Arc;

use driver::documents::blocking;
use driver::events::EventHub;
use driver::fault;
use protocol::remote::NonnullSecret;
use protocol::{ErrorDomain, Fault};
use uuid::Uuid;

use crate::secret::{Secret, no_secret};
use crate::secrets::Secrets;
use crate::storage::Storage;

/// The shared state of the daemon. One per process.
pub struct Driver {
    /// The daemon's frame: what holds off the idle exit.
    pub context: daemon::Context,
    /// All secrets.
    pub secrets: Secrets,
    /// Who wants to hear of what.
    pub events: EventHub,
    /// Their files.
    pub storage: Arc<Storage>,
    /// The installed schemas.
    #[cfg(feature = "validate")]
    pub schemas: Arc<driver::schemas::Schemas>,
}

impl Driver {
    /// A driver that knows no secret yet.
    pub fn new(context: daemon::Context, storage: Storage) -> Arc<Self> {
        Arc::new(Self {
            context,
            secrets: Secrets::default(),
            events: EventHub::new(),
            storage: Arc::new(storage),
            #[cfg(feature = "validate")]
            schemas: driver::schemas::Schemas::new(driver::schemas::INSTALLED),
        })
    }

    /// The secret that a client names by the triple it once received; only the UUID counts.
    pub fn secret(&self, named: &NonnullSecret) -> Result<Arc<Secret>, Fault> {
        self.by_uuid(named.uuid)
    }

    /// The secret with this UUID.
    pub fn by_uuid(&self, uuid: protocol::xdr::Uuid) -> Result<Arc<Secret>, Fault> {
        let uuid = Uuid::from_bytes(uuid.0);
        self.secrets.by_uuid(uuid).ok_or_else(|| no_secret(uuid))
    }

    /// Work on the files, where waiting for the disk holds up nobody.
    pub async fn on_disk<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Storage) -> host::Result<T> + Send + 'static,
    ) -> Result<T, Fault> {
        let storage = Arc::clone(&self.storage);
        blocking(move || work(&storage)).await.map_err(fault::host(ErrorDomain::SECRET))
    }
}
