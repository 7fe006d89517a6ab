//! Which firmware images a machine can be given, for domain capabilities.

use std::collections::BTreeMap;
use std::path::Path;

use host::store;

use super::features::qemu_arch;
use crate::command::firmware::{Firmware, Mapping, Wanted};

/// Where firmware descriptors are, the later directory winning over a file of the same name in the earlier
/// (docs/interop/firmware.json of QEMU).
const DIRS: [&str; 2] = ["/usr/share/qemu/firmware", "/etc/qemu/firmware"];
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
pub(super) struct Installed {
    /// Descriptors in order of preference.
    pub(super) descriptors: Vec<Firmware>,
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

impl Installed {
    /// Look what is there. Blocks.
    pub(super) fn read() -> Self {
        let descriptors = descriptors();
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
pub(crate) fn descriptors() -> Vec<Firmware> {
    let mut files = BTreeMap::new();
    for dir in DIRS {
        for entry in store::list(Path::new(dir), ".json").unwrap_or_default() {
            files.insert(entry.name, entry.path);
        }
    }
    let parse = |path: &Path| {
        let text = String::from_utf8(store::read(path, MAX_DESCRIPTOR).ok()?).ok()?;
        Firmware::parse(&text).ok()
    };
    files.values().filter_map(|path| parse(path)).collect()
}
