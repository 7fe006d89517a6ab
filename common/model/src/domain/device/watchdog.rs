//! `<watchdog>`: acts when the guest hangs.

use super::DeviceXml;
use super::info::Allow;
use super::info::DeviceInfo;
use crate::Token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A watchdog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Watchdog {
    /// Model.
    pub model: WatchdogModel,
    /// What happens when it fires.
    pub action: WatchdogAction,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `model=`
    pub enum WatchdogModel { I6300esb = "i6300esb", Ib700 = "ib700", Diag288 = "diag288" }

    /// `action=`
    #[derive(Default)]
    pub enum WatchdogAction {
        #[default] Reset = "reset", Shutdown = "shutdown", Poweroff = "poweroff", Pause = "pause", Dump = "dump",
        None = "none", InjectNmi = "inject-nmi",
    }
}

impl DeviceXml for Watchdog {
    const ELEMENT: &'static str = "watchdog";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        Ok(Self {
            model: word(element, "model")?
                .ok_or_else(|| XmlError::internal("watchdog must contain model name"))?,
            action: word(element, "action")?.unwrap_or_default(),
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("watchdog").attr("model", self.model).attr("action", self.action);
        self.info.format(w, options);
        w.end();
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

/// An attribute of a closed list; the reference calls an unknown word unsupported here.
fn word<T: Token>(element: &Element, name: &str) -> Result<Option<T>, XmlError> {
    let Some(text) = element.attr(name) else { return Ok(None) };
    let unknown = || XmlError::unsupported(format!("unknown watchdog {name} '{text}'"));
    T::from_word(text).map(Some).ok_or_else(unknown)
}
