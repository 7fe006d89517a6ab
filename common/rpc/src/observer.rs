//! Somebody who wants to know how calls go: figures for operators.

use std::fmt::Debug;
use std::time::Duration;

use protocol::Meta;

/// Hears of each call of a server. It is asked on the way of every answer: it must be quick, and may not block.
pub trait Observer: Debug + Send + Sync + 'static {
    /// A call has been answered, `took` after it was read; `failed`: with an error.
    fn answered(&self, meta: &'static Meta, took: Duration, failed: bool);

    /// A message was refused before it became a call: unknown, unauthenticated, or not for readers.
    fn refused(&self);
}
