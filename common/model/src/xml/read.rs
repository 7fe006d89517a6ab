//! Typed reading of attributes and text, with libvirt's errors.

use uuid::Uuid;

use super::{Element, Scope, XmlError};
use crate::Token;

/// An integer that an attribute can hold.
pub trait Number: Copy + PartialEq + Default {
    /// How libvirt names what it expected.
    const EXPECTED: &'static str;

    /// Reads `text` in base 10, or with `any_base` also `0x` and leading-zero octal.
    fn read(text: &str, any_base: bool) -> Option<Self>;
}

macro_rules! impl_number {
    ($expected:literal: $($type:ty),+) => {$(
        impl Number for $type {
            const EXPECTED: &'static str = $expected;

            fn read(text: &str, any_base: bool) -> Option<Self> {
                Self::try_from(read_integer(text, any_base)?).ok()
            }
        }
    )+};
}
impl_number!("non-negative integer value": u8, u16, u32, u64);
impl_number!("integer value": i32, i64);

impl Element {
    /// Attribute `name`, which must be there.
    pub fn require(&self, name: &str) -> Result<&str, XmlError> {
        self.attr(name).ok_or_else(|| XmlError::missing_attr(self.local_name(), name))
    }

    /// Attribute `name` as owned text.
    pub fn attr_string(&self, name: &str) -> Option<String> {
        self.attr(name).map(str::to_owned)
    }

    /// Attribute `name` as a decimal number.
    pub fn attr_num<T: Number>(&self, name: &str) -> Result<Option<T>, XmlError> {
        self.number(name, false)
    }

    /// Attribute `name` as a number in base 10, 16 (`0x`) or 8 (`0`).
    pub fn attr_num_any_base<T: Number>(&self, name: &str) -> Result<Option<T>, XmlError> {
        self.number(name, true)
    }

    /// Attribute `name` as a decimal number that must not be zero.
    pub fn attr_positive<T: Number>(&self, name: &str) -> Result<Option<T>, XmlError> {
        let value = self.attr_num::<T>(name)?;
        if value.is_some_and(|v| v == T::default()) {
            return Err(XmlError::zero_attr(self.local_name(), name));
        }
        Ok(value)
    }

    /// Attribute `name` as a decimal number, which must be there.
    pub fn require_num<T: Number>(&self, name: &str) -> Result<T, XmlError> {
        self.attr_num(name)?.ok_or_else(|| XmlError::missing_attr(self.local_name(), name))
    }

    /// Attribute `name` as a decimal number that must be there and not be zero.
    pub fn require_positive<T: Number>(&self, name: &str) -> Result<T, XmlError> {
        self.attr_positive(name)?.ok_or_else(|| XmlError::missing_attr(self.local_name(), name))
    }

    /// Attribute `name` as a word of `T`'s list.
    pub fn attr_token<T: Token>(&self, name: &str) -> Result<Option<T>, XmlError> {
        let Some(word) = self.attr(name) else { return Ok(None) };
        match T::from_word(word) {
            Some(t) => Ok(Some(t)),
            None => Err(XmlError::bad_attr(self.local_name(), name, word)),
        }
    }

    /// Attribute `name` as a word of `T`'s list; an empty one is none. Another word is not supported, as the error says
    /// of `what` it is ("unknown smbios mode").
    pub fn attr_supported<T: Token>(&self, name: &str, what: &str) -> Result<Option<T>, XmlError> {
        let Some(word) = self.attr(name).filter(|word| !word.is_empty()) else { return Ok(None) };
        T::from_word(word).map(Some).ok_or_else(|| XmlError::unsupported(format!("{what} '{word}'")))
    }

    /// Attribute `name` as a word of `T`'s list, which must be there.
    pub fn require_token<T: Token>(&self, name: &str) -> Result<T, XmlError> {
        self.attr_token(name)?.ok_or_else(|| XmlError::missing_attr(self.local_name(), name))
    }

    /// Attribute `name` as `yes` or `no`.
    pub fn attr_yes_no(&self, name: &str) -> Result<Option<bool>, XmlError> {
        self.two_words(name, "yes", "no")
    }

