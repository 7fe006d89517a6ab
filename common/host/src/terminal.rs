//! Locks of terminals as UUCP and its kin keep them (FHS 3.0, 5.9): `/var/lock/LCK..NAME` holds the number of the
//! process that uses the terminal, ten characters wide. Programs beside the daemon (minicom, cu, another daemon) keep
//! their hands off a terminal that is locked.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use crate::{Error, Result, store};

/// Longest content of a lock that is read; longer is no process number.
const LONGEST: u64 = 64;

/// A terminal locked for this process, until dropped.
#[derive(Debug)]
pub struct TerminalLock {
    path: PathBuf,
}

impl TerminalLock {
    /// Lock a terminal by a file in `dir`. A lock whose process has ended is taken over, one of a living process is
    /// [`Error::Locked`]; so a process must not lock a terminal twice.
    pub fn take(dir: &Path, terminal: &Path) -> Result<TerminalLock> {
        let path = dir.join(lock_name(terminal));
        let own = std::process::id();
        // Written aside and linked: nobody sees a lock without a number, and of two only one succeeds.
        let written = dir.join(format!(".oxivirt-{own}-{}.new", lock_name(terminal)));
        store::unlink(&written)?;
        // The directory is everybody's: what somebody put at this place is not written through.
        let mut file = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&written)
            .map_err(Error::file("create", &written))?;
        file.write_all(format!("{own:10}\n").as_bytes()).map_err(Error::file("write", &written))?;
        let linked = link(&written, &path);
        store::unlink(&written)?;
        linked.map(|()| TerminalLock { path })
    }
}

impl Drop for TerminalLock {
    fn drop(&mut self) {
        // One that stays names a process that will have ended: the next one takes it over.
        let _ = store::unlink(&self.path);
    }
}

fn link(written: &Path, path: &Path) -> Result<()> {
    let put = || fs::hard_link(written, path);
    match put() {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
        result => return result.map_err(Error::file("lock", path)),
    }
    if let Some(holder) = holder(path) {
        return Err(Error::Locked { path: path.to_path_buf(), holder: Some(holder) });
    }
    store::unlink(path)?;
    put().map_err(|error| match error.kind() {
        io::ErrorKind::AlreadyExists => Error::Locked { path: path.to_path_buf(), holder: holder(path) },
        _ => Error::file("lock", path)(error),
    })
}

/// The living process that a lock names.
fn holder(path: &Path) -> Option<i32> {
    let text = store::read(path, LONGEST).ok()?;
    let pid: i32 = str::from_utf8(&text).ok()?.trim().parse().ok()?;
    let process = rustix::process::Pid::from_raw(Some(pid).filter(|pid| *pid > 0)?)?;
    let signal = rustix::process::test_kill_process(process);
    // One of another user's may not be signalled, but lives.
    (signal != Err(rustix::io::Errno::SRCH)).then_some(pid)
}

/// `LCK..` and the path below `/dev`, its slashes replaced: "LCK.._pts_3".
fn lock_name(terminal: &Path) -> String {
    let name = terminal.to_string_lossy();
    let name = name.strip_prefix("/dev").unwrap_or(&name);
    format!("LCK..{}", name.replace('/', "_"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TERMINAL: &str = "/dev/pts/7";

    #[test]
    fn a_lock_names_its_process_and_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let lock = TerminalLock::take(dir.path(), Path::new(TERMINAL)).unwrap();
        let path = dir.path().join("LCK.._pts_7");
        assert_eq!(fs::read_to_string(&path).unwrap(), format!("{:10}\n", std::process::id()));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1, "only the lock is left");
        drop(lock);
        assert!(!path.exists());
    }

    #[test]
    fn the_lock_of_a_living_process_is_respected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LCK.._pts_7");
        fs::write(&path, " 1\n").unwrap();
        let error = TerminalLock::take(dir.path(), Path::new(TERMINAL)).unwrap_err();
        assert!(matches!(error, Error::Locked { holder: Some(1), .. }), "{error}");
        assert_eq!(fs::read_to_string(&path).unwrap(), " 1\n");
    }

    #[test]
    fn what_names_no_living_process_is_taken_over() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("LCK.._pts_7");
        for text in ["", "junk", "-1", "0", "2147483647", &"9".repeat(500)] {
            fs::write(&path, text).unwrap();
            drop(TerminalLock::take(dir.path(), Path::new(TERMINAL)).unwrap());
            assert!(!path.exists(), "{text}");
        }
    }
}
