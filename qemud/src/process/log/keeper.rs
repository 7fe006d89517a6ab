//! Keeps logs within bounds that the daemon itself looks after: guests append to the files directly, the kernel tells
//! of it (inotify), and a file that has become too large is emptied into older ones. Decision 8.

use std::collections::HashMap;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host::fd::Interest;
use host::rotate::{self, Limits};
use rustix::fs::inotify::{self, CreateFlags, Reader, WatchFlags};
use tokio::io::unix::AsyncFd;

/// Looks after files; its task ends with the last handle.
#[derive(Debug)]
pub(super) struct Keeper {
    shared: Arc<Shared>,
    task: tokio::task::JoinHandle<()>,
}

#[derive(Debug)]
struct Shared {
    changes: AsyncFd<OwnedFd>,
    watched: Mutex<HashMap<i32, Watched>>,
    limits: Limits,
}

#[derive(Debug, Clone)]
struct Watched {
    path: PathBuf,
    /// Said once per file, not once per line that a guest writes.
    complained: bool,
}

impl Keeper {
    /// Starts to look after files; there are none yet.
    pub(super) fn start(limits: Limits) -> std::io::Result<Self> {
        let changes = inotify::init(CreateFlags::NONBLOCK | CreateFlags::CLOEXEC)?;
        let changes = host::fd::watch(changes, Interest::READABLE)?;
        let shared = Arc::new(Shared { changes, watched: Mutex::default(), limits });
        let task = tokio::spawn(keep(Arc::clone(&shared)));
        Ok(Self { shared, task })
    }

    /// Looks after one more file, which exists.
    pub(super) fn add(&self, path: &Path) -> std::io::Result<()> {
        let watch = inotify::add_watch(self.shared.changes.get_ref(), path, WatchFlags::MODIFY)?;
        self.shared.watched().insert(watch, Watched { path: path.to_owned(), complained: false });
        Ok(())
    }

    /// Looks after a file no longer.
    pub(super) fn remove(&self, path: &Path) {
        let mut watched = self.shared.watched();
        let found = watched.iter().find(|(_, one)| one.path == path).map(|(watch, _)| *watch);
        if let Some(watch) = found {
            watched.remove(&watch);
            // The kernel forgets it by itself when the file is gone already.
            let _ = inotify::remove_watch(self.shared.changes.get_ref(), watch);
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Shared {
    fn watched(&self) -> MutexGuard<'_, HashMap<i32, Watched>> {
        // Nothing panics while it is held.
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

async fn keep(shared: Arc<Shared>) {
    loop {
        let Ok(mut ready) = shared.changes.readable().await else { return };
        let changed = take(&shared);
        ready.clear_ready();
        drop(ready);
        if changed.is_empty() {
            continue;
        }
        let limits = shared.limits;
        let looked = tokio::task::spawn_blocking(move || {
            let look = |(watch, path): (i32, PathBuf)| Some((watch, rotate::if_full(&path, limits).err()?));
            changed.into_iter().filter_map(look).collect::<Vec<_>>()
        });
        for (watch, error) in looked.await.unwrap_or_default() {
            complain(&shared, watch, &error);
        }
    }
}

fn complain(shared: &Shared, watch: i32, error: &host::Error) {
    let first =
        shared.watched().get_mut(&watch).is_some_and(|one| !std::mem::replace(&mut one.complained, true));
    if first {
        tracing::warn!(target: "qemu", "a guest's log grows without bounds: {}", error.full_text());
    }
}

/// The files that the queued notices name, each once; what is not read now makes the descriptor ready again.
fn take(shared: &Shared) -> Vec<(i32, PathBuf)> {
    let mut room = [MaybeUninit::uninit(); 4096];
    let mut notices = Reader::new(shared.changes.get_ref(), &mut room);
    let mut found = HashMap::new();
    while let Ok(notice) = notices.next() {
        if let Some(one) = shared.watched().get(&notice.wd()) {
            found.insert(notice.wd(), one.path.clone());
        }
    }
    found.into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[tokio::test]
    async fn a_file_that_grows_is_emptied() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("g.log");
        let mut file = std::fs::OpenOptions::new().append(true).create(true).open(&path).unwrap();
        let keeper = Keeper::start(Limits { max_size: 100, max_backups: 1 }).unwrap();
        keeper.add(&path).unwrap();
        let older = dir.path().join("g.log.0");
        let made = inotify::init(CreateFlags::NONBLOCK).unwrap();
        inotify::add_watch(&made, dir.path(), WatchFlags::CLOSE_WRITE).unwrap();
        let made = host::fd::watch(made, Interest::READABLE).unwrap();
        file.write_all(&[b'x'; 120]).unwrap();
        made.readable().await.unwrap().retain_ready();
        assert!(older.exists());
        keeper.remove(&path);
        assert!(keeper.shared.watched().is_empty());
    }
}
