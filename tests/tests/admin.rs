//! The admin socket, driven by the unmodified virt-admin, and by the wire where virt-admin sends no such call.

use protocol::admin::{self, rows};
use protocol::remote;
use protocol::{ErrorCode, ErrorDomain, Fault};
use std::collections::BTreeMap;
use std::os::fd::AsFd;
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;
use tests::wire::Wire;
use tests::{Instance, LIMIT, Output, guest};

/// An instance and its administrator.
struct Administered {
    instance: Instance,
}

impl Administered {
    fn new(instance: Instance) -> Self {
        Self { instance }
    }

    fn start() -> Self {
        Self::new(Instance::start())
    }

    fn socket(&self) -> PathBuf {
        self.instance.run_dir().join("virtqemud-admin-sock")
    }

    fn uri(&self) -> String {
        let path = if self.instance.is_system() { "system" } else { "session" };
        format!("virtqemud:///{path}?socket={}", self.socket().display())
    }

    /// Runs virt-admin.
    fn run(&self, arguments: &[&str]) -> Output {
        let mut command = self.instance.client("virt-admin");
        tests::run(command.args(["-q", "-c", &self.uri()]).args(arguments), "", LIMIT)
    }

    /// The one line that virt-admin answers.
    fn text(&self, arguments: &[&str]) -> String {
        self.run(arguments).ok().trim().to_owned()
    }

    /// The `name : value` lines that virt-admin answers.
    fn values(&self, arguments: &[&str]) -> BTreeMap<String, String> {
        let answer = self.run(arguments).ok();
        let pairs = answer.lines().filter_map(|line| line.split_once(':'));
        pairs.map(|(name, value)| (name.trim().to_owned(), value.trim().to_owned())).collect()
    }

    fn number(&self, arguments: &[&str], name: &str) -> u64 {
        self.values(arguments)[name].parse().unwrap()
    }

    /// The ids and transports of a server's clients.
    fn clients(&self, server: &str) -> Vec<(u64, String)> {
        let answer = self.run(&["client-list", server]).ok();
        let rows = answer.lines().filter_map(|line| {
            let mut words = line.split_whitespace();
            Some((words.next()?.parse().ok()?, words.next()?.to_owned()))
        });
        rows.collect()
    }

    /// A client of the main socket that has opened its connection.
    fn client(&self) -> Wire {
        let path = if self.instance.is_system() { "qemu:///system" } else { "qemu:///session" };
        Wire::open(&self.instance.socket(), path).unwrap()
    }

    /// A client of the admin socket.
    fn wire(&self) -> Wire {
        let mut wire = Wire::connect(&self.socket()).unwrap();
        wire.call::<()>(&rows::connect_open, &admin::ConnectOpenArgs { flags: 0 }).unwrap();
        wire
    }
}

/// Whether something comes within a moment.
fn answers_soon(wire: &Wire) -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let mut event = [PollFd::new(&wire, PollFlags::IN)];
    poll(&mut event, Some(&Timespec { tv_sec: 0, tv_nsec: 300_000_000 })).unwrap() > 0
}

fn server() -> admin::NonnullServer {
    admin::NonnullServer { name: "virtqemud".to_owned() }
}

