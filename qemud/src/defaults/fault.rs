//! The wire error of a refused domain.

use protocol::{ErrorCode, ErrorDomain, Fault};

use super::error::DefaultsError;

impl From<DefaultsError> for Fault {
    fn from(error: DefaultsError) -> Self {
        let (code, domain) = error.numbers();
        if let DefaultsError::Missing { detail, .. } = &error {
            return Fault::system(ErrorDomain(domain), ENOENT, detail.clone());
        }
        Fault::new(ErrorDomain(domain), ErrorCode(code), error.to_string())
    }
}

/// errno of a missing file.
const ENOENT: i32 = 2;
