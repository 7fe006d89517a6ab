//! When the host booted: the age of what is remembered.

use std::path::Path;
use std::sync::OnceLock;

use crate::{kernel, store};

/// Where logins, and the boot, are recorded (utmp(5)).
const UTMP: &str = "/run/utmp";
/// Most bytes of it that are read.
const MAX_UTMP: u64 = 16 << 20;

/// Seconds since 1970 when the host booted, as libvirt finds it: the record of the boot, else now less the uptime.
/// The latter may be off by a second from one daemon to the next.
pub fn boot_time() -> u64 {
    static BOOT: OnceLock<u64> = OnceLock::new();
    *BOOT.get_or_init(|| recorded().or_else(computed).unwrap_or(0))
}

fn recorded() -> Option<u64> {
    of_records(&store::read(Path::new(UTMP), MAX_UTMP).ok()?)
}

/// From the records, which have the C library's form for this machine.
fn of_records(bytes: &[u8]) -> Option<u64> {
    let kind_at = std::mem::offset_of!(libc::utmpx, ut_type);
    let time_at = std::mem::offset_of!(libc::utmpx, ut_tv);
    let boot = bytes.chunks_exact(size_of::<libc::utmpx>()).find(|record| {
        let kind = record.get(kind_at..kind_at + 2).and_then(|two| two.try_into().ok());
        kind.map(i16::from_ne_bytes) == Some(libc::BOOT_TIME)
    })?;
    // The seconds have 32 bits in this file on the usual machines, whatever the C library's own type.
    let seconds = boot.get(time_at..time_at + 4)?.try_into().ok().map(i32::from_ne_bytes)?;
    u64::try_from(seconds).ok().filter(|seconds| *seconds > 0)
}

fn computed() -> Option<u64> {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).ok()?;
    let text = kernel::text(Path::new("/proc/uptime")).ok()?;
    let uptime: f64 = text.split(' ').next()?.parse().ok()?;
    Some((now.as_secs() as f64 - uptime + 0.5) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_boots_record_is_found_among_others() {
        let size = size_of::<libc::utmpx>();
        let mut bytes = vec![0u8; 2 * size];
        let kind_at = size + std::mem::offset_of!(libc::utmpx, ut_type);
        bytes[kind_at..kind_at + 2].copy_from_slice(&libc::BOOT_TIME.to_ne_bytes());
        assert_eq!(of_records(&bytes), None, "a record without time");
        let time_at = size + std::mem::offset_of!(libc::utmpx, ut_tv);
        bytes[time_at..time_at + 4].copy_from_slice(&1_700_000_000i32.to_ne_bytes());
        assert_eq!(of_records(&bytes), Some(1_700_000_000));
        assert_eq!(of_records(&bytes[..size]), None);
        assert_eq!(of_records(b"short"), None);
    }

    #[test]
    fn the_boot_was_before_now() {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs();
        assert!(boot_time() > 0 && boot_time() <= now + 1);
    }
}
