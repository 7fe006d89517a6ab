//! What a driver tells about its host and its emulators. Filled by the driver, written here.

mod domain;
mod host;

pub use domain::{
    CpuCaps, CpuModelCaps, DomainCapabilities, FeatureCaps, Section, SevCaps, SgxCaps, SgxSection, ValueList,
};
pub use host::{
    CacheBank, CacheControl, Capabilities, CapsCpu, CapsHost, Cell, CellCpu, Counter, Guest, GuestFeature,
    GuestVariant, Machine, Migration, PageCount, PowerManagement, SecModel, Signature,
};
