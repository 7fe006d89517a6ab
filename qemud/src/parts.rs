//! Parts of a definition that the driver looks for.

use model::domain::Domain as Definition;
use model::domain::clock::ClockOffset;
use model::domain::device::Device;
use model::domain::device::address::Address;
use model::domain::device::chardev::{Backend, ChannelState, ChannelTarget, Source};
use model::domain::device::disk::Disk;
use model::domain::device::disk::source::{Location, StorageSource};
use model::domain::device::graphics::{GraphicsKind, Listen};
use model::domain::device::memballoon::{Memballoon, MemballoonModel};
use model::domain::device::rng::RngBackend;
use model::domain::device::smartcard::SmartcardKind;

use crate::defaults::facts::QemuConf;
use crate::guest::threshold;

/// The disks, in the definition's order.
pub fn disks(definition: &Definition) -> impl Iterator<Item = &Disk> {
    definition.devices.iter().filter_map(|device| match device {
        Device::Disk(disk) => Some(&**disk),
        _ => None,
    })
}

/// The local path of a disk's image, if it has one.
pub fn disk_path(disk: &Disk) -> Option<&str> {
    image_path(&disk.source)
}

/// The local path of an image of a disk's chain, if it has one.
pub fn image_path(image: &StorageSource) -> Option<&str> {
    match &image.location {
        Location::File { path, .. } | Location::Block { path } | Location::Dir { path } => path.as_deref(),
        _ => None,
    }
}

/// The disk that an event of QEMU is about: by the block node, by the device's place in the object tree, or by the
/// drive's name; QEMU says some of them.
pub fn disk_of_event<'a>(
    definition: &'a Definition,
    node: Option<&str>,
    qom_path: Option<&str>,
    drive: &str,
) -> Option<&'a Disk> {
    let by_node = node.and_then(|node| Some(threshold::image_of_node(definition, node)?.0));
    // /machine/peripheral/ALIAS/virtio-backend and the like.
    let in_tree = qom_path.and_then(|path| path.strip_prefix("/machine/peripheral/"));
    let alias = in_tree.and_then(|path| path.split('/').next()).or_else(|| drive.strip_prefix("drive-"));
    by_node.or_else(|| disks(definition).find(|disk| alias.is_some() && disk.info.alias.as_deref() == alias))
}

/// Note whether the tray of the drive with this alias is open; false when that is no news.
pub fn set_tray(definition: &mut Definition, alias: &str, open: bool) -> bool {
    for device in &mut definition.devices {
        if let Device::Disk(disk) = device
            && disk.info.alias.as_deref() == Some(alias)
            && disk.tray_open != open
        {
            disk.tray_open = open;
            return true;
        }
    }
    false
}

/// Remove the device with this alias; false when there is none.
pub fn remove(definition: &mut Definition, alias: &str) -> bool {
    let before = definition.devices.len();
    definition.devices.retain(|device| device.info().and_then(|info| info.alias.as_deref()) != Some(alias));
    definition.devices.len() != before
}

/// The disk that a client names by its target or by its source's path.
pub fn disk_by<'d>(definition: &'d Definition, name: &str) -> Option<&'d Disk> {
    let named = |disk: &&Disk| disk.target == name || disk_path(disk) == Some(name);
    disks(definition).find(named).filter(|_| !name.is_empty())
}

/// Whether a drive has no medium.
pub fn is_empty(disk: &Disk) -> bool {
    match &disk.source.location {
        Location::File { path, .. } | Location::Block { path } | Location::Dir { path } => {
            path.as_deref().is_none_or(str::is_empty)
        }
        _ => false,
    }
}

/// Whether memory can be taken back from the guest.
pub fn has_balloon(definition: &Definition) -> bool {
    definition
        .devices
        .iter()
        .any(|device| matches!(device, Device::Memballoon(balloon) if balloon.model != MemballoonModel::None))
}

