//! Definitions: from a client's XML to the registry and the disk, and back.

use std::borrow::Cow;
use std::path::PathBuf;
use std::sync::Arc;

use ::driver::documents::{blocking, brief};
use ::driver::jobs::Job;
use ::driver::registry::Clash;
use host::command::System;
use host::store;
use model::Token;
use model::domain::cpu::Cpu;
use model::domain::device::Device;
use model::domain::device::interface::Mac;
use model::domain::os::{Arch, Firmware};
use model::domain::{Domain as Definition, FormatOptions, GenId, ParseOptions};
use model::xml;
use protocol::consts::{DomainDefineFlags, DomainUndefineFlags as Undefine, DomainXmlFlags};
use protocol::remote::NonnullDomain;
use protocol::{ErrorCode, ErrorDomain, Fault};
use uuid::Uuid;

use crate::capabilities::QemuCaps;
use crate::command;
use crate::confine::seclabel;
use crate::defaults;
use crate::domain::{Domain, View};
use crate::driver::{Driver, check_flags};
use crate::migratable;
use crate::notify::{Change, Lifecycle, Removal};
use crate::unbuilt;
use crate::validate;
use crate::{history, hostsysinfo};

/// Where a definition comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A client: everything is checked.
    Client,
    /// Our own document: what a newer QEMU would refuse does not make a known domain vanish.
    Disk,
}

/// Define a domain, or define it anew (procedures 11 and 350).
pub async fn define(driver: &Driver, text: &str, flags: u32) -> Result<View, Fault> {
    let flags = check_flags("virDomainDefineXMLFlags", flags, DomainDefineFlags::all())?;
    validate::domain(driver, text, flags.contains(DomainDefineFlags::VALIDATE)).await?;
    let (definition, _) = complete(driver, text, Source::Client).await?;
    refuse_directory(&definition.name)?;
    unbuilt::refuse_define(&definition)?;
    let uuid = uuid_of(&definition)?;
    let max_queued = driver.config.max_queued;
    let insert = driver
        .domains
        .find_or_insert(uuid, &definition.name, || Domain::new(uuid, &definition.name, max_queued));
    let (domain, fresh) = insert.map_err(|clash| clash_fault(&definition.name, uuid, clash))?;
    let stored = store_definition(driver, &domain, definition).await;
    if stored.is_err() && fresh {
        forget_if_empty(driver, &domain);
    }
    stored
}

/// A domain's files are kept under its name, which must not stand for a directory that all share.
fn refuse_directory(name: &str) -> Result<(), Fault> {
    if !matches!(name, "." | "..") {
        return Ok(());
    }
    let detail = format!("the directory of domain '{name}' cannot be made");
    Err(Fault::system(ErrorDomain::NONE, nix::libc::EINVAL, detail))
}

/// Write the definition, then publish it with its event.
async fn store_definition(
    driver: &Driver,
    domain: &Arc<Domain>,
    definition: Definition,
) -> Result<View, Fault> {
    let _job = domain.begin(Job::Config, "virDomainDefineXML").await?;
    let text = definition.format(&FormatOptions::STORED);
    driver.definitions.save(&definition.name, text).await.map_err(host_fault)?;
    let mut state = domain.lock();
    let change = if state.persistent.is_some() { Change::Updated } else { Change::Added };
    state.persistent = Some(Arc::new(definition));
    driver.tell(domain, &state, Lifecycle::Defined(change));
    drop(state);
    Ok(domain.view())
}

