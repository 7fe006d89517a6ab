//! Events: who wants to hear of what, and the way of an event to them.
//!
//! A subscription is made for a session and an event id, for one object or for all. Newer clients name it by a
//! callback id, which every event then carries first; older ones have none and get the older form. An event is
//! encoded once: behind the callback id all subscribers receive the same bytes. Events of all objects leave one
//! after the other, so that all subscribers hear of them in the same order.

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use bytes::Bytes;
use thiserror::Error;
use uuid::Uuid;

/// Where events are sent: a client's session.
pub trait Subscriber: Clone + Send + Sync + 'static {
    /// The number of the session, unique in the daemon's life.
    fn session_id(&self) -> u64;
    /// Queue an event; never waits. False when the session is over.
    fn send(&self, program: u32, procedure: i32, body: Bytes) -> bool;
}

impl Subscriber for rpc::Session {
    fn session_id(&self) -> u64 {
        self.id()
    }

    fn send(&self, program: u32, procedure: i32, body: Bytes) -> bool {
        self.send_event(program, procedure, body)
    }
}

/// What one subscribes to: the event family of a kind of object, and the event in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Topic {
    /// The program whose events these are.
    pub program: u32,
    /// Which kind of object (`domain`, `network`, …): event ids are counted for each kind.
    pub kind: &'static str,
    /// The event's id, of `virDomainEventID` and its like.
    pub id: i32,
}

/// An event about one object, ready to be sent.
#[derive(Debug, Clone)]
pub struct Event {
    /// What happened.
    pub topic: Topic,
    /// To which object.
    pub object: Uuid,
    /// The name by which subscriptions may choose among the events of the topic; empty where there is none.
    pub name: String,
    /// Procedure of the form that begins with the callback id.
    pub keyed: i32,
    /// The body behind the callback id.
    pub body: Bytes,
    /// Procedure and body of the older form without callback id, where there is one.
    pub plain: Option<(i32, Bytes)>,
}

/// Why a subscription was refused or could not be ended.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum EventError {
    /// The client has an older-form subscription for this event already.
    #[error("event {0} is registered already on this connection")]
    Twice(i32),
    /// There is no such subscription of this client.
    #[error("event callback {0} is not registered on this connection")]
    Unknown(i32),
    /// More subscriptions than a client can need.
    #[error("the connection has {0} event callbacks registered, the most allowed")]
    TooMany(usize),
}

/// The most subscriptions of one session.
pub const MAX_SUBSCRIPTIONS: usize = 4096;

/// Which names of events a subscription is for.
pub type Choice = Box<dyn Fn(&str) -> bool + Send + Sync>;

struct Subscription<S> {
    subscriber: S,
    topic: Topic,
    object: Option<Uuid>,
    choice: Option<Choice>,
    /// The callback id, and whether events are sent in the form that carries it.
    id: i32,
    keyed: bool,
}

impl<S: fmt::Debug> fmt::Debug for Subscription<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Subscription { subscriber, topic, object, id, .. } = self;
        write!(f, "Subscription {{ {subscriber:?}, {topic:?}, {object:?}, id: {id} }}")
    }
}

/// What a subscription is for.
struct Wanted {
    topic: Topic,
    object: Option<Uuid>,
    choice: Option<Choice>,
}

#[derive(Debug)]
struct Table<S> {
    by_topic: HashMap<Topic, Vec<Arc<Subscription<S>>>>,
    /// The next callback id of each session.
    sessions: HashMap<u64, SessionEntry>,
}

#[derive(Debug, Default)]
struct SessionEntry {
    next_id: i32,
    count: usize,
}

/// The subscriptions of all sessions.
#[derive(Debug)]
pub struct EventHub<S = rpc::Session> {
    table: RwLock<Table<S>>,
    /// Held while an event is handed to its subscribers.
    turn: Mutex<()>,
}

impl<S: Subscriber> Default for EventHub<S> {
    fn default() -> Self {
        let table = Table { by_topic: HashMap::new(), sessions: HashMap::new() };
        Self { table: RwLock::new(table), turn: Mutex::new(()) }
    }
}

impl<S: Subscriber> EventHub<S> {
    /// A hub without subscriptions.
    pub fn new() -> Self {
        Self::default()
    }

    /// Subscribe to the form with callback id; returns the id, which is the session's own count.
    pub fn subscribe(&self, subscriber: &S, topic: Topic, object: Option<Uuid>) -> Result<i32, EventError> {
        let wanted = Wanted { topic, object, choice: None };
        self.add(subscriber, wanted, true)
    }

