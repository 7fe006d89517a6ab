//! `clock`: what time the guest's hardware shows, and its timers.

use crate::Token;
use crate::xml::{Element, Number, Writer, XmlError};

/// `clock`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Clock {
    /// Where the time comes from.
    pub offset: ClockOffset,
    /// Timers.
    pub timers: Vec<Timer>,
}

/// Where the guest's clock starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClockOffset {
    /// UTC. `reset`: changes that the guest makes are forgotten at stop.
    Utc {
        /// `adjustment='reset'`.
        reset: bool,
    },
    /// The host's local time.
    Localtime {
        /// `adjustment='reset'`.
        reset: bool,
    },
    /// `adjustment` seconds from `basis`, kept up with the guest's changes.
    Variable {
        /// Seconds.
        adjustment: i64,
        /// From what.
        basis: ClockBasis,
        /// The adjustment that the guest was started with, which QEMU counts its changes from; status documents only.
        start: Option<i64>,
    },
    /// A named zone's local time.
    Timezone(String),
    /// A fixed time: seconds since 1970.
    Absolute(u64),
}

impl Default for ClockOffset {
    fn default() -> Self {
        Self::Utc { reset: false }
    }
}

tokens! {
    /// What a variable offset counts from.
    #[derive(Default)]
    pub enum ClockBasis { #[default] Utc = "utc", Localtime = "localtime" }

    /// A timer device.
    pub enum TimerName {
        Platform = "platform",
        Pit = "pit",
        Rtc = "rtc",
        Hpet = "hpet",
        Tsc = "tsc",
        Kvmclock = "kvmclock",
        Hypervclock = "hypervclock",
        Armvtimer = "armvtimer",
    }

    /// What a timer follows.
    pub enum TimerTrack { Boot = "boot", Guest = "guest", Wall = "wall", Realtime = "realtime" }

    /// What happens to ticks that the guest missed.
    pub enum TickPolicy { Delay = "delay", Catchup = "catchup", Merge = "merge", Discard = "discard" }

    /// How the TSC is offered.
    pub enum TscMode {
        Auto = "auto",
        Native = "native",
        Emulate = "emulate",
        Paravirt = "paravirt",
        Smpsafe = "smpsafe",
    }
}

/// `clock/timer`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timer {
    /// Which.
    pub name: TimerName,
    /// Is it offered? `None`: the emulator's default.
    pub present: Option<bool>,
    /// Tick policy.
    pub tickpolicy: Option<TickPolicy>,
    /// Of `rtc` and `platform`.
    pub track: Option<TimerTrack>,
    /// Limits of catching up.
    pub catchup: Catchup,
    /// Of `tsc`: Hz.
    pub frequency: Option<u64>,
    /// Of `tsc`.
    pub mode: Option<TscMode>,
}

/// `timer/catchup`; zero: not set.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Catchup {
    /// Nanoseconds behind before it starts.
    pub threshold: u64,
    /// Per cent faster.
    pub slew: u64,
    /// Nanoseconds that are given up beyond.
    pub limit: u64,
}

impl Clock {
    /// Refuses settings that a timer does not have.
    pub fn validate(&self) -> Result<(), XmlError> {
        self.timers.iter().try_for_each(Timer::validate)
    }

    /// The timer `name`, if the document speaks of it.
    pub fn timer(&self, name: TimerName) -> Option<&Timer> {
        self.timers.iter().find(|t| t.name == name)
    }

    pub(super) fn parse(domain: &Element, status: bool) -> Result<Self, XmlError> {
        let Some(e) = domain.child("clock") else { return Ok(Self::default()) };
        let timers = e.children_named("timer").map(Timer::parse).collect::<Result<_, _>>()?;
        Ok(Self { offset: ClockOffset::parse(e, status)?, timers })
    }

    pub(super) fn format(&self, w: &mut Writer, status: bool) {
        w.start("clock");
        self.offset.format(w, status);
        self.timers.iter().for_each(|t| t.format(w));
        w.end();
    }
}

