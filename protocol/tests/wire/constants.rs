//! The constants against the recorded ones. Constants cannot be listed at run time, so this reads their source.

use std::collections::BTreeMap;

use crate::support;

const RECORDED: &str = include_str!("../data/constants.tsv");

const SOURCES: [&str; 11] = [
    include_str!("../../src/consts.rs"),
    include_str!("../../src/consts/domain.rs"),
    include_str!("../../src/consts/domain_block.rs"),
    include_str!("../../src/consts/events.rs"),
    include_str!("../../src/consts/host.rs"),
    include_str!("../../src/consts/network.rs"),
    include_str!("../../src/consts/params.rs"),
    include_str!("../../src/consts/states.rs"),
    include_str!("../../src/consts/stats.rs"),
    include_str!("../../src/consts/storage.rs"),
    include_str!("../../src/fault/domains.rs"),
];
const CODES: &str = include_str!("../../src/fault/codes.rs");

/// Names and values, by enumeration.
type Constants<'a> = BTreeMap<&'a str, Vec<(&'a str, String)>>;

#[test]
fn constants_are_as_recorded() {
    let written = written();
    let mut recorded = Constants::new();
    for row in support::rows(RECORDED) {
        let [of, name, value] = row[..] else { panic!("{row:?}") };
        // The level has two values of use, which `Fault` has itself.
        if of != "virErrorLevel" {
            recorded.entry(of).or_default().push((name, value.to_owned()));
        }
    }
    assert_eq!(written.keys().collect::<Vec<_>>(), recorded.keys().collect::<Vec<_>>());
    for (of, names) in &recorded {
        let ours = &written[of];
        assert_eq!(ours.len(), names.len(), "{of}");
        for (name, value) in names {
            let same = |(our, our_value): &&(&str, String)| ends_with(name, our) && our_value == value;
            assert!(ours.iter().any(|our| same(&our)), "{of} {name} = {value}");
        }
    }
}

/// All constants in the sources; the doc comment of a module names the enumeration.
fn written() -> Constants<'static> {
    let mut constants = Constants::new();
    for source in SOURCES.iter().chain([&CODES]) {
        let mut of = "text";
        let source = source.replace("=\n   ", "=").leak();
        for line in source.lines() {
            let comment = line.trim_start().starts_with("//");
            let named = line.split("(`").nth(1).and_then(|rest| rest.split('`').next());
            if let (true, Some(name)) = (comment, named) {
                of = name;
            } else if line.contains("public headers name") {
                of = "number";
            }
            // A constant is public and has a type; a flag, inside its macro, has neither.
            let line = line.trim();
            let found = match line.strip_prefix("pub const ") {
                Some(constant) => constant
                    .split_once(": ")
                    .and_then(|(name, rest)| rest.split_once(" = ").map(|(_, value)| (name, value))),
                None => line.strip_prefix("const ").and_then(|flag| flag.split_once(" = ")),
            };
            let Some((name, value)) = found.filter(|(name, _)| !name.contains(':')) else { continue };
            let value = value.trim_end_matches(';');
            let value = value.strip_prefix("Self(").map_or(value, |inner| inner.trim_end_matches(')'));
            if name != "LAST" {
                let value = if of == "text" { value.to_owned() } else { value.replace('_', "") };
                constants.entry(of).or_default().push((name, value));
            }
        }
    }
    constants
}

/// `VIR_DOMAIN_XML_SECURE` is `SECURE` here; warnings among the error codes keep their `WAR`.
fn ends_with(name: &str, ours: &str) -> bool {
    name.strip_suffix(ours).is_some_and(|front| front.ends_with('_'))
}

#[test]
fn flags_have_libvirts_names() {
    use protocol::consts::{DomainCreateFlags, DomainModificationImpact, FlagSet};
    let impact = DomainModificationImpact::LIVE | DomainModificationImpact::CONFIG;
    assert_eq!(impact.libvirt_names(), "VIR_DOMAIN_AFFECT_LIVE|VIR_DOMAIN_AFFECT_CONFIG");
    assert_eq!(DomainCreateFlags::START_PAUSED.libvirt_names(), "VIR_DOMAIN_START_PAUSED");
}
