//! The error that travels in a reply.
//!
//! Clients show `message` and decide by `code` and `domain`; some match on the words of `message`. libvirt
//! makes it from a text that belongs to the code and a detail: "Domain not found: no domain with matching
//! name 'x'". The first text and its format are the interface's own words, kept in `fault/codes.rs`.

use std::fmt;

use crate::message::MessageError;
use crate::xdr::{self, STRING_MAX};

mod codes;
mod domains;

pub use codes::ErrorCode;
pub use domains::ErrorDomain;

/// Level of an error; 1 would be a warning.
const LEVEL_ERROR: i32 = 2;
/// What the reference puts into both numbers of most errors.
const NO_NUMBER: i32 = -1;

/// An error as clients get it.
#[derive(Clone, Debug, PartialEq)]
pub struct Fault {
    /// What went wrong.
    pub code: ErrorCode,
    /// Which part of the system says so.
    pub domain: ErrorDomain,
    /// 2 for an error, 1 for a warning.
    pub level: i32,
    /// The text for people.
    pub message: String,
    /// Usually the format that the message was made from.
    pub str1: Option<String>,
    /// Usually the detail in the message.
    pub str2: Option<String>,
    /// Whatever else the code calls for.
    pub str3: Option<String>,
    /// A number, such as an errno; -1 is none.
    pub int1: i32,
    /// Another number; -1 is none.
    pub int2: i32,
}

impl Fault {
    /// An error with a detail, which goes behind the words of the code.
    pub fn new(domain: ErrorDomain, code: ErrorCode, detail: impl Into<String>) -> Self {
        let detail = detail.into();
        let (before, after) = code.around();
        let message = format!("{before}{detail}{after}");
        Self {
            str1: Some(format!("{before}%s{after}")),
            str2: Some(detail),
            ..Self::with(domain, code, message)
        }
    }

    /// An error without a detail: "out of memory".
    pub fn bare(domain: ErrorDomain, code: ErrorCode) -> Self {
        let text = code.text();
        Self { str1: Some(text.to_owned()), ..Self::with(domain, code, text.to_owned()) }
    }

    /// A failed system call: the detail, then the system's words for `errno`, which `int1` gets too.
    pub fn system(domain: ErrorDomain, errno: i32, detail: impl fmt::Display) -> Self {
        let text = std::io::Error::from_raw_os_error(errno).to_string();
        let text = text.split(" (os error").next().unwrap_or_default();
        Self { int1: errno, ..Self::new(domain, ErrorCode::SYSTEM_ERROR, format!("{detail}: {text}")) }
    }

    /// The driver does not have the function of this name.
    pub fn unsupported(domain: ErrorDomain, api: &str) -> Self {
        Self::new(domain, ErrorCode::NO_SUPPORT, api)
    }

    /// Something that should not be.
    pub fn internal(domain: ErrorDomain, detail: impl Into<String>) -> Self {
        Self::new(domain, ErrorCode::INTERNAL_ERROR, detail)
    }

    /// An argument that is wrong whatever the state is.
    pub fn invalid_arg(domain: ErrorDomain, detail: impl Into<String>) -> Self {
        Self::new(domain, ErrorCode::INVALID_ARG, detail)
    }

    /// A fault of the conversation itself: unknown procedure, arguments that do not decode, no
    /// authentication.
    pub fn rpc(detail: impl Into<String>) -> Self {
        Self::new(ErrorDomain::RPC, ErrorCode::RPC, detail)
    }

    /// A failure that nobody explained.
    pub fn unknown() -> Self {
        let message = "the call failed, and nothing tells why".to_owned();
        Self { int1: 0, int2: 0, ..Self::with(ErrorDomain::RPC, ErrorCode::INTERNAL_ERROR, message) }
    }

    /// Replaces the three texts.
    #[must_use]
    pub fn strings(mut self, str1: Option<String>, str2: Option<String>, str3: Option<String>) -> Self {
        (self.str1, self.str2, self.str3) = (str1, str2, str3);
        self
    }

    /// Replaces the two numbers.
    #[must_use]
    pub fn ints(mut self, int1: i32, int2: i32) -> Self {
        (self.int1, self.int2) = (int1, int2);
        self
    }

    /// Replaces the level.
    #[must_use]
    pub fn level(mut self, level: i32) -> Self {
        self.level = level;
        self
    }

