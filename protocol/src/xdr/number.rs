//! Numbers, optional values and fixed arrays.

use super::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// A C `char` as number: a word on the wire, -128..=127.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Char(pub i8);

/// A C `unsigned char` as number: a word on the wire, 0..=255.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UChar(pub u8);

/// A C `short`: a word on the wire, -32768..=32767.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Short(pub i16);

/// A C `unsigned short`: a word on the wire, 0..=65535.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct UShort(pub u16);

impl Xdr for () {
    const MIN_LEN: usize = 0;

    fn encode(&self, _: &mut Encoder) -> Result<(), EncodeError> {
        Ok(())
    }

    fn decode(_: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(())
    }
}

impl Xdr for u32 {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.word(*self);
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.word()
    }
}

impl Xdr for i32 {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.word(self.cast_unsigned());
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.word().map(u32::cast_signed)
    }
}

impl Xdr for u64 {
    const MIN_LEN: usize = 8;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.double_word(*self);
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.double_word()
    }
}

impl Xdr for i64 {
    const MIN_LEN: usize = 8;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.double_word(self.cast_unsigned());
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.double_word().map(u64::cast_signed)
    }
}

impl Xdr for f64 {
    const MIN_LEN: usize = 8;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.double_word(self.to_bits());
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        input.double_word().map(f64::from_bits)
    }
}

impl Xdr for Char {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        i32::from(self.0).encode(out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        small(input, "char").map(Self)
    }
}

impl Xdr for UChar {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        i32::from(self.0).encode(out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        small(input, "unsigned char").map(Self)
    }
}

impl Xdr for Short {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        i32::from(self.0).encode(out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        small(input, "short").map(Self)
    }
}

impl Xdr for UShort {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        i32::from(self.0).encode(out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        small(input, "unsigned short").map(Self)
    }
}

impl<T: Xdr> Xdr for Option<T> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.word(u32::from(self.is_some()));
        self.as_ref().map_or(Ok(()), |value| value.encode(out))
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match input.word()? {
            0 => Ok(None),
            1 => T::decode(input).map(Some),
            other => Err(DecodeError::Marker(other)),
        }
    }
}

impl<T: Xdr + Copy + Default, const N: usize> Xdr for [T; N] {
    const MIN_LEN: usize = N * T::MIN_LEN;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.iter().try_for_each(|value| value.encode(out))
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut array = [T::default(); N];
        for place in &mut array {
            *place = T::decode(input)?;
        }
        Ok(array)
    }
}

/// A number smaller than the word that carries it.
fn small<T: TryFrom<i32>>(input: &mut Decoder<'_>, of: &'static str) -> Result<T, DecodeError> {
    let value = i32::decode(input)?;
    T::try_from(value).map_err(|_| DecodeError::Range { of, value })
}
