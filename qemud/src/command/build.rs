//! The command line under construction: what every device's code gets to read and to write.

use model::Token;
use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::address::Address;
use model::domain::device::controller::{ControllerKind, PciModel};
use model::domain::device::info::{DeviceInfo, Rom, VirtioOptions};

use super::PlanError;
use super::options::PlanOptions;
use super::plan::Plan;
use super::props::Props;
use crate::defaults::board::Board;

/// A plan in the making.
pub struct Build<'a> {
    /// The domain, with aliases and addresses.
    pub domain: &'a Domain,
    /// The machine.
    pub board: Board<'a>,
    /// How the plan will be used.
    pub options: &'a PlanOptions,
    /// What was built so far.
    pub plan: Plan,
}

impl Build<'_> {
    /// Writes `-device`, with the user's overrides for its alias applied.
    pub fn device(&mut self, props: Props) -> Result<(), PlanError> {
        let props = match props.get_str("id").map(str::to_owned) {
            Some(alias) => super::passthrough::override_props(self.domain, &alias, props)?,
            None => props,
        };
        self.plan.option("-device", props.to_json());
        Ok(())
    }

    /// Writes `-object`.
    pub fn object(&mut self, props: &Props) {
        self.plan.option("-object", props.to_json());
    }

    /// The alias of a device, which a start has set.
    pub fn alias(&self, info: &DeviceInfo) -> Result<String, PlanError> {
        info.alias.clone().ok_or_else(|| PlanError::internal("a device without alias cannot be started"))
    }

    /// Adds the properties of a device's place: bus, slot or port.
    pub fn place(&self, props: Props, info: &DeviceInfo) -> Result<Props, PlanError> {
        Ok(match &info.address {
            Some(Address::Pci(pci)) => {
                let addr = match pci.function {
                    0 => format!("{:#x}", pci.slot),
                    function => format!("{:#x}.{:#x}", pci.slot, function),
                };
                props
                    .str("bus", &self.pci_bus(pci.bus)?)
                    .opt("multifunction", pci.multifunction)
                    .str("addr", &addr)
                    .opt("acpi-index", info.extra.acpi_index)
            }
            Some(Address::Usb(usb)) => {
                let port: Vec<String> =
                    usb.port.iter().take_while(|port| **port != 0).map(u32::to_string).collect();
                let bus = format!("{}.0", self.controller("usb", usb.bus)?);
                props.str("bus", &bus).str("port", &port.join("."))
            }
            Some(Address::VirtioSerial(port)) => {
                let bus = self.controller("virtio-serial", port.controller)?;
                props.str("bus", &format!("{bus}.{}", port.bus)).set("nr", port.port)
            }
            Some(Address::Ccid { controller, .. }) => {
                props.str("bus", &format!("{}.0", self.controller("ccid", *controller)?))
            }
            Some(Address::Isa { iobase, irq }) => {
                props.set("iobase", iobase.unwrap_or(0)).opt("irq", irq.filter(|irq| *irq != 0))
            }
            Some(Address::Dimm { slot, base }) => props.set("slot", *slot).opt("addr", *base),
            Some(Address::SpaprVio { reg }) => props.opt("reg", *reg),
            Some(Address::Ccw(Some(ccw))) => {
                props.str("devno", &format!("{:x}.{:x}.{:04x}", ccw.cssid, ccw.ssid, ccw.devno))
            }
            Some(Address::Drive(_) | Address::Ccw(None) | Address::VirtioMmio | Address::Unassigned)
            | None => props,
        })
    }

    /// QEMU's name of a PCI bus.
    fn pci_bus(&self, bus: u32) -> Result<String, PlanError> {
        let found = self.controllers().find_map(|controller| match &controller.kind {
            ControllerKind::Pci(pci) if controller.index == Some(bus) => Some((pci.model, &controller.info)),
            _ => None,
        });
        match found {
            Some((Some(PciModel::PcieRoot), _)) => Ok("pcie.0".to_owned()),
            Some((Some(PciModel::PciRoot), _)) => Ok("pci.0".to_owned()),
            Some((_, info)) => self.alias(info),
            None => Err(PlanError::internal(format!("there is no PCI controller with index='{bus}'"))),
        }
    }

    /// Alias of a controller by type and index.
    pub fn controller(&self, kind: &str, index: u32) -> Result<String, PlanError> {
        let found = self.controllers().find(|c| c.index == Some(index) && c.kind.kind().as_str() == kind);
        match found {
            Some(controller) => self.alias(&controller.info),
            None => Err(PlanError::internal(format!("there is no {kind} controller with index='{index}'"))),
        }
    }

    /// All controllers.
    pub fn controllers(&self) -> impl Iterator<Item = &model::domain::device::controller::Controller> {
        self.domain.devices.iter().filter_map(|device| match device {
            Device::Controller(controller) => Some(&**controller),
            _ => None,
        })
    }
}

/// Adds the options every virtio device has, right behind its driver.
pub fn virtio_options(props: Props, options: &VirtioOptions) -> Props {
    props
        .opt("iommu_platform", options.iommu)
        .opt("ats", options.ats)
        .opt("packed", options.packed)
        .opt("page-per-vq", options.page_per_vq)
}

/// Adds the option ROM of a PCI device.
pub fn rom(props: Props, info: &DeviceInfo) -> Props {
    match &info.extra.rom {
        None => props,
        Some(Rom { enabled: Some(false), .. }) => props.str("romfile", ""),
        Some(rom) => props.opt("rombar", rom.bar.map(u32::from)).opt_str("romfile", rom.file.as_deref()),
    }
}

/// Name of a virtio device on its bus, on PCI with the suffix of its flavour.
pub fn virtio_driver(base: &str, model: Option<&str>, info: &DeviceInfo) -> Result<String, PlanError> {
    let bus = match &info.address {
        None | Some(Address::Pci(_)) => "pci",
        Some(Address::VirtioMmio) => "device",
        Some(Address::Ccw(_)) => "ccw",
        Some(_) => return Err(PlanError::internal(format!("a '{base}' device has no address of this type"))),
    };
    Ok(match model {
        Some("virtio-transitional") => format!("{base}-{bus}-transitional"),
        Some("virtio-non-transitional") => format!("{base}-{bus}-non-transitional"),
        _ => format!("{base}-{bus}"),
    })
}
