//! What keeps a guest's QEMU apart from the host and from other guests: the user it runs as, the owners of its
//! files, the devices it sees, its control groups, its limits.
//!
//! Everything a guest gets here is named by its live definition, its id, and the journal of its labels, so that a
//! daemon that comes back finds it again or cleans it up.

pub mod affinity;
pub mod cgroup;
pub mod devices;
pub mod files;
pub mod labels;
pub mod limits;
pub mod machine;
pub mod seclabel;
mod settings;

pub use settings::{Confinement, DEFAULT_DEVICES, Identity};
