//! Files that survive a power cut: definitions, status documents, autostart links, lease and token files.
//!
//! A file is either the old one or the new one, never half: temporary file in the same directory, write, sync,
//! rename, sync of the directory. A crash leaves at most a temporary file, which [`sweep`] removes at start.
//! All functions block on the disk; call them on the blocking pool.

use std::ffi::{OsStr, OsString};
use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::FileType;

use crate::{Error, Result, fault, links, process};

/// Begin and end of the name of a temporary file; between them the process that made it and a counter.
const TEMPORARY: (&str, &str) = (".oxivirt-", ".new");

/// Replaces `path` by a file with these bytes and this mode (umask does not apply), durably.
pub fn replace(path: &Path, bytes: &[u8], mode: u32) -> Result<()> {
    replace_owned(path, bytes, mode, None)
}

/// As [`replace`], the new file belonging to `owner` (user, group).
pub fn replace_owned(path: &Path, bytes: &[u8], mode: u32, owner: Option<(u32, u32)>) -> Result<()> {
    let dir = parent(path)?;
    fault::at("store.create");
    let temporary = Temporary::new(dir);
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode & 0o700)
        .open(&temporary.path)
        .map_err(Error::file("create", &temporary.path))?;
    fault::at("store.write");
    file.write_all(bytes).map_err(Error::file("write", &temporary.path))?;
    if let Some((uid, gid)) = owner {
        fchown(&file, Some(uid), Some(gid)).map_err(Error::file("set the owner of", &temporary.path))?;
    }
    file.set_permissions(Permissions::from_mode(mode))
        .map_err(Error::file("set the mode of", &temporary.path))?;
    fault::at("store.sync");
    file.sync_all().map_err(Error::file("sync", &temporary.path))?;
    fault::at("store.rename");
    temporary.rename(path)?;
    fault::at("store.dirsync");
    sync_dir(dir)
}

/// Puts a symbolic link to `target` in place of whatever non-directory `link` is, durably.
pub fn link(target: &Path, link: &Path) -> Result<()> {
    let dir = parent(link)?;
    let temporary = Temporary::new(dir);
    std::os::unix::fs::symlink(target, &temporary.path).map_err(Error::file("create", &temporary.path))?;
    fault::at("store.link");
    temporary.rename(link)?;
    sync_dir(dir)
}

/// Removes a file or symbolic link durably; false if there was none.
pub fn remove(path: &Path) -> Result<bool> {
    let removed = unlink(path)?;
    if removed {
        sync_dir(parent(path)?)?;
    }
    Ok(removed)
}

/// As [`remove`], but a power cut may bring the file back until [`sync_dir`] has returned for its directory. Does not
/// wait for the disk.
pub fn unlink(path: &Path) -> Result<bool> {
    fault::at("store.remove");
    match fs::remove_file(path) {
        Ok(()) => {}
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(Error::file("remove", path)(error)),
    }
    fault::at("store.removed");
    Ok(true)
}

/// Waits until the disk has the names of a directory. One that does not exist (any more) has none.
pub fn sync_dir(dir: &Path) -> Result<()> {
    match File::open(dir).and_then(|dir| dir.sync_all()) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(Error::file("sync directory", dir)(error))
        }
        _ => Ok(()),
    }
}

/// The contents of a file, at most `limit` bytes; a larger file is an error.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>> {
    // A pipe or terminal in a file's place must not hold us up.
    let flags = libc::O_NONBLOCK | libc::O_NOCTTY;
    let file =
        OpenOptions::new().read(true).custom_flags(flags).open(path).map_err(Error::file("open", path))?;
    let mut bytes = Vec::new();
    file.take(limit.saturating_add(1)).read_to_end(&mut bytes).map_err(Error::file("read", path))?;
    if bytes.len() as u64 > limit {
        return Err(Error::TooLarge { path: path.to_path_buf(), limit });
    }
    Ok(bytes)
}

/// What [`list`] or [`directories`] found.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// File name without the suffix asked for; names that are not UTF-8 are passed over.
    pub name: String,
    /// Directory and file name.
    pub path: PathBuf,
}

