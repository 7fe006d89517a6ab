//! Reading the kernel's small text files: numbers, lists of CPUs, `name: value` tables.

use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use crate::{Error, Result, store};

/// Most bytes of one of these files; `/proc/cpuinfo` and `/proc/stat` of large hosts are below it.
const LIMIT: u64 = 16 << 20;

/// Highest number of a CPU or NUMA cell that is believed; bounds what a list of ranges expands to.
const MAX_NUMBER: u32 = 65_535;

/// The whole text of a file.
pub(crate) fn text(path: &Path) -> Result<String> {
    String::from_utf8(store::read(path, LIMIT)?).map_err(|_| Error::malformed(path, "it is not UTF-8"))
}

/// As [`text`], None if there is no such file, or it does not answer now (an offline CPU's are of either kind).
pub(crate) fn text_if_any(path: &Path) -> Result<Option<String>> {
    match text(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.is_not_found() => Ok(None),
        Err(error) if matches!(error.errno(), Some(libc::ENXIO | libc::ENODEV | libc::ENODATA)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The one number in a file.
pub(crate) fn number<T: FromStr>(path: &Path) -> Result<T> {
    parse(path, &text(path)?)
}

/// As [`number`], None as in [`text_if_any`].
pub(crate) fn number_if_any<T: FromStr>(path: &Path) -> Result<Option<T>> {
    text_if_any(path)?.map(|text| parse(path, &text)).transpose()
}

/// A number with blanks around it.
pub(crate) fn parse<T: FromStr>(path: &Path, text: &str) -> Result<T> {
    let text = text.trim();
    text.parse().map_err(|_| Error::malformed(path, format!("'{text:.40}' is not a number")))
}

/// The numbers of a list file ("0-3,8"), ascending.
pub(crate) fn list(path: &Path) -> Result<Vec<u32>> {
    parse_list(path, &text(path)?)
}

/// The numbers of a list such as "0-3,8"; an empty list has none.
pub(crate) fn parse_list(path: &Path, text: &str) -> Result<Vec<u32>> {
    let mut numbers = Vec::new();
    for part in text.trim().split(',').filter(|part| !part.is_empty()) {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        let (first, last): (u32, u32) = (parse(path, first)?, parse(path, last)?);
        if first > last || last > MAX_NUMBER {
            return Err(Error::malformed(path, format!("'{part:.40}' is not a range of numbers")));
        }
        numbers.extend(first..=last);
    }
    numbers.sort_unstable();
    numbers.dedup();
    Ok(numbers)
}

/// The value in KiB of a line "Name:   123 kB", whatever stands before the name (sysfs puts "Node 0 " there).
pub(crate) fn kib(text: &str, name: &str) -> Option<u64> {
    text.lines().find_map(|line| {
        let (before, value) = line.split_once(':')?;
        (before.split_ascii_whitespace().next_back()? == name).then_some(())?;
        value.split_ascii_whitespace().next()?.parse().ok()
    })
}

/// The numbers N of the entries "prefixN" of a directory, ascending; none if there is no such directory.
pub(crate) fn numbered(dir: &Path, prefix: &str) -> Result<Vec<u32>> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("read directory", dir)(error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let name = entry.map_err(Error::file("read directory", dir))?.file_name();
        let number =
            name.to_str().and_then(|name| name.strip_prefix(prefix)).and_then(|n| n.parse::<u32>().ok());
        numbers.extend(number.filter(|number| *number <= MAX_NUMBER));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// A path of mountinfo (proc(5)), where blanks and backslashes are octal: "\040".
pub(crate) fn unescape(text: &str) -> PathBuf {
    let bytes = text.as_bytes();
    let mut path = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        let code =
            bytes.get(at + 1..at + 4).filter(|_| *byte == b'\\').and_then(|d| std::str::from_utf8(d).ok());
        match code.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(code) => {
                path.push(code);
                at += 4;
            }
            None => {
                path.push(*byte);
                at += 1;
            }
        }
    }
    std::ffi::OsString::from_vec(path).into()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_expand_in_order() {
        let list = |text| parse_list(Path::new("f"), text);
        assert_eq!(list("0-2,8\n").unwrap(), [0, 1, 2, 8]);
        assert_eq!(list("3,1,1-2").unwrap(), [1, 2, 3]);
        assert_eq!(list("\n").unwrap(), []);
        for bad in ["a", "2-1", "0-4294967295", "1-", "-1", "0-99999"] {
            assert!(matches!(list(bad), Err(Error::Malformed { .. })), "{bad}");
        }
    }

    #[test]
    fn kib_finds_whole_names() {
        let text = "Node 0 MemTotal:  10 kB\nNode 0 MemFree:   4 kB\n";
        assert_eq!(kib(text, "MemFree"), Some(4));
        assert_eq!(kib(text, "Mem"), None);
        assert_eq!(kib("MemTotal: x kB", "MemTotal"), None);
    }

    #[test]
    fn missing_files_are_none_and_others_errors() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("n");
        assert_eq!(number_if_any::<u32>(&path).unwrap(), None);
        std::fs::write(&path, "12\n").unwrap();
        assert_eq!(number::<u32>(&path).unwrap(), 12);
        std::fs::write(&path, "x").unwrap();
        assert!(number_if_any::<u32>(&path).is_err());
        assert_eq!(numbered(&dir.path().join("none"), "cpu").unwrap(), []);
    }
}
