//! Figures for operators, read with curl and by rude readers.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::wire::Wire;
use tests::{Instance, LIMIT, Output, guest};

/// A daemon that serves its figures on a unix socket.
struct Measured {
    instance: Instance,
    socket: PathBuf,
    /// Holds the socket.
    _folder: tempfile::TempDir,
}

impl Measured {
    fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let socket = folder.path().join("metrics.sock");
        let conf = format!("metrics_listen = \"unix:{}\"\n", socket.display());
        Self { instance: Instance::builder().conf(&conf).start(), socket, _folder: folder }
    }

    fn curl(&self, arguments: &[&str]) -> Output {
        let mut command = Command::new("curl");
        command.args(["-sS", "--max-time", "30", "--unix-socket"]).arg(&self.socket);
        tests::run(command.args(arguments), "", LIMIT)
    }

    /// All figures by their names with labels.
    fn figures(&self) -> BTreeMap<String, f64> {
        let text = self.curl(&["http://localhost/metrics"]).ok();
        assert!(text.ends_with("# EOF\n"), "{text}");
        let lines = text.lines().filter(|line| !line.starts_with('#'));
        lines
            .map(|line| {
                let (name, value) = line.rsplit_once(' ').unwrap();
                (name.to_owned(), value.parse().unwrap())
            })
            .collect()
    }

    fn figure(&self, name: &str) -> f64 {
        let all = self.figures();
        all.get(name).copied().unwrap_or_else(|| panic!("no {name} in {all:#?}"))
    }
}

#[test]
fn calls_clients_and_guests_are_counted() {
    let daemon = Measured::start();
    let mode = std::fs::metadata(&daemon.socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o660);
    let headers = daemon.curl(&["-I", "http://localhost/metrics"]).ok();
    assert!(headers.starts_with("HTTP/1.1 200 OK"), "{headers}");
    assert!(headers.contains("application/openmetrics-text; version=1.0.0; charset=utf-8"), "{headers}");
    let of = |name: &str, procedure: &str| {
        format!("oxivirt_{name}{{program=\"remote\",procedure=\"{procedure}\"}}")
    };
    assert!(!daemon.figures().contains_key(&of("calls_total", "domain_lookup_by_name")));
    let files = guest::files();
    daemon.instance.define(&guest::nano_xml("counted", "qemu", &files)).ok();
    daemon.instance.define(&guest::nano_xml("other", "qemu", &files)).ok();
    daemon.instance.virsh(&["start", "counted"]).ok();
    daemon.instance.virsh(&["domid", "missing"]).fails();
    let figures = daemon.figures();
    assert_eq!(figures[&of("calls_total", "domain_create")], 1.0);
    assert_eq!(figures[&of("call_errors_total", "domain_create")], 0.0);
    let (looked, failed) = ("domain_lookup_by_name", "domain_lookup_by_name");
    assert_eq!(figures[&of("calls_total", looked)], 2.0);
    assert_eq!(figures[&of("call_errors_total", failed)], 1.0);
    assert_eq!(figures[&of("call_duration_seconds_count", "domain_create")], 1.0);
    assert!(figures[&of("call_duration_seconds_sum", "domain_create")] > 0.001);
    let last =
        "oxivirt_call_duration_seconds_bucket{le=\"+Inf\",program=\"remote\",procedure=\"domain_create\"}";
    assert_eq!(figures[last], 1.0);
    assert_eq!(figures["oxivirt_domains{state=\"running\"}"], 1.0);
    assert_eq!(figures["oxivirt_domains{state=\"shutoff\"}"], 1.0);
    assert_eq!(figures["oxivirt_jobs{job=\"modify\"}"], 0.0);
    assert_eq!(figures["oxivirt_jobs_queued{driver=\"qemu\"}"], 0.0);
    let main = |name: &str| format!("oxivirt_{name}{{server=\"virtqemud\"}}");
    assert_eq!((figures[&main("clients")], figures[&main("clients_limit")]), (0.0, 5000.0));
    assert_eq!((figures[&main("workers")], figures[&main("workers_free")]), (20.0, 20.0));
    assert_eq!((figures[&main("calls_queued")], figures[&main("calls_running")]), (0.0, 0.0));
    let client = Wire::open(&daemon.instance.socket(), "qemu:///system");
    assert_eq!(daemon.figure(&main("clients")), 1.0);
    drop(client);
    daemon.instance.virsh(&["destroy", "counted"]).ok();
    assert_eq!(daemon.figure("oxivirt_domains{state=\"shutoff\"}"), 2.0);
    // What the administrator does is counted as well.
    let admin = daemon.instance.run_dir().join("virtqemud-admin-sock");
    let uri = format!("virtqemud:///system?socket={}", admin.display());
    let mut command = daemon.instance.client("virt-admin");
    tests::run(command.args(["-c", &uri, "server-list"]), "", LIMIT).ok();
    let listed = "oxivirt_calls_total{program=\"admin\",procedure=\"connect_list_servers\"}";
    assert_eq!(daemon.figure(listed), 1.0);
}

