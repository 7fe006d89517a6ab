//! The frame as a process: the example daemon `fake`, started as users and service managers start daemons.
#![allow(clippy::unwrap_used, reason = "a helper of a test fails the test")]

#[path = "daemon/network.rs"]
mod network;

use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixDatagram, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

/// No daemon here needs longer for anything.
const LIMIT: Duration = Duration::from_secs(20);

fn program() -> PathBuf {
    // Cargo builds examples before it runs the tests of their package, next to the folder of the test itself.
    let this = std::env::current_exe().unwrap();
    this.ancestors().nth(2).unwrap().join("examples/fake")
}

/// A private place for one daemon.
struct Place {
    root: tempfile::TempDir,
    notices: UnixDatagram,
}

impl Place {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let notices = UnixDatagram::bind(root.path().join("notify")).unwrap();
        notices.set_read_timeout(Some(LIMIT)).unwrap();
        Self { root, notices }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(program());
        command
            .args(arguments)
            .env_clear()
            .env("OXIVIRT_ROOT", self.root.path())
            .env("NOTIFY_SOCKET", self.root.path().join("notify"))
            .current_dir(self.root.path())
            .stdin(Stdio::null())
            .stderr(std::fs::File::options().create(true).append(true).open(self.log_path()).unwrap());
        command
    }

    /// Starts a daemon and waits until it serves.
    fn start(&self, arguments: &[&str]) -> Daemon {
        self.start_with(self.command(arguments))
    }

    fn start_with(&self, mut command: Command) -> Daemon {
        let child = command.spawn().unwrap();
        assert_eq!(self.notice(), "READY=1\n");
        Daemon { child }
    }

    fn notice(&self) -> String {
        let mut buffer = [0; 200];
        let length = self.notices.recv(&mut buffer).unwrap();
        String::from_utf8(buffer[..length].to_vec()).unwrap()
    }

    fn write(&self, name: &str, text: &str) -> String {
        let path = self.root.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, text).unwrap();
        path.to_str().unwrap().to_owned()
    }

    fn run(&self) -> PathBuf {
        self.root.path().join("run/libvirt")
    }

    fn socket(&self) -> PathBuf {
        self.run().join("virtfaked-sock")
    }

    fn pid_file(&self) -> PathBuf {
        let system = rustix::process::geteuid().is_root();
        if system { self.root.path().join("run/virtfaked.pid") } else { self.run().join("virtfaked.pid") }
    }

    fn log_path(&self) -> PathBuf {
        self.root.path().join("stderr")
    }

    fn log(&self) -> String {
        std::fs::read_to_string(self.log_path()).unwrap()
    }

    /// Runs a daemon that is expected not to serve, and returns its status.
    fn refused(&self, arguments: &[&str]) -> i32 {
        let mut child = self.command(arguments).spawn().unwrap();
        child.wait().unwrap().code().unwrap()
    }
}

struct Daemon {
    child: Child,
}

impl Daemon {
    fn signal(&self, signal: rustix::process::Signal) {
        rustix::process::kill_process(rustix::process::Pid::from_child(&self.child), signal).unwrap();
    }

    fn wait(mut self) -> ExitStatus {
        self.child.wait().unwrap()
    }

