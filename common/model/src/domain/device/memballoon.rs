//! `<memballoon>`: takes memory back from a running guest.

use super::DeviceXml;
use super::info::Allow;
use super::info::{DeviceInfo, VirtioOptions};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A balloon device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memballoon {
    /// Model.
    pub model: MemballoonModel,
    /// Whether the balloon shrinks when the guest runs out of memory.
    pub autodeflate: Option<bool>,
    /// Whether the guest tells of free pages.
    pub free_page_reporting: Option<bool>,
    /// Seconds between statistics of the guest.
    pub stats_period: Option<u32>,
    /// virtio settings.
    pub virtio: VirtioOptions,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `model=`
    pub enum MemballoonModel {
        Virtio = "virtio", Xen = "xen", None = "none", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }
}

impl DeviceXml for Memballoon {
    const ELEMENT: &'static str = "memballoon";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let stats = element.child("stats");
        let model = element.require_token("model")?;
        // No device has no place.
        let info = match model {
            MemballoonModel::None => DeviceInfo::default(),
            _ => DeviceInfo::parse(element, options, Allow::NOTHING)?,
        };
        Ok(Self {
            model,
            autodeflate: element.attr_on_off("autodeflate")?,
            free_page_reporting: element.attr_on_off("freePageReporting")?,
            stats_period: stats.map(|s| s.attr_num("period")).transpose()?.flatten(),
            virtio: VirtioOptions::parse_below(element)?,
            info,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("memballoon")
            .attr("model", self.model)
            .attr_on_off("autodeflate", self.autodeflate)
            .attr_on_off("freePageReporting", self.free_page_reporting);
        if let Some(period) = self.stats_period.filter(|p| *p > 0) {
            w.start("stats").attr("period", period).end();
        }
        self.info.format(w, options);
        self.virtio.format_alone(w);
        w.end();
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}
