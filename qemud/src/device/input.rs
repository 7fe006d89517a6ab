//! Keyboards, mice, tablets.

use model::Token;
use model::domain::device::input::{Input, InputBus, InputModel, InputType};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::{Build, virtio_driver, virtio_options};
use crate::command::props::Props;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;
use crate::defaults::{DefaultsError, Part};

impl QemuDevice for Input {
    fn complete(&mut self, board: &Board<'_>) -> Result<(), DefaultsError> {
        if self.bus.is_none() {
            self.bus = Some(match self.kind {
                InputType::Mouse | InputType::Keyboard if board.x86() => InputBus::Ps2,
                InputType::Mouse | InputType::Keyboard | InputType::Tablet => InputBus::Usb,
                InputType::Passthrough => InputBus::Virtio,
                InputType::Evdev => InputBus::None,
            });
        }
        Ok(())
    }

    fn validate(&self, _check: &Check<'_>) -> Result<(), DefaultsError> {
        match (self.kind, self.bus) {
            (InputType::Mouse | InputType::Keyboard, Some(InputBus::Ps2)) => Ok(()),
            (kind, Some(InputBus::Ps2)) => {
                let kind = kind.as_str();
                Err(DefaultsError::internal(format!("ps2 bus does not support {kind} input device"))
                    .by(Part::Domain))
            }
            (_, Some(bus @ (InputBus::Xen | InputBus::Parallels))) => {
                let bus = bus.as_str();
                Err(DefaultsError::unsupported(format!("unsupported input bus {bus}")).by(Part::Domain))
            }
            (InputType::Passthrough, Some(bus)) if bus != InputBus::Virtio => {
                Err(DefaultsError::unsupported("passthrough input devices exist on the virtio bus only"))
            }
            _ if self.kind != InputType::Passthrough
                && matches!(
                    self.model,
                    Some(InputModel::VirtioTransitional | InputModel::VirtioNonTransitional)
                ) =>
            {
                let kind = self.kind.as_str();
                Err(DefaultsError::unsupported(format!(
                    "virtio (non-)transitional models are not supported for input type={kind}"
                )))
            }
            _ => Ok(()),
        }
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        let transitional = self.model == Some(InputModel::VirtioTransitional);
        (self.bus == Some(InputBus::Virtio)).then(|| board.virtio(transitional))
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        match (self.kind, self.bus) {
            (InputType::Evdev, _) => evdev(self, build),
            (_, Some(InputBus::Usb)) => usb(self, build),
            (_, Some(InputBus::Virtio)) => virtio(self, build),
            // PS/2 devices are part of the machine.
            _ => Ok(()),
        }
    }
}

fn evdev(input: &Input, build: &mut Build<'_>) -> Result<(), PlanError> {
    let alias = build.alias(&input.info)?;
    let props = Props::object("input-linux", &alias)
        .opt_str("evdev", input.source.as_deref())
        .opt("repeat", input.repeat)
        .flag("grab_all", input.grab_all)
        .opt_str("grab-toggle", input.grab_toggle.map(Token::as_str));
    if let Some(path) = &input.source {
        build.plan.label(path, false, true);
    }
    build.object(&props);
    Ok(())
}

fn usb(input: &Input, build: &mut Build<'_>) -> Result<(), PlanError> {
    let driver = match input.kind {
        InputType::Mouse => "usb-mouse",
        InputType::Tablet => "usb-tablet",
        InputType::Keyboard => "usb-kbd",
        other @ (InputType::Passthrough | InputType::Evdev) => {
            let kind = other.as_str();
            return Err(PlanError::unsupported(format!("input device '{kind}' cannot be on USB")));
        }
    };
    let alias = build.alias(&input.info)?;
    let props = build.place(Props::device(driver).str("id", &alias), &input.info)?;
    build.device(props)
}

fn virtio(input: &Input, build: &mut Build<'_>) -> Result<(), PlanError> {
    let base = match input.kind {
        InputType::Mouse => "virtio-mouse",
        InputType::Tablet => "virtio-tablet",
        InputType::Keyboard => "virtio-keyboard",
        InputType::Passthrough | InputType::Evdev => "virtio-input-host",
    };
    let alias = build.alias(&input.info)?;
    let driver = virtio_driver(base, input.model.map(Token::as_str), &input.info)?;
    let props = virtio_options(Props::device(&driver), &input.virtio)
        .str("id", &alias)
        .opt_str("evdev", input.source.as_deref().filter(|_| input.kind == InputType::Passthrough));
    if let Some(path) = &input.source {
        build.plan.label(path, false, true);
    }
    let props = build.place(props, &input.info)?;
    build.device(props)
}
