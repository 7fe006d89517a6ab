//! Rules of this driver about a whole domain; those about one device lie with its kind.

use model::Token;
use model::domain::clock::TimerName;
use model::domain::cpu::{CacheMode, CpuMode};
use model::domain::device::Device;
use model::domain::device::address::Address;
use model::domain::features::KvmFeature;
use model::domain::lifecycle::{Lifecycle, LifecycleAction};
use model::domain::memory::MemorySource;
use model::domain::os::{Firmware, LoaderType};
use model::domain::security::LaunchSecurity;
use model::domain::sysinfo::Sysinfo;
use model::domain::{Domain, VirtType};

use super::error::{DefaultsError, Part};
use super::facts::HostFacts;
use super::{Board, address, board, machine};
use crate::capabilities::QemuCaps;
use crate::device::Check;

type Verdict = Result<(), DefaultsError>;

/// Refuses a completed domain that this emulator or driver cannot run.
pub fn validate(domain: &Domain, caps: &QemuCaps, host: &HostFacts) -> Verdict {
    let board = board(domain, caps, host);
    machine::validate(domain, caps)?;
    limits(domain)?;
    firmware(domain, &board)?;
    features(domain, &board)?;
    lifecycle(&domain.lifecycle)?;
    domain.clock.validate()?;
    clock(domain)?;
    cpu(domain, &board)?;
    vcpus(domain, &board)?;
    security(domain)?;
    sysinfo(domain)?;
    single(domain)?;
    address::usb::validate(domain)?;
    let check = Check { domain, board: &board };
    for device in &domain.devices {
        assigned(device)?;
        device.validate()?;
        channel_subsystem(device, domain)?;
        crate::device::validate(device, &check)?;
    }
    aliases(domain)?;
    domain.validate()?;
    bios(domain)
}

fn refuse(detail: impl Into<String>) -> Verdict {
    Err(DefaultsError::unsupported(detail))
}

/// Only a device of the host may be kept out of the guest.
fn assigned(device: &Device) -> Verdict {
    let address = device.info().and_then(|info| info.address.as_ref());
    // Disks have a rule of their own about places.
    if address == Some(&Address::Unassigned) && !matches!(device, Device::Hostdev(_) | Device::Disk(_)) {
        return refuse("address of type 'unassigned' is supported only for hostdevs")
            .map_err(|error| error.by(Part::Domain));
    }
    Ok(())
}

/// s390's channels are on no other machine.
fn channel_subsystem(device: &Device, domain: &Domain) -> Verdict {
    let info = device.info().filter(|info| matches!(info.address, Some(Address::Ccw(_))));
    let Some(info) = info else { return Ok(()) };
    let alias = info.alias.as_deref().unwrap_or("without alias");
    let machine = domain.os.machine.as_deref().unwrap_or("none");
    refuse(format!("machine type '{machine}' has no place for the CCW address of device '{alias}'"))
}

fn limits(domain: &Domain) -> Verdict {
    if domain.memtune.min_guarantee.is_some_and(|kib| kib != 0) {
        return refuse("Parameter 'min_guarantee' not supported by QEMU.");
    }
    if domain.memory_backing.source == Some(MemorySource::Anonymous)
        && !domain.memory_backing.hugepages.is_empty()
    {
        return refuse("hugepages are not allowed with anonymous memory source");
    }
    if domain.memory.max.is_some() && domain.cpu.numa.cells.is_empty() {
        return refuse("At least one numa node has to be configured when enabling memory hotplug");
    }
    Ok(())
}

fn firmware(domain: &Domain, board: &Board<'_>) -> Verdict {
    let os = &domain.os;
    let loader = os.loader.as_ref();
    let secure = loader.is_some_and(|loader| loader.secure == Some(true));
    let flash = loader.is_some_and(|loader| loader.kind == Some(LoaderType::Pflash));
    if secure {
        if !board.q35() {
            return refuse("Secure boot is supported with q35 machine types only");
        }
        let smm = domain.features.smm.is_some_and(|smm| smm.state);
        if os.firmware.is_none() && !smm {
            return refuse("Secure boot requires SMM feature enabled");
        }
    }
    if (flash || os.firmware == Some(Firmware::Efi)) && board.x86() && !domain.features.acpi {
        return refuse("UEFI requires ACPI on this architecture");
    }
    Ok(())
}

