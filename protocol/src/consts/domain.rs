//! Domains: flags, states of parts, kinds of parameters.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// Types of disk I/O parameters (old form) (`virBlkioParameterType`).
pub mod blkio_parameter_type {
    pub const INT: i32 = 1;
    pub const UINT: i32 = 2;
    pub const LLONG: i32 = 3;
    pub const ULLONG: i32 = 4;
    pub const DOUBLE: i32 = 5;
    pub const BOOLEAN: i32 = 6;
}

/// Special timeouts of the guest's agent (`virDomainAgentResponseTimeoutValues`).
pub mod domain_agent_response_timeout_values {
    pub const BLOCK: i32 = -2;
    pub const DEFAULT: i32 = -1;
    pub const NOWAIT: i32 = 0;
}

flags! {
    /// Flags of setting SSH keys (`virDomainAuthorizedSSHKeysSetFlags`).
    DomainAuthorizedSshKeysSetFlags, "VIR_DOMAIN_AUTHORIZED_SSH_KEYS_SET_" {
        const APPEND = 1;
        const REMOVE = 2;
    }
}

flags! {
    /// Flags of opening a channel (`virDomainChannelFlags`).
    DomainChannelFlags, "VIR_DOMAIN_CHANNEL_" {
        const FORCE = 1;
    }
}

flags! {
    /// Flags of opening a console (`virDomainConsoleFlags`).
    DomainConsoleFlags, "VIR_DOMAIN_CONSOLE_" {
        const FORCE = 1;
        const SAFE = 2;
    }
}

flags! {
    /// Flags of dumping memory (`virDomainCoreDumpFlags`).
    DomainCoreDumpFlags, "VIR_DUMP_" {
        const CRASH = 1;
        const LIVE = 2;
        const BYPASS_CACHE = 4;
        const RESET = 8;
        const MEMORY_ONLY = 16;
    }
}

/// Formats of memory dumps (`virDomainCoreDumpFormat`).
pub mod domain_core_dump_format {
    pub const RAW: u32 = 0;
    pub const KDUMP_ZLIB: u32 = 1;
    pub const KDUMP_LZO: u32 = 2;
    pub const KDUMP_SNAPPY: u32 = 3;
    pub const WIN_DMP: u32 = 4;
}

flags! {
    /// Flags of starting a domain (`virDomainCreateFlags`).
    DomainCreateFlags, "VIR_DOMAIN_" {
        const NONE = 0;
        const START_PAUSED = 1;
        const START_AUTODESTROY = 2;
        const START_BYPASS_CACHE = 4;
        const START_FORCE_BOOT = 8;
        const START_VALIDATE = 16;
        const START_RESET_NVRAM = 32;
    }
}

flags! {
    /// Flags of defining a domain (`virDomainDefineFlags`).
    DomainDefineFlags, "VIR_DOMAIN_DEFINE_" {
        const VALIDATE = 1;
    }
}

flags! {
    /// Flags of destroying a domain (`virDomainDestroyFlagsValues`).
    DomainDestroyFlags, "VIR_DOMAIN_DESTROY_" {
        const DEFAULT = 0;
        const GRACEFUL = 1;
        const REMOVE_LOGS = 2;
    }
}

flags! {
    /// Flags of changing devices (`virDomainDeviceModifyFlags`).
    DomainDeviceModifyFlags, "VIR_DOMAIN_DEVICE_MODIFY_" {
        const CURRENT = 0;
        const LIVE = 1;
        const CONFIG = 2;
        const FORCE = 4;
    }
}

/// Kinds of disk errors (`virDomainDiskErrorCode`).
pub mod domain_disk_error_code {
    pub const NONE: i32 = 0;
    pub const UNSPEC: i32 = 1;
    pub const NO_SPACE: i32 = 2;
}

flags! {
    /// Flags of keeping descriptors (`virDomainFDAssociateFlags`).
    DomainFdAssociateFlags, "VIR_DOMAIN_FD_ASSOCIATE_SECLABEL_" {
        const RESTORE = 1;
        const WRITABLE = 2;
    }
}

flags! {
    /// Where to ask for a guest's name (`virDomainGetHostnameFlags`).
    DomainGetHostnameFlags, "VIR_DOMAIN_GET_HOSTNAME_" {
        const LEASE = 1;
        const AGENT = 2;
    }
}

/// Which graphics to reload (`virDomainGraphicsReloadType`).
pub mod domain_graphics_reload_type {
    pub const ANY: u32 = 0;
    pub const VNC: u32 = 1;
}

