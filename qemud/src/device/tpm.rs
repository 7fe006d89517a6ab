//! Trusted platform modules.

use model::Token;
use model::domain::device::tpm::{Tpm, TpmBackend, TpmModel, TpmVersion};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::chardev::{Use, write};
use crate::command::options::Mode;
use crate::command::props::Props;
use crate::defaults::DefaultsError;
use crate::defaults::board::Board;

impl QemuDevice for Tpm {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        let model = *self.model.get_or_insert(TpmModel::Tis);
        if let TpmBackend::Emulator(emulator) = &mut self.backend {
            // swtpm's own default per interface.
            let version = if model == TpmModel::Tis { TpmVersion::V1_2 } else { TpmVersion::V2_0 };
            emulator.version.get_or_insert(version);
        }
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        if let (Some(TpmModel::Crb), TpmBackend::Emulator(emulator)) = (self.model, &self.backend)
            && emulator.version == Some(TpmVersion::V1_2)
        {
            return Err(DefaultsError::unsupported("Unsupported interface CRB for TPM 1.2"));
        }
        match self.model {
            Some(model @ (TpmModel::Spapr | TpmModel::SpaprProxy)) => {
                let (model, binary) = (model.as_str(), &check.board.caps.binary);
                Err(DefaultsError::unsupported(format!(
                    "The QEMU executable {binary} does not support TPM model {model}"
                )))
            }
            _ => Ok(()),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let backend = format!("tpm-{alias}");
        match &self.backend {
            TpmBackend::Passthrough { device } => {
                let device = device.as_deref().unwrap_or("/dev/tpm0");
                return Err(PlanError::unsupported(format!(
                    "passing the host's TPM {device} through is not supported yet"
                )));
            }
            TpmBackend::Emulator(_) => {
                if build.options.mode == Mode::Start {
                    return Err(PlanError::unsupported("TPM backend 'emulator' cannot be started yet"));
                }
                build.plan.option("-chardev", "null,id=chrtpm");
            }
            TpmBackend::External { source } => write(build, source, "chrtpm", &alias, Use::Plain)?,
        }
        build.plan.option("-tpmdev", format!("emulator,id={backend},chardev=chrtpm"));
        let driver = self.model.map_or("tpm-tis", Token::as_str);
        build.device(Props::device(driver).str("tpmdev", &backend).str("id", &alias))
    }
}
