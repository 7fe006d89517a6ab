//! Messages recorded from libvirt 9.0 decode to the recorded values and encode to the recorded bytes.

use std::collections::HashSet;

use protocol::message::{self, Kind, Status};
use protocol::reflect::harness::{Direction, body_type};
use protocol::{Fault, xdr};
use serde_json::{Value as Json, json};

use crate::support;

const GOLDEN: &str = include_str!("../data/golden.jsonl");

#[test]
fn recorded_messages_decode_and_encode() {
    let mut seen = 0;
    let mut procedures = HashSet::new();
    for line in GOLDEN.lines() {
        let golden: Json = serde_json::from_str(line).expect("JSON");
        check(&golden);
        procedures.insert((golden["decoded"]["program"].to_string(), golden["decoded"]["number"].as_i64()));
        seen += 1;
    }
    assert_eq!(seen, 755);
    assert!(procedures.len() > 290, "{} procedures", procedures.len());
}

#[test]
fn recorded_errors_are_faults() {
    let mut seen = 0;
    for line in GOLDEN.lines() {
        let golden: Json = serde_json::from_str(line).expect("JSON");
        if golden["decoded"]["payload_type"] != "virNetMessageError" {
            continue;
        }
        let bytes = support::unhex(golden["hex"].as_str().expect("text"));
        let body = &bytes[message::HEADER_LEN..];
        let fault = Fault::from_wire(xdr::from_slice(body).expect("an error"));
        assert_eq!(fault.to_vec(), body);
        if let Some(detail) = &fault.str2 {
            let made = Fault::new(fault.domain, fault.code, detail.clone());
            assert_eq!(made, fault, "the words of the code");
            seen += 1;
        }
    }
    assert!(seen > 20, "{seen} errors");
}

fn check(golden: &Json) {
    let bytes = support::unhex(golden["hex"].as_str().expect("text"));
    let decoded = &golden["decoded"];
    let length = message::message_len(*bytes.first_chunk().expect("a length")).expect("in range");
    assert_eq!(length, bytes.len());
    let parts = message::split(bytes.clone().into()).expect("well formed");

    let header = &parts.header;
    let found = json!({
        "version": header.version, "number": header.procedure, "type": kind(header.kind),
        "serial": header.serial, "status": status(header.status), "nfds": parts.fds,
    });
    for (name, value) in found.as_object().expect("object") {
        assert_eq!(value, &decoded[name], "{name} of {decoded}");
    }
    let meta = protocol::procedure::find(header.program, header.procedure).expect("known");
    assert_eq!(decoded["procedure"], meta.name);

    let direction = if golden["direction"] == "s2c" { Direction::ToClient } else { Direction::ToServer };
    let body = match decoded["payload_type"].as_str().expect("text") {
        "raw" => {
            assert_eq!(decoded["payload"], support::hex(&parts.body));
            parts.body.to_vec()
        }
        "void" => {
            assert!(parts.body.is_empty());
            Vec::new()
        }
        name => {
            let entry = body_type(header, direction).unwrap_or_else(|| panic!("type of {name}"));
            let (value, taken, again) = (entry.decode)(&parts.body).expect("decodes");
            assert_eq!(taken, parts.body.len());
            assert_eq!(support::json(&value), decoded["payload"], "{name}");
            again
        }
    };
    let head = message::head(header, body.len(), parts.fds);
    assert_eq!([head.as_ref(), &body].concat(), bytes, "{decoded}");
}

fn kind(kind: Kind) -> &'static str {
    match kind {
        Kind::Call => "CALL",
        Kind::Reply => "REPLY",
        Kind::Message => "MESSAGE",
        Kind::Stream => "STREAM",
        Kind::CallWithFds => "CALL_WITH_FDS",
        Kind::ReplyWithFds => "REPLY_WITH_FDS",
        Kind::StreamHole => "STREAM_HOLE",
        Kind::Other(_) => "?",
    }
}

fn status(status: Status) -> &'static str {
    match status {
        Status::Ok => "OK",
        Status::Error => "ERROR",
        Status::Continue => "CONTINUE",
        Status::Other(_) => "?",
    }
}
