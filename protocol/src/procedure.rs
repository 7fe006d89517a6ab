//! What is known about a procedure beside its types: who may call it, how urgent it is, what travels with it.
//!
//! Sessions decide by these rows; no driver repeats the checks. Each row is written once, in a `procedures!`
//! table.
//!
//! Which calls a read-only connection is refused (`writes`, `writes_when`) was seen on the reference: every
//! procedure was called on its read-only socket. Inferred from the permission they need: 249, 295, 443 and 2
//! of the qemu program (their argument checks come first), and what is younger than 9.0: 444, 447, 448, 450,
//! 451, 452, 456.

use crate::Fault;
use crate::fault::{ErrorCode, ErrorDomain};
use crate::subject::Leading;
use crate::xdr::{self, DecodeError, Xdr};

mod build;
mod table;

pub use table::find;
pub(crate) use table::{Index, index};

/// One procedure or event.
#[derive(Clone, Debug)]
pub struct Meta {
    /// Number of the program.
    pub program: u32,
    /// The trait the procedure is a method of.
    pub family: Family,
    /// Number inside the program.
    pub number: i32,
    /// Name of the procedure, without the program's name.
    pub name: &'static str,
    /// The public API that calls it, or that would: internal steps of migration have a name of the same form.
    pub api: &'static str,
    /// Name of the type of the arguments, or of an event's body.
    pub args: Option<&'static str>,
    /// Name of the type of the result.
    pub ret: Option<&'static str>,
    /// An event: sent by the server, never called.
    pub event: bool,
    /// Whether a stream follows, and which way its data goes.
    pub stream: StreamDirection,
    /// Flag of the call that allows holes in its stream; 0 where none does.
    pub sparse_flag: u32,
    /// Which messages carry descriptors.
    pub fds: Fds,
    /// High: answered by the reserved workers even while all ordinary ones are stuck.
    pub priority: Priority,
    /// Not to be called before authentication has succeeded.
    pub needs_auth: bool,
    /// Refused on a read-only connection, whatever the arguments are.
    pub writes: bool,
    /// Refused on a read-only connection where the deciding argument is like one of these.
    pub writes_when: &'static [When],
    /// What the caller must be allowed; all rules hold together.
    pub access: &'static [AccessRule],
    /// What the caller must be allowed with an object to see it in the result, or to get its events.
    pub filter: &'static [Filter],
    /// The object that the arguments, or an event's body, begin with.
    pub leading: Leading,
    /// Reads the deciding argument (usually `flags`) out of encoded arguments; there if some rule is
    /// conditional.
    pub argument: Option<ReadArgument>,
}

/// Reads one argument out of encoded arguments.
pub type ReadArgument = fn(&[u8]) -> Result<u32, DecodeError>;

/// A permission that a call needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AccessRule {
    /// Kind of object, as in the polkit action `org.libvirt.api.OBJECT.PERMISSION` (there with hyphens).
    pub object: &'static str,
    /// Permission on it.
    pub permission: &'static str,
    /// For which arguments.
    pub when: When,
}

/// A permission that decides whether an object is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Kind of object.
    pub object: &'static str,
    /// Permission on it.
    pub permission: &'static str,
}

/// Condition on the deciding argument of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// Holds for any arguments.
    Always,
    /// All these bits are set.
    All(u32),
    /// None of these bits is set.
    NoneOf(u32),
    /// The argument has this value.
    Equals(u32),
}

/// Direction of a stream's data, seen from the client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StreamDirection {
    /// The call opens no stream.
    None,
    /// Server to client.
    Read,
    /// Client to server.
    Write,
    /// Both ways (console, channel).
    Both,
}

/// Messages that carry descriptors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fds {
    /// None.
    None,
    /// The call.
    In,
    /// The reply.
    Out,
    /// Call and reply.
    Both,
}

/// Who runs a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Priority {
    /// The reserved workers may: the call ends without waiting for a guest or a disk.
    High,
    /// Ordinary workers only.
    Low,
}

