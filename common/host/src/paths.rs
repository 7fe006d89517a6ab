//! Where a daemon keeps its files: libvirt's own places, for the system daemon and for a user's session daemon.
//!
//! `OXIVIRT_ROOT=DIR` puts every one of them below DIR, so that private instances (tests, `make run`) meet
//! nobody else's files.

use std::env;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::{Error, Result, store, users};

/// Whether a daemon serves the host or one user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// `qemu:///system`: run by user 0.
    System,
    /// `qemu:///session`: run by any other user.
    Session,
}

/// The directories of one driver's daemon. Plain data; nothing is created until [`Paths::create`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Paths {
    /// Host or user.
    pub mode: Mode,
    /// Name of the driver: "qemu".
    pub driver: String,
    /// Name of the daemon's program: "virtqemud".
    pub daemon: String,
    /// Begin of the names of its sockets: the program's name, but "libvirt" for virtproxyd, which stands in for libvirtd.
    pub sockets: String,
    /// Configuration files of all daemons: `/etc/libvirt`.
    pub config_dir: PathBuf,
    /// Persistent definitions: `/etc/libvirt/qemu`.
    pub definition_dir: PathBuf,
    /// Links to the definitions to be started with the daemon: `/etc/libvirt/qemu/autostart`.
    pub autostart_dir: PathBuf,
    /// Sockets of all daemons: `/run/libvirt`.
    pub run_dir: PathBuf,
    /// Status documents and pid files of this driver: `/run/libvirt/qemu`.
    pub state_dir: PathBuf,
    /// Private directories of guests: `/var/lib/libvirt/qemu`.
    pub lib_dir: PathBuf,
    /// What can be found out again: `/var/cache/libvirt/qemu`.
    pub cache_dir: PathBuf,
    /// Logs of all daemons: `/var/log/libvirt`.
    pub daemon_log_dir: PathBuf,
    /// Logs of guests: `/var/log/libvirt/qemu`.
    pub log_dir: PathBuf,
    /// Parent of save, snapshot, ...: `lib_dir` of the system, `definition_dir` of a session.
    data_dir: PathBuf,
    /// The directory that everything is below, of a private instance.
    root: Option<PathBuf>,
    /// Certificates and keys of TLS, by their own layout: `/etc/pki`, or `$HOME/.pki/libvirt`.
    pub pki_dir: PathBuf,
    /// Directory of the daemon's own pid file: `/run`, in a session `run_dir`.
    pid_dir: PathBuf,
}

/// What decides the places; taken from the process by [`Paths::for_process`].
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Effective user of the process.
    pub uid: u32,
    /// `OXIVIRT_ROOT`.
    pub root: Option<PathBuf>,
    /// Home directory.
    pub home: PathBuf,
    /// `XDG_CONFIG_HOME`.
    pub xdg_config: Option<PathBuf>,
    /// `XDG_CACHE_HOME`.
    pub xdg_cache: Option<PathBuf>,
    /// `XDG_RUNTIME_DIR`.
    pub xdg_runtime: Option<PathBuf>,
}

impl Paths {
    /// The places for a driver ("qemu", "network", ...) in this process: system mode for user 0.
    pub fn for_process(driver: &str) -> Paths {
        let uid = rustix::process::geteuid().as_raw();
        let home = absolute("HOME").or_else(|| users::by_uid(uid).ok().flatten().map(|user| user.home));
        Paths::new(
            driver,
            &Surroundings {
                uid,
                root: env::var_os("OXIVIRT_ROOT").filter(|root| !root.is_empty()).map(absolute_from_here),
                home: home.unwrap_or_else(|| PathBuf::from("/")),
                xdg_config: absolute("XDG_CONFIG_HOME"),
                xdg_cache: absolute("XDG_CACHE_HOME"),
                xdg_runtime: absolute("XDG_RUNTIME_DIR"),
            },
        )
    }

    /// The places for a driver in given surroundings.
    pub fn new(driver: &str, around: &Surroundings) -> Paths {
        if around.uid == 0 { Paths::system(driver, around) } else { Paths::session(driver, around) }
    }

    /// Whether these are the system daemon's places.
    pub fn is_system(&self) -> bool {
        self.mode == Mode::System
    }

