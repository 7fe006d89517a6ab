//! The procedures, one file per family of the protocol's tables. A method here checks flags, finds the domain
//! and either answers from a view of its state or calls what changes it.

pub mod agent;
pub mod block;
pub mod compute;
pub mod connect;
pub mod devices;
pub mod events;
mod interfaces;
pub mod jobs;
pub mod lifecycle;
pub mod list;
pub mod monitor;
pub mod snapshot;
pub mod stats;
