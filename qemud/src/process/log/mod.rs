//! The guest's log, `LOG_DIR/NAME.log`: how it was started, QEMU's messages, taints, the end. And the other files that
//! a guest's consoles are recorded in.
//!
//! virtlogd keeps them where it runs: the guest writes into its pipe. Where it does not, the guest appends to the file
//! itself and the daemon sees to its size (decision 8). With `stdio_handler = "file"`, nobody does.

mod head;
mod keeper;
mod manager;

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use ::driver::documents::blocking;
use host::links::{self, Distrusted};
use host::paths::Paths;
use host::rotate::{self, Limits};
use host::store;
use protocol::{ErrorDomain, Fault};
use uuid::Uuid;

use crate::capabilities::QemuCaps;
use crate::command::Plan;
use crate::config::Config;
use crate::domain::Ending;
use crate::driver::Driver;
use keeper::Keeper;
use manager::Manager;

/// The driver's name, as virtlogd knows it.
const DRIVER: &str = "qemu";
/// How much of a log's end is looked at for QEMU's last words.
const TAIL: u64 = 16 << 10;
/// How much of what QEMU wrote is asked of virtlogd for its last words.
const MAX_READ: u64 = 256 << 10;

/// Where guests' logs are and who keeps them. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Logs {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    paths: Arc<Paths>,
    socket: PathBuf,
    limits: Limits,
    /// QEMU is to write its files by itself (`stdio_handler = "file"`).
    direct: bool,
    keeper: OnceLock<Option<Keeper>>,
}

/// A place in a log; the inode tells files apart.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Mark {
    inode: u64,
    offset: u64,
}

/// The guest that a log belongs to.
#[derive(Debug, Clone)]
pub struct Owner {
    /// UUID of the domain.
    pub uuid: Uuid,
    /// Its name.
    pub name: String,
}

impl Owner {
    fn wire(&self) -> protocol::log::Domain {
        protocol::log::Domain { uuid: crate::driver::wire_uuid(self.uuid), name: self.name.clone() }
    }
}

/// Who keeps the files of one run of a guest: decided at its start, recorded in its status document.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum KeptBy {
    /// virtlogd; or nobody, for guests without it.
    #[default]
    Manager,
    /// This daemon: the files that the guest appends to.
    Daemon(Vec<PathBuf>),
}

impl KeptBy {
    /// The files that the daemon sees to.
    pub fn files(&self) -> &[PathBuf] {
        match self {
            KeptBy::Manager => &[],
            KeptBy::Daemon(files) => files,
        }
    }
}

/// What the log says of a start first.
#[derive(Debug)]
pub struct Head<'a> {
    /// Environment and command line.
    pub plan: &'a Plan,
    /// The answer of [`versions`].
    pub versions: &'a str,
}

/// The log of one start: its files are opened here, and QEMU's last words read.
#[derive(Debug, Clone)]
pub struct StartLog {
    logs: Logs,
    owner: Owner,
    path: PathBuf,
    kept_by: KeptBy,
    /// Behind the head: where QEMU's own words begin.
    mark: Mark,
}

impl Logs {
    /// The logs of a driver with these directories and settings.
    pub fn new(paths: &Arc<Paths>, config: &Config) -> Self {
        let shared = Shared {
            paths: Arc::clone(paths),
            socket: paths.run_dir.join("virtlogd-sock"),
            limits: config.log_limits,
            direct: !config.domain.stdio_logd,
            keeper: OnceLock::new(),
        };
        Self { shared: Arc::new(shared) }
    }

    /// The log of the domain with this name.
    pub fn path(&self, name: &str) -> PathBuf {
        let paths = &self.shared.paths;
        // A name that is no file name was refused at its definition.
        paths.guest_log(name).unwrap_or_else(|_| paths.log_dir.join("unnamed.log"))
    }

    /// Opens the log for a start and writes its head. The descriptor is for QEMU's output. Blocks.
    /// `notes` follow the head.
    pub fn begin(
        &self,
        owner: Owner,
        head: &Head<'_>,
        notes: &[String],
    ) -> Result<(StartLog, OwnedFd), Fault> {
        let path = self.path(&owner.name);
        if let Some(dir) = path.parent() {
            store::create_dir(dir, 0o711).map_err(fault)?;
        }
        let kept_by = match self.manager() {
            Some(_) => KeptBy::Manager,
            None => KeptBy::Daemon(Vec::new()),
        };
        let mut log =
            StartLog { logs: self.clone(), owner, path: path.clone(), kept_by, mark: Mark::default() };
        let output = log.output(&path, true, Distrusted::NOBODY)?;
        let notes: String = notes.iter().map(|note| head::note(note)).collect();
        let begun = log.add(&(head::head(head.plan, head.versions) + &notes)).and_then(|()| log.mark());
        if begun.is_err() {
            log.abandon();
        }
        begun.map(|()| (log, output))
    }

