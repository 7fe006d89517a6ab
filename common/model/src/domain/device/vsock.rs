//! `<vsock>`: sockets between host and guest.

use super::DeviceXml;
use super::info::Allow;
use super::info::{DeviceInfo, VirtioOptions};
use super::words::token_or_default;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// Addresses below it are the hypervisor's and the host's.
const FIRST_GUEST_CID: u32 = 3;

/// A vsock device.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Vsock {
    /// Model; none: the driver's choice.
    pub model: Option<VsockModel>,
    /// Whether the address is chosen at start.
    pub auto_cid: Option<bool>,
    /// The guest's address, from 3.
    pub guest_cid: Option<u32>,
    /// virtio settings.
    pub virtio: VirtioOptions,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `model=`
    pub enum VsockModel {
        Virtio = "virtio", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }
}

impl DeviceXml for Vsock {
    const ELEMENT: &'static str = "vsock";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut vsock = Self {
            model: token_or_default(element, "model")?,
            virtio: VirtioOptions::parse_below(element)?,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
            ..Self::default()
        };
        if let Some(cid) = element.child("cid") {
            vsock.guest_cid = cid.attr_positive("address")?;
            vsock.auto_cid = cid.attr_yes_no("auto")?;
        }
        // Without an address it is chosen at start.
        vsock.auto_cid = vsock.auto_cid.or(Some(vsock.guest_cid.is_none()));
        Ok(vsock)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("vsock").attr_opt("model", self.model);
        w.start("cid").attr_yes_no("auto", self.auto_cid).attr_opt("address", self.guest_cid).end_or_drop();
        self.info.format(w, options);
        self.virtio.format_alone(w);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        if self.guest_cid.is_some_and(|cid| cid < FIRST_GUEST_CID) {
            return Err(XmlError::unsupported(format!("guest CIDs must be >= {FIRST_GUEST_CID}")));
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
