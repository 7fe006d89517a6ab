//! The daemon's start: directories, definitions, running guests, autostart.

use std::path::Path;
use std::sync::Arc;

use ::driver::documents::{Found, blocking};
use ::driver::fault;
use host::cgroup::{Cgroups, Controller};
use host::label::Owner;
use host::process::Ids;
use host::store;
use model::domain::{Domain as Definition, ParseOptions};
use protocol::{ErrorDomain, Fault};

use crate::capabilities::{Capabilities, Settings};
use crate::config::{self, Config};
use crate::defaults::facts::QemuConf;
use crate::define;
use crate::domain::Domain;
use crate::driver::Driver;
use crate::measure;
use crate::process::{StartOptions, reconnect, start};
use crate::rename;
use crate::service::Virtqemud;

/// The fewest definitions for which another thread parses.
const CHUNK: usize = 64;

/// Make the service: read what is on disk; guests are found again in tasks that go on behind.
pub async fn start(context: daemon::Context) -> Result<Virtqemud, daemon::BoxError> {
    let paths = Arc::clone(context.paths());
    let document = context.driver_conf("qemu.conf")?;
    let system = paths.is_system();
    let mut config = tokio::task::spawn_blocking(move || Config::read(&document, system)).await??;
    if config.domain.memory_backing_dir == QemuConf::default().memory_backing_dir {
        config.domain.memory_backing_dir = paths.ram_dir().display().to_string();
    }
    config.log_limits = config::log_limits(&context.driver_conf("virtlogd.conf")?)?;
    let owner = config.confinement.owner;
    let (user, cgroups) = blocking({
        let paths = Arc::clone(&paths);
        let controllers = config.confinement.controllers.clone();
        move || {
            paths.create()?;
            paths.create_for_guests(owner.map(|owner| (owner.uid, owner.gid)))?;
            let ids = |owner: Owner| {
                let groups = host::users::groups_of(owner.uid, owner.gid)?;
                Ok::<_, host::Error>(Ids { uid: owner.uid, gid: owner.gid, groups })
            };
            Ok((owner.map(ids).transpose()?, usable_cgroups(controllers.as_deref())))
        }
    })
    .await?;
    let capabilities = Capabilities::new(Settings { user, ..Settings::for_daemon(&paths) });
    let driver = Driver::new(context, config, capabilities, cgroups);
    measure::register(&driver);
    load_definitions(&driver).await?;
    let adoptions = reconnect::adopt_all(&driver).await?;
    for adoption in adoptions {
        tokio::spawn(adoption.run(Arc::clone(&driver)));
    }
    if first_since_boot(&driver).await? {
        autostart(&driver);
    }
    Ok(Virtqemud { driver })
}

/// The control groups that guests are put into; without them guests run all the same.
fn usable_cgroups(wanted: Option<&[Controller]>) -> Option<Cgroups> {
    let found = Cgroups::detect().and_then(|found| match wanted {
        Some(wanted) => found.only(wanted),
        None => Ok(found),
    });
    found
        .inspect_err(|error| tracing::info!(target: "qemu", "guests run outside control groups: {}", error.full_text()))
        .ok()
}

/// Register every definition. One that cannot be read is left where it is and named in the log.
async fn load_definitions(driver: &Arc<Driver>) -> Result<(), Fault> {
    let mut found = driver.definitions.load().await.map_err(fault::host(ErrorDomain::QEMU))?;
    rename::recover(driver, &mut found).await?;
    let autostarted = autostart_names(driver, ".xml").await?;
    let once = autostart_names(driver, ".xml.once").await?;
    // As many threads as processors: more would not be quicker, and each costs its stack.
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let chunk_size = found.len().div_ceil(processors).max(CHUNK);
    let mut tasks = Vec::new();
    while !found.is_empty() {
        let chunk = found.split_off(found.len().saturating_sub(chunk_size));
        tasks.push(tokio::task::spawn_blocking(move || chunk.into_iter().map(parse).collect::<Vec<_>>()));
    }
    // Chunks were cut from the end.
    for task in tasks.into_iter().rev() {
        let parsed = task.await.map_err(|error| Fault::internal(ErrorDomain::QEMU, error.to_string()))?;
        for (name, definition) in parsed {
            match definition {
                Ok(definition) => {
                    register(driver, definition, autostarted.contains(&name), once.contains(&name));
                }
                Err(why) => {
                    tracing::error!(target: "qemu", "the definition of domain '{name}' is left alone: {why}")
                }
            }
        }
    }
    // The documents' texts and trees took several times what the definitions take. Nobody waits for it.
    tokio::task::spawn_blocking(host::memory::give_back);
    Ok(())
}

