//! Measures one daemon: `figures --socket PATH --uri URI [--rounds N] [--guest FILE] [--only NAME,..] -- PROGRAM [ARG..]`
//!
//! Starts the daemon, measures it over its socket, and prints one line per figure: name, value, unit.
//! Units: `1/s` (more is better), `us`, `ms`, `MiB` (less is better).
#![forbid(unsafe_code)]

mod daemon;
mod load;

use daemon::Daemon;
use load::Load;
use std::path::PathBuf;

/// What the command line asks for.
struct Options {
    socket: PathBuf,
    uri: String,
    /// Times that each rate is measured for, in calls.
    calls: usize,
    /// Domains that are defined for lists and start times.
    domains: usize,
    guest: Option<PathBuf>,
    program: Vec<String>,
}

fn main() {
    let options = options();
    let mut daemon = Daemon::start(&options.program, &options.socket, &options.uri);
    report("start.0-domains", daemon.start_ms, "ms");
    report("memory.idle", daemon.memory_mib(), "MiB");
    let load = Load::new(&options.socket, &options.uri, options.calls);
    load.calls();
    load.clients(16);
    load.define(options.domains);
    load.definitions(options.domains);
    report(&format!("memory.{}-domains", options.domains), daemon.memory_mib(), "MiB");
    daemon.restart();
    report(&format!("start.{}-domains", options.domains), daemon.start_ms, "ms");
    load.undefine(options.domains);
    if let Some(guest) = &options.guest {
        load.guests(guest);
    }
    daemon.stop();
}

/// Prints one figure.
fn report(name: &str, value: f64, unit: &str) {
    println!("{name} {value:.4} {unit}");
}

fn options() -> Options {
    let mut arguments = std::env::args().skip(1);
    let mut options = Options {
        socket: PathBuf::new(),
        uri: String::new(),
        calls: 20_000,
        domains: 1000,
        guest: None,
        program: vec![],
    };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--socket" => options.socket = value().into(),
            "--uri" => options.uri = value(),
            "--calls" => options.calls = value().parse().unwrap(),
            "--domains" => options.domains = value().parse().unwrap(),
            "--guest" => options.guest = Some(value().into()),
            "--" => break,
            other => panic!("unknown argument {other}"),
        }
    }
    options.program = arguments.collect();
    assert!(!options.program.is_empty(), "no program to measure");
    options
}
