//! What follows a guest's crash or its watchdog: its memory is dumped into a file of its own, and the guest ended,
//! reset or let go on.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ::driver::documents::blocking;
use ::driver::jobs::LongJob;
use model::domain::device::Device;
use model::domain::device::watchdog::WatchdogAction;
use protocol::{ErrorCode, ErrorDomain, Fault};
use tokio::sync::oneshot;

use super::{Process, stop};
use crate::command::clock::date;
use crate::domain::Domain;
use crate::driver::Driver;
use crate::monitor::Monitor;

/// The name under which QEMU knows the file between the two commands.
const FD_NAME: &str = "dump";

/// What happens when the dump is written, or could not be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Then {
    /// The guest is ended.
    End,
    /// It is reset and runs again.
    Reset,
    /// It goes on.
    Resume,
}

/// Who waits for DUMP_COMPLETED of one guest.
#[derive(Debug, Default)]
pub(super) struct Dumps {
    waiting: Mutex<Option<oneshot::Sender<Option<String>>>>,
}

impl Dumps {
    /// QEMU's word of the end, with its error.
    pub(super) fn completed(&self, error: Option<String>) {
        if let Some(waiting) = self.waiting().take() {
            // Whoever waited may have given up.
            let _ = waiting.send(error);
        }
    }

    fn expect(&self) -> oneshot::Receiver<Option<String>> {
        let (tell, told) = oneshot::channel();
        *self.waiting() = Some(tell);
        told
    }

    fn waiting(&self) -> std::sync::MutexGuard<'_, Option<oneshot::Sender<Option<String>>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One dump, made by the daemon itself.
pub(super) struct Dump {
    pub(super) driver: Arc<Driver>,
    pub(super) domain: Arc<Domain>,
    pub(super) process: Arc<Process>,
    pub(super) monitor: Monitor,
    pub(super) dumps: Arc<Dumps>,
}

impl Dump {
    /// Write the dump, then do with the guest what is to be done. A dump that fails changes nothing about that.
    pub(super) async fn run(self, then: Then) {
        let name = self.domain.lock().name.clone();
        let job = self.domain.begin_long(LongJob::Save, "automatic core dump").await;
        match &job {
            Ok(_) => match self.write(&name).await {
                Ok(path) => {
                    tracing::info!(target: "qemu", "memory of domain '{name}' is dumped to '{}'", path.display());
                }
                Err(error) => {
                    tracing::error!(target: "qemu", "memory of domain '{name}' is not dumped: {error}");
                }
            },
            Err(error) => tracing::error!(target: "qemu", "memory of domain '{name}' is not dumped: {error}"),
        }
        drop(job);
        match then {
            Then::End => {
                if let Err(error) = stop::ask(&self.process) {
                    tracing::warn!(target: "qemu", "QEMU of domain '{name}', which has crashed, is not signalled: {error}");
                }
            }
            Then::Reset => reset(&self.monitor, &self.process).await,
            Then::Resume => {
                if let Err(error) = self.monitor.cont().await {
                    tracing::error!(target: "qemu", "domain '{name}' does not go on after its dump: {error}");
                }
            }
        }
    }

    async fn write(&self, name: &str) -> Result<PathBuf, Fault> {
        let id = self.domain.view().active()?.id;
        let (now, offset) = host::time::now_and_local_offset();
        let dump_dir = self.driver.config.auto_dump_path.clone();
        let dir = dump_dir.unwrap_or_else(|| self.driver.paths.dump_dir());
        let path = self.driver.paths.guest_dump(&dir, (id, name), &stamp(now.saturating_add(offset)));
        let path = path.map_err(::driver::fault::host(ErrorDomain::QEMU))?;
        let file = create(path.clone()).await?;
        let written = self.write_into(&file).await;
        let (synced, stays) = (written.is_ok(), path.clone());
        let ended = blocking(move || match synced {
            true => file.sync_all().map_err(host::Error::file("write", &stays)),
            false => host::store::remove(&stays).map(drop),
        });
        let ended = ended.await.map_err(::driver::fault::host(ErrorDomain::QEMU));
        written.and(ended).map(|()| path)
    }

    /// The dump takes as long as it takes; it ends with QEMU at the latest.
    async fn write_into(&self, file: &File) -> Result<(), Fault> {
        let theirs = file.try_clone().map_err(|error| {
            let errno = error.raw_os_error().unwrap_or(0);
            Fault::system(ErrorDomain::QEMU, errno, "cannot duplicate the descriptor of a dump")
        })?;
        self.monitor.getfd(FD_NAME, theirs.into()).await.map_err(Fault::from)?;
        let completed = self.dumps.expect();
        self.monitor.dump_guest_memory(FD_NAME).await.map_err(Fault::from)?;
        let failed = |detail: String| Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail));
        tokio::select! {
            completed = completed => match completed {
                Ok(None) => Ok(()),
                Ok(Some(error)) => failed(format!("memory dump failed: {error}")),
                Err(_) => failed("another dump has begun".to_owned()),
            },
            () = self.monitor.closed() => failed("domain is no longer running".to_owned()),
        }
    }
}

async fn create(path: PathBuf) -> Result<File, Fault> {
    let created = blocking(move || {
        if let Some(dir) = path.parent() {
            host::store::create_dir(dir, 0o755)?;
        }
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        file.map_err(host::Error::file("create", Path::new(&path)))
    });
    created.await.map_err(::driver::fault::host(ErrorDomain::QEMU))
}

/// Reset the guest and let it run; one that cannot be reset is ended.
pub(super) async fn reset(monitor: &Monitor, process: &Process) {
    let done = match monitor.system_reset().await {
        Ok(()) => monitor.cont().await,
        Err(error) => Err(error),
    };
    if let Err(error) = done {
        tracing::error!(target: "qemu", "a guest that was to reboot is ended, QEMU did not reset it: {error}");
        let _ = stop::ask(process);
    }
}

/// Whether the guest's watchdog has its memory dumped.
pub(super) fn watchdog_dumps(domain: &Domain) -> bool {
    let view = domain.view();
    let Some(live) = view.live else { return false };
    live.definition
        .devices
        .iter()
        .any(|device| matches!(device, Device::Watchdog(watchdog) if watchdog.action == WatchdogAction::Dump))
}

/// A moment in seconds since 1970 as `YYYY-MM-DD-HH:MM:SS`.
fn stamp(seconds: i64) -> String {
    date(seconds).replace('T', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments() {
        assert_eq!(stamp(1_795_276_922), "2026-11-21-16:02:02");
    }

    #[tokio::test]
    async fn the_end_of_a_dump_reaches_its_waiter() {
        let dumps = Dumps::default();
        dumps.completed(None);
        let first = dumps.expect();
        let second = dumps.expect();
        assert!(first.await.is_err(), "overtaken");
        dumps.completed(Some("no space".to_owned()));
        assert_eq!(second.await.unwrap(), Some("no space".to_owned()));
    }
}
