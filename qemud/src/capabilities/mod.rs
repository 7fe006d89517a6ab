//! What the emulators of this host can do.
//!
//! A binary is probed when somebody first asks for it, at most once per version of it: [`Capabilities`] keeps the
//! answers in memory and in the cache directory. Askers at the same time share one probe; a probe that failed is
//! remembered for a while, so that a broken binary does not cost every call a process.

mod answers;
mod binaries;
mod cache;
mod cpuid;
mod domain;
mod error;
mod features;
pub(crate) mod firmware;
mod guests;
mod host_cpu;
mod host_facts;
mod host_numa;
mod probe;
mod qemu;
mod queries;
mod schema;
#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use host::paths::{Mode, Paths};
use host::process::Ids;
use model::capabilities::{PowerManagement, SecModel};
use model::domain::os::Arch;
use tokio::sync::OnceCell;
use uuid::Uuid;

pub use error::CapabilitiesError;
pub use host_cpu::Processor;
pub use qemu::{Accel, CpuModel, Gic, HostCpu, Machine, OLDEST, QemuCaps, Sev, Sgx, Version};

use binaries::Finder;
use cache::Key;
use probe::How;

/// How long capabilities are used without a look at the binary.
const FRESH: Duration = Duration::from_secs(1);
/// How long a failed probe stands for an unchanged binary.
const FAILURE: Duration = Duration::from_secs(30);

/// Where emulators are and how they are asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where answers are kept.
    pub cache_dir: PathBuf,
    /// Where emulators are sought, in this order.
    pub dirs: Vec<PathBuf>,
    /// The user's firmware descriptors, besides those of the system.
    pub firmware_dir: Option<PathBuf>,
    /// The user that guests run as, if not the daemon's own.
    pub user: Option<Ids>,
    /// The host's UUID, if it is set in the daemon's configuration.
    pub host_uuid: Option<Uuid>,
    /// The daemon serves one user only.
    pub session: bool,
}

impl Settings {
    /// For a daemon with these directories: emulators of the system, guests run as the daemon itself.
    pub fn for_daemon(paths: &Paths) -> Self {
        let dirs = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];
        Self {
            cache_dir: paths.cache_dir.join("capabilities"),
            dirs: dirs.iter().map(PathBuf::from).collect(),
            firmware_dir: paths.config_dir.parent().map(|dir| dir.join("qemu/firmware")),
            user: None,
            host_uuid: None,
            session: matches!(paths.mode, Mode::Session),
        }
    }
}

/// The emulators of this host. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Capabilities {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    settings: Settings,
    finder: Finder,
    known: Mutex<HashMap<String, Arc<Entry>>>,
    facts: OnceCell<Arc<host_facts::Facts>>,
    firmware: firmware::Shelf,
    native: Mutex<Option<String>>,
}

/// What is known of one binary in one version.
#[derive(Debug)]
struct Entry {
    key: Key,
    made: Instant,
    checked: Mutex<Instant>,
    result: OnceCell<Result<Arc<QemuCaps>, CapabilitiesError>>,
}

impl Entry {
    fn new(key: Key) -> Self {
        let now = Instant::now();
        Self { key, made: now, checked: Mutex::new(now), result: OnceCell::new() }
    }

    fn checked(&self) -> MutexGuard<'_, Instant> {
        // Nothing panics while it is held.
        self.checked.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The answer, while there is no need to look at the binary again.
    fn fresh(&self) -> Option<Result<Arc<QemuCaps>, CapabilitiesError>> {
        let result = self.result.get()?;
        (self.checked().elapsed() < FRESH).then(|| result.clone())
    }

    /// Whether it still stands for a binary of this key.
    fn stands(&self, key: &Key) -> bool {
        let failed_long_ago = matches!(self.result.get(), Some(Err(_))) && self.made.elapsed() > FAILURE;
        self.key == *key && !failed_long_ago
    }
}

