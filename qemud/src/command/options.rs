//! How a plan will be used: for a start, or only to be shown.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use model::domain::Domain;
use model::domain::sysinfo::Smbios;

use super::secrets::Secrets;
use crate::capabilities::Processor;

/// What the plan is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// A real start: sockets are opened by the daemon and passed.
    Start,
    /// domxml-to-native: the line is only shown.
    Native,
}

/// How and where a guest will run.
#[derive(Clone, Debug)]
pub struct PlanOptions {
    /// Purpose.
    pub mode: Mode,
    /// Directories of the driver.
    pub dirs: Dirs,
    /// Id of the guest; -1 when it is only shown.
    pub id: i32,
    /// `-incoming` value of a migration or restore.
    pub incoming: Option<String>,
    /// Variables handed on from the daemon's environment, `PATH` first.
    pub env: Vec<(String, String)>,
    /// The host's processor, where it is known: decides about models and features.
    pub processor: Option<Arc<Processor>>,
    /// Generic devices of the host's SCSI units, by `host:bus:target:unit`: `/dev/sg0`.
    pub scsi_generic: BTreeMap<String, String>,
    /// Aliases of the interfaces whose packets the kernel moves: `/dev/vhost-net` is open for them.
    pub vhost: BTreeSet<String>,
    /// The host's own SMBIOS tables, where the definition asks for them and the host has any.
    pub host_smbios: Option<Smbios>,
    /// The host's render nodes (`/dev/dri/renderD…`); none: it has no such directory.
    pub render_nodes: Option<Vec<String>>,
    /// The values of secrets that the definition names; none where a command line is only shown.
    pub secrets: Secrets,
    /// Seconds since 1970, UTC: the clock that offsets are counted from.
    pub now: i64,
    /// Seconds that local time is ahead of UTC.
    pub local_offset: i64,
}

/// Directories of the driver.
#[derive(Clone, Debug, PartialEq)]
pub struct Dirs {
    /// `/var/lib/libvirt/qemu`
    pub lib: String,
    /// `/run/libvirt/qemu`
    pub run: String,
    /// `/var/lib/libvirt/qemu/channel/target`
    pub channel: String,
    /// `/var/lib/libvirt/qemu/nvram`
    pub nvram: String,
}

impl Dirs {
    /// Those of a system daemon.
    pub fn system() -> Dirs {
        Dirs {
            lib: "/var/lib/libvirt/qemu".to_owned(),
            run: "/run/libvirt/qemu".to_owned(),
            channel: "/var/lib/libvirt/qemu/channel/target".to_owned(),
            nvram: "/var/lib/libvirt/qemu/nvram".to_owned(),
        }
    }
}

impl PlanOptions {
    /// For domxml-to-native.
    pub fn native(dirs: Dirs, path: String, now: i64, local_offset: i64) -> PlanOptions {
        let env = vec![("PATH".to_owned(), path)];
        PlanOptions {
            mode: Mode::Native,
            dirs,
            id: -1,
            incoming: None,
            env,
            processor: None,
            scsi_generic: BTreeMap::new(),
            vhost: BTreeSet::new(),
            host_smbios: None,
            render_nodes: None,
            secrets: Secrets::default(),
            now,
            local_offset,
        }
    }

    /// Id and the first twenty characters of the name: unique, and short enough for socket paths.
    pub fn short_name(&self, domain: &Domain) -> String {
        let name: String = domain.name.chars().take(NAME_LENGTH).collect();
        format!("{}-{}", self.id, name)
    }

    /// Directory of the guest's sockets and key.
    pub fn domain_dir(&self, domain: &Domain) -> String {
        format!("{}/domain-{}", self.dirs.lib, self.short_name(domain))
    }

    /// Directory of the guest's channel sockets.
    pub fn channel_dir(&self, domain: &Domain) -> String {
        format!("{}/domain-{}", self.dirs.channel, self.short_name(domain))
    }
}

/// Characters of the name that paths hold.
const NAME_LENGTH: usize = 20;
