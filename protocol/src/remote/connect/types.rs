//! Arguments, results and events of [`super::Connect`], in the order of their procedures.

use crate::limits::{
    CONNECT_CPU_MODELS_MAX, CONNECT_IDENTITY_PARAMS_MAX, CPU_BASELINE_MAX, CPUMAP_MAX, NODE_CPU_STATS_MAX,
    NODE_MAX_CELLS, NODE_MEMORY_PARAMETERS_MAX, NODE_MEMORY_STATS_MAX, NODE_SEV_INFO_MAX, SECURITY_DOI_MAX,
    SECURITY_MODEL_MAX,
};
use crate::shared::TypedParam;
use crate::xdr::{Char, List, Opaque};

wire! {
    /// Arguments of `virConnectOpen` (1).
    struct ConnectOpenArgs { name: Option<String>, flags: u32 }

    /// Result of `virConnectGetType` (3).
    struct ConnectGetTypeRet { r#type: String }

    /// Result of `virConnectGetVersion` (4).
    struct ConnectGetVersionRet { hv_ver: u64 }

    /// Arguments of `virConnectGetMaxVcpus` (5).
    struct ConnectGetMaxVcpusArgs { r#type: Option<String> }

    /// Result of `virConnectGetMaxVcpus` (5).
    struct ConnectGetMaxVcpusRet { max_vcpus: i32 }

    /// Result of `virNodeGetInfo` (6).
    struct NodeGetInfoRet {
        model: [Char; 32],
        memory: u64,
        cpus: i32,
        mhz: i32,
        nodes: i32,
        sockets: i32,
        cores: i32,
        threads: i32,
    }

    /// Result of `virConnectGetCapabilities` (7).
    struct ConnectGetCapabilitiesRet { capabilities: String }

    /// Result of `virConnectGetHostname` (59).
    struct ConnectGetHostnameRet { hostname: String }

    /// Arguments of `virConnectSupportsFeature` (60).
    struct ConnectSupportsFeatureArgs { feature: i32 }

    /// Result of `virConnectSupportsFeature` (60).
    struct ConnectSupportsFeatureRet { supported: i32 }

    /// Arguments of `virNodeGetCellsFreeMemory` (101).
    struct NodeGetCellsFreeMemoryArgs { startCell: i32, maxcells: i32 }

    /// Result of `virNodeGetCellsFreeMemory` (101).
    struct NodeGetCellsFreeMemoryRet { cells: List<u64, NODE_MAX_CELLS> }

    /// Result of `virNodeGetFreeMemory` (102).
    struct NodeGetFreeMemoryRet { freeMem: u64 }

    /// Result of `virConnectGetURI` (110).
    struct ConnectGetUriRet { uri: String }

    /// Result of `virNodeGetSecurityModel` (122).
    struct NodeGetSecurityModelRet {
        model: List<Char, SECURITY_MODEL_MAX>,
        doi: List<Char, SECURITY_DOI_MAX>,
    }

    /// Arguments of `virConnectDomainXMLFromNative` (135).
    struct ConnectDomainXmlFromNativeArgs { nativeFormat: String, nativeConfig: String, flags: u32 }

    /// Result of `virConnectDomainXMLFromNative` (135).
    struct ConnectDomainXmlFromNativeRet { domainXml: String }

    /// Arguments of `virConnectDomainXMLToNative` (136).
    struct ConnectDomainXmlToNativeArgs { nativeFormat: String, domainXml: String, flags: u32 }

    /// Result of `virConnectDomainXMLToNative` (136).
    struct ConnectDomainXmlToNativeRet { nativeConfig: String }

    /// Result of `virConnectIsSecure` (149).
    struct ConnectIsSecureRet { secure: i32 }

    /// Result of `virConnectGetLibVersion` (157).
    struct ConnectGetLibVersionRet { lib_ver: u64 }

    /// Arguments of `virConnectCompareCPU` (158).
    struct ConnectCompareCpuArgs { xml: String, flags: u32 }

    /// Result of `virConnectCompareCPU` (158).
    struct ConnectCompareCpuRet { result: i32 }

    /// Arguments of `virConnectBaselineCPU` (162).
    struct ConnectBaselineCpuArgs { xmlCPUs: List<String, CPU_BASELINE_MAX>, flags: u32 }

    /// Result of `virConnectBaselineCPU` (162).
    struct ConnectBaselineCpuRet { cpu: String }

    /// Arguments of `virConnectGetSysinfo` (203).
    struct ConnectGetSysinfoArgs { flags: u32 }

    /// Result of `virConnectGetSysinfo` (203).
    struct ConnectGetSysinfoRet { sysinfo: String }

    /// Arguments of `virNodeGetCPUStats` (227).
    struct NodeGetCpuStatsArgs { cpuNum: i32, nparams: i32, flags: u32 }

    /// CPU time of the host spent in one way (in ns).
    struct NodeGetCpuStats { field: String, value: u64 }

    /// Result of `virNodeGetCPUStats` (227).
    struct NodeGetCpuStatsRet { params: List<NodeGetCpuStats, NODE_CPU_STATS_MAX>, nparams: i32 }

    /// Arguments of `virNodeGetMemoryStats` (228).
    struct NodeGetMemoryStatsArgs { nparams: i32, cellNum: i32, flags: u32 }

    /// One figure of the host's memory (in KiB).
    struct NodeGetMemoryStats { field: String, value: u64 }

    /// Result of `virNodeGetMemoryStats` (228).
    struct NodeGetMemoryStatsRet {
        params: List<NodeGetMemoryStats, NODE_MEMORY_STATS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virNodeSuspendForDuration` (250).
    struct NodeSuspendForDurationArgs { target: u32, duration: u64, flags: u32 }

    /// Arguments of `virNodeSetMemoryParameters` (288).
    struct NodeSetMemoryParametersArgs {
        params: List<TypedParam, NODE_MEMORY_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virNodeGetMemoryParameters` (289).
    struct NodeGetMemoryParametersArgs { nparams: i32, flags: u32 }

    /// Result of `virNodeGetMemoryParameters` (289).
    struct NodeGetMemoryParametersRet {
        params: List<TypedParam, NODE_MEMORY_PARAMETERS_MAX>,
        nparams: i32,
    }

    /// Arguments of `virNodeGetCPUMap` (293).
    struct NodeGetCpuMapArgs { need_map: i32, need_online: i32, flags: u32 }

    /// Result of `virNodeGetCPUMap` (293).
    struct NodeGetCpuMapRet { cpumap: Opaque<CPUMAP_MAX>, online: u32, ret: i32 }

    /// Arguments of `virConnectGetCPUModelNames` (312).
    struct ConnectGetCpuModelNamesArgs { arch: String, need_results: i32, flags: u32 }

    /// Result of `virConnectGetCPUModelNames` (312).
    struct ConnectGetCpuModelNamesRet { models: List<String, CONNECT_CPU_MODELS_MAX>, ret: i32 }

    /// Arguments of `virNodeGetFreePages` (340).
    struct NodeGetFreePagesArgs {
        pages: List<u32, NODE_MAX_CELLS>,
        startCell: i32,
        cellCount: u32,
        flags: u32,
    }

    /// Result of `virNodeGetFreePages` (340).
    struct NodeGetFreePagesRet { counts: List<u64, NODE_MAX_CELLS> }

    /// Arguments of `virConnectGetDomainCapabilities` (342).
    struct ConnectGetDomainCapabilitiesArgs {
        emulatorbin: Option<String>,
        arch: Option<String>,
        machine: Option<String>,
        virttype: Option<String>,
        flags: u32,
    }

    /// Result of `virConnectGetDomainCapabilities` (342).
    struct ConnectGetDomainCapabilitiesRet { capabilities: String }

    /// Arguments of `virNodeAllocPages` (347).
    struct NodeAllocPagesArgs {
        pageSizes: List<u32, NODE_MAX_CELLS>,
        pageCounts: List<u64, NODE_MAX_CELLS>,
        startCell: i32,
        cellCount: u32,
        flags: u32,
    }

    /// Result of `virNodeAllocPages` (347).
    struct NodeAllocPagesRet { ret: i32 }

    /// Event 362: the driver lost its own connection.
    struct ConnectEventConnectionClosedMsg { reason: i32 }

    /// Arguments of `virConnectCompareHypervisorCPU` (393).
    struct ConnectCompareHypervisorCpuArgs {
        emulator: Option<String>,
        arch: Option<String>,
        machine: Option<String>,
        virttype: Option<String>,
        xmlCPU: String,
        flags: u32,
    }

    /// Result of `virConnectCompareHypervisorCPU` (393).
    struct ConnectCompareHypervisorCpuRet { result: i32 }

    /// Arguments of `virConnectBaselineHypervisorCPU` (394).
    struct ConnectBaselineHypervisorCpuArgs {
        emulator: Option<String>,
        arch: Option<String>,
        machine: Option<String>,
        virttype: Option<String>,
        xmlCPUs: List<String, CPU_BASELINE_MAX>,
        flags: u32,
    }

    /// Result of `virConnectBaselineHypervisorCPU` (394).
    struct ConnectBaselineHypervisorCpuRet { cpu: String }

    /// Arguments of `virNodeGetSEVInfo` (395).
    struct NodeGetSevInfoArgs { nparams: i32, flags: u32 }

    /// Result of `virNodeGetSEVInfo` (395).
    struct NodeGetSevInfoRet { params: List<TypedParam, NODE_SEV_INFO_MAX>, nparams: i32 }

    /// Arguments of `virConnectSetIdentity` (419).
    struct ConnectSetIdentityArgs {
        params: List<TypedParam, CONNECT_IDENTITY_PARAMS_MAX>,
        flags: u32,
    }
}
