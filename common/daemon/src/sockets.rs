//! The sockets clients come to: handed over by systemd, or made here.

mod network;

use crate::config::{Config, Remote};
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

/// A listening socket and what it is for.
#[derive(Debug)]
pub(crate) struct Socket {
    pub(crate) kind: rpc::EndpointKind,
    pub(crate) listener: UnixListener,
}

/// All sockets of this daemon. Dropping it removes those that were made here.
#[derive(Debug)]
pub(crate) struct Sockets {
    pub(crate) sockets: Vec<Socket>,
    /// Sockets of the network; `true`: clients begin with TLS.
    pub(crate) network: Vec<(TcpListener, bool)>,
    made: Vec<PathBuf>,
}

/// Why there is no socket.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SocketError {
    #[error("cannot listen on socket '{}'", path.display())]
    Bind { path: PathBuf, source: std::io::Error },
    #[error("cannot listen on port '{port}' of {}", addr.as_deref().unwrap_or("all addresses"))]
    Network { addr: Option<String>, port: String, source: std::io::Error },
    #[error("unix_sock_group: there is no group '{0}'")]
    Group(String),
    #[error("unix_sock_group: cannot look up group '{name}'")]
    GroupLookup { name: String, source: host::Error },
    #[error("sockets were handed over, but none of them is that of {0}")]
    NoneFits(String),
}

/// Names and folder of the sockets.
#[derive(Debug, Clone)]
pub(crate) struct Layout {
    /// How their names begin: "virtqemud".
    pub(crate) name: String,
    /// Folder of the sockets.
    pub(crate) folder: PathBuf,
    /// One user's daemon has no read-only socket.
    pub(crate) session: bool,
}

impl Layout {
    fn path(&self, kind: rpc::EndpointKind) -> PathBuf {
        self.folder.join(format!("{}{}", self.name, suffix(kind)))
    }
}

fn suffix(kind: rpc::EndpointKind) -> &'static str {
    match kind {
        rpc::EndpointKind::Main => "-sock",
        rpc::EndpointKind::ReadOnly => "-sock-ro",
        rpc::EndpointKind::Admin => "-admin-sock",
    }
}

impl Sockets {
    /// Makes the sockets in their folder. Call it while the process has one thread: it changes the umask for a moment.
    ///
    /// A file left over at a socket's path is removed: whoever holds the PID file owns the path.
    pub(crate) fn make(layout: &Layout, config: &Config) -> Result<Self, SocketError> {
        let gid = config.unix_sock_group.as_deref().map(group_id).transpose()?;
        let mut all = Self { sockets: Vec::new(), network: Vec::new(), made: Vec::new() };
        let queued = config.main.max_queued_clients;
        let mut wanted = vec![(rpc::EndpointKind::Main, config.unix_sock_rw_perms, queued)];
        if !layout.session {
            wanted.push((rpc::EndpointKind::ReadOnly, config.unix_sock_ro_perms, queued));
        }
        let queued = config.admin.max_queued_clients;
        wanted.push((rpc::EndpointKind::Admin, config.unix_sock_admin_perms, queued));
        for (kind, mode, queued) in wanted {
            let path = layout.path(kind);
            let failed = |source| SocketError::Bind { path: path.clone(), source };
            let listener = bind(&path, mode, queued).map_err(failed)?;
            all.made.push(path.clone());
            std::os::unix::fs::chown(&path, None, gid).map_err(failed)?;
            all.sockets.push(Socket { kind, listener });
        }
        if let Some(remote) = &config.remote {
            all.network = network::make(remote, config.main.max_queued_clients)?;
        }
        Ok(all)
    }

    /// Takes sockets that systemd made, each with the name of its descriptor (`FileDescriptorName=`) if it has one.
    pub(crate) fn adopt(
        name: &str,
        handed_over: Vec<(Option<String>, OwnedFd)>,
        remote: Option<&Remote>,
    ) -> Result<Self, SocketError> {
        let (mut sockets, mut network) = (Vec::new(), Vec::new());
        for (position, (label, descriptor)) in handed_over.into_iter().enumerate() {
            if let Some(tls) = network::judge(label.as_deref(), &descriptor, remote) {
                network.push((TcpListener::from(descriptor), tls));
                continue;
            }
            let listener = UnixListener::from(descriptor);
            let path =
                listener.local_addr().ok().and_then(|address| address.as_pathname().map(Path::to_owned));
            match judge(name, label.as_deref(), path.as_deref(), position) {
                Some(kind) => sockets.push(Socket { kind, listener }),
                None => tracing::warn!(
                    name = label.as_deref().unwrap_or("none"),
                    "a socket handed over is not known"
                ),
            }
        }
        if sockets.iter().any(|socket| socket.kind == rpc::EndpointKind::Main) {
            Ok(Self { sockets, network, made: Vec::new() })
        } else {
            Err(SocketError::NoneFits(name.to_owned()))
        }
    }
}

impl Drop for Sockets {
    fn drop(&mut self) {
        for path in &self.made {
            if let Err(error) = std::fs::remove_file(path) {
                tracing::warn!(path = %path.display(), "cannot remove socket: {error}");
            }
        }
    }
}