impl ClockOffset {
    fn parse(e: &Element, status: bool) -> Result<Self, XmlError> {
        let adjustment = e.attr("adjustment");
        let basis_of_offset = match e.attr("offset") {
            None | Some("utc") => ClockBasis::Utc,
            Some("localtime") => ClockBasis::Localtime,
            Some("variable") => {
                return Ok(Self::Variable {
                    // The reference takes anything but a number for zero here.
                    adjustment: adjustment.and_then(|a| i64::read(a, false)).unwrap_or(0),
                    basis: parse_basis(e)?,
                    start: if status { e.attr_num("adjustment0")? } else { None },
                });
            }
            Some("timezone") => {
                let zone = e.attr_string("timezone").ok_or_else(|| {
                    XmlError::internal("missing 'timezone' attribute for clock with offset='timezone'")
                })?;
                return Ok(Self::Timezone(zone));
            }
            Some("absolute") => {
                let missing =
                    || XmlError::internal("missing 'start' attribute for clock with offset='absolute'");
                return e.attr_num("start")?.map(Self::Absolute).ok_or_else(missing);
            }
            Some(other) => return Err(XmlError::unsupported(format!("unknown clock offset '{other}'"))),
        };
        match (adjustment, basis_of_offset) {
            // A number makes it variable, counted from what the offset names.
            (Some(a), basis) if a != "reset" => {
                let fault = || XmlError::xml(format!("unknown clock adjustment '{a}'"));
                Ok(Self::Variable { adjustment: i64::read(a, false).ok_or_else(fault)?, basis, start: None })
            }
            (reset, ClockBasis::Utc) => Ok(Self::Utc { reset: reset.is_some() }),
            (reset, ClockBasis::Localtime) => Ok(Self::Localtime { reset: reset.is_some() }),
        }
    }

    fn format(&self, w: &mut Writer, status: bool) {
        let reset = |r: &bool| r.then_some("reset");
        match self {
            Self::Utc { reset: r } => w.attr("offset", "utc").attr_opt("adjustment", reset(r)),
            Self::Localtime { reset: r } => w.attr("offset", "localtime").attr_opt("adjustment", reset(r)),
            Self::Variable { adjustment, basis, start } => {
                w.attr("offset", "variable").attr("adjustment", adjustment).attr("basis", basis);
                w.attr_opt("adjustment0", start.filter(|_| status))
            }
            Self::Timezone(zone) => w.attr("offset", "timezone").attr("timezone", zone),
            Self::Absolute(start) => w.attr("offset", "absolute").attr("start", start),
        };
    }
}

fn parse_basis(e: &Element) -> Result<ClockBasis, XmlError> {
    let Some(word) = e.attr("basis") else { return Ok(ClockBasis::default()) };
    ClockBasis::from_word(word).ok_or_else(|| XmlError::unsupported(format!("unknown clock basis '{word}'")))
}

impl Timer {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let catchup = match e.child("catchup") {
            Some(c) => Catchup {
                threshold: c.attr_num("threshold")?.unwrap_or(0),
                slew: c.attr_num("slew")?.unwrap_or(0),
                limit: c.attr_num("limit")?.unwrap_or(0),
            },
            None => Catchup::default(),
        };
        let name = e.require_token("name")?;
        let tickpolicy = e.attr_token("tickpolicy")?;
        if e.child("catchup").is_some() && tickpolicy != Some(TickPolicy::Catchup) {
            let text = "setting of timer catchup policies is only supported with tickpolicy='catchup'";
            return Err(XmlError::xml(text));
        }
        Ok(Self {
            name,
            present: e.attr_yes_no("present")?,
            tickpolicy,
            track: e.attr_token("track")?,
            catchup,
            frequency: e.attr_num("frequency")?.filter(|f| *f != 0),
            mode: e.attr_token("mode")?,
        })
    }

    fn validate(&self) -> Result<(), XmlError> {
        let guests = matches!(self.name, TimerName::Kvmclock | TimerName::Hypervclock);
        let tracked = matches!(self.name, TimerName::Platform | TimerName::Rtc);
        let tsc = self.name == TimerName::Tsc;
        let settings = [
            (self.tickpolicy.is_some() && guests, "tickpolicy"),
            (self.track.is_some() && !tracked, "track"),
            (self.frequency.is_some() && !tsc, "frequency"),
            (self.mode.is_some() && !tsc, "mode"),
        ];
        match settings.iter().find(|(wrong, _)| *wrong) {
            Some((_, what)) => Err(XmlError::unsupported(format!(
                "timer {} doesn't support setting of timer {what}",
                self.name.as_str()
            ))),
            None => Ok(()),
        }
    }

    fn format(&self, w: &mut Writer) {
        w.start("timer").attr("name", self.name.as_str()).attr_yes_no("present", self.present);
        w.attr_opt("tickpolicy", self.tickpolicy);
        if matches!(self.name, TimerName::Platform | TimerName::Rtc) {
            w.attr_opt("track", self.track);
        }
        if self.name == TimerName::Tsc {
            w.attr_opt("frequency", self.frequency).attr_opt("mode", self.mode);
        }
        let set = |n: u64| Some(n).filter(|n| *n != 0);
        w.start("catchup").attr_opt("threshold", set(self.catchup.threshold));
        w.attr_opt("slew", set(self.catchup.slew)).attr_opt("limit", set(self.catchup.limit)).end_or_drop();
        w.end();
    }
}
