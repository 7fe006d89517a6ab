//! `<nvram>`: the NVRAM of pseries machines.

use super::DeviceXml;
use super::info::Allow;
use super::info::DeviceInfo;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// NVRAM with an address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nvram {
    /// Alias, address.
    pub info: DeviceInfo,
}

impl DeviceXml for Nvram {
    const ELEMENT: &'static str = "nvram";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        Ok(Self { info: DeviceInfo::parse(element, options, Allow::NOTHING)? })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("nvram");
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
