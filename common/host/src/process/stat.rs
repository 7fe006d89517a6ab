//! Which process a number means: a number is used again, a number with its start time is not.

use std::fs;

/// When the process started, in clock ticks since boot: field 22 of `/proc/PID/stat` (proc(5)). None if there is
/// no such process, or only its zombie.
pub fn start_time(pid: i32) -> Option<u64> {
    if pid <= 0 {
        return None;
    }
    parse(&fs::read(format!("/proc/{pid}/stat")).ok()?)
}

/// Whether `pid` still is the process that started at `start` ([`start_time`]) and has not ended.
pub fn is_same(pid: i32, start: u64) -> bool {
    start_time(pid) == Some(start)
}

fn parse(stat: &[u8]) -> Option<u64> {
    // The second field is the name in parentheses and may hold anything, parentheses too.
    let end = stat.iter().rposition(|byte| *byte == b')')?;
    let mut fields = std::str::from_utf8(stat.get(end + 1..)?).ok()?.split_ascii_whitespace();
    let state = fields.next()?;
    if state == "Z" || state == "X" {
        return None;
    }
    // The state is field 3.
    fields.nth(22 - 4)?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_22_whatever_the_name() {
        let line = b"12 (a) 3 (b) S 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21\n";
        assert_eq!(parse(line), Some(777));
        let zombie = b"12 (a) Z 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20 21\n";
        assert_eq!(parse(zombie), None);
        assert_eq!(parse(b"12 (a) S 1 2"), None);
        assert_eq!(parse(b""), None);
    }

    #[test]
    fn own_start_time_is_stable() {
        let own = std::process::id().cast_signed();
        let start = start_time(own).unwrap();
        assert!(is_same(own, start));
        assert!(!is_same(own, start + 1));
        assert_eq!(start_time(0), None);
        assert_eq!(start_time(-1), None);
        assert_eq!(start_time(i32::MAX), None);
    }
}
