//! `-d`: running in the background, with the parent's exit status telling whether the start succeeded.
//!
//! The daemon is started anew as a child instead of forked, so nothing of a process without its threads goes on.
//! The child's standard output is a pipe to the parent: a byte on it means "serving"; its end without one means
//! that the child has failed, and the parent ends with the child's status.

use std::io::{Read, Write};
use std::process::{Command, ExitCode, Stdio};

/// Names the parent's process to the child. A variable inherited from elsewhere names another process.
const MARK: &str = "OXIVIRT_BACKGROUND";

/// Is this the child that [`launch`] started?
pub(crate) fn is_child() -> bool {
    let parent = std::env::var(MARK).ok().and_then(|text| text.parse::<u32>().ok());
    parent.is_some_and(|pid| pid == nix::unistd::getppid().as_raw().unsigned_abs())
}

/// Starts this program again in the background and waits until it serves or ends.
pub(crate) fn launch() -> std::io::Result<ExitCode> {
    let mut child = Command::new("/proc/self/exe")
        .args(std::env::args_os().skip(1))
        .env(MARK, std::process::id().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut ready = [0; 1];
    let served = child.stdout.take().map_or(Ok(0), |mut pipe| pipe.read(&mut ready))?;
    if served == 1 {
        return Ok(ExitCode::SUCCESS);
    }
    let status = child.wait()?;
    let code = status.code().and_then(|code| u8::try_from(code).ok()).unwrap_or(1);
    // A daemon that ended before it served did not start, whatever it says.
    Ok(ExitCode::from(code.max(1)))
}

/// In the child, first of all: leaves the terminal's session.
pub(crate) fn detach() -> std::io::Result<()> {
    nix::unistd::setsid()?;
    Ok(())
}

/// In the child: tells the parent that the daemon serves, and lets go of its terminal and its folder.
pub(crate) fn report_ready() -> std::io::Result<()> {
    let mut pipe = std::io::stdout();
    pipe.write_all(b"\n")?;
    pipe.flush()?;
    let null = std::fs::OpenOptions::new().read(true).write(true).open("/dev/null")?;
    nix::unistd::dup2_stdin(&null)?;
    nix::unistd::dup2_stdout(&null)?;
    nix::unistd::dup2_stderr(&null)?;
    std::env::set_current_dir("/")
}
