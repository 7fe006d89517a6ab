//! Sockets between host and guest.

use model::Token;
use model::domain::device::vsock::{Vsock, VsockModel};

use super::QemuDevice;
use crate::command::PlanError;
use crate::command::build::{Build, virtio_driver, virtio_options};
use crate::command::options::Mode;
use crate::command::plan::FdSource;
use crate::command::props::Props;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

impl QemuDevice for Vsock {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        self.model.get_or_insert(VsockModel::Virtio);
        Ok(())
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        Some(board.virtio(self.model == Some(VsockModel::VirtioTransitional)))
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let fd = match build.options.mode {
            Mode::Native => "-1".to_owned(),
            Mode::Start => build.plan.pass(FdSource::VhostVsock { alias: alias.clone() }).to_string(),
        };
        let driver = virtio_driver("vhost-vsock", self.model.map(Token::as_str), &self.info)?;
        let props = virtio_options(Props::device(&driver), &self.virtio)
            .str("id", &alias)
            .set("guest-cid", self.guest_cid.unwrap_or(0))
            .str("vhostfd", &fd);
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}
