//! Ending a guest, and cleaning up after one that has ended, however that came about.

use std::sync::Arc;

use ::driver::jobs::Job;
use protocol::consts::DomainDestroyFlags;
use protocol::remote::NonnullDomain;
use protocol::{ErrorCode, ErrorDomain, Fault};

use super::{KILL_LIMIT, Process, TERM_LIMIT, leftovers, log};
use crate::define;
use crate::domain::{Domain, Ending, Live, not_running};
use crate::driver::{Driver, check_flags};
use crate::notify::Lifecycle;

/// SIGTERM and SIGKILL, the same on every Linux (signal(7)).
const SIGTERM: i32 = 15;
pub(super) const SIGKILL: i32 = 9;

/// End the guest now (procedures 12 and 234): SIGTERM, then SIGKILL unless only grace was asked for.
pub async fn destroy(driver: &Arc<Driver>, named: &NonnullDomain, flags: u32) -> Result<(), Fault> {
    let flags = check_flags("virDomainDestroyFlags", flags, DomainDestroyFlags::all())?;
    let domain = driver.domain(named)?;
    let name = domain.lock().name.clone();
    end_guest(&domain, Ending::Destroyed, flags.contains(DomainDestroyFlags::GRACEFUL)).await?;
    if flags.contains(DomainDestroyFlags::REMOVE_LOGS) {
        log::remove(driver, &name).await?;
    }
    Ok(())
}

/// End the domain's guest and wait until it is cleaned up. Needs no job: it goes past whatever a hung QEMU
/// blocks; the cleaning up then waits for the job of whoever was at it.
async fn end_guest(domain: &Arc<Domain>, ending: Ending, only_ask: bool) -> Result<(), Fault> {
    let (process, mut ended, before) = {
        let mut state = domain.lock();
        let live = state.live_mut().ok_or_else(not_running)?;
        let before = (live.ending.replace(ending), live.reboot_wanted);
        // A reboot that was asked for before will not be.
        live.reboot_wanted = false;
        (Arc::clone(&live.process), live.ended.subscribe(), before)
    };
    if only_ask {
        ask(&process).map_err(::driver::fault::host(ErrorDomain::QEMU))?;
        if tokio::time::timeout(TERM_LIMIT, process.handle.wait()).await.is_err() {
            take_back(domain, &process, before);
            let detail = format!("QEMU (pid {}) did not end within {} s", process.pid, TERM_LIMIT.as_secs());
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail));
        }
    } else {
        end(&process).await?;
    }
    // Whoever watches the guest cleans up and says so; it also says so by vanishing.
    let _ = ended.wait_for(|ended| *ended).await;
    Ok(())
}

/// The guest lives on: how it ends is open again, and what was to follow holds again.
fn take_back(domain: &Domain, process: &Process, (ending, reboot_wanted): (Option<Ending>, bool)) {
    let mut state = domain.lock();
    if let Some(live) = state.live_mut().filter(|live| live.process.pid == process.pid) {
        live.ending = ending;
        live.reboot_wanted = reboot_wanted;
    }
}

/// Ask QEMU to end.
pub fn ask(process: &Process) -> Result<(), host::Error> {
    process.handle.signal(SIGTERM).map(|_| ())
}

/// Whether the process has ended or does so in a moment.
pub async fn process_ends(process: &Process) -> bool {
    let moment = std::time::Duration::from_secs(2);
    tokio::time::timeout(moment, process.handle.wait()).await.is_ok()
}

/// End QEMU: ask, wait, kill. A stopped process hears no question and is killed at once.
pub async fn end(process: &Process) -> Result<(), Fault> {
    let stopped = is_stopped(process.pid);
    if !stopped {
        ask(process).map_err(::driver::fault::host(ErrorDomain::QEMU))?;
        if tokio::time::timeout(TERM_LIMIT, process.handle.wait()).await.is_ok() {
            return Ok(());
        }
    }
    process.handle.signal(SIGKILL).map_err(::driver::fault::host(ErrorDomain::QEMU))?;
    match tokio::time::timeout(KILL_LIMIT, process.handle.wait()).await {
        Ok(_) => Ok(()),
        Err(_) => {
            let detail = format!("QEMU (pid {}) could not be killed: it waits in the kernel", process.pid);
            Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail))
        }
    }
}

