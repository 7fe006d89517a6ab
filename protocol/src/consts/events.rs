//! Events: ids, and the details that they carry.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// Why an agent event was sent (`virConnectDomainEventAgentLifecycleReason`).
pub mod connect_domain_event_agent_lifecycle_reason {
    pub const UNKNOWN: i32 = 0;
    pub const DOMAIN_STARTED: i32 = 1;
    pub const CHANNEL: i32 = 2;
}

/// Whether the agent is there (`virConnectDomainEventAgentLifecycleState`).
pub mod connect_domain_event_agent_lifecycle_state {
    pub const CONNECTED: i32 = 1;
    pub const DISCONNECTED: i32 = 2;
}

/// What became of a disk job (`virConnectDomainEventBlockJobStatus`).
pub mod connect_domain_event_block_job_status {
    pub const COMPLETED: i32 = 0;
    pub const FAILED: i32 = 1;
    pub const CANCELED: i32 = 2;
    pub const READY: i32 = 3;
}

/// Why a channel event was sent (`virConnectDomainEventChannelLifecycleReason`).
pub mod connect_domain_event_channel_lifecycle_reason {
    pub const UNKNOWN: i32 = 0;
    pub const DOMAIN_STARTED: i32 = 1;
    pub const CHANNEL: i32 = 2;
}

/// Whether a channel is connected (`virConnectDomainEventChannelLifecycleState`).
pub mod connect_domain_event_channel_lifecycle_state {
    pub const CONNECTED: i32 = 1;
    pub const DISCONNECTED: i32 = 2;
}

/// Why a medium changed (`virConnectDomainEventDiskChangeReason`).
pub mod connect_domain_event_disk_change_reason {
    pub const CHANGE_MISSING_ON_START: i32 = 0;
    pub const DROP_MISSING_ON_START: i32 = 1;
}

flags! {
    /// How to match names of monitor events (`virConnectDomainQemuMonitorEventRegisterFlags`).
    ConnectDomainQemuMonitorEventRegisterFlags, "VIR_CONNECT_DOMAIN_QEMU_MONITOR_EVENT_REGISTER_" {
        const REGEX = 1;
        const NOCASE = 2;
    }
}

/// Details of a crash (`virDomainEventCrashedDetailType`).
pub mod domain_event_crashed_detail_type {
    pub const PANICKED: i32 = 0;
    pub const CRASHLOADED: i32 = 1;
}

/// Details of a definition (`virDomainEventDefinedDetailType`).
pub mod domain_event_defined_detail_type {
    pub const ADDED: i32 = 0;
    pub const UPDATED: i32 = 1;
    pub const RENAMED: i32 = 2;
    pub const FROM_SNAPSHOT: i32 = 3;
}

/// Address families of graphics connections (`virDomainEventGraphicsAddressType`).
pub mod domain_event_graphics_address_type {
    pub const IPV4: i32 = 0;
    pub const IPV6: i32 = 1;
    pub const UNIX: i32 = 2;
}

/// Phases of a graphics connection (`virDomainEventGraphicsPhase`).
pub mod domain_event_graphics_phase {
    pub const CONNECT: i32 = 0;
    pub const INITIALIZE: i32 = 1;
    pub const DISCONNECT: i32 = 2;
}