flags! {
    /// What to ask a guest's agent (`virDomainGuestInfoTypes`).
    DomainGuestInfoTypes, "VIR_DOMAIN_GUEST_INFO_" {
        const USERS = 1;
        const OS = 2;
        const TIMEZONE = 4;
        const HOSTNAME = 8;
        const FILESYSTEM = 16;
        const DISKS = 32;
        const INTERFACES = 64;
        const LOAD = 128;
        const DEVICES = 256;
    }
}

/// Where to ask for a guest's addresses (`virDomainInterfaceAddressesSource`).
pub mod domain_interface_addresses_source {
    pub const LEASE: u32 = 0;
    pub const AGENT: u32 = 1;
    pub const ARP: u32 = 2;
}

/// Ways a guest can end (`virDomainLifecycle`).
pub mod domain_lifecycle {
    pub const POWEROFF: u32 = 0;
    pub const REBOOT: u32 = 1;
    pub const CRASH: u32 = 2;
}

/// What to do when a guest ends (`virDomainLifecycleAction`).
pub mod domain_lifecycle_action {
    pub const DESTROY: u32 = 0;
    pub const RESTART: u32 = 1;
    pub const RESTART_RENAME: u32 = 2;
    pub const PRESERVE: u32 = 3;
    pub const COREDUMP_DESTROY: u32 = 4;
    pub const COREDUMP_RESTART: u32 = 5;
    pub const PRESERVE_RUNNING: u32 = 6;
}

/// What was done about a memory failure (`virDomainMemoryFailureActionType`).
pub mod domain_memory_failure_action_type {
    pub const IGNORE: i32 = 0;
    pub const INJECT: i32 = 1;
    pub const FATAL: i32 = 2;
    pub const RESET: i32 = 3;
}

flags! {
    /// Details of a memory failure (`virDomainMemoryFailureFlags`).
    DomainMemoryFailureFlags, "VIR_DOMAIN_MEMORY_FAILURE_" {
        const ACTION_REQUIRED = 1;
        const RECURSIVE = 2;
    }
}

/// Whose memory failed (`virDomainMemoryFailureRecipientType`).
pub mod domain_memory_failure_recipient_type {
    pub const HYPERVISOR: i32 = 0;
    pub const GUEST: i32 = 1;
}

flags! {
    /// How to address a guest's memory (`virDomainMemoryFlags`).
    DomainMemoryFlags, "VIR_MEMORY_" {
        const VIRTUAL = 1;
        const PHYSICAL = 2;
    }
}

flags! {
    /// Flags of setting memory (`virDomainMemoryModFlags`).
    DomainMemoryModFlags, "VIR_DOMAIN_MEM_" {
        const CURRENT = 0;
        const LIVE = 1;
        const CONFIG = 2;
        const MAXIMUM = 4;
    }
}

/// Figures of a guest's memory (`virDomainMemoryStatTags`).
pub mod domain_memory_stat_tags {
    pub const SWAP_IN: i32 = 0;
    pub const SWAP_OUT: i32 = 1;
    pub const MAJOR_FAULT: i32 = 2;
    pub const MINOR_FAULT: i32 = 3;
    pub const UNUSED: i32 = 4;
    pub const AVAILABLE: i32 = 5;
    pub const ACTUAL_BALLOON: i32 = 6;
    pub const RSS: i32 = 7;
    pub const USABLE: i32 = 8;
    pub const LAST_UPDATE: i32 = 9;
    pub const DISK_CACHES: i32 = 10;
    pub const HUGETLB_PGALLOC: i32 = 11;
    pub const HUGETLB_PGFAIL: i32 = 12;
    pub const NR: i32 = 13;
}

flags! {
    /// Kinds of messages about a domain (`virDomainMessageType`).
    DomainMessageType, "VIR_DOMAIN_MESSAGE_" {
        const DEPRECATION = 1;
        const TAINTING = 2;
        const IOERRORS = 4;
    }
}

/// Kinds of metadata (`virDomainMetadataType`).
pub mod domain_metadata_type {
    pub const DESCRIPTION: i32 = 0;
    pub const TITLE: i32 = 1;
    pub const ELEMENT: i32 = 2;
}

flags! {
    /// Whether a call is about the running domain, its definition, or both (`virDomainModificationImpact`).
    DomainModificationImpact, "VIR_DOMAIN_AFFECT_" {
        const CURRENT = 0;
        const LIVE = 1;
        const CONFIG = 2;
    }
}

