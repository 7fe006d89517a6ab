//! `<video>`: graphics cards.

use super::DeviceXml;
use super::info::Allow;
use super::info::{DeviceInfo, VirtioOptions};
use super::words::supported_token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A graphics card.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Video {
    /// Model; none: the driver's choice.
    pub model: Option<VideoModel>,
    /// QXL: second memory region, KiB.
    pub ram: Option<u32>,
    /// Memory, KiB; none: the driver's choice.
    pub vram: Option<u32>,
    /// QXL: 64-bit memory region, KiB.
    pub vram64: Option<u32>,
    /// QXL: memory of the VGA mode, KiB.
    pub vgamem: Option<u32>,
    /// Number of screens; none: not told (models without a screen).
    pub heads: Option<u32>,
    /// The first card of the guest.
    pub primary: bool,
    /// `<acceleration>`.
    pub acceleration: Option<Acceleration>,
    /// Size at start, in pixels: x, y.
    pub resolution: Option<(u32, u32)>,
    /// Who draws.
    pub backend: Option<VideoBackend>,
    /// VGA arbitration (vmvga, bhyve).
    pub vgaconf: Option<VgaConf>,
    /// virtio settings.
    pub virtio: VirtioOptions,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// `<acceleration>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Acceleration {
    /// 2D.
    pub accel2d: Option<bool>,
    /// 3D.
    pub accel3d: Option<bool>,
    /// DRM render node (vhost-user).
    pub rendernode: Option<String>,
}

tokens! {
    /// `<model type=>`
    pub enum VideoModel {
        Vga = "vga", Cirrus = "cirrus", Vmvga = "vmvga", Xen = "xen", Vbox = "vbox", Qxl = "qxl",
        Parallels = "parallels", Virtio = "virtio", Gop = "gop", None = "none", Bochs = "bochs", Ramfb = "ramfb",
    }

    /// `<driver name=>`
    pub enum VideoBackend { Qemu = "qemu", VhostUser = "vhostuser" }

    /// `<driver vgaconf=>`
    pub enum VgaConf { Io = "io", On = "on", Off = "off" }
}

impl DeviceXml for Video {
    const ELEMENT: &'static str = "video";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut video =
            Self { info: DeviceInfo::parse(element, options, Allow::NOTHING)?, ..Self::default() };
        match element.child("model") {
            Some(model) => video.parse_model(model)?,
            None => video.heads = Some(1),
        }
        if let Some(driver) = element.child("driver") {
            video.backend = driver.attr_token("name")?;
            video.vgaconf = driver.attr_token("vgaconf")?;
            video.virtio = VirtioOptions::parse(driver)?;
        }
        Ok(video)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("video");
        self.virtio
            .format(w.start("driver"))
            .attr_opt("vgaconf", self.vgaconf.filter(|conf| *conf != VgaConf::Io))
            .attr_opt("name", self.backend)
            .end_or_drop();
        w.start("model")
            .attr_opt("type", self.model)
            .attr_opt("ram", self.ram.filter(|n| *n > 0))
            .attr_opt("vram", self.vram.filter(|n| *n > 0))
            .attr_opt("vram64", self.vram64.filter(|n| *n > 0))
            .attr_opt("vgamem", self.vgamem.filter(|n| *n > 0))
            .attr_opt("heads", self.heads)
            .attr_opt("primary", self.primary.then_some("yes"));
        if let Some(acceleration) = &self.acceleration {
            acceleration.format(w);
        }
        if let Some((x, y)) = self.resolution {
            w.start("resolution").attr("x", x).attr("y", y).end();
        }
        w.end();
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        let qxl_only = [("ram", self.ram), ("vram64", self.vram64), ("vgamem", self.vgamem)];
        if let Some((name, _)) = qxl_only.iter().find(|(_, v)| v.is_some_and(|n| n > 0))
            && self.model != Some(VideoModel::Qxl)
        {
            return Err(XmlError::unsupported(format!("{name} attribute only supported for video type qxl")));
        }
        self.virtio.require_virtio(self.model == Some(VideoModel::Virtio))?;
        if self.resolution.is_some_and(|(x, y)| x == 0 || y == 0) {
            return Err(XmlError::unsupported("video resolution values must be greater than 0"));
        }
        if self.acceleration.as_ref().is_some_and(|a| *a == Acceleration::default()) {
            return Err(XmlError::unsupported("missing values for acceleration"));
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

impl Video {
    /// Sets what memory the model has when none is given, and rounds what is given to powers of two, as the
    /// reference does as soon as the model is known.
    pub fn fill_memory(&mut self) {
        let default = match self.model {
            Some(VideoModel::Vga | VideoModel::Cirrus | VideoModel::Vmvga | VideoModel::Bochs) => {
                Some(16 * 1024)
            }
            Some(VideoModel::Qxl) => Some(64 * 1024),
            Some(VideoModel::Xen) => Some(4 * 1024),
            _ => None,
        };
        let round = |size: u32| size.checked_next_power_of_two().unwrap_or(size);
        self.vram = self.vram.filter(|n| *n > 0).or(default).map(round);
        if self.model == Some(VideoModel::Qxl) {
            self.ram = self.ram.filter(|n| *n > 0).or(default).map(round);
        }
    }

    fn parse_model(&mut self, model: &Element) -> Result<(), XmlError> {
        self.model = match model.attr("type") {
            Some("default") => None,
            _ => supported_token(model, "type", "video model")?,
        };
        self.ram = memory(model, "ram")?;
        self.vram = memory(model, "vram")?;
        self.vram64 = memory(model, "vram64")?;
        self.vgamem = memory(model, "vgamem")?;
        self.heads = match model.attr("heads").filter(|text| !text.is_empty()).map(heads).transpose()? {
            // Nought stays nought: left out, it would be read as one.
            Some(heads) => Some(heads),
            None => Some(1).filter(|_| self.model != Some(VideoModel::None)),
        };
        self.primary = model.attr("primary") == Some("yes");
        self.acceleration = model.child("acceleration").map(Acceleration::parse).transpose()?;
        if let Some(resolution) = model.child("resolution") {
            self.resolution = Some((resolution.require_num("x")?, resolution.require_num("y")?));
        }
        self.fill_memory();
        Ok(())
    }
}

impl Acceleration {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            accel2d: element.attr_yes_no("accel2d")?,
            accel3d: element.attr_yes_no("accel3d")?,
            rendernode: element.attr_string("rendernode"),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("acceleration")
            .attr_yes_no("accel3d", self.accel3d)
            .attr_yes_no("accel2d", self.accel2d)
            .attr_opt("rendernode", self.rendernode.as_ref())
            .end();
    }
}

fn memory(model: &Element, name: &str) -> Result<Option<u32>, XmlError> {
    let Some(text) = model.attr(name).filter(|text| !text.is_empty()) else { return Ok(None) };
    text.parse().map(Some).map_err(|_| XmlError::xml(format!("cannot parse video {name} '{text}'")))
}

fn heads(text: &str) -> Result<u32, XmlError> {
    text.parse().map_err(|_| XmlError::internal(format!("cannot parse video heads '{text}'")))
}
