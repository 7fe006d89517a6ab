//! Disk bandwidth of a group: its weight against others, and limits by device.

use std::path::PathBuf;

use super::{Controller, Group, unavailable, write};
use crate::{Result, kernel};

/// A limit on what a group does with one block device.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Throttle {
    /// Bytes read per second.
    ReadBytes,
    /// Bytes written per second.
    WriteBytes,
    /// Requests to read per second.
    ReadOperations,
    /// Requests to write per second.
    WriteOperations,
}

impl Throttle {
    /// Name of the file in version 1.
    fn file(self) -> &'static str {
        match self {
            Throttle::ReadBytes => "blkio.throttle.read_bps_device",
            Throttle::WriteBytes => "blkio.throttle.write_bps_device",
            Throttle::ReadOperations => "blkio.throttle.read_iops_device",
            Throttle::WriteOperations => "blkio.throttle.write_iops_device",
        }
    }

    /// Key in io.max of version 2.
    fn key(self) -> &'static str {
        match self {
            Throttle::ReadBytes => "rbps",
            Throttle::WriteBytes => "wbps",
            Throttle::ReadOperations => "riops",
            Throttle::WriteOperations => "wiops",
        }
    }
}

impl Group {
    /// Weight of the group's requests against others'. [`crate::Error::Unavailable`] where the kernel's
    /// scheduler of requests has no weights.
    pub fn io_weight(&self) -> Result<u64> {
        let path = self.weight_file()?;
        let text = kernel::text(&path)?;
        // Version 2: "default 100" and lines for single devices.
        let line = text.lines().next().unwrap_or_default();
        kernel::parse(&path, line.strip_prefix("default ").unwrap_or(line))
    }

    /// Sets [`Group::io_weight`]; the kernel refuses what is out of its range.
    pub fn set_io_weight(&self, weight: u64) -> Result<()> {
        write(&self.weight_file()?, &weight.to_string())
    }

    /// Limits what the group does with the block device `major:minor`; 0 takes the limit away.
    pub fn set_io_limit(&self, limit: Throttle, (major, minor): (u32, u32), value: u64) -> Result<()> {
        let place = self.place(Controller::Blkio)?;
        if place.hierarchy.unified {
            let value = if value == 0 { "max".to_owned() } else { value.to_string() };
            return write(&place.dir.join("io.max"), &format!("{major}:{minor} {}={value}", limit.key()));
        }
        write(&place.dir.join(limit.file()), &format!("{major}:{minor} {value}"))
    }

    /// The limit on the block device `major:minor`; 0: none.
    pub fn io_limit(&self, limit: Throttle, (major, minor): (u32, u32)) -> Result<u64> {
        let place = self.place(Controller::Blkio)?;
        let path = place.dir.join(if place.hierarchy.unified { "io.max" } else { limit.file() });
        let text = kernel::text(&path)?;
        let device = format!("{major}:{minor} ");
        let Some(values) = text.lines().find_map(|line| line.strip_prefix(&device)) else { return Ok(0) };
        let value = match place.hierarchy.unified {
            true => values.split(' ').find_map(|word| word.strip_prefix(limit.key())?.strip_prefix('=')),
            false => Some(values),
        };
        match value {
            None | Some("max") => Ok(0),
            Some(value) => kernel::parse(&path, value),
        }
    }

    fn weight_file(&self) -> Result<PathBuf> {
        let place = self.place(Controller::Blkio)?;
        let names = match place.hierarchy.unified {
            true => ["io.weight", "io.bfq.weight"],
            false => ["blkio.weight", "blkio.bfq.weight"],
        };
        let found = names.iter().map(|name| place.outermost().join(name)).find(|path| path.exists());
        found.ok_or_else(|| unavailable("block I/O weight", "the kernel's scheduler of requests has none"))
    }
}
