//! What clients do with a running guest by way of its monitor: keys, pictures of the screen, displays, thresholds;
//! and what its agent would do.

pub mod agent;
pub mod graphics;
pub mod keys;
pub mod screenshot;
pub mod threshold;
