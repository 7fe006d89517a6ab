//! The daemon's own configuration file, `virtqemud.conf` and its siblings: options, defaults, checks.

mod remote;

use crate::conf::{ConfError, Document};
use crate::metrics::Address;
use std::path::{Path, PathBuf};
use std::time::Duration;

pub use remote::Remote;
pub(crate) use remote::TlsOptions;

/// Options that are accepted though nothing here acts on them: they do not count as unknown.
/// `keepalive_required` is without effect in the reference too.
const WITHOUT_EFFECT: &[&str] = &["keepalive_required", "admin_keepalive_required"];

/// How clients of a socket prove who they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Auth {
    /// The socket's permissions decide.
    None,
    /// polkit decides; root and the daemon's own user are let in without it.
    Polkit,
    /// SASL.
    Sasl,
}

/// Where the host's UUID comes from when `host_uuid` is not set.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HostUuidSource {
    /// The firmware's.
    Smbios,
    /// `/etc/machine-id`.
    MachineId,
}

/// Limits and keepalive of one server (the main one or the admin one).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerLimits {
    /// Connected clients.
    pub max_clients: u32,
    /// Connections that wait to be accepted.
    pub max_queued_clients: u32,
    /// Calls in progress per client.
    pub max_client_requests: u32,
    /// Fewest workers. Accepted; tasks need no workers of their own.
    pub min_workers: u32,
    /// Calls in progress over all clients.
    pub max_workers: u32,
    /// Seconds of silence after which a client is probed; `None`: never.
    pub keepalive_interval: Option<Duration>,
    /// Unanswered probes after which a client is gone.
    pub keepalive_count: u32,
}

impl ServerLimits {
    fn as_rpc(&self, max_anonymous_clients: u32) -> rpc::Limits {
        let size = |number: u32| usize::try_from(number).unwrap_or(usize::MAX);
        rpc::Limits {
            max_clients: size(self.max_clients),
            max_anonymous_clients: size(max_anonymous_clients),
            max_workers: size(self.max_workers),
            max_client_requests: size(self.max_client_requests),
            keepalive_interval: self.keepalive_interval.unwrap_or_default(),
            keepalive_count: self.keepalive_count,
            ..rpc::Limits::default()
        }
    }
}

/// The configuration of a daemon. Defaults are the reference's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Group that owns the sockets.
    pub unix_sock_group: Option<String>,
    /// Mode of the read-only socket.
    pub unix_sock_ro_perms: u32,
    /// Mode of the main socket.
    pub unix_sock_rw_perms: u32,
    /// Mode of the admin socket.
    pub unix_sock_admin_perms: u32,
    /// Folder of the sockets, if not the usual one.
    pub unix_sock_dir: Option<PathBuf>,
    /// Authentication on the read-only socket.
    pub auth_unix_ro: Auth,
    /// Authentication on the main socket.
    pub auth_unix_rw: Auth,
    /// Fine-grained access control; empty: none.
    pub access_drivers: Vec<String>,
    /// Who may come in by SASL; unset: everybody with valid credentials.
    pub sasl_allowed_username_list: Option<Vec<String>>,
    /// Clients that are connected but not yet authenticated; 0: no limit of its own.
    pub max_anonymous_clients: u32,
    /// Workers for high-priority procedures only. Accepted; such procedures pass the global limit here.
    pub prio_workers: u32,
    /// The main server.
    pub main: ServerLimits,
    /// The admin server.
    pub admin: ServerLimits,
    /// Where figures for operators are served; unset: nowhere. Our own option.
    pub metrics_listen: Option<Address>,
    /// `log_level`, 1 to 4; unset or 0: the default.
    pub log_level: Option<u32>,
    /// `log_filters`.
    pub log_filters: Option<String>,
    /// `log_outputs`.
    pub log_outputs: Option<String>,
    /// 0: no audit messages, 1: if the host takes them, 2: required.
    pub audit_level: u32,
    /// Also put audit messages into the log.
    pub audit_logging: bool,
    /// The host's UUID, if set here.
    pub host_uuid: Option<[u8; 16]>,
    /// Where it comes from otherwise.
    pub host_uuid_source: HostUuidSource,
    /// Time limit of ovs-vsctl.
    pub ovs_timeout: Duration,
    /// Listening on the network, of a daemon that does.
    pub remote: Option<Remote>,
    unknown: Vec<(String, usize)>,
}

