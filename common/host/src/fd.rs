//! Descriptors: what systemd passed, raw numbers, readiness, opening below a directory.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{Mode, OFlags, ResolveFlags};
use tokio::io::unix::AsyncFd;

pub use tokio::io::Interest;

use crate::{Error, Result};

/// First descriptor that systemd passes (sd_listen_fds(3)).
const FIRST: RawFd = 3;
/// More than any unit has; a guard against a nonsensical variable.
const MOST: RawFd = 256;

/// The descriptors that systemd passed for socket activation with their names (`FileDescriptorName=`), each now
/// close-on-exec and ours. The first call takes them, further ones answer none; they are also none if the
/// variables are meant for another process. The variables stay, since changing the environment is not safe once
/// threads run: processes started by a [`crate::process::Plan`] do not inherit them.
pub fn activation_fds() -> Vec<(Option<String>, OwnedFd)> {
    static TAKEN: AtomicBool = AtomicBool::new(false);
    let variable = |name: &str| std::env::var(name).ok();
    let wanted = passed(
        variable("LISTEN_PID").as_deref(),
        variable("LISTEN_FDS").as_deref(),
        variable("LISTEN_FDNAMES").as_deref(),
        std::process::id(),
    );
    if TAKEN.swap(true, Ordering::Relaxed) {
        return Vec::new();
    }
    wanted.into_iter().filter_map(|(name, fd)| adopt(fd).ok().map(|fd| (name, fd))).collect()
}

/// Numbers and names that the variables announce for the process `pid`.
fn passed(
    listen_pid: Option<&str>,
    listen_fds: Option<&str>,
    names: Option<&str>,
    pid: u32,
) -> Vec<(Option<String>, RawFd)> {
    if listen_pid.and_then(|text| text.parse().ok()) != Some(pid) {
        return Vec::new();
    }
    let count = listen_fds.and_then(|text| text.parse().ok()).filter(|n| (1..=MOST).contains(n)).unwrap_or(0);
    let mut names = names.unwrap_or_default().split(':');
    // "unknown" is systemd's word for no name.
    let mut name = || names.next().filter(|name| !name.is_empty() && *name != "unknown").map(str::to_owned);
    (FIRST..FIRST + count).map(|fd| (name(), fd)).collect()
}

/// Takes over a number that another process left open for us. Private: only for numbers announced to this
/// process, once.
fn adopt(fd: RawFd) -> Result<OwnedFd> {
    let failed = Error::system("take over a passed descriptor");
    // SAFETY: F_GETFD concerns no memory; a number that is not open is answered with an error.
    if unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(failed(io::Error::last_os_error()));
    }
    // SAFETY: the number is open, was passed to this process at exec by systemd's protocol, so that no Rust value
    // owns it, and `activation_fds` adopts each number only once.
    #[expect(clippy::disallowed_methods, reason = "this crate is where raw descriptors become owned")]
    let fd = unsafe { OwnedFd::from_raw_fd(fd) };
    set_cloexec(fd.as_fd())?;
    Ok(fd)
}

/// Marks a descriptor to be closed at exec.
pub fn set_cloexec(fd: BorrowedFd<'_>) -> Result<()> {
    rustix::io::fcntl_setfd(fd, rustix::io::FdFlags::CLOEXEC)
        .map_err(|error| Error::system("mark a descriptor close-on-exec")(error.into()))
}

/// Makes reads and writes on a descriptor answer "would block" instead of waiting.
pub fn set_nonblocking(fd: BorrowedFd<'_>) -> Result<()> {
    let set =
        rustix::fs::fcntl_getfl(fd).and_then(|flags| rustix::fs::fcntl_setfl(fd, flags | OFlags::NONBLOCK));
    set.map_err(|error| Error::system("make a descriptor non-blocking")(error.into()))
}

/// Registers a descriptor with the runtime to await its readiness. Needs a tokio runtime; a regular file is
/// refused, as it is always ready.
pub fn watch(fd: OwnedFd, interest: Interest) -> io::Result<AsyncFd<OwnedFd>> {
    // SAFETY: an OwnedFd holds one open descriptor from now until the AsyncFd gives it back or drops it, and
    // answers the same number all the time.
    unsafe { AsyncFd::register_with_interest(fd, interest) }.map_err(io::Error::from)
}

