//! The guest's CPU, as far as the document leaves it to the driver.

use model::domain::cpu::{CpuCheck, CpuFallback, CpuMatch, CpuMode};
use model::domain::{Domain, VirtType};

use super::Board;

/// Whether QEMU can leave out what does not survive migration: the 64-bit emulator does.
pub fn offers_migratable(board: &Board<'_>) -> bool {
    board.caps.arch == "x86_64"
}

/// Model, match and check of a CPU that the document leaves open.
pub fn complete(domain: &mut Domain, board: &Board<'_>) {
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
    if matches!(cpu.mode, Some(CpuMode::HostPassthrough | CpuMode::Maximum)) && cpu.migratable.is_none() {
        cpu.migratable = Some(offers_migratable(board));
    }
    if cpu.check.is_none() {
        cpu.check = Some(match cpu.mode {
            Some(CpuMode::Custom) | None if tcg => CpuCheck::None,
            Some(CpuMode::Custom | CpuMode::HostModel) | None => CpuCheck::Partial,
            Some(CpuMode::HostPassthrough | CpuMode::Maximum) => CpuCheck::None,
        });
    }
}
