//! Counted values with a limit: lists, byte strings, text.

use std::borrow::Cow;
use std::ops::{Deref, DerefMut};

use super::{Char, DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// Bytes a string may have (the same for all programs but the lock manager's).
pub const STRING_MAX: usize = 4_194_304;

/// At most `MAX` values.
#[derive(Clone, Debug, PartialEq)]
pub struct List<T, const MAX: usize>(Vec<T>);

/// At most `MAX` bytes without meaning to the codec.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Opaque<const MAX: usize>(Vec<u8>);

/// Text of at most `MAX` bytes, where that is not [`STRING_MAX`].
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Text<const MAX: usize>(String);

impl<T: Xdr, const MAX: usize> Xdr for List<T, MAX> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.length(self.0.len(), MAX)?;
        self.0.iter().try_for_each(|value| value.encode(out))
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = input.length(MAX, T::MIN_LEN)?;
        let mut values = Vec::with_capacity(len);
        for _ in 0..len {
            values.push(T::decode(input)?);
        }
        Ok(Self(values))
    }
}

impl<const MAX: usize> Xdr for Opaque<MAX> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.length(self.0.len(), MAX)?;
        out.padded(&self.0);
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let len = input.length(MAX, 1)?;
        Ok(Self(input.padded(len)?.to_vec()))
    }
}

impl Xdr for String {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        encode_text(self, STRING_MAX, out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.text(STRING_MAX).map(Cow::into_owned)
    }
}

impl<const MAX: usize> Xdr for Text<MAX> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        encode_text(&self.0, MAX, out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self(input.text(MAX)?.into_owned()))
    }
}

pub(super) fn encode_text(text: &str, max: usize, out: &mut Encoder) -> Result<(), EncodeError> {
    if text.as_bytes().contains(&0) {
        return Err(EncodeError::Nul);
    }
    out.length(text.len(), max)?;
    out.padded(text.as_bytes());
    Ok(())
}

impl<T, const MAX: usize> List<T, MAX> {
    /// Most values the list may have on the wire.
    pub const MAX: usize = MAX;

    /// The values alone.
    pub fn into_vec(self) -> Vec<T> {
        self.0
    }
}

impl<const MAX: usize> List<Char, MAX> {
    /// Bytes in the form that SASL data and security labels have: one word each.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.iter().map(|&b| Char(b.cast_signed())).collect())
    }

    /// The bytes, one from each word.
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().map(|c| c.0.cast_unsigned()).collect()
    }
}

impl<T, const MAX: usize> Default for List<T, MAX> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T, const MAX: usize> From<Vec<T>> for List<T, MAX> {
    fn from(values: Vec<T>) -> Self {
        Self(values)
    }
}

impl<T, const MAX: usize> FromIterator<T> for List<T, MAX> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        Self(values.into_iter().collect())
    }
}

impl<T, const MAX: usize> IntoIterator for List<T, MAX> {
    type Item = T;
    type IntoIter = std::vec::IntoIter<T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

impl<'a, T, const MAX: usize> IntoIterator for &'a List<T, MAX> {
    type Item = &'a T;
    type IntoIter = std::slice::Iter<'a, T>;

    fn into_iter(self) -> Self::IntoIter {
        self.0.iter()
    }
}

impl<T, const MAX: usize> Deref for List<T, MAX> {
    type Target = Vec<T>;

    fn deref(&self) -> &Vec<T> {
        &self.0
    }
}

impl<T, const MAX: usize> DerefMut for List<T, MAX> {
    fn deref_mut(&mut self) -> &mut Vec<T> {
        &mut self.0
    }
}

impl<const MAX: usize> Opaque<MAX> {
    /// Most bytes the value may have on the wire.
    pub const MAX: usize = MAX;

    /// The bytes alone.
    pub fn into_vec(self) -> Vec<u8> {
        self.0
    }
}

impl<const MAX: usize> From<Vec<u8>> for Opaque<MAX> {
    fn from(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }
}

impl<const MAX: usize> From<&[u8]> for Opaque<MAX> {
    fn from(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }
}

impl<const MAX: usize> Deref for Opaque<MAX> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl<const MAX: usize> Text<MAX> {
    /// The text alone.
    pub fn into_string(self) -> String {
        self.0
    }
}

impl<const MAX: usize> From<String> for Text<MAX> {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl<const MAX: usize> From<&str> for Text<MAX> {
    fn from(text: &str) -> Self {
        Self(text.to_owned())
    }
}

impl<const MAX: usize> Deref for Text<MAX> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}
