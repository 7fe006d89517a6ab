//! All QEMU knowledge of the kinds of devices, one module each: what a document may leave out, what is refused,
//! where a device plugs in, and its options on the command line.

pub mod audio;
pub mod chardev;
pub mod controller;
pub mod disk;
pub mod filesystem;
pub mod graphics;
pub mod hostdev;
pub mod hub;
pub mod input;
pub mod interface;
pub mod iommu;
pub mod memballoon;
pub mod memory;
pub mod panic;
pub mod redirdev;
pub mod rng;
pub mod shmem;
pub mod smartcard;
pub mod sound;
pub mod tpm;
pub mod video;
pub mod vsock;
pub mod watchdog;

use model::domain::Domain;
use model::domain::device::Device;

use crate::command::PlanError;
use crate::command::after::Step;
use crate::command::build::Build;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;
use crate::defaults::{DefaultsError, QemuConf};

/// What a rule about one device may look at.
pub struct Check<'a> {
    /// The whole domain.
    pub domain: &'a Domain,
    /// The machine.
    pub board: &'a Board<'a>,
}

/// The QEMU side of one kind of device. A kind without it does not compile in this crate.
pub trait QemuDevice {
    /// Fills in what the document leaves to the driver, this device alone considered.
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        Ok(())
    }

    /// Refuses what the emulator or this driver cannot do.
    fn validate(&self, _check: &Check<'_>) -> Result<(), DefaultsError> {
        Ok(())
    }

    /// How it plugs into PCI; none if it never sits there.
    fn plug(&self, _board: &Board<'_>) -> Option<Connect> {
        None
    }

    /// Writes its options.
    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError>;

    /// What is said of it over the monitor before the guest runs.
    fn after(&self, _conf: &QemuConf) -> Vec<Step> {
        Vec::new()
    }
}

/// Calls one method of the kind's own implementation.
macro_rules! of_kind {
    ($device:expr, $d:ident => $call:expr, none: $none:expr) => {
        match $device {
            Device::Disk($d) => $call,
            Device::Controller($d) => $call,
            Device::Filesystem($d) => $call,
            Device::Interface($d) => $call,
            Device::Smartcard($d) => $call,
            Device::Serial($d) => $call,
            Device::Parallel($d) => $call,
            Device::Console($d) => $call,
            Device::Channel($d) => $call,
            Device::Input($d) => $call,
            Device::Tpm($d) => $call,
            Device::Graphics($d) => $call,
            Device::Sound($d) => $call,
            Device::Audio($d) => $call,
            Device::Video($d) => $call,
            Device::Hostdev($d) => $call,
            Device::Redirdev($d) => $call,
            Device::Hub($d) => $call,
            Device::Watchdog($d) => $call,
            Device::Memballoon($d) => $call,
            Device::Rng($d) => $call,
            Device::Panic($d) => $call,
            Device::Shmem($d) => $call,
            Device::Memory($d) => $call,
            Device::Iommu($d) => $call,
            Device::Vsock($d) => $call,
            // A lease belongs to a lock manager, a redirection filter to its devices, NVRAM to pseries machines.
            Device::Lease(_) | Device::Redirfilter(_) | Device::Nvram(_) => $none,
        }
    };
}

/// Fills in what the document leaves to the driver.
pub fn complete(device: &mut Device, board: &Board<'_>) -> Result<(), DefaultsError> {
    of_kind!(device, d => d.complete(board), none: Ok(()))
}

/// Refuses what cannot be done.
pub fn validate(device: &Device, check: &Check<'_>) -> Result<(), DefaultsError> {
    of_kind!(device, d => d.validate(check), none: refuse_foreign(device))
}

/// How a device plugs into PCI.
pub fn plug(device: &Device, board: &Board<'_>) -> Option<Connect> {
    of_kind!(device, d => d.plug(board), none: None)
}

/// Writes the options of a device.
pub fn args(device: &Device, build: &mut Build<'_>) -> Result<(), PlanError> {
    of_kind!(device, d => d.args(build), none: Ok(()))
}

/// What is said over the monitor before the guest runs.
pub fn after(device: &Device, conf: &QemuConf) -> Vec<Step> {
    of_kind!(device, d => d.after(conf), none: Vec::new())
}

fn refuse_foreign(device: &Device) -> Result<(), DefaultsError> {
    match device {
        Device::Nvram(_) => Err(DefaultsError::unsupported(
            "nvram devices exist on pseries machines only, which are not built here",
        )),
        _ => Ok(()),
    }
}
