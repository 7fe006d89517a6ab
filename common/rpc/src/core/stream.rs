//! Flow control of one stream: what the client sent and the driver has not taken, what is on its way down, how it ends.

use std::collections::VecDeque;

use bytes::Bytes;
use protocol::message::{Status, StreamHole};
use protocol::procedure::StreamDirection;
use protocol::xdr;

/// Packets that wait for the driver before the session stops reading the socket.
const MAX_WAITING: usize = 8;
/// The same in bytes.
const MAX_WAITING_BYTES: usize = 512 * 1024;

/// What the client sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Packet {
    /// Data; never empty.
    Data(Bytes),
    /// So many bytes of zeros in a sparse file.
    Hole(i64),
    /// The client has sent, or has seen, all it wanted; it waits for [`crate::Stream::finish`].
    Finish,
    /// The client gave up; it is answered when the stream is dropped.
    Abort,
}

/// Why a stream takes no more packets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StreamClosed {
    /// The client finished: call [`crate::Stream::finish`].
    #[error("the client has finished the stream")]
    Finished,
    /// The client aborted it.
    #[error("the client has aborted the stream")]
    Aborted,
    /// The client is gone.
    #[error("the client has closed its connection")]
    Session,
    /// The call that opened it failed, or an error was sent.
    #[error("the stream has failed")]
    Failed,
}

/// What a packet from the client calls for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Reaction {
    /// Nothing: it was queued or means nothing.
    None,
    /// The stream is aborted: answer OK and forget it.
    Aborted,
    /// The stream is over with an error that the client gets.
    Refused(&'static str),
}

/// The state of one stream.
#[derive(Debug)]
pub(crate) struct Flow {
    direction: StreamDirection,
    holes: bool,
    live: bool,
    over: Option<StreamClosed>,
    inbox: VecDeque<Packet>,
    inbox_bytes: usize,
    finished: bool,
    sending: bool,
}

impl Flow {
    pub(crate) fn new(direction: StreamDirection) -> Self {
        Self {
            direction,
            holes: false,
            live: false,
            over: None,
            inbox: VecDeque::new(),
            inbox_bytes: 0,
            finished: false,
            sending: false,
        }
    }

    /// The call was sparse: holes may come.
    pub(crate) fn allow_holes(&mut self) {
        self.holes = true;
    }

    /// The reply is queued: packets may follow it.
    pub(crate) fn go_live(&mut self) {
        self.live = true;
    }

    /// Ends the stream; the first reason stays. What waits is dropped.
    pub(crate) fn end(&mut self, reason: StreamClosed) {
        self.over.get_or_insert(reason);
        self.inbox.clear();
        self.inbox_bytes = 0;
    }

    /// Why it is over, if it is.
    pub(crate) fn over(&self) -> Option<StreamClosed> {
        self.over
    }

    /// Whether the session has to stop reading until the driver takes something.
    pub(crate) fn is_full(&self) -> bool {
        self.inbox.len() >= MAX_WAITING || self.inbox_bytes >= MAX_WAITING_BYTES
    }

    /// A stream packet of the client; `hole` tells the two kinds apart.
    pub(crate) fn on_packet(&mut self, hole: bool, status: Status, body: Bytes) -> Reaction {
        if self.over.is_some() || self.finished {
            return Reaction::None;
        }
        let reaction = match status {
            Status::Continue if hole => self.on_hole(&body),
            Status::Continue => self.on_data(body),
            Status::Ok => {
                self.finished = true;
                self.inbox.push_back(Packet::Finish);
                Reaction::None
            }
            Status::Error => Reaction::Aborted,
            Status::Other(_) => Reaction::Refused("stream packet with an unknown status"),
        };
        match reaction {
            Reaction::None => {}
            Reaction::Aborted => self.end(StreamClosed::Aborted),
            Reaction::Refused(_) => self.end(StreamClosed::Failed),
        }
        reaction
    }

    /// The next packet for the driver; `None`: wait.
    pub(crate) fn take(&mut self) -> Result<Option<Packet>, StreamClosed> {
        match self.over {
            Some(StreamClosed::Aborted) => Ok(Some(Packet::Abort)),
            Some(reason) => Err(reason),
            None => {
                let packet = self.inbox.pop_front();
                if let Some(Packet::Data(data)) = &packet {
                    self.inbox_bytes -= data.len();
                }
                Ok(packet)
            }
        }
    }

    /// Drops what waits, for a driver that only waits for the end; whether the client has finished.
    pub(crate) fn skip_to_finish(&mut self) -> Result<bool, StreamClosed> {
        self.inbox.clear();
        self.inbox_bytes = 0;
        match self.over {
            Some(reason) => Err(reason),
            None => Ok(self.finished),
        }
    }

    /// Whether a packet may be queued now: one is in flight at a time, and none before the reply.
    pub(crate) fn may_send(&self) -> Result<bool, StreamClosed> {
        match self.over {
            Some(reason) => Err(reason),
            None if self.finished => Err(StreamClosed::Finished),
            None => Ok(self.live && !self.sending),
        }
    }

    /// A packet was queued.
    pub(crate) fn queued(&mut self) {
        self.sending = true;
    }

    /// The packet has left.
    pub(crate) fn sent(&mut self) {
        self.sending = false;
    }

    /// Whether a packet is on its way.
    pub(crate) fn is_sending(&self) -> bool {
        self.sending
    }

