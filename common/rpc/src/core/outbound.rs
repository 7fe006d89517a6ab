//! What waits for the socket: answers in their order, events behind the reply they belong to, descriptors one by one.
//!
//! Answers are bounded by the number of requests a client may have; what it did not ask for (events, keepalive) is
//! counted in bytes, and a client that lets more than its bound pile up is given up.

use std::collections::VecDeque;
use std::io::IoSlice;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};

use bytes::Bytes;
use protocol::message::{Head, Header, head};

/// One message on its way out. `T` is handed back when the last of it has left.
#[derive(Debug)]
pub(crate) struct Outgoing<T> {
    head: Head,
    body: Bytes,
    fds: VecDeque<OwnedFd>,
    token: Option<T>,
    unasked: bool,
}

/// More bytes wait that the client did not ask for than it may leave unread.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("{waiting} bytes of events wait unread, {max} are allowed")]
pub(crate) struct Overflow {
    /// Bytes that would wait.
    pub(crate) waiting: usize,
    /// The bound.
    pub(crate) max: usize,
}

/// The queue of one session.
#[derive(Debug)]
pub(crate) struct SendQueue<T> {
    queue: VecDeque<Outgoing<T>>,
    /// Bytes of the first message that have left.
    written: usize,
    held: VecDeque<Outgoing<T>>,
    holds: usize,
    unasked_bytes: usize,
}

impl<T> Outgoing<T> {
    /// A message without descriptors.
    pub(crate) fn new(header: &Header, body: Bytes, token: Option<T>) -> Self {
        Self { head: head(header, body.len(), None), body, fds: VecDeque::new(), token, unasked: false }
    }

    /// A message that descriptors follow; the header's kind has to be one of those.
    pub(crate) fn with_fds(header: &Header, body: Bytes, fds: Vec<OwnedFd>, token: Option<T>) -> Self {
        let count = u32::try_from(fds.len()).unwrap_or(u32::MAX);
        Self { head: head(header, body.len(), Some(count)), body, fds: fds.into(), token, unasked: false }
    }

    fn len(&self) -> usize {
        self.head.as_ref().len() + self.body.len()
    }
}

