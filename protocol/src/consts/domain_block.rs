//! Domains: disks, jobs, migration, snapshots, checkpoints, backups.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

flags! {
    /// Flags of aborting a job (`virDomainAbortJobFlagsValues`).
    DomainAbortJobFlags, "VIR_DOMAIN_ABORT_JOB_" {
        const POSTCOPY = 1;
    }
}

flags! {
    /// Flags of beginning a backup (`virDomainBackupBeginFlags`).
    DomainBackupBeginFlags, "VIR_DOMAIN_BACKUP_BEGIN_" {
        const REUSE_EXTERNAL = 1;
        const PRESERVE_SHUTDOWN_DOMAIN = 2;
    }
}

flags! {
    /// Flags of committing images (`virDomainBlockCommitFlags`).
    DomainBlockCommitFlags, "VIR_DOMAIN_BLOCK_COMMIT_" {
        const SHALLOW = 1;
        const DELETE = 2;
        const ACTIVE = 4;
        const RELATIVE = 8;
        const BANDWIDTH_BYTES = 16;
    }
}

flags! {
    /// Flags of copying a disk (`virDomainBlockCopyFlags`).
    DomainBlockCopyFlags, "VIR_DOMAIN_BLOCK_COPY_" {
        const SHALLOW = 1;
        const REUSE_EXT = 2;
        const TRANSIENT_JOB = 4;
        const SYNCHRONOUS_WRITES = 8;
        const TARGET_ZEROED = 16;
    }
}

flags! {
    /// Flags of ending a disk job (`virDomainBlockJobAbortFlags`).
    DomainBlockJobAbortFlags, "VIR_DOMAIN_BLOCK_JOB_ABORT_" {
        const ASYNC = 1;
        const PIVOT = 2;
    }
}

flags! {
    /// Flags of asking about a disk job (`virDomainBlockJobInfoFlags`).
    DomainBlockJobInfoFlags, "VIR_DOMAIN_BLOCK_JOB_INFO_" {
        const BANDWIDTH_BYTES = 1;
    }
}

flags! {
    /// Flags of setting a disk job's bandwidth (`virDomainBlockJobSetSpeedFlags`).
    DomainBlockJobSetSpeedFlags, "VIR_DOMAIN_BLOCK_JOB_" {
        const SPEED_BANDWIDTH_BYTES = 1;
    }
}

/// Kinds of disk jobs (`virDomainBlockJobType`).
pub mod domain_block_job_type {
    pub const UNKNOWN: i32 = 0;
    pub const PULL: i32 = 1;
    pub const COPY: i32 = 2;
    pub const COMMIT: i32 = 3;
    pub const ACTIVE_COMMIT: i32 = 4;
    pub const BACKUP: i32 = 5;
}

flags! {
    /// Flags of pulling a backing chain (`virDomainBlockPullFlags`).
    DomainBlockPullFlags, "VIR_DOMAIN_BLOCK_PULL_" {
        const BANDWIDTH_BYTES = 64;
    }
}

flags! {
    /// Flags of rebasing a disk (`virDomainBlockRebaseFlags`).
    DomainBlockRebaseFlags, "VIR_DOMAIN_BLOCK_REBASE_" {
        const SHALLOW = 1;
        const REUSE_EXT = 2;
        const COPY_RAW = 4;
        const COPY = 8;
        const RELATIVE = 16;
        const COPY_DEV = 32;
        const BANDWIDTH_BYTES = 64;
    }
}

flags! {
    /// Flags of resizing a disk (`virDomainBlockResizeFlags`).
    DomainBlockResizeFlags, "VIR_DOMAIN_BLOCK_RESIZE_" {
        const BYTES = 1;
        const CAPACITY = 2;
        const EXTEND = 4;
    }
}

flags! {
    /// Flags of creating a checkpoint (`virDomainCheckpointCreateFlags`).
    DomainCheckpointCreateFlags, "VIR_DOMAIN_CHECKPOINT_CREATE_" {
        const REDEFINE = 1;
        const QUIESCE = 2;
        const REDEFINE_VALIDATE = 4;
    }
}

flags! {
    /// Flags of deleting a checkpoint (`virDomainCheckpointDeleteFlags`).
    DomainCheckpointDeleteFlags, "VIR_DOMAIN_CHECKPOINT_DELETE_" {
        const CHILDREN = 1;
        const METADATA_ONLY = 2;
        const CHILDREN_ONLY = 4;
    }
}

flags! {
    /// Which checkpoints to list (`virDomainCheckpointListFlags`).
    DomainCheckpointListFlags, "VIR_DOMAIN_CHECKPOINT_LIST_" {
        const DESCENDANTS = 1;
        const ROOTS = 1;
        const TOPOLOGICAL = 2;
        const LEAVES = 4;
        const NO_LEAVES = 8;
    }
}

flags! {
    /// What a checkpoint's document holds (`virDomainCheckpointXMLFlags`).
    DomainCheckpointXmlFlags, "VIR_DOMAIN_CHECKPOINT_XML_" {
        const SECURE = 1;
        const NO_DOMAIN = 2;
        const SIZE = 4;
    }
}

