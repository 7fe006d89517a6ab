//! PCI topology: which buses a guest has and where each device sits.

pub mod assign;
pub mod bus;
mod chipset;
pub mod set;
