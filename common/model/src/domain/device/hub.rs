//! `<hub>`: USB hubs.

use super::DeviceXml;
use super::address::Address;
use super::info::Allow;
use super::info::DeviceInfo;
use super::words::supported_token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A hub.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hub {
    /// Kind.
    pub kind: HubType,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `type=`
    pub enum HubType { Usb = "usb" }
}

impl DeviceXml for Hub {
    const ELEMENT: &'static str = "hub";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut info = DeviceInfo::parse(element, options, Allow::NOTHING)?;
        // A place on another bus is passed over.
        info.address = info.address.filter(|address| matches!(address, Address::Usb(_)));
        let kind = supported_token(element, "type", "hub device type")?;
        Ok(Self { kind: kind.ok_or_else(|| XmlError::internal("missing hub device type"))?, info })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("hub").attr("type", self.kind);
        self.info.format(w, options);
        w.end();
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}
