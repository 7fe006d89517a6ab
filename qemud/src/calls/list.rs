//! Lists and counts of domains: the call with filters, and the older pairs of count and list.

use std::collections::HashSet;
use std::path::PathBuf;

use ::driver::access::Shown;
use ::driver::documents::blocking;
use protocol::consts::ConnectListAllDomainsFlags as Want;
use protocol::limits;
use protocol::remote::NonnullDomain;
use protocol::xdr::Packed;
use protocol::{ErrorDomain, Fault};

use crate::domain::{Condition, State, View};
use crate::driver::{Driver, wire_uuid};
use crate::history;

/// Names of domains that have files beside their documents.
#[derive(Debug, Default)]
pub struct Belongings {
    saved: HashSet<String>,
    snapshots: HashSet<String>,
    checkpoints: HashSet<String>,
}

impl Belongings {
    /// Looks for what the flags ask for.
    pub async fn find(driver: &Driver, flags: Want) -> Result<Self, Fault> {
        let look = |group: Want, dir: PathBuf| flags.intersects(group).then_some(dir);
        let saved = look(Want::MANAGEDSAVE | Want::NO_MANAGEDSAVE, driver.paths.save_dir());
        let snapshots = look(Want::HAS_SNAPSHOT | Want::NO_SNAPSHOT, driver.paths.snapshot_dir());
        let checkpoints = look(Want::HAS_CHECKPOINT | Want::NO_CHECKPOINT, driver.paths.checkpoint_dir());
        if saved.is_none() && snapshots.is_none() && checkpoints.is_none() {
            return Ok(Self::default());
        }
        let images = |dir: PathBuf| -> host::Result<HashSet<String>> {
            Ok(host::store::list(&dir, ".save")?.into_iter().map(|entry| entry.name).collect())
        };
        let owners = |dir: PathBuf| history::owners(&dir);
        let found = blocking(move || {
            Ok(Self {
                saved: saved.map(images).transpose()?.unwrap_or_default(),
                snapshots: snapshots.map(owners).transpose()?.unwrap_or_default(),
                checkpoints: checkpoints.map(owners).transpose()?.unwrap_or_default(),
            })
        });
        found.await.map_err(::driver::fault::host(ErrorDomain::QEMU))
    }
}

/// Whether a domain passes the filter: of every group of flags of which some are set, one must hold.
pub fn passes(state: &State, flags: Want, belongings: &Belongings) -> bool {
    if flags.is_empty() {
        return true;
    }
    let condition = match state.status.condition {
        Condition::Running => Want::RUNNING,
        Condition::Paused => Want::PAUSED,
        Condition::Shutoff => Want::SHUTOFF,
        Condition::Shutdown | Condition::Crashed | Condition::PmSuspended => Want::OTHER,
    };
    let either =
        |having: &HashSet<String>, has, has_not| if having.contains(&state.name) { has } else { has_not };
    let groups = [
        (Want::ACTIVE | Want::INACTIVE, if state.live.is_some() { Want::ACTIVE } else { Want::INACTIVE }),
        (
            Want::PERSISTENT | Want::TRANSIENT,
            if state.persistent.is_some() { Want::PERSISTENT } else { Want::TRANSIENT },
        ),
        (Want::RUNNING | Want::PAUSED | Want::SHUTOFF | Want::OTHER, condition),
        (
            Want::MANAGEDSAVE | Want::NO_MANAGEDSAVE,
            either(&belongings.saved, Want::MANAGEDSAVE, Want::NO_MANAGEDSAVE),
        ),
        (
            Want::HAS_SNAPSHOT | Want::NO_SNAPSHOT,
            either(&belongings.snapshots, Want::HAS_SNAPSHOT, Want::NO_SNAPSHOT),
        ),
        (
            Want::HAS_CHECKPOINT | Want::NO_CHECKPOINT,
            either(&belongings.checkpoints, Want::HAS_CHECKPOINT, Want::NO_CHECKPOINT),
        ),
        (
            Want::AUTOSTART | Want::NO_AUTOSTART,
            if state.autostart { Want::AUTOSTART } else { Want::NO_AUTOSTART },
        ),
    ];
    groups.iter().all(|&(group, holds)| !flags.intersects(group) || flags.intersects(holds))
}

/// The domains that pass the filter; one that is on its way in or out is left out.
pub fn filtered(driver: &Driver, flags: Want, seen: &Shown) -> Vec<View> {
    let domains = driver.domains.list();
    let there = domains
        .iter()
        .filter(|domain| seen.has(domain.uuid()) && shown(&domain.lock(), flags, &Belongings::default()));
    there.map(|domain| domain.view()).collect()
}

/// Domains as a reply has them.
pub type Named = Packed<NonnullDomain, { limits::DOMAIN_LIST_MAX }>;

/// Bytes that most of them take there.
const USUAL_LEN: usize = 48;

/// The reply of the list call: the domains, or with `need_results` off their number alone.
pub fn all(
    driver: &Driver,
    need_results: bool,
    flags: Want,
    belongings: &Belongings,
    seen: &Shown,
) -> Result<(Named, u32), Fault> {
    let domains = driver.domains.list();
    if !need_results {
        let count = domains
            .iter()
            .filter(|domain| seen.has(domain.uuid()) && shown(&domain.lock(), flags, belongings))
            .count();
        return Ok((Named::default(), u32::try_from(count).unwrap_or(u32::MAX)));
    }
    let mut named = Named::with_capacity(domains.len() * USUAL_LEN);
    for domain in domains.iter() {
        let state = domain.lock();
        if seen.has(domain.uuid()) && shown(&state, flags, belongings) {
            let id = state.live.as_ref().map_or(-1, |live| live.id);
            named.domain(&state.name, wire_uuid(domain.uuid()), id);
        }
    }
    if named.len() > limits::DOMAIN_LIST_MAX {
        let detail =
            format!("{} domains are more than the {} of one reply", named.len(), limits::DOMAIN_LIST_MAX);
        return Err(Fault::internal(ErrorDomain::RPC, detail));
    }
    let count = u32::try_from(named.len()).unwrap_or(u32::MAX);
    Ok((named, count))
}

fn shown(state: &State, flags: Want, belongings: &Belongings) -> bool {
    (state.live.is_some() || state.persistent.is_some()) && passes(state, flags, belongings)
}

/// Ids of active domains, at most `most`.
pub fn ids(driver: &Driver, most: usize, seen: &Shown) -> Vec<i32> {
    let active = driver.domains.list();
    active
        .iter()
        .filter(|domain| seen.has(domain.uuid()))
        .filter_map(|domain| domain.lock().live.as_ref().map(|live| live.id))
        .take(most)
        .collect()
}

/// Names of inactive domains, at most `most`.
pub fn inactive_names(driver: &Driver, most: usize, seen: &Shown) -> Vec<String> {
    let domains = driver.domains.list();
    let names = domains.iter().filter(|domain| seen.has(domain.uuid())).filter_map(|domain| {
        let state = domain.lock();
        let definition = state.persistent.as_ref().filter(|_| state.live.is_none())?;
        Some(definition.name.clone())
    });
    names.take(most).collect()
}
