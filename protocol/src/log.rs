//! The log manager, which keeps guests' logs while daemons restart.

use crate::procedure::{Index, index};
use crate::xdr::Uuid;
use crate::{Meta, client};

/// Number of the program.
pub const PROGRAM: u32 = 0x8753_9319;
/// Version of the program.
pub const VERSION: u32 = 1;

/// Marks the program in the type of its client.
#[derive(Debug)]
pub enum Program {}

/// Calls the procedures of the program.
pub type Client<T> = client::Client<Program, T>;

static TABLE: Index<5> = index(&[ROWS, EVENTS]);

/// The row of a procedure or event.
pub fn meta(number: i32) -> Option<&'static Meta> {
    TABLE.get(number)
}

procedures! {
    /// The log manager, which keeps guests' logs while daemons restart.
    trait Log in log;

    /// Opens the log of a guest for writing; the reply brings a descriptor.
    1 domain_open_log_file(DomainOpenLogFileArgs)
        -> DomainOpenLogFileRet = "virLogManagerDomainOpenLogFile":
        fds(Out);

    /// Tells where the log ends.
    2 domain_get_log_file_position(DomainGetLogFilePositionArgs)
        -> DomainGetLogFilePositionRet = "virLogManagerDomainGetLogFilePosition";

    /// Reads from a log, or from the older file it was rotated to.
    3 domain_read_log_file(DomainReadLogFileArgs)
        -> DomainReadLogFileRet = "virLogManagerDomainReadLogFile";

    /// Appends a message to a log.
    4 domain_append_log_file(DomainAppendLogFileArgs)
        -> DomainAppendLogFileRet = "virLogManagerDomainAppendLogFile";
}

wire! {
    /// The guest that a log belongs to.
    struct Domain { uuid: Uuid, name: String }

    /// Arguments of `virLogManagerDomainOpenLogFile` (1).
    struct DomainOpenLogFileArgs { driver: String, dom: Domain, path: String, flags: u32 }

    /// Position in a log; the inode tells rotated files apart.
    struct LogFilePosition { inode: u64, offset: u64 }

    /// Result of `virLogManagerDomainOpenLogFile` (1).
    struct DomainOpenLogFileRet { pos: LogFilePosition }

    /// Arguments of `virLogManagerDomainGetLogFilePosition` (2).
    struct DomainGetLogFilePositionArgs { path: String, flags: u32 }

    /// Result of `virLogManagerDomainGetLogFilePosition` (2).
    struct DomainGetLogFilePositionRet { pos: LogFilePosition }

    /// Arguments of `virLogManagerDomainReadLogFile` (3).
    struct DomainReadLogFileArgs { path: String, pos: LogFilePosition, maxlen: u64, flags: u32 }

    /// Result of `virLogManagerDomainReadLogFile` (3).
    struct DomainReadLogFileRet { data: String }

    /// Arguments of `virLogManagerDomainAppendLogFile` (4).
    struct DomainAppendLogFileArgs {
        driver: String,
        dom: Domain,
        path: String,
        message: String,
        flags: u32,
    }

    /// Result of `virLogManagerDomainAppendLogFile` (4).
    struct DomainAppendLogFileRet { ret: i32 }
}
