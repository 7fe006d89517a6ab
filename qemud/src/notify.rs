//! Domain events on their way to the clients: what each means is in libvirt's `virDomainEventType` and the
//! detail enumerations beside it.

use ::driver::events::{Event, Topic};
use bytes::Bytes;
use protocol::Fault;
use protocol::procedure::Meta;
use protocol::remote::{self, NonnullDomain, rows};
use protocol::xdr::{self, Xdr};
use uuid::Uuid;

use crate::domain::{Domain, State};
use crate::driver::{Driver, wire_uuid};

/// The topic of a domain event by its id (`virDomainEventID`).
pub fn topic(id: i32) -> Topic {
    Topic { program: remote::PROGRAM, kind: "domain", id }
}

/// A lifecycle event with its detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lifecycle {
    /// A definition was added (0) or changed (1).
    Defined(Change),
    /// The definition was removed.
    Undefined,
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
    /// The guest sleeps.
    PmSuspended,
    /// The guest's kernel has panicked.
    Crashed,
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
            Lifecycle::Undefined => (1, 0),
            Lifecycle::Started => (2, 0),
            Lifecycle::Woken => (2, 4),
            Lifecycle::Suspended(why) => (3, why as i32),
            Lifecycle::Resumed => (4, 0),
            Lifecycle::Stopped(why) => (5, why as i32),
            Lifecycle::Shutdown(by) => (6, by as i32),
            Lifecycle::PmSuspended => (7, 0),
            Lifecycle::Crashed => (8, 0),
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
        self.send(domain.uuid(), 0, rows, &message);
    }

    /// Tell that the guest was reset.
    pub fn tell_reboot(&self, domain: &Domain, state: &State) {
        let dom = identify(domain, state);
        let message = remote::DomainEventRebootMsg { dom };
        let rows = (&rows::domain_event_callback_reboot, Some(&rows::domain_event_reboot));
        self.send(domain.uuid(), 1, rows, &message);
    }

    /// Tell that the guest's clock was set; `offset` in seconds from what it was started with.
    pub fn tell_rtc_change(&self, domain: &Domain, state: &State, offset: i64) {
        let dom = identify(domain, state);
        let message = remote::DomainEventRtcChangeMsg { dom, offset };
        let rows = (&rows::domain_event_callback_rtc_change, Some(&rows::domain_event_rtc_change));
        self.send(domain.uuid(), 2, rows, &message);
    }

    /// Tell that the watchdog fired; `action` by `virDomainEventWatchdogAction`.
    pub fn tell_watchdog(&self, domain: &Domain, state: &State, action: i32) {
        let dom = identify(domain, state);
        let message = remote::DomainEventWatchdogMsg { dom, action };
        let rows = (&rows::domain_event_callback_watchdog, Some(&rows::domain_event_watchdog));
        self.send(domain.uuid(), 3, rows, &message);
    }

    /// Tell the balloon's new size in KiB.
    pub fn tell_balloon(&self, domain: &Domain, state: &State, kib: u64) {
        let dom = identify(domain, state);
        let message = remote::DomainEventBalloonChangeMsg { dom, actual: kib };
        let rows = (&rows::domain_event_callback_balloon_change, Some(&rows::domain_event_balloon_change));
        self.send(domain.uuid(), 13, rows, &message);
    }

    fn send(&self, object: Uuid, id: i32, rows: (&Meta, Option<&Meta>), message: &impl Xdr) {
        let topic = topic(id);
        if !self.events.has_listeners(topic) {
            return;
        }
        match xdr::to_vec(message) {
            Ok(body) => self.events.emit(&Event {
                topic,
                object,
                keyed: rows.0.number,
                plain: rows.1.map(|row| row.number),
                body: Bytes::from(body),
            }),
            Err(error) => tracing::error!(target: "qemu", "an event of {object} cannot be encoded: {error}"),
        }
    }
}

/// How the domain is named in an event.
fn identify(domain: &Domain, state: &State) -> NonnullDomain {
    let id = state.live.as_ref().map_or(-1, |live| live.id);
    NonnullDomain { name: state.name.clone(), uuid: wire_uuid(domain.uuid()), id }
}

/// The event id is one that this daemon's domains know.
pub fn check_event_id(id: i32) -> Result<(), Fault> {
    let known = 0..protocol::consts::domain_event_id::LAST;
    if known.contains(&id) {
        Ok(())
    } else {
        Err(Fault::internal(protocol::ErrorDomain::RPC, format!("unsupported event id {id}")))
    }
}
