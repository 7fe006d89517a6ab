//! libvirt's XML as typed configuration: parse, format, validate. No I/O.
//!
//! [`xml`] is the element tree, the tokenizer behind it and the writer in libvirt's layout. [`domain`] is the
//! guest definition, [`secret`] that of a secret. `schema` (feature `validate`) judges a document by RELAX NG schemas. [`capabilities`] holds what a driver tells about its host and its emulators.

#![forbid(unsafe_code)]

#[macro_use]
mod token;
pub mod bitmap;
pub mod capabilities;
pub mod cpu_map;
pub mod domain;
mod rare;
#[cfg(feature = "validate")]
pub mod schema;
pub mod secret;
pub mod xml;

pub use rare::{Part, Rare};
pub use token::Token;
