//! The host as a whole: its name, its kernel, since when it runs.

use std::ffi::{CStr, CString};
use std::path::Path;

use crate::{Error, Result, kernel};

/// The host's name as the kernel has it (uname(2)).
pub fn hostname() -> Result<String> {
    let uname = rustix::system::uname();
    let name = uname.nodename().to_str();
    name.map(str::to_owned).map_err(|_| Error::malformed(Path::new("uname"), "the host's name is not UTF-8"))
}

/// The host's name with its domain, as clients of other hosts can use it (`virConnectGetHostname`): what the
/// resolver makes of [`hostname`], which stays as it is if it has a domain, or the resolver knows none or calls
/// it "localhost". May ask the network: blocking.
pub fn full_hostname() -> Result<String> {
    let short = hostname()?;
    if short.contains('.') || short.starts_with("localhost") {
        return Ok(short);
    }
    Ok(canonical(&short).filter(|name| !name.is_empty() && !name.starts_with("localhost")).unwrap_or(short))
}

/// The resolver's canonical name of a host.
fn canonical(host: &str) -> Option<String> {
    let host = CString::new(host).ok()?;
    // SAFETY: addrinfo is numbers and pointers; all zero (no pointers, any family) is how hints begin.
    let mut hints: libc::addrinfo = unsafe { std::mem::zeroed() };
    hints.ai_flags = libc::AI_CANONNAME;
    let mut list = std::ptr::null_mut();
    // SAFETY: a terminated string, hints, and room for one pointer, all alive during the call, which is
    // thread-safe.
    if unsafe { libc::getaddrinfo(host.as_ptr(), std::ptr::null(), &hints, &mut list) } != 0 {
        return None;
    }
    // SAFETY: success gives at least one entry; its name is a terminated string or null, and lives until
    // freeaddrinfo, which comes once and after the copy.
    unsafe {
        let name = (*list).ai_canonname;
        let copy = (!name.is_null()).then(|| CStr::from_ptr(name).to_str().ok().map(str::to_owned));
        libc::freeaddrinfo(list);
        copy.flatten()
    }
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

/// Fills `bytes` from the kernel's random numbers; may wait for them once, early after boot.
pub fn random(bytes: &mut [u8]) -> Result<()> {
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        match rustix::rand::getrandom(rest, rustix::rand::GetRandomFlags::empty()) {
            Ok(count) => done += count,
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(Error::system("get random numbers")(error.into())),
        }
    }
    Ok(())
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
    fn the_full_name_begins_with_the_name() {
        let (short, full) = (hostname().unwrap(), full_hostname().unwrap());
        // The resolver may alias a host, but never to nothing or to itself in every host's words.
        assert!(full.starts_with(&short) || (!full.is_empty() && !full.starts_with("localhost")), "{full}");
        assert!(canonical("localhost").is_some());
        assert_eq!(canonical("a name with blanks and\0"), None);
        assert_eq!(canonical("no.such.host.invalid"), None);
    }

    #[test]
    fn architectures_have_libvirts_names() {
        assert_eq!(name_of("i386"), "i686");
        assert_eq!(name_of("x86_64"), "x86_64");
        assert_eq!(name_of("ppc64le"), "ppc64le");
    }

    #[test]
    fn random_numbers_fill_all_and_differ() {
        let mut two = [[0u8; 300]; 2];
        for bytes in &mut two {
            random(bytes).unwrap();
            assert!(bytes.chunks(30).all(|part| part.iter().any(|byte| *byte != 0)));
        }
        assert_ne!(two[0], two[1]);
        random(&mut []).unwrap();
    }

    #[test]
    fn ticks_saturate() {
        assert_eq!(ticks_to_ns(ticks_per_second()), 1_000_000_000);
        assert_eq!(ticks_to_ns(u64::MAX), u64::MAX);
    }
}
