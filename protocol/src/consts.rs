//! Numbers and names of the public interface.
//!
//! A set of flags is a type: `virDomainXMLFlags` is [`DomainXmlFlags`], and `VIR_DOMAIN_XML_SECURE` is
//! `DomainXmlFlags::SECURE`. Every other enumeration is a module named after it: `virDomainState` is
//! [`domain_state`]. What travels in an unsigned field is `u32`, all else `i32`. Names of typed parameters are
//! in [`params`].

/// Define sets of flags: the type's name, what libvirt's names of its flags begin with, and the flags.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident, $prefix:literal { $(const $flag:ident = $bits:literal;)+ }) => {
        bitflags::bitflags! {
            $(#[$doc])*
            #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
            pub struct $name: u32 {
                $(const $flag = $bits;)+
            }
        }

        impl $crate::consts::FlagSet for $name {
            const PREFIX: &'static str = $prefix;
        }
    };
}

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

/// A set of flags of the public interface, which knows libvirt's names.
pub trait FlagSet: bitflags::Flags<Bits = u32> + Copy {
    /// What libvirt's names of these flags begin with, such as `VIR_DOMAIN_XML_`.
    const PREFIX: &'static str;

    /// Libvirt's names of the flags in the set, such as `VIR_DOMAIN_XML_SECURE`, joined by `|`.
    fn libvirt_names(&self) -> String {
        let names: Vec<String> =
            self.iter_names().map(|(name, _)| format!("{}{name}", Self::PREFIX)).collect();
        names.join("|")
    }
}

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
