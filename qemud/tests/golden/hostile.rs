//! Documents with numbers and words put where they do not belong: refused or completed, never a panic, never slow.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::time::{Duration, Instant};

use crate::case::{Case, World};

/// Values at the edges of the types that documents are read into.
const VALUES: [&str; 16] = [
    "0",
    "1",
    "31",
    "255",
    "256",
    "65535",
    "99999999",
    "4294967295",
    "4294967296",
    "18446744073709551615",
    "-1",
    "0xffffffff",
    "",
    "yes",
    "none",
    "auto",
];
/// Documents made of each recorded one.
const ROUNDS: u64 = 4;
/// A document is a matter of milliseconds; the rest is for a busy machine.
const LIMIT: Duration = Duration::from_secs(5);

#[test]
fn changed_documents_do_no_harm() {
    let world = World::recorded();
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for case in Case::all(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/argv")) {
        for _ in 0..ROUNDS {
            let mut text = case.input();
            for _ in 0..=random.below(2) {
                change(&mut text, &mut random);
            }
            let began = Instant::now();
            let outcome = catch_unwind(AssertUnwindSafe(|| {
                drop(world.line(&text));
                drop(world.started(&text));
            }));
            assert!(outcome.is_ok(), "{}: panic with {text}", case.name);
            assert!(began.elapsed() < LIMIT, "{}: {:?} with {text}", case.name, began.elapsed());
        }
    }
}

/// Puts one of the values into an attribute.
fn change(text: &mut String, random: &mut Random) {
    let quoted: Vec<(usize, usize)> = attributes(text);
    if quoted.is_empty() {
        return;
    }
    let (start, end) = quoted[random.below(quoted.len() as u64) as usize];
    text.replace_range(start..end, VALUES[random.below(VALUES.len() as u64) as usize]);
}

/// Where the values of attributes are.
fn attributes(text: &str) -> Vec<(usize, usize)> {
    let mut found = Vec::new();
    let mut from = 0;
    while let Some(at) = text[from..].find('=').map(|at| from + at + 1) {
        from = at;
        let Some(quote @ ('\'' | '"')) = text[at..].chars().next() else { continue };
        let Some(length) = text[at + 1..].find(quote) else { break };
        found.push((at + 1, at + 1 + length));
        from = at + 2 + length;
    }
    found
}

/// Numbers that are the same in every run (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}
