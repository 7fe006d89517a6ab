//! Rules between the devices of a guest that hold for every driver.

use std::collections::{BTreeMap, BTreeSet};

use super::Domain;
use super::device::Device;
use super::device::address::{Address, DriveAddress};
use super::device::controller::{ControllerKind, UsbModel};
use super::device::disk::{Disk, DiskBus, target_index};
use super::device::hostdev::HostdevSource;
use super::device::input::InputBus;
use super::device::iommu::Iommu;
use super::device::video::VideoModel;
use super::features::IoApic;
use crate::xml::XmlError;

impl Domain {
    pub(super) fn validate_devices(&self) -> Result<(), XmlError> {
        self.validate_aliases()?;
        self.validate_disks()?;
        self.validate_usb()?;
        self.validate_video()?;
        self.validate_audio()?;
        self.validate_hostdevs()?;
        self.devices.iter().try_for_each(|device| match device {
            Device::Iommu(iommu) => self.validate_iommu(iommu),
            Device::Memory(memory) => self.validate_memory_node(memory.node),
            _ => Ok(()),
        })
    }

    fn validate_aliases(&self) -> Result<(), XmlError> {
        let mut seen = BTreeSet::new();
        for device in &self.devices {
            // A console shares the alias of the serial port that it stands for.
            if matches!(device, Device::Console(_)) {
                continue;
            }
            let Some(alias) = device.info().and_then(|info| info.alias.as_deref()) else { continue };
            if !seen.insert(alias) {
                return Err(XmlError::unsupported(format!("non unique alias detected: {alias}")));
            }
        }
        Ok(())
    }

    fn validate_disks(&self) -> Result<(), XmlError> {
        let disks = || {
            self.devices.iter().filter_map(|device| match device {
                Device::Disk(disk) => Some(&**disk),
                _ => None,
            })
        };
        let mut targets: BTreeMap<&str, &Disk> = BTreeMap::new();
        for disk in disks() {
            if disk.info.address.is_none() && target_index(&disk.target).is_none() {
                let text = format!("Unknown disk name '{}' and no address specified", disk.target);
                return Err(XmlError::xml(text));
            }
            if let Some(other) = targets.insert(&disk.target, disk) {
                let path = |d: &'_ Disk| d.source.location.path().unwrap_or("<null>").to_owned();
                let text = format!(
                    "target '{}' duplicated for disk sources '{}' and '{}'",
                    disk.target,
                    path(other),
                    path(disk)
                );
                return Err(XmlError::xml(text));
            }
        }
        // Two disks of one name are told as such, whatever place the name stands for.
        let mut places: BTreeMap<(Option<DiskBus>, DriveAddress), &Disk> = BTreeMap::new();
        for disk in disks() {
            if let Some(Address::Drive(place)) = &disk.info.address
                && let Some(other) = places.insert((disk.bus, *place), disk)
            {
                let text = format!(
                    "Found duplicate drive address for disk with target name '{}' {}",
                    other.target,
                    drive_text(place)
                );
                return Err(XmlError::unsupported(text));
            }
        }
        Ok(())
    }

    /// Nothing of USB fits a guest whose USB controller is `none`.
    fn validate_usb(&self) -> Result<(), XmlError> {
        let mut controllers = self.devices.iter().filter_map(|device| match device {
            Device::Controller(c) => match c.kind {
                ControllerKind::Usb { model, .. } => Some(model),
                _ => None,
            },
            _ => None,
        });
        let (first, second) = (controllers.next(), controllers.next());
        let off = |model| model == Some(Some(UsbModel::None));
        if !off(first) && !off(second) && !controllers.any(|m| off(Some(m))) {
            return Ok(());
        }
        if second.is_some() {
            let text = "Can't add another USB controller: USB is disabled for this domain";
            return Err(XmlError::detail(text));
        }
        for device in &self.devices {
            let text = match device {
                Device::Hostdev(h) if matches!(h.source, HostdevSource::Usb(_)) => {
                    "Can't add host USB device: USB is disabled in this host"
                }
                Device::Hub(_) => "Can't add USB hub: USB is disabled for this domain",
                Device::Input(i) if i.bus == Some(InputBus::Usb) => {
                    "Can't add USB input device. USB bus is disabled"
                }
                Device::Redirdev(_) => "cannot add redirected USB device: USB is disabled for this domain",
                _ => continue,
            };
            return Err(XmlError::unsupported(text));
        }
        Ok(())
    }

