//! The wire error of a refused domain.

use protocol::{ErrorCode, ErrorDomain, Fault};

use super::error::DefaultsError;

impl From<DefaultsError> for Fault {
    fn from(error: DefaultsError) -> Self {
        let (code, domain) = error.numbers();
        match error {
            DefaultsError::Missing { detail, .. } => Fault::system(ErrorDomain(domain), ENOENT, detail),
            DefaultsError::Host { detail, errno, .. } => Fault::system(ErrorDomain(domain), errno, detail),
            other => Fault::new(ErrorDomain(domain), ErrorCode(code), other.to_string()),
        }
    }
}

/// errno of a missing file.
const ENOENT: i32 = 2;