    fn system(driver: &str, around: &Surroundings) -> Paths {
        let below = |path: &str| match &around.root {
            Some(root) => root.join(&path[1..]),
            None => PathBuf::from(path),
        };
        let (daemon, definitions) = names(driver);
        let sockets = if driver == "proxy" { "libvirt".to_owned() } else { daemon.clone() };
        let config_dir = below("/etc/libvirt");
        let definition_dir = config_dir.join(&definitions);
        let lib_dir = below("/var/lib/libvirt").join(driver);
        let daemon_log_dir = below("/var/log/libvirt");
        Paths {
            mode: Mode::System,
            autostart_dir: definition_dir.join("autostart"),
            definition_dir,
            config_dir,
            run_dir: below("/run/libvirt"),
            state_dir: below("/run/libvirt").join(driver),
            data_dir: lib_dir.clone(),
            lib_dir,
            cache_dir: below("/var/cache/libvirt").join(driver),
            log_dir: daemon_log_dir.join(driver),
            daemon_log_dir,
            pki_dir: below("/etc/pki"),
            pid_dir: below("/run"),
            root: around.root.clone(),
            driver: driver.to_owned(),
            daemon,
            sockets,
        }
    }

    fn session(driver: &str, around: &Surroundings) -> Paths {
        let base = |own: &Option<PathBuf>, below_root: &str, below_home: &str| match (&around.root, own) {
            (Some(root), _) => root.join(below_root),
            (None, Some(own)) => own.clone(),
            (None, None) => around.home.join(below_home),
        };
        let (daemon, definitions) = names(driver);
        let sockets = if driver == "proxy" { "libvirt".to_owned() } else { daemon.clone() };
        let config_dir = base(&around.xdg_config, "config", ".config").join("libvirt");
        let cache_root = base(&around.xdg_cache, "cache", ".cache").join("libvirt");
        let runtime = around.xdg_runtime.clone().or_else(|| around.xdg_cache.clone());
        let run_dir = base(&runtime, "run", ".cache").join("libvirt");
        let definition_dir = config_dir.join(&definitions);
        Paths {
            mode: Mode::Session,
            autostart_dir: definition_dir.join("autostart"),
            lib_dir: definition_dir.join("lib"),
            data_dir: definition_dir.clone(),
            definition_dir,
            config_dir,
            state_dir: run_dir.join(driver).join("run"),
            pki_dir: base(&None, ".pki", ".pki").join("libvirt"),
            pid_dir: run_dir.clone(),
            root: around.root.clone(),
            run_dir,
            cache_dir: cache_root.join(driver).join("cache"),
            log_dir: cache_root.join(driver).join("log"),
            daemon_log_dir: cache_root,
            driver: driver.to_owned(),
            daemon,
            sockets,
        }
    }

    /// `virtqemud-sock`: read and write.
    pub fn socket(&self) -> PathBuf {
        self.run_dir.join(format!("{}-sock", self.sockets))
    }

    /// `virtqemud-sock-ro`: read only; a session has none.
    pub fn socket_ro(&self) -> Option<PathBuf> {
        (self.mode == Mode::System).then(|| self.run_dir.join(format!("{}-sock-ro", self.sockets)))
    }

    /// `virtqemud-admin-sock`.
    pub fn socket_admin(&self) -> PathBuf {
        self.run_dir.join(format!("{}-admin-sock", self.sockets))
    }

    /// Pid file of the daemon: `/run/virtqemud.pid`.
    pub fn pid_file(&self) -> PathBuf {
        self.pid_dir.join(format!("{}.pid", self.daemon))
    }

    /// Configuration of the daemon: `/etc/libvirt/virtqemud.conf`.
    pub fn daemon_config(&self) -> PathBuf {
        self.config_dir.join(format!("{}.conf", self.daemon))
    }

    /// Configuration of the driver: `/etc/libvirt/qemu.conf`.
    pub fn driver_config(&self) -> PathBuf {
        self.config_dir.join(format!("{}.conf", self.driver))
    }

    /// The key for values of secrets, where secret.conf asks for encryption and names no key:
    /// `/run/libvirt/secrets/encryption-key`.
    pub fn secrets_key(&self) -> PathBuf {
        self.run_dir.join("secrets/encryption-key")
    }

    /// Log of the daemon where there is no journal: `/var/log/libvirt/virtqemud.log`.
    pub fn daemon_log(&self) -> PathBuf {
        self.daemon_log_dir.join(format!("{}.log", self.daemon))
    }

    /// Token by which daemons of one user know each other: `/run/libvirt/common/system.token`.
    pub fn system_token(&self) -> PathBuf {
        self.run_dir.join("common/system.token")
    }

    /// Lock that keeps a second driver off the same directories: `/run/libvirt/qemu/driver.pid`.
    pub fn driver_lock(&self) -> PathBuf {
        self.state_dir.join("driver.pid")
    }

    /// Locks of terminals, which all programs of the host share: `/var/lock`.
    pub fn lock_dir(&self) -> PathBuf {
        self.root.as_deref().unwrap_or(Path::new("/")).join("var/lock")
    }

    /// Exists once autostart was done since boot: `/run/libvirt/qemu/autostarted`.
    pub fn autostarted(&self) -> PathBuf {
        self.state_dir.join("autostarted")
    }