    /// As [`subscribe`](Self::subscribe), to those events only whose names are chosen.
    pub fn subscribe_chosen(
        &self,
        subscriber: &S,
        topic: Topic,
        object: Option<Uuid>,
        choice: Choice,
    ) -> Result<i32, EventError> {
        let wanted = Wanted { topic, object, choice: Some(choice) };
        self.add(subscriber, wanted, true)
    }

    /// Subscribe to the older form; a session can do so once per event.
    pub fn subscribe_plain(&self, subscriber: &S, topic: Topic) -> Result<(), EventError> {
        let session = subscriber.session_id();
        let twice = self
            .read()
            .by_topic
            .get(&topic)
            .is_some_and(|list| list.iter().any(|s| !s.keyed && s.subscriber.session_id() == session));
        if twice {
            return Err(EventError::Twice(topic.id));
        }
        self.add(subscriber, Wanted { topic, object: None, choice: None }, false).map(|_| ())
    }

    /// End the subscription of `kind` with this callback id.
    pub fn unsubscribe(&self, session: u64, kind: &str, id: i32) -> Result<(), EventError> {
        self.take(session, |s| s.keyed && s.topic.kind == kind && s.id == id).ok_or(EventError::Unknown(id))
    }

    /// End the session's older-form subscription to the topic.
    pub fn unsubscribe_plain(&self, session: u64, topic: Topic) -> Result<(), EventError> {
        self.take(session, |s| !s.keyed && s.topic == topic).ok_or(EventError::Unknown(topic.id))
    }

    /// Forget a session that has ended.
    pub fn forget(&self, session: u64) {
        let mut table = self.write();
        if table.sessions.remove(&session).is_some() {
            for list in table.by_topic.values_mut() {
                list.retain(|s| s.subscriber.session_id() != session);
            }
        }
    }

    /// Whether anybody listens to the topic: spares the work of making an event that nobody hears.
    pub fn has_listeners(&self, topic: Topic) -> bool {
        self.read().by_topic.get(&topic).is_some_and(|list| !list.is_empty())
    }

    /// Send an event to all who subscribed. Call it while the object's state is locked, so that events leave
    /// in the order of the states.
    pub fn emit(&self, event: &Event) {
        // Readers of the table do not exclude each other; two events must, or two subscribers could hear of
        // them in different orders. Sending only queues, so nobody waits long.
        let _turn = self.turn.lock().unwrap_or_else(PoisonError::into_inner);
        let table = self.read();
        let Some(list) = table.by_topic.get(&event.topic) else { return };
        for subscription in list {
            if subscription.object.is_some_and(|object| object != event.object)
                || subscription.choice.as_ref().is_some_and(|chosen| !chosen(&event.name))
            {
                continue;
            }
            if subscription.keyed {
                let mut body = Vec::with_capacity(event.body.len() + 4);
                body.extend_from_slice(&subscription.id.to_be_bytes());
                body.extend_from_slice(&event.body);
                subscription.subscriber.send(event.topic.program, event.keyed, body.into());
            } else if let Some((plain, body)) = &event.plain {
                subscription.subscriber.send(event.topic.program, *plain, body.clone());
            }
        }
    }

    fn add(&self, subscriber: &S, wanted: Wanted, keyed: bool) -> Result<i32, EventError> {
        let Wanted { topic, object, choice } = wanted;
        let mut table = self.write();
        let entry = table.sessions.entry(subscriber.session_id()).or_default();
        if entry.count >= MAX_SUBSCRIPTIONS {
            return Err(EventError::TooMany(entry.count));
        }
        let id = entry.next_id;
        entry.next_id = entry.next_id.wrapping_add(1) & i32::MAX;
        entry.count += 1;
        let subscription = Subscription { subscriber: subscriber.clone(), topic, object, choice, id, keyed };
        table.by_topic.entry(topic).or_default().push(Arc::new(subscription));
        Ok(id)
    }

    fn take(&self, session: u64, is_it: impl Fn(&Subscription<S>) -> bool) -> Option<()> {
        let mut table = self.write();
        let found = table.by_topic.values_mut().find_map(|list| {
            let place = list.iter().position(|s| s.subscriber.session_id() == session && is_it(s))?;
            list.remove(place);
            Some(())
        });
        if found.is_some()
            && let Some(entry) = table.sessions.get_mut(&session)
        {
            entry.count -= 1;
        }
        found
    }

