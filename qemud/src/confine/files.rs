//! The host's files that a guest uses, with the owner that each is to have. Pure: from the live definition alone,
//! so that a daemon that comes back finds the same files.

use host::label::Owner;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::chardev::{Backend, ConsoleTarget, Source};
use model::domain::device::disk::Disk;
use model::domain::device::disk::source::{Backing, Location, StorageSource};
use model::domain::seclabel::DeviceSecLabel;
use model::domain::sysinfo::Sysinfo;
use protocol::Fault;

use super::Identity;
use super::seclabel::{DAC, owner_of};
use crate::parts;

/// A file that changes hands for a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GuestFile {
    /// Its path.
    pub path: String,
    /// Who it belongs to while the guest runs.
    pub owner: Owner,
    /// It is given back at the end, to the owner of before. What other guests, perhaps of other hosts, may use at the
    /// same time is not: nobody here knows when the last of them ends.
    pub given_back: bool,
    /// The guest's output: made if it is missing.
    pub output: bool,
    /// It may be missing: then it is passed over.
    pub optional: bool,
}

/// The files of a guest that runs as `identity`, in the order in which they are given to it.
pub fn of(definition: &Definition, identity: &Identity) -> Result<Vec<GuestFile>, Fault> {
    if !identity.relabel {
        return Ok(Vec::new());
    }
    let mut list = List { owner: identity.files, outputs: identity.outputs, files: Vec::new() };
    for device in &definition.devices {
        list.device(device, definition)?;
    }
    list.system(definition)?;
    Ok(list.files)
}

struct List {
    owner: Owner,
    outputs: bool,
    files: Vec<GuestFile>,
}

impl List {
    fn device(&mut self, device: &Device, definition: &Definition) -> Result<(), Fault> {
        match device {
            Device::Disk(disk) => self.disk(disk)?,
            Device::Input(input) => self.plain(input.source.as_deref()),
            Device::Memory(memory) => self.plain(memory.path.as_deref()),
            Device::Console(console)
                if matches!(console.target_type, None | Some(ConsoleTarget::Serial))
                    && definition.devices.iter().any(|device| matches!(device, Device::Serial(_))) =>
            {
                // It stands for the serial port.
            }
            other => {
                if let Some(source) = parts::chardev_source(other) {
                    self.chardev(source)?;
                }
            }
        }
        Ok(())
    }

    /// An image with those behind it. Only the top one is the guest's own, and only if it alone writes it.
    fn disk(&mut self, disk: &Disk) -> Result<(), Fault> {
        let top = &disk.source;
        let mut next = Some(top);
        while let Some(image) = next {
            let is_top = std::ptr::eq(image, top);
            if let (Some(path), Some(owner)) = (local_path(image), self.image_owner(image, top)?) {
                let given_back = is_top && !disk.readonly && !disk.shareable;
                self.files.push(GuestFile {
                    path: path.to_owned(),
                    owner,
                    given_back,
                    output: false,
                    optional: false,
                });
            }
            next = match &image.backing {
                Backing::Source(below) => Some(below),
                Backing::Unknown | Backing::None => None,
            };
        }
        Ok(())
    }

    /// The image's own label, else the one of the top image, else the guest's. None: it stays as it is.
    fn image_owner(&self, image: &StorageSource, top: &StorageSource) -> Result<Option<Owner>, Fault> {
        match (decided(&image.seclabels), decided(&top.seclabels)) {
            (Some(label), _) | (None, Some(label)) => owner_by(label),
            (None, None) => Ok(Some(self.owner)),
        }
    }

    fn chardev(&mut self, source: &Source) -> Result<(), Fault> {
        let owner = match decided(&source.seclabels) {
            Some(label) => owner_by(label)?,
            None => Some(self.owner),
        };
        let Some(owner) = owner else { return Ok(()) };
        let mut add = |path: &str, output, optional| {
            self.files.push(GuestFile { path: path.to_owned(), owner, given_back: true, output, optional });
        };
        // QEMU takes a pair of pipes, or without them one that goes both ways.
        if let Backend::Pipe { path } = &source.backend {
            [format!("{path}.in"), format!("{path}.out"), path.clone()]
                .iter()
                .for_each(|p| add(p, false, true));
        }
        let mut push = |path: &str, output| add(path, output, false);
        match &source.backend {
            Backend::Dev { path } => push(path, false),
            Backend::File { path, .. } if self.outputs => push(path, true),
            Backend::Unix(unix) if !unix.listen => {
                if let Some(path) = &unix.path {
                    push(path, false);
                }
            }
            _ => {}
        }
        if let Some(log) = source.log.as_ref().filter(|_| self.outputs) {
            push(&log.file, true);
        }
        Ok(())
    }

