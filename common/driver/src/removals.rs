//! Removals of files that reach the disk a moment after the call that asked for them.
//!
//! A file that is taken away is gone for everybody at once, also when the daemon is killed. Only a power cut within
//! [`DELAY`] can bring it back; nothing is lost by that, so nobody waits for the disk. (What is written is different:
//! there a call ends only when the disk has it.)

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use host::store;

use crate::documents::blocking;

/// How long removals are gathered, so that many in a row cost one wait for the disk.
pub const DELAY: Duration = Duration::from_millis(200);

/// Directories whose removals the disk does not have yet. Clones share them.
#[derive(Debug, Clone, Default)]
pub struct Removals(Arc<Inner>);

#[derive(Debug, Default)]
struct Inner {
    /// Not empty: a task will write them.
    dirs: Mutex<BTreeSet<PathBuf>>,
    /// Held while the disk is waited for.
    turn: tokio::sync::Mutex<()>,
}

impl Removals {
    /// Something was taken out of `dir` with [`store::unlink`]. Does not wait. To be called inside a tokio runtime.
    pub fn note(&self, dir: PathBuf) {
        let first = {
            let mut dirs = self.lock();
            let first = dirs.is_empty();
            dirs.insert(dir);
            first
        };
        if first {
            let removals = self.clone();
            tokio::spawn(async move {
                tokio::time::sleep(DELAY).await;
                removals.settle().await;
            });
        }
    }

    /// Waits until the disk has everything noted so far. A directory that cannot be written is named in the log.
    pub async fn settle(&self) {
        let _turn = self.0.turn.lock().await;
        let dirs = std::mem::take(&mut *self.lock());
        if dirs.is_empty() {
            return;
        }
        let written = blocking(move || {
            for dir in dirs {
                if let Err(error) = store::sync_dir(&dir) {
                    tracing::error!(
                        "a removal may come back after a power cut: {}",
                        crate::fault::chain(&error)
                    );
                }
            }
            Ok(())
        });
        if let Err(error) = written.await {
            tracing::error!("removals may come back after a power cut: {}", crate::fault::chain(&error));
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.dirs.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn all_that_is_noted_is_settled_once() {
        let dir = tempfile::tempdir().unwrap();
        let removals = Removals::default();
        for name in ["a", "b"] {
            std::fs::write(dir.path().join(name), "").unwrap();
            assert!(store::unlink(&dir.path().join(name)).unwrap());
            removals.note(dir.path().to_path_buf());
        }
        removals.note(dir.path().join("never was"));
        assert_eq!(removals.lock().len(), 2);
        removals.settle().await;
        assert!(removals.lock().is_empty());
    }

    #[tokio::test]
    async fn they_settle_by_themselves() {
        let dir = tempfile::tempdir().unwrap();
        let removals = Removals::default();
        removals.note(dir.path().to_path_buf());
        // The task takes its turn and then the directories.
        while !removals.lock().is_empty() {
            tokio::task::yield_now().await;
        }
        removals.note(dir.path().to_path_buf());
        assert_eq!(removals.lock().len(), 1);
        removals.settle().await;
    }
}
