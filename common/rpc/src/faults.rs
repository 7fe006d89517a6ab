//! The errors that a session itself answers with.

use protocol::message::Header;
use protocol::{ErrorCode, ErrorDomain, Fault, Meta};

use crate::auth::Verdict;

/// Arguments that do not decode.
pub fn decode() -> Fault {
    Fault::rpc("Unable to decode message payload")
}

pub(crate) fn unknown_program(header: &Header) -> Fault {
    Fault::rpc(format!("Cannot find program {} version {}", header.program, header.version))
}

pub(crate) fn unknown_procedure(header: &Header) -> Fault {
    Fault::rpc(format!("unknown procedure: {}", header.procedure))
}

pub(crate) fn status(header: &Header) -> Fault {
    Fault::rpc(format!("Unexpected message status {}", header.status.word()))
}

pub(crate) fn unauthenticated() -> Fault {
    Fault::rpc("authentication required")
}

pub(crate) fn refused() -> Fault {
    Fault::new(ErrorDomain::RPC, ErrorCode::AUTH_FAILED, "authentication failed")
}

/// Why polkit's verdict keeps a client out; `None` if it does not. What has no answer is an error of its own, as clients
/// look for an agent where authentication is unavailable.
pub(crate) fn polkit(verdict: &Verdict, action: &str) -> Option<Fault> {
    let (code, detail) = match verdict {
        Verdict::Allowed => return None,
        Verdict::Denied => (ErrorCode::AUTH_FAILED, "access denied by policy".to_owned()),
        Verdict::NoAgent => (
            ErrorCode::AUTH_UNAVAILABLE,
            format!("no polkit agent available to authenticate action '{action}'"),
        ),
        Verdict::Dismissed => (ErrorCode::AUTH_CANCELLED, "the user has cancelled authentication".to_owned()),
        Verdict::NoBus(why) => (ErrorCode::INTERNAL_ERROR, format!("polkit cannot be asked: {why}")),
        Verdict::NoAnswer(why) => (ErrorCode::DBUS_SERVICE, format!("polkit: {why}")),
    };
    Some(Fault::new(ErrorDomain::POLKIT, code, detail))
}

pub(crate) fn readonly(meta: &Meta) -> Fault {
    Fault::new(
        meta.family.errors(),
        ErrorCode::OPERATION_DENIED,
        format!("read only access prevents {}", meta.api),
    )
}

pub(crate) fn panicked(meta: &Meta) -> Fault {
    Fault::internal(ErrorDomain::RPC, format!("procedure {} ended unexpectedly", meta.name))
}

pub(crate) fn reply_too_long(len: usize) -> Fault {
    Fault::rpc(format!("result of {len} bytes does not fit into a message"))
}

pub(crate) fn reply_descriptors(count: usize) -> Fault {
    Fault::internal(ErrorDomain::RPC, format!("{count} descriptors do not fit to a message"))
}

pub(crate) fn descriptors_by_network() -> Fault {
    Fault::internal(ErrorDomain::RPC, "descriptors cannot be sent to a client of the network")
}

pub(crate) fn stream_exists(meta: &Meta) -> Fault {
    Fault::rpc(format!("the call of {} has a stream already, or has been answered", meta.name))
}

pub(crate) fn too_many_streams(max: usize) -> Fault {
    Fault::rpc(format!("the client has {max} streams open, which is the limit"))
}

pub(crate) fn stream_packet(what: &str) -> Fault {
    Fault::internal(ErrorDomain::STREAMS, what)
}

pub(crate) fn stream_dropped() -> Fault {
    Fault::internal(ErrorDomain::STREAMS, "the stream ended before all its data was moved")
}