/// The files of a directory whose names end in `suffix` (".xml"), sorted by name; hidden ones (and so
/// temporaries) and directories are passed over. A directory that does not exist has none.
pub fn list(dir: &Path, suffix: &str) -> Result<Vec<Entry>> {
    let mut entries = Vec::new();
    for (name, path, is_dir) in scan(dir)? {
        let Some(name) = name.to_str().filter(|name| !name.starts_with('.') && !is_dir) else { continue };
        if let Some(stem) = name.strip_suffix(suffix).filter(|stem| !stem.is_empty()) {
            entries.push(Entry { name: stem.to_owned(), path });
        }
    }
    entries.sort();
    Ok(entries)
}

/// The directories in a directory, sorted by name. A directory that does not exist has none.
pub fn directories(dir: &Path) -> Result<Vec<Entry>> {
    let found = scan(dir)?.into_iter().filter(|(_, _, is_dir)| *is_dir);
    let named = found.filter_map(|(name, path, _)| Some(Entry { name: name.into_string().ok()?, path }));
    let mut entries: Vec<Entry> = named.collect();
    entries.sort();
    Ok(entries)
}

/// Removes temporaries that processes which no longer run left in `dir`; answers how many.
pub fn sweep(dir: &Path) -> Result<usize> {
    let mut swept = 0;
    for (name, path, _) in scan(dir)? {
        if is_stale(&name) {
            match fs::remove_file(&path) {
                Ok(()) => swept += 1,
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                Err(error) => return Err(Error::file("remove", &path)(error)),
            }
        }
    }
    Ok(swept)
}

/// Makes a directory with exactly this mode and its missing parents with 0755; an existing one is left as it is.
/// Answers whether it was made.
pub fn create_dir(path: &Path, mode: u32) -> Result<bool> {
    match make_dir(path, mode) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            create_dir(parent(path)?, 0o755)?;
            make_dir(path, mode)
        }
        other => other,
    }
    .map_err(Error::file("create directory", path))
}

fn make_dir(path: &Path, mode: u32) -> io::Result<bool> {
    match DirBuilder::new().mode(mode & 0o700).create(path) {
        // A later chmod, since the umask cut the mode.
        Ok(()) => links::settle(path, FileType::Directory, mode, None).map(|()| true),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => Ok(false),
        Err(error) => Err(error),
    }
}

fn parent(path: &Path) -> Result<&Path> {
    match path.parent() {
        Some(dir) if dir.as_os_str().is_empty() => Ok(Path::new(".")),
        Some(dir) => Ok(dir),
        None => Err(Error::file("use", path)(io::ErrorKind::InvalidInput.into())),
    }
}

fn scan(dir: &Path) -> Result<Vec<(OsString, PathBuf, bool)>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("read directory", dir)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file("read directory", dir))?;
        let is_dir = entry.file_type().is_ok_and(|kind| kind.is_dir());
        found.push((entry.file_name(), entry.path(), is_dir));
    }
    Ok(found)
}

/// A name in the directory of the final file that no other call uses; removed again unless renamed.
struct Temporary {
    path: PathBuf,
    armed: bool,
}

impl Temporary {
    fn new(dir: &Path) -> Temporary {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let (begin, end) = TEMPORARY;
        let (pid, start, n) = (std::process::id(), own_start(), NEXT.fetch_add(1, Ordering::Relaxed));
        Temporary { path: dir.join(format!("{begin}{pid}-{start}-{n}{end}")), armed: true }
    }

    fn rename(mut self, path: &Path) -> Result<()> {
        fs::rename(&self.path, path).map_err(Error::file("rename a new file to", path))?;
        self.armed = false;
        Ok(())
    }
}

impl Drop for Temporary {
    fn drop(&mut self) {
        if self.armed {
            // The first error is being reported already; what stays is swept at the next start.
            let _ = fs::remove_file(&self.path);
        }
    }
}

/// Whether a file name is that of a temporary whose maker is gone. The start time tells the maker from a later
/// process with the same number.
fn is_stale(name: &OsStr) -> bool {
    let parts = || {
        let name = std::str::from_utf8(name.as_bytes()).ok()?;
        let inner = name.strip_prefix(TEMPORARY.0)?.strip_suffix(TEMPORARY.1)?;
        let mut numbers = inner.split('-').map(|part| part.parse::<u64>().ok());
        Some((i32::try_from(numbers.next()??).ok()?, numbers.next()??))
    };
    parts().is_some_and(|(pid, start)| !process::is_same(pid, start))
}

fn own_start() -> u64 {
    static START: OnceLock<u64> = OnceLock::new();
    *START.get_or_init(|| process::start_time(std::process::id().cast_signed()).unwrap_or(0))
}

#[cfg(test)]
mod tests;
