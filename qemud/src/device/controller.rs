//! Controllers: what other devices are plugged into.

use model::Token;
use model::domain::device::controller::{
    Controller, ControllerKind, PciController, PciModel, PciModelName, ScsiModel, UsbModel, VirtioSerialModel,
};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::{Build, virtio_driver, virtio_options};
use crate::command::props::Props;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::{BusModel, Connect};
use crate::defaults::{DefaultsError, Part};

/// Ports of an xHCI controller at most.
const MAX_XHCI_PORTS: u32 = 15;

impl QemuDevice for Controller {
    fn complete(&mut self, board: &Board<'_>) -> Result<(), DefaultsError> {
        match &mut self.kind {
            ControllerKind::Scsi { model: model @ (None | Some(ScsiModel::Auto)) } => {
                *model = Some(ScsiModel::LsiLogic);
            }
            ControllerKind::Usb { model: model @ None, .. } => *model = Some(UsbModel::Piix3Uhci),
            ControllerKind::Pci(pci) => complete_pci(pci, self.index, board)?,
            _ => {}
        }
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        match &self.kind {
            ControllerKind::Ide { .. } => ide_rules(self, check),
            ControllerKind::Scsi { model } => scsi_rules(self, *model, check),
            ControllerKind::Usb { model, ports } => usb_rules(*model, *ports),
            ControllerKind::Pci(pci) => super::controller::pci_rules(self, pci, check),
            ControllerKind::Xenbus { .. } => {
                Err(DefaultsError::unsupported("controllers of type 'xenbus' exist on Xen only"))
            }
            _ => Ok(()),
        }
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        match &self.kind {
            ControllerKind::Fdc | ControllerKind::Ccid => None,
            ControllerKind::Ide { .. } => Some(board.pci()),
            ControllerKind::Isa { .. } | ControllerKind::Xenbus { .. } => Some(Connect::NONE),
            ControllerKind::Sata => Some(board.pci()),
            ControllerKind::Scsi { model } => Some(scsi_plug(*model, board)),
            ControllerKind::VirtioSerial { model, .. } => {
                Some(board.virtio(*model == Some(VirtioSerialModel::VirtioTransitional)))
            }
            ControllerKind::Usb { model, .. } => match model {
                Some(UsbModel::None) => None,
                Some(UsbModel::QemuXhci | UsbModel::NecXhci) => Some(board.pcie()),
                _ => Some(board.pci()),
            },
            ControllerKind::Pci(pci) => pci.model.and_then(bus_model).map(BusModel::plug),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let props = match &self.kind {
            ControllerKind::Scsi { model } => Some(scsi(self, *model, build)?),
            ControllerKind::VirtioSerial { model, ports, vectors } => {
                let driver = virtio_driver("virtio-serial", model.map(Token::as_str), &self.info)?;
                let props = virtio_options(Props::device(&driver), &self.driver.virtio);
                Some(
                    props
                        .str("id", &build.alias(&self.info)?)
                        .opt("max_ports", *ports)
                        .opt("vectors", *vectors),
                )
            }
            ControllerKind::Ccid => Some(Props::device("usb-ccid").str("id", &build.alias(&self.info)?)),
            ControllerKind::Sata if !built_in_sata(self, &build.board) => {
                Some(Props::device("ahci").str("id", &build.alias(&self.info)?))
            }
            ControllerKind::Usb { model, ports } => usb(self, *model, *ports, build)?,
            ControllerKind::Pci(pci) => pci_device(self, pci, build)?,
            // IDE and floppy controllers are part of the machine.
            ControllerKind::Ide { .. } | ControllerKind::Fdc | ControllerKind::Sata => None,
            ControllerKind::Isa { .. } | ControllerKind::Xenbus { .. } => None,
        };
        match props {
            Some(props) => {
                let props = build.place(props, &self.info)?;
                build.device(props)
            }
            None => Ok(()),
        }
    }
}

/// USB controller of a machine that was given none.
pub fn default_usb(board: &Board<'_>) -> UsbModel {
    if board.q35() { UsbModel::QemuXhci } else { UsbModel::Piix3Uhci }
}

/// The chipset's own AHCI controller.
pub fn built_in_sata(controller: &Controller, board: &Board<'_>) -> bool {
    board.q35() && matches!(controller.kind, ControllerKind::Sata) && controller.index == Some(0)
}

/// The bus a PCI controller provides.
pub fn bus_model(model: PciModel) -> Option<BusModel> {
    BusModel::from_name(model.as_str())
}

fn complete_pci(pci: &mut PciController, index: Option<u32>, board: &Board<'_>) -> Result<(), DefaultsError> {
    let expander_ok = match pci.model {
        Some(PciModel::PciExpanderBus) => board.i440fx(),
        Some(PciModel::PcieExpanderBus) => board.q35(),
        _ => true,
    };
    if let (false, Some(model)) = (expander_ok, pci.model) {
        return Err(DefaultsError::unsupported(format!(
            "{model} controllers are not supported with this machine type"
        )));
    }
    let root = matches!(pci.model, Some(PciModel::PciRoot | PciModel::PcieRoot));
    if root && index.is_some_and(|index| index != 0) {
        return Err(DefaultsError::xml("pci-root and pcie-root controllers should have index 0"));
    }
    Ok(())
}

fn ide_rules(controller: &Controller, check: &Check<'_>) -> Result<(), DefaultsError> {
    if check.board.i440fx() {
        if controller.index == Some(0) {
            return Ok(());
        }
        return Err(DefaultsError::unsupported("Only one IDE controller is supported for this machine type"));
    }
    Err(DefaultsError::unsupported("IDE controllers are unsupported for this QEMU binary or machine type"))
}

fn scsi_rules(
    controller: &Controller,
    model: Option<ScsiModel>,
    check: &Check<'_>,
) -> Result<(), DefaultsError> {
    let virtio = is_virtio(model);
    if !virtio {
        let name = model.map_or("none", Token::as_str);
        let driver = &controller.driver;
        let set = [
            (driver.queues.is_some(), "queues"),
            (driver.cmd_per_lun.is_some(), "cmd_per_lun"),
            (driver.max_sectors.is_some(), "max_sectors"),
            (driver.ioeventfd.is_some(), "ioeventfd"),
        ];
        if let Some((_, what)) = set.iter().find(|(given, _)| *given) {
            return Err(DefaultsError::unsupported(format!(
                "'{what}' is only supported by virtio-scsi controller, not by model '{name}'"
            )));
        }
        if matches!(model, Some(ScsiModel::BusLogic | ScsiModel::Vmpvscsi | ScsiModel::Ncr53c90)) {
            return Err(DefaultsError::unsupported(format!("unsupported controller model: {name}")));
        }
    }
    if let Some(id) = controller.driver.iothread.filter(|id| *id != 0) {
        if !virtio {
            return Err(DefaultsError::unsupported(
                "'iothread' is only supported for virtio scsi controllers",
            ));
        }
        if check.domain.iothreads.threads.iter().all(|thread| thread.id != id) {
            return Err(DefaultsError::unsupported(format!(
                "controller iothread '{id}' not defined in iothreadid"
            )));
        }
    }
    Ok(())
}

fn usb_rules(model: Option<UsbModel>, ports: Option<u32>) -> Result<(), DefaultsError> {
    match (model, ports) {
        (Some(UsbModel::Qusb1 | UsbModel::Qusb2), _) => Err(DefaultsError::unsupported(
            "USB controller model type 'qusb1' or 'qusb2' is not supported in kvm",
        )),
        (Some(model @ (UsbModel::NecXhci | UsbModel::QemuXhci)), Some(ports)) if ports > MAX_XHCI_PORTS => {
            let model = model.as_str();
            Err(DefaultsError::unsupported(format!(
                "'{model}' controller only supports up to '{MAX_XHCI_PORTS}' ports"
            )))
        }
        _ => Ok(()),
    }
}

fn pci_rules(controller: &Controller, pci: &PciController, check: &Check<'_>) -> Result<(), DefaultsError> {
    use PciModel as M;
    let index = controller.index.unwrap_or(0);
    let model = pci.model.ok_or_else(|| {
        DefaultsError::internal(format!("PCI controller with index='{index}' has no model")).by(Part::Domain)
    })?;
    let root_ok = match model {
        M::PciRoot => check.board.i440fx(),
        M::PcieRoot => check.board.q35(),
        _ => true,
    };
    if index == 0 || !root_ok {
        let wanted = if check.board.q35() { M::PcieRoot } else { M::PciRoot };
        if (check.board.q35() || check.board.i440fx()) && model != wanted {
            return Err(DefaultsError::xml(format!(
                "The PCI controller with index='0' must be model='{wanted}' for this machine type, but model='{model}' was found instead"
            )));
        }
    }
    option_rules(index, pci, model)
}

/// Options that only some models have.
fn option_rules(index: u32, pci: &PciController, model: PciModel) -> Result<(), DefaultsError> {
    use PciModel as M;
    let expander = matches!(model, M::PciExpanderBus | M::PcieExpanderBus);
    let port = matches!(model, M::PcieRootPort | M::PcieSwitchDownstreamPort);
    let root = matches!(model, M::PciRoot | M::PcieRoot);
    let name_ok = match (model, pci.model_name) {
        (_, None) => true,
        (M::PciBridge, Some(name)) => name == PciModelName::PciBridge,
        (M::DmiToPciBridge, Some(name)) => name == PciModelName::I82801b11Bridge,
        (M::PcieToPciBridge, Some(name)) => name == PciModelName::PciePciBridge,
        (M::PcieRootPort, Some(name)) => matches!(name, PciModelName::Ioh3420 | PciModelName::PcieRootPort),
        (M::PcieSwitchUpstreamPort, Some(name)) => name == PciModelName::X3130Upstream,
        (M::PcieSwitchDownstreamPort, Some(name)) => name == PciModelName::Xio3130Downstream,
        (M::PciExpanderBus, Some(name)) => name == PciModelName::Pxb,
        (M::PcieExpanderBus, Some(name)) => name == PciModelName::PxbPcie,
        (M::PciRoot | M::PcieRoot, Some(_)) => true,
    };
    if let (false, Some(name)) = (name_ok, pci.model_name) {
        return Err(DefaultsError::unsupported(format!(
            "Option 'modelName' has invalid value for PCI controller with index '{index}', model '{model}' and modelName '{name}'"
        )));
    }
    let options = [
        (pci.extra.pcihole64.is_some() && !root, "pcihole64"),
        (pci.extra.bus_nr.is_some() && !expander, "busNr"),
        (pci.extra.numa_node.is_some() && !expander && model != M::PciRoot, "node"),
        (pci.chassis_nr.is_some() && model != M::PciBridge, "chassisNr"),
        (pci.chassis.is_some() && !port, "chassis"),
        (pci.port.is_some() && !port, "port"),
        (pci.target_index.is_some(), "targetIndex"),
        (pci.extra.hotplug.is_some() && !port, "hotplug"),
        (root && pci.model_name.is_some(), "modelName"),
    ];
    match options.iter().find(|(wrong, _)| *wrong) {
        Some((_, option)) => Err(DefaultsError::unsupported(format!(
            "Option '{option}' is not valid for PCI controller with index '{index}', model '{model}' and modelName '{}'",
            pci.model_name.map_or("none", Token::as_str)
        ))),
        None => Ok(()),
    }
}

/// Whether a SCSI controller is virtio's.
pub fn is_virtio(model: Option<ScsiModel>) -> bool {
    model.is_some_and(ScsiModel::is_virtio)
}

fn scsi_plug(model: Option<ScsiModel>, board: &Board<'_>) -> Connect {
    match model {
        Some(ScsiModel::Virtio | ScsiModel::VirtioNonTransitional) => board.virtio(false),
        Some(ScsiModel::Ibmvscsi | ScsiModel::Ncr53c90) | None => Connect::NONE,
        Some(_) => board.pci(),
    }
}

fn scsi(controller: &Controller, model: Option<ScsiModel>, build: &Build<'_>) -> Result<Props, PlanError> {
    let alias = build.alias(&controller.info)?;
    let driver = match model {
        Some(ScsiModel::LsiLogic) => "lsi",
        Some(ScsiModel::LsiSas1068) => "mptsas1068",
        Some(ScsiModel::LsiSas1078) => "megasas",
        Some(ScsiModel::Ibmvscsi) => "spapr-vscsi",
        Some(ScsiModel::Am53c974) => "am53c974",
        Some(ScsiModel::Dc390) => "dc-390",
        model if is_virtio(model) => {
            let driver = virtio_driver("virtio-scsi", model.map(Token::as_str), &controller.info)?;
            let iothread = controller.driver.iothread.map(|id| format!("iothread{id}"));
            let props = Props::device(&driver).opt("iothread", iothread);
            return Ok(virtio_options(props, &controller.driver.virtio)
                .str("id", &alias)
                .opt("num_queues", controller.driver.queues)
                .opt("cmd_per_lun", controller.driver.cmd_per_lun)
                .opt("max_sectors", controller.driver.max_sectors)
                .opt("ioeventfd", controller.driver.ioeventfd));
        }
        other => {
            let name = other.map_or("none", Token::as_str);
            return Err(PlanError::unsupported(format!("unsupported controller model: {name}")));
        }
    };
    Ok(Props::device(driver).str("id", &alias))
}

fn usb(
    controller: &Controller,
    model: Option<UsbModel>,
    ports: Option<u32>,
    build: &Build<'_>,
) -> Result<Option<Props>, PlanError> {
    let driver = match model {
        Some(UsbModel::None) | None => return Ok(None),
        Some(UsbModel::Piix3Uhci) => "piix3-usb-uhci",
        Some(UsbModel::Piix4Uhci) => "piix4-usb-uhci",
        Some(UsbModel::Ehci) => "usb-ehci",
        Some(UsbModel::Ich9Ehci1) => "ich9-usb-ehci1",
        Some(UsbModel::Ich9Uhci1) => "ich9-usb-uhci1",
        Some(UsbModel::Ich9Uhci2) => "ich9-usb-uhci2",
        Some(UsbModel::Ich9Uhci3) => "ich9-usb-uhci3",
        Some(UsbModel::Vt82c686bUhci) => "vt82c686b-usb-uhci",
        Some(UsbModel::PciOhci) => "pci-ohci",
        Some(UsbModel::NecXhci) => "nec-usb-xhci",
        Some(UsbModel::QemuXhci) => "qemu-xhci",
        Some(model @ (UsbModel::Qusb1 | UsbModel::Qusb2)) => {
            let name = model.as_str();
            return Err(PlanError::unsupported(format!(
                "USB controller model '{name}' is not supported in kvm"
            )));
        }
    };
    if ports.is_some() && !matches!(model, Some(UsbModel::NecXhci | UsbModel::QemuXhci)) {
        let name = model.map_or("none", Token::as_str);
        return Err(PlanError::unsupported(format!(
            "usb controller type '{name}' doesn't support 'ports' with this QEMU binary"
        )));
    }
    if !build.board.caps.has_device(driver) {
        let name = model.map_or("none", Token::as_str);
        return Err(PlanError::unsupported(format!(
            "USB controller model '{name}' not supported in this QEMU binary"
        )));
    }
    let alias = build.alias(&controller.info)?;
    let props = Props::device(driver).opt("p2", ports).opt("p3", ports);
    Ok(Some(match controller.info.master_port {
        // A companion shares the bus of its master and has no name of its own.
        Some(port) => {
            let mut others = build.controllers().filter(|other| other.index == controller.index);
            if !others.any(|other| {
                matches!(other.kind, ControllerKind::Usb { .. }) && other.info.master_port.is_none()
            }) {
                return Err(PlanError::internal("masterbus not found"));
            }
            props.str("masterbus", &format!("{alias}.0")).set("firstport", port)
        }
        None => props.str("id", &alias),
    }))
}

fn pci_device(
    controller: &Controller,
    pci: &PciController,
    build: &Build<'_>,
) -> Result<Option<Props>, PlanError> {
    if matches!(pci.model, None | Some(PciModel::PciRoot | PciModel::PcieRoot)) {
        return Ok(None);
    }
    let index = controller.index.unwrap_or(0);
    let name = pci.model_name.map(Token::as_str).ok_or_else(|| {
        PlanError::internal(format!("the PCI controller with index='{index}' has no device"))
    })?;
    let alias = build.alias(&controller.info)?;
    let props = Props::device(name);
    let props = match pci.model_name {
        Some(PciModelName::PciBridge) => props.opt("chassis_nr", pci.chassis_nr).str("id", &alias),
        Some(PciModelName::Pxb | PciModelName::PxbPcie) => {
            props.opt("bus_nr", pci.extra.bus_nr).str("id", &alias).opt("numa_node", pci.extra.numa_node)
        }
        Some(PciModelName::Ioh3420 | PciModelName::PcieRootPort | PciModelName::Xio3130Downstream) => props
            .opt("port", pci.port)
            .opt("chassis", pci.chassis)
            .str("id", &alias)
            .opt("hotplug", pci.extra.hotplug),
        _ => props.str("id", &alias),
    };
    Ok(Some(props))
}
