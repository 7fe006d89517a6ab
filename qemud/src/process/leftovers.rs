//! What a guest has on the host beside its process, and its removal once the process is gone. All of it is found by
//! the live definition and the id, so that a daemon that comes back can do it as well.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use ::driver::documents::blocking;
use host::store;
use model::domain::Domain as Definition;

use crate::confine::labels::Labels;
use crate::confine::{cgroup, files, machine, seclabel};
use crate::driver::Driver;
use crate::network;

/// Remove all of it: ports, network devices, owners of files, control groups, directories. What is not there is no error; what cannot
/// be removed is told in the log, and the rest goes on.
pub async fn remove(driver: &Arc<Driver>, definition: &Definition, id: i32, known: Known<'_>) {
    driver.ports.release(definition);
    let name = &definition.name;
    let (owners, groups, directories, ()) = tokio::join!(
        take_back_files(driver, definition, known.labelled),
        leave_groups(driver, definition, id),
        remove_files(driver, name, id, known.directories),
        network::disconnect(definition),
    );
    for (what, result) in [("owners of files", owners), ("control groups", groups), ("files", directories)] {
        if let Err(error) = result {
            let error = error.full_text();
            tracing::warn!(target: "qemu", "domain '{name}' leaves {what} behind: {error}");
        }
    }
}

/// The guest's scope ends before what is in it is removed.
async fn leave_groups(driver: &Driver, definition: &Definition, id: i32) -> host::Result<()> {
    let told = machine::terminate(driver, definition, id).await;
    cgroup::remove(driver, definition, id).await.and(told)
}

/// What is known of a guest's start.
#[derive(Debug, Clone, Copy, Default)]
pub struct Known<'a> {
    /// Files may have been given to the guest even if no journal says so, since another daemon started it.
    pub labelled: bool,
    /// Directories that were made, perhaps by other settings than those of now.
    pub directories: &'a [String],
}

/// The journal of the labels of the guest with this name.
pub fn labels(driver: &Driver, name: &str) -> host::Result<Labels> {
    Ok(Labels::new(driver.paths.guest_labels(name)?, driver.config.confinement.remember_owner))
}

async fn take_back_files(driver: &Driver, definition: &Definition, labelled: bool) -> host::Result<()> {
    let identity = seclabel::identity(definition, &driver.config.confinement).ok().flatten();
    let Some(identity) = identity else { return Ok(()) };
    let otherwise = if labelled { files::of(definition, &identity).unwrap_or_default() } else { Vec::new() };
    labels(driver, &definition.name)?.take_back(otherwise).await
}

async fn remove_files(driver: &Driver, name: &str, id: i32, made: &[String]) -> host::Result<()> {
    let paths = &driver.paths;
    // A name that is no file name was never started.
    let directories: Vec<PathBuf> =
        [paths.guest_dir(id, name), paths.guest_channel_dir(id, name)].into_iter().flatten().collect();
    let directories: Vec<PathBuf> = directories
        .into_iter()
        .chain(memory_dirs(driver, name, id).await)
        .chain(made.iter().map(PathBuf::from))
        .collect();
    let files: Vec<PathBuf> = paths.guest_pid_file(name).into_iter().collect();
    blocking(move || {
        let directories = directories.iter().map(|path| remove_tree(path));
        let files = files.iter().map(|path| store::remove(path).map(|_| ()));
        let results: Vec<_> = directories.chain(files).collect();
        results.into_iter().collect()
    })
    .await
}

/// Where the guest's memory may lie in files.
async fn memory_dirs(driver: &Driver, name: &str, id: i32) -> Vec<PathBuf> {
    let Ok(facts) = driver.facts().await else { return Vec::new() };
    let own = host::paths::short_name(id, name);
    let huge = facts.hugepages.iter().map(|mount| Path::new(&mount.path).join("libvirt/qemu").join(&own));
    [Path::new(&facts.conf.memory_backing_dir).join(&own)].into_iter().chain(huge).collect()
}

fn remove_tree(path: &Path) -> host::Result<()> {
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(host::Error::file("remove", path)(error))
        }
        _ => Ok(()),
    }
}