    /// The form on the wire. Texts are cut at a NUL, and at the limit that strings have there.
    pub fn to_wire(&self) -> MessageError {
        let text = |text: &Option<String>| text.as_deref().map(sendable);
        MessageError {
            code: self.code.0,
            domain: self.domain.0,
            message: Some(sendable(&self.message)),
            level: self.level,
            dom: None,
            str1: text(&self.str1),
            str2: text(&self.str2),
            str3: text(&self.str3),
            int1: self.int1,
            int2: self.int2,
            net: None,
        }
    }

    /// The body of an error reply.
    pub fn to_vec(&self) -> Vec<u8> {
        // `to_wire` keeps to the limits, which are all that can fail.
        xdr::to_vec(&self.to_wire()).unwrap_or_default()
    }

    /// An error that a server sent.
    pub fn from_wire(error: MessageError) -> Self {
        Self {
            code: ErrorCode(error.code),
            domain: ErrorDomain(error.domain),
            level: error.level,
            message: error.message.unwrap_or_default(),
            str1: error.str1,
            str2: error.str2,
            str3: error.str3,
            int1: error.int1,
            int2: error.int2,
        }
    }

    fn with(domain: ErrorDomain, code: ErrorCode, message: String) -> Self {
        let (level, int1, int2) = (LEVEL_ERROR, NO_NUMBER, NO_NUMBER);
        Self { code, domain, level, message, str1: None, str2: None, str3: None, int1, int2 }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Fault {}

/// The part of a text that fits on the wire. A message of four such texts stays below the limit of a message.
fn sendable(text: &str) -> String {
    let text = text.split('\0').next().unwrap_or_default();
    let end = (0..=text.len().min(STRING_MAX)).rev().find(|&end| text.is_char_boundary(end));
    text[..end.unwrap_or_default()].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(fault: &Fault) -> (&str, Option<&str>, Option<&str>) {
        (&fault.message, fault.str1.as_deref(), fault.str2.as_deref())
    }

    #[test]
    fn detail_goes_behind_the_words_of_the_code() {
        let fault = Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN, "no domain with matching name 'x'");
        assert_eq!(
            texts(&fault),
            (
                "Domain not found: no domain with matching name 'x'",
                Some("Domain not found: %s"),
                Some("no domain with matching name 'x'")
            )
        );
        assert_eq!((fault.code.0, fault.domain.0, fault.level, fault.int1, fault.int2), (42, 10, 2, -1, -1));
    }

    #[test]
    fn detail_alone_and_inside() {
        let fault = Fault::rpc("authentication required");
        assert_eq!(texts(&fault), ("authentication required", Some("%s"), Some("authentication required")));
        let fault = Fault::new(ErrorDomain::STORAGE, ErrorCode::STORAGE_VOL_EXIST, "'v'");
        assert_eq!(fault.message, "storage volume 'v' exists already");
        assert_eq!(Fault::bare(ErrorDomain::DOMAIN, ErrorCode::NO_NAME).message, "missing name information");
        assert_eq!(Fault::new(ErrorDomain::NONE, ErrorCode(9999), "x").message, "x");
    }

    #[test]
    fn system_errors_name_the_cause() {
        let fault = Fault::system(ErrorDomain::STORAGE, 2, "cannot open directory '/x'");
        assert_eq!(fault.message, "cannot open directory '/x': No such file or directory");
        assert_eq!((fault.int1, fault.code), (2, ErrorCode::SYSTEM_ERROR));
    }

    #[test]
    fn any_text_can_be_sent() {
        let long = format!("{}é", "x".repeat(STRING_MAX - 1));
        let fault = Fault::rpc(long).strings(Some("a\0b".to_owned()), None, Some(String::new()));
        let sent: MessageError = xdr::from_slice(&fault.to_vec()).expect("decodes");
        assert_eq!(sent.message.map(|m| m.len()), Some(STRING_MAX - 1));
        assert_eq!((sent.str1.as_deref(), sent.str2, sent.str3.as_deref()), (Some("a"), None, Some("")));
    }

    #[test]
    fn wire_and_back() {
        let fault = Fault::unsupported(ErrorDomain::DOMAIN, "virDomainGetMessages").ints(3, 4).level(1);
        assert_eq!(Fault::from_wire(fault.to_wire()), fault);
    }
}
