//! Events about secrets on their way to the clients. They are told under the lock of the secret's state.

use bytes::Bytes;
use driver::events::{Event, Topic};
use protocol::consts::{secret_event_id as id, secret_event_lifecycle_type as kind};
use protocol::remote::{self, NonnullSecret, SecretEventLifecycleMsg, SecretEventValueChangedMsg, rows};
use protocol::xdr::{self, Xdr};
use uuid::Uuid;

use crate::driver::Driver;

/// What became of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// It was defined, or defined anew.
    Defined,
    /// It was removed.
    Undefined,
}

/// The topic of a secret event by its id (`virSecretEventID`); None for other numbers.
pub fn topic(event: i32) -> Option<Topic> {
    (0..id::LAST).contains(&event).then_some(Topic { program: remote::PROGRAM, kind: "secret", id: event })
}

/// Tell that a secret was defined or removed.
pub fn lifecycle(driver: &Driver, secret: &NonnullSecret, what: Lifecycle) {
    let event = match what {
        Lifecycle::Defined => kind::DEFINED,
        Lifecycle::Undefined => kind::UNDEFINED,
    };
    let message = SecretEventLifecycleMsg { callbackID: 0, secret: secret.clone(), event, detail: 0 };
    emit(driver, id::LIFECYCLE, rows::secret_event_lifecycle.number, secret, &message);
}

/// Tell that a secret has another value.
pub fn value_changed(driver: &Driver, secret: &NonnullSecret) {
    let message = SecretEventValueChangedMsg { callbackID: 0, secret: secret.clone() };
    emit(driver, id::VALUE_CHANGED, rows::secret_event_value_changed.number, secret, &message);
}

fn emit(driver: &Driver, event: i32, procedure: i32, secret: &NonnullSecret, message: &impl Xdr) {
    let Some(topic) = topic(event) else { return };
    if !driver.events.has_listeners(topic) {
        return;
    }
    // Usages come from documents, whose size is bounded far below a message's.
    let Ok(bytes) = xdr::to_vec(message) else { return };
    // Each subscriber has a callback id of its own before the rest.
    let body = Bytes::from(bytes).split_off(size_of::<i32>());
    let object = Uuid::from_bytes(secret.uuid.0);
    driver.events.emit(&Event { topic, object, name: String::new(), keyed: procedure, body, plain: None });
}
