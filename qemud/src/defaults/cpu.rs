//! The guest's CPU, as far as the document leaves it to the driver.

use model::bitmap::{self, Bitmap};
use model::domain::cpu::{CpuCheck, CpuFallback, CpuMatch, CpuMode};
use model::domain::{Domain, VirtType};

use super::Board;

/// Whether QEMU can leave out what does not survive migration: the 64-bit emulator does.
pub fn offers_migratable(board: &Board<'_>) -> bool {
    board.caps.arch == "x86_64"
}

/// Processors that no NUMA cell has belong to the first one.
pub(super) fn fill_cells(domain: &mut Domain) {
    let cells = &mut domain.cpu.numa.cells;
    let mut taken = Bitmap::new();
    cells.iter().flat_map(|cell| &cell.cpus).flat_map(Bitmap::iter).for_each(|vcpu| taken.insert(vcpu));
    let Some(first) = cells.first_mut() else { return };
    // A number of processors beyond all machines is refused later.
    let count = domain.vcpus.max.min(bitmap::MAX);
    for vcpu in (0..count).filter(|vcpu| !taken.contains(*vcpu)) {
        first.cpus.get_or_insert_default().insert(vcpu);
    }
}

/// Model, match and check of a CPU that the document leaves open.
pub(super) fn complete(domain: &mut Domain, board: &Board<'_>) {
    if domain.cpu.mode.is_none() && domain.cpu.model.is_none() {
        let Some(model) = board.caps.default_cpu_model(&board.virt, &board.machine) else { return };
        domain.cpu.mode = Some(CpuMode::Custom);
        domain.cpu.matching = Some(CpuMatch::Exact);
        domain.cpu.check = Some(CpuCheck::None);
        domain.cpu.fallback = CpuFallback::Forbid;
        domain.cpu.model = Some(model.to_owned());
        return;
    }
    let tcg = domain.virt_type == VirtType::Qemu;
    let cpu = &mut domain.cpu;
    if cpu.mode == Some(CpuMode::HostPassthrough) {
        cpu.migratable.get_or_insert(offers_migratable(board));
    }
    if cpu.check.is_none() {
        cpu.check = Some(match cpu.mode {
            Some(CpuMode::Custom) | None if tcg => CpuCheck::None,
            Some(CpuMode::Custom | CpuMode::HostModel) | None => CpuCheck::Partial,
            Some(CpuMode::HostPassthrough | CpuMode::Maximum) => CpuCheck::None,
        });
    }
}
