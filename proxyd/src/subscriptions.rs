//! The events that a session has asked one driver for. A driver that was restarted has forgotten them: they are asked for
//! again, and the client goes on knowing each by the number that it was given first.

use bytes::{BufMut, Bytes, BytesMut};
use protocol::message::Header;
use protocol::{Meta, qemu, remote};

/// What a call does with subscriptions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// Asks for events; the answer may be a number.
    Register(Kind),
    /// Wants them no longer.
    Deregister(Kind),
}

/// A way to subscribe: the numbers of its two procedures, program first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Kind {
    program: u32,
    register: i32,
    deregister: i32,
    /// Subscriptions have numbers, which events carry; others are told apart by their arguments.
    numbered: bool,
}

/// The first event that carries its subscription's number; older ones do not, nor does that of a lost connection.
const FIRST_NUMBERED: i32 = 315;

static KINDS: [Kind; 9] = [
    kind(remote::PROGRAM, 105, 106, false),
    kind(remote::PROGRAM, 167, 168, false),
    kind(remote::PROGRAM, 360, 361, false),
    kind(remote::PROGRAM, 313, 314, true),
    kind(remote::PROGRAM, 316, 317, true),
    kind(remote::PROGRAM, 368, 369, true),
    kind(remote::PROGRAM, 374, 375, true),
    kind(remote::PROGRAM, 380, 381, true),
    kind(qemu::PROGRAM, 4, 5, true),
];

const fn kind(program: u32, register: i32, deregister: i32, numbered: bool) -> Kind {
    Kind { program, register, deregister, numbered }
}

/// What this procedure does with subscriptions.
pub fn change(meta: &Meta) -> Option<Change> {
    let of = |kind: &&Kind| {
        kind.program == meta.program && (kind.register == meta.number || kind.deregister == meta.number)
    };
    let kind = *KINDS.iter().find(of)?;
    Some(if kind.register == meta.number { Change::Register(kind) } else { Change::Deregister(kind) })
}

/// The subscriptions of one session at one driver.
#[derive(Debug, Default)]
pub struct Subscriptions {
    list: Vec<Subscription>,
    /// Events that came while [`Self::waiting`].
    early: Vec<(Header, Bytes)>,
    /// The driver has been asked for numbers that are not known yet.
    waiting: bool,
    /// None of the driver's numbers is known yet.
    renewing: bool,
}

#[derive(Debug)]
struct Subscription {
    kind: Kind,
    meta: &'static Meta,
    body: Bytes,
    /// The number that the client knows; 0 where there are none.
    client: i32,
    /// The driver's number of today.
    driver: Option<i32>,
}

impl Subscriptions {
    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The driver is about to be asked for one more.
    pub fn begin(&mut self) {
        self.waiting = true;
    }

    /// It has refused. Gives the events that waited.
    pub fn give_up(&mut self) -> Vec<(Header, Bytes)> {
        self.settle()
    }

    /// Notes one that the driver has accepted with the answer `reply`; gives the answer for the client, and the events
    /// that came too early.
    pub fn add(
        &mut self,
        kind: Kind,
        meta: &'static Meta,
        body: Bytes,
        reply: Bytes,
    ) -> (Bytes, Vec<(Header, Bytes)>) {
        if !kind.numbered {
            self.list.push(Subscription { kind, meta, body, client: 0, driver: None });
            return (reply, self.settle());
        }
        let Some(driver) = number(&reply) else { return (reply, self.settle()) };
        let client = (driver..i32::MAX).find(|wanted| !self.is_taken(*wanted)).unwrap_or(driver);
        self.list.push(Subscription { kind, meta, body, client, driver: Some(driver) });
        (with_number(&reply, client), self.settle())
    }

    /// The arguments with which the driver is to be told that the client does not want events any more.
    pub fn arguments(&self, kind: Kind, body: &Bytes) -> Bytes {
        match self.find(kind, body).and_then(|at| self.list.get(at)).and_then(|one| one.driver) {
            Some(driver) if kind.numbered => with_number(body, driver),
            _ => body.clone(),
        }
    }

    /// Forgets the one that these arguments name; whether there was one.
    pub fn remove(&mut self, kind: Kind, body: &Bytes) -> bool {
        let found = self.find(kind, body);
        if let Some(at) = found {
            self.list.remove(at);
        }
        found.is_some()
    }

    /// The driver has gone, and its numbers with it. Gives the calls that ask for everything again.
    pub fn renew(&mut self) -> Vec<(&'static Meta, Bytes)> {
        self.early.clear();
        (self.waiting, self.renewing) = (true, true);
        for one in &mut self.list {
            one.driver = None;
        }
        self.list.iter().map(|one| (one.meta, one.body.clone())).collect()
    }

    /// The driver's answers to the calls of [`Self::renew`], in their order (`None`: refused). Gives the events that came
    /// meanwhile.
    pub fn renewed(&mut self, replies: &[Option<Bytes>]) -> Vec<(Header, Bytes)> {
        for (one, reply) in self.list.iter_mut().zip(replies) {
            one.driver = reply.as_ref().filter(|_| one.kind.numbered).and_then(|reply| number(reply));
        }
        self.settle()
    }

    /// An event as the client knows it; `None`: it has to wait.
    pub fn translate(&mut self, header: &Header, body: Bytes) -> Option<Bytes> {
        let Some(driver) = number(&body).filter(|_| is_numbered(header)) else { return Some(body) };
        let known =
            self.list.iter().find(|one| one.kind.program == header.program && one.driver == Some(driver));
        match known {
            Some(one) if one.client == driver => Some(body),
            Some(one) => Some(with_number(&body, one.client)),
            // It may be one whose reply is still on its way; under another one's number it must not go out.
            None if self.renewing || self.is_taken(driver) => {
                if self.waiting {
                    self.early.push((*header, body));
                }
                None
            }
            None => Some(body),
        }
    }

