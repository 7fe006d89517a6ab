//! Whether a session should watch for its client's next request for a moment without giving up the processor.
//!
//! Waking an idle processor takes several times as long as answering a short call. A client that asks one thing after
//! another is answered without that wait; one that does not come back in time has to be quick again for a while first,
//! and longer each time that this was in vain again. Between several busy clients nobody waits: there is always something
//! to do. Decision 10 says what it costs and what it brings.

use std::time::{Duration, Instant};

/// Quick requests in a row before it is worthwhile.
const PROVEN: u32 = 8;
/// The same for a client that was watched for in vain again and again.
const MOST_PROVEN: u32 = 64;
/// Without watching, a request takes longer to be seen: how many windows still count as quick.
const SLACK: u32 = 2;

/// Watches the pace of one client.
#[derive(Debug)]
pub(crate) struct Linger {
    window: Duration,
    quick: u32,
    /// Quick requests in a row before it is worthwhile for this client.
    needed: u32,
    /// It came in time since it was last watched for in vain.
    hit: bool,
    answered: Option<Instant>,
}

impl Linger {
    /// `window`: how long to watch; zero switches it off. A new client is taken for quick: opening a connection is a row
    /// of requests.
    pub(crate) fn new(window: Duration) -> Self {
        Self { window, quick: PROVEN, needed: PROVEN, hit: false, answered: None }
    }

    /// Whether the notes below are worth taking.
    pub(crate) fn is_on(&self) -> bool {
        !self.window.is_zero()
    }

    /// All that the client asked has been answered; or it has just arrived.
    pub(crate) fn on_answered(&mut self, now: Instant) {
        self.answered = Some(now);
    }

    /// Something arrived; `alone`: no other client was at work meanwhile.
    pub(crate) fn on_input(&mut self, now: Instant, alone: bool) {
        let quick = self.answered.take().is_some_and(|answered| now - answered <= self.window * SLACK);
        if quick && self.quick >= self.needed {
            self.hit = true;
            self.needed = PROVEN;
        }
        self.quick = if quick && alone { (self.quick + 1).min(MOST_PROVEN) } else { 0 };
    }

    /// Until when to watch, if it is worthwhile.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let answered = self.answered?;
        (self.quick >= self.needed).then(|| answered + self.window)
    }

    /// It was watched for in vain.
    pub(crate) fn in_vain(&mut self) {
        self.quick = 0;
        if !std::mem::take(&mut self.hit) {
            self.needed = (self.needed * 2).min(MOST_PROVEN);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: Duration = Duration::from_micros(50);

    fn round(linger: &mut Linger, now: &mut Instant, gap: Duration) {
        linger.on_answered(*now);
        *now += gap;
        linger.on_input(*now, true);
    }

    /// Quick requests until it is watched for.
    fn until_proven(linger: &mut Linger, now: &mut Instant) -> u32 {
        let mut rounds = 0;
        loop {
            linger.on_answered(*now);
            if linger.deadline().is_some() {
                return rounds;
            }
            round(linger, now, WINDOW);
            rounds += 1;
        }
    }

    #[test]
    fn a_new_client_is_watched_for_until_it_pauses() {
        let now = Instant::now();
        let mut linger = Linger::new(WINDOW);
        assert_eq!(linger.deadline(), None);
        linger.on_answered(now);
        assert_eq!(linger.deadline(), Some(now + WINDOW));
        linger.in_vain();
        assert_eq!(linger.deadline(), None);
    }

    #[test]
    fn who_never_comes_in_time_has_to_be_quick_for_longer_each_time() {
        let mut now = Instant::now();
        let mut linger = Linger::new(WINDOW);
        let mut needed = PROVEN;
        for _ in 0..10 {
            linger.in_vain();
            needed = (needed * 2).min(MOST_PROVEN);
            assert_eq!(until_proven(&mut linger, &mut now), needed);
        }
        // One that comes in time makes up for all of that.
        round(&mut linger, &mut now, WINDOW);
        linger.in_vain();
        assert_eq!(until_proven(&mut linger, &mut now), PROVEN);
    }

    #[test]
    fn a_pause_or_a_second_request_or_another_client_ends_it() {
        let mut now = Instant::now();
        let mut linger = Linger::new(WINDOW);
        linger.on_answered(now);
        linger.on_input(now + WINDOW * 3, true);
        linger.on_answered(now);
        assert_eq!(linger.deadline(), None);
        assert_eq!(until_proven(&mut linger, &mut now), PROVEN);
        // A request before the last one was answered is not of this pace.
        linger.on_input(now, true);
        linger.on_input(now, true);
        linger.on_answered(now);
        assert_eq!(linger.deadline(), None);
        assert_eq!(until_proven(&mut linger, &mut now), PROVEN);
        linger.on_answered(now);
        linger.on_input(now, false);
        linger.on_answered(now);
        assert_eq!(linger.deadline(), None);
    }

    #[test]
    fn a_window_of_nothing_is_off() {
        assert!(!Linger::new(Duration::ZERO).is_on());
    }
}
