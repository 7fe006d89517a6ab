//! Arguments, results and events of [`super::DomainEvents`], in the order of their procedures.

use crate::limits::{DOMAIN_EVENT_GRAPHICS_IDENTITY_MAX, DOMAIN_EVENT_TUNABLE_MAX, DOMAIN_JOB_STATS_MAX};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::List;

wire! {
    /// Result of `virConnectDomainEventRegister` (105).
    struct ConnectDomainEventRegisterRet { cb_registered: i32 }

    /// Result of `virConnectDomainEventDeregister` (106).
    struct ConnectDomainEventDeregisterRet { cb_registered: i32 }

    /// Event 107: a domain started, stopped or changed its state (old form).
    struct DomainEventLifecycleMsg { dom: NonnullDomain, event: i32, detail: i32 }

    /// Arguments of `virConnectDomainEventRegisterAny` (167).
    struct ConnectDomainEventRegisterAnyArgs { eventID: i32 }

    /// Arguments of `virConnectDomainEventDeregisterAny` (168).
    struct ConnectDomainEventDeregisterAnyArgs { eventID: i32 }

    /// Event 169: the guest rebooted (old form).
    struct DomainEventRebootMsg { dom: NonnullDomain }

    /// Event 170: the guest set its clock (old form).
    struct DomainEventRtcChangeMsg { dom: NonnullDomain, offset: i64 }

    /// Event 171: the guest's watchdog fired (old form).
    struct DomainEventWatchdogMsg { dom: NonnullDomain, action: i32 }

    /// Event 172: a disk of the guest had an I/O error (old form).
    struct DomainEventIoErrorMsg {
        dom: NonnullDomain,
        srcPath: String,
        devAlias: String,
        action: i32,
    }

    /// End of a graphics connection.
    struct DomainEventGraphicsAddress { family: i32, node: String, service: String }

    /// One name under which a graphics client authenticated.
    struct DomainEventGraphicsIdentity { r#type: String, name: String }

    /// Event 173: a client of the guest's graphics connected, initialized or left (old form).
    struct DomainEventGraphicsMsg {
        dom: NonnullDomain,
        phase: i32,
        local: DomainEventGraphicsAddress,
        remote: DomainEventGraphicsAddress,
        authScheme: String,
        subject: List<DomainEventGraphicsIdentity, DOMAIN_EVENT_GRAPHICS_IDENTITY_MAX>,
    }

    /// Event 195: a disk of the guest had an I/O error, with its reason (old form).
    struct DomainEventIoErrorReasonMsg {
        dom: NonnullDomain,
        srcPath: String,
        devAlias: String,
        action: i32,
        reason: String,
    }

    /// Event 224: an event about the guest was lost because of an error (old form).
    struct DomainEventControlErrorMsg { dom: NonnullDomain }

    /// Event 241: a job on a disk ended, or is ready to end (old form).
    struct DomainEventBlockJobMsg { dom: NonnullDomain, path: String, r#type: i32, status: i32 }

    /// Event 248: the medium of a disk changed (old form).
    struct DomainEventDiskChangeMsg {
        dom: NonnullDomain,
        oldSrcPath: Option<String>,
        newSrcPath: Option<String>,
        devAlias: String,
        reason: i32,
    }

    /// Event 268: the tray of a removable disk opened or closed (old form).
    struct DomainEventTrayChangeMsg { dom: NonnullDomain, devAlias: String, reason: i32 }

    /// Event 269: the guest woke up (old form).
    struct DomainEventPmwakeupMsg { dom: NonnullDomain }

    /// Event 270: the guest went to sleep (old form).
    struct DomainEventPmsuspendMsg { dom: NonnullDomain }

    /// Event 276: the guest's balloon changed its size, in KiB (old form).
    struct DomainEventBalloonChangeMsg { dom: NonnullDomain, actual: u64 }

    /// Event 292: the guest went to sleep on disk (old form).
    struct DomainEventPmsuspendDiskMsg { dom: NonnullDomain }

    /// Event 311: a device was removed from the guest (old form).
    struct DomainEventDeviceRemovedMsg { dom: NonnullDomain, devAlias: String }

    /// Arguments of `virConnectDomainEventRegisterAny` (316).
    struct ConnectDomainEventCallbackRegisterAnyArgs { eventID: i32, dom: Option<NonnullDomain> }

    /// Result of `virConnectDomainEventRegisterAny` (316).
    struct ConnectDomainEventCallbackRegisterAnyRet { callbackID: i32 }

    /// Arguments of `virConnectDomainEventDeregisterAny` (317).
    struct ConnectDomainEventCallbackDeregisterAnyArgs { callbackID: i32 }

    /// Event 318: a domain started, stopped or changed its state.
    struct DomainEventCallbackLifecycleMsg { callbackID: i32, msg: DomainEventLifecycleMsg }

    /// Event 319: the guest rebooted.
    struct DomainEventCallbackRebootMsg { callbackID: i32, msg: DomainEventRebootMsg }

    /// Event 320: the guest set its clock.
    struct DomainEventCallbackRtcChangeMsg { callbackID: i32, msg: DomainEventRtcChangeMsg }

    /// Event 321: the guest's watchdog fired.
    struct DomainEventCallbackWatchdogMsg { callbackID: i32, msg: DomainEventWatchdogMsg }

    /// Event 322: a disk of the guest had an I/O error.
    struct DomainEventCallbackIoErrorMsg { callbackID: i32, msg: DomainEventIoErrorMsg }

    /// Event 323: a client of the guest's graphics connected, initialized or left.
    struct DomainEventCallbackGraphicsMsg { callbackID: i32, msg: DomainEventGraphicsMsg }

    /// Event 324: a disk of the guest had an I/O error, with its reason.
    struct DomainEventCallbackIoErrorReasonMsg { callbackID: i32, msg: DomainEventIoErrorReasonMsg }

    /// Event 325: an event about the guest was lost because of an error.
    struct DomainEventCallbackControlErrorMsg { callbackID: i32, msg: DomainEventControlErrorMsg }

    /// Event 326: a job on a disk, named by its path, ended or is ready to end.
    struct DomainEventCallbackBlockJobMsg { callbackID: i32, msg: DomainEventBlockJobMsg }

    /// Event 327: the medium of a disk changed.
    struct DomainEventCallbackDiskChangeMsg { callbackID: i32, msg: DomainEventDiskChangeMsg }

    /// Event 328: the tray of a removable disk opened or closed.
    struct DomainEventCallbackTrayChangeMsg { callbackID: i32, msg: DomainEventTrayChangeMsg }

    /// Event 329: the guest woke up.
    struct DomainEventCallbackPmwakeupMsg {
        callbackID: i32,
        reason: i32,
        msg: DomainEventPmwakeupMsg,
    }

    /// Event 330: the guest went to sleep.
    struct DomainEventCallbackPmsuspendMsg {
        callbackID: i32,
        reason: i32,
        msg: DomainEventPmsuspendMsg,
    }

    /// Event 331: the guest's balloon changed its size (in KiB).
    struct DomainEventCallbackBalloonChangeMsg { callbackID: i32, msg: DomainEventBalloonChangeMsg }

    /// Event 332: the guest went to sleep on disk.
    struct DomainEventCallbackPmsuspendDiskMsg {
        callbackID: i32,
        reason: i32,
        msg: DomainEventPmsuspendDiskMsg,
    }

    /// Event 333: a device was removed from the guest.
    struct DomainEventCallbackDeviceRemovedMsg { callbackID: i32, msg: DomainEventDeviceRemovedMsg }

    /// Event 339: a job on a disk, named by its target, ended or is ready to end.
    struct DomainEventBlockJob2Msg {
        callbackID: i32,
        dom: NonnullDomain,
        dst: String,
        r#type: i32,
        status: i32,
    }

    /// Event 346: tunable settings of the domain changed.
    struct DomainEventCallbackTunableMsg {
        callbackID: i32,
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_EVENT_TUNABLE_MAX>,
    }

    /// Event 348: the guest's agent connected or left.
    struct DomainEventCallbackAgentLifecycleMsg {
        callbackID: i32,
        dom: NonnullDomain,
        state: i32,
        reason: i32,
    }

    /// Event 354: a device was added to the guest.
    struct DomainEventCallbackDeviceAddedMsg {
        callbackID: i32,
        dom: NonnullDomain,
        devAlias: String,
    }

    /// Event 359: a migration began another pass over the guest's memory.
    struct DomainEventCallbackMigrationIterationMsg {
        callbackID: i32,
        dom: NonnullDomain,
        iteration: i32,
    }

    /// Event 363: a job on the domain ended; the parameters are its statistics.
    struct DomainEventCallbackJobCompletedMsg {
        callbackID: i32,
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_JOB_STATS_MAX>,
    }

    /// Event 367: a device could not be removed from the guest.
    struct DomainEventCallbackDeviceRemovalFailedMsg {
        callbackID: i32,
        dom: NonnullDomain,
        devAlias: String,
    }

    /// Event 379: the domain's metadata changed.
    struct DomainEventCallbackMetadataChangeMsg {
        callbackID: i32,
        dom: NonnullDomain,
        r#type: i32,
        nsuri: Option<String>,
    }

    /// Event 385: the guest wrote beyond the threshold of a disk (in bytes).
    struct DomainEventBlockThresholdMsg {
        callbackID: i32,
        dom: NonnullDomain,
        dev: String,
        path: Option<String>,
        threshold: u64,
        excess: u64,
    }

    /// Event 423: the host reported a failure of memory that the guest uses.
    struct DomainEventMemoryFailureMsg {
        callbackID: i32,
        dom: NonnullDomain,
        recipient: i32,
        action: i32,
        flags: u32,
    }

    /// Event 438: the guest changed the size of a memory device (in bytes).
    struct DomainEventMemoryDeviceSizeChangeMsg {
        callbackID: i32,
        dom: NonnullDomain,
        alias: String,
        size: u64,
    }

    /// Event 453: the guest changed the MAC address of a network interface.
    struct DomainEventNicMacChangeMsg {
        callbackID: i32,
        dom: NonnullDomain,
        alias: String,
        oldMAC: String,
        newMAC: String,
    }

    /// Event 454: a virtual CPU was unplugged.
    struct DomainEventVcpuRemovedMsg { callbackID: i32, dom: NonnullDomain, vcpuid: u32 }

    /// Event 455: a channel of the guest was connected or disconnected.
    struct DomainEventCallbackChannelLifecycleMsg {
        callbackID: i32,
        dom: NonnullDomain,
        channelName: String,
        state: i32,
        reason: i32,
    }
}
