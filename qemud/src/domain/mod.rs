//! One domain: its definitions, its running guest, and who may change it.
//!
//! Readers lock the state for a moment and take what they need as shared, immutable parts ([`Domain::view`]);
//! they never wait for a job. Whoever changes the domain holds a guard of its [`Jobs`] and publishes the new
//! parts under the same lock, with the event that tells of it.

pub mod status;
pub mod taint;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use driver::jobs::{Job, JobGuard, Jobs, LongJob};
use model::domain::Domain as Definition;
use model::domain::cpu::Cpu;
use protocol::{ErrorCode, ErrorDomain, Fault};
use tokio::sync::watch;
use uuid::Uuid;

use crate::monitor::Monitor;
use crate::notify::Stopped;
pub use status::{Condition, ShutoffReason, Status};

/// A domain that the daemon knows.
#[derive(Debug)]
pub struct Domain {
    uuid: Uuid,
    state: Mutex<State>,
    jobs: Arc<Jobs>,
    /// Held while the status document is written: only for that, and not a job.
    status_turn: tokio::sync::Mutex<()>,
}

/// What is known of a domain now.
#[derive(Debug, Default)]
pub struct State {
    /// The name, also while a domain without definition is on its way in or out.
    pub name: String,
    /// The definition for the next start; none when the domain is transient.
    pub persistent: Option<Arc<Definition>>,
    /// The running guest; shared with the readers' views, and changed through [`State::live_mut`].
    pub live: Option<Arc<Live>>,
    /// Whether it is started with the daemon.
    pub autostart: bool,
    /// Whether it is started at the host's next start, and not at later ones.
    pub autostart_once: bool,
    /// State and reason as clients see them.
    pub status: Status,
    /// Undefined: callers that waited for a job of this domain find it gone.
    pub gone: bool,
}

/// A guest that runs, or is being started.
#[derive(Debug, Clone)]
pub struct Live {
    /// The definition it runs with: ids, aliases, addresses and paths filled in.
    pub definition: Arc<Definition>,
    /// The processor as it was described, where QEMU made another of it: what another host is told.
    pub described_cpu: Option<Arc<Cpu>>,
    /// The domain's id.
    pub id: i32,
    /// Its QEMU process.
    pub process: Arc<crate::process::Process>,
    /// The monitor's socket.
    pub monitor_path: String,
    /// Directories that were made for it alone, perhaps by other settings than those of now.
    pub directories: Vec<String>,
    /// It has a `/dev` of its own, with only its devices in it.
    pub own_dev: bool,
    /// Thread ids of the vcpus, by vcpu number.
    pub vcpu_threads: Vec<(u32, u32)>,
    /// The QMP connection, from the greeting on.
    pub monitor: Option<Monitor>,
    /// How it will have ended, once somebody or something has begun to end it.
    pub ending: Option<Ending>,
    /// Becomes true when the guest is gone and cleaned up.
    pub ended: watch::Sender<bool>,
    /// The guest's next power-off is a reboot: it is reset instead of ended.
    pub reboot_wanted: bool,
    /// The session whose end destroys the guest (`VIR_DOMAIN_START_AUTODESTROY`).
    pub autodestroy: Option<u64>,
    /// The balloon's size, in KiB, as QEMU told last.
    pub balloon_kib: u64,
    /// Who uses the guest's consoles and channels.
    pub consoles: Arc<crate::console::Users>,
    /// Which images have their thresholds named by number.
    pub thresholds: Arc<crate::guest::threshold::Named>,
    /// Where its pictures are written.
    pub sheet: Arc<crate::guest::screenshot::Sheet>,
    /// Holds off the daemon's idle exit.
    pub inhibitor: Arc<daemon::Inhibitor>,
    /// Who keeps its log and the other files that its output goes to.
    pub logs: crate::process::log::KeptBy,
    /// What makes it other than what was tested.
    pub taints: taint::Taints,
    /// Last answers of QEMU, for when it does not answer.
    pub figures: Arc<crate::figures::LastKnown>,
}

/// How a guest's life ends: what clients see afterwards, and the event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It powered off.
    Shutdown,
    /// A client destroyed it.
    Destroyed,
    /// QEMU ended by itself, without the guest powering off.
    Crashed,
    /// The guest's kernel panicked, and its definition says to end it then.
    Panicked,
    /// It did not start.
    Failed,
    /// The daemon could not take it over.
    Unreachable,
}

impl Domain {
    /// A domain in no state yet: neither defined nor running.
    pub fn new(uuid: Uuid, name: &str, max_queued: usize) -> Arc<Self> {
        let state = State { name: name.to_owned(), ..State::default() };
        Arc::new(Self {
            uuid,
            state: Mutex::new(state),
            jobs: Jobs::new(max_queued),
            status_turn: tokio::sync::Mutex::new(()),
        })
    }

