//! What every device has beside its own settings: alias, address, boot order, option ROM.

use super::address::Address;
use crate::Rare;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// The part of a definition that all kinds of devices share.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceInfo {
    /// QEMU's name for the device; in a stored definition only what the user chose (`ua-...`).
    pub alias: Option<String>,
    /// Where the guest sees it. None: to be assigned.
    pub address: Option<Address>,
    /// Place in the order of boot devices, from 1.
    pub boot_order: Option<u32>,
    /// First port of the companion's master: set for USB 1 companions of an EHCI controller.
    pub master_port: Option<u32>,
    /// What hardly any device has.
    pub extra: Rare<InfoExtra>,
}

/// The part of [`DeviceInfo`] that few devices have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct InfoExtra {
    /// Argument for the s390 boot loader.
    pub load_parm: Option<String>,
    /// Index that the firmware tells the guest (`acpi-index`).
    pub acpi_index: Option<u32>,
    /// Option ROM of a PCI device.
    pub rom: Option<Rom>,
}

/// `<rom>`: the option ROM of a PCI device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Rom {
    /// Whether there is a ROM at all.
    pub enabled: Option<bool>,
    /// Whether the guest sees it in a memory region.
    pub bar: Option<bool>,
    /// File with the content.
    pub file: Option<String>,
}

/// `<driver>` attributes that every virtio device has.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct VirtioOptions {
    /// DMA goes through the IOMMU.
    pub iommu: Option<bool>,
    /// Address translation services.
    pub ats: Option<bool>,
    /// Packed virtqueues.
    pub packed: Option<bool>,
    /// One page of notification registers per queue.
    pub page_per_vq: Option<bool>,
}

/// What of [`DeviceInfo`] an element of this kind may have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Allow {
    /// `<boot>`
    pub boot: bool,
    /// `<rom>`
    pub rom: bool,
}

impl Allow {
    /// Neither.
    pub const NOTHING: Self = Self { boot: false, rom: false };
    /// `<boot>`
    pub const BOOT: Self = Self { boot: true, rom: false };
    /// Both.
    pub const BOOT_ROM: Self = Self { boot: true, rom: true };
}

/// Aliases with this prefix are the user's own and part of a stored definition.
pub const USER_ALIAS_PREFIX: &str = "ua-";

impl DeviceInfo {
    /// Reads the shared children of a device; `<boot>` and `<rom>` are passed over where the kind has none.
    pub fn parse(device: &Element, options: &ParseOptions, allow: Allow) -> Result<Self, XmlError> {
        let mut info = Self::default();
        let mut extra = InfoExtra::default();
        if let Some(name) = device.child("alias").and_then(|a| a.attr("name"))
            && (options.status || is_user_alias(name))
        {
            info.alias = Some(name.to_owned());
        }
        if let Some(master) = device.child("master") {
            info.master_port = Some(master.attr_num("startport")?.unwrap_or(0));
        }
        if let Some(boot) = device.child("boot").filter(|_| allow.boot) {
            info.boot_order = Some(boot.require_positive("order")?);
            extra.load_parm = boot.attr("loadparm").map(load_parm).transpose()?;
        }
        if let Some(rom) = device.child("rom").filter(|_| allow.rom) {
            extra.rom = Some(Rom::parse(rom)?);
        }
        if let Some(acpi) = device.child("acpi") {
            extra.acpi_index = acpi.attr_positive("index")?;
        }
        info.extra = extra.into();
        info.address = device.child("address").map(Address::parse).transpose()?;
        Ok(info)
    }

    /// Writes what [`DeviceInfo::parse`] reads.
    pub fn format(&self, w: &mut Writer, options: &FormatOptions) {
        if let Some(order) = self.boot_order {
            w.start("boot").attr("order", order).attr_opt("loadparm", self.extra.load_parm.as_ref()).end();
        }
        if let Some(alias) = self.alias.as_ref().filter(|a| !options.inactive || is_user_alias(a)) {
            w.start("alias").attr("name", alias).end();
        }
        if let Some(port) = self.master_port {
            w.start("master").attr("startport", port).end();
        }
        if let Some(rom) = &self.extra.rom {
            rom.format(w);
        }
        if let Some(index) = self.extra.acpi_index {
            w.start("acpi").attr("index", index).end();
        }
        if let Some(address) = &self.address {
            address.format(w);
        }
    }
}

impl Rom {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let rom = Self {
            enabled: element.attr_yes_no("enabled")?,
            bar: element.attr_on_off("bar")?,
            file: element.attr_string("file"),
        };
        if rom.enabled == Some(false) && (rom.bar.is_some() || rom.file.is_some()) {
            return Err(XmlError::unsupported("ROM tuning is not supported when ROM is disabled"));
        }
        Ok(rom)
    }

    fn format(&self, w: &mut Writer) {
        w.start("rom")
            .attr_yes_no("enabled", self.enabled)
            .attr_on_off("bar", self.bar)
            .attr_opt("file", self.file.as_ref())
            .end_or_drop();
    }
}

impl VirtioOptions {
    /// Reads the attributes of `<driver>`.
    pub fn parse(driver: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            iommu: driver.attr_on_off("iommu")?,
            ats: driver.attr_on_off("ats")?,
            packed: driver.attr_on_off("packed")?,
            page_per_vq: driver.attr_on_off("page_per_vq")?,
        })
    }

    /// Reads the attributes of the `<driver>` below `device`, if it has one.
    pub fn parse_below(device: &Element) -> Result<Self, XmlError> {
        device.child("driver").map_or(Ok(Self::default()), Self::parse)
    }

    /// Adds the attributes to the element being written.
    pub fn format<'a>(&self, w: &'a mut Writer) -> &'a mut Writer {
        w.attr_on_off("iommu", self.iommu)
            .attr_on_off("ats", self.ats)
            .attr_on_off("packed", self.packed)
            .attr_on_off("page_per_vq", self.page_per_vq)
    }

    /// Writes a `<driver>` that has nothing else.
    pub fn format_alone(&self, w: &mut Writer) {
        self.format(w.start("driver")).end_or_drop();
    }

    /// Refuses settings on a device that is not virtio.
    pub fn require_virtio(&self, is_virtio: bool) -> Result<(), XmlError> {
        let options = [
            (self.iommu, "iommu driver option"),
            (self.ats, "ats driver option"),
            (self.packed, "packed driver option"),
            (self.page_per_vq, "page_per_vq option"),
        ];
        match options.iter().find(|(value, _)| value.is_some() && !is_virtio) {
            Some((_, what)) => {
                Err(XmlError::unsupported(format!("{what} is only supported for virtio devices")))
            }
            None => Ok(()),
        }
    }
}

/// Whether the user chose this alias: prefix and characters are right.
pub fn is_user_alias(alias: &str) -> bool {
    alias.starts_with(USER_ALIAS_PREFIX)
        && alias.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-')
}

/// An argument of the s390 loader: up to 8 characters, kept in capitals.
fn load_parm(text: &str) -> Result<String, XmlError> {
    if text.is_empty() || text.len() > 8 {
        return Err(XmlError::internal(format!(
            "loadparm value '{text}' must be between 1 and 8 characters"
        )));
    }
    if !text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b' ') {
        let text = format!("invalid loadparm value '{text}', expecting letters, digits, dots and blanks");
        return Err(XmlError::internal(text));
    }
    Ok(text.to_ascii_uppercase())
}
