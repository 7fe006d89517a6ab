//! The status document of a running guest, `STATE_DIR/NAME.xml`, in libvirt's form: `<domstatus>` with state,
//! process, monitor and, inside, the live definition. Written before the step that would need it after a crash.

use std::path::PathBuf;
use std::sync::Arc;

use model::domain::cpu::Cpu;
use model::domain::{Domain as Definition, FormatOptions, ParseOptions};
use model::xml::{self, Element, Writer, XmlError};
use protocol::{ErrorDomain, Fault};

use crate::domain::taint::{Finding, Taint, Taints};
use crate::domain::{Domain, Status};
use crate::driver::Driver;
use crate::process::log::KeptBy;

/// What a status document says.
#[derive(Debug, Clone)]
pub struct Document {
    /// State and reason.
    pub status: Status,
    /// QEMU's process id; none while it is being started.
    pub pid: Option<i32>,
    /// The process's start time in clock ticks since boot: without it, another process may have the number by
    /// now. Our own addition to the form; documents of libvirt lack it.
    pub start_time: Option<u64>,
    /// The monitor's socket.
    pub monitor_path: String,
    /// Directories that are made for the guest alone: settings may change before it ends. Our own addition.
    pub directories: Vec<String>,
    /// The guest has a `/dev` of its own.
    pub own_dev: bool,
    /// Thread ids of the vcpus, by vcpu number.
    pub vcpu_threads: Vec<(u32, u32)>,
    /// The directory of the guest's own files.
    pub lib_dir: String,
    /// The directory of the guest's channel sockets.
    pub channel_dir: String,
    /// The guest's next power-off is a reboot.
    pub reboot_wanted: bool,
    /// Who keeps the guest's log. Our own addition, as is the start time.
    pub logs: KeptBy,
    /// What makes the guest other than what was tested.
    pub taints: Taints,
    /// The processor as it was described, where QEMU made another of it.
    pub described_cpu: Option<Arc<Cpu>>,
    /// The live definition, with the id.
    pub definition: Arc<Definition>,
}

impl Document {
    /// The document of a guest whose process is not there yet.
    pub fn starting(driver: &Driver, definition: &Arc<Definition>, id: i32, monitor_path: &str) -> Self {
        let text = |path: host::Result<std::path::PathBuf>| {
            path.map_or_else(|_| String::new(), |p| p.display().to_string())
        };
        Document {
            status: Status::STARTING,
            pid: None,
            start_time: None,
            monitor_path: monitor_path.to_owned(),
            directories: Vec::new(),
            own_dev: driver.config.confinement.own_dev,
            vcpu_threads: Vec::new(),
            lib_dir: text(driver.paths.guest_dir(id, &definition.name)),
            channel_dir: text(driver.paths.guest_channel_dir(id, &definition.name)),
            reboot_wanted: false,
            logs: KeptBy::default(),
            taints: Taints::default(),
            described_cpu: None,
            definition: Arc::clone(definition),
        }
    }

    /// The document of a running guest as its domain's state is now.
    fn of(driver: &Driver, domain: &Domain) -> Option<Self> {
        let state = domain.lock();
        let live = state.live.as_ref()?;
        let mut definition = Arc::clone(&live.definition);
        if definition.memory.current_kib != live.balloon_kib {
            Arc::make_mut(&mut definition).memory.current_kib = live.balloon_kib;
        }
        Some(Document {
            status: state.status,
            pid: Some(live.process.pid),
            start_time: Some(live.process.start_time),
            directories: live.directories.clone(),
            own_dev: live.own_dev,
            vcpu_threads: live.vcpu_threads.clone(),
            reboot_wanted: live.reboot_wanted,
            logs: live.logs.clone(),
            taints: live.taints.clone(),
            described_cpu: live.described_cpu.clone(),
            ..Self::starting(driver, &definition, live.id, &live.monitor_path)
        })
    }

    /// Put it on disk.
    pub async fn save(&self, driver: &Driver) -> Result<(), Fault> {
        let saved = driver.statuses.save(&self.definition.name, self.format()).await;
        saved.map_err(::driver::fault::host(ErrorDomain::QEMU))
    }

