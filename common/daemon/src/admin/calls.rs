//! The procedures of the admin program.

use super::Admin;
use super::params::{self, unsigned};
use super::roster::Entry;
use crate::logging::{self, LogError};
use protocol::admin::*;
use protocol::limits::{ADMIN_CLIENT_LIST_MAX, ADMIN_SERVER_LIST_MAX};
use protocol::xdr::List;
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::{Call, Session, Transport};
use std::time::{Duration, UNIX_EPOCH};

impl protocol::admin::Admin<Call> for Admin {
    async fn connect_open(&self, _: &Call, args: ConnectOpenArgs) -> Result<(), Fault> {
        no_flags("adminConnectOpen", args.flags)
    }

    async fn connect_close(&self, _: &Call) -> Result<(), Fault> {
        Ok(())
    }

    async fn connect_get_lib_version(&self, _: &Call) -> Result<ConnectGetLibVersionRet, Fault> {
        Ok(ConnectGetLibVersionRet { libVer: crate::LIBVIRT_VERSION })
    }

    async fn connect_list_servers(
        &self,
        _: &Call,
        args: ConnectListServersArgs,
    ) -> Result<ConnectListServersRet, Fault> {
        no_flags("adminConnectListServers", args.flags)?;
        let servers: Vec<_> = self.roster.all().iter().map(|entry| server(entry)).collect();
        let (servers, ret) = listed(servers, args.need_results, ADMIN_SERVER_LIST_MAX)?;
        Ok(ConnectListServersRet { servers, ret })
    }

    async fn connect_lookup_server(
        &self,
        _: &Call,
        args: ConnectLookupServerArgs,
    ) -> Result<ConnectLookupServerRet, Fault> {
        let entry = self.roster.find(&args.name)?;
        no_flags("adminConnectLookupServer", args.flags)?;
        Ok(ConnectLookupServerRet { srv: server(&entry) })
    }

    async fn server_get_threadpool_parameters(
        &self,
        _: &Call,
        args: ServerGetThreadpoolParametersArgs,
    ) -> Result<ServerGetThreadpoolParametersRet, Fault> {
        let entry = self.roster.find(&args.srv.name)?;
        no_flags("adminServerGetThreadPoolParameters", args.flags)?;
        let reserve = *entry.reserve();
        let workers = entry.server.workers();
        let params = [
            (params::MIN_WORKERS, reserve.min_workers),
            (params::MAX_WORKERS, number(entry.server.limits().max_workers)),
            (params::WORKERS, number(workers.total)),
            (params::FREE_WORKERS, number(workers.free)),
            (params::PRIO_WORKERS, reserve.prio_workers),
            (params::QUEUED_CALLS, number(workers.waiting)),
        ];
        Ok(ServerGetThreadpoolParametersRet { params: typed(params) })
    }

    async fn server_set_threadpool_parameters(
        &self,
        _: &Call,
        args: ServerSetThreadpoolParametersArgs,
    ) -> Result<(), Fault> {
        let entry = self.roster.find(&args.srv.name)?;
        no_flags("adminServerSetThreadPoolParameters", args.flags)?;
        let known = [params::MIN_WORKERS, params::MAX_WORKERS, params::PRIO_WORKERS];
        let [min, max, prio] = unsigned(&args.params, known)?;
        let mut reserve = entry.reserve();
        let mut limits = rpc::Limits::clone(&entry.server.limits());
        let min = min.unwrap_or(reserve.min_workers);
        let max = max.unwrap_or_else(|| number(limits.max_workers));
        if min > max {
            let detail = "minWorkers cannot be larger than maxWorkers";
            return Err(Fault::invalid_arg(ErrorDomain::NONE, detail));
        }
        if max == 0 {
            let detail = "maxWorkers must not be switched from zero to non-zero and vice versa";
            return Err(Fault::invalid_arg(ErrorDomain::NONE, detail));
        }
        reserve.min_workers = min;
        reserve.prio_workers = prio.unwrap_or(reserve.prio_workers);
        limits.max_workers = size(max);
        entry.server.set_limits(limits);
        Ok(())
    }

    async fn server_list_clients(
        &self,
        _: &Call,
        args: ServerListClientsArgs,
    ) -> Result<ServerListClientsRet, Fault> {
        let entry = self.roster.find(&args.srv.name)?;
        no_flags("adminServerListClients", args.flags)?;
        let clients: Vec<_> = entry.server.sessions().iter().map(|session| client(&entry, session)).collect();
        let (clients, ret) = listed(clients, args.need_results, ADMIN_CLIENT_LIST_MAX)?;
        Ok(ServerListClientsRet { clients, ret })
    }

