//! Documents that the reference wrote, read and written again: every byte must come back.
//!
//! `data/domain` holds stored definitions, `data/live` those of running guests. The reference moves controllers
//! when it reads its own output again; where it does, the stored form is what it wrote the second time, and the
//! order of lines does not count in the live form. With `MODEL_CORPUS=DIR` all
//! `out.xml` below DIR are taken instead and only counted.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use model::domain::{Domain, FormatOptions, ParseOptions};

/// What came of one document.
enum Outcome {
    Same,
    Refused(String),
    Different { wanted: String, got: String },
}

fn documents(folder: &str) -> Vec<PathBuf> {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let mut paths: Vec<_> = fs::read_dir(dir).expect("folder").map(|e| e.expect("entry").path()).collect();
    paths.sort();
    paths
}

/// Puts numbers where the recording masked what changes from run to run.
fn unmasked(text: &str) -> String {
    text.replace("@ID@", "1")
        .replace("@FD@", "20")
        .replace("@TIME@", "0")
        .replace("@RANDOM@", "1e1d4a3b-0d0c-4c9e-8a57-2f4f0b6f7a11")
}

fn round_trip(text: &str, live: bool) -> Outcome {
    let options = ParseOptions { status: live };
    let domain = match Domain::parse_str(text, &options) {
        Ok(domain) => domain,
        Err(e) => return Outcome::Refused(e.message),
    };
    let got = domain.format(&FormatOptions { inactive: !live, secure: true, ..FormatOptions::default() });
    let sorted = |text: &str| {
        let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    if got == text || (live && sorted(&got) == sorted(text)) {
        return Outcome::Same;
    }
    let mut lines = text.lines().zip(got.lines()).filter(|(a, b)| a != b);
    let (wanted, got) = lines.next().unwrap_or(("(end)", "(end)"));
    Outcome::Different { wanted: wanted.trim().to_owned(), got: got.trim().to_owned() }
}

/// Runs all; gives the number of those that came back and the failures by cause.
fn run(paths: &[PathBuf], live: bool) -> (usize, BTreeMap<String, Vec<String>>) {
    let mut same = 0;
    let mut failures: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for path in paths {
        let text = unmasked(&fs::read_to_string(path).expect("document"));
        let cause = match round_trip(&text, live) {
            Outcome::Same => {
                same += 1;
                continue;
            }
            Outcome::Refused(message) => format!("refused: {message}"),
            Outcome::Different { wanted, got } => format!("wanted {wanted}\n     got {got}"),
        };
        failures.entry(cause).or_default().push(path.display().to_string());
    }
    (same, failures)
}

fn report(failures: &BTreeMap<String, Vec<String>>) -> String {
    let mut causes: Vec<_> = failures.iter().collect();
    causes.sort_by_key(|(_, paths)| std::cmp::Reverse(paths.len()));
    let line = |(cause, paths): &(&String, &Vec<String>)| {
        format!("{} x {cause}\n     {}\n", paths.len(), paths.join(" "))
    };
    causes.iter().map(line).collect()
}

#[test]
fn stored_definitions_come_back() {
    let paths = documents("domain");
    let (same, failures) = run(&paths, false);
    assert!(failures.is_empty(), "{same} of {} came back\n{}", paths.len(), report(&failures));
}

#[test]
fn live_definitions_come_back() {
    let paths = documents("live");
    let (same, failures) = run(&paths, true);
    assert!(failures.is_empty(), "{same} of {} came back\n{}", paths.len(), report(&failures));
}

#[test]
fn another_corpus_is_counted() {
    let Some(dir) = std::env::var_os("MODEL_CORPUS") else { return };
    let mut paths: Vec<PathBuf> =
        fs::read_dir(dir).unwrap().map(|e| e.unwrap().path().join("out.xml")).collect();
    paths.retain(|p| p.exists());
    let (same, failures) = run(&paths, false);
    println!("{same} of {} came back\n{}", paths.len(), report(&failures));
}
