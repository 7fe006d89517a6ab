//! Removing groups: the kernel refuses as long as a process is in them.

use std::fs;
use std::io::ErrorKind;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::time::Duration;

use tokio::io::Interest;

use super::{Group, Place};
use crate::process::PidFd;
use crate::{Error, Result, fd, kernel, proc};

impl Group {
    /// Removes the group and all below it. Processes still in it are waited for, at most `limit`; none is
    /// killed. A group that does not exist is removed already. Needs a tokio runtime.
    pub async fn remove(&self, limit: Duration) -> Result<()> {
        let late = |_| Error::Deadline { what: "removing the control group".to_owned(), limit };
        tokio::time::timeout(limit, self.remove_when_empty()).await.map_err(late)?
    }

    /// Sends SIGKILL to every process of the group; answers how many there were.
    pub fn kill(&self) -> Result<usize> {
        let mut killed = 0;
        for pid in self.processes()? {
            match PidFd::open(pid) {
                Ok(process) => killed += usize::from(process.signal(libc::SIGKILL)?),
                Err(error) if error.errno() == Some(libc::ESRCH) => {}
                Err(error) => return Err(error),
            }
        }
        Ok(killed)
    }

    async fn remove_when_empty(&self) -> Result<()> {
        for place in &self.places {
            let mut unexplained = 0;
            while let Some(busy) = remove_now(place.outermost().to_owned()).await? {
                // What was in use may have ended between the attempt and the look.
                match wait_until_free(place).await? {
                    true => unexplained = 0,
                    false if unexplained < 2 => unexplained += 1,
                    false => return Err(busy),
                }
            }
        }
        Ok(())
    }
}

/// On the blocking pool, since the kernel's own clean-up may take a moment. The error if something is in use.
async fn remove_now(dir: PathBuf) -> Result<Option<Error>> {
    let removed = tokio::task::spawn_blocking(move || match remove_tree(&dir) {
        Err(error) if error.errno() == Some(libc::EBUSY) => Ok(Some(error)),
        other => other.map(|()| None),
    });
    removed.await.map_err(|error| Error::system("remove a control group")(std::io::Error::other(error)))?
}

/// Waits for the end of what keeps a group from being removed; false if nothing is to be seen.
async fn wait_until_free(place: &Place) -> Result<bool> {
    if place.hierarchy.unified {
        return wait_for_event(place.outermost()).await.map(|()| true);
    }
    // Version 1 has no event for "empty", and does not list processes that are just exiting.
    let mut pids = Vec::new();
    members(place.outermost(), &mut pids)?;
    if pids.is_empty() {
        pids = exiting(place);
    }
    for pid in &pids {
        match PidFd::open(*pid) {
            Ok(process) => process.wait().await.map(|_| ())?,
            Err(error) if error.errno() == Some(libc::ESRCH) => {}
            Err(error) => return Err(error),
        }
    }
    Ok(!pids.is_empty())
}

/// Processes that say themselves that they are in a group or below it.
fn exiting(place: &Place) -> Vec<i32> {
    let group = place.hierarchy.path_in(place.outermost());
    let mut found = proc::processes().unwrap_or_default();
    found.retain(|pid| {
        // A process may vanish while it is looked at.
        let text = kernel::text(&Path::new("/proc").join(pid.to_string()).join("cgroup")).unwrap_or_default();
        place.hierarchy.path_of(&text).is_some_and(|path| path.starts_with(&group))
    });
    found
}

/// Waits until version 2 says that nothing is in the group and below (`populated 0` of cgroup.events).
pub(super) async fn wait_for_event(dir: &Path) -> Result<()> {
    let path = dir.join("cgroup.events");
    let file = fs::File::open(&path).map_err(Error::file("open", &path))?;
    // Registered before the first look: a change in between is seen.
    let events = fd::watch(OwnedFd::from(file), Interest::PRIORITY).map_err(Error::file("watch", &path))?;
    loop {
        if !kernel::text(&path)?.lines().any(|line| line == "populated 1") {
            return Ok(());
        }
        events.ready(Interest::PRIORITY).await.map_err(Error::file("watch", &path))?.clear_ready();
    }
}

/// Removes a tree of groups from below. Files are the kernel's and go with their directory.
fn remove_tree(dir: &Path) -> Result<()> {
    for child in children(dir)? {
        remove_tree(&child)?;
    }
    match fs::remove_dir(dir) {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        other => other.map_err(Error::file("remove the control group", dir)),
    }
}

/// Adds the processes of a group and of all below it.
pub(super) fn members(dir: &Path, all: &mut Vec<i32>) -> Result<()> {
    let path = dir.join("cgroup.procs");
    match kernel::text_if_any(&path) {
        Ok(text) => {
            for line in text.unwrap_or_default().lines() {
                all.push(kernel::parse(&path, line)?);
            }
        }
        // A subgroup for threads: its processes are told by the group above.
        Err(error) if error.errno() == Some(libc::EOPNOTSUPP) => {}
        Err(error) => return Err(error),
    }
    children(dir)?.iter().try_for_each(|child| members(child, all))
}

fn children(dir: &Path) -> Result<Vec<PathBuf>> {
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(Error::file("read directory", dir)(error)),
    };
    let mut found = Vec::new();
    for entry in entries {
        let entry = entry.map_err(Error::file("read directory", dir))?;
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.push(entry.path());
        }
    }
    Ok(found)
}
