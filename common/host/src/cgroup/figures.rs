//! What a group tells and what can be set: CPU, memory, devices, freezing.

use std::path::{Path, PathBuf};

use super::{Controller, Group, Place, bpf, unavailable, write};
use crate::{Error, Result, kernel, system};

/// Used CPU time in nanoseconds by kind.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuSplit {
    /// In user mode.
    pub user: u64,
    /// In the kernel.
    pub system: u64,
}

/// Devices of one kind that a group's processes may use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeviceRule {
    /// Block device, not character device.
    pub block: bool,
    /// Major number.
    pub major: u32,
    /// Minor number; None for all.
    pub minor: Option<u32>,
    /// May be written to as well as read.
    pub write: bool,
}

impl Group {
    /// Used CPU time in nanoseconds.
    pub fn cpu_usage(&self) -> Result<u64> {
        let place = self.place(Controller::CpuAcct)?;
        match place.hierarchy.unified {
            true => Ok(stat(&place.dir.join("cpu.stat"), "usage_usec")?.saturating_mul(1000)),
            false => kernel::number(&place.dir.join("cpuacct.usage")),
        }
    }

    /// Used CPU time in user mode and in the kernel.
    pub fn cpu_split(&self) -> Result<CpuSplit> {
        let place = self.place(Controller::CpuAcct)?;
        if place.hierarchy.unified {
            let path = place.dir.join("cpu.stat");
            let (user, system) = (stat(&path, "user_usec")?, stat(&path, "system_usec")?);
            return Ok(CpuSplit { user: user.saturating_mul(1000), system: system.saturating_mul(1000) });
        }
        let path = place.dir.join("cpuacct.stat");
        let (user, system) = (stat(&path, "user")?, stat(&path, "system")?);
        Ok(CpuSplit { user: system::ticks_to_ns(user), system: system::ticks_to_ns(system) })
    }

    /// Used CPU time in nanoseconds by CPU, from CPU 0 on. Version 2 does not account for it.
    pub fn per_cpu_usage(&self) -> Result<Vec<u64>> {
        let place = self.place(Controller::CpuAcct)?;
        if place.hierarchy.unified {
            return Err(unavailable("CPU time by CPU", "control groups of version 2 do not account for it"));
        }
        let path = place.dir.join("cpuacct.usage_percpu");
        kernel::text(&path)?.split_ascii_whitespace().map(|word| kernel::parse(&path, word)).collect()
    }

    /// Share of CPU time against other groups: 1024 is usual in version 1, 100 in version 2.
    pub fn cpu_shares(&self) -> Result<u64> {
        kernel::number(&self.cpu_shares_file()?)
    }

    /// Sets [`Group::cpu_shares`]; the kernel refuses or cuts what is out of its range.
    pub fn set_cpu_shares(&self, shares: u64) -> Result<()> {
        write(&self.cpu_shares_file()?, &shares.to_string())
    }

    /// Period of CPU bandwidth in microseconds.
    pub fn cpu_period(&self) -> Result<u64> {
        let place = self.place(Controller::Cpu)?;
        match place.hierarchy.unified {
            true => Ok(cpu_max(&place.dir)?.1),
            false => kernel::number(&place.dir.join("cpu.cfs_period_us")),
        }
    }

    /// CPU time allowed in each period in microseconds; None: no limit.
    pub fn cpu_quota(&self) -> Result<Option<u64>> {
        let place = self.place(Controller::Cpu)?;
        if place.hierarchy.unified {
            return Ok(cpu_max(&place.dir)?.0);
        }
        let quota: i64 = kernel::number(&place.dir.join("cpu.cfs_quota_us"))?;
        Ok(u64::try_from(quota).ok())
    }

    /// Sets [`Group::cpu_period`].
    pub fn set_cpu_period(&self, period: u64) -> Result<()> {
        let place = self.place(Controller::Cpu)?;
        if place.hierarchy.unified {
            let quota = cpu_max(&place.dir)?.0;
            return write(&place.dir.join("cpu.max"), &format!("{} {period}", or_max(quota)));
        }
        write(&place.dir.join("cpu.cfs_period_us"), &period.to_string())
    }

    /// Sets [`Group::cpu_quota`].
    pub fn set_cpu_quota(&self, quota: Option<u64>) -> Result<()> {
        let place = self.place(Controller::Cpu)?;
        if place.hierarchy.unified {
            return write(&place.dir.join("cpu.max"), &or_max(quota));
        }
        let text = quota.map_or("-1".to_owned(), |quota| quota.to_string());
        write(&place.dir.join("cpu.cfs_quota_us"), &text)
    }

    /// The CPUs that may be used, as a list ("0-3,8").
    pub fn cpuset_cpus(&self) -> Result<String> {
        self.cpuset("cpuset.cpus")
    }

    /// Sets [`Group::cpuset_cpus`].
    pub fn set_cpuset_cpus(&self, list: &str) -> Result<()> {
        write(&self.place(Controller::CpuSet)?.dir.join("cpuset.cpus"), list)
    }

    /// The NUMA cells whose memory may be used, as a list.
    pub fn cpuset_mems(&self) -> Result<String> {
        self.cpuset("cpuset.mems")
    }

    /// Sets [`Group::cpuset_mems`]; memory in use moves there.
    pub fn set_cpuset_mems(&self, list: &str) -> Result<()> {
        let place = self.place(Controller::CpuSet)?;
        if !place.hierarchy.unified {
            // Version 2 always moves it.
            write(&place.dir.join("cpuset.memory_migrate"), "1")?;
        }
        write(&place.dir.join("cpuset.mems"), list)
    }

