//! Golden cases: a document goes in; the completed definition and the command line are compared with what the
//! reference answered. `RENEW_GOLDEN=1` rewrites the answers. `CORPUS_DIR=…` walks another directory instead and
//! prints figures; `CORPUS_REPORT=FILE` writes what differs there.

mod case;
mod hostile;
mod tree;
mod words;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use case::{Case, Outcome, World};

#[test]
fn definitions_and_command_lines_are_the_references() {
    if let Ok(dir) = std::env::var("CORPUS_DIR") {
        return measure(&World::recorded_here(), Path::new(&dir));
    }
    let world = World::recorded();
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/argv");
    let renew = std::env::var_os("RENEW_GOLDEN").is_some();
    let mut wrong = String::new();
    for case in Case::all(&dir) {
        if renew {
            case.renew(&world);
            continue;
        }
        let outcomes = [
            ("definition", case.definition(&world)),
            ("command line", case.line(&world)),
            ("start", case.start(&world)),
        ];
        for (what, outcome) in outcomes {
            match outcome {
                Some(Outcome::Different(lines)) => {
                    writeln!(wrong, "{} ({what}):\n  {}", case.name, lines.join("\n  ")).expect("string");
                }
                Some(Outcome::Reordered) => {
                    writeln!(wrong, "{} ({what}): order differs", case.name).expect("string");
                }
                Some(Outcome::Same) | None => {}
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

/// Figures over a whole corpus, by family (first part of the name).
fn measure(world: &World, dir: &Path) {
    let mut figures: BTreeMap<String, [u32; 8]> = BTreeMap::new();
    let mut report = String::new();
    for case in Case::all(dir) {
        let family = case.name.split('-').next().unwrap_or("").to_owned();
        let definition = case.definition(world);
        let line = case.line(world);
        let start = case.start(world);
        for key in [family, "all".to_owned()] {
            let row = figures.entry(key).or_default();
            if let Some(outcome) = &definition {
                row[0] += 1;
                row[1] += u32::from(*outcome == Outcome::Same);
            }
            if let Some(outcome) = &line {
                row[2] += 1;
                row[3] += u32::from(*outcome == Outcome::Same);
                row[4] += u32::from(!matches!(outcome, Outcome::Different(_)));
            }
            if let Some(outcome) = &start {
                row[5] += 1;
                row[6] += u32::from(*outcome == Outcome::Same);
                row[7] += u32::from(!matches!(outcome, Outcome::Different(_)));
            }
        }
        for (what, outcome) in [("D", definition), ("A", line), ("S", start)] {
            let lines = match outcome {
                Some(Outcome::Different(lines)) => lines,
                Some(Outcome::Reordered) => vec!["order".to_owned()],
                _ => continue,
            };
            for text in lines {
                writeln!(report, "{what}\t{}\t{}", case.name, text.replace('\n', " ")).expect("string");
            }
        }
    }
    for (family, [definitions, right, lines, exact, set, starts, started, start_set]) in figures {
        println!(
            "{family}: definitions {right}/{definitions}, lines exact {exact}/{lines}, as set {set}/{lines}, starts exact {started}/{starts}, as set {start_set}/{starts}"
        );
    }
    if let Some(path) = std::env::var_os("CORPUS_REPORT") {
        std::fs::write(path, report).expect("report");
    }
}
