//! Keeping a file that another process appends to within bounds.
//!
//! The writer holds the file open and knows nothing of us, so it cannot be renamed away: what is in it is copied to
//! `FILE.0`, the newest of the older files, and the file is cut to nothing. A writer with O_APPEND goes on at its new
//! end. Names and limits are those of virtlogd. Functions block on the disk.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use crate::{Error, Result};

/// How large a file may grow and how many older ones are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Bytes; 0 for no limit (`max_size` of virtlogd.conf).
    pub max_size: u64,
    /// Older files (`max_backups` of virtlogd.conf).
    pub max_backups: u32,
}

impl Default for Limits {
    /// virtlogd's: 2 MiB, three older files.
    fn default() -> Self {
        Self { max_size: 2 << 20, max_backups: 3 }
    }
}

/// Copies that follow a writer who is faster than one copy.
const CATCH_UP: u32 = 4;

/// Empties the file if it has reached its limit, keeping its contents in older files of less than twice the limit each.
/// Answers whether it did. What a writer appends between the last copy and the cut is lost: a few microseconds.
pub fn if_full(path: &Path, limits: Limits) -> Result<bool> {
    let file = match OpenOptions::new().read(true).write(true).custom_flags(libc::O_NOFOLLOW).open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        other => other.map_err(Error::file("open", path))?,
    };
    let facts = file.metadata().map_err(Error::file("examine", path))?;
    if limits.max_size == 0 || !facts.is_file() || facts.len() < limits.max_size {
        return Ok(false);
    }
    if limits.max_backups > 0 {
        keep(path, &file, facts.len(), limits)?;
    }
    file.set_len(0).map_err(Error::file("cut", path))?;
    Ok(true)
}

/// The file and its older ones, as far as they exist: for whoever removes them all.
pub fn family(path: &Path) -> Result<Vec<PathBuf>> {
    let (Some(dir), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Ok(Vec::new());
    };
    let entries = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        other => other.map_err(Error::file("read directory", dir))?,
    };
    let is_ours = |found: &str| match found.strip_prefix(name) {
        Some("") => true,
        Some(rest) => rest.strip_prefix('.').is_some_and(|number| number.parse::<u32>().is_ok()),
        None => false,
    };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    Ok(names.filter(|found| is_ours(found)).map(|found| dir.join(found)).collect())
}

/// Copies what the file holds to older files, oldest part first; what is too old for all of them is left out.
fn keep(path: &Path, file: &File, size: u64, limits: Limits) -> Result<()> {
    let room = limits.max_size.saturating_mul(u64::from(limits.max_backups));
    let mut done = size.saturating_sub(room);
    let mode = file.metadata().map_err(Error::file("examine", path))?.mode() & 0o777;
    while done < size {
        // A file is a little larger than its limit when it is looked at: that little needs no file of its own.
        let is_last = size - done < limits.max_size.saturating_mul(2);
        let end = if is_last { size } else { done + limits.max_size };
        shift(path, limits.max_backups)?;
        let older = numbered(path, 0);
        let mut to = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(mode)
            .open(&older)
            .map_err(Error::file("create", &older))?;
        done = copy(file, done, end, &mut to).map_err(Error::file("write", &older))?;
        if end < size {
            continue;
        }
        for _ in 0..CATCH_UP {
            let now = file.metadata().map_err(Error::file("examine", path))?.len();
            if now <= done {
                break;
            }
            done = copy(file, done, now, &mut to).map_err(Error::file("write", &older))?;
        }
        return Ok(());
    }
    Ok(())
}

/// Answers `end`; of a file that has become shorter meanwhile, there is less to copy.
fn copy(mut from: &File, begin: u64, end: u64, to: &mut File) -> io::Result<u64> {
    from.seek(SeekFrom::Start(begin))?;
    io::copy(&mut from.take(end - begin), to)?;
    Ok(end)
}

/// Makes room for a new `FILE.0`.
fn shift(path: &Path, max_backups: u32) -> Result<()> {
    for number in (0..max_backups).rev() {
        let from = numbered(path, number);
        let done = if number + 1 == max_backups {
            fs::remove_file(&from)
        } else {
            fs::rename(&from, numbered(path, number + 1))
        };
        match done {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                return Err(Error::file("rename", &from)(error));
            }
            _ => {}
        }
    }
    Ok(())
}

fn numbered(path: &Path, number: u32) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(format!(".{number}"));
    PathBuf::from(name)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    const SMALL: Limits = Limits { max_size: 10, max_backups: 2 };

    fn text(path: &Path) -> String {
        fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_full_file_is_copied_and_emptied_under_its_writer() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("g.log");
        let mut writer = OpenOptions::new().append(true).create(true).open(&path).unwrap();
        writer.write_all(b"123456789").unwrap();
        assert!(!if_full(&path, SMALL).unwrap());
        writer.write_all(b"0").unwrap();
        assert!(if_full(&path, SMALL).unwrap());
        writer.write_all(b"next").unwrap();
        assert_eq!((text(&path).as_str(), text(&numbered(&path, 0)).as_str()), ("next", "1234567890"));
        writer.write_all(b"abcdefgh").unwrap();
        assert!(if_full(&path, SMALL).unwrap());
        let older: Vec<_> = (0..2).map(|number| text(&numbered(&path, number))).collect();
        assert_eq!(older, ["nextabcdefgh", "1234567890"]);
    }

    #[test]
    fn what_grew_while_nobody_looked_is_cut_into_parts_and_bounded() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("g.log");
        fs::write(&path, "oldoldoldold0123456789abcdefghij").unwrap();
        assert!(if_full(&path, SMALL).unwrap());
        assert_eq!(text(&path), "");
        assert_eq!(text(&numbered(&path, 1)), "0123456789");
        assert_eq!(text(&numbered(&path, 0)), "abcdefghij");
        assert!(!numbered(&path, 2).exists());
        let mut all = family(&path).unwrap();
        all.sort();
        assert_eq!(all, [path.clone(), numbered(&path, 0), numbered(&path, 1)]);
    }

    #[test]
    fn no_backups_no_limit_no_file() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("g.log");
        assert!(!if_full(&path, SMALL).unwrap());
        fs::write(&path, "0123456789").unwrap();
        assert!(!if_full(&path, Limits { max_size: 0, max_backups: 1 }).unwrap());
        assert!(if_full(&path, Limits { max_size: 5, max_backups: 0 }).unwrap());
        assert_eq!(family(&path).unwrap(), std::slice::from_ref(&path));
    }

    #[test]
    fn a_link_is_not_followed() {
        let dir = tempfile::tempdir().unwrap();
        let (path, link) = (dir.path().join("victim"), dir.path().join("g.log"));
        fs::write(&path, "0123456789").unwrap();
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert!(if_full(&link, SMALL).is_err());
        assert_eq!(text(&path), "0123456789");
    }
}
