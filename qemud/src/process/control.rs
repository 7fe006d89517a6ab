//! Steering a running guest: power button, reset, stopping and resuming its processors.

use std::sync::Arc;
use std::time::Duration;

use ::driver::jobs::Job;
use model::domain::lifecycle::LifecycleAction;
use protocol::consts::{DomainRebootFlags, DomainShutdownFlags, domain_control_state, node_suspend_target};
use protocol::remote::{DomainPmSuspendForDurationArgs, NonnullDomain};
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::domain::{Condition, Domain, Live, Status, not_running};
use crate::driver::{Driver, check_flags, no_flags};
use crate::guest::agent;
use crate::monitor::Monitor;
use crate::notify::{Lifecycle, Suspended};
use crate::process::status;

/// Press the guest's power button (procedures 33 and 258). The guest agent's way is refused: there is none yet.
pub async fn shutdown(driver: &Driver, named: &NonnullDomain, flags: u32) -> Result<(), Fault> {
    const AGENT: DomainShutdownFlags = DomainShutdownFlags::GUEST_AGENT;
    const BUTTON: DomainShutdownFlags = DomainShutdownFlags::ACPI_POWER_BTN;
    let flags = check_flags("virDomainShutdownFlags", flags, AGENT | BUTTON)?;
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Modify, "virDomainShutdownFlags").await?;
    if flags.contains(AGENT) && !flags.contains(BUTTON) {
        return Err(agent::unavailable(&domain.view()));
    }
    let monitor = running_monitor(&domain)?;
    set_reboot_wanted(&domain, false);
    monitor.system_powerdown().await.map_err(Fault::from)
}

/// Reboot by the power button: when the guest has powered off, it is reset instead of ended, unless its
/// definition has reboots end it (procedure 27).
pub async fn reboot(driver: &Driver, named: &NonnullDomain, flags: u32) -> Result<(), Fault> {
    const AGENT: DomainRebootFlags = DomainRebootFlags::GUEST_AGENT;
    const BUTTON: DomainRebootFlags = DomainRebootFlags::ACPI_POWER_BTN;
    let flags = check_flags("virDomainReboot", flags, AGENT | BUTTON)?;
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Modify, "virDomainReboot").await?;
    if flags.contains(AGENT) && !flags.contains(BUTTON) {
        return Err(agent::unavailable(&domain.view()));
    }
    let monitor = active_monitor(&domain)?;
    set_reboot_wanted(&domain, survives_reboot(&domain));
    let pressed = monitor.system_powerdown().await;
    if pressed.is_err() {
        set_reboot_wanted(&domain, false);
    }
    pressed.map_err(Fault::from)
}

/// Send the guest to sleep (procedure 261), which only its agent can do.
pub async fn sleep(driver: &Driver, args: &DomainPmSuspendForDurationArgs) -> Result<(), Fault> {
    no_flags("virDomainPMSuspendForDuration", args.flags)?;
    if args.duration != 0 {
        let detail = "Duration not supported. Use 0 for now";
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::ARGUMENT_UNSUPPORTED, detail));
    }
    if args.target > node_suspend_target::HYBRID {
        let detail = format!("Unknown suspend target: {}", args.target);
        return Err(Fault::invalid_arg(ErrorDomain::QEMU, detail));
    }
    let domain = driver.domain(&args.dom)?;
    let _job = domain.begin(Job::Suspend, "virDomainPMSuspendForDuration").await?;
    Err(agent::unavailable(&domain.view()))
}

/// Wake a guest that sleeps in memory (procedure 267, QMP `system_wakeup`).
pub async fn wake(driver: &Driver, named: &NonnullDomain, flags: u32) -> Result<(), Fault> {
    no_flags("virDomainPMWakeup", flags)?;
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Modify, "virDomainPMWakeup").await?;
    let monitor = active_monitor(&domain)?;
    monitor.system_wakeup().await.map_err(Fault::from)
}

/// Press the reset button (procedure 245).
pub async fn reset(driver: &Driver, named: &NonnullDomain, flags: u32) -> Result<(), Fault> {
    no_flags("virDomainReset", flags)?;
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Modify, "virDomainReset").await?;
    let monitor = active_monitor(&domain)?;
    set_reboot_wanted(&domain, false);
    monitor.system_reset().await.map_err(Fault::from)?;
    let mut state = domain.lock();
    if state.status.condition == Condition::Crashed {
        // The guest stands still after its panic and waits for a resume.
        state.status = Status::PAUSED_USER;
    }
    Ok(())
}

