//! Cuts received bytes into messages and gives each the descriptors that follow it.
//!
//! A descriptor travels with one byte of its own after its message, so the reader notes at which byte of the connection
//! each one arrived; large reads then lose none. Nothing is allocated on the word of a length alone.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

use bytes::Bytes;
use protocol::message::{self, FrameError, Message};

/// First step in which the buffer of an incomplete message grows.
const FIRST_STEP: usize = 4096;

/// A message with its descriptors.
#[derive(Debug)]
pub(crate) struct Frame {
    /// Header and body.
    pub(crate) message: Message,
    /// As many as the message announced.
    pub(crate) fds: Vec<OwnedFd>,
}

/// Input after which the connection cannot go on.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Violation {
    /// Length, header or descriptor count are wrong.
    #[error(transparent)]
    Frame(#[from] FrameError),
    /// Longer than what a client may send before authentication.
    #[error("message of {len} bytes from a client that may send {limit}")]
    TooLong { len: usize, limit: usize },
    /// A byte that should have carried a descriptor came without one, or with several.
    #[error("{0} descriptors where one was announced")]
    Descriptors(usize),
}

/// The state between two reads; without an incomplete message it owns no memory.
#[derive(Debug)]
pub(crate) struct Framer {
    limit: usize,
    partial: Vec<u8>,
    waiting: Option<Frame>,
    arrived: VecDeque<(u64, OwnedFd)>,
    received: u64,
    taken: u64,
}

impl Framer {
    /// `limit`: longest message accepted, length word included.
    pub(crate) fn new(limit: usize) -> Self {
        Self { limit, partial: Vec::new(), waiting: None, arrived: VecDeque::new(), received: 0, taken: 0 }
    }

    /// Changes the longest message accepted, from the next length word on.
    pub(crate) fn set_limit(&mut self, limit: usize) {
        self.limit = limit;
    }

    /// Notes a read of `len` bytes; `fds` came with its last byte. To be called before the bytes are given to [`Self::next`].
    pub(crate) fn received(&mut self, len: usize, fds: impl IntoIterator<Item = OwnedFd>) {
        self.received += len as u64;
        let last = self.received.saturating_sub(1);
        self.arrived.extend(fds.into_iter().map(|fd| (last, fd)));
    }

    /// The next message, if `chunk` completes one; what was used is cut off `chunk`. `None` means that all was used.
    pub(crate) fn next(&mut self, chunk: &mut &[u8]) -> Result<Option<Frame>, Violation> {
        loop {
            if let Some(frame) = &self.waiting {
                if announced(frame) == frame.fds.len() {
                    return Ok(self.waiting.take());
                }
                if chunk.is_empty() {
                    return Ok(None);
                }
                let fd = self.take_descriptor(chunk)?;
                if let Some(frame) = &mut self.waiting {
                    frame.fds.push(fd);
                }
            } else {
                let Some(bytes) = self.take_message(chunk)? else { return Ok(None) };
                let frame = Frame { message: message::split(bytes)?, fds: Vec::new() };
                if announced(&frame) == 0 {
                    return Ok(Some(frame));
                }
                self.waiting = Some(frame);
            }
        }
    }

    /// Whether the connection stands inside a message.
    pub(crate) fn is_midway(&self) -> bool {
        !self.partial.is_empty() || self.waiting.is_some()
    }

    fn take_message(&mut self, chunk: &mut &[u8]) -> Result<Option<Bytes>, Violation> {
        if self.partial.is_empty()
            && let Some(word) = chunk.first_chunk::<4>()
        {
            let len = self.judge(*word)?;
            if let Some((whole, rest)) = chunk.split_at_checked(len) {
                let bytes = Bytes::copy_from_slice(whole);
                *chunk = rest;
                self.pass(len);
                return Ok(Some(bytes));
            }
        }
        self.collect(chunk, 4);
        let Some(word) = self.partial.first_chunk::<4>() else { return Ok(None) };
        let len = self.judge(*word)?;
        self.collect(chunk, len);
        Ok((self.partial.len() == len).then(|| Bytes::from(std::mem::take(&mut self.partial))))
    }

