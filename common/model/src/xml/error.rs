//! What can be wrong with a document, in libvirt's terms.

use thiserror::Error;

/// The kind of a fault in a document. Each names the libvirt error code it becomes on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ErrorKind {
    /// The content is wrong: a value, a missing part, a contradiction. `VIR_ERR_XML_ERROR` (27).
    Xml,
    /// Not well-formed, or a detail with a text of its own. `VIR_ERR_XML_DETAIL` (35).
    Detail,
    /// Known, but not offered here. `VIR_ERR_CONFIG_UNSUPPORTED` (67).
    Unsupported,
    /// What libvirt reports as its own inner error. `VIR_ERR_INTERNAL_ERROR` (1).
    Internal,
    /// An argument that cannot be read. `VIR_ERR_INVALID_ARG` (8).
    InvalidArg,
    /// A number does not fit. `VIR_ERR_OVERFLOW` (45).
    Overflow,
    /// No root device. `VIR_ERR_NO_ROOT` (18).
    NoRoot,
    /// A disk without source. `VIR_ERR_NO_SOURCE` (19).
    NoSource,
    /// A disk without target. `VIR_ERR_NO_TARGET` (20).
    NoTarget,
    /// No name. `VIR_ERR_NO_NAME` (21).
    NoName,
    /// No operating system type. `VIR_ERR_OS_TYPE` (12).
    OsType,
}

/// Which part of libvirt reports the fault: the `domain` of the error object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// No part: `VIR_FROM_NONE` (0).
    None,
    /// The XML helpers: `VIR_FROM_XML` (5).
    Xml,
    /// Network configuration: `VIR_FROM_NETWORK` (19).
    Network,
    /// Domain configuration: `VIR_FROM_DOMAIN` (20).
    Domain,
    /// Storage: `VIR_FROM_STORAGE` (18).
    Storage,
    /// CPU descriptions: `VIR_FROM_CPU` (31).
    Cpu,
    /// System information: `VIR_FROM_SYSINFO` (37).
    Sysinfo,
    /// Device addresses: `VIR_FROM_DEVICE` (49).
    Device,
    /// Capabilities: `VIR_FROM_CAPABILITIES` (63).
    Capabilities,
    /// Resource control: `VIR_FROM_RESCTRL` (67).
    Resctrl,
    /// Secrets: `VIR_FROM_SECRET` (30).
    Secret,
}

/// A document that cannot be taken: code, reporting part, and the detail text (without the prefix that
/// libvirt puts before it for the code).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("{message}")]
pub struct XmlError {
    /// Which error code it becomes.
    pub kind: ErrorKind,
    /// Which error domain it becomes.
    pub scope: Scope,
    /// The detail, naming element and value.
    pub message: String,
}

impl XmlError {
    /// A fault of the given kind, reported by domain configuration; see [`XmlError::scoped`] for others.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, scope: Scope::Domain, message: message.into() }
    }

    /// [`ErrorKind::Xml`].
    pub fn xml(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Xml, message)
    }

    /// [`ErrorKind::Detail`].
    pub fn detail(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Detail, message)
    }

    /// [`ErrorKind::Unsupported`].
    pub fn unsupported(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Unsupported, message)
    }

    /// [`ErrorKind::Internal`].
    pub fn internal(message: impl Into<String>) -> Self {
        Self::new(ErrorKind::Internal, message)
    }

    /// [`ErrorKind::InvalidArg`], of no part.
    pub fn invalid(message: impl Into<String>) -> Self {
        Self { kind: ErrorKind::InvalidArg, scope: Scope::None, message: message.into() }
    }

    /// The same fault reported by another part.
    #[must_use]
    pub fn scoped(mut self, scope: Scope) -> Self {
        self.scope = scope;
        self
    }

    /// Attribute `attribute` of `element` has a value outside its list.
    pub fn bad_attr(element: &str, attribute: &str, value: &str) -> Self {
        let text = format!("Invalid value for attribute '{attribute}' in element '{element}': '{value}'.");
        Self::xml(text).scoped(Scope::Xml)
    }

    /// Attribute `attribute` of `element` is not what `expected` ("non-negative integer value") names.
    pub fn bad_number(element: &str, attribute: &str, value: &str, expected: &str) -> Self {
        let mut error = Self::bad_attr(element, attribute, value);
        error.message.push_str(" Expected ");
        error.message.push_str(expected);
        error
    }

    /// Attribute `attribute` of `element` must not be zero.
    pub fn zero_attr(element: &str, attribute: &str) -> Self {
        let text = format!(
            "Invalid value for attribute '{attribute}' in element '{element}': Zero is not permitted"
        );
        Self::xml(text).scoped(Scope::Xml)
    }

    /// What stands at `path`, an XPath from the parent of what is read, is not of the right form.
    pub fn bad_path(path: &str, value: &str) -> Self {
        Self::xml(format!("Invalid value '{value}' for element or attribute './{path}'")).scoped(Scope::Xml)
    }

    /// Nothing stands at `path`, an XPath from the parent of what is read.
    pub fn missing_path(path: &str) -> Self {
        Self::xml(format!("missing element or attribute './{path}'")).scoped(Scope::Xml)
    }

    /// Attribute `attribute` of `element` must be there.
    pub fn missing_attr(element: &str, attribute: &str) -> Self {
        Self::xml(format!("Missing required attribute '{attribute}' in element '{element}'"))
            .scoped(Scope::Xml)
    }

    /// Element `element` is known to libvirt but not kept by this model.
    pub fn unsupported_element(element: &str) -> Self {
        Self::unsupported(format!("element '{element}' is not supported"))
    }
}
