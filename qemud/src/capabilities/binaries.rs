//! Where emulators are. Blocks on the file system for some stat calls.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use model::Token;
use model::domain::os::Arch;

use super::features::qemu_arch;

/// Bits of a word of an architecture.
pub(super) fn word_size(arch: &str) -> u32 {
    let wide = [
        "alpha",
        "aarch64",
        "ia64",
        "loongarch64",
        "mips64",
        "mips64el",
        "parisc64",
        "ppc64",
        "ppc64le",
        "riscv64",
        "s390x",
        "sparc64",
        "x86_64",
    ];
    if wide.contains(&arch) { 64 } else { 32 }
}

/// Whether the host runs guests of this architecture by itself.
pub(super) fn is_native(host: &str, guest: &str) -> bool {
    host == guest
        || matches!(
            (host, guest),
            ("x86_64", "i686") | ("aarch64", "armv7l") | ("ppc64", "ppc64le") | ("ppc64le", "ppc64")
        )
}

/// Looks for emulators in some directories.
#[derive(Clone, Debug)]
pub(super) struct Finder {
    dirs: Vec<PathBuf>,
    host: String,
}

impl Finder {
    pub(super) fn new(dirs: Vec<PathBuf>, host: String) -> Self {
        Self { dirs, host }
    }

    /// The host's architecture.
    pub(super) fn host(&self) -> &str {
        &self.host
    }

    /// The default binary for guests of an architecture.
    pub(super) fn find(&self, arch: &str) -> Option<PathBuf> {
        let target = if arch == "ppc64le" { "ppc64" } else { qemu_arch(arch) };
        if let Some(path) = self.look(&format!("qemu-system-{target}")) {
            return Some(path);
        }
        if !is_native(&self.host, arch) {
            return None;
        }
        let kvm = Some(PathBuf::from("/usr/libexec/qemu-kvm")).filter(|path| is_executable(path));
        kvm.or_else(|| self.look("qemu-kvm")).or_else(|| self.look("kvm"))
    }

    /// Every architecture with its default binary, in the order in which capabilities list guests.
    pub(super) fn all(&self) -> Vec<(Arch, PathBuf)> {
        Arch::ALL.iter().filter_map(|arch| Some((*arch, self.find(arch.as_str())?))).collect()
    }

    fn look(&self, name: &str) -> Option<PathBuf> {
        self.dirs.iter().map(|dir| dir.join(name)).find(|path| is_executable(path))
    }
}

fn is_executable(path: &Path) -> bool {
    path.metadata().is_ok_and(|facts| facts.is_file() && facts.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn finder(names: &[&str]) -> (tempfile::TempDir, Finder) {
        let dir = tempfile::tempdir().unwrap();
        for name in names {
            let path = dir.path().join(name);
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        }
        let finder =
            Finder::new(vec![PathBuf::from("/nonexistent"), dir.path().to_owned()], "x86_64".to_owned());
        (dir, finder)
    }

    #[test]
    fn binaries_are_found_by_architecture() {
        let (dir, finder) = finder(&["qemu-system-arm", "qemu-system-i386", "qemu-system-ppc64", "qemu-kvm"]);
        let found: Vec<_> = finder.all().into_iter().map(|(arch, _)| arch.as_str()).collect();
        assert_eq!(found, ["armv6l", "armv7l", "i686", "ppc64", "ppc64le", "x86_64"]);
        assert_eq!(finder.find("x86_64"), Some(dir.path().join("qemu-kvm")));
        assert_eq!(finder.find("i686"), Some(dir.path().join("qemu-system-i386")));
        assert_eq!(finder.find("aarch64"), None);
    }

    #[test]
    fn what_cannot_be_executed_is_passed_over() {
        let (dir, finder) = finder(&["qemu-system-x86_64"]);
        std::fs::set_permissions(
            dir.path().join("qemu-system-x86_64"),
            std::fs::Permissions::from_mode(0o644),
        )
        .unwrap();
        std::fs::create_dir(dir.path().join("qemu-system-arm")).unwrap();
        assert_eq!(finder.all(), []);
    }
}
