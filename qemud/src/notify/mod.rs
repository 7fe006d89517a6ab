//! Domain events on their way to the clients: what each means is in libvirt's `virDomainEventType` and the
//! detail enumerations beside it.

pub mod guest;

use ::driver::events::{Event, Topic};
use bytes::Bytes;
use protocol::Fault;
use protocol::consts::domain_event_id as id;
use protocol::procedure::Meta;
use protocol::qemu;
use protocol::remote::{self, NonnullDomain, rows};
use protocol::xdr::{self, Xdr};
use uuid::Uuid;

use crate::domain::{Domain, State};
use crate::driver::{Driver, wire_uuid};

/// The topic of a domain event by its id (`virDomainEventID`).
pub fn topic(event: i32) -> Topic {
    Topic { program: remote::PROGRAM, kind: "domain", id: event }
}

/// The topic of QEMU's own events (`virConnectDomainQemuMonitorEventRegister`).
pub fn monitor_topic() -> Topic {
    Topic { program: qemu::PROGRAM, kind: "monitor", id: 0 }
}

/// A lifecycle event with its detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// A definition was added (0) or changed (1).
    Defined(Change),
    /// The definition was removed.
    Undefined(Removal),
    /// The guest was started.
    Started,
    /// Its processors were stopped.
    Suspended(Suspended),
    /// Its processors go on.
    Resumed,
    /// There is no guest any more.
    Stopped(Stopped),
    /// The guest powers off.
    Shutdown(ShutdownBy),
    /// The guest sleeps; on disk if true.
    PmSuspended(bool),
    /// The guest's kernel has panicked.
    Crashed,
    /// The guest's kernel has panicked and goes on in a kernel that was loaded for that.
    CrashLoaded,
    /// It woke from sleep.
    Woken,
}

/// What a definition event tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// The domain is new.
    Added = 0,
    /// It was known.
    Updated = 1,
    /// It was known by another name.
    Renamed = 2,
}

/// Why a definition is not there any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Removal {
    /// A client removed it.
    Removed = 0,
    /// It has another name now.
    Renamed = 1,
}

/// Why the processors were stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Suspended {
    /// On request.
    Paused = 0,
    /// A disk failed.
    IoError = 2,
    /// The watchdog fired.
    Watchdog = 3,
}

/// Why there is no guest any more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stopped {
    /// It powered off.
    Shutdown = 0,
    /// A client destroyed it.
    Destroyed = 1,
    /// Its kernel panicked.
    Crashed = 2,
    /// QEMU ended by itself, did not start, or could not be taken over.
    Failed = 5,
}

/// Who powered it off.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ShutdownBy {
    /// QEMU does not tell.
    Unknown = 0,
    /// The guest.
    Guest = 1,
    /// The host: a signal to QEMU.
    Host = 2,
}

impl Lifecycle {
    /// The event's type and detail on the wire.
    pub fn numbers(self) -> (i32, i32) {
        match self {
            Lifecycle::Defined(change) => (0, change as i32),
            Lifecycle::Undefined(why) => (1, why as i32),
            Lifecycle::Started => (2, 0),
            Lifecycle::Woken => (2, 4),
            Lifecycle::Suspended(why) => (3, why as i32),
            Lifecycle::Resumed => (4, 0),
            Lifecycle::Stopped(why) => (5, why as i32),
            Lifecycle::Shutdown(by) => (6, by as i32),
            Lifecycle::PmSuspended(on_disk) => (7, on_disk.into()),
            Lifecycle::Crashed => (8, 0),
            Lifecycle::CrashLoaded => (8, 1),
        }
    }
}

impl Driver {
    /// Tell of a lifecycle event. `state` is the domain's locked state: events leave in the order of states.
    pub fn tell(&self, domain: &Domain, state: &State, what: Lifecycle) {
        let dom = identify(domain, state);
        let (event, detail) = what.numbers();
        tracing::debug!(target: "qemu", "domain '{}' (id {}): event {event}, detail {detail}", dom.name, dom.id);
        let message = remote::DomainEventLifecycleMsg { dom, event, detail };
        let rows = (&rows::domain_event_callback_lifecycle, Some(&rows::domain_event_lifecycle));
        self.send(domain.uuid(), id::LIFECYCLE, rows, &message);
    }

    /// Tell that title (1), description (0) or the element of a namespace (2) changed.
    pub fn tell_metadata(&self, domain: &Domain, state: &State, kind: i32, uri: Option<&str>) {
        let message = remote::DomainEventCallbackMetadataChangeMsg {
            callbackID: 0,
            dom: identify(domain, state),
            r#type: kind,
            nsuri: uri.map(str::to_owned),
        };
        let row = &rows::domain_event_callback_metadata_change;
        self.send_keyed(domain.uuid(), topic(id::METADATA_CHANGE), "", row, &message);
    }

    /// Send an event in the newer form with callback id and, where there is one, in the older form too. The bodies
    /// are the same behind the callback id.
    fn send(&self, object: Uuid, event: i32, rows: (&Meta, Option<&Meta>), message: &impl Xdr) {
        if self.events.has_listeners(topic(event))
            && let Some(body) = encode(object, message)
        {
            let plain = rows.1.map(|row| (row.number, body.clone()));
            self.emit(Sent { topic: topic(event), object, name: "", keyed: rows.0, body, plain });
        }
    }

    /// Send an event that has the newer form alone. Its message begins with a callback id, whatever that is: every
    /// client gets its own.
    fn send_keyed(&self, object: Uuid, topic: Topic, name: &str, row: &Meta, message: &impl Xdr) {
        if self.events.has_listeners(topic)
            && let Some(body) = encode(object, message).and_then(without_callback_id)
        {
            self.emit(Sent { topic, object, name, keyed: row, body, plain: None });
        }
    }

    fn emit(&self, sent: Sent<'_>) {
        let Sent { topic, object, name, keyed, body, plain } = sent;
        self.events.emit(&Event { topic, object, name: name.to_owned(), keyed: keyed.number, body, plain });
    }
}

/// Bytes of a callback id.
const CALLBACK_ID: usize = 4;

/// What follows the callback id of an encoded event.
fn without_callback_id(body: Bytes) -> Option<Bytes> {
    (body.len() >= CALLBACK_ID).then(|| body.slice(CALLBACK_ID..))
}

/// An event ready to be sent.
struct Sent<'a> {
    topic: Topic,
    object: Uuid,
    name: &'a str,
    keyed: &'a Meta,
    body: Bytes,
    plain: Option<(i32, Bytes)>,
}

fn encode(object: Uuid, message: &impl Xdr) -> Option<Bytes> {
    match xdr::to_vec(message) {
        Ok(body) => Some(Bytes::from(body)),
        Err(error) => {
            tracing::error!(target: "qemu", "an event of {object} cannot be encoded: {error}");
            None
        }
    }
}

/// How the domain is named in an event.
fn identify(domain: &Domain, state: &State) -> NonnullDomain {
    let id = state.live.as_ref().map_or(-1, |live| live.id);
    NonnullDomain { name: state.name.clone(), uuid: wire_uuid(domain.uuid()), id }
}

/// The event id is one that this daemon's domains know.
pub fn check_event_id(event: i32) -> Result<(), Fault> {
    let known = 0..id::LAST;
    if known.contains(&event) {
        Ok(())
    } else {
        Err(Fault::internal(protocol::ErrorDomain::RPC, format!("unsupported event id {event}")))
    }
}
