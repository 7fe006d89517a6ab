//! What all calls of virtqemud share: the domains, the emulators' capabilities, the clients' subscriptions.

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};

use ::driver::access::{Access, Listener};
use ::driver::documents::Documents;
use ::driver::events::EventHub;
use ::driver::flags;
use ::driver::registry::Registry;
use ::driver::removals::Removals;
use arc_swap::ArcSwapOption;
use host::cgroup::Cgroups;
use host::machined::Machined;
use host::paths::Paths;
use protocol::consts::FlagSet;
use protocol::remote::NonnullDomain;
use protocol::{ErrorCode, ErrorDomain, Fault};
use uuid::Uuid;

use crate::capabilities::Capabilities;
use crate::config::Config;
use crate::domain::{Domain, View};
use crate::hostfacts::{Gathered, Mounts};
use crate::ports::Ports;
use crate::process::log::Logs;

/// The shared state of the daemon. One per process.
pub struct Driver {
    /// The daemon's frame: what holds off the idle exit, and the way to stop.
    pub context: daemon::Context,
    /// Directories.
    pub paths: Arc<Paths>,
    /// What qemu.conf says.
    pub config: Config,
    /// All domains.
    pub domains: Registry<Domain>,
    /// Who wants to hear of what.
    pub events: EventHub<Listener>,
    /// What clients may do with which domain.
    pub access: Access,
    /// The emulators found on the host.
    pub capabilities: Capabilities,
    /// Definitions on disk.
    pub definitions: Documents,
    /// Status documents of running guests.
    pub statuses: Documents,
    /// Guests' logs.
    pub logs: Logs,
    /// Files taken away that the disk does not know of yet.
    pub removals: Removals,
    /// VNC ports given out.
    pub ports: Ports,
    /// Names of network devices given out.
    pub names: crate::network::Names,
    /// The host's control groups, where guests are put into them.
    pub cgroups: Option<Cgroups>,
    /// Where guests are registered, if somebody is there.
    pub machined: Machined,
    /// The installed schemas.
    #[cfg(feature = "validate")]
    pub schemas: Arc<::driver::schemas::Schemas>,
    /// The host's mounts.
    pub(crate) mounts: Mounts,
    /// Facts of the host, once they are gathered.
    pub(crate) facts: ArcSwapOption<Gathered>,
    /// The last id given to a guest.
    last_id: AtomicI32,
}

impl Driver {
    /// A driver that knows no domain yet.
    pub fn new(
        context: daemon::Context,
        config: Config,
        capabilities: Capabilities,
        cgroups: Option<Cgroups>,
    ) -> Arc<Self> {
        let paths = Arc::clone(context.paths());
        let definitions = Documents::new(paths.definition_dir.clone(), Some("virsh edit"));
        let statuses = Documents::new(paths.state_dir.clone(), None);
        let logs = Logs::new(&paths, &config);
        let ports = Ports::new(config.display_ports.clone(), config.websocket_ports.clone());
        let asked = !context.config().access_drivers.is_empty();
        let access = Access::new("QEMU", asked.then(|| Arc::clone(context.polkit())));
        let removals = Removals::default();
        let last = removals.clone();
        context.on_stop(move || Box::pin(async move { last.settle().await }));
        Arc::new(Self {
            context,
            paths,
            config,
            domains: Registry::new(),
            events: EventHub::new(),
            access,
            capabilities,
            definitions,
            statuses,
            logs,
            removals,
            ports,
            names: crate::network::Names::default(),
            cgroups,
            machined: Machined::default(),
            #[cfg(feature = "validate")]
            schemas: ::driver::schemas::Schemas::new(::driver::schemas::INSTALLED),
            mounts: Mounts::default(),
            facts: ArcSwapOption::empty(),
            last_id: AtomicI32::new(0),
        })
    }

    /// Whether guests run as root or with root's group.
    pub fn guests_are_root(&self) -> bool {
        self.config.confinement.owner.is_some_and(|owner| owner.uid == 0 || owner.gid == 0)
    }

    /// The next domain id: ids are not used again while the daemon runs.
    pub fn next_id(&self) -> i32 {
        self.last_id.fetch_add(1, Ordering::Relaxed) + 1
    }

    /// Never give out this id or a smaller one: a guest of an earlier daemon has it.
    pub fn id_is_taken(&self, id: i32) {
        self.last_id.fetch_max(id, Ordering::Relaxed);
    }

    /// The domain that a client names by the triple it once received; only the UUID counts.
    pub fn domain(&self, named: &NonnullDomain) -> Result<Arc<Domain>, Fault> {
        let uuid = Uuid::from_bytes(named.uuid.0);
        self.domains
            .by_uuid(uuid)
            .ok_or_else(|| no_domain(format!("no domain with matching uuid '{uuid}' ({})", named.name)))
    }

    /// A reader's copy of the state of the domain that a client names.
    pub fn view(&self, named: &NonnullDomain) -> Result<View, Fault> {
        self.domain(named).map(|domain| domain.view())
    }
}

/// "Domain not found: …".
pub fn no_domain(detail: String) -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN, detail)
}

/// How a domain is named on the wire.
pub fn named(view: &View) -> Result<NonnullDomain, Fault> {
    let name = view.definition()?.name.clone();
    Ok(NonnullDomain { name, uuid: wire_uuid(view.uuid), id: view.id() })
}

/// A UUID as it goes over the wire.
pub fn wire_uuid(uuid: Uuid) -> protocol::xdr::Uuid {
    protocol::xdr::Uuid(*uuid.as_bytes())
}

/// The flags that a call got, as a set; bits outside `known` are refused.
pub fn check_flags<F: FlagSet>(api: &str, bits: u32, known: F) -> Result<F, Fault> {
    flags::check(ErrorDomain::QEMU, api, bits, known)
}

/// Refuse every bit, for calls that know no flag.
pub fn no_flags(api: &str, bits: u32) -> Result<(), Fault> {
    flags::none(ErrorDomain::QEMU, api, bits)
}

/// Refuse two flags that exclude each other.
pub fn exclusive_flags<F: FlagSet>(flags: F, one: F, other: F) -> Result<(), Fault> {
    flags::exclusive(ErrorDomain::QEMU, flags, one, other)
}
