//! Domains: states and the reasons for them.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// Why a domain is blocked (`virDomainBlockedReason`).
pub mod domain_blocked_reason {
    pub const UNKNOWN: i32 = 0;
}

/// Why the channel to the guest is broken (`virDomainControlErrorReason`).
pub mod domain_control_error_reason {
    pub const NONE: i32 = 0;
    pub const UNKNOWN: i32 = 1;
    pub const MONITOR: i32 = 2;
    pub const INTERNAL: i32 = 3;
}

/// States of the channel to the guest (`virDomainControlState`).
pub mod domain_control_state {
    pub const OK: i32 = 0;
    pub const JOB: i32 = 1;
    pub const OCCUPIED: i32 = 2;
    pub const ERROR: i32 = 3;
}

/// Why a domain counts as crashed (`virDomainCrashedReason`).
pub mod domain_crashed_reason {
    pub const UNKNOWN: i32 = 0;
    pub const PANICKED: i32 = 1;
}

/// Why a domain has no state (`virDomainNostateReason`).
pub mod domain_nostate_reason {
    pub const UNKNOWN: i32 = 0;
}

/// Why a domain is paused (`virDomainPausedReason`).
pub mod domain_paused_reason {
    pub const UNKNOWN: i32 = 0;
    pub const USER: i32 = 1;
    pub const MIGRATION: i32 = 2;
    pub const SAVE: i32 = 3;
    pub const DUMP: i32 = 4;
    pub const IOERROR: i32 = 5;
    pub const WATCHDOG: i32 = 6;
    pub const FROM_SNAPSHOT: i32 = 7;
    pub const SHUTTING_DOWN: i32 = 8;
    pub const SNAPSHOT: i32 = 9;
    pub const CRASHED: i32 = 10;
    pub const STARTING_UP: i32 = 11;
    pub const POSTCOPY: i32 = 12;
    pub const POSTCOPY_FAILED: i32 = 13;
    pub const API_ERROR: i32 = 14;
}

/// Why a domain sleeps on disk (`virDomainPMSuspendedDiskReason`).
pub mod domain_pm_suspended_disk_reason {
    pub const PMSUSPENDED_DISK_UNKNOWN: i32 = 0;
}

/// Why a domain sleeps (`virDomainPMSuspendedReason`).
pub mod domain_pm_suspended_reason {
    pub const PMSUSPENDED_UNKNOWN: i32 = 0;
}

/// Why a domain runs (`virDomainRunningReason`).
pub mod domain_running_reason {
    pub const UNKNOWN: i32 = 0;
    pub const BOOTED: i32 = 1;
    pub const MIGRATED: i32 = 2;
    pub const RESTORED: i32 = 3;
    pub const FROM_SNAPSHOT: i32 = 4;
    pub const UNPAUSED: i32 = 5;
    pub const MIGRATION_CANCELED: i32 = 6;
    pub const SAVE_CANCELED: i32 = 7;
    pub const WAKEUP: i32 = 8;
    pub const CRASHED: i32 = 9;
    pub const POSTCOPY: i32 = 10;
    pub const POSTCOPY_FAILED: i32 = 11;
}

/// Why a domain shuts down (`virDomainShutdownReason`).
pub mod domain_shutdown_reason {
    pub const UNKNOWN: i32 = 0;
    pub const USER: i32 = 1;
}

/// Why a domain is off (`virDomainShutoffReason`).
pub mod domain_shutoff_reason {
    pub const UNKNOWN: i32 = 0;
    pub const SHUTDOWN: i32 = 1;
    pub const DESTROYED: i32 = 2;
    pub const CRASHED: i32 = 3;
    pub const MIGRATED: i32 = 4;
    pub const SAVED: i32 = 5;
    pub const FAILED: i32 = 6;
    pub const FROM_SNAPSHOT: i32 = 7;
    pub const DAEMON: i32 = 8;
}

/// States of a domain (`virDomainState`).
pub mod domain_state {
    pub const NOSTATE: i32 = 0;
    pub const RUNNING: i32 = 1;
    pub const BLOCKED: i32 = 2;
    pub const PAUSED: i32 = 3;
    pub const SHUTDOWN: i32 = 4;
    pub const SHUTOFF: i32 = 5;
    pub const CRASHED: i32 = 6;
    pub const PMSUSPENDED: i32 = 7;
}

/// Special numbers of a virtual CPU's host CPU (`virVcpuHostCpuState`).
pub mod vcpu_host_cpu_state {
    pub const UNAVAILABLE: i32 = -2;
    pub const OFFLINE: i32 = -1;
}

/// States of a virtual CPU (`virVcpuState`).
pub mod vcpu_state {
    pub const OFFLINE: i32 = 0;
    pub const RUNNING: i32 = 1;
    pub const BLOCKED: i32 = 2;
}
