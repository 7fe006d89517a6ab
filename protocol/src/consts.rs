//! Numbers and names of the public interface.
//!
//! One module per enumeration, named after it: `virDomainXMLFlags` is [`domain_xml_flags`], and
//! `VIR_DOMAIN_XML_SECURE` is `domain_xml_flags::SECURE`. What travels in an unsigned field is `u32`, all
//! else `i32`. Names of typed parameters are in [`params`].

mod domain;
mod domain_block;
mod events;
mod host;
mod network;
pub mod params;
mod states;
pub mod stats;
mod storage;

pub use domain::*;
pub use domain_block::*;
pub use events::*;
pub use host::*;
pub use network::*;
pub use states::*;
pub use storage::*;

/// Sizes that the public headers name.
pub mod limits {
    /// Most keys pressed together.
    pub const DOMAIN_SEND_KEY_MAX_KEYS: usize = 16;
    /// Bytes of a CPU statistic's name, with NUL.
    pub const NODE_CPU_STATS_FIELD_LENGTH: usize = 80;
    /// Bytes of a memory statistic's name, with NUL.
    pub const NODE_MEMORY_STATS_FIELD_LENGTH: usize = 80;
    /// Bytes of a domain of interpretation, with NUL.
    pub const SECURITY_DOI_BUFLEN: usize = 257;
    /// Bytes of a security label, with NUL.
    pub const SECURITY_LABEL_BUFLEN: usize = 4097;
    /// Bytes of a security model's name, with NUL.
    pub const SECURITY_MODEL_BUFLEN: usize = 257;
    /// Bytes of a typed parameter's name, with NUL.
    pub const TYPED_PARAM_FIELD_LENGTH: usize = 80;
    /// Bytes of a UUID.
    pub const UUID_BUFLEN: usize = 16;
    /// Bytes of a UUID as text, with NUL.
    pub const UUID_STRING_BUFLEN: usize = 37;
}
