//! What only the LXC driver has; on the same connections as `remote`.

use crate::procedure::{Index, index};
use crate::shared::NonnullDomain;
use crate::{Meta, client};

/// Number of the program.
pub const PROGRAM: u32 = 0x0006_8000;
/// Version of the program.
pub const VERSION: u32 = 1;

/// Marks the program in the type of its client.
#[derive(Debug)]
pub enum Program {}

/// Calls the procedures of the program.
pub type Client<T> = client::Client<Program, T>;

static TABLE: Index<2> = index(&[ROWS, EVENTS]);

/// The row of a procedure or event.
pub fn meta(number: i32) -> Option<&'static Meta> {
    TABLE.get(number)
}

procedures! {
    /// What only the LXC driver has; on the same connections as `remote`.
    trait Lxc in lxc;

    /// Returns descriptors of the container's namespaces.
    1 domain_open_namespace(DomainOpenNamespaceArgs) -> () = "virDomainLxcOpenNamespace":
        writes, fds(Out), acl(domain: open_namespace);
}

wire! {
    /// Arguments of `virDomainLxcOpenNamespace` (1).
    struct DomainOpenNamespaceArgs { dom: NonnullDomain, flags: u32 }
}
