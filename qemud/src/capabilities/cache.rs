//! Capabilities on disk, so that a binary is probed once per version and not once per start of the daemon.
//!
//! A file belongs to one binary and is good only while the key in it is the key of now: whatever could change QEMU's
//! answers is part of the key. A file that cannot be read, or is of another format, is as good as none.
//! Functions block on the file system.

use std::fs::Metadata;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use host::store;
use rustix::io::Errno;
use serde::{Deserialize, Serialize};

use super::error::CapabilitiesError;
use super::probe;
use super::qemu::QemuCaps;

/// To be raised when [`QemuCaps`] or the way it is made changes.
const FORMAT: u32 = 1;
/// Largest file accepted.
const MAX_FILE: u64 = 16 << 20;
/// Where QEMU's loadable parts are; a package update changes them with or without the binary.
const MODULE_DIRS: &[&str] = &[
    "/usr/lib/x86_64-linux-gnu/qemu",
    "/usr/lib/aarch64-linux-gnu/qemu",
    "/usr/lib64/qemu-kvm",
    "/usr/lib64/qemu",
    "/usr/lib/qemu",
];
/// Settings of KVM that change which features a guest can have.
const KVM_SETTINGS: &[&str] = &[
    "/sys/module/kvm_intel/parameters/nested",
    "/sys/module/kvm_amd/parameters/nested",
    "/sys/module/kvm_intel/parameters/sgx",
    "/sys/module/kvm_amd/parameters/sev",
];

/// Everything that QEMU's answers depend on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Key {
    format: u32,
    daemon: String,
    /// The binary and, if it is a script, the emulators around it that it may start.
    files: Vec<Stamp>,
    modules: Vec<Stamp>,
    kernel: String,
    cpu: String,
    kvm: bool,
    kvm_settings: Vec<String>,
}

/// A file as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Stamp {
    path: PathBuf,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
}

impl Stamp {
    fn new(path: &Path, facts: &Metadata) -> Self {
        Self {
            path: path.to_owned(),
            inode: facts.ino(),
            size: facts.size(),
            modified: (facts.mtime(), facts.mtime_nsec()),
            changed: (facts.ctime(), facts.ctime_nsec()),
        }
    }

    pub(super) fn of(path: &Path) -> Option<Self> {
        path.metadata().ok().map(|facts| Self::new(path, &facts))
    }
}

impl Key {
    /// The key of now.
    pub(super) fn of(binary: &str) -> Result<Self, CapabilitiesError> {
        let path = Path::new(binary);
        let unreachable = |error: io::Error| CapabilitiesError::Binary {
            binary: binary.to_owned(),
            errno: error.raw_os_error().unwrap_or_default(),
        };
        let facts = path.metadata().map_err(unreachable)?;
        if !path.is_absolute() {
            return Err(unreachable(io::Error::from(Errno::NOENT)));
        }
        if !facts.is_file() || facts.mode() & 0o111 == 0 {
            let errno = if facts.is_dir() { Errno::ISDIR } else { Errno::ACCESS };
            let (binary, errno) = (binary.to_owned(), errno.raw_os_error());
            return Err(CapabilitiesError::NotExecutable { binary, errno });
        }
        let mut files = vec![Stamp::new(path, &facts)];
        if is_script(path) {
            files.extend(neighbours(path));
        }
        let kvm_settings =
            KVM_SETTINGS.iter().filter_map(|path| std::fs::read_to_string(path).ok()).collect();
        Ok(Self {
            format: FORMAT,
            daemon: env!("CARGO_PKG_VERSION").to_owned(),
            files,
            modules: MODULE_DIRS.iter().filter_map(|dir| Stamp::of(Path::new(dir))).collect(),
            kernel: kernel(),
            cpu: cpu(),
            kvm: probe::can_use_kvm(),
            kvm_settings,
        })
    }

    /// Whether KVM can be opened.
    pub(super) fn kvm(&self) -> bool {
        self.kvm
    }
}

fn is_script(path: &Path) -> bool {
    let mut begin = [0; 2];
    let read = std::fs::File::open(path).and_then(|mut file| io::Read::read_exact(&mut file, &mut begin));
    read.is_ok() && &begin == b"#!"
}

/// Emulators in the places where distributions put them and their wrappers.
fn neighbours(script: &Path) -> Vec<Stamp> {
    let dirs = script.parent().into_iter().chain([Path::new("/usr/libexec")]);
    let mut found: Vec<PathBuf> = dirs
        .filter_map(|dir| dir.read_dir().ok())
        .flat_map(|entries| entries.filter_map(|entry| entry.ok().map(|entry| entry.path())))
        .filter(|path| path.file_name().is_some_and(|name| name.to_string_lossy().contains("qemu-system-")))
        .filter(|path| path != script)
        .collect();
    found.sort();
    found.iter().filter_map(|path| Stamp::of(path)).collect()
}

fn kernel() -> String {
    let read = |name: &str| std::fs::read_to_string(format!("/proc/sys/kernel/{name}")).unwrap_or_default();
    format!("{} {}", read("osrelease").trim(), read("version").trim())
}

