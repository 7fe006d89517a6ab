//! Starting a guest: from the definition to running processors.
//!
//! The steps, and what is on disk after each, so that a daemon that is killed in between leaves nothing behind
//! after its next start: the status document with state "starting up" names the directories; the process
//! writes its pid file before it becomes QEMU; only a status document with a pid and another state is of a
//! guest that runs.

use std::sync::Arc;
use std::time::Duration;

use ::driver::documents::blocking;
use ::driver::jobs::LongJob;
use host::command::System;
use model::domain::Domain as Definition;
use model::domain::lifecycle::LifecycleAction;
use protocol::consts::connect_domain_event_channel_lifecycle_reason as reason;
use protocol::remote::NonnullDomain;
use protocol::{ErrorCode, ErrorDomain, Fault};
use serde_json::json;
use tokio::sync::watch as watch_channel;

use super::launch::{self, Inherited, Launched, Told};
use super::log::{self, KeptBy, StartLog};
use super::{
    GREETING_LIMIT, Process, StartOptions, advice, images, leftovers, processor, scsi, status, stop, taint,
    watch,
};
use crate::command::{self, Plan};
use crate::confine::{affinity, cgroup, devices, seclabel};
use crate::define::{self, Source};
use crate::device::disk::chain::{self, Absent};
use crate::domain::{Domain, Ending, Live, ShutoffReason, State, Status, View};
use crate::driver::Driver;
use crate::figures::LastKnown;
use crate::monitor::{Chardev, Events, Monitor, MonitorError};
use crate::network::{self, Wires};
use crate::notify::{Lifecycle, Suspended};
use crate::{hostsysinfo, parts, secrets, unbuilt};

/// Start a defined domain (procedures 9 and 196).
pub async fn defined(
    driver: &Arc<Driver>,
    named: &NonnullDomain,
    options: StartOptions,
) -> Result<View, Fault> {
    let domain = driver.domain(named)?;
    start_defined(driver, &domain, options).await
}

/// Start a domain that is in the registry.
pub async fn start_defined(
    driver: &Arc<Driver>,
    domain: &Arc<Domain>,
    options: StartOptions,
) -> Result<View, Fault> {
    let job = domain.begin_long(LongJob::Start, "virDomainCreate").await?;
    let definition = {
        let state = domain.lock();
        if state.live.is_some() {
            return Err(invalid(ErrorDomain::QEMU, "domain is already running"));
        }
        state.persistent.clone()
    };
    let definition = definition.ok_or_else(|| crate::domain::no_domain_uuid(domain.uuid()))?;
    pass_saved_memory(driver, &definition.name, options.force_boot).await?;
    Start { driver, domain, options }.run(Definition::clone(&definition)).await?;
    drop(job);
    Ok(domain.view())
}

/// Memory that another daemon saved cannot be restored yet. The guest is not booted beside it: whoever restored it later
/// would bring back the caches of a disk that has been written since.
async fn pass_saved_memory(driver: &Driver, name: &str, force_boot: bool) -> Result<(), Fault> {
    let host_fault = ::driver::fault::host(ErrorDomain::QEMU);
    let image = driver.paths.managed_save(name).map_err(&host_fault)?;
    let shown = image.display().to_string();
    let in_the_way = blocking(move || match force_boot {
        true => host::store::remove(&image).map(|_| false),
        false => image.try_exists().map_err(host::Error::file("examine", &image)),
    });
    if in_the_way.await.map_err(&host_fault)? {
        let detail = format!(
            "the memory saved in '{shown}' cannot be restored by this daemon yet; a forced boot discards it"
        );
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_UNSUPPORTED, detail));
    }
    Ok(())
}

/// Start a domain that exists only as long as its guest, from a client's XML (procedure 10).
pub async fn transient(driver: &Arc<Driver>, text: &str, options: StartOptions) -> Result<View, Fault> {
    let (definition, _) = define::complete(driver, text, Source::Client).await?;
    let uuid = define::uuid_of(&definition)?;
    let max_queued = driver.config.max_queued;
    let make = || Domain::new(uuid, &definition.name, max_queued);
    let inserted = driver.domains.find_or_insert(uuid, &definition.name, make);
    let (domain, _) = inserted.map_err(|clash| define::clash_fault(&definition.name, uuid, clash))?;
    let job = domain.begin_long(LongJob::Start, "virDomainCreateXML").await?;
    if domain.lock().live.is_some() {
        let detail = format!("domain '{}' is already active", definition.name);
        return Err(invalid(ErrorDomain::DOMAIN, &detail));
    }
    let started = Start { driver, domain: &domain, options }.run(definition).await;
    drop(job);
    if started.is_err() {
        define::forget_if_empty(driver, &domain);
    }
    started.map(|()| domain.view())
}

