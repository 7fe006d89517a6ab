//! `sysinfo`: strings that the guest's firmware shows.

use crate::Token;
use crate::xml::{Element, Writer, XmlError};

/// One `sysinfo` element.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Sysinfo {
    /// SMBIOS tables.
    Smbios(Smbios),
    /// Files in QEMU's firmware configuration device.
    Fwcfg(Vec<FwcfgEntry>),
}

/// SMBIOS tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Smbios {
    /// Table 0.
    pub bios: Table<BiosEntry>,
    /// Table 1.
    pub system: Table<SystemEntry>,
    /// Table 2, one for each board.
    pub base_boards: Vec<Table<BaseBoardEntry>>,
    /// Table 3.
    pub chassis: Table<ChassisEntry>,
    /// Table 11.
    pub oem_strings: Vec<String>,
}

/// Entries of a table in libvirt's order; empty: the table is not there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Table<T>(pub Vec<(T, String)>);

/// A file or a text given to the firmware.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FwcfgEntry {
    /// Name ("opt/com.example/x").
    pub name: String,
    /// Text that it holds, if not a file.
    pub value: Option<String>,
    /// Path of the file that it holds.
    pub file: Option<String>,
}

tokens! {
    /// Entry of table 0.
    pub enum BiosEntry { Vendor = "vendor", Version = "version", Date = "date", Release = "release" }

    /// Entry of table 1.
    pub enum SystemEntry {
        Manufacturer = "manufacturer",
        Product = "product",
        Version = "version",
        Serial = "serial",
        Uuid = "uuid",
        Sku = "sku",
        Family = "family",
    }

    /// Entry of table 2.
    pub enum BaseBoardEntry {
        Manufacturer = "manufacturer",
        Product = "product",
        Version = "version",
        Serial = "serial",
        Asset = "asset",
        Location = "location",
    }

    /// Entry of table 3.
    pub enum ChassisEntry {
        Manufacturer = "manufacturer",
        Version = "version",
        Serial = "serial",
        Asset = "asset",
        Sku = "sku",
    }
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<T: Token> Table<T> {
    /// The value of an entry.
    pub fn get(&self, entry: T) -> Option<&str> {
        self.0.iter().find(|(e, _)| *e == entry).map(|(_, v)| v.as_str())
    }

    fn parse(e: &Element) -> Self {
        let value = |entry: T| {
            let named = e.children_named("entry").find(|c| c.attr("name") == Some(entry.as_str()))?;
            Some(named.text()).filter(|t| !t.is_empty()).map(|text| (entry, text))
        };
        Self(T::ALL.iter().copied().filter_map(value).collect())
    }

    fn format(&self, w: &mut Writer, name: &str) {
        w.start(name);
        for (entry, value) in &self.0 {
            w.start("entry").attr("name", entry).text(value).end();
        }
        w.end_or_drop();
    }
}

impl Sysinfo {
    pub(super) fn parse(e: &Element) -> Result<Self, XmlError> {
        match e.attr("type") {
            Some("smbios") => Ok(Self::Smbios(Smbios::parse(e)?)),
            Some("fwcfg") => Ok(Self::Fwcfg(parse_fwcfg(e)?)),
            Some(other) => Err(XmlError::bad_attr("sysinfo", "type", other)),
            None => Err(XmlError::missing_attr("sysinfo", "type")),
        }
    }

    pub(super) fn format(&self, w: &mut Writer) {
        match self {
            Self::Smbios(smbios) => {
                w.start("sysinfo").attr("type", "smbios");
                smbios.format(w);
            }
            Self::Fwcfg(entries) => {
                w.start("sysinfo").attr("type", "fwcfg");
                for entry in entries {
                    w.start("entry").attr("name", &entry.name).attr_opt("file", entry.file.as_ref());
                    // A file goes before a text beside it.
                    if let Some(value) = entry.value.as_ref().filter(|_| entry.file.is_none()) {
                        w.text(value);
                    }
                    w.end();
                }
            }
        }
        w.end();
    }
}

impl Smbios {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let bios = e.child("bios").map(Table::parse).unwrap_or_default();
        if let Some(date) = Table::get(&bios, BiosEntry::Date)
            && !is_bios_date(date)
        {
            return Err(XmlError::detail("Invalid BIOS 'date' format"));
        }
        let oem_strings = e
            .child("oemStrings")
            .map(|o| o.children_named("entry").map(Element::text).collect())
            .unwrap_or_default();
        Ok(Self {
            bios,
            system: e.child("system").map(Table::parse).unwrap_or_default(),
            base_boards: e
                .children_named("baseBoard")
                .map(Table::parse)
                .filter(|t| !t.0.is_empty())
                .collect(),
            chassis: e.child("chassis").map(Table::parse).unwrap_or_default(),
            oem_strings,
        })
    }

    fn format(&self, w: &mut Writer) {
        self.bios.format(w, "bios");
        self.system.format(w, "system");
        self.base_boards.iter().for_each(|b| b.format(w, "baseBoard"));
        self.chassis.format(w, "chassis");
        w.start("oemStrings");
        for text in &self.oem_strings {
            w.text_element("entry", text);
        }
        w.end_or_drop();
    }
}

fn parse_fwcfg(e: &Element) -> Result<Vec<FwcfgEntry>, XmlError> {
    let mut entries = Vec::new();
    for c in e.children_named("entry") {
        let Some(name) = c.attr_string("name") else {
            return Err(XmlError::xml("Firmware entry is missing 'name' attribute"));
        };
        let (value, file) = (Some(c.text()).filter(|t| !t.is_empty()), c.attr_string("file"));
        if value.is_none() && file.is_none() {
            return Err(XmlError::xml("Firmware entry must have either value or 'file' attribute"));
        }
        entries.push(FwcfgEntry { name, value, file });
    }
    Ok(entries)
}

/// mm/dd/yyyy, or mm/dd/yy; the year at least 1900 (DMTF DSP0134).
fn is_bios_date(date: &str) -> bool {
    let number = |part: &str, low: u32, high: u32| {
        let digits = !part.is_empty() && part.len() <= 4 && part.bytes().all(|b| b.is_ascii_digit());
        digits && part.parse().is_ok_and(|n| (low..=high).contains(&n))
    };
    match date.split('/').collect::<Vec<_>>().as_slice() {
        [month, day, year] => {
            let short = year.len() == 2 && number(year, 0, 99);
            number(month, 1, 12) && number(day, 1, 31) && (short || number(year, 1900, 9999))
        }
        _ => false,
    }
}
