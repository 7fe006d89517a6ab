//! The virtqemud binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

fn main() -> ExitCode {
    let spec = daemon::Spec {
        name: "virtqemud",
        driver: "qemu",
        about: "QEMU guests for libvirt clients",
        version: env!("CARGO_PKG_VERSION"),
    };
    daemon::run(spec, qemud::startup::start)
}