    /// All numbers are known: gives the events that waited; those of nobody are dropped.
    fn settle(&mut self) -> Vec<(Header, Bytes)> {
        (self.waiting, self.renewing) = (false, false);
        let early = std::mem::take(&mut self.early);
        early
            .into_iter()
            .filter_map(|(header, body)| Some((header, self.translate(&header, body)?)))
            .collect()
    }

    /// Whether the client knows a subscription by this number.
    fn is_taken(&self, number: i32) -> bool {
        self.list.iter().any(|one| one.kind.numbered && one.client == number)
    }

    fn find(&self, kind: Kind, body: &Bytes) -> Option<usize> {
        let wanted = number(body);
        self.list.iter().position(|one| {
            one.kind == kind && if kind.numbered { Some(one.client) == wanted } else { one.body == *body }
        })
    }
}

/// Whether an event carries the number of its subscription.
fn is_numbered(header: &Header) -> bool {
    let lost = remote::rows::connect_event_connection_closed.number;
    header.program == qemu::PROGRAM || (header.procedure >= FIRST_NUMBERED && header.procedure != lost)
}

/// The number that a message begins with.
fn number(body: &[u8]) -> Option<i32> {
    body.first_chunk().map(|word| i32::from_be_bytes(*word))
}

/// The message with another number.
fn with_number(body: &[u8], number: i32) -> Bytes {
    let mut changed = BytesMut::with_capacity(body.len());
    changed.put_i32(number);
    changed.extend_from_slice(body.get(4..).unwrap_or_default());
    changed.freeze()
}

#[cfg(test)]
mod tests {
    use super::*;
    use protocol::message::{Kind as MessageKind, Status};
    use protocol::procedure::find;
    use protocol::remote::rows;

    fn event(procedure: i32) -> Header {
        Header {
            kind: MessageKind::Message,
            status: Status::Ok,
            ..Header::call((remote::PROGRAM, 1, procedure), 1)
        }
    }

    fn words(words: &[i32]) -> Bytes {
        words.iter().flat_map(|word| word.to_be_bytes()).collect::<Vec<u8>>().into()
    }

    fn kind_of(meta: &Meta) -> Kind {
        match change(meta) {
            Some(Change::Register(kind) | Change::Deregister(kind)) => kind,
            None => panic!("{} does not subscribe", meta.name),
        }
    }

    #[test]
    fn every_procedure_that_subscribes_is_known() {
        let all = (0..500).flat_map(|number| [find(remote::PROGRAM, number), find(qemu::PROGRAM, number)]);
        for meta in all.flatten() {
            let by_name = meta.name.contains("register");
            assert_eq!(change(meta).is_some(), by_name, "{}", meta.name);
            if meta.event {
                // All but the old events of domains, which the newer form 318 and up repeat, begin with the number.
                let domains = rows::domain_event_callback_lifecycle.number;
                let old = meta.name.starts_with("domain_event_") && meta.number < domains;
                let lost = meta.number == rows::connect_event_connection_closed.number;
                let numbered = is_numbered(&Header { program: meta.program, ..event(meta.number) });
                assert_eq!(numbered, !(old || lost), "{}", meta.name);
            }
        }
    }

    #[test]
    fn a_client_keeps_its_number_whatever_the_driver_says() {
        let (register, lifecycle) = (&rows::connect_domain_event_callback_register_any, event(318));
        let kind = kind_of(register);
        let mut all = Subscriptions::default();
        for number in [4, 5] {
            let (reply, early) = all.add(kind, register, words(&[0, number]), words(&[number]));
            assert_eq!((reply, early.len()), (words(&[number]), 0));
        }
        assert_eq!(all.translate(&lifecycle, words(&[5, 9])), Some(words(&[5, 9])));
        // The driver comes back and counts from the start; an event comes before the answers.
        assert_eq!(all.renew().len(), 2);
        assert_eq!(all.translate(&lifecycle, words(&[1, 7])), None);
        assert_eq!(all.renewed(&[Some(words(&[0])), Some(words(&[1]))]), [(lifecycle, words(&[5, 7]))]);
        assert_eq!(all.translate(&lifecycle, words(&[0, 8])), Some(words(&[4, 8])));
        // A new one gets a driver's number that the client knows for another one.
        all.begin();
        assert_eq!(all.translate(&lifecycle, words(&[4, 1])), None);
        let (reply, early) = all.add(kind, register, words(&[3, 0]), words(&[4]));
        assert_eq!((reply, early), (words(&[6]), vec![(lifecycle, words(&[6, 1]))]));
        // The client takes one back by its own number.
        assert_eq!(all.arguments(kind, &words(&[5])), words(&[1]));
        assert!(all.remove(kind, &words(&[5])) && !all.remove(kind, &words(&[5])));
        assert_eq!(all.renew().len(), 2);
    }

    #[test]
    fn refused_and_unnumbered_ones() {
        let (any, old) = (&rows::connect_domain_event_register_any, event(107));
        let kind = kind_of(any);
        let mut all = Subscriptions::default();
        assert_eq!(all.add(kind, any, words(&[3]), Bytes::new()).0, Bytes::new());
        assert_eq!(all.translate(&old, words(&[8])), Some(words(&[8])));
        assert!(
            matches!(all.renew().as_slice(), [(meta, body)] if meta.number == 167 && *body == words(&[3]))
        );
        assert!(all.renewed(&[None]).is_empty());
        assert!(all.remove(kind, &words(&[3])) && all.is_empty());
    }
}