/// What a socket that was handed over is for: by its descriptor's name, else by its path, else by its position.
fn judge(name: &str, label: Option<&str>, path: Option<&Path>, position: usize) -> Option<rpc::EndpointKind> {
    use rpc::EndpointKind::{Admin, Main, ReadOnly};
    let units = [("", Main), ("-ro", ReadOnly), ("-admin", Admin)];
    // systemd gives the unit's name, or "unknown" and "stored" where it has none.
    let label = label.map(|label| label.strip_suffix(".socket").unwrap_or(label));
    let by_label = units.iter().find(|(unit, _)| label.and_then(|l| l.strip_prefix(name)) == Some(unit));
    if let Some((_, kind)) = by_label {
        return Some(*kind);
    }
    if let Some(file) = path.and_then(Path::file_name).and_then(|file| file.to_str()) {
        let kinds = [ReadOnly, Admin, Main];
        return kinds.into_iter().find(|kind| file.ends_with(suffix(*kind)));
    }
    units.get(position).map(|(_, kind)| *kind)
}

pub(crate) fn bind(path: &Path, mode: u32, backlog: u32) -> std::io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let flags = SocketFlags::CLOEXEC | SocketFlags::NONBLOCK;
    let socket: OwnedFd = rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, flags, None)?;
    let address = SocketAddrUnix::new(path)?;
    // The mode must be right from the first moment, so it cannot be set afterwards.
    let before = rustix::process::umask(rustix::fs::Mode::from_raw_mode(!mode & 0o777));
    let bound = rustix::net::bind(&socket, &address);
    rustix::process::umask(before);
    bound?;
    rustix::net::listen(&socket, i32::try_from(backlog).unwrap_or(i32::MAX))?;
    Ok(UnixListener::from(socket))
}

fn group_id(name: &str) -> Result<u32, SocketError> {
    let found = host::users::resolve_group(name)
        .map_err(|source| SocketError::GroupLookup { name: name.to_owned(), source })?;
    found.ok_or_else(|| SocketError::Group(name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::Document;
    use rpc::EndpointKind::{Admin, Main, ReadOnly};
    use std::os::unix::fs::{FileTypeExt, PermissionsExt};

    #[test]
    fn handed_over_sockets_are_told_apart() {
        for (label, path, position, expected) in [
            (Some("virtqemud.socket"), None, 2, Some(Main)),
            (Some("virtqemud-ro.socket"), None, 0, Some(ReadOnly)),
            (Some("virtqemud-admin"), None, 0, Some(Admin)),
            (Some("unknown"), Some("/run/libvirt/virtqemud-sock-ro"), 0, Some(ReadOnly)),
            (None, Some("/run/libvirt/virtqemud-admin-sock"), 0, Some(Admin)),
            (None, Some("/run/libvirt/virtqemud-sock"), 1, Some(Main)),
            (None, Some("/run/x"), 0, None),
            (None, None, 1, Some(ReadOnly)),
            (None, None, 3, None),
        ] {
            let judged = judge("virtqemud", label, path.map(Path::new), position);
            assert_eq!(judged, expected, "{label:?} {path:?} {position}");
        }
    }

    /// The umask belongs to the whole process, so tests that make sockets take turns.
    static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());

    fn layout(folder: &Path, session: bool) -> Layout {
        Layout { name: "virttestd".to_owned(), folder: folder.to_owned(), session }
    }

    fn config(text: &str, session: bool) -> Config {
        Config::from_document(&Document::parse(Path::new("x"), text).unwrap(), (session, false)).unwrap()
    }

    #[test]
    fn modes_and_removal() {
        let _turn = TURN.lock();
        let folder = tempfile::tempdir().unwrap();
        let config = config("unix_sock_ro_perms = \"0640\"\n", false);
        let stale = folder.path().join("virttestd-sock");
        std::fs::write(&stale, "").unwrap();
        let sockets = Sockets::make(&layout(folder.path(), false), &config).unwrap();
        let found = |name: &str| {
            let metadata = std::fs::metadata(folder.path().join(name)).unwrap();
            (metadata.file_type().is_socket(), metadata.permissions().mode() & 0o777)
        };
        assert_eq!(found("virttestd-sock"), (true, 0o777));
        assert_eq!(found("virttestd-sock-ro"), (true, 0o640));
        assert_eq!(found("virttestd-admin-sock"), (true, 0o700));
        std::os::unix::net::UnixStream::connect(&stale).unwrap();
        drop(sockets);
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    fn one_user_gets_no_read_only_socket() {
        let _turn = TURN.lock();
        let folder = tempfile::tempdir().unwrap();
        let _sockets = Sockets::make(&layout(folder.path(), true), &config("", true)).unwrap();
        let metadata = std::fs::metadata(folder.path().join("virttestd-sock")).unwrap();
        assert_eq!(metadata.permissions().mode() & 0o777, 0o700);
        assert!(folder.path().join("virttestd-admin-sock").exists());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 2);
    }

    #[test]
    fn errors_name_the_place() {
        let _turn = TURN.lock();
        let folder = tempfile::tempdir().unwrap();
        let missing = layout(&folder.path().join("missing"), true);
        let error = Sockets::make(&missing, &config("", true)).unwrap_err();
        assert!(error.to_string().contains("missing/virttestd-sock"));
        let group = config("unix_sock_group = \"no-such-group-here\"\n", true);
        let error = Sockets::make(&layout(folder.path(), true), &group).unwrap_err();
        assert!(error.to_string().contains("no-such-group-here"));
        let long = layout(&folder.path().join("x".repeat(120)), true);
        assert!(Sockets::make(&long, &config("", true)).is_err());
    }
}