#[test]
fn a_parser_of_others_reads_the_text() {
    let daemon = Measured::start();
    daemon.instance.virsh(&["list"]).ok();
    let text = daemon.curl(&["http://localhost/metrics"]).ok();
    let script = "import sys\ntry:\n from prometheus_client.openmetrics.parser import text_string_to_metric_families as p\n\
                  except ImportError:\n print('missing'); sys.exit(0)\n\
                  names = {f.name for f in p(sys.stdin.read())}\n\
                  print('calls' if 'oxivirt_calls' in names and 'oxivirt_domains' in names else names)";
    let read = tests::run(Command::new("/usr/bin/python3").args(["-c", script]), &text, LIMIT).ok();
    if read.trim() == "missing" {
        let why = "the Debian package python3-prometheus-client is missing";
        return tests::not_run("a_parser_of_others_reads_the_text", why);
    }
    assert_eq!(read.trim(), "calls");
}

#[test]
fn without_the_option_nothing_is_served() {
    let instance = Instance::start();
    let sockets = std::fs::read_dir(format!("/proc/{}/fd", instance.pid())).unwrap();
    let tcp = std::fs::read_to_string(format!("/proc/{}/net/tcp", instance.pid())).unwrap();
    let own: Vec<String> = sockets
        .filter_map(|entry| std::fs::read_link(entry.unwrap().path()).ok())
        .filter_map(|link| Some(link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    for line in tcp.lines().skip(1) {
        let inode = line.split_whitespace().nth(9).unwrap_or_default();
        assert!(!own.iter().any(|socket| socket == inode), "the daemon listens on TCP: {line}");
    }
}

#[test]
fn the_loopback_serves_and_other_addresses_are_refused() {
    // A port that is free now.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conf = format!("metrics_listen = \"127.0.0.1:{port}\"\n");
    let mut instance = Instance::builder().conf(&conf).start();
    let url = format!("http://127.0.0.1:{port}/metrics");
    let text = tests::run(Command::new("curl").args(["-sS", "--max-time", "30", &url]), "", LIMIT).ok();
    assert!(text.contains("oxivirt_daemon_info{name=\"virtqemud\",version="), "{text}");
    assert_eq!(instance.stop(), 0);
    assert!(TcpStream::connect(("127.0.0.1", port)).is_err());
    for (wrong, why) in [
        ("0.0.0.0:9177", "is no loopback address, and metrics are not for the network"),
        ("[::]:9177", "is no loopback address, and metrics are not for the network"),
        ("unix:relative", "needs an absolute path"),
        ("nonsense", "is neither unix:PATH nor an address with a port"),
    ] {
        let mut instance = Instance::builder().conf(&format!("\nmetrics_listen = \"{wrong}\"\n")).prepare();
        instance.spawn();
        assert_eq!(instance.ended(), 1);
        let log = instance.log();
        assert!(log.contains("virtqemud.conf:2: metrics_listen: ") && log.contains(why), "{log}");
    }
}

#[test]
fn the_socket_goes_with_the_daemon_and_a_crash_leaves_one_that_is_replaced() {
    let mut daemon = Measured::start();
    daemon.instance.kill();
    assert!(daemon.socket.exists());
    daemon.instance.start_again();
    assert_eq!(daemon.figure("oxivirt_messages_refused_total"), 0.0);
    assert_eq!(daemon.instance.stop(), 0);
    assert!(!daemon.socket.exists());
}

/// What the daemon answers to these bytes, until it closes.
fn exchange(socket: &Path, request: &[u8]) -> String {
    let mut stream = UnixStream::connect(socket).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    // It may have refused before all was written.
    let _ = stream.write_all(request);
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer);
    String::from_utf8_lossy(&answer).into_owned()
}

#[test]
fn rude_readers_are_refused_and_hold_nobody_up() {
    let daemon = Measured::start();
    let status = |request: &[u8]| exchange(&daemon.socket, request).lines().next().unwrap_or("").to_owned();
    assert_eq!(status(b"GET / HTTP/1.1\r\n\r\n"), "HTTP/1.1 404 Not Found");
    assert_eq!(status(b"DELETE /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 405 Method Not Allowed");
    assert_eq!(status(b"\x16\x03\x01\x02\x00\r\n\r\n"), "HTTP/1.1 400 Bad Request");
    assert_eq!(status(b"GET /metrics HTTP/1.1\r\n\r\n"), "HTTP/1.1 200 OK");
    // A head that never ends is cut off; some of it may be unread, so the answer may be lost with the connection.
    let endless = status(&vec![b'x'; 1 << 20]);
    assert!(endless.is_empty() || endless.starts_with("HTTP/1.1 431 "), "{endless}");
    // Slow readers take all places, and lose them after a while.
    let slow: Vec<UnixStream> = (0..8)
        .map(|_| {
            let mut stream = UnixStream::connect(&daemon.socket).unwrap();
            stream.write_all(b"GET /met").unwrap();
            stream
        })
        .collect();
    assert_eq!(daemon.figure("oxivirt_messages_refused_total"), 0.0);
    for mut stream in slow {
        stream.set_read_timeout(Some(LIMIT)).unwrap();
        let mut rest = Vec::new();
        let _ = stream.read_to_end(&mut rest);
        assert!(rest.is_empty(), "{rest:?}");
    }
    // Clients were served all the time.
    daemon.instance.virsh(&["list"]).ok();
}
