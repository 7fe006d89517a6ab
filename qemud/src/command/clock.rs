//! `-rtc` and the timers that are not part of the CPU.

use model::domain::clock::{ClockBasis, ClockOffset, TickPolicy, TimerName, TimerTrack};

use super::PlanError;
use super::build::Build;

/// Seconds of a day.
const DAY: i64 = 86_400;

/// The guest's clock.
pub(super) fn clock(build: &mut Build<'_>) -> Result<(), PlanError> {
    let clock = &build.domain.clock;
    let mut text = match &clock.offset {
        ClockOffset::Utc { .. } => "base=utc".to_owned(),
        ClockOffset::Localtime { .. } => "base=localtime".to_owned(),
        ClockOffset::Timezone(name) => {
            build.plan.env.push(("TZ".to_owned(), name.clone()));
            "base=localtime".to_owned()
        }
        ClockOffset::Absolute(start) => format!("base={}", date(i64::try_from(*start).unwrap_or(i64::MAX))),
        ClockOffset::Variable { adjustment, basis, .. } => {
            let local = if *basis == ClockBasis::Localtime { build.options.local_offset } else { 0 };
            let now = build.options.now.saturating_add(local).saturating_add(*adjustment);
            format!("base={}", date(now))
        }
    };
    let rtc = clock.timer(TimerName::Rtc);
    if let Some(timer) = rtc {
        match timer.track {
            Some(TimerTrack::Guest) => text.push_str(",clock=vm"),
            Some(TimerTrack::Wall) => text.push_str(",clock=host"),
            Some(TimerTrack::Realtime) => text.push_str(",clock=rt"),
            Some(TimerTrack::Boot) | None => {}
        }
        if timer.tickpolicy == Some(TickPolicy::Catchup) {
            text.push_str(",driftfix=slew");
        }
    }
    build.plan.option("-rtc", text);
    timers(build);
    Ok(())
}

fn timers(build: &mut Build<'_>) {
    let clock = &build.domain.clock;
    for timer in &clock.timers {
        match (timer.name, timer.tickpolicy) {
            (TimerName::Pit, Some(TickPolicy::Delay)) | (TimerName::Pit, None) => {
                build.plan.option("-global", "kvm-pit.lost_tick_policy=delay");
            }
            (TimerName::Pit, Some(TickPolicy::Discard)) => {
                build.plan.option("-global", "kvm-pit.lost_tick_policy=discard");
            }
            (TimerName::Hpet, _) if timer.present == Some(false) => build.plan.flag("-no-hpet"),
            _ => {}
        }
    }
}

/// `2026-11-21T06:30:00` of seconds since 1970, by the civil calendar.
pub(crate) fn date(seconds: i64) -> String {
    let days = seconds.div_euclid(DAY);
    let rest = seconds.rem_euclid(DAY);
    // Days are counted from 0000-03-01, in eras of 400 years.
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")
}

#[cfg(test)]
mod tests {
    use super::date;

    #[test]
    fn dates() {
        assert_eq!(date(0), "1970-01-01T00:00:00");
        assert_eq!(date(1_234_567_890), "2009-02-13T23:31:30");
        assert_eq!(date(951_782_400), "2000-02-29T00:00:00");
    }
}