    /// As text.
    pub fn format(&self) -> String {
        let mut w = Writer::new();
        let (state, reason) = self.status.words();
        w.start("domstatus").attr("state", state).attr("reason", reason);
        w.attr("pid", self.pid.unwrap_or(0)).attr_opt("starttime", self.start_time);
        for taint in self.taints.kinds() {
            w.start("taint").attr("flag", taint.word()).end();
        }
        for what in self.taints.deprecations() {
            w.text_element("deprecation", what);
        }
        w.start("monitor").attr("path", &self.monitor_path).attr("type", "unix");
        w.end();
        if self.own_dev {
            w.start("namespaces").empty("mount").end();
        }
        w.start("directories");
        for path in &self.directories {
            w.start("directory").attr("path", path).end();
        }
        w.end_or_drop();
        w.start("vcpus");
        for (vcpu, thread) in &self.vcpu_threads {
            w.start("vcpu").attr("id", vcpu).attr("pid", thread);
            w.end();
        }
        w.end_or_drop();
        w.start("logs");
        for path in self.logs.files() {
            w.start("log").attr("path", path.display()).end();
        }
        w.end_or_drop();
        if self.reboot_wanted {
            w.empty("fakereboot");
        }
        w.start("devices");
        for alias in crate::parts::aliases(&self.definition) {
            w.start("device").attr("alias", alias);
            w.end();
        }
        w.end_or_drop();
        for (element, path) in [("libDir", &self.lib_dir), ("channelTargetDir", &self.channel_dir)] {
            w.start(element).attr("path", path);
            w.end();
        }
        let options = FormatOptions { secure: true, status: true, ..FormatOptions::default() };
        if let Some(cpu) = &self.described_cpu {
            cpu.format(&mut w, &options);
        }
        self.definition.format_into(&mut w, &options);
        w.end();
        w.finish()
    }

    /// Read a document, ours or libvirt's.
    pub fn parse(text: &str) -> Result<Self, XmlError> {
        let root = xml::parse(text, &xml::Limits::document("domain_status"))?;
        if !root.is("domstatus") {
            return Err(XmlError::xml(format!(
                "unexpected root element <{}>, expecting <domstatus>",
                root.name
            )));
        }
        let (state, reason) = (root.require("state")?, root.attr("reason").unwrap_or("unknown"));
        let status = Status::from_words(state, reason);
        let status = status.ok_or_else(|| XmlError::internal(format!("invalid domain state '{state}'")))?;
        let domain = root.child("domain");
        let domain =
            domain.ok_or_else(|| XmlError::internal("no domain configuration in the status document"))?;
        let monitor = root.child("monitor");
        let monitor = monitor.ok_or_else(|| XmlError::internal("no monitor in the status document"))?;
        Ok(Document {
            status,
            pid: root.attr_num::<i32>("pid")?.filter(|pid| *pid > 0),
            start_time: root.attr_num::<u64>("starttime")?,
            monitor_path: monitor.require("path")?.to_owned(),
            directories: directories(&root),
            own_dev: root.child("namespaces").is_some_and(|element| element.child("mount").is_some()),
            vcpu_threads: vcpu_threads(&root)?,
            lib_dir: path_of(&root, "libDir"),
            channel_dir: path_of(&root, "channelTargetDir"),
            reboot_wanted: root.child("fakereboot").is_some(),
            logs: logs(&root),
            taints: taints(&root),
            described_cpu: root.child("cpu").map(Cpu::parse_element).transpose()?.map(Arc::new),
            definition: Arc::new(Definition::parse(domain, &ParseOptions { status: true })?),
        })
    }
}

/// Record the status of the domain's guest; nothing is done when it has none.
pub async fn save(driver: &Driver, domain: &Domain) -> Result<(), Fault> {
    // One writer at a time, each with the state as it is by then: an older state never overwrites a newer one.
    let _turn = domain.status_turn().await;
    match Document::of(driver, domain) {
        Some(document) => document.save(driver).await,
        None => Ok(()),
    }
}

fn vcpu_threads(root: &Element) -> Result<Vec<(u32, u32)>, XmlError> {
    let Some(vcpus) = root.child("vcpus") else { return Ok(Vec::new()) };
    let mut threads = Vec::new();
    for vcpu in vcpus.children_named("vcpu") {
        threads.push((vcpu.attr_num("id")?.unwrap_or(0), vcpu.require_num("pid")?));
    }
    Ok(threads)
}

fn directories(root: &Element) -> Vec<String> {
    let all = root.child("directories").into_iter().flat_map(|all| all.children_named("directory"));
    all.filter_map(|directory| directory.attr_string("path")).collect()
}

/// A document without the element is of a guest whose files others keep.
fn logs(root: &Element) -> KeptBy {
    let Some(logs) = root.child("logs") else { return KeptBy::Manager };
    KeptBy::Daemon(logs.children_named("log").filter_map(|log| log.attr("path").map(PathBuf::from)).collect())
}

fn taints(root: &Element) -> Taints {
    let mut taints = Taints::default();
    let flags = root.children_named("taint").filter_map(|taint| Taint::from_word(taint.attr("flag")?));
    for taint in flags {
        taints.add(&taint.into());
    }
    for what in root.children_named("deprecation") {
        taints.add(&Finding { taint: Taint::DeprecatedConfig, detail: Some(what.text().to_owned()) });
    }
    taints
}

fn path_of(root: &Element, element: &str) -> String {
    root.child(element).and_then(|e| e.attr_string("path")).unwrap_or_default()
}
