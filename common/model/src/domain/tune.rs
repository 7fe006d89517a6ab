//! `blkiotune` and `resource`: the guest's share of the host's disks, and its place among the host's groups.

use std::collections::BTreeSet;

use crate::xml::{Element, Writer, XmlError};

/// `blkiotune`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlkioTune {
    /// 10 to 1000 in the old scheduler, 1 to 10000 in the new; `None`: not set.
    pub weight: Option<u32>,
    /// By host device.
    pub devices: Vec<BlkioDevice>,
}

/// Limits for one host device; `None`: not set.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct BlkioDevice {
    /// Path of the device.
    pub path: String,
    /// Weight.
    pub weight: Option<u32>,
    /// Reads in a second.
    pub read_iops: Option<u32>,
    /// Writes in a second.
    pub write_iops: Option<u32>,
    /// Bytes read in a second.
    pub read_bytes: Option<u64>,
    /// Bytes written in a second.
    pub write_bytes: Option<u64>,
}

/// `resource`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Resource {
    /// Group that the guest's own lies in ("/machine").
    pub partition: Option<String>,
    /// Application id for Fibre Channel fabrics.
    pub fibrechannel_appid: Option<String>,
}

impl BlkioTune {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let Some(e) = domain.child("blkiotune") else { return Ok(Self::default()) };
        let mut tune = Self { weight: e.child_num("weight")?, devices: Vec::new() };
        let mut seen = BTreeSet::new();
        for d in e.children_named("device") {
            let device = BlkioDevice::parse(d)?;
            if !seen.insert(device.path.clone()) {
                return Err(XmlError::unsupported(format!("duplicate blkio device path '{}'", device.path)));
            }
            tune.devices.push(device);
        }
        Ok(tune)
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("blkiotune");
        w.text_element_opt("weight", self.weight.filter(|n| *n != 0));
        self.devices.iter().for_each(|d| d.format(w));
        w.end_or_drop();
    }
}

impl BlkioDevice {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let Some(path) = e.child_text("path") else {
            return Err(XmlError::unsupported("missing per-device path"));
        };
        Ok(Self {
            path,
            weight: e.child_num("weight")?.filter(|n| *n != 0),
            read_iops: e.child_num("read_iops_sec")?.filter(|n| *n != 0),
            write_iops: e.child_num("write_iops_sec")?.filter(|n| *n != 0),
            read_bytes: e.child_num("read_bytes_sec")?.filter(|n| *n != 0),
            write_bytes: e.child_num("write_bytes_sec")?.filter(|n| *n != 0),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("device");
        w.text_element("path", &self.path);
        w.text_element_opt("weight", self.weight);
        w.text_element_opt("read_iops_sec", self.read_iops);
        w.text_element_opt("write_iops_sec", self.write_iops);
        w.text_element_opt("read_bytes_sec", self.read_bytes);
        w.text_element_opt("write_bytes_sec", self.write_bytes);
        w.end();
    }
}

impl Resource {
    pub(super) fn parse(domain: &Element) -> Result<Option<Self>, XmlError> {
        let Some(e) = domain.child("resource") else { return Ok(None) };
        if domain.children_named("resource").nth(1).is_some() {
            return Err(XmlError::xml("only one resource element is supported"));
        }
        let fibrechannel_appid =
            e.child("fibrechannel").map(|f| f.require("appid").map(str::to_owned)).transpose()?;
        let resource = Self { partition: e.child_text("partition"), fibrechannel_appid };
        if resource == Self::default() {
            return Err(XmlError::xml("missing resource partition attribute"));
        }
        Ok(Some(resource))
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("resource");
        w.text_element_opt("partition", self.partition.as_ref());
        if let Some(appid) = &self.fibrechannel_appid {
            w.start("fibrechannel").attr("appid", appid).end();
        }
        w.end_or_drop();
    }
}
