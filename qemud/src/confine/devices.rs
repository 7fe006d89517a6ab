//! The host's devices that a guest uses: allowed in its control group, and the only ones in its own `/dev`.

use std::collections::HashMap;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use host::label::Owner;
use host::private_dev::PrivateDev;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::chardev::Backend;
use model::domain::device::graphics::GraphicsKind;
use model::domain::device::rng::RngBackend;

use super::Confinement;
use super::files::GuestFile;
use crate::command::Labelled;
use crate::parts;

/// Paths that lead to devices, perhaps, and whether they are written: those of all guests, those among what QEMU opens
/// (`used`), and those that only the definition names.
pub fn of(confinement: &Confinement, definition: &Definition, used: &[Labelled]) -> Vec<(String, bool)> {
    let always = confinement.devices.iter().map(|path| (path.clone(), true));
    let own = used.iter().map(|label| (label.path.clone(), !label.read_only));
    let named = definition.devices.iter().filter_map(named).map(|path| (path, true));
    always.chain(own).chain(named).collect()
}

/// The guest's own `/dev` with these devices, and the files whose owners change on the host: a device's owner changes in
/// the guest's `/dev` alone. Blocks.
pub fn own_dev(devices: &[String], files: Vec<GuestFile>, shared: Option<Owner>) -> host::Result<OwnDev> {
    let mut dev = PrivateDev::new()?;
    let (own, rest): (Vec<_>, Vec<_>) =
        files.into_iter().partition(|file| dev.has_own_node(Path::new(&file.path)));
    let mut owners: HashMap<&str, Owner> = own.iter().map(|file| (file.path.as_str(), file.owner)).collect();
    for path in devices.iter().filter(|path| path.starts_with("/dev/dri/")) {
        // Rendering is the host's to share; here nobody shares it.
        if let Some(owner) = shared {
            owners.entry(path).or_insert(owner);
        }
    }
    for path in devices.iter().map(String::as_str).chain(own.iter().map(|file| file.path.as_str())) {
        dev.add(Path::new(path), owners.get(path).copied())?;
    }
    Ok(OwnDev { mounts: dev.into_mounts(), files: rest })
}

/// A guest's own `/dev`.
#[derive(Debug)]
pub struct OwnDev {
    /// What is mounted where.
    pub mounts: Vec<(OwnedFd, PathBuf)>,
    /// Files that are not in it.
    pub files: Vec<GuestFile>,
}

/// The device of the host that a definition names beside those that are labelled.
fn named(device: &Device) -> Option<String> {
    match device {
        Device::Rng(rng) => match &rng.backend {
            RngBackend::Random(path) => path.clone(),
            _ => None,
        },
        Device::Graphics(graphics) => match &graphics.kind {
            GraphicsKind::EglHeadless { rendernode } => rendernode.clone(),
            GraphicsKind::Spice(spice) => spice.rendernode.clone(),
            GraphicsKind::Dbus(dbus) => dbus.rendernode.clone(),
            _ => None,
        },
        other => match &parts::chardev_source(other)?.backend {
            Backend::Dev { path } => Some(path.clone()),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::domain::ParseOptions;

    #[test]
    fn devices_of_all_guests_of_the_plan_and_of_the_definition() {
        let text = "<domain type='qemu'><name>a</name><memory>1</memory><os><type>hvm</type></os><devices>\
                    <rng model='virtio'><backend model='random'>/dev/hwrng</backend></rng>\
                    <serial type='dev'><source path='/dev/ttyS0'/></serial>\
                    <serial type='file'><source path='/out'/></serial>\
                    <graphics type='egl-headless'><gl rendernode='/dev/dri/renderD128'/></graphics>\
                    </devices></domain>";
        let definition = Definition::parse_str(text, &ParseOptions::default()).unwrap();
        let confinement = Confinement { devices: vec!["/dev/null".to_owned()], ..Confinement::default() };
        let disk = Labelled { path: "/dev/sda".to_owned(), read_only: true, shared: false, made: false };
        let found = of(&confinement, &definition, &[disk]);
        let found: Vec<_> = found.iter().map(|(path, write)| (path.as_str(), *write)).collect();
        let expect = [
            ("/dev/null", true),
            ("/dev/sda", false),
            ("/dev/ttyS0", true),
            ("/dev/dri/renderD128", true),
            ("/dev/hwrng", true),
        ];
        assert_eq!(found, expect);
    }

    #[test]
    fn only_devices_are_taken_from_the_files_that_change_hands() {
        if !host::private_dev::is_available() {
            return eprintln!("not run: only_devices_are_taken_from_the_files: no mounts can be made here");
        }
        let file = |path: &str| GuestFile {
            path: path.to_owned(),
            owner: Owner { uid: 5, gid: 6 },
            given_back: true,
            output: false,
            optional: false,
        };
        let files =
            vec![file("/dev/null"), file("/etc/hostname"), file("/dev/no-such"), file("/dev/pts/ptmx")];
        let own = own_dev(&["/dev/zero".to_owned()], files, None).unwrap();
        let left: Vec<_> = own.files.iter().map(|file| file.path.as_str()).collect();
        assert_eq!(left, ["/etc/hostname", "/dev/no-such", "/dev/pts/ptmx"]);
        assert!(!own.mounts.is_empty());
    }
}
