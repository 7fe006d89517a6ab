//! Watching a running guest: one task per guest takes QEMU's events in their order and notices its end.

mod devices;

use std::sync::Arc;

use model::domain::lifecycle::LifecycleAction;

use ::driver::jobs::Job;

use super::crash::{self, Dumps};
use super::{Process, control, start, status, stop};
use crate::domain::{Condition, Domain, Ending, Status};
use crate::driver::Driver;
use crate::monitor::{Event, EventKind, Events, Monitor};
use crate::notify::guest::Sleep;
use crate::notify::{Lifecycle, ShutdownBy, Suspended};

/// Watch the guest until its process has ended, then clean up after it.
pub fn spawn(
    driver: &Arc<Driver>,
    domain: &Arc<Domain>,
    process: Arc<Process>,
    monitor: Monitor,
    events: Events,
) {
    let (driver, domain) = (Arc::clone(driver), Arc::clone(domain));
    let watch = Watch { driver, domain, process, monitor, dumps: Arc::default() };
    tokio::spawn(watch.run(events));
}

struct Watch {
    driver: Arc<Driver>,
    domain: Arc<Domain>,
    process: Arc<Process>,
    monitor: Monitor,
    dumps: Arc<Dumps>,
}

impl Watch {
    /// What is seldom and needs much state is boxed: the rest waits for as long as the guest runs.
    async fn run(self, mut events: Events) {
        loop {
            tokio::select! {
                // What QEMU said before it ended counts first.
                biased;
                event = events.next() => match event {
                    Some(event) => Box::pin(self.on_event(event)).await,
                    None => break,
                },
                _ = self.process.handle.wait() => break,
            }
        }
        // What it said last is still in the connection; the process is gone, so this ends.
        if matches!(self.process.handle.try_wait(), Ok(Some(_))) {
            while let Some(event) = events.next().await {
                Box::pin(self.on_event(event)).await;
            }
        }
        if self.monitor.is_broken() {
            self.driver.tell_control_error(&self.domain, &self.domain.lock());
        }
        // QEMU may also have closed the connection and run on: then it cannot be steered any more.
        Box::pin(self.end_process()).await;
        Box::pin(stop::finish(&self.driver, &self.domain, self.process.pid)).await;
    }

    async fn end_process(&self) {
        if stop::process_ends(&self.process).await {
            return;
        }
        let name = self.domain.lock().name.clone();
        tracing::error!(target: "qemu", "QEMU of domain '{name}' has closed its monitor but runs on: it is ended");
        if let Err(error) = stop::end(&self.process).await {
            tracing::error!(target: "qemu", "QEMU of domain '{name}' cannot be ended: {error}");
        }
    }

    async fn on_event(&self, event: Event) {
        self.driver.tell_monitor(&self.domain, &self.domain.lock(), &event);
        match event.kind {
            EventKind::Shutdown { guest, reason } => self.on_shutdown(guest, reason.as_deref()).await,
            EventKind::Reset { .. } => self.driver.tell_reboot(&self.domain, &self.domain.lock()),
            EventKind::Stop => self.on_stop().await,
            EventKind::Resume => self.on_resume().await,
            EventKind::Suspend => self.on_sleep(Sleep::Memory).await,
            EventKind::SuspendDisk => self.on_sleep(Sleep::Disk).await,
            EventKind::Wakeup => self.on_sleep(Sleep::Wakeup).await,
            EventKind::GuestPanicked { .. } => self.on_panic().await,
            EventKind::GuestCrashloaded { .. } => {
                self.driver.tell(&self.domain, &self.domain.lock(), Lifecycle::CrashLoaded);
            }
            EventKind::RtcChange { offset } => self.on_clock(offset).await,
            EventKind::BalloonChange { actual } => self.on_balloon(actual / 1024).await,
            EventKind::Watchdog { action } => {
                self.driver.tell_watchdog(&self.domain, &self.domain.lock(), watchdog_action(&action));
            }
            EventKind::DumpCompleted { error } => self.dumps.completed(error),
            _ => self.on_device_event(event).await,
        }
    }

    async fn on_resume(&self) {
        let crashed = self.domain.lock().status.condition == Condition::Crashed;
        // After a crash it is the reset that lets it go on, unless a client did.
        let status = if crashed && self.domain.jobs().held().0 != Some(Job::Suspend) {
            Status::RESTARTED
        } else {
            Status::UNPAUSED
        };
        self.publish(status, Lifecycle::Resumed).await;
    }

    /// The guest goes to sleep or wakes: told in an event of its own, and then as its new state.
    async fn on_sleep(&self, sleep: Sleep) {
        let (from, status, event) = match sleep {
            Sleep::Wakeup => (Condition::PmSuspended, Status::WOKEN, Lifecycle::Woken),
            Sleep::Memory => (Condition::Running, Status::PM_SUSPENDED, Lifecycle::PmSuspended(false)),
            Sleep::Disk => (Condition::Running, Status::PM_SUSPENDED, Lifecycle::PmSuspended(true)),
        };
        {
            let mut state = self.domain.lock();
            if state.live.is_none() {
                return;
            }
            let news = state.status.condition == from;
            if news {
                state.status = status;
            }
            self.driver.tell_sleep(&self.domain, &state, sleep);
            if news {
                self.driver.tell(&self.domain, &state, event);
            }
        }
        self.record("sleep").await;
    }