    fn read(&self) -> RwLockReadGuard<'_, Table<S>> {
        self.table.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Table<S>> {
        self.table.write().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Clone, Default)]
    struct Ear(u64, Arc<Mutex<Vec<(i32, Bytes)>>>);

    impl Subscriber for Ear {
        fn session_id(&self) -> u64 {
            self.0
        }
        fn send(&self, _program: u32, procedure: i32, body: Bytes) -> bool {
            self.1.lock().unwrap().push((procedure, body));
            true
        }
    }

    const LIFECYCLE: Topic = Topic { program: 1, kind: "domain", id: 0 };

    fn event(object: u128) -> Event {
        let body = Bytes::from_static(b"body");
        with_body(object, body)
    }

    fn with_body(object: u128, body: Bytes) -> Event {
        let (object, name, plain) = (Uuid::from_u128(object), String::new(), Some((107, body.clone())));
        Event { topic: LIFECYCLE, object, name, keyed: 318, body, plain }
    }

    #[test]
    fn forms_and_filters() {
        let hub = EventHub::new();
        let (old, new) = (Ear(1, Arc::default()), Ear(2, Arc::default()));
        hub.subscribe_plain(&old, LIFECYCLE).unwrap();
        assert_eq!(hub.subscribe_plain(&old, LIFECYCLE), Err(EventError::Twice(0)));
        assert_eq!(hub.subscribe(&new, LIFECYCLE, None), Ok(0));
        assert_eq!(hub.subscribe(&new, LIFECYCLE, Some(Uuid::from_u128(7))), Ok(1));
        hub.emit(&event(8));
        hub.emit(&event(7));
        assert_eq!(*old.1.lock().unwrap(), vec![(107, Bytes::from_static(b"body")); 2]);
        let got: Vec<_> = new.1.lock().unwrap().iter().map(|(p, b)| (*p, b[3])).collect();
        assert_eq!(got, [(318, 0), (318, 0), (318, 1)]);
    }

    #[test]
    fn names_are_chosen() {
        let hub = EventHub::new();
        let ear = Ear(1, Arc::default());
        hub.subscribe_chosen(&ear, LIFECYCLE, None, Box::new(|name| name.starts_with("ST"))).unwrap();
        for name in ["STOP", "RESUME", "START", ""] {
            hub.emit(&Event { name: name.to_owned(), ..event(1) });
        }
        assert_eq!(ear.1.lock().unwrap().len(), 2);
    }

    #[test]
    fn everybody_hears_in_one_order() {
        let hub = EventHub::new();
        let ears = [Ear(1, Arc::default()), Ear(2, Arc::default()), Ear(3, Arc::default())];
        for ear in &ears {
            hub.subscribe_plain(ear, LIFECYCLE).unwrap();
        }
        std::thread::scope(|scope| {
            for object in 0..4u8 {
                let hub = &hub;
                scope.spawn(move || {
                    for n in 0..=255 {
                        let body = Bytes::copy_from_slice(&[object, n]);
                        hub.emit(&with_body(object.into(), body));
                    }
                });
            }
        });
        let heard = ears.each_ref().map(|ear| ear.1.lock().unwrap().clone());
        assert_eq!(heard[0].len(), 1024);
        assert!(heard.iter().all(|list| *list == heard[0]));
    }

    #[test]
    fn ends() {
        let hub = EventHub::new();
        let ear = Ear(1, Arc::default());
        let id = hub.subscribe(&ear, LIFECYCLE, None).unwrap();
        assert_eq!(hub.unsubscribe(2, "domain", id), Err(EventError::Unknown(id)));
        assert_eq!(hub.unsubscribe(1, "network", id), Err(EventError::Unknown(id)));
        hub.unsubscribe(1, "domain", id).unwrap();
        assert_eq!(hub.unsubscribe(1, "domain", id), Err(EventError::Unknown(id)));
        assert!(!hub.has_listeners(LIFECYCLE));
        hub.subscribe(&ear, LIFECYCLE, None).unwrap();
        hub.forget(1);
        hub.emit(&event(1));
        assert!(ear.1.lock().unwrap().is_empty());
    }

    #[test]
    fn bounded() {
        let hub = EventHub::new();
        let ear = Ear(1, Arc::default());
        for n in 0..MAX_SUBSCRIPTIONS {
            assert_eq!(hub.subscribe(&ear, LIFECYCLE, None), Ok(n as i32));
        }
        assert!(matches!(hub.subscribe(&ear, LIFECYCLE, None), Err(EventError::TooMany(_))));
    }
}
