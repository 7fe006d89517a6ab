//! How far the reader of events has come, for those who must not overtake it.

use std::sync::atomic::{AtomicU64, Ordering};

use tokio::sync::watch;

/// Counts of one connection's events.
#[derive(Debug, Default)]
pub(super) struct Progress {
    /// Read from QEMU.
    read: AtomicU64,
    /// Dealt with by the reader; the highest number once there is none any more.
    handled: watch::Sender<u64>,
}

impl Progress {
    /// Another event was read.
    pub(super) fn read_one(&self) {
        self.read.fetch_add(1, Ordering::Release);
    }

    /// The reader has dealt with another one.
    pub(super) fn handled_one(&self) {
        self.handled.send_modify(|count| *count = count.saturating_add(1));
    }

    /// Nobody deals with events any more.
    pub(super) fn end(&self) {
        self.handled.send_replace(u64::MAX);
    }

    /// Wait until the reader has dealt with all that was read until now.
    pub(super) async fn caught_up(&self) {
        let read = self.read.load(Ordering::Acquire);
        // It ends with an error only when the sender is gone, which is ours.
        let _ = self.handled.subscribe().wait_for(|handled| *handled >= read).await;
    }
}
