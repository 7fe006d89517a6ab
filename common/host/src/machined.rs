//! systemd-machined: who registers machines with it, so that `machinectl` and systemd know of them
//! (org.freedesktop.machine1(5), systemd.resource-control(5)).
//!
//! Machines' processes get a scope of systemd's each. Everything has a deadline; a connection to the system bus is made
//! when it is first needed, and again after it broke.

use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::timeout;
use zbus::fdo::{self, DBusProxy};
use zbus::names::OwnedBusName;
use zbus::{Connection, Error as Bus, proxy};
use zbus::{OwnedObjectPath, Variant};

use crate::{Error, Result, cgroup};

/// How long anybody on the bus may take to answer: systemd may have to start machined first.
const LIMIT: Duration = Duration::from_secs(25);
/// How long the bus itself may take.
const LOOK_LIMIT: Duration = Duration::from_secs(5);
const SYSTEMD: &str = "org.freedesktop.systemd1";
const MACHINED: &str = "org.freedesktop.machine1";
const UNKNOWN_METHOD: &str = "org.freedesktop.DBus.Error.UnknownMethod";
const NO_SUCH_MACHINE: &str = "org.freedesktop.machine1.NoSuchMachine";

/// The way to machined.
#[derive(Debug, Default)]
pub struct Machined {
    bus: Mutex<Option<Connection>>,
}

/// A virtual machine to register.
#[derive(Debug, Clone)]
pub struct Machine {
    /// Its name, made for this ([`cgroup::machine_name`]).
    pub name: String,
    /// Its UUID.
    pub uuid: [u8; 16],
    /// Who registers it: "libvirt-qemu".
    pub service: &'static str,
    /// Its first process.
    pub leader: i32,
    /// Indexes of its network devices on the host.
    pub interfaces: Vec<i32>,
    /// The partition that it is in ("/machine"): its slice follows from it.
    pub partition: String,
    /// Units of systemd that are to end after the machine.
    pub after: &'static [&'static str],
    /// Units of systemd that are to begin after the machine.
    pub before: &'static [&'static str],
}

type Properties<'a> = [(&'a str, Variant<'a>)];

#[proxy(
    interface = "org.freedesktop.machine1.Manager",
    default_service = "org.freedesktop.machine1",
    default_path = "/org/freedesktop/machine1"
)]
trait Manager {
    #[allow(clippy::too_many_arguments, reason = "the interface's own")]
    fn create_machine_with_network(
        &self,
        name: &str,
        id: &[u8],
        service: &str,
        class: &str,
        leader: u32,
        root_directory: &str,
        interfaces: &[i32],
        scope_properties: &Properties<'_>,
    ) -> zbus::Result<OwnedObjectPath>;

    #[allow(clippy::too_many_arguments, reason = "the interface's own")]
    fn create_machine(
        &self,
        name: &str,
        id: &[u8],
        service: &str,
        class: &str,
        leader: u32,
        root_directory: &str,
        scope_properties: &Properties<'_>,
    ) -> zbus::Result<OwnedObjectPath>;

    fn terminate_machine(&self, name: &str) -> zbus::Result<()>;
}

#[proxy(
    interface = "org.freedesktop.systemd1.Manager",
    default_service = "org.freedesktop.systemd1",
    default_path = "/org/freedesktop/systemd1"
)]
trait Units {
    fn set_unit_properties(&self, name: &str, runtime: bool, properties: &Properties<'_>)
    -> zbus::Result<()>;
}

impl Machined {
    /// Whether machines are to be registered here: machined runs or could be started, and systemd runs. Without a bus
    /// there is neither.
    pub async fn is_there(&self) -> bool {
        // A connection that broke since it was last used is made again.
        for _ in 0..2 {
            let asked = async { is_there(&self.connection().await?).await };
            match self.answer("ListNames", LOOK_LIMIT, asked).await {
                Ok(found) => return found,
                Err(Error::Deadline { .. }) => return false,
                Err(_) => {}
            }
        }
        false
    }

    /// Registers a machine: its leader is then in a scope of its own.
    pub async fn create(&self, machine: &Machine) -> Result<()> {
        let created = async { create(&self.connection().await?, machine).await };
        self.answer("CreateMachine", LIMIT, created).await
    }

