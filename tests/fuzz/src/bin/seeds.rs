//! Writes the recorded messages as seeds: `cargo run --bin seeds` in this folder makes `corpus/frame` and
//! `corpus/payload`.

use std::fs;
use std::io;
use std::path::Path;

use protocol::message::{HEADER_LEN, Header};
use protocol::reflect::PROGRAMS;

const GOLDEN: &str = include_str!("../../../../protocol/tests/data/golden.jsonl");

fn main() -> io::Result<()> {
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus");
    for target in ["frame", "payload"] {
        fs::create_dir_all(corpus.join(target))?;
    }
    for (number, message) in GOLDEN.lines().filter_map(message).enumerate() {
        let name = format!("recorded-{number:03}");
        if let Some(payload) = payload(&message) {
            fs::write(corpus.join("payload").join(&name), payload)?;
        }
        fs::write(corpus.join("frame").join(&name), message)?;
    }
    Ok(())
}

/// The bytes that a line of the recording has as `"hex": "…"`.
fn message(line: &str) -> Option<Vec<u8>> {
    let hex = line.split("\"hex\": \"").nth(1)?.split('"').next()?;
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
}

/// A message in the form of the target `payload`.
fn payload(message: &[u8]) -> Option<Vec<u8>> {
    let header = Header::decode(message).ok()?;
    let program = PROGRAMS.iter().position(|(number, _)| *number == header.program)?;
    let number = u16::try_from(header.procedure).ok()?.to_be_bytes();
    Some([&[u8::try_from(program).ok()?], &number[..], message.get(HEADER_LEN..)?].concat())
}
