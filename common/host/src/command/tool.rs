//! The programs that the daemons may run.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use crate::{Error, Result};

/// Where programs are looked for, in this order: the system's own places, no user's.
const DIRECTORIES: &[&str] = &["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

/// Declares the list: one line makes a program known.
macro_rules! tools {
    ($($(#[$doc:meta])* $tool:ident = $name:literal),+ $(,)?) => {
        /// A program of the closed list.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Tool {
            $($(#[$doc])* $tool),+
        }

        impl Tool {
            const ALL: &[Tool] = &[$(Tool::$tool),+];

            /// Name of the program's file.
            pub fn name(self) -> &'static str {
                match self {
                    $(Tool::$tool => $name),+
                }
            }
        }
    };
}

tools! {
    /// Disk images: information, creation, conversion, snapshots.
    QemuImg = "qemu-img",
    /// Server of disk images.
    QemuNbd = "qemu-nbd",
    /// Virtual TPM.
    Swtpm = "swtpm",
    /// Prepares the state of a virtual TPM.
    SwtpmSetup = "swtpm_setup",
    /// DHCP and DNS of networks.
    Dnsmasq = "dnsmasq",
    /// Packet filter.
    Nft = "nft",
    /// Traffic shaping.
    Tc = "tc",
    /// Adviser about NUMA nodes.
    Numad = "numad",
    /// SMBIOS tables where sysfs does not tell them.
    Dmidecode = "dmidecode",
}

impl Tool {
    /// Absolute path of the program; looked for once per process, also if it is missing.
    pub fn path(self) -> Result<&'static Path> {
        static FOUND: OnceLock<Vec<Option<PathBuf>>> = OnceLock::new();
        let found =
            FOUND.get_or_init(|| Tool::ALL.iter().map(|tool| find(tool.name(), DIRECTORIES)).collect());
        let path = found.get(self as usize).and_then(Option::as_deref);
        path.ok_or(Error::ToolMissing { tool: self.name() })
    }
}

/// The first executable file of this name in these directories.
fn find(name: &str, directories: &[&str]) -> Option<PathBuf> {
    directories.iter().map(|dir| Path::new(dir).join(name)).find(|path| is_program(path))
}

fn is_program(path: &Path) -> bool {
    path.metadata().is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn list_and_order_agree() {
        for (at, tool) in Tool::ALL.iter().enumerate() {
            assert_eq!(*tool as usize, at);
            assert!(!tool.name().contains('/'));
        }
    }

    #[test]
    fn finds_executable_files_only_in_the_order_given() {
        let dir = tempfile::tempdir().unwrap();
        let make = |sub: &str, mode: u32| {
            let path = dir.path().join(sub);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(&path, "").unwrap();
            std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
            path
        };
        make("a/tool", 0o644);
        let second = make("b/tool", 0o755);
        make("c/tool", 0o755);
        std::fs::create_dir_all(dir.path().join("a/dir")).unwrap();
        let places: Vec<_> = ["a", "b", "c"].iter().map(|d| dir.path().join(d)).collect();
        let places: Vec<_> = places.iter().map(|d| d.to_str().unwrap()).collect();
        assert_eq!(find("tool", &places), Some(second));
        assert_eq!(find("dir", &places), None);
        assert_eq!(find("none", &places), None);
    }
}
