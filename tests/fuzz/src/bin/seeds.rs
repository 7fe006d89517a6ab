//! Writes first inputs: the recorded messages for `frame` and for each program, the recorded definitions for `domain`,
//! and the hellos of both versions of TLS.
//! `cargo run --bin seeds FOLDER` makes `FOLDER/TARGET`; without it, `corpus/TARGET`.

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use protocol::message::{HEADER_LEN, Header};
use protocol::reflect::PROGRAMS;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

const GOLDEN: &str = include_str!("../../../../protocol/tests/data/golden.jsonl");

fn main() -> io::Result<()> {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let corpus = env::args_os().nth(1).map_or_else(|| package.join("corpus"), PathBuf::from);
    for (number, message) in GOLDEN.lines().filter_map(message).enumerate() {
        let name = format!("recorded-{number:03}");
        if let Some((program, payload)) = payload(&message) {
            seed(&corpus, program, &name, &payload)?;
        }
        // Standing and size of the reads, then what comes on the connection.
        seed(&corpus, "session", &name, &[&[0, 255], &message[..]].concat())?;
        seed(&corpus, "frame", &name, &message)?;
    }
    for (number, version) in rustls::ALL_VERSIONS.iter().enumerate() {
        let config = ClientConfig::builder_with_provider(default_provider().into());
        let config = config.with_protocol_versions(&[version]).map_err(io::Error::other)?;
        let config = config.with_root_certificates(RootCertStore::empty()).with_no_client_auth();
        let name = ServerName::try_from("localhost").map_err(io::Error::other)?;
        let mut hello = vec![255];
        ClientConnection::new(config.into(), name).map_err(io::Error::other)?.write_tls(&mut hello)?;
        seed(&corpus, "handshake", &format!("hello-{number}"), &hello)?;
    }
    for entry in fs::read_dir(package.join("../../common/model/tests/data/domain"))? {
        let entry = entry?;
        seed(&corpus, "domain", &entry.file_name().to_string_lossy(), &fs::read(entry.path())?)?;
    }
    Ok(())
}

fn seed(corpus: &Path, target: &str, name: &str, bytes: &[u8]) -> io::Result<()> {
    let folder = corpus.join(target);
    fs::create_dir_all(&folder)?;
    fs::write(folder.join(name), bytes)
}

/// The bytes that a line of the recording has as `"hex": "…"`.
fn message(line: &str) -> Option<Vec<u8>> {
    let hex = line.split("\"hex\": \"").nth(1)?.split('"').next()?;
    hex.as_bytes().chunks(2).map(|two| u8::from_str_radix(std::str::from_utf8(two).ok()?, 16).ok()).collect()
}

/// A message in the form of its program's target, and that target's name.
fn payload(message: &[u8]) -> Option<(&'static str, Vec<u8>)> {
    let header = Header::decode(message).ok()?;
    let (_, name) = PROGRAMS.iter().find(|(number, _)| *number == header.program)?;
    let number = u16::try_from(header.procedure).ok()?.to_be_bytes();
    Some((name, [&number[..], message.get(HEADER_LEN..)?].concat()))
}