/// What /proc/cpuinfo says of the first processor, without what changes from moment to moment.
fn cpu() -> String {
    let text = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let first = text.split("\n\n").next().unwrap_or_default();
    let kept = [
        "vendor_id",
        "cpu family",
        "model",
        "model name",
        "stepping",
        "microcode",
        "flags",
        "Features",
        "CPU implementer",
        "CPU variant",
        "CPU part",
        "CPU revision",
    ];
    let lines =
        first.lines().filter(|line| line.split(':').next().is_some_and(|key| kept.contains(&key.trim())));
    lines.collect::<Vec<_>>().join("\n")
}

/// What a cache file holds.
#[derive(Serialize, Deserialize)]
struct Stored {
    key: Key,
    caps: QemuCaps,
}

/// The capabilities stored under this key, if there are.
pub(super) fn load(dir: &Path, binary: &str, key: &Key) -> Option<QemuCaps> {
    let bytes = store::read(&file(dir, binary)?, MAX_FILE).ok()?;
    let stored: Stored = serde_json::from_slice(&bytes).ok()?;
    (stored.key == *key && stored.caps.binary == binary).then_some(stored.caps)
}

/// Store capabilities. A failure costs the next daemon a probe, nothing else: it is logged.
pub(super) fn save(dir: &Path, binary: &str, key: &Key, caps: &QemuCaps) {
    let stored = Stored { key: key.clone(), caps: caps.clone() };
    let written = file(dir, binary).zip(serde_json::to_vec(&stored).ok()).map(|(path, bytes)| {
        store::create_dir(dir, 0o755)?;
        store::replace(&path, &bytes, 0o600)
    });
    match written {
        Some(Err(error)) => {
            tracing::warn!("capabilities of '{binary}' are not cached: {}", error.full_text())
        }
        None => tracing::debug!("the path '{binary}' is too long for a cache file"),
        Some(Ok(())) => {}
    }
}

/// "/usr/bin/qemu-system-x86_64" -> "usr_bin_qemu-system-x86_64.json". Two paths may share a name; the key tells
/// whose the contents are.
fn file(dir: &Path, binary: &str) -> Option<PathBuf> {
    let name = binary.trim_start_matches('/').replace('/', "_");
    (!name.is_empty() && name.len() < 240).then(|| dir.join(format!("{name}.json")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt;

    fn binary(dir: &Path, text: &str) -> String {
        let path = dir.join("qemu-system-x");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o755)).unwrap();
        path.to_str().unwrap().to_owned()
    }

    #[test]
    fn a_file_is_good_while_its_key_is() {
        let dir = tempfile::tempdir().unwrap();
        let cache = dir.path().join("capabilities");
        let binary = binary(dir.path(), "one");
        let key = Key::of(&binary).unwrap();
        let caps = QemuCaps { binary: binary.clone(), package: "p".to_owned(), ..QemuCaps::default() };
        assert_eq!(load(&cache, &binary, &key), None);
        save(&cache, &binary, &key, &caps);
        assert_eq!(load(&cache, &binary, &Key::of(&binary).unwrap()), Some(caps.clone()));
        let other_kernel = Key { kernel: "other".to_owned(), ..key.clone() };
        let other_kvm = Key { kvm: !key.kvm, ..key.clone() };
        let other_format = Key { format: FORMAT + 1, ..key.clone() };
        for stale in [other_kernel, other_kvm, other_format] {
            assert_eq!(load(&cache, &binary, &stale), None);
        }
        self::binary(dir.path(), "two!");
        assert_eq!(load(&cache, &binary, &Key::of(&binary).unwrap()), None);
    }

    #[test]
    fn damaged_files_are_as_good_as_none() {
        let dir = tempfile::tempdir().unwrap();
        let binary = binary(dir.path(), "one");
        let key = Key::of(&binary).unwrap();
        let path = file(dir.path(), &binary).unwrap();
        save(dir.path(), &binary, &key, &QemuCaps { binary: binary.clone(), ..QemuCaps::default() });
        let good = fs::read(&path).unwrap();
        for bad in [&b""[..], b"{}", b"\xff\xfe", &good[..good.len() / 2]] {
            fs::write(&path, bad).unwrap();
            assert_eq!(load(dir.path(), &binary, &key), None);
        }
    }

    #[test]
    fn a_script_changes_with_what_it_starts() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join("qemu-system-real");
        fs::write(&real, "1").unwrap();
        let script = binary(dir.path(), "#!/bin/sh\n");
        let before = Key::of(&script).unwrap();
        fs::write(&real, "22").unwrap();
        assert_ne!(Key::of(&script).unwrap(), before);
    }

    #[test]
    fn what_cannot_run_has_no_key() {
        let dir = tempfile::tempdir().unwrap();
        let plain = dir.path().join("plain");
        fs::write(&plain, "").unwrap();
        let plain = plain.to_str().unwrap().to_owned();
        assert_eq!(Key::of(&plain), Err(CapabilitiesError::NotExecutable { binary: plain, errno: 13 }));
        assert_eq!(
            Key::of("/nonexistent"),
            Err(CapabilitiesError::Binary { binary: "/nonexistent".to_owned(), errno: 2 })
        );
    }
}
