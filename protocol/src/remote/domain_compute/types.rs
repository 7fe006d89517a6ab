//! Arguments, results and events of [`super::DomainCompute`], in the order of their procedures.

use crate::limits::{
    CPUMAP_MAX, CPUMAPS_MAX, DOMAIN_BLKIO_PARAMETERS_MAX, DOMAIN_IOTHREAD_PARAMS_MAX,
    DOMAIN_MEMORY_PARAMETERS_MAX, DOMAIN_MEMORY_PEEK_BUFFER_MAX, DOMAIN_NUMA_PARAMETERS_MAX,
    DOMAIN_PERF_EVENTS_MAX, DOMAIN_SCHEDULER_PARAMETERS_MAX, IOTHREAD_INFO_MAX, VCPUINFO_MAX,
};
use crate::shared::{NonnullDomain, TypedParam};
use crate::xdr::{List, Opaque};

wire! {
    /// Arguments of `virDomainGetMaxMemory` (17).
    struct DomainGetMaxMemoryArgs { dom: NonnullDomain }

    /// Result of `virDomainGetMaxMemory` (17).
    struct DomainGetMaxMemoryRet { memory: u64 }

    /// Arguments of `virDomainGetMaxVcpus` (18).
    struct DomainGetMaxVcpusArgs { dom: NonnullDomain }

    /// Result of `virDomainGetMaxVcpus` (18).
    struct DomainGetMaxVcpusRet { num: i32 }

    /// Arguments of `virDomainGetVcpus` (20).
    struct DomainGetVcpusArgs { dom: NonnullDomain, maxinfo: i32, maplen: i32 }

    /// State, CPU time (in ns) and host CPU of a virtual CPU.
    struct VcpuInfo { number: u32, state: i32, cpu_time: u64, cpu: i32 }

    /// Result of `virDomainGetVcpus` (20).
    struct DomainGetVcpusRet { info: List<VcpuInfo, VCPUINFO_MAX>, cpumaps: Opaque<CPUMAPS_MAX> }

    /// Arguments of `virDomainPinVcpu` (26).
    struct DomainPinVcpuArgs { dom: NonnullDomain, vcpu: u32, cpumap: Opaque<CPUMAP_MAX> }

    /// Arguments of `virDomainSetMaxMemory` (30).
    struct DomainSetMaxMemoryArgs { dom: NonnullDomain, memory: u64 }

    /// Arguments of `virDomainSetMemory` (31).
    struct DomainSetMemoryArgs { dom: NonnullDomain, memory: u64 }

    /// Arguments of `virDomainSetVcpus` (32).
    struct DomainSetVcpusArgs { dom: NonnullDomain, nvcpus: u32 }

    /// Arguments of `virDomainGetSchedulerType` (56).
    struct DomainGetSchedulerTypeArgs { dom: NonnullDomain }

    /// Result of `virDomainGetSchedulerType` (56).
    struct DomainGetSchedulerTypeRet { r#type: String, nparams: i32 }

    /// Arguments of `virDomainGetSchedulerParameters` (57).
    struct DomainGetSchedulerParametersArgs { dom: NonnullDomain, nparams: i32 }

    /// Result of `virDomainGetSchedulerParameters` (57).
    struct DomainGetSchedulerParametersRet {
        params: List<TypedParam, DOMAIN_SCHEDULER_PARAMETERS_MAX>,
    }

    /// Arguments of `virDomainSetSchedulerParameters` (58).
    struct DomainSetSchedulerParametersArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_SCHEDULER_PARAMETERS_MAX>,
    }

    /// Arguments of `virDomainMemoryPeek` (104).
    struct DomainMemoryPeekArgs { dom: NonnullDomain, offset: u64, size: u32, flags: u32 }

    /// Result of `virDomainMemoryPeek` (104).
    struct DomainMemoryPeekRet { buffer: Opaque<DOMAIN_MEMORY_PEEK_BUFFER_MAX> }

    /// Arguments of `virDomainSetMemoryParameters` (197).
    struct DomainSetMemoryParametersArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_MEMORY_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGetMemoryParameters` (198).
    struct DomainGetMemoryParametersArgs { dom: NonnullDomain, nparams: i32, flags: u32 }

    /// Result of `virDomainGetMemoryParameters` (198).
    struct DomainGetMemoryParametersRet {
        params: List<TypedParam, DOMAIN_MEMORY_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virDomainSetVcpusFlags` (199).
    struct DomainSetVcpusFlagsArgs { dom: NonnullDomain, nvcpus: u32, flags: u32 }

    /// Arguments of `virDomainGetVcpusFlags` (200).
    struct DomainGetVcpusFlagsArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetVcpusFlags` (200).
    struct DomainGetVcpusFlagsRet { num: i32 }

    /// Arguments of `virDomainSetMemoryFlags` (204).
    struct DomainSetMemoryFlagsArgs { dom: NonnullDomain, memory: u64, flags: u32 }

    /// Arguments of `virDomainSetBlkioParameters` (205).
    struct DomainSetBlkioParametersArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_BLKIO_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGetBlkioParameters` (206).
    struct DomainGetBlkioParametersArgs { dom: NonnullDomain, nparams: i32, flags: u32 }

    /// Result of `virDomainGetBlkioParameters` (206).
    struct DomainGetBlkioParametersRet {
        params: List<TypedParam, DOMAIN_BLKIO_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virDomainSetSchedulerParametersFlags` (219).
    struct DomainSetSchedulerParametersFlagsArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_SCHEDULER_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGetSchedulerParametersFlags` (223).
    struct DomainGetSchedulerParametersFlagsArgs { dom: NonnullDomain, nparams: i32, flags: u32 }

    /// Result of `virDomainGetSchedulerParametersFlags` (223).
    struct DomainGetSchedulerParametersFlagsRet {
        params: List<TypedParam, DOMAIN_SCHEDULER_PARAMETERS_MAX>,
    }

    /// Arguments of `virDomainPinVcpuFlags` (225).
    struct DomainPinVcpuFlagsArgs {
        dom: NonnullDomain,
        vcpu: u32,
        cpumap: Opaque<CPUMAP_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGetVcpuPinInfo` (230).
    struct DomainGetVcpuPinInfoArgs { dom: NonnullDomain, ncpumaps: i32, maplen: i32, flags: u32 }

    /// Result of `virDomainGetVcpuPinInfo` (230).
    struct DomainGetVcpuPinInfoRet { cpumaps: Opaque<CPUMAPS_MAX>, num: i32 }

    /// Arguments of `virDomainSetNumaParameters` (254).
    struct DomainSetNumaParametersArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_NUMA_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainGetNumaParameters` (255).
    struct DomainGetNumaParametersArgs { dom: NonnullDomain, nparams: i32, flags: u32 }

    /// Result of `virDomainGetNumaParameters` (255).
    struct DomainGetNumaParametersRet {
        params: List<TypedParam, DOMAIN_NUMA_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virDomainPinEmulator` (279).
    struct DomainPinEmulatorArgs { dom: NonnullDomain, cpumap: Opaque<CPUMAP_MAX>, flags: u32 }

    /// Arguments of `virDomainGetEmulatorPinInfo` (280).
    struct DomainGetEmulatorPinInfoArgs { dom: NonnullDomain, maplen: i32, flags: u32 }

    /// Result of `virDomainGetEmulatorPinInfo` (280).
    struct DomainGetEmulatorPinInfoRet { cpumaps: Opaque<CPUMAPS_MAX>, ret: i32 }

    /// Arguments of `virDomainGetIOThreadInfo` (351).
    struct DomainGetIothreadInfoArgs { dom: NonnullDomain, flags: u32 }

    /// An I/O thread and the host CPUs it may use.
    struct DomainIothreadInfo { iothread_id: u32, cpumap: Opaque<CPUMAP_MAX> }

    /// Result of `virDomainGetIOThreadInfo` (351).
    struct DomainGetIothreadInfoRet { info: List<DomainIothreadInfo, IOTHREAD_INFO_MAX>, ret: u32 }

    /// Arguments of `virDomainPinIOThread` (352).
    struct DomainPinIothreadArgs {
        dom: NonnullDomain,
        iothreads_id: u32,
        cpumap: Opaque<CPUMAP_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainAddIOThread` (355).
    struct DomainAddIothreadArgs { dom: NonnullDomain, iothread_id: u32, flags: u32 }

    /// Arguments of `virDomainDelIOThread` (356).
    struct DomainDelIothreadArgs { dom: NonnullDomain, iothread_id: u32, flags: u32 }

    /// Arguments of `virDomainGetPerfEvents` (365).
    struct DomainGetPerfEventsArgs { dom: NonnullDomain, flags: u32 }

    /// Result of `virDomainGetPerfEvents` (365).
    struct DomainGetPerfEventsRet { params: List<TypedParam, DOMAIN_PERF_EVENTS_MAX> }

    /// Arguments of `virDomainSetPerfEvents` (366).
    struct DomainSetPerfEventsArgs {
        dom: NonnullDomain,
        params: List<TypedParam, DOMAIN_PERF_EVENTS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainSetVcpu` (384).
    struct DomainSetVcpuArgs { dom: NonnullDomain, cpumap: String, state: i32, flags: u32 }

    /// Arguments of `virDomainSetIOThreadParams` (402).
    struct DomainSetIothreadParamsArgs {
        dom: NonnullDomain,
        iothread_id: u32,
        params: List<TypedParam, DOMAIN_IOTHREAD_PARAMS_MAX>,
        flags: u32,
    }

    /// Arguments of `virDomainStartDirtyRateCalc` (427).
    struct DomainStartDirtyRateCalcArgs { dom: NonnullDomain, seconds: i32, flags: u32 }
}