/// A document's name and definition, or why it has none.
fn parse(found: Found) -> (String, Result<Definition, String>) {
    let definition = found.text.map_err(|error| fault::chain(&error)).and_then(|text| {
        let definition = Definition::parse_str(&text, &ParseOptions::default());
        let mut definition = definition.map_err(|error| error.to_string())?;
        definition.devices.shrink_to_fit();
        if definition.name != found.name {
            return Err(format!(
                "the file is '{}', but the domain is '{}'",
                found.path.display(),
                definition.name
            ));
        }
        Ok(definition)
    });
    (found.name, definition)
}

fn register(driver: &Driver, definition: Definition, autostart: bool, once: bool) {
    let Some(uuid) = definition.uuid else {
        tracing::error!(target: "qemu", "the definition of domain '{}' is left alone: no UUID", definition.name);
        return;
    };
    let make = || Domain::new(uuid, &definition.name, driver.config.max_queued);
    match driver.domains.find_or_insert(uuid, &definition.name, make) {
        Ok((domain, _)) => {
            let mut state = domain.lock();
            state.persistent = Some(Arc::new(definition));
            state.autostart = autostart;
            state.autostart_once = once;
        }
        Err(clash) => {
            let name = &definition.name;
            tracing::error!(target: "qemu", "the definition of domain '{name}' is left alone: {clash}");
        }
    }
}

async fn autostart_names(driver: &Driver, suffix: &'static str) -> Result<Vec<String>, Fault> {
    let dir = driver.paths.autostart_dir.clone();
    let listed = blocking(move || store::list(&dir, suffix)).await.map_err(fault::host(ErrorDomain::QEMU))?;
    Ok(listed.into_iter().map(|entry| entry.name).collect())
}

/// Whether this is the first daemon since the host booted: the run directory is empty then.
async fn first_since_boot(driver: &Driver) -> Result<bool, Fault> {
    let path = driver.paths.autostarted();
    let first = blocking(move || {
        if path.exists() {
            return Ok(false);
        }
        store::replace(Path::new(&path), b"", 0o600)?;
        Ok(true)
    });
    first.await.map_err(fault::host(ErrorDomain::QEMU))
}

/// Start what is to start with the host, all at once.
fn autostart(driver: &Arc<Driver>) {
    for domain in driver.domains.list().iter() {
        let wanted = {
            let state = domain.lock();
            (state.autostart || state.autostart_once) && state.live.is_none()
        };
        if wanted {
            let (driver, domain) = (Arc::clone(driver), Arc::clone(domain));
            tokio::spawn(async move {
                forget_once(&driver, &domain).await;
                // The start itself tells in the log why it failed.
                let _ = start::start_defined(&driver, &domain, StartOptions::default()).await;
                define::forget_if_empty(&driver, &domain);
            });
        }
    }
}

/// What was to happen once happens now: not again at the host's next start, whatever becomes of this one.
async fn forget_once(driver: &Driver, domain: &Domain) {
    let (name, once) = {
        let mut state = domain.lock();
        (state.name.clone(), std::mem::take(&mut state.autostart_once))
    };
    if !once {
        return;
    }
    let link = driver.paths.autostart_once_link(&name);
    if let Err(error) = blocking(move || store::remove(&link?).map(|_| ())).await {
        tracing::error!(target: "qemu", "domain '{name}' will start once more with the host: {}", error.full_text());
    }
}
