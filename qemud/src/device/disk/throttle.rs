//! Limits of a disk (`block_set_io_throttle`).

use model::domain::device::disk::{Disk, DiskBus, IoTune, Rate};
use serde_json::{Map, Value, json};

use crate::command::after::Step;

/// Sets the limits of a disk that has any.
pub(super) fn steps(disk: &Disk) -> Vec<Step> {
    let tune = &disk.iotune;
    let Some(alias) = disk.info.alias.as_deref().filter(|_| **tune != IoTune::default()) else {
        return Vec::new();
    };
    let mut arguments = Map::new();
    arguments.insert("id".to_owned(), json!(device(disk, alias)));
    for (name, rate) in [("bps", tune.bytes.rate), ("iops", tune.iops.rate)] {
        put(&mut arguments, name, "", rate, true);
    }
    for (name, limit) in [("bps", tune.bytes), ("iops", tune.iops)] {
        put(&mut arguments, name, "_max", limit.max, false);
        put(&mut arguments, name, "_max_length", of_burst(limit.max_length, limit.max), false);
    }
    if tune.size_iops_sec > 0 {
        arguments.insert("iops_size".to_owned(), json!(tune.size_iops_sec));
    }
    let group = tune.group_name.clone().unwrap_or_else(|| format!("drive-{alias}"));
    arguments.insert("group".to_owned(), json!(group));
    vec![Step::new("block_set_io_throttle", Value::Object(arguments))]
}

/// The device that holds the drive: with virtio, the part behind the bus.
fn device(disk: &Disk, alias: &str) -> String {
    match disk.bus {
        Some(DiskBus::Virtio) => format!("/machine/peripheral/{alias}/virtio-backend"),
        _ => alias.to_owned(),
    }
}

/// QEMU takes the length of a burst only with its height.
fn of_burst(length: Rate, height: Rate) -> Rate {
    let keep = |length: u64, height: u64| if height > 0 { length } else { 0 };
    Rate {
        total: keep(length.total, height.total),
        read: keep(length.read, height.read),
        write: keep(length.write, height.write),
    }
}

/// `bps_max`, `bps_rd_max`, `bps_wr_max`; those that are not `required` only when they limit something.
fn put(arguments: &mut Map<String, Value>, name: &str, suffix: &str, rate: Rate, required: bool) {
    for (direction, value) in [("", rate.total), ("_rd", rate.read), ("_wr", rate.write)] {
        if required || value > 0 {
            arguments.insert(format!("{name}{direction}{suffix}"), json!(value));
        }
    }
}
