//! The machine a domain runs on, as the rules of devices ask for it.

use super::facts::HostFacts;
use super::pci::bus::Connect;
use crate::capabilities::QemuCaps;

/// Facts of the machine; independent of the domain so that devices can be changed meanwhile.
#[derive(Clone, Debug)]
pub struct Board<'a> {
    /// What the emulator can do.
    pub caps: &'a QemuCaps,
    /// Host and configuration.
    pub host: &'a HostFacts,
    /// `kvm` or `qemu`.
    pub virt: String,
    /// libvirt's name of the guest's architecture.
    pub arch: String,
    /// Canonical machine name.
    pub machine: String,
}

impl Board<'_> {
    /// A q35 machine: root complex of PCI Express.
    pub fn q35(&self) -> bool {
        self.x86() && (self.machine == "q35" || self.machine.starts_with("pc-q35"))
    }

    /// An i440fx machine: conventional PCI root.
    pub fn i440fx(&self) -> bool {
        let old = ["pc-0.", "pc-1.", "pc-i440", "rhel"];
        self.x86() && (self.machine == "pc" || old.iter().any(|prefix| self.machine.starts_with(prefix)))
    }

    /// An x86 guest.
    pub fn x86(&self) -> bool {
        matches!(self.arch.as_str(), "x86_64" | "i686")
    }

    /// The guest's CPUs are the host's, by KVM.
    pub fn kvm(&self) -> bool {
        self.virt == "kvm"
    }

    /// How a conventional PCI device plugs in.
    pub fn pci(&self) -> Connect {
        Connect::PCI | Connect::HOTPLUG
    }

    /// How a PCI Express device plugs in: on machines without PCI Express as a conventional one.
    pub fn pcie(&self) -> Connect {
        if self.q35() { Connect::PCIE | Connect::HOTPLUG } else { self.pci() }
    }

    /// How a virtio device plugs in; transitional ones need conventional PCI.
    pub fn virtio(&self, transitional: bool) -> Connect {
        if transitional { self.pci() } else { self.pcie() }
    }
}
