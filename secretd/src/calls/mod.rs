//! The procedures, one file per family of the protocol's tables.

pub mod connect;
pub mod secret;
