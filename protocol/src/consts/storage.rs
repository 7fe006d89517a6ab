//! Storage pools and volumes.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

flags! {
    /// Flags of building a pool (`virStoragePoolBuildFlags`).
    StoragePoolBuildFlags, "VIR_STORAGE_POOL_BUILD_" {
        const NEW = 0;
        const REPAIR = 1;
        const RESIZE = 2;
        const NO_OVERWRITE = 4;
        const OVERWRITE = 8;
    }
}

flags! {
    /// Flags of starting a pool (`virStoragePoolCreateFlags`).
    StoragePoolCreateFlags, "VIR_STORAGE_POOL_CREATE_" {
        const NORMAL = 0;
        const WITH_BUILD = 1;
        const WITH_BUILD_OVERWRITE = 2;
        const WITH_BUILD_NO_OVERWRITE = 4;
    }
}

flags! {
    /// Flags of defining a pool (`virStoragePoolDefineFlags`).
    StoragePoolDefineFlags, "VIR_STORAGE_POOL_DEFINE_" {
        const VALIDATE = 1;
    }
}

flags! {
    /// Flags of deleting a pool's storage (`virStoragePoolDeleteFlags`).
    StoragePoolDeleteFlags, "VIR_STORAGE_POOL_DELETE_" {
        const NORMAL = 0;
        const ZEROED = 1;
    }
}

/// States of a storage pool (`virStoragePoolState`).
pub mod storage_pool_state {
    pub const INACTIVE: i32 = 0;
    pub const BUILDING: i32 = 1;
    pub const RUNNING: i32 = 2;
    pub const DEGRADED: i32 = 3;
    pub const INACCESSIBLE: i32 = 4;
}

flags! {
    /// Flags of creating a volume (`virStorageVolCreateFlags`).
    StorageVolCreateFlags, "VIR_STORAGE_VOL_CREATE_" {
        const PREALLOC_METADATA = 1;
        const REFLINK = 2;
        const VALIDATE = 4;
    }
}

flags! {
    /// Flags of deleting a volume (`virStorageVolDeleteFlags`).
    StorageVolDeleteFlags, "VIR_STORAGE_VOL_DELETE_" {
        const NORMAL = 0;
        const ZEROED = 1;
        const WITH_SNAPSHOTS = 2;
    }
}

flags! {
    /// Flags of reading a volume (`virStorageVolDownloadFlags`).
    StorageVolDownloadFlags, "VIR_STORAGE_VOL_DOWNLOAD_" {
        const SPARSE_STREAM = 1;
    }
}

flags! {
    /// What to tell about a volume's size (`virStorageVolInfoFlags`).
    StorageVolInfoFlags, "VIR_STORAGE_VOL_" {
        const USE_ALLOCATION = 0;
        const GET_PHYSICAL = 1;
    }
}

flags! {
    /// Flags of resizing a volume (`virStorageVolResizeFlags`).
    StorageVolResizeFlags, "VIR_STORAGE_VOL_RESIZE_" {
        const ALLOCATE = 1;
        const DELTA = 2;
        const SHRINK = 4;
    }
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

flags! {
    /// Flags of writing a volume (`virStorageVolUploadFlags`).
    StorageVolUploadFlags, "VIR_STORAGE_VOL_UPLOAD_" {
        const SPARSE_STREAM = 1;
    }
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

flags! {
    /// What a pool's document holds (`virStorageXMLFlags`).
    StorageXmlFlags, "VIR_STORAGE_XML_" {
        const INACTIVE = 1;
    }
}
