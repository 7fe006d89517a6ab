//! Whether a session should watch for its client's next request for a moment without giving up the processor.
//!
//! Waking an idle processor takes several times as long as answering a short call. A client that asks one thing after
//! another is answered without that wait; one that does not come back in time has to be quick again for a while first.

use std::time::{Duration, Instant};

/// Quick requests in a row before it is worthwhile.
const PROVEN: u32 = 8;
/// Without watching, a request takes longer to be seen: how many windows still count as quick.
const SLACK: u32 = 2;

/// Watches the pace of one client.
#[derive(Debug)]
pub(crate) struct Linger {
    window: Duration,
    quick: u32,
    answered: Option<Instant>,
}

impl Linger {
    /// `window`: how long to watch; zero switches it off.
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, quick: 0, answered: None }
    }

    /// Whether the two notes below are worth taking.
    pub(crate) fn is_on(&self) -> bool {
        !self.window.is_zero()
    }

    /// All that the client asked has been answered.
    pub(crate) fn on_answered(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// Something arrived.
    pub(crate) fn on_input(&mut self, now: Instant) {
        let quick = self.answered.take().is_some_and(|answered| now - answered <= self.window * SLACK);
        self.quick = if quick { (self.quick + 1).min(PROVEN) } else { 0 };
    }

    /// Until when to watch, if it is worthwhile.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let answered = self.answered?;
        (self.quick >= PROVEN).then(|| answered + self.window)
    }

    /// It was watched for in vain.
    pub(crate) fn in_vain(&mut self) {
        self.quick = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_micros(50);

    fn round(linger: &mut Linger, now: &mut Instant, gap: Duration) {
        linger.on_answered(*now);
        *now += gap;
        linger.on_input(*now);
    }

    #[test]
    fn only_who_keeps_coming_back_is_watched_for() {
        let mut now = Instant::now();
        let mut linger = Linger::new(WINDOW);
        for _ in 0..PROVEN {
            assert_eq!(linger.deadline(), None);
            round(&mut linger, &mut now, WINDOW);
        }
        assert_eq!(linger.deadline(), None);
        linger.on_answered(now);
        assert_eq!(linger.deadline(), Some(now + WINDOW));
        linger.in_vain();
        assert_eq!(linger.deadline(), None);
    }

    #[test]
    fn a_pause_or_a_second_request_ends_it() {
        let mut now = Instant::now();
        let mut linger = Linger::new(WINDOW);
        for _ in 0..20 {
            round(&mut linger, &mut now, WINDOW);
        }
        linger.on_answered(now);
        linger.on_input(now + WINDOW * 3);
        linger.on_answered(now);
        assert_eq!(linger.deadline(), None);
        for _ in 0..20 {
            round(&mut linger, &mut now, WINDOW);
        }
        // A request before the last one was answered is not of this pace.
        linger.on_input(now);
        linger.on_answered(now);
        assert_eq!(linger.deadline(), None);
    }

    #[test]
    fn a_window_of_nothing_is_off() {
        assert!(!Linger::new(Duration::ZERO).is_on());
    }
}
