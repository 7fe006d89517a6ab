//! Completes a parsed domain: machine, CPU, controllers, models, addresses; then validates it. Pure.

pub mod address;
mod aliases;
pub mod board;
mod console;
mod controllers;
mod cpu;
mod error;
pub mod facts;
mod fault;
mod implicit;
mod machine;
pub mod pci;
mod validate;
mod vcpus;

use model::domain::device::Device;
use model::domain::device::graphics::GraphicsKind;
use model::domain::features::IoApic;
use model::domain::memory::{MemoryAccess, MemorySource};
use model::domain::{Domain, ParseOptions};

pub use aliases::aliases;
pub use board::Board;
pub use cpu::offers_migratable;
pub use error::{DefaultsError, Part};
pub use facts::{HostFacts, HugetlbMount, QemuConf, Tsc};
pub use machine::resolve_emulator;
pub use validate::{lifecycle as check_lifecycle, validate};

use crate::capabilities::QemuCaps;

/// Fills in all that a parsed document leaves to the driver, then refuses what cannot be done.
///
/// Architecture and emulator must be known already ([`resolve_emulator`]); `caps` are those of that emulator.
pub fn complete(domain: &mut Domain, caps: &QemuCaps, host: &HostFacts) -> Result<(), DefaultsError> {
    machine::complete(domain, caps);
    vcpus::check_order(domain)?;
    let board = board(domain, caps, host);
    machine::firmware_paths(domain, &board);
    controllers::for_scsi_hostdevs(domain)?;
    controllers::defaults(domain, &board)?;
    cpu::complete(domain, &board);
    cpu::fill_cells(domain);
    implicit::before_devices(domain, &board);
    devices(domain, &board)?;
    domain.fill(&ParseOptions::default())?;
    console::pair(domain)?;
    address::drive::assign(domain)?;
    controllers::implicit(domain)?;
    implicit::after_devices(domain);
    devices(domain, &board)?;
    address::assign(domain, &board)?;
    validate(domain, caps, host)
}

/// The machine of a domain whose machine type is known.
pub fn board<'a>(domain: &Domain, caps: &'a QemuCaps, host: &'a HostFacts) -> Board<'a> {
    let arch = domain.os.arch.map_or_else(|| host.arch.clone(), |arch| arch.to_string());
    let machine = domain.os.machine.clone().unwrap_or_default();
    Board { caps, host, virt: domain.virt_type.to_string(), arch, machine }
}

/// Gives an address to every device that has none.
pub fn place(domain: &mut Domain, board: &Board<'_>) -> Result<(), DefaultsError> {
    address::assign(domain, board)
}

fn devices(domain: &mut Domain, board: &Board<'_>) -> Result<(), DefaultsError> {
    domain.devices.iter_mut().try_for_each(|device| crate::device::complete(device, board))
}

/// Whether other processes can map all of the guest's memory.
pub fn memory_is_shared(domain: &Domain) -> bool {
    let cells = &domain.cpu.numa.cells;
    let backed = matches!(domain.memory_backing.source, Some(MemorySource::File | MemorySource::Memfd))
        || !domain.memory_backing.hugepages.is_empty();
    let default = domain.memory_backing.access;
    if !backed {
        return false;
    }
    if cells.is_empty() {
        return default == Some(MemoryAccess::Shared);
    }
    cells.iter().all(|cell| cell.access.or(default) == Some(MemoryAccess::Shared))
}

/// Whether a SPICE server is part of the guest.
pub fn has_spice(domain: &Domain) -> bool {
    domain.devices.iter().any(|device| {
        matches!(device, Device::Graphics(graphics) if matches!(graphics.kind, GraphicsKind::Spice(_)))
    })
}

/// Whether QEMU emulates the I/O APIC, so that interrupts can be remapped.
pub fn split_irqchip(domain: &Domain) -> bool {
    domain.features.ioapic == Some(IoApic::Qemu)
}