    /// Used memory in KiB.
    pub fn memory_usage(&self) -> Result<u64> {
        let place = self.place(Controller::Memory)?;
        let file = if place.hierarchy.unified { "memory.current" } else { "memory.usage_in_bytes" };
        Ok(kernel::number::<u64>(&place.dir.join(file))? / 1024)
    }

    /// Most memory in KiB; None: no limit.
    pub fn memory_hard_limit(&self) -> Result<Option<u64>> {
        self.memory_limit("memory.limit_in_bytes", "memory.max")
    }

    /// Sets [`Group::memory_hard_limit`].
    pub fn set_memory_hard_limit(&self, kib: Option<u64>) -> Result<()> {
        self.set_memory_limit("memory.limit_in_bytes", "memory.max", kib)
    }

    /// Memory in KiB that the kernel pushes the group back to when memory is short; None: no limit.
    pub fn memory_soft_limit(&self) -> Result<Option<u64>> {
        self.memory_limit("memory.soft_limit_in_bytes", "memory.high")
    }

    /// Sets [`Group::memory_soft_limit`].
    pub fn set_memory_soft_limit(&self, kib: Option<u64>) -> Result<()> {
        self.set_memory_limit("memory.soft_limit_in_bytes", "memory.high", kib)
    }

    /// Most memory and swap together (version 1), most swap (version 2) in KiB; None: no limit.
    pub fn swap_hard_limit(&self) -> Result<Option<u64>> {
        self.memory_limit("memory.memsw.limit_in_bytes", "memory.swap.max")
    }

    /// Sets [`Group::swap_hard_limit`].
    pub fn set_swap_hard_limit(&self, kib: Option<u64>) -> Result<()> {
        self.set_memory_limit("memory.memsw.limit_in_bytes", "memory.swap.max", kib)
    }

    /// Restricts the group to these devices. Once, while it is new.
    pub fn restrict_devices(&self, rules: &[DeviceRule]) -> Result<()> {
        let place = self.place(Controller::Devices)?;
        if place.hierarchy.unified {
            return bpf::restrict(&place.dir, rules);
        }
        write(&place.dir.join("devices.deny"), "a")?;
        rules.iter().try_for_each(|rule| write(&place.dir.join("devices.allow"), &rule.text()))
    }

    /// Stops all processes of the group, or lets them go on. The kernel does it in its own time.
    pub fn set_frozen(&self, frozen: bool) -> Result<()> {
        let place = self.place(Controller::Freezer)?;
        match (place.hierarchy.unified, frozen) {
            (true, _) => write(&place.dir.join("cgroup.freeze"), if frozen { "1" } else { "0" }),
            (false, true) => write(&place.dir.join("freezer.state"), "FROZEN"),
            (false, false) => write(&place.dir.join("freezer.state"), "THAWED"),
        }
    }

    fn cpu_shares_file(&self) -> Result<PathBuf> {
        let place = self.place(Controller::Cpu)?;
        Ok(place.outermost().join(if place.hierarchy.unified { "cpu.weight" } else { "cpu.shares" }))
    }

    fn cpuset(&self, file: &str) -> Result<String> {
        Ok(kernel::text(&self.place(Controller::CpuSet)?.dir.join(file))?.trim().to_owned())
    }

    fn memory_limit(&self, v1: &str, v2: &str) -> Result<Option<u64>> {
        // "No limit" reads as the highest number rounded down to pages of whatever size.
        const UNLIMITED: u64 = i64::MAX as u64 - 0xFF_FFFF;
        let place = self.place(Controller::Memory)?;
        let path = place.dir.join(pick(place, v1, v2));
        let text = kernel::text(&path)?;
        if text.trim() == "max" {
            return Ok(None);
        }
        let bytes: u64 = kernel::parse(&path, &text)?;
        Ok((bytes < UNLIMITED).then_some(bytes / 1024))
    }

    fn set_memory_limit(&self, v1: &str, v2: &str, kib: Option<u64>) -> Result<()> {
        let place = self.place(Controller::Memory)?;
        let bytes = kib.map(|kib| kib.saturating_mul(1024));
        let text = match (bytes, place.hierarchy.unified) {
            (None, false) => "-1".to_owned(),
            (bytes, _) => or_max(bytes),
        };
        write(&place.dir.join(pick(place, v1, v2)), &text)
    }
}

impl DeviceRule {
    fn text(&self) -> String {
        let kind = if self.block { 'b' } else { 'c' };
        let minor = self.minor.map_or("*".to_owned(), |minor| minor.to_string());
        format!("{kind} {}:{minor} {}", self.major, if self.write { "rw" } else { "r" })
    }
}

fn pick<'a>(place: &Place, v1: &'a str, v2: &'a str) -> &'a str {
    if place.hierarchy.unified { v2 } else { v1 }
}

fn or_max(value: Option<u64>) -> String {
    value.map_or("max".to_owned(), |value| value.to_string())
}

/// Quota and period of version 2: "max 100000", "5000 100000".
fn cpu_max(dir: &Path) -> Result<(Option<u64>, u64)> {
    let path = dir.join("cpu.max");
    let text = kernel::text(&path)?;
    let (quota, period) =
        text.trim().split_once(' ').ok_or_else(|| Error::malformed(&path, "it has one word"))?;
    let quota = if quota == "max" { None } else { Some(kernel::parse(&path, quota)?) };
    Ok((quota, kernel::parse(&path, period)?))
}

/// The number on the line "name number".
fn stat(path: &Path, name: &str) -> Result<u64> {
    let text = kernel::text(path)?;
    let value = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    kernel::parse(path, value.ok_or_else(|| Error::malformed(path, format!("no {name}")))?)
}