    /// Attribute `name` as `on` or `off`.
    pub fn attr_on_off(&self, name: &str) -> Result<Option<bool>, XmlError> {
        self.two_words(name, "on", "off")
    }

    /// The text of the child at `path` as a decimal number. The error names `path` as XPath.
    pub fn child_num<T: Number>(&self, path: &str) -> Result<Option<T>, XmlError> {
        let Some(text) = self.child_text(path) else { return Ok(None) };
        T::read(&text, false).map(Some).ok_or_else(|| {
            let message = format!("Invalid value '{text}' for element or attribute './{path}'");
            XmlError::xml(message).scoped(Scope::Domain)
        })
    }

    fn number<T: Number>(&self, name: &str, any_base: bool) -> Result<Option<T>, XmlError> {
        let Some(text) = self.attr(name) else { return Ok(None) };
        match T::read(text, any_base) {
            Some(n) => Ok(Some(n)),
            None => Err(XmlError::bad_number(self.local_name(), name, text, T::EXPECTED)),
        }
    }

    fn two_words(&self, name: &str, yes: &str, no: &str) -> Result<Option<bool>, XmlError> {
        match self.attr(name) {
            None => Ok(None),
            Some(v) if v == yes => Ok(Some(true)),
            Some(v) if v == no => Ok(Some(false)),
            Some(v) => Err(XmlError::bad_attr(self.local_name(), name, v)),
        }
    }
}

/// A UUID as libvirt takes it: hyphens and outer blanks anywhere, 32 digits in all.
pub(crate) fn parse_uuid(text: &str, element: &str) -> Result<Uuid, XmlError> {
    let digits: String = text.trim().chars().filter(|c| *c != '-').collect();
    Uuid::try_parse(&digits).map_err(|_| XmlError::internal(format!("malformed {element} element")))
}

/// An integer as C's `strtol` reads it, but nothing may follow it.
fn read_integer(text: &str, any_base: bool) -> Option<i128> {
    let text = text.trim_start_matches([' ', '\t', '\n', '\r']);
    let (negative, digits) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    let (radix, digits) = match digits.as_bytes() {
        [b'0', b'x' | b'X', _, ..] if any_base => (16, &digits[2..]),
        [b'0', _, ..] if any_base => (8, &digits[1..]),
        _ => (10, digits),
    };
    // from_str_radix takes a sign of its own; a second one is an error here.
    if !digits.starts_with(|c: char| c.is_ascii_alphanumeric()) {
        return None;
    }
    let value = i128::from_str_radix(digits, radix).ok()?;
    Some(if negative { -value } else { value })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_as_strtol() {
        assert_eq!(read_integer("  +12", false), Some(12));
        assert_eq!(read_integer("0x1f", true), Some(31));
        assert_eq!(read_integer("010", true), Some(8));
        assert_eq!(read_integer("010", false), Some(10));
        assert_eq!(read_integer("-0", false), Some(0));
        for bad in ["", "-", "+-1", "1 ", "0x", "0x1f"] {
            assert_eq!(read_integer(bad, false), None, "{bad:?}");
        }
        assert_eq!(u8::read("256", false), None);
        assert_eq!(u32::read("-1", false), None);
    }

    #[test]
    fn faults_name_element_and_attribute() {
        let mut e = Element::new("vcpu");
        e.set_attr("current", "x");
        let fault = e.attr_num::<u32>("current").unwrap_err();
        assert_eq!(
            fault.message,
            "Invalid value for attribute 'current' in element 'vcpu': 'x'. Expected non-negative integer value"
        );
        assert_eq!(
            e.require("placement").unwrap_err().message,
            "Missing required attribute 'placement' in element 'vcpu'"
        );
        e.set_attr("current", "0");
        assert_eq!(
            e.attr_positive::<u32>("current").unwrap_err().message,
            "Invalid value for attribute 'current' in element 'vcpu': Zero is not permitted"
        );
    }
}
