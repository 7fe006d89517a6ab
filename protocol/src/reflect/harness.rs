//! What fuzzing runs: functions that take any bytes, and panic only where the crate breaks its word.
//!
//! The targets of cargo-fuzz in `tests/fuzz` call them, and so does the test `hostile`, over mutated
//! recordings.

use bytes::Bytes;

use super::{TypeEntry, find};
use crate::message::{self, Header, Kind, Message, Status};
use crate::procedure::{self, Meta};
use crate::{Fault, xdr};

/// Takes bytes as a message with its length word; whatever they are, nothing may panic or take much memory,
/// and what can be read must be written back the same.
pub fn frame(bytes: &[u8]) {
    let Some(word) = bytes.first_chunk() else { return };
    let Ok(len) = message::message_len(*word) else { return };
    let Ok(parts) = message::split(Bytes::copy_from_slice(&bytes[..len.min(bytes.len())])) else { return };
    let head = message::head(&parts.header, parts.body.len(), parts.fds);
    let again = [&head.as_ref()[4..], &parts.body].concat();
    assert_eq!(again, bytes[4..len.min(bytes.len())], "header changed on the way");
    body(&parts);
}

/// Takes bytes as arguments and as result of one of a program's procedures, which the first two choose.
pub fn payload(program: u32, bytes: &[u8]) {
    let Some((number, bytes)) = bytes.split_first_chunk() else { return };
    let number = u16::from_be_bytes(*number) % 460;
    let Some(meta) = procedure::find(program, number.into()) else { return };
    conditions(meta, bytes);
    for name in [meta.args, meta.ret].into_iter().flatten() {
        value(entry(meta, name), bytes);
    }
}

/// The type of a message's body, if it has one.
pub fn body_type(header: &Header, direction: Direction) -> Option<&'static TypeEntry> {
    let meta = procedure::find(header.program, header.procedure)?;
    match (header.kind, header.status) {
        (Kind::Reply | Kind::ReplyWithFds, Status::Error) => find("net", "MessageError"),
        (Kind::Stream, Status::Error) if direction == Direction::ToClient => find("net", "MessageError"),
        (Kind::StreamHole, _) => find("net", "StreamHole"),
        (Kind::Call | Kind::CallWithFds | Kind::Message, _) => meta.args.map(|name| entry(meta, name)),
        (Kind::Reply | Kind::ReplyWithFds, _) => meta.ret.map(|name| entry(meta, name)),
        (Kind::Stream | Kind::Other(_), _) => None,
    }
}

/// Who a message goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// From client to server.
    ToServer,
    /// From server to client.
    ToClient,
}

/// The type that a row names. Every name in a row is one, else this panics.
pub fn entry(meta: &Meta, name: &str) -> &'static TypeEntry {
    let program = crate::reflect::PROGRAMS.iter().find(|(number, _)| *number == meta.program);
    let program = program.map_or("net", |(_, program)| program);
    match find(program, name) {
        Some(entry) => entry,
        None => panic!("{}: no type {name} in {program}", meta.name),
    }
}

fn body(parts: &Message) {
    for direction in [Direction::ToServer, Direction::ToClient] {
        if let Some(entry) = body_type(&parts.header, direction) {
            value(entry, &parts.body);
        }
    }
    if let Some(meta) = procedure::find(parts.header.program, parts.header.procedure) {
        conditions(meta, &parts.body);
    }
    if let Ok(error) = xdr::from_slice(&parts.body) {
        let fault = Fault::from_wire(error);
        let again = xdr::from_slice(&fault.to_vec()).map(Fault::from_wire);
        assert_eq!(again, Ok(fault), "error changed on the way");
    }
}

fn value(entry: &TypeEntry, bytes: &[u8]) {
    let Ok((_, taken, again)) = (entry.decode)(bytes) else { return };
    if again != bytes[..taken] {
        // Strings that are no text change once, and then no more.
        let settled = (entry.decode)(&again).map(|(_, _, settled)| settled);
        assert_eq!(settled, Ok(again), "{} changed on the way", entry.name);
    }
}

fn conditions(meta: &Meta, bytes: &[u8]) {
    let rules = meta.rules(bytes).map(Iterator::count);
    assert!(rules.is_err() || rules.is_ok_and(|count| count <= meta.access.len()));
    assert!(!meta.writes || meta.refused_readonly(bytes) == Ok(true));
}
