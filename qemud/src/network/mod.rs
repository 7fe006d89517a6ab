//! The host's side of guests' network and vsock devices: taps on bridges, macvtaps, vhost.
//!
//! A start first gives names and opens what leaves no trace ([`open`]), then, with the status document on disk, makes
//! what would ([`connect`]). QEMU inherits the descriptors. A tap goes with its last descriptor, so the end of QEMU
//! removes it, whether a daemon runs or not; macvtaps and what scripts set up are taken back by [`disconnect`], which a
//! daemon that comes back also calls for guests that ended meanwhile. All of it is there when the start returns, also
//! of a guest that is left paused.

mod check;
mod direct;
mod script;
mod tap;

use std::collections::{BTreeSet, HashMap};
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};

use ::driver::documents::blocking;
use ::driver::fault;
use host::net;
use model::domain::device::Device;
use model::domain::device::interface::{Interface, InterfaceDriverName, InterfaceSource};
use model::domain::device::vsock::Vsock;
use model::domain::{Domain as Definition, VirtType};
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::command::FdSource;
use crate::driver::Driver;

const VHOST_NET: &str = "/dev/vhost-net";
const VHOST_VSOCK: &str = "/dev/vhost-vsock";

/// Names that the daemon gives to devices of the host.
#[derive(Debug, Default)]
pub struct Names {
    tap: net::Names,
    macvtap: net::Names,
}

impl Names {
    /// Does not give out again what a guest of an earlier daemon has.
    pub fn adopt(&self, definition: &Definition) {
        for name in interfaces(definition).filter_map(|interface| interface.target_dev.as_deref()) {
            self.tap.adopt(name, "vnet");
            self.macvtap.adopt(name, "macvtap");
        }
    }

    /// A name for the host's side of an interface: the one it has, its pattern filled in, or one of ours.
    fn choose(&self, interface: &Interface) -> Result<String, Fault> {
        let direct = matches!(interface.source, InterfaceSource::Direct { .. });
        let (names, ours) = if direct { (&self.macvtap, "macvtap%d") } else { (&self.tap, "vnet%d") };
        let wanted = interface.target_dev.as_deref().unwrap_or(ours);
        if !net::is_template(wanted) {
            return Ok(wanted.to_owned());
        }
        names.next(wanted).ok_or_else(|| {
            Fault::internal(ErrorDomain::NONE, format!("no name is free for network device '{wanted}'"))
        })
    }
}

/// Descriptors that QEMU inherits for its devices.
#[derive(Debug, Default)]
pub struct Wires {
    fds: HashMap<FdSource, OwnedFd>,
}

impl Wires {
    /// Aliases of the interfaces whose packets the kernel moves.
    pub fn vhost(&self) -> BTreeSet<String> {
        let aliases = self.fds.keys().filter_map(|source| match source {
            FdSource::VhostNet { alias, .. } => Some(alias.clone()),
            _ => None,
        });
        aliases.collect()
    }

    /// The descriptor for a place of the plan.
    pub fn take(&mut self, source: &FdSource) -> Option<OwnedFd> {
        self.fds.remove(source)
    }

    fn put(&mut self, fds: Vec<OwnedFd>, source: impl Fn(u32) -> FdSource) {
        self.fds.extend((0..).map(source).zip(fds));
    }

    fn put_tap(&mut self, alias: &str, fds: Vec<OwnedFd>) {
        self.put(fds, |queue| FdSource::Tap { alias: alias.to_owned(), queue });
    }
}

/// Before the plan: refuse what cannot be connected, give names, open what a crash leaves nothing of. `definition` is
/// the live one, with its aliases.
pub async fn open(driver: &Driver, definition: &mut Definition) -> Result<Wires, Fault> {
    let mut wires = Wires::default();
    let kvm = definition.virt_type == VirtType::Kvm;
    for device in &mut definition.devices {
        match device {
            Device::Interface(interface) => open_interface(driver, interface, kvm, &mut wires).await?,
            Device::Vsock(vsock) => open_vsock(vsock, &mut wires).await?,
            _ => {}
        }
    }
    Ok(wires)
}

async fn open_interface(
    driver: &Driver,
    interface: &mut Interface,
    kvm: bool,
    wires: &mut Wires,
) -> Result<(), Fault> {
    check::interface(interface)?;
    if !has_device(interface) {
        if interface.bandwidth.is_some() {
            let kind = interface.source.kind();
            tracing::warn!(target: "qemu", "the limits of throughput of an interface of type '{kind}' are not kept");
        }
        return Ok(());
    }
    let alias = alias(interface)?;
    match &interface.source {
        InterfaceSource::Bridge { bridge, .. } if !driver.paths.is_system() => {
            let helped = tap::by_helper(driver, bridge, interface.is_virtio()).await?;
            interface.target_dev = Some(helped.name);
            wires.put_tap(&alias, vec![helped.fd]);
        }
        InterfaceSource::Direct { .. } => {
            let name = driver.names.choose(interface)?;
            direct::check_free(&name)?;
            interface.target_dev = Some(name);
        }
        _ => {
            let (name, fds) = tap::open(&driver.names, interface).await?;
            interface.target_dev = Some(name);
            wires.put_tap(&alias, fds);
        }
    }
    open_vhost(interface, &alias, kvm, wires).await
}

