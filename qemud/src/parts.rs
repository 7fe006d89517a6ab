//! Parts of a definition that the driver looks for.

use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::chardev::{Backend, Source};
use model::domain::device::disk::Disk;
use model::domain::device::disk::source::Location;

/// The disks, in the definition's order.
pub fn disks(definition: &Definition) -> impl Iterator<Item = &Disk> {
    definition.devices.iter().filter_map(|device| match device {
        Device::Disk(disk) => Some(disk),
        _ => None,
    })
}

/// The local path of a disk's image, if it has one.
pub fn disk_path(disk: &Disk) -> Option<&str> {
    match &disk.source.location {
        Location::File { path, .. } | Location::Block { path } | Location::Dir { path } => path.as_deref(),
        _ => None,
    }
}

/// How many network interfaces there are.
pub fn interface_count(definition: &Definition) -> usize {
    definition.devices.iter().filter(|device| matches!(device, Device::Interface(_))).count()
}

/// The aliases of all devices.
pub fn aliases(definition: &Definition) -> impl Iterator<Item = &str> {
    definition.devices.iter().filter_map(|device| device.info()?.alias.as_deref())
}

/// Put the terminal that QEMU opened for the character device with this alias into the live definition.
/// A console that stands for a serial port has its alias, and so gets the same terminal.
pub fn set_terminal(definition: &mut Definition, alias: &str, terminal: &str) {
    for device in &mut definition.devices {
        if device.info().and_then(|info| info.alias.as_deref()) != Some(alias) {
            continue;
        }
        if let Some(Source { backend: Backend::Pty { path }, .. }) = character_source(device) {
            *path = Some(terminal.to_owned());
        }
    }
}

fn character_source(device: &mut Device) -> Option<&mut Source> {
    match device {
        Device::Serial(serial) => Some(&mut serial.source),
        Device::Parallel(parallel) => Some(&mut parallel.source),
        Device::Console(console) => Some(&mut console.source),
        Device::Channel(channel) => Some(&mut channel.source),
        _ => None,
    }
}