impl Config {
    /// Reads the file at `path`. If it need not exist (`required` is false) and does not, all is at its default.
    pub(crate) fn load(path: &Path, required: bool, kind: (bool, bool)) -> Result<Self, ConfError> {
        let document = if required { Document::load(path) } else { Document::load_if_present(path) }?;
        Self::from_document(&document, kind)
    }

    /// Checks the options of a parsed file. `session`: the defaults of a daemon that serves one user; `remote`: it may
    /// listen on the network.
    pub(crate) fn from_document(file: &Document, (session, remote): (bool, bool)) -> Result<Self, ConfError> {
        let mut options = Options { file, seen: WITHOUT_EFFECT.to_vec() };
        // Without root the folder of the socket is the user's own, and nobody is to be authenticated.
        let (perms, auth) = if session { (0o700, Auth::None) } else { (0o777, Auth::Polkit) };
        let config = Self {
            unix_sock_group: options.read("unix_sock_group", Document::text)?,
            unix_sock_ro_perms: options.mode("unix_sock_ro_perms", 0o777)?,
            unix_sock_rw_perms: options.mode("unix_sock_rw_perms", perms)?,
            unix_sock_admin_perms: options.mode("unix_sock_admin_perms", 0o700)?,
            unix_sock_dir: options.read("unix_sock_dir", Document::text)?.map(PathBuf::from),
            auth_unix_ro: options.auth("auth_unix_ro", auth)?,
            auth_unix_rw: options.auth("auth_unix_rw", auth)?,
            access_drivers: options.read("access_drivers", Document::list)?.unwrap_or_default(),
            sasl_allowed_username_list: options.read("sasl_allowed_username_list", Document::list)?,
            max_anonymous_clients: options.unsigned("max_anonymous_clients", 20)?,
            prio_workers: options.unsigned("prio_workers", 5)?,
            main: options.server(&MAIN)?,
            admin: options.server(&ADMIN)?,
            metrics_listen: options.metrics_listen()?,
            log_level: options.read("log_level", Document::unsigned)?,
            log_filters: options.read("log_filters", Document::text)?,
            log_outputs: options.read("log_outputs", Document::text)?,
            audit_level: options.unsigned("audit_level", 1)?,
            audit_logging: options.read("audit_logging", Document::boolean)?.unwrap_or(false),
            host_uuid: options.host_uuid()?,
            host_uuid_source: options.host_uuid_source()?,
            ovs_timeout: Duration::from_secs(u64::from(options.unsigned("ovs_timeout", 5)?)),
            remote: if remote { Some(Remote::read(&mut options)?) } else { None },
            unknown: Vec::new(),
        };
        let unknown = file.unknown(&options.seen);
        let unknown = unknown.into_iter().map(|(key, line)| (key.to_owned(), line)).collect();
        config.checked(file).map(|config| Self { unknown, ..config })
    }

    /// The limits of the main server, as rpc takes them.
    pub fn limits(&self) -> rpc::Limits {
        self.main.as_rpc(self.max_anonymous_clients)
    }

    /// The limits of the admin server, whose clients have nothing to prove.
    pub(crate) fn admin_limits(&self) -> rpc::Limits {
        self.admin.as_rpc(0)
    }

    /// Options that nothing here knows, with their lines.
    pub(crate) fn unknown(&self) -> &[(String, usize)] {
        &self.unknown
    }

