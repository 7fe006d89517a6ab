//! From the element tree to [`Domain`].

use std::collections::BTreeMap;

use super::clock::Clock;
use super::cpu::Cpu;
use super::cputune::CpuTune;
use super::device::controller::{ControllerKind, UsbModel};
use super::device::disk::target_index;
use super::device::{self, Device};
use super::features::Features;
use super::idmap::IdMap;
use super::lifecycle::{Lifecycle, Perf, Pm};
use super::memory::{MemTune, Memory, MemoryBacking};
use super::metadata::Metadata;
use super::numatune::NumaTune;
use super::os::Os;
use super::qemu_namespace::QemuNamespace;
use super::seclabel::SecLabel;
use super::security::{KeyWrap, LaunchSecurity};
use super::sysinfo::Sysinfo;
use super::tune::{BlkioTune, Resource};
use super::vcpu::{IoThreads, Placement, Vcpus};
use super::{Domain, GenId, ParseOptions, VirtType};
use crate::Token;
use crate::xml::{Element, ErrorKind, Limits, Scope, XmlError, parse, parse_uuid};

impl Domain {
    /// Reads a document; see [`Domain::parse`].
    pub fn parse_str(text: &str, options: &ParseOptions) -> Result<Self, XmlError> {
        Self::parse(&parse(text, &Limits::document("domain_definition"))?, options)
    }

    /// Reads `<domain>` and fills in what follows from it alone; [`Domain::validate`] is for the caller.
    ///
    /// Fails as [`Domain::read`] and [`Domain::fill`].
    pub fn parse(root: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut domain = Self::read(root, options)?;
        domain.fill(options)?;
        Ok(domain)
    }

    /// Reads `<domain>` as it stands.
    ///
    /// Elements that libvirt does not know are passed over. Fails on values outside of their lists, on parts that
    /// contradict each other, and on known parts that this model does not keep.
    pub fn read(root: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        Self::check_root(root)?;
        let mut domain = Self::default();
        // The name before the type: who gives neither hears of the name.
        domain.parse_identity(root, options)?;
        domain.virt_type = virt_type(root)?;
        domain.parse_resources(root)?;
        domain.parse_machine(root, options)?;
        domain.parse_devices(root, options)?;
        domain.seclabels = SecLabel::parse_all(root, options)?;
        domain.qemu = QemuNamespace::parse(root)?.map(Box::new);
        domain.keywrap = KeyWrap::parse(root)?;
        domain.launch_security = LaunchSecurity::parse(root)?.map(Box::new);
        domain.validate_vcpus()?;
        Ok(domain)
    }

    /// Refuses a document of another kind.
    pub fn check_root(root: &Element) -> Result<(), XmlError> {
        if root.is("domain") {
            return Ok(());
        }
        let text = format!("expecting root element of 'domain', not '{}'", root.local_name());
        Err(XmlError::xml(text).scoped(Scope::Xml))
    }

    fn parse_identity(&mut self, root: &Element, options: &ParseOptions) -> Result<(), XmlError> {
        if options.status {
            self.id = root.attr_num("id")?;
        }
        self.name = root.child_text("name").ok_or_else(|| XmlError::new(ErrorKind::NoName, ""))?;
        self.uuid = root.child_text("uuid").map(|t| parse_uuid(&t, "uuid")).transpose()?;
        let mut genids = root.children_named("genid");
        self.genid = match genids.next().map(Element::text) {
            None => None,
            Some(text) if text.is_empty() => Some(GenId::Wanted),
            Some(text) => Some(GenId::Given(parse_uuid(&text, "genid")?)),
        };
        if genids.next().is_some() {
            return Err(XmlError::xml("element 'genid' can only appear once"));
        }
        self.title = root.child_text("title");
        self.description = root.child_text("description");
        self.metadata = Metadata::parse(root).map(Box::new);
        Ok(())
    }

    fn parse_resources(&mut self, root: &Element) -> Result<(), XmlError> {
        self.memory = Memory::parse(root)?;
        self.blkiotune = BlkioTune::parse(root)?.into();
        self.memtune = MemTune::parse(root)?.into();
        self.memory_backing = MemoryBacking::parse(root)?.into();
        self.cpu = Cpu::parse(root)?;
        self.vcpus = Vcpus::parse(root)?;
        self.iothreads = IoThreads::parse(root)?;
        self.cputune = CpuTune::parse(root, self.vcpus.max, &self.iothreads)?.into();
        let vcpu_auto = self.vcpus.placement == Placement::Auto;
        self.numatune = NumaTune::parse(root, vcpu_auto, self.cpu.numa.cells.len())?.into();
        self.resource = Resource::parse(root)?;
        Ok(())
    }

    fn parse_machine(&mut self, root: &Element, options: &ParseOptions) -> Result<(), XmlError> {
        self.os = Os::parse(root)?;
        self.sysinfo = root.children_named("sysinfo").map(Sysinfo::parse).collect::<Result<_, _>>()?;
        self.idmap = IdMap::parse(root)?.into();
        self.features = Features::parse(root)?;
        self.clock = Clock::parse(root, options.status)?;
        self.lifecycle = Lifecycle::parse(root)?;
        self.pm = Pm::parse(root)?;
        self.perf = Perf::parse(root)?;
        Ok(())
    }

