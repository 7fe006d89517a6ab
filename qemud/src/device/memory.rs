//! Memory modules.

use model::Token;
use model::domain::device::address::Address;
use model::domain::device::memory::{Memory, MemoryModel};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::memory::{Region, backend, bytes};
use crate::command::props::Props;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;
use crate::defaults::{DefaultsError, Part};

impl QemuDevice for Memory {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        if self.model == MemoryModel::VirtioPmem {
            self.access.get_or_insert(model::domain::device::memory::MemoryAccess::Shared);
        }
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        rules(self, check)
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        matches!(self.model, MemoryModel::VirtioPmem | MemoryModel::VirtioMem).then(|| board.pcie())
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let memdev = format!("mem{alias}");
        let object = backend(&Region::of_device(self, &memdev, &alias), build)?;
        build.object(&object);
        let kib = |size: Option<u64>| size.filter(|size| *size > 0).map(bytes);
        let driver = match self.model {
            MemoryModel::Dimm => "pc-dimm",
            MemoryModel::Nvdimm => "nvdimm",
            MemoryModel::VirtioPmem => "virtio-pmem-pci",
            MemoryModel::VirtioMem => "virtio-mem-pci",
            MemoryModel::SgxEpc => {
                return Err(PlanError::unsupported("sgx epc isn't supported by this QEMU binary"));
            }
        };
        let props = Props::device(driver)
            .opt("node", self.node)
            .opt("label-size", kib(self.label_size))
            .opt("block-size", kib(self.block_size))
            .opt("requested-size", kib(self.requested_size))
            .str("memdev", &memdev)
            .flag("unarmed", self.readonly)
            .str("id", &alias);
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}

fn rules(memory: &Memory, check: &Check<'_>) -> Result<(), DefaultsError> {
    if memory.model == MemoryModel::SgxEpc {
        return Err(DefaultsError::unsupported("sgx epc isn't supported by this QEMU binary"));
    }
    if memory.model == MemoryModel::Nvdimm && memory.uuid.is_some() {
        // Only pseries gives NVDIMMs an identity.
        return Err(DefaultsError::unsupported("UUID is not supported for NVDIMM device").by(Part::Domain));
    }
    if check.domain.memory.max.is_none() {
        return Err(DefaultsError::unsupported(
            "cannot use/hotplug a memory device when domain 'maxMemory' is not defined",
        ));
    }
    let cells = check.domain.cpu.numa.cells.len();
    if cells == 0 {
        return Err(DefaultsError::unsupported(
            "At least one numa node has to be configured when enabling memory hotplug",
        ));
    }
    let needs_node = !matches!(memory.model, MemoryModel::VirtioPmem | MemoryModel::SgxEpc);
    match memory.node {
        Some(node) if node as usize >= cells => Err(DefaultsError::unsupported(format!(
            "can't add memory backend for guest node '{node}' as the guest has only '{cells}' NUMA nodes configured"
        ))),
        None if needs_node => {
            let model = memory.model.as_str();
            Err(DefaultsError::unsupported(format!(
                "target NUMA node needs to be specified for memory device '{model}'"
            )))
        }
        _ => address_rules(memory),
    }
}

fn address_rules(memory: &Memory) -> Result<(), DefaultsError> {
    let dimm = matches!(memory.model, MemoryModel::Dimm | MemoryModel::Nvdimm);
    match (&memory.info.address, dimm) {
        (None | Some(Address::Dimm { .. }), true) | (None | Some(Address::Pci(_)), false) => Ok(()),
        _ => Err(DefaultsError::unsupported("the address of a memory device is of another bus")),
    }
}
