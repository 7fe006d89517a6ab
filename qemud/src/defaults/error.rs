//! Why a domain cannot be completed, validated or turned into a command line.

use model::xml::{ErrorKind, Scope, XmlError};
use thiserror::Error;

use super::address::usb_set::UsbError;
use super::pci::set::PciError;

/// Which part of the reference reports the fault: the `domain` of the error object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// `VIR_FROM_NONE`: a helper without a part of its own.
    None,
    /// `VIR_FROM_XML`.
    Xml,
    /// `VIR_FROM_QEMU`: rules of this driver.
    Qemu,
    /// `VIR_FROM_DOMAIN`: rules for every driver.
    Domain,
    /// `VIR_FROM_CPU`.
    Cpu,
    /// `VIR_FROM_DEVICE`.
    Device,
    /// `VIR_FROM_NETWORK`.
    Network,
    /// `VIR_FROM_SECRET`.
    Secret,
    /// `VIR_FROM_STORAGE`.
    Storage,
}

/// A refused domain. Every text names the object and the value that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum DefaultsError {
    /// Known, but not possible with this emulator, machine or driver: `VIR_ERR_CONFIG_UNSUPPORTED`.
    #[error("{detail}")]
    Unsupported {
        /// Who refuses.
        part: Part,
        /// What and why.
        detail: String,
    },
    /// A contradiction in the document: `VIR_ERR_XML_ERROR`.
    #[error("{detail}")]
    Xml {
        /// Who refuses.
        part: Part,
        /// What and why.
        detail: String,
    },
    /// What the reference reports as its own inner error: `VIR_ERR_INTERNAL_ERROR`.
    #[error("{detail}")]
    Internal {
        /// Who refuses.
        part: Part,
        /// What and why.
        detail: String,
    },
    /// A value that cannot be read: `VIR_ERR_INVALID_ARG`.
    #[error("{detail}")]
    Invalid {
        /// Who refuses.
        part: Part,
        /// What and why.
        detail: String,
    },
    /// A text of its own: `VIR_ERR_XML_DETAIL`.
    #[error("{detail}")]
    Detail {
        /// Who refuses.
        part: Part,
        /// What and why.
        detail: String,
    },
    /// Nothing on this host fits: `VIR_ERR_OPERATION_FAILED`.
    #[error("{0}")]
    Failed(String),
    /// Not in this state of the definition: `VIR_ERR_OPERATION_INVALID`.
    #[error("{0}")]
    OperationInvalid(String),
    /// The host's CPU cannot run it: `VIR_ERR_CPU_INCOMPATIBLE`.
    #[error("{0}")]
    CpuIncompatible(String),
    /// A secret is unknown: `VIR_ERR_NO_SECRET`.
    #[error("{0}")]
    NoSecret(String),
    /// A storage pool is unknown: `VIR_ERR_NO_STORAGE_POOL`.
    #[error("{0}")]
    NoStoragePool(String),
    /// A network is unknown: `VIR_ERR_NO_NETWORK`.
    #[error("{0}")]
    NoNetwork(String),
    /// A file of the host is missing: `VIR_ERR_SYSTEM_ERROR` with ENOENT.
    #[error("{detail}: No such file or directory")]
    Missing {
        /// Who refuses.
        part: Part,
        /// What and why.
        detail: String,
    },
    /// The host refuses to do something: `VIR_ERR_SYSTEM_ERROR`.
    #[error("{detail}")]
    Host {
        /// Who reports it.
        part: Part,
        /// What was tried.
        detail: String,
        /// The system's error number.
        errno: i32,
    },
    /// A fault the model found.
    #[error(transparent)]
    Document(#[from] XmlError),
}