/// The kernel moves the packets of virtio cards where it can, unless the definition leaves them to QEMU.
async fn open_vhost(interface: &Interface, alias: &str, kvm: bool, wires: &mut Wires) -> Result<(), Fault> {
    let chosen = interface.driver.name;
    if !kvm || !interface.is_virtio() || chosen == Some(InterfaceDriverName::Qemu) {
        return Ok(());
    }
    let path = PathBuf::from(interface.backend.vhost.as_deref().unwrap_or(VHOST_NET));
    let queues = queues(interface);
    match blocking(move || net::open_vhost(&path, queues)).await {
        Ok(fds) => {
            wires.put(fds, |queue| FdSource::VhostNet { alias: alias.to_owned(), queue });
            Ok(())
        }
        Err(error) if chosen == Some(InterfaceDriverName::Vhost) => {
            let detail = format!(
                "vhost-net was requested for an interface, but is unavailable: {}",
                error.full_text()
            );
            Err(unsupported(detail))
        }
        Err(_) => Ok(()),
    }
}

async fn open_vsock(vsock: &mut Vsock, wires: &mut Wires) -> Result<(), Fault> {
    let wanted = if vsock.auto_cid == Some(true) { None } else { vsock.guest_cid };
    let opened = blocking(move || net::open_vsock(Path::new(VHOST_VSOCK), wanted)).await;
    let (fd, cid) = opened.map_err(|error| match error.errno() {
        Some(errno) if error.to_string().starts_with("cannot set") => {
            Fault::system(ErrorDomain::NONE, errno, "failed to set guest cid")
        }
        _ => unsupported(format!("unable to open vhost-vsock device: {}", error.full_text())),
    })?;
    vsock.guest_cid = Some(cid);
    let alias = vsock.info.alias.clone().unwrap_or_default();
    wires.put(vec![fd], |_| FdSource::VhostVsock { alias: alias.clone() });
    Ok(())
}

/// With the status document on disk: make what stays after a crash, and connect everything.
pub async fn connect(driver: &Driver, definition: &Definition, wires: &mut Wires) -> Result<(), Fault> {
    for interface in interfaces(definition).filter(|interface| has_device(interface)) {
        let alias = alias(interface)?;
        match &interface.source {
            InterfaceSource::Direct { dev, mode } => {
                direct::connect(interface, &alias, (dev.as_deref(), *mode), wires).await?;
            }
            // The bridge helper has connected its own.
            InterfaceSource::Bridge { .. } if !driver.paths.is_system() => {}
            _ => tap::connect(interface).await?,
        }
    }
    Ok(())
}

/// Take back what does not go with QEMU. Errors are logged: whoever cleans up goes on.
pub async fn disconnect(definition: &Definition) {
    for interface in interfaces(definition).filter(|interface| has_device(interface)) {
        let Some(name) = interface.target_dev.as_deref() else { continue };
        let done = match &interface.source {
            InterfaceSource::Direct { .. } => direct::disconnect(interface, name).await,
            _ => tap::disconnect(interface, name).await,
        };
        if let Err(error) = done {
            tracing::warn!(target: "qemu", "network device '{name}' of domain '{}' is not taken back: {error}", definition.name);
        }
    }
}

/// The network interfaces, in the definition's order.
pub fn interfaces(definition: &Definition) -> impl Iterator<Item = &Interface> {
    definition.devices.iter().filter_map(|device| match device {
        Device::Interface(interface) => Some(&**interface),
        _ => None,
    })
}

/// Indexes of the taps on the host, for systemd-machined. What is gone has none.
pub fn indexes(definition: &Definition) -> Vec<i32> {
    let taps = interfaces(definition).filter(|interface| {
        matches!(interface.source, InterfaceSource::Bridge { .. } | InterfaceSource::Ethernet { .. })
    });
    let index = |interface: &Interface| i32::try_from(net::index(interface.target_dev.as_deref()?)?).ok();
    taps.filter_map(index).collect()
}

/// Whether it has a device of the host's behind it.
fn has_device(interface: &Interface) -> bool {
    matches!(
        interface.source,
        InterfaceSource::Bridge { .. } | InterfaceSource::Ethernet { .. } | InterfaceSource::Direct { .. }
    )
}

/// Descriptors of the host's device: only virtio has more than one queue.
fn queues(interface: &Interface) -> u32 {
    if interface.is_virtio() { interface.driver.queues.unwrap_or(1).max(1) } else { 1 }
}

fn alias(interface: &Interface) -> Result<String, Fault> {
    let missing = || Fault::internal(ErrorDomain::QEMU, "an interface has no alias");
    interface.info.alias.clone().ok_or_else(missing)
}

fn unsupported(detail: impl Into<String>) -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail)
}

/// The machine's error about a network device: of no domain, as the reference has it.
fn machine(error: host::Error) -> Fault {
    fault::host(ErrorDomain::NONE)(error)
}
