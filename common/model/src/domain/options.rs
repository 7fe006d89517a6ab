//! What a caller asks of the reader and the writer.

/// How a document is read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ParseOptions {
    /// The document is our own status: what only a running guest has (id, all aliases, target devices of
    /// taps, dynamic labels) is kept. Otherwise it is dropped, as the reference drops it from a client's.
    pub status: bool,
}

/// How a document is written. `Default` is the live form without secrets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FormatOptions {
    /// Secrets (passwords) are written: `VIR_DOMAIN_XML_SECURE`.
    pub secure: bool,
    /// Without what only a running guest has (id, aliases, dynamic labels): `VIR_DOMAIN_XML_INACTIVE`.
    pub inactive: bool,
    /// Without what older hosts do not know: `VIR_DOMAIN_XML_MIGRATABLE`.
    pub migratable: bool,
    /// For our own status document: also what no client is shown.
    pub status: bool,
}

impl FormatOptions {
    /// The definition as it is stored on disk: no live state, with secrets.
    pub const STORED: Self = Self { secure: true, inactive: true, migratable: false, status: false };
}
