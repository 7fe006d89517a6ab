//! Domains: disks, jobs, migration, snapshots, checkpoints, backups.

#![expect(missing_docs, reason = "names are libvirt's; its public documentation explains each")]

/// Flags of aborting a job (`virDomainAbortJobFlagsValues`).
pub mod domain_abort_job_flags_values {
    pub const POSTCOPY: u32 = 1;
}

/// Flags of beginning a backup (`virDomainBackupBeginFlags`).
pub mod domain_backup_begin_flags {
    pub const REUSE_EXTERNAL: u32 = 1;
    pub const PRESERVE_SHUTDOWN_DOMAIN: u32 = 2;
}

/// Flags of committing images (`virDomainBlockCommitFlags`).
pub mod domain_block_commit_flags {
    pub const SHALLOW: u32 = 1;
    pub const DELETE: u32 = 2;
    pub const ACTIVE: u32 = 4;
    pub const RELATIVE: u32 = 8;
    pub const BANDWIDTH_BYTES: u32 = 16;
}

/// Flags of copying a disk (`virDomainBlockCopyFlags`).
pub mod domain_block_copy_flags {
    pub const SHALLOW: u32 = 1;
    pub const REUSE_EXT: u32 = 2;
    pub const TRANSIENT_JOB: u32 = 4;
    pub const SYNCHRONOUS_WRITES: u32 = 8;
    pub const TARGET_ZEROED: u32 = 16;
}

/// Flags of ending a disk job (`virDomainBlockJobAbortFlags`).
pub mod domain_block_job_abort_flags {
    pub const ASYNC: u32 = 1;
    pub const PIVOT: u32 = 2;
}

/// Flags of asking about a disk job (`virDomainBlockJobInfoFlags`).
pub mod domain_block_job_info_flags {
    pub const BANDWIDTH_BYTES: u32 = 1;
}

