//! Hostile documents: whatever bytes come, the reader answers, and what it takes is stable when written.

use std::fs;
use std::path::Path;

use model::domain::{Domain, ParseOptions};

use stable::definition;

mod stable;

/// A small generator, so that a failing seed is found again (xorshift).
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % n.max(1) as u64) as usize
    }
}

/// Values that readers stumble over.
const VALUES: [&str; 12] =
    ["", "0", "-1", "18446744073709551616", "4294967295", "yes", "off", "0x7f", "a,b", "1-9", "\u{e9}", " 1"];

fn mutate(text: &[u8], random: &mut Random) -> Vec<u8> {
    let mut bytes = text.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(bytes.len());
        match random.below(5) {
            0 => bytes[at] = random.below(256) as u8,
            1 => _ = bytes.drain(at..(at + random.below(40)).min(bytes.len())),
            2 => {
                let piece = bytes[at..(at + random.below(200)).min(bytes.len())].to_vec();
                let to = random.below(bytes.len());
                bytes.splice(to..to, piece);
            }
            3 => replace_value(&mut bytes, at, VALUES[random.below(VALUES.len())]),
            _ => drop_line(&mut bytes, at),
        }
        if bytes.is_empty() {
            break;
        }
    }
    bytes
}

/// Replaces the next quoted value after `at`.
fn replace_value(bytes: &mut Vec<u8>, at: usize, value: &str) {
    let quote = |from: usize, bytes: &[u8]| bytes[from..].iter().position(|b| *b == b'\'').map(|i| from + i);
    let Some(start) = quote(at, bytes) else { return };
    let Some(end) = quote(start + 1, bytes) else { return };
    bytes.splice(start + 1..end, value.bytes());
}

fn drop_line(bytes: &mut Vec<u8>, at: usize) {
    let start = bytes[..at].iter().rposition(|b| *b == b'\n').map_or(0, |i| i + 1);
    let end = bytes[at..].iter().position(|b| *b == b'\n').map_or(bytes.len(), |i| at + i + 1);
    bytes.drain(start..end);
}

#[test]
fn mutated_documents_are_answered() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/domain");
    let mut paths: Vec<_> = fs::read_dir(dir).unwrap().map(|e| e.unwrap().path()).collect();
    paths.sort();
    for (i, path) in paths.iter().enumerate() {
        let text = fs::read(path).unwrap();
        for round in 0..12 {
            let seed = (i as u64) << 8 | round | 1 << 40;
            let bytes = mutate(&text, &mut Random(seed));
            let outcome = std::panic::catch_unwind(|| definition(&bytes));
            assert!(
                outcome.is_ok(),
                "seed {seed:#x} of {}:\n{}",
                path.display(),
                String::from_utf8_lossy(&bytes)
            );
        }
    }
}

/// Parts of a definition that once were read otherwise than they had been written.
const FOUND: [&str; 3] = [
    "<devices><video><model type='virtio' heads='0' primary='yes'/></video></devices>",
    "<devices><disk type='file'><source file='/a'/><backingStore type='file'><format type='raw'/><source/>\
     </backingStore><target dev='vda'/></disk></devices>",
    "<devices><disk type='block' device='cdrom'><source/><target dev='sda'/></disk></devices>",
];

#[test]
fn what_fuzzing_found_is_stable() {
    for part in FOUND {
        let text = format!(
            "<domain type='kvm'><name>x</name><memory>1</memory><os><type>hvm</type></os>{part}</domain>"
        );
        assert!(Domain::parse_str(&text, &ParseOptions::default()).is_ok(), "{part} is refused");
        definition(text.as_bytes());
    }
}

#[test]
fn shapes_that_eat_stack_or_memory_are_refused() {
    let head = "<domain type='kvm'><name>x</name><memory>1024</memory><os><type>hvm</type></os>";
    let deep = format!("{head}{}{}</domain>", "<metadata>".repeat(100_000), "</metadata>".repeat(100_000));
    let wide = format!("{head}<x{}/></domain>", " a='1'".repeat(100_000));
    let cells = format!("{head}<cpu><numa>{}</numa></cpu></domain>", "<cell memory='1'/>".repeat(100_000));
    let vcpus = format!("{head}<vcpu>4294967295</vcpu><vcpus><vcpu id='0' enabled='yes'/></vcpus></domain>");
    let iothreads = format!("{head}<iothreads>4294967295</iothreads></domain>");
    for text in [deep, wide, cells, vcpus, iothreads] {
        definition(text.as_bytes());
    }
}
