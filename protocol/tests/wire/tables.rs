//! The tables of procedures and types against the recorded ones.

use std::collections::{HashMap, HashSet};

use protocol::Meta;
use protocol::procedure::{AccessRule, Fds, Priority, StreamDirection, When};
use protocol::reflect::{self, Shape, harness};

use crate::support;

const PROCEDURES: &str = include_str!("../data/procedures.tsv");
const TYPES: &str = include_str!("../data/types.tsv");
const READ_ONLY: &str = include_str!("../data/readonly.tsv");

const PROGRAMS: [(&str, u32, i32); 7] = [
    ("remote", protocol::remote::PROGRAM, 456),
    ("qemu", protocol::qemu::PROGRAM, 7),
    ("lxc", protocol::lxc::PROGRAM, 1),
    ("admin", protocol::admin::PROGRAM, 20),
    ("keepalive", protocol::keepalive::PROGRAM, 2),
    ("log", protocol::log::PROGRAM, 4),
    ("lock", protocol::lock::PROGRAM, 8),
];

fn find(program: &str, number: &str) -> &'static Meta {
    let (_, program, _) = PROGRAMS.iter().find(|(name, ..)| *name == program).expect("known program");
    protocol::procedure::find(*program, number.parse().expect("number")).expect("a row")
}

#[test]
fn rows_are_as_recorded() {
    let mut seen = 0;
    for row in support::rows(PROCEDURES) {
        let [program, number, name, args, ret, event, stream, sparse, fds, priority, auth, acl, filter, api] =
            row[..]
        else {
            panic!("{row:?}");
        };
        let meta = find(program, number);
        let found = [
            meta.number.to_string(),
            meta.name.to_owned(),
            meta.args.unwrap_or("-").to_owned(),
            meta.ret.unwrap_or("-").to_owned(),
            u8::from(meta.event).to_string(),
            // Recorded as a source of data only; the console and channel streams go both ways.
            if meta.stream == StreamDirection::Both { "read" } else { direction(meta.stream) }.to_owned(),
            meta.sparse_flag.to_string(),
            descriptors(meta.fds).to_owned(),
            if meta.priority == Priority::High { "high" } else { "low" }.to_owned(),
            u8::from(meta.needs_auth).to_string(),
            list(meta.access.iter().map(rule)),
            list(meta.filter.iter().map(|f| format!("{}:{}", f.object, f.permission))),
        ];
        let recorded = [number, name, args, ret, event, stream, sparse, fds, priority, auth, acl, filter];
        assert_eq!(found[..], recorded[..], "{program} {number}");
        assert!(api == "-" || api == meta.api, "{program} {number}: {api}");
        assert_eq!(
            (meta.stream == StreamDirection::Both),
            (program == "remote" && matches!(number, "201" | "296"))
        );
        seen += 1;
    }
    assert_eq!(seen, PROGRAMS.iter().map(|(_, _, count)| count).sum::<i32>());
}

#[test]
fn numbers_are_complete() {
    for (name, program, count) in PROGRAMS {
        let find = |number| protocol::procedure::find(program, number);
        assert!((1..=count).all(|number| find(number).is_some_and(|meta| meta.number == number)), "{name}");
        for number in [i32::MIN, -1, 0, count + 1, i32::MAX] {
            assert!(find(number).is_none(), "{name} {number}");
        }
    }
    assert!(protocol::procedure::find(1, 1).is_none());
}

#[test]
fn types_are_as_recorded() {
    let mut known: HashMap<_, _> =
        reflect::all().map(|(program, entry)| ((program, entry.name), entry)).collect();
    assert_eq!(known.len(), reflect::all().count(), "a name twice");
    let mut seen = HashSet::new();
    for row in support::rows(TYPES) {
        let [program, name, reference, recorded] = row[..] else { panic!("{row:?}") };
        let entry = known.get(&(program, name)).unwrap_or_else(|| panic!("{reference}"));
        let Shape::Struct(_, fields) = (entry.shape)() else { panic!("{reference}") };
        let fields: Vec<_> = fields
            .iter()
            .map(|(field, shape)| format!("{}:{}", support::plain(field), support::notation(shape)))
            .collect();
        let recorded = recorded.replace(
            "value:union<1:int,2:uint,3:hyper,4:uhyper,5:double,6:int,7:text<4194304>>",
            &fields[fields.len() - 1],
        );
        assert_eq!(fields.join(" "), recorded, "{reference}");
        seen.insert((program, name));
    }
    known.retain(|key, _| !seen.contains(key));
    assert!(known.is_empty(), "not recorded: {:?}", known.keys());
}