#[test]
fn servers_and_versions() {
    let daemon = Administered::start();
    let mode = std::fs::metadata(daemon.socket()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    assert_eq!(daemon.run(&["uri"]).ok().trim(), daemon.uri());
    let versions = daemon.run(&["version"]).ok();
    assert!(versions.contains("Running against daemon: 9.0.0"), "{versions}");
    let list = daemon.run(&["server-list"]).ok();
    let names: Vec<_> = list.lines().filter_map(|line| line.split_whitespace().nth(1)).collect();
    assert_eq!(names, ["admin", "virtqemud"], "{list}");
    let error = daemon.run(&["client-list", "nobody"]).fails();
    assert!(error.contains("Server not found: No server named 'nobody'"), "{error}");
    let error = daemon.run(&["server-update-tls", "virtqemud"]).fails();
    assert!(error.contains("no tls service found, unable to update tls files"), "{error}");
}

#[test]
fn a_session_has_an_admin_socket_too() {
    let daemon = Administered::new(Instance::builder().session().start());
    let clients = daemon.clients("admin");
    assert_eq!(clients.len(), 1);
    let id = clients[0].0;
    // That client has gone, and the next one has another number.
    let error = daemon.run(&["client-info", "admin", &id.to_string()]).fails();
    assert!(error.contains(&format!("No client with matching ID '{id}'")), "{error}");
    assert_eq!(daemon.number(&["server-clients-info", "admin"], "nclients_unauth_max"), 0);
}

#[test]
fn workers_are_shown_and_set() {
    let daemon = Administered::new(Instance::builder().conf("min_workers = 2\nprio_workers = 3\n").start());
    let info = ["server-threadpool-info", "virtqemud"];
    let shown = |name: &str| daemon.number(&info, name);
    assert_eq!((shown("minWorkers"), shown("maxWorkers"), shown("prioWorkers")), (2, 20, 3));
    assert_eq!((shown("nWorkers"), shown("freeWorkers"), shown("jobQueueDepth")), (20, 20, 0));
    // The one that asks has a worker of the admin server.
    let own = daemon.values(&["server-threadpool-info", "admin"]);
    assert_eq!((own["maxWorkers"].as_str(), own["freeWorkers"].as_str()), ("20", "19"));
    let set = ["server-threadpool-set", "virtqemud"];
    let change = |options: &[&str]| daemon.run(&[&set[..], options].concat());
    change(&["--min-workers", "3", "--max-workers", "30", "--priority-workers", "2"]).ok();
    assert_eq!((shown("minWorkers"), shown("maxWorkers"), shown("nWorkers")), (3, 30, 30));
    assert_eq!(shown("prioWorkers"), 2);
    for wrong in [&["--min-workers", "60"], &["--max-workers", "1"], &["--max-workers", "0"]] {
        let error = change(wrong).fails();
        assert!(error.contains("minWorkers cannot be larger than maxWorkers"), "{error}");
    }
    change(&["--min-workers", "0"]).ok();
    let error = change(&["--max-workers", "0"]).fails();
    assert!(error.contains("maxWorkers must not be switched from zero to non-zero"), "{error}");
    assert_eq!((shown("minWorkers"), shown("maxWorkers")), (0, 30));
}

#[test]
fn calls_wait_for_workers_and_the_figures_tell() {
    let daemon = Administered::start();
    let files = guest::files();
    daemon.instance.define(&guest::nano_xml("busy", "qemu", &files)).ok();
    daemon.instance.virsh(&["start", "busy"]).ok();
    let guest = daemon.instance.guests()[0];
    daemon.run(&["server-threadpool-set", "virtqemud", "--min-workers", "1", "--max-workers", "1"]).ok();
    let shown = |name: &str| daemon.number(&["server-threadpool-info", "virtqemud"], name);
    assert_eq!((shown("nWorkers"), shown("freeWorkers"), shown("jobQueueDepth")), (1, 1, 0));
    tests::signal(guest, "STOP");
    let calls: Vec<_> = (0..2)
        .map(|_| {
            let mut command = daemon.instance.client("virsh");
            command.args(["-q", "-c", &daemon.instance.uri(), "qemu-monitor-command", "busy"]);
            command.arg("{\"execute\":\"query-status\"}");
            std::thread::spawn(move || tests::run(&mut command, "", LIMIT))
        })
        .collect();
    let start = std::time::Instant::now();
    while (shown("freeWorkers"), shown("jobQueueDepth")) != (0, 1) {
        assert!(start.elapsed() < LIMIT, "no call waits");
    }
    // Calls of high priority need no worker.
    assert_eq!(daemon.instance.virsh(&["domstate", "busy"]).ok().trim(), "running");
    tests::signal(guest, "CONT");
    for call in calls {
        assert!(call.join().unwrap().ok().contains("running"));
    }
    assert_eq!((shown("freeWorkers"), shown("jobQueueDepth")), (1, 0));
}

#[test]
fn clients_are_listed_described_and_disconnected() {
    let daemon = Administered::start();
    let mut client = daemon.client();
    let own = std::process::id().to_string();
    let (id, transport) = daemon.clients("virtqemud").remove(0);
    assert_eq!(transport, "unix");
    let info = daemon.values(&["client-info", "virtqemud", &id.to_string()]);
    let uid = rustix::process::geteuid().as_raw().to_string();
    assert_eq!((info["readonly"].as_str(), info["unix_user_id"].as_str()), ("no", uid.as_str()));
    assert_eq!((info["unix_process_id"].as_str(), info["transport"].as_str()), (own.as_str(), "unix"));
    if uid == "0" {
        assert_eq!((info["unix_user_name"].as_str(), info["unix_group_name"].as_str()), ("root", "root"));
    }
    assert!(info["connection_time"].starts_with("20"), "{info:?}");
    if daemon.instance.is_system() {
        let _reader = Wire::open(&daemon.instance.socket_ro(), "qemu:///system").unwrap();
        let (id, _) = daemon.clients("virtqemud").pop().unwrap();
        assert_eq!(daemon.values(&["client-info", "virtqemud", &id.to_string()])["readonly"], "yes");
    }
    daemon.run(&["client-disconnect", "virtqemud", &id.to_string()]).ok();
    let mut byte = [0];
    let read = rustix::io::read(client.as_fd(), &mut byte);
    assert!(matches!(read, Ok(0) | Err(rustix::io::Errno::CONNRESET)), "{read:?}");
    assert!(!daemon.clients("virtqemud").iter().any(|(other, _)| *other == id));
    let error = daemon.run(&["client-disconnect", "virtqemud", "4711"]).fails();
    assert!(error.contains("Client not found: No client with matching ID '4711'"), "{error}");
    // A client that keeps to the protocol comes back.
    client = daemon.client();
    client.call::<remote::ConnectGetLibVersionRet>(&remote::rows::connect_get_lib_version, &()).unwrap();
}

#[test]
fn limits_of_clients_hold() {
    let daemon = Administered::start();
    let info = ["server-clients-info", "virtqemud"];
    let shown = |name: &str| daemon.number(&info, name);
    assert_eq!((shown("nclients_max"), shown("nclients_unauth_max")), (5000, 20));
    let set = ["server-clients-set", "virtqemud"];
    let change = |options: &[&str]| daemon.run(&[&set[..], options].concat());
    for wrong in [&["--max-clients", "5"], &["--max-unauth-clients", "6000"]] {
        let error = change(wrong).fails();
        assert!(error.contains("invalid argument") && error.contains("must not be less than"), "{error}");
    }
    let first = daemon.client();
    change(&["--max-clients", "1", "--max-unauth-clients", "1"]).ok();
    assert_eq!((shown("nclients_max"), shown("nclients"), shown("nclients_unauth")), (1, 1, 0));
    let waiting = Wire::connect(&daemon.instance.socket()).unwrap();
    let list = protocol::message::Header::call((remote::PROGRAM, 1, remote::rows::auth_list.number), 1);
    let request = protocol::message::encode_message(&list, &()).unwrap();
    rustix::io::write(&waiting, &request).unwrap();
    assert!(!answers_soon(&waiting), "the second client was served beyond the limit");
    assert_eq!(shown("nclients"), 1);
    drop(first);
    let mut reply = [0; 28];
    assert_eq!(rustix::io::read(&waiting, &mut reply).unwrap(), 28);
    // A higher limit lets the next one in at once.
    let third = Wire::connect(&daemon.instance.socket()).unwrap();
    rustix::io::write(&third, &request).unwrap();
    assert!(!answers_soon(&third));
    change(&["--max-clients", "2"]).ok();
    assert_eq!(rustix::io::read(&third, &mut reply).unwrap(), 28);
    assert_eq!(shown("nclients"), 2);
}

#[test]
fn the_configuration_limits_both_servers_and_a_reload_sets_them_again() {
    let conf = "max_clients = 40\nmax_anonymous_clients = 30\nmax_workers = 7\nadmin_max_clients = 9\n\
                admin_max_workers = 8\nadmin_min_workers = 4\n";
    let daemon = Administered::new(Instance::builder().conf(conf).start());
    let clients = |server: &str, name: &str| daemon.number(&["server-clients-info", server], name);
    let workers = |server: &str, name: &str| daemon.number(&["server-threadpool-info", server], name);
    let all = || {
        let clients = [clients("virtqemud", "nclients_max"), clients("virtqemud", "nclients_unauth_max")];
        let admin = [workers("admin", "maxWorkers"), workers("admin", "minWorkers")];
        (clients, workers("virtqemud", "maxWorkers"), clients_max(&daemon), admin)
    };
    assert_eq!(all(), ([40, 30], 7, 9, [8, 4]));
    daemon.run(&["server-clients-set", "virtqemud", "--max-clients", "50"]).ok();
    daemon.run(&["server-threadpool-set", "admin", "--max-workers", "5"]).ok();
    assert_eq!(all(), ([50, 30], 7, 9, [5, 4]));
    let mut daemon = daemon;
    daemon.instance.hangup();
    assert_eq!(daemon.number(&["server-clients-info", "virtqemud"], "nclients_max"), 40);
    assert_eq!(daemon.number(&["server-threadpool-info", "admin"], "maxWorkers"), 8);
}

fn clients_max(daemon: &Administered) -> u64 {
    daemon.number(&["server-clients-info", "admin"], "nclients_max")
}

#[test]
fn filters_and_outputs_of_the_log_change_at_once() {
    let daemon = Administered::start();
    let file = daemon.instance.root().join("admin.log");
    let file = file.to_str().unwrap();
    let read = || std::fs::read_to_string(file).unwrap_or_default();
    assert_eq!(daemon.text(&["daemon-log-outputs"]), "3:stderr");
    assert_eq!(daemon.text(&["daemon-log-filters"]), "");
    let outputs = format!("1:file:{file} 4:stderr");
    daemon.run(&["daemon-log-outputs", &outputs]).ok();
    assert_eq!(daemon.text(&["daemon-log-outputs"]), outputs);
    drop(daemon.client());
    assert!(!read().contains(": debug :"), "{}", read());
    daemon.run(&["daemon-log-filters", "1:rpc 4:nothing*here"]).ok();
    assert_eq!(daemon.text(&["daemon-log-filters"]), "1:*rpc* 4:nothing*here");
    daemon.instance.virsh(&["list"]).ok();
    let seen = read();
    assert!(seen.lines().any(|line| line.contains(": debug : rpc.")), "{seen}");
    assert!(!seen.contains(": debug : qemud."), "{seen}");
    // What was read can be set, and means the same.
    daemon.run(&["daemon-log-filters", "1:*rpc* 4:nothing*here"]).ok();
    assert_eq!(daemon.text(&["daemon-log-filters"]), "1:*rpc* 4:nothing*here");
    daemon.run(&["daemon-log-filters", ""]).ok();
    let before = read().matches(": debug :").count();
    daemon.instance.virsh(&["list"]).ok();
    assert_eq!(read().matches(": debug :").count(), before);
    for (option, wrong, part) in [
        ("daemon-log-filters", "9:qemu", "9:qemu"),
        ("daemon-log-filters", "qemu", "qemu"),
        ("daemon-log-filters", "1:", "1:"),
        ("daemon-log-outputs", "1:fil:/x", "1:fil:/x"),
        ("daemon-log-outputs", "9:stderr", "9:stderr"),
    ] {
        let error = daemon.run(&[option, wrong]).fails();
        assert!(error.contains("invalid argument") && error.contains(part), "{wrong}: {error}");
    }
    let error = daemon.run(&["daemon-log-outputs", "1:file:/proc/nonexistent/x"]).fails();
    assert!(error.contains("/proc/nonexistent/x") && error.contains("No such file or directory"), "{error}");
    // What was refused has changed nothing; without a text, the usual output comes back.
    assert_eq!(daemon.text(&["daemon-log-outputs"]), outputs);
    daemon.run(&["daemon-log-outputs", ""]).ok();
    assert_eq!(daemon.text(&["daemon-log-outputs"]), "3:stderr");
}

#[test]
fn the_idle_time_can_be_set_while_the_daemon_runs() {
    let mut daemon = Administered::new(Instance::builder().args(&["--timeout", "600"]).start());
    daemon.run(&["daemon-timeout", "--timeout", "0"]).ok();
    let client = daemon.client();
    daemon.run(&["daemon-timeout", "--timeout", "1"]).ok();
    assert!(!answers_soon(&client));
    assert!(daemon.instance.is_running());
    drop(client);
    assert_eq!(daemon.instance.ended(), 0);
    assert!(!daemon.socket().exists());
}

#[test]
fn a_shutdown_ends_the_daemon_and_leaves_the_guests() {
    let mut daemon = Administered::start();
    let files = guest::files();
    daemon.instance.define(&guest::nano_xml("stays", "qemu", &files)).ok();
    daemon.instance.virsh(&["start", "stays"]).ok();
    let guests = daemon.instance.guests();
    let mut wire = daemon.wire();
    let shutdown = |flags| admin::ConnectDaemonShutdownArgs { flags };
    let fault = wire.call::<()>(&rows::connect_daemon_shutdown, &shutdown(4)).unwrap_err();
    assert_eq!((fault.code, fault.domain), (ErrorCode::INVALID_ARG, ErrorDomain::ADMIN));
    wire.call::<()>(&rows::connect_daemon_shutdown, &shutdown(0)).unwrap();
    assert_eq!(daemon.instance.ended(), 0);
    assert_eq!(daemon.instance.guests(), guests);
    daemon.instance.start_again();
    assert_eq!(daemon.instance.virsh(&["domstate", "stays"]).ok().trim(), "running");
    daemon.instance.virsh(&["destroy", "stays"]).ok();
}

#[test]
fn what_virt_admin_never_sends_is_refused_as_by_the_reference() {
    let daemon = Administered::start();
    let mut wire = daemon.wire();
    let mut set = |params: Vec<admin::TypedParam>, flags| -> Fault {
        let args = admin::ServerSetThreadpoolParametersArgs { srv: server(), params: params.into(), flags };
        wire.call::<()>(&rows::server_set_threadpool_parameters, &args).unwrap_err()
    };
    let seen = |fault: Fault| (fault.code, fault.domain);
    let unsupported = (ErrorCode::ARGUMENT_UNSUPPORTED, ErrorDomain::NONE);
    let invalid = (ErrorCode::INVALID_ARG, ErrorDomain::NONE);
    assert_eq!(seen(set(vec![admin::TypedParam::new("nWorkers", 1_u32)], 0)), unsupported);
    assert_eq!(seen(set(vec![admin::TypedParam::new("minWorkers", 1_i32)], 0)), invalid);
    let twice = vec![admin::TypedParam::new("minWorkers", 1_u32); 2];
    assert_eq!(seen(set(twice, 0)), invalid);
    let flagged = (ErrorCode::INVALID_ARG, ErrorDomain::ADMIN);
    assert_eq!(seen(set(Vec::new(), 1)), flagged);
    let args = admin::ServerSetClientLimitsArgs {
        srv: server(),
        params: vec![admin::TypedParam::new("nclients", 1_u32)].into(),
        flags: 0,
    };
    let fault = wire.call::<()>(&rows::server_set_client_limits, &args).unwrap_err();
    assert_eq!(seen(fault), unsupported);
    let args = admin::ConnectListServersArgs { need_results: 0, flags: 0 };
    let counted: admin::ConnectListServersRet = wire.call(&rows::connect_list_servers, &args).unwrap();
    assert_eq!((counted.ret, counted.servers.len()), (2, 0));
    // Each socket has its own programs.
    let open = remote::ConnectOpenArgs { name: None, flags: 0 };
    let fault = wire.call::<()>(&remote::rows::connect_open, &open).unwrap_err();
    assert_eq!(fault.message, "Cannot find program 536903814 version 1");
    let fault = daemon.client().call::<()>(&rows::connect_close, &()).unwrap_err();
    assert_eq!(fault.message, "Cannot find program 110102160 version 1");
}

#[test]
fn strangers_are_not_let_in_whatever_the_mode_is() {
    let daemon = Administered::start();
    if !daemon.instance.is_system() {
        return tests::not_run("strangers_are_not_let_in_whatever_the_mode_is", "needs root");
    }
    let stranger = || {
        let mut command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "virt-admin"]);
        tests::run(command.args(["-c", &daemon.uri(), "server-list"]), "", LIMIT)
    };
    assert!(stranger().fails().contains("Permission denied"));
    std::fs::set_permissions(daemon.socket(), std::fs::Permissions::from_mode(0o777)).unwrap();
    // virt-admin 9.0 sometimes crashes when its connection ends so soon.
    let refused = stranger();
    assert!(refused.code != 0 && !refused.stdout.contains("virtqemud"), "{refused:?}");
    assert!(!refused.stderr.contains("Permission denied"), "{refused:?}");
    assert!(daemon.instance.log().contains("neither root nor the daemon's own user uid=Some(65534)"));
    daemon.run(&["server-list"]).ok();
}