fn features(domain: &Domain, board: &Board<'_>) -> Verdict {
    let f = &domain.features;
    let foreign = [
        (f.gic.is_some(), "gic"),
        (f.hpt.is_some(), "hpt"),
        (f.htm.is_some(), "htm"),
        (f.nested_hv.is_some(), "nested-hv"),
        (f.ccf_assist.is_some(), "ccf-assist"),
        (f.cfpc.is_some(), "cfpc"),
        (f.sbbc.is_some(), "sbbc"),
        (f.ibs.is_some(), "ibs"),
    ];
    if let Some((_, name)) = foreign.iter().find(|(given, _)| *given) {
        let (arch, machine) = (&board.arch, &board.machine);
        return refuse(format!(
            "The '{name}' feature is not supported for architecture '{arch}' or machine type '{machine}'"
        ));
    }
    if f.smm.is_some_and(|smm| smm.tseg.is_some()) && !board.q35() {
        return refuse("SMM TSEG is only supported with q35 machine type");
    }
    if f.ioapic.is_some() && !board.kvm() {
        let name = "ioapic";
        return refuse(format!("feature '{name}' needs KVM"));
    }
    let ring = f.kvm.as_ref().is_some_and(|kvm| kvm.is_on(KvmFeature::DirtyRing));
    if ring && !board.kvm() {
        return refuse("dirty ring is only supported with kvm");
    }
    if f.tcg_tb_cache_kib.is_some() && board.kvm() {
        return refuse("TCG features are incompatible with domain type 'kvm'");
    }
    Ok(())
}

/// Refuses what QEMU's events cannot tell apart, or this driver does not do, when a guest ends.
pub fn lifecycle(lifecycle: &Lifecycle) -> Verdict {
    let all = [lifecycle.on_poweroff, lifecycle.on_reboot, lifecycle.on_crash];
    if all.contains(&LifecycleAction::RenameRestart) {
        return refuse(
            "qemu driver doesn't support the 'rename-restart' action for 'on_reboot'/'on_poweroff'/'on_crash'",
        );
    }
    if all[..2].contains(&LifecycleAction::Preserve) {
        return refuse("qemu driver doesn't support the 'preserve' action for 'on_reboot'/'on_poweroff'");
    }
    // A reboot that ends the guest while powering off starts it anew cannot be told apart by QEMU's events.
    if lifecycle.on_poweroff == LifecycleAction::Restart && lifecycle.on_reboot == LifecycleAction::Destroy {
        return refuse("qemu driver doesn't support 'on_poweroff' restart together with 'on_reboot' destroy");
    }
    Ok(())
}

fn clock(domain: &Domain) -> Verdict {
    use model::domain::clock::TickPolicy;
    for timer in &domain.clock.timers {
        let name = timer.name.as_str();
        let policy = timer.tickpolicy;
        let wrong = match timer.name {
            TimerName::Platform => return refuse(format!("unsupported timer type (name) '{name}'")),
            TimerName::Armvtimer => {
                return refuse(format!(
                    "Configuring the '{name}' timer is not supported for virtType={} arch={} machine={} guests",
                    domain.virt_type,
                    domain.os.arch.map_or("", Token::as_str),
                    domain.os.machine.as_deref().unwrap_or("")
                ));
            }
            TimerName::Rtc => {
                if !matches!(
                    timer.track,
                    None | Some(
                        model::domain::clock::TimerTrack::Guest
                            | model::domain::clock::TimerTrack::Wall
                            | model::domain::clock::TimerTrack::Realtime
                    )
                ) {
                    let track = timer.track.map_or("", Token::as_str);
                    return refuse(format!("unsupported rtc timer track '{track}'"));
                }
                matches!(policy, Some(TickPolicy::Merge | TickPolicy::Discard))
            }
            TimerName::Pit => matches!(policy, Some(TickPolicy::Merge)),
            _ => false,
        };
        if wrong {
            let policy = policy.map_or("", Token::as_str);
            return refuse(format!("unsupported {name} timer tickpolicy '{policy}'"));
        }
    }
    Ok(())
}

fn cpu(domain: &Domain, board: &Board<'_>) -> Verdict {
    let cpu = &domain.cpu;
    if cpu.topology.is_some_and(|topology| topology.count() != Some(domain.vcpus.max)) {
        return refuse("CPU topology doesn't match maximum vcpu count");
    }
    if let Some(cache) = &cpu.cache {
        cpu_cache(cache.mode, cache.level, cpu.mode, board)?;
    }
    if let Some(width) = &cpu.max_phys_addr {
        let through = width.mode == model::domain::cpu::MaxPhysAddrMode::Passthrough;
        if through && width.bits.is_some() {
            return refuse(format!(
                "CPU maximum physical address bits number specification cannot be used with mode='{}'",
                width.mode
            ));
        }
        if !through && width.bits.is_none() {
            return refuse(format!(
                "if using CPU maximum physical address mode='{}', bits= must be specified too",
                width.mode
            ));
        }
    }
    if !domain.cputune.cache_tunes.is_empty() && domain.virt_type != VirtType::Kvm {
        return refuse("cachetune is only supported for KVM domains");
    }
    Ok(())
}