    /// Whether the call has been answered.
    pub(crate) fn is_live(&self) -> bool {
        self.live
    }

    /// Whether the server may send data at all.
    pub(crate) fn goes_down(&self) -> bool {
        matches!(self.direction, StreamDirection::Read | StreamDirection::Both)
    }

    fn on_data(&mut self, data: Bytes) -> Reaction {
        if !self.goes_up() {
            return Reaction::Refused("data for a stream that the server writes");
        }
        if !data.is_empty() {
            self.inbox_bytes += data.len();
            self.inbox.push_back(Packet::Data(data));
        }
        Reaction::None
    }

    fn on_hole(&mut self, body: &[u8]) -> Reaction {
        if !self.holes || !self.goes_up() {
            return Reaction::Refused("unexpected stream hole");
        }
        match xdr::from_slice::<StreamHole>(body) {
            Ok(hole) if hole.length < 0 => Reaction::Refused("stream hole of negative length"),
            Ok(hole) if hole.flags != 0 => Reaction::Refused("stream hole with unknown flags"),
            Ok(hole) => {
                self.inbox.push_back(Packet::Hole(hole.length));
                Reaction::None
            }
            Err(_) => Reaction::Refused("stream hole that cannot be decoded"),
        }
    }

    fn goes_up(&self) -> bool {
        matches!(self.direction, StreamDirection::Write | StreamDirection::Both)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn data(len: usize) -> Bytes {
        Bytes::from(vec![1; len])
    }

    fn hole(length: i64, flags: u32) -> Bytes {
        Bytes::from(xdr::to_vec(&StreamHole { length, flags }).expect("encodes"))
    }

    #[test]
    fn upload_with_holes_to_its_finish() {
        let mut flow = Flow::new(StreamDirection::Write);
        flow.allow_holes();
        assert_eq!(flow.on_packet(false, Status::Continue, data(3)), Reaction::None);
        assert_eq!(flow.on_packet(true, Status::Continue, hole(4096, 0)), Reaction::None);
        assert_eq!(flow.on_packet(false, Status::Ok, Bytes::new()), Reaction::None);
        assert_eq!(flow.on_packet(false, Status::Continue, data(9)), Reaction::None);
        assert_eq!(flow.take(), Ok(Some(Packet::Data(data(3)))));
        assert_eq!(flow.take(), Ok(Some(Packet::Hole(4096))));
        assert_eq!(flow.take(), Ok(Some(Packet::Finish)));
        assert_eq!(flow.take(), Ok(None));
        assert_eq!(flow.may_send(), Err(StreamClosed::Finished));
    }

    #[test]
    fn what_does_not_belong_ends_it() {
        let mut flow = Flow::new(StreamDirection::Read);
        assert!(matches!(flow.on_packet(false, Status::Continue, data(1)), Reaction::Refused(_)));
        assert_eq!(flow.take(), Err(StreamClosed::Failed));
        for body in [hole(-1, 0), hole(1, 1), Bytes::from_static(b"abc")] {
            let mut flow = Flow::new(StreamDirection::Write);
            flow.allow_holes();
            assert!(matches!(flow.on_packet(true, Status::Continue, body), Reaction::Refused(_)));
        }
        let mut flow = Flow::new(StreamDirection::Both);
        assert!(matches!(flow.on_packet(true, Status::Continue, hole(1, 0)), Reaction::Refused(_)));
    }

    #[test]
    fn an_abort_is_told_at_every_call() {
        let mut flow = Flow::new(StreamDirection::Both);
        flow.go_live();
        flow.on_packet(false, Status::Continue, data(5));
        assert_eq!(flow.on_packet(false, Status::Error, Bytes::new()), Reaction::Aborted);
        assert_eq!(flow.take(), Ok(Some(Packet::Abort)));
        assert_eq!(flow.may_send(), Err(StreamClosed::Aborted));
        flow.end(StreamClosed::Session);
        assert_eq!(flow.over(), Some(StreamClosed::Aborted));
    }

    #[test]
    fn one_packet_down_at_a_time_and_none_before_the_reply() {
        let mut flow = Flow::new(StreamDirection::Read);
        assert_eq!(flow.may_send(), Ok(false));
        flow.go_live();
        assert_eq!(flow.may_send(), Ok(true));
        flow.queued();
        assert_eq!(flow.may_send(), Ok(false));
        flow.sent();
        assert_eq!(flow.may_send(), Ok(true));
    }

    proptest! {
        /// A session that honours `is_full` never holds more than the bound and one packet.
        #[test]
        fn the_inbox_is_bounded(steps in proptest::collection::vec((any::<bool>(), 0usize..262_120), 1..300)) {
            let mut flow = Flow::new(StreamDirection::Both);
            let (mut put, mut got) = (0, 0);
            for (write, len) in steps {
                if write && !flow.is_full() {
                    put += len;
                    flow.on_packet(false, Status::Continue, data(len));
                } else if let Ok(Some(Packet::Data(taken))) = flow.take() {
                    got += taken.len();
                }
                prop_assert!(flow.inbox.len() <= MAX_WAITING);
                prop_assert!(flow.inbox_bytes < MAX_WAITING_BYTES + 262_120);
                prop_assert_eq!(put - got, flow.inbox_bytes);
            }
        }
    }
}
