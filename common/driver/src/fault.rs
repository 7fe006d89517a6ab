//! The one place where the errors of `model`, `host` and of this crate become wire errors. The object's kind
//! gives the error's domain; each function here makes the converter for it, to be used in `map_err`.

use std::error::Error;

use model::xml::{ErrorKind, Scope, XmlError};
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::events::EventError;
use crate::jobs::JobError;

/// An error of the machine: a file, a process, a tool.
pub fn host(domain: ErrorDomain) -> impl Fn(host::Error) -> Fault {
    move |error| {
        let text = chain(&error);
        match os_error(&error) {
            // The error's chain ends with the system's own words; the code says that they are the system's.
            Some(errno) => Fault::new(domain, ErrorCode::SYSTEM_ERROR, text).ints(errno, -1),
            None => match error {
                host::Error::Deadline { .. } => Fault::new(domain, ErrorCode::OPERATION_TIMEOUT, text),
                host::Error::Name { .. } => Fault::new(domain, ErrorCode::INVALID_ARG, text),
                host::Error::InUse { .. } => Fault::new(domain, ErrorCode::OPERATION_INVALID, text),
                host::Error::Bus { .. } => Fault::new(ErrorDomain::DBUS, ErrorCode::DBUS_SERVICE, text),
                host::Error::Unavailable { .. } => Fault::new(domain, ErrorCode::NO_SUPPORT, text),
                _ => Fault::new(domain, ErrorCode::INTERNAL_ERROR, text),
            },
        }
    }
}

/// A job that was not granted.
pub fn job(domain: ErrorDomain) -> impl Fn(JobError) -> Fault {
    move |error| {
        let code = match &error {
            JobError::Timeout { .. } => ErrorCode::OPERATION_TIMEOUT,
            JobError::TooManyWaiting { .. } => ErrorCode::OPERATION_FAILED,
        };
        Fault::new(domain, code, error.to_string())
    }
}

/// A subscription that was refused.
pub fn event(domain: ErrorDomain) -> impl Fn(EventError) -> Fault {
    move |error| match &error {
        EventError::Twice(_) | EventError::Unknown(_) => Fault::internal(domain, error.to_string()),
        EventError::TooMany(_) => Fault::new(domain, ErrorCode::OPERATION_FAILED, error.to_string()),
    }
}

/// A document that cannot be parsed or is not valid. Its own scope gives the error's domain.
pub fn xml(error: XmlError) -> Fault {
    let code = match error.kind {
        ErrorKind::Xml => ErrorCode::XML_ERROR,
        ErrorKind::Detail => ErrorCode::XML_DETAIL,
        ErrorKind::Unsupported => ErrorCode::CONFIG_UNSUPPORTED,
        ErrorKind::Internal => ErrorCode::INTERNAL_ERROR,
        ErrorKind::InvalidArg => ErrorCode::INVALID_ARG,
        ErrorKind::Overflow => ErrorCode::OVERFLOW,
        ErrorKind::NoRoot => ErrorCode::NO_ROOT,
        ErrorKind::NoSource => ErrorCode::NO_SOURCE,
        ErrorKind::NoTarget => ErrorCode::NO_TARGET,
        ErrorKind::NoName => ErrorCode::NO_NAME,
        ErrorKind::OsType => ErrorCode::OS_TYPE,
    };
    let domain = match error.scope {
        Scope::None => ErrorDomain::NONE,
        Scope::Xml => ErrorDomain::XML,
        Scope::Network => ErrorDomain::NETWORK,
        Scope::Domain => ErrorDomain::DOMAIN,
        Scope::Storage => ErrorDomain::STORAGE,
        Scope::Cpu => ErrorDomain::CPU,
        Scope::Sysinfo => ErrorDomain::SYSINFO,
        Scope::Device => ErrorDomain::DEVICE,
        Scope::Capabilities => ErrorDomain::CAPABILITIES,
        Scope::Resctrl => ErrorDomain::RESCTRL,
        Scope::Secret => ErrorDomain::SECRET,
    };
    match (error.kind, error.message.is_empty()) {
        (_, true) => Fault::bare(domain, code),
        _ => Fault::new(domain, code, error.message),
    }
}

/// The error and its causes, in one line.
pub fn chain(error: &dyn Error) -> String {
    let mut text = one(error);
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&one(error));
        cause = error.source();
    }
    text
}

/// An error without its causes; a system's error without its number, which the fault carries beside the text.
fn one(error: &dyn Error) -> String {
    let mut text = error.to_string();
    if text.ends_with(')')
        && let Some(at) = text.rfind(" (os error ")
    {
        text.truncate(at);
    }
    text
}

/// The system's error number, if a system call is the cause.
fn os_error(error: &(dyn Error + 'static)) -> Option<i32> {
    let mut cause = Some(error);
    while let Some(error) = cause {
        if let Some(io) = error.downcast_ref::<std::io::Error>() {
            return io.raw_os_error();
        }
        cause = error.source();
    }
    None
}