/// Ways of placing memory (`virDomainNumatuneMemMode`).
pub mod domain_numatune_mem_mode {
    pub const STRICT: i32 = 0;
    pub const PREFERRED: i32 = 1;
    pub const INTERLEAVE: i32 = 2;
    pub const RESTRICTIVE: i32 = 3;
}

flags! {
    /// Flags of connecting to graphics (`virDomainOpenGraphicsFlags`).
    DomainOpenGraphicsFlags, "VIR_DOMAIN_OPEN_GRAPHICS_" {
        const SKIPAUTH = 1;
    }
}

/// Signals for processes of a guest (`virDomainProcessSignal`).
pub mod domain_process_signal {
    pub const NOP: u32 = 0;
    pub const HUP: u32 = 1;
    pub const INT: u32 = 2;
    pub const QUIT: u32 = 3;
    pub const ILL: u32 = 4;
    pub const TRAP: u32 = 5;
    pub const ABRT: u32 = 6;
    pub const BUS: u32 = 7;
    pub const FPE: u32 = 8;
    pub const KILL: u32 = 9;
    pub const USR1: u32 = 10;
    pub const SEGV: u32 = 11;
    pub const USR2: u32 = 12;
    pub const PIPE: u32 = 13;
    pub const ALRM: u32 = 14;
    pub const TERM: u32 = 15;
    pub const STKFLT: u32 = 16;
    pub const CHLD: u32 = 17;
    pub const CONT: u32 = 18;
    pub const STOP: u32 = 19;
    pub const TSTP: u32 = 20;
    pub const TTIN: u32 = 21;
    pub const TTOU: u32 = 22;
    pub const URG: u32 = 23;
    pub const XCPU: u32 = 24;
    pub const XFSZ: u32 = 25;
    pub const VTALRM: u32 = 26;
    pub const PROF: u32 = 27;
    pub const WINCH: u32 = 28;
    pub const POLL: u32 = 29;
    pub const PWR: u32 = 30;
    pub const SYS: u32 = 31;
    pub const RT0: u32 = 32;
    pub const RT1: u32 = 33;
    pub const RT2: u32 = 34;
    pub const RT3: u32 = 35;
    pub const RT4: u32 = 36;
    pub const RT5: u32 = 37;
    pub const RT6: u32 = 38;
    pub const RT7: u32 = 39;
    pub const RT8: u32 = 40;
    pub const RT9: u32 = 41;
    pub const RT10: u32 = 42;
    pub const RT11: u32 = 43;
    pub const RT12: u32 = 44;
    pub const RT13: u32 = 45;
    pub const RT14: u32 = 46;
    pub const RT15: u32 = 47;
    pub const RT16: u32 = 48;
    pub const RT17: u32 = 49;
    pub const RT18: u32 = 50;
    pub const RT19: u32 = 51;
    pub const RT20: u32 = 52;
    pub const RT21: u32 = 53;
    pub const RT22: u32 = 54;
    pub const RT23: u32 = 55;
    pub const RT24: u32 = 56;
    pub const RT25: u32 = 57;
    pub const RT26: u32 = 58;
    pub const RT27: u32 = 59;
    pub const RT28: u32 = 60;
    pub const RT29: u32 = 61;
    pub const RT30: u32 = 62;
    pub const RT31: u32 = 63;
    pub const RT32: u32 = 64;
}

/// Special timeouts of agent commands (`virDomainQemuAgentCommandTimeoutValues`).
pub mod domain_qemu_agent_command_timeout_values {
    pub const BLOCK: i32 = -2;
    pub const MIN: i32 = -2;
    pub const DEFAULT: i32 = -1;
    pub const NOWAIT: i32 = 0;
    pub const SHUTDOWN: i32 = 60;
}

flags! {
    /// Forms of monitor commands (`virDomainQemuMonitorCommandFlags`).
    DomainQemuMonitorCommandFlags, "VIR_DOMAIN_QEMU_MONITOR_COMMAND_" {
        const DEFAULT = 0;
        const HMP = 1;
    }
}

flags! {
    /// Ways of rebooting (`virDomainRebootFlagValues`).
    DomainRebootFlags, "VIR_DOMAIN_REBOOT_" {
        const DEFAULT = 0;
        const ACPI_POWER_BTN = 1;
        const GUEST_AGENT = 2;
        const INITCTL = 4;
        const SIGNAL = 8;
        const PARAVIRT = 16;
    }
}

flags! {
    /// What a saved image's document holds (`virDomainSaveImageXMLFlags`).
    DomainSaveImageXmlFlags, "VIR_DOMAIN_SAVE_IMAGE_XML_" {
        const SECURE = 1;
    }
}

