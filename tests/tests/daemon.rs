//! The daemon around the driver, seen by real clients: sessions, who is let in, idle exit, reload.

use protocol::remote::{ConnectGetLibVersionRet, rows};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::process::Command;
use tests::wire::Wire;
use tests::{Instance, LIMIT, guest};

/// A daemon that a client has started: found by its PID file, ended with the test.
struct Started {
    pid: Pid,
    process: OwnedFd,
}

impl Started {
    fn of(instance: &Instance) -> Self {
        let pid = holder(instance);
        Self { pid, process: pidfd_open(pid, PidfdFlags::empty()).unwrap() }
    }

    fn stop(&self) {
        kill_process(self.pid, Signal::TERM).unwrap();
        let mut handle = [rustix::event::PollFd::new(&self.process, rustix::event::PollFlags::IN)];
        let limit = rustix::event::Timespec::try_from(LIMIT).unwrap();
        assert_eq!(rustix::event::poll(&mut handle, Some(&limit)).unwrap(), 1, "the daemon does not end");
    }
}

impl Drop for Started {
    fn drop(&mut self) {
        let _ = rustix::process::pidfd_send_signal(&self.process, Signal::KILL);
    }
}

/// The process that the PID file names.
fn holder(instance: &Instance) -> Pid {
    let text = std::fs::read_to_string(instance.run_dir().join("virtqemud.pid")).unwrap();
    Pid::from_raw(text.parse().unwrap()).unwrap()
}

fn virsh(instance: &Instance, uri: &str, arguments: &[&str]) -> tests::Output {
    tests::run(instance.client("virsh").args(["-q", "-c", uri]).args(arguments), "", LIMIT)
}

#[test]
fn a_client_of_the_session_starts_the_daemon() {
    let instance = Instance::builder().session().prepare();
    let uri = instance.session_uri();
    assert_eq!(virsh(&instance, &uri, &["uri"]).ok().trim(), uri);
    let started = Started::of(&instance);
    let line = std::fs::read(format!("/proc/{}/cmdline", started.pid.as_raw_nonzero())).unwrap();
    assert!(line.ends_with(b"virtqemud\0--timeout=120\0"), "{}", String::from_utf8_lossy(&line));
    let socket = std::fs::metadata(instance.socket()).unwrap();
    assert_eq!(socket.permissions().mode() & 0o777, 0o700);
    assert_eq!(std::fs::metadata(instance.run_dir()).unwrap().permissions().mode() & 0o777, 0o700);
    assert!(!instance.socket_ro().exists());
    if rustix::process::geteuid().is_root() {
        assert_eq!(socket.uid(), 65534);
    }
    // The next client finds it.
    assert_eq!(virsh(&instance, &uri, &["list", "--all", "--name"]).ok().trim(), "");
    assert_eq!(holder(&instance), started.pid);
    started.stop();
    assert!(!instance.socket().exists());
}

#[test]
fn of_clients_that_come_at_once_all_are_served_by_one_daemon() {
    let instance = Instance::builder().session().prepare();
    let uri = instance.session_uri();
    let clients: Vec<_> = (0..5)
        .map(|_| {
            let mut command = instance.client("virsh");
            command.args(["-q", "-c", &uri, "uri"]);
            std::thread::spawn(move || tests::run(&mut command, "", LIMIT).ok())
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().unwrap().trim(), uri);
    }
    let started = Started::of(&instance);
    // The others have ended, or do now that they find the place taken; the one that serves goes on.
    assert_eq!(virsh(&instance, &uri, &["uri"]).ok().trim(), uri);
    assert_eq!(holder(&instance), started.pid);
    started.stop();
}

#[test]
fn a_session_runs_guests_of_its_user() {
    let instance = Instance::builder().session().start();
    let files = guest::files();
    instance.define(&guest::nano_xml("s1", "qemu", &files)).ok();
    instance.virsh(&["start", "s1"]).ok();
    assert_eq!(instance.virsh(&["domstate", "s1"]).ok().trim(), "running");
    let guests = instance.guests();
    assert_eq!(guests.len(), 1);
    if rustix::process::geteuid().is_root() {
        assert_eq!(std::fs::metadata(format!("/proc/{}", guests[0])).unwrap().uid(), 65534);
    }
    assert!(instance.root().join("config/libvirt/qemu/s1.xml").exists());
    instance.virsh(&["destroy", "s1"]).ok();
    instance.wait_idle();
}

