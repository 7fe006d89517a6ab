//! What follows from the document alone, whatever the driver.

use std::collections::BTreeSet;

use super::device::Device;
use super::device::controller::ControllerKind;
use super::os::{BootDevice, OsType};
use super::vcpu::Placement;
use super::{Domain, ParseOptions};
use crate::Token;
use crate::xml::XmlError;

impl Domain {
    /// Fills in what follows from the document alone; a second time changes nothing. Fails on memory that does not
    /// add up, and on devices of which only one can be.
    pub fn fill(&mut self, options: &ParseOptions) -> Result<(), XmlError> {
        self.fill_memory(options)?;
        self.fill_placement();
        self.fill_hugepages()?;
        self.refuse_twins()?;
        self.fill_boot()?;
        self.fill_vcpus()
    }

    /// Controllers of one index, panic devices of one model.
    fn refuse_twins(&self) -> Result<(), XmlError> {
        let (mut controllers, mut panics) = (BTreeSet::new(), BTreeSet::new());
        for device in &self.devices {
            match device {
                // USB companions share the index of their master.
                Device::Controller(c) if !matches!(c.kind, ControllerKind::Usb { .. }) => {
                    let (kind, Some(index)) = (c.kind.kind(), c.index) else { continue };
                    if !controllers.insert((kind.as_str(), index)) {
                        return Err(XmlError::xml(format!(
                            "Multiple '{kind}' controllers with index '{index}'"
                        )));
                    }
                }
                Device::Panic(panic) => {
                    let Some(model) = panic.model else { continue };
                    if !panics.insert(model.as_str()) {
                        return Err(XmlError::xml(format!("Multiple panic devices with model '{model}'")));
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// vCPUs that are there from the start and not said to be removable stay.
    fn fill_vcpus(&mut self) -> Result<(), XmlError> {
        for entry in &mut self.vcpus.entries {
            entry.hotpluggable.get_or_insert(!entry.enabled);
        }
        match self.vcpus.entries.first() {
            Some(first) if !first.enabled => Err(XmlError::unsupported("vcpu 0 can't be offline")),
            _ => Ok(()),
        }
    }

    /// Total memory follows from the NUMA cells; current memory from the total.
    fn fill_memory(&mut self, options: &ParseOptions) -> Result<(), XmlError> {
        let plugged = self.plugged_memory_kib();
        let cells = self.cpu.numa.memory_kib();
        if cells != 0 && (self.memory.total_kib == 0 || !options.status) {
            self.memory.total_kib = cells.saturating_add(plugged);
        } else if plugged > self.memory.total_kib {
            return Err(XmlError::xml("Total size of memory devices exceeds the total memory size"));
        }
        let memory = &mut self.memory;
        if memory.total_kib <= plugged {
            let text = "Memory size must be specified via <memory> or in the <numa> configuration";
            return Err(XmlError::xml(text));
        }
        if memory.current_kib == 0 || memory.current_kib > memory.total_kib {
            memory.current_kib = memory.total_kib;
        }
        if memory.max.is_some_and(|max| max.kib < memory.total_kib) {
            let text = "maximum memory size must be equal or greater than the actual memory size";
            return Err(XmlError::xml(text));
        }
        Ok(())
    }

    /// KiB of all memory devices.
    fn plugged_memory_kib(&self) -> u64 {
        let size = |d: &Device| match d {
            Device::Memory(m) => m.size,
            _ => 0,
        };
        self.devices.iter().map(size).fold(0, u64::saturating_add)
    }

    /// The host's adviser places vCPUs too when it places memory and nothing pins them.
    fn fill_placement(&mut self) {
        let tune = &self.cputune;
        let pinned =
            !tune.vcpu_pins.is_empty() || tune.emulator_pin.is_some() || !tune.iothread_pins.is_empty();
        if self.numatune.is_auto() && self.vcpus.cpuset.is_none() && !pinned {
            self.vcpus.placement = Placement::Auto;
        }
    }

    /// Pages for single cells need those cells; without any, cell 0 stands for the guest.
    fn fill_hugepages(&mut self) -> Result<(), XmlError> {
        let cells = self.cpu.numa.cells.len().max(1);
        for page in &mut self.memory_backing.hugepages {
            let Some(nodes) = &page.nodeset else { continue };
            if let Some(node) = nodes.iter().find(|n| *n as usize >= cells) {
                return Err(XmlError::detail(format!("hugepages: node {node} not found")));
            }
            if self.cpu.numa.cells.is_empty() {
                page.nodeset = None;
            }
        }
        self.memory_backing.check_hugepages()
    }

    /// A full guest boots from its first disk unless something else is said.
    fn fill_boot(&mut self) -> Result<(), XmlError> {
        if self.os.os_type != OsType::Hvm {
            return Ok(());
        }
        let mut orders = BTreeSet::new();
        for order in self.devices.iter().filter_map(|d| d.info()?.boot_order) {
            if !orders.insert(order) {
                let text = format!("boot order '{order}' used for more than one device");
                return Err(XmlError::unsupported(text));
            }
        }
        match (self.os.boot.is_empty(), orders.is_empty()) {
            (true, true) => self.os.boot.push(BootDevice::Hd),
            (false, false) => {
                let text = "per-device boot elements cannot be used together with os/boot elements";
                return Err(XmlError::unsupported(text));
            }
            _ => {}
        }
        Ok(())
    }
}
