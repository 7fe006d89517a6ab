//! Arguments, results and events of [`super::DomainStats`], in the order of their procedures.

use crate::limits::{
    CONNECT_GET_ALL_DOMAIN_STATS_MAX, DOMAIN_BLOCK_STATS_PARAMETERS_MAX, DOMAIN_GET_CPU_STATS_MAX,
    DOMAIN_LIST_MAX, DOMAIN_MEMORY_STATS_MAX,
};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::{List, Packed};

wire! {
    /// Arguments of `virDomainBlockStats` (64).
    struct DomainBlockStatsArgs { dom: NonnullDomain, path: String }

    /// Result of `virDomainBlockStats` (64).
    struct DomainBlockStatsRet { rd_req: i64, rd_bytes: i64, wr_req: i64, wr_bytes: i64, errs: i64 }

    /// Arguments of `virDomainInterfaceStats` (65).
    struct DomainInterfaceStatsArgs { dom: NonnullDomain, device: String }

    /// Result of `virDomainInterfaceStats` (65).
    struct DomainInterfaceStatsRet {
        rx_bytes: i64,
        rx_packets: i64,
        rx_errs: i64,
        rx_drop: i64,
        tx_bytes: i64,
        tx_packets: i64,
        tx_errs: i64,
        tx_drop: i64,
    }

    /// Arguments of `virDomainMemoryStats` (159).
    struct DomainMemoryStatsArgs { dom: NonnullDomain, maxStats: u32, flags: u32 }

    /// One figure of the guest's memory; the tag tells which.
    struct DomainMemoryStat { tag: i32, val: u64 }

    /// Result of `virDomainMemoryStats` (159).
    struct DomainMemoryStatsRet { stats: List<DomainMemoryStat, DOMAIN_MEMORY_STATS_MAX> }

    /// Arguments of `virDomainBlockStatsFlags` (243).
    struct DomainBlockStatsFlagsArgs { dom: NonnullDomain, path: String, nparams: i32, flags: u32 }

    /// Result of `virDomainBlockStatsFlags` (243).
    struct DomainBlockStatsFlagsRet {
        params: List<TypedParam, DOMAIN_BLOCK_STATS_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virDomainGetCPUStats` (262).
    struct DomainGetCpuStatsArgs {
        dom: NonnullDomain,
        nparams: u32,
        start_cpu: i32,
        ncpus: u32,
        flags: u32,
    }

    /// Result of `virDomainGetCPUStats` (262).
    struct DomainGetCpuStatsRet { params: List<TypedParam, DOMAIN_GET_CPU_STATS_MAX>, nparams: i32 }

    /// Arguments of `virDomainSetMemoryStatsPeriod` (308).
    struct DomainSetMemoryStatsPeriodArgs { dom: NonnullDomain, period: i32, flags: u32 }

    /// Arguments of `virConnectGetAllDomainStats` (344).
    struct ConnectGetAllDomainStatsArgs {
        doms: List<NonnullDomain, DOMAIN_LIST_MAX>,
        stats: u32,
        flags: u32,
    }

    /// A domain and its statistics.
    struct DomainStatsRecord {
        dom: NonnullDomain,
        params: Packed<TypedParam, CONNECT_GET_ALL_DOMAIN_STATS_MAX>,
    }

    /// Result of `virConnectGetAllDomainStats` (344).
    struct ConnectGetAllDomainStatsRet { retStats: List<DomainStatsRecord, DOMAIN_LIST_MAX> }
}