    async fn server_lookup_client(
        &self,
        _: &Call,
        args: ServerLookupClientArgs,
    ) -> Result<ServerLookupClientRet, Fault> {
        let entry = self.roster.find(&args.srv.name)?;
        no_flags("adminServerLookupClient", args.flags)?;
        Ok(ServerLookupClientRet { clnt: client(&entry, &session(&entry, args.id)?) })
    }

    async fn client_get_info(&self, _: &Call, args: ClientGetInfoArgs) -> Result<ClientGetInfoRet, Fault> {
        let session = self.session(&args.clnt)?;
        no_flags("adminClientGetInfo", args.flags)?;
        // The names come from the user database.
        let params = blocking(move || Ok(info(&session))).await?;
        Ok(ClientGetInfoRet { params: params.into() })
    }

    async fn client_close(&self, _: &Call, args: ClientCloseArgs) -> Result<(), Fault> {
        let session = self.session(&args.clnt)?;
        no_flags("adminClientClose", args.flags)?;
        session.close("disconnected by the administrator");
        Ok(())
    }

    async fn server_get_client_limits(
        &self,
        _: &Call,
        args: ServerGetClientLimitsArgs,
    ) -> Result<ServerGetClientLimitsRet, Fault> {
        let entry = self.roster.find(&args.srv.name)?;
        no_flags("adminServerGetClientLimits", args.flags)?;
        let (limits, counters) = (entry.server.limits(), entry.server.counters());
        let params = [
            (params::MAX_CLIENTS, limits.max_clients),
            (params::CLIENTS, counters.clients),
            (params::MAX_STRANGERS, limits.max_anonymous_clients),
            (params::STRANGERS, counters.unauthenticated),
        ];
        Ok(ServerGetClientLimitsRet { params: typed(params.map(|(field, value)| (field, number(value)))) })
    }

    async fn server_set_client_limits(&self, _: &Call, args: ServerSetClientLimitsArgs) -> Result<(), Fault> {
        let entry = self.roster.find(&args.srv.name)?;
        no_flags("adminServerSetClientLimits", args.flags)?;
        let [max, strangers] = unsigned(&args.params, [params::MAX_CLIENTS, params::MAX_STRANGERS])?;
        let _reserve = entry.reserve();
        let mut limits = rpc::Limits::clone(&entry.server.limits());
        limits.max_clients = max.map_or(limits.max_clients, size);
        limits.max_anonymous_clients = strangers.map_or(limits.max_anonymous_clients, size);
        if limits.max_clients < limits.max_anonymous_clients {
            let detail = format!(
                "{} ({}) must not be less than {} ({})",
                params::MAX_CLIENTS,
                limits.max_clients,
                params::MAX_STRANGERS,
                limits.max_anonymous_clients
            );
            return Err(Fault::invalid_arg(ErrorDomain::RPC, detail));
        }
        entry.server.set_limits(limits);
        Ok(())
    }

    async fn connect_get_logging_outputs(
        &self,
        _: &Call,
        args: ConnectGetLoggingOutputsArgs,
    ) -> Result<ConnectGetLoggingOutputsRet, Fault> {
        no_flags("adminConnectGetLoggingOutputs", args.flags)?;
        let (outputs, noutputs) = logging::outputs();
        Ok(ConnectGetLoggingOutputsRet { outputs, noutputs })
    }

    async fn connect_get_logging_filters(
        &self,
        _: &Call,
        args: ConnectGetLoggingFiltersArgs,
    ) -> Result<ConnectGetLoggingFiltersRet, Fault> {
        no_flags("adminConnectGetLoggingFilters", args.flags)?;
        let (filters, nfilters) = logging::filters();
        Ok(ConnectGetLoggingFiltersRet { filters: (nfilters > 0).then_some(filters), nfilters })
    }

    async fn connect_set_logging_outputs(
        &self,
        _: &Call,
        args: ConnectSetLoggingOutputsArgs,
    ) -> Result<(), Fault> {
        no_flags("adminConnectSetLoggingOutputs", args.flags)?;
        let outputs = args.outputs.unwrap_or_default();
        blocking(move || logging::set_outputs(&outputs).map_err(log_fault)).await?;
        tracing::info!("the administrator has changed the outputs of the log");
        Ok(())
    }

    async fn connect_set_logging_filters(
        &self,
        _: &Call,
        args: ConnectSetLoggingFiltersArgs,
    ) -> Result<(), Fault> {
        no_flags("adminConnectSetLoggingFilters", args.flags)?;
        logging::set_filters(&args.filters.unwrap_or_default()).map_err(log_fault)?;
        tracing::info!("the administrator has changed the filters of the log");
        Ok(())
    }

    async fn server_update_tls_files(&self, _: &Call, args: ServerUpdateTlsFilesArgs) -> Result<(), Fault> {
        let entry = self.roster.find(&args.srv.name)?;
        no_flags("adminServerUpdateTlsFiles", args.flags)?;
        let problem = match entry.server.update_tls().await {
            Some(Ok(())) => return Ok(()),
            Some(Err(problem)) => format!("the certificates stay as they were: {problem}"),
            None => "no tls service found, unable to update tls files".to_owned(),
        };
        Err(Fault::internal(ErrorDomain::RPC, problem))
    }

