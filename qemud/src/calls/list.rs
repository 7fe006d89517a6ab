//! Lists and counts of domains: the call with filters, and the older pairs of count and list.

use std::collections::HashSet;

use ::driver::documents::blocking;
use protocol::consts::ConnectListAllDomainsFlags as Want;
use protocol::limits;
use protocol::remote::NonnullDomain;
use protocol::{ErrorDomain, Fault};

use crate::domain::{Condition, State, View};
use crate::driver::{Driver, wire_uuid};

/// Names of domains that have saved state.
pub type Saved = HashSet<String>;

/// Which domains have saved state, if the flags ask for it.
pub async fn saved(driver: &Driver, flags: Want) -> Result<Saved, Fault> {
    if !flags.intersects(Want::MANAGEDSAVE | Want::NO_MANAGEDSAVE) {
        return Ok(Saved::default());
    }
    let dir = driver.paths.save_dir();
    let entries = blocking(move || match dir.is_dir() {
        true => host::store::list(&dir, ".save"),
        false => Ok(Vec::new()),
    });
    let entries = entries.await.map_err(::driver::fault::host(ErrorDomain::QEMU))?;
    Ok(entries.into_iter().map(|entry| entry.name).collect())
}

/// Flags that ask for what no domain of this daemon has yet: snapshots, checkpoints. Their
/// opposites hold for every domain.
const HAS_NONE: [(Want, Want); 2] =
    [(Want::HAS_SNAPSHOT, Want::NO_SNAPSHOT), (Want::HAS_CHECKPOINT, Want::NO_CHECKPOINT)];

/// Whether a domain passes the filter: of every group of flags of which some are set, one must hold.
pub fn passes(state: &State, flags: Want, saved: &Saved) -> bool {
    let condition = match state.status.condition {
        Condition::Running => Want::RUNNING,
        Condition::Paused => Want::PAUSED,
        Condition::Shutoff => Want::SHUTOFF,
        Condition::Shutdown | Condition::Crashed | Condition::PmSuspended => Want::OTHER,
    };
    let groups = [
        (Want::ACTIVE | Want::INACTIVE, if state.live.is_some() { Want::ACTIVE } else { Want::INACTIVE }),
        (
            Want::PERSISTENT | Want::TRANSIENT,
            if state.persistent.is_some() { Want::PERSISTENT } else { Want::TRANSIENT },
        ),
        (Want::RUNNING | Want::PAUSED | Want::SHUTOFF | Want::OTHER, condition),
        (
            Want::MANAGEDSAVE | Want::NO_MANAGEDSAVE,
            if saved.contains(&state.name) { Want::MANAGEDSAVE } else { Want::NO_MANAGEDSAVE },
        ),
        (
            Want::AUTOSTART | Want::NO_AUTOSTART,
            if state.autostart { Want::AUTOSTART } else { Want::NO_AUTOSTART },
        ),
    ];
    let none = HAS_NONE.map(|(has, no)| (has | no, no));
    groups.iter().chain(&none).all(|&(group, holds)| !flags.intersects(group) || flags.intersects(holds))
}

/// The domains that pass the filter; one that is on its way in or out is left out.
pub fn filtered(driver: &Driver, flags: Want) -> Vec<View> {
    let domains = driver.domains.list();
    let there = domains.iter().filter(|domain| shown(&domain.lock(), flags, &Saved::default()));
    there.map(|domain| domain.view()).collect()
}

/// The reply of the list call: the domains, or with `need_results` off their number alone.
pub fn all(
    driver: &Driver,
    need_results: bool,
    flags: Want,
    saved: &Saved,
) -> Result<(Vec<NonnullDomain>, u32), Fault> {
    let domains = driver.domains.list();
    if !need_results {
        let count = domains.iter().filter(|domain| shown(&domain.lock(), flags, saved)).count();
        return Ok((Vec::new(), u32::try_from(count).unwrap_or(u32::MAX)));
    }
    let named = domains.iter().filter_map(|domain| {
        let state = domain.lock();
        let id = state.live.as_ref().map_or(-1, |live| live.id);
        let named = || NonnullDomain { name: state.name.clone(), uuid: wire_uuid(domain.uuid()), id };
        shown(&state, flags, saved).then(named)
    });
    let named: Vec<NonnullDomain> = named.collect();
    if named.len() > limits::DOMAIN_LIST_MAX {
        let detail =
            format!("{} domains are more than the {} of one reply", named.len(), limits::DOMAIN_LIST_MAX);
        return Err(Fault::internal(ErrorDomain::RPC, detail));
    }
    let count = u32::try_from(named.len()).unwrap_or(u32::MAX);
    Ok((named, count))
}

fn shown(state: &State, flags: Want, saved: &Saved) -> bool {
    (state.live.is_some() || state.persistent.is_some()) && passes(state, flags, saved)
}

/// Ids of active domains, at most `most`.
pub fn ids(driver: &Driver, most: usize) -> Vec<i32> {
    let active = driver.domains.list();
    active.iter().filter_map(|domain| domain.lock().live.as_ref().map(|live| live.id)).take(most).collect()
}

/// Names of inactive domains, at most `most`.
pub fn inactive_names(driver: &Driver, most: usize) -> Vec<String> {
    let domains = driver.domains.list();
    let names = domains.iter().filter_map(|domain| {
        let state = domain.lock();
        let definition = state.persistent.as_ref().filter(|_| state.live.is_none())?;
        Some(definition.name.clone())
    });
    names.take(most).collect()
}

/// The count that a client gave for an older list call, checked.
pub fn most(given: i32, what: &str) -> Result<usize, Fault> {
    match usize::try_from(given) {
        Ok(n) if n <= limits::DOMAIN_LIST_MAX => Ok(n),
        _ => Err(Fault::invalid_arg(
            ErrorDomain::RPC,
            format!("{what} {given} is not between 0 and {}", limits::DOMAIN_LIST_MAX),
        )),
    }
}
