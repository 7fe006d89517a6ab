//! Graphics cards.

use model::Token;
use model::domain::device::video::{Video, VideoBackend, VideoModel};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::{Build, virtio_options};
use crate::command::props::Props;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

/// Memory of most cards, KiB.
const DEFAULT_VRAM: u32 = 16384;
/// Both memory regions of QXL, KiB.
const QXL_RAM: u32 = 65536;

impl QemuDevice for Video {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        match *self.model.get_or_insert(VideoModel::Cirrus) {
            VideoModel::Qxl => {
                self.ram = Some(power_of_two(self.ram.unwrap_or(QXL_RAM)));
                self.vram = Some(power_of_two(self.vram.unwrap_or(QXL_RAM)));
                self.vram64 = self.vram64.map(power_of_two);
                self.vgamem = Some(power_of_two(self.vgamem.unwrap_or(DEFAULT_VRAM)));
            }
            VideoModel::Vga | VideoModel::Cirrus | VideoModel::Vmvga | VideoModel::Bochs => {
                let vram = self.vram.filter(|vram| *vram != 0).unwrap_or(DEFAULT_VRAM);
                self.vram = Some(if self.model == Some(VideoModel::Vga) { power_of_two(vram) } else { vram });
            }
            // No card has no properties either.
            VideoModel::None => {
                *self = Video { model: self.model, info: std::mem::take(&mut self.info), ..Video::default() }
            }
            _ => {}
        }
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        let model = self.model.unwrap_or(VideoModel::Cirrus);
        let foreign =
            matches!(model, VideoModel::Xen | VideoModel::Vbox | VideoModel::Parallels | VideoModel::Gop);
        let vhost_user = self.backend == Some(VideoBackend::VhostUser);
        let missing =
            !vhost_user && device_names(model).iter().any(|name| !check.board.caps.has_device(name));
        if foreign || missing {
            return Err(DefaultsError::unsupported(format!(
                "domain configuration does not support video model '{model}'"
            )));
        }
        rules(self, model)
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        match self.model {
            Some(VideoModel::None | VideoModel::Ramfb) | None => None,
            Some(VideoModel::Virtio | VideoModel::Bochs) => Some(board.pcie()),
            Some(_) => Some(board.pci()),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let mib = |kib: Option<u32>| kib.unwrap_or(0) / 1024;
        let bytes = |kib: Option<u32>| u64::from(kib.unwrap_or(0)) * 1024;
        let driver = driver(self)?;
        let props = match self.model {
            Some(VideoModel::Qxl) => Props::device(driver)
                .str("id", &alias)
                .set("max_outputs", self.heads.unwrap_or(1).max(1))
                .set("ram_size", bytes(self.ram))
                .set("vram_size", bytes(self.vram))
                .set("vram64_size_mb", mib(self.vram64))
                .set("vgamem_mb", mib(self.vgamem)),
            Some(VideoModel::Virtio) => virtio_options(Props::device(driver), &self.virtio)
                .str("id", &alias)
                .set("max_outputs", self.heads.unwrap_or(1).max(1)),
            Some(VideoModel::Vga | VideoModel::Vmvga) => {
                Props::device(driver).str("id", &alias).set("vgamem_mb", mib(self.vram))
            }
            Some(VideoModel::Bochs) => {
                Props::device(driver).str("id", &alias).set("vgamem", bytes(self.vram))
            }
            Some(VideoModel::None) => return Ok(()),
            _ => Props::device(driver).str("id", &alias),
        };
        let (width, height) = self.resolution.unzip();
        let props = props.opt("xres", width).opt("yres", height);
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}

/// Devices the emulator must have for a model.
fn device_names(model: VideoModel) -> &'static [&'static str] {
    match model {
        VideoModel::Vga => &["VGA"],
        VideoModel::Cirrus => &["cirrus-vga"],
        VideoModel::Vmvga => &["vmware-svga"],
        VideoModel::Qxl => &["qxl-vga"],
        VideoModel::Virtio => &["virtio-gpu-pci"],
        VideoModel::Bochs => &["bochs-display"],
        VideoModel::Ramfb => &["ramfb"],
        VideoModel::None | VideoModel::Xen | VideoModel::Vbox | VideoModel::Parallels | VideoModel::Gop => {
            &[]
        }
    }
}

/// Rounded up; what no power of two reaches stays for QEMU to refuse.
fn power_of_two(kib: u32) -> u32 {
    kib.checked_next_power_of_two().unwrap_or(u32::MAX)
}

fn rules(video: &Video, model: VideoModel) -> Result<(), DefaultsError> {
    let primary_only =
        matches!(model, VideoModel::Vga | VideoModel::Cirrus | VideoModel::Vmvga | VideoModel::Ramfb);
    if !video.primary && primary_only {
        return Err(DefaultsError::unsupported(format!(
            "video type '{model}' is only valid as primary video device"
        )));
    }
    let many_heads = matches!(model, VideoModel::Qxl | VideoModel::Virtio | VideoModel::None);
    if !many_heads && video.heads.is_some_and(|heads| heads != 1) {
        return Err(DefaultsError::unsupported(format!("video type '{model}' has one head")));
    }
    let resizable = matches!(
        model,
        VideoModel::Vga | VideoModel::Qxl | VideoModel::Virtio | VideoModel::Bochs | VideoModel::None
    );
    if !resizable && video.resolution.is_some() {
        return Err(DefaultsError::xml("model resolution is not supported"));
    }
    let accelerated = video.acceleration.as_ref().and_then(|a| a.accel3d) == Some(true);
    if accelerated && model != VideoModel::Virtio {
        return Err(DefaultsError::unsupported(format!(
            "video type '{model}' does not support acceleration"
        )));
    }
    if model == VideoModel::Qxl && video.vgamem.is_some_and(|kib| kib < 1024) {
        return Err(DefaultsError::unsupported("value for 'vgamem' must be at least 1 MiB (1024 KiB)"));
    }
    if model == VideoModel::Vga && video.vram.is_some_and(|kib| kib < 1024) {
        return Err(DefaultsError::unsupported("value for 'vram' must be at least 1 MiB (1024 KiB)"));
    }
    Ok(())
}

fn driver(video: &Video) -> Result<&'static str, PlanError> {
    if video.backend == Some(VideoBackend::VhostUser) {
        return Err(PlanError::Failed("Unable to find a satisfying vhost-user-gpu".to_owned()));
    }
    let accelerated = video.acceleration.as_ref().and_then(|a| a.accel3d) == Some(true);
    Ok(match (video.model, video.primary) {
        (Some(VideoModel::Vga), _) => "VGA",
        (Some(VideoModel::Vmvga), _) => "vmware-svga",
        (Some(VideoModel::Qxl), true) => "qxl-vga",
        (Some(VideoModel::Qxl), false) => "qxl",
        (Some(VideoModel::Virtio), true) if accelerated => "virtio-vga-gl",
        (Some(VideoModel::Virtio), true) => "virtio-vga",
        (Some(VideoModel::Virtio), false) if accelerated => "virtio-gpu-gl-pci",
        (Some(VideoModel::Virtio), false) => "virtio-gpu-pci",
        (Some(VideoModel::Bochs), _) => "bochs-display",
        (Some(VideoModel::Ramfb), _) => "ramfb",
        (Some(VideoModel::Cirrus), _) | (None, _) => "cirrus-vga",
        (Some(VideoModel::None), _) => "",
        (Some(other), _) => {
            let name = other.as_str();
            return Err(PlanError::unsupported(format!(
                "domain configuration does not support video model '{name}'"
            )));
        }
    })
}
