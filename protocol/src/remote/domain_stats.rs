//! Statistics of domains.

use crate::consts::DomainModificationImpact as Affect;

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Statistics of domains.
    trait DomainStats in remote;

    /// Counts requests and bytes of a disk.
    64 domain_block_stats(DomainBlockStatsArgs) -> DomainBlockStatsRet = "virDomainBlockStats":
        acl(domain: read);

    /// Counts packets and bytes of a network interface.
    65 domain_interface_stats(DomainInterfaceStatsArgs)
        -> DomainInterfaceStatsRet = "virDomainInterfaceStats":
        high, acl(domain: read);

    /// Returns statistics of the guest's memory.
    159 domain_memory_stats(DomainMemoryStatsArgs) -> DomainMemoryStatsRet = "virDomainMemoryStats":
        acl(domain: read);

    /// Returns statistics of a disk as parameters.
    243 domain_block_stats_flags(DomainBlockStatsFlagsArgs)
        -> DomainBlockStatsFlagsRet = "virDomainBlockStatsFlags":
        acl(domain: read);

    /// Returns CPU time statistics of the domain (in ns).
    262 domain_get_cpu_stats(DomainGetCpuStatsArgs) -> DomainGetCpuStatsRet = "virDomainGetCPUStats":
        acl(domain: read);

    /// Sets how often the guest reports its memory, in seconds.
    308 domain_set_memory_stats_period(DomainSetMemoryStatsPeriodArgs)
        -> () = "virDomainSetMemoryStatsPeriod":
        writes, decided_by(DomainSetMemoryStatsPeriodArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns statistics of many domains in one call.
    344 connect_get_all_domain_stats(ConnectGetAllDomainStatsArgs)
        -> ConnectGetAllDomainStatsRet = "virConnectGetAllDomainStats":
        acl(connect: search_domains), filter(domain: read);
}