/// The balloon, unless the guest has none.
pub fn balloon(definition: &Definition) -> Option<&Memballoon> {
    definition.devices.iter().find_map(|device| match device {
        Device::Memballoon(balloon) if balloon.model != MemballoonModel::None => Some(&**balloon),
        _ => None,
    })
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

/// Put the address in the guest that QEMU chose for the memory module with this alias into the live definition.
pub fn set_module_address(definition: &mut Definition, alias: &str, address: u64) {
    for device in &mut definition.devices {
        let Some(info) = device.info_mut().filter(|info| info.alias.as_deref() == Some(alias)) else {
            continue;
        };
        if let Some(Address::Dimm { base, .. }) = &mut info.address {
            *base = Some(address);
        }
    }
}

/// Where a display listens when its definition leaves it open: the address that qemu.conf says.
pub fn set_listen_addresses(definition: &mut Definition, conf: &QemuConf) {
    for device in &mut definition.devices {
        let Device::Graphics(graphics) = device else { continue };
        let default = match graphics.kind {
            GraphicsKind::Vnc(_) => &conf.vnc_listen,
            GraphicsKind::Spice(_) => &conf.spice_listen,
            _ => continue,
        };
        if graphics.listens.is_empty() {
            graphics.listens.push(Listen::Address { address: None, from_config: false });
        }
        for listen in &mut graphics.listens {
            if let Listen::Address { address: address @ None, from_config } = listen {
                *address = Some(default.clone());
                *from_config = true;
            }
        }
    }
}

/// Moves a variable clock to `offset` seconds from what the guest was started with (QMP `RTC_CHANGE` counts from the
/// date that QEMU was given); returns the whole adjustment, none where the clock does not vary.
pub fn adjust_clock(definition: &mut Definition, offset: i64) -> Option<i64> {
    let ClockOffset::Variable { adjustment, start, .. } = &mut definition.clock.offset else { return None };
    *adjustment = start.unwrap_or_default().saturating_add(offset);
    Some(*adjustment)
}

/// Note whether the guest has the channel with this alias open; false when that is no news.
pub fn set_channel_state(definition: &mut Definition, alias: &str, open: bool) -> bool {
    let now = Some(if open { ChannelState::Connected } else { ChannelState::Disconnected });
    for device in &mut definition.devices {
        let Device::Channel(channel) = device else { continue };
        if let ChannelTarget::Virtio { connected, .. } = &mut channel.target
            && channel.info.alias.as_deref() == Some(alias)
            && *connected != now
        {
            *connected = now;
            return true;
        }
    }
    false
}

/// The host end of a device that has one.
pub fn chardev_source(device: &Device) -> Option<&Source> {
    match device {
        Device::Serial(serial) => Some(&serial.source),
        Device::Parallel(parallel) => Some(&parallel.source),
        Device::Console(console) => Some(&console.source),
        Device::Channel(channel) => Some(&channel.source),
        Device::Redirdev(redirdev) => Some(&redirdev.source),
        Device::Smartcard(smartcard) => match &smartcard.kind {
            SmartcardKind::Passthrough(source) => Some(source),
            _ => None,
        },
        Device::Rng(rng) => match &rng.backend {
            RngBackend::Egd(source) => Some(source),
            _ => None,
        },
        _ => None,
    }
}

/// The name that the guest sees of the channel with this alias.
pub fn channel_name<'a>(definition: &'a Definition, alias: &str) -> Option<&'a str> {
    definition.devices.iter().find_map(|device| match device {
        Device::Channel(channel) if channel.info.alias.as_deref() == Some(alias) => match &channel.target {
            ChannelTarget::Virtio { name, .. } => name.as_deref(),
            _ => None,
        },
        _ => None,
    })
}

/// The named channels, and whether the guest has each open.
pub fn channel_states(definition: &Definition) -> impl Iterator<Item = (&str, bool)> {
    definition.devices.iter().filter_map(|device| match device {
        Device::Channel(channel) => match &channel.target {
            ChannelTarget::Virtio { name: Some(name), connected: Some(now) } => {
                Some((name.as_str(), *now == ChannelState::Connected))
            }
            _ => None,
        },
        _ => None,
    })
}

/// The host end of a serial port, a parallel port, a console or a channel.
pub fn character_source(device: &mut Device) -> Option<&mut Source> {
    match device {
        Device::Serial(serial) => Some(&mut serial.source),
        Device::Parallel(parallel) => Some(&mut parallel.source),
        Device::Console(console) => Some(&mut console.source),
        Device::Channel(channel) => Some(&mut channel.source),
        _ => None,
    }
}
