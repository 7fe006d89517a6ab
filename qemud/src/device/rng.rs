//! Random number generators.

use model::Token;
use model::domain::device::rng::{Rng, RngBackend, RngModel};

use super::{Check, QemuDevice, chardev};
use crate::command::PlanError;
use crate::command::build::{Build, virtio_driver, virtio_options};
use crate::command::chardev::{Use, open};
use crate::command::props::Props;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

/// Milliseconds of a rate without a period.
const DEFAULT_PERIOD: u32 = 1000;

impl QemuDevice for Rng {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        if let RngBackend::Random(path @ None) = &mut self.backend {
            *path = Some("/dev/urandom".to_owned());
        }
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        match &self.backend {
            RngBackend::Egd(source) => chardev::source_rules(source, check),
            RngBackend::Random(_) | RngBackend::Builtin => Ok(()),
        }
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        Some(board.virtio(self.model == RngModel::VirtioTransitional))
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let object = format!("obj{alias}");
        let props = match &self.backend {
            RngBackend::Random(path) => {
                path.iter().for_each(|path| build.plan.label(path, true, true));
                Props::object("rng-random", &object).opt_str("filename", path.as_deref())
            }
            RngBackend::Egd(source) => {
                let id = open(build, source, &alias, Use::Plain)?;
                Props::object("rng-egd", &object).str("chardev", &id)
            }
            RngBackend::Builtin => Props::object("rng-builtin", &object),
        };
        build.object(&props);
        let driver = virtio_driver("virtio-rng", Some(self.model.as_str()), &self.info)?;
        let mut props =
            virtio_options(Props::device(&driver), &self.virtio).str("rng", &object).str("id", &alias);
        if let Some(rate) = self.rate.filter(|rate| rate.bytes > 0) {
            props = props.set("max-bytes", rate.bytes).set("period", rate.period.unwrap_or(DEFAULT_PERIOD));
        }
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}
