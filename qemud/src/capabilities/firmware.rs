//! Which firmware images a machine can be given, for domain capabilities.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use host::store;

use super::cache::Stamp;
use super::features::qemu_arch;
use crate::command::firmware::{Firmware, Mapping, Wanted};

/// Where firmware descriptors are, the later directory winning over a file of the same name in the earlier
/// (docs/interop/firmware.json of QEMU); the last one, `qemu/firmware` beside the daemon's own configuration, is the
/// user's.
const DIRS: [&str; 2] = ["/usr/share/qemu/firmware", "/etc/qemu/firmware"];
/// How long what was found is used without another look.
const FRESH: Duration = Duration::from_secs(1);
/// The largest descriptor.
const MAX_DESCRIPTOR: u64 = 1 << 20;
/// Images that are offered where no descriptor names one for the machine, if they exist.
const WELL_KNOWN: [&str; 4] = [
    "/usr/share/OVMF/OVMF_CODE.fd",
    "/usr/share/OVMF/OVMF_CODE.secboot.fd",
    "/usr/share/AAVMF/AAVMF_CODE.fd",
    "/usr/share/AAVMF/AAVMF32_CODE.fd",
];

/// What is installed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Installed {
    /// Descriptors in order of preference.
    pub(crate) descriptors: Vec<Firmware>,
    /// Images of the descriptors and well-known ones that exist.
    pub(super) images: Vec<String>,
}

/// What a machine can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Offer {
    /// BIOS can be asked for.
    pub(super) bios: bool,
    /// EFI can be asked for.
    pub(super) efi: bool,
    /// There is one whose code the guest cannot change.
    pub(super) secure: bool,
    /// Paths.
    pub(super) images: Vec<String>,
}

/// What is installed, read again when a package or an administrator has changed it.
#[derive(Debug)]
pub(super) struct Shelf {
    dirs: Vec<PathBuf>,
    known: Mutex<Option<Known>>,
}

#[derive(Debug)]
struct Known {
    looked: Instant,
    stamps: Vec<Stamp>,
    installed: Arc<Installed>,
}

impl Shelf {
    /// With the user's directory, where there is one.
    pub(super) fn new(own: Option<PathBuf>) -> Self {
        Self { dirs: DIRS.iter().map(PathBuf::from).chain(own).collect(), known: Mutex::default() }
    }

    /// What is installed now. Blocks.
    pub(super) fn now(&self) -> Arc<Installed> {
        // Nothing panics while it is held.
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = &*known
            && known.looked.elapsed() < FRESH
        {
            return Arc::clone(&known.installed);
        }
        let stamps = self.stamps();
        let unchanged = known.take().filter(|known| known.stamps == stamps);
        let installed =
            unchanged.map_or_else(|| Arc::new(Installed::read(&self.dirs)), |known| known.installed);
        *known = Some(Known { looked: Instant::now(), stamps, installed: Arc::clone(&installed) });
        installed
    }

    /// The files that what is installed depends on: directories, descriptors, images.
    fn stamps(&self) -> Vec<Stamp> {
        let descriptors = self
            .dirs
            .iter()
            .flat_map(|dir| store::list(dir, ".json").unwrap_or_default())
            .map(|entry| entry.path);
        let images = WELL_KNOWN.iter().map(PathBuf::from);
        descriptors.chain(images).filter_map(|path| Stamp::of(&path)).collect()
    }
}

impl Installed {
    /// Look what is there. Blocks.
    pub(super) fn read(dirs: &[PathBuf]) -> Self {
        let descriptors = descriptors(dirs);
        let named = descriptors.iter().filter_map(image).chain(WELL_KNOWN);
        let images = named.filter(|path| Path::new(path).exists()).map(str::to_owned).collect();
        Self { descriptors, images }
    }

    /// What a machine of an architecture (libvirt's name) can have.
    pub(super) fn offer(&self, arch: &str, machine: &str) -> Offer {
        let mut offer = Offer::default();
        for descriptor in &self.descriptors {
            let fits = |interface| fits(descriptor, interface, qemu_arch(arch), machine);
            let (bios, efi) = (fits("bios"), fits("uefi"));
            offer.bios |= bios;
            offer.efi |= efi;
            if bios || efi {
                offer.secure |= descriptor.has("requires-smm") && descriptor.has("secure-boot");
                offer.images.extend(image(descriptor).map(str::to_owned));
            }
        }
        if offer.images.is_empty() {
            offer.images = WELL_KNOWN.iter().map(|path| (*path).to_owned()).collect();
        }
        let mut seen = Vec::new();
        offer.images.retain(|path| {
            let keep = self.images.contains(path) && !seen.contains(path);
            seen.push(path.clone());
            keep
        });
        offer
    }
}

fn image(descriptor: &Firmware) -> Option<&str> {
    match &descriptor.mapping {
        Mapping::Flash { executable, .. } => Some(&executable.filename),
        Mapping::Memory { filename } => Some(filename),
        Mapping::Kernel { .. } => None,
    }
}

fn fits(descriptor: &Firmware, interface: &str, arch: &str, machine: &str) -> bool {
    let wanted = Wanted { interface, arch, machine, ..Wanted::default() };
    let stateless = Wanted { stateless: true, ..wanted.clone() };
    descriptor.satisfies(&wanted) || descriptor.satisfies(&stateless)
}

/// All readable descriptors in the order of their file names, which is their order of preference. Blocks.
fn descriptors(dirs: &[PathBuf]) -> Vec<Firmware> {
    let mut files = BTreeMap::new();
    for dir in dirs {
        for entry in store::list(dir, ".json").unwrap_or_default() {
            files.insert(entry.name, entry.path);
        }
    }
    let parse = |path: &Path| {
        let text = String::from_utf8(store::read(path, MAX_DESCRIPTOR).ok()?).ok()?;
        Firmware::parse(&text).ok()
    };
    files.values().filter_map(|path| parse(path)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const DESCRIPTOR: &str = r#"{"interface-types":["uefi"],"mapping":{"device":"memory","filename":"/x"},
        "targets":[{"architecture":"x86_64","machines":["pc-q35-*"]}],"features":[],"tags":[]}"#;

    #[test]
    fn a_later_directory_replaces_and_masks() {
        let (first, second) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let dirs = [first.path().to_owned(), second.path().to_owned()];
        for name in ["10-a.json", "20-b.json"] {
            std::fs::write(first.path().join(name), DESCRIPTOR).unwrap();
        }
        assert_eq!(descriptors(&dirs).len(), 2);
        std::fs::write(second.path().join("10-a.json"), "").unwrap();
        std::fs::write(second.path().join("20-b.json"), DESCRIPTOR.replace("/x", "/y")).unwrap();
        let left = descriptors(&dirs);
        assert_eq!(left.len(), 1);
        assert_eq!(image(&left[0]), Some("/y"));
    }

    #[test]
    fn changes_are_noticed() {
        let dir = tempfile::tempdir().unwrap();
        let shelf = Shelf { dirs: vec![dir.path().to_owned()], known: Mutex::default() };
        let look = || {
            if let Some(known) = &mut *shelf.known.lock().unwrap() {
                known.looked -= FRESH;
            }
            shelf.now()
        };
        let before = look();
        assert!(before.descriptors.is_empty());
        assert!(Arc::ptr_eq(&before, &look()), "nothing has changed");
        std::fs::write(dir.path().join("10-a.json"), DESCRIPTOR).unwrap();
        assert_eq!(look().descriptors.len(), 1);
        std::fs::remove_file(dir.path().join("10-a.json")).unwrap();
        assert!(look().descriptors.is_empty());
    }
}
