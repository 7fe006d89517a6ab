//! Names of devices in QEMU, given at start.

use std::collections::BTreeMap;

use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::address::{Address, DriveAddress};
use model::domain::device::chardev::ConsoleTarget;
use model::domain::device::controller::{Controller, ControllerKind, PciModel, ScsiModel};
use model::domain::device::disk::{Disk, DiskBus, target_index};
use model::domain::device::memballoon::MemballoonModel;
use model::domain::device::memory::MemoryModel;

/// Gives an alias to every device that has none.
pub fn aliases(domain: &mut Domain) {
    let scsi = scsi_models(domain);
    let serial = console_serial(domain);
    let mut counters: BTreeMap<&'static str, usize> = BTreeMap::new();
    for position in 0..domain.devices.len() {
        let alias = match &domain.devices[position] {
            Device::Disk(disk) => disk_alias(disk, &scsi),
            Device::Controller(controller) => Some(controller_alias(controller, domain)),
            Device::Console(console) => {
                let number = count(&mut counters, "console");
                match (console.target_type, &serial) {
                    (Some(ConsoleTarget::Serial), Some(serial)) if number == 0 => Some(serial.clone()),
                    _ => Some(format!("console{number}")),
                }
            }
            Device::Memory(memory) => Some(memory_alias(memory, &mut counters)),
            other => prefix(other).map(|prefix| format!("{prefix}{}", count(&mut counters, prefix))),
        };
        if let (Some(info), Some(alias)) = (domain.devices[position].info_mut(), alias) {
            info.alias.get_or_insert(alias);
        }
    }
}

fn count(counters: &mut BTreeMap<&'static str, usize>, prefix: &'static str) -> usize {
    let counter = counters.entry(prefix).or_default();
    let number = *counter;
    *counter += 1;
    number
}

/// First part of an alias, for kinds that are simply numbered.
fn prefix(device: &Device) -> Option<&'static str> {
    Some(match device {
        Device::Filesystem(_) => "fs",
        Device::Interface(_) => "net",
        Device::Smartcard(_) => "smartcard",
        Device::Serial(_) => "serial",
        Device::Parallel(_) => "parallel",
        Device::Channel(_) => "channel",
        Device::Input(_) => "input",
        Device::Tpm(_) => "tpm",
        Device::Sound(_) => "sound",
        Device::Video(_) => "video",
        Device::Hostdev(_) => "hostdev",
        Device::Redirdev(_) => "redir",
        Device::Hub(_) => "hub",
        Device::Watchdog(_) => "watchdog",
        Device::Memballoon(balloon) if balloon.model != MemballoonModel::None => "balloon",
        Device::Rng(_) => "rng",
        Device::Shmem(_) => "shmem",
        Device::Iommu(_) => "iommu",
        Device::Vsock(_) => "vsock",
        _ => return None,
    })
}

/// Name of the serial port that the first console stands for.
fn console_serial(domain: &Domain) -> Option<String> {
    domain.devices.iter().find_map(|device| match device {
        Device::Serial(serial) => Some(serial.info.alias.clone().unwrap_or_else(|| "serial0".to_owned())),
        _ => None,
    })
}

fn scsi_models(domain: &Domain) -> BTreeMap<u32, Option<ScsiModel>> {
    domain
        .devices
        .iter()
        .filter_map(|device| match device {
            Device::Controller(controller) => match controller.kind {
                ControllerKind::Scsi { model } => Some((controller.index?, model)),
                _ => None,
            },
            _ => None,
        })
        .collect()
}

fn disk_alias(disk: &Disk, scsi: &BTreeMap<u32, Option<ScsiModel>>) -> Option<String> {
    let index = target_index(&disk.target).unwrap_or(0);
    let bus = disk.bus?;
    let at = match disk.info.address {
        Some(Address::Drive(at)) => at,
        _ => DriveAddress::default(),
    };
    let (controller, channel, unit) = (at.controller, at.bus, at.unit);
    Some(match bus {
        DiskBus::Scsi if scsi.get(&controller).copied().flatten() != Some(ScsiModel::LsiLogic) => {
            format!("scsi{controller}-{channel}-{}-{unit}", at.target)
        }
        DiskBus::Scsi | DiskBus::Ide | DiskBus::Sata | DiskBus::Fdc => {
            format!("{bus}{controller}-{channel}-{unit}")
        }
        DiskBus::Virtio | DiskBus::Usb | DiskBus::Sd | DiskBus::Xen | DiskBus::Uml => {
            format!("{bus}-disk{index}")
        }
    })
}

fn controller_alias(controller: &Controller, domain: &Domain) -> String {
    let index = controller.index.unwrap_or(0);
    let q35 = domain.os.machine.as_deref().is_some_and(|machine| machine.contains("q35"));
    match &controller.kind {
        ControllerKind::Pci(pci) if pci.model == Some(PciModel::PcieRoot) => format!("pcie.{index}"),
        ControllerKind::Pci(_) => format!("pci.{index}"),
        ControllerKind::Ide { .. } if index == 0 => "ide".to_owned(),
        ControllerKind::Sata if q35 && index == 0 => "ide".to_owned(),
        ControllerKind::Usb { .. } if index == 0 => "usb".to_owned(),
        kind => format!("{}{index}", kind.kind()),
    }
}

fn memory_alias(
    memory: &model::domain::device::memory::Memory,
    counters: &mut BTreeMap<&'static str, usize>,
) -> String {
    let slot = match memory.info.address {
        Some(Address::Dimm { slot, .. }) => slot as usize,
        _ => 0,
    };
    match memory.model {
        MemoryModel::Dimm => format!("dimm{slot}"),
        MemoryModel::Nvdimm => format!("nvdimm{slot}"),
        MemoryModel::VirtioPmem => format!("virtiopmem{}", count(counters, "virtiopmem")),
        MemoryModel::VirtioMem => format!("virtiomem{}", count(counters, "virtiomem")),
        MemoryModel::SgxEpc => format!("epc{}", count(counters, "epc")),
    }
}
