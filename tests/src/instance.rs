//! A private daemon: started in its own folder, driven by the installed clients, ended with everything it started.

use crate::command::{self, Output};
use crate::keeper::{End, Keeper};
use crate::{LIMIT, program};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use serde_json::json;
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::UnixDatagram;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

mod proxy;

/// The user and group of session daemons when the tests run as root: nobody, nogroup.
const UNPRIVILEGED: (u32, u32) = (65534, 65534);

/// Shows the folder `$1` as `/run/libvirt` and becomes the program behind it.
const SHOW_SOCKETS: &str = "here=$1 && shift && exec 9<\"$here\" && mount -n -t tmpfs none /run && \
                            mkdir /run/libvirt /run/lock && mount -n --bind /proc/self/fd/9 /run/libvirt && \
                            exec \"$@\" 9<&-";

/// A daemon of the project.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Daemon {
    /// Guests.
    Virtqemud,
    /// Secrets.
    Virtsecretd,
}

impl Daemon {
    /// Its program's name.
    pub fn program(self) -> &'static str {
        match self {
            Self::Virtqemud => "virtqemud",
            Self::Virtsecretd => "virtsecretd",
        }
    }

    /// What its URIs begin with.
    fn scheme(self) -> &'static str {
        match self {
            Self::Virtqemud => "qemu",
            Self::Virtsecretd => "secret",
        }
    }

    /// Its driver's configuration file.
    fn driver_conf(self) -> &'static str {
        match self {
            Self::Virtqemud => "qemu.conf",
            Self::Virtsecretd => "secret.conf",
        }
    }
}

/// How a daemon is to be started.
#[derive(Debug, Clone)]
pub struct Builder {
    daemon: Daemon,
    session: bool,
    arguments: Vec<String>,
    environment: BTreeMap<String, String>,
    daemon_conf: String,
    driver_conf: Option<String>,
    private_net: bool,
}

impl Builder {
    /// Serves one unprivileged user, with the usual places of a user (`XDG_RUNTIME_DIR` and so on).
    pub fn session(mut self) -> Self {
        self.session = true;
        self
    }

    /// Arguments of the daemon.
    pub fn args(mut self, arguments: &[&str]) -> Self {
        self.arguments.extend(arguments.iter().map(|argument| (*argument).to_owned()));
        self
    }

    /// A variable in the daemon's environment.
    pub fn env(mut self, key: &str, value: &str) -> Self {
        self.environment.insert(key.to_owned(), value.to_owned());
        self
    }

    /// More lines for the daemon's own configuration, as `virtqemud.conf`.
    pub fn conf(mut self, text: &str) -> Self {
        self.daemon_conf.push_str(text);
        self
    }

    /// The content of `qemu.conf`; without it guests run as the daemon's own user, without CPU weights.
    pub fn qemu_conf(self, text: &str) -> Self {
        self.driver_conf(text)
    }

    /// The content of the driver's configuration file, as `secret.conf`.
    pub fn driver_conf(mut self, text: &str) -> Self {
        self.driver_conf = Some(text.to_owned());
        self
    }

    /// Runs daemon and guests in a network namespace of their own, with nothing but a loopback that is up
    /// ([`Instance::in_net`]). Needs root: ask [`crate::can_make_networks`] first.
    pub fn private_net(mut self) -> Self {
        self.private_net = true;
        self
    }

    /// Makes the folder without starting a daemon: for clients that start it themselves, or after files are put there.
    pub fn prepare(self) -> Instance {
        Instance::new(self)
    }

    /// Starts the daemon and waits until it serves; with `OXIVIRT_FAULT` in its environment it may end before that.
    pub fn start(self) -> Instance {
        let may_end = self.environment.contains_key("OXIVIRT_FAULT");
        let mut instance = self.prepare();
        instance.spawn();
        assert!(instance.serves() || may_end, "the daemon does not serve: {}", instance.log());
        instance
    }
}

/// A daemon in a private folder.
pub struct Instance {
    builder: Builder,
    folder: tempfile::TempDir,
    pub(crate) keeper: Keeper,
    notices: UnixDatagram,
    pid: Option<u32>,
    /// Dropped after the keeper.
    _groups: Groups,
}

