//! `<panic>`: tells of a crash of the guest's kernel.

use super::DeviceXml;
use super::info::Allow;
use super::info::DeviceInfo;
use super::words::supported_token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A panic notifier.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Panic {
    /// Model; none: the driver's choice.
    pub model: Option<PanicModel>,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `model=`
    pub enum PanicModel {
        Isa = "isa", Pseries = "pseries", Hyperv = "hyperv", S390 = "s390",
    }
}

impl DeviceXml for Panic {
    const ELEMENT: &'static str = "panic";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let model = match element.attr("model") {
            Some("default") => None,
            _ => supported_token(element, "model", "panic model")?,
        };
        let info = DeviceInfo::parse(element, options, Allow::NOTHING)?;
        Ok(Self { model, info })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("panic").attr_opt("model", self.model);
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
