//! XML: element tree, tokenizer, writer in libvirt's layout, and typed reading of attributes.

mod error;
mod parser;
mod read;
mod tree;
mod units;
mod writer;

pub use error::{ErrorKind, Scope, XmlError};
pub use parser::{Limits, is_text, parse};
pub use read::Number;
pub(crate) use read::parse_uuid;
pub use tree::{Attribute, Element, Node};
pub use units::{kib_from_element, scale, short_size};
pub use writer::Writer;
