//! State and reason of a domain, in the numbers of `virDomainState` and its reasons, and in the words of
//! libvirt's status documents.

/// `virDomainState`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Condition {
    /// Guest processors run.
    Running,
    /// Guest processors are stopped.
    Paused,
    /// The guest has powered off, QEMU is still there.
    Shutdown,
    /// No guest.
    Shutoff,
    /// The guest has crashed.
    Crashed,
    /// The guest sleeps (suspended to memory).
    PmSuspended,
}

impl Condition {
    /// Every condition.
    pub fn all() -> impl Iterator<Item = Condition> {
        Self::ALL.iter().map(|row| row.0)
    }

    /// The word of status documents.
    pub fn word(self) -> &'static str {
        self.row().2
    }

    /// Every condition with its number on the wire, its word in status documents, and the words of its reasons
    /// by number.
    const ALL: [(Condition, i32, &'static str, &'static [&'static str]); 6] = [
        (
            Condition::Running,
            1,
            "running",
            &[
                "unknown",
                "booted",
                "migrated",
                "restored",
                "from snapshot",
                "unpaused",
                "migration canceled",
                "save canceled",
                "wakeup",
                "crashed",
                "post-copy",
                "post-copy failed",
            ],
        ),
        (
            Condition::Paused,
            3,
            "paused",
            &[
                "unknown",
                "user",
                "migration",
                "save",
                "dump",
                "ioerror",
                "watchdog",
                "from snapshot",
                "shutdown",
                "snapshot",
                "panicked",
                "starting up",
                "post-copy",
                "post-copy failed",
                "api error",
            ],
        ),
        (Condition::Shutdown, 4, "shutdown", &["unknown", "user"]),
        (
            Condition::Shutoff,
            5,
            "shutoff",
            &[
                "unknown",
                "shutdown",
                "destroyed",
                "crashed",
                "migrated",
                "saved",
                "failed",
                "from snapshot",
                "daemon",
            ],
        ),
        (Condition::Crashed, 6, "crashed", &["unknown", "panicked"]),
        (Condition::PmSuspended, 7, "pmsuspended", &["unknown"]),
    ];

    fn row(self) -> &'static (Condition, i32, &'static str, &'static [&'static str]) {
        let place = match self {
            Condition::Running => 0,
            Condition::Paused => 1,
            Condition::Shutdown => 2,
            Condition::Shutoff => 3,
            Condition::Crashed => 4,
            Condition::PmSuspended => 5,
        };
        &Self::ALL[place]
    }
}

/// State and reason. The reason's number counts for its state alone (`virDomainRunningReason` and its like).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Status {
    /// The state.
    pub condition: Condition,
    /// Why.
    pub reason: i32,
}

impl Default for Status {
    fn default() -> Self {
        Self::SHUTOFF
    }
}

impl Status {
    /// Never run since the daemon knows it.
    pub const SHUTOFF: Status = Status { condition: Condition::Shutoff, reason: 0 };
    /// Running after a start.
    pub const BOOTED: Status = Status { condition: Condition::Running, reason: 1 };
    /// Running after a resume.
    pub const UNPAUSED: Status = Status { condition: Condition::Running, reason: 5 };
    /// Running again after sleep.
    pub const WOKEN: Status = Status { condition: Condition::Running, reason: 8 };
    /// Running again after a crash.
    pub const RESTARTED: Status = Status { condition: Condition::Running, reason: 9 };
    /// Paused by a client.
    pub const PAUSED_USER: Status = Status { condition: Condition::Paused, reason: 1 };
    /// Paused since a disk failed.
    pub const PAUSED_IO_ERROR: Status = Status { condition: Condition::Paused, reason: 5 };
    /// Paused by the watchdog.
    pub const PAUSED_WATCHDOG: Status = Status { condition: Condition::Paused, reason: 6 };
    /// Paused while it powers off.
    pub const PAUSED_SHUTTING_DOWN: Status = Status { condition: Condition::Paused, reason: 8 };
    /// Not running yet: being started.
    pub const STARTING: Status = Status { condition: Condition::Paused, reason: 11 };
    /// Powered off by the guest or on request.
    pub const SHUTDOWN_USER: Status = Status { condition: Condition::Shutdown, reason: 1 };
    /// The guest's kernel has panicked.
    pub const CRASHED_PANICKED: Status = Status { condition: Condition::Crashed, reason: 1 };
    /// The guest sleeps.
    pub const PM_SUSPENDED: Status = Status { condition: Condition::PmSuspended, reason: 0 };

    /// Not running any more, for this reason.
    pub fn shutoff(reason: ShutoffReason) -> Status {
        Status { condition: Condition::Shutoff, reason: reason as i32 }
    }

    /// The state's number on the wire.
    pub fn number(self) -> i32 {
        self.condition.row().1
    }

    /// The words of a status document: state and reason.
    pub fn words(self) -> (&'static str, &'static str) {
        let (_, _, state, reasons) = self.condition.row();
        let reason = usize::try_from(self.reason).ok().and_then(|r| reasons.get(r));
        (state, reason.copied().unwrap_or("unknown"))
    }

    /// State and reason from the words of a status document; an unknown reason counts as "unknown".
    pub fn from_words(state: &str, reason: &str) -> Option<Status> {
        let (condition, _, _, reasons) = Condition::ALL.iter().find(|row| row.2 == state)?;
        let reason = reasons.iter().position(|r| *r == reason).unwrap_or(0);
        Some(Status { condition: *condition, reason: i32::try_from(reason).unwrap_or(0) })
    }
}

/// `virDomainShutoffReason`, where we give one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i32)]
pub enum ShutoffReason {
    /// Powered off in the regular way.
    Shutdown = 1,
    /// Destroyed by a client.
    Destroyed = 2,
    /// Guest or QEMU crashed.
    Crashed = 3,
    /// Did not start.
    Failed = 6,
    /// The daemon could not take it over.
    Daemon = 8,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_and_numbers() {
        assert_eq!(Status::BOOTED.words(), ("running", "booted"));
        assert_eq!(Status::STARTING.words(), ("paused", "starting up"));
        assert_eq!(Status::shutoff(ShutoffReason::Daemon).words(), ("shutoff", "daemon"));
        for (condition, number, state, reasons) in Condition::ALL {
            for (reason, word) in reasons.iter().enumerate() {
                let status = Status::from_words(state, word).unwrap();
                assert_eq!(status, Status { condition, reason: reason as i32 });
                assert_eq!((status.number(), status.words()), (number, (state, *word)));
            }
        }
        assert_eq!(Status::from_words("no such", "x"), None);
    }
}