/// Remove a definition (procedures 35 and 231). A running guest goes on as a transient domain.
pub async fn undefine(driver: &Driver, named: &NonnullDomain, flags: u32) -> Result<(), Fault> {
    let flags = check_flags("virDomainUndefineFlags", flags, Undefine::all())?;
    if flags.contains(Undefine::NVRAM | Undefine::KEEP_NVRAM) {
        return Err(invalid("cannot both keep and delete nvram"));
    }
    // No guest with an emulated TPM can be defined yet, so that there is no state of one to keep or remove.
    if flags.contains(Undefine::TPM | Undefine::KEEP_TPM) {
        return Err(invalid("cannot both keep and delete TPM"));
    }
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Config, "virDomainUndefine").await?;
    let Some(definition) = domain.lock().persistent.clone() else {
        return Err(invalid("cannot undefine transient domain"));
    };
    let inactive = domain.lock().live.is_none();
    let (paths, name) = (&driver.paths, &definition.name);
    // A running guest's snapshots and checkpoints go on with it.
    let dirs =
        [paths.guest_snapshots(name), paths.guest_checkpoints(name)].map(|dir| dir.filter(|_| inactive));
    let image = paths.managed_save(name).map_err(host_fault)?;
    // Few domains have any of these, and giving the worker up once costs more than looking for all.
    let there = brief(move || {
        let [snapshots, checkpoints] = dirs.map(|dir| dir.filter(|dir| dir.is_dir()));
        Ok((snapshots, checkpoints, image.exists().then_some(image)))
    });
    let (snapshots, checkpoints, saved) = there.await.map_err(host_fault)?;
    let history = [
        ("snapshots", snapshots, Undefine::SNAPSHOTS_METADATA),
        ("checkpoints", checkpoints, Undefine::CHECKPOINTS_METADATA),
    ];
    for (what, dir, flag) in history {
        let Some(dir) = dir else { continue };
        blocking_fault(move || remove_history(what, &dir, flags.contains(flag))).await?;
    }
    remove_belongings(saved, nvram_path(driver, &definition), flags).await?;
    remove_documents(driver, &definition.name).await?;
    let mut state = domain.lock();
    driver.tell(&domain, &state, Lifecycle::Undefined(Removal::Removed));
    state.persistent = None;
    state.autostart = false;
    state.autostart_once = false;
    drop(state);
    forget_if_empty(driver, &domain);
    Ok(())
}

/// The firmware's variables: where a definition leaves the choice of firmware to the start, they have their place too.
fn nvram_path(driver: &Driver, definition: &Definition) -> Option<PathBuf> {
    let named = definition.os.nvram.as_ref().and_then(|nvram| nvram.path.as_ref()).map(PathBuf::from);
    let chosen = definition.os.firmware == Some(Firmware::Efi);
    named.or_else(|| {
        chosen.then(|| PathBuf::from(command::default_nvram(&driver.dirs().nvram, &definition.name)))
    })
}

/// Documents of a domain's snapshots or checkpoints: removed, or in the way.
fn remove_history(what: &str, dir: &std::path::Path, wanted: bool) -> Result<(), Fault> {
    let documents = history::documents(Some(dir)).map_err(host_fault)?;
    if !documents.is_empty() && !wanted {
        let detail = format!("cannot delete inactive domain with {} {what}", documents.len());
        return Err(invalid(&detail));
    }
    documents.iter().try_for_each(|document| store::remove(&document.path).map(drop)).map_err(host_fault)?;
    // Something else in it keeps the directory.
    let _ = std::fs::remove_dir(dir);
    Ok(())
}

/// Remove the saved state of a domain (procedure 184).
pub async fn remove_managed_save(driver: &Driver, named: &NonnullDomain) -> Result<(), Fault> {
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Config, "virDomainManagedSaveRemove").await?;
    let name = domain.lock().name.clone();
    let image = driver.paths.managed_save(&name).map_err(host_fault)?;
    let shown = image.display().to_string();
    match blocking(move || store::remove(&image)).await.map_err(host_fault)? {
        true => Ok(()),
        false => {
            let detail = format!("Failed to remove managed save file '{shown}'");
            Err(Fault::system(ErrorDomain::QEMU, nix::libc::ENOENT, detail))
        }
    }
}

/// Saved state and firmware variables of a domain that is undefined: removed, kept or in the way, as the flags
/// say.
async fn remove_belongings(
    saved: Option<PathBuf>,
    nvram: Option<PathBuf>,
    flags: Undefine,
) -> Result<(), Fault> {
    if saved.is_none() && nvram.is_none() {
        return Ok(());
    }
    // Firmware variables can be anywhere, also on a file system that hangs.
    blocking_fault(move || {
        if let Some(image) = saved {
            if !flags.contains(Undefine::MANAGED_SAVE) {
                return Err(invalid("Refusing to undefine while domain managed save image exists"));
            }
            store::remove(&image).map_err(host_fault)?;
        }
        let Some(nvram) = nvram.filter(|nvram| nvram.exists()) else { return Ok(()) };
        if flags.contains(Undefine::NVRAM) {
            store::remove(&nvram).map_err(host_fault)?;
        } else if !flags.contains(Undefine::KEEP_NVRAM) {
            return Err(invalid("cannot undefine domain with nvram"));
        }
        Ok(())
    })
    .await
}

