//! Running a client program with a time limit.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, pidfd_open};
use std::io::{Read, Write};
use std::process::{Command, ExitStatus, Stdio};
use std::thread::JoinHandle;
use std::time::Duration;

/// What a program has answered.
#[derive(Debug, Clone)]
pub struct Output {
    /// Its arguments, for messages.
    pub command: String,
    /// Its exit status; -1 if a signal ended it.
    pub code: i32,
    /// Its standard output.
    pub stdout: String,
    /// Its standard error.
    pub stderr: String,
}

impl Output {
    /// The standard output of a program that has succeeded; fails the test otherwise.
    #[track_caller]
    pub fn ok(&self) -> String {
        assert_eq!(self.code, 0, "{} failed: {}{}", self.command, self.stdout, self.stderr);
        self.stdout.clone()
    }

    /// The standard error of a program that has failed; fails the test otherwise.
    #[track_caller]
    pub fn fails(&self) -> String {
        assert!(self.code > 0, "{} did not fail: {}", self.command, self.stdout);
        self.stderr.clone()
    }
}

/// Runs a program to its end with `input` on its standard input, and kills it after `limit`.
pub fn run(command: &mut Command, input: &str, limit: Duration) -> Output {
    let text = format!("{command:?}");
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap_or_else(
            |error| {
                panic!("cannot run {text}: {error}");
            },
        );
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_owned();
    // A program that does not read its input makes this write fail, which is its business.
    let writer = std::thread::spawn(move || {
        let _ = stdin.write_all(input.as_bytes());
    });
    let stdout = collect(child.stdout.take().unwrap());
    let stderr = collect(child.stderr.take().unwrap());
    if !ends_within(Pid::from_child(&child), limit) {
        child.kill().unwrap();
        child.wait().unwrap();
        panic!("{text} took longer than {limit:?}: {}{}", stdout.join().unwrap(), stderr.join().unwrap());
    }
    let status: ExitStatus = child.wait().unwrap();
    writer.join().unwrap();
    Output {
        command: text,
        code: status.code().unwrap_or(-1),
        stdout: stdout.join().unwrap(),
        stderr: stderr.join().unwrap(),
    }
}

/// Waits until the process has ended; false if it has not after `limit`.
pub fn ends_within(pid: Pid, limit: Duration) -> bool {
    let Ok(handle) = pidfd_open(pid, PidfdFlags::empty()) else { return true };
    let mut handles = [PollFd::new(&handle, PollFlags::IN)];
    poll(&mut handles, Some(&Timespec::try_from(limit).unwrap())).unwrap() > 0
}

fn collect(mut from: impl Read + Send + 'static) -> JoinHandle<String> {
    std::thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    })
}
