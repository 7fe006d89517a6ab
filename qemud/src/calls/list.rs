//! Lists and counts of domains: the call with filters, and the older pairs of count and list.

use protocol::consts::connect_list_all_domains_flags as want;
use protocol::limits;
use protocol::remote::NonnullDomain;
use protocol::{ErrorDomain, Fault};

use crate::domain::{Condition, State, View};
use crate::driver::{Driver, wire_uuid};

/// Flags that ask for what no domain of this daemon has yet: saved state, snapshots, checkpoints. Their
/// opposites hold for every domain.
const HAS_NONE: [(u32, u32); 2] =
    [(want::HAS_SNAPSHOT, want::NO_SNAPSHOT), (want::HAS_CHECKPOINT, want::NO_CHECKPOINT)];

/// Every flag of `virConnectListAllDomains`.
pub const ALL_FLAGS: u32 = want::ACTIVE
    | want::INACTIVE
    | want::PERSISTENT
    | want::TRANSIENT
    | want::RUNNING
    | want::PAUSED
    | want::SHUTOFF
    | want::OTHER
    | want::MANAGEDSAVE
    | want::NO_MANAGEDSAVE
    | want::AUTOSTART
    | want::NO_AUTOSTART
    | want::HAS_SNAPSHOT
    | want::NO_SNAPSHOT
    | want::HAS_CHECKPOINT
    | want::NO_CHECKPOINT;

/// Whether a domain passes the filter: of every group of flags of which some are set, one must hold.
pub fn passes(state: &State, flags: u32) -> bool {
    let condition = match state.status.condition {
        Condition::Running => want::RUNNING,
        Condition::Paused => want::PAUSED,
        Condition::Shutoff => want::SHUTOFF,
        Condition::Shutdown | Condition::Crashed | Condition::PmSuspended => want::OTHER,
    };
    let groups = [
        (want::ACTIVE | want::INACTIVE, if state.live.is_some() { want::ACTIVE } else { want::INACTIVE }),
        (
            want::PERSISTENT | want::TRANSIENT,
            if state.persistent.is_some() { want::PERSISTENT } else { want::TRANSIENT },
        ),
        (want::RUNNING | want::PAUSED | want::SHUTOFF | want::OTHER, condition),
        (want::MANAGEDSAVE | want::NO_MANAGEDSAVE, want::NO_MANAGEDSAVE),
        (
            want::AUTOSTART | want::NO_AUTOSTART,
            if state.autostart { want::AUTOSTART } else { want::NO_AUTOSTART },
        ),
    ];
    let none = HAS_NONE.map(|(has, no)| (has | no, no));
    groups.iter().chain(&none).all(|(group, holds)| flags & group == 0 || flags & holds != 0)
}

/// The domains that pass the filter; one that is on its way in or out is left out.
pub fn filtered(driver: &Driver, flags: u32) -> Vec<View> {
    let domains = driver.domains.list();
    let there = domains.iter().filter(|domain| shown(&domain.lock(), flags));
    there.map(|domain| domain.view()).collect()
}

/// The reply of the list call: the domains, or with `need_results` off their number alone.
pub fn all(driver: &Driver, need_results: bool, flags: u32) -> Result<(Vec<NonnullDomain>, u32), Fault> {
    let domains = driver.domains.list();
    if !need_results {
        let count = domains.iter().filter(|domain| shown(&domain.lock(), flags)).count();
        return Ok((Vec::new(), u32::try_from(count).unwrap_or(u32::MAX)));
    }
    let named = domains.iter().filter_map(|domain| {
        let state = domain.lock();
        let id = state.live.as_ref().map_or(-1, |live| live.id);
        let named = || NonnullDomain { name: state.name.clone(), uuid: wire_uuid(domain.uuid()), id };
        shown(&state, flags).then(named)
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

fn shown(state: &State, flags: u32) -> bool {
    (state.live.is_some() || state.persistent.is_some()) && passes(state, flags)
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
