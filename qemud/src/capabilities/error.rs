//! Why there are no capabilities, and how clients hear of it.

use protocol::{ErrorCode, ErrorDomain, Fault};

/// Failure to find out what an emulator can do, or a question about what does not exist. Kept and given to several
/// askers, therefore plain text.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CapabilitiesError {
    /// The binary is not there, or must not be executed.
    #[error("Cannot check QEMU binary {binary}")]
    Binary {
        /// Its path.
        binary: String,
        /// The system's error number.
        errno: i32,
    },
    /// The binary is there but must not be executed.
    #[error("QEMU binary {binary} is not executable")]
    NotExecutable {
        /// Its path.
        binary: String,
        /// The system's error number: for a directory that it is one.
        errno: i32,
    },
    /// The binary was started but did not tell what it can do.
    #[error("Failed to probe QEMU binary '{binary}': {reason}")]
    Probe {
        /// Its path.
        binary: String,
        /// What happened, with its own words where it said something.
        reason: String,
    },
    /// No emulator for an architecture.
    #[error("unable to find any emulator to serve '{arch}' architecture")]
    NoEmulator {
        /// The architecture.
        arch: String,
    },
    /// No emulator at all.
    #[error("no emulator is installed on this host")]
    None,
    /// There is no such architecture.
    #[error("unknown architecture: {0}")]
    UnknownArch(String),
    /// There is no such type of guest.
    #[error("unknown virttype: {0}")]
    UnknownVirtType(String),
    /// The emulator cannot run this type of guest.
    #[error("Emulator '{binary}' does not support virt type '{virt_type}'")]
    VirtType {
        /// Its path.
        binary: String,
        /// The type.
        virt_type: String,
    },
    /// The emulator cannot run guests of this architecture.
    #[error("Emulator '{binary}' does not support arch '{arch}'")]
    Arch {
        /// Its path.
        binary: String,
        /// The architecture.
        arch: String,
    },
    /// The emulator is for another architecture than the one given.
    #[error("architecture from emulator '{emulated}' doesn't match given architecture '{given}'")]
    ArchMismatch {
        /// What it emulates.
        emulated: String,
        /// What was asked for.
        given: String,
    },
    /// The emulator has no such machine.
    #[error("the machine '{machine}' is not supported by emulator '{binary}'")]
    Machine {
        /// Its path.
        binary: String,
        /// The machine's name.
        machine: String,
    },
    /// The host's own facts could not be read.
    #[error("cannot read the host's facts: {0}")]
    Host(String),
}

impl From<CapabilitiesError> for Fault {
    fn from(error: CapabilitiesError) -> Self {
        let code = match &error {
            CapabilitiesError::Binary { errno, .. } | CapabilitiesError::NotExecutable { errno, .. } => {
                return Fault::system(ErrorDomain::QEMU, *errno, &error);
            }
            CapabilitiesError::Probe { .. } | CapabilitiesError::Host(_) => ErrorCode::INTERNAL_ERROR,
            CapabilitiesError::NoEmulator { .. } | CapabilitiesError::None => ErrorCode::CONFIG_UNSUPPORTED,
            CapabilitiesError::UnknownArch(_)
            | CapabilitiesError::UnknownVirtType(_)
            | CapabilitiesError::VirtType { .. }
            | CapabilitiesError::Arch { .. }
            | CapabilitiesError::ArchMismatch { .. }
            | CapabilitiesError::Machine { .. } => ErrorCode::INVALID_ARG,
        };
        Fault::new(ErrorDomain::QEMU, code, error.to_string())
    }
}