    fn parse_devices(&mut self, root: &Element, options: &ParseOptions) -> Result<(), XmlError> {
        self.emulator = root.child_text("devices/emulator");
        let mut devices = Vec::new();
        let mut elements: Vec<_> = root.child("devices").into_iter().flat_map(Element::elements).collect();
        // Of several faults the one of the first kind is told, wherever it stands.
        elements.sort_by_key(|e| KINDS.iter().position(|kind| *kind == e.name));
        let mut kind = "";
        for e in &elements {
            if kind != e.name {
                if kind == "controller" {
                    require_usb_master(&devices)?;
                }
                kind = &e.name;
                refuse_second(&elements, kind)?;
            }
            if let Some(device) = Device::parse(e, options)? {
                devices.push(device);
            }
            if devices.len() > MAX_DEVICES {
                return Err(XmlError::xml(format!("more than {MAX_DEVICES} devices")));
            }
        }
        if kind == "controller" {
            require_usb_master(&devices)?;
        }
        self.devices = ordered(devices);
        Ok(())
    }
}

/// Companions of USB controllers do not stand alone.
fn require_usb_master(devices: &[Device]) -> Result<(), XmlError> {
    let mut usb = devices
        .iter()
        .filter_map(|device| match device {
            Device::Controller(controller) => match controller.kind {
                ControllerKind::Usb { model, .. } if model != Some(UsbModel::None) => {
                    Some((model, controller.info.master_port))
                }
                _ => None,
            },
            _ => None,
        })
        .peekable();
    let is_companion = |(model, port): (Option<UsbModel>, Option<u32>)| {
        port.is_some() || model.is_some_and(UsbModel::is_companion)
    };
    if usb.peek().is_some() && usb.all(is_companion) {
        return Err(XmlError::detail("No master USB controller specified"));
    }
    Ok(())
}

/// Kinds of which a guest has one.
fn refuse_second(elements: &[&Element], kind: &str) -> Result<(), XmlError> {
    if elements.iter().filter(|e| e.name == kind).count() < 2 {
        return Ok(());
    }
    Err(match kind {
        "watchdog" => XmlError::internal("only a single watchdog device is supported"),
        "memballoon" => XmlError::internal("only a single memory balloon device is supported"),
        "nvram" => XmlError::internal("only a single nvram device is supported"),
        "redirfilter" => XmlError::internal("only one set of redirection filter rule is supported"),
        "iommu" => XmlError::xml("only a single IOMMU device is supported"),
        "vsock" => XmlError::xml("only a single vsock device is supported"),
        _ => return Ok(()),
    })
}

/// Elements of devices in the order in which they are read.
const KINDS: [&str; 30] = [
    "disk",
    "controller",
    "lease",
    "filesystem",
    "interface",
    "smartcard",
    "parallel",
    "serial",
    "console",
    "channel",
    "input",
    "graphics",
    "sound",
    "audio",
    "video",
    "hostdev",
    "watchdog",
    "memballoon",
    "rng",
    "tpm",
    "nvram",
    "hub",
    "redirdev",
    "redirfilter",
    "panic",
    "shmem",
    "memory",
    "iommu",
    "vsock",
    "crypto",
];

/// Devices of a guest at most; more than any bus has room for, and few enough to compare each with each.
const MAX_DEVICES: usize = 16_384;

/// The order that [`device::insert`] makes of them one by one, without looking at all disks for each: disks of a bus
/// stand together, buses in order of appearance.
fn ordered(devices: Vec<Device>) -> Vec<Device> {
    let (mut disks, others): (Vec<_>, Vec<_>) =
        devices.into_iter().partition(|d| matches!(d, Device::Disk(_)));
    let mut buses = Vec::new();
    disks.sort_by_cached_key(|device| {
        let Device::Disk(disk) = device else { return (0, None) };
        let bus = buses.iter().position(|b| *b == disk.bus).unwrap_or_else(|| {
            buses.push(disk.bus);
            buses.len() - 1
        });
        (bus, target_index(&disk.target))
    });
    let mut by_kind: BTreeMap<usize, Vec<Device>> = BTreeMap::new();
    for device in others {
        let kind = by_kind.entry(device.rank()).or_default();
        if matches!(device, Device::Controller(_)) {
            device::insert(kind, device);
        } else {
            kind.push(device);
        }
    }
    // Disks are the first kind.
    disks.extend(by_kind.into_values().flatten());
    disks
}

fn virt_type(root: &Element) -> Result<VirtType, XmlError> {
    let Some(word) = root.attr("type").filter(|word| !word.is_empty()) else {
        return Err(XmlError::internal("missing domain type attribute"));
    };
    VirtType::from_word(word).ok_or_else(|| XmlError::unsupported(format!("invalid domain type {word}")))
}