fn cpu_cache(mode: CacheMode, level: Option<u32>, cpu: Option<CpuMode>, board: &Board<'_>) -> Verdict {
    if !board.x86() {
        return refuse("CPU cache specification is not supported for this architecture");
    }
    match mode {
        CacheMode::Emulate if level != Some(3) => {
            refuse("CPU cache mode 'emulate' can only be used with level='3'")
        }
        CacheMode::Passthrough if !matches!(cpu, Some(CpuMode::HostPassthrough | CpuMode::Maximum)) => {
            refuse("CPU cache mode 'passthrough' can only be used with 'host-passthrough' CPUs")
        }
        CacheMode::Passthrough if level.is_some() => {
            refuse("unsupported CPU cache level for mode 'passthrough'")
        }
        CacheMode::Disable if level.is_some_and(|level| level != 3) => {
            refuse("unsupported CPU cache level for mode 'disable'")
        }
        _ => Ok(()),
    }
}

fn vcpus(domain: &Domain, board: &Board<'_>) -> Verdict {
    let Some(machine) = board.caps.machine(&board.virt, &board.machine) else { return Ok(()) };
    if machine.max_cpus > 0 && domain.vcpus.max > machine.max_cpus {
        let limit = machine.max_cpus;
        return refuse(format!("Maximum CPUs greater than specified machine type limit {limit}"));
    }
    // More than 255 need x2APIC IDs, which QEMU's I/O APIC takes through an IOMMU only.
    if domain.vcpus.max > 255 && board.x86() {
        let eim = domain
            .devices
            .iter()
            .any(|device| matches!(device, Device::Iommu(iommu) if iommu.eim == Some(true)));
        if !eim {
            return refuse("more than 255 vCPUs require extended interrupt mode enabled on the iommu device");
        }
    }
    Ok(())
}

fn security(domain: &Domain) -> Verdict {
    match domain.launch_security.as_deref() {
        Some(LaunchSecurity::Sev(_)) => refuse("SEV launch security is not supported with this QEMU binary"),
        Some(LaunchSecurity::S390Pv) => {
            refuse("S390 PV launch security is not supported with this QEMU binary")
        }
        None => Ok(()),
    }
}

fn sysinfo(domain: &Domain) -> Verdict {
    for info in &domain.sysinfo {
        let Sysinfo::Fwcfg(entries) = info else { continue };
        for entry in entries {
            if !entry.name.starts_with("opt/") {
                return refuse("Invalid firmware name");
            }
            if entry.name.starts_with("opt/ovmf/") || entry.name.starts_with("opt/org.qemu/") {
                return refuse("That firmware name is reserved");
            }
        }
    }
    Ok(())
}

fn bios(domain: &Domain) -> Verdict {
    let serial = domain.devices.iter().any(|device| matches!(device, Device::Serial(_)));
    if domain.os.bios_useserial == Some(true) && !serial {
        return Err(DefaultsError::xml("need at least one serial port to use BIOS serial output"));
    }
    Ok(())
}

/// Kinds of which a guest has one at most.
fn single(domain: &Domain) -> Verdict {
    let count = |test: fn(&Device) -> bool| domain.devices.iter().filter(|device| test(device)).count();
    let kinds: [(usize, &str); 4] = [
        (count(|d| matches!(d, Device::Watchdog(_))), "watchdog"),
        (count(|d| matches!(d, Device::Memballoon(_))), "memory balloon"),
        (count(|d| matches!(d, Device::Iommu(_))), "IOMMU"),
        (count(|d| matches!(d, Device::Vsock(_))), "vsock"),
    ];
    match kinds.iter().find(|(count, _)| *count > 1) {
        Some((_, name)) => {
            Err(DefaultsError::internal(format!("only a single {name} device is supported")).by(Part::Domain))
        }
        None => Ok(()),
    }
}

fn aliases(domain: &Domain) -> Verdict {
    let mut seen = std::collections::BTreeSet::new();
    for alias in domain.devices.iter().filter_map(|device| device.info()?.alias.as_deref()) {
        let own = alias.starts_with("ua-");
        if own && !seen.insert(alias) {
            return Err(
                DefaultsError::unsupported(format!("non unique alias detected: {alias}")).by(Part::Domain)
            );
        }
    }
    Ok(())
}