    fn judge(&self, word: [u8; 4]) -> Result<usize, Violation> {
        let len = message::message_len(word)?;
        if len > self.limit {
            return Err(Violation::TooLong { len, limit: self.limit });
        }
        Ok(len)
    }

    /// Moves bytes to the incomplete message until it has `goal`. Room doubles, but never goes beyond the message.
    fn collect(&mut self, chunk: &mut &[u8], goal: usize) {
        let count = goal.saturating_sub(self.partial.len()).min(chunk.len());
        let (part, rest) = chunk.split_at(count);
        let after = self.partial.len() + count;
        if after > self.partial.capacity() {
            let room = goal.min(after.max(self.partial.capacity() * 2).max(FIRST_STEP));
            self.partial.reserve_exact(room.max(after) - self.partial.len());
        }
        self.partial.extend_from_slice(part);
        *chunk = rest;
        self.pass(count);
    }

    /// Ordinary bytes were used; descriptors that came with them belong to nothing and are closed.
    fn pass(&mut self, count: usize) {
        self.taken += count as u64;
        while self.arrived.front().is_some_and(|(at, _)| *at < self.taken) {
            self.arrived.pop_front();
        }
    }

    fn take_descriptor(&mut self, chunk: &mut &[u8]) -> Result<OwnedFd, Violation> {
        *chunk = chunk.get(1..).unwrap_or_default();
        let at = self.taken;
        self.taken += 1;
        let count = self.arrived.iter().take_while(|(place, _)| *place == at).count();
        match self.arrived.pop_front() {
            Some((_, fd)) if count == 1 => Ok(fd),
            _ => Err(Violation::Descriptors(count)),
        }
    }
}

