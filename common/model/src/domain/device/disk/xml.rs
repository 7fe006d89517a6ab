//! Reading and writing `<disk>`.

use super::image::{SourceLayout, format_metadata_cache, metadata_cache_size};
use super::source::{Encryption, Location, LocationType, StorageAuth, StorageFormat, StorageSource};
use super::{BlockIo, CacheMode, Disk, DiskBus, DiskDevice, DiskDriver, Geometry, Mirror, SnapshotLocation};
use crate::Token;
use crate::domain::device::DeviceXml;
use crate::domain::device::info::{Allow, DeviceInfo, VirtioOptions};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, ErrorKind, Writer, XmlError};

impl DeviceXml for Disk {
    const ELEMENT: &'static str = "disk";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = element.attr_token("type")?.unwrap_or(LocationType::File);
        let device = element.attr_token("device")?.unwrap_or_default();
        let source = element.child("source");
        let mut disk = Self {
            device,
            model: element.attr_token("model")?,
            rawio: element.attr_yes_no("rawio")?,
            sgio: element.attr_token("sgio")?,
            snapshot: element.attr_token("snapshot")?,
            source: StorageSource::parse(source, kind, options)?,
            startup_policy: source.map(|s| s.attr_token("startupPolicy")).transpose()?.flatten(),
            // A CD-ROM cannot be written.
            readonly: element.child("readonly").is_some() || device == DiskDevice::Cdrom,
            shareable: element.child("shareable").is_some(),
            info: DeviceInfo::parse(element, options, Allow::BOOT)?,
            ..Self::default()
        };
        disk.parse_target(element)?;
        if let Some(driver) = element.child("driver") {
            disk.source.format = driver.attr("type").map(image_format).transpose()?;
            disk.driver = DiskDriver::parse(driver)?;
        }
        disk.source.backing = StorageSource::parse_backing(element, options)?;
        disk.parse_secrets(element)?;
        disk.parse_guest_view(element)?;
        if let Some(mirror) = element.child("mirror").filter(|_| options.status) {
            disk.mirror = Some(Box::new(Mirror::parse(mirror, options)?));
        }
        disk.complete_iscsi_name();
        if kind == LocationType::VhostUser && disk.snapshot.is_none() {
            // Its content is out of reach.
            disk.snapshot = Some(SnapshotLocation::No);
        }
        Ok(disk)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("disk")
            .attr("type", self.source.location.kind())
            .attr("device", self.device)
            .attr_opt("model", self.model)
            .attr_yes_no("rawio", self.rawio)
            .attr_opt("sgio", self.sgio);
        let implied = |s: &SnapshotLocation| self.readonly && *s == SnapshotLocation::No;
        w.attr_opt("snapshot", self.snapshot.filter(|s| !implied(s)));
        self.format_source(w, options);
        self.format_guest_view(w, options);
        if let Some(encryption) = self.source.encryption.as_ref().filter(|_| self.encryption_outside) {
            encryption.format(w);
        }
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        super::rules::validate(self)
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl Disk {
    fn parse_target(&mut self, element: &Element) -> Result<(), XmlError> {
        let target = element.child("target");
        let name = target.and_then(|t| t.attr("dev"));
        let Some((target, name)) = target.zip(name) else {
            let what = self.source.location.path().unwrap_or_default();
            return Err(XmlError::new(ErrorKind::NoTarget, what));
        };
        self.target = name.to_owned();
        self.bus = target.attr_token("bus")?;
        self.tray_open = match target.attr("tray") {
            None | Some("closed") => false,
            Some("open") => true,
            Some(word) => return Err(XmlError::bad_attr("target", "tray", word)),
        };
        self.removable = target.attr_on_off("removable")?;
        self.rotation_rate = target.attr_num("rotation_rate")?.filter(|n| *n > 0);
        if self.bus.is_none() {
            self.bus = Some(guess_bus(self.device, name));
        }
        Ok(())
    }

    /// Reads `<auth>` and `<encryption>` in their older place.
    fn parse_secrets(&mut self, element: &Element) -> Result<(), XmlError> {
        if let Some(auth) = element.child("auth") {
            if self.source.auth.is_some() {
                return Err(XmlError::unsupported("an <auth> definition already found for disk source"));
            }
            self.source.auth = Some(Box::new(StorageAuth::parse(auth)?));
            self.auth_outside = true;
        }
        if let Some(encryption) = element.child("encryption") {
            if self.source.encryption.is_some() {
                return Err(XmlError::unsupported(
                    "an <encryption> definition already found for disk source",
                ));
            }
            self.source.encryption = Some(Box::new(Encryption::parse(encryption)?));
            self.encryption_outside = true;
        }
        Ok(())
    }

    fn parse_guest_view(&mut self, element: &Element) -> Result<(), XmlError> {
        self.geometry = element.child("geometry").map(Geometry::parse).transpose()?;
        self.blockio = element.child("blockio").map(BlockIo::parse).transpose()?;
        if let Some(iotune) = element.child("iotune") {
            self.iotune.parse(iotune)?;
        }
        if let Some(transient) = element.child("transient") {
            self.transient = true;
            self.share_backing = transient.attr_yes_no("shareBacking")?.filter(|share| *share);
        }
        let text = |name: &str| element.child(name).map(Element::text).filter(|t| !t.is_empty());
        self.backend_domain = element.child("backenddomain").and_then(|b| b.attr_string("name"));
        self.serial = text("serial");
        self.wwn = text("wwn");
        self.vendor = text("vendor");
        self.product = text("product");
        super::rules::check_identity(self)
    }

    /// A target that is named without a unit means unit 0.
    fn complete_iscsi_name(&mut self) {
        use super::source::NetworkProtocol;
        if let Location::Network(network) = &mut self.source.location
            && network.protocol == NetworkProtocol::Iscsi
            && let Some(name) = network.name.as_mut().filter(|n| !n.contains('/'))
        {
            name.push_str("/0");
        }
    }

    fn format_source(&self, w: &mut Writer, options: &FormatOptions) {
        self.driver.format(w, &self.source);
        if let Some(auth) = self.source.auth.as_ref().filter(|_| self.auth_outside) {
            auth.format(w);
        }
        let layout = SourceLayout {
            startup_policy: self.startup_policy,
            without_auth: self.auth_outside,
            without_encryption: self.encryption_outside,
            required: false,
        };
        self.source.format(w, options, layout);
        self.source.backing.format(w, options);
        w.start("backenddomain").attr_opt("name", self.backend_domain.as_ref()).end_or_drop();
    }

    fn format_guest_view(&self, w: &mut Writer, options: &FormatOptions) {
        if let Some(geometry) = self.geometry {
            geometry.format(w);
        }
        if let Some(blockio) = self.blockio {
            blockio.format(w);
        }
        if let Some(mirror) = self.mirror.as_ref().filter(|_| !options.inactive) {
            mirror.format(w, options);
        }
        w.start("target").attr("dev", &self.target).attr_opt("bus", self.bus);
        w.attr_opt("tray", self.tray_open.then_some("open")).attr_on_off("removable", self.removable);
        w.attr_opt("rotation_rate", self.rotation_rate).end();
        self.iotune.format(w);
        for (name, set) in [("readonly", self.readonly), ("shareable", self.shareable)] {
            if set {
                w.empty(name);
            }
        }
        if self.transient {
            w.start("transient").attr_yes_no("shareBacking", self.share_backing).end();
        }
        w.text_element_opt("serial", self.serial.as_ref())
            .text_element_opt("wwn", self.wwn.as_ref())
            .text_element_opt("vendor", self.vendor.as_ref())
            .text_element_opt("product", self.product.as_ref());
    }
}

impl DiskDriver {
    fn parse(driver: &Element) -> Result<Self, XmlError> {
        let cache = driver.attr("cache").filter(|c| *c != "default");
        let number = |name: &str| driver.attr_num(name).map(|n| n.filter(|n| *n > 0));
        Ok(Self {
            name: driver.attr_string("name"),
            cache: cache.map(|_| driver.require_token::<CacheMode>("cache")).transpose()?,
            error_policy: driver.attr_token("error_policy")?,
            rerror_policy: driver.attr_token("rerror_policy")?,
            io: driver.attr_token("io")?,
            ioeventfd: driver.attr_on_off("ioeventfd")?,
            event_idx: driver.attr_on_off("event_idx")?,
            copy_on_read: driver.attr_on_off("copy_on_read")?,
            discard: driver.attr_token("discard")?,
            iothread: driver.attr_positive("iothread")?,
            detect_zeroes: driver.attr_token("detect_zeroes")?,
            queues: number("queues")?,
            queue_size: number("queue_size")?,
            virtio: VirtioOptions::parse(driver)?,
            metadata_cache_size: metadata_cache_size(driver)?,
        })
    }

