//! The machine: durable files, commands, processes, cgroups, topology, descriptors.
//!
//! The only crate with unsafe code; each block says why it is sound. Everything here blocks for at most the
//! time of a system call unless it is `async`; directory and file work belongs on the blocking pool.

pub mod command;
mod error;
pub mod fault;
pub mod fd;
pub mod paths;
pub mod process;
pub mod store;
pub mod users;

pub use error::{Error, Result};
