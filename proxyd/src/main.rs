//! The virtproxyd binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let spec = daemon::Spec {
        name: "virtproxyd",
        driver: "proxy",
        about: "one place for the clients of all libvirt daemons",
        version: env!("CARGO_PKG_VERSION"),
        remote: true,
    };
    daemon::run(spec, proxyd::startup::start)
}