    /// The daemon has come back: see to the files of a guest that runs.
    pub fn adopt(&self, kept_by: &KeptBy) {
        for path in kept_by.files() {
            if let Err(error) = rotate::if_full(path, self.shared.limits) {
                tracing::warn!(target: "qemu", "a guest's log is left as it is: {}", error.full_text());
            }
            self.keep(path);
        }
    }

    /// The guest has ended: see to its files no longer.
    pub fn release(&self, kept_by: &KeptBy) {
        if let Some(Some(keeper)) = self.shared.keeper.get() {
            kept_by.files().iter().for_each(|path| keeper.remove(path));
        }
    }

    /// Removes the log and its older files. Blocks.
    pub fn remove(&self, name: &str) -> host::Result<()> {
        rotate::family(&self.path(name))?.iter().try_for_each(|path| store::remove(path).map(|_| ()))
    }

    /// Adds a note to a log. Blocks.
    fn note(&self, owner: &Owner, kept_by: &KeptBy, text: &str) -> Result<(), Fault> {
        let path = self.path(&owner.name);
        let manager = if *kept_by == KeptBy::Manager { self.manager() } else { None };
        match manager {
            Some(mut manager) => manager.append(owner, &path, text).map_err(manager::fault),
            None => links::append(&path, Distrusted::NOBODY)
                .and_then(|mut file| {
                    file.write_all(text.as_bytes()).map_err(host::Error::file("write", &path))
                })
                .map_err(fault),
        }
    }

    /// The log manager, if it is wanted and runs.
    fn manager(&self) -> Option<Manager> {
        if self.shared.direct { None } else { Manager::connect(&self.shared.socket) }
    }

    fn keep(&self, path: &Path) {
        if self.shared.direct || self.shared.limits.max_size == 0 {
            return;
        }
        let keeper = self.shared.keeper.get_or_init(|| {
            let keeper = Keeper::start(self.shared.limits);
            keeper.inspect_err(|error| complain("guests' logs", error)).ok()
        });
        if let Some(keeper) = keeper
            && let Err(error) = keeper.add(path)
        {
            complain(&format!("'{}'", path.display()), &error);
        }
    }
}

fn complain(what: &str, error: &io::Error) {
    tracing::warn!(target: "qemu", "changes of {what} cannot be watched, the size is checked at starts only: {error}");
}

impl StartLog {
    /// Who keeps the files that were opened.
    pub fn kept_by(&self) -> &KeptBy {
        &self.kept_by
    }

    /// Nothing was started after all: see to its files no longer.
    pub fn abandon(&self) {
        self.logs.release(&self.kept_by);
    }

    /// A descriptor that appends to a file of this guest, which is emptied first unless `append`. Blocks.
    /// The links of `distrusted` are not followed.
    pub fn output(&mut self, path: &Path, append: bool, distrusted: Distrusted) -> Result<OwnedFd, Fault> {
        let files = match &mut self.kept_by {
            KeptBy::Manager => {
                let gone = || Fault::internal(ErrorDomain::QEMU, "virtlogd has gone away during the start");
                let mut manager = self.logs.manager().ok_or_else(gone)?;
                return manager.open(&self.owner, path, !append).map_err(manager::fault);
            }
            KeptBy::Daemon(files) => files,
        };
        let shared = &self.logs.shared;
        let bounds = (!shared.direct).then_some(shared.limits);
        let opened = open(path, append, bounds, distrusted).map_err(fault)?;
        self.logs.keep(path);
        files.push(path.to_owned());
        Ok(opened.into())
    }

    /// Adds text of ours. Blocks.
    fn add(&self, text: &str) -> Result<(), Fault> {
        self.logs.note(&self.owner, &self.kept_by, text)
    }

    /// QEMU's own words begin where the log ends now. Blocks.
    fn mark(&mut self) -> Result<(), Fault> {
        self.mark = match (&self.kept_by, self.logs.manager()) {
            (KeptBy::Manager, Some(mut manager)) => manager.position(&self.path).map_err(manager::fault)?,
            _ => {
                let facts = std::fs::metadata(&self.path).map_err(host::Error::file("examine", &self.path));
                let facts = facts.map_err(fault)?;
                Mark { inode: facts.ino(), offset: facts.len() }
            }
        };
        Ok(())
    }

    /// What QEMU wrote since its start, for the error of a start that failed.
    pub async fn last_words(&self) -> String {
        let log = self.clone();
        let read = tokio::task::spawn_blocking(move || log.read_words()).await;
        match read {
            Ok(Ok(text)) => head::words(&text),
            Ok(Err(why)) => format!("(its log cannot be read: {why})"),
            Err(error) => format!("(its log was not read: {error})"),
        }
    }

