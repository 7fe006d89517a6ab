//! The main program: all procedures of the drivers, in families by subject.
//!
//! Each family has a module with its table, its trait, its `dispatch` and its types. Types and traits of all
//! families can also be named from here, and rows from [`rows`]. Objects are named by [`handles`].

use crate::procedure::{Index, index};
use crate::{Meta, client};

pub mod auth;
pub mod connect;
pub mod domain_agent;
pub mod domain_block;
pub mod domain_checkpoint;
pub mod domain_compute;
pub mod domain_devices;
pub mod domain_events;
pub mod domain_lifecycle;
pub mod domain_migration;
pub mod domain_snapshot;
pub mod domain_stats;
pub mod handles;
pub mod interface;
pub mod network;
pub mod node_device;
pub mod nwfilter;
pub mod secret;
pub mod storage_pool;
pub mod storage_vol;

pub use crate::shared::{NonnullDomain, NonnullNetwork, TypedParam, TypedParamValue};
pub use auth::{Auth, types::*};
pub use connect::{Connect, types::*};
pub use domain_agent::{DomainAgent, types::*};
pub use domain_block::{DomainBlock, types::*};
pub use domain_checkpoint::{DomainCheckpoint, types::*};
pub use domain_compute::{DomainCompute, types::*};
pub use domain_devices::{DomainDevices, types::*};
pub use domain_events::{DomainEvents, types::*};
pub use domain_lifecycle::{DomainLifecycle, types::*};
pub use domain_migration::{DomainMigration, types::*};
pub use domain_snapshot::{DomainSnapshot, types::*};
pub use domain_stats::{DomainStats, types::*};
pub use handles::*;
pub use interface::{Interface, types::*};
pub use network::{Network, types::*};
pub use node_device::{NodeDevice, types::*};
pub use nwfilter::{Nwfilter, types::*};
pub use secret::{Secret, types::*};
pub use storage_pool::{StoragePool, types::*};
pub use storage_vol::{StorageVol, types::*};

/// Number of the program.
pub const PROGRAM: u32 = 0x2000_8086;
/// Version of the program.
pub const VERSION: u32 = 1;

/// Marks the program in the type of its client.
#[derive(Debug)]
pub enum Program {}

/// Calls the procedures of the program.
pub type Client<T> = client::Client<Program, T>;

static TABLE: Index<457> = index(&[
    auth::ROWS,
    auth::EVENTS,
    connect::ROWS,
    connect::EVENTS,
    domain_agent::ROWS,
    domain_agent::EVENTS,
    domain_block::ROWS,
    domain_block::EVENTS,
    domain_checkpoint::ROWS,
    domain_checkpoint::EVENTS,
    domain_compute::ROWS,
    domain_compute::EVENTS,
    domain_devices::ROWS,
    domain_devices::EVENTS,
    domain_events::ROWS,
    domain_events::EVENTS,
    domain_lifecycle::ROWS,
    domain_lifecycle::EVENTS,
    domain_migration::ROWS,
    domain_migration::EVENTS,
    domain_snapshot::ROWS,
    domain_snapshot::EVENTS,
    domain_stats::ROWS,
    domain_stats::EVENTS,
    interface::ROWS,
    interface::EVENTS,
    network::ROWS,
    network::EVENTS,
    node_device::ROWS,
    node_device::EVENTS,
    nwfilter::ROWS,
    nwfilter::EVENTS,
    secret::ROWS,
    secret::EVENTS,
    storage_pool::ROWS,
    storage_pool::EVENTS,
    storage_vol::ROWS,
    storage_vol::EVENTS,
]);

/// The row of a procedure or event.
pub fn meta(number: i32) -> Option<&'static Meta> {
    TABLE.get(number)
}

/// The rows of all families, by name.
pub mod rows {
    pub use super::auth::rows::*;
    pub use super::connect::rows::*;
    pub use super::domain_agent::rows::*;
    pub use super::domain_block::rows::*;
    pub use super::domain_checkpoint::rows::*;
    pub use super::domain_compute::rows::*;
    pub use super::domain_devices::rows::*;
    pub use super::domain_events::rows::*;
    pub use super::domain_lifecycle::rows::*;
    pub use super::domain_migration::rows::*;
    pub use super::domain_snapshot::rows::*;
    pub use super::domain_stats::rows::*;
    pub use super::interface::rows::*;
    pub use super::network::rows::*;
    pub use super::node_device::rows::*;
    pub use super::nwfilter::rows::*;
    pub use super::secret::rows::*;
    pub use super::storage_pool::rows::*;
    pub use super::storage_vol::rows::*;
}