    /// Results of probing emulators: `/var/cache/libvirt/qemu/capabilities`.
    pub fn capabilities_dir(&self) -> PathBuf {
        self.cache_dir.join("capabilities")
    }

    /// Managed save images: `/var/lib/libvirt/qemu/save`.
    pub fn save_dir(&self) -> PathBuf {
        self.data_dir.join("save")
    }

    /// Snapshot definitions, a directory per guest: `/var/lib/libvirt/qemu/snapshot`.
    pub fn snapshot_dir(&self) -> PathBuf {
        self.data_dir.join("snapshot")
    }

    /// Checkpoint definitions, a directory per guest: `/var/lib/libvirt/qemu/checkpoint`.
    pub fn checkpoint_dir(&self) -> PathBuf {
        self.data_dir.join("checkpoint")
    }

    /// Documents of a guest's snapshots; None for a name that is no directory's own.
    pub fn guest_snapshots(&self, name: &str) -> Option<PathBuf> {
        below(self.snapshot_dir(), name)
    }

    /// Documents of a guest's checkpoints; None for a name that is no directory's own.
    pub fn guest_checkpoints(&self, name: &str) -> Option<PathBuf> {
        below(self.checkpoint_dir(), name)
    }

    /// Variables of UEFI guests: `/var/lib/libvirt/qemu/nvram`.
    pub fn nvram_dir(&self) -> PathBuf {
        self.data_dir.join("nvram")
    }

    /// Automatic dumps: `/var/lib/libvirt/qemu/dump`.
    pub fn dump_dir(&self) -> PathBuf {
        self.data_dir.join("dump")
    }

    /// File-backed memory: `/var/lib/libvirt/qemu/ram`.
    pub fn ram_dir(&self) -> PathBuf {
        self.data_dir.join("ram")
    }

    /// Parent of the guests' channel directories: `/var/lib/libvirt/qemu/channel/target`.
    pub fn channel_dir(&self) -> PathBuf {
        self.data_dir.join("channel/target")
    }

    /// `/run/libvirt/qemu/NAME.xml`: status document of an active object.
    pub fn status(&self, name: &str) -> Result<PathBuf> {
        file(&self.state_dir, name, ".xml")
    }

    /// `/run/libvirt/qemu/NAME.pid`: written by the guest's process itself.
    pub fn guest_pid_file(&self, name: &str) -> Result<PathBuf> {
        file(&self.state_dir, name, ".pid")
    }

    /// `/run/libvirt/qemu/NAME.labels`: the files that were given to the guest.
    pub fn guest_labels(&self, name: &str) -> Result<PathBuf> {
        file(&self.state_dir, name, ".labels")
    }

