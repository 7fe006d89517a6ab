//! Errors as clients see them: every error recorded from the reference, and more, is provoked on the built daemon. Code
//! and domain are the reference's, and the message names the same objects and values.
//!
//! The tables are in `data/errors`; `replay.py` there makes the guests that they speak of and provokes the errors, by
//! the library and by virsh. `table.tsv` holds the 205 recorded failures; those of other daemons are told as not run.
//! `calls.tsv` has the calls of this daemon with domains that are gone, off, running, transient or watched only, and
//! with wrong flags and values. `definitions.py` makes definitions with one thing wrong each; `definitions.tsv` holds what
//! the reference says of those that it refuses.

use serde_json::Value;
use std::collections::{BTreeMap, HashMap};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::time::Duration;
use tests::Instance;

/// Code of "not supported": what a call that is not built answers.
const NO_SUPPORT: i64 = 3;

/// Hundreds of errors, most of them by a virsh of their own.
const LIMIT: Duration = Duration::from_secs(180);

/// One error of a table.
struct Row {
    name: String,
    code: i64,
    domain: i64,
    /// What the message must contain; DIR stands for the folder.
    words: Vec<String>,
    /// `virtqemud`, `client`, another daemon, or `later: FEATURE`.
    scope: String,
    /// Exit status of virsh.
    exit: Option<i64>,
}

impl Row {
    fn parse(line: &str) -> Option<Self> {
        if line.is_empty() || line.starts_with('#') {
            return None;
        }
        let columns: Vec<&str> = line.split('\t').collect();
        let [name, _, _, _, code, domain, words, scope, exit] = columns[..] else {
            panic!("not nine columns: {line}");
        };
        Some(Self {
            name: name.to_owned(),
            code: code.parse().unwrap(),
            domain: domain.parse().unwrap(),
            words: words.split_whitespace().map(str::to_owned).collect(),
            scope: scope.to_owned(),
            exit: exit.parse().ok(),
        })
    }

    /// Whether another daemon answers this.
    fn is_elsewhere(&self) -> bool {
        self.scope.starts_with("virt") && self.scope != "virtqemud"
    }

    /// What is wrong with the answer; `None` if all is well.
    fn fault(&self, answer: &Value, folder: &str) -> Option<String> {
        let wrong = |what: &str| {
            Some(format!("{}: {what}: expected {} of {}, got {answer}", self.name, self.code, self.domain))
        };
        if let Some(code) = answer["code"].as_i64()
            && (code, answer["domain"].as_i64()) != (self.code, Some(self.domain))
        {
            return wrong("code or domain");
        }
        if let (Some(expected), Some(exit)) = (self.exit, answer["exit"].as_i64())
            && expected != exit
        {
            return wrong("exit status of virsh");
        }
        let said = format!(
            "{}\n{}",
            answer["message"].as_str().unwrap_or_default(),
            answer["stderr"].as_str().unwrap_or_default()
        );
        let missing = self.words.iter().find(|word| !said.contains(&word.replace("DIR", folder)));
        missing.and_then(|word| wrong(&format!("'{word}' is not named")))
    }
}

/// Runs a table on a daemon, and fails with all that is wrong.
fn replay(instance: &Instance, script: &str, table: &str) {
    let data = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data/errors");
    let rows: Vec<Row> =
        std::fs::read_to_string(data.join(table)).unwrap().lines().filter_map(Row::parse).collect();
    let folder = instance.root().join("errors");
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    // The scripts share what defines a domain.
    for file in [script, table, "definitions.py"] {
        std::fs::copy(data.join(file), folder.join(file)).unwrap();
    }
    let uri_ro = if instance.is_system() {
        format!("qemu+unix:///system?socket={}", instance.socket_ro().display())
    } else {
        instance.uri()
    };
    let mut command = instance.client("/usr/bin/python3");
    command.arg(folder.join(script)).arg(&folder).arg(folder.join(table));
    command.env("LIBVIRT_URI", instance.uri()).env("LIBVIRT_URI_RO", uri_ro);
    let answers = tests::run(&mut command, "", LIMIT).ok();
    let answers = answers.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let answers: HashMap<String, Value> =
        answers.map(|answer| (answer["name"].as_str().unwrap().to_owned(), answer)).collect();
    judge(&rows, &answers, folder.to_str().unwrap());
}

fn judge(rows: &[Row], answers: &HashMap<String, Value>, folder: &str) {
    let mut faults = Vec::new();
    let mut right = 0;
    let mut left_out = BTreeMap::<&str, Vec<&str>>::new();
    for row in rows {
        let Some(answer) = answers.get(&row.name) else {
            faults.push(format!("{}: was not provoked", row.name));
            continue;
        };
        if row.is_elsewhere() || (row.scope.starts_with("later: ") && is_unbuilt(answer)) {
            left_out.entry(row.scope.as_str()).or_default().push(row.name.as_str());
        } else {
            right += 1;
            faults.extend(row.fault(answer, folder));
        }
    }
    assert!(faults.is_empty(), "{} of {right} are wrong:\n{}", faults.len(), faults.join("\n"));
    eprintln!("{right} of {} errors are as the reference's", rows.len());
    for (scope, names) in left_out {
        tests::not_yet(&format!("{} recorded errors, {scope}", names.len()), &names.join(" "));
    }
}

/// Whether a call that is not built, or a feature that the daemon does not announce, gave this answer.
fn is_unbuilt(answer: &Value) -> bool {
    let says = |key: &str| answer[key].as_str().is_some_and(|text| text.contains("not supported by the"));
    answer["code"] == NO_SUPPORT || says("message") || says("stderr")
}

#[test]
fn the_recorded_failures() {
    replay(&Instance::start(), "replay.py", "table.tsv");
}

#[test]
fn calls_of_every_kind() {
    replay(&Instance::start(), "replay.py", "calls.tsv");
}

#[test]
fn calls_of_every_kind_in_a_session() {
    replay(&Instance::builder().session().start(), "replay.py", "calls.tsv");
}

#[test]
fn definitions_with_one_thing_wrong() {
    replay(&Instance::start(), "definitions.py", "definitions.tsv");
}

/// Devices in all the forms of a few grids; code 0 is a definition that the reference takes.
#[test]
fn devices_of_every_form() {
    replay(&Instance::start(), "devices.py", "devices.tsv");
}
