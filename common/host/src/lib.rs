//! The machine: durable files, commands, processes, cgroups, topology, descriptors.
//!
//! The only crate with unsafe code; each block says why it is sound. Everything here blocks for at most the
//! time of a system call unless it is `async`; directory and file work belongs on the blocking pool.

pub mod cgroup;
pub mod command;
pub mod cpu;
mod error;
pub mod fault;
pub mod fd;
mod kernel;
pub mod ksm;
pub mod label;
pub mod limits;
pub mod links;
pub mod machined;
pub mod memory;
pub mod net;
pub mod paths;
pub mod polkit;
pub mod private_dev;
pub mod proc;
pub mod process;
pub mod pty;
pub mod rotate;
pub mod store;
pub mod system;
pub mod terminal;
pub mod time;
pub mod token;
pub mod topology;
pub mod unix;
pub mod users;
pub mod wipe;

pub use error::{Error, Result};
