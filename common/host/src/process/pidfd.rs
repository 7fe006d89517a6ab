//! A process by descriptor: no race with the reuse of its number, and its end can be awaited.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::{Mutex, PoisonError};

use rustix::process::{Pid, PidfdFlags, Signal, WaitId, WaitIdOptions};
use tokio::io::Interest;

use super::stat::is_same;
use crate::{Error, Result, fd};

/// How a process ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// By itself, with this status.
    Code(i32),
    /// By a signal.
    Signal(i32),
    /// It has ended; not being our child, it told only its parent how.
    Unknown,
}

impl Exit {
    /// Whether it ended by itself with status 0.
    pub fn success(self) -> bool {
        self == Exit::Code(0)
    }
}

impl std::fmt::Display for Exit {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Exit::Code(code) => write!(f, "exited with status {code}"),
            Exit::Signal(signal) => write!(f, "was killed by signal {signal}"),
            Exit::Unknown => f.write_str("ended"),
        }
    }
}

/// A process, ours or not. Dropping one of ours leaves it running and sees to it that it is reaped.
#[derive(Debug)]
pub struct PidFd {
    fd: OwnedFd,
    pid: i32,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct State {
    /// Whether the kernel keeps an exit status for us to collect.
    ours: bool,
    exit: Option<Exit>,
}

impl PidFd {
    /// The process that has this number now.
    pub fn open(pid: i32) -> Result<PidFd> {
        let number = Pid::from_raw(pid).ok_or_else(|| io::Error::from_raw_os_error(libc::ESRCH));
        let fd = number
            .and_then(|number| Ok(rustix::process::pidfd_open(number, PidfdFlags::empty())?))
            .map_err(Error::system("open a process"))?;
        Ok(PidFd { fd, pid, state: Mutex::new(State { ours: false, exit: None }) })
    }

    /// The process with this number if it is the one that started at `start` (see [`super::start_time`]);
    /// None if it has ended, whoever has the number now.
    pub fn open_same(pid: i32, start: u64) -> Result<Option<PidFd>> {
        match PidFd::open(pid) {
            // Checked after opening: from then on the descriptor cannot come to mean another process.
            Ok(pidfd) => Ok(is_same(pid, start).then_some(pidfd)),
            Err(error) if error.errno() == Some(libc::ESRCH) => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn of_child(fd: OwnedFd, pid: i32) -> PidFd {
        PidFd { fd, pid, state: Mutex::new(State { ours: true, exit: None }) }
    }

    /// The process's number; meaningless once it has been reaped.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// Sends a signal (`libc::SIGTERM` = 15, ...). False if the process has ended already.
    pub fn signal(&self, signal: i32) -> Result<bool> {
        let named = Signal::from_named_raw(signal).ok_or(rustix::io::Errno::INVAL);
        match named.and_then(|signal| rustix::process::pidfd_send_signal(&self.fd, signal)) {
            Ok(()) => Ok(true),
            Err(rustix::io::Errno::SRCH) => Ok(false),
            Err(error) => Err(Error::system("signal a process")(error.into())),
        }
    }

    /// Waits until the process has ended. Any number of tasks may wait; dropping the future stops only this
    /// one. Needs a tokio runtime.
    pub async fn wait(&self) -> Result<Exit> {
        if let Some(exit) = self.try_wait()? {
            return Ok(exit);
        }
        // Of its own, since the poller takes a descriptor only once.
        let copy = self.fd.try_clone().map_err(Error::system("wait for a process"))?;
        let ready = fd::watch(copy, Interest::READABLE).map_err(Error::system("wait for a process"))?;
        loop {
            let mut guard = ready.readable().await.map_err(Error::system("wait for a process"))?;
            if let Some(exit) = self.try_wait()? {
                return Ok(exit);
            }
            guard.clear_ready();
        }
    }

    /// How the process ended, or None while it runs.
    pub fn try_wait(&self) -> Result<Option<Exit>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if state.exit.is_none() {
            let found = if state.ours { collect(self.fd.as_fd()) } else { has_ended(self.fd.as_fd()) };
            state.exit = found.map_err(Error::system("wait for a process"))?;
        }
        Ok(state.exit)
    }
}

impl AsFd for PidFd {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for PidFd {
    fn drop(&mut self) {
        let state = *self.state.get_mut().unwrap_or_else(PoisonError::into_inner);
        if state.ours && state.exit.is_none() {
            reap_later(self.fd.as_fd());
        }
        reap_orphans();
    }
}

/// The exit status of a child that has ended; collecting it removes the zombie.
fn collect(fd: BorrowedFd<'_>) -> io::Result<Option<Exit>> {
    loop {
        match rustix::process::waitid(WaitId::PidFd(fd), WaitIdOptions::EXITED | WaitIdOptions::NOHANG) {
            Ok(None) => return Ok(None),
            Ok(Some(status)) => {
                let code = status.exit_status().map(Exit::Code);
                return Ok(Some(
                    code.or(status.terminating_signal().map(Exit::Signal)).unwrap_or(Exit::Unknown),
                ));
            }
            Err(rustix::io::Errno::INTR) => {}
            // Somebody waited for any child.
            Err(rustix::io::Errno::CHILD) => return has_ended(fd),
            Err(error) => return Err(error.into()),
        }
    }
}

/// Whether a process that is not ours has ended: its descriptor becomes readable.
fn has_ended(fd: BorrowedFd<'_>) -> io::Result<Option<Exit>> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut set = [PollFd::from_borrowed_fd(fd, PollFlags::IN)];
    let at_once = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        match poll(&mut set, Some(&at_once)) {
            Ok(ready) => return Ok((ready > 0).then_some(Exit::Unknown)),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Children that still ran when their [`PidFd`] was dropped outside a runtime.
static ORPHANS: Mutex<Vec<OwnedFd>> = Mutex::new(Vec::new());

/// Sees to it that a child nobody watches is collected when it ends: by a task, or at a later drop.
fn reap_later(fd: BorrowedFd<'_>) {
    if !matches!(collect(fd), Ok(None)) {
        return;
    }
    // Without a copy its zombie stays until the daemon ends; nothing better can be done without descriptors.
    let Ok(copy) = fd.try_clone_to_owned() else { return };
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => {
            runtime.spawn(async move {
                if let Ok(ready) = fd::watch(copy, Interest::READABLE) {
                    // Readable or the runtime ends: either way there is nothing left to wait for.
                    let _ = ready.readable().await.map(|_| ());
                    let _ = collect(ready.get_ref().as_fd());
                }
            });
        }
        Err(_) => ORPHANS.lock().unwrap_or_else(PoisonError::into_inner).push(copy),
    }
}

fn reap_orphans() {
    let mut orphans = ORPHANS.lock().unwrap_or_else(PoisonError::into_inner);
    orphans.retain(|fd| matches!(collect(fd.as_fd()), Ok(None)));
}
