//! A new name for a domain that does not run: its document and its autostart link move, and clients hear of both
//! names.
//!
//! The new document is first written with a mark. A daemon that finds a marked document finishes the renaming:
//! what is known under the old name is the same domain.

use std::path::PathBuf;
use std::sync::Arc;

use ::driver::documents::{Found, blocking};
use ::driver::jobs::Job;
use ::driver::registry::Clash;
use host::store;
use model::domain::{Domain as Definition, FormatOptions};
use model::xml;
use protocol::remote::DomainRenameArgs;
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::domain::{Domain, State};
use crate::driver::{Driver, no_flags};
use crate::history;
use crate::notify::{Change, Lifecycle, Removal};

/// The mark of a document that is not yet the only one of its domain.
const MARK: &str = "<!-- being renamed to this -->\n";

/// Procedure 358.
pub async fn rename(driver: &Driver, args: &DomainRenameArgs) -> Result<(), Fault> {
    no_flags("virDomainRename", args.flags)?;
    let new = args.new_name.as_deref().filter(|name| !name.is_empty());
    let new = new.ok_or_else(|| Fault::invalid_arg(ErrorDomain::DOMAIN, "the new name must not be empty"))?;
    let domain = driver.domain(&args.dom)?;
    let _job = domain.begin(Job::Modify, "virDomainRename").await?;
    let old = renamable(&domain.lock())?;
    check_name(driver, new)?;
    if old.name == new {
        return Err(invalid(ErrorDomain::DOMAIN, "Can't rename domain to itself"));
    }
    refuse_belongings(driver, &old.name).await?;
    // From here on nobody else can take the name.
    driver.domains.rename(domain.uuid(), new).map_err(|clash| name_taken(new, &clash))?;
    let renamed = Arc::new(Definition { name: new.to_owned(), ..(*old).clone() });
    if let Err(error) = move_files(driver, &old.name, &renamed).await {
        let back = driver.domains.rename(domain.uuid(), &old.name);
        if let Err(clash) = back {
            tracing::error!(target: "qemu", "domain '{}' cannot keep its name: {clash}", old.name);
        }
        return Err(error);
    }
    publish(driver, &domain, renamed);
    Ok(())
}

fn publish(driver: &Driver, domain: &Domain, renamed: Arc<Definition>) {
    let mut state = domain.lock();
    driver.tell(domain, &state, Lifecycle::Undefined(Removal::Renamed));
    state.name = renamed.name.clone();
    state.persistent = Some(renamed);
    driver.tell(domain, &state, Lifecycle::Defined(Change::Renamed));
}

/// The definition of a domain that can be renamed.
fn renamable(state: &State) -> Result<Arc<Definition>, Fault> {
    if state.live.is_some() {
        return Err(invalid(ErrorDomain::QEMU, "cannot rename active domain"));
    }
    state.persistent.clone().ok_or_else(|| invalid(ErrorDomain::QEMU, "cannot rename a transient domain"))
}

fn check_name(driver: &Driver, name: &str) -> Result<(), Fault> {
    if name == "." || name == ".." {
        let detail = format!("a domain cannot be renamed to '{name}'");
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::XML_ERROR, detail));
    }
    let bad = |c: &char| matches!(c, '/' | '\n') || !xml::is_text(c.encode_utf8(&mut [0; 4]));
    if let Some(bad) = name.chars().find(bad) {
        let detail = format!("name {name} cannot contain '{}'", bad.escape_default());
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::XML_ERROR, detail));
    }
    driver.paths.definition(name).map(drop).map_err(host_fault)
}

/// What is kept under the domain's name and does not move: saved memory, snapshots, checkpoints.
async fn refuse_belongings(driver: &Driver, name: &str) -> Result<(), Fault> {
    let saved = driver.paths.managed_save(name).map_err(host_fault)?;
    let snapshots = driver.paths.guest_snapshots(name);
    let checkpoints = driver.paths.guest_checkpoints(name);
    let found = blocking(move || {
        Ok([
            (
                saved.try_exists().map_err(host::Error::file("examine", &saved))?,
                "domain with a managed saved state can't be renamed",
            ),
            (history::exists(snapshots)?, "cannot rename domain with snapshots"),
            (history::exists(checkpoints)?, "cannot rename domain with checkpoints"),
        ])
    });
    let found = found.await.map_err(host_fault)?;
    let reason = found.into_iter().find_map(|(there, reason)| there.then_some(reason));
    reason.map_or(Ok(()), |reason| Err(invalid(ErrorDomain::QEMU, reason)))
}

/// The new document with its mark, the links, then the old ones away and the mark off.
async fn move_files(driver: &Driver, old: &str, renamed: &Definition) -> Result<(), Fault> {
    let text = renamed.format(&FormatOptions::STORED);
    // What an earlier domain of this name may have left must not start this one.
    unlink(driver, &renamed.name).await?;
    driver.definitions.save(&renamed.name, format!("{MARK}{text}")).await.map_err(host_fault)?;
    if let Err(error) = move_links(driver, old, &renamed.name).await {
        // The old document is untouched and stays the domain's.
        let removed = driver.definitions.remove(&renamed.name).await.map(drop).map_err(host_fault);
        for undone in [removed, unlink(driver, &renamed.name).await] {
            if let Err(left) = undone {
                tracing::error!(target: "qemu", "left behind by a renaming that failed: {left}");
            }
        }
        return Err(error);
    }
    // What fails from here on is finished by the next daemon.
    if let Err(error) = finish(driver, old, &renamed.name, text).await {
        tracing::warn!(target: "qemu", "files of domain '{old}', now '{}', are left behind: {error}", renamed.name);
    }
    Ok(())
}

