//! The server's own pings: when to send one, when to give the client up.

use std::time::Duration;

use tokio::time::Instant;

/// What to do when the timer fires.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Action {
    /// Nothing yet; look again then.
    Wait(Instant),
    /// Send a ping; look again then.
    Ping(Instant),
    /// The client has left `count` pings unanswered, or was silent for that long.
    Dead,
}

/// Counts silence. Packets only note the time, so that a busy connection never touches its timer.
#[derive(Debug)]
pub(crate) struct Keepalive {
    interval: Duration,
    count: u32,
    missed: u32,
    last: Instant,
}

impl Keepalive {
    /// `interval` of silence before each ping, `count` pings before the end. A count of 0 ends at the first silence.
    pub(crate) fn new(interval: Duration, count: u32, now: Instant) -> Self {
        Self { interval, count, missed: 0, last: now }
    }

    /// When the timer has to fire first.
    pub(crate) fn first(&self) -> Instant {
        self.last + self.interval
    }

    /// Something arrived, whatever it was.
    pub(crate) fn on_packet(&mut self, now: Instant) {
        self.missed = 0;
        self.last = now;
    }

    /// The timer fired. `deaf`: we do not read this client at the moment, so its silence means nothing.
    pub(crate) fn on_timer(&mut self, now: Instant, deaf: bool) -> Action {
        if deaf {
            self.on_packet(now);
        }
        let due = self.last + self.interval * (self.missed + 1);
        if now < due {
            return Action::Wait(due);
        }
        if self.missed >= self.count {
            return Action::Dead;
        }
        self.missed += 1;
        Action::Ping(now.max(self.last + self.interval * self.missed) + self.interval)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn a_silent_client_gets_its_pings_and_is_given_up() {
        let start = Instant::now();
        let mut core = Keepalive::new(5 * SECOND, 3, start);
        assert_eq!(core.first(), start + 5 * SECOND);
        for ping in 1..=3 {
            let now = start + 5 * SECOND * ping;
            assert_eq!(core.on_timer(now, false), Action::Ping(now + 5 * SECOND));
        }
        assert_eq!(core.on_timer(start + 20 * SECOND, false), Action::Dead);
    }

    #[test]
    fn any_packet_resets() {
        let start = Instant::now();
        let mut core = Keepalive::new(5 * SECOND, 1, start);
        assert!(matches!(core.on_timer(start + 5 * SECOND, false), Action::Ping(_)));
        core.on_packet(start + 9 * SECOND);
        assert_eq!(core.on_timer(start + 10 * SECOND, false), Action::Wait(start + 14 * SECOND));
        assert!(matches!(core.on_timer(start + 14 * SECOND, false), Action::Ping(_)));
    }

    #[test]
    fn silence_does_not_count_while_we_do_not_read() {
        let start = Instant::now();
        let mut core = Keepalive::new(5 * SECOND, 1, start);
        for round in 1..100 {
            let now = start + 5 * SECOND * round;
            assert_eq!(core.on_timer(now, true), Action::Wait(now + 5 * SECOND));
        }
    }

    proptest! {
        #[test]
        fn never_dead_before_its_time(steps in proptest::collection::vec((0u64..20_000, any::<bool>()), 1..200)) {
            let start = Instant::now();
            let (interval, count) = (Duration::from_secs(5), 4);
            let mut core = Keepalive::new(interval, count, start);
            let (mut now, mut heard) = (start, start);
            for (millis, packet) in steps {
                now += Duration::from_millis(millis);
                if packet {
                    core.on_packet(now);
                    heard = now;
                    continue;
                }
                match core.on_timer(now, false) {
                    Action::Dead => {
                        prop_assert!(now - heard >= interval * (count + 1));
                        return Ok(());
                    }
                    Action::Wait(next) | Action::Ping(next) => prop_assert!(next > now),
                }
            }
        }
    }
}
