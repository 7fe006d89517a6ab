//! The way of events to a client that may not hear of every object.

use std::sync::OnceLock;

use bytes::Bytes;
use protocol::procedure::{self, Filter};
use protocol::subject::Subject;
use rpc::{Call, Identity, Session};
use tokio::sync::mpsc;

use super::{Access, of_handle};
use crate::events::Subscriber;

/// Events of one client that may wait for polkit's word; a client that lets more happen is disconnected.
const QUEUE: usize = 4096;

/// A client that listens to events.
#[derive(Clone, Debug)]
pub struct Listener {
    session: Session,
    /// Where events wait to be checked, and for which permission; without it they go straight to the client.
    checked: Option<(mpsc::Sender<Parcel>, Filter)>,
}

/// An event that waits.
#[derive(Debug)]
struct Parcel {
    program: u32,
    procedure: i32,
    body: Bytes,
    filter: Filter,
}

/// The queue of a session: one for all its subscriptions, as events of all keep their order.
#[derive(Default)]
struct Queue(OnceLock<mpsc::Sender<Parcel>>);

impl Listener {
    /// One that hears everything.
    pub(super) fn free(session: Session) -> Self {
        Self { session, checked: None }
    }

    /// One whose events are checked, each when it happens.
    pub(super) fn checked(access: Access, call: &Call, filter: Filter) -> Self {
        let session = call.session().clone();
        let queue = session.extension::<Queue>();
        let sender = queue.0.get_or_init(|| {
            let (sender, parcels) = mpsc::channel(QUEUE);
            let checker = Checker { access, identity: call.identity().clone(), session: session.clone() };
            tokio::spawn(checker.run(parcels));
            sender
        });
        Self { checked: Some((sender.clone(), filter)), session }
    }
}

impl Subscriber for Listener {
    fn session_id(&self) -> u64 {
        self.session.id()
    }

    fn send(&self, program: u32, procedure: i32, body: Bytes) -> bool {
        let Some((queue, filter)) = &self.checked else {
            return self.session.send_event(program, procedure, body);
        };
        let parcel = Parcel { program, procedure, body, filter: *filter };
        match queue.try_send(parcel) {
            Ok(()) => !self.session.is_closed(),
            Err(mpsc::error::TrySendError::Full(_)) => {
                self.session.close("polkit does not keep up with the client's events");
                false
            }
            Err(mpsc::error::TrySendError::Closed(_)) => false,
        }
    }
}

/// Checks one client's events.
struct Checker {
    access: Access,
    identity: Identity,
    session: Session,
}

impl Checker {
    async fn run(self, mut parcels: mpsc::Receiver<Parcel>) {
        loop {
            let parcel = tokio::select! {
                parcel = parcels.recv() => parcel,
                () = self.session.closed() => None,
            };
            let Some(parcel) = parcel else { return };
            if self.may_hear(&parcel).await {
                self.session.send_event(parcel.program, parcel.procedure, parcel.body);
            }
        }
    }

    /// By the handle in the event itself: the object may be gone.
    async fn may_hear(&self, parcel: &Parcel) -> bool {
        let Some(meta) = procedure::find(parcel.program, parcel.procedure) else { return false };
        let Ok(subject) = Subject::of_event(meta, &parcel.body) else { return false };
        let what = (parcel.filter.object, parcel.filter.permission);
        self.access.allowed(&self.identity, what, &of_handle(&subject)).await
    }
}
