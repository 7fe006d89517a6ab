//! The shape of the project, kept by a machine: who may depend on whom, what lies at the top, how long files are.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Which crates of ours each crate may depend on (docs/ARCHITECTURE.md). A daemon never depends on another one.
const ALLOWED: &[(&str, &[&str])] = &[
    ("protocol", &[]),
    ("model", &[]),
    ("host", &[]),
    ("rpc", &["protocol"]),
    ("driver", &["model", "host", "rpc", "protocol"]),
    ("daemon", &["rpc", "host", "protocol"]),
    ("qemud", &["protocol", "model", "host", "rpc", "driver", "daemon"]),
    ("proxyd", &["protocol", "host", "rpc", "driver", "daemon"]),
    ("secretd", &["protocol", "model", "host", "rpc", "driver", "daemon"]),
    ("tests", &["protocol"]),
];

/// What a test of these crates may use besides.
const ALLOWED_IN_TESTS: &[(&str, &[&str])] = &[];

/// Everything that may lie at the top of the project; hidden names apart.
const TOP: &[&str] = &[
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "clippy.toml",
    "common",
    "deny.toml",
    "docs",
    "protocol",
    "proxyd",
    "qemud",
    "rustfmt.toml",
    "secretd",
    "systemd",
    "target",
    "tests",
];

/// Most lines of any source file, and of 95 in 100 of them.
const FILE_LINES: usize = 800;
const USUAL_FILE_LINES: usize = 450;

#[test]
fn crates_depend_only_on_those_below_them() {
    let metadata = metadata();
    let packages = metadata["packages"].as_array().unwrap();
    let names: Vec<&str> = packages.iter().map(|package| package["name"].as_str().unwrap()).collect();
    let allowed: BTreeMap<_, _> = ALLOWED.iter().copied().collect();
    let in_tests: BTreeMap<_, _> = ALLOWED_IN_TESTS.iter().copied().collect();
    let mut wrong = Vec::new();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let Some(below) = allowed.get(name) else {
            wrong.push(format!("{name} is not among the crates of ARCHITECTURE.md"));
            continue;
        };
        for dependency in package["dependencies"].as_array().unwrap() {
            let on = dependency["name"].as_str().unwrap();
            let for_tests = dependency["kind"].as_str() == Some("dev");
            // A crate's tests may use the crate itself, with more of its features.
            if for_tests && on == name {
                continue;
            }
            let also = in_tests.get(name).filter(|_| for_tests).is_some_and(|also| also.contains(&on));
            if names.contains(&on) && !below.contains(&on) && !also {
                wrong.push(format!("{name} depends on {on}"));
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert_eq!(names.len(), ALLOWED.len(), "a crate of the list is gone: {names:?}");
}

#[test]
fn unsafe_code_is_only_in_host() {
    let metadata = metadata();
    for package in metadata["packages"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        for target in package["targets"].as_array().unwrap() {
            let kind = target["kind"][0].as_str().unwrap();
            if name == "host" || !matches!(kind, "lib" | "bin") {
                continue;
            }
            let path = target["src_path"].as_str().unwrap();
            let text = std::fs::read_to_string(path).unwrap();
            // The binaries of the tests crate are helpers of its library's.
            if !(name == "tests" && kind == "bin") {
                assert!(text.contains("#![forbid(unsafe_code)]"), "{path} does not forbid unsafe code");
            }
        }
    }
}

#[test]
fn nothing_else_lies_at_the_top() {
    let entries = std::fs::read_dir(tests::project()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let foreign: Vec<_> =
        names.filter(|name| !name.starts_with('.') && !TOP.contains(&name.as_str())).collect();
    assert!(foreign.is_empty(), "{foreign:?}");
}

#[test]
fn sources_stay_readable() {
    let mut lengths = Vec::new();
    let mut wrong = Vec::new();
    for path in sources(&tests::project()) {
        let text = std::fs::read_to_string(&path).unwrap();
        let lines = text.lines().count();
        if lines > FILE_LINES {
            wrong.push(format!("{} has {lines} lines", path.display()));
        }
        if has_type(&text) && !text.starts_with("//!") {
            wrong.push(format!("{} does not begin with a description", path.display()));
        }
        if !is_test(&path) {
            lengths.push(lines);
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    lengths.sort_unstable();
    let usual = lengths[lengths.len() * 95 / 100];
    assert!(usual <= USUAL_FILE_LINES, "5 of 100 files have more than {usual} lines");
}

#[test]
fn nothing_is_left_open() {
    // Put together here so that this file does not find itself.
    let words =
        [concat!("to", "do!("), concat!("unimple", "mented!("), concat!("TO", "DO"), concat!("FIX", "ME")];
    let attributes = [concat!("#[ig", "nore"), concat!("allow(dead", "_code"), concat!("allow(unu", "sed")];
    let mut found = Vec::new();
    for path in sources(&tests::project()) {
        let text = std::fs::read_to_string(&path).unwrap();
        for (number, line) in text.lines().enumerate() {
            if words.iter().chain(&attributes).any(|word| line.contains(word)) {
                found.push(format!("{}:{}: {}", path.display(), number + 1, line.trim()));
            }
        }
    }
    assert!(found.is_empty(), "{found:#?}");
}

fn metadata() -> Value {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(cargo);
    command.args(["metadata", "--no-deps", "--format-version=1", "--offline"]).current_dir(tests::project());
    serde_json::from_str(&tests::run(&mut command, "", tests::LIMIT).ok()).unwrap()
}

/// All Rust files below `folder` that belong to the project.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let entry = entry.unwrap();
        let (path, name) = (entry.path(), entry.file_name().into_string().unwrap());
        if entry.file_type().unwrap().is_dir() {
            if !name.starts_with('.') && name != "target" {
                found.extend(sources(&path));
            }
        } else if name.ends_with(".rs") {
            found.push(path);
        }
    }
    found
}

fn is_test(path: &Path) -> bool {
    path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "examples")
}

fn has_type(text: &str) -> bool {
    let begins = [
        "pub struct ",
        "struct ",
        "pub enum ",
        "enum ",
        "pub trait ",
        "pub(crate) struct ",
        "pub(crate) enum ",
    ];
    text.lines().any(|line| begins.iter().any(|word| line.starts_with(word)))
}
