//! Panic notifiers.

use model::Token;
use model::domain::device::address::Address;
use model::domain::device::panic::{Panic, PanicModel};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;

impl QemuDevice for Panic {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        self.model.get_or_insert(PanicModel::Isa);
        Ok(())
    }

    fn validate(&self, _check: &Check<'_>) -> Result<(), DefaultsError> {
        match (self.model, &self.info.address) {
            (Some(model @ (PanicModel::Pseries | PanicModel::S390)), _) => {
                let model = model.as_str();
                Err(DefaultsError::unsupported(format!("x86 has no panic device of model '{model}'")))
            }
            (Some(PanicModel::Hyperv), Some(_)) => Err(DefaultsError::unsupported(
                "setting the panic device address is not supported for model 'hyperv'",
            )),
            (Some(PanicModel::Isa), Some(address)) if !matches!(address, Address::Isa { .. }) => {
                Err(DefaultsError::unsupported("panic is supported only with ISA address type"))
            }
            _ => Ok(()),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        match self.model {
            Some(PanicModel::Isa) | None => {
                let port = match &self.info.address {
                    Some(Address::Isa { iobase, .. }) => *iobase,
                    _ => None,
                };
                build.device(Props::device("pvpanic").opt("ioport", port))
            }
            // Part of the CPU's Hyper-V features.
            Some(PanicModel::Hyperv) => Ok(()),
            Some(model @ (PanicModel::Pseries | PanicModel::S390)) => {
                let model = model.as_str();
                Err(PlanError::unsupported(format!("x86 has no panic device of model '{model}'")))
            }
        }
    }
}
