//! I/O memory management units.

use model::Token;
use model::domain::device::address::Address;
use model::domain::device::iommu::{Iommu, IommuModel};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;
use crate::defaults::{DefaultsError, Part};

impl QemuDevice for Iommu {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        let model = self.model.as_str();
        let refuse =
            |what: &str| Err(DefaultsError::unsupported(format!("IOMMU device: '{model}' is {what}")));
        match self.model {
            IommuModel::Intel if !check.board.q35() => refuse("only supported with Q35 machines"),
            IommuModel::Smmuv3 => refuse("only supported with ARM Virt machines"),
            IommuModel::Virtio if !check.board.q35() => {
                refuse("only supported with Q35 and ARM Virt machines")
            }
            IommuModel::Intel => intel_rules(self, check),
            IommuModel::Virtio if !check.domain.features.acpi => {
                Err(DefaultsError::unsupported(format!("IOMMU device: '{model}' requires ACPI")))
            }
            IommuModel::Virtio => Ok(()),
        }
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        // It cannot be plugged later, so it goes straight on the root complex.
        (self.model == IommuModel::Virtio).then(|| board.pcie().fixed())
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        if self.model == IommuModel::Virtio {
            let props = build.place(Props::device("virtio-iommu-pci").str("id", &alias), &self.info)?;
            return build.device(props);
        }
        let word = |on: bool| if on { "on" } else { "off" };
        let props = Props::device("intel-iommu")
            .str("id", &alias)
            .opt_str("intremap", self.intremap.map(word))
            .opt_str("eim", self.eim.map(word))
            .opt("device-iotlb", self.iotlb)
            .opt("caching-mode", self.caching_mode)
            .opt("aw-bits", self.aw_bits);
        build.device(props)
    }
}

fn intel_rules(iommu: &Iommu, check: &Check<'_>) -> Result<(), DefaultsError> {
    if iommu.intremap == Some(true) && !crate::defaults::split_irqchip(check.domain) {
        let detail = "IOMMU interrupt remapping requires split I/O APIC (ioapic driver='qemu')";
        return Err(DefaultsError::unsupported(detail).by(Part::Domain));
    }
    if iommu.eim == Some(true) && iommu.intremap != Some(true) {
        let detail = "IOMMU eim requires interrupt remapping to be enabled";
        return Err(DefaultsError::unsupported(detail).by(Part::Domain));
    }
    if matches!(iommu.info.address, Some(Address::Pci(_))) {
        return Err(DefaultsError::unsupported("the Intel IOMMU has no PCI address"));
    }
    Ok(())
}
