//! Administration of a daemon, on its own socket (`-admin-sock`).

use crate::limits::{
    ADMIN_CLIENT_INFO_PARAMETERS_MAX, ADMIN_CLIENT_LIST_MAX, ADMIN_SERVER_CLIENT_LIMITS_MAX,
    ADMIN_SERVER_LIST_MAX, ADMIN_SERVER_THREADPOOL_PARAMETERS_MAX,
};
use crate::procedure::{Index, index};
pub use crate::shared::{TypedParam, TypedParamValue};
use crate::xdr::List;
use crate::{Meta, client};

/// Number of the program.
pub const PROGRAM: u32 = 0x0690_0690;
/// Version of the program.
pub const VERSION: u32 = 1;

/// Marks the program in the type of its client.
#[derive(Debug)]
pub enum Program {}

/// Calls the procedures of the program.
pub type Client<T> = client::Client<Program, T>;

static TABLE: Index<21> = index(&[ROWS, EVENTS]);

/// The row of a procedure or event.
pub fn meta(number: i32) -> Option<&'static Meta> {
    TABLE.get(number)
}

procedures! {
    /// Administration of a daemon, on its own socket (`-admin-sock`).
    trait Admin in admin;

    /// Opens the connection.
    1 connect_open(ConnectOpenArgs) -> () = "virAdmConnectOpen";

    /// Closes the connection.
    2 connect_close() -> () = "virAdmConnectClose";

    /// Tells the version of the library behind the daemon.
    3 connect_get_lib_version() -> ConnectGetLibVersionRet = "virAdmConnectGetLibVersion";

    /// Lists the daemon's servers.
    4 connect_list_servers(ConnectListServersArgs) -> ConnectListServersRet = "virAdmConnectListServers";

    /// Finds a server by its name.
    5 connect_lookup_server(ConnectLookupServerArgs)
        -> ConnectLookupServerRet = "virAdmConnectLookupServer";

    /// Returns sizes of the server's worker pool.
    6 server_get_threadpool_parameters(ServerGetThreadpoolParametersArgs)
        -> ServerGetThreadpoolParametersRet = "virAdmServerGetThreadPoolParameters";

    /// Sets sizes of the server's worker pool.
    7 server_set_threadpool_parameters(ServerSetThreadpoolParametersArgs)
        -> () = "virAdmServerSetThreadPoolParameters";

    /// Lists the clients of a server.
    8 server_list_clients(ServerListClientsArgs) -> ServerListClientsRet = "virAdmServerListClients";

    /// Finds a client of a server by its id.
    9 server_lookup_client(ServerLookupClientArgs) -> ServerLookupClientRet = "virAdmServerLookupClient";

    /// Returns the identity of a client.
    10 client_get_info(ClientGetInfoArgs) -> ClientGetInfoRet = "virAdmClientGetInfo";

    /// Disconnects a client.
    11 client_close(ClientCloseArgs) -> () = "virAdmClientClose";

    /// Returns how many clients a server takes.
    12 server_get_client_limits(ServerGetClientLimitsArgs)
        -> ServerGetClientLimitsRet = "virAdmServerGetClientLimits";

    /// Sets how many clients a server takes.
    13 server_set_client_limits(ServerSetClientLimitsArgs) -> () = "virAdmServerSetClientLimits";

    /// Returns where the daemon logs to.
    14 connect_get_logging_outputs(ConnectGetLoggingOutputsArgs)
        -> ConnectGetLoggingOutputsRet = "virAdmConnectGetLoggingOutputs";

    /// Returns which messages the daemon logs.
    15 connect_get_logging_filters(ConnectGetLoggingFiltersArgs)
        -> ConnectGetLoggingFiltersRet = "virAdmConnectGetLoggingFilters";

    /// Sets where the daemon logs to.
    16 connect_set_logging_outputs(ConnectSetLoggingOutputsArgs) -> () = "virAdmConnectSetLoggingOutputs";

    /// Sets which messages the daemon logs.
    17 connect_set_logging_filters(ConnectSetLoggingFiltersArgs) -> () = "virAdmConnectSetLoggingFilters";

    /// Has the server read its TLS files again.
    18 server_update_tls_files(ServerUpdateTlsFilesArgs) -> () = "virAdmServerUpdateTlsFiles";

    /// Sets after how many idle seconds the daemon ends; 0 is never.
    19 connect_set_daemon_timeout(ConnectSetDaemonTimeoutArgs) -> () = "virAdmConnectSetDaemonTimeout";

    /// Shuts the daemon down.
    20 connect_daemon_shutdown(ConnectDaemonShutdownArgs) -> () = "virAdmConnectDaemonShutdown";
}

