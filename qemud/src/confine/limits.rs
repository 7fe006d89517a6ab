//! Resource limits of a guest's QEMU.

use host::process::{Limit, Resource};
use model::domain::Domain as Definition;
use model::domain::memory::UNLIMITED_KIB;

use super::Confinement;

/// The limits to set before QEMU runs.
pub fn of(definition: &Definition, confinement: &Confinement) -> Vec<(Resource, Limit)> {
    let mut limits = vec![(Resource::Core, Limit::both(confinement.max_core))];
    if confinement.max_processes > 0 {
        limits.push((Resource::Processes, Limit::both(confinement.max_processes.into())));
    }
    if confinement.max_files > 0 {
        // The kernel's limit is above the highest number, the setting is the highest number.
        limits.push((Resource::OpenFiles, Limit::both(u64::from(confinement.max_files) + 1)));
    }
    if let Some(bytes) = locked_memory(definition) {
        limits.push((Resource::LockedMemory, Limit::both(bytes)));
    }
    limits
}

/// Bytes that QEMU may lock: its hard limit if it has one, else all there is if it locks its memory, since nobody
/// knows how much it uses beside the guest's. None: as the daemon.
fn locked_memory(definition: &Definition) -> Option<u64> {
    match definition.memtune.hard_limit.filter(|kib| *kib > 0 && *kib < UNLIMITED_KIB) {
        Some(kib) => Some(kib.saturating_mul(1024)),
        None if definition.memory_backing.locked => Some(Limit::UNLIMITED),
        None => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn locked_memory_is_the_hard_limit_or_all() {
        let mut definition = Definition::default();
        let locked = |definition: &Definition| {
            let limits = of(definition, &Confinement::default());
            limits.iter().find(|(what, _)| *what == Resource::LockedMemory).map(|(_, limit)| limit.hard)
        };
        assert_eq!(locked(&definition), None);
        definition.memory_backing.locked = true;
        assert_eq!(locked(&definition), Some(u64::MAX));
        definition.memtune.hard_limit = Some(1000);
        assert_eq!(locked(&definition), Some(1_024_000));
        definition.memtune.hard_limit = Some(UNLIMITED_KIB);
        assert_eq!(locked(&definition), Some(u64::MAX));
    }

    #[test]
    fn files_are_counted_from_zero() {
        let confinement = Confinement { max_files: 3000, max_processes: 7, ..Confinement::default() };
        let limits = of(&Definition::default(), &confinement);
        assert!(limits.contains(&(Resource::OpenFiles, Limit::both(3001))));
        assert!(limits.contains(&(Resource::Processes, Limit::both(7))));
        assert!(limits.contains(&(Resource::Core, Limit::both(0))));
    }
}
