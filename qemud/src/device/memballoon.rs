//! The memory balloon.

use model::Token;
use model::domain::device::memballoon::{Memballoon, MemballoonModel};

use super::QemuDevice;
use crate::command::PlanError;
use crate::command::build::{Build, virtio_driver, virtio_options};
use crate::command::props::Props;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

impl QemuDevice for Memballoon {
    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        match self.model {
            MemballoonModel::None => None,
            MemballoonModel::Xen => Some(Connect::NONE),
            model => Some(board.virtio(model == MemballoonModel::VirtioTransitional)),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        if self.model == MemballoonModel::None {
            return Ok(());
        }
        let alias = build.alias(&self.info)?;
        let driver = virtio_driver("virtio-balloon", Some(self.model.as_str()), &self.info)?;
        let props = virtio_options(Props::device(&driver), &self.virtio)
            .str("id", &alias)
            .opt("deflate-on-oom", self.autodeflate)
            .opt("free-page-reporting", self.free_page_reporting);
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}