    async fn connect_set_daemon_timeout(
        &self,
        _: &Call,
        args: ConnectSetDaemonTimeoutArgs,
    ) -> Result<(), Fault> {
        no_flags("adminConnectSetDaemonTimeout", args.flags)?;
        let limit = (args.timeout > 0).then(|| Duration::from_secs(args.timeout.into()));
        self.context.set_idle_limit(limit);
        Ok(())
    }

    async fn connect_daemon_shutdown(&self, _: &Call, args: ConnectDaemonShutdownArgs) -> Result<(), Fault> {
        no_flags("adminConnectDaemonShutdown", args.flags)?;
        self.context.request_stop("the administrator");
        Ok(())
    }
}

impl Admin {
    fn session(&self, client: &NonnullClient) -> Result<Session, Fault> {
        let entry = self.roster.find(&client.srv.name)?;
        session(&entry, client.id)
    }
}

fn no_flags(api: &str, flags: u32) -> Result<(), Fault> {
    match flags {
        0 => Ok(()),
        flags => {
            let detail = format!("unsupported flags (0x{flags:x}) in function {api}");
            Err(Fault::invalid_arg(ErrorDomain::ADMIN, detail))
        }
    }
}

fn server(entry: &Entry) -> NonnullServer {
    NonnullServer { name: entry.name.to_owned() }
}

/// What the client of a list gets: the members if it wants them, and how many they are.
fn listed<T, const MAX: usize>(
    all: Vec<T>,
    need_results: u32,
    max: usize,
) -> Result<(List<T, MAX>, u32), Fault> {
    if all.len() > max {
        let detail = format!("{} do not fit into a list, which has room for {max}", all.len());
        return Err(Fault::rpc(detail));
    }
    let count = number(all.len());
    Ok((if need_results == 0 { List::default() } else { all.into() }, count))
}

fn session(entry: &Entry, id: u64) -> Result<Session, Fault> {
    entry.server.session(id).ok_or_else(|| {
        let detail = format!("No client with matching ID '{id}'");
        Fault::new(ErrorDomain::RPC, ErrorCode::NO_CLIENT, detail)
    })
}

fn client(entry: &Entry, session: &Session) -> NonnullClient {
    let since = session.connected_at().duration_since(UNIX_EPOCH).unwrap_or_default();
    NonnullClient {
        srv: server(entry),
        id: session.id(),
        timestamp: i64::try_from(since.as_secs()).unwrap_or(i64::MAX),
        // VIR_CLIENT_TRANS_*.
        transport: match session.transport() {
            Transport::Unix => 0,
            Transport::Tcp => 1,
            Transport::Tls => 2,
        },
    }
}

/// Who a client is, as the kernel says or as it has proved (`VIR_CLIENT_INFO_*`). What is not known is left out. May
/// block.
fn info(session: &Session) -> Vec<TypedParam> {
    let peer = session.peer();
    // Numbers of users go on the wire as signed ones, as the reference sends them.
    let signed = |number: u32| number.cast_signed();
    let text = |text: &str| TypedParamValue::String(text.to_owned());
    let known = [
        ("readonly", Some(TypedParamValue::Boolean(session.readonly().into()))),
        ("sasl_user_name", peer.sasl_user().map(text)),
        ("sock_addr", session.remote_address().map(|address| text(&address.to_string()))),
        ("tls_x509_dname", peer.x509_dname().map(text)),
        ("unix_user_id", peer.uid.map(signed).map(TypedParamValue::Int)),
        ("unix_user_name", peer.user().map(text)),
        ("unix_group_id", peer.gid.map(signed).map(TypedParamValue::Int)),
        ("unix_group_name", peer.group().map(text)),
        ("unix_process_id", peer.pid.map(TypedParamValue::Int)),
        ("selinux_context", peer.selinux_context().map(text)),
    ];
    known
        .into_iter()
        .filter_map(|(field, value)| value.map(|value| TypedParam { field: field.to_owned(), value }))
        .collect()
}

fn typed<const N: usize, const MAX: usize>(params: [(&str, u32); N]) -> List<TypedParam, MAX> {
    params.into_iter().map(|(field, value)| TypedParam::new(field, value)).collect()
}

/// A count as the wire has it.
fn number(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

fn size(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn log_fault(error: LogError) -> Fault {
    match &error {
        LogError::Invalid(text) => Fault::invalid_arg(ErrorDomain::NONE, text),
        LogError::Open { source, .. } => {
            Fault::system(ErrorDomain::NONE, source.raw_os_error().unwrap_or_default(), &error)
        }
    }
}

async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::ADMIN, error.to_string())))
}
