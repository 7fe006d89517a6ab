//! Connection, host, node devices, secrets, streams, and everything else.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// How a client is connected (`virClientTransport`).
pub mod client_transport {
    pub const UNIX: u32 = 0;
    pub const TCP: u32 = 1;
    pub const TLS: u32 = 2;
}

/// Flags of computing a baseline CPU (`virConnectBaselineCPUFlags`).
pub mod connect_baseline_cpu_flags {
    pub const EXPAND_FEATURES: u32 = 1;
    pub const MIGRATABLE: u32 = 2;
    pub const IGNORE_HOST: u32 = 4;
}

/// Why a connection was closed (`virConnectCloseReason`).
pub mod connect_close_reason {
    pub const ERROR: i32 = 0;
    pub const EOF: i32 = 1;
    pub const KEEPALIVE: i32 = 2;
    pub const CLIENT: i32 = 3;
}

/// Flags of comparing CPUs (`virConnectCompareCPUFlags`).
pub mod connect_compare_cpu_flags {
    pub const FAIL_INCOMPATIBLE: u32 = 1;
    pub const VALIDATE_XML: u32 = 2;
}

/// What a client is asked for when it authenticates (`virConnectCredentialType`).
pub mod connect_credential_type {
    pub const USERNAME: i32 = 1;
    pub const AUTHNAME: i32 = 2;
    pub const LANGUAGE: i32 = 3;
    pub const CNONCE: i32 = 4;
    pub const PASSPHRASE: i32 = 5;
    pub const ECHOPROMPT: i32 = 6;
    pub const NOECHOPROMPT: i32 = 7;
    pub const REALM: i32 = 8;
    pub const EXTERNAL: i32 = 9;
}

/// Flags of opening a connection (`virConnectFlags`).
pub mod connect_flags {
    pub const RO: u32 = 1;
    pub const NO_ALIASES: u32 = 2;
}

/// Which domains to return statistics of, and how (`virConnectGetAllDomainStatsFlags`).
pub mod connect_get_all_domain_stats_flags {
    pub const ACTIVE: u32 = 1;
    pub const INACTIVE: u32 = 2;
    pub const PERSISTENT: u32 = 4;
    pub const TRANSIENT: u32 = 8;
    pub const RUNNING: u32 = 16;
    pub const PAUSED: u32 = 32;
    pub const SHUTOFF: u32 = 64;
    pub const OTHER: u32 = 128;
    pub const NOWAIT: u32 = 536_870_912;
    pub const BACKING: u32 = 1_073_741_824;
    pub const ENFORCE_STATS: u32 = 2_147_483_648;
}

/// Flags of asking for domain capabilities (`virConnectGetDomainCapabilitiesFlags`).
pub mod connect_get_domain_capabilities_flags {
    pub const DISABLE_DEPRECATED_FEATURES: u32 = 1;
    pub const EXPAND_CPU_FEATURES: u32 = 2;
    pub const SUPPORTED_CPU_FEATURES: u32 = 4;
}

/// Which domains to list (`virConnectListAllDomainsFlags`).
pub mod connect_list_all_domains_flags {
    pub const ACTIVE: u32 = 1;
    pub const INACTIVE: u32 = 2;
    pub const PERSISTENT: u32 = 4;
    pub const TRANSIENT: u32 = 8;
    pub const RUNNING: u32 = 16;
    pub const PAUSED: u32 = 32;
    pub const SHUTOFF: u32 = 64;
    pub const OTHER: u32 = 128;
    pub const MANAGEDSAVE: u32 = 256;
    pub const NO_MANAGEDSAVE: u32 = 512;
    pub const AUTOSTART: u32 = 1024;
    pub const NO_AUTOSTART: u32 = 2048;
    pub const HAS_SNAPSHOT: u32 = 4096;
    pub const NO_SNAPSHOT: u32 = 8192;
    pub const HAS_CHECKPOINT: u32 = 16_384;
    pub const NO_CHECKPOINT: u32 = 32_768;
}

/// Which host interfaces to list (`virConnectListAllInterfacesFlags`).
pub mod connect_list_all_interfaces_flags {
    pub const INACTIVE: u32 = 1;
    pub const ACTIVE: u32 = 2;
}