    /// Firmware variables, kernel, initial RAM disk, tables.
    fn system(&mut self, definition: &Definition) -> Result<(), Fault> {
        let os = &definition.os;
        if let Some(nvram) = &os.nvram
            && let Some(path) = &nvram.path
        {
            let owner = match decided(&nvram.seclabels) {
                Some(label) => owner_by(label)?,
                None => Some(self.owner),
            };
            if let Some(owner) = owner {
                self.files.push(GuestFile {
                    path: path.clone(),
                    owner,
                    given_back: true,
                    output: false,
                    optional: false,
                });
            }
        }
        for path in [&os.kernel, &os.initrd, &os.dtb, &os.slic_table] {
            self.plain(path.as_deref());
        }
        for sysinfo in &definition.sysinfo {
            if let Sysinfo::Fwcfg(entries) = sysinfo {
                entries.iter().for_each(|entry| self.plain(entry.file.as_deref()));
            }
        }
        Ok(())
    }

    fn plain(&mut self, path: Option<&str>) {
        if let Some(path) = path {
            let owner = self.owner;
            self.files.push(GuestFile {
                path: path.to_owned(),
                owner,
                given_back: true,
                output: false,
                optional: false,
            });
        }
    }
}

/// The label of this driver, if it says anything.
fn decided(labels: &[DeviceSecLabel]) -> Option<&DeviceSecLabel> {
    let own = labels.iter().find(|label| label.model.as_deref() == Some(DAC));
    own.filter(|label| label.relabel == Some(false) || label.label.is_some())
}

fn owner_by(label: &DeviceSecLabel) -> Result<Option<Owner>, Fault> {
    match &label.label {
        Some(text) if label.relabel != Some(false) => owner_of(text).map(Some),
        _ => Ok(None),
    }
}

fn local_path(image: &StorageSource) -> Option<&str> {
    match &image.location {
        Location::File { path, .. } | Location::Block { path } => path.as_deref(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::domain::ParseOptions;

    const GUEST: Owner = Owner { uid: 64055, gid: 107 };

    fn files(inner: &str, relabel: bool) -> Vec<(String, u32, bool)> {
        let text = format!(
            "<domain type='qemu'><name>a</name><memory>1</memory><os><type>hvm</type><kernel>/k</kernel></os>\
             <devices>{inner}</devices></domain>"
        );
        let definition = Definition::parse_str(&text, &ParseOptions::default()).unwrap();
        let identity = Identity { process: GUEST, files: GUEST, relabel, outputs: true };
        let found = of(&definition, &identity).unwrap();
        found.into_iter().map(|file| (file.path, file.owner.uid, file.given_back)).collect()
    }

    fn disk(device: &str, source: &str, rest: &str) -> String {
        format!(
            "<disk type='file' device='{device}'><driver name='qemu' type='qcow2'/><source file='/d'>{source}</source>\
             <target dev='sda' bus='sata'/>{rest}</disk>"
        )
    }

    #[test]
    fn only_what_is_the_guests_alone_is_given_back() {
        let kernel = ("/k".to_owned(), 64055, true);
        let below =
            "<backingStore type='file'><format type='raw'/><source file='/b'/><backingStore/></backingStore>";
        let chain = files(&disk("disk", "", below), true);
        assert_eq!(chain, [("/d".to_owned(), 64055, true), ("/b".to_owned(), 64055, false), kernel.clone()]);
        assert_eq!(files(&disk("disk", "", "<shareable/>"), true)[0], ("/d".to_owned(), 64055, false));
        assert_eq!(files(&disk("cdrom", "", "<readonly/>"), true)[0], ("/d".to_owned(), 64055, false));
        assert_eq!(files(&disk("disk", "", ""), false), []);
    }

    #[test]
    fn images_may_have_labels_of_their_own() {
        let other = "<seclabel model='dac'><label>+5:+6</label></seclabel>";
        assert_eq!(files(&disk("disk", other, ""), true)[0], ("/d".to_owned(), 5, true));
        let none = "<seclabel model='dac' relabel='no'/>";
        assert_eq!(files(&disk("disk", none, ""), true), [("/k".to_owned(), 64055, true)]);
    }

    #[test]
    fn character_devices() {
        let found = files(
            "<serial type='file'><source path='/out'/><log file='/log'/></serial>\
             <console type='file'><source path='/out'/><target type='serial'/></console>\
             <channel type='unix'><source mode='connect' path='/sock'/><target type='virtio'/></channel>\
             <channel type='unix'><source mode='bind' path='/own'/><target type='virtio'/></channel>",
            true,
        );
        let paths: Vec<_> = found.iter().map(|(path, ..)| path.as_str()).collect();
        assert_eq!(paths, ["/out", "/log", "/sock", "/k"]);
    }
}
