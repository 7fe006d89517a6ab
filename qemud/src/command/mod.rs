//! From a completed domain to QEMU's command line: pure, no input or output.
//!
//! Here is only what is not a device, and the order of the parts; each device's options come from its own module
//! below [`crate::device`].

pub mod after;
mod boot;
pub mod build;
pub mod chardev;
pub(crate) mod clock;
mod cpu;
pub mod firmware;
mod host;
mod machine;
pub mod memory;
pub mod options;
mod passthrough;
pub mod plan;
mod prepare;
mod processor;
pub mod props;
pub mod quote;
pub mod secrets;
mod sysinfo;

use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::controller::ControllerKind;
use model::domain::device::disk::DiskBus;

pub use crate::defaults::DefaultsError as PlanError;
pub use after::{after_start, plug_vcpus, plugs_vcpus};
pub use cpu::qemu_name as feature_name;
pub use options::{Dirs, Mode, PlanOptions};
pub use plan::{ChardevSocket, FdSource, Labelled, PassedFd, Plan, PlannedFile, native_line};
pub use prepare::{default_nvram, native_prepare, prepare};

use crate::capabilities::QemuCaps;
use crate::defaults::facts::HostFacts;
use build::Build;
use props::Props;
use quote::commas;

/// Everything a start of this guest needs. `domain` was completed, prepared and has aliases.
pub fn plan(
    domain: &Domain,
    caps: &QemuCaps,
    host: &HostFacts,
    options: &PlanOptions,
) -> Result<Plan, PlanError> {
    let board = crate::defaults::board(domain, caps, host);
    host::check(domain, host)?;
    let mut build = Build { domain, board, options, plan: Plan::default() };
    environment(&mut build);
    identity(&mut build);
    boot::flash(&mut build);
    machine::machine(&mut build);
    cpu::cpu(&mut build)?;
    boot::loader(&mut build);
    memory::main(&mut build)?;
    machine::processors(&mut build);
    memory::numa(&mut build)?;
    sysinfo::identity(&mut build)?;
    display(&mut build);
    monitor(&mut build);
    clock::clock(&mut build)?;
    machine::power(&mut build);
    boot::boot(&mut build);
    devices(&mut build)?;
    ending(&mut build)?;
    Ok(build.plan)
}

/// The emulator gets a clean environment and a home of its own.
fn environment(build: &mut Build<'_>) {
    let dir = build.options.domain_dir(build.domain);
    let mut env = vec![("LC_ALL".to_owned(), "C".to_owned())];
    env.extend(build.options.env.iter().cloned());
    if !build.board.host.session {
        env.push(("HOME".to_owned(), dir.clone()));
        env.push(("XDG_DATA_HOME".to_owned(), format!("{dir}/.local/share")));
        env.push(("XDG_CACHE_HOME".to_owned(), format!("{dir}/.cache")));
        env.push(("XDG_CONFIG_HOME".to_owned(), format!("{dir}/.config")));
    }
    build.plan.env = env;
    build.plan.files.push(PlannedFile::Dir { path: dir, mode: 0o750 });
    let emulator = build.domain.emulator.clone().unwrap_or_else(|| build.board.caps.binary.clone());
    build.plan.flag(&emulator);
}

fn identity(build: &mut Build<'_>) {
    let threads = if build.board.host.conf.set_process_name { ",debug-threads=on" } else { "" };
    build.plan.option("-name", format!("guest={}{threads}", commas(&build.domain.name)));
    passthrough::deprecation(build);
    build.plan.flag("-S");
    let path = format!("{}/master-key.aes", build.options.domain_dir(build.domain));
    let key = Props::object("secret", "masterKey0").str("format", "raw").str("file", &path);
    build.object(&key);
    build.plan.files.push(PlannedFile::MasterKey { path, key: build.options.secrets.key().cloned() });
}

fn display(build: &mut Build<'_>) {
    if !build.domain.devices.iter().any(|device| matches!(device, Device::Graphics(_))) {
        build.plan.option("-display", "none");
    }
    build.plan.flag("-no-user-config");
    build.plan.flag("-nodefaults");
}

fn monitor(build: &mut Build<'_>) {
    let path = format!("{}/monitor.sock", build.options.domain_dir(build.domain));
    let end = match build.options.mode {
        Mode::Native => format!("path={}", commas(&path)),
        Mode::Start => format!("fd={}", build.plan.pass(FdSource::ListenUnix { path: path.clone() })),
    };
    build.plan.option("-chardev", format!("socket,id=charmonitor,{end},server=on,wait=off"));
    build.plan.option("-mon", "chardev=charmonitor,id=monitor,mode=control");
    build.plan.monitor_path = path;
}

