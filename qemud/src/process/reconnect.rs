//! Taking over what an earlier daemon left: running guests, guests that ended meanwhile, starts cut short.
//!
//! Every status document is looked at by a task of its own that holds the domain's job from the beginning, so
//! that clients may connect meanwhile and their changes wait.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use ::driver::documents::blocking;
use ::driver::jobs::{JobGuard, LongJob};
use host::process::{self, PidFd};
use host::store;
use model::domain::Domain as Definition;
use protocol::{ErrorDomain, Fault};
use tokio::sync::watch as watch_channel;

use super::status::Document;
use super::{Process, leftovers, start, status, stop, watch};
use crate::domain::{Condition, Domain, Ending, Live, Status};
use crate::driver::Driver;
use crate::figures::LastKnown;
use crate::monitor::Monitor;
use crate::notify::{Lifecycle, Suspended};

/// How long QEMU's monitor may take to answer a daemon that comes back.
const ANSWER_LIMIT: Duration = Duration::from_secs(30);

/// Register every guest that has a status document, with its job held; returns the work that is left to do.
pub async fn adopt_all(driver: &Arc<Driver>) -> Result<Vec<Adoption>, Fault> {
    let found = driver.statuses.load().await.map_err(::driver::fault::host(ErrorDomain::QEMU))?;
    let mut adoptions = Vec::new();
    for found in found {
        let text = match found.text {
            Ok(text) => text,
            Err(error) => {
                tracing::error!(target: "qemu", "status document '{}' is left alone: {error}", found.path.display());
                continue;
            }
        };
        match Document::parse(&text) {
            Ok(document) => adoptions.extend(register(driver, document)),
            Err(error) => {
                let path = found.path.display();
                tracing::error!(target: "qemu", "status document '{path}' is left alone: {error}");
            }
        }
    }
    Ok(adoptions)
}

/// A domain whose guest is to be found again; the job is held.
pub struct Adoption {
    domain: Arc<Domain>,
    document: Document,
    job: JobGuard,
}

/// Make the domain known as active before any client can ask.
fn register(driver: &Arc<Driver>, document: Document) -> Option<Adoption> {
    let definition = &document.definition;
    let uuid = definition.uuid?;
    let make = || Domain::new(uuid, &definition.name, driver.config.max_queued);
    let domain = match driver.domains.find_or_insert(uuid, &definition.name, make) {
        Ok((domain, _)) => domain,
        Err(clash) => {
            let name = &definition.name;
            tracing::error!(target: "qemu", "the guest of domain '{name}' is left alone: {clash}");
            return None;
        }
    };
    let job = domain.jobs().try_begin_long(LongJob::Reconnect, "the daemon's start")?;
    driver.names.adopt(definition);
    let id = definition.id.and_then(|id| i32::try_from(id).ok());
    if let Some(id) = id {
        driver.id_is_taken(id);
    }
    if let Some(process) = open_process(&document) {
        driver.ports.adopt(definition);
        driver.logs.adopt(&document.logs);
        let mut state = domain.lock();
        let id = id.unwrap_or_else(|| driver.next_id());
        driver.domains.set_id(uuid, Some(id));
        state.status = document.status;
        state.live = Some(Arc::new(live(driver, &document, id, process)));
    }
    Some(Adoption { domain, document, job })
}

/// The process that the document names, if it is still that one.
fn open_process(document: &Document) -> Option<Arc<Process>> {
    let pid = document.pid?;
    let (start_time, handle) = match document.start_time {
        Some(recorded) => (recorded, PidFd::open_same(pid, recorded).ok()??),
        None => {
            let start_time = process::start_time(pid).filter(|_| runs_domain(pid, &document.definition))?;
            (start_time, PidFd::open_same(pid, start_time).ok()??)
        }
    };
    Some(Arc::new(Process { pid, start_time, handle }))
}

