//! Which daemons are there: their sockets, waiting for one that is not there at the moment, starting one for a user.

use std::collections::{HashMap, HashSet};
use std::mem::MaybeUninit;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use host::fd::Interest;
use host::paths::Paths;
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use tokio::sync::{Mutex as AsyncMutex, Notify, OwnedMutexGuard};

use crate::drivers::Driver;

/// How long a user's daemon that was started here stays without clients, in seconds, as libvirt's client has it.
const IDLE_SECONDS: &str = "120";
/// Longest time until such a daemon serves.
const START_LIMIT: Duration = Duration::from_secs(30);
/// Where programs of daemons are, behind the folder of this one.
const FOLDERS: [&str; 4] = ["/usr/sbin", "/usr/bin", "/usr/local/sbin", "/usr/libexec"];

/// The daemons of this host, or of this user.
pub struct Presence {
    run_dir: PathBuf,
    session: bool,
    /// Those that have answered once.
    seen: Mutex<HashSet<&'static str>>,
    /// Whoever waits for a daemon tries in turn with the others.
    turns: Mutex<HashMap<&'static str, Arc<AsyncMutex<()>>>>,
    /// Something new is in the folder of sockets.
    changed: Arc<Notify>,
}

impl Presence {
    /// Looks after the daemons whose sockets are where `paths` says. To be called inside a tokio runtime.
    pub fn new(paths: &Paths) -> Self {
        let changed = Arc::new(Notify::new());
        let watched = watch(&paths.run_dir, Arc::clone(&changed));
        if let Err(error) = watched {
            tracing::warn!("new sockets are only found by trying: {error}");
        }
        let (run_dir, session) = (paths.run_dir.clone(), !paths.is_system());
        Self { run_dir, session, seen: Mutex::default(), turns: Mutex::default(), changed }
    }

    /// The driver's socket.
    pub fn socket(&self, driver: &Driver) -> PathBuf {
        self.run_dir.join(format!("{}-sock", driver.daemon))
    }

    /// The driver has answered.
    pub fn note(&self, driver: &Driver) {
        lock(&self.seen).insert(driver.daemon);
    }

    /// Whether the driver has answered before.
    pub fn was_seen(&self, driver: &Driver) -> bool {
        lock(&self.seen).contains(driver.daemon)
    }

    /// Whether the driver may be expected to come: its socket or its program is there, or was.
    pub fn is_expected(&self, driver: &Driver) -> bool {
        self.was_seen(driver) || self.socket(driver).exists() || program(driver).is_some()
    }

    /// Whether a connection to the driver has a chance at once.
    pub fn is_ready(&self, driver: &Driver) -> bool {
        self.socket(driver).exists() || (self.session && program(driver).is_some())
    }

    /// The turn to try whether the driver is there, while it is not.
    pub async fn turn(&self, driver: &Driver) -> OwnedMutexGuard<()> {
        let turn = Arc::clone(lock(&self.turns).entry(driver.daemon).or_default());
        turn.lock_owned().await
    }

    /// Waits until there is something new in the folder of sockets, but no longer than `pause`: a socket is there a moment
    /// before its daemon listens.
    pub async fn wait(&self, pause: Duration) {
        // Which of the two it was is found out by trying.
        let _ = tokio::time::timeout(pause, self.changed.notified()).await;
    }

    /// Starts a user's own daemon, as libvirt's client does; the host's daemons are started by others.
    pub async fn start(&self, driver: &Driver) {
        let Some(program) = program(driver).filter(|_| self.session) else { return };
        tracing::info!("starting {}", program.display());
        let mut command = tokio::process::Command::new(&program);
        command.args(["--daemon", "--timeout", IDLE_SECONDS]);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        match tokio::time::timeout(START_LIMIT, command.status()).await {
            Ok(Ok(status)) if status.success() => {}
            // Another one may have been faster: the next try tells.
            Ok(Ok(status)) => tracing::info!("{} ended with {status}", program.display()),
            Ok(Err(error)) => tracing::warn!("cannot start {}: {error}", program.display()),
            Err(_) => tracing::warn!("{} does not get ready", program.display()),
        }
    }
}

/// The driver's program: where `VIRTQEMUD_PATH` and the like say, else beside this one, else where programs are.
fn program(driver: &Driver) -> Option<PathBuf> {
    let named = std::env::var_os(format!("{}_PATH", driver.daemon.to_uppercase())).map(PathBuf::from);
    if named.is_some() {
        return named;
    }
    let own = std::env::current_exe().ok();
    let beside = own.as_deref().and_then(Path::parent);
    let folders = beside.into_iter().chain(FOLDERS.iter().map(Path::new));
    folders.map(|folder| folder.join(driver.daemon)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

/// Tells `changed` of everything new in a folder.
fn watch(folder: &Path, changed: Arc<Notify>) -> std::io::Result<()> {
    let notices = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
    inotify::add_watch(&notices, folder, WatchFlags::CREATE | WatchFlags::MOVED_TO)?;
    let notices = host::fd::watch(notices, Interest::READABLE)?;
    tokio::spawn(async move {
        while let Ok(mut ready) = notices.readable().await {
            let mut room = [MaybeUninit::uninit(); 4096];
            let mut reader = Reader::new(notices.get_ref(), &mut room);
            while reader.next().is_ok() {}
            ready.clear_ready();
            changed.notify_waiters();
        }
    });
    Ok(())
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use host::paths::Surroundings;

    #[tokio::test]
    async fn a_new_socket_is_told_of() {
        let root = tempfile::tempdir().unwrap();
        let around = Surroundings { root: Some(root.path().to_owned()), ..Surroundings::default() };
        let paths = Paths::new("proxy", &around);
        std::fs::create_dir_all(&paths.run_dir).unwrap();
        let presence = Arc::new(Presence::new(&paths));
        let driver = crate::drivers::of_uri("qemu:///system").unwrap();
        assert!(!presence.is_ready(driver) && !presence.was_seen(driver));
        let waiter = Arc::clone(&presence);
        let waits = tokio::spawn(async move { waiter.wait(Duration::from_secs(60)).await });
        tokio::task::yield_now().await;
        std::os::unix::net::UnixListener::bind(presence.socket(driver)).unwrap();
        tokio::time::timeout(Duration::from_secs(20), waits).await.unwrap().unwrap();
        assert!(presence.is_ready(driver) && presence.is_expected(driver));
        presence.note(driver);
        assert!(presence.was_seen(driver));
    }
}
