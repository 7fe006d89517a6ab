//! The parts of a session that do no input or output: they get bytes, packets and instants, and say what to do.
//!
//! All of them run in unit tests under seeds, and below the fuzz harness in [`crate::fuzz`].

pub(crate) mod admission;
pub(crate) mod framer;
pub(crate) mod keepalive;
pub(crate) mod linger;
pub(crate) mod outbound;
pub(crate) mod stream;