async fn finish(driver: &Driver, old: &str, new: &str, text: String) -> Result<(), Fault> {
    unlink(driver, old).await?;
    driver.definitions.remove(old).await.map_err(host_fault)?;
    driver.definitions.save(new, text).await.map_err(host_fault)
}

/// Give the new name the links that the old one has: for every start of the host, and for the next one only.
async fn move_links(driver: &Driver, old: &str, new: &str) -> Result<(), Fault> {
    let target = driver.definitions.path(new);
    let pairs: Vec<_> = links(driver, old)?.into_iter().zip(links(driver, new)?).collect();
    let moved = blocking(move || {
        for (old, link) in pairs {
            // Of a renaming cut short, either may be there.
            if old.symlink_metadata().is_ok() || link.symlink_metadata().is_ok() {
                store::link(&target, &link)?;
            }
        }
        Ok(())
    });
    moved.await.map_err(host_fault)
}

async fn unlink(driver: &Driver, name: &str) -> Result<(), Fault> {
    let links = links(driver, name)?;
    let removed = blocking(move || links.iter().try_for_each(|link| store::remove(link).map(drop)));
    removed.await.map_err(host_fault)
}

fn links(driver: &Driver, name: &str) -> Result<[PathBuf; 2], Fault> {
    let paths = &driver.paths;
    Ok([
        paths.autostart_link(name).map_err(host_fault)?,
        paths.autostart_once_link(name).map_err(host_fault)?,
    ])
}

/// At the daemon's start: finish the renamings that were cut short. Of each, the document under the old name is
/// taken out of `found`.
pub async fn recover(driver: &Driver, found: &mut Vec<Found>) -> Result<(), Fault> {
    let marked: Vec<(String, String)> = found.iter_mut().filter_map(unmark).collect();
    for (new, text) in marked {
        let Some(uuid) = uuid_of(&text) else { continue };
        let other = |document: &Found| {
            document.name != new
                && document.text.as_ref().is_ok_and(|text| uuid_of(text).as_deref() == Some(&uuid))
        };
        let old = found.iter().position(other).map(|at| found.swap_remove(at).name);
        // The head that names the daemon is written anew.
        let body = text.find("<domain").and_then(|at| text.get(at..)).unwrap_or(&text).to_owned();
        match old {
            Some(old) => {
                move_links(driver, &old, &new).await?;
                finish(driver, &old, &new, body).await?;
            }
            None => driver.definitions.save(&new, body).await.map_err(host_fault)?,
        }
    }
    Ok(())
}

/// Name and text of a marked document, whose text loses the mark.
fn unmark(document: &mut Found) -> Option<(String, String)> {
    let text = document.text.as_mut().ok()?;
    let at = text.find(MARK)?;
    // Only in front of the domain it is ours.
    if text.find("<domain").is_none_or(|domain| domain < at) {
        return None;
    }
    text.replace_range(at..at + MARK.len(), "");
    Some((document.name.clone(), text.clone()))
}

/// The text of a stored document's `<uuid>`.
fn uuid_of(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("\n  <uuid>")?;
    rest.split_once("</uuid>").map(|(uuid, _)| uuid.to_owned())
}

fn name_taken(name: &str, clash: &Clash) -> Fault {
    tracing::debug!(target: "qemu", "no renaming: {clash}");
    let detail = format!("domain with name '{name}' already exists");
    invalid(ErrorDomain::DOMAIN, &detail)
}

fn invalid(domain: ErrorDomain, detail: &str) -> Fault {
    Fault::new(domain, ErrorCode::OPERATION_INVALID, detail)
}

fn host_fault(error: host::Error) -> Fault {
    ::driver::fault::host(ErrorDomain::QEMU)(error)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(name: &str, text: &str) -> Found {
        Found { name: name.to_owned(), path: name.into(), text: Ok(text.to_owned()) }
    }

    #[test]
    fn marks_are_seen_in_front_only() {
        let plain = "<!--\nhead\n-->\n\n<domain>\n  <uuid>1</uuid>\n</domain>\n";
        let mut marked = found("new", &plain.replace("<domain>", &format!("{MARK}<domain>")));
        assert_eq!(unmark(&mut marked), Some(("new".to_owned(), plain.to_owned())));
        assert_eq!(marked.text.unwrap(), plain);
        assert_eq!(unmark(&mut found("a", plain)), None);
        let inside = plain.replace("</domain>", &format!("{MARK}</domain>"));
        assert_eq!(unmark(&mut found("a", &inside)), None);
        assert_eq!(uuid_of(plain).as_deref(), Some("1"));
    }
}
