//! The connection and the host: opening, features, versions, host facts, capabilities.

use protocol::consts;
use protocol::remote::*;
use protocol::xdr::{Char, List};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::Call;

use crate::define;
use crate::driver::no_flags;
use crate::hostinfo;
use crate::service::Virtqemud;
use crate::session::Connection;

/// The libvirt release whose behaviour this daemon has, as `virConnectGetLibVersion` counts:
/// major * 1,000,000 + minor * 1,000 + release.
pub const LIBVIRT_VERSION: u64 = 9_000_000;

/// Driver features that this daemon offers (`VIR_DRV_FEATURE_*`).
const FEATURES: [i32; 6] = [
    consts::drv_feature::FD_PASSING,
    consts::drv_feature::TYPED_PARAM_STRING,
    consts::drv_feature::PROGRAM_KEEPALIVE,
    consts::drv_feature::XML_MIGRATABLE,
    consts::drv_feature::REMOTE_EVENT_CALLBACK,
    consts::drv_feature::REMOTE_CLOSE_CALLBACK,
];

impl Connect<Call> for Virtqemud {
    async fn connect_open(&self, call: &Call, args: ConnectOpenArgs) -> Result<(), Fault> {
        // Clients also send flags of their own library's inside; only the read-only one concerns a daemon.
        self.check_uri(args.name.as_deref())?;
        if !call.session().extension::<Connection>().open() {
            return Err(Fault::internal(ErrorDomain::RPC, "the connection is open already"));
        }
        if consts::ConnectFlags::from_bits_retain(args.flags).contains(consts::ConnectFlags::RO) {
            call.session().set_readonly();
        }
        Ok(())
    }

    async fn connect_close(&self, call: &Call) -> Result<(), Fault> {
        call.session().extension::<Connection>().close();
        self.driver.events.forget(call.session().id());
        crate::process::stop::session_closed(&self.driver, call.session().id());
        Ok(())
    }

    async fn connect_supports_feature(
        &self,
        call: &Call,
        args: ConnectSupportsFeatureArgs,
    ) -> Result<ConnectSupportsFeatureRet, Fault> {
        if args.feature == consts::drv_feature::PROGRAM_KEEPALIVE {
            call.session().enable_keepalive();
        } else if !call.session().extension::<Connection>().is_open() {
            return Err(Fault::internal(ErrorDomain::RPC, "the connection to the hypervisor is not open"));
        }
        Ok(ConnectSupportsFeatureRet { supported: FEATURES.contains(&args.feature).into() })
    }

    async fn connect_get_type(&self, _call: &Call) -> Result<ConnectGetTypeRet, Fault> {
        Ok(ConnectGetTypeRet { r#type: "QEMU".to_owned() })
    }

    async fn connect_get_version(&self, _call: &Call) -> Result<ConnectGetVersionRet, Fault> {
        let caps = self.driver.capabilities.native().await?;
        Ok(ConnectGetVersionRet { hv_ver: caps.version_number() })
    }

    async fn connect_get_lib_version(&self, _call: &Call) -> Result<ConnectGetLibVersionRet, Fault> {
        Ok(ConnectGetLibVersionRet { lib_ver: LIBVIRT_VERSION })
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

    async fn connect_register_close_callback(&self, call: &Call) -> Result<(), Fault> {
        close_callback(call, true, "a close callback is registered already")
    }

    async fn connect_unregister_close_callback(&self, call: &Call) -> Result<(), Fault> {
        close_callback(call, false, "no close callback is registered")
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
        // The first of the capabilities' drivers; the NUL at the end is what clients expect.
        Ok(NodeGetSecurityModelRet { model: List::from_bytes(b"none\0"), doi: List::from_bytes(b"0\0") })
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
        let cells = hostinfo::blocking(move || hostinfo::cells_free_memory(startCell, maxcells)).await?;
        Ok(NodeGetCellsFreeMemoryRet { cells: cells.into() })
    }

    async fn node_get_cpu_map(
        &self,
        _call: &Call,
        args: NodeGetCpuMapArgs,
    ) -> Result<NodeGetCpuMapRet, Fault> {
        no_flags("virNodeGetCPUMap", args.flags)?;
        let map = hostinfo::blocking(hostinfo::cpu_map).await?;
        let cpumap = if args.need_map != 0 { map.bits } else { Vec::new() };
        let online = if args.need_online != 0 { map.online } else { 0 };
        Ok(NodeGetCpuMapRet { cpumap: cpumap.into(), online, ret: map.present })
    }
}

impl Virtqemud {
    /// The URI of this daemon's one driver.
    pub fn uri(&self) -> &'static str {
        if self.driver.paths.is_system() { "qemu:///system" } else { "qemu:///session" }
    }

    /// Whether a client means this driver: no URI at all, or ours.
    fn check_uri(&self, uri: Option<&str>) -> Result<(), Fault> {
        let Some(uri) = uri.filter(|uri| !uri.is_empty()) else { return Ok(()) };
        let no_driver = || {
            let detail = format!("no connection driver available for {uri}");
            Fault::new(ErrorDomain::NONE, ErrorCode::NO_CONNECT, detail)
        };
        let (scheme, rest) = uri.split_once(':').ok_or_else(no_driver)?;
        if scheme != "qemu" && !scheme.starts_with("qemu+") {
            return Err(no_driver());
        }
        let (server, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if !server.is_empty() {
            return Err(no_driver());
        }
        // A privileged daemon answers to both, as the reference does for root's session URI.
        let system = self.driver.paths.is_system();
        match path {
            "/session" => Ok(()),
            "/system" if system => Ok(()),
            _ => {
                let detail = format!("unexpected QEMU URI path '{path}', try {}", self.uri());
                Err(Fault::internal(ErrorDomain::NONE, detail))
            }
        }
    }
}

fn close_callback(call: &Call, wanted: bool, otherwise: &str) -> Result<(), Fault> {
    if call.session().extension::<Connection>().set_close_callback(wanted) {
        Ok(())
    } else {
        Err(Fault::new(ErrorDomain::RPC, ErrorCode::OPERATION_INVALID, otherwise))
    }
}