    /// The UUID.
    pub fn uuid(&self) -> Uuid {
        self.uuid
    }

    /// The job table.
    pub fn jobs(&self) -> &Arc<Jobs> {
        &self.jobs
    }

    /// The turn to write the status document. Meant to be held across the write.
    pub async fn status_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.status_turn.lock().await
    }

    /// The state, locked for a moment: never held across an await.
    pub fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a reader needs, taken at one moment.
    pub fn view(&self) -> View {
        let state = self.lock();
        View {
            uuid: self.uuid,
            persistent: state.persistent.clone(),
            live: state.live.clone(),
            autostart: state.autostart,
            status: state.status,
        }
    }

    /// The domain as its log knows it.
    pub fn log_owner(&self) -> crate::process::log::Owner {
        crate::process::log::Owner { uuid: self.uuid, name: self.lock().name.clone() }
    }

    /// Wait for a long job on behalf of the public call `api`; fails when the domain is gone by then.
    pub async fn begin_long(&self, job: LongJob, api: &'static str) -> Result<JobGuard, Fault> {
        let guard = self.jobs.begin_long(job, api).await.map_err(driver::fault::job(ErrorDomain::QEMU))?;
        self.check_there().map(|()| guard)
    }

    /// Wait for a short job on behalf of the public call `api`; fails when the domain is gone by then.
    pub async fn begin(&self, job: Job, api: &'static str) -> Result<JobGuard, Fault> {
        let guard = self.jobs.begin(job, api).await.map_err(driver::fault::job(ErrorDomain::QEMU))?;
        self.check_there().map(|()| guard)
    }

    fn check_there(&self) -> Result<(), Fault> {
        if self.lock().gone { Err(no_domain_uuid(self.uuid)) } else { Ok(()) }
    }
}

impl State {
    /// The running guest, to change it; readers keep what they have seen.
    pub fn live_mut(&mut self) -> Option<&mut Live> {
        self.live.as_mut().map(Arc::make_mut)
    }
}

/// A reader's copy of a domain's state: shared parts, nothing deep.
#[derive(Debug, Clone)]
pub struct View {
    /// The UUID.
    pub uuid: Uuid,
    /// The definition for the next start.
    pub persistent: Option<Arc<Definition>>,
    /// The running guest.
    pub live: Option<Arc<Live>>,
    /// Whether it is started with the daemon.
    pub autostart: bool,
    /// State and reason.
    pub status: Status,
}

impl View {
    /// Whether a guest runs.
    pub fn is_active(&self) -> bool {
        self.live.is_some()
    }

    /// The id, or -1 when no guest runs.
    pub fn id(&self) -> i32 {
        self.live.as_ref().map_or(-1, |live| live.id)
    }

    /// The definition that counts now: the running guest's, else the one for the next start.
    pub fn definition(&self) -> Result<&Arc<Definition>, Fault> {
        let live = self.live.as_ref().map(|live| &live.definition);
        live.or(self.persistent.as_ref()).ok_or_else(|| no_domain_uuid(self.uuid))
    }

    /// The running guest, or the reference's error.
    pub fn active(&self) -> Result<&Live, Fault> {
        self.live.as_deref().ok_or_else(not_running)
    }
}

impl Ending {
    /// State and reason afterwards.
    pub fn status(self) -> Status {
        Status::shutoff(match self {
            Ending::Shutdown => ShutoffReason::Shutdown,
            Ending::Destroyed => ShutoffReason::Destroyed,
            Ending::Crashed | Ending::Panicked => ShutoffReason::Crashed,
            Ending::Failed => ShutoffReason::Failed,
            Ending::Unreachable => ShutoffReason::Daemon,
        })
    }

    /// The detail of the event that tells of it.
    pub fn event(self) -> Stopped {
        match self {
            Ending::Shutdown => Stopped::Shutdown,
            Ending::Destroyed => Stopped::Destroyed,
            Ending::Panicked => Stopped::Crashed,
            Ending::Crashed | Ending::Failed | Ending::Unreachable => Stopped::Failed,
        }
    }

    /// The word for it in the guest's log.
    pub fn word(self) -> &'static str {
        match self {
            Ending::Shutdown => "shutdown",
            Ending::Destroyed => "destroyed",
            Ending::Crashed | Ending::Panicked => "crashed",
            Ending::Failed => "failed",
            Ending::Unreachable => "daemon",
        }
    }
}

/// "Requested operation is not valid: domain is not running".
pub fn not_running() -> Fault {
    Fault::new(ErrorDomain::DOMAIN, ErrorCode::OPERATION_INVALID, "domain is not running")
}

/// "Domain not found" for a UUID, in the words that clients match on.
pub fn no_domain_uuid(uuid: Uuid) -> Fault {
    let detail = format!("no domain with matching uuid '{uuid}'");
    Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN, detail)
}
