//! Arguments, results and events of [`super::DomainMigration`], in the order of their procedures.

use crate::limits::{DOMAIN_JOB_STATS_MAX, DOMAIN_MIGRATE_PARAM_LIST_MAX, MIGRATE_COOKIE_MAX};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::{List, Opaque};

wire! {
    /// Arguments of `virDomainMigratePrepare` (61).
    struct DomainMigratePrepareArgs {
        uri_in: Option<String>,
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
    }

    /// Result of `virDomainMigratePrepare` (61).
    struct DomainMigratePrepareRet { cookie: Opaque<MIGRATE_COOKIE_MAX>, uri_out: Option<String> }

    /// Arguments of `virDomainMigratePerform` (62).
    struct DomainMigratePerformArgs {
        dom: NonnullDomain,
        cookie: Opaque<MIGRATE_COOKIE_MAX>,
        uri: String,
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
    }

    /// Arguments of `virDomainMigrateFinish` (63).
    struct DomainMigrateFinishArgs {
        dname: String,
        cookie: Opaque<MIGRATE_COOKIE_MAX>,
        uri: String,
        flags: u64,
    }

    /// Result of `virDomainMigrateFinish` (63).
    struct DomainMigrateFinishRet { ddom: NonnullDomain }

    /// Arguments of `virDomainMigratePrepare2` (108).
    struct DomainMigratePrepare2Args {
        uri_in: Option<String>,
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
        dom_xml: String,
    }

    /// Result of `virDomainMigratePrepare2` (108).
    struct DomainMigratePrepare2Ret { cookie: Opaque<MIGRATE_COOKIE_MAX>, uri_out: Option<String> }

    /// Arguments of `virDomainMigrateFinish2` (109).
    struct DomainMigrateFinish2Args {
        dname: String,
        cookie: Opaque<MIGRATE_COOKIE_MAX>,
        uri: String,
        flags: u64,
        retcode: i32,
    }

    /// Result of `virDomainMigrateFinish2` (109).
    struct DomainMigrateFinish2Ret { ddom: NonnullDomain }

    /// Arguments of `virDomainMigratePrepareTunnel` (148).
    struct DomainMigratePrepareTunnelArgs {
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
        dom_xml: String,
    }

    /// Arguments of `virDomainGetJobInfo` (163).
    struct DomainGetJobInfoArgs { dom: NonnullDomain }

    /// Result of `virDomainGetJobInfo` (163).
    struct DomainGetJobInfoRet {
        r#type: i32,
        timeElapsed: u64,
        timeRemaining: u64,
        dataTotal: u64,
        dataProcessed: u64,
        dataRemaining: u64,
        memTotal: u64,
        memProcessed: u64,
        memRemaining: u64,
        fileTotal: u64,
        fileProcessed: u64,
        fileRemaining: u64,
    }

    /// Arguments of `virDomainAbortJob` (164).
    struct DomainAbortJobArgs { dom: NonnullDomain }

    /// Arguments of `virDomainMigrateSetMaxDowntime` (166).
    struct DomainMigrateSetMaxDowntimeArgs { dom: NonnullDomain, downtime: u64, flags: u32 }

    /// Arguments of `virDomainMigrateSetMaxSpeed` (207).
    struct DomainMigrateSetMaxSpeedArgs { dom: NonnullDomain, bandwidth: u64, flags: u32 }

    /// Arguments of `virDomainMigrateBegin3` (213).
    struct DomainMigrateBegin3Args {
        dom: NonnullDomain,
        xmlin: Option<String>,
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
    }

    /// Result of `virDomainMigrateBegin3` (213).
    struct DomainMigrateBegin3Ret { cookie_out: Opaque<MIGRATE_COOKIE_MAX>, xml: String }

    /// Arguments of `virDomainMigratePrepare3` (214).
    struct DomainMigratePrepare3Args {
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        uri_in: Option<String>,
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
        dom_xml: String,
    }

    /// Result of `virDomainMigratePrepare3` (214).
    struct DomainMigratePrepare3Ret {
        cookie_out: Opaque<MIGRATE_COOKIE_MAX>,
        uri_out: Option<String>,
    }

    /// Arguments of `virDomainMigratePrepareTunnel3` (215).
    struct DomainMigratePrepareTunnel3Args {
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
        dom_xml: String,
    }

    /// Result of `virDomainMigratePrepareTunnel3` (215).
    struct DomainMigratePrepareTunnel3Ret { cookie_out: Opaque<MIGRATE_COOKIE_MAX> }

    /// Arguments of `virDomainMigratePerform3` (216).
    struct DomainMigratePerform3Args {
        dom: NonnullDomain,
        xmlin: Option<String>,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        dconnuri: Option<String>,
        uri: Option<String>,
        flags: u64,
        dname: Option<String>,
        bandwidth: u64,
    }

    /// Result of `virDomainMigratePerform3` (216).
    struct DomainMigratePerform3Ret { cookie_out: Opaque<MIGRATE_COOKIE_MAX> }

    /// Arguments of `virDomainMigrateFinish3` (217).
    struct DomainMigrateFinish3Args {
        dname: String,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        dconnuri: Option<String>,
        uri: Option<String>,
        flags: u64,
        cancelled: i32,
    }

    /// Result of `virDomainMigrateFinish3` (217).
    struct DomainMigrateFinish3Ret { dom: NonnullDomain, cookie_out: Opaque<MIGRATE_COOKIE_MAX> }

    /// Arguments of `virDomainMigrateConfirm3` (218).
    struct DomainMigrateConfirm3Args {
        dom: NonnullDomain,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        flags: u64,
        cancelled: i32,
    }

    /// Arguments of `virDomainMigrateGetMaxSpeed` (242).
    struct DomainMigrateGetMaxSpeedArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainMigrateGetMaxSpeed` (242).
    struct DomainMigrateGetMaxSpeedRet { bandwidth: u64 }

    /// Arguments of `virDomainGetJobStats` (298).
    struct DomainGetJobStatsArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetJobStats` (298).
    struct DomainGetJobStatsRet { r#type: i32, params: List<TypedParam, DOMAIN_JOB_STATS_MAX> }

    /// Arguments of `virDomainMigrateGetCompressionCache` (299).
    struct DomainMigrateGetCompressionCacheArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainMigrateGetCompressionCache` (299).
    struct DomainMigrateGetCompressionCacheRet { cacheSize: u64 }

    /// Arguments of `virDomainMigrateSetCompressionCache` (300).
    struct DomainMigrateSetCompressionCacheArgs { dom: NonnullDomain, cacheSize: u64, flags: u32 }

    /// Arguments of `virDomainMigrateBegin3Params` (302).
    struct DomainMigrateBegin3ParamsArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_MIGRATE_PARAM_LIST_MAX>,
        flags: u32,
    }

    /// Result of `virDomainMigrateBegin3Params` (302).
    struct DomainMigrateBegin3ParamsRet { cookie_out: Opaque<MIGRATE_COOKIE_MAX>, xml: String }

    /// Arguments of `virDomainMigratePrepare3Params` (303).
    struct DomainMigratePrepare3ParamsArgs {
        params: List<TypedParam, DOMAIN_MIGRATE_PARAM_LIST_MAX>,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        flags: u32,
    }

    /// Result of `virDomainMigratePrepare3Params` (303).
    struct DomainMigratePrepare3ParamsRet {
        cookie_out: Opaque<MIGRATE_COOKIE_MAX>,
        uri_out: Option<String>,
    }

    /// Arguments of `virDomainMigratePrepareTunnel3Params` (304).
    struct DomainMigratePrepareTunnel3ParamsArgs {
        params: List<TypedParam, DOMAIN_MIGRATE_PARAM_LIST_MAX>,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        flags: u32,
    }

    /// Result of `virDomainMigratePrepareTunnel3Params` (304).
    struct DomainMigratePrepareTunnel3ParamsRet { cookie_out: Opaque<MIGRATE_COOKIE_MAX> }

    /// Arguments of `virDomainMigratePerform3Params` (305).
    struct DomainMigratePerform3ParamsArgs {
        dom: NonnullDomain,
        dconnuri: Option<String>,
        params: List<TypedParam, DOMAIN_MIGRATE_PARAM_LIST_MAX>,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        flags: u32,
    }

    /// Result of `virDomainMigratePerform3Params` (305).
    struct DomainMigratePerform3ParamsRet { cookie_out: Opaque<MIGRATE_COOKIE_MAX> }

    /// Arguments of `virDomainMigrateFinish3Params` (306).
    struct DomainMigrateFinish3ParamsArgs {
        params: List<TypedParam, DOMAIN_MIGRATE_PARAM_LIST_MAX>,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        flags: u32,
        cancelled: i32,
    }

    /// Result of `virDomainMigrateFinish3Params` (306).
    struct DomainMigrateFinish3ParamsRet {
        dom: NonnullDomain,
        cookie_out: Opaque<MIGRATE_COOKIE_MAX>,
    }

    /// Arguments of `virDomainMigrateConfirm3Params` (307).
    struct DomainMigrateConfirm3ParamsArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_MIGRATE_PARAM_LIST_MAX>,
        cookie_in: Opaque<MIGRATE_COOKIE_MAX>,
        flags: u32,
        cancelled: i32,
    }

    /// Arguments of `virDomainMigrateStartPostCopy` (364).
    struct DomainMigrateStartPostCopyArgs { dom: NonnullDomain, flags: u32 }

    /// Arguments of `virDomainMigrateGetMaxDowntime` (387).
    struct DomainMigrateGetMaxDowntimeArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainMigrateGetMaxDowntime` (387).
    struct DomainMigrateGetMaxDowntimeRet { downtime: u64 }

    /// Arguments of `virDomainAbortJobFlags` (442).
    struct DomainAbortJobFlagsArgs { dom: NonnullDomain, flags: u32 }
}