flags! {
    /// Ways of measuring the dirty rate (`virDomainDirtyRateCalcFlags`).
    DomainDirtyRateCalcFlags, "VIR_DOMAIN_DIRTYRATE_MODE_" {
        const PAGE_SAMPLING = 0;
        const DIRTY_BITMAP = 1;
        const DIRTY_RING = 2;
    }
}

/// How far a dirty rate measurement is (`virDomainDirtyRateStatus`).
pub mod domain_dirty_rate_status {
    pub const UNSTARTED: i32 = 0;
    pub const MEASURING: i32 = 1;
    pub const MEASURED: i32 = 2;
}

flags! {
    /// Flags of asking about a job (`virDomainGetJobStatsFlags`).
    DomainGetJobStatsFlags, "VIR_DOMAIN_JOB_STATS_" {
        const COMPLETED = 1;
        const KEEP_COMPLETED = 2;
    }
}

/// What a job does (`virDomainJobOperation`).
pub mod domain_job_operation {
    pub const UNKNOWN: i32 = 0;
    pub const START: i32 = 1;
    pub const SAVE: i32 = 2;
    pub const RESTORE: i32 = 3;
    pub const MIGRATION_IN: i32 = 4;
    pub const MIGRATION_OUT: i32 = 5;
    pub const SNAPSHOT: i32 = 6;
    pub const SNAPSHOT_REVERT: i32 = 7;
    pub const DUMP: i32 = 8;
    pub const BACKUP: i32 = 9;
    pub const SNAPSHOT_DELETE: i32 = 10;
}

/// States of a job (`virDomainJobType`).
pub mod domain_job_type {
    pub const NONE: i32 = 0;
    pub const BOUNDED: i32 = 1;
    pub const UNBOUNDED: i32 = 2;
    pub const COMPLETED: i32 = 3;
    pub const FAILED: i32 = 4;
    pub const CANCELLED: i32 = 5;
}

flags! {
    /// Flags of migrating (`virDomainMigrateFlags`).
    DomainMigrateFlags, "VIR_MIGRATE_" {
        const LIVE = 1;
        const PEER2PEER = 2;
        const TUNNELLED = 4;
        const PERSIST_DEST = 8;
        const UNDEFINE_SOURCE = 16;
        const PAUSED = 32;
        const NON_SHARED_DISK = 64;
        const NON_SHARED_INC = 128;
        const CHANGE_PROTECTION = 256;
        const UNSAFE = 512;
        const OFFLINE = 1024;
        const COMPRESSED = 2048;
        const ABORT_ON_ERROR = 4096;
        const AUTO_CONVERGE = 8192;
        const RDMA_PIN_ALL = 16_384;
        const POSTCOPY = 32_768;
        const TLS = 65_536;
        const PARALLEL = 131_072;
        const NON_SHARED_SYNCHRONOUS_WRITES = 262_144;
        const POSTCOPY_RESUME = 524_288;
        const ZEROCOPY = 1_048_576;
    }
}

flags! {
    /// Flags of the migration bandwidth (`virDomainMigrateMaxSpeedFlags`).
    DomainMigrateMaxSpeedFlags, "VIR_DOMAIN_MIGRATE_MAX_SPEED_" {
        const POSTCOPY = 1;
    }
}

flags! {
    /// Flags of taking a snapshot (`virDomainSnapshotCreateFlags`).
    DomainSnapshotCreateFlags, "VIR_DOMAIN_SNAPSHOT_CREATE_" {
        const REDEFINE = 1;
        const CURRENT = 2;
        const NO_METADATA = 4;
        const HALT = 8;
        const DISK_ONLY = 16;
        const REUSE_EXT = 32;
        const QUIESCE = 64;
        const ATOMIC = 128;
        const LIVE = 256;
        const VALIDATE = 512;
    }
}

flags! {
    /// Flags of deleting a snapshot (`virDomainSnapshotDeleteFlags`).
    DomainSnapshotDeleteFlags, "VIR_DOMAIN_SNAPSHOT_DELETE_" {
        const CHILDREN = 1;
        const METADATA_ONLY = 2;
        const CHILDREN_ONLY = 4;
    }
}

flags! {
    /// Which snapshots to list (`virDomainSnapshotListFlags`).
    DomainSnapshotListFlags, "VIR_DOMAIN_SNAPSHOT_LIST_" {
        const DESCENDANTS = 1;
        const ROOTS = 1;
        const METADATA = 2;
        const LEAVES = 4;
        const NO_LEAVES = 8;
        const NO_METADATA = 16;
        const INACTIVE = 32;
        const ACTIVE = 64;
        const DISK_ONLY = 128;
        const INTERNAL = 256;
        const EXTERNAL = 512;
        const TOPOLOGICAL = 1024;
    }
}

flags! {
    /// Flags of reverting to a snapshot (`virDomainSnapshotRevertFlags`).
    DomainSnapshotRevertFlags, "VIR_DOMAIN_SNAPSHOT_REVERT_" {
        const RUNNING = 1;
        const PAUSED = 2;
        const FORCE = 4;
        const RESET_NVRAM = 8;
    }
}

flags! {
    /// What a snapshot's document holds (`virDomainSnapshotXMLFlags`).
    DomainSnapshotXmlFlags, "VIR_DOMAIN_SNAPSHOT_XML_" {
        const SECURE = 1;
    }
}
