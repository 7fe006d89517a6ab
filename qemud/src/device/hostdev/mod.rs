//! Devices of the host given to the guest.

mod scsi;

use model::domain::device::hostdev::{
    GuestReset, Hostdev, HostdevSource, MdevModel, ScsiHostModel, ScsiUnit,
};
use model::domain::device::info::DeviceInfo;

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::{Build, rom};
use crate::command::props::Props;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

impl QemuDevice for Hostdev {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        if let HostdevSource::Mdev(mdev) = &mut self.source
            && mdev.model == MdevModel::VfioPci
        {
            mdev.display.get_or_insert(false);
        }
        if let HostdevSource::Scsi(scsi) = &mut self.source
            && let ScsiUnit::Iscsi { network, .. } = &mut scsi.unit
        {
            crate::device::disk::location::ports(network);
        }
        Ok(())
    }

    fn validate(&self, _check: &Check<'_>) -> Result<(), DefaultsError> {
        source_rules(&self.source)
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        source_plug(&self.source, board)
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        device(&self.source, &self.info, build)
    }
}

/// How the guest's side plugs in.
pub fn source_plug(source: &HostdevSource, board: &Board<'_>) -> Option<Connect> {
    match source {
        HostdevSource::Pci(_) => Some(board.pcie()),
        HostdevSource::Mdev(mdev) => (mdev.model == MdevModel::VfioPci).then(|| board.pcie()),
        HostdevSource::ScsiHost { model, .. } => {
            Some(board.virtio(*model == Some(ScsiHostModel::VirtioTransitional)))
        }
        _ => None,
    }
}

/// What is refused, whether as `<hostdev>` or as an interface.
pub fn source_rules(source: &HostdevSource) -> Result<(), DefaultsError> {
    match source {
        HostdevSource::CapsStorage { .. }
        | HostdevSource::CapsMisc { .. }
        | HostdevSource::CapsNet { .. } => {
            Err(DefaultsError::unsupported("hostdev mode 'capabilities' is not supported in kvm"))
        }
        HostdevSource::Pci(pci) if pci.write_filtering.is_some() => Err(DefaultsError::unsupported(
            "Write filtering of PCI device configuration space is not supported by qemu",
        )),
        HostdevSource::Mdev(mdev) => match mdev.model {
            MdevModel::VfioPci => Ok(()),
            MdevModel::VfioCcw => Err(DefaultsError::unsupported(
                "VFIO CCW device assignment is not supported by this version of QEMU",
            )),
            MdevModel::VfioAp => Err(DefaultsError::unsupported(
                "VFIO AP device assignment is not supported by this version of QEMU",
            )),
        },
        _ => Ok(()),
    }
}

/// Writes the guest's side.
pub fn device(source: &HostdevSource, info: &DeviceInfo, build: &mut Build<'_>) -> Result<(), PlanError> {
    let alias = build.alias(info)?;
    let boot = build.boot_index(info);
    let props = match source {
        HostdevSource::Usb(usb) => {
            let (Some(bus), Some(device)) = (usb.bus, usb.device) else {
                return Err(PlanError::internal("USB host device is missing bus/device information"));
            };
            let path = format!("/dev/bus/usb/{bus:03}/{device:03}");
            build.plan.label(&path, false, false);
            let props =
                Props::device("usb-host").str("hostdevice", &path).str("id", &alias).opt("bootindex", boot);
            match usb.guest_reset {
                Some(GuestReset::Off) => props.set("guest-reset", false),
                Some(GuestReset::On) => props.set("guest-reset", true).set("guest-resets-all", true),
                Some(GuestReset::Uninitialized) => props.set("guest-reset", true),
                None => props,
            }
        }
        HostdevSource::Mdev(mdev) => {
            let driver = if mdev.ramfb == Some(true) { "vfio-pci-nohotplug" } else { "vfio-pci" };
            let display = mdev.display.map(|on| if on { "on" } else { "off" });
            Props::device(driver)
                .str("id", &alias)
                .str("sysfsdev", &format!("/sys/bus/mdev/devices/{}", mdev.uuid))
                .opt_str("display", display)
                .opt("ramfb", mdev.ramfb)
                .opt("bootindex", boot)
        }
        HostdevSource::Pci(pci) => {
            if pci.driver.is_none() {
                // The driver chooses how to pass a device through only at a real start.
                return Err(PlanError::internal("invalid PCI passthrough type 'default'"));
            }
            let at = &pci.address;
            let host = format!("{:04x}:{:02x}:{:02x}.{}", at.domain, at.bus, at.slot, at.function);
            Props::device("vfio-pci").str("host", &host).str("id", &alias).opt("bootindex", boot)
        }
        HostdevSource::Scsi(unit) => return scsi::args(unit, info, build),
        HostdevSource::ScsiHost { .. } => {
            return Err(PlanError::unsupported("vhost-scsi targets cannot be passed to a guest yet"));
        }
        HostdevSource::CapsStorage { .. }
        | HostdevSource::CapsMisc { .. }
        | HostdevSource::CapsNet { .. } => {
            return Err(PlanError::unsupported("hostdev mode 'capabilities' is not supported in kvm"));
        }
    };
    let props = rom(build.place(props, info)?, info);
    build.device(props)
}
