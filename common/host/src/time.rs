//! Wall-clock time and the host's time zone.

use std::mem::MaybeUninit;
use std::time::{SystemTime, UNIX_EPOCH};

/// Seconds since 1970 (UTC), and how many seconds local time is ahead of UTC now.
pub fn now_and_local_offset() -> (i64, i64) {
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let now = now.map_or(0, |since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX));
    (now, local_offset(now))
}

/// How many seconds local time is ahead of UTC at a moment (seconds since 1970); 0 for moments that the C
/// library cannot express.
pub fn local_offset(at: i64) -> i64 {
    let mut local = MaybeUninit::<libc::tm>::uninit();
    // SAFETY: both pointers are valid for the call, which is thread-safe; it initialises `local` wholly when it
    // answers non-null, and only then is it read.
    unsafe {
        if libc::localtime_r(&at, local.as_mut_ptr()).is_null() { 0 } else { local.assume_init().tm_gmtoff }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn offset_is_a_zone_of_this_world() {
        let (now, offset) = now_and_local_offset();
        assert!(now > 1_700_000_000);
        assert!((-13 * 3600..=15 * 3600).contains(&offset), "{offset}");
        assert_eq!(local_offset(i64::MAX), 0);
    }
}
