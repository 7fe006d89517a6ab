//! Events that QEMU tells of a running guest, in the forms of the wire.

use protocol::remote::{self, DomainEventGraphicsAddress, DomainEventGraphicsIdentity, rows};
use protocol::{consts, qemu};

use super::{Sent, encode, identify, monitor_topic, topic, without_callback_id};
use crate::device::disk::chain::Absent;
use crate::domain::{Domain, State};
use crate::driver::Driver;
use crate::guest::agent;
use crate::monitor::Event as MonitorEvent;
use crate::monitor::event::{GraphicsEvent, GraphicsPeer, GraphicsPhase};

/// An error of a disk operation as clients hear of it.
#[derive(Debug, Clone)]
pub struct IoError {
    /// Path of the image; empty when it has none.
    pub path: String,
    /// The disk's alias.
    pub alias: String,
    /// `virDomainEventIOErrorAction`.
    pub action: i32,
    /// "enospc", or nothing.
    pub reason: &'static str,
}

/// A threshold that was passed.
#[derive(Debug, Clone)]
pub struct Threshold {
    /// The names of the image: `vda`, `vda[1]`. Each is told of.
    pub names: Vec<String>,
    /// Path of the image.
    pub path: Option<String>,
    /// The threshold in bytes.
    pub threshold: u64,
    /// Bytes beyond it.
    pub excess: u64,
}

/// A failure of the host's memory, in numbers of the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemoryFailure {
    /// `virDomainEventMemoryFailureRecipientType`.
    pub recipient: i32,
    /// `virDomainEventMemoryFailureActionType`.
    pub action: i32,
    /// `virDomainMemoryFailureFlags`.
    pub flags: u32,
}

/// A change of the guest's sleep.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sleep {
    /// It woke.
    Wakeup,
    /// It sleeps in memory.
    Memory,
    /// It sleeps on disk.
    Disk,
}

impl Driver {
    /// Tell that the guest was reset.
    pub fn tell_reboot(&self, domain: &Domain, state: &State) {
        let message = remote::DomainEventRebootMsg { dom: identify(domain, state) };
        let rows = (&rows::domain_event_callback_reboot, Some(&rows::domain_event_reboot));
        self.send(domain.uuid(), consts::domain_event_id::REBOOT, rows, &message);
    }

    /// Tell that the guest's clock was set; `offset` in seconds from what it was started with.
    pub fn tell_rtc_change(&self, domain: &Domain, state: &State, offset: i64) {
        let message = remote::DomainEventRtcChangeMsg { dom: identify(domain, state), offset };
        let rows = (&rows::domain_event_callback_rtc_change, Some(&rows::domain_event_rtc_change));
        self.send(domain.uuid(), consts::domain_event_id::RTC_CHANGE, rows, &message);
    }

    /// Tell that the watchdog fired; `action` by `virDomainEventWatchdogAction`.
    pub fn tell_watchdog(&self, domain: &Domain, state: &State, action: i32) {
        let message = remote::DomainEventWatchdogMsg { dom: identify(domain, state), action };
        let rows = (&rows::domain_event_callback_watchdog, Some(&rows::domain_event_watchdog));
        self.send(domain.uuid(), consts::domain_event_id::WATCHDOG, rows, &message);
    }

    /// Tell of an error of a disk, in both events that there are for it.
    pub fn tell_io_error(&self, domain: &Domain, state: &State, error: &IoError) {
        let IoError { path, alias, action, reason } = error;
        let message = remote::DomainEventIoErrorMsg {
            dom: identify(domain, state),
            srcPath: path.clone(),
            devAlias: alias.clone(),
            action: *action,
        };
        let rows = (&rows::domain_event_callback_io_error, Some(&rows::domain_event_io_error));
        self.send(domain.uuid(), consts::domain_event_id::IO_ERROR, rows, &message);
        let message = remote::DomainEventIoErrorReasonMsg {
            dom: message.dom,
            srcPath: path.clone(),
            devAlias: alias.clone(),
            action: *action,
            reason: (*reason).to_owned(),
        };
        let rows = (&rows::domain_event_callback_io_error_reason, Some(&rows::domain_event_io_error_reason));
        self.send(domain.uuid(), consts::domain_event_id::IO_ERROR_REASON, rows, &message);
    }

