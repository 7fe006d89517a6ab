//! Runs commands as processes.

use std::io;
use std::path::Path;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::pipe;

use super::{BoxFuture, Cmd, Output, Runner, Tool};
use crate::process::{Child, Plan, Stdio, spawn};
use crate::{Error, Result};

/// The runner of a real daemon. Programs see this environment and nothing of the daemon's.
#[derive(Debug, Clone, Copy, Default)]
pub struct System;

const ENVIRONMENT: [(&str, &str); 2] =
    [("LC_ALL", "C"), ("PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")];

impl Runner for System {
    fn run(&self, cmd: Cmd) -> BoxFuture<'_, Result<Output>> {
        Box::pin(run(cmd, Tool::path))
    }
}

async fn run(cmd: Cmd, locate: fn(Tool) -> Result<&'static Path>) -> Result<Output> {
    let tool = cmd.tool;
    // Starting may wait for the disk that holds the program.
    let started =
        tokio::task::spawn_blocking(move || start(&cmd, locate(tool)?).map(|started| (started, cmd)));
    let (started, cmd) =
        started.await.map_err(|error| Error::system("start a program")(io::Error::other(error)))??;
    let limit = cmd.limit;
    let late = |_| Error::Deadline { what: format!("'{}'", tool.name()), limit };
    tokio::time::timeout(limit, communicate(started, cmd)).await.map_err(late)?
}

/// A running program and our ends of its pipes.
struct Started {
    process: Killed,
    stdin: Option<io::PipeWriter>,
    stdout: io::PipeReader,
    stderr: io::PipeReader,
}

fn start(cmd: &Cmd, program: &Path) -> Result<Started> {
    let mut plan = Plan::new(program);
    plan.args = cmd.args.clone();
    plan.env = ENVIRONMENT.iter().map(|(name, value)| (name.into(), value.into())).collect();
    let pipe = || io::pipe().map_err(Error::system("make a pipe"));
    let mut stdin = None;
    if cmd.stdin.is_some() {
        let (read, write) = pipe()?;
        plan.stdin = Stdio::Fd(read.into());
        stdin = Some(write);
    }
    let (stdout, write) = pipe()?;
    plan.stdout = Stdio::Fd(write.into());
    let (stderr, write) = pipe()?;
    plan.stderr = Stdio::Fd(write.into());
    let child = spawn(plan)?;
    Ok(Started { process: Killed { child, group: true }, stdin, stdout, stderr })
}

/// Feeds and drains the program until it has ended and closed its outputs.
async fn communicate(started: Started, cmd: Cmd) -> Result<Output> {
    let Started { mut process, stdin, stdout, stderr } = started;
    let failed = |error| Error::system("read the output of a program")(error);
    let stdout = pipe::Receiver::from_owned_fd(stdout.into()).map_err(failed)?;
    let stderr = pipe::Receiver::from_owned_fd(stderr.into()).map_err(failed)?;
    let feed = feed(stdin, cmd.stdin.unwrap_or_default());
    let (stdout, stderr, ()) = tokio::try_join!(
        drain(stdout, cmd.tool, cmd.max_output),
        drain(stderr, cmd.tool, cmd.max_output),
        feed
    )?;
    let exit = process.child.pidfd.wait().await?;
    process.group = false;
    Ok(Output { exit, stdout, stderr: String::from_utf8_lossy(&stderr).into_owned() })
}

/// Writes the program's input; that it reads only part of it is its own affair.
async fn feed(stdin: Option<io::PipeWriter>, bytes: Vec<u8>) -> Result<()> {
    let Some(stdin) = stdin else { return Ok(()) };
    let failed = |error| Error::system("write the input of a program")(error);
    let mut stdin = pipe::Sender::from_owned_fd(stdin.into()).map_err(failed)?;
    match stdin.write_all(&bytes).await {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(failed(error)),
        _ => Ok(()),
    }
}

async fn drain(mut from: impl AsyncRead + Unpin, tool: Tool, limit: usize) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let most = limit as u64 + 1;
    let mut from = (&mut from).take(most);
    from.read_to_end(&mut bytes).await.map_err(Error::system("read the output of a program"))?;
    if bytes.len() > limit { Err(Error::ToolOutput { tool: tool.name(), limit }) } else { Ok(bytes) }
}

