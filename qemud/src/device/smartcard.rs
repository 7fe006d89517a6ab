//! Smart card readers.

use model::domain::device::address::Address;
use model::domain::device::smartcard::{Smartcard, SmartcardKind};

use super::{Check, QemuDevice, chardev};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::chardev::{Use, open};
use crate::command::props::Props;
use crate::defaults::DefaultsError;

impl QemuDevice for Smartcard {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        if !matches!(self.info.address, None | Some(Address::Ccid { .. })) {
            return Err(DefaultsError::unsupported("a smartcard needs an address of type 'ccid'"));
        }
        match &self.kind {
            SmartcardKind::Passthrough(source) => chardev::source_rules(source, check),
            SmartcardKind::HostCertificates { certificates, .. } => {
                match certificates.iter().find(|name| name.contains(',')) {
                    Some(name) => {
                        Err(DefaultsError::unsupported(format!("invalid certificate name: {name}")))
                    }
                    None => Ok(()),
                }
            }
            SmartcardKind::Host => Ok(()),
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let props = match &self.kind {
            SmartcardKind::Host => Props::device("ccid-card-emulated").str("backend", "nss-emulated"),
            SmartcardKind::HostCertificates { certificates: [one, two, three], database } => {
                Props::device("ccid-card-emulated")
                    .str("backend", "certificates")
                    .str("cert1", one)
                    .str("cert2", two)
                    .str("cert3", three)
                    .str("db", database.as_deref().unwrap_or("/etc/pki/nssdb"))
            }
            SmartcardKind::Passthrough(source) => {
                let id = open(build, source, &alias, Use::Smartcard)?;
                Props::device("ccid-card-passthru").str("chardev", &id)
            }
        };
        let props = build.place(props.str("id", &alias), &self.info)?;
        build.device(props)
    }
}
