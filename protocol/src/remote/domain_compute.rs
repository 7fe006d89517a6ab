//! Memory, virtual CPUs, I/O threads, pinning, scheduling and NUMA placement of domains.

use crate::consts::{DomainModificationImpact as Affect, DomainVcpuFlags as Vcpu};

pub(crate) mod types;

pub use types::*;

procedures! {
    /// Memory, virtual CPUs, I/O threads, pinning, scheduling and NUMA placement of domains.
    trait DomainCompute in remote;

    /// Tells the memory maximum in KiB.
    17 domain_get_max_memory(DomainGetMaxMemoryArgs) -> DomainGetMaxMemoryRet = "virDomainGetMaxMemory":
        high, acl(domain: read);

    /// Tells the maximum number of virtual CPUs.
    18 domain_get_max_vcpus(DomainGetMaxVcpusArgs) -> DomainGetMaxVcpusRet = "virDomainGetMaxVcpus":
        high, acl(domain: read);

    /// Describes the virtual CPUs: state, CPU time (in ns), host CPU, and the host CPUs each may run on.
    20 domain_get_vcpus(DomainGetVcpusArgs) -> DomainGetVcpusRet = "virDomainGetVcpus":
        high, acl(domain: read);

    /// Sets the host CPUs that a virtual CPU of a running domain may use.
    26 domain_pin_vcpu(DomainPinVcpuArgs) -> () = "virDomainPinVcpu": writes, acl(domain: write);

    /// Sets the memory maximum in KiB.
    30 domain_set_max_memory(DomainSetMaxMemoryArgs) -> () = "virDomainSetMaxMemory":
        high, writes, acl(domain: write);

    /// Sets the memory of a running domain in KiB.
    31 domain_set_memory(DomainSetMemoryArgs) -> () = "virDomainSetMemory": writes, acl(domain: write);

    /// Sets the number of virtual CPUs of a running domain.
    32 domain_set_vcpus(DomainSetVcpusArgs) -> () = "virDomainSetVcpus": writes, acl(domain: write);

    /// Names the scheduler and counts its parameters.
    56 domain_get_scheduler_type(DomainGetSchedulerTypeArgs)
        -> DomainGetSchedulerTypeRet = "virDomainGetSchedulerType":
        acl(domain: read);

    /// Returns the scheduler's parameters.
    57 domain_get_scheduler_parameters(DomainGetSchedulerParametersArgs)
        -> DomainGetSchedulerParametersRet = "virDomainGetSchedulerParameters":
        acl(domain: read);

    /// Sets parameters of the scheduler.
    58 domain_set_scheduler_parameters(DomainSetSchedulerParametersArgs)
        -> () = "virDomainSetSchedulerParameters":
        writes, acl(domain: read);

    /// Reads from the guest's memory.
    104 domain_memory_peek(DomainMemoryPeekArgs) -> DomainMemoryPeekRet = "virDomainMemoryPeek":
        writes, acl(domain: mem_read);

    /// Sets memory limits.
    197 domain_set_memory_parameters(DomainSetMemoryParametersArgs)
        -> () = "virDomainSetMemoryParameters":
        writes, decided_by(DomainSetMemoryParametersArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns the memory limits.
    198 domain_get_memory_parameters(DomainGetMemoryParametersArgs)
        -> DomainGetMemoryParametersRet = "virDomainGetMemoryParameters":
        acl(domain: read);

    /// Sets the number of virtual CPUs of the running domain, its definition, or both.
    199 domain_set_vcpus_flags(DomainSetVcpusFlagsArgs) -> () = "virDomainSetVcpusFlags":
        writes, decided_by(DomainSetVcpusFlagsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG), domain: write all_of(Vcpu::GUEST));

    /// Counts the virtual CPUs.
    200 domain_get_vcpus_flags(DomainGetVcpusFlagsArgs)
        -> DomainGetVcpusFlagsRet = "virDomainGetVcpusFlags":
        decided_by(DomainGetVcpusFlagsArgs.flags), writes_when(all_of(Vcpu::GUEST)),
        acl(domain: read, domain: write all_of(Vcpu::GUEST));

    /// Sets the memory of the running domain, its definition, or both, in KiB.
    204 domain_set_memory_flags(DomainSetMemoryFlagsArgs) -> () = "virDomainSetMemoryFlags":
        writes, decided_by(DomainSetMemoryFlagsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Sets limits of disk I/O.
    205 domain_set_blkio_parameters(DomainSetBlkioParametersArgs) -> () = "virDomainSetBlkioParameters":
        writes, decided_by(DomainSetBlkioParametersArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns the limits of disk I/O.
    206 domain_get_blkio_parameters(DomainGetBlkioParametersArgs)
        -> DomainGetBlkioParametersRet = "virDomainGetBlkioParameters":
        acl(domain: read);

    /// Sets parameters of the scheduler for the running domain, its definition, or both.
    219 domain_set_scheduler_parameters_flags(DomainSetSchedulerParametersFlagsArgs)
        -> () = "virDomainSetSchedulerParametersFlags":
        writes, decided_by(DomainSetSchedulerParametersFlagsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns the scheduler's parameters of the running domain or its definition.
    223 domain_get_scheduler_parameters_flags(DomainGetSchedulerParametersFlagsArgs)
        -> DomainGetSchedulerParametersFlagsRet = "virDomainGetSchedulerParametersFlags":
        acl(domain: read);

    /// Sets the host CPUs that a virtual CPU may use, for the running domain, its definition, or both.
    225 domain_pin_vcpu_flags(DomainPinVcpuFlagsArgs) -> () = "virDomainPinVcpuFlags":
        writes, decided_by(DomainPinVcpuFlagsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Tells which host CPUs each virtual CPU may use.
    230 domain_get_vcpu_pin_info(DomainGetVcpuPinInfoArgs)
        -> DomainGetVcpuPinInfoRet = "virDomainGetVcpuPinInfo":
        acl(domain: read);

    /// Sets the NUMA placement of the guest's memory.
    254 domain_set_numa_parameters(DomainSetNumaParametersArgs) -> () = "virDomainSetNumaParameters":
        writes, decided_by(DomainSetNumaParametersArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Returns the NUMA placement of the guest's memory.
    255 domain_get_numa_parameters(DomainGetNumaParametersArgs)
        -> DomainGetNumaParametersRet = "virDomainGetNumaParameters":
        acl(domain: read);

    /// Sets the host CPUs that the emulator's own threads may use.
    279 domain_pin_emulator(DomainPinEmulatorArgs) -> () = "virDomainPinEmulator":
        writes, decided_by(DomainPinEmulatorArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Tells which host CPUs the emulator's own threads may use.
    280 domain_get_emulator_pin_info(DomainGetEmulatorPinInfoArgs)
        -> DomainGetEmulatorPinInfoRet = "virDomainGetEmulatorPinInfo":
        acl(domain: read);

    /// Lists the I/O threads and the host CPUs each may use.
    351 domain_get_iothread_info(DomainGetIothreadInfoArgs)
        -> DomainGetIothreadInfoRet = "virDomainGetIOThreadInfo":
        acl(domain: read);

    /// Sets the host CPUs that an I/O thread may use.
    352 domain_pin_iothread(DomainPinIothreadArgs) -> () = "virDomainPinIOThread":
        writes, decided_by(DomainPinIothreadArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Adds an I/O thread.
    355 domain_add_iothread(DomainAddIothreadArgs) -> () = "virDomainAddIOThread":
        writes, decided_by(DomainAddIothreadArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Removes an I/O thread.
    356 domain_del_iothread(DomainDelIothreadArgs) -> () = "virDomainDelIOThread":
        writes, decided_by(DomainDelIothreadArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Tells which performance counters are on.
    365 domain_get_perf_events(DomainGetPerfEventsArgs)
        -> DomainGetPerfEventsRet = "virDomainGetPerfEvents":
        acl(domain: read);

    /// Switches performance counters on and off.
    366 domain_set_perf_events(DomainSetPerfEventsArgs) -> () = "virDomainSetPerfEvents":
        writes, acl(domain: write);

    /// Plugs single virtual CPUs in or out.
    384 domain_set_vcpu(DomainSetVcpuArgs) -> () = "virDomainSetVcpu":
        writes, decided_by(DomainSetVcpuArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Sets polling parameters of an I/O thread.
    402 domain_set_iothread_params(DomainSetIothreadParamsArgs) -> () = "virDomainSetIOThreadParams":
        writes, decided_by(DomainSetIothreadParamsArgs.flags),
        acl(domain: write, domain: save none_of(Affect::CONFIG.union(Affect::LIVE)),
            domain: save all_of(Affect::CONFIG));

    /// Starts to measure how fast the guest dirties its memory, over a time in seconds.
    427 domain_start_dirty_rate_calc(DomainStartDirtyRateCalcArgs) -> () = "virDomainStartDirtyRateCalc":
        writes, acl(domain: write);
}
