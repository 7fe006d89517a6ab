//! UUIDs: sixteen bytes on the wire, hyphenated in text.

use std::fmt;
use std::str::FromStr;

use super::{DecodeError, Decoder, EncodeError, Encoder, Xdr};

/// A UUID in network order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Uuid(pub [u8; 16]);

/// Text that is not a UUID.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{0}' is not a UUID")]
pub struct ParseUuidError(String);

impl Xdr for Uuid {
    const MIN_LEN: usize = 16;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        out.padded(&self.0);
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut bytes = [0; 16];
        bytes.copy_from_slice(input.padded(16)?);
        Ok(Self(bytes))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, byte) in self.0.iter().enumerate() {
            if matches!(i, 4 | 6 | 8 | 10) {
                f.write_str("-")?;
            }
            write!(f, "{byte:02x}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Uuid {
    type Err = ParseUuidError;

    /// Takes 32 hexadecimal digits; hyphens may stand between the bytes and blanks around the whole.
    fn from_str(text: &str) -> Result<Self, ParseUuidError> {
        parse(text.trim()).map(Self).ok_or_else(|| ParseUuidError(text.chars().take(64).collect()))
    }
}

fn parse(text: &str) -> Option<[u8; 16]> {
    let mut bytes = [0; 16];
    let mut rest = text.as_bytes();
    for byte in &mut bytes {
        while let [b'-', tail @ ..] = rest {
            rest = tail;
        }
        let [high, low, tail @ ..] = rest else { return None };
        *byte = digit(*high)? << 4 | digit(*low)?;
        rest = tail;
    }
    rest.is_empty().then_some(bytes)
}

fn digit(c: u8) -> Option<u8> {
    char::from(c).to_digit(16).and_then(|d| u8::try_from(d).ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_back() {
        let uuid = Uuid(*b"\x11\x22\x33\x44\x55\x66\x77\x88\x99\xaa\xbb\xcc\xdd\xee\xff\x00");
        assert_eq!(uuid.to_string(), "11223344-5566-7788-99aa-bbccddeeff00");
        assert_eq!(uuid.to_string().parse(), Ok(uuid));
        assert_eq!("11223344556677889900AABBCCDDEEFF".parse::<Uuid>().map(|u| u.0[15]), Ok(0xff));
        assert_eq!(" 11223344-5566-7788-99aa-bbccddeeff00\n".parse(), Ok(uuid));
    }

    #[test]
    fn other_text_is_refused() {
        for text in
            ["", "-", "1122", "11223344-5566-7788-99aa-bbccddeeff0", "x1223344-5566-7788-99aa-bbccddeeff00"]
        {
            assert_eq!(text.parse::<Uuid>(), Err(ParseUuidError(text.to_owned())));
        }
        assert!("11223344-5566-7788-99aa-bbccddeeff00aa".parse::<Uuid>().is_err());
    }
}
