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

/// Flags of setting SSH keys (`virDomainAuthorizedSSHKeysSetFlags`).
pub mod domain_authorized_ssh_keys_set_flags {
    pub const APPEND: u32 = 1;
    pub const REMOVE: u32 = 2;
}

/// Flags of opening a channel (`virDomainChannelFlags`).
pub mod domain_channel_flags {
    pub const FORCE: u32 = 1;
}

/// Flags of opening a console (`virDomainConsoleFlags`).
pub mod domain_console_flags {
    pub const FORCE: u32 = 1;
    pub const SAFE: u32 = 2;
}

/// Flags of dumping memory (`virDomainCoreDumpFlags`).
pub mod domain_core_dump_flags {
    pub const CRASH: u32 = 1;
    pub const LIVE: u32 = 2;
    pub const BYPASS_CACHE: u32 = 4;
    pub const RESET: u32 = 8;
    pub const MEMORY_ONLY: u32 = 16;
}

/// Formats of memory dumps (`virDomainCoreDumpFormat`).
pub mod domain_core_dump_format {
    pub const RAW: u32 = 0;
    pub const KDUMP_ZLIB: u32 = 1;
    pub const KDUMP_LZO: u32 = 2;
    pub const KDUMP_SNAPPY: u32 = 3;
    pub const WIN_DMP: u32 = 4;
}

/// Flags of starting a domain (`virDomainCreateFlags`).
pub mod domain_create_flags {
    pub const NONE: u32 = 0;
    pub const START_PAUSED: u32 = 1;
    pub const START_AUTODESTROY: u32 = 2;
    pub const START_BYPASS_CACHE: u32 = 4;
    pub const START_FORCE_BOOT: u32 = 8;
    pub const START_VALIDATE: u32 = 16;
    pub const START_RESET_NVRAM: u32 = 32;
}

/// Flags of defining a domain (`virDomainDefineFlags`).
pub mod domain_define_flags {
    pub const VALIDATE: u32 = 1;
}

/// Flags of destroying a domain (`virDomainDestroyFlagsValues`).
pub mod domain_destroy_flags_values {
    pub const DEFAULT: u32 = 0;
    pub const GRACEFUL: u32 = 1;
    pub const REMOVE_LOGS: u32 = 2;
}

/// Flags of changing devices (`virDomainDeviceModifyFlags`).
pub mod domain_device_modify_flags {
    pub const CURRENT: u32 = 0;
    pub const LIVE: u32 = 1;
    pub const CONFIG: u32 = 2;
    pub const FORCE: u32 = 4;
}

/// Kinds of disk errors (`virDomainDiskErrorCode`).
pub mod domain_disk_error_code {
    pub const NONE: i32 = 0;
    pub const UNSPEC: i32 = 1;
    pub const NO_SPACE: i32 = 2;
}

/// Flags of keeping descriptors (`virDomainFDAssociateFlags`).
pub mod domain_fd_associate_flags {
    pub const RESTORE: u32 = 1;
    pub const WRITABLE: u32 = 2;
}

/// Where to ask for a guest's name (`virDomainGetHostnameFlags`).
pub mod domain_get_hostname_flags {
    pub const LEASE: u32 = 1;
    pub const AGENT: u32 = 2;
}

/// Which graphics to reload (`virDomainGraphicsReloadType`).
pub mod domain_graphics_reload_type {
    pub const ANY: u32 = 0;
    pub const VNC: u32 = 1;
}