/// Whether the definition asks for a reset where others power off.
pub fn reboots_on_poweroff(definition: &Definition) -> bool {
    definition.lifecycle.on_poweroff == LifecycleAction::Restart
}

/// What a start is to carry out.
struct Planned {
    plan: Plan,
    wires: Wires,
    /// Disks that the guest does without.
    absent: Vec<Absent>,
}

struct Start<'a> {
    driver: &'a Arc<Driver>,
    domain: &'a Arc<Domain>,
    options: StartOptions,
}

impl Start<'_> {
    async fn run(&self, definition: Definition) -> Result<(), Fault> {
        let name = definition.name.clone();
        let started = self.try_run(definition).await;
        started.inspect_err(|error| {
            tracing::error!(target: "qemu", "domain '{name}' does not start: {error}");
        })
    }

    async fn try_run(&self, mut definition: Definition) -> Result<(), Fault> {
        let id = self.driver.next_id();
        let planned = match self.plan(&mut definition, id).await {
            Ok(planned) => planned,
            Err(error) => {
                log::note_end(self.driver, self.domain.log_owner(), KeptBy::default(), Ending::Failed).await;
                return Err(error);
            }
        };
        let name = definition.name.clone();
        let definition = Arc::new(definition);
        let begun = self.launch(&definition, id, planned).await;
        let done = match begun {
            Ok(launched) => self.bring_up(launched).await,
            Err(error) => Err(error),
        };
        if let Err(error) = done {
            self.give_up(&name, id, &definition).await;
            return Err(error);
        }
        Ok(())
    }

    /// The live definition and the command line.
    async fn plan(&self, definition: &mut Definition, id: i32) -> Result<Planned, Fault> {
        let emulator = definition.emulator.clone().unwrap_or_default();
        let caps = self.driver.capabilities.of_now(&emulator).await?;
        let facts = self.driver.facts().await?;
        let mut options = self.driver.plan_options(id);
        options.processor = self.driver.capabilities.processor().await?;
        options.scsi_generic = scsi::generic(definition).await;
        options.host_smbios = hostsysinfo::for_guest(&System, definition).await;
        definition.id = u32::try_from(id).ok();
        unbuilt::refuse_start(definition)?;
        cgroup::assign(definition, self.driver)?;
        seclabel::assign(definition, &self.driver.config.confinement)?;
        let missing = images::find_chains(definition).await?;
        advice::ask(&System, definition).await?;
        command::prepare(definition, &caps, &facts, &options).map_err(Fault::from)?;
        let absent = chain::leave_out(definition, &missing);
        options.secrets = secrets::fetch(self.driver, definition, &facts.conf).await?;
        let wires = network::open(self.driver, definition).await?;
        options.vhost = wires.vhost();
        self.driver.ports.assign(definition, facts.conf.spice_tls)?;
        parts::set_listen_addresses(definition, &facts.conf);
        let plan = command::plan(definition, &caps, &facts, &options).map_err(|error| {
            self.driver.ports.release(definition);
            Fault::from(error)
        })?;
        Ok(Planned { plan, wires, absent })
    }

    /// From the plan to a process with its monitor's connection made.
    async fn launch(
        &self,
        definition: &Arc<Definition>,
        id: i32,
        planned: Planned,
    ) -> Result<Launched, Fault> {
        let Planned { plan, mut wires, absent } = planned;
        launch::check_files(&plan, self.options.reset_nvram).await?;
        let mut starting = status::Document::starting(self.driver, definition, id, &plan.monitor_path);
        starting.directories = plan.directories();
        let wanted = cgroup::wanted(self.driver, definition, id, &plan.labels)?;
        starting.save(self.driver).await?;
        network::connect(self.driver, definition, &mut wires).await?;
        host::fault::at("start.wired");
        let caps = self.driver.capabilities.of(definition.emulator.as_deref().unwrap_or_default()).await?;
        let versions = log::versions(&caps);
        let taints = taint::of_start(self.driver, definition, caps).await;
        let notes = taints.iter().map(|found| log::taint_note(id, &found.text())).collect();
        let told = Told { owner: self.domain.log_owner(), versions, notes };
        let confinement = &self.driver.config.confinement;
        let devices = starting.own_dev.then(|| devices::of(confinement, definition, &plan.labels));
        let devices = devices.map(|all| all.into_iter().map(|(path, _)| path).collect());
        let inherited =
            Inherited { wires, groups: wanted, devices, reset_nvram: self.options.reset_nvram, told };
        let launched = launch::launch(self.driver, definition, &plan, inherited).await?;
        let live = Live {
            definition: Arc::clone(definition),
            described_cpu: None,
            id,
            process: Arc::clone(&launched.process),
            monitor: None,
            monitor_path: plan.monitor_path.clone(),
            directories: starting.directories,
            own_dev: starting.own_dev,
            vcpu_threads: Vec::new(),
            ending: None,
            ended: watch_channel::Sender::new(false),
            reboot_wanted: false,
            autodestroy: self.options.autodestroy,
            balloon_kib: definition.memory.current_kib,
            inhibitor: Arc::new(self.driver.context.inhibit(format!("domain '{}'", definition.name))),
            consoles: Arc::default(),
            logs: launched.log.kept_by().clone(),
            taints: taint::collect(&taints),
            thresholds: Arc::default(),
            sheet: Arc::default(),
            figures: Arc::new(LastKnown::default()),
        };
        let mut state = self.domain.lock();
        state.name.clone_from(&definition.name);
        state.live = Some(Arc::new(live));
        state.status = Status::STARTING;
        self.driver.domains.set_id(self.domain.uuid(), Some(id));
        for disk in &absent {
            self.driver.tell_absent_disk(self.domain, &state, disk);
        }
        Ok(launched)
    }

    /// From the process to running processors and the watch over them.
    async fn bring_up(&self, launched: Launched) -> Result<(), Fault> {
        let Launched { process, monitor: connection, log, groups } = launched;
        let (monitor, events) = self.greet(&process, connection, &log).await?;
        let waking = groups.clone().map(|groups| (groups, process.pid));
        let woken = async {
            match waking {
                Some((groups, pid)) => blocking(move || groups.wake(pid)).await,
                None => Ok(()),
            }
        };
        // That it did not work is told when the threads are sorted.
        let (settled, _) = tokio::join!(self.settle(&monitor), woken);
        let facts = match settled {
            Ok(facts) => facts,
            Err(error) => return Err(self.explain(&process, &log, error.into()).await),
        };
        self.place_threads(&facts, groups).await?;
        self.adopt_processor(&monitor, &facts).await?;
        {
            let mut state = self.domain.lock();
            let Some(live) = state.live_mut() else { return Err(crate::domain::not_running()) };
            live.adopt(&facts);
            live.monitor = Some(monitor.clone());
        }
        if !self.options.paused
            && let Err(error) = monitor.cont().await
        {
            return Err(self.explain(&process, &log, error.into()).await);
        }
        self.publish(process, monitor, events).await
    }

    /// Put the threads that QEMU has told of where the definition wants them.
    async fn place_threads(&self, facts: &Facts, groups: Option<cgroup::Wanted>) -> Result<(), Fault> {
        let live = self.domain.lock().live.as_ref().map(|live| Arc::clone(&live.definition));
        let Some(definition) = live else { return Err(crate::domain::not_running()) };
        let (vcpus, iothreads) = (facts.vcpu_threads.clone(), facts.iothreads.clone());
        let placed = blocking(move || {
            if let Some(groups) = groups {
                cgroup::sort_threads(&groups, &vcpus, &iothreads)?;
            }
            affinity::pin(&definition, &vcpus, &iothreads)
        });
        placed.await.map_err(::driver::fault::host(ErrorDomain::QEMU))
    }

    /// Tell the live definition what QEMU made of the processor.
    async fn adopt_processor(&self, monitor: &Monitor, facts: &Facts) -> Result<(), Fault> {
        let definition = self.domain.lock().live.as_ref().map(|live| Arc::clone(&live.definition));
        let Some(definition) = definition.filter(|definition| processor::is_told(&definition.cpu)) else {
            return Ok(());
        };
        let Some(known) = self.driver.capabilities.processor().await? else { return Ok(()) };
        let Some(path) = &facts.first_cpu else { return Ok(()) };
        let words = processor::ask(monitor, &known, path).await?;
        let mut cpu = definition.cpu.clone();
        processor::adopt(&mut cpu, &known.map, &words)?;
        if let Some(live) = self.domain.lock().live_mut().filter(|live| live.definition.cpu != cpu) {
            let described = std::mem::replace(&mut Arc::make_mut(&mut live.definition).cpu, cpu);
            live.described_cpu = Some(Arc::new(described));
        }
        Ok(())
    }

    /// What can only be said over the monitor, before the guest runs; then ask for the facts.
    async fn settle(&self, monitor: &Monitor) -> Result<Facts, MonitorError> {
        let definition = self.domain.lock().live.as_ref().map(|live| Arc::clone(&live.definition));
        if let Some(definition) = definition {
            if definition.lifecycle.on_reboot == LifecycleAction::Destroy {
                // QEMU then says SHUTDOWN where it otherwise resets the guest.
                monitor.execute("set-action", json!({"reboot": "shutdown"})).await?;
            }
            self.say(monitor, &definition).await?;
            let memory = &definition.memory;
            if memory.current_kib < memory.total_kib && parts::has_balloon(&definition) {
                monitor.balloon(memory.current_kib * 1024).await?;
            }
        }
        let mut facts = after_start(monitor).await?;
        facts.iothreads = self.iothreads(monitor).await?;
        Ok(facts)
    }

    /// The iothreads' ids and threads, where there are any.
    async fn iothreads(&self, monitor: &Monitor) -> Result<Vec<(u32, u32)>, MonitorError> {
        let count =
            self.domain.lock().live.as_ref().map_or(0, |live| live.definition.iothreads.threads.len());
        if count == 0 {
            return Ok(Vec::new());
        }
        let told = monitor.execute("query-iothreads", json!({})).await?;
        let thread = |told: &serde_json::Value| {
            let id = told.get("id")?.as_str()?.strip_prefix("iothread")?.parse().ok()?;
            Some((id, u32::try_from(told.get("thread-id")?.as_u64()?).ok()?))
        };
        Ok(told.as_array().into_iter().flatten().filter_map(thread).collect())
    }

    /// vCPUs to plug in, passwords, links that are down, limits of disks.
    async fn say(&self, monitor: &Monitor, definition: &Definition) -> Result<(), MonitorError> {
        let mut steps = Vec::new();
        if command::plugs_vcpus(definition) {
            let known = monitor.execute("query-hotpluggable-cpus", json!({})).await?;
            let plugs = command::plug_vcpus(definition, &known);
            steps = plugs.ok_or_else(|| {
                MonitorError::Protocol(
                    "QEMU's list of processors does not have those of the guest".to_owned(),
                )
            })?;
        }
        steps.extend(command::after_start(definition, &self.driver.config.domain));
        for step in steps {
            monitor.execute(step.command, step.arguments).await?;
        }
        Ok(())
    }

    async fn publish(&self, process: Arc<Process>, monitor: Monitor, events: Events) -> Result<(), Fault> {
        {
            let mut state = self.domain.lock();
            self.tell_channels(&state);
            if self.options.paused {
                state.status = Status::PAUSED_USER;
                self.driver.tell(self.domain, &state, Lifecycle::Started);
                self.driver.tell(self.domain, &state, Lifecycle::Suspended(Suspended::Paused));
            } else {
                state.status = Status::BOOTED;
                self.driver.tell(self.domain, &state, Lifecycle::Resumed);
                self.driver.tell(self.domain, &state, Lifecycle::Started);
            }
        }
        let saved = status::save(self.driver, self.domain).await;
        host::fault::at("start.running");
        if saved.is_ok() {
            watch::spawn(self.driver, self.domain, process, monitor, events);
        }
        saved
    }

    /// The guest's end of its channels, as it is at the start.
    fn tell_channels(&self, state: &State) {
        let Some(live) = &state.live else { return };
        for (name, open) in parts::channel_states(&live.definition) {
            self.driver.tell_channel_state(self.domain, state, name, (open, reason::DOMAIN_STARTED));
        }
    }

    /// Wait for the monitor's greeting, or for the process to end before it.
    async fn greet(
        &self,
        process: &Process,
        connection: std::os::unix::net::UnixStream,
        log: &StartLog,
    ) -> Result<(Monitor, Events), Fault> {
        let greeting = Monitor::attach(connection, GREETING_LIMIT);
        tokio::select! {
            greeted = greeting => match greeted {
                Ok(pair) => Ok(pair),
                Err(error) => Err(self.explain(process, log, error.into()).await),
            },
            _ = process.handle.wait() => {
                Err(self.explain(process, log, Fault::internal(ErrorDomain::QEMU, String::new())).await)
            }
        }
    }

    /// The cause of a failed start in QEMU's own last words, where it has ended with some.
    async fn explain(&self, process: &Process, log: &StartLog, otherwise: Fault) -> Fault {
        let moment = Duration::from_secs(1);
        if tokio::time::timeout(moment, process.handle.wait()).await.is_err() {
            return otherwise;
        }
        if self.domain.lock().live.as_ref().is_some_and(|live| live.ending == Some(Ending::Destroyed)) {
            return launch::overtaken();
        }
        let words = log.last_words().await;
        let detail = format!("process exited while connecting to monitor: {words}");
        Fault::internal(ErrorDomain::QEMU, detail)
    }

    /// Take everything back.
    async fn give_up(&self, name: &str, id: i32, definition: &Arc<Definition>) {
        let live = self.domain.lock().live.clone();
        if let Some(live) = &live
            && let Err(error) = stop::end(&live.process).await
        {
            tracing::error!(target: "qemu", "QEMU of domain '{name}' stays after a failed start: {error}");
        }
        let logs = live.as_ref().map(|live| live.logs.clone()).unwrap_or_default();
        self.driver.logs.release(&logs);
        log::note_end(self.driver, self.domain.log_owner(), logs, Ending::Failed).await;
        leftovers::remove(self.driver, definition, id, leftovers::Known::default()).await;
        if let Err(error) = self.driver.statuses.remove(name).await {
            tracing::error!(target: "qemu", "the status document of domain '{name}' stays: {error}");
        }
        {
            let mut state = self.domain.lock();
            if state.live.is_some() && state.status != Status::STARTING {
                // Clients have been told that it runs.
                self.driver.tell(self.domain, &state, Lifecycle::Stopped(Ending::Failed.event()));
            }
            state.live = None;
            state.status = Status::shutoff(ShutoffReason::Failed);
            self.driver.domains.set_id(self.domain.uuid(), None);
        }
        if let Some(live) = live {
            live.ended.send_replace(true);
        }
    }
}