/// Stop the guest's processors (procedure 34). Nothing happens when they are stopped already.
pub async fn suspend(driver: &Arc<Driver>, named: &NonnullDomain) -> Result<(), Fault> {
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Suspend, "virDomainSuspend").await?;
    let monitor = active_monitor(&domain)?;
    match domain.lock().status.condition {
        Condition::Paused => return Ok(()),
        Condition::PmSuspended => return Err(invalid("domain is pmsuspended")),
        _ => {}
    }
    monitor.stop().await.map_err(Fault::from)?;
    // QEMU's own event says so; without one it stood still before.
    monitor.caught_up().await;
    publish(driver, &domain, Status::PAUSED_USER, Some(Lifecycle::Suspended(Suspended::Paused)));
    status::save(driver, &domain).await
}

/// Let the guest's processors go on (procedure 28).
pub async fn resume(driver: &Arc<Driver>, named: &NonnullDomain) -> Result<(), Fault> {
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Suspend, "virDomainResume").await?;
    let monitor = active_monitor(&domain)?;
    let before = domain.lock().status;
    match before.condition {
        Condition::PmSuspended => return Err(invalid("domain is pmsuspended")),
        Condition::Running => return Err(invalid("domain is already running")),
        _ => {}
    }
    monitor.cont().await.map_err(Fault::from)?;
    // QEMU's own events say so, and perhaps that a disk failed at once, and the guest stands still again.
    monitor.caught_up().await;
    if domain.lock().status != before || !monitor.query_status().await.map_err(Fault::from)?.running {
        return Ok(());
    }
    publish(driver, &domain, Status::UNPAUSED, Some(Lifecycle::Resumed));
    status::save(driver, &domain).await
}

/// Publish a new status with its event, unless the guest is gone or has the status already (QEMU's own event
/// was quicker).
pub fn publish(driver: &Driver, domain: &Domain, status: Status, event: Option<Lifecycle>) {
    let mut state = domain.lock();
    if state.live.is_none() || state.status.condition == status.condition {
        return;
    }
    state.status = status;
    if let Some(event) = event {
        driver.tell(domain, &state, event);
    }
}

/// What the control connection does now, and for how long (`virDomainControlState`): a monitor call in flight
/// occupies it, one past its deadline is an error.
pub fn control_state(domain: &Domain, live: &Live) -> (u32, Duration) {
    let Some(monitor) = &live.monitor else { return (domain_control_state::OCCUPIED as u32, Duration::ZERO) };
    if let Some(since) = monitor.stalled_for() {
        return (domain_control_state::ERROR as u32, since);
    }
    if let Some(since) = monitor.busy_for() {
        return (domain_control_state::OCCUPIED as u32, since);
    }
    match domain.jobs().held() {
        (None, None) => (domain_control_state::OK as u32, Duration::ZERO),
        _ => (domain_control_state::JOB as u32, domain.jobs().held_for()),
    }
}

/// The monitor of an active guest. One that has left an earlier call unanswered beyond its deadline is not asked again
/// until it has answered that: the caller hears so at once.
pub fn active_monitor(domain: &Domain) -> Result<Monitor, Fault> {
    let state = domain.lock();
    let live = state.live.as_ref().ok_or_else(not_running)?;
    let monitor = live.monitor.clone().ok_or_else(|| invalid("the guest is still being started"))?;
    match monitor.stalled_for() {
        None => Ok(monitor),
        Some(since) => {
            let detail = format!("QEMU has not answered its monitor for {} seconds", since.as_secs());
            Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_TIMEOUT, detail))
        }
    }
}

/// The monitor of a guest whose processors run.
fn running_monitor(domain: &Domain) -> Result<Monitor, Fault> {
    let condition = domain.lock().status.condition;
    match condition {
        Condition::Running => active_monitor(domain),
        // Also for one that is off: the reference looks at the state alone.
        _ => Err(invalid("domain is not running")),
    }
}

/// Whether the definition lets the guest live on after a reboot.
fn survives_reboot(domain: &Domain) -> bool {
    let state = domain.lock();
    state.live.as_ref().is_none_or(|live| live.definition.lifecycle.on_reboot != LifecycleAction::Destroy)
}

/// Note whether the next power-off of the guest means a reboot.
fn set_reboot_wanted(domain: &Domain, wanted: bool) {
    if let Some(live) = domain.lock().live_mut() {
        live.reboot_wanted = wanted;
    }
}

fn invalid(detail: &str) -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, detail)
}
