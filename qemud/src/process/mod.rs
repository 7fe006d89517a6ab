//! The guest's QEMU process: starting, steering, watching, ending, and finding it again after a restart of the
//! daemon.

mod advice;
pub mod control;
mod crash;
mod images;
pub mod launch;
pub mod leftovers;
pub mod log;
mod processor;
pub mod reconnect;
mod scsi;
pub mod start;
pub mod status;
pub mod stop;
pub mod taint;
pub mod watch;

use std::time::Duration;

use host::process::PidFd;

/// How long QEMU may take for the end that SIGTERM asks of it, before it is killed.
pub const TERM_LIMIT: Duration = Duration::from_secs(10);
/// How long a killed process may take to go away.
pub const KILL_LIMIT: Duration = Duration::from_secs(30);
/// How long a start may take from the spawn to the monitor's greeting.
pub const GREETING_LIMIT: Duration = Duration::from_secs(30);

/// A QEMU process, held by a descriptor so that its number cannot come to mean another.
#[derive(Debug)]
pub struct Process {
    /// Process id.
    pub pid: i32,
    /// Start time, in clock ticks since boot (`/proc/PID/stat`, field 22): with the pid, it names the process.
    pub start_time: u64,
    /// The process itself.
    pub handle: PidFd,
}

/// How a guest is started.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct StartOptions {
    /// Leave the processors stopped.
    pub paused: bool,
    /// Make the firmware's variables anew.
    pub reset_nvram: bool,
    /// Give up the memory that was saved, which would be restored otherwise (`VIR_DOMAIN_START_FORCE_BOOT`).
    pub force_boot: bool,
    /// Destroy the guest when this session ends.
    pub autodestroy: Option<u64>,
}