    fn stop(self) -> ExitStatus {
        self.signal(rustix::process::Signal::TERM);
        self.wait()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // Only of use when a test has failed: else the process is gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn mode(path: &Path) -> u32 {
    std::fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[test]
fn serves_until_it_is_told_to_end() {
    use rustix::process::Signal;
    for signal in [Signal::TERM, Signal::INT, Signal::QUIT] {
        let place = Place::new();
        let daemon = place.start(&["-v"]);
        UnixStream::connect(place.socket()).unwrap();
        assert_eq!(std::fs::read_to_string(place.pid_file()).unwrap(), daemon.child.id().to_string());
        daemon.signal(signal);
        assert_eq!(daemon.wait().code(), Some(0));
        assert_eq!(place.notice(), "STOPPING=1\n");
        assert!(!place.socket().exists());
        assert!(!place.pid_file().exists());
        assert!(place.log().contains("the fake is gone"), "{}", place.log());
    }
}

#[test]
fn sockets_have_the_modes_of_the_reference() {
    let place = Place::new();
    let daemon = place.start(&[]);
    if rustix::process::geteuid().is_root() {
        assert_eq!(mode(&place.socket()), 0o777);
        assert_eq!(mode(&place.run().join("virtfaked-sock-ro")), 0o777);
        assert_eq!(mode(&place.run()), 0o755);
    } else {
        assert_eq!(mode(&place.socket()), 0o700);
        assert!(!place.run().join("virtfaked-sock-ro").exists());
        assert_eq!(mode(&place.run()), 0o700);
    }
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn a_second_daemon_does_not_start() {
    let place = Place::new();
    let daemon = place.start(&[]);
    assert_eq!(place.refused(&[]), 1);
    let pid_file = place.pid_file();
    let expected = format!("PID file '{}': process {} holds it", pid_file.display(), daemon.child.id());
    assert!(place.log().contains(&expected), "{}", place.log());
    // Another PID file does not help: the driver's folders are taken as well.
    assert_eq!(place.refused(&["-p", "other.pid"]), 1);
    assert!(place.log().contains("driver.pid"), "{}", place.log());
    UnixStream::connect(place.socket()).unwrap();
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn of_two_started_at_once_one_serves_and_the_other_ends_cleanly() {
    let place = Place::new();
    let mut both = [place.command(&[]).spawn().unwrap(), place.command(&[]).spawn().unwrap()];
    assert_eq!(place.notice(), "READY=1\n");
    let served: u32 = std::fs::read_to_string(place.pid_file()).unwrap().parse().unwrap();
    let loser = both.iter_mut().find(|child| child.id() != served).unwrap();
    assert_eq!(loser.wait().unwrap().code(), Some(1));
    let winner = both.into_iter().find(|child| child.id() == served).unwrap();
    UnixStream::connect(place.socket()).unwrap();
    assert_eq!(Daemon { child: winner }.stop().code(), Some(0));
}

/// AUTH_LIST, in the form of the protocol: 28 bytes that ask which authentication is wanted.
const AUTH_LIST: &[u32] = &[28, 0x2000_8086, 1, 66, 0, 1, 0];
/// CONNECT_OPEN of the admin program, with flags.
const ADMIN_OPEN: &[u32] = &[32, 0x0690_0690, 1, 1, 0, 1, 0, 0];

#[test]
fn sockets_handed_over_are_served_and_left_in_place() {
    for (unit, request) in [("ro", AUTH_LIST), ("admin", ADMIN_OPEN)] {
        let place = Place::new();
        let main = place.root.path().join("given");
        let other = place.root.path().join("other");
        let listeners = [&main, &other].map(|path| std::os::unix::net::UnixListener::bind(path).unwrap());
        let [first, second] = listeners.map(std::os::fd::OwnedFd::from);
        // The shell puts the sockets where systemd puts them, in the other order than usual: names decide.
        let script = format!(
            "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=virtfaked-{unit}.socket:virtfaked.socket \
             exec \"$0\" 4<&0 3<&1 </dev/null >/dev/null"
        );
        let command = place.command(&[]);
        let variables: Vec<_> =
            command.get_envs().map(|(key, value)| (key.to_owned(), value.unwrap().to_owned())).collect();
        let mut shell = Command::new("/bin/sh");
        shell.args(["-c", &script]).arg(program()).env_clear().envs(variables).stdin(first).stdout(second);
        shell.stderr(std::fs::File::options().append(true).open(place.log_path()).unwrap());
        let daemon = place.start_with(shell);
        for (path, request) in [(&main, AUTH_LIST), (&other, request)] {
            let mut client = UnixStream::connect(path).unwrap();
            client.set_read_timeout(Some(LIMIT)).unwrap();
            let request: Vec<u8> = request.iter().flat_map(|word| word.to_be_bytes()).collect();
            std::io::Write::write_all(&mut client, &request).unwrap();
            let mut answer = [0; 28];
            std::io::Read::read_exact(&mut client, &mut answer).unwrap();
            assert_eq!(
                (&answer[4..8], &answer[24..]),
                (&request[4..8], &[0; 4][..]),
                "{unit}: no good reply"
            );
        }
        assert!(!place.socket().exists());
        assert_eq!(daemon.stop().code(), Some(0));
        assert!(main.exists() && other.exists());
        assert!(!place.log().contains("handed over"), "{}", place.log());
    }
}

#[test]
fn what_a_killed_daemon_leaves_does_not_hinder_the_next() {
    let place = Place::new();
    let daemon = place.start(&[]);
    daemon.signal(rustix::process::Signal::KILL);
    assert_eq!(daemon.wait().code(), None);
    assert!(place.socket().exists() && place.pid_file().exists());
    let next = place.start(&[]);
    UnixStream::connect(place.socket()).unwrap();
    assert_eq!(next.stop().code(), Some(0));
}

#[test]
fn wrong_arguments_and_configuration_end_with_status_1() {
    let place = Place::new();
    for (arguments, part) in [
        (&["--bogus"][..], "--bogus"),
        (&["extra"], "extra"),
        (&["-t", "abc"], "abc"),
        (&["-f", "missing.conf"], "missing.conf"),
    ] {
        assert_eq!(place.refused(arguments), 1, "{arguments:?}");
        assert!(place.log().contains(part), "{}", place.log());
    }
    for (text, part) in [
        ("a = \n", "x.conf:1: a value is expected"),
        ("\nmax_clients = \"x\"\n", "x.conf:2: max_clients: a number is expected"),
        ("log_filters = \"x:y\"\n", "log filter 'x:y'"),
        ("log_outputs = \"9:zzz\"\n", "log output '9:zzz'"),
        ("log_level = 9\n", "log_level is 9"),
    ] {
        let path = place.write("x.conf", text);
        assert_eq!(place.refused(&["-f", &path]), 1, "{text}");
        assert!(place.log().contains(part), "{part} in {}", place.log());
    }
}

#[test]
fn other_failures_have_their_own_status() {
    let place = Place::new();
    let path = place.write("x.conf", "unix_sock_group = \"no-such-group-here\"\n");
    assert_eq!(place.refused(&["-f", &path]), 6);
    assert!(place.log().contains("no-such-group-here"), "{}", place.log());
    let path = place.write("x.conf", "unix_sock_dir = \"/nonexistent/folder\"\n");
    assert_eq!(place.refused(&["-f", &path]), 6);
    let mut failing = place.command(&[]);
    let status = failing.env("FAKE_START", "fail").spawn().unwrap().wait().unwrap();
    assert_eq!(status.code(), Some(10));
    assert!(place.log().contains("the driver failed to start: asked to fail"), "{}", place.log());
    assert!(!place.socket().exists() && !place.pid_file().exists());
}

#[test]
fn the_usual_configuration_file_is_read() {
    let place = Place::new();
    let folder = if rustix::process::geteuid().is_root() { "etc" } else { "config" };
    let log = place.root.path().join("own.log");
    place.write(
        &format!("{folder}/libvirt/virtfaked.conf"),
        &format!("log_outputs = \"2:file:{}\"\nlog_level = 2\nbogus = 1\n", log.display()),
    );
    let daemon = place.start(&[]);
    assert_eq!(daemon.stop().code(), Some(0));
    let text = std::fs::read_to_string(log).unwrap();
    assert!(text.contains("virtfaked.conf:3: the option 'bogus' is not known"), "{text}");
    assert!(text.contains(" info : daemon.frame:"), "{text}");
}

#[test]
fn sighup_reads_the_configuration_again() {
    let place = Place::new();
    let path = place.write("x.conf", "max_clients = 100\n");
    let daemon = place.start(&["-v", "-f", &path]);
    place.write("x.conf", "max_clients = 200\n");
    daemon.signal(rustix::process::Signal::HUP);
    assert!(place.notice().starts_with("RELOADING=1\nMONOTONIC_USEC="));
    assert_eq!(place.notice(), "READY=1\n");
    assert!(place.log().contains("reloaded with 200 clients"), "{}", place.log());
    place.write("x.conf", "max_clients = \n");
    daemon.signal(rustix::process::Signal::HUP);
    assert!(place.notice().starts_with("RELOADING=1"));
    assert_eq!(place.notice(), "READY=1\n");
    assert!(place.log().contains("the configuration stays as it was"), "{}", place.log());
    assert_eq!(daemon.stop().code(), Some(0));
}

#[test]
fn ends_when_idle_but_not_while_busy() {
    let place = Place::new();
    let idle = place.start(&["--timeout=1"]);
    assert_eq!(idle.wait().code(), Some(0));
    assert_eq!(place.notice(), "STOPPING=1\n");

    let mut command = place.command(&["-t", "1"]);
    command.env("FAKE_BUSY", "1");
    let busy = place.start_with(command);
    place.notices.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    assert!(place.notices.recv(&mut [0; 10]).is_err(), "the busy daemon ended");
    assert_eq!(busy.stop().code(), Some(0));
}

#[test]
fn a_client_keeps_an_idle_daemon() {
    let place = Place::new();
    let daemon = place.start(&["-t", "1"]);
    let client = UnixStream::connect(place.socket()).unwrap();
    place.notices.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    assert!(place.notices.recv(&mut [0; 10]).is_err(), "the daemon ended under its client");
    drop(client);
    assert_eq!(daemon.wait().code(), Some(0));
}

#[test]
fn in_the_background_the_parent_tells_how_the_start_went() {
    let place = Place::new();
    let status = place.command(&["-d", "-p", "my.pid", "-t", "60"]).spawn().unwrap().wait().unwrap();
    assert_eq!(status.code(), Some(0));
    assert_eq!(place.notice(), "READY=1\n");
    UnixStream::connect(place.socket()).unwrap();
    let second = place.command(&["-d"]).spawn().unwrap().wait().unwrap();
    assert_eq!(second.code(), Some(1));
    assert!(place.log().contains("driver.pid"), "{}", place.log());

    let pid: i32 = std::fs::read_to_string(place.root.path().join("my.pid")).unwrap().parse().unwrap();
    let pid = rustix::process::Pid::from_raw(pid).unwrap();
    let cwd = std::fs::read_link(format!("/proc/{}/cwd", pid.as_raw_nonzero())).unwrap();
    assert_eq!(cwd, Path::new("/"));
    rustix::process::kill_process(pid, rustix::process::Signal::TERM).unwrap();
    assert_eq!(place.notice(), "STOPPING=1\n");
    let log = place.root.path().join(if rustix::process::geteuid().is_root() { "var/log" } else { "cache" });
    assert_eq!(mode(&log.join("libvirt/virtfaked.log")), 0o600);
}

#[test]
fn help_and_version_go_to_standard_output() {
    for (argument, part) in [("--help", "--pid-file <FILE>"), ("-V", "virtfaked (Oxivirt) 0.0.1")] {
        let output = assert_cmd::Command::new(program()).arg(argument).assert().success();
        let text = String::from_utf8_lossy(&output.get_output().stdout).into_owned();
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn the_environment_directs_the_log() {
    let place = Place::new();
    let mut command = place.command(&[]);
    command.env("LIBVIRT_DEBUG", "1").env("LIBVIRT_LOG_OUTPUTS", "1:stderr").stderr(Stdio::piped());
    let mut daemon = place.start_with(command);
    let first = BufReader::new(daemon.child.stderr.take().unwrap()).lines().next().unwrap().unwrap();
    assert!(
        first.ends_with(&format!("+0000: {}: info : virtfaked of Oxivirt 0.1.0", daemon.child.id())),
        "{first}"
    );
    assert_eq!(daemon.stop().code(), Some(0));
    let mut wrong = place.command(&[]);
    assert_eq!(wrong.env("LIBVIRT_DEBUG", "foo").spawn().unwrap().wait().unwrap().code(), Some(1));
}