    fn format(&self, w: &mut Writer, source: &StorageSource) {
        w.start("driver")
            .attr_opt("name", self.name.as_ref())
            .attr_opt("type", source.format)
            .attr_opt("cache", self.cache)
            .attr_opt("error_policy", self.error_policy)
            .attr_opt("rerror_policy", self.rerror_policy)
            .attr_opt("io", self.io)
            .attr_on_off("ioeventfd", self.ioeventfd)
            .attr_on_off("event_idx", self.event_idx)
            .attr_on_off("copy_on_read", self.copy_on_read)
            .attr_opt("discard", self.discard)
            .attr_opt("iothread", self.iothread)
            .attr_opt("detect_zeroes", self.detect_zeroes)
            .attr_opt("queues", self.queues)
            .attr_opt("queue_size", self.queue_size);
        self.virtio.format(w);
        format_metadata_cache(w, self.metadata_cache_size);
        w.end_or_drop();
    }
}

impl Geometry {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            cylinders: element.attr_num("cyls")?.unwrap_or_default(),
            heads: element.attr_num("heads")?.unwrap_or_default(),
            sectors: element.attr_num("secs")?.unwrap_or_default(),
            translation: element.attr_token("trans")?,
        })
    }

    fn format(&self, w: &mut Writer) {
        if self.cylinders == 0 || self.heads == 0 || self.sectors == 0 {
            return;
        }
        w.start("geometry")
            .attr("cyls", self.cylinders)
            .attr("heads", self.heads)
            .attr("secs", self.sectors)
            .attr_opt("trans", self.translation)
            .end();
    }
}

