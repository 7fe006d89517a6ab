//! The virtqemud binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Heaps of the allocator: the workers share them, since thousands of small definitions stay for long.
const HEAPS: i32 = 1;

fn main() -> ExitCode {
    host::memory::limit_heaps(HEAPS);
    let spec = daemon::Spec {
        name: "virtqemud",
        driver: "qemu",
        about: "QEMU guests for libvirt clients",
        version: env!("CARGO_PKG_VERSION"),
        remote: false,
    };
    daemon::run(spec, qemud::startup::start)
}