impl Instance {
    /// A daemon as root runs it, or, if the test is not run by root, one for this user.
    pub fn start() -> Self {
        Self::builder().start()
    }

    /// Begins to say how a daemon is to be started.
    pub fn builder() -> Builder {
        Self::of(Daemon::Virtqemud)
    }

    /// Begins to say how another daemon is to be started.
    pub fn of(daemon: Daemon) -> Builder {
        Builder {
            daemon,
            session: false,
            arguments: Vec::new(),
            environment: BTreeMap::new(),
            daemon_conf: String::new(),
            driver_conf: None,
            private_net: false,
        }
    }

    fn new(builder: Builder) -> Self {
        let folder = tempfile::Builder::new().prefix("oxivirt-").tempdir().unwrap();
        // Emulators may run as another user and have to come through.
        std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o755)).unwrap();
        let notices = UnixDatagram::bind(folder.path().join("notify")).unwrap();
        std::fs::set_permissions(folder.path().join("notify"), std::fs::Permissions::from_mode(0o777))
            .unwrap();
        let keeper = Keeper::start(builder.private_net);
        let groups = Groups(folder.path().to_owned());
        let instance = Self { builder, folder, keeper, notices, pid: None, _groups: groups };
        instance.lay_out();
        if instance.builder.private_net {
            instance.in_net(&["ip", "link", "set", "lo", "up"]).ok();
        }
        instance
    }

    /// Makes the folders and configuration files.
    fn lay_out(&self) {
        let config = self.etc_dir();
        for folder in
            [config.clone(), self.root().join("home"), self.root().join("runtime"), self.root().join("bin")]
        {
            std::fs::create_dir_all(&folder).unwrap();
        }
        let daemon = self.builder.daemon;
        let own_conf = format!("{}.conf", daemon.program());
        std::fs::write(config.join(&own_conf), &self.builder.daemon_conf).unwrap();
        let text = self.builder.driver_conf.clone().unwrap_or_else(|| {
            if daemon != Daemon::Virtqemud {
                return String::new();
            }
            let own_user = if self.is_system() { "user = \"root\"\ngroup = \"root\"\n" } else { "" };
            // Without CPU weights: the guests of all tests at once would share one between them.
            let controllers = "\"cpuset\", \"cpuacct\", \"memory\", \"devices\", \"freezer\", \"blkio\"";
            format!("{own_user}cgroup_controllers = [{controllers}]\n{}", display_ports())
        });
        std::fs::write(config.join(daemon.driver_conf()), text).unwrap();
        if let Some((uid, gid)) = self.other_user() {
            // The program's own folder may be closed to other users.
            std::fs::copy(program(daemon.program()), self.root().join("bin").join(daemon.program())).unwrap();
            let below_config =
                [own_conf.as_str(), daemon.driver_conf()].map(|file| format!("config/libvirt/{file}"));
            let folders = ["home", "runtime", "config", "config/libvirt"].map(str::to_owned);
            for path in folders.iter().chain(&below_config) {
                chown(self.root().join(path), Some(uid), Some(gid)).unwrap();
            }
        }
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(self.root().join("runtime"), private).unwrap();
    }

    /// Is it a daemon for the whole host, with root's rights?
    pub fn is_system(&self) -> bool {
        !self.builder.session && rustix::process::geteuid().is_root()
    }

    /// The folder that everything of this instance lies in.
    pub fn root(&self) -> &Path {
        self.folder.path()
    }

    /// Where a system bus for daemon and clients is looked for; there is none unless a test makes one.
    pub fn bus(&self) -> PathBuf {
        self.root().join("bus")
    }

    /// `/etc/libvirt` of this instance: where configuration files lie.
    pub fn etc_dir(&self) -> PathBuf {
        self.root().join(if self.is_system() { "etc/libvirt" } else { "config/libvirt" })
    }

    /// `/etc/libvirt/qemu` of this instance: where definitions lie.
    pub fn config_dir(&self) -> PathBuf {
        self.etc_dir().join("qemu")
    }

    /// `/run/libvirt/qemu` of this instance: where status documents lie.
    pub fn state_dir(&self) -> PathBuf {
        if self.is_system() { self.run_dir().join("qemu") } else { self.run_dir().join("qemu/run") }
    }

    /// `/var/lib/libvirt/qemu` of this instance: where guests have folders of their own.
    pub fn library_dir(&self) -> PathBuf {
        if self.is_system() {
            self.root().join("var/lib/libvirt/qemu")
        } else {
            self.config_dir().join("lib")
        }
    }

    /// `/run/libvirt` of this instance.
    pub fn run_dir(&self) -> PathBuf {
        let parent = if self.builder.session { "runtime" } else { "run" };
        self.root().join(parent).join("libvirt")
    }

    /// `/var/log/libvirt/qemu` of this instance: where guests' logs lie.
    pub fn log_dir(&self) -> PathBuf {
        let session = "home/.cache/libvirt/qemu/log";
        self.root().join(if self.builder.session { session } else { "var/log/libvirt/qemu" })
    }

    /// Starts virtlogd beside the daemon and waits until it serves; it ends with the instance. Without root's rights
    /// it serves a user, as the daemon does. `None` if it is not installed.
    pub fn start_virtlogd(&mut self) -> Option<()> {
        let installed = Path::new("/usr/sbin/virtlogd").exists();
        let (run, etc) = (text(&self.run_dir()), text(&self.etc_dir()));
        std::fs::create_dir_all(&run).unwrap();
        if let Some((uid, gid)) = self.other_user() {
            chown(&run, Some(uid), Some(gid)).unwrap();
        }
        let serve = format!("exec /usr/sbin/virtlogd -d -f {etc}/virtlogd.conf -p {run}/virtlogd.pid");
        // The system's virtlogd knows only its own socket: it gets a /run of its own.
        let place =
            format!("mount -t tmpfs none /run && mkdir /run/libvirt && mount --bind {run} /run/libvirt");
        let (program, args) = match self.is_system() {
            true => (
                "/usr/bin/unshare",
                vec!["--mount".into(), "sh".into(), "-c".into(), format!("{place} && {serve}")],
            ),
            false => ("/bin/sh", vec!["-c".into(), serve]),
        };
        installed.then(|| {
            let conf = self.etc_dir().join("virtlogd.conf");
            if !conf.exists() {
                std::fs::write(conf, "").unwrap();
            }
            let pid = self.keep(Path::new(program), &args);
            assert_eq!(self.keeper.wait(pid), End::Code(0), "virtlogd does not start: {}", self.log());
        })
    }

    /// Starts the installed libvirtd beside the daemon, in the places of other daemons of this instance: it is the
    /// storage, network, secret, ... daemon that calls are passed on to. It keeps its files below `/var/lib/libvirt`
    /// and `/etc/libvirt` of a mount namespace of its own, and ends with the instance. `None` if it is not installed or
    /// this is no system instance; for [`Builder::private_net`] alone, where its networks harm nobody.
    pub fn start_libvirtd(&mut self) -> Option<()> {
        let libvirtd = Path::new("/usr/sbin/libvirtd");
        if !libvirtd.exists() || !self.is_system() || !self.builder.private_net {
            return None;
        }
        // Not virtqemud's own: the QEMU driver in libvirtd must not find its guests.
        let run = self.root().join("beside");
        std::fs::create_dir_all(&run).unwrap();
        let place = format!(
            "exec 9<{run} && for dir in /run /etc/libvirt /var/lib/libvirt /var/cache/libvirt /var/log/libvirt; do \
             mount -n -t tmpfs none $dir; done && mkdir /run/libvirt && mount -n --bind /proc/self/fd/9 /run/libvirt && \
             exec 9<&- && touch /etc/libvirt/libvirtd.conf && exec /usr/sbin/libvirtd -d -p {run}/libvirtd.pid",
            run = run.display()
        );
        let words = ["--mount", "--propagation", "private", "sh", "-c", &place].map(str::to_owned);
        let pid = self.keep(Path::new("/usr/bin/unshare"), &words);
        assert_eq!(self.keeper.wait(pid), End::Code(0), "libvirtd does not start: {}", self.log());
        for daemon in ["storage", "network", "secret", "nwfilter", "interface", "nodedev"] {
            let socket = self.run_dir().join(format!("virt{daemon}d-sock"));
            std::os::unix::fs::symlink(run.join("libvirt-sock"), socket).unwrap();
        }
        Some(())
    }

    /// Starts a program under the keeper as the daemon is started.
    pub(crate) fn keep(&mut self, program: &Path, args: &[String]) -> u32 {
        let order = json!({
            "program": program,
            "args": args,
            "env": self.environment(),
            "stderr": self.root().join("daemon.log"),
            "uid": self.other_user().map(|(uid, _)| uid),
            "gid": self.other_user().map(|(_, gid)| gid),
        });
        self.keeper.spawn(&order)
    }

    /// The main socket.
    pub fn socket(&self) -> PathBuf {
        self.socket_of(self.builder.daemon)
    }

    /// The main socket of a daemon in this folder.
    pub fn socket_of(&self, daemon: Daemon) -> PathBuf {
        self.run_dir().join(format!("{}-sock", daemon.program()))
    }

    /// The read-only socket; a session has none.
    pub fn socket_ro(&self) -> PathBuf {
        self.run_dir().join(format!("{}-sock-ro", self.builder.daemon.program()))
    }

    /// The URI that reaches this daemon.
    pub fn uri(&self) -> String {
        self.uri_of(self.builder.daemon)
    }

    /// The URI that reaches a daemon in this folder.
    pub fn uri_of(&self, daemon: Daemon) -> String {
        let path = if self.is_system() { "system" } else { "session" };
        format!("{}+unix:///{path}?socket={}", daemon.scheme(), self.socket_of(daemon).display())
    }

    /// Starts another daemon of the project in the same folder, and waits until it serves; it ends with the instance.
    pub fn start_beside(&mut self, daemon: Daemon) -> u32 {
        let mut environment = self.environment();
        environment.insert("NOTIFY_SOCKET".to_owned(), text(&self.root().join("notify")));
        let order = json!({
            "program": program(daemon.program()),
            "args": [],
            "env": environment,
            "stderr": self.root().join("daemon.log"),
            "uid": self.other_user().map(|(uid, _)| uid),
            "gid": self.other_user().map(|(_, gid)| gid),
        });
        let pid = self.keeper.spawn(&order);
        assert!(self.is_ready(pid), "{} does not serve: {}", daemon.program(), self.log());
        pid
    }

    /// The URI of a session that the client finds, and starts if need be, by itself.
    pub fn session_uri(&self) -> String {
        "qemu:///session?mode=direct".to_owned()
    }

    /// The process number of the running daemon.
    pub fn pid(&self) -> u32 {
        self.pid.unwrap_or_else(|| panic!("no daemon runs"))
    }

    /// What the daemon has written to its standard error.
    pub fn log(&self) -> String {
        std::fs::read_to_string(self.root().join("daemon.log")).unwrap_or_default()
    }

    /// Starts the daemon, after it has ended, and waits until it serves.
    pub fn start_again(&mut self) {
        self.spawn();
        assert!(self.serves(), "the daemon does not serve: {}", self.log());
    }

    /// Starts the daemon without waiting: for starts that are expected to fail or to be cut short.
    pub fn spawn(&mut self) -> u32 {
        let mut environment = self.environment();
        environment.insert("NOTIFY_SOCKET".to_owned(), text(&self.root().join("notify")));
        environment.extend(self.builder.environment.clone());
        let order = json!({
            "program": self.daemon_program(),
            "args": self.builder.arguments,
            "env": environment,
            "stderr": self.root().join("daemon.log"),
            "uid": self.other_user().map(|(uid, _)| uid),
            "gid": self.other_user().map(|(_, gid)| gid),
        });
        let pid = self.keeper.spawn(&order);
        self.pid = Some(pid);
        pid
    }

    /// Waits for READY=1; false if the daemon ends before.
    fn serves(&mut self) -> bool {
        self.is_ready(self.pid())
    }

    fn is_ready(&self, pid: u32) -> bool {
        let daemon = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
        let Ok(process) = pidfd_open(daemon, PidfdFlags::empty()) else { return false };
        loop {
            let mut both = [PollFd::new(&self.notices, PollFlags::IN), PollFd::new(&process, PollFlags::IN)];
            poll(&mut both, Some(&Timespec::try_from(LIMIT).unwrap())).unwrap();
            if !both[0].revents().contains(PollFlags::IN) {
                return false;
            }
            let mut buffer = [0; 512];
            let length = self.notices.recv(&mut buffer).unwrap();
            if buffer[..length].split(|byte| *byte == b'\n').any(|line| line == b"READY=1") {
                return true;
            }
        }
    }

    /// Kills the daemon with SIGKILL, as a crash would; its guests go on.
    pub fn kill(&mut self) {
        self.signal(Signal::KILL);
        self.ended();
    }

    /// Asks the daemon to end and returns its exit status.
    pub fn stop(&mut self) -> i32 {
        self.signal(Signal::TERM);
        self.ended()
    }

    /// Has the daemon read its configuration again, and waits until it has.
    pub fn hangup(&mut self) {
        self.signal(Signal::HUP);
        assert!(self.serves(), "the daemon ended on SIGHUP: {}", self.log());
    }

    /// Kills the daemon, if it still runs, and starts it again.
    pub fn restart(&mut self) {
        if self.is_running() {
            self.kill();
        }
        self.start_again();
    }

    /// Waits until the daemon has ended by itself, and returns its exit status; -1 for a signal.
    pub fn ended(&mut self) -> i32 {
        let pid = self.pid.take().unwrap_or_else(|| panic!("no daemon runs"));
        match self.keeper.wait(pid) {
            End::Code(code) => code,
            End::Signal(_) => -1,
        }
    }

    /// Sends the daemon a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(i32::try_from(self.pid()).unwrap()).unwrap();
        match kill_process(pid, signal) {
            // It may end by itself a moment before: a fault point, a crash under test.
            Ok(()) | Err(rustix::io::Errno::SRCH) => {}
            Err(error) => panic!("the daemon cannot be signalled: {error}"),
        }
    }

    /// Does the daemon still run?
    pub fn is_running(&mut self) -> bool {
        self.pid.is_some_and(|pid| !self.keeper.has_ended(pid))
    }

    /// Puts a variable into the environment of daemons started from now on.
    pub fn set_env(&mut self, key: &str, value: &str) {
        self.builder.environment.insert(key.to_owned(), value.to_owned());
    }

    /// Takes a variable from the environment of daemons started from now on.
    pub fn clear_env(&mut self, key: &str) {
        self.builder.environment.remove(key);
    }

    /// Runs a client program in the environment of this instance; `None` if it is not installed.
    pub fn run_if_installed(&self, name: &str, arguments: &[&str]) -> Option<Output> {
        let installed =
            ["/usr/local/bin", "/usr/bin", "/bin"].iter().any(|folder| Path::new(folder).join(name).exists());
        installed.then(|| command::run(self.client(name).args(arguments), "", LIMIT))
    }

    /// Runs virsh against this daemon.
    pub fn virsh(&self, arguments: &[&str]) -> Output {
        let mut command = self.client("virsh");
        command.args(["-q", "-c", &self.uri()]).args(arguments);
        command::run(&mut command, "", LIMIT)
    }

    /// Runs virsh with the read-only socket.
    pub fn virsh_ro(&self, arguments: &[&str]) -> Output {
        let scheme = self.builder.daemon.scheme();
        let uri = format!("{scheme}+unix:///system?socket={}", self.socket_ro().display());
        let mut command = self.client("virsh");
        command.args(["-q", "-r", "-c", &uri]).args(arguments);
        command::run(&mut command, "", LIMIT)
    }

    /// Runs a Python script in which libvirt is imported and `uri` is that of this daemon.
    pub fn python(&self, script: &str) -> Output {
        let head = format!("import libvirt, sys, time, os\nuri = {:?}\n", self.uri());
        let mut command = self.client("/usr/bin/python3");
        command.args(["-u", "-"]);
        command::run(&mut command, &(head + script), LIMIT)
    }

    /// Runs a program in the instance's own network and mount namespaces, as root.
    pub fn in_net(&self, words: &[&str]) -> Output {
        let mut command = Command::new("nsenter");
        command.args(["--net", "--mount", "--target", &self.keeper.pid().to_string(), "--"]).args(words);
        command.env("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
        command::run(&mut command, "", LIMIT)
    }

    /// Defines a domain from XML and returns virsh's answer.
    pub fn define(&self, xml: &str) -> Output {
        let file = tempfile::Builder::new().suffix(".xml").tempfile().unwrap();
        std::fs::write(file.path(), xml).unwrap();
        std::fs::set_permissions(file.path(), std::fs::Permissions::from_mode(0o644)).unwrap();
        self.virsh(&["define", file.path().to_str().unwrap()])
    }

    /// A client program in the environment of this instance, run by its user.
    pub fn client(&self, name: &str) -> Command {
        let mut command = Command::new(name);
        command.env_clear().envs(self.environment()).current_dir("/");
        if let Some((uid, gid)) = self.other_user() {
            command.gid(gid).uid(uid);
        }
        // Where a client looks for the program that it starts for a session without a daemon.
        command.env("VIRTD_PATH", self.daemon_program().parent().unwrap());
        command
    }

    /// The URI under which programs that know nothing of private places reach this daemon; see [`Self::usual`].
    pub fn usual_uri(&self) -> &'static str {
        if self.is_system() { "qemu:///system" } else { "qemu:///session" }
    }

    /// A client program that finds this daemon's sockets where it looks for those of the host: below `/run/libvirt`,
    /// in a mount namespace of its own, or in its user's runtime folder. `None` where no namespace can be made.
    pub fn usual(&self, program: &str) -> Option<Command> {
        if !self.is_system() {
            return Some(self.client(program));
        }
        if !rustix::process::geteuid().is_root() {
            return None;
        }
        let mut command = self.client("unshare");
        command.args(["--mount", "--propagation", "private", "--", "/bin/sh", "-c", SHOW_SOCKETS, "sh"]);
        command.arg(self.run_dir()).arg(program);
        Some(command)
    }

    /// The processes of guests, found as emulators that work for this folder.
    pub fn guests(&self) -> Vec<u32> {
        let root = text(self.root());
        let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
        let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
        let is_guest = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&line).into_owned();
            let program = line.split('\0').next().unwrap_or_default();
            program.contains("qemu-system") && line.contains(&root)
        };
        pids.filter(is_guest).collect()
    }

    /// What the driver keeps of active guests on disk: names in the state folder, and the guests' own folders.
    pub fn run_files(&self) -> Vec<String> {
        let names = |folder: PathBuf| {
            let entries = std::fs::read_dir(folder).into_iter().flatten().filter_map(Result::ok);
            entries.map(|entry| text(Path::new(&entry.file_name()))).collect::<Vec<_>>()
        };
        let permanent = ["driver.pid", "autostarted", "dbus", "slirp", "passt"];
        let state = names(self.state_dir()).into_iter().filter(|name| !permanent.contains(&name.as_str()));
        let library = self.library_dir();
        let own = [library.clone(), library.join("channel/target"), self.config_dir().join("channel/target")];
        let own = own.into_iter().flat_map(names).filter(|name| name.starts_with("domain-"));
        state.chain(own).collect()
    }

    /// The control groups of this instance's guests, in all hierarchies.
    pub fn control_groups(&self) -> Vec<PathBuf> {
        control_groups(self.root())
    }

    /// Waits until no guest runs and nothing of one is left on disk.
    pub fn wait_idle(&self) {
        use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
        let changes = init(CreateFlags::NONBLOCK).unwrap();
        let removed = WatchFlags::DELETE | WatchFlags::MOVE;
        for folder in [self.state_dir(), self.library_dir()] {
            if folder.exists() {
                add_watch(&changes, folder, removed).unwrap();
            }
        }
        for pid in self.guests() {
            let pid = Pid::from_raw(i32::try_from(pid).unwrap()).unwrap();
            assert!(command::ends_within(pid, LIMIT), "guest {} still runs", pid.as_raw_nonzero());
        }
        let mut buffer = [std::mem::MaybeUninit::uninit(); 4096];
        while !self.run_files().is_empty() {
            let mut event = [PollFd::new(&changes, PollFlags::IN)];
            let count = poll(&mut event, Some(&Timespec::try_from(LIMIT).unwrap())).unwrap();
            assert!(count > 0, "still there: {:?}", self.run_files());
            let mut reader = rustix::fs::inotify::Reader::new(&changes, &mut buffer);
            while reader.next().is_ok() {}
        }
    }

    /// The process number of the parent of everything here.
    pub fn keeper_pid(&self) -> u32 {
        self.keeper.pid()
    }

    fn daemon_program(&self) -> PathBuf {
        let name = self.builder.daemon.program();
        let own = self.root().join("bin").join(name);
        if own.exists() { own } else { program(name) }
    }

    /// The user of a session daemon, where it is not that of the test.
    fn other_user(&self) -> Option<(u32, u32)> {
        (self.builder.session && rustix::process::geteuid().is_root()).then_some(UNPRIVILEGED)
    }

    /// The environment of daemon and clients.
    fn environment(&self) -> BTreeMap<String, String> {
        let mut all = BTreeMap::from([
            ("PATH".to_owned(), "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin".to_owned()),
            ("LC_ALL".to_owned(), "C.UTF-8".to_owned()),
            ("HOME".to_owned(), text(&self.root().join("home"))),
            // Guests of tests are not for the host's systemd.
            ("DBUS_SYSTEM_BUS_ADDRESS".to_owned(), format!("unix:path={}", self.bus().display())),
        ]);
        if self.builder.session {
            for (key, folder) in [
                ("XDG_RUNTIME_DIR", "runtime"),
                ("XDG_CONFIG_HOME", "config"),
                ("XDG_CACHE_HOME", "home/.cache"),
            ] {
                all.insert(key.to_owned(), text(&self.root().join(folder)));
            }
        } else {
            all.insert("OXIVIRT_ROOT".to_owned(), text(self.root()));
        }
        all
    }
}