    fn validate_video(&self) -> Result<(), XmlError> {
        let videos = || {
            self.devices.iter().filter_map(|d| match d {
                Device::Video(v) => Some(v),
                _ => None,
            })
        };
        if videos().count() > 1 && videos().any(|v| v.model == Some(VideoModel::None)) {
            let text = "a 'none' video type must be the only video device defined for the domain";
            return Err(XmlError::unsupported(text));
        }
        if videos().filter(|v| v.primary).count() > 1 {
            return Err(XmlError::unsupported("Only one primary video device is supported"));
        }
        Ok(())
    }

    fn validate_audio(&self) -> Result<(), XmlError> {
        let mut ids = BTreeSet::new();
        for device in &self.devices {
            if let Device::Audio(audio) = device
                && !ids.insert(audio.id)
            {
                return Err(XmlError::xml(format!("audio ID {} is used multiple times", audio.id)));
            }
        }
        for device in &self.devices {
            if let Device::Sound(sound) = device
                && let Some(id) = sound.audio_id
                && !ids.contains(&id)
            {
                return Err(XmlError::xml(format!("no audio device with ID {id}")));
            }
        }
        Ok(())
    }

    fn validate_hostdevs(&self) -> Result<(), XmlError> {
        let mut places: BTreeSet<DriveAddress> = BTreeSet::new();
        for (i, device) in self.devices.iter().enumerate() {
            let Device::Hostdev(hostdev) = device else { continue };
            let same = |d: &Device| matches!(d, Device::Hostdev(other) if other.source == hostdev.source);
            if self.devices[..i].iter().rev().take_while(|d| matches!(d, Device::Hostdev(_))).any(same) {
                return Err(XmlError::xml("Hostdev already exists in the domain configuration"));
            }
            let (HostdevSource::Scsi(_), Some(Address::Drive(place))) =
                (&hostdev.source, &hostdev.info.address)
            else {
                continue;
            };
            if !places.insert(*place) {
                let text =
                    format!("SCSI host address {} in use by another SCSI host device", drive_text(place));
                return Err(XmlError::unsupported(text));
            }
        }
        for device in &self.devices {
            if let Device::Disk(disk) = device
                && disk.bus == Some(DiskBus::Scsi)
                && let Some(Address::Drive(place)) = &disk.info.address
                && places.contains(place)
            {
                let text = format!(
                    "using disk target name '{}' conflicts with SCSI host device address {}",
                    disk.target,
                    drive_text(place)
                );
                return Err(XmlError::unsupported(text));
            }
        }
        Ok(())
    }

    fn validate_iommu(&self, iommu: &Iommu) -> Result<(), XmlError> {
        if iommu.intremap == Some(true) && self.features.ioapic != Some(IoApic::Qemu) {
            let text = "IOMMU interrupt remapping requires split I/O APIC (ioapic driver='qemu')";
            return Err(XmlError::unsupported(text));
        }
        if iommu.eim == Some(true) && iommu.intremap != Some(true) {
            return Err(XmlError::unsupported("IOMMU eim requires interrupt remapping to be enabled"));
        }
        Ok(())
    }

    fn validate_memory_node(&self, node: Option<u32>) -> Result<(), XmlError> {
        let cells = self.cpu.numa.cells.len();
        match node {
            Some(_) if cells == 0 => {
                let text = "can't add memory backend as guest has no NUMA nodes configured";
                Err(XmlError::detail(text))
            }
            Some(node) if node as usize >= cells => {
                let text = format!(
                    "can't add memory backend for guest node '{node}' as the guest has only '{cells}' NUMA nodes configured"
                );
                Err(XmlError::detail(text))
            }
            _ => Ok(()),
        }
    }
}

fn drive_text(place: &DriveAddress) -> String {
    format!(
        "controller='{}' bus='{}' target='{}' unit='{}'",
        place.controller, place.bus, place.target, place.unit
    )
}
