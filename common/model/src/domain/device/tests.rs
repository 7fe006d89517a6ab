//! Recorded cases: what the reference makes of single devices. Where it would itself read its output differently than it
//! wrote it, or not at all, the case has the output that is read again.

use super::{Device, insert};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Limits, Writer, XmlError, parse};

/// Reads the devices of one line, checks them, and writes them as a stored definition.
fn through(devices: &str) -> Result<String, XmlError> {
    let tree = parse(&format!("<devices>{devices}</devices>"), &Limits::document("device_definition"))?;
    let mut list = Vec::new();
    for element in tree.elements() {
        if let Some(device) = Device::parse(element, &ParseOptions::default())? {
            insert(&mut list, device);
        }
    }
    let mut w = Writer::indented(2);
    for device in &list {
        device.validate()?;
        device.format(&mut w, &FormatOptions::STORED);
    }
    Ok(w.finish())
}

/// Runs every case of a file and counts them.
fn run(file: &str) -> usize {
    let mut wrong = Vec::new();
    let cases: Vec<_> = file.split(">>> ").skip(1).collect();
    for case in &cases {
        let (input, wanted) = case.split_once('\n').expect("a case has an answer");
        let got = match through(input) {
            Ok(text) => text,
            Err(e) => format!("error {:?}\n", e.kind),
        };
        if got.trim_end() != wanted.trim_end() {
            wrong.push(format!("{input}\nwanted:\n{wanted}got:\n{got}"));
        }
    }
    assert!(wrong.is_empty(), "{} of {} cases:\n{}", wrong.len(), cases.len(), wrong.join("\n"));
    cases.len()
}

#[test]
fn disks() {
    assert!(run(include_str!("cases/disk.txt")) > 180);
}

#[test]
fn interfaces() {
    assert!(run(include_str!("cases/interface.txt")) > 280);
}

#[test]
fn character_devices() {
    assert!(run(include_str!("cases/chardev.txt")) > 170);
}

#[test]
fn displays_and_graphics_cards() {
    assert!(run(include_str!("cases/graphics.txt")) > 80);
}

#[test]
fn controllers() {
    assert!(run(include_str!("cases/controller.txt")) > 70);
}

#[test]
fn host_devices() {
    assert!(run(include_str!("cases/hostdev.txt")) > 60);
}

#[test]
fn other_kinds() {
    assert!(run(include_str!("cases/other.txt")) > 180);
}

#[test]
fn what_is_written_is_read_again() {
    let files = [
        include_str!("cases/disk.txt"),
        include_str!("cases/interface.txt"),
        include_str!("cases/chardev.txt"),
        include_str!("cases/graphics.txt"),
        include_str!("cases/controller.txt"),
        include_str!("cases/hostdev.txt"),
        include_str!("cases/other.txt"),
    ];
    for case in files.iter().flat_map(|f| f.split(">>> ").skip(1)) {
        let input = case.lines().next().unwrap_or_default();
        let Ok(once) = through(input) else { continue };
        let again = through(&once).unwrap_or_else(|e| e.message);
        assert!(again == once, "{input}\nonce:\n{once}again:\n{again}");
    }
}
