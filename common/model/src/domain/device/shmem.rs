//! `<shmem>`: memory shared between guests.

use super::DeviceXml;
use super::chardev::UnixSource;
use super::info::Allow;
use super::info::DeviceInfo;
use crate::Token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError, scale};

/// Shared memory.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shmem {
    /// Name of the region.
    pub name: String,
    /// Model; none: the driver's choice.
    pub model: Option<ShmemModel>,
    /// What happens at a migration.
    pub role: Option<ShmemRole>,
    /// Bytes, a power of two of at least 1 MiB.
    pub size: Option<u64>,
    /// Socket of an ivshmem server.
    pub server: Option<UnixSource>,
    /// Interrupts between guests.
    pub msi: Option<ShmemMsi>,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// `<msi>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ShmemMsi {
    /// Number of vectors.
    pub vectors: Option<u32>,
    /// Notifications by eventfd.
    pub ioeventfd: Option<bool>,
}

tokens! {
    /// `<model type=>`
    pub enum ShmemModel {
        Ivshmem = "ivshmem", IvshmemPlain = "ivshmem-plain", IvshmemDoorbell = "ivshmem-doorbell",
    }

    /// `role=`
    pub enum ShmemRole { Master = "master", Peer = "peer" }
}

impl DeviceXml for Shmem {
    const ELEMENT: &'static str = "shmem";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let name = element.attr("name");
        let mut shmem = Self {
            name: name
                .ok_or_else(|| XmlError::xml("shmem element must contain 'name' attribute"))?
                .to_owned(),
            // The reference passes over a role it does not know.
            role: element.attr("role").and_then(ShmemRole::from_word),
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
            ..Self::default()
        };
        if let Some(model) = element.child("model") {
            shmem.model = model.attr_token("type")?;
        }
        shmem.model = shmem.model.or(Some(ShmemModel::Ivshmem));
        shmem.size = element.child("size").map(parse_size).transpose()?;
        if let Some(server) = element.child("server") {
            shmem.server = Some(UnixSource { path: server.attr_string("path"), ..UnixSource::default() });
        }
        shmem.msi = element.child("msi").map(ShmemMsi::parse).transpose()?;
        if shmem.msi.is_some() && shmem.server.is_none() {
            return Err(XmlError::xml("msi option is only supported with a server"));
        }
        Ok(shmem)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("shmem").attr("name", &self.name).attr_opt("role", self.role);
        if let Some(model) = self.model {
            w.start("model").attr("type", model).end();
        }
        if let Some(size) = self.size {
            w.start("size").attr("unit", "M").text(size >> 20).end();
        }
        if let Some(server) = &self.server {
            w.start("server").attr_opt("path", server.path.as_ref()).end();
        }
        if let Some(msi) = self.msi {
            w.start("msi").attr_opt("vectors", msi.vectors).attr_on_off("ioeventfd", msi.ioeventfd).end();
        }
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        if self.name.contains('/') {
            return Err(XmlError::unsupported("shmem name cannot include '/' character"));
        }
        if matches!(self.name.as_str(), "." | "..") {
            return Err(XmlError::unsupported(format!("shmem name cannot be equal to '{}'", self.name)));
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

impl ShmemMsi {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            vectors: element.attr_num("vectors")?.filter(|n| *n > 0),
            ioeventfd: element.attr_on_off("ioeventfd")?,
        })
    }
}

fn parse_size(element: &Element) -> Result<u64, XmlError> {
    let text = element.text();
    let value = text.trim().parse().map_err(|_| XmlError::bad_path("size[1]", &text))?;
    scale(value, element.attr("unit"), 1, u64::MAX)
}
