//! Taints of running guests: found at the start, added when clients reach past libvirt, told once each.

use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::sync::Arc;

use model::domain::Domain as Definition;

use super::{log, status};
use crate::capabilities::QemuCaps;
use crate::domain::Domain;
use crate::domain::taint::{self, Finding, Taint, Taints};
use crate::driver::Driver;

/// What the definition brings with it; told in the daemon's log here, in the guest's by its start.
pub async fn of_start(driver: &Driver, definition: &Arc<Definition>, caps: Arc<QemuCaps>) -> Vec<Finding> {
    let privileged = driver.guests_are_root();
    let searched = Arc::clone(definition);
    let found = tokio::task::spawn_blocking(move || {
        taint::of_definition(&searched, &caps, privileged, is_host_cdrom)
    });
    let found = found.await.unwrap_or_default();
    for finding in &found {
        tell(definition.id.and_then(|id| i32::try_from(id).ok()).unwrap_or(-1), &definition.name, finding);
    }
    found
}

/// All of them, for the state of the guest.
pub fn collect(found: &[Finding]) -> Taints {
    let mut taints = Taints::default();
    for finding in found {
        taints.add(finding);
    }
    taints
}

/// A client has done something to the running guest that taints it. Told and recorded the first time only.
pub async fn add(driver: &Driver, domain: &Domain, taint: Taint) {
    let finding = Finding::from(taint);
    let tainted = {
        let mut state = domain.lock();
        let live = state.live_mut().filter(|live| !live.taints.kinds().contains(&taint));
        live.map(|live| {
            live.taints.add(&finding);
            (live.id, live.logs.clone())
        })
    };
    let Some((id, logs)) = tainted else { return };
    let owner = domain.log_owner();
    tell(id, &owner.name, &finding);
    log::note_taint(driver, owner, logs, id, &finding.text()).await;
    if let Err(error) = status::save(driver, domain).await {
        tracing::warn!(target: "qemu", "a guest's taint is not recorded: {error}");
    }
}

fn tell(id: i32, name: &str, finding: &Finding) {
    tracing::warn!(target: "qemu", "domain '{name}' (id {id}) is tainted: {}", finding.text());
}

/// Whether the path is an optical drive of the host: by its SCSI type, 5 (SPC-5, peripheral device types).
fn is_host_cdrom(path: &str) -> bool {
    let Ok(facts) = std::fs::metadata(path) else { return false };
    if !facts.file_type().is_block_device() {
        return false;
    }
    let number = facts.rdev();
    let (major, minor) = (rustix::fs::major(number), rustix::fs::minor(number));
    let kind = std::fs::read_to_string(format!("/sys/dev/block/{major}:{minor}/device/type"));
    kind.is_ok_and(|kind| kind.trim() == "5")
}
