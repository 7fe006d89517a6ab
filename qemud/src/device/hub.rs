//! USB hubs.

use model::domain::device::hub::Hub;

use super::QemuDevice;
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;

impl QemuDevice for Hub {
    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let props = build.place(Props::device("usb-hub").str("id", &alias), &self.info)?;
        build.device(props)
    }
}
