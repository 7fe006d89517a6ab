//! Who a client is, as the kernel says.

use std::sync::{Arc, OnceLock};

use nix::unistd::{Gid, Group, Uid, User};

/// Process, user and group of a client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Identity {
    /// Process that connected; `None` if the kernel cannot name it here.
    pub pid: Option<i32>,
    /// Its user when it connected.
    pub uid: Option<u32>,
    /// Its group when it connected.
    pub gid: Option<u32>,
    names: Arc<Names>,
}

#[derive(Debug, Default)]
struct Names {
    user: OnceLock<Option<String>>,
    group: OnceLock<Option<String>>,
}

impl Identity {
    /// What is known; the names follow from the numbers.
    pub fn new(pid: Option<i32>, uid: Option<u32>, gid: Option<u32>) -> Self {
        Self { pid, uid, gid, names: Arc::default() }
    }

    /// Name of the user, if it has one. Asks the user database (may block) at the first call.
    pub fn user(&self) -> Option<&str> {
        let uid = Uid::from_raw(self.uid?);
        self.names.user.get_or_init(|| User::from_uid(uid).ok().flatten().map(|user| user.name)).as_deref()
    }

    /// Name of the group, if it has one. Asks the group database (may block) at the first call.
    pub fn group(&self) -> Option<&str> {
        let gid = Gid::from_raw(self.gid?);
        self.names
            .group
            .get_or_init(|| Group::from_gid(gid).ok().flatten().map(|group| group.name))
            .as_deref()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_follow_from_numbers() {
        let root = Identity::new(Some(1), Some(0), Some(0));
        assert_eq!((root.user(), root.group(), root.pid), (Some("root"), Some("root"), Some(1)));
        let nobody = Identity::new(None, Some(4_000_000_123), None);
        assert_eq!((nobody.user(), nobody.group(), nobody.uid), (None, None, Some(4_000_000_123)));
    }
}
