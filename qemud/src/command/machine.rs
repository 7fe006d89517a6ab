//! `-machine`, `-accel`, `-smp`, power management.

use model::domain::device::Device;
use model::domain::device::controller::{ControllerKind, PciModel};
use model::domain::device::memory::MemoryModel;
use model::domain::features::{IoApic, KvmFeature};
use model::domain::os::LoaderType;

use super::build::Build;
use super::props::Props;

/// The machine with its switches, and the accelerator.
pub(super) fn machine(build: &mut Build<'_>) {
    let domain = build.domain;
    let features = &domain.features;
    let on_off = |on: bool| if on { "on" } else { "off" };
    let mut text = format!("{},usb=off", build.board.machine);
    if let Some(on) = features.vmport {
        text.push_str(&format!(",vmport={}", on_off(on)));
    }
    if let Some(smm) = features.smm {
        text.push_str(&format!(",smm={}", on_off(smm.state)));
    }
    match features.ioapic {
        Some(IoApic::Qemu) => text.push_str(",kernel_irqchip=split"),
        Some(IoApic::Kvm) => text.push_str(",kernel_irqchip=on"),
        None => {}
    }
    let dump = domain.memory.dump_core.unwrap_or(build.board.host.conf.dump_guest_core);
    text.push_str(&format!(",dump-guest-core={}", on_off(dump)));
    if domain.memory_backing.no_share_pages {
        text.push_str(",mem-merge=off");
    }
    let nvdimm = |device: &Device| matches!(device, Device::Memory(m) if m.model == MemoryModel::Nvdimm);
    if domain.devices.iter().any(nvdimm) {
        text.push_str(",nvdimm=on");
    }
    if domain.cpu.numa.cells.is_empty()
        && let Some(id) = super::memory::main_id(build)
    {
        text.push_str(&format!(",memory-backend={id}"));
    }
    text.push_str(&flash(build));
    if domain.os.bios_useserial == Some(true) {
        // The firmware then writes to the serial port.
        text.push_str(",graphics=off");
    }
    build.plan.option("-machine", text);
    build.plan.option("-accel", accelerator(build));
    if let Some(bytes) = features.smm.and_then(|smm| smm.tseg) {
        build.plan.option("-global", format!("mch.extended-tseg-mbytes={}", bytes >> 20));
    }
}

fn flash(build: &Build<'_>) -> String {
    let os = &build.domain.os;
    if os.loader.as_ref().is_none_or(|loader| loader.kind != Some(LoaderType::Pflash)) {
        return String::new();
    }
    let mut text = ",pflash0=libvirt-pflash0-format".to_owned();
    if os.nvram.as_ref().is_some_and(|nvram| nvram.path.is_some()) {
        text.push_str(",pflash1=libvirt-pflash1-format");
    }
    text
}

fn accelerator(build: &Build<'_>) -> String {
    let features = &build.domain.features;
    if build.board.kvm() {
        let ring = features
            .kvm
            .as_ref()
            .filter(|kvm| kvm.is_on(KvmFeature::DirtyRing))
            .and_then(|kvm| kvm.dirty_ring_size);
        return ring.map_or("kvm".to_owned(), |size| format!("kvm,dirty-ring-size={size}"));
    }
    features.tcg_tb_cache_kib.map_or("tcg".to_owned(), |kib| format!("tcg,tb-size={}", kib >> 10))
}

/// vCPUs, and the threads that serve devices.
pub(super) fn processors(build: &mut Build<'_>) {
    let domain = build.domain;
    let vcpus = &domain.vcpus;
    // vCPUs that were given one by one are plugged in after the start, unless they cannot be plugged.
    let fixed =
        vcpus.entries.iter().filter(|entry| entry.enabled && entry.hotpluggable != Some(true)).count();
    let start = if fixed > 0 { fixed as u32 } else { vcpus.current };
    let mut text = start.to_string();
    if start != vcpus.max {
        text.push_str(&format!(",maxcpus={}", vcpus.max));
    }
    match domain.cpu.topology {
        Some(t) => text.push_str(&format!(
            ",sockets={},dies={},cores={},threads={}",
            t.sockets, t.dies, t.cores, t.threads
        )),
        None => text.push_str(&format!(",sockets={},cores=1,threads=1", vcpus.max)),
    }
    build.plan.option("-smp", text);
    for thread in &domain.iothreads.threads {
        let props = Props::object("iothread", &format!("iothread{}", thread.id))
            .opt("thread-pool-min", thread.pool.min)
            .opt("thread-pool-max", thread.pool.max);
        build.object(&props);
    }
    if let Some(pool) =
        domain.iothreads.default_thread.filter(|pool| pool.min.is_some() || pool.max.is_some())
    {
        let props = Props::object("main-loop", "main-loop")
            .opt("thread-pool-min", pool.min)
            .opt("thread-pool-max", pool.max);
        build.object(&props);
    }
}

/// What a shutdown does, ACPI, and sleep states.
pub(super) fn power(build: &mut Build<'_>) {
    // The daemon decides what follows a shutdown or reboot.
    build.plan.flag("-no-shutdown");
    if build.board.x86() && !build.domain.features.acpi {
        build.plan.flag("-no-acpi");
    }
    let chip = if build.board.q35() { "ICH9-LPC" } else { "PIIX4_PM" };
    let states =
        [("disable_s3", build.domain.pm.suspend_to_mem), ("disable_s4", build.domain.pm.suspend_to_disk)];
    for (name, enabled) in states {
        if let Some(enabled) = enabled {
            build.plan.option("-global", format!("{chip}.{name}={}", u8::from(!enabled)));
        }
    }
}

/// Sizes of the 64-bit PCI holes of the root buses.
pub(super) fn pci_holes(build: &mut Build<'_>) {
    let holes: Vec<(PciModel, u64)> = build
        .controllers()
        .filter_map(|controller| match &controller.kind {
            ControllerKind::Pci(pci) => Some((pci.model?, pci.extra.pcihole64?)),
            _ => None,
        })
        .collect();
    for (model, kib) in holes {
        let host = match model {
            PciModel::PciRoot => "i440FX-pcihost",
            PciModel::PcieRoot => "q35-pcihost",
            // Refused by validation.
            _ => continue,
        };
        build.plan.option("-global", format!("{host}.pci-hole64-size={kib}K"));
    }
}