/// Kinds of domain events (`virDomainEventID`).
pub mod domain_event_id {
    pub const LIFECYCLE: i32 = 0;
    pub const REBOOT: i32 = 1;
    pub const RTC_CHANGE: i32 = 2;
    pub const WATCHDOG: i32 = 3;
    pub const IO_ERROR: i32 = 4;
    pub const GRAPHICS: i32 = 5;
    pub const IO_ERROR_REASON: i32 = 6;
    pub const CONTROL_ERROR: i32 = 7;
    pub const BLOCK_JOB: i32 = 8;
    pub const DISK_CHANGE: i32 = 9;
    pub const TRAY_CHANGE: i32 = 10;
    pub const PMWAKEUP: i32 = 11;
    pub const PMSUSPEND: i32 = 12;
    pub const BALLOON_CHANGE: i32 = 13;
    pub const PMSUSPEND_DISK: i32 = 14;
    pub const DEVICE_REMOVED: i32 = 15;
    pub const BLOCK_JOB_2: i32 = 16;
    pub const TUNABLE: i32 = 17;
    pub const AGENT_LIFECYCLE: i32 = 18;
    pub const DEVICE_ADDED: i32 = 19;
    pub const MIGRATION_ITERATION: i32 = 20;
    pub const JOB_COMPLETED: i32 = 21;
    pub const DEVICE_REMOVAL_FAILED: i32 = 22;
    pub const METADATA_CHANGE: i32 = 23;
    pub const BLOCK_THRESHOLD: i32 = 24;
    pub const MEMORY_FAILURE: i32 = 25;
    pub const MEMORY_DEVICE_SIZE_CHANGE: i32 = 26;
    pub const NIC_MAC_CHANGE: i32 = 27;
    pub const VCPU_REMOVED: i32 = 28;
    pub const CHANNEL_LIFECYCLE: i32 = 29;
    /// One more than the last kind.
    pub const LAST: i32 = 30;
}

/// What was done about an I/O error (`virDomainEventIOErrorAction`).
pub mod domain_event_io_error_action {
    pub const NONE: i32 = 0;
    pub const PAUSE: i32 = 1;
    pub const REPORT: i32 = 2;
}

/// Details of going to sleep (`virDomainEventPMSuspendedDetailType`).
pub mod domain_event_pm_suspended_detail_type {
    pub const MEMORY: i32 = 0;
    pub const DISK: i32 = 1;
}

/// Details of resuming (`virDomainEventResumedDetailType`).
pub mod domain_event_resumed_detail_type {
    pub const UNPAUSED: i32 = 0;
    pub const MIGRATED: i32 = 1;
    pub const FROM_SNAPSHOT: i32 = 2;
    pub const POSTCOPY: i32 = 3;
    pub const POSTCOPY_FAILED: i32 = 4;
}

/// Details of shutting down (`virDomainEventShutdownDetailType`).
pub mod domain_event_shutdown_detail_type {
    pub const FINISHED: i32 = 0;
    pub const GUEST: i32 = 1;
    pub const HOST: i32 = 2;
}

/// Details of starting (`virDomainEventStartedDetailType`).
pub mod domain_event_started_detail_type {
    pub const BOOTED: i32 = 0;
    pub const MIGRATED: i32 = 1;
    pub const RESTORED: i32 = 2;
    pub const FROM_SNAPSHOT: i32 = 3;
    pub const WAKEUP: i32 = 4;
    pub const RECREATED: i32 = 5;
}

/// Details of stopping (`virDomainEventStoppedDetailType`).
pub mod domain_event_stopped_detail_type {
    pub const SHUTDOWN: i32 = 0;
    pub const DESTROYED: i32 = 1;
    pub const CRASHED: i32 = 2;
    pub const MIGRATED: i32 = 3;
    pub const SAVED: i32 = 4;
    pub const FAILED: i32 = 5;
    pub const FROM_SNAPSHOT: i32 = 6;
    pub const RECREATED: i32 = 7;
}

/// Details of suspending (`virDomainEventSuspendedDetailType`).
pub mod domain_event_suspended_detail_type {
    pub const PAUSED: i32 = 0;
    pub const MIGRATED: i32 = 1;
    pub const IOERROR: i32 = 2;
    pub const WATCHDOG: i32 = 3;
    pub const RESTORED: i32 = 4;
    pub const FROM_SNAPSHOT: i32 = 5;
    pub const API_ERROR: i32 = 6;
    pub const POSTCOPY: i32 = 7;
    pub const POSTCOPY_FAILED: i32 = 8;
    pub const GUEST_SHUTDOWN: i32 = 9;
}