impl<T> SendQueue<T> {
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::new(), written: 0, held: VecDeque::new(), holds: 0, unasked_bytes: 0 }
    }

    /// Queues what the client asked for.
    pub(crate) fn push(&mut self, message: Outgoing<T>) {
        self.queue.push_back(message);
    }

    /// Queues keepalive: it never waits for a reply, but counts.
    pub(crate) fn push_control(&mut self, message: Outgoing<T>, max: usize) -> Result<(), Overflow> {
        let message = self.count(message, max)?;
        self.queue.push_back(message);
        Ok(())
    }

    /// Queues an event, behind the replies that hold events back.
    pub(crate) fn push_event(&mut self, message: Outgoing<T>, max: usize) -> Result<(), Overflow> {
        let message = self.count(message, max)?;
        let place = if self.holds > 0 { &mut self.held } else { &mut self.queue };
        place.push_back(message);
        Ok(())
    }

    /// Holds events back until as many calls of [`Self::release`].
    pub(crate) fn hold(&mut self) {
        self.holds += 1;
    }

    /// Ends one hold; after the last one the events follow what is queued by now.
    pub(crate) fn release(&mut self) {
        self.holds = self.holds.saturating_sub(1);
        if self.holds == 0 && !self.held.is_empty() {
            self.queue.append(&mut self.held);
        }
    }

    /// Whether nothing waits for the socket (held events do not).
    pub(crate) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Forgets everything.
    pub(crate) fn clear(&mut self) {
        *self = Self::new();
    }

    /// A descriptor that has to leave next, with one byte of its own.
    pub(crate) fn descriptor(&self) -> Option<BorrowedFd<'_>> {
        let first = self.queue.front()?;
        if self.written < first.len() { None } else { first.fds.front().map(AsFd::as_fd) }
    }

    /// Fills `slices` with what may leave next in one write; gives their number and the sum of their bytes. Ends behind a
    /// message that has descriptors.
    pub(crate) fn fill<'a>(&'a self, slices: &mut [IoSlice<'a>]) -> (usize, usize) {
        let (mut used, mut total, mut skip) = (0, 0, self.written);
        'messages: for message in &self.queue {
            for part in [message.head.as_ref(), message.body.as_ref()] {
                let rest = part.get(skip..).unwrap_or_default();
                skip = skip.saturating_sub(part.len());
                if rest.is_empty() {
                    continue;
                }
                let Some(slot) = slices.get_mut(used) else { break 'messages };
                *slot = IoSlice::new(rest);
                used += 1;
                total += rest.len();
            }
            if !message.fds.is_empty() {
                break;
            }
        }
        (used, total)
    }

    /// `count` bytes have left; `sent` gets the token of each message that is through.
    pub(crate) fn advance(&mut self, count: usize, mut sent: impl FnMut(T)) {
        self.written += count;
        while let Some(first) = self.queue.front() {
            if self.written < first.len() || !first.fds.is_empty() {
                break;
            }
            self.written -= first.len();
            self.pop(&mut sent);
        }
    }

    /// The descriptor that [`Self::descriptor`] named has left.
    pub(crate) fn descriptor_sent(&mut self, mut sent: impl FnMut(T)) {
        let Some(first) = self.queue.front_mut() else { return };
        first.fds.pop_front();
        if first.fds.is_empty() {
            self.written = 0;
            self.pop(&mut sent);
        }
    }

    fn pop(&mut self, sent: &mut impl FnMut(T)) {
        let Some(message) = self.queue.pop_front() else { return };
        if message.unasked {
            self.unasked_bytes -= message.len();
        }
        if let Some(token) = message.token {
            sent(token);
        }
        // A burst must not leave its room behind in an idle session.
        if self.queue.is_empty() && self.queue.capacity() > 32 {
            self.queue = VecDeque::new();
        }
    }

    fn count(&mut self, mut message: Outgoing<T>, max: usize) -> Result<Outgoing<T>, Overflow> {
        let waiting = self.unasked_bytes + message.len();
        if waiting > max {
            return Err(Overflow { waiting, max });
        }
        self.unasked_bytes = waiting;
        message.unasked = true;
        Ok(message)
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use proptest::prelude::*;
    use protocol::message::{HEADER_LEN, Kind, Status};

    use super::*;

    fn message(serial: u32, len: usize) -> Outgoing<u32> {
        let header =
            Header { program: 1, version: 1, procedure: 1, kind: Kind::Reply, serial, status: Status::Ok };
        Outgoing::new(&header, Bytes::from(vec![serial.to_le_bytes()[0]; len]), Some(serial))
    }

    /// Writes at most `most` bytes, or one descriptor; gives bytes and tokens.
    fn write(queue: &mut SendQueue<u32>, most: usize, wire: &mut Vec<u8>, sent: &mut Vec<u32>) -> bool {
        if queue.descriptor().is_some() {
            wire.push(0);
            queue.descriptor_sent(|token| sent.push(token));
            return true;
        }
        let mut slices = [IoSlice::new(&[]); 6];
        let (used, total) = queue.fill(&mut slices);
        let before = wire.len();
        for slice in &slices[..used] {
            wire.extend_from_slice(slice);
        }
        assert_eq!(wire.len() - before, total);
        let count = total.min(most);
        wire.truncate(before + count);
        queue.advance(count, |token| sent.push(token));
        count > 0
    }

    proptest! {
        #[test]
        fn everything_leaves_in_order(
            lens in proptest::collection::vec(0usize..200, 1..40),
            steps in proptest::collection::vec(1usize..150, 1..30),
        ) {
            let mut queue = SendQueue::new();
            let (mut wire, mut sent, mut expected) = (Vec::new(), Vec::new(), Vec::new());
            let mut steps = steps.iter().cycle();
            for (serial, len) in lens.iter().enumerate() {
                let next = message(u32::try_from(serial).expect("small"), *len);
                expected.extend_from_slice(next.head.as_ref());
                expected.extend_from_slice(&next.body);
                queue.push(next);
                write(&mut queue, *steps.next().expect("endless"), &mut wire, &mut sent);
            }
            while write(&mut queue, *steps.next().expect("endless"), &mut wire, &mut sent) {}
            prop_assert!(queue.is_empty());
            prop_assert_eq!(wire, expected);
            prop_assert_eq!(sent.len(), lens.len());
            prop_assert!(sent.is_sorted());
        }
    }

    #[test]
    fn held_events_follow_the_reply() {
        let mut queue = SendQueue::new();
        let (mut wire, mut sent) = (Vec::new(), Vec::new());
        queue.push_event(message(1, 4), 1000).expect("room");
        queue.hold();
        queue.push_event(message(3, 4), 1000).expect("room");
        queue.hold();
        queue.push_event(message(4, 4), 1000).expect("room");
        queue.release();
        queue.push(message(2, 4));
        queue.release();
        queue.push(message(5, 4));
        while write(&mut queue, 1000, &mut wire, &mut sent) {}
        assert_eq!(sent, [1, 2, 3, 4, 5]);
    }

    #[test]
    fn only_events_and_keepalive_count() {
        let mut queue = SendQueue::new();
        queue.push(message(0, 1_000_000));
        let each = HEADER_LEN + 72;
        for _ in 0..5 {
            queue.push_event(message(1, 72), each * 10).expect("room");
            queue.push_control(message(1, 72), each * 10).expect("room");
        }
        let overflow = Overflow { waiting: each * 11, max: each * 10 };
        assert_eq!(queue.push_event(message(1, 72), each * 10), Err(overflow));
        let (mut wire, mut sent) = (Vec::new(), Vec::new());
        while write(&mut queue, 1000, &mut wire, &mut sent) {}
        assert_eq!((queue.unasked_bytes, sent.len()), (0, 11));
    }

    #[test]
    fn descriptors_leave_after_their_message() {
        let header = Header {
            program: 1,
            version: 1,
            procedure: 1,
            kind: Kind::ReplyWithFds,
            serial: 1,
            status: Status::Ok,
        };
        let fds = (0..2).map(|_| File::open("/dev/null").expect("opens").into()).collect();
        let mut queue = SendQueue::new();
        queue.push(Outgoing::with_fds(&header, Bytes::from_static(b"abcd"), fds, Some(1)));
        queue.push(message(2, 4));
        let (mut wire, mut sent) = (Vec::new(), Vec::new());
        assert!(write(&mut queue, 20, &mut wire, &mut sent));
        assert!(queue.descriptor().is_none());
        assert!(write(&mut queue, 1000, &mut wire, &mut sent));
        assert_eq!((wire.len(), sent.as_slice(), queue.descriptor().is_some()), (36, [].as_slice(), true));
        assert!(
            write(&mut queue, 1000, &mut wire, &mut sent) && write(&mut queue, 1000, &mut wire, &mut sent)
        );
        assert_eq!(sent, [1]);
        while write(&mut queue, 1000, &mut wire, &mut sent) {}
        assert_eq!((wire.len(), sent.as_slice()), (36 + 2 + 32, [1, 2].as_slice()));
    }
}
