//! One client's connection to a driver: opened by its URI, with what the client has asked for.
//!
//! Every daemon keeps a [`Connection`] with each session, and answers the calls about the connection itself by it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use protocol::consts::{ConnectFlags, drv_feature};
use protocol::procedure::Meta;
use protocol::remote::{self, ConnectOpenArgs};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::{Call, Session};

/// The state of a session beside its subscriptions, which the event hub keeps.
#[derive(Debug, Default)]
pub struct Connection {
    open: AtomicBool,
    close_callback: AtomicBool,
}

/// The URIs that a driver answers to.
#[derive(Debug, Clone, Copy)]
pub struct Uris {
    /// Before the colon: "qemu".
    pub scheme: &'static str,
    /// The driver's name in errors.
    pub name: &'static str,
    /// The URI that the driver has itself.
    pub own: &'static str,
    /// Paths that clients may name.
    pub paths: &'static [&'static str],
}

impl Connection {
    /// That of a session.
    pub fn of(session: &Session) -> Arc<Self> {
        session.extension()
    }

    /// Open it, if the URI is one of the driver's (procedure 1).
    ///
    /// # Errors
    /// A URI that means another driver, or a connection that is open already.
    pub fn open(call: &Call, uris: &Uris, args: &ConnectOpenArgs) -> Result<(), Fault> {
        uris.check(args.name.as_deref())?;
        if Self::of(call.session()).open.swap(true, Ordering::AcqRel) {
            return Err(Fault::internal(ErrorDomain::RPC, "the connection is open already"));
        }
        // Clients also send flags of their own library's inside; only the read-only one concerns a daemon.
        if ConnectFlags::from_bits_retain(args.flags).contains(ConnectFlags::RO) {
            call.session().set_readonly();
        }
        Ok(())
    }

    /// Mark it closed by the client.
    pub fn close(&self) {
        self.open.store(false, Ordering::Release);
    }

    /// Whether the call may be made now: all but the opening itself and what a client asks before it need an open
    /// connection.
    ///
    /// # Errors
    /// It is not open.
    pub fn check_open(call: &Call) -> Result<(), Fault> {
        let meta: &Meta = call.meta();
        let before = meta.program == remote::PROGRAM
            && [
                remote::rows::connect_open.number,
                remote::rows::connect_close.number,
                remote::rows::connect_supports_feature.number,
            ]
            .contains(&meta.number);
        if before { Ok(()) } else { Self::of(call.session()).need_open() }
    }

    /// Whether the driver has a feature, `offered` being all it has (procedure 60). The question after keepalive switches
    /// it on, and is the only one before the opening.
    ///
    /// # Errors
    /// Another question on a connection that is not open.
    pub fn feature(call: &Call, feature: i32, offered: &[i32]) -> Result<i32, Fault> {
        if feature == drv_feature::PROGRAM_KEEPALIVE {
            call.session().enable_keepalive();
        } else {
            Self::of(call.session()).need_open()?;
        }
        Ok(offered.contains(&feature).into())
    }

    /// Register or unregister for the close event (procedures 360 and 361).
    ///
    /// # Errors
    /// It is so already.
    pub fn set_close_callback(call: &Call, wanted: bool) -> Result<(), Fault> {
        if Self::of(call.session()).close_callback.swap(wanted, Ordering::AcqRel) != wanted {
            return Ok(());
        }
        let detail =
            if wanted { "a close callback is registered already" } else { "no close callback is registered" };
        Err(Fault::new(ErrorDomain::RPC, ErrorCode::OPERATION_INVALID, detail))
    }

    fn need_open(&self) -> Result<(), Fault> {
        if self.open.load(Ordering::Acquire) {
            return Ok(());
        }
        Err(Fault::internal(ErrorDomain::RPC, "the connection to the hypervisor is not open"))
    }
}

impl Uris {
    /// Whether a client means this driver: no URI at all, or one of the driver's.
    ///
    /// # Errors
    /// `VIR_ERR_NO_CONNECT` for another driver or host, an internal error for another path.
    pub fn check(&self, uri: Option<&str>) -> Result<(), Fault> {
        let Some(uri) = uri.filter(|uri| !uri.is_empty()) else { return Ok(()) };
        let no_driver = || {
            let detail = format!("no connection driver available for {uri}");
            Fault::new(ErrorDomain::NONE, ErrorCode::NO_CONNECT, detail)
        };
        let (scheme, rest) = uri.split_once(':').ok_or_else(no_driver)?;
        if scheme.split('+').next() != Some(self.scheme) {
            return Err(no_driver());
        }
        let (server, path) = match rest.strip_prefix("//") {
            Some(rest) => rest.split_at(rest.find('/').unwrap_or(rest.len())),
            None => ("", rest),
        };
        if !server.is_empty() {
            return Err(no_driver());
        }
        let path = path.split(['?', '#']).next().unwrap_or_default();
        if self.paths.contains(&path) {
            return Ok(());
        }
        let detail = format!("unexpected {} URI path '{path}', try {}", self.name, self.own);
        Err(Fault::internal(ErrorDomain::NONE, detail))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn uris() {
        let uris = Uris { scheme: "secret", name: "secret", own: "secret:///system", paths: &["/system"] };
        for fine in [
            None,
            Some(""),
            Some("secret:///system"),
            Some("secret+unix:///system?x=1"),
            Some("secret:/system"),
        ] {
            uris.check(fine).unwrap();
        }
        for other in ["qemu:///system", "secrets:///system", "secret", "secret://host/system"] {
            assert_eq!(uris.check(Some(other)).unwrap_err().code, ErrorCode::NO_CONNECT, "{other}");
        }
        for path in ["secret:///session", "secret:///", "secret://", "secret:///system/x"] {
            let refused = uris.check(Some(path)).unwrap_err();
            assert_eq!(refused.code, ErrorCode::INTERNAL_ERROR, "{path}");
            assert!(refused.message.contains("try secret:///system"), "{}", refused.message);
        }
    }
}