/// What a tray did (`virDomainEventTrayChangeReason`).
pub mod domain_event_tray_change_reason {
    pub const OPEN: i32 = 0;
    pub const CLOSE: i32 = 1;
}

/// Kinds of lifecycle events (`virDomainEventType`).
pub mod domain_event_type {
    pub const DEFINED: i32 = 0;
    pub const UNDEFINED: i32 = 1;
    pub const STARTED: i32 = 2;
    pub const SUSPENDED: i32 = 3;
    pub const RESUMED: i32 = 4;
    pub const STOPPED: i32 = 5;
    pub const SHUTDOWN: i32 = 6;
    pub const PMSUSPENDED: i32 = 7;
    pub const CRASHED: i32 = 8;
}

/// Details of undefining (`virDomainEventUndefinedDetailType`).
pub mod domain_event_undefined_detail_type {
    pub const REMOVED: i32 = 0;
    pub const RENAMED: i32 = 1;
}

/// What a watchdog did (`virDomainEventWatchdogAction`).
pub mod domain_event_watchdog_action {
    pub const NONE: i32 = 0;
    pub const PAUSE: i32 = 1;
    pub const RESET: i32 = 2;
    pub const POWEROFF: i32 = 3;
    pub const SHUTDOWN: i32 = 4;
    pub const DEBUG: i32 = 5;
    pub const INJECTNMI: i32 = 6;
}

/// Kinds of network events (`virNetworkEventID`).
pub mod network_event_id {
    pub const LIFECYCLE: i32 = 0;
    pub const METADATA_CHANGE: i32 = 1;
    /// One more than the last kind.
    pub const LAST: i32 = 2;
}

/// Kinds of network lifecycle events (`virNetworkEventLifecycleType`).
pub mod network_event_lifecycle_type {
    pub const DEFINED: i32 = 0;
    pub const UNDEFINED: i32 = 1;
    pub const STARTED: i32 = 2;
    pub const STOPPED: i32 = 3;
}

/// Kinds of node device events (`virNodeDeviceEventID`).
pub mod node_device_event_id {
    pub const LIFECYCLE: i32 = 0;
    pub const UPDATE: i32 = 1;
    /// One more than the last kind.
    pub const LAST: i32 = 2;
}

/// Kinds of node device lifecycle events (`virNodeDeviceEventLifecycleType`).
pub mod node_device_event_lifecycle_type {
    pub const CREATED: i32 = 0;
    pub const DELETED: i32 = 1;
    pub const DEFINED: i32 = 2;
    pub const UNDEFINED: i32 = 3;
}

/// Kinds of secret events (`virSecretEventID`).
pub mod secret_event_id {
    pub const LIFECYCLE: i32 = 0;
    pub const VALUE_CHANGED: i32 = 1;
    /// One more than the last kind.
    pub const LAST: i32 = 2;
}

/// Kinds of secret lifecycle events (`virSecretEventLifecycleType`).
pub mod secret_event_lifecycle_type {
    pub const DEFINED: i32 = 0;
    pub const UNDEFINED: i32 = 1;
}

/// Kinds of storage pool events (`virStoragePoolEventID`).
pub mod storage_pool_event_id {
    pub const LIFECYCLE: i32 = 0;
    pub const REFRESH: i32 = 1;
    /// One more than the last kind.
    pub const LAST: i32 = 2;
}

/// Kinds of storage pool lifecycle events (`virStoragePoolEventLifecycleType`).
pub mod storage_pool_event_lifecycle_type {
    pub const DEFINED: i32 = 0;
    pub const UNDEFINED: i32 = 1;
    pub const STARTED: i32 = 2;
    pub const STOPPED: i32 = 3;
    pub const CREATED: i32 = 4;
    pub const DELETED: i32 = 5;
}
