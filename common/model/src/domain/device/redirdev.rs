//! `<redirdev>`: USB devices of the client; `<redirfilter>`: which of them.

use super::DeviceXml;
use super::chardev::Source;
use super::info::Allow;
use super::info::DeviceInfo;
use super::words::supported_token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A port to which a client can redirect a USB device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirdev {
    /// Host end.
    pub source: Source,
    /// Alias, address, boot order.
    pub info: DeviceInfo,
}

/// `<redirfilter>`: the first rule that fits decides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redirfilter {
    /// Rules in order.
    pub rules: Vec<RedirRule>,
}

/// `<usbdev>`; none: any.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RedirRule {
    /// Device class.
    pub class: Option<u32>,
    /// Vendor number.
    pub vendor: Option<u32>,
    /// Product number.
    pub product: Option<u32>,
    /// Version as binary coded decimal: 0x0110 is 1.10.
    pub version: Option<u32>,
    /// Whether such devices are let in.
    pub allow: bool,
}

tokens! {
    /// `bus=`
    #[derive(Default)]
    pub enum RedirBus { #[default] Usb = "usb" }
}

impl DeviceXml for Redirdev {
    const ELEMENT: &'static str = "redirdev";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        supported_token::<RedirBus>(element, "bus", "redirdev bus")?;
        let Some(kind) = supported_token(element, "type", "redirdev character device type")? else {
            return Err(XmlError::internal("missing type in redirdev"));
        };
        Ok(Self {
            source: Source::parse_typed(element, kind, options)?,
            info: DeviceInfo::parse(element, options, Allow::BOOT)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("redirdev").attr("bus", RedirBus::Usb);
        self.source.format(w, options);
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        self.source.validate(false)
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl DeviceXml for Redirfilter {
    const ELEMENT: &'static str = "redirfilter";

    fn parse(element: &Element, _: &ParseOptions) -> Result<Self, XmlError> {
        let rules = element.children_named("usbdev").map(RedirRule::parse);
        Ok(Self { rules: rules.collect::<Result<_, _>>()? })
    }

    fn format(&self, w: &mut Writer, _: &FormatOptions) {
        w.start("redirfilter");
        for rule in &self.rules {
            rule.format(w);
        }
        w.end_or_drop();
    }
}

impl RedirRule {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            class: any_or_number(element, "class", 0xff)?,
            vendor: any_or_number(element, "vendor", 0xffff)?,
            product: any_or_number(element, "product", 0xffff)?,
            version: element.attr("version").map(version).transpose()?.flatten(),
            allow: element.attr_yes_no("allow")?.ok_or_else(|| XmlError::missing_attr("usbdev", "allow"))?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("usbdev")
            .attr_opt("class", self.class.map(|n| format!("0x{n:02X}")))
            .attr_opt("vendor", self.vendor.map(|n| format!("0x{n:04X}")))
            .attr_opt("product", self.product.map(|n| format!("0x{n:04X}")))
            .attr_opt(
                "version",
                self.version.map(|n| format!("{}.{:02}", from_bcd(n >> 8), from_bcd(n & 0xff))),
            )
            .attr_yes_no("allow", Some(self.allow))
            .end();
    }
}

/// A number up to `limit`, or -1 for any.
fn any_or_number(element: &Element, name: &str, limit: u32) -> Result<Option<u32>, XmlError> {
    let Some(text) = element.attr(name).filter(|t| *t != "-1") else { return Ok(None) };
    match element.attr_num_any_base(name) {
        Ok(Some(n)) if n <= limit => Ok(Some(n)),
        Ok(Some(_)) if name == "class" => Err(XmlError::internal(format!("Invalid USB Class code {text}"))),
        _ => Err(XmlError::xml(format!("Cannot parse USB {name} '{text}'"))),
    }
}

/// "1.10" as 0x0110; -1 is any.
fn version(text: &str) -> Result<Option<u32>, XmlError> {
    if text == "-1" {
        return Ok(None);
    }
    let bad = || XmlError::xml(format!("Cannot parse USB device version {text}"));
    let (major, minor) = text.split_once('.').ok_or_else(bad)?;
    let number = |t: &str| t.parse::<u32>().ok().filter(|n| *n < 100 && t.len() <= 2).ok_or_else(bad);
    let minor = if minor.len() == 1 { number(minor)? * 10 } else { number(minor)? };
    Ok(Some(to_bcd(number(major)?) << 8 | to_bcd(minor)))
}

fn to_bcd(n: u32) -> u32 {
    ((n / 10) << 4) | (n % 10)
}

fn from_bcd(n: u32) -> u32 {
    (n >> 4) * 10 + (n & 0xf)
}
