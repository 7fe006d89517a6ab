//! The connection, the host, CPU models and capabilities.

pub(crate) mod types;

pub use types::*;

procedures! {
    /// The connection, the host, CPU models and capabilities.
    trait Connect in remote;

    /// Opens the driver's connection; the URI may be left out where the socket decides.
    1 connect_open(ConnectOpenArgs) -> () = "virConnectOpen": high, acl(connect: getattr);

    /// Closes the connection.
    2 connect_close() -> () = "virConnectClose": high;

    /// Names the hypervisor driver.
    3 connect_get_type() -> ConnectGetTypeRet = "virConnectGetType": high, acl(connect: getattr);

    /// Tells the hypervisor's version: major * 1,000,000 + minor * 1,000 + release.
    4 connect_get_version() -> ConnectGetVersionRet = "virConnectGetVersion": high, acl(connect: getattr);

    /// Tells how many virtual CPUs a guest of this virtualization type can have.
    5 connect_get_max_vcpus(ConnectGetMaxVcpusArgs) -> ConnectGetMaxVcpusRet = "virConnectGetMaxVcpus":
        high, acl(connect: read);

    /// Describes the host's processors and memory (in KiB).
    6 node_get_info() -> NodeGetInfoRet = "virNodeGetInfo": high, acl(connect: read);

    /// Returns the host's capabilities document.
    7 connect_get_capabilities() -> ConnectGetCapabilitiesRet = "virConnectGetCapabilities":
        acl(connect: read);

    /// Names the host.
    59 connect_get_hostname() -> ConnectGetHostnameRet = "virConnectGetHostname": high, acl(connect: getattr);

    /// Tells whether the driver has an internal feature; `drv_feature` numbers them.
    60 connect_supports_feature(ConnectSupportsFeatureArgs)
        -> ConnectSupportsFeatureRet = "virConnectSupportsFeature":
        high, acl(connect: getattr);

    /// Tells the free memory of NUMA cells in bytes.
    101 node_get_cells_free_memory(NodeGetCellsFreeMemoryArgs)
        -> NodeGetCellsFreeMemoryRet = "virNodeGetCellsFreeMemory":
        high, acl(connect: read);

    /// Tells the free memory of the host in bytes.
    102 node_get_free_memory() -> NodeGetFreeMemoryRet = "virNodeGetFreeMemory": high, acl(connect: read);

    /// Tells the canonical URI of the connection.
    110 connect_get_uri() -> ConnectGetUriRet = "virConnectGetURI": high, acl(connect: getattr);

    /// Tells the host's security model and its domain of interpretation.
    122 node_get_security_model() -> NodeGetSecurityModelRet = "virNodeGetSecurityModel":
        high, acl(connect: read);

    /// Translates a configuration of the hypervisor into a domain document.
    135 connect_domain_xml_from_native(ConnectDomainXmlFromNativeArgs)
        -> ConnectDomainXmlFromNativeRet = "virConnectDomainXMLFromNative":
        writes, acl(connect: write);

    /// Translates a domain document into a configuration of the hypervisor.
    136 connect_domain_xml_to_native(ConnectDomainXmlToNativeArgs)
        -> ConnectDomainXmlToNativeRet = "virConnectDomainXMLToNative":
        writes, acl(connect: write);

    /// Tells whether nobody else can read the connection.
    149 connect_is_secure() -> ConnectIsSecureRet = "virConnectIsSecure": high;

    /// Tells the version of the library behind the daemon.
    157 connect_get_lib_version() -> ConnectGetLibVersionRet = "virConnectGetLibVersion":
        high, acl(connect: getattr);

    /// Compares a CPU document with the host's CPU.
    158 connect_compare_cpu(ConnectCompareCpuArgs) -> ConnectCompareCpuRet = "virConnectCompareCPU":
        high, acl(connect: read);

    /// Computes the CPU that all the given ones can be.
    162 connect_baseline_cpu(ConnectBaselineCpuArgs) -> ConnectBaselineCpuRet = "virConnectBaselineCPU":
        acl(connect: read);

    /// Returns the host's SMBIOS document.
    203 connect_get_sysinfo(ConnectGetSysinfoArgs) -> ConnectGetSysinfoRet = "virConnectGetSysinfo":
        high, acl(connect: read);

    /// Returns CPU time statistics of the host (in ns).
    227 node_get_cpu_stats(NodeGetCpuStatsArgs) -> NodeGetCpuStatsRet = "virNodeGetCPUStats":
        high, acl(connect: read);

    /// Returns memory statistics of the host (in KiB).
    228 node_get_memory_stats(NodeGetMemoryStatsArgs) -> NodeGetMemoryStatsRet = "virNodeGetMemoryStats":
        high, acl(connect: read);

    /// Puts the host to sleep for a time in seconds.
    250 node_suspend_for_duration(NodeSuspendForDurationArgs) -> () = "virNodeSuspendForDuration":
        writes, acl(connect: pm_control);

    /// Sets parameters of the host's memory merging.
    288 node_set_memory_parameters(NodeSetMemoryParametersArgs) -> () = "virNodeSetMemoryParameters":
        writes, acl(connect: write);

    /// Returns the parameters of the host's memory merging.
    289 node_get_memory_parameters(NodeGetMemoryParametersArgs)
        -> NodeGetMemoryParametersRet = "virNodeGetMemoryParameters":
        acl(connect: read);

    /// Tells which host CPUs there are, and which are online.
    293 node_get_cpu_map(NodeGetCpuMapArgs) -> NodeGetCpuMapRet = "virNodeGetCPUMap": acl(connect: read);

    /// Names the CPU models of an architecture.
    312 connect_get_cpu_model_names(ConnectGetCpuModelNamesArgs)
        -> ConnectGetCpuModelNamesRet = "virConnectGetCPUModelNames":
        acl(connect: read);

    /// Counts the free pages of each size in NUMA cells.
    340 node_get_free_pages(NodeGetFreePagesArgs) -> NodeGetFreePagesRet = "virNodeGetFreePages":
        high, acl(connect: read);

    /// Returns the capabilities document for guests of one emulator, architecture and machine.
    342 connect_get_domain_capabilities(ConnectGetDomainCapabilitiesArgs)
        -> ConnectGetDomainCapabilitiesRet = "virConnectGetDomainCapabilities":
        writes, acl(connect: write);

    /// Sets or adds to the pools of huge pages of NUMA cells.
    347 node_alloc_pages(NodeAllocPagesArgs) -> NodeAllocPagesRet = "virNodeAllocPages":
        writes, acl(connect: write);

    /// Asks to be told when the driver loses its own connection.
    360 connect_register_close_callback() -> () = "virConnectRegisterCloseCallback":
        high, acl(connect: getattr);

    /// No longer asks to be told when the driver loses its own connection.
    361 connect_unregister_close_callback() -> () = "virConnectUnregisterCloseCallback":
        high, acl(connect: getattr);

    /// Compares a CPU document with what the hypervisor can offer.
    393 connect_compare_hypervisor_cpu(ConnectCompareHypervisorCpuArgs)
        -> ConnectCompareHypervisorCpuRet = "virConnectCompareHypervisorCPU":
        writes, acl(connect: write);

    /// Computes the CPU that all the given ones can be on a hypervisor.
    394 connect_baseline_hypervisor_cpu(ConnectBaselineHypervisorCpuArgs)
        -> ConnectBaselineHypervisorCpuRet = "virConnectBaselineHypervisorCPU":
        writes, acl(connect: write);

    /// Returns what the host's SEV offers.
    395 node_get_sev_info(NodeGetSevInfoArgs) -> NodeGetSevInfoRet = "virNodeGetSEVInfo":
        writes, acl(connect: read);

    /// Hands over the identity of the user for whom a proxy calls.
    419 connect_set_identity(ConnectSetIdentityArgs) -> () = "virConnectSetIdentity": acl(connect: write);

    events {
        /// The driver lost its own connection.
        362 connect_event_connection_closed(ConnectEventConnectionClosedMsg);
    }
}
