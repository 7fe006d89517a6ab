//! Documents that the reference refuses: the same code, the same reporting part, the same detail.
//!
//! `data/errors.tsv` has a line for each document in `data/errors`: name, code, domain, detail (escaped as in JSON).

use std::fs;
use std::path::Path;

use model::domain::{Domain, ParseOptions};
use model::xml::{ErrorKind, Scope, XmlError};

fn code(kind: ErrorKind) -> u32 {
    match kind {
        ErrorKind::Internal => 1,
        ErrorKind::InvalidArg => 8,
        ErrorKind::OsType => 12,
        ErrorKind::NoRoot => 18,
        ErrorKind::NoSource => 19,
        ErrorKind::NoTarget => 20,
        ErrorKind::NoName => 21,
        ErrorKind::Xml => 27,
        ErrorKind::Detail => 35,
        ErrorKind::Overflow => 45,
        ErrorKind::Unsupported => 67,
    }
}

fn part(scope: Scope) -> u32 {
    match scope {
        Scope::None => 0,
        Scope::Xml => 5,
        Scope::Storage => 18,
        Scope::Network => 19,
        Scope::Domain => 20,
        Scope::Cpu => 31,
        Scope::Sysinfo => 37,
        Scope::Device => 49,
        Scope::Capabilities => 63,
        Scope::Resctrl => 67,
        Scope::Secret => 30,
    }
}

fn line(name: &str, e: &XmlError) -> String {
    let detail = e.message.replace('\\', "\\\\").replace('\n', "\\n");
    format!("{name}\t{}\t{}\t{detail}", code(e.kind), part(e.scope))
}

#[test]
fn refusals_are_those_of_the_reference() {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data");
    let wanted = fs::read_to_string(data.join("errors.tsv")).unwrap();
    let mut wrong = String::new();
    for row in wanted.lines() {
        let name = row.split('\t').next().unwrap();
        let text = fs::read_to_string(data.join("errors").join(format!("{name}.xml"))).unwrap();
        let parsed = Domain::parse_str(&text, &ParseOptions::default());
        let got = match parsed.and_then(|domain| domain.validate()) {
            Ok(_) => format!("{name}\taccepted"),
            Err(e) => line(name, &e),
        };
        if got != row {
            wrong.push_str(&format!("wanted {row}\n   got {got}\n"));
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}
