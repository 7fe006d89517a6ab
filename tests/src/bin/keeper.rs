//! Parent of a test's daemon and of the guests it starts: reaps them at once, and ends them with the test.
//!
//! Guests outlive their daemon and become children of whoever adopts orphans, which must reap them promptly for
//! anybody to see that they have ended; process 1 of a container often does not. So each test's instance has a keeper,
//! which adopts them. When its standard input ends, because the test did or was killed, it kills what is left.
//!
//! `--private-net`: all this in network and mount namespaces of its own. Needs root.
//!
//! Standard input: one JSON object per line, `{"program", "args", "env", "stderr", "uid"?, "gid"?}`, starts a daemon.
//! Standard output: `{"started": PID}`, and `{"ended": PID, "code": N}` or `{"ended": PID, "signal": N}` for each child.

use rustix::process::{Pid, Signal, WaitOptions, kill_process, wait};
use serde_json::{Value, json};
use std::io::{BufRead, Write};
use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::sync::{Arc, Condvar, Mutex};

/// How many children were started that the reaper may not know of.
type Started = Arc<(Mutex<u64>, Condvar)>;

fn main() {
    if std::env::args().nth(1).as_deref() == Some("--private-net") {
        leave_the_network();
    }
    nix::sys::prctl::set_child_subreaper(true).unwrap();
    let started = Started::default();
    let reaped = Arc::clone(&started);
    std::thread::spawn(move || reap(&reaped));
    for line in std::io::stdin().lock().lines() {
        let Ok(line) = line else { break };
        let pid = start(&serde_json::from_str(&line).unwrap());
        say(&json!({ "started": pid }));
        *started.0.lock().unwrap() += 1;
        started.1.notify_all();
    }
    kill_children();
}

/// Goes into network and mount namespaces of its own, before any thread is started.
fn leave_the_network() {
    use nix::mount::{MsFlags, mount};
    use nix::sched::{CloneFlags, unshare};
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
    mount(None::<&str>, "/", None::<&str>, MsFlags::MS_REC | MsFlags::MS_PRIVATE, None::<&str>).unwrap();
}

fn start(order: &Value) -> u32 {
    let text = |key: &str| order[key].as_str().unwrap();
    let number = |key: &str| order[key].as_u64().map(|id| u32::try_from(id).unwrap());
    let log = std::fs::File::options().create(true).append(true).open(text("stderr")).unwrap();
    let mut command = Command::new(text("program"));
    command.args(order["args"].as_array().unwrap().iter().map(|value| value.as_str().unwrap()));
    command.env_clear();
    for (key, value) in order["env"].as_object().unwrap() {
        command.env(key, value.as_str().unwrap());
    }
    if let (Some(uid), Some(gid)) = (number("uid"), number("gid")) {
        command.gid(gid).uid(uid);
    }
    command.current_dir("/").stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    command.spawn().unwrap().id()
}

/// Collects every child that ends, be it started here or adopted.
fn reap(started: &Started) {
    let mut seen = 0;
    loop {
        match wait(WaitOptions::empty()) {
            Ok(Some((pid, status))) => {
                let pid = pid.as_raw_nonzero().get();
                match status.exit_status() {
                    Some(code) => say(&json!({ "ended": pid, "code": code })),
                    None => say(&json!({ "ended": pid, "signal": status.terminating_signal() })),
                }
            }
            Ok(None) | Err(rustix::io::Errno::INTR) => {}
            // No child at all: wait until one is started.
            Err(_) => {
                let count = started.0.lock().unwrap();
                seen = *started.1.wait_while(count, |count| *count == seen).unwrap();
            }
        }
    }
}

/// Ends all descendants: killing one makes its children ours, so this goes on until none is left.
fn kill_children() {
    loop {
        let children = children();
        if children.is_empty() {
            return;
        }
        for pid in &children {
            // It may have ended meanwhile.
            let _ = kill_process(*pid, Signal::KILL);
        }
        for pid in children {
            if let Ok(handle) = rustix::process::pidfd_open(pid, rustix::process::PidfdFlags::empty()) {
                let mut handles = [rustix::event::PollFd::new(&handle, rustix::event::PollFlags::IN)];
                let limit = rustix::event::Timespec { tv_sec: 5, tv_nsec: 0 };
                rustix::event::poll(&mut handles, Some(&limit)).unwrap();
            }
        }
    }
}

/// The children of this process that have not ended.
fn children() -> Vec<Pid> {
    let ours = std::process::id().to_string();
    let entries = std::fs::read_dir("/proc").unwrap().filter_map(Result::ok);
    let pids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<i32>().ok());
    let alive_child = |pid: &i32| {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        // The name in parentheses may hold anything; state and parent follow it.
        let fields = stat.rsplit_once(')').map_or("", |(_, fields)| fields);
        let mut fields = fields.split_ascii_whitespace();
        fields.next().is_some_and(|state| state != "Z") && fields.next() == Some(ours.as_str())
    };
    pids.filter(alive_child).filter_map(Pid::from_raw).collect()
}

fn say(value: &Value) {
    let mut out = std::io::stdout().lock();
    // When the test is gone there is nobody to tell.
    let _ = writeln!(out, "{value}").and_then(|()| out.flush());
}
