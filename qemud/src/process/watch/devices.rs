//! QEMU's events about a guest's devices: the live definition first, then the clients.

use std::sync::Arc;

use model::domain::Domain as Definition;
use protocol::consts::{
    DomainMemoryFailureFlags, connect_domain_event_channel_lifecycle_reason as reason,
    domain_event_io_error_action as io_action, domain_memory_failure_action_type as memory_action,
    domain_memory_failure_recipient_type as recipient,
};

use super::Watch;
use crate::domain::State;
use crate::guest::threshold;
use crate::monitor::event::BlockIoError;
use crate::monitor::{Event, EventKind};
use crate::notify::guest::{IoError, MemoryFailure, Threshold};
use crate::parts;

impl Watch {
    pub(super) async fn on_device_event(&self, event: Event) {
        match event.kind {
            EventKind::VserportChange { id, open } => self.on_port(&id, open).await,
            EventKind::BlockIoError(error) => self.on_io_error(&error),
            EventKind::Graphics(graphics) => {
                self.driver.tell_graphics(&self.domain, &self.domain.lock(), &graphics);
            }
            EventKind::DeviceTrayMoved { device, id, open } => self.on_tray(&device, &id, open).await,
            EventKind::DeviceDeleted { device: Some(alias), .. } => self.on_device_gone(&alias).await,
            EventKind::DeviceUnplugError { device: Some(alias), .. } => {
                self.driver.tell_device_removal_failed(&self.domain, &self.domain.lock(), &alias);
            }
            EventKind::BlockWriteThreshold { node_name, amount_exceeded, write_threshold } => {
                self.on_threshold(&node_name, write_threshold, amount_exceeded);
            }
            EventKind::MemoryDeviceSizeChange { id: Some(alias), size } => {
                self.driver.tell_memory_device_size(&self.domain, &self.domain.lock(), &alias, size);
            }
            EventKind::MemoryFailure { recipient, action, action_required, recursive } => {
                let mut flags = DomainMemoryFailureFlags::empty();
                flags.set(DomainMemoryFailureFlags::ACTION_REQUIRED, action_required);
                flags.set(DomainMemoryFailureFlags::RECURSIVE, recursive);
                let failure = memory_failure(&recipient, &action, flags);
                self.driver.tell_memory_failure(&self.domain, &self.domain.lock(), failure);
            }
            _ => tracing::debug!(target: "qemu", "{} of QEMU means nothing to clients", event.name),
        }
    }

    /// The guest has opened or closed its end of a channel.
    async fn on_port(&self, alias: &str, open: bool) {
        {
            let mut state = self.domain.lock();
            if !change(&mut state, |definition| parts::set_channel_state(definition, alias, open)) {
                return;
            }
            let Some(live) = &state.live else { return };
            if let Some(name) = parts::channel_name(&live.definition, alias).map(str::to_owned) {
                self.driver.tell_channel_state(&self.domain, &state, &name, (open, reason::CHANNEL));
            }
        }
        self.record("channel state").await;
    }

    /// The guest has set its clock. A variable offset follows, for the guest's next host and for clients.
    pub(super) async fn on_clock(&self, offset: i64) {
        let mut told = offset;
        let kept = {
            let mut state = self.domain.lock();
            let kept = change(&mut state, |definition| {
                let adjusted = parts::adjust_clock(definition, offset);
                told = adjusted.unwrap_or(offset);
                adjusted.is_some()
            });
            self.driver.tell_rtc_change(&self.domain, &state, told);
            kept
        };
        if kept {
            self.record("clock").await;
        }
    }

    fn on_io_error(&self, error: &BlockIoError) {
        let state = self.domain.lock();
        let Some(live) = &state.live else { return };
        let disk = parts::disk_of_event(
            &live.definition,
            error.node_name.as_deref(),
            error.qom_path.as_deref(),
            &error.device,
        );
        let told = IoError {
            path: disk.and_then(parts::disk_path).unwrap_or_default().to_owned(),
            alias: disk.and_then(|disk| disk.info.alias.clone()).unwrap_or_default(),
            action: match error.action.as_str() {
                "stop" => io_action::PAUSE,
                "report" => io_action::REPORT,
                _ => io_action::NONE,
            },
            reason: if error.no_space { "enospc" } else { "" },
        };
        tracing::warn!(target: "qemu", "a disk of domain '{}' failed ({}): {}", state.name, told.alias, error.reason);
        self.driver.tell_io_error(&self.domain, &state, &told);
    }

    async fn on_tray(&self, drive: &str, alias: &str, open: bool) {
        let alias = if alias.is_empty() { drive.strip_prefix("drive-").unwrap_or(drive) } else { alias };
        {
            let mut state = self.domain.lock();
            change(&mut state, |definition| parts::set_tray(definition, alias, open));
            self.driver.tell_tray(&self.domain, &state, alias, open);
        }
        self.record("tray").await;
    }

    /// The guest gave a device up.
    async fn on_device_gone(&self, alias: &str) {
        {
            let mut state = self.domain.lock();
            if !change(&mut state, |definition| parts::remove(definition, alias)) {
                return;
            }
            self.driver.tell_device_removed(&self.domain, &state, alias);
        }
        self.record("list of devices").await;
    }

    fn on_threshold(&self, node: &str, threshold: u64, excess: u64) {
        let state = self.domain.lock();
        let Some(live) = &state.live else { return };
        let Some((names, path)) = threshold::names(&live.definition, &live.thresholds, node) else { return };
        let passed = Threshold { names, path, threshold, excess };
        self.driver.tell_threshold(&self.domain, &state, &passed);
    }
}

/// Change the live definition; false when there is none or nothing to change.
fn change(state: &mut State, how: impl FnOnce(&mut Definition) -> bool) -> bool {
    let Some(live) = state.live_mut() else { return false };
    how(Arc::make_mut(&mut live.definition))
}

fn memory_failure(who: &str, action: &str, flags: DomainMemoryFailureFlags) -> MemoryFailure {
    MemoryFailure {
        recipient: if who == "guest" { recipient::GUEST } else { recipient::HYPERVISOR },
        action: match action {
            "inject" => memory_action::INJECT,
            "fatal" => memory_action::FATAL,
            "reset" => memory_action::RESET,
            _ => memory_action::IGNORE,
        },
        flags: flags.bits(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_of_memory() {
        let required = DomainMemoryFailureFlags::ACTION_REQUIRED;
        let failure = memory_failure("guest", "inject", required | DomainMemoryFailureFlags::RECURSIVE);
        assert_eq!(failure, MemoryFailure { recipient: 1, action: 1, flags: 3 });
        let failure = memory_failure("hypervisor", "fatal", required);
        assert_eq!(failure, MemoryFailure { recipient: 0, action: 2, flags: 1 });
    }
}