impl DefaultsError {
    /// Refused by this driver as unsupported.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::Unsupported { part: Part::Qemu, detail: detail.into() }
    }

    /// Refused by this driver as a wrong document.
    pub fn xml(detail: impl Into<String>) -> Self {
        Self::Xml { part: Part::Qemu, detail: detail.into() }
    }

    /// Refused by this driver as an inner error.
    pub fn internal(detail: impl Into<String>) -> Self {
        Self::Internal { part: Part::Qemu, detail: detail.into() }
    }

    /// The same fault reported by another part.
    #[must_use]
    pub fn by(mut self, whom: Part) -> Self {
        match &mut self {
            Self::Unsupported { part, .. }
            | Self::Xml { part, .. }
            | Self::Internal { part, .. }
            | Self::Invalid { part, .. }
            | Self::Detail { part, .. }
            | Self::Missing { part, .. }
            | Self::Host { part, .. } => *part = whom,
            Self::Failed(_)
            | Self::OperationInvalid(_)
            | Self::CpuIncompatible(_)
            | Self::NoSecret(_)
            | Self::NoStoragePool(_)
            | Self::NoNetwork(_)
            | Self::Document(_) => {}
        }
        self
    }

    /// libvirt's error code and error domain, for conversion and comparison.
    pub fn numbers(&self) -> (i32, i32) {
        match self {
            Self::Unsupported { part, .. } => (67, part.number()),
            Self::Xml { part, .. } => (27, part.number()),
            Self::Internal { part, .. } => (1, part.number()),
            Self::Invalid { part, .. } => (8, part.number()),
            Self::Detail { part, .. } => (35, part.number()),
            Self::Missing { part, .. } | Self::Host { part, .. } => (38, part.number()),
            Self::Failed(_) => (9, Part::Qemu.number()),
            Self::OperationInvalid(_) => (55, Part::Qemu.number()),
            Self::CpuIncompatible(_) => (91, Part::Cpu.number()),
            Self::NoSecret(_) => (66, Part::Secret.number()),
            Self::NoStoragePool(_) => (49, Part::Storage.number()),
            Self::NoNetwork(_) => (43, Part::Network.number()),
            Self::Document(error) => document_numbers(error),
        }
    }
}

impl Part {
    /// libvirt's number of the error domain.
    pub fn number(self) -> i32 {
        match self {
            Part::None => 0,
            Part::Xml => 5,
            Part::Qemu => 10,
            Part::Storage => 18,
            Part::Network => 19,
            Part::Domain => 20,
            Part::Secret => 30,
            Part::Cpu => 31,
            Part::Device => 49,
        }
    }
}

fn document_numbers(error: &XmlError) -> (i32, i32) {
    let code = match error.kind {
        ErrorKind::Xml => 27,
        ErrorKind::Detail => 35,
        ErrorKind::Unsupported => 67,
        ErrorKind::Internal => 1,
        ErrorKind::InvalidArg => 8,
        ErrorKind::Overflow => 45,
        ErrorKind::NoRoot => 18,
        ErrorKind::NoSource => 19,
        ErrorKind::NoTarget => 20,
        ErrorKind::NoName => 21,
        ErrorKind::OsType => 12,
    };
    let domain = match error.scope {
        Scope::None => 0,
        Scope::Xml => 5,
        Scope::Network => 19,
        Scope::Domain => 20,
        Scope::Storage => 18,
        Scope::Cpu => 31,
        Scope::Sysinfo => 37,
        Scope::Device => 49,
        Scope::Capabilities => 63,
        Scope::Resctrl => 67,
        Scope::Secret => 30,
    };
    (code, domain)
}

impl From<PciError> for DefaultsError {
    fn from(error: PciError) -> Self {
        let detail = error.to_string();
        match error {
            PciError::NoBus
            | PciError::Domain
            | PciError::BusRange { .. }
            | PciError::SlotLow { .. }
            | PciError::SlotHigh { .. }
            | PciError::Function(_)
            | PciError::Misfit { .. }
            | PciError::NoHotplug { .. }
            | PciError::Double(_) => Self::Xml { part: Part::Domain, detail },
            PciError::Full | PciError::NoGrowth(_) | PciError::NoParent(_) => {
                Self::Internal { part: Part::Domain, detail }
            }
        }
    }
}

impl From<UsbError> for DefaultsError {
    fn from(error: UsbError) -> Self {
        let detail = error.to_string();
        match error {
            UsbError::Full => Self::Internal { part: Part::Domain, detail },
            UsbError::NoBus(_)
            | UsbError::NoHub { .. }
            | UsbError::NoPort { .. }
            | UsbError::Double { .. } => Self::Xml { part: Part::Domain, detail },
        }
    }
}