    /// The guest powers off: QEMU waits (`-no-shutdown`) and is ended, or reset when a reboot was asked for.
    async fn on_shutdown(&self, guest: bool, reason: Option<&str>) {
        let by = match reason {
            Some(reason) if reason.starts_with("guest-") => ShutdownBy::Guest,
            Some(_) => ShutdownBy::Host,
            None if guest => ShutdownBy::Guest,
            None => ShutdownBy::Unknown,
        };
        let reboot = {
            let mut state = self.domain.lock();
            if state.status.condition == Condition::Shutdown {
                // The signal that ends it after its power-off counts for QEMU as another one.
                return;
            }
            let Some(live) = state.live_mut() else { return };
            if live.ending == Some(Ending::Panicked) {
                // It is told of as crashed; the signal that ends it is no power-off.
                return;
            }
            let reboot =
                std::mem::take(&mut live.reboot_wanted) || start::reboots_on_poweroff(&live.definition);
            if reboot && (live.ending.is_some() || by == ShutdownBy::Host) {
                // QEMU itself is on its way out; there is nothing left to reset.
                live.ending.get_or_insert(Ending::Shutdown);
                return;
            }
            if !reboot && live.ending.is_none() {
                live.ending = Some(Ending::Shutdown);
            }
            if reboot {
                true
            } else {
                state.status = Status::SHUTDOWN_USER;
                self.driver.tell(&self.domain, &state, Lifecycle::Shutdown(by));
                false
            }
        };
        if reboot {
            return self.reset_instead().await;
        }
        self.record("power-off").await;
        self.end_now();
    }

    /// The guest's kernel has panicked, and QEMU holds it: what follows is `on_crash` of its definition.
    async fn on_panic(&self) {
        self.publish(Status::CRASHED_PANICKED, Lifecycle::Crashed).await;
        let action = {
            let mut state = self.domain.lock();
            let Some(live) = state.live_mut() else { return };
            let action = live.definition.lifecycle.on_crash;
            if matches!(action, LifecycleAction::Destroy | LifecycleAction::CoredumpDestroy) {
                live.ending.get_or_insert(Ending::Panicked);
            }
            action
        };
        match action {
            LifecycleAction::Preserve => {}
            LifecycleAction::Restart => self.reset_instead().await,
            LifecycleAction::CoredumpRestart => self.dump(crash::Then::Reset),
            LifecycleAction::CoredumpDestroy => self.dump(crash::Then::End),
            _ => self.end_now(),
        }
    }

    /// Dump the guest's memory beside the watch, which goes on to hear QEMU's events.
    fn dump(&self, then: crash::Then) {
        let dump = crash::Dump {
            driver: Arc::clone(&self.driver),
            domain: Arc::clone(&self.domain),
            process: Arc::clone(&self.process),
            monitor: self.monitor.clone(),
            dumps: Arc::clone(&self.dumps),
        };
        tokio::spawn(dump.run(then));
    }

    /// Ask QEMU to end; the end itself is seen by the watch.
    fn end_now(&self) {
        if let Err(error) = stop::ask(&self.process) {
            tracing::warn!(target: "qemu", "QEMU of a guest that has ended cannot be signalled: {error}");
        }
    }

    async fn reset_instead(&self) {
        crash::reset(&self.monitor, &self.process).await;
    }

    async fn on_stop(&self) {
        let status = match self.monitor.query_status().await {
            Ok(qemu) if qemu.status == "io-error" => Some((Status::PAUSED_IO_ERROR, Suspended::IoError)),
            Ok(qemu) if qemu.status == "watchdog" => Some((Status::PAUSED_WATCHDOG, Suspended::Watchdog)),
            // A guest that powers off or resets stands still meanwhile; its own events tell of it.
            Ok(qemu) if qemu.running || qemu.status == "shutdown" => None,
            _ => Some((Status::PAUSED_USER, Suspended::Paused)),
        };
        if let Some((status, why)) = status
            && self.domain.lock().status.condition == Condition::Running
        {
            self.publish(status, Lifecycle::Suspended(why)).await;
            if status == Status::PAUSED_WATCHDOG && crash::watchdog_dumps(&self.domain) {
                self.dump(crash::Then::Resume);
            }
        }
    }

    async fn on_balloon(&self, kib: u64) {
        {
            let mut state = self.domain.lock();
            let Some(live) = state.live_mut() else { return };
            live.balloon_kib = kib;
            self.driver.tell_balloon(&self.domain, &state, kib);
        }
        self.record("balloon").await;
    }

    async fn publish(&self, status: Status, event: Lifecycle) {
        control::publish(&self.driver, &self.domain, status, Some(event));
        self.record("state").await;
    }

    /// Write the status document: what changed is named in the log if it cannot be written.
    async fn record(&self, what: &str) {
        if let Err(error) = status::save(&self.driver, &self.domain).await {
            tracing::warn!(target: "qemu", "a guest's new {what} is not recorded: {error}");
        }
    }
}

/// `virDomainEventWatchdogAction` of QEMU's word.
fn watchdog_action(action: &str) -> i32 {
    match action {
        "pause" => 1,
        "reset" => 2,
        "poweroff" => 3,
        "shutdown" => 4,
        "debug" => 5,
        "inject-nmi" => 6,
        _ => 0,
    }
}
