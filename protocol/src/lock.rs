//! The lock manager, which holds leases of guests' disks.

use crate::limits::LOCK_STRING_MAX;
use crate::procedure::{Index, index};
use crate::xdr::{Text, Uuid};
use crate::{Meta, client};

/// Number of the program.
pub const PROGRAM: u32 = 0x0ea7_beef;
/// Version of the program.
pub const VERSION: u32 = 1;

/// Marks the program in the type of its client.
#[derive(Debug)]
pub enum Program {}

/// Calls the procedures of the program.
pub type Client<T> = client::Client<Program, T>;

static TABLE: Index<9> = index(&[ROWS, EVENTS]);

/// The row of a procedure or event.
pub fn meta(number: i32) -> Option<&'static Meta> {
    TABLE.get(number)
}

procedures! {
    /// The lock manager, which holds leases of guests' disks.
    trait Lock in lock;

    /// Tells for which owner the connection acquires leases.
    1 register(RegisterArgs) -> () = "virLockManagerRegister";

    /// Allows the connection no more changes of lock spaces and resources.
    2 restrict(RestrictArgs) -> () = "virLockManagerRestrict";

    /// Opens a lock space in a directory.
    3 new(NewArgs) -> () = "virLockManagerNew";

    /// Creates a resource in a lock space.
    4 create_resource(CreateResourceArgs) -> () = "virLockManagerCreateResource";

    /// Deletes a resource of a lock space.
    5 delete_resource(DeleteResourceArgs) -> () = "virLockManagerDeleteResource";

    /// Acquires the lease of a resource.
    6 acquire_resource(AcquireResourceArgs) -> () = "virLockManagerAcquireResource";

    /// Releases the lease of a resource.
    7 release_resource(ReleaseResourceArgs) -> () = "virLockManagerReleaseResource";

    /// Creates a lock space in a directory.
    8 create_lockspace(CreateLockSpaceArgs) -> () = "virLockManagerCreateLockspace";
}

wire! {
    /// Who holds the leases of a connection.
    struct Owner { uuid: Uuid, name: Text<LOCK_STRING_MAX>, id: u32, pid: u32 }

    /// Arguments of `virLockManagerRegister` (1).
    struct RegisterArgs { owner: Owner, flags: u32 }

    /// Arguments of `virLockManagerRestrict` (2).
    struct RestrictArgs { flags: u32 }

    /// Arguments of `virLockManagerNew` (3).
    struct NewArgs { path: Text<LOCK_STRING_MAX>, flags: u32 }

    /// Arguments of `virLockManagerCreateResource` (4).
    struct CreateResourceArgs {
        path: Text<LOCK_STRING_MAX>,
        name: Text<LOCK_STRING_MAX>,
        flags: u32,
    }

    /// Arguments of `virLockManagerDeleteResource` (5).
    struct DeleteResourceArgs {
        path: Text<LOCK_STRING_MAX>,
        name: Text<LOCK_STRING_MAX>,
        flags: u32,
    }

    /// Arguments of `virLockManagerAcquireResource` (6).
    struct AcquireResourceArgs {
        path: Text<LOCK_STRING_MAX>,
        name: Text<LOCK_STRING_MAX>,
        flags: u32,
    }

    /// Arguments of `virLockManagerReleaseResource` (7).
    struct ReleaseResourceArgs {
        path: Text<LOCK_STRING_MAX>,
        name: Text<LOCK_STRING_MAX>,
        flags: u32,
    }

    /// Arguments of `virLockManagerCreateLockspace` (8).
    struct CreateLockSpaceArgs { path: Text<LOCK_STRING_MAX> }
}
