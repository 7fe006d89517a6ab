//! What happens when a guest powers off, reboots, crashes or loses a lock; sleep states; performance events.

use crate::Token;
use crate::xml::{Element, Writer, XmlError};

tokens! {
    /// What follows when the guest ends by itself.
    pub enum LifecycleAction {
        Destroy = "destroy",
        Restart = "restart",
        RenameRestart = "rename-restart",
        Preserve = "preserve",
        CoredumpDestroy = "coredump-destroy",
        CoredumpRestart = "coredump-restart",
    }

    /// What follows when a lease is lost.
    pub enum LockFailureAction {
        Poweroff = "poweroff",
        Restart = "restart",
        Pause = "pause",
        Ignore = "ignore",
    }

    /// A counter of the host's kernel.
    pub enum PerfEvent {
        Cmt = "cmt",
        Mbmt = "mbmt",
        Mbml = "mbml",
        CpuCycles = "cpu_cycles",
        Instructions = "instructions",
        CacheReferences = "cache_references",
        CacheMisses = "cache_misses",
        BranchInstructions = "branch_instructions",
        BranchMisses = "branch_misses",
        BusCycles = "bus_cycles",
        StalledCyclesFrontend = "stalled_cycles_frontend",
        StalledCyclesBackend = "stalled_cycles_backend",
        RefCpuCycles = "ref_cpu_cycles",
        CpuClock = "cpu_clock",
        TaskClock = "task_clock",
        PageFaults = "page_faults",
        ContextSwitches = "context_switches",
        CpuMigrations = "cpu_migrations",
        PageFaultsMin = "page_faults_min",
        PageFaultsMaj = "page_faults_maj",
        AlignmentFaults = "alignment_faults",
        EmulationFaults = "emulation_faults",
    }
}

/// `on_poweroff`, `on_reboot`, `on_crash`, `on_lockfailure`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lifecycle {
    /// The guest powers off.
    pub on_poweroff: LifecycleAction,
    /// The guest reboots.
    pub on_reboot: LifecycleAction,
    /// The guest crashes.
    pub on_crash: LifecycleAction,
    /// A lease is lost; `None`: the lock manager's default.
    pub on_lockfailure: Option<LockFailureAction>,
}

/// `pm`: are sleep states offered? `None`: the emulator's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pm {
    /// S3.
    pub suspend_to_mem: Option<bool>,
    /// S4.
    pub suspend_to_disk: Option<bool>,
}

/// `perf`: events that are switched on or off, in libvirt's order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Perf(pub Vec<(PerfEvent, bool)>);

impl Default for Lifecycle {
    fn default() -> Self {
        Self {
            on_poweroff: LifecycleAction::Destroy,
            on_reboot: LifecycleAction::Restart,
            on_crash: LifecycleAction::Destroy,
            on_lockfailure: None,
        }
    }
}

impl Lifecycle {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let default = Self::default();
        Ok(Self {
            on_poweroff: action(domain, "on_poweroff")?.unwrap_or(default.on_poweroff),
            on_reboot: action(domain, "on_reboot")?.unwrap_or(default.on_reboot),
            on_crash: action(domain, "on_crash")?.unwrap_or(default.on_crash),
            on_lockfailure: action(domain, "on_lockfailure")?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.text_element("on_poweroff", self.on_poweroff);
        w.text_element("on_reboot", self.on_reboot);
        w.text_element("on_crash", self.on_crash);
        w.text_element_opt("on_lockfailure", self.on_lockfailure);
    }
}

fn action<T: Token>(domain: &Element, name: &str) -> Result<Option<T>, XmlError> {
    let Some(word) = domain.child_text(name) else { return Ok(None) };
    match T::from_word(&word) {
        Some(action) => Ok(Some(action)),
        None => Err(XmlError::unsupported(format!("unknown {name} action: {word}"))),
    }
}

impl Pm {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let state = |path| match domain.find(path) {
            Some(e) => e.attr_yes_no("enabled"),
            None => Ok(None),
        };
        Ok(Self {
            suspend_to_mem: state("pm/suspend-to-mem")?,
            suspend_to_disk: state("pm/suspend-to-disk")?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("pm");
        w.start("suspend-to-mem").attr_yes_no("enabled", self.suspend_to_mem).end_or_drop();
        w.start("suspend-to-disk").attr_yes_no("enabled", self.suspend_to_disk).end_or_drop();
        w.end_or_drop();
    }
}

impl Perf {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let mut events: Vec<(PerfEvent, bool)> = Vec::new();
        for e in domain.child("perf").into_iter().flat_map(|p| p.children_named("event")) {
            let name: PerfEvent = e.require_token("name")?;
            let enabled =
                e.attr_yes_no("enabled")?.ok_or_else(|| XmlError::missing_attr("event", "enabled"))?;
            if events.iter().any(|(other, _)| *other == name) {
                return Err(XmlError::xml(format!("perf event '{name}' was already specified")));
            }
            events.push((name, enabled));
        }
        events.sort_by_key(|(name, _)| *name);
        Ok(Self(events))
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("perf");
        for (name, enabled) in &self.0 {
            w.start("event").attr("name", name).attr_yes_no("enabled", Some(*enabled)).end();
        }
        w.end_or_drop();
    }
}