/// Whether the process is stopped by a signal or a debugger (`/proc/PID/stat`, state T or t).
fn is_stopped(pid: i32) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = stat.rsplit_once(") ").and_then(|(_, rest)| rest.chars().next());
    matches!(state, Some('T' | 't'))
}

/// A client's session is over: destroy the guests that it wanted to live no longer.
pub fn session_closed(driver: &Arc<Driver>, session: u64) {
    for domain in driver.domains.list().iter() {
        let dies = domain.lock().live.as_ref().is_some_and(|live| live.autodestroy == Some(session));
        if dies {
            let domain = Arc::clone(domain);
            tokio::spawn(async move {
                if let Err(error) = end_guest(&domain, Ending::Destroyed, false).await {
                    let name = domain.lock().name.clone();
                    tracing::error!(target: "qemu", "domain '{name}' is not destroyed with its client: {error}");
                }
            });
        }
    }
}

/// The guest with this process has ended: remove what it leaves, then publish it. Does nothing when another
/// has done it already.
pub async fn finish(driver: &Arc<Driver>, domain: &Arc<Domain>, pid: i32) {
    // What still waits for QEMU's answer fails now and gives up its job.
    let job = domain.jobs().begin(Job::Destroy, "the end of the guest").await;
    if let Err(error) = &job {
        tracing::warn!(target: "qemu", "cleaning up after a guest without its job: {error}");
    }
    finish_holding(driver, domain, pid).await;
}

/// As [`finish`], by one that holds a job.
pub async fn finish_holding(driver: &Arc<Driver>, domain: &Arc<Domain>, pid: i32) {
    let Some((name, live)) = ended_guest(domain, pid) else { return };
    let ending = live.ending.unwrap_or(Ending::Crashed);
    log::note_end(driver, domain.log_owner(), live.logs.clone(), ending).await;
    driver.logs.release(&live.logs);
    clean_up(driver, &name, &live).await;
    {
        let mut state = domain.lock();
        let stopped = Lifecycle::Stopped(ending.event());
        // As the reference does it: a guest that ended by itself is told of with its last id, one that was
        // ended with none.
        let by_itself = matches!(ending, Ending::Shutdown | Ending::Crashed);
        if by_itself {
            driver.tell(domain, &state, stopped);
        }
        state.live = None;
        state.status = ending.status();
        driver.domains.set_id(domain.uuid(), None);
        if !by_itself {
            driver.tell(domain, &state, stopped);
        }
    }
    define::forget_if_empty(driver, domain);
    tracing::info!(target: "qemu", "domain '{name}' (id {}) has ended: {}", live.id, ending.word());
    live.ended.send_replace(true);
}

fn ended_guest(domain: &Domain, pid: i32) -> Option<(String, Arc<Live>)> {
    let state = domain.lock();
    let live = state.live.as_ref().filter(|live| live.process.pid == pid)?;
    Some((state.name.clone(), Arc::clone(live)))
}

/// Remove what a guest leaves on the host. The status document goes last: while it is there, a restarted
/// daemon does this again.
pub async fn clean_up(driver: &Arc<Driver>, name: &str, live: &Live) {
    let known = leftovers::Known { labelled: true, directories: &live.directories };
    leftovers::remove(driver, &live.definition, live.id, known).await;
    host::fault::at("stop.cleaned");
    if let Err(error) = driver.statuses.remove(name).await {
        tracing::error!(target: "qemu", "the status document of domain '{name}' stays: {error}");
    }
}