/// Kinds in the order in which QEMU is told of them: what others refer to comes first.
fn devices(build: &mut Build<'_>) -> Result<(), PlanError> {
    let domain = build.domain;
    let all = &domain.devices;
    some(build, all, |device| matches!(device, Device::Iommu(_)))?;
    machine::pci_holes(build);
    controllers(build)?;
    some(build, all, |device| matches!(device, Device::Memory(_)))?;
    some(build, all, |device| matches!(device, Device::Hub(_)))?;
    some(build, all, is_ccid)?;
    floppies(build)?;
    some(build, all, |device| matches!(device, Device::Disk(_)))?;
    some(build, all, |device| matches!(device, Device::Filesystem(_)))?;
    some(build, all, |device| matches!(device, Device::Interface(_)))?;
    some(build, all, |device| matches!(device, Device::Smartcard(_)))?;
    some(build, all, |device| matches!(device, Device::Serial(_)))?;
    some(build, all, |device| matches!(device, Device::Parallel(_)))?;
    some(build, all, |device| matches!(device, Device::Channel(_)))?;
    some(build, all, |device| matches!(device, Device::Console(_)))?;
    some(build, all, |device| matches!(device, Device::Tpm(_)))?;
    some(build, all, |device| matches!(device, Device::Input(_)))?;
    some(build, all, |device| matches!(device, Device::Audio(_)))?;
    some(build, all, |device| matches!(device, Device::Graphics(_)))?;
    some(build, all, |device| matches!(device, Device::Video(_)))?;
    some(build, all, |device| matches!(device, Device::Sound(_)))?;
    some(build, all, |device| matches!(device, Device::Watchdog(_)))?;
    some(build, all, |device| matches!(device, Device::Redirdev(_)))?;
    some(build, all, |device| matches!(device, Device::Hostdev(_)))
}

fn some(build: &mut Build<'_>, devices: &[Device], wanted: fn(&Device) -> bool) -> Result<(), PlanError> {
    devices.iter().filter(|device| wanted(device)).try_for_each(|device| crate::device::args(device, build))
}

fn is_ccid(device: &Device) -> bool {
    matches!(device, Device::Controller(controller) if controller.kind == ControllerKind::Ccid)
}

/// Controllers by kind: buses before what sits on them.
fn controllers(build: &mut Build<'_>) -> Result<(), PlanError> {
    let rank = |kind: &ControllerKind| match kind {
        ControllerKind::Pci(_) => Some(0),
        ControllerKind::Usb { .. } => Some(1),
        ControllerKind::Scsi { .. } => Some(2),
        ControllerKind::Ide { .. } => Some(3),
        ControllerKind::Xenbus { .. } => Some(4),
        ControllerKind::Isa { .. } => Some(5),
        ControllerKind::Sata => Some(6),
        ControllerKind::VirtioSerial { .. } => Some(7),
        ControllerKind::Ccid | ControllerKind::Fdc => None,
    };
    let domain = build.domain;
    let mut found: Vec<(i32, &Device)> = domain
        .devices
        .iter()
        .filter_map(|device| match device {
            Device::Controller(controller) => Some((rank(&controller.kind)?, device)),
            _ => None,
        })
        .collect();
    found.sort_by_key(|(rank, _)| *rank);
    found.into_iter().try_for_each(|(_, device)| crate::device::args(device, build))
}

/// The floppy controller: part of i440fx, a device on q35. It alone knows the boot order of its drives.
fn floppies(build: &mut Build<'_>) -> Result<(), PlanError> {
    let mut present = false;
    let mut boots = Vec::new();
    for device in &build.domain.devices {
        let Device::Disk(disk) = device else { continue };
        if disk.bus != Some(DiskBus::Fdc) {
            continue;
        }
        present = true;
        let unit = match disk.info.address {
            Some(model::domain::device::address::Address::Drive(at)) => at.unit,
            _ => 0,
        };
        if let Some(order) = build.boot_index(&disk.info) {
            boots.push((if unit == 0 { "bootindexA" } else { "bootindexB" }, order));
        }
    }
    if !present {
        return Ok(());
    }
    if build.board.q35() {
        let props =
            boots.into_iter().fold(Props::device("isa-fdc"), |props, (key, order)| props.set(key, order));
        return build.device(props);
    }
    for (key, order) in boots {
        build.plan.option("-global", format!("isa-fdc.{key}={order}"));
    }
    Ok(())
}

fn ending(build: &mut Build<'_>) -> Result<(), PlanError> {
    if let Some(uri) = &build.options.incoming {
        build.plan.option("-incoming", uri.clone());
    }
    let domain = build.domain;
    let all = &domain.devices;
    some(build, all, |device| matches!(device, Device::Memballoon(_)))?;
    some(build, all, |device| matches!(device, Device::Rng(_)))?;
    if domain.features.vmcoreinfo == Some(true) {
        build.device(Props::device("vmcoreinfo"))?;
    }
    passthrough::arguments(build);
    sandbox(build);
    some(build, all, |device| matches!(device, Device::Panic(_)))?;
    some(build, all, |device| matches!(device, Device::Shmem(_)))?;
    some(build, all, |device| matches!(device, Device::Vsock(_)))?;
    build.plan.option("-msg", "timestamp=on");
    Ok(())
}

/// QEMU's seccomp filter: denies what a running guest never needs.
fn sandbox(build: &mut Build<'_>) {
    let text = match build.board.host.conf.seccomp_sandbox {
        Some(false) => "off",
        Some(true) | None => "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny",
    };
    if build.board.caps.has_option("sandbox", "elevateprivileges")
        || build.board.caps.has_option("sandbox", "enable")
    {
        build.plan.option("-sandbox", text);
    }
}
