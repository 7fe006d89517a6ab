//! Arguments, results and events of [`super::DomainBlock`], in the order of their procedures.

use crate::limits::{
    DOMAIN_BLOCK_COPY_PARAMETERS_MAX, DOMAIN_BLOCK_IO_TUNE_PARAMETERS_MAX, DOMAIN_BLOCK_PEEK_BUFFER_MAX,
    DOMAIN_DISK_ERRORS_MAX,
};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::{List, Opaque};

wire! {
    /// Arguments of `virDomainBlockPeek` (103).
    struct DomainBlockPeekArgs {
        dom: NonnullDomain,
        path: String,
        offset: u64,
        size: u32,
        flags: u32,
    }

    /// Result of `virDomainBlockPeek` (103).
    struct DomainBlockPeekRet { buffer: Opaque<DOMAIN_BLOCK_PEEK_BUFFER_MAX> }

    /// Arguments of `virDomainGetBlockInfo` (194).
    struct DomainGetBlockInfoArgs { dom: NonnullDomain, path: String, flags: u32 }

    /// Result of `virDomainGetBlockInfo` (194).
    struct DomainGetBlockInfoRet { allocation: u64, capacity: u64, physical: u64 }

    /// Arguments of `virDomainBlockJobAbort` (237).
    struct DomainBlockJobAbortArgs { dom: NonnullDomain, path: String, flags: u32 }

    /// Arguments of `virDomainGetBlockJobInfo` (238).
    struct DomainGetBlockJobInfoArgs { dom: NonnullDomain, path: String, flags: u32 }

    /// Result of `virDomainGetBlockJobInfo` (238).
    struct DomainGetBlockJobInfoRet { found: i32, r#type: i32, bandwidth: u64, cur: u64, end: u64 }

    /// Arguments of `virDomainBlockJobSetSpeed` (239).
    struct DomainBlockJobSetSpeedArgs {
        dom: NonnullDomain,
        path: String,
        bandwidth: u64,
        flags: u32,
    }

    /// Arguments of `virDomainBlockPull` (240).
    struct DomainBlockPullArgs { dom: NonnullDomain, path: String, bandwidth: u64, flags: u32 }

    /// Arguments of `virDomainBlockResize` (251).
    struct DomainBlockResizeArgs { dom: NonnullDomain, disk: String, size: u64, flags: u32 }

    /// Arguments of `virDomainSetBlockIoTune` (252).
    struct DomainSetBlockIoTuneArgs {
        dom: NonnullDomain,
        disk: String,
        params: List<TypedParam, DOMAIN_BLOCK_IO_TUNE_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGetBlockIoTune` (253).
    struct DomainGetBlockIoTuneArgs {
        dom: NonnullDomain,
        disk: Option<String>,
        nparams: i32,
        flags: u32,
    }

    /// Result of `virDomainGetBlockIoTune` (253).
    struct DomainGetBlockIoTuneRet {
        params: List<TypedParam, DOMAIN_BLOCK_IO_TUNE_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virDomainGetDiskErrors` (263).
    struct DomainGetDiskErrorsArgs { dom: NonnullDomain, maxerrors: u32, flags: u32 }

    /// A disk and its last I/O error.
    struct DomainDiskError { disk: String, error: i32 }

    /// Result of `virDomainGetDiskErrors` (263).
    struct DomainGetDiskErrorsRet {
        errors: List<DomainDiskError, DOMAIN_DISK_ERRORS_MAX>,
        nerrors: i32,
    }

    /// Arguments of `virDomainBlockRebase` (266).
    struct DomainBlockRebaseArgs {
        dom: NonnullDomain,
        path: String,
        base: Option<String>,
        bandwidth: u64,
        flags: u32,
    }

    /// Arguments of `virDomainBlockCommit` (290).
    struct DomainBlockCommitArgs {
        dom: NonnullDomain,
        disk: String,
        base: Option<String>,
        top: Option<String>,
        bandwidth: u64,
        flags: u32,
    }

    /// Arguments of `virDomainBlockCopy` (345).
    struct DomainBlockCopyArgs {
        dom: NonnullDomain,
        path: String,
        destxml: String,
        params: List<TypedParam, DOMAIN_BLOCK_COPY_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainSetBlockThreshold` (386).
    struct DomainSetBlockThresholdArgs {
        dom: NonnullDomain,
        dev: String,
        threshold: u64,
        flags: u32,
    }

    /// Arguments of `virDomainBackupBegin` (421).
    struct DomainBackupBeginArgs {
        dom: NonnullDomain,
        backup_xml: String,
        checkpoint_xml: Option<String>,
        flags: u32,
    }

    /// Arguments of `virDomainBackupGetXMLDesc` (422).
    struct DomainBackupGetXmlDescArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainBackupGetXMLDesc` (422).
    struct DomainBackupGetXmlDescRet { xml: String }

    /// Arguments of `virDomainFDAssociate` (443).
    struct DomainFdAssociateArgs { dom: NonnullDomain, name: String, flags: u32 }

    /// Arguments of `virDomainSetThrottleGroup` (451).
    struct DomainSetThrottleGroupArgs {
        dom: NonnullDomain,
        group: String,
        params: List<TypedParam, DOMAIN_BLOCK_IO_TUNE_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainDelThrottleGroup` (452).
    struct DomainDelThrottleGroupArgs { dom: NonnullDomain, group: Option<String>, flags: u32 }
}