/// What to ask a guest's agent (`virDomainGuestInfoTypes`).
pub mod domain_guest_info_types {
    pub const USERS: u32 = 1;
    pub const OS: u32 = 2;
    pub const TIMEZONE: u32 = 4;
    pub const HOSTNAME: u32 = 8;
    pub const FILESYSTEM: u32 = 16;
    pub const DISKS: u32 = 32;
    pub const INTERFACES: u32 = 64;
    pub const LOAD: u32 = 128;
    pub const DEVICES: u32 = 256;
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

/// Details of a memory failure (`virDomainMemoryFailureFlags`).
pub mod domain_memory_failure_flags {
    pub const ACTION_REQUIRED: u32 = 1;
    pub const RECURSIVE: u32 = 2;
}

/// Whose memory failed (`virDomainMemoryFailureRecipientType`).
pub mod domain_memory_failure_recipient_type {
    pub const HYPERVISOR: i32 = 0;
    pub const GUEST: i32 = 1;
}

/// How to address a guest's memory (`virDomainMemoryFlags`).
pub mod domain_memory_flags {
    pub const VIRTUAL: u32 = 1;
    pub const PHYSICAL: u32 = 2;
}

/// Flags of setting memory (`virDomainMemoryModFlags`).
pub mod domain_memory_mod_flags {
    pub const CURRENT: u32 = 0;
    pub const LIVE: u32 = 1;
    pub const CONFIG: u32 = 2;
    pub const MAXIMUM: u32 = 4;
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

/// Kinds of messages about a domain (`virDomainMessageType`).
pub mod domain_message_type {
    pub const DEPRECATION: i32 = 1;
    pub const TAINTING: i32 = 2;
    pub const IOERRORS: i32 = 4;
}

/// Kinds of metadata (`virDomainMetadataType`).
pub mod domain_metadata_type {
    pub const DESCRIPTION: i32 = 0;
    pub const TITLE: i32 = 1;
    pub const ELEMENT: i32 = 2;
}

/// Whether a call is about the running domain, its definition, or both (`virDomainModificationImpact`).
pub mod domain_modification_impact {
    pub const CURRENT: u32 = 0;
    pub const LIVE: u32 = 1;
    pub const CONFIG: u32 = 2;
}

/// Ways of placing memory (`virDomainNumatuneMemMode`).
pub mod domain_numatune_mem_mode {
    pub const STRICT: i32 = 0;
    pub const PREFERRED: i32 = 1;
    pub const INTERLEAVE: i32 = 2;
    pub const RESTRICTIVE: i32 = 3;
}

/// Flags of connecting to graphics (`virDomainOpenGraphicsFlags`).
pub mod domain_open_graphics_flags {
    pub const SKIPAUTH: u32 = 1;
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

/// Forms of monitor commands (`virDomainQemuMonitorCommandFlags`).
pub mod domain_qemu_monitor_command_flags {
    pub const DEFAULT: u32 = 0;
    pub const HMP: u32 = 1;
}

/// Ways of rebooting (`virDomainRebootFlagValues`).
pub mod domain_reboot_flag_values {
    pub const DEFAULT: u32 = 0;
    pub const ACPI_POWER_BTN: u32 = 1;
    pub const GUEST_AGENT: u32 = 2;
    pub const INITCTL: u32 = 4;
    pub const SIGNAL: u32 = 8;
    pub const PARAVIRT: u32 = 16;
}

/// What a saved image's document holds (`virDomainSaveImageXMLFlags`).
pub mod domain_save_image_xml_flags {
    pub const SECURE: u32 = 1;
}

/// Flags of saving and restoring (`virDomainSaveRestoreFlags`).
pub mod domain_save_restore_flags {
    pub const BYPASS_CACHE: u32 = 1;
    pub const RUNNING: u32 = 2;
    pub const PAUSED: u32 = 4;
    pub const RESET_NVRAM: u32 = 8;
}

/// Flags of setting a guest's time (`virDomainSetTimeFlags`).
pub mod domain_set_time_flags {
    pub const TIME_SYNC: u32 = 1;
}

/// Flags of setting a password (`virDomainSetUserPasswordFlags`).
pub mod domain_set_user_password_flags {
    pub const PASSWORD_ENCRYPTED: u32 = 1;
}

/// Flags of plugging virtual CPUs (`virDomainSetVcpuFlags`).
pub mod domain_set_vcpu_flags {
    pub const AFFECT_CURRENT: u32 = 0;
    pub const AFFECT_LIVE: u32 = 1;
    pub const AFFECT_CONFIG: u32 = 2;
    pub const ASYNC_UNPLUG: u32 = 4;
}

/// Ways of shutting down (`virDomainShutdownFlagValues`).
pub mod domain_shutdown_flag_values {
    pub const DEFAULT: u32 = 0;
    pub const ACPI_POWER_BTN: u32 = 1;
    pub const GUEST_AGENT: u32 = 2;
    pub const INITCTL: u32 = 4;
    pub const SIGNAL: u32 = 8;
    pub const PARAVIRT: u32 = 16;
}

/// Groups of domain statistics (`virDomainStatsTypes`).
pub mod domain_stats_types {
    pub const STATE: u32 = 1;
    pub const CPU_TOTAL: u32 = 2;
    pub const BALLOON: u32 = 4;
    pub const VCPU: u32 = 8;
    pub const INTERFACE: u32 = 16;
    pub const BLOCK: u32 = 32;
    pub const PERF: u32 = 64;
    pub const IOTHREAD: u32 = 128;
    pub const MEMORY: u32 = 256;
    pub const DIRTYRATE: u32 = 512;
    pub const VM: u32 = 1024;
}

/// What to remove with a definition (`virDomainUndefineFlagsValues`).
pub mod domain_undefine_flags_values {
    pub const MANAGED_SAVE: u32 = 1;
    pub const SNAPSHOTS_METADATA: u32 = 2;
    pub const NVRAM: u32 = 4;
    pub const KEEP_NVRAM: u32 = 8;
    pub const CHECKPOINTS_METADATA: u32 = 16;
    pub const TPM: u32 = 32;
    pub const KEEP_TPM: u32 = 64;
}

/// Flags of counting and setting virtual CPUs (`virDomainVcpuFlags`).
pub mod domain_vcpu_flags {
    pub const CURRENT: u32 = 0;
    pub const LIVE: u32 = 1;
    pub const CONFIG: u32 = 2;
    pub const MAXIMUM: u32 = 4;
    pub const GUEST: u32 = 8;
    pub const HOTPLUGGABLE: u32 = 16;
    pub const ASYNC_UNPLUG: u32 = 32;
}

/// What a domain's document holds (`virDomainXMLFlags`).
pub mod domain_xml_flags {
    pub const SECURE: u32 = 1;
    pub const INACTIVE: u32 = 2;
    pub const UPDATE_CPU: u32 = 4;
    pub const MIGRATABLE: u32 = 8;
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