/// Opens `path` below the directory `dir`: no `..` and no symbolic link leads out of it, whatever another
/// process changes meanwhile (openat2 with RESOLVE_BENEATH). `mode` is for a file created by `flags`.
pub fn open_beneath(dir: BorrowedFd<'_>, path: &Path, flags: OFlags, mode: u32) -> Result<OwnedFd> {
    let resolve = ResolveFlags::BENEATH | ResolveFlags::NO_MAGICLINKS;
    // openat2 refuses a mode where nothing is created.
    let mode = if flags.contains(OFlags::CREATE) { Mode::from_raw_mode(mode) } else { Mode::empty() };
    rustix::fs::openat2(dir, path, flags | OFlags::CLOEXEC, mode, resolve)
        .map_err(|error| Error::file("open", path)(error.into()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, File};
    use std::io::Read;

    #[test]
    fn passed_descriptors_have_their_names() {
        let named = |name: &str, fd| (Some(name.to_owned()), fd);
        assert_eq!(
            passed(Some("7"), Some("3"), Some("a.socket::unknown"), 7),
            [named("a.socket", 3), (None, 4), (None, 5)]
        );
        assert_eq!(passed(Some("7"), Some("1"), None, 7), [(None, 3)]);
    }

    #[test]
    fn variables_for_others_or_nonsense_pass_none() {
        for (pid, fds) in
            [(Some("8"), Some("1")), (None, Some("1")), (Some("7"), None), (Some("7"), Some("-1"))]
        {
            assert_eq!(passed(pid, fds, None, 7), []);
        }
        assert_eq!(passed(Some("7"), Some("999999999"), None, 7), []);
    }

    /// Runs the helper below in a process that gets a descriptor as systemd would pass it.
    #[tokio::test]
    async fn a_process_takes_over_what_was_passed() {
        use crate::process::{Plan, Stdio, spawn};
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("f"), "contents").unwrap();
        let (mut read, write) = io::pipe().unwrap();
        let mut plan = Plan::new("/bin/sh");
        // The shell's number stays that of the program it becomes.
        let script = "LISTEN_PID=$$ exec \"$0\" --exact fd::tests::helper_reads_what_was_passed --nocapture";
        plan.args = vec!["-c".into(), script.into(), std::env::current_exe().unwrap().into()];
        plan.env = vec![("LISTEN_FDS".into(), "2".into()), ("LISTEN_FDNAMES".into(), "main:other".into())];
        plan.stdout = Stdio::Fd(write.into());
        assert_eq!(plan.pass(File::open(dir.path().join("f")).unwrap().into()), 3);
        // The second number is announced and not open: it is left out.
        let child = spawn(plan).unwrap();
        assert!(child.pidfd.wait().await.unwrap().success());
        let mut text = String::new();
        read.read_to_string(&mut text).unwrap();
        assert!(text.contains("main=contents cloexec=true more=0"), "{text}");
    }

    #[test]
    fn helper_reads_what_was_passed() {
        if std::env::var_os("LISTEN_FDS").is_none() {
            return;
        }
        let mut fds = activation_fds();
        assert_eq!(fds.len(), 1);
        let (name, fd) = fds.remove(0);
        let cloexec = rustix::io::fcntl_getfd(&fd).unwrap().contains(rustix::io::FdFlags::CLOEXEC);
        let mut text = String::new();
        File::from(fd).read_to_string(&mut text).unwrap();
        let more = activation_fds().len();
        println!("{}={text} cloexec={cloexec} more={more}", name.unwrap());
    }

    #[tokio::test]
    async fn watch_awakes_when_data_comes() {
        use std::io::Write;
        let (read, mut write) = io::pipe().unwrap();
        let ready = watch(read.into(), Interest::READABLE).unwrap();
        write.write_all(b"x").unwrap();
        ready.readable().await.unwrap().retain_ready();
        let dir = tempfile::tempdir().unwrap();
        let file = File::create(dir.path().join("f")).unwrap();
        assert!(watch(file.into(), Interest::READABLE).is_err());
    }

    #[test]
    fn open_beneath_stays_below() {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("in")).unwrap();
        fs::write(dir.path().join("secret"), "").unwrap();
        std::os::unix::fs::symlink("../secret", dir.path().join("in/link")).unwrap();
        let below = File::open(dir.path().join("in")).unwrap();
        let open = |path: &str, flags| open_beneath(below.as_fd(), Path::new(path), flags, 0o600);
        for path in ["../secret", "link", "/etc/passwd", "a/../../secret"] {
            assert!(open(path, OFlags::RDONLY).is_err(), "{path}");
        }
        open("new", OFlags::WRONLY | OFlags::CREATE).unwrap();
        open("new", OFlags::RDONLY).unwrap();
    }

    #[test]
    fn nonblocking_read_does_not_wait() {
        let (mut read, _write) = io::pipe().unwrap();
        set_nonblocking(read.as_fd()).unwrap();
        assert_eq!(read.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }
}