    fn checked(self, file: &Document) -> Result<Self, ConfError> {
        if self.auth_unix_rw == Auth::Sasl || self.auth_unix_ro == Auth::Sasl {
            let key = if self.auth_unix_rw == Auth::Sasl { "auth_unix_rw" } else { "auth_unix_ro" };
            return Err(file.refused(key, "SASL is not supported by this daemon"));
        }
        if let Some(driver) = self.access_drivers.iter().find(|driver| *driver != "polkit") {
            let problem = format!("the access driver '{driver}' is not supported by this daemon");
            return Err(file.refused("access_drivers", problem));
        }
        if self.main.max_clients < self.max_anonymous_clients {
            let problem = format!(
                "max_clients ({}) must not be less than max_anonymous_clients ({})",
                self.main.max_clients, self.max_anonymous_clients
            );
            return Err(file.refused("max_clients", problem));
        }
        Ok(self)
    }
}

/// The keys of one server's options.
struct ServerKeys {
    max_clients: (&'static str, u32),
    max_queued_clients: (&'static str, u32),
    max_client_requests: (&'static str, u32),
    min_workers: (&'static str, u32),
    max_workers: (&'static str, u32),
    keepalive_interval: &'static str,
    keepalive_count: &'static str,
}

const MAIN: ServerKeys = ServerKeys {
    max_clients: ("max_clients", 5000),
    max_queued_clients: ("max_queued_clients", 1000),
    max_client_requests: ("max_client_requests", 5),
    min_workers: ("min_workers", 5),
    max_workers: ("max_workers", 20),
    keepalive_interval: "keepalive_interval",
    keepalive_count: "keepalive_count",
};

// The defaults that the reference has; the file it ships shows smaller ones, as examples.
const ADMIN: ServerKeys = ServerKeys {
    max_clients: ("admin_max_clients", 5000),
    max_queued_clients: ("admin_max_queued_clients", 20),
    max_client_requests: ("admin_max_client_requests", 5),
    min_workers: ("admin_min_workers", 5),
    max_workers: ("admin_max_workers", 20),
    keepalive_interval: "admin_keepalive_interval",
    keepalive_count: "admin_keepalive_count",
};

/// Reads options and remembers their names, so that what is left is unknown.
struct Options<'a> {
    file: &'a Document,
    seen: Vec<&'static str>,
}

impl Options<'_> {
    fn read<T>(
        &mut self,
        key: &'static str,
        typed: impl FnOnce(&Document, &str) -> Result<Option<T>, ConfError>,
    ) -> Result<Option<T>, ConfError> {
        self.seen.push(key);
        typed(self.file, key)
    }

    fn unsigned(&mut self, key: &'static str, default: u32) -> Result<u32, ConfError> {
        Ok(self.read(key, Document::unsigned)?.unwrap_or(default))
    }

    /// A file mode: an octal number in quotes.
    fn mode(&mut self, key: &'static str, default: u32) -> Result<u32, ConfError> {
        let Some(text) = self.read(key, Document::text)? else { return Ok(default) };
        match u32::from_str_radix(&text, 8) {
            Ok(mode) if mode <= 0o7777 => Ok(mode),
            _ => Err(self.file.refused(key, format!("'{text}' is not an octal file mode"))),
        }
    }

    fn auth(&mut self, key: &'static str, default: Auth) -> Result<Auth, ConfError> {
        match self.read(key, Document::text)?.as_deref() {
            None => Ok(default),
            Some("none") => Ok(Auth::None),
            Some("polkit") => Ok(Auth::Polkit),
            Some("sasl") => Ok(Auth::Sasl),
            Some(other) => Err(self.file.refused(key, format!("'{other}' is not one of none, polkit, sasl"))),
        }
    }

    fn server(&mut self, keys: &ServerKeys) -> Result<ServerLimits, ConfError> {
        let mut number = |(key, default): (&'static str, u32)| self.unsigned(key, default);
        let mut limits = ServerLimits {
            max_clients: number(keys.max_clients)?,
            max_queued_clients: number(keys.max_queued_clients)?,
            max_client_requests: number(keys.max_client_requests)?,
            min_workers: number(keys.min_workers)?,
            max_workers: number(keys.max_workers)?,
            keepalive_interval: None,
            keepalive_count: number((keys.keepalive_count, 5))?,
        };
        for (key, value) in [
            (keys.max_workers.0, limits.max_workers),
            (keys.max_client_requests.0, limits.max_client_requests),
        ] {
            if value == 0 {
                return Err(self.file.refused(key, "must be greater than 0"));
            }
        }
        let seconds = self.read(keys.keepalive_interval, Document::signed)?.unwrap_or(5);
        limits.keepalive_interval = match u64::try_from(seconds) {
            Ok(0) | Err(_) => None,
            Ok(seconds) => Some(Duration::from_secs(seconds)),
        };
        Ok(limits)
    }

    fn metrics_listen(&mut self) -> Result<Option<Address>, ConfError> {
        const KEY: &str = "metrics_listen";
        let Some(text) = self.read(KEY, Document::text)? else { return Ok(None) };
        Address::parse(&text).map(Some).map_err(|problem| self.file.refused(KEY, problem))
    }

    fn host_uuid(&mut self) -> Result<Option<[u8; 16]>, ConfError> {
        const KEY: &str = "host_uuid";
        let Some(text) = self.read(KEY, Document::text)? else { return Ok(None) };
        match uuid(&text) {
            // All equal digits are what firmware without a UUID says; the reference refuses them too.
            Some(uuid) if uuid.iter().all(|byte| *byte == uuid[0] && byte >> 4 == byte & 15) => Err(self
                .file
                .refused(KEY, format!("'{text}' is not the UUID of a host: its digits are all the same"))),
            Some(uuid) => Ok(Some(uuid)),
            None => Err(self.file.refused(KEY, format!("'{text}' is not a UUID"))),
        }
    }

    fn host_uuid_source(&mut self) -> Result<HostUuidSource, ConfError> {
        const KEY: &str = "host_uuid_source";
        match self.read(KEY, Document::text)?.as_deref() {
            None | Some("smbios") => Ok(HostUuidSource::Smbios),
            Some("machine-id") => Ok(HostUuidSource::MachineId),
            Some(other) => Err(self.file.refused(KEY, format!("'{other}' is not one of smbios, machine-id"))),
        }
    }
}

/// The bytes of a UUID: 32 hexadecimal digits; hyphens and blanks do not count.
fn uuid(text: &str) -> Option<[u8; 16]> {
    let digits: Vec<u8> = text
        .chars()
        .filter(|c| !matches!(c, '-' | ' '))
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect::<Option<_>>()?;
    let bytes: Vec<u8> = digits.chunks_exact(2).map(|pair| pair[0] << 4 | pair[1]).collect();
    if digits.len() == 32 { bytes.try_into().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(text: &str) -> Result<Config, String> {
        let document = Document::parse(Path::new("v.conf"), text).map_err(|error| error.to_string())?;
        Config::from_document(&document, (false, false)).map_err(|error| error.to_string())
    }

    #[test]
    fn defaults_are_the_references() {
        let c = config("").unwrap();
        assert_eq!(
            (c.unix_sock_ro_perms, c.unix_sock_rw_perms, c.unix_sock_admin_perms),
            (0o777, 0o777, 0o700)
        );
        assert_eq!((c.auth_unix_ro, c.auth_unix_rw), (Auth::Polkit, Auth::Polkit));
        assert_eq!(
            (c.main.max_clients, c.main.max_queued_clients, c.max_anonymous_clients),
            (5000, 1000, 20)
        );
        assert_eq!(
            (c.main.min_workers, c.main.max_workers, c.prio_workers, c.main.max_client_requests),
            (5, 20, 5, 5)
        );
        assert_eq!((c.admin.max_clients, c.admin.max_queued_clients), (5000, 20));
        assert_eq!((c.admin.max_workers, c.admin.min_workers), (20, 5));
        assert_eq!((c.main.keepalive_interval, c.main.keepalive_count), (Some(Duration::from_secs(5)), 5));
        assert_eq!((c.audit_level, c.audit_logging, c.ovs_timeout), (1, false, Duration::from_secs(5)));
        let session = Config::from_document(&Document::empty(Path::new("x")), (true, false)).unwrap();
        assert_eq!((session.unix_sock_rw_perms, session.auth_unix_rw), (0o700, Auth::None));
    }

    #[test]
    fn every_option_is_read() {
        let c = config(concat!(
            "unix_sock_group = \"kvm\"\nunix_sock_ro_perms = \"0770\"\nunix_sock_rw_perms = \"0660\"\n",
            "unix_sock_admin_perms = \"0600\"\nunix_sock_dir = \"/x\"\nauth_unix_ro = \"polkit\"\n",
            "auth_unix_rw = \"none\"\naccess_drivers = []\nsasl_allowed_username_list = [ 'a' ]\n",
            "max_clients = 50\nmax_queued_clients = 7\nmax_anonymous_clients = 8\nmin_workers = 2\n",
            "max_workers = 3\nprio_workers = 4\nmax_client_requests = 6\nadmin_min_workers = 1\n",
            "admin_max_workers = 2\nadmin_max_clients = 3\nadmin_max_queued_clients = 4\n",
            "admin_max_client_requests = 5\nlog_level = 1\nlog_filters = \"1:rpc\"\n",
            "log_outputs = \"1:stderr\"\naudit_level = 2\naudit_logging = 1\n",
            "host_uuid = \"8510b1a1-0afa-4da6-8111-785fae202c1e\"\nhost_uuid_source = \"machine-id\"\n",
            "keepalive_interval = -1\nkeepalive_count = 9\nkeepalive_required = 1\n",
            "admin_keepalive_required = 1\nadmin_keepalive_interval = 2\nadmin_keepalive_count = 3\n",
            "ovs_timeout = 11\nmetrics_listen = \"unix:/run/m\"\n",
        ))
        .unwrap();
        assert!(c.unknown().is_empty(), "{:?}", c.unknown());
        assert_eq!(c.unix_sock_rw_perms, 0o660);
        assert_eq!(c.main.keepalive_interval, None);
        assert_eq!(c.host_uuid.unwrap()[..2], [0x85, 0x10]);
        assert_eq!(c.host_uuid_source, HostUuidSource::MachineId);
        let limits = c.limits();
        assert_eq!((limits.max_clients, limits.max_anonymous_clients, limits.max_workers), (50, 8, 3));
        assert_eq!((limits.keepalive_interval, limits.keepalive_count), (Duration::ZERO, 9));
    }

    #[test]
    fn unknown_options_are_kept_for_a_warning() {
        assert_eq!(
            config("a = 1\nbogus = 3\n").unwrap().unknown(),
            [("a".to_owned(), 1), ("bogus".to_owned(), 2)]
        );
    }

    #[test]
    fn wrong_values_are_refused_with_their_place() {
        for (text, part) in [
            ("max_clients = \"x\"", "v.conf:1: max_clients: a number"),
            ("\nmax_clients = 10", "v.conf:2: max_clients: max_clients (10) must not be less"),
            ("auth_unix_rw = \"abc\"", "'abc' is not one of"),
            ("auth_unix_ro = \"sasl\"", "v.conf:1: auth_unix_ro: SASL is not supported"),
            ("access_drivers = [ \"polkit\", \"x\" ]", "'x' is not supported"),
            ("unix_sock_rw_perms = \"9zz\"", "not an octal"),
            ("unix_sock_rw_perms = 0770", "a string is expected"),
            ("max_workers = 0", "greater than 0"),
            ("host_uuid = \"00000000-0000-0000-0000-000000000000\"", "all the same"),
            ("host_uuid = \"zz\"", "not a UUID"),
            ("host_uuid_source = \"zz\"", "not one of smbios"),
            ("metrics_listen = \"0.0.0.0:9177\"", "v.conf:1: metrics_listen: '0.0.0.0:9177' is no loopback"),
            ("metrics_listen = 9177", "a string is expected"),
        ] {
            let error = config(text).unwrap_err();
            assert!(error.contains(part), "{text}: {error}");
        }
    }
}
