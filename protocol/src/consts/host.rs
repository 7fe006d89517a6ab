//! Connection, host, node devices, secrets, streams, and everything else.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// How a client is connected (`virClientTransport`).
pub mod client_transport {
    pub const UNIX: u32 = 0;
    pub const TCP: u32 = 1;
    pub const TLS: u32 = 2;
}

flags! {
    /// Flags of computing a baseline CPU (`virConnectBaselineCPUFlags`).
    ConnectBaselineCpuFlags, "VIR_CONNECT_BASELINE_CPU_" {
        const EXPAND_FEATURES = 1;
        const MIGRATABLE = 2;
        const IGNORE_HOST = 4;
    }
}

/// Why a connection was closed (`virConnectCloseReason`).
pub mod connect_close_reason {
    pub const ERROR: i32 = 0;
    pub const EOF: i32 = 1;
    pub const KEEPALIVE: i32 = 2;
    pub const CLIENT: i32 = 3;
}

flags! {
    /// Flags of comparing CPUs (`virConnectCompareCPUFlags`).
    ConnectCompareCpuFlags, "VIR_CONNECT_COMPARE_CPU_" {
        const FAIL_INCOMPATIBLE = 1;
        const VALIDATE_XML = 2;
    }
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

flags! {
    /// Flags of opening a connection (`virConnectFlags`).
    ConnectFlags, "VIR_CONNECT_" {
        const RO = 1;
        const NO_ALIASES = 2;
    }
}

flags! {
    /// Which domains to return statistics of, and how (`virConnectGetAllDomainStatsFlags`).
    ConnectGetAllDomainStatsFlags, "VIR_CONNECT_GET_ALL_DOMAINS_STATS_" {
        const ACTIVE = 1;
        const INACTIVE = 2;
        const PERSISTENT = 4;
        const TRANSIENT = 8;
        const RUNNING = 16;
        const PAUSED = 32;
        const SHUTOFF = 64;
        const OTHER = 128;
        const NOWAIT = 536_870_912;
        const BACKING = 1_073_741_824;
        const ENFORCE_STATS = 2_147_483_648;
    }
}

flags! {
    /// Flags of asking for domain capabilities (`virConnectGetDomainCapabilitiesFlags`).
    ConnectGetDomainCapabilitiesFlags, "VIR_CONNECT_GET_DOMAIN_CAPABILITIES_" {
        const DISABLE_DEPRECATED_FEATURES = 1;
        const EXPAND_CPU_FEATURES = 2;
        const SUPPORTED_CPU_FEATURES = 4;
    }
}

flags! {
    /// Which domains to list (`virConnectListAllDomainsFlags`).
    ConnectListAllDomainsFlags, "VIR_CONNECT_LIST_DOMAINS_" {
        const ACTIVE = 1;
        const INACTIVE = 2;
        const PERSISTENT = 4;
        const TRANSIENT = 8;
        const RUNNING = 16;
        const PAUSED = 32;
        const SHUTOFF = 64;
        const OTHER = 128;
        const MANAGEDSAVE = 256;
        const NO_MANAGEDSAVE = 512;
        const AUTOSTART = 1024;
        const NO_AUTOSTART = 2048;
        const HAS_SNAPSHOT = 4096;
        const NO_SNAPSHOT = 8192;
        const HAS_CHECKPOINT = 16_384;
        const NO_CHECKPOINT = 32_768;
    }
}

flags! {
    /// Which host interfaces to list (`virConnectListAllInterfacesFlags`).
    ConnectListAllInterfacesFlags, "VIR_CONNECT_LIST_INTERFACES_" {
        const INACTIVE = 1;
        const ACTIVE = 2;
    }
}

flags! {
    /// Which networks to list (`virConnectListAllNetworksFlags`).
    ConnectListAllNetworksFlags, "VIR_CONNECT_LIST_NETWORKS_" {
        const INACTIVE = 1;
        const ACTIVE = 2;
        const PERSISTENT = 4;
        const TRANSIENT = 8;
        const AUTOSTART = 16;
        const NO_AUTOSTART = 32;
    }
}

flags! {
    /// Which node devices to list (`virConnectListAllNodeDeviceFlags`).
    ConnectListAllNodeDeviceFlags, "VIR_CONNECT_LIST_NODE_DEVICES_" {
        const CAP_SYSTEM = 1;
        const CAP_PCI_DEV = 2;
        const CAP_USB_DEV = 4;
        const CAP_USB_INTERFACE = 8;
        const CAP_NET = 16;
        const CAP_SCSI_HOST = 32;
        const CAP_SCSI_TARGET = 64;
        const CAP_SCSI = 128;
        const CAP_STORAGE = 256;
        const CAP_FC_HOST = 512;
        const CAP_VPORTS = 1024;
        const CAP_SCSI_GENERIC = 2048;
        const CAP_DRM = 4096;
        const CAP_MDEV_TYPES = 8192;
        const CAP_MDEV = 16_384;
        const CAP_CCW_DEV = 32_768;
        const CAP_CSS_DEV = 65_536;
        const CAP_VDPA = 131_072;
        const CAP_AP_CARD = 262_144;
        const CAP_AP_QUEUE = 524_288;
        const CAP_AP_MATRIX = 1_048_576;
        const CAP_VPD = 2_097_152;
        const CAP_CCWGROUP_DEV = 4_194_304;
        const CAP_CCWGROUP_MEMBER = 8_388_608;
        const PERSISTENT = 268_435_456;
        const TRANSIENT = 536_870_912;
        const INACTIVE = 1_073_741_824;
        const ACTIVE = 2_147_483_648;
    }
}

flags! {
    /// Which secrets to list (`virConnectListAllSecretsFlags`).
    ConnectListAllSecretsFlags, "VIR_CONNECT_LIST_SECRETS_" {
        const EPHEMERAL = 1;
        const NO_EPHEMERAL = 2;
        const PRIVATE = 4;
        const NO_PRIVATE = 8;
    }
}

flags! {
    /// Which storage pools to list (`virConnectListAllStoragePoolsFlags`).
    ConnectListAllStoragePoolsFlags, "VIR_CONNECT_LIST_STORAGE_POOLS_" {
        const INACTIVE = 1;
        const ACTIVE = 2;
        const PERSISTENT = 4;
        const TRANSIENT = 8;
        const AUTOSTART = 16;
        const NO_AUTOSTART = 32;
        const DIR = 64;
        const FS = 128;
        const NETFS = 256;
        const LOGICAL = 512;
        const DISK = 1024;
        const ISCSI = 2048;
        const SCSI = 4096;
        const MPATH = 8192;
        const RBD = 16_384;
        const SHEEPDOG = 32_768;
        const GLUSTER = 65_536;
        const ZFS = 131_072;
        const VSTORAGE = 262_144;
        const ISCSI_DIRECT = 524_288;
    }
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

flags! {
    /// Whether to add pages or set their number (`virNodeAllocPagesFlags`).
    NodeAllocPagesFlags, "VIR_NODE_ALLOC_PAGES_" {
        const ADD = 0;
        const SET = 1;
    }
}

flags! {
    /// Flags of creating a node device (`virNodeDeviceCreateXMLFlags`).
    NodeDeviceCreateXmlFlags, "VIR_NODE_DEVICE_CREATE_XML_" {
        const VALIDATE = 1;
    }
}

flags! {
    /// Flags of defining a node device (`virNodeDeviceDefineXMLFlags`).
    NodeDeviceDefineXmlFlags, "VIR_NODE_DEVICE_DEFINE_XML_" {
        const VALIDATE = 1;
    }
}

flags! {
    /// Whether to change the device, its definition, or both (`virNodeDeviceUpdateFlags`).
    NodeDeviceUpdateFlags, "VIR_NODE_DEVICE_UPDATE_AFFECT_" {
        const CURRENT = 0;
        const LIVE = 1;
        const CONFIG = 2;
    }
}

flags! {
    /// What a node device's document holds (`virNodeDeviceXMLFlags`).
    NodeDeviceXmlFlags, "VIR_NODE_DEVICE_XML_" {
        const INACTIVE = 1;
    }
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

flags! {
    /// Flags of defining a secret (`virSecretDefineFlags`).
    SecretDefineFlags, "VIR_SECRET_DEFINE_" {
        const VALIDATE = 1;
    }
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

flags! {
    /// Flags of a stream (`virStreamFlags`).
    StreamFlags, "VIR_STREAM_" {
        const NONBLOCK = 1;
    }
}

flags! {
    /// Flags of receiving from a stream (`virStreamRecvFlagsValues`).
    StreamRecvFlags, "VIR_STREAM_RECV_" {
        const STOP_AT_HOLE = 1;
    }
}

flags! {
    /// What a client can take as typed parameters (`virTypedParameterFlags`).
    TypedParameterFlags, "VIR_TYPED_" {
        const PARAM_STRING_OKAY = 4;
    }
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