flags! {
    /// Flags of saving and restoring (`virDomainSaveRestoreFlags`).
    DomainSaveRestoreFlags, "VIR_DOMAIN_SAVE_" {
        const BYPASS_CACHE = 1;
        const RUNNING = 2;
        const PAUSED = 4;
        const RESET_NVRAM = 8;
    }
}

flags! {
    /// Flags of setting a guest's time (`virDomainSetTimeFlags`).
    DomainSetTimeFlags, "VIR_DOMAIN_" {
        const TIME_SYNC = 1;
    }
}

flags! {
    /// Flags of setting a password (`virDomainSetUserPasswordFlags`).
    DomainSetUserPasswordFlags, "VIR_DOMAIN_" {
        const PASSWORD_ENCRYPTED = 1;
    }
}

flags! {
    /// Flags of plugging virtual CPUs (`virDomainSetVcpuFlags`).
    DomainSetVcpuFlags, "VIR_DOMAIN_SETVCPU_" {
        const AFFECT_CURRENT = 0;
        const AFFECT_LIVE = 1;
        const AFFECT_CONFIG = 2;
        const ASYNC_UNPLUG = 4;
    }
}

flags! {
    /// Ways of shutting down (`virDomainShutdownFlagValues`).
    DomainShutdownFlags, "VIR_DOMAIN_SHUTDOWN_" {
        const DEFAULT = 0;
        const ACPI_POWER_BTN = 1;
        const GUEST_AGENT = 2;
        const INITCTL = 4;
        const SIGNAL = 8;
        const PARAVIRT = 16;
    }
}

flags! {
    /// Groups of domain statistics (`virDomainStatsTypes`).
    DomainStatsTypes, "VIR_DOMAIN_STATS_" {
        const STATE = 1;
        const CPU_TOTAL = 2;
        const BALLOON = 4;
        const VCPU = 8;
        const INTERFACE = 16;
        const BLOCK = 32;
        const PERF = 64;
        const IOTHREAD = 128;
        const MEMORY = 256;
        const DIRTYRATE = 512;
        const VM = 1024;
    }
}

flags! {
    /// What to remove with a definition (`virDomainUndefineFlagsValues`).
    DomainUndefineFlags, "VIR_DOMAIN_UNDEFINE_" {
        const MANAGED_SAVE = 1;
        const SNAPSHOTS_METADATA = 2;
        const NVRAM = 4;
        const KEEP_NVRAM = 8;
        const CHECKPOINTS_METADATA = 16;
        const TPM = 32;
        const KEEP_TPM = 64;
    }
}

flags! {
    /// Flags of counting and setting virtual CPUs (`virDomainVcpuFlags`).
    DomainVcpuFlags, "VIR_DOMAIN_VCPU_" {
        const CURRENT = 0;
        const LIVE = 1;
        const CONFIG = 2;
        const MAXIMUM = 4;
        const GUEST = 8;
        const HOTPLUGGABLE = 16;
        const ASYNC_UNPLUG = 32;
    }
}

flags! {
    /// What a domain's document holds (`virDomainXMLFlags`).
    DomainXmlFlags, "VIR_DOMAIN_XML_" {
        const SECURE = 1;
        const INACTIVE = 2;
        const UPDATE_CPU = 4;
        const MIGRATABLE = 8;
    }
}

/// Sets of key codes (`virKeycodeSet`).
pub mod keycode_set {
    pub const LINUX: u32 = 0;
    pub const XT: u32 = 1;
    pub const ATSET1: u32 = 2;
    pub const ATSET2: u32 = 3;
    pub const ATSET3: u32 = 4;
    pub const OSX: u32 = 5;
    pub const XT_KBD: u32 = 6;
    pub const USB: u32 = 7;
    pub const WIN32: u32 = 8;
    pub const QNUM: u32 = 9;
}

/// Types of memory parameters (old form) (`virMemoryParameterType`).
pub mod memory_parameter_type {
    pub const INT: i32 = 1;
    pub const UINT: i32 = 2;
    pub const LLONG: i32 = 3;
    pub const ULLONG: i32 = 4;
    pub const DOUBLE: i32 = 5;
    pub const BOOLEAN: i32 = 6;
}

/// Types of scheduler parameters (old form) (`virSchedParameterType`).
pub mod sched_parameter_type {
    pub const INT: i32 = 1;
    pub const UINT: i32 = 2;
    pub const LLONG: i32 = 3;
    pub const ULLONG: i32 = 4;
    pub const DOUBLE: i32 = 5;
    pub const BOOLEAN: i32 = 6;
}