    /// Tells that a machine has ended; one that machined does not know has done so already.
    pub async fn terminate(&self, name: &str) -> Result<()> {
        let terminated = async {
            match ManagerProxy::new(&self.connection().await?).await?.terminate_machine(name).await {
                Err(error) if is_named(&error, NO_SUCH_MACHINE) => Ok(()),
                other => other,
            }
        };
        self.answer("TerminateMachine", LIMIT, terminated).await
    }

    /// Tells systemd of weights of a machine's scope, which it would else put back to its own: properties of
    /// systemd.resource-control(5) with their values.
    pub async fn set_weights(&self, name: &str, weights: &[(&str, u64)]) -> Result<()> {
        let scope = cgroup::scope_name(name);
        let properties: Vec<_> = weights.iter().map(|(key, value)| (*key, Variant::U64(*value))).collect();
        let set = async {
            let units = UnitsProxy::new(&self.connection().await?).await?;
            units.set_unit_properties(&scope, true, &properties).await
        };
        self.answer("SetUnitProperties", LIMIT, set).await
    }

    /// What comes of a question to the bus.
    async fn answer<T>(
        &self,
        what: &'static str,
        limit: Duration,
        question: impl Future<Output = zbus::Result<T>>,
    ) -> Result<T> {
        let Ok(answer) = timeout(limit, question).await else {
            return Err(Error::Deadline { what: format!("{what} on the system bus"), limit });
        };
        if answer.as_ref().is_err_and(|error| name(error).is_none()) {
            *self.bus.lock().await = None;
        }
        answer.map_err(|error| Error::Bus { what, reason: words(&error) })
    }

    async fn connection(&self) -> zbus::Result<Connection> {
        // Held while the connection is made, so that it is made once.
        let mut bus = self.bus.lock().await;
        if let Some(bus) = &*bus {
            return Ok(bus.clone());
        }
        let made = Connection::system().await?;
        Ok(bus.insert(made).clone())
    }
}

async fn is_there(bus: &Connection) -> zbus::Result<bool> {
    let daemon = DBusProxy::new(bus).await?;
    let has = |names: &[OwnedBusName], wanted: &str| names.iter().any(|name| name.as_str() == wanted);
    let running = daemon.list_names().await?;
    if !has(&running, SYSTEMD) {
        return Ok(false);
    }
    Ok(has(&running, MACHINED) || has(&daemon.list_activatable_names().await?, MACHINED))
}

async fn create(bus: &Connection, machine: &Machine) -> zbus::Result<()> {
    let Machine { name, uuid, service, interfaces, .. } = machine;
    let leader = machine.leader.unsigned_abs();
    let properties = [
        ("Slice", Variant::from(cgroup::slice_name(&machine.partition))),
        ("After", Variant::from(machine.after)),
        ("Before", Variant::from(machine.before)),
    ];
    let manager = ManagerProxy::new(bus).await?;
    let created =
        manager.create_machine_with_network(name, uuid, service, "vm", leader, "", interfaces, &properties);
    match created.await {
        // Older than systemd 215.
        Err(error) if is_named(&error, UNKNOWN_METHOD) => {
            manager.create_machine(name, uuid, service, "vm", leader, "", &properties).await.map(|_| ())
        }
        other => other.map(|_| ()),
    }
}

/// The name of an error that somebody on the bus answered.
fn name(error: &Bus) -> Option<&str> {
    match error {
        Bus::MethodError(name, _, _) => Some(name.as_str()),
        Bus::FDO(error) => match &**error {
            fdo::Error::ZBus(error) => name(error),
            fdo::Error::UnknownMethod(_) => Some(UNKNOWN_METHOD),
            _ => Some("org.freedesktop.DBus.Error"),
        },
        _ => None,
    }
}

fn is_named(error: &Bus, wanted: &str) -> bool {
    name(error) == Some(wanted)
}

/// The other side's own words, with the error's name.
fn words(error: &Bus) -> String {
    match error {
        Bus::MethodError(name, Some(text), _) => format!("{name}: {text}"),
        other => other.to_string(),
    }
}
