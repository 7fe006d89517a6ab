//! Slots of memory modules.

use std::collections::BTreeSet;

use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::address::Address;
use model::domain::device::memory::MemoryModel;

use crate::defaults::error::{DefaultsError, Part};

/// Gives each module the lowest free slot.
pub(super) fn assign(domain: &mut Domain) -> Result<(), DefaultsError> {
    let slots = domain.memory.max.map_or(0, |max| max.slots);
    let mut taken: BTreeSet<u32> = domain
        .devices
        .iter()
        .filter_map(|device| match device {
            Device::Memory(memory) => match memory.info.address {
                Some(Address::Dimm { slot, .. }) => Some(slot),
                _ => None,
            },
            _ => None,
        })
        .collect();
    for device in &mut domain.devices {
        let Device::Memory(memory) = device else { continue };
        let plugged = matches!(memory.model, MemoryModel::Dimm | MemoryModel::Nvdimm);
        // A place on another bus is passed over.
        let placed = matches!(memory.info.address, Some(Address::Dimm { .. }));
        if !plugged || placed || slots == 0 {
            continue;
        }
        let free = (0..slots).find(|slot| !taken.contains(slot)).ok_or_else(|| {
            DefaultsError::unsupported(format!(
                "count of memory devices requiring memory slots exceeds slots count '{slots}'"
            ))
            .by(Part::Domain)
        })?;
        taken.insert(free);
        memory.info.address = Some(Address::Dimm { slot: free, base: None });
    }
    Ok(())
}
