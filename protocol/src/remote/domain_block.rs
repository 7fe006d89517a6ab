//! Disks of domains: jobs, limits, sizes, backups.

use crate::consts::DomainModificationImpact as Affect;

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Disks of domains: jobs, limits, sizes, backups.
    trait DomainBlock in remote;

    /// Reads from a disk of the guest.
    103 domain_block_peek(DomainBlockPeekArgs) -> DomainBlockPeekRet = "virDomainBlockPeek":
        writes, acl(domain: block_read);

    /// Tells capacity, allocation and physical size of a disk (in bytes).
    194 domain_get_block_info(DomainGetBlockInfoArgs) -> DomainGetBlockInfoRet = "virDomainGetBlockInfo":
        acl(domain: read);

    /// Ends a job on a disk.
    237 domain_block_job_abort(DomainBlockJobAbortArgs) -> () = "virDomainBlockJobAbort":
        writes, acl(domain: write);

    /// Tells how far the job on a disk is.
    238 domain_get_block_job_info(DomainGetBlockJobInfoArgs)
        -> DomainGetBlockJobInfoRet = "virDomainGetBlockJobInfo":
        acl(domain: read);

    /// Sets the bandwidth of the job on a disk.
    239 domain_block_job_set_speed(DomainBlockJobSetSpeedArgs) -> () = "virDomainBlockJobSetSpeed":
        writes, acl(domain: write);

    /// Copies the backing chain of a disk into its top image.
    240 domain_block_pull(DomainBlockPullArgs) -> () = "virDomainBlockPull": writes, acl(domain: block_write);

    /// Changes the size of a disk.
    251 domain_block_resize(DomainBlockResizeArgs) -> () = "virDomainBlockResize":
        writes, acl(domain: block_write);

    /// Sets I/O limits of a disk.
    252 domain_set_block_io_tune(DomainSetBlockIoTuneArgs) -> () = "virDomainSetBlockIoTune":
        writes, decided_by(DomainSetBlockIoTuneArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns the I/O limits of a disk.
    253 domain_get_block_io_tune(DomainGetBlockIoTuneArgs)
        -> DomainGetBlockIoTuneRet = "virDomainGetBlockIoTune":
        acl(domain: read);

    /// Lists the disks that had I/O errors.
    263 domain_get_disk_errors(DomainGetDiskErrorsArgs)
        -> DomainGetDiskErrorsRet = "virDomainGetDiskErrors":
        acl(domain: read);

    /// Copies a part of a disk's backing chain into its top image, or the disk to another place.
    266 domain_block_rebase(DomainBlockRebaseArgs) -> () = "virDomainBlockRebase":
        writes, acl(domain: block_write);

    /// Writes images of a disk's backing chain down into one below them.
    290 domain_block_commit(DomainBlockCommitArgs) -> () = "virDomainBlockCommit":
        writes, acl(domain: block_write);

    /// Copies a disk to another place.
    345 domain_block_copy(DomainBlockCopyArgs) -> () = "virDomainBlockCopy": writes, acl(domain: block_write);

    /// Sets the threshold of a disk at which an event is sent, in bytes.
    386 domain_set_block_threshold(DomainSetBlockThresholdArgs) -> () = "virDomainSetBlockThreshold":
        writes, acl(domain: write);

    /// Begins a backup.
    421 domain_backup_begin(DomainBackupBeginArgs) -> () = "virDomainBackupBegin":
        writes, acl(domain: checkpoint, domain: block_write);

    /// Returns the document of the running backup.
    422 domain_backup_get_xml_desc(DomainBackupGetXmlDescArgs)
        -> DomainBackupGetXmlDescRet = "virDomainBackupGetXMLDesc":
        high, acl(domain: read);

    /// Keeps descriptors of the client under a name, for disks of the domain.
    443 domain_fd_associate(DomainFdAssociateArgs) -> () = "virDomainFDAssociate":
        writes, fds(In), acl(domain: write);

    /// Sets limits of a group of disks.
    451 domain_set_throttle_group(DomainSetThrottleGroupArgs) -> () = "virDomainSetThrottleGroup":
        writes, decided_by(DomainSetThrottleGroupArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Removes a group of disk limits.
    452 domain_del_throttle_group(DomainDelThrottleGroupArgs) -> () = "virDomainDelThrottleGroup":
        writes, decided_by(DomainDelThrottleGroupArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));
}
