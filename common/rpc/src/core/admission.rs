//! What a message deserves: a pure function of its header and body, the standing of the client, and the table of procedures.

use protocol::message::{Header, Kind, Status};
use protocol::{Fault, Meta, keepalive, remote};

use crate::faults;
use crate::service::Unknown;

/// First and last procedure of authentication in the remote program.
const AUTH_FIRST: i32 = 66;
const AUTH_LAST: i32 = 70;

/// What the client may do at the moment.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Standing {
    /// It has proved who it is, or need not.
    pub(crate) authenticated: bool,
    /// It may only read.
    pub(crate) readonly: bool,
}

/// What to do with a message.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// Nothing; the connection stays.
    Ignore,
    /// Answer a ping.
    Pong,
    /// A packet for a stream, if it is open.
    Stream {
        /// A hole instead of data.
        hole: bool,
    },
    /// An error reply.
    Refuse(Fault),
    /// A step of authentication.
    Authenticate(&'static Meta),
    /// Run it.
    Call(&'static Meta),
}

/// Judges a message in the order in which the reference does: program, status, procedure, authentication, access.
pub(crate) fn judge(
    header: &Header,
    body: &[u8],
    standing: Standing,
    meta: impl Fn(u32, u32, i32) -> Result<&'static Meta, Unknown>,
) -> Verdict {
    match header.kind {
        Kind::Call | Kind::CallWithFds => {
            judge_call(header, body, standing, meta).unwrap_or_else(Verdict::Refuse)
        }
        Kind::Message if is_ping(header) => Verdict::Pong,
        Kind::Stream => Verdict::Stream { hole: false },
        Kind::StreamHole => Verdict::Stream { hole: true },
        Kind::Message | Kind::Reply | Kind::ReplyWithFds | Kind::Other(_) => Verdict::Ignore,
    }
}

fn judge_call(
    header: &Header,
    body: &[u8],
    standing: Standing,
    meta: impl Fn(u32, u32, i32) -> Result<&'static Meta, Unknown>,
) -> Result<Verdict, Fault> {
    let known = meta(header.program, header.version, header.procedure);
    if let Err(Unknown::Program | Unknown::Version) = known {
        return Err(faults::unknown_program(header));
    }
    if header.status != Status::Ok {
        return Err(faults::status(header));
    }
    let meta = known.ok().filter(|meta| !meta.event).ok_or_else(|| faults::unknown_procedure(header))?;
    if header.program == remote::PROGRAM && (AUTH_FIRST..=AUTH_LAST).contains(&header.procedure) {
        return Ok(Verdict::Authenticate(meta));
    }
    if meta.needs_auth && !standing.authenticated {
        return Err(faults::unauthenticated());
    }
    if standing.readonly && meta.refused_readonly(body).map_err(|_| faults::decode())? {
        return Err(faults::readonly(meta));
    }
    Ok(Verdict::Call(meta))
}

fn is_ping(header: &Header) -> bool {
    (header.program, header.version, header.procedure)
        == (keepalive::PROGRAM, keepalive::VERSION, keepalive::rows::ping.number)
}

#[cfg(test)]
mod tests {
    use protocol::{ErrorCode, ErrorDomain};

    use super::*;

    const FULL: Standing = Standing { authenticated: true, readonly: false };

    fn call(procedure: i32) -> Header {
        Header {
            program: remote::PROGRAM,
            version: 1,
            procedure,
            kind: Kind::Call,
            serial: 1,
            status: Status::Ok,
        }
    }

    fn verdict(header: Header, standing: Standing) -> Verdict {
        judge(&header, &[0; 64], standing, |p, v, n| crate::service::known(p, v, n, &[(remote::PROGRAM, 1)]))
    }

    fn refusal(header: Header, standing: Standing) -> Fault {
        match verdict(header, standing) {
            Verdict::Refuse(fault) => fault,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn unknown_numbers_are_named() {
        for (header, text) in [
            (Header { program: 77, ..call(3) }, "Cannot find program 77 version 1"),
            (Header { version: 9, ..call(3) }, "Cannot find program 536903814 version 9"),
            (Header { status: Status::Error, ..call(60) }, "Unexpected message status 1"),
            (Header { status: Status::Other(7), ..call(60) }, "Unexpected message status 7"),
            (call(9999), "unknown procedure: 9999"),
            (call(-5), "unknown procedure: -5"),
            (call(107), "unknown procedure: 107"),
        ] {
            let fault = refusal(header, FULL);
            assert_eq!((fault.message.as_str(), fault.code), (text, ErrorCode::RPC));
        }
    }

    #[test]
    fn what_is_no_call_gets_no_answer() {
        for kind in [Kind::Reply, Kind::ReplyWithFds, Kind::Message, Kind::Other(9)] {
            assert!(matches!(verdict(Header { kind, ..call(60) }, FULL), Verdict::Ignore));
        }
        assert!(matches!(
            verdict(Header { kind: Kind::StreamHole, ..call(208) }, FULL),
            Verdict::Stream { hole: true }
        ));
    }

    #[test]
    fn only_a_good_ping_gets_a_pong() {
        let ping = Header { program: keepalive::PROGRAM, kind: Kind::Message, serial: 0, ..call(1) };
        assert!(matches!(verdict(ping, FULL), Verdict::Pong));
        for other in
            [Header { version: 2, ..ping }, Header { procedure: 3, ..ping }, Header { procedure: 2, ..ping }]
        {
            assert!(matches!(verdict(other, FULL), Verdict::Ignore));
        }
        assert!(matches!(verdict(Header { kind: Kind::Call, ..ping }, FULL), Verdict::Refuse(_)));
    }

    #[test]
    fn authentication_goes_first() {
        let stranger = Standing { authenticated: false, readonly: false };
        assert_eq!(refusal(call(1), stranger).message, "authentication required");
        for number in 66..=70 {
            assert!(matches!(verdict(call(number), stranger), Verdict::Authenticate(_)));
        }
    }

    #[test]
    fn a_reader_may_not_write() {
        let reader = Standing { authenticated: true, readonly: true };
        let fault = refusal(call(11), reader);
        assert_eq!(fault.message, "operation forbidden: read only access prevents virDomainDefineXML");
        assert_eq!((fault.code, fault.domain), (ErrorCode::OPERATION_DENIED, ErrorDomain::DOMAIN));
        assert_eq!(refusal(call(41), reader).domain, ErrorDomain::NETWORK);
        assert!(matches!(verdict(call(3), reader), Verdict::Call(_)));
    }
}
