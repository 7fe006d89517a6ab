//! The frame of every daemon: command line, .conf files, logging, sd-notify, activation, signals, idle exit.
//!
//! A daemon's `main` is one call of [`run`] with its name and a function that makes its service.
#![forbid(unsafe_code)]

mod admin;
mod args;
mod background;
pub mod conf;
mod config;
mod context;
mod frame;
mod idle;
pub mod logging;
mod metrics;
mod network;
mod pidfile;
mod polkit;
mod reload;
mod sockets;
mod supervisor;
mod tls;

pub use args::command;
pub use config::{Auth, Config, HostUuidSource, Remote, ServerLimits};
pub use context::{BoxError, BoxFuture, Context};
pub use frame::run;
pub use idle::Inhibitor;
pub use metrics::{Address, Measured};
pub use pidfile::{PidFile, PidFileError};

/// The libvirt release whose behaviour the daemons have, as `virConnectGetLibVersion` counts:
/// major * 1,000,000 + minor * 1,000 + release.
pub const LIBVIRT_VERSION: u64 = 9_000_000;

/// What a daemon is.
#[derive(Debug, Clone)]
pub struct Spec {
    /// Its program's name, which its sockets, PID file and configuration file carry: `virtqemud`.
    pub name: &'static str,
    /// Its driver's name, which the driver's folders carry: `qemu`.
    pub driver: &'static str,
    /// One line about it for `--help`.
    pub about: &'static str,
    /// Its version.
    pub version: &'static str,
    /// It may listen on the network (libvirt: virtproxyd alone), and has the options for that.
    pub remote: bool,
}

/// An error with all its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text.push_str(": ");
        text.push_str(&cause.to_string());
        source = cause.source();
    }
    text
}
