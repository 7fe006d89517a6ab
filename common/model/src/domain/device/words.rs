//! Reading words where the reference also takes `default`, which it never writes.

use crate::Token;
use crate::xml::{Element, XmlError};

/// Attribute `name` as a word of `T`'s list; `default` is as good as none.
pub(super) fn token_or_default<T: Token>(element: &Element, name: &str) -> Result<Option<T>, XmlError> {
    match element.attr(name) {
        Some("default") => Ok(None),
        _ => element.attr_token(name),
    }
}

/// As [`supported_token`], of an attribute that must be there.
pub(super) fn require_supported<T: Token>(element: &Element, name: &str, what: &str) -> Result<T, XmlError> {
    supported_token(element, name, what)?.ok_or_else(|| XmlError::missing_attr(element.local_name(), name))
}

/// Attribute `name` as a word of `T`'s list, where the reference calls another word unsupported: "unknown
/// `what` 'word'".
pub(super) fn supported_token<T: Token>(
    element: &Element,
    name: &str,
    what: &str,
) -> Result<Option<T>, XmlError> {
    let Some(word) = element.attr(name) else { return Ok(None) };
    let unknown = || XmlError::unsupported(format!("unknown {what} '{word}'"));
    T::from_word(word).map(Some).ok_or_else(unknown)
}
