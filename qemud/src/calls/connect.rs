//! The connection and the host: opening, features, versions, host facts, capabilities.

use ::driver::connection::{Connection, Uris};
use ::driver::{flags, room};
use model::Token;
use model::domain::os::Arch;
use protocol::consts::{self, NodeAllocPagesFlags, TypedParameterFlags};
use protocol::limits::{
    NODE_CPU_STATS_MAX, NODE_MAX_CELLS, NODE_MEMORY_PARAMETERS_MAX, NODE_MEMORY_STATS_MAX, SECURITY_MODEL_MAX,
};
use protocol::remote::*;
use protocol::xdr::{Char, List};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::capabilities::Capabilities;
use crate::define;
use crate::driver::{check_flags, no_flags};
use crate::service::Virtqemud;
use crate::{hostinfo, hoststats, hostsysinfo};

/// Driver features that this daemon offers (`VIR_DRV_FEATURE_*`).
const FEATURES: [i32; 6] = [
    consts::drv_feature::FD_PASSING,
    consts::drv_feature::TYPED_PARAM_STRING,
    consts::drv_feature::PROGRAM_KEEPALIVE,
    consts::drv_feature::XML_MIGRATABLE,
    consts::drv_feature::REMOTE_EVENT_CALLBACK,
    consts::drv_feature::REMOTE_CLOSE_CALLBACK,
];

/// URIs of the daemon that serves the host; as the reference it answers to root's session URI too.
const SYSTEM: Uris =
    Uris { scheme: "qemu", name: "QEMU", own: "qemu:///system", paths: &["/system", "/session"] };

/// URIs of a user's own daemon.
const SESSION: Uris = Uris { scheme: "qemu", name: "QEMU", own: "qemu:///session", paths: &["/session"] };

impl Connect<Call> for Virtqemud {
    async fn connect_open(&self, call: &Call, args: ConnectOpenArgs) -> Result<(), Fault> {
        Connection::open(call, self.uris(), &args)
    }

    async fn connect_close(&self, call: &Call) -> Result<(), Fault> {
        Connection::of(call.session()).close();
        self.driver.events.forget(call.session().id());
        crate::process::stop::session_closed(&self.driver, call.session().id());
        Ok(())
    }

    async fn connect_supports_feature(
        &self,
        call: &Call,
        args: ConnectSupportsFeatureArgs,
    ) -> Result<ConnectSupportsFeatureRet, Fault> {
        let supported = Connection::feature(call, args.feature, &FEATURES)?;
        Ok(ConnectSupportsFeatureRet { supported })
    }