/// Take the definition and its autostart link away; a kill of the daemon from now on does not bring them back.
async fn remove_documents(driver: &Driver, name: &str) -> Result<(), Fault> {
    let autostart = driver.paths.autostart_link(name).map_err(host_fault)?;
    let once = driver.paths.autostart_once_link(name).map_err(host_fault)?;
    let document = driver.definitions.path(name);
    let removals = driver.removals.clone();
    let removed = brief(move || {
        for path in [autostart, once, document] {
            if store::unlink(&path)?
                && let Some(dir) = path.parent()
            {
                removals.note(dir.to_path_buf());
            }
        }
        Ok(())
    });
    removed.await.map_err(host_fault)
}

/// Start the domain with the daemon, or do not any more (procedure 29).
pub async fn set_autostart(driver: &Driver, named: &NonnullDomain, wanted: bool) -> Result<(), Fault> {
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Config, "virDomainSetAutostart").await?;
    let name = persistent_name(&domain)?;
    let link = driver.paths.autostart_link(&name).map_err(host_fault)?;
    set_link(driver, &name, link, wanted).await?;
    domain.lock().autostart = wanted;
    Ok(())
}

/// Start the domain at the host's next start only, or not (procedure 450).
pub async fn set_autostart_once(driver: &Driver, named: &NonnullDomain, wanted: bool) -> Result<(), Fault> {
    let domain = driver.domain(named)?;
    let _job = domain.begin(Job::Config, "virDomainSetAutostartOnce").await?;
    let name = persistent_name(&domain)?;
    let link = driver.paths.autostart_once_link(&name).map_err(host_fault)?;
    set_link(driver, &name, link, wanted).await?;
    domain.lock().autostart_once = wanted;
    Ok(())
}

/// The name of a domain with a definition, without which it cannot be started with the host.
fn persistent_name(domain: &Domain) -> Result<String, Fault> {
    let name = domain.lock().persistent.as_ref().map(|definition| definition.name.clone());
    name.ok_or_else(|| invalid("cannot set autostart for transient domain"))
}

/// Make or remove a link to the domain's definition.
async fn set_link(driver: &Driver, name: &str, link: PathBuf, wanted: bool) -> Result<(), Fault> {
    let target = driver.definitions.path(name);
    let changed = blocking(move || {
        if !wanted {
            return store::remove(&link).map(|_| ());
        }
        if let Some(dir) = link.parent() {
            store::create_dir(dir, 0o700)?;
        }
        store::link(&target, &link)
    });
    changed.await.map_err(host_fault)
}

/// The XML that a client sees (procedure 14).
pub fn describe(view: &View, flags: u32) -> Result<String, Fault> {
    let flags = check_flags("virDomainGetXMLDesc", flags, DomainXmlFlags::all())?;
    let inactive = flags.intersects(DomainXmlFlags::INACTIVE | DomainXmlFlags::MIGRATABLE);
    let next = view.persistent.as_ref().filter(|_| flags.contains(DomainXmlFlags::INACTIVE));
    let definition = match next {
        Some(next) => next,
        None => view.definition()?,
    };
    let migratable = flags.contains(DomainXmlFlags::MIGRATABLE);
    let options = FormatOptions {
        // Another host starts the guest from it, and needs the passwords.
        secure: migratable || flags.contains(DomainXmlFlags::SECURE),
        inactive: inactive || view.live.is_none(),
        migratable,
        ..FormatOptions::default()
    };
    let mut shown = Cow::Borrowed(&**definition);
    if migratable {
        shown = Cow::Owned(migratable::migratable(definition));
    }
    if let Some(live) =
        view.live.as_ref().filter(|live| migratable && Arc::ptr_eq(definition, &live.definition))
        && let Some(described) = &live.described_cpu
    {
        shown.to_mut().cpu = Cpu::clone(described);
    }
    // The size of a running guest's balloon is QEMU's, not the definition's.
    if let Some(live) = view.live.as_ref().filter(|live| Arc::ptr_eq(definition, &live.definition))
        && shown.memory.current_kib != live.balloon_kib
    {
        shown.to_mut().memory.current_kib = live.balloon_kib;
    }
    Ok(shown.format(&options))
}

