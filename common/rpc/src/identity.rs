//! Who a client is: as the kernel says, as authentication has proved, or as another daemon tells.

mod params;

pub use params::token_param;

use std::sync::{Arc, OnceLock};

use nix::unistd::{Gid, Group, Uid, User};

/// Process, user and group of a client, and the names it has proved. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Process that connected; `None` if the kernel cannot name it here.
    pub pid: Option<i32>,
    /// Its user when it connected.
    pub uid: Option<u32>,
    /// Its group when it connected.
    pub gid: Option<u32>,
    more: Arc<More>,
}

#[derive(Clone, Debug, Default)]
struct More {
    user: OnceLock<Option<String>>,
    group: OnceLock<Option<String>>,
    process_time: OnceLock<Option<u64>>,
    sasl_user: Option<String>,
    x509_dname: Option<String>,
    selinux_context: Option<String>,
    elevated: bool,
}

impl Identity {
    /// What is known; the names follow from the numbers.
    pub fn new(pid: Option<i32>, uid: Option<u32>, gid: Option<u32>) -> Self {
        Self { pid, uid, gid, more: Arc::default() }
    }

    /// Name of the user, if it has one. Asks the user database (may block) at the first call.
    pub fn user(&self) -> Option<&str> {
        let find = || User::from_uid(Uid::from_raw(self.uid?)).ok().flatten().map(|user| user.name);
        self.more.user.get_or_init(find).as_deref()
    }

    /// Name of the group, if it has one. Asks the group database (may block) at the first call.
    pub fn group(&self) -> Option<&str> {
        let find = || Group::from_gid(Gid::from_raw(self.gid?)).ok().flatten().map(|group| group.name);
        self.more.group.get_or_init(find).as_deref()
    }

    /// When the process started, in clock ticks since boot: with it the number means this process and no later one.
    /// `look` finds it at the first call, which should be soon after the client has connected.
    pub fn process_time(&self, look: impl FnOnce(i32) -> Option<u64>) -> Option<u64> {
        *self.more.process_time.get_or_init(|| self.pid.and_then(look))
    }

    /// The name that SASL proved.
    pub fn sasl_user(&self) -> Option<&str> {
        self.more.sasl_user.as_deref()
    }

    /// The distinguished name in the client's certificate.
    pub fn x509_dname(&self) -> Option<&str> {
        self.more.x509_dname.as_deref()
    }

    /// The security context of the process.
    pub fn selinux_context(&self) -> Option<&str> {
        self.more.selinux_context.as_deref()
    }

    /// Whether a daemon of this host calls for purposes of its own, such as the value of a private secret for a guest's
    /// disk: it has shown the system token.
    pub fn is_elevated(&self) -> bool {
        self.more.elevated
    }

    /// With the name that SASL has proved.
    #[must_use]
    pub fn with_sasl_user(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.more).sasl_user = Some(name.into());
        self
    }

    /// With the distinguished name of the client's certificate.
    #[must_use]
    pub fn with_x509_dname(mut self, name: impl Into<String>) -> Self {
        Arc::make_mut(&mut self.more).x509_dname = Some(name.into());
        self
    }

    /// As one that a daemon uses for purposes of its own.
    #[must_use]
    pub fn elevated(mut self) -> Self {
        Arc::make_mut(&mut self.more).elevated = true;
        self
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

    #[test]
    fn the_first_look_at_the_process_counts() {
        let identity = Identity::new(Some(7), Some(0), None);
        assert_eq!(identity.process_time(|pid| u64::try_from(pid).ok()), Some(7));
        assert_eq!(identity.clone().process_time(|_| None), Some(7));
        assert_eq!(Identity::default().process_time(|_| Some(1)), None);
    }
}
