//! What the acceptance tests share: private daemons, the clients that drive them, and guests to run.
//!
//! Nothing is built here but the guests: `make check` (or `cargo build -p qemud`) makes the daemon that is tested.
#![forbid(unsafe_code)]

mod command;
pub mod guest;
mod instance;
mod keeper;
mod polkit;
pub mod script;

pub mod users;
pub mod wire;

pub use command::{Output, ends_within, run};
pub use instance::{Builder, Daemon, Instance};

use std::path::PathBuf;
use std::time::Duration;

/// Longest time that anything in a test may take; whoever waits longer fails.
pub const LIMIT: Duration = Duration::from_secs(60);

/// The folder with built programs that this test belongs to (`target/debug`), or `OXIVIRT_BIN`.
pub fn programs() -> PathBuf {
    if let Some(folder) = std::env::var_os("OXIVIRT_BIN") {
        return folder.into();
    }
    let this = std::env::current_exe().unwrap();
    let folder = this.parent().unwrap();
    let folder = if folder.ends_with("deps") { folder.parent().unwrap() } else { folder };
    folder.to_owned()
}

/// The path of a built program.
pub fn program(name: &str) -> PathBuf {
    let path = programs().join(name);
    assert!(path.exists(), "{} is not built: run cargo build --workspace", path.display());
    path
}

/// The top folder of the project.
pub fn project() -> PathBuf {
    let here = PathBuf::from(env!("CARGO_MANIFEST_DIR"));
    here.parent().unwrap().to_owned()
}

/// Reports that this machine cannot run a test, and why: such a test is not counted as passed. `make check` finds these
/// lines in what the tests printed, and shows them all; unit tests print the same.
pub fn not_run(test: &str, reason: &str) {
    eprintln!("not run: {test}: {reason}");
}

/// Reports what a test left out because the project has not built it yet.
pub fn not_yet(what: &str, reason: &str) {
    eprintln!("not yet: {what}: {reason}");
}

/// Can tests have network namespaces with bridges and taps in them? Says that `test` did not run if not.
pub fn can_make_networks(test: &str) -> bool {
    let tools = ["/usr/sbin/ip", "/sbin/ip"].iter().any(|path| std::path::Path::new(path).exists());
    let reason = if !rustix::process::geteuid().is_root() {
        "needs root to make network namespaces"
    } else if !std::path::Path::new("/dev/net/tun").exists() {
        "no /dev/net/tun"
    } else if !tools {
        "the program ip is missing (Debian package iproute2)"
    } else {
        return true;
    };
    not_run(test, reason);
    false
}

/// Kills a process and waits until it has ended.
pub fn kill(pid: u32) {
    let process = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    signal(pid, "KILL");
    assert!(command::ends_within(process, LIMIT), "process {pid} does not end");
}

/// Sends a process a signal named as in `kill -NAME`: STOP, CONT, TERM or KILL.
pub fn signal(pid: u32, name: &str) {
    use rustix::process::Signal;
    let known =
        [("STOP", Signal::STOP), ("CONT", Signal::CONT), ("TERM", Signal::TERM), ("KILL", Signal::KILL)];
    let (_, signal) = known.into_iter().find(|(known, _)| *known == name).unwrap();
    let pid = rustix::process::Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
    rustix::process::kill_process(pid, signal).unwrap();
}