    fn read_words(&self) -> Result<String, String> {
        if self.kept_by == KeptBy::Manager
            && let Some(mut manager) = self.logs.manager()
        {
            // It takes all that is still in the pipe before it tells the position. It has done so already, and knows
            // of no such log any more, where QEMU has closed the pipe.
            if let Err(error) = manager.position(&self.path) {
                tracing::debug!(target: "qemu", "virtlogd has closed the log already: {error}");
            }
            if let Ok(text) = manager.read(&self.path, self.mark, MAX_READ) {
                return Ok(text);
            }
            // It sends nothing that is not UTF-8.
        }
        tail(&self.path, self.mark).map_err(|error| error.to_string())
    }
}

/// Note how the guest ended, or that it did not start.
pub async fn note_end(driver: &Driver, owner: Owner, kept_by: KeptBy, ending: Ending) {
    let text = head::note(&format!("shutting down, reason={}", ending.word()));
    add(driver, owner, kept_by, text).await;
}

/// Note that the guest is tainted.
pub async fn note_taint(driver: &Driver, owner: Owner, kept_by: KeptBy, id: i32, taint: &str) {
    add(driver, owner, kept_by, head::note(&taint_note(id, taint))).await;
}

/// The words for a taint in the guest's log.
pub fn taint_note(id: i32, taint: &str) -> String {
    format!("Domain id={id} is tainted: {taint}")
}

/// Add a note; that it could not be added is told in the daemon's log only.
async fn add(driver: &Driver, owner: Owner, kept_by: KeptBy, text: String) {
    let logs = driver.logs.clone();
    let name = owner.name.clone();
    let noted = tokio::task::spawn_blocking(move || logs.note(&owner, &kept_by, &text)).await;
    if let Ok(Err(error)) = noted {
        tracing::warn!(target: "qemu", "a note is not in the log of domain '{name}': {error}");
    }
}

/// What stands at the head of a guest's log of this emulator.
pub fn versions(caps: &QemuCaps) -> String {
    let number = daemon::LIBVIRT_VERSION;
    let libvirt = format!("{}.{}.{}", number / 1_000_000, number / 1000 % 1000, number % 1000);
    let kernel = host::system::kernel_version().unwrap_or_default();
    head::versions(caps, &libvirt, &kernel, &host::system::hostname().unwrap_or_default())
}

/// Remove a domain's log and its older files.
pub async fn remove(driver: &Driver, name: &str) -> Result<(), Fault> {
    let (logs, name) = (driver.logs.clone(), name.to_owned());
    blocking(move || logs.remove(&name)).await.map_err(fault)
}

/// Opens a file to append to, within its limits.
fn open(path: &Path, keep: bool, limits: Option<Limits>, distrusted: Distrusted) -> host::Result<File> {
    if let Some(limits) = limits {
        rotate::if_full(path, limits)?;
    }
    let file = links::append(path, distrusted)?;
    if !keep {
        file.set_len(0).map_err(host::Error::file("empty", path))?;
    }
    Ok(file)
}

/// The end of a file, not before the mark; all of it where the file is not that of the mark any more.
fn tail(path: &Path, mark: Mark) -> io::Result<String> {
    let mut file = File::open(path)?;
    let facts = file.metadata()?;
    let begin = if facts.ino() == mark.inode && facts.len() >= mark.offset { mark.offset } else { 0 };
    file.seek(SeekFrom::Start(begin.max(facts.len().saturating_sub(TAIL))))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn fault(error: host::Error) -> Fault {
    ::driver::fault::host(ErrorDomain::QEMU)(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tail_begins_at_the_mark() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("g.log");
        std::fs::write(&path, "head\nno such disk\n").unwrap();
        let inode = std::fs::metadata(&path).unwrap().ino();
        let mark = |inode, offset| Mark { inode, offset };
        assert_eq!(tail(&path, mark(inode, 5)).unwrap(), "no such disk\n");
        // Another file, or one that was emptied meanwhile.
        assert_eq!(tail(&path, mark(inode + 1, 5)).unwrap(), "head\nno such disk\n");
        assert_eq!(tail(&path, mark(inode, 500)).unwrap(), "head\nno such disk\n");
    }

    #[test]
    fn outputs_append_or_begin_anew() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("serial.log");
        std::fs::write(&path, "old").unwrap();
        open(&path, true, Some(Limits::default()), Distrusted::NOBODY).unwrap().write_all(b" new").unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "old new");
        open(&path, false, Some(Limits::default()), Distrusted::NOBODY).unwrap();
        assert_eq!(std::fs::read_to_string(&path).unwrap(), "");
    }
}