#[test]
fn read_only_refusals_are_as_seen() {
    let mut refused = 0;
    for row in support::rows(READ_ONLY) {
        let [program, number, argument, domain, message] = row[..] else { panic!("{row:?}") };
        let meta = find(program, number);
        let argument: u32 = argument.parse().unwrap_or(0);
        let body = arguments(meta, argument);
        assert_eq!(meta.refused_readonly(&body), Ok(message != "-"), "{} with {argument}", meta.name);
        if message != "-" {
            let fault = meta.readonly_fault();
            assert_eq!((fault.message.as_str(), fault.domain.0.to_string().as_str()), (message, domain));
            refused += 1;
        }
    }
    assert!(refused > 190, "{refused} refusals");
}

#[test]
fn conditions_look_at_the_arguments() {
    use protocol::remote::rows::{domain_attach_device_flags as attach, domain_get_xml_desc as describe};
    let permissions = |meta: &Meta, argument| -> Vec<_> {
        let body = arguments(meta, argument);
        meta.rules(&body).expect("decodes").map(|rule| rule.permission).collect()
    };
    assert_eq!(permissions(&describe, 2), ["read"]);
    assert_eq!(permissions(&describe, 1), ["read", "read_secure"]);
    assert_eq!(permissions(&attach, 1), ["write"]);
    assert_eq!(permissions(&attach, 0), ["write", "save"]);
    assert_eq!(permissions(&attach, 3), ["write", "save"]);
    // What follows the arguments is not the arguments.
    let padded = [arguments(&describe, 1), vec![0; 8]].concat();
    assert_eq!(describe.refused_readonly(&padded), Ok(true));
    assert!(describe.refused_readonly(&[0; 8]).is_err() && describe.rules(&[0; 8]).is_err());
}

#[test]
fn conditional_rows_say_what_decides() {
    let rows = (1..=456).filter_map(protocol::remote::meta);
    for meta in rows {
        let conditional =
            !meta.writes_when.is_empty() || meta.access.iter().any(|rule| rule.when != When::Always);
        assert_eq!(conditional, meta.argument.is_some(), "{}", meta.name);
    }
}

/// Arguments of a procedure, empty but for the one that decides.
fn arguments(meta: &Meta, deciding: u32) -> Vec<u8> {
    let Some(name) = meta.args else { return Vec::new() };
    let entry = harness::entry(meta, name);
    let (_, mut body) = (entry.arbitrary)(&[]);
    if let Some(read) = meta.argument {
        let places = (0..body.len()).step_by(4);
        let place = places.rev().find(|&place| {
            let mut changed = body.clone();
            changed[place + 3] = 1;
            read(&changed) == Ok(1)
        });
        let place = place.expect("a place for the argument");
        body[place..place + 4].copy_from_slice(&deciding.to_be_bytes());
    }
    body
}

fn rule(rule: &AccessRule) -> String {
    let when = match rule.when {
        When::Always => String::new(),
        When::All(bits) => format!(" all_of {bits}"),
        When::NoneOf(bits) => format!(" none_of {bits}"),
        When::Equals(value) => format!(" equals {value}"),
    };
    format!("{}:{}{when}", rule.object, rule.permission)
}

fn list(parts: impl Iterator<Item = String>) -> String {
    let parts: Vec<_> = parts.collect();
    if parts.is_empty() { "-".to_owned() } else { parts.join(";") }
}

fn direction(direction: StreamDirection) -> &'static str {
    match direction {
        StreamDirection::None => "none",
        StreamDirection::Read => "read",
        StreamDirection::Write => "write",
        StreamDirection::Both => "both",
    }
}

fn descriptors(fds: Fds) -> &'static str {
    match fds {
        Fds::None => "none",
        Fds::In => "in",
        Fds::Out => "out",
        Fds::Both => "both",
    }
}