/// Whether the process's command line has the domain's UUID: for documents without start time.
fn runs_domain(pid: i32, definition: &Definition) -> bool {
    let Some(uuid) = definition.uuid.map(|uuid| uuid.to_string()) else { return false };
    let line = store::read(Path::new(&format!("/proc/{pid}/cmdline")), 1 << 20).unwrap_or_default();
    line.split(|byte| *byte == 0).any(|argument| argument == uuid.as_bytes())
}

fn live(driver: &Driver, document: &Document, id: i32, process: Arc<Process>) -> Live {
    Live {
        definition: Arc::clone(&document.definition),
        described_cpu: document.described_cpu.clone(),
        id,
        process,
        monitor: None,
        monitor_path: document.monitor_path.clone(),
        directories: document.directories.clone(),
        own_dev: document.own_dev,
        vcpu_threads: document.vcpu_threads.clone(),
        ending: None,
        ended: watch_channel::Sender::new(false),
        reboot_wanted: document.reboot_wanted,
        autodestroy: None,
        balloon_kib: document.definition.memory.current_kib,
        inhibitor: Arc::new(driver.context.inhibit(format!("domain '{}'", document.definition.name))),
        consoles: Arc::default(),
        logs: document.logs.clone(),
        taints: document.taints.clone(),
        thresholds: Arc::default(),
        sheet: Arc::default(),
        figures: Arc::new(LastKnown::default()),
    }
}

impl Adoption {
    /// Find the guest again, or clean up after it.
    pub async fn run(self, driver: Arc<Driver>) {
        let Adoption { domain, document, job } = self;
        let name = document.definition.name.clone();
        let process = domain.lock().live.as_ref().map(|live| Arc::clone(&live.process));
        let Some(process) = process else {
            return clean_up_ended(&driver, &domain, &document).await;
        };
        if document.status == Status::STARTING {
            tracing::warn!(target: "qemu", "the start of domain '{name}' was cut short: it is taken back");
            return end_as(&driver, &domain, &process, Ending::Failed).await;
        }
        match reconnect(&driver, &domain, &process).await {
            Ok(()) => tracing::info!(target: "qemu", "domain '{name}' (pid {}) is found again", process.pid),
            Err(error) => {
                tracing::error!(target: "qemu", "domain '{name}' cannot be taken over: {error}");
                end_as(&driver, &domain, &process, Ending::Unreachable).await;
            }
        }
        drop(job);
    }
}

/// Connect to the monitor again, compare with what QEMU says now, and watch on.
async fn reconnect(driver: &Arc<Driver>, domain: &Arc<Domain>, process: &Arc<Process>) -> Result<(), Fault> {
    let path = domain.lock().live.as_ref().map(|live| live.monitor_path.clone()).unwrap_or_default();
    let connecting = Monitor::connect(Path::new(&path), ANSWER_LIMIT);
    let (monitor, events) = tokio::select! {
        connected = connecting => connected.map_err(Fault::from)?,
        _ = process.handle.wait() => {
            super::stop::finish_holding(driver, domain, process.pid).await;
            return Ok(());
        }
    };
    let facts = start::after_start(&monitor).await.map_err(Fault::from)?;
    let now = monitor.query_status().await.map_err(Fault::from)?;
    {
        let mut state = domain.lock();
        let Some(live) = state.live_mut() else { return Ok(()) };
        live.adopt(&facts);
        live.monitor = Some(monitor.clone());
        compare(driver, domain, &mut state, now.running, &now.status);
    }
    status::save(driver, domain).await?;
    let powered_off = now.status == "shutdown";
    watch::spawn(driver, domain, Arc::clone(process), monitor, events);
    if powered_off {
        // It powered off while no daemon looked; QEMU waits to be ended.
        if let Some(live) = domain.lock().live_mut() {
            live.ending = Some(Ending::Shutdown);
        }
        stop::ask(process).map_err(::driver::fault::host(ErrorDomain::QEMU))?;
    }
    Ok(())
}

