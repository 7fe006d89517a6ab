//! SCSI units of the host: a block node behind a `scsi-generic` device.

use model::domain::device::Device;
use model::domain::device::address::{Address, DriveAddress};
use model::domain::device::disk::source::{Backing, SecretRef, StorageSource};
use model::domain::device::hostdev::{HostdevSource, ScsiHostdev, ScsiUnit};
use model::domain::device::info::DeviceInfo;

use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;
use crate::defaults::{DefaultsError, Part};
use crate::device::disk::{location, scsi_place};

/// Writes the block node and the device.
pub(super) fn args(scsi: &ScsiHostdev, info: &DeviceInfo, build: &mut Build<'_>) -> Result<(), PlanError> {
    let alias = build.alias(info)?;
    let node = format!("libvirt-{}-backend", number(info, build));
    let props = match &scsi.unit {
        ScsiUnit::Iscsi { network, auth } => {
            if let Some(auth) = auth {
                let (what, name) = match &auth.secret {
                    SecretRef::Uuid(uuid) => ("uuid", uuid.to_string()),
                    SecretRef::Usage(usage) => ("usage", usage.clone()),
                };
                return Err(PlanError::NoSecret(format!("no secret with matching {what} '{name}'")));
            }
            location::network(network, &build.board.host.conf)?
        }
        ScsiUnit::Host { adapter, bus, target, unit } => {
            let path = generic(adapter, &format!("{bus}:{target}:{unit}"), build)?;
            build.plan.label(&path, readonly(info, build), false);
            Props::device("host_device").str("filename", &path)
        }
    };
    let props = props.str("node-name", &node).set("read-only", readonly(info, build));
    build.plan.option("-blockdev", props.to_json());
    let at = place(info)?;
    let props = Props::device("scsi-generic")
        .str("drive", &node)
        .str("id", &alias)
        .opt("bootindex", build.boot_index(info));
    let props = scsi_place(props, &at, build)?;
    build.device(props)
}

/// Number of the node: after those of all disks, in the order of the units.
fn number(info: &DeviceInfo, build: &Build<'_>) -> u32 {
    let mut highest = 0;
    let mut before = 1;
    let mut found = false;
    for device in &build.domain.devices {
        match device {
            Device::Disk(disk) => highest = highest.max(deepest(&disk.source)),
            Device::Hostdev(other) if matches!(other.source, HostdevSource::Scsi(_)) => {
                found |= std::ptr::eq(&other.info, info);
                before += u32::from(!found);
            }
            _ => {}
        }
    }
    highest + before
}

/// Highest number in a chain.
fn deepest(top: &StorageSource) -> u32 {
    let mut highest = 0;
    let mut image = top;
    loop {
        highest = highest.max(image.index.unwrap_or(0));
        match &image.backing {
            Backing::Source(below) => image = below,
            Backing::Unknown | Backing::None => return highest,
        }
    }
}

fn readonly(info: &DeviceInfo, build: &Build<'_>) -> bool {
    build.domain.devices.iter().any(|device| {
        matches!(device, Device::Hostdev(hostdev) if std::ptr::eq(&hostdev.info, info) && hostdev.readonly)
    })
}

/// The unit's generic device, `/dev/sg0`.
fn generic(adapter: &str, unit: &str, build: &Build<'_>) -> Result<String, PlanError> {
    let host = adapter.trim_start_matches("scsi_host");
    let address = format!("{host}:{unit}");
    build.options.scsi_generic.get(&address).cloned().ok_or_else(|| {
        let detail = format!("cannot open directory '/sys/bus/scsi/devices/{address}/scsi_generic'");
        DefaultsError::Missing { part: Part::None, detail }
    })
}

fn place(info: &DeviceInfo) -> Result<DriveAddress, PlanError> {
    match info.address {
        Some(Address::Drive(at)) => Ok(at),
        _ => Err(PlanError::internal("a SCSI host device has no drive address")),
    }
}
