//! Times of password ends: `2030-01-01T00:00:00`, UTC.

use crate::xml::XmlError;

/// Seconds since 1970.
pub(super) fn parse(text: &str) -> Result<i64, XmlError> {
    read(text).ok_or_else(|| {
        XmlError::internal(format!(
            "cannot parse password validity time '{text}', expect YYYY-MM-DDTHH:MM:SS"
        ))
    })
}

/// The text for seconds since 1970.
pub(super) fn format(seconds: i64) -> String {
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60)
}

fn read(text: &str) -> Option<i64> {
    let (date, time) = text.trim_end_matches('Z').split_once('T')?;
    let [year, month, day] = numbers(date, '-')?;
    let [hour, minute, second] = numbers(time, ':')?;
    let sane = (1970..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && hour < 24
        && minute < 60
        && second <= 60;
    sane.then(|| days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second)
}

fn numbers(text: &str, separator: char) -> Option<[i64; 3]> {
    let numbers: Option<Vec<i64>> =
        text.split(separator).map(|n| n.parse().ok().filter(|n| *n >= 0)).collect();
    numbers?.try_into().ok()
}

/// Days since 1970 of a date of the Gregorian calendar; years begin in March, so that leap days are last.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year - era * 400;
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The reverse of [`days`].
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted = (5 * day_of_year + 2) / 153;
    let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day_of_year - (153 * shifted + 2) / 5 + 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways() {
        for (text, seconds) in [
            ("1970-01-01T00:00:01", 1),
            ("2011-05-31T16:11:22", 1_306_858_282),
            ("2024-02-29T23:59:59", 1_709_251_199),
            ("2030-01-01T00:00:00", 1_893_456_000),
        ] {
            assert_eq!(parse(text).unwrap(), seconds);
            assert_eq!(format(seconds), text);
        }
        assert!(parse("2030-13-01T00:00:00").is_err());
        assert!(parse("tomorrow").is_err());
    }
}
