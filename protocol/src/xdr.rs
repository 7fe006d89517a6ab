//! XDR (RFC 4506) as libvirt's programs use it: the codec and the basic types of the wire.
//!
//! Everything is big endian and padded to four bytes with zeros. A length that came from the peer is compared
//! with the limit of its type and then with the bytes that are left, before anything is allocated; so the
//! memory a message can take is bounded by its size. No wire type contains itself, so decoding does not
//! recurse without end.

mod decoder;
mod encoder;
mod number;
mod packed;
mod sequence;
mod uuid;

use crate::subject::Leading;

pub use decoder::{DecodeError, Decoder, NO_TEXT};
pub use encoder::{EncodeError, Encoder};
pub use number::{Char, Short, UChar, UShort};
pub use packed::Packed;
pub use sequence::{List, Opaque, STRING_MAX, Text};
pub use uuid::{ParseUuidError, Uuid};

/// A value with an XDR form.
pub trait Xdr: Sized {
    /// Fewest bytes one value takes; bounds every allocation.
    const MIN_LEN: usize;

    /// The object that values begin with.
    const LEADING: Leading = Leading::Nothing;

    /// Appends the value.
    ///
    /// # Errors
    /// The value is over a limit of its type, or a string holds a NUL; `out` then holds a part of the value.
    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError>;

    /// Takes one value off the front of the input.
    ///
    /// # Errors
    /// The bytes are not a value of this type. The input's position is then unspecified.
    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError>;
}

/// Encodes one value.
///
/// # Errors
/// As [`Xdr::encode`].
pub fn to_vec<T: Xdr>(value: &T) -> Result<Vec<u8>, EncodeError> {
    let mut out = Encoder::with_capacity(T::MIN_LEN);
    value.encode(&mut out)?;
    Ok(out.into_vec())
}

/// Decodes one value; bytes after it are ignored, as the reference does with the arguments of a call.
///
/// # Errors
/// As [`Xdr::decode`].
pub fn from_slice<T: Xdr>(bytes: &[u8]) -> Result<T, DecodeError> {
    T::decode(&mut Decoder::new(bytes))
}
