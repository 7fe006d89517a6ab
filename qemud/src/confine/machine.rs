//! Guests as machines of systemd-machined: told of before QEMU runs, in a scope of systemd's, and of their end.

use ::driver::documents::blocking;
use ::driver::fault;
use host::machined::Machine;
use host::process::Gate;
use model::domain::Domain as Definition;
use protocol::{ErrorDomain, Fault};

use super::cgroup::{self, Wanted};
use crate::driver::Driver;
use crate::network;

/// Units that clients of guests wait for, and the one that ends guests with their host.
const AFTER: &[&str] = &["libvirtd.service", "virtqemud.service"];
const BEFORE: &[&str] = &["virt-guest-shutdown.target"];

/// Registers the guest whose process waits at the gate, puts it into its groups and lets it go on. A process that never
/// comes to the gate has failed to be made, and whoever makes it says why.
pub async fn admit(
    driver: &Driver,
    definition: &Definition,
    wanted: Wanted,
    gate: Gate,
) -> Result<Wanted, Fault> {
    let host_fault = fault::host(ErrorDomain::QEMU);
    let arrived = blocking(move || Ok((gate.arrival(), gate))).await;
    let (Some(pid), gate) = arrived.map_err(&host_fault)? else { return Ok(wanted) };
    host::fault::at("start.arrived");
    let (name, partition) = wanted.names();
    let machine = Machine {
        name: name.to_owned(),
        uuid: definition.uuid.map(|uuid| *uuid.as_bytes()).unwrap_or_default(),
        service: "libvirt-qemu",
        leader: pid,
        interfaces: network::indexes(definition),
        partition: partition.to_owned(),
        after: AFTER,
        before: BEFORE,
    };
    driver.machined.create(&machine).await.map_err(&host_fault)?;
    host::fault::at("start.registered");
    let weights = wanted.weights();
    if !weights.is_empty() {
        driver.machined.set_weights(&machine.name, &weights).await.map_err(&host_fault)?;
    }
    let admitted = blocking(move || {
        let wanted = wanted.admit(pid)?;
        gate.open()?;
        Ok(wanted)
    });
    admitted.await.map_err(&host_fault)
}

/// Tells that a guest has ended, if somebody is there to be told.
pub async fn terminate(driver: &Driver, definition: &Definition, id: i32) -> host::Result<()> {
    if driver.cgroups.is_none() || !driver.machined.is_there().await {
        return Ok(());
    }
    driver.machined.terminate(&cgroup::machine(driver, definition, id)).await
}
