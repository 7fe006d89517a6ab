//! What the driver remembers of one client's session.

use std::sync::atomic::{AtomicBool, Ordering};

/// The state of a session beside its subscriptions, which the event hub keeps.
#[derive(Debug, Default)]
pub struct Connection {
    open: AtomicBool,
    close_callback: AtomicBool,
}

impl Connection {
    /// Whether CONNECT_OPEN has succeeded.
    pub fn is_open(&self) -> bool {
        self.open.load(Ordering::Acquire)
    }

    /// Mark it open; false when it was open already.
    pub fn open(&self) -> bool {
        !self.open.swap(true, Ordering::AcqRel)
    }

    /// Mark it closed by the client.
    pub fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Register or unregister for the close event; false when it is so already.
    pub fn set_close_callback(&self, wanted: bool) -> bool {
        self.close_callback.swap(wanted, Ordering::AcqRel) != wanted
    }
}
