//! A list that is kept in its encoded form.

use std::fmt::{self, Write as _};
use std::marker::PhantomData;

use super::sequence::encode_text;
use super::{DecodeError, Decoder, EncodeError, Encoder, STRING_MAX, Uuid, Xdr};
use crate::shared::NonnullDomain;

/// At most `MAX` values, encoded as they are added: for replies of very many small values, each of which would
/// otherwise have memory of its own. A value that cannot be encoded is told when the list is.
#[derive(Debug)]
pub struct Packed<T, const MAX: usize> {
    count: usize,
    values: Encoder,
    failed: Option<EncodeError>,
    of: PhantomData<fn() -> T>,
}

impl<T: Xdr, const MAX: usize> Packed<T, MAX> {
    /// Most values the list may have on the wire.
    pub const MAX: usize = MAX;

    /// An empty list with room for values of so many bytes.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { values: Encoder::with_capacity(bytes), ..Self::default() }
    }

    /// How many values there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Adds a value.
    pub fn push(&mut self, value: &T) {
        self.push_with(|out| value.encode(out));
    }

    /// Adds the value that `encode` writes, which has to be one of `T`.
    pub fn push_with(&mut self, encode: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>) {
        self.count += 1;
        if let Err(error) = encode(&mut self.values) {
            self.failed.get_or_insert(error);
        }
    }

    /// Adds all of another list.
    pub fn append(&mut self, other: &Self) {
        self.count += other.count;
        self.values.encoded(&other.values);
        if self.failed.is_none() {
            self.failed.clone_from(&other.failed);
        }
    }

    /// The values, decoded one by one.
    pub fn iter(&self) -> impl Iterator<Item = T> {
        let mut input = Decoder::new(self.values.as_bytes());
        // What was encoded can be decoded; `failed` tells of what was not.
        (0..self.count).map_while(move |_| T::decode(&mut input).ok())
    }
}

impl<T, const MAX: usize> Default for Packed<T, MAX> {
    fn default() -> Self {
        Self { count: 0, values: Encoder::default(), failed: None, of: PhantomData }
    }
}

impl<T, const MAX: usize> Clone for Packed<T, MAX> {
    fn clone(&self) -> Self {
        let Self { count, values, failed, of } = self;
        Self { count: *count, values: values.clone(), failed: failed.clone(), of: *of }
    }
}

impl<T, const MAX: usize> PartialEq for Packed<T, MAX> {
    fn eq(&self, other: &Self) -> bool {
        (self.count, self.values.as_bytes(), &self.failed)
            == (other.count, other.values.as_bytes(), &other.failed)
    }
}

impl<T: Xdr, const MAX: usize> FromIterator<T> for Packed<T, MAX> {
    fn from_iter<I: IntoIterator<Item = T>>(values: I) -> Self {
        let mut list = Self::default();
        values.into_iter().for_each(|value| list.push(&value));
        list
    }
}

impl<T: Xdr, const MAX: usize> Xdr for Packed<T, MAX> {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        if let Some(error) = &self.failed {
            return Err(error.clone());
        }
        out.length(self.count, MAX)?;
        out.encoded(&self.values);
        Ok(())
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let mut list = Self::default();
        for _ in 0..input.length(MAX, T::MIN_LEN)? {
            list.push(&T::decode(input)?);
        }
        Ok(list)
    }
}

impl<const MAX: usize> Packed<NonnullDomain, MAX> {
    /// Adds a domain by its parts.
    pub fn domain(&mut self, name: &str, uuid: Uuid, id: i32) {
        self.push_with(|out| {
            encode_text(name, STRING_MAX, out)?;
            uuid.encode(out)?;
            id.encode(out)
        });
    }
}

impl Encoder {
    /// A string of at most [`STRING_MAX`] bytes, as it is displayed.
    ///
    /// # Errors
    /// It is longer, or holds a NUL.
    pub fn displayed(&mut self, text: impl fmt::Display) -> Result<(), EncodeError> {
        let start = self.len();
        self.word(0);
        // Writing to memory cannot fail; a Display that does has nothing to add.
        let _ = write!(self, "{text}");
        self.close_text(start, STRING_MAX)
    }
}

impl fmt::Write for Encoder {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.bytes(text.as_bytes());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::{List, to_vec};
    use super::*;

    #[test]
    fn the_same_on_the_wire_as_a_list() {
        let texts = ["", "a", "abcd", "é5"];
        let list: List<String, 9> = texts.iter().map(|text| text.to_string()).collect();
        let mut packed = Packed::<String, 9>::default();
        texts[..2].iter().for_each(|text| packed.push_with(|out| out.displayed(text)));
        let rest: Packed<String, 9> = texts[2..].iter().map(|text| text.to_string()).collect();
        packed.append(&rest);
        let wire = to_vec(&list).expect("encodes");
        assert_eq!((packed.len(), to_vec(&packed)), (4, Ok(wire.clone())));
        let decoded = Packed::<String, 9>::decode(&mut Decoder::new(&wire)).expect("decodes");
        assert!(decoded == packed && decoded.iter().eq(texts));
    }

    #[test]
    fn domains_by_their_parts() {
        let domain = NonnullDomain { name: "name".to_owned(), uuid: Uuid([7; 16]), id: -1 };
        let mut packed = Packed::<NonnullDomain, 1>::with_capacity(100);
        packed.domain(&domain.name, domain.uuid, domain.id);
        assert!(packed.iter().eq([domain]));
    }

    #[test]
    fn what_cannot_be_encoded_is_told_at_the_end() {
        let mut nul = Packed::<String, 9>::default();
        nul.push_with(|out| out.displayed("a\0"));
        let mut list: Packed<String, 9> = ["fine".to_owned()].into_iter().collect();
        list.append(&nul);
        assert_eq!(to_vec(&list), Err(EncodeError::Nul));
        let long: Packed<u32, 2> = (0..3).collect();
        assert_eq!(to_vec(&long), Err(EncodeError::TooLong { len: 3, max: 2 }));
    }
}