/// The command line that a definition stands for (procedure 136).
pub async fn native(driver: &Driver, text: &str) -> Result<String, Fault> {
    let (mut definition, caps) = complete(driver, text, Source::Client).await?;
    let (facts, mut options) = (driver.facts().await?, driver.native_options());
    options.processor = driver.capabilities.processor().await?;
    options.host_smbios = hostsysinfo::for_guest(&System, &definition).await;
    command::native_prepare(&mut definition, &caps, &facts, &options).map_err(Fault::from)?;
    let plan = command::plan(&definition, &caps, &facts, &options).map_err(Fault::from)?;
    Ok(command::native_line(&plan))
}

/// Parse a client's XML or our own document and fill in what it leaves open.
pub async fn complete(
    driver: &Driver,
    text: &str,
    source: Source,
) -> Result<(Definition, Arc<QemuCaps>), Fault> {
    let tree = xml::parse(text, &xml::Limits::document("domain_definition")).map_err(::driver::fault::xml)?;
    let options = ParseOptions::default();
    let mut definition = Definition::read(&tree, &options).map_err(::driver::fault::xml)?;
    make_up(&mut definition);
    seclabel::complete(&mut definition);
    let facts = driver.facts().await?;
    let native = Arch::from_word(&facts.arch);
    let native = native.ok_or_else(|| {
        Fault::internal(ErrorDomain::QEMU, format!("the host's architecture '{}' is unknown", facts.arch))
    })?;
    let find = |arch: Arch| driver.capabilities.emulator_for(arch.as_str());
    defaults::resolve_emulator(&mut definition, native, find).map_err(Fault::from)?;
    let emulator = definition.emulator.clone().unwrap_or_default();
    let caps = driver.capabilities.of(&emulator).await?;
    let completed = defaults::complete(&mut definition, &caps, &facts);
    // Definitions stay for long; the list has grown by doubling.
    definition.devices.shrink_to_fit();
    match completed {
        Ok(()) => {}
        Err(error) if source == Source::Client => return Err(error.into()),
        Err(error) => {
            tracing::warn!(target: "qemu", "domain '{}' would be refused today: {error}", definition.name);
        }
    }
    Ok((definition, caps))
}

/// Give the definition the identities that its author left to us: UUID, generation id, MAC addresses.
fn make_up(definition: &mut Definition) {
    definition.uuid.get_or_insert_with(Uuid::new_v4);
    if definition.genid == Some(GenId::Wanted) {
        definition.genid = Some(GenId::Given(Uuid::new_v4()));
    }
    for device in &mut definition.devices {
        if let Device::Interface(interface) = device {
            interface.mac.get_or_insert_with(random_mac);
        }
    }
}

/// A MAC address of the range that QEMU's guests have (52:54:00).
fn random_mac() -> Mac {
    let [.., a, b, c] = *Uuid::new_v4().as_bytes();
    Mac { address: [0x52, 0x54, 0x00, a, b, c], kind: None, check: None }
}

/// Take a domain that has neither definition nor guest out of the registry.
pub fn forget_if_empty(driver: &Driver, domain: &Arc<Domain>) {
    let mut state = domain.lock();
    if state.persistent.is_none() && state.live.is_none() {
        state.gone = true;
        drop(state);
        driver.domains.remove(domain.uuid(), domain);
    }
}

/// The UUID, which every complete definition has.
pub fn uuid_of(definition: &Definition) -> Result<Uuid, Fault> {
    definition.uuid.ok_or_else(|| Fault::internal(ErrorDomain::DOMAIN, "the definition has no UUID"))
}

/// The reference's words for a name and a UUID that do not belong together.
pub fn clash_fault(name: &str, uuid: Uuid, clash: Clash) -> Fault {
    let detail = match clash {
        Clash::Uuid { name } => format!("domain '{name}' is already defined with uuid {uuid}"),
        Clash::Name { uuid } => format!("domain '{name}' already exists with uuid {uuid}"),
    };
    Fault::new(ErrorDomain::DOMAIN, ErrorCode::OPERATION_FAILED, detail)
}

fn invalid(detail: &str) -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, detail)
}

fn host_fault(error: host::Error) -> Fault {
    ::driver::fault::host(ErrorDomain::QEMU)(error)
}

async fn blocking_fault<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, Fault> + Send + 'static,
) -> Result<T, Fault> {
    let done = tokio::task::spawn_blocking(work).await;
    done.unwrap_or_else(|error| Err(Fault::internal(ErrorDomain::QEMU, error.to_string())))
}
