//! The text of a log line: `2026-11-21 06:30:11.123+0000: PID: level : module:line : message`.

use super::Origin;
use super::level::Level;
use std::fmt::Write;
use std::time::{SystemTime, UNIX_EPOCH};

/// Appends one line with the time of now. Without an origin the module is left out, as in the first line of a log.
pub(super) fn line(out: &mut String, level: Level, origin: Option<&Origin<'_>>, message: &str) {
    timestamp(out, SystemTime::now());
    // Writing to a String cannot fail.
    let _ = write!(out, ": {}: {level} : ", std::process::id());
    if let Some(origin) = origin {
        for (at, part) in origin.target.split("::").enumerate() {
            if at > 0 {
                out.push('.');
            }
            out.push_str(part);
        }
        if let Some(number) = origin.line {
            let _ = write!(out, ":{number}");
        }
        out.push_str(" : ");
    }
    out.push_str(message);
    out.push('\n');
}

/// The time of now, as log lines begin.
pub fn stamp() -> String {
    let mut text = String::new();
    timestamp(&mut text, SystemTime::now());
    text
}

/// `YYYY-MM-DD hh:mm:ss.mmm+0000`, in universal time.
fn timestamp(out: &mut String, time: SystemTime) {
    let since = time.duration_since(UNIX_EPOCH).unwrap_or_default();
    let (days, seconds) = (since.as_secs() / 86_400, since.as_secs() % 86_400);
    let Date { year, month, day } = date(days);
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    let milli = since.subsec_millis();
    let _ = write!(out, "{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}.{milli:03}+0000");
}

/// A day of the Gregorian calendar.
#[derive(Debug, PartialEq, Eq)]
struct Date {
    year: u64,
    month: u64,
    day: u64,
}

/// The calendar day that lies `days` after 1970-01-01.
fn date(days: u64) -> Date {
    // Years are counted from March, so that the leap day is the last of its year; 400 years are 146097 days.
    let shifted = days + 719_468;
    let (era, in_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
    let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * in_year + 2) / 153;
    let day = in_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    Date { year: era * 400 + year_of_era + u64::from(month <= 2), month, day }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn known_moments() {
        for (seconds, expected) in [
            (0, "1970-01-01 00:00:00.007+0000"),
            (951_782_399, "2000-02-28 23:59:59.007+0000"),
            (951_782_400, "2000-02-29 00:00:00.007+0000"),
            (1_709_251_199, "2024-02-29 23:59:59.007+0000"),
            (1_795_242_611, "2026-11-21 06:30:11.007+0000"),
            (4_107_542_400, "2100-03-01 00:00:00.007+0000"),
        ] {
            let mut text = String::new();
            timestamp(&mut text, UNIX_EPOCH + Duration::from_secs(seconds) + Duration::from_millis(7));
            assert_eq!(text, expected);
        }
    }

    #[test]
    fn a_line() {
        let mut text = String::new();
        line(
            &mut text,
            Level::Error,
            Some(&Origin { target: "rpc::session", file: None, line: Some(3) }),
            "no",
        );
        let end = format!(": {}: error : rpc.session:3 : no\n", std::process::id());
        assert_eq!(&text[28..], end);
    }
}