/// Which networks to list (`virConnectListAllNetworksFlags`).
pub mod connect_list_all_networks_flags {
    pub const INACTIVE: u32 = 1;
    pub const ACTIVE: u32 = 2;
    pub const PERSISTENT: u32 = 4;
    pub const TRANSIENT: u32 = 8;
    pub const AUTOSTART: u32 = 16;
    pub const NO_AUTOSTART: u32 = 32;
}

/// Which node devices to list (`virConnectListAllNodeDeviceFlags`).
pub mod connect_list_all_node_device_flags {
    pub const CAP_SYSTEM: u32 = 1;
    pub const CAP_PCI_DEV: u32 = 2;
    pub const CAP_USB_DEV: u32 = 4;
    pub const CAP_USB_INTERFACE: u32 = 8;
    pub const CAP_NET: u32 = 16;
    pub const CAP_SCSI_HOST: u32 = 32;
    pub const CAP_SCSI_TARGET: u32 = 64;
    pub const CAP_SCSI: u32 = 128;
    pub const CAP_STORAGE: u32 = 256;
    pub const CAP_FC_HOST: u32 = 512;
    pub const CAP_VPORTS: u32 = 1024;
    pub const CAP_SCSI_GENERIC: u32 = 2048;
    pub const CAP_DRM: u32 = 4096;
    pub const CAP_MDEV_TYPES: u32 = 8192;
    pub const CAP_MDEV: u32 = 16_384;
    pub const CAP_CCW_DEV: u32 = 32_768;
    pub const CAP_CSS_DEV: u32 = 65_536;
    pub const CAP_VDPA: u32 = 131_072;
    pub const CAP_AP_CARD: u32 = 262_144;
    pub const CAP_AP_QUEUE: u32 = 524_288;
    pub const CAP_AP_MATRIX: u32 = 1_048_576;
    pub const CAP_VPD: u32 = 2_097_152;
    pub const CAP_CCWGROUP_DEV: u32 = 4_194_304;
    pub const CAP_CCWGROUP_MEMBER: u32 = 8_388_608;
    pub const PERSISTENT: u32 = 268_435_456;
    pub const TRANSIENT: u32 = 536_870_912;
    pub const INACTIVE: u32 = 1_073_741_824;
    pub const ACTIVE: u32 = 2_147_483_648;
}

/// Which secrets to list (`virConnectListAllSecretsFlags`).
pub mod connect_list_all_secrets_flags {
    pub const EPHEMERAL: u32 = 1;
    pub const NO_EPHEMERAL: u32 = 2;
    pub const PRIVATE: u32 = 4;
    pub const NO_PRIVATE: u32 = 8;
}

/// Which storage pools to list (`virConnectListAllStoragePoolsFlags`).
pub mod connect_list_all_storage_pools_flags {
    pub const INACTIVE: u32 = 1;
    pub const ACTIVE: u32 = 2;
    pub const PERSISTENT: u32 = 4;
    pub const TRANSIENT: u32 = 8;
    pub const AUTOSTART: u32 = 16;
    pub const NO_AUTOSTART: u32 = 32;
    pub const DIR: u32 = 64;
    pub const FS: u32 = 128;
    pub const NETFS: u32 = 256;
    pub const LOGICAL: u32 = 512;
    pub const DISK: u32 = 1024;
    pub const ISCSI: u32 = 2048;
    pub const SCSI: u32 = 4096;
    pub const MPATH: u32 = 8192;
    pub const RBD: u32 = 16_384;
    pub const SHEEPDOG: u32 = 32_768;
    pub const GLUSTER: u32 = 65_536;
    pub const ZFS: u32 = 131_072;
    pub const VSTORAGE: u32 = 262_144;
    pub const ISCSI_DIRECT: u32 = 524_288;
}

/// How CPUs compare (`virCPUCompareResult`).
pub mod cpu_compare_result {
    pub const ERROR: i32 = -1;
    pub const INCOMPATIBLE: i32 = 0;
    pub const IDENTICAL: i32 = 1;
    pub const SUPERSET: i32 = 2;
}

