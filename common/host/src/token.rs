//! The system token: a secret that the daemons of one user share, by which each knows a call of another.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::fcntl::{FcntlArg, fcntl};

use crate::{Error, Result};

/// Random bytes of a token; it is written as hexadecimal digits.
const BYTES: usize = 16;

/// The token. It is never shown: not in logs, not by `Debug`.
#[derive(Clone)]
pub struct SystemToken(String);

impl std::fmt::Debug for SystemToken {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SystemToken")
    }
}

impl SystemToken {
    /// Reads the token at `path` or makes it, if no daemon has done so yet. Its folder has to be there. Waits for
    /// another daemon that is making it, by the lock that libvirt's daemons take too. Blocks.
    ///
    /// # Errors
    /// The file cannot be read or written, or holds something else.
    pub fn ensure(path: &Path) -> Result<Self> {
        let failed = |action| move |source: io::Error| Error::File { action, path: path.to_owned(), source };
        let mut file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(libc::O_NOFOLLOW)
            .open(path)
            .map_err(failed("open"))?;
        lock(&file).map_err(failed("lock"))?;
        let mut found = String::new();
        (&mut file).take(1024).read_to_string(&mut found).map_err(failed("read"))?;
        if found.is_empty() {
            let made = random().map_err(failed("make"))?;
            file.write_all(made.as_bytes()).map_err(failed("write"))?;
            return Ok(Self(made));
        }
        if found.len() != 2 * BYTES || !found.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            let what = format!("a system token of {} hexadecimal digits is expected", 2 * BYTES);
            return Err(Error::Malformed { path: path.to_owned(), what });
        }
        Ok(Self(found))
    }

    /// Whether `given` is this token. Takes the same time wherever they differ.
    pub fn is(&self, given: &str) -> bool {
        let differences = self.0.bytes().zip(given.bytes()).fold(0, |all, (one, other)| all | (one ^ other));
        self.0.len() == given.len() && differences == 0
    }

    /// The token itself, to be shown to another daemon.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

/// Waits for the whole file's lock, which is this descriptor's and so also keeps other threads out. It excludes the
/// processes' locks that libvirt's daemons take (fcntl(2)).
fn lock(file: &File) -> io::Result<()> {
    let whole = libc::flock {
        l_type: libc::F_WRLCK as libc::c_short,
        l_whence: libc::SEEK_SET as libc::c_short,
        l_start: 0,
        l_len: 0,
        l_pid: 0,
    };
    loop {
        match fcntl(file, FcntlArg::F_OFD_SETLKW(&whole)) {
            Ok(_) => return Ok(()),
            Err(nix::errno::Errno::EINTR) => {}
            Err(errno) => return Err(errno.into()),
        }
    }
}

fn random() -> io::Result<String> {
    let mut bytes = [0; BYTES];
    File::open("/dev/urandom")?.read_exact(&mut bytes)?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn all_find_the_token_that_the_first_makes() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.token");
        let tokens: Vec<_> = std::thread::scope(|scope| {
            let makers: Vec<_> =
                (0..8).map(|_| scope.spawn(|| SystemToken::ensure(&path).unwrap())).collect();
            makers.into_iter().map(|maker| maker.join().unwrap()).collect()
        });
        let text = std::fs::read_to_string(&path).unwrap();
        assert_eq!(text.len(), 32);
        assert!(tokens.iter().all(|token| token.is(&text)));
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
        let token = &tokens[0];
        assert!(!token.is("") && !token.is(&text[1..]) && !token.is(&format!("{}x", &text[1..])));
        assert!(!format!("{token:?}").contains(&text));
    }

    #[test]
    fn another_file_in_its_place_is_told_of() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("system.token");
        for text in ["short", &"x".repeat(32), &"0".repeat(33)] {
            std::fs::write(&path, text).unwrap();
            let error = SystemToken::ensure(&path).unwrap_err();
            assert!(error.to_string().contains("system.token"), "{error}");
        }
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/etc/passwd", &path).unwrap();
        assert!(SystemToken::ensure(&path).is_err());
    }
}