/// What QEMU tells about itself once it is up.
#[derive(Debug, Default)]
pub struct Facts {
    /// Terminals of the character devices: alias and path.
    pub terminals: Vec<(String, String)>,
    /// Whether the guest has its end open, by the alias of the character device.
    pub open: Vec<(String, bool)>,
    /// The vcpus' threads by vcpu number.
    pub vcpu_threads: Vec<(u32, u32)>,
    /// The iothreads' threads by id; known at a start only.
    pub iothreads: Vec<(u32, u32)>,
    /// The first vcpu's place in the object tree.
    pub first_cpu: Option<String>,
    /// Addresses of memory modules in the guest, by alias.
    pub modules: Vec<(String, u64)>,
    /// The balloon's size in KiB, where there is a balloon.
    pub balloon_kib: Option<u64>,
}

/// Ask for the facts, all at once.
pub async fn after_start(monitor: &Monitor) -> Result<Facts, MonitorError> {
    let (chardevs, cpus, balloon, modules) = tokio::join!(
        monitor.query_chardev(),
        monitor.query_cpus(),
        monitor.query_balloon(),
        monitor.query_memory_devices()
    );
    let (chardevs, cpus) = (chardevs?, cpus?);
    // A character device is named after the device of the guest that it serves.
    let alias = |chardev: &Chardev| chardev.label.strip_prefix("char").unwrap_or(&chardev.label).to_owned();
    let terminals = chardevs.iter().filter_map(|chardev| Some((alias(chardev), chardev.pty()?.to_owned())));
    Ok(Facts {
        terminals: terminals.collect(),
        open: chardevs.iter().map(|chardev| (alias(chardev), chardev.frontend_open)).collect(),
        iothreads: Vec::new(),
        first_cpu: cpus.first().map(|cpu| cpu.qom_path.clone()),
        vcpu_threads: cpus.into_iter().map(|cpu| (cpu.cpu_index, cpu.thread_id)).collect(),
        modules: modules?,
        // A guest without balloon has none to tell.
        balloon_kib: balloon.ok().map(|bytes| bytes / 1024),
    })
}

impl Live {
    /// Put what QEMU told into the live definition.
    pub fn adopt(&mut self, facts: &Facts) {
        let mut definition = Definition::clone(&self.definition);
        for (alias, path) in &facts.terminals {
            parts::set_terminal(&mut definition, alias, path);
        }
        for (alias, open) in &facts.open {
            parts::set_channel_state(&mut definition, alias, *open);
        }
        for (alias, base) in &facts.modules {
            parts::set_module_address(&mut definition, alias, *base);
        }
        self.definition = Arc::new(definition);
        self.vcpu_threads.clone_from(&facts.vcpu_threads);
        if let Some(kib) = facts.balloon_kib {
            self.balloon_kib = kib;
        }
    }
}

fn invalid(domain: ErrorDomain, detail: &str) -> Fault {
    Fault::new(domain, ErrorCode::OPERATION_INVALID, detail)
}