impl Capabilities {
    /// Nothing is started or read yet.
    pub fn new(settings: Settings) -> Self {
        let finder = Finder::new(settings.dirs.clone(), host::system::architecture());
        let firmware = firmware::Shelf::new(settings.firmware_dir.clone());
        let inner = Inner {
            settings,
            finder,
            known: Mutex::default(),
            facts: OnceCell::new(),
            firmware,
            native: Mutex::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// Capabilities of the binary for the host's own architecture, else of the first one found.
    pub async fn native(&self) -> Result<Arc<QemuCaps>, CapabilitiesError> {
        let found = self.lock_native().clone();
        if let Some(binary) = found {
            let result = self.of(&binary).await;
            // A binary that is not there any more is sought again.
            if !matches!(
                result,
                Err(CapabilitiesError::Binary { .. } | CapabilitiesError::NotExecutable { .. })
            ) {
                return result;
            }
        }
        let binary = match self.emulator_of(self.inner.finder.host()).await {
            Some(binary) => binary,
            None => {
                let (_, binary) =
                    self.emulators().await?.into_iter().next().ok_or(CapabilitiesError::None)?;
                binary
            }
        };
        *self.lock_native() = Some(binary.clone());
        self.of(&binary).await
    }

    /// Capabilities of a binary.
    pub async fn of(&self, binary: &str) -> Result<Arc<QemuCaps>, CapabilitiesError> {
        let known = self.entries().get(binary).and_then(|entry| entry.fresh());
        match known {
            Some(known) => known,
            None => self.of_now(binary).await,
        }
    }

    /// As [`of`](Self::of), after a look at the binary as it is now: for what is about to run it.
    pub async fn of_now(&self, binary: &str) -> Result<Arc<QemuCaps>, CapabilitiesError> {
        let path = binary.to_owned();
        let found = blocking(move || Key::of(&path)).await.and_then(|key| key);
        let key = found.inspect_err(|_| _ = self.entries().remove(binary))?;
        let entry = self.entry(binary, key);
        let result = entry.result.get_or_init(|| self.find_out(binary, &entry.key)).await.clone();
        *entry.checked() = Instant::now();
        result
    }

    /// The host's security drivers, as its capabilities name them.
    pub fn secmodels(&self) -> Vec<SecModel> {
        host_facts::secmodels(&self.inner.settings)
    }

    /// How the host can sleep. Reads files of the kernel's.
    pub fn power_management() -> PowerManagement {
        host_facts::power_management()
    }

    /// The default binary for guests of an architecture. Starts nothing.
    pub async fn emulator_of(&self, arch: &str) -> Option<String> {
        let (capabilities, arch) = (self.clone(), arch.to_owned());
        blocking(move || capabilities.emulator_for(&arch)).await.ok().flatten()
    }

    /// As [`emulator_of`](Self::emulator_of), blocking for some stat calls.
    pub fn emulator_for(&self, arch: &str) -> Option<String> {
        self.inner.finder.find(arch).and_then(|path| path.into_os_string().into_string().ok())
    }

    /// Every architecture that can be emulated, with its default binary.
    async fn emulators(&self) -> Result<Vec<(Arch, String)>, CapabilitiesError> {
        let capabilities = self.clone();
        blocking(move || {
            let found = capabilities.inner.finder.all().into_iter();
            found.filter_map(|(arch, path)| Some((arch, path.into_os_string().into_string().ok()?))).collect()
        })
        .await
    }

    /// The entry for this key, a new one if there is none or it stands for another version.
    fn entry(&self, binary: &str, key: Key) -> Arc<Entry> {
        let mut entries = self.entries();
        if let Some(entry) = entries.get(binary).filter(|entry| entry.stands(&key)) {
            return Arc::clone(entry);
        }
        let entry = Arc::new(Entry::new(key));
        entries.insert(binary.to_owned(), Arc::clone(&entry));
        entry
    }

    /// From the cache, else from the binary itself.
    async fn find_out(&self, binary: &str, key: &Key) -> Result<Arc<QemuCaps>, CapabilitiesError> {
        let (dir, path, wanted) = (self.inner.settings.cache_dir.clone(), binary.to_owned(), key.clone());
        let cached = blocking({
            let (dir, path, wanted) = (dir.clone(), path.clone(), wanted.clone());
            move || cache::load(&dir, &path, &wanted)
        })
        .await?;
        if let Some(caps) = cached {
            blocking(host::memory::give_back).await?;
            return Ok(Arc::new(caps));
        }
        let begin = Instant::now();
        let how = How { ids: self.inner.settings.user.clone(), kvm: key.kvm() };
        let caps = probe::probe(binary, how).await.inspect_err(|error| tracing::error!("{error}"))?;
        tracing::debug!("probed {binary} {} in {} ms", caps.version, begin.elapsed().as_millis());
        let caps = Arc::new(caps);
        let stored = Arc::clone(&caps);
        // QEMU's answers are megabytes of which little is kept.
        blocking(move || {
            cache::save(&dir, &path, &wanted, &stored);
            host::memory::give_back();
        })
        .await?;
        Ok(caps)
    }

    fn lock_native(&self) -> MutexGuard<'_, Option<String>> {
        // Nothing panics while it is held.
        self.inner.native.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn entries(&self) -> MutexGuard<'_, HashMap<String, Arc<Entry>>> {
        // Nothing panics while it is held.
        self.inner.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// File system work on the blocking pool.
async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, CapabilitiesError> {
    tokio::task::spawn_blocking(work).await.map_err(|error| CapabilitiesError::Host(error.to_string()))
}
