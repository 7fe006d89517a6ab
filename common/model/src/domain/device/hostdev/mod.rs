//! `<hostdev>`: devices of the host given to the guest.

mod source;

use uuid::Uuid;

use super::DeviceXml;
use super::address::{Address, PciAddress};
use super::disk::Sgio;
use super::disk::StartupPolicy;
use super::disk::source::NetworkSource;
use super::disk::source::StorageAuth;
use super::info::Allow;
use super::info::DeviceInfo;
use super::interface::Teaming;
use super::interface::link::{IpAddress, IpRoute};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A device of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hostdev {
    /// Which.
    pub source: HostdevSource,
    /// Whether libvirt detaches it from the host.
    pub managed: bool,
    /// What to do at guest start when it is missing.
    pub startup_policy: Option<StartupPolicy>,
    /// The guest can only read (SCSI).
    pub readonly: bool,
    /// Several guests may use it (SCSI).
    pub shareable: bool,
    /// Failover pairs (PCI network functions).
    pub teaming: Option<Teaming>,
    /// Alias, address, boot order, ROM.
    pub info: DeviceInfo,
}

/// Which device of the host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum HostdevSource {
    /// `usb`
    Usb(UsbHostdev),
    /// `pci`
    Pci(PciHostdev),
    /// `scsi`
    Scsi(ScsiHostdev),
    /// `scsi_host`: vhost-scsi.
    ScsiHost {
        /// World wide port name of the target ("naa....").
        wwpn: String,
        /// virtio flavour.
        model: Option<ScsiHostModel>,
    },
    /// `mdev`: a mediated device.
    Mdev(MdevHostdev),
    /// `mode='capabilities' type='storage'` (containers).
    CapsStorage {
        /// Block device.
        block: String,
    },
    /// `mode='capabilities' type='misc'` (containers).
    CapsMisc {
        /// Character device.
        char: String,
    },
    /// `mode='capabilities' type='net'` (containers).
    CapsNet {
        /// Network device.
        interface: String,
        /// Addresses to set.
        ips: Vec<IpAddress>,
        /// Routes to set.
        routes: Vec<IpRoute>,
    },
}

/// `type='usb'`. Zeros: not given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UsbHostdev {
    /// Vendor number.
    pub vendor: Option<u32>,
    /// Product number.
    pub product: Option<u32>,
    /// Bus of the host.
    pub bus: Option<u32>,
    /// Device on it.
    pub device: Option<u32>,
    /// The address was found at start, not given.
    pub auto_address: bool,
    /// Whether the guest may reset the device.
    pub guest_reset: Option<GuestReset>,
}

/// `type='pci'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PciHostdev {
    /// Host address.
    pub address: PciAddress,
    /// How it is passed through.
    pub driver: Option<PciHostdevDriver>,
    /// Xen: whether writes to configuration space are filtered.
    pub write_filtering: Option<bool>,
}

/// `type='scsi'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ScsiHostdev {
    /// Filtering of SCSI commands.
    pub sgio: Option<Sgio>,
    /// Privileged raw access.
    pub rawio: Option<bool>,
    /// Where the unit is.
    pub unit: ScsiUnit,
}

/// Where a SCSI unit is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ScsiUnit {
    /// Behind an adapter of the host.
    Host {
        /// Adapter ("scsi_host0").
        adapter: String,
        /// Channel.
        bus: u32,
        /// Target.
        target: u32,
        /// Unit.
        unit: u64,
    },
    /// Behind an iSCSI server.
    Iscsi {
        /// Target, portal, initiator.
        network: Box<NetworkSource>,
        /// Credentials.
        auth: Option<StorageAuth>,
    },
}

/// `type='mdev'`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MdevHostdev {
    /// Interface to the guest.
    pub model: MdevModel,
    /// Whether it drives a display.
    pub display: Option<bool>,
    /// Whether the display works before the guest's driver does.
    pub ramfb: Option<bool>,
    /// UUID of the device.
    pub uuid: Uuid,
}

tokens! {
    /// `mode=`
    #[derive(Default)]
    pub enum HostdevMode { #[default] Subsystem = "subsystem", Capabilities = "capabilities" }

    /// `type=` of subsystem devices.
    pub enum HostdevType { Usb = "usb", Pci = "pci", Scsi = "scsi", ScsiHost = "scsi_host", Mdev = "mdev" }

    /// `type=` of capabilities devices.
    pub enum HostdevCapsType { Storage = "storage", Misc = "misc", Net = "net" }

    /// `<source guestReset=>`
    pub enum GuestReset { Off = "off", Uninitialized = "uninitialized", On = "on" }

    /// `<driver name=>`
    pub enum PciHostdevDriver { Kvm = "kvm", Vfio = "vfio", Xen = "xen" }

    /// `model=` of vhost-scsi.
    pub enum ScsiHostModel {
        Virtio = "virtio", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }

    /// `model=` of mediated devices.
    pub enum MdevModel { VfioPci = "vfio-pci", VfioCcw = "vfio-ccw", VfioAp = "vfio-ap" }

    /// `<source protocol=>` of SCSI devices.
    pub enum ScsiProtocol { Adapter = "adapter", Iscsi = "iscsi" }
}

impl DeviceXml for Hostdev {
    const ELEMENT: &'static str = "hostdev";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let source = element.child("source");
        Ok(Self {
            source: HostdevSource::parse(element, options)?,
            managed: element.attr("managed") == Some("yes"),
            startup_policy: source.map(|s| s.attr_token("startupPolicy")).transpose()?.flatten(),
            readonly: element.child("readonly").is_some(),
            shareable: element.child("shareable").is_some(),
            teaming: element.child("teaming").map(Teaming::parse).transpose()?.flatten(),
            info: DeviceInfo::parse(element, options, Allow::BOOT_ROM)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("hostdev").attr("mode", self.source.mode()).attr("type", self.source.type_word());
        if self.source.mode() == HostdevMode::Subsystem {
            w.attr_yes_no("managed", Some(self.managed));
        }
        self.source.format_attrs(w);
        self.source.format_with_policy(w, options, self.startup_policy);
        if let Some(teaming) = &self.teaming {
            teaming.format(w);
        }
        if self.readonly {
            w.empty("readonly");
        }
        if self.shareable {
            w.empty("shareable");
        }
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        if matches!(self.teaming, Some(Teaming::Persistent)) {
            return Err(XmlError::unsupported("teaming hostdev devices must have type='transient'"));
        }
        if self.teaming.is_some() && !matches!(self.source, HostdevSource::Pci(_)) {
            return Err(XmlError::unsupported("teaming is only supported for pci hostdev devices"));
        }
        if self.startup_policy.is_some() && !matches!(self.source, HostdevSource::Usb(_)) {
            return Err(XmlError::unsupported("Setting startupPolicy is only allowed for USB devices"));
        }
        if let HostdevSource::Scsi(scsi) = &self.source {
            if scsi.sgio == Some(Sgio::Unfiltered) {
                return Err(XmlError::unsupported("unfiltered sgio is no longer supported"));
            }
            if self.info.address.as_ref().is_some_and(|a| !matches!(a, Address::Drive(_))) {
                return Err(XmlError::unsupported("SCSI host device must use 'drive' address type"));
            }
        }
        Ok(())
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}