    /// Tell of a client of the guest's display.
    pub fn tell_graphics(&self, domain: &Domain, state: &State, event: &GraphicsEvent) {
        let names = [("x509dname", &event.client.x509_dname), ("saslUsername", &event.client.sasl_username)];
        let subject = names.into_iter().filter_map(|(kind, name)| {
            let (r#type, name) = (kind.to_owned(), name.clone()?);
            Some(DomainEventGraphicsIdentity { r#type, name })
        });
        let message = remote::DomainEventGraphicsMsg {
            dom: identify(domain, state),
            phase: phase(event.phase),
            local: address(&event.server),
            remote: address(&event.client),
            authScheme: event.server.auth.clone().unwrap_or_default(),
            subject: subject.collect::<Vec<_>>().into(),
        };
        let rows = (&rows::domain_event_callback_graphics, Some(&rows::domain_event_graphics));
        self.send(domain.uuid(), consts::domain_event_id::GRAPHICS, rows, &message);
    }

    /// Tell that the connection to QEMU broke, so that events may be missing.
    pub fn tell_control_error(&self, domain: &Domain, state: &State) {
        let message = remote::DomainEventControlErrorMsg { dom: identify(domain, state) };
        let rows = (&rows::domain_event_callback_control_error, Some(&rows::domain_event_control_error));
        self.send(domain.uuid(), consts::domain_event_id::CONTROL_ERROR, rows, &message);
    }

    /// Tell that a guest starts without a disk, or without the medium of a drive.
    pub fn tell_absent_disk(&self, domain: &Domain, state: &State, disk: &Absent) {
        use consts::connect_domain_event_disk_change_reason as reason;
        let message = remote::DomainEventDiskChangeMsg {
            dom: identify(domain, state),
            oldSrcPath: disk.path.clone(),
            newSrcPath: None,
            devAlias: disk.alias.clone(),
            reason: match disk.dropped {
                true => reason::DROP_MISSING_ON_START,
                false => reason::CHANGE_MISSING_ON_START,
            },
        };
        let rows = (&rows::domain_event_callback_disk_change, Some(&rows::domain_event_disk_change));
        self.send(domain.uuid(), consts::domain_event_id::DISK_CHANGE, rows, &message);
    }

    /// Tell that the tray of the drive with this alias moved.
    pub fn tell_tray(&self, domain: &Domain, state: &State, alias: &str, open: bool) {
        use consts::domain_event_tray_change_reason as reason;
        let message = remote::DomainEventTrayChangeMsg {
            dom: identify(domain, state),
            devAlias: alias.to_owned(),
            reason: if open { reason::OPEN } else { reason::CLOSE },
        };
        let rows = (&rows::domain_event_callback_tray_change, Some(&rows::domain_event_tray_change));
        self.send(domain.uuid(), consts::domain_event_id::TRAY_CHANGE, rows, &message);
    }

    /// Tell that the guest went to sleep or woke.
    pub fn tell_sleep(&self, domain: &Domain, state: &State, sleep: Sleep) {
        use consts::domain_event_id as id;
        let (id, keyed, plain) = match sleep {
            Sleep::Wakeup => {
                (id::PMWAKEUP, &rows::domain_event_callback_pmwakeup, &rows::domain_event_pmwakeup)
            }
            Sleep::Memory => {
                (id::PMSUSPEND, &rows::domain_event_callback_pmsuspend, &rows::domain_event_pmsuspend)
            }
            Sleep::Disk => (
                id::PMSUSPEND_DISK,
                &rows::domain_event_callback_pmsuspend_disk,
                &rows::domain_event_pmsuspend_disk,
            ),
        };
        let (topic, object) = (topic(id), domain.uuid());
        if !self.events.has_listeners(topic) {
            return;
        }
        // The bodies of all three are alike. The newer form has a reason in front, which says nothing.
        let msg = remote::DomainEventPmwakeupMsg { dom: identify(domain, state) };
        let Some(older) = encode(object, &msg) else { return };
        let newer = remote::DomainEventCallbackPmwakeupMsg { callbackID: 0, reason: 0, msg };
        let Some(body) = encode(object, &newer).and_then(without_callback_id) else { return };
        self.emit(Sent { topic, object, name: "", keyed, body, plain: Some((plain.number, older)) });
    }

    /// Tell the balloon's new size in KiB.
    pub fn tell_balloon(&self, domain: &Domain, state: &State, kib: u64) {
        let message = remote::DomainEventBalloonChangeMsg { dom: identify(domain, state), actual: kib };
        let rows = (&rows::domain_event_callback_balloon_change, Some(&rows::domain_event_balloon_change));
        self.send(domain.uuid(), consts::domain_event_id::BALLOON_CHANGE, rows, &message);
    }

    /// Tell that the device with this alias is gone.
    pub fn tell_device_removed(&self, domain: &Domain, state: &State, alias: &str) {
        let dom = identify(domain, state);
        let message = remote::DomainEventDeviceRemovedMsg { dom, devAlias: alias.to_owned() };
        let rows = (&rows::domain_event_callback_device_removed, Some(&rows::domain_event_device_removed));
        self.send(domain.uuid(), consts::domain_event_id::DEVICE_REMOVED, rows, &message);
    }

    /// Tell that the guest keeps the device with this alias.
    pub fn tell_device_removal_failed(&self, domain: &Domain, state: &State, alias: &str) {
        let message = remote::DomainEventCallbackDeviceRemovalFailedMsg {
            callbackID: 0,
            dom: identify(domain, state),
            devAlias: alias.to_owned(),
        };
        let row = &rows::domain_event_callback_device_removal_failed;
        self.send_keyed(
            domain.uuid(),
            topic(consts::domain_event_id::DEVICE_REMOVAL_FAILED),
            "",
            row,
            &message,
        );
    }

    fn tell_agent(&self, domain: &Domain, state: &State, (open, reason): (bool, i32)) {
        let message = remote::DomainEventCallbackAgentLifecycleMsg {
            callbackID: 0,
            dom: identify(domain, state),
            state: channel_state(open),
            reason,
        };
        let row = &rows::domain_event_callback_agent_lifecycle;
        self.send_keyed(domain.uuid(), topic(consts::domain_event_id::AGENT_LIFECYCLE), "", row, &message);
    }

    /// Tell that the guest opened or closed a channel, known by the name that the guest sees; of the agent's there is
    /// an event of its own too.
    pub fn tell_channel_state(&self, domain: &Domain, state: &State, name: &str, now: (bool, i32)) {
        if name == agent::CHANNEL {
            self.tell_agent(domain, state, now);
        }
        self.tell_channel(domain, state, name, now);
    }

    fn tell_channel(&self, domain: &Domain, state: &State, name: &str, (open, reason): (bool, i32)) {
        let message = remote::DomainEventCallbackChannelLifecycleMsg {
            callbackID: 0,
            dom: identify(domain, state),
            channelName: name.to_owned(),
            state: channel_state(open),
            reason,
        };
        let row = &rows::domain_event_callback_channel_lifecycle;
        self.send_keyed(domain.uuid(), topic(consts::domain_event_id::CHANNEL_LIFECYCLE), "", row, &message);
    }

    /// Tell that the guest wrote beyond a threshold, once for every name of the image.
    pub fn tell_threshold(&self, domain: &Domain, state: &State, passed: &Threshold) {
        for name in &passed.names {
            let message = remote::DomainEventBlockThresholdMsg {
                callbackID: 0,
                dom: identify(domain, state),
                dev: name.clone(),
                path: passed.path.clone(),
                threshold: passed.threshold,
                excess: passed.excess,
            };
            let row = &rows::domain_event_block_threshold;
            self.send_keyed(
                domain.uuid(),
                topic(consts::domain_event_id::BLOCK_THRESHOLD),
                "",
                row,
                &message,
            );
        }
    }

    /// Tell that the host's memory failed under the guest.
    pub fn tell_memory_failure(&self, domain: &Domain, state: &State, failure: MemoryFailure) {
        let MemoryFailure { recipient, action, flags } = failure;
        let message = remote::DomainEventMemoryFailureMsg {
            callbackID: 0,
            dom: identify(domain, state),
            recipient,
            action,
            flags,
        };
        let row = &rows::domain_event_memory_failure;
        self.send_keyed(domain.uuid(), topic(consts::domain_event_id::MEMORY_FAILURE), "", row, &message);
    }

    /// Tell the new size in bytes of the memory device with this alias.
    pub fn tell_memory_device_size(&self, domain: &Domain, state: &State, alias: &str, size: u64) {
        let message = remote::DomainEventMemoryDeviceSizeChangeMsg {
            callbackID: 0,
            dom: identify(domain, state),
            alias: alias.to_owned(),
            size,
        };
        let row = &rows::domain_event_memory_device_size_change;
        let topic = topic(consts::domain_event_id::MEMORY_DEVICE_SIZE_CHANGE);
        self.send_keyed(domain.uuid(), topic, "", row, &message);
    }

    /// Pass an event of QEMU's on as it is, to those who asked for that.
    pub fn tell_monitor(&self, domain: &Domain, state: &State, event: &MonitorEvent) {
        let details = (!event.data.is_null()).then(|| event.data.to_string());
        let message = qemu::DomainMonitorEventMsg {
            callbackID: 0,
            dom: identify(domain, state),
            event: event.name.clone(),
            seconds: event.at.seconds,
            micros: event.at.microseconds,
            details,
        };
        let row = &qemu::rows::domain_monitor_event;
        self.send_keyed(domain.uuid(), monitor_topic(), &event.name, row, &message);
    }
}

fn channel_state(open: bool) -> i32 {
    use consts::connect_domain_event_channel_lifecycle_state as state;
    if open { state::CONNECTED } else { state::DISCONNECTED }
}

fn phase(phase: GraphicsPhase) -> i32 {
    use consts::domain_event_graphics_phase as number;
    match phase {
        GraphicsPhase::Connected => number::CONNECT,
        GraphicsPhase::Initialized => number::INITIALIZE,
        GraphicsPhase::Disconnected => number::DISCONNECT,
    }
}

fn address(peer: &GraphicsPeer) -> DomainEventGraphicsAddress {
    use consts::domain_event_graphics_address_type as number;
    let family = match peer.family.as_str() {
        "ipv6" => number::IPV6,
        "unix" => number::UNIX,
        _ => number::IPV4,
    };
    DomainEventGraphicsAddress { family, node: peer.host.clone(), service: peer.service.clone() }
}