    /// A short name of a private instance (`OXIVIRT_ROOT`), different for each: for what all instances of a host share,
    /// as control groups. None for the host's own daemon.
    pub fn private_name(&self) -> Option<String> {
        let root = self.root.as_ref()?;
        // FNV-1a: spreads well, and nobody gains from a collision.
        let hash = root
            .as_os_str()
            .as_bytes()
            .iter()
            .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(*byte)).wrapping_mul(0x0100_0193));
        Some(format!("{hash:08x}"))
    }

    /// `/etc/libvirt/qemu/NAME.xml`.
    pub fn definition(&self, name: &str) -> Result<PathBuf> {
        file(&self.definition_dir, name, ".xml")
    }

    /// `/etc/libvirt/qemu/autostart/NAME.xml`: link to the definition.
    pub fn autostart_link(&self, name: &str) -> Result<PathBuf> {
        file(&self.autostart_dir, name, ".xml")
    }

    /// `/etc/libvirt/qemu/autostart/NAME.xml.once`: the same for the host's next start only.
    pub fn autostart_once_link(&self, name: &str) -> Result<PathBuf> {
        file(&self.autostart_dir, name, ".xml.once")
    }

    /// `/var/log/libvirt/qemu/NAME.log`.
    pub fn guest_log(&self, name: &str) -> Result<PathBuf> {
        file(&self.log_dir, name, ".log")
    }

    /// `/var/lib/libvirt/qemu/save/NAME.save`.
    pub fn managed_save(&self, name: &str) -> Result<PathBuf> {
        file(&self.save_dir(), name, ".save")
    }

    /// `/var/lib/libvirt/qemu/domain-ID-NAME` with the name cut to 20 characters.
    pub fn guest_dir(&self, id: i32, name: &str) -> Result<PathBuf> {
        file(&self.lib_dir, &format!("domain-{}", short_name(id, name)), "")
    }

    /// `/var/lib/libvirt/qemu/channel/target/domain-ID-NAME`.
    pub fn guest_channel_dir(&self, id: i32, name: &str) -> Result<PathBuf> {
        file(&self.channel_dir(), &format!("domain-{}", short_name(id, name)), "")
    }

    /// `DIR/ID-NAME-STAMP`: an automatic dump of a guest, given by its id and name.
    pub fn guest_dump(&self, dir: &Path, (id, name): (i32, &str), stamp: &str) -> Result<PathBuf> {
        file(dir, &format!("{}-{stamp}", short_name(id, name)), "")
    }

    /// Makes the directories that every driver has, with libvirt's modes; existing ones stay as they are.
    pub fn create(&self) -> Result<()> {
        let top = if self.mode == Mode::System { 0o755 } else { 0o700 };
        for dir in [&self.config_dir, &self.run_dir] {
            store::create_dir(dir, top)?;
        }
        let (own, mode) = self.own_dirs();
        for dir in own {
            store::create_dir(dir, mode)?;
        }
        store::create_dir(&self.daemon_log_dir, 0o755)?;
        store::create_dir(&self.run_dir.join("common"), 0o700)?;
        store::create_dir(&self.pid_dir, 0o755)?;
        if self.root.is_some() {
            // The host's own is there already.
            store::create_dir(&self.lock_dir(), 0o755)?;
        }
        Ok(())
    }

    /// The directories that only this driver has, and their mode.
    fn own_dirs(&self) -> (Vec<&Path>, u32) {
        let common: [&Path; 2] = [&self.definition_dir, &self.state_dir];
        match self.driver.as_str() {
            // Not even the names of secrets are for others; nothing of them is started, cached or logged.
            "secrets" => (common.to_vec(), 0o700),
            _ => {
                let all = common.into_iter().chain([&*self.autostart_dir, &self.cache_dir, &self.log_dir]);
                (all.collect(), 0o755)
            }
        }
    }

    /// Makes the directories of the QEMU driver, those that QEMU works in belonging to `owner` (user, group).
    pub fn create_for_guests(&self, owner: Option<(u32, u32)>) -> Result<()> {
        self.create()?;
        store::create_dir(&self.capabilities_dir(), 0o755)?;
        let private = if self.mode == Mode::System { 0o750 } else { 0o755 };
        let channel = self.channel_dir();
        let guests = [
            (self.lib_dir.clone(), private),
            (channel.parent().map(Path::to_path_buf).unwrap_or_default(), private),
            (channel, private),
            (self.save_dir(), 0o755),
            (self.snapshot_dir(), 0o755),
            (self.checkpoint_dir(), 0o755),
            (self.nvram_dir(), 0o755),
            (self.dump_dir(), 0o755),
            (self.ram_dir(), 0o755),
            (self.state_dir.join("dbus"), 0o770),
            (self.state_dir.join("slirp"), 0o755),
            (self.state_dir.join("passt"), 0o755),
        ];
        for (dir, mode) in guests {
            store::create_dir(&dir, mode)?;
            // Also those of before: qemu.conf may name another user by now.
            if let Some((uid, gid)) = owner {
                std::os::unix::fs::lchown(&dir, Some(uid), Some(gid))
                    .map_err(Error::file("set the owner of", &dir))?;
            }
        }
        Ok(())
    }
}

/// "ID-NAME", the name cut to 20 characters: part of directory and machine names, unique by the id.
pub fn short_name(id: i32, name: &str) -> String {
    format!("{id}-{}", name.chars().take(20).collect::<String>())
}

/// The directory of this name: a guest called ".." must not get the parent's.
fn below(dir: PathBuf, name: &str) -> Option<PathBuf> {
    let plain = !name.is_empty() && name != "." && name != ".." && !name.contains('/');
    plain.then(|| dir.join(name))
}

/// Name of the daemon and directory of the definitions below the configuration directory.
fn names(driver: &str) -> (String, String) {
    let daemon = match driver {
        "secrets" => "virtsecretd".to_owned(),
        "storage" => "virtstoraged".to_owned(),
        other => format!("virt{other}d"),
    };
    let definitions = if driver == "network" { "qemu/networks" } else { driver };
    (daemon, definitions.to_owned())
}

fn file(dir: &Path, name: &str, suffix: &str) -> Result<PathBuf> {
    // An empty name, "." and ".." would leave the directory only without a suffix; '/' always could.
    if name.contains('/') {
        return Err(Error::Name { name: name.to_owned() });
    }
    Ok(dir.join(format!("{name}{suffix}")))
}

/// An environment variable that holds an absolute path; others are to be ignored (XDG base directories).
fn absolute(variable: &str) -> Option<PathBuf> {
    env::var_os(variable).map(PathBuf::from).filter(|path| path.is_absolute())
}

fn absolute_from_here(path: OsString) -> PathBuf {
    std::path::absolute(&path).unwrap_or_else(|_| PathBuf::from(path))
}

#[cfg(test)]
mod tests;
