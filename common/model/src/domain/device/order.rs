//! Where a new device goes among the others, so that the document comes out in the reference's order.

use super::Device;
use super::controller::Controller;
use super::disk::{Disk, target_index};

/// Puts `device` where the reference would: kinds in the order of output; a disk before those of its bus with
/// a later name; a controller before those of its kind with a higher index, companions after their master.
pub fn insert(devices: &mut Vec<Device>, device: Device) {
    let start = devices.partition_point(|d| d.rank() < device.rank());
    let end = start + devices[start..].partition_point(|d| d.rank() == device.rank());
    let same_kind = &devices[start..end];
    let offset = match &device {
        Device::Disk(disk) => disk_place(same_kind, disk),
        Device::Controller(controller) => controller_place(same_kind, controller),
        _ => None,
    };
    devices.insert(start + offset.unwrap_or(end - start), device);
}

fn disk_place(disks: &[Device], new: &Disk) -> Option<usize> {
    let mut place = None;
    for (i, device) in disks.iter().enumerate().rev() {
        let Device::Disk(disk) = device else { continue };
        if disk.bus != new.bus {
            continue;
        }
        if target_index(&disk.target) > target_index(&new.target) {
            place = Some(i);
        } else {
            place = place.or(Some(i + 1));
        }
    }
    place
}

fn controller_place(controllers: &[Device], new: &Controller) -> Option<usize> {
    let mut place = None;
    for (i, device) in controllers.iter().enumerate().rev() {
        let Device::Controller(controller) = device else { continue };
        if controller.kind.kind() != new.kind.kind() {
            continue;
        }
        let Some(index) = new.index else { return Some(i + 1) };
        if controller.index.is_some_and(|other| other > index) {
            place = Some(i);
        } else if controller.index == new.index
            && controller.info.master_port.is_some()
            && new.info.master_port.is_none()
        {
            // A master stands before its companions, which have its index.
            place = Some(i);
        } else {
            place = place.or(Some(i + 1));
        }
    }
    place
}

#[cfg(test)]
mod tests {
    use super::*;

    fn disk(target: &str) -> Device {
        Disk { target: target.to_owned(), ..Disk::default() }.into()
    }

    #[test]
    fn disks_stand_in_order_of_name() {
        let mut devices = Vec::new();
        for target in ["vdb", "vdaa", "vda", "vdc"] {
            insert(&mut devices, disk(target));
        }
        let names = devices.iter().filter_map(|d| match d {
            Device::Disk(d) => Some(d.target.as_str()),
            _ => None,
        });
        assert_eq!(names.collect::<Vec<_>>(), ["vda", "vdb", "vdc", "vdaa"]);
    }

    #[test]
    fn kinds_stand_in_order_of_output() {
        let mut devices = Vec::new();
        insert(&mut devices, Device::Vsock(Default::default()));
        insert(&mut devices, disk("vda"));
        insert(&mut devices, Device::Panic(Default::default()));
        let elements: Vec<_> = devices.iter().map(Device::element).collect();
        assert_eq!(elements, ["disk", "panic", "vsock"]);
    }
}
