//! The host as a whole: its name, its kernel, since when it runs.

use std::path::Path;

use crate::{Error, Result, kernel};

/// The host's name as the kernel has it (uname(2)).
pub fn hostname() -> Result<String> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_str();
    name.map(str::to_owned).map_err(|_| Error::malformed(Path::new("uname"), "the host's name is not UTF-8"))
}

/// The kernel's release: "6.1.0-32-amd64".
pub fn kernel_version() -> Result<String> {
    let uname = rustix::system::uname();
    let release = uname.release().to_str();
    release.map(str::to_owned).map_err(|_| Error::malformed(Path::new("uname"), "the release is not UTF-8"))
}

/// The kernel's architecture in libvirt's words: "x86_64", "aarch64", "i686".
pub fn architecture() -> String {
    name_of(&rustix::system::uname().machine().to_string_lossy()).to_owned()
}

/// libvirt's word for uname's `machine`; they differ only for the 32-bit x86 family and old BSD-style names.
fn name_of(machine: &str) -> &str {
    match machine {
        "i386" | "i486" | "i586" | "i686" => "i686",
        "amd64" => "x86_64",
        "arm64" => "aarch64",
        other => other,
    }
}

/// Identifies this boot of the host: changes with each.
pub fn boot_id() -> Result<String> {
    Ok(kernel::text(Path::new("/proc/sys/kernel/random/boot_id"))?.trim().to_owned())
}

/// Seconds since boot, time of suspension included.
pub fn uptime() -> u64 {
    rustix::time::clock_gettime(rustix::time::ClockId::Boottime).tv_sec.unsigned_abs()
}

/// Clock ticks per second of times in `/proc` (USER_HZ).
pub(crate) fn ticks_per_second() -> u64 {
    let ticks = nix::unistd::sysconf(nix::unistd::SysconfVar::CLK_TCK).ok().flatten();
    ticks.and_then(|ticks| u64::try_from(ticks).ok()).filter(|ticks| *ticks > 0).unwrap_or(100)
}

/// Ticks as nanoseconds; saturates.
pub(crate) fn ticks_to_ns(ticks: u64) -> u64 {
    ticks.saturating_mul(1_000_000_000 / ticks_per_second())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_host_is_described() {
        let file = |path| kernel::text(Path::new(path)).unwrap().trim().to_owned();
        assert_eq!(hostname().unwrap(), file("/proc/sys/kernel/hostname"));
        assert_eq!(kernel_version().unwrap(), file("/proc/sys/kernel/osrelease"));
        assert_eq!(boot_id().unwrap().len(), 36);
        let seconds: f64 = file("/proc/uptime").split(' ').next().unwrap().parse().unwrap();
        assert!((uptime() as f64 - seconds).abs() < 60.0 || uptime() as f64 > seconds);
        assert_eq!(architecture(), std::env::consts::ARCH);
    }

    #[test]
    fn architectures_have_libvirts_names() {
        assert_eq!(name_of("i386"), "i686");
        assert_eq!(name_of("x86_64"), "x86_64");
        assert_eq!(name_of("ppc64le"), "ppc64le");
    }

    #[test]
    fn ticks_saturate() {
        assert_eq!(ticks_to_ns(ticks_per_second()), 1_000_000_000);
        assert_eq!(ticks_to_ns(u64::MAX), u64::MAX);
    }
}
