//! Storage pools and volumes.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// Flags of building a pool (`virStoragePoolBuildFlags`).
pub mod storage_pool_build_flags {
    pub const NEW: u32 = 0;
    pub const REPAIR: u32 = 1;
    pub const RESIZE: u32 = 2;
    pub const NO_OVERWRITE: u32 = 4;
    pub const OVERWRITE: u32 = 8;
}

/// Flags of starting a pool (`virStoragePoolCreateFlags`).
pub mod storage_pool_create_flags {
    pub const NORMAL: u32 = 0;
    pub const WITH_BUILD: u32 = 1;
    pub const WITH_BUILD_OVERWRITE: u32 = 2;
    pub const WITH_BUILD_NO_OVERWRITE: u32 = 4;
}

/// Flags of defining a pool (`virStoragePoolDefineFlags`).
pub mod storage_pool_define_flags {
    pub const VALIDATE: u32 = 1;
}

/// Flags of deleting a pool's storage (`virStoragePoolDeleteFlags`).
pub mod storage_pool_delete_flags {
    pub const NORMAL: u32 = 0;
    pub const ZEROED: u32 = 1;
}

/// States of a storage pool (`virStoragePoolState`).
pub mod storage_pool_state {
    pub const INACTIVE: i32 = 0;
    pub const BUILDING: i32 = 1;
    pub const RUNNING: i32 = 2;
    pub const DEGRADED: i32 = 3;
    pub const INACCESSIBLE: i32 = 4;
}

/// Flags of creating a volume (`virStorageVolCreateFlags`).
pub mod storage_vol_create_flags {
    pub const PREALLOC_METADATA: u32 = 1;
    pub const REFLINK: u32 = 2;
    pub const VALIDATE: u32 = 4;
}

/// Flags of deleting a volume (`virStorageVolDeleteFlags`).
pub mod storage_vol_delete_flags {
    pub const NORMAL: u32 = 0;
    pub const ZEROED: u32 = 1;
    pub const WITH_SNAPSHOTS: u32 = 2;
}

/// Flags of reading a volume (`virStorageVolDownloadFlags`).
pub mod storage_vol_download_flags {
    pub const SPARSE_STREAM: u32 = 1;
}

/// What to tell about a volume's size (`virStorageVolInfoFlags`).
pub mod storage_vol_info_flags {
    pub const USE_ALLOCATION: u32 = 0;
    pub const GET_PHYSICAL: u32 = 1;
}

/// Flags of resizing a volume (`virStorageVolResizeFlags`).
pub mod storage_vol_resize_flags {
    pub const ALLOCATE: u32 = 1;
    pub const DELTA: u32 = 2;
    pub const SHRINK: u32 = 4;
}

/// Kinds of volumes (`virStorageVolType`).
pub mod storage_vol_type {
    pub const FILE: i32 = 0;
    pub const BLOCK: i32 = 1;
    pub const DIR: i32 = 2;
    pub const NETWORK: i32 = 3;
    pub const NETDIR: i32 = 4;
    pub const PLOOP: i32 = 5;
}

/// Flags of writing a volume (`virStorageVolUploadFlags`).
pub mod storage_vol_upload_flags {
    pub const SPARSE_STREAM: u32 = 1;
}

/// Ways of overwriting a volume (`virStorageVolWipeAlgorithm`).
pub mod storage_vol_wipe_algorithm {
    pub const ZERO: u32 = 0;
    pub const NNSA: u32 = 1;
    pub const DOD: u32 = 2;
    pub const BSI: u32 = 3;
    pub const GUTMANN: u32 = 4;
    pub const SCHNEIER: u32 = 5;
    pub const PFITZNER7: u32 = 6;
    pub const PFITZNER33: u32 = 7;
    pub const RANDOM: u32 = 8;
    pub const TRIM: u32 = 9;
}

/// What a pool's document holds (`virStorageXMLFlags`).
pub mod storage_xml_flags {
    pub const INACTIVE: u32 = 1;
}