wire! {
    /// Arguments of `virAdmConnectOpen` (1).
    struct ConnectOpenArgs { flags: u32 }

    /// Result of `virAdmConnectGetLibVersion` (3).
    struct ConnectGetLibVersionRet { libVer: u64 }

    /// Arguments of `virAdmConnectListServers` (4).
    struct ConnectListServersArgs { need_results: u32, flags: u32 }

    /// Handle of a server.
    struct NonnullServer { name: String }

    /// Result of `virAdmConnectListServers` (4).
    struct ConnectListServersRet { servers: List<NonnullServer, ADMIN_SERVER_LIST_MAX>, ret: u32 }

    /// Arguments of `virAdmConnectLookupServer` (5).
    struct ConnectLookupServerArgs { name: String, flags: u32 }

    /// Result of `virAdmConnectLookupServer` (5).
    struct ConnectLookupServerRet { srv: NonnullServer }

    /// Arguments of `virAdmServerGetThreadPoolParameters` (6).
    struct ServerGetThreadpoolParametersArgs { srv: NonnullServer, flags: u32 }

    /// Result of `virAdmServerGetThreadPoolParameters` (6).
    struct ServerGetThreadpoolParametersRet {
        params: List<TypedParam, ADMIN_SERVER_THREADPOOL_PARAMETERS_MAX>,
    }

    /// Arguments of `virAdmServerSetThreadPoolParameters` (7).
    struct ServerSetThreadpoolParametersArgs {
        srv: NonnullServer,
        params: List<TypedParam, ADMIN_SERVER_THREADPOOL_PARAMETERS_MAX>,
        flags: u32,
    }

    /// Arguments of `virAdmServerListClients` (8).
    struct ServerListClientsArgs { srv: NonnullServer, need_results: u32, flags: u32 }

    /// Handle of a client; the time stamp is in seconds since 1970.
    struct NonnullClient { srv: NonnullServer, id: u64, timestamp: i64, transport: u32 }

    /// Result of `virAdmServerListClients` (8).
    struct ServerListClientsRet { clients: List<NonnullClient, ADMIN_CLIENT_LIST_MAX>, ret: u32 }

    /// Arguments of `virAdmServerLookupClient` (9).
    struct ServerLookupClientArgs { srv: NonnullServer, id: u64, flags: u32 }

    /// Result of `virAdmServerLookupClient` (9).
    struct ServerLookupClientRet { clnt: NonnullClient }

    /// Arguments of `virAdmClientGetInfo` (10).
    struct ClientGetInfoArgs { clnt: NonnullClient, flags: u32 }

    /// Result of `virAdmClientGetInfo` (10).
    struct ClientGetInfoRet { params: List<TypedParam, ADMIN_CLIENT_INFO_PARAMETERS_MAX> }

    /// Arguments of `virAdmClientClose` (11).
    struct ClientCloseArgs { clnt: NonnullClient, flags: u32 }

    /// Arguments of `virAdmServerGetClientLimits` (12).
    struct ServerGetClientLimitsArgs { srv: NonnullServer, flags: u32 }

    /// Result of `virAdmServerGetClientLimits` (12).
    struct ServerGetClientLimitsRet { params: List<TypedParam, ADMIN_SERVER_CLIENT_LIMITS_MAX> }

    /// Arguments of `virAdmServerSetClientLimits` (13).
    struct ServerSetClientLimitsArgs {
        srv: NonnullServer,
        params: List<TypedParam, ADMIN_SERVER_CLIENT_LIMITS_MAX>,
        flags: u32,
    }

    /// Arguments of `virAdmConnectGetLoggingOutputs` (14).
    struct ConnectGetLoggingOutputsArgs { flags: u32 }

    /// Result of `virAdmConnectGetLoggingOutputs` (14).
    struct ConnectGetLoggingOutputsRet { outputs: String, noutputs: u32 }

    /// Arguments of `virAdmConnectGetLoggingFilters` (15).
    struct ConnectGetLoggingFiltersArgs { flags: u32 }

    /// Result of `virAdmConnectGetLoggingFilters` (15).
    struct ConnectGetLoggingFiltersRet { filters: Option<String>, nfilters: u32 }

    /// Arguments of `virAdmConnectSetLoggingOutputs` (16).
    struct ConnectSetLoggingOutputsArgs { outputs: Option<String>, flags: u32 }

    /// Arguments of `virAdmConnectSetLoggingFilters` (17).
    struct ConnectSetLoggingFiltersArgs { filters: Option<String>, flags: u32 }

    /// Arguments of `virAdmServerUpdateTlsFiles` (18).
    struct ServerUpdateTlsFilesArgs { srv: NonnullServer, flags: u32 }

    /// Arguments of `virAdmConnectSetDaemonTimeout` (19).
    struct ConnectSetDaemonTimeoutArgs { timeout: u32, flags: u32 }

    /// Arguments of `virAdmConnectDaemonShutdown` (20).
    struct ConnectDaemonShutdownArgs { flags: u32 }
}
