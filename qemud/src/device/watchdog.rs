//! Watchdogs.

use model::Token;
use model::domain::device::address::Address;
use model::domain::device::watchdog::{Watchdog, WatchdogAction, WatchdogModel};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

impl QemuDevice for Watchdog {
    fn validate(&self, _check: &Check<'_>) -> Result<(), DefaultsError> {
        if self.model == WatchdogModel::Diag288 {
            return Err(DefaultsError::unsupported("watchdog model 'diag288' exists on s390 machines only"));
        }
        let placed = matches!(self.info.address, Some(Address::Pci(_)));
        if self.model == WatchdogModel::Ib700 && placed {
            return Err(DefaultsError::unsupported(
                "ib700 model of watchdog does not support configuring the address",
            ));
        }
        if self.model == WatchdogModel::I6300esb && !placed && self.info.address.is_some() {
            return Err(DefaultsError::unsupported("i6300esb model of watchdog can go only on PCI bus"));
        }
        Ok(())
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        (self.model == WatchdogModel::I6300esb).then(|| board.pci())
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let props = Props::device(self.model.as_str()).str("id", &alias);
        let props = build.place(props, &self.info)?;
        build.device(props)?;
        // A dump is made by the daemon, while the guest is paused.
        let action = match self.action {
            WatchdogAction::Dump => WatchdogAction::Pause,
            other => other,
        };
        build.plan.option("-watchdog-action", action.as_str());
        Ok(())
    }
}