impl BlockIo {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let size = |name: &str| element.attr_num(name).map(|n| n.filter(|n| *n > 0));
        Ok(Self { logical: size("logical_block_size")?, physical: size("physical_block_size")? })
    }

    fn format(&self, w: &mut Writer) {
        w.start("blockio")
            .attr_opt("logical_block_size", self.logical)
            .attr_opt("physical_block_size", self.physical)
            .end_or_drop();
    }
}

impl Mirror {
    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = element.attr_token("type")?.unwrap_or(LocationType::File);
        let source =
            element.child("source").ok_or_else(|| XmlError::xml("mirror requires source element"))?;
        let mut image = StorageSource::parse(Some(source), kind, options)?;
        image.format = element.child("format").map(|f| f.attr_token("type")).transpose()?.flatten();
        image.backing = StorageSource::parse_backing(element, options)?;
        Ok(Self { job: element.require_token("job")?, ready: element.attr_token("ready")?, source: image })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("mirror").attr("type", self.source.location.kind()).attr("job", self.job);
        w.attr_opt("ready", self.ready);
        w.start("format").attr_opt("type", self.source.format).end_or_drop();
        self.source.format(w, options, SourceLayout::default());
        self.source.backing.format(w, options);
        w.end();
    }
}

/// The bus that the name of a drive stands for.
fn guess_bus(device: DiskDevice, target: &str) -> DiskBus {
    let prefixes = [
        ("hd", DiskBus::Ide),
        ("sd", DiskBus::Scsi),
        ("vd", DiskBus::Virtio),
        ("xvd", DiskBus::Xen),
        ("ubd", DiskBus::Uml),
    ];
    if device == DiskDevice::Floppy {
        return DiskBus::Fdc;
    }
    prefixes.iter().find(|(prefix, _)| target.starts_with(prefix)).map_or(DiskBus::Ide, |(_, bus)| *bus)
}

/// `type=` of `<driver>`; "aio" is Xen's word for raw.
fn image_format(word: &str) -> Result<StorageFormat, XmlError> {
    if word == "aio" {
        return Ok(StorageFormat::Raw);
    }
    let unknown = || XmlError::unsupported(format!("unknown driver format value '{word}'"));
    // LUKS is told by `<encryption>`.
    StorageFormat::from_word(word).filter(|format| *format != StorageFormat::Luks).ok_or_else(unknown)
}
