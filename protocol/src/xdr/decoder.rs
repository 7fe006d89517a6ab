//! The reading half of the codec.

use std::borrow::Cow;

use super::encoder::padding;

/// Stands for bytes of a received string that are not UTF-8: a noncharacter, which no XML document may have.
pub const NO_TEXT: char = '\u{ffff}';

/// Why bytes are not a value of the wanted type.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The input ends inside the value, or a declared length needs more than is there.
    #[error("{need} bytes needed, {left} left")]
    Short {
        /// Fewest bytes the value needs from here.
        need: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A declared length is over the limit of its type.
    #[error("length {len} is over the limit {max}")]
    TooLong {
        /// Length the peer declared.
        len: usize,
        /// Bytes or elements the type allows.
        max: usize,
    },
    /// Bytes that fill up the last word are not zero.
    #[error("padding is not zero")]
    Padding,
    /// The word before an optional value is neither 0 nor 1.
    #[error("{0} is no optional marker")]
    Marker(u32),
    /// An enumeration or union has no case of this number.
    #[error("{of} has no case {value}")]
    Case {
        /// Name of the type.
        of: &'static str,
        /// Number the peer sent.
        value: i32,
    },
    /// A small integer, which takes a whole word, is outside its range.
    #[error("{value} does not fit {of}")]
    Range {
        /// Name of the type.
        of: &'static str,
        /// The word.
        value: i32,
    },
}

/// A cursor over received bytes.
#[derive(Clone, Debug)]
pub struct Decoder<'a> {
    rest: &'a [u8],
}

impl<'a> Decoder<'a> {
    /// Starts at the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    /// Bytes not yet taken.
    pub fn left(&self) -> usize {
        self.rest.len()
    }

    /// One four-byte word.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn word(&mut self) -> Result<u32, DecodeError> {
        self.fixed().map(u32::from_be_bytes)
    }

    /// Two words.
    ///
    /// # Errors
    /// [`DecodeError::Short`].
    pub fn double_word(&mut self) -> Result<u64, DecodeError> {
        self.fixed().map(u64::from_be_bytes)
    }

    /// A word that counts elements of at least `min_len` bytes each: not over `max`, nor over what can be
    /// there.
    ///
    /// # Errors
    /// [`DecodeError::TooLong`], [`DecodeError::Short`].
    pub fn length(&mut self, max: usize, min_len: usize) -> Result<usize, DecodeError> {
        let len = self.word()? as usize;
        if len > max {
            return Err(DecodeError::TooLong { len, max });
        }
        let need = len.saturating_mul(min_len);
        if need > self.rest.len() {
            return Err(DecodeError::Short { need, left: self.rest.len() });
        }
        Ok(len)
    }

    /// `len` bytes and the zeros that fill up their last word.
    ///
    /// # Errors
    /// [`DecodeError::Short`], [`DecodeError::Padding`].
    pub fn padded(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let need = len.saturating_add(padding(len));
        let (taken, rest) =
            self.rest.split_at_checked(need).ok_or(DecodeError::Short { need, left: self.rest.len() })?;
        let (bytes, zeros) = taken.split_at(len);
        if zeros.iter().any(|&b| b != 0) {
            return Err(DecodeError::Padding);
        }
        self.rest = rest;
        Ok(bytes)
    }

    /// A string, which ends before its first NUL as it does for programs in C. Each part that is not UTF-8 becomes
    /// one [`NO_TEXT`]: XML and names cannot hold it, so that each call refuses such a string as it refuses any other
    /// that it does not know.
    ///
    /// # Errors
    /// Those of [`Decoder::length`] and [`Decoder::padded`].
    pub fn text(&mut self, max: usize) -> Result<Cow<'a, str>, DecodeError> {
        let len = self.length(max, 1)?;
        let bytes = self.padded(len)?;
        let end = bytes.iter().position(|&b| b == 0).unwrap_or(len);
        let bytes = bytes.get(..end).unwrap_or(bytes);
        if let Ok(text) = std::str::from_utf8(bytes) {
            return Ok(Cow::Borrowed(text));
        }
        let mut text = String::with_capacity(bytes.len());
        for part in bytes.utf8_chunks() {
            text.push_str(part.valid());
            if !part.invalid().is_empty() {
                text.push(NO_TEXT);
            }
        }
        Ok(Cow::Owned(text))
    }

    fn fixed<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) =
            self.rest.split_first_chunk().ok_or(DecodeError::Short { need: N, left: self.rest.len() })?;
        self.rest = rest;
        Ok(*taken)
    }
}