impl Drop for Instance {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("log of the daemon:\n{}", self.log());
        }
        // The keeper, dropped next, kills the daemon and its guests before the folder goes.
    }
}

/// Removes the control groups of guests that were killed with their daemon.
struct Groups(PathBuf);

impl Drop for Groups {
    fn drop(&mut self) {
        for group in control_groups(&self.0) {
            let inner = std::fs::read_dir(&group).into_iter().flatten().filter_map(Result::ok);
            for inner in inner.filter(|entry| entry.path().is_dir()) {
                let _ = std::fs::remove_dir(inner.path());
            }
            // Another hierarchy's may still be busy; a group without processes does no harm.
            let _ = std::fs::remove_dir(&group);
        }
    }
}

/// Groups of guests' machines named after a private daemon's folder (`host::paths`: `private_name`).
fn control_groups(root: &Path) -> Vec<PathBuf> {
    let hash = text(root)
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    let prefix = format!("qemu-embed-{hash:08x}-");
    let mounts = std::fs::read_dir("/sys/fs/cgroup").into_iter().flatten().filter_map(Result::ok);
    let machines = mounts.map(|mount| mount.path().join("machine"));
    let machines = machines.chain([PathBuf::from("/sys/fs/cgroup/machine")]);
    let entries =
        machines.flat_map(|dir| std::fs::read_dir(dir).into_iter().flatten().filter_map(Result::ok));
    let ours = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(&prefix));
    ours.map(|entry| entry.path()).collect()
}

/// Lines of `qemu.conf` for ports that no daemon of another test gives out: each test is a process of its own.
fn display_ports() -> String {
    let first = 5900 + std::process::id() % 800 * 32;
    format!("remote_display_port_min = {first}\nremote_display_port_max = {}\n", first + 31)
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}