/// Tell clients what changed while no daemon looked.
fn compare(driver: &Driver, domain: &Domain, state: &mut crate::domain::State, running: bool, word: &str) {
    match (state.status.condition, running) {
        (Condition::Paused | Condition::PmSuspended, true) => {
            state.status = Status::UNPAUSED;
            driver.tell(domain, state, Lifecycle::Resumed);
        }
        (Condition::Running, false) if word == "shutdown" => {
            state.status = Status::SHUTDOWN_USER;
            driver.tell(domain, state, Lifecycle::Shutdown(crate::notify::ShutdownBy::Unknown));
        }
        (Condition::Running, false) => {
            let (status, why) = match word {
                "io-error" => (Status::PAUSED_IO_ERROR, Suspended::IoError),
                "watchdog" => (Status::PAUSED_WATCHDOG, Suspended::Watchdog),
                _ => (Status::PAUSED_USER, Suspended::Paused),
            };
            state.status = status;
            driver.tell(domain, state, Lifecycle::Suspended(why));
        }
        _ => {}
    }
}

async fn end_as(driver: &Arc<Driver>, domain: &Arc<Domain>, process: &Arc<Process>, ending: Ending) {
    if let Some(live) = domain.lock().live_mut() {
        live.ending.get_or_insert(ending);
    }
    if let Err(error) = stop::end(process).await {
        tracing::error!(target: "qemu", "QEMU (pid {}) of an unreachable guest stays: {error}", process.pid);
        return;
    }
    stop::finish_holding(driver, domain, process.pid).await;
}

/// The document's process is not there any more: the guest has ended, or its start never got so far.
async fn clean_up_ended(driver: &Arc<Driver>, domain: &Arc<Domain>, document: &Document) {
    let definition = &document.definition;
    let (name, id) =
        (definition.name.as_str(), definition.id.and_then(|id| i32::try_from(id).ok()).unwrap_or(-1));
    kill_half_started(definition).await;
    let labelled = document.status != Status::STARTING;
    leftovers::remove(
        driver,
        definition,
        id,
        leftovers::Known { labelled, directories: &document.directories },
    )
    .await;
    let ending = match document.status {
        Status::STARTING => Ending::Failed,
        Status { condition: Condition::Shutdown, .. } => Ending::Shutdown,
        // QEMU does not end by itself (`-no-shutdown`), and nobody asked it to.
        _ => Ending::Crashed,
    };
    {
        let mut state = domain.lock();
        state.status = ending.status();
        if ending != Ending::Failed {
            driver.tell(domain, &state, Lifecycle::Stopped(ending.event()));
        }
    }
    if let Err(error) = driver.statuses.remove(name).await {
        tracing::error!(target: "qemu", "the status document of domain '{name}' stays: {error}");
    }
    crate::define::forget_if_empty(driver, domain);
    tracing::info!(target: "qemu", "domain '{name}' ended while no daemon looked");
}

/// A start was cut short after the process was made and before its pid was recorded: it is known by the UUID
/// on its command line.
async fn kill_half_started(definition: &Definition) {
    let wanted = definition.clone();
    let found = blocking(move || Ok(find_process(&wanted))).await;
    let Ok(Some(process)) = found else { return };
    tracing::warn!(target: "qemu", "QEMU (pid {}) of a start that was cut short is ended", process.pid);
    if let Err(error) = stop::end(&process).await {
        tracing::error!(target: "qemu", "QEMU (pid {}) of a start that was cut short stays: {error}", process.pid);
    }
}

fn find_process(definition: &Definition) -> Option<Process> {
    let entries = std::fs::read_dir("/proc").ok()?;
    let mut pids = entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse::<i32>().ok());
    let pid = pids.find(|pid| is_qemu(*pid) && runs_domain(*pid, definition))?;
    let start_time = process::start_time(pid)?;
    let handle = PidFd::open_same(pid, start_time).ok()??;
    Some(Process { pid, start_time, handle })
}

/// Whether the process's program is an emulator: others may have the UUID on their command line too.
fn is_qemu(pid: i32) -> bool {
    let program = std::fs::read_link(format!("/proc/{pid}/exe")).unwrap_or_default();
    program.file_name().is_some_and(|name| name.to_string_lossy().starts_with("qemu"))
}
