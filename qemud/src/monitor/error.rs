//! What can go wrong on the control connection, and how clients hear of it.

use std::io;
use std::time::Duration;

use protocol::{ErrorCode, ErrorDomain, Fault};

/// Failure of a call to QEMU.
#[derive(Debug, thiserror::Error)]
pub enum MonitorError {
    /// QEMU did not answer in time. The command may still be carried out later.
    #[error("QEMU did not answer '{command}' within {} seconds", limit.as_secs_f32())]
    Timeout {
        /// The command, or "connect" or "greeting".
        command: String,
        /// The time it had.
        limit: Duration,
    },
    /// The connection ended: QEMU is gone.
    #[error("domain is no longer running")]
    Closed,
    /// QEMU refused the command.
    #[error("unable to execute QEMU command '{command}': {desc}")]
    Command {
        /// The command.
        command: String,
        /// QEMU's error class: GenericError, CommandNotFound, DeviceNotFound, DeviceNotActive, KVMMissingCap.
        class: String,
        /// QEMU's words.
        desc: String,
    },
    /// QEMU wrote something that is not the protocol; the connection was given up.
    #[error("QEMU's monitor broke the protocol: {0}")]
    Protocol(String),
    /// An answer does not have the members that it should have.
    #[error("QEMU's answer to '{command}' is malformed: {what}")]
    Reply {
        /// The command.
        command: String,
        /// What is missing or of the wrong type.
        what: String,
    },
    /// A client's own command cannot be sent.
    #[error("invalid monitor command: {0}")]
    Invalid(String),
    /// The socket could not be reached.
    #[error("failed to connect to the monitor socket: {0}")]
    Connect(#[source] io::Error),
}

impl MonitorError {
    /// Whether QEMU does not know the command, as an older one would not.
    pub fn is_unknown_command(&self) -> bool {
        matches!(self, Self::Command { class, .. } if class == "CommandNotFound")
    }

    /// Whether QEMU does not know the device named in the command.
    pub fn is_unknown_device(&self) -> bool {
        matches!(self, Self::Command { class, .. } if class == "DeviceNotFound")
    }
}

impl From<MonitorError> for Fault {
    fn from(error: MonitorError) -> Self {
        let code = match &error {
            MonitorError::Timeout { .. } => ErrorCode::OPERATION_TIMEOUT,
            MonitorError::Closed => ErrorCode::OPERATION_FAILED,
            // The reference's JSON reader reports it, as a part of its own.
            MonitorError::Invalid(_) => return Fault::internal(ErrorDomain::NONE, error.to_string()),
            MonitorError::Command { .. } | MonitorError::Protocol(_) | MonitorError::Reply { .. } => {
                ErrorCode::INTERNAL_ERROR
            }
            MonitorError::Connect(source) => {
                let errno = source.raw_os_error().unwrap_or_default();
                return Fault::system(ErrorDomain::QEMU, errno, "failed to connect to the monitor socket");
            }
        };
        Fault::new(ErrorDomain::QEMU, code, error.to_string())
    }
}