    async fn connect_get_type(&self, _call: &Call) -> Result<ConnectGetTypeRet, Fault> {
        Ok(ConnectGetTypeRet { r#type: "QEMU".to_owned() })
    }

    async fn connect_get_version(&self, _call: &Call) -> Result<ConnectGetVersionRet, Fault> {
        let caps = self.driver.capabilities.native().await?;
        Ok(ConnectGetVersionRet { hv_ver: caps.version_number() })
    }

    async fn connect_get_lib_version(&self, _call: &Call) -> Result<ConnectGetLibVersionRet, Fault> {
        Ok(ConnectGetLibVersionRet { lib_ver: daemon::LIBVIRT_VERSION })
    }

    async fn connect_get_hostname(&self, _call: &Call) -> Result<ConnectGetHostnameRet, Fault> {
        // The resolver may ask the network.
        let hostname = ::driver::documents::blocking(host::system::full_hostname).await;
        let hostname = hostname.map_err(::driver::fault::host(ErrorDomain::QEMU))?;
        Ok(ConnectGetHostnameRet { hostname })
    }

    async fn connect_get_uri(&self, _call: &Call) -> Result<ConnectGetUriRet, Fault> {
        Ok(ConnectGetUriRet { uri: self.uri().to_owned() })
    }

    async fn connect_is_secure(&self, _call: &Call) -> Result<ConnectIsSecureRet, Fault> {
        // Only unix sockets reach this daemon; TLS ends in virtproxyd.
        Ok(ConnectIsSecureRet { secure: 1 })
    }

    async fn connect_set_identity(&self, call: &Call, args: ConnectSetIdentityArgs) -> Result<(), Fault> {
        ::driver::identity::assume(call, &args, self.driver.context.system_token())
    }

    async fn connect_register_close_callback(&self, call: &Call) -> Result<(), Fault> {
        Connection::set_close_callback(call, true)
    }

    async fn connect_unregister_close_callback(&self, call: &Call) -> Result<(), Fault> {
        Connection::set_close_callback(call, false)
    }

    async fn connect_get_max_vcpus(
        &self,
        _call: &Call,
        args: ConnectGetMaxVcpusArgs,
    ) -> Result<ConnectGetMaxVcpusRet, Fault> {
        hostinfo::max_vcpus(args.r#type.as_deref()).map(|max_vcpus| ConnectGetMaxVcpusRet { max_vcpus })
    }

    async fn connect_get_capabilities(&self, _call: &Call) -> Result<ConnectGetCapabilitiesRet, Fault> {
        let capabilities = self.driver.capabilities.host_xml().await?;
        Ok(ConnectGetCapabilitiesRet { capabilities })
    }

    async fn connect_get_domain_capabilities(
        &self,
        _call: &Call,
        args: ConnectGetDomainCapabilitiesArgs,
    ) -> Result<ConnectGetDomainCapabilitiesRet, Fault> {
        no_flags("virConnectGetDomainCapabilities", args.flags)?;
        let capabilities = self
            .driver
            .capabilities
            .domain_xml(
                args.emulatorbin.as_deref(),
                args.arch.as_deref(),
                args.machine.as_deref(),
                args.virttype.as_deref(),
            )
            .await?;
        Ok(ConnectGetDomainCapabilitiesRet { capabilities })
    }

    async fn connect_domain_xml_to_native(
        &self,
        _call: &Call,
        args: ConnectDomainXmlToNativeArgs,
    ) -> Result<ConnectDomainXmlToNativeRet, Fault> {
        no_flags("virConnectDomainXMLToNative", args.flags)?;
        if args.nativeFormat != "qemu-argv" {
            let detail = format!("unsupported config type {}", args.nativeFormat);
            return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::INVALID_ARG, detail));
        }
        let config = define::native(&self.driver, &args.domainXml).await?;
        Ok(ConnectDomainXmlToNativeRet { nativeConfig: config })
    }

    async fn node_get_info(&self, _call: &Call) -> Result<NodeGetInfoRet, Fault> {
        let info = hostinfo::blocking(hostinfo::node_info).await?;
        let mut model = [Char(0); 32];
        // The last element stays NUL.
        for (to, from) in model.iter_mut().take(31).zip(info.model.bytes()) {
            *to = Char(from.cast_signed());
        }
        let hostinfo::NodeInfo { memory_kib, cpus, mhz, nodes, sockets, cores, threads, .. } = info;
        Ok(NodeGetInfoRet { model, memory: memory_kib, cpus, mhz, nodes, sockets, cores, threads })
    }

    async fn node_get_security_model(&self, _call: &Call) -> Result<NodeGetSecurityModelRet, Fault> {
        let first = self.driver.capabilities.secmodels().into_iter().next();
        let (model, doi) = first.map(|first| (first.model, first.doi)).unwrap_or_default();
        Ok(NodeGetSecurityModelRet { model: with_nul(&model), doi: with_nul(&doi) })
    }

    async fn node_suspend_for_duration(
        &self,
        _call: &Call,
        args: NodeSuspendForDurationArgs,
    ) -> Result<(), Fault> {
        let flags = no_flags("virNodeSuspendForDuration", args.flags);
        flags.map_err(|fault| Fault { domain: ErrorDomain::NONE, ..fault })?;
        let host = hostinfo::blocking(|| Ok(Capabilities::power_management())).await?;
        let (can, way) = match args.target {
            consts::node_suspend_target::MEM => (host.suspend_mem, "Suspend-to-RAM"),
            consts::node_suspend_target::DISK => (host.suspend_disk, "Suspend-to-Disk"),
            consts::node_suspend_target::HYBRID => (host.suspend_hybrid, "Hybrid-Suspend"),
            other => {
                return Err(Fault::invalid_arg(ErrorDomain::NONE, format!("Invalid suspend target {other}")));
            }
        };
        match can {
            true => Err(Fault::unsupported(ErrorDomain::QEMU, "virNodeSuspendForDuration")),
            false => Err(Fault::new(ErrorDomain::NONE, ErrorCode::ARGUMENT_UNSUPPORTED, way)),
        }
    }

    async fn node_get_free_memory(&self, _call: &Call) -> Result<NodeGetFreeMemoryRet, Fault> {
        let free = hostinfo::blocking(hostinfo::free_memory).await?;
        Ok(NodeGetFreeMemoryRet { freeMem: free })
    }

    async fn node_get_cells_free_memory(
        &self,
        _call: &Call,
        args: NodeGetCellsFreeMemoryArgs,
    ) -> Result<NodeGetCellsFreeMemoryRet, Fault> {
        let NodeGetCellsFreeMemoryArgs { startCell, maxcells } = args;
        room::of_list(maxcells, NODE_MAX_CELLS, "maxcells")?;
        if startCell < 0 {
            let detail = format!("the first cell {startCell} must not be negative");
            return Err(Fault::invalid_arg(ErrorDomain::DOMAIN, detail));
        }
        let cells = hostinfo::blocking(move || hostinfo::cells_free_memory(startCell, maxcells)).await?;
        Ok(NodeGetCellsFreeMemoryRet { cells: cells.into() })
    }

    async fn node_get_cpu_map(
        &self,
        _call: &Call,
        args: NodeGetCpuMapArgs,
    ) -> Result<NodeGetCpuMapRet, Fault> {
        flags::none(ErrorDomain::NONE, "virNodeGetCPUMap", args.flags)?;
        let map = hostinfo::blocking(hostinfo::cpu_map).await?;
        let cpumap = if args.need_map != 0 { map.bits } else { Vec::new() };
        let online = if args.need_online != 0 { map.online } else { 0 };
        Ok(NodeGetCpuMapRet { cpumap: cpumap.into(), online, ret: map.present })
    }

    async fn node_get_cpu_stats(
        &self,
        _call: &Call,
        args: NodeGetCpuStatsArgs,
    ) -> Result<NodeGetCpuStatsRet, Fault> {
        flags::none(ErrorDomain::NONE, "virNodeGetCPUStats", args.flags)?;
        room::of_figures(args.nparams, NODE_CPU_STATS_MAX, "nparams")?;
        let stats = hostinfo::blocking(move || hoststats::cpu_stats(args.cpuNum)).await?;
        let params = asked(stats, args.nparams)?;
        Ok(NodeGetCpuStatsRet { params: params.1.into(), nparams: params.0 })
    }

    async fn node_get_memory_stats(
        &self,
        _call: &Call,
        args: NodeGetMemoryStatsArgs,
    ) -> Result<NodeGetMemoryStatsRet, Fault> {
        flags::none(ErrorDomain::NONE, "virNodeGetMemoryStats", args.flags)?;
        room::of_figures(args.nparams, NODE_MEMORY_STATS_MAX, "nparams")?;
        let stats = hostinfo::blocking(move || hoststats::memory_stats(args.cellNum)).await?;
        let params = asked(stats, args.nparams)?;
        Ok(NodeGetMemoryStatsRet { params: params.1.into(), nparams: params.0 })
    }

    async fn node_get_free_pages(
        &self,
        _call: &Call,
        args: NodeGetFreePagesArgs,
    ) -> Result<NodeGetFreePagesRet, Fault> {
        no_flags("virNodeGetFreePages", args.flags)?;
        let NodeGetFreePagesArgs { pages, startCell, cellCount, .. } = args;
        if pages.len().saturating_mul(cellCount as usize) > NODE_MAX_CELLS {
            let detail = format!("{} page sizes of {cellCount} cells are too many", pages.len());
            return Err(Fault::internal(ErrorDomain::RPC, detail));
        }
        let free = hostinfo::blocking(move || hoststats::free_pages(&pages, startCell, cellCount)).await?;
        Ok(NodeGetFreePagesRet { counts: free.into() })
    }

    async fn node_alloc_pages(
        &self,
        _call: &Call,
        args: NodeAllocPagesArgs,
    ) -> Result<NodeAllocPagesRet, Fault> {
        let flags = check_flags("virNodeAllocPages", args.flags, NodeAllocPagesFlags::all())?;
        if args.pageSizes.len() != args.pageCounts.len() {
            return Err(Fault::invalid_arg(ErrorDomain::QEMU, "each page size needs a count of pages"));
        }
        let wanted: Vec<(u32, u64)> =
            args.pageSizes.iter().copied().zip(args.pageCounts.iter().copied()).collect();
        let NodeAllocPagesArgs { startCell, cellCount, .. } = args;
        let ret =
            hostinfo::blocking(move || hoststats::alloc_pages(&wanted, startCell, cellCount, flags)).await?;
        Ok(NodeAllocPagesRet { ret })
    }

    async fn node_get_memory_parameters(
        &self,
        _call: &Call,
        args: NodeGetMemoryParametersArgs,
    ) -> Result<NodeGetMemoryParametersRet, Fault> {
        // Nothing here is a text, so that it does not matter whether the client takes texts.
        let known = TypedParameterFlags::PARAM_STRING_OKAY;
        flags::check(ErrorDomain::NONE, "virNodeGetMemoryParameters", args.flags, known)?;
        let room = room::of_figures(args.nparams, NODE_MEMORY_PARAMETERS_MAX, "nparams")?;
        if room == 0 {
            let nparams = hoststats::MERGING_COUNT;
            return Ok(NodeGetMemoryParametersRet { params: Vec::new().into(), nparams });
        }
        let mut found = hostinfo::blocking(hoststats::merging_parameters).await?;
        found.truncate(room);
        Ok(NodeGetMemoryParametersRet { params: found.into(), nparams: 0 })
    }

    async fn node_set_memory_parameters(
        &self,
        _call: &Call,
        args: NodeSetMemoryParametersArgs,
    ) -> Result<(), Fault> {
        flags::none(ErrorDomain::NONE, "virNodeSetMemoryParameters", args.flags)?;
        hostinfo::blocking(move || hoststats::set_merging_parameters(&args.params)).await
    }

    async fn connect_get_sysinfo(
        &self,
        _call: &Call,
        args: ConnectGetSysinfoArgs,
    ) -> Result<ConnectGetSysinfoRet, Fault> {
        no_flags("virConnectGetSysinfo", args.flags)?;
        let sysinfo = hostsysinfo::read(&host::command::System).await?;
        Ok(ConnectGetSysinfoRet { sysinfo })
    }

    async fn connect_get_cpu_model_names(
        &self,
        _call: &Call,
        args: ConnectGetCpuModelNamesArgs,
    ) -> Result<ConnectGetCpuModelNamesRet, Fault> {
        no_flags("virConnectGetCPUModelNames", args.flags)?;
        let arch = Arch::from_word(&args.arch).ok_or_else(|| {
            Fault::invalid_arg(ErrorDomain::QEMU, format!("cannot find architecture {}", args.arch))
        })?;
        let models = self.driver.capabilities.cpu_models(arch).await;
        let models = models.map_err(|error| Fault::internal(ErrorDomain::CPU, error))?;
        let models = models.ok_or_else(|| {
            let detail = format!("processors of architecture '{arch}' are not described");
            Fault::new(ErrorDomain::CPU, ErrorCode::NO_SUPPORT, detail)
        })?;
        let ret = i32::try_from(models.len()).unwrap_or(i32::MAX);
        let models = if args.need_results != 0 { models } else { Vec::new() };
        Ok(ConnectGetCpuModelNamesRet { models: models.into(), ret })
    }
}

/// A text with the NUL that clients expect at its end.
fn with_nul(text: &str) -> List<Char, SECURITY_MODEL_MAX> {
    List::from_bytes(&[text.as_bytes(), b"\0"].concat())
}

/// What a client gets that has room for `room` figures: with none, only how many there are.
fn asked<T>(stats: Vec<T>, room: i32) -> Result<(i32, Vec<T>), Fault> {
    let count = i32::try_from(stats.len()).unwrap_or(i32::MAX);
    match room {
        0 => Ok((count, Vec::new())),
        room if room == count => Ok((count, stats)),
        _ => {
            let detail = format!("there are {count} figures, and room for {room}");
            Err(Fault::invalid_arg(ErrorDomain::NONE, detail))
        }
    }
}

impl Virtqemud {
    /// The URI of this daemon's one driver.
    pub fn uri(&self) -> &'static str {
        self.uris().own
    }

    fn uris(&self) -> &'static Uris {
        if self.driver.paths.is_system() { &SYSTEM } else { &SESSION }
    }
}