/// Internal features of drivers, for `connect_supports_feature` (`virDrvFeature`).
pub mod drv_feature {
    pub const MIGRATION_V1: i32 = 1;
    pub const REMOTE: i32 = 2;
    pub const MIGRATION_V2: i32 = 3;
    pub const MIGRATION_P2P: i32 = 4;
    pub const MIGRATION_DIRECT: i32 = 5;
    pub const MIGRATION_V3: i32 = 6;
    pub const MIGRATE_CHANGE_PROTECTION: i32 = 7;
    pub const FD_PASSING: i32 = 8;
    pub const TYPED_PARAM_STRING: i32 = 9;
    pub const PROGRAM_KEEPALIVE: i32 = 10;
    pub const XML_MIGRATABLE: i32 = 11;
    pub const MIGRATION_OFFLINE: i32 = 12;
    pub const MIGRATION_PARAMS: i32 = 13;
    pub const REMOTE_EVENT_CALLBACK: i32 = 14;
    pub const REMOTE_CLOSE_CALLBACK: i32 = 15;
    pub const NETWORK_UPDATE_HAS_CORRECT_ORDER: i32 = 16;
}

/// What a descriptor is ready for (`virEventHandleType`).
pub mod event_handle_type {
    pub const READABLE: i32 = 1;
    pub const WRITABLE: i32 = 2;
    pub const ERROR: i32 = 4;
    pub const HANGUP: i32 = 8;
}

/// Whether to add pages or set their number (`virNodeAllocPagesFlags`).
pub mod node_alloc_pages_flags {
    pub const ADD: u32 = 0;
    pub const SET: u32 = 1;
}

/// Flags of creating a node device (`virNodeDeviceCreateXMLFlags`).
pub mod node_device_create_xml_flags {
    pub const VALIDATE: u32 = 1;
}

/// Flags of defining a node device (`virNodeDeviceDefineXMLFlags`).
pub mod node_device_define_xml_flags {
    pub const VALIDATE: u32 = 1;
}

/// Whether to change the device, its definition, or both (`virNodeDeviceUpdateFlags`).
pub mod node_device_update_flags {
    pub const CURRENT: u32 = 0;
    pub const LIVE: u32 = 1;
    pub const CONFIG: u32 = 2;
}

/// What a node device's document holds (`virNodeDeviceXMLFlags`).
pub mod node_device_xml_flags {
    pub const INACTIVE: u32 = 1;
}

/// The number that stands for all CPUs (`virNodeGetCPUStatsAllCPUs`).
pub mod node_get_cpu_stats_all_cpus {
    pub const CPU_STATS_ALL_CPUS: i32 = -1;
}

/// The number that stands for all NUMA cells (`virNodeGetMemoryStatsAllCells`).
pub mod node_get_memory_stats_all_cells {
    pub const MEMORY_STATS_ALL_CELLS: i32 = -1;
}

/// Ways for host or guest to sleep (`virNodeSuspendTarget`).
pub mod node_suspend_target {
    pub const MEM: u32 = 0;
    pub const DISK: u32 = 1;
    pub const HYBRID: u32 = 2;
}

/// Flags of defining a secret (`virSecretDefineFlags`).
pub mod secret_define_flags {
    pub const VALIDATE: u32 = 1;
}

/// What secrets are for (`virSecretUsageType`).
pub mod secret_usage_type {
    pub const NONE: i32 = 0;
    pub const VOLUME: i32 = 1;
    pub const CEPH: i32 = 2;
    pub const ISCSI: i32 = 3;
    pub const TLS: i32 = 4;
    pub const VTPM: i32 = 5;
}

/// What a stream is ready for (`virStreamEventType`).
pub mod stream_event_type {
    pub const READABLE: i32 = 1;
    pub const WRITABLE: i32 = 2;
    pub const ERROR: i32 = 4;
    pub const HANGUP: i32 = 8;
}

/// Flags of a stream (`virStreamFlags`).
pub mod stream_flags {
    pub const NONBLOCK: u32 = 1;
}

/// Flags of receiving from a stream (`virStreamRecvFlagsValues`).
pub mod stream_recv_flags_values {
    pub const STOP_AT_HOLE: u32 = 1;
}

/// What a client can take as typed parameters (`virTypedParameterFlags`).
pub mod typed_parameter_flags {
    pub const PARAM_STRING_OKAY: u32 = 4;
}

/// Types of typed parameters (`virTypedParameterType`).
pub mod typed_parameter_type {
    pub const INT: i32 = 1;
    pub const UINT: i32 = 2;
    pub const LLONG: i32 = 3;
    pub const ULLONG: i32 = 4;
    pub const DOUBLE: i32 = 5;
    pub const BOOLEAN: i32 = 6;
    pub const STRING: i32 = 7;
}
