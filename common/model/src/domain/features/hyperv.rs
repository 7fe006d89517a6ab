//! `features/hyperv`: what a Windows guest expects of Hyper-V.

use std::collections::BTreeMap;

use super::required_state;
use crate::Token;
use crate::xml::{Element, Writer, XmlError};

tokens! {
    /// Where the list comes from.
    #[derive(Default)]
    pub enum HypervMode { #[default] Custom = "custom", Passthrough = "passthrough" }

    /// One enlightenment.
    pub enum HypervFeature {
        Relaxed = "relaxed",
        Vapic = "vapic",
        Spinlocks = "spinlocks",
        Vpindex = "vpindex",
        Runtime = "runtime",
        Synic = "synic",
        Stimer = "stimer",
        Reset = "reset",
        VendorId = "vendor_id",
        Frequencies = "frequencies",
        Reenlightenment = "reenlightenment",
        Tlbflush = "tlbflush",
        Ipi = "ipi",
        Evmcs = "evmcs",
        Avic = "avic",
    }
}

/// Enlightenments and their settings.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Hyperv {
    /// Mode.
    pub mode: HypervMode,
    /// On or off, for those that the document names.
    pub features: BTreeMap<HypervFeature, bool>,
    /// Tries before a spinlock is reported; at least 4095.
    pub spinlock_retries: Option<u32>,
    /// Timers deliver interrupts directly.
    pub stimer_direct: Option<bool>,
    /// Up to 12 characters.
    pub vendor_id: Option<String>,
}

impl Hyperv {
    /// Is `feature` switched on?
    pub fn is_on(&self, feature: HypervFeature) -> bool {
        self.features.get(&feature) == Some(&true)
    }

    pub(super) fn parse(e: &Element) -> Result<Self, XmlError> {
        let mut hyperv = Self { mode: e.attr_token("mode")?.unwrap_or_default(), ..Self::default() };
        for c in e.elements() {
            let Some(feature) = HypervFeature::from_word(&c.name) else {
                let text = format!("unsupported HyperV Enlightenment feature: {}", c.name);
                return Err(XmlError::unsupported(text));
            };
            let on = required_state(c)?;
            hyperv.features.insert(feature, on);
            if on {
                hyperv.read_settings(feature, c)?;
            }
        }
        Ok(hyperv)
    }

    fn read_settings(&mut self, feature: HypervFeature, c: &Element) -> Result<(), XmlError> {
        match feature {
            HypervFeature::Spinlocks => {
                let retries: u32 = c.require_num("retries")?;
                if retries < 0xFFF {
                    return Err(XmlError::xml("HyperV spinlock retry count must be at least 4095"));
                }
                self.spinlock_retries = Some(retries);
            }
            HypervFeature::Stimer => {
                for setting in c.elements() {
                    if setting.name != "direct" {
                        let text = format!("unsupported Hyper-V stimer feature: {}", setting.name);
                        return Err(XmlError::unsupported(text));
                    }
                    self.stimer_direct = Some(required_state(setting)?);
                }
            }
            HypervFeature::VendorId => self.vendor_id = Some(vendor_id(c)?),
            _ => {}
        }
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("hyperv").attr("mode", self.mode).force_content();
        for (feature, on) in &self.features {
            w.start(feature.as_str()).attr_on_off("state", Some(*on));
            match feature {
                HypervFeature::Spinlocks if *on => _ = w.attr_opt("retries", self.spinlock_retries),
                HypervFeature::VendorId if *on => _ = w.attr_opt("value", self.vendor_id.as_ref()),
                HypervFeature::Stimer if *on => {
                    w.start("direct").attr_on_off("state", self.stimer_direct).end_or_drop();
                }
                _ => {}
            }
            w.end();
        }
        w.end();
    }
}

fn vendor_id(c: &Element) -> Result<String, XmlError> {
    let Some(value) = c.attr_string("value") else {
        return Err(XmlError::xml("missing 'value' attribute for HyperV feature 'vendor_id'"));
    };
    if value.len() > 12 {
        return Err(XmlError::xml("HyperV vendor_id value must not be more than 12 characters."));
    }
    // The value becomes part of a comma separated list for the emulator.
    if value.contains(',') {
        return Err(XmlError::xml("HyperV vendor_id value is invalid"));
    }
    Ok(value)
}
