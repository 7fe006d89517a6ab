//! What must hold for any bytes as a document; the tests of `fuzz.rs` and cargo-fuzz's target `domain` run it.

use model::domain::{Domain, FormatOptions, ParseOptions};

/// Reads `bytes`, and if they are a definition, writes and reads it again.
pub(crate) fn definition(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let options = ParseOptions::default();
    let Ok(domain) = Domain::parse_str(text, &options) else { return };
    let stored = FormatOptions::STORED;
    let once = domain.format(&stored);
    let again = match Domain::parse_str(&once, &options) {
        Ok(again) => again,
        Err(e) => panic!("own output refused: {e}"),
    };
    let twice = again.format(&stored);
    if once != twice {
        let changed = once.lines().zip(twice.lines()).find(|(a, b)| a != b);
        let (before, after) = changed.unwrap_or(("lines", "more or fewer of them"));
        panic!("output is not stable: {before}\nread again is: {after}");
    }
}