#[test]
fn strangers_are_not_let_in_without_polkit() {
    let instance = Instance::builder().conf("auth_unix_ro = \"none\"\n").start();
    if !instance.is_system() {
        return tests::not_run("strangers_are_not_let_in_without_polkit", "needs root");
    }
    let stranger = |uri: &str, arguments: &[&str]| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "virsh", "-q", "-c", uri]);
        tests::run(command.args(arguments), "", LIMIT)
    };
    let refusal = stranger(&instance.uri(), &["list"]).fails();
    assert!(refusal.contains("polkit cannot be asked"), "{refusal}");
    let read_only = format!("qemu+unix:///system?socket={}", instance.socket_ro().display());
    assert_eq!(stranger(&read_only, &["-r", "list", "--all", "--name"]).ok().trim(), "");
}

#[test]
fn sockets_belong_to_the_configured_group() {
    let instance = Instance::builder()
        .conf("unix_sock_group = \"nogroup\"\nunix_sock_rw_perms = \"0770\"\nauth_unix_rw = \"none\"\n")
        .start();
    if !instance.is_system() {
        return tests::not_run("sockets_belong_to_the_configured_group", "needs root");
    }
    let socket = std::fs::metadata(instance.socket()).unwrap();
    assert_eq!((socket.gid(), socket.permissions().mode() & 0o777), (65534, 0o770));
    let member = |group: &str| {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", group, "--clear-groups", "virsh", "-q", "-c", &instance.uri(), "uri"]);
        tests::run(&mut command, "", LIMIT)
    };
    assert_eq!(member("--regid=65534").ok().trim(), instance.uri());
    assert!(member("--regid=1").fails().contains("Permission denied"));
}

#[test]
fn the_daemon_ends_when_idle_but_not_under_a_guest() {
    let mut instance = Instance::builder().args(&["--timeout", "1"]).start();
    let files = guest::files();
    instance.define(&guest::nano_xml("i1", "qemu", &files)).ok();
    instance.virsh(&["start", "i1"]).ok();
    // Longer than the time of idleness: only the guest can keep the daemon.
    instance.python("time.sleep(2.5)").ok();
    assert!(instance.is_running(), "{}", instance.log());
    assert_eq!(instance.virsh(&["domstate", "i1"]).ok().trim(), "running");
    instance.virsh(&["destroy", "i1"]).ok();
    assert_eq!(instance.ended(), 0);
    assert!(!instance.socket().exists());
    // With definitions alone it may end as well, and comes back with them.
    instance.start_again();
    assert_eq!(instance.virsh(&["list", "--all", "--name"]).ok().trim(), "i1");
    assert_eq!(instance.ended(), 0);
}

#[test]
fn a_clean_end_leaves_guests_running() {
    let mut instance = Instance::start();
    let files = guest::files();
    instance.define(&guest::nano_xml("g1", "qemu", &files)).ok();
    instance.virsh(&["start", "g1"]).ok();
    let guests = instance.guests();
    assert_eq!(instance.stop(), 0);
    assert!(!instance.socket().exists());
    assert_eq!(instance.guests(), guests);
    instance.start_again();
    assert_eq!(instance.virsh(&["domstate", "g1"]).ok().trim(), "running");
    instance.virsh(&["destroy", "g1"]).ok();
}

#[test]
fn reload_changes_the_log_and_keeps_clients() {
    let mut instance = Instance::builder().conf("log_level = 3\n").start();
    assert!(!instance.log().contains(" info : daemon"), "{}", instance.log());
    std::fs::write(instance.etc_dir().join("virtqemud.conf"), "log_level = 1\n").unwrap();
    instance.hangup();
    let mut client = Wire::open(
        &instance.socket(),
        if instance.is_system() { "qemu:///system" } else { "qemu:///session?mode=direct" },
    )
    .unwrap();
    std::fs::write(instance.etc_dir().join("virtqemud.conf"), "log_level = = 1\n").unwrap();
    instance.hangup();
    assert!(instance.log().contains("virtqemud.conf:1: a value is expected"), "{}", instance.log());
    // What is below the first level is there since the first reload, though the second one failed.
    assert!(instance.log().contains(" info : daemon.reload"), "{}", instance.log());
    let _: ConnectGetLibVersionRet = client.call(&rows::connect_get_lib_version, &()).unwrap();
}

#[test]
fn a_client_over_the_limit_waits_until_another_leaves() {
    let instance = Instance::builder().conf("max_clients = 3\nmax_anonymous_clients = 3\n").start();
    let out = instance.python(
        "import threading\n\
         first = [libvirt.open(uri) for _ in range(3)]\n\
         late = []\n\
         t = threading.Thread(target=lambda: late.append(libvirt.open(uri)))\n\
         t.start()\n\
         t.join(1)\n\
         print(t.is_alive(), all(c.isAlive() for c in first))\n\
         first[0].close()\n\
         t.join(30)\n\
         print(t.is_alive(), len(late[0].listAllDomains()))\n",
    );
    assert_eq!(out.ok(), "True True\nFalse 0\n");
}
