//! Which of a domain's two definitions a call is about, and how they are changed: the running guest's, the one for
//! the next start, or with neither flag the one that counts now (`virDomainModificationImpact`).

use std::sync::Arc;

use ::driver::jobs::JobGuard;
use model::domain::{Domain as Definition, FormatOptions};
use protocol::consts::{DomainModificationImpact as Affect, FlagSet};
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::domain::{Domain, State, View, not_running};
use crate::driver::Driver;
use crate::process::status;

/// The one definition that a question is about.
pub fn one(view: &View, flags: Affect) -> Result<&Arc<Definition>, Fault> {
    if flags.contains(Affect::LIVE | Affect::CONFIG) {
        let (one, other) = (Affect::LIVE.libvirt_names(), Affect::CONFIG.libvirt_names());
        let detail = format!("flags '{one}' and '{other}' are mutually exclusive");
        return Err(Fault::invalid_arg(ErrorDomain::DOMAIN, detail));
    }
    if flags.contains(Affect::LIVE) {
        return Ok(&view.active()?.definition);
    }
    if flags.contains(Affect::CONFIG) {
        return view.persistent.as_ref().ok_or_else(transient);
    }
    view.definition()
}

/// Which definitions a change is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Targets {
    /// The running guest's.
    pub live: bool,
    /// The next start's.
    pub config: bool,
}

/// The definitions that the flags mean; they must be there.
pub fn targets(state: &State, flags: Affect) -> Result<Targets, Fault> {
    let neither = !flags.intersects(Affect::LIVE | Affect::CONFIG);
    let running = state.live.is_some();
    let targets = Targets {
        live: flags.contains(Affect::LIVE) || (neither && running),
        config: flags.contains(Affect::CONFIG) || (neither && !running),
    };
    if targets.live && !running {
        return Err(not_running());
    }
    if targets.config && state.persistent.is_none() {
        return Err(transient());
    }
    Ok(targets)
}

/// The definitions that `targets` means, of a view of the state that they were found by.
pub fn definitions(view: &View, targets: Targets) -> impl Iterator<Item = &Arc<Definition>> {
    let live = view.live.as_ref().map(|live| &live.definition).filter(|_| targets.live);
    live.into_iter().chain(view.persistent.as_ref().filter(|_| targets.config))
}

/// Apply a change to the definitions that the flags mean, and put them on disk. It is tried on all of them before
/// the first is changed. `tell` is called under the lock of the new state.
pub async fn change(
    driver: &Driver,
    domain: &Arc<Domain>,
    _job: &JobGuard,
    flags: Affect,
    apply: impl Fn(&mut Definition) -> Result<(), Fault>,
    tell: impl FnOnce(&State),
) -> Result<(), Fault> {
    let (targets, persistent, live) = {
        let state = domain.lock();
        let live = state.live.as_ref().map(|live| Arc::clone(&live.definition));
        (targets(&state, flags)?, state.persistent.clone(), live)
    };
    if let Some(mut live) = live.filter(|_| targets.live) {
        apply(Arc::make_mut(&mut live))?;
    }
    let mut changed = persistent.filter(|_| targets.config);
    if let Some(definition) = &mut changed {
        apply(Arc::make_mut(definition))?;
        let text = definition.format(&FormatOptions::STORED);
        let saved = driver.definitions.save(&definition.name, text).await;
        saved.map_err(::driver::fault::host(ErrorDomain::QEMU))?;
    }
    {
        let mut state = domain.lock();
        if let Some(definition) = changed {
            state.persistent = Some(definition);
        }
        // The live definition is changed in place: QEMU's events may have changed it meanwhile.
        if targets.live
            && let Some(live) = state.live_mut()
        {
            apply(Arc::make_mut(&mut live.definition))?;
        }
        tell(&state);
    }
    if targets.live { status::save(driver, domain).await } else { Ok(()) }
}

/// "transient domains do not have any persistent config", which clients know.
fn transient() -> Fault {
    let detail = "transient domains do not have any persistent config";
    Fault::new(ErrorDomain::DOMAIN, ErrorCode::OPERATION_INVALID, detail)
}