/// The trait a procedure belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each variant is the trait of the same name")]
pub enum Family {
    Auth,
    Connect,
    DomainLifecycle,
    DomainDevices,
    DomainCompute,
    DomainBlock,
    DomainMigration,
    DomainAgent,
    DomainStats,
    DomainSnapshot,
    DomainCheckpoint,
    DomainEvents,
    Network,
    StoragePool,
    StorageVol,
    NodeDevice,
    Secret,
    Interface,
    Nwfilter,
    Qemu,
    Lxc,
    Admin,
    Keepalive,
    Log,
    Lock,
}

impl Meta {
    /// Whether a read-only connection is refused this call.
    ///
    /// # Errors
    /// The refusal hangs on the arguments, and `body` is not their encoding.
    pub fn refused_readonly(&self, body: &[u8]) -> Result<bool, DecodeError> {
        if self.writes || self.writes_when.is_empty() {
            return Ok(self.writes);
        }
        let argument = self.deciding(body)?;
        Ok(self.writes_when.iter().any(|when| when.holds(argument)))
    }

    /// The error of a call that [`Meta::refused_readonly`] refuses.
    pub fn readonly_fault(&self) -> Fault {
        // Documents are refused for their secret parts only, and the words say so.
        let detail = if self.writes || !self.api.ends_with("XMLDesc") {
            format!("read only access prevents {}", self.api)
        } else {
            format!("{} with secure flag", self.api)
        };
        Fault::new(self.family.errors(), ErrorCode::OPERATION_DENIED, detail)
    }

    /// The access rules that apply to these arguments.
    ///
    /// # Errors
    /// A rule is conditional, and `body` is not the encoding of the arguments.
    pub fn rules(&self, body: &[u8]) -> Result<impl Iterator<Item = &'static AccessRule>, DecodeError> {
        let argument = self.deciding(body)?;
        Ok(self.access.iter().filter(move |rule| rule.when.holds(argument)))
    }

    fn deciding(&self, body: &[u8]) -> Result<u32, DecodeError> {
        self.argument.map_or(Ok(0), |read| read(body))
    }
}

impl When {
    /// Whether the condition holds for this value of the argument.
    pub fn holds(self, argument: u32) -> bool {
        match self {
            Self::Always => true,
            Self::All(bits) => argument & bits == bits,
            Self::NoneOf(bits) => argument & bits == 0,
            Self::Equals(value) => argument == value,
        }
    }
}

impl Family {
    /// The error domain that the public functions of the family report under.
    pub fn errors(self) -> ErrorDomain {
        match self {
            Self::Auth | Self::Keepalive | Self::Admin | Self::Log => ErrorDomain::RPC,
            Self::Qemu | Self::Lxc => ErrorDomain::NONE,
            Self::Connect
            | Self::DomainLifecycle
            | Self::DomainDevices
            | Self::DomainCompute
            | Self::DomainBlock
            | Self::DomainMigration
            | Self::DomainAgent
            | Self::DomainStats
            | Self::DomainEvents => ErrorDomain::DOMAIN,
            Self::DomainSnapshot => ErrorDomain::DOMAIN_SNAPSHOT,
            Self::DomainCheckpoint => ErrorDomain::DOMAIN_CHECKPOINT,
            Self::Network => ErrorDomain::NETWORK,
            Self::StoragePool | Self::StorageVol => ErrorDomain::STORAGE,
            Self::NodeDevice => ErrorDomain::NODEDEV,
            Self::Secret => ErrorDomain::SECRET,
            Self::Interface => ErrorDomain::INTERFACE,
            Self::Nwfilter => ErrorDomain::NWFILTER,
            Self::Lock => ErrorDomain::LOCKING,
        }
    }
}

/// Decodes the arguments of a call.
pub(crate) fn arguments<A: Xdr>(body: &[u8]) -> Result<A, Fault> {
    xdr::from_slice(body).map_err(|error| Fault::rpc(format!("cannot decode the arguments: {error}")))
}

/// Encodes the result of a call.
pub(crate) fn reply<R: Xdr>(result: Result<R, Fault>) -> Result<Vec<u8>, Fault> {
    xdr::to_vec(&result?).map_err(|error| Fault::rpc(format!("cannot encode the result: {error}")))
}