/// Kills the program and its process group when dropped before its end: on a deadline, on too much output, and
/// when nobody waits for the result any more.
struct Killed {
    child: Child,
    group: bool,
}

impl Drop for Killed {
    fn drop(&mut self) {
        // The group is the program's own session. The program was not collected, so its number is not reused.
        if self.group
            && let Some(pid) = rustix::process::Pid::from_raw(self.child.pid)
        {
            // An error means that all of it has ended.
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::process::Exit;
    use std::time::{Duration, Instant};

    // qemu-img is the one program of the list that reads, writes, waits and fails as asked, and that every
    // machine which builds this project has.
    fn qemu_img<const N: usize>(args: [&str; N]) -> Cmd {
        Cmd::new(Tool::QemuImg, args)
    }

    #[tokio::test]
    async fn output_and_status_come_back() {
        let output = System.run(qemu_img(["--version"])).await.unwrap();
        assert!(output.success(Tool::QemuImg).unwrap().starts_with(b"qemu-img version"));
        let output = System.run(qemu_img(["info", "/nonexistent"])).await.unwrap();
        assert_eq!(output.exit, Exit::Code(1));
        let error = output.success(Tool::QemuImg).unwrap_err().to_string();
        assert!(
            error.starts_with("'qemu-img' exited with status 1: ") && error.contains("/nonexistent"),
            "{error}"
        );
    }

    #[tokio::test]
    async fn a_program_that_does_not_end_is_killed_in_time() {
        let dir = tempfile::tempdir().unwrap();
        let fifo = dir.path().join("fifo");
        nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::S_IRWXU).unwrap();
        let before = Instant::now();
        let cmd = qemu_img(["info", "-f", "raw", fifo.to_str().unwrap()]).limit(Duration::from_millis(200));
        let error = System.run(cmd).await.unwrap_err();
        assert_eq!(error.to_string(), "'qemu-img' did not end within 0.2 seconds");
        assert!(before.elapsed() < Duration::from_secs(5));
    }

    #[tokio::test]
    async fn too_much_output_is_refused() {
        let mut cmd = qemu_img(["--help"]);
        cmd.max_output = 100;
        assert!(matches!(System.run(cmd).await, Err(Error::ToolOutput { limit: 100, .. })));
    }

    #[tokio::test]
    async fn input_larger_than_a_pipe_comes_back_whole() {
        let bytes: Vec<u8> = (0..512 * 1024).map(|at| (at % 251) as u8).collect();
        let none: [&str; 0] = [];
        let cmd = Cmd::new(Tool::QemuImg, none).stdin(bytes.clone());
        let output = run(cmd.clone(), |_| Ok(Path::new("/bin/cat"))).await.unwrap();
        assert!(output.stdout == bytes);
        // A program that does not read it ends well all the same.
        assert!(run(cmd, |_| Ok(Path::new("/bin/true"))).await.unwrap().exit.success());
    }

    #[tokio::test]
    async fn environment_is_ours_alone() {
        let none: [&str; 0] = [];
        let output = run(Cmd::new(Tool::QemuImg, none), |_| Ok(Path::new("/usr/bin/env"))).await.unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        assert_eq!(text.lines().next().unwrap(), "LC_ALL=C");
        assert_eq!(text.lines().count(), ENVIRONMENT.len());
    }

    #[tokio::test]
    async fn what_the_program_left_running_is_killed_too() {
        let dir = tempfile::tempdir().unwrap();
        let note = dir.path().join("pid");
        let script = format!("sleep 1000 & echo $! > '{}'", note.display());
        let cmd = Cmd::new(Tool::QemuImg, ["-c", &script]).limit(Duration::from_millis(300));
        let error = run(cmd, |_| Ok(Path::new("/bin/sh"))).await.unwrap_err();
        assert!(matches!(error, Error::Deadline { .. }), "{error}");
        let pid: i32 = std::fs::read_to_string(note).unwrap().trim().parse().unwrap();
        if let Ok(left) = crate::process::PidFd::open(pid) {
            left.wait().await.unwrap();
        }
    }
}
