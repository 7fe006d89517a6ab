//! The writing half of the codec.

/// Why a value has no XDR form.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// A string, byte string or list is longer than its type allows.
    #[error("length {len} is over the limit {max}")]
    TooLong {
        /// Bytes or elements the value has.
        len: usize,
        /// Bytes or elements its type allows.
        max: usize,
    },
    /// Strings end at a NUL on the other side, so none may hold one.
    #[error("string holds a NUL byte")]
    Nul,
}

/// Output buffer.
#[derive(Clone, Debug, Default)]
pub struct Encoder {
    out: Vec<u8>,
}

impl Encoder {
    /// An empty buffer with room for at least `bytes`.
    pub fn with_capacity(bytes: usize) -> Self {
        Self { out: Vec::with_capacity(bytes.max(64)) }
    }

    /// Goes on behind what `out` holds already (a message header, say).
    pub fn append_to(out: Vec<u8>) -> Self {
        Self { out }
    }

    /// The bytes written.
    pub fn into_vec(self) -> Vec<u8> {
        self.out
    }

    /// Bytes written so far.
    pub fn len(&self) -> usize {
        self.out.len()
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.out.is_empty()
    }

    /// One four-byte word.
    pub fn word(&mut self, value: u32) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// Two words.
    pub fn double_word(&mut self, value: u64) {
        self.out.extend_from_slice(&value.to_be_bytes());
    }

    /// The length word of a counted value, after comparing it with the limit.
    ///
    /// # Errors
    /// [`EncodeError::TooLong`].
    pub fn length(&mut self, len: usize, max: usize) -> Result<(), EncodeError> {
        match u32::try_from(len) {
            Ok(word) if len <= max => {
                self.word(word);
                Ok(())
            }
            _ => Err(EncodeError::TooLong { len, max }),
        }
    }

    /// The bytes written.
    pub fn as_bytes(&self) -> &[u8] {
        &self.out
    }

    /// What another encoder wrote: whole words.
    pub fn encoded(&mut self, other: &Encoder) {
        self.out.extend_from_slice(&other.out);
    }

    /// Bytes of a text whose length word is still open.
    pub(super) fn bytes(&mut self, bytes: &[u8]) {
        self.out.extend_from_slice(bytes);
    }

    /// Fills in the length word at `start` of the text behind it, and pads the text.
    pub(super) fn close_text(&mut self, start: usize, max: usize) -> Result<(), EncodeError> {
        const ZEROS: [u8; 3] = [0; 3];
        let (_, open) = self.out.split_at_mut(start);
        let Some((word, text)) = open.split_first_chunk_mut::<4>() else { return Ok(()) };
        let len = text.len();
        if text.contains(&0) {
            return Err(EncodeError::Nul);
        }
        *word = match u32::try_from(len) {
            Ok(word) if len <= max => word.to_be_bytes(),
            _ => return Err(EncodeError::TooLong { len, max }),
        };
        self.out.extend_from_slice(&ZEROS[..padding(len)]);
        Ok(())
    }

    /// Bytes, padded with zeros to a whole number of words.
    pub fn padded(&mut self, bytes: &[u8]) {
        const ZEROS: [u8; 3] = [0; 3];
        self.out.extend_from_slice(bytes);
        self.out.extend_from_slice(&ZEROS[..padding(bytes.len())]);
    }
}

/// Zeros that follow `len` bytes.
pub(super) fn padding(len: usize) -> usize {
    len.wrapping_neg() % 4
}
