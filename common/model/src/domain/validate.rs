//! Rules that hold for every driver.

use super::Domain;
use super::lifecycle::LifecycleAction;
use super::os::{Firmware, FirmwareFeature};
use super::sysinfo::{Sysinfo, SystemEntry};
use crate::xml::{Scope, XmlError};

impl Domain {
    /// Checks a definition that is complete in itself. Errors are those of the reference.
    pub fn validate(&self) -> Result<(), XmlError> {
        self.validate_name()?;
        self.validate_sysinfo()?;
        self.validate_lifecycle()?;
        self.validate_firmware()?;
        self.validate_iothreads()?;
        self.devices.iter().try_for_each(|d| d.validate())?;
        self.validate_devices()
    }

    fn validate_name(&self) -> Result<(), XmlError> {
        if self.name.contains('/') {
            return Err(XmlError::xml(format!("name {} cannot contain '/'", self.name)));
        }
        if self.name.contains('\n') {
            // Only the line feed is named: the text ends with it.
            return Err(XmlError::detail("invalid char in name: \n").scoped(Scope::Xml));
        }
        if self.title.as_ref().is_some_and(|t| t.contains('\n')) {
            return Err(XmlError::xml("Domain title can't contain newlines"));
        }
        Ok(())
    }

    fn validate_sysinfo(&self) -> Result<(), XmlError> {
        for info in &self.sysinfo {
            let Sysinfo::Smbios(smbios) = info else { continue };
            let Some(text) = smbios.system.get(SystemEntry::Uuid) else { continue };
            let Ok(uuid) = uuid::Uuid::try_parse(text) else {
                return Err(XmlError::detail("malformed <sysinfo> uuid element"));
            };
            if self.uuid.is_some_and(|own| own != uuid) {
                return Err(XmlError::detail("UUID mismatch between <uuid> and <sysinfo>"));
            }
        }
        Ok(())
    }

    fn validate_lifecycle(&self) -> Result<(), XmlError> {
        let events = [("poweroff", self.lifecycle.on_poweroff), ("reboot", self.lifecycle.on_reboot)];
        for (event, action) in events {
            if matches!(action, LifecycleAction::CoredumpDestroy | LifecycleAction::CoredumpRestart) {
                let text = format!("Lifecycle event '{event}' doesn't support '{action}' action");
                return Err(XmlError::unsupported(text));
            }
        }
        Ok(())
    }

    /// Firmware is either chosen for the guest or given by path.
    fn validate_firmware(&self) -> Result<(), XmlError> {
        let (loader, nvram) = (self.os.loader.as_ref(), self.os.nvram.as_ref());
        let features = &self.os.firmware_features;
        let enabled = |feature| features.iter().find(|(f, _)| *f == feature).map(|(_, on)| *on);
        let fault = match self.os.firmware {
            Some(_) if loader.is_some_and(|l| l.readonly.is_some()) => {
                "loader attribute 'readonly' cannot be specified when firmware autoselection is enabled"
            }
            Some(_) if loader.is_some_and(|l| l.kind.is_some()) => {
                "loader attribute 'type' cannot be specified when firmware autoselection is enabled"
            }
            Some(_) if loader.is_some_and(|l| l.secure == Some(false)) => {
                "loader attribute 'secure' cannot be specified when firmware autoselection is enabled"
            }
            Some(_) if nvram.is_some_and(|n| n.template.is_some()) => {
                "nvram attribute 'template' cannot be specified when firmware autoselection is enabled"
            }
            Some(Firmware::Bios) if nvram.is_some() => "firmware type 'bios' does not support nvram",
            Some(_)
                if enabled(FirmwareFeature::EnrolledKeys) == Some(true)
                    && enabled(FirmwareFeature::SecureBoot) == Some(false) =>
            {
                "firmware feature 'enrolled-keys' cannot be enabled when firmware feature 'secure-boot' is disabled"
            }
            None if !features.is_empty() => {
                "cannot use feature-based firmware autoselection when firmware autoselection is disabled"
            }
            None if (loader.is_some() || nvram.is_some()) && loader.is_none_or(|l| l.path.is_none()) => {
                "no loader path specified and firmware auto selection disabled"
            }
            _ if nvram.is_some() && loader.is_some_and(|l| l.stateless == Some(true)) => {
                "NVRAM is not permitted when loader is stateless"
            }
            _ => return Ok(()),
        };
        Err(XmlError::detail(fault))
    }

    /// A pool has at least as many workers at most as at least; what a thread leaves open is the default's.
    fn validate_iothreads(&self) -> Result<(), XmlError> {
        let default = self.iothreads.default_thread.unwrap_or_default();
        let pools = self.iothreads.threads.iter().map(|thread| thread.pool).chain([default]);
        for pool in pools {
            if let (Some(min), Some(max)) = (pool.min.or(default.min), pool.max.or(default.max))
                && min > max
            {
                return Err(XmlError::unsupported(
                    "thread_pool_min must be smaller or equal to thread_pool_max",
                ));
            }
        }
        Ok(())
    }

    /// A rule of reading: it comes before those of drivers.
    pub(super) fn validate_vcpus(&self) -> Result<(), XmlError> {
        if self.vcpus.max == 0 || self.cpu.numa.cpu_limit() > self.vcpus.max {
            return Err(XmlError::internal("CPU IDs in <numa> exceed the <vcpu> count"));
        }
        Ok(())
    }
}
