//! The virtsecretd binary.
#![forbid(unsafe_code)]

use std::process::ExitCode;

/// Values pass through buffers of sockets and arguments of calls: whatever is freed is wiped.
#[global_allocator]
static ALLOCATOR: host::wipe::Wiping = host::wipe::Wiping::new();

fn main() -> ExitCode {
    // Before anything secret is in memory. Without it a crash would write values to disk.
    if let Err(error) = host::limits::forbid_dumps() {
        eprintln!("virtsecretd: error: {}", error.full_text());
        return ExitCode::FAILURE;
    }
    rpc::wipe_buffers();
    let spec = daemon::Spec {
        name: "virtsecretd",
        driver: "secrets",
        about: "secrets for libvirt clients and daemons",
        version: env!("CARGO_PKG_VERSION"),
        remote: false,
    };
    daemon::run(spec, secretd::startup::start)
}
