//! The words of a row in a `procedures!` table: each sets one field of [`Meta`], at compile time.

use crate::subject::Leading;

use super::{AccessRule, Family, Fds, Filter, Meta, Priority, ReadArgument, StreamDirection, When};

impl Meta {
    /// A row with nothing special: low priority, after authentication, allowed on read-only connections.
    pub(crate) const fn row(
        program: u32,
        family: Family,
        number: i32,
        name: &'static str,
        api: &'static str,
    ) -> Self {
        Self {
            program,
            family,
            number,
            name,
            api,
            args: None,
            ret: None,
            event: false,
            stream: StreamDirection::None,
            sparse_flag: 0,
            fds: Fds::None,
            priority: Priority::Low,
            needs_auth: true,
            writes: false,
            writes_when: &[],
            access: &[],
            filter: &[],
            leading: Leading::Nothing,
            argument: None,
        }
    }

    /// Types of arguments (or an event's body) and result, as the table spells them; `()` is none.
    pub(crate) const fn types(mut self, args: &'static str, ret: &'static str) -> Self {
        self.args = named(args);
        self.ret = named(ret);
        self
    }

    /// The object that the arguments begin with.
    pub(crate) const fn leading(mut self, leading: Leading) -> Self {
        self.leading = leading;
        self
    }

    /// An event.
    pub(crate) const fn event(mut self) -> Self {
        self.event = true;
        self
    }

    /// `high`: the reserved workers may run it.
    pub(crate) const fn high(mut self) -> Self {
        self.priority = Priority::High;
        self
    }

    /// `writes`: refused on a read-only connection.
    pub(crate) const fn writes(mut self) -> Self {
        self.writes = true;
        self
    }

    /// `writes_when(CONDITION, ..)`: refused on a read-only connection for some arguments.
    pub(crate) const fn writes_when(mut self, when: &'static [When]) -> Self {
        self.writes_when = when;
        self
    }

    /// `before_auth`: part of authentication itself.
    pub(crate) const fn before_auth(mut self) -> Self {
        self.needs_auth = false;
        self
    }

    /// `stream(DIRECTION)`: a stream follows.
    pub(crate) const fn stream(mut self, direction: StreamDirection) -> Self {
        self.stream = direction;
        self
    }

    /// `sparse(FLAG)`: with this flag the stream may have holes.
    pub(crate) const fn sparse(mut self, flag: u32) -> Self {
        self.sparse_flag = flag;
        self
    }

    /// `fds(MESSAGES)`: which of them carry descriptors.
    pub(crate) const fn fds(mut self, fds: Fds) -> Self {
        self.fds = fds;
        self
    }

    /// `acl(OBJECT: PERMISSION, ..)`.
    pub(crate) const fn acl(mut self, access: &'static [AccessRule]) -> Self {
        self.access = access;
        self
    }

    /// `filter(OBJECT: PERMISSION)`.
    pub(crate) const fn filter(mut self, filter: &'static [Filter]) -> Self {
        self.filter = filter;
        self
    }

    /// `decided_by(ARGS.FIELD)`: the argument that conditions are about.
    pub(crate) const fn decided_by(mut self, read: ReadArgument) -> Self {
        self.argument = Some(read);
        self
    }
}

const fn named(name: &'static str) -> Option<&'static str> {
    match name.as_bytes() {
        b"" | b"()" => None,
        _ => Some(name),
    }
}