fn announced(frame: &Frame) -> usize {
    frame.message.fds.map_or(0, |count| count as usize)
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use proptest::prelude::*;
    use protocol::message::{Header, Kind, MAX_MESSAGE, Status, encode_raw, head};

    use super::*;

    fn header(kind: Kind) -> Header {
        Header { program: 1, version: 1, procedure: 7, kind, serial: 3, status: Status::Ok }
    }

    fn fd() -> OwnedFd {
        File::open("/dev/null").expect("opens").into()
    }

    fn with_fds(count: u32, body: &[u8]) -> Vec<u8> {
        [head(&header(Kind::CallWithFds), body.len(), Some(count)).as_ref(), body].concat()
    }

    fn all(framer: &mut Framer, mut chunk: &[u8]) -> Result<Vec<Frame>, Violation> {
        framer.received(chunk.len(), None);
        let mut frames = Vec::new();
        while let Some(frame) = framer.next(&mut chunk)? {
            frames.push(frame);
        }
        assert!(chunk.is_empty());
        Ok(frames)
    }

    proptest! {
        #[test]
        fn any_cut_gives_the_same_messages(
            bodies in proptest::collection::vec(proptest::collection::vec(any::<u8>(), 0..300), 1..12),
            cuts in proptest::collection::vec(1usize..200, 1..60),
        ) {
            let wire: Vec<u8> = bodies.iter().flat_map(|body| encode_raw(&header(Kind::Call), body)).collect();
            let mut framer = Framer::new(MAX_MESSAGE);
            let (mut rest, mut got, mut cuts) = (wire.as_slice(), Vec::new(), cuts.iter().cycle());
            while !rest.is_empty() {
                let cut = (*cuts.next().expect("endless")).min(rest.len());
                got.extend(all(&mut framer, &rest[..cut]).expect("good frames"));
                rest = &rest[cut..];
            }
            prop_assert!(!framer.is_midway());
            let got: Vec<Vec<u8>> = got.iter().map(|frame| frame.message.body.to_vec()).collect();
            prop_assert_eq!(got, bodies);
        }

        #[test]
        fn noise_never_panics(noise in proptest::collection::vec(any::<u8>(), 0..2000), limit in 0usize..5000) {
            let mut framer = Framer::new(limit);
            let _ = all(&mut framer, &noise).is_ok();
        }
    }

    #[test]
    fn lengths_out_of_range_are_refused() {
        for word in [0u32, 27, 33_554_437, 40_000_000, u32::MAX] {
            let error = all(&mut Framer::new(MAX_MESSAGE), &word.to_be_bytes()).expect_err("refused");
            assert_eq!(error, Violation::Frame(FrameError::Length(word)));
        }
        let error = all(&mut Framer::new(100), &101u32.to_be_bytes()).expect_err("refused");
        assert_eq!(error, Violation::TooLong { len: 101, limit: 100 });
        assert!(
            all(&mut Framer::new(MAX_MESSAGE), &33_554_436u32.to_be_bytes()).expect("accepted").is_empty()
        );
    }

    #[test]
    fn a_claimed_length_takes_no_memory() {
        let mut framer = Framer::new(MAX_MESSAGE);
        all(&mut framer, &33_554_436u32.to_be_bytes()).expect("accepted");
        all(&mut framer, &[0; 100]).expect("accepted");
        assert!(framer.partial.capacity() <= FIRST_STEP);
        all(&mut framer, &vec![0; 100_000]).expect("accepted");
        assert!(framer.partial.capacity() <= 220_000, "{}", framer.partial.capacity());
    }

    #[test]
    fn descriptors_find_their_message() {
        let mut framer = Framer::new(MAX_MESSAGE);
        let wire = [encode_raw(&header(Kind::Call), b"aaaa"), with_fds(2, b"bbbb"), vec![0]].concat();
        framer.received(wire.len(), [fd()]);
        let mut chunk = wire.as_slice();
        let first = framer.next(&mut chunk).expect("good").expect("complete");
        assert_eq!((first.fds.len(), first.message.body.as_ref()), (0, b"aaaa".as_ref()));
        assert!(framer.next(&mut chunk).expect("good").is_none());
        assert!(framer.is_midway());
        framer.received(1, [fd()]);
        let second = framer.next(&mut [0u8].as_slice()).expect("good").expect("complete");
        assert_eq!((second.fds.len(), second.message.body.as_ref()), (2, b"bbbb".as_ref()));
    }

    #[test]
    fn count_zero_and_limits_of_counts() {
        let mut framer = Framer::new(MAX_MESSAGE);
        let frames = all(&mut framer, &with_fds(0, b"xxxx")).expect("good");
        assert_eq!((frames.len(), frames[0].message.fds), (1, Some(0)));
        let error = all(&mut framer, &with_fds(33, b"")).expect_err("too many");
        assert_eq!(error, Violation::Frame(FrameError::Fds(33)));
        let short = encode_raw(&header(Kind::CallWithFds), b"");
        assert_eq!(
            all(&mut Framer::new(MAX_MESSAGE), &short).expect_err("no count"),
            Violation::Frame(FrameError::Short(28))
        );
    }

    #[test]
    fn a_byte_must_carry_exactly_one_descriptor() {
        for count in [0usize, 2] {
            let mut framer = Framer::new(MAX_MESSAGE);
            assert!(all(&mut framer, &with_fds(1, b"")).expect("good").is_empty());
            framer.received(1, (0..count).map(|_| fd()));
            let error = framer.next(&mut [0u8].as_slice()).expect_err("refused");
            assert_eq!(error, Violation::Descriptors(count));
        }
    }

    #[test]
    fn stray_descriptors_are_closed_at_once() {
        let mut framer = Framer::new(MAX_MESSAGE);
        let wire = encode_raw(&header(Kind::Call), &[0; 64]);
        for byte in &wire[..60] {
            framer.received(1, [fd(), fd()]);
            assert!(framer.next(&mut [*byte].as_slice()).expect("good").is_none());
            assert!(framer.arrived.is_empty());
        }
    }
}
