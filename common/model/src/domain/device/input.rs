//! `<input>`: keyboards, mice, tablets.

use super::DeviceXml;
use super::info::Allow;
use super::info::{DeviceInfo, VirtioOptions};
use super::words::supported_token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// An input device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Input {
    /// What it is.
    pub kind: InputType,
    /// Bus; none: the driver's choice.
    pub bus: Option<InputBus>,
    /// virtio flavour.
    pub model: Option<InputModel>,
    /// Host device (passthrough and evdev).
    pub source: Option<String>,
    /// evdev: whether all devices are grabbed together.
    pub grab_all: bool,
    /// evdev: keys that release it.
    pub grab_toggle: Option<GrabToggle>,
    /// evdev: whether keys repeat.
    pub repeat: Option<bool>,
    /// virtio settings.
    pub virtio: VirtioOptions,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `type=`
    pub enum InputType {
        Mouse = "mouse", Tablet = "tablet", Keyboard = "keyboard", Passthrough = "passthrough", Evdev = "evdev",
    }

    /// `bus=`
    pub enum InputBus {
        Ps2 = "ps2", Usb = "usb", Xen = "xen", Parallels = "parallels", Virtio = "virtio", None = "none",
    }

    /// `model=`
    pub enum InputModel {
        Virtio = "virtio", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }

    /// `grab=`
    pub enum Grab { All = "all" }

    /// `grabToggle=`
    pub enum GrabToggle {
        CtrlCtrl = "ctrl-ctrl", AltAlt = "alt-alt", ShiftShift = "shift-shift", MetaMeta = "meta-meta",
        Scrolllock = "scrolllock", CtrlScrolllock = "ctrl-scrolllock",
    }
}

impl DeviceXml for Input {
    const ELEMENT: &'static str = "input";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = supported_token(element, "type", "input device type")?;
        let kind = kind.ok_or_else(|| XmlError::internal("missing input device type"))?;
        let mut input = Self {
            kind,
            bus: supported_token(element, "bus", "input bus type")?,
            model: supported_token(element, "model", "input model")?,
            source: None,
            grab_all: false,
            grab_toggle: None,
            repeat: None,
            virtio: VirtioOptions::parse_below(element)?,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        };
        if let Some(source) = element.child("source") {
            input.parse_source(source)?;
            let needs = matches!(kind, InputType::Passthrough | InputType::Evdev);
            if needs && input.source.is_none() {
                return Err(XmlError::xml("Missing evdev path for input device"));
            }
        }
        Ok(input)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("input")
            .attr("type", self.kind)
            .attr_opt("bus", self.bus.filter(|b| *b != InputBus::None))
            .attr_opt("model", self.model);
        self.virtio.format_alone(w);
        if let Some(source) = &self.source {
            if self.kind == InputType::Passthrough {
                w.start("source").attr("evdev", source).end();
            } else {
                w.start("source")
                    .attr("dev", source)
                    .attr_opt("grab", self.grab_all.then_some(Grab::All))
                    .attr_opt("grabToggle", self.grab_toggle)
                    .attr_on_off("repeat", self.repeat)
                    .end();
            }
        }
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        let ps2 = matches!(self.kind, InputType::Mouse | InputType::Keyboard);
        if self.bus == Some(InputBus::Ps2) && !ps2 {
            return Err(XmlError::internal(format!("ps2 bus does not support {} input device", self.kind)));
        }
        if self.bus == Some(InputBus::Xen) {
            return Err(XmlError::internal("unsupported input bus xen"));
        }
        if let Some(model) = self.model.filter(|_| self.bus != Some(InputBus::Virtio)) {
            let text = format!("only bus 'virtio' is supported for input model '{model}'");
            return Err(XmlError::unsupported(text));
        }
        match (self.kind, self.bus) {
            (InputType::Passthrough, Some(bus)) if bus != InputBus::Virtio => {
                let text = "only bus 'virtio' is supported for 'passthrough' input devices";
                Err(XmlError::unsupported(text))
            }
            (InputType::Evdev, Some(bus)) if bus != InputBus::None => {
                Err(XmlError::unsupported("input evdev doesn't support bus element"))
            }
            _ => Ok(()),
        }
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl Input {
    fn parse_source(&mut self, source: &Element) -> Result<(), XmlError> {
        match self.kind {
            InputType::Passthrough => self.source = source.attr_string("evdev"),
            InputType::Evdev => {
                self.source = source.attr_string("dev");
                self.grab_all = source.attr_token::<Grab>("grab")?.is_some();
                self.grab_toggle = source.attr_token("grabToggle")?;
                self.repeat = source.attr_on_off("repeat")?;
            }
            InputType::Mouse | InputType::Tablet | InputType::Keyboard => {}
        }
        Ok(())
    }
}
