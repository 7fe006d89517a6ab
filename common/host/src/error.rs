//! The one error type of this crate. Text names action and object; the cause is kept as `source`, never pasted in.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::process::Stage;

/// Result of this crate.
pub type Result<T> = std::result::Result<T, Error>;

/// What can go wrong with the machine.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file operation failed.
    #[error("cannot {action} '{}'", path.display())]
    File {
        /// What was tried, as an infinitive: "open", "rename".
        action: &'static str,
        /// The file concerned.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// An operation on a network device failed.
    #[error("cannot {action} '{device}'")]
    Device {
        /// What was tried, as an infinitive.
        action: &'static str,
        /// The device's name.
        device: String,
        /// The system's reason.
        source: io::Error,
    },
    /// A file is larger than its reader allows.
    #[error("file '{}' is larger than {limit} bytes", path.display())]
    TooLarge {
        /// The file concerned.
        path: PathBuf,
        /// Most bytes accepted.
        limit: u64,
    },
    /// A kernel or state file has contents that cannot be understood.
    #[error("cannot understand '{}': {what}", path.display())]
    Malformed {
        /// The file concerned.
        path: PathBuf,
        /// What is wrong with it.
        what: String,
    },
    /// A name that cannot be part of a path.
    #[error("name '{name}' cannot contain '/'")]
    Name {
        /// The name as given.
        name: String,
    },
    /// A system call that concerns no file failed.
    #[error("cannot {action}")]
    System {
        /// What was tried, as an infinitive.
        action: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// A spawn plan contradicts itself; nothing was started.
    #[error("cannot start '{}': {reason}", program.display())]
    Plan {
        /// The program to be started.
        program: PathBuf,
        /// The contradiction.
        reason: String,
    },
    /// A process could not be started; nothing of it is left.
    #[error("cannot start '{}': {stage} failed", program.display())]
    Spawn {
        /// The program to be started.
        program: PathBuf,
        /// The step that failed.
        stage: Stage,
        /// The system's reason.
        source: io::Error,
    },
    /// A program of the closed list is not installed.
    #[error("cannot find '{tool}' in any of the system's program directories")]
    ToolMissing {
        /// Name of the program.
        tool: &'static str,
    },
    /// A program ended with an unexpected status.
    #[error("'{tool}' {status}: {stderr}")]
    ToolFailed {
        /// Name of the program.
        tool: &'static str,
        /// How it ended, in words.
        status: String,
        /// Its error output, trimmed.
        stderr: String,
    },
    /// A program wrote more than its reader accepts and was killed.
    #[error("'{tool}' wrote more than {limit} bytes")]
    ToolOutput {
        /// Name of the program.
        tool: &'static str,
        /// Most bytes accepted.
        limit: usize,
    },
    /// An operation did not end in time and was given up.
    #[error("{what} did not end within {} seconds", limit.as_secs_f32())]
    Deadline {
        /// The operation, as a noun.
        what: String,
        /// The time it had.
        limit: Duration,
    },
    /// This host or this mode of the daemon does not offer something.
    #[error("{what} is not available: {reason}")]
    Unavailable {
        /// What is missing.
        what: String,
        /// Why.
        reason: String,
    },
    /// Somebody on the system bus refused, or could not be asked.
    #[error("{what} on the system bus failed: {reason}")]
    Bus {
        /// The method that was called.
        what: &'static str,
        /// The other side's words.
        reason: String,
    },
    /// A file belongs to another guest's user as long as that guest runs.
    #[error("'{}' is in use by another guest under a different user or group", path.display())]
    InUse {
        /// The file concerned.
        path: PathBuf,
    },
    /// A lock is held by another process.
    #[error("'{}' is locked by another process{}", path.display(), holder.map(|pid| format!(" ({pid})")).unwrap_or_default())]
    Locked {
        /// The lock file.
        path: PathBuf,
        /// The process that holds it, where the kernel or the file tells.
        holder: Option<i32>,
    },
}

impl Error {
    /// Makes the error of an action on a file, from the system's error: for `map_err`.
    pub fn file(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Error {
        let path = path.to_path_buf();
        move |source| Error::File { action, path, source }
    }

    /// Makes the error of an action on a network device, from the system's error: for `map_err`.
    pub fn device(action: &'static str, device: &str) -> impl FnOnce(io::Error) -> Error {
        let device = device.to_owned();
        move |source| Error::Device { action, device, source }
    }

    pub(crate) fn system(action: &'static str) -> impl FnOnce(io::Error) -> Error {
        move |source| Error::System { action, source }
    }

    pub(crate) fn malformed(path: &Path, what: impl Into<String>) -> Error {
        Error::Malformed { path: path.to_path_buf(), what: what.into() }
    }

    /// The system error below this one, if there is one.
    pub fn io(&self) -> Option<&io::Error> {
        match self {
            Error::File { source, .. }
            | Error::Device { source, .. }
            | Error::System { source, .. }
            | Error::Spawn { source, .. } => Some(source),
            _ => None,
        }
    }

    /// The errno below this error, if there is one.
    pub fn errno(&self) -> Option<i32> {
        self.io().and_then(io::Error::raw_os_error)
    }

    /// Whether the object did not exist.
    pub fn is_not_found(&self) -> bool {
        self.io().is_some_and(|e| e.kind() == io::ErrorKind::NotFound)
    }

    /// The text with its cause, as one line for a client or a log: "cannot open '/x': Permission denied".
    pub fn full_text(&self) -> String {
        match self.io() {
            Some(source) => format!("{self}: {}", plain(source)),
            None => self.to_string(),
        }
    }
}

/// The system's words for an error, without the "(os error N)" that the standard library appends.
fn plain(source: &io::Error) -> String {
    let text = source.to_string();
    match text.rfind(" (os error ") {
        Some(at) => text[..at].to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn full_text_names_object_and_cause_once() {
        let error = Error::file("open", Path::new("/etc/x"))(io::Error::from_raw_os_error(13));
        assert_eq!(error.to_string(), "cannot open '/etc/x'");
        assert_eq!(error.full_text(), "cannot open '/etc/x': Permission denied");
        assert_eq!(error.errno(), Some(13));
        assert!(!error.is_not_found());
    }
}
