//! `<iommu>`: I/O memory management units.

use super::DeviceXml;
use super::info::Allow;
use super::info::DeviceInfo;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// An IOMMU.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Iommu {
    /// Model.
    pub model: IommuModel,
    /// Interrupt remapping.
    pub intremap: Option<bool>,
    /// Caching mode, needed for VFIO.
    pub caching_mode: Option<bool>,
    /// Extended interrupt mode.
    pub eim: Option<bool>,
    /// The host's cache of translations is used.
    pub iotlb: Option<bool>,
    /// Width of addresses in bits.
    pub aw_bits: Option<u32>,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `model=`
    pub enum IommuModel { Intel = "intel", Smmuv3 = "smmuv3", Virtio = "virtio" }
}

impl DeviceXml for Iommu {
    const ELEMENT: &'static str = "iommu";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut iommu = Self {
            model: element.require_token("model")?,
            intremap: None,
            caching_mode: None,
            eim: None,
            iotlb: None,
            aw_bits: None,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        };
        if let Some(driver) = element.child("driver") {
            iommu.intremap = driver.attr_on_off("intremap")?;
            iommu.caching_mode = driver.attr_on_off("caching_mode")?;
            iommu.eim = driver.attr_on_off("eim")?;
            iommu.iotlb = driver.attr_on_off("iotlb")?;
            iommu.aw_bits = driver.attr_num("aw_bits")?;
        }
        Ok(iommu)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("iommu").attr("model", self.model);
        w.start("driver")
            .attr_on_off("intremap", self.intremap)
            .attr_on_off("caching_mode", self.caching_mode)
            .attr_on_off("eim", self.eim)
            .attr_on_off("iotlb", self.iotlb)
            .attr_opt("aw_bits", self.aw_bits.filter(|n| *n > 0))
            .end_or_drop();
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        let own = [self.intremap, self.caching_mode, self.eim, self.iotlb];
        let any = own.iter().any(Option::is_some) || self.aw_bits.is_some();
        if any && self.model != IommuModel::Intel {
            let text = format!("iommu model '{}' doesn't support additional attributes", self.model);
            return Err(XmlError::xml(text));
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
