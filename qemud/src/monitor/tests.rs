//! The client against a server that stalls, closes, reorders, splits lines and talks garbage; and against QEMU.

use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::fake::{Fake, GREETING, is_timeout};
use super::*;

const SOON: Duration = Duration::from_millis(50);

#[tokio::test]
async fn answers_may_come_out_of_order() {
    let (mut fake, monitor, _events) = Fake::connected().await;
    let (first, second, ()) = tokio::join!(
        monitor.execute("first", Value::Null),
        monitor.execute("second", json!({"a": 1})),
        async {
            let first = fake.hear().await.unwrap();
            let second = fake.hear().await.unwrap();
            assert_eq!((&first["execute"], first.get("arguments")), (&json!("first"), None));
            assert_eq!(second["arguments"], json!({"a": 1}));
            fake.answer(&second, json!(2)).await;
            fake.say(r#"{"return": "to nobody", "id": "libvirt-999"}"#).await;
            fake.answer(&first, json!(1)).await;
        }
    );
    assert_eq!((first.unwrap(), second.unwrap()), (json!(1), json!(2)));
    assert_eq!(monitor.busy_for(), None);
}

#[tokio::test]
async fn a_refusal_concerns_its_own_call_only() {
    let (fake, monitor, _events) = Fake::connected().await;
    let server = tokio::spawn(fake.serve_failing(2));
    monitor.stop().await.unwrap();
    let error = monitor.device_del("net0").await.unwrap_err();
    assert_eq!(error.to_string(), "unable to execute QEMU command 'device_del': told to fail");
    monitor.cont().await.unwrap();
    drop(monitor);
    server.await.unwrap();
}

#[tokio::test]
async fn lines_may_be_split_anywhere() {
    let (mut fake, monitor, mut events) = Fake::connected().await;
    let (status, ()) = tokio::join!(monitor.query_status(), async {
        let command = fake.hear().await.unwrap();
        let text = format!(
            "{}\r\n{}\r\n",
            r#"{"timestamp": {"seconds": 1, "microseconds": 2}, "event": "RESUME"}"#,
            json!({"return": {"status": "running", "singlestep": false, "running": true, "new": []}, "id": command["id"]})
        );
        for byte in text.as_bytes() {
            fake.bytes(&[*byte]).await.unwrap();
            tokio::task::yield_now().await;
        }
    });
    assert_eq!(status.unwrap(), RunState { running: true, status: "running".to_owned() });
    assert_eq!(events.next().await.unwrap().kind, EventKind::Resume);
}

#[tokio::test]
async fn a_stalled_server_costs_only_its_callers() {
    let (mut fake, monitor, _events) = Fake::connected().await;
    let late = monitor.within(SOON).query_status().await;
    assert!(is_timeout(&late), "{late:?}");
    assert!(monitor.stalled_for().unwrap() >= SOON);
    let forgotten = fake.hear().await.unwrap();
    // An answer that comes too late is dropped and ends the stall; the next call has its own answer.
    fake.answer(&forgotten, json!({"status": "paused", "running": false})).await;
    let (answer, ()) = tokio::join!(monitor.execute("next", Value::Null), async {
        let command = fake.hear().await.unwrap();
        fake.answer(&command, json!("mine")).await;
    });
    assert_eq!(answer.unwrap(), json!("mine"));
    assert_eq!((monitor.stalled_for(), monitor.busy_for()), (None, None));
}

#[tokio::test]
async fn a_server_that_reads_nothing_costs_bounded_memory() {
    let (_fake, monitor, _events) = Fake::connected().await;
    let hasty = monitor.within(SOON);
    let big = "x".repeat(1 << 20);
    for _ in 0..3 {
        assert!(is_timeout(&hasty.human(&big).await));
    }
    let many = (0..200).map(|_| {
        let hasty = hasty.clone();
        tokio::spawn(async move { hasty.query_status().await })
    });
    for call in many.collect::<Vec<_>>() {
        assert!(is_timeout(&call.await.unwrap()));
    }
}

#[tokio::test]
async fn the_end_of_the_connection_reaches_everybody() {
    let (mut fake, monitor, mut events) = Fake::connected().await;
    let (answer, ()) = tokio::join!(monitor.query_status(), async {
        fake.hear().await.unwrap();
        fake.say(r#"{"event": "SHUTDOWN", "data": {"guest": true, "reason": "guest-shutdown"}}"#).await;
        drop(fake);
    });
    assert!(matches!(answer, Err(MonitorError::Closed)), "{answer:?}");
    monitor.closed().await;
    assert!(monitor.is_closed());
    assert!(matches!(monitor.stop().await, Err(MonitorError::Closed)));
    assert!(matches!(events.next().await.unwrap().kind, EventKind::Shutdown { guest: true, .. }));
    assert!(events.next().await.is_none());
}

#[tokio::test]
async fn garbage_ends_the_connection_with_its_reason() {
    for garbage in
        ["qemu-system-x86_64: warning", "[1]", "{\"return\": ", r#"{"error": {"desc": "JSON parse error"}}"#]
    {
        let (mut fake, monitor, _events) = Fake::connected().await;
        let (answer, ()) = tokio::join!(monitor.query_status(), async {
            fake.hear().await.unwrap();
            fake.say(garbage).await;
            assert!(fake.hear().await.is_none());
        });
        assert!(matches!(answer, Err(MonitorError::Protocol(_))), "{garbage}: {answer:?}");
    }
}

#[tokio::test]
async fn a_line_without_end_is_refused() {
    let (mut fake, monitor, _events) = Fake::connected().await;
    let writer = tokio::spawn(async move {
        let block = vec![b'['; 1 << 20];
        let mut written = 0;
        while fake.bytes(&block).await.is_ok() {
            written += block.len();
        }
        written
    });
    monitor.closed().await;
    let written = writer.await.unwrap();
    assert!((64 << 20..=66 << 20).contains(&written), "{written}");
    assert!(matches!(monitor.stop().await, Err(MonitorError::Protocol(_))));
}

#[tokio::test]
async fn a_huge_honest_reply_is_read() {
    let (mut fake, monitor, _events) = Fake::connected().await;
    let text = "y".repeat(8 << 20);
    let (answer, ()) = tokio::join!(monitor.human("info all"), async {
        let command = fake.hear().await.unwrap();
        fake.answer(&command, json!(text)).await;
    });
    assert_eq!(answer.unwrap().len(), 8 << 20);
}

#[tokio::test]
async fn events_keep_their_order_and_none_is_lost() {
    const COUNT: usize = 3 * EVENT_QUEUE;
    let (mut fake, _monitor, mut events) = Fake::connected().await;
    let writer = tokio::spawn(async move {
        for number in 0..COUNT {
            fake.say(&json!({"event": "NUMBER", "data": number}).to_string()).await;
        }
        fake
    });
    for number in 0..COUNT {
        assert_eq!(events.next().await.unwrap().data, json!(number));
    }
    writer.await.unwrap();
}

#[tokio::test]
async fn without_a_reader_of_events_calls_go_on() {
    let (mut fake, monitor, events) = Fake::connected().await;
    drop(events);
    let (answer, ()) = tokio::join!(monitor.stop(), async {
        let command = fake.hear().await.unwrap();
        for _ in 0..10_000 {
            fake.say(r#"{"event": "STOP"}"#).await;
        }
        fake.answer(&command, json!({})).await;
    });
    answer.unwrap();
}

#[tokio::test]
async fn a_server_that_does_not_greet_is_given_up() {
    let (fake, theirs) = Fake::silent();
    assert!(is_timeout(&Monitor::attach(theirs, SOON).await));
    drop(fake);
    let (fake, theirs) = Fake::silent();
    drop(fake);
    assert!(matches!(Monitor::attach(theirs, SOON).await, Err(MonitorError::Closed)));
    let missing = Monitor::connect(Path::new("/nonexistent/socket"), SOON).await;
    assert!(matches!(missing, Err(MonitorError::Connect(_))));
}

#[tokio::test]
async fn negotiation_counts_against_the_deadline() {
    let (mut fake, theirs) = Fake::silent();
    let begin = Instant::now();
    let (result, ()) = tokio::join!(Monitor::attach(theirs, SOON), async {
        fake.say(GREETING).await;
        fake.hear().await.unwrap();
    });
    assert!(is_timeout(&result));
    assert!(begin.elapsed() < Duration::from_secs(5));
}

#[tokio::test]
async fn passed_through_commands_keep_their_form() {
    let (mut fake, monitor, _events) = Fake::connected().await;
    let (reply, ()) = tokio::join!(
        monitor.raw(r#"{"execute": "query-x", "arguments": {"z": 1, "a": 2}}"#, Vec::new()),
        async {
            let command = fake.hear().await.unwrap();
            let keys: Vec<_> = command["arguments"].as_object().unwrap().keys().cloned().collect();
            assert_eq!(keys, ["z", "a"]);
            fake.say(&format!(
                r#"{{"error": {{"class": "X", "desc": "a b", "n": 1.50}}, "id": {}}}"#,
                command["id"]
            ))
            .await;
        }
    );
    assert_eq!(reply.unwrap(), r#"{"error":{"class":"X","desc":"a b","n":1.50},"id":"libvirt-2"}"#);
    for text in ["", "query-status", "[]", r#"{"execute": "a", "id": 1}"#] {
        assert!(matches!(monitor.raw(text, Vec::new()).await, Err(MonitorError::Invalid(_))), "{text}");
    }
}

struct Qemu {
    child: tokio::process::Child,
    socket: std::os::unix::net::UnixStream,
}

/// A real QEMU with a machine of type none; its monitor is on its standard input.
fn qemu() -> Option<Qemu> {
    const BINARY: &str = "/usr/bin/qemu-system-x86_64";
    if !Path::new(BINARY).exists() {
        eprintln!("NOT RUN: {BINARY} is not installed");
        return None;
    }
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let child = tokio::process::Command::new(BINARY)
        .args(["-machine", "none", "-nodefaults", "-display", "none", "-no-user-config", "-S"])
        .args(["-chardev", "socket,id=mon,fd=0", "-mon", "chardev=mon,mode=control"])
        .stdin(Stdio::from(OwnedFd::from(theirs)))
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    Some(Qemu { child, socket: ours })
}

#[tokio::test]
async fn a_real_qemu_talks_to_us() {
    let Some(Qemu { mut child, socket }) = qemu() else { return };
    let (monitor, mut events) = Monitor::attach(socket, Duration::from_secs(20)).await.unwrap();
    let (status, version, kvm, chardevs, cpus) = tokio::join!(
        monitor.query_status(),
        monitor.query_version(),
        monitor.query_kvm(),
        monitor.query_chardev(),
        monitor.query_cpus(),
    );
    assert_eq!(status.unwrap(), RunState { running: false, status: "prelaunch".to_owned() });
    assert!(version.unwrap() >= (4, 2, 0));
    assert!(!kvm.unwrap().enabled);
    assert_eq!(chardevs.unwrap()[0].label, "mon");
    assert_eq!(cpus.unwrap(), []);
    assert!(monitor.execute("nonsense", Value::Null).await.unwrap_err().is_unknown_command());
    assert!(monitor.device_del("nothing").await.unwrap_err().is_unknown_device());
    assert!(monitor.human("info status").await.unwrap().starts_with("VM status: paused"));
    let reply = monitor.raw(r#"{"execute":"query-status"}"#, Vec::new()).await.unwrap();
    assert!(reply.starts_with(r#"{"return":{"#), "{reply}");

    // Two descriptors under way at the same time, each to its own command.
    let (zero, null) = (std::fs::File::open("/dev/zero").unwrap(), std::fs::File::open("/dev/null").unwrap());
    let (first, second) = tokio::join!(
        monitor.add_fd(None, Some("zero"), zero.into()),
        monitor.add_fd(None, Some("null"), null.into())
    );
    assert_ne!(first.unwrap(), second.unwrap());
    let sets = monitor.execute("query-fdsets", Value::Null).await.unwrap();
    assert_eq!(sets.as_array().unwrap().len(), 2);
    let pid = child.id().unwrap();
    for set in sets.as_array().unwrap() {
        let fd = &set["fds"][0];
        let target = std::fs::read_link(format!("/proc/{pid}/fd/{}", fd["fd"])).unwrap();
        assert!(target.ends_with(fd["opaque"].as_str().unwrap()), "{target:?} {fd}");
    }

    monitor.quit().await.unwrap();
    monitor.closed().await;
    let shutdown = events.next().await.unwrap();
    assert!(
        matches!(&shutdown.kind, EventKind::Shutdown { guest: false, reason: Some(reason) } if reason == "host-qmp-quit")
    );
    assert!(shutdown.at.seconds > 1_600_000_000);
    assert!(child.wait().await.unwrap().success());
}