/// Flags of setting a disk job's bandwidth (`virDomainBlockJobSetSpeedFlags`).
pub mod domain_block_job_set_speed_flags {
    pub const SPEED_BANDWIDTH_BYTES: u32 = 1;
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

/// Flags of pulling a backing chain (`virDomainBlockPullFlags`).
pub mod domain_block_pull_flags {
    pub const BANDWIDTH_BYTES: u32 = 64;
}

/// Flags of rebasing a disk (`virDomainBlockRebaseFlags`).
pub mod domain_block_rebase_flags {
    pub const SHALLOW: u32 = 1;
    pub const REUSE_EXT: u32 = 2;
    pub const COPY_RAW: u32 = 4;
    pub const COPY: u32 = 8;
    pub const RELATIVE: u32 = 16;
    pub const COPY_DEV: u32 = 32;
    pub const BANDWIDTH_BYTES: u32 = 64;
}

/// Flags of resizing a disk (`virDomainBlockResizeFlags`).
pub mod domain_block_resize_flags {
    pub const BYTES: u32 = 1;
    pub const CAPACITY: u32 = 2;
    pub const EXTEND: u32 = 4;
}

/// Flags of creating a checkpoint (`virDomainCheckpointCreateFlags`).
pub mod domain_checkpoint_create_flags {
    pub const REDEFINE: u32 = 1;
    pub const QUIESCE: u32 = 2;
    pub const REDEFINE_VALIDATE: u32 = 4;
}

/// Flags of deleting a checkpoint (`virDomainCheckpointDeleteFlags`).
pub mod domain_checkpoint_delete_flags {
    pub const CHILDREN: u32 = 1;
    pub const METADATA_ONLY: u32 = 2;
    pub const CHILDREN_ONLY: u32 = 4;
}

/// Which checkpoints to list (`virDomainCheckpointListFlags`).
pub mod domain_checkpoint_list_flags {
    pub const DESCENDANTS: u32 = 1;
    pub const ROOTS: u32 = 1;
    pub const TOPOLOGICAL: u32 = 2;
    pub const LEAVES: u32 = 4;
    pub const NO_LEAVES: u32 = 8;
}

/// What a checkpoint's document holds (`virDomainCheckpointXMLFlags`).
pub mod domain_checkpoint_xml_flags {
    pub const SECURE: u32 = 1;
    pub const NO_DOMAIN: u32 = 2;
    pub const SIZE: u32 = 4;
}

/// Ways of measuring the dirty rate (`virDomainDirtyRateCalcFlags`).
pub mod domain_dirty_rate_calc_flags {
    pub const PAGE_SAMPLING: u32 = 0;
    pub const DIRTY_BITMAP: u32 = 1;
    pub const DIRTY_RING: u32 = 2;
}

/// How far a dirty rate measurement is (`virDomainDirtyRateStatus`).
pub mod domain_dirty_rate_status {
    pub const UNSTARTED: i32 = 0;
    pub const MEASURING: i32 = 1;
    pub const MEASURED: i32 = 2;
}

/// Flags of asking about a job (`virDomainGetJobStatsFlags`).
pub mod domain_get_job_stats_flags {
    pub const COMPLETED: u32 = 1;
    pub const KEEP_COMPLETED: u32 = 2;
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

/// Flags of migrating (`virDomainMigrateFlags`).
pub mod domain_migrate_flags {
    pub const LIVE: u32 = 1;
    pub const PEER2PEER: u32 = 2;
    pub const TUNNELLED: u32 = 4;
    pub const PERSIST_DEST: u32 = 8;
    pub const UNDEFINE_SOURCE: u32 = 16;
    pub const PAUSED: u32 = 32;
    pub const NON_SHARED_DISK: u32 = 64;
    pub const NON_SHARED_INC: u32 = 128;
    pub const CHANGE_PROTECTION: u32 = 256;
    pub const UNSAFE: u32 = 512;
    pub const OFFLINE: u32 = 1024;
    pub const COMPRESSED: u32 = 2048;
    pub const ABORT_ON_ERROR: u32 = 4096;
    pub const AUTO_CONVERGE: u32 = 8192;
    pub const RDMA_PIN_ALL: u32 = 16_384;
    pub const POSTCOPY: u32 = 32_768;
    pub const TLS: u32 = 65_536;
    pub const PARALLEL: u32 = 131_072;
    pub const NON_SHARED_SYNCHRONOUS_WRITES: u32 = 262_144;
    pub const POSTCOPY_RESUME: u32 = 524_288;
    pub const ZEROCOPY: u32 = 1_048_576;
}

/// Flags of the migration bandwidth (`virDomainMigrateMaxSpeedFlags`).
pub mod domain_migrate_max_speed_flags {
    pub const POSTCOPY: u32 = 1;
}

/// Flags of taking a snapshot (`virDomainSnapshotCreateFlags`).
pub mod domain_snapshot_create_flags {
    pub const REDEFINE: u32 = 1;
    pub const CURRENT: u32 = 2;
    pub const NO_METADATA: u32 = 4;
    pub const HALT: u32 = 8;
    pub const DISK_ONLY: u32 = 16;
    pub const REUSE_EXT: u32 = 32;
    pub const QUIESCE: u32 = 64;
    pub const ATOMIC: u32 = 128;
    pub const LIVE: u32 = 256;
    pub const VALIDATE: u32 = 512;
}

/// Flags of deleting a snapshot (`virDomainSnapshotDeleteFlags`).
pub mod domain_snapshot_delete_flags {
    pub const CHILDREN: u32 = 1;
    pub const METADATA_ONLY: u32 = 2;
    pub const CHILDREN_ONLY: u32 = 4;
}

/// Which snapshots to list (`virDomainSnapshotListFlags`).
pub mod domain_snapshot_list_flags {
    pub const DESCENDANTS: u32 = 1;
    pub const ROOTS: u32 = 1;
    pub const METADATA: u32 = 2;
    pub const LEAVES: u32 = 4;
    pub const NO_LEAVES: u32 = 8;
    pub const NO_METADATA: u32 = 16;
    pub const INACTIVE: u32 = 32;
    pub const ACTIVE: u32 = 64;
    pub const DISK_ONLY: u32 = 128;
    pub const INTERNAL: u32 = 256;
    pub const EXTERNAL: u32 = 512;
    pub const TOPOLOGICAL: u32 = 1024;
}

/// Flags of reverting to a snapshot (`virDomainSnapshotRevertFlags`).
pub mod domain_snapshot_revert_flags {
    pub const RUNNING: u32 = 1;
    pub const PAUSED: u32 = 2;
    pub const FORCE: u32 = 4;
    pub const RESET_NVRAM: u32 = 8;
}

/// What a snapshot's document holds (`virDomainSnapshotXMLFlags`).
pub mod domain_snapshot_xml_flags {
    pub const SECURE: u32 = 1;
}
