//! Migration, and the jobs that run on a domain. The steps themselves are called by client libraries, not by
//! users.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Migration, and the jobs that run on a domain. The steps themselves are called by client libraries, not
    /// by users.
    trait DomainMigration in remote;

    /// Migration 1: makes the destination ready.
    61 domain_migrate_prepare(DomainMigratePrepareArgs)
        -> DomainMigratePrepareRet = "virDomainMigratePrepare":
        writes, acl(domain: migrate, domain: start, domain: write);

    /// Migration 1: sends the guest.
    62 domain_migrate_perform(DomainMigratePerformArgs) -> () = "virDomainMigratePerform":
        writes, acl(domain: migrate);

    /// Migration 1: takes the guest over at the destination.
    63 domain_migrate_finish(DomainMigrateFinishArgs)
        -> DomainMigrateFinishRet = "virDomainMigrateFinish":
        writes, acl(domain: migrate);

    /// Migration 2: makes the destination ready.
    108 domain_migrate_prepare2(DomainMigratePrepare2Args)
        -> DomainMigratePrepare2Ret = "virDomainMigratePrepare2":
        writes, acl(domain: migrate, domain: start, domain: write);

    /// Migration 2: takes the guest over at the destination, or cancels.
    109 domain_migrate_finish2(DomainMigrateFinish2Args)
        -> DomainMigrateFinish2Ret = "virDomainMigrateFinish2":
        writes, acl(domain: migrate);

    /// Migration 2: makes the destination ready for a stream from the source.
    148 domain_migrate_prepare_tunnel(DomainMigratePrepareTunnelArgs)
        -> () = "virDomainMigratePrepareTunnel":
        writes, stream(Write), acl(domain: migrate, domain: start, domain: write);

    /// Tells how far the running job is (old form).
    163 domain_get_job_info(DomainGetJobInfoArgs) -> DomainGetJobInfoRet = "virDomainGetJobInfo":
        acl(domain: read);

    /// Aborts the running job.
    164 domain_abort_job(DomainAbortJobArgs) -> () = "virDomainAbortJob": writes, acl(domain: write);

    /// Sets how long a live migration may stop the guest, in ms.
    166 domain_migrate_set_max_downtime(DomainMigrateSetMaxDowntimeArgs)
        -> () = "virDomainMigrateSetMaxDowntime":
        writes, acl(domain: migrate);

    /// Sets the bandwidth a migration may use, in MiB/s.
    207 domain_migrate_set_max_speed(DomainMigrateSetMaxSpeedArgs) -> () = "virDomainMigrateSetMaxSpeed":
        writes, acl(domain: migrate);

    /// Migration 3: begins at the source.
    213 domain_migrate_begin3(DomainMigrateBegin3Args)
        -> DomainMigrateBegin3Ret = "virDomainMigrateBegin3":
        writes, acl(domain: migrate);

    /// Migration 3: makes the destination ready.
    214 domain_migrate_prepare3(DomainMigratePrepare3Args)
        -> DomainMigratePrepare3Ret = "virDomainMigratePrepare3":
        writes, acl(domain: migrate, domain: start, domain: write);

    /// Migration 3: makes the destination ready for a stream from the source.
    215 domain_migrate_prepare_tunnel3(DomainMigratePrepareTunnel3Args)
        -> DomainMigratePrepareTunnel3Ret = "virDomainMigratePrepareTunnel3":
        writes, stream(Write), acl(domain: migrate, domain: start, domain: write);

    /// Migration 3: sends the guest.
    216 domain_migrate_perform3(DomainMigratePerform3Args)
        -> DomainMigratePerform3Ret = "virDomainMigratePerform3":
        writes, acl(domain: migrate);

    /// Migration 3: takes the guest over at the destination, or cancels.
    217 domain_migrate_finish3(DomainMigrateFinish3Args)
        -> DomainMigrateFinish3Ret = "virDomainMigrateFinish3":
        writes, acl(domain: migrate);

    /// Migration 3: ends at the source.
    218 domain_migrate_confirm3(DomainMigrateConfirm3Args) -> () = "virDomainMigrateConfirm3":
        writes, acl(domain: migrate);

    /// Tells the bandwidth a migration may use, in MiB/s.
    242 domain_migrate_get_max_speed(DomainMigrateGetMaxSpeedArgs)
        -> DomainMigrateGetMaxSpeedRet = "virDomainMigrateGetMaxSpeed":
        writes, acl(domain: migrate);

    /// Tells how far the running job is, or what the last one did.
    298 domain_get_job_stats(DomainGetJobStatsArgs) -> DomainGetJobStatsRet = "virDomainGetJobStats":
        acl(domain: read);

    /// Tells the size of the migration's compression cache in bytes.
    299 domain_migrate_get_compression_cache(DomainMigrateGetCompressionCacheArgs)
        -> DomainMigrateGetCompressionCacheRet = "virDomainMigrateGetCompressionCache":
        acl(domain: migrate);

    /// Sets the size of the migration's compression cache in bytes.
    300 domain_migrate_set_compression_cache(DomainMigrateSetCompressionCacheArgs)
        -> () = "virDomainMigrateSetCompressionCache":
        writes, acl(domain: migrate);

    /// Migration 3 with parameters: begins at the source.
    302 domain_migrate_begin3_params(DomainMigrateBegin3ParamsArgs)
        -> DomainMigrateBegin3ParamsRet = "virDomainMigrateBegin3Params":
        writes, acl(domain: migrate);

    /// Migration 3 with parameters: makes the destination ready.
    303 domain_migrate_prepare3_params(DomainMigratePrepare3ParamsArgs)
        -> DomainMigratePrepare3ParamsRet = "virDomainMigratePrepare3Params":
        writes, acl(domain: migrate, domain: start, domain: write);

    /// Migration 3 with parameters: makes the destination ready for a stream from the source.
    304 domain_migrate_prepare_tunnel3_params(DomainMigratePrepareTunnel3ParamsArgs)
        -> DomainMigratePrepareTunnel3ParamsRet = "virDomainMigratePrepareTunnel3Params":
        writes, stream(Write), acl(domain: migrate, domain: start, domain: write);

    /// Migration 3 with parameters: sends the guest.
    305 domain_migrate_perform3_params(DomainMigratePerform3ParamsArgs)
        -> DomainMigratePerform3ParamsRet = "virDomainMigratePerform3Params":
        writes, acl(domain: migrate);

    /// Migration 3 with parameters: takes the guest over at the destination, or cancels.
    306 domain_migrate_finish3_params(DomainMigrateFinish3ParamsArgs)
        -> DomainMigrateFinish3ParamsRet = "virDomainMigrateFinish3Params":
        writes, acl(domain: migrate);

    /// Migration 3 with parameters: ends at the source.
    307 domain_migrate_confirm3_params(DomainMigrateConfirm3ParamsArgs)
        -> () = "virDomainMigrateConfirm3Params":
        writes, acl(domain: migrate);

    /// Switches a running migration to post-copy.
    364 domain_migrate_start_post_copy(DomainMigrateStartPostCopyArgs)
        -> () = "virDomainMigrateStartPostCopy":
        writes, acl(domain: migrate);

    /// Tells how long a live migration may stop the guest, in ms.
    387 domain_migrate_get_max_downtime(DomainMigrateGetMaxDowntimeArgs)
        -> DomainMigrateGetMaxDowntimeRet = "virDomainMigrateGetMaxDowntime":
        acl(domain: migrate);

    /// Aborts the running job in the way the flags say.
    442 domain_abort_job_flags(DomainAbortJobFlagsArgs) -> () = "virDomainAbortJobFlags":
        writes, acl(domain: write);
}
