//! The form of a definition that older hosts understand (`VIR_DOMAIN_XML_MIGRATABLE`): without what is there
//! unsaid, because hosts that are older than the element would refuse it. Pure.
//!
//! What stands in a document as text of its own kind (listen addresses, sockets) is left out by the writer, see
//! `FormatOptions::migratable`.

use model::domain::device::Device;
use model::domain::device::audio::{Audio, AudioBackend, AudioDirection};
use model::domain::device::controller::{Controller, ControllerKind, ControllerType, PciModel, UsbModel};
use model::domain::device::graphics::GraphicsKind;
use model::domain::device::info::is_user_alias;
use model::domain::device::input::{InputBus, InputType};
use model::domain::{Domain as Definition, FormatOptions, ParseOptions};
use model::xml::XmlError;

/// `definition` without the devices that every host adds by itself: the PS/2 keyboard, and, where there is no
/// other of its kind and nothing is set that would be lost, the USB controller and the root bus of `pc` and the
/// sound back end that follows from the display.
///
/// The answer has its devices in the order of a document that was read, as the receiver will have them.
///
/// # Errors
/// The definition does not read back as it was written.
pub fn migratable(definition: &Definition) -> Result<Definition, XmlError> {
    let mut copy = Definition::parse_str(&definition.format(&FormatOptions::STORED), &ParseOptions::default())?;
    let usb = only(&copy, ControllerType::Usb).is_some_and(is_default_usb);
    let root = only(&copy, ControllerType::Pci).is_some_and(is_plain_root);
    let audio = only_audio(&copy).is_some_and(|audio| is_implied(audio, &copy));
    copy.devices.retain(|device| match device {
        Device::Controller(controller) => match controller.kind.kind() {
            ControllerType::Usb => !usb,
            ControllerType::Pci => !root,
            _ => true,
        },
        Device::Audio(_) => !audio,
        Device::Input(input) => !(input.kind == InputType::Keyboard && input.bus == Some(InputBus::Ps2)),
        _ => true,
    });
    Ok(copy)
}

/// The controller of a kind if there is one and not more.
fn only(definition: &Definition, kind: ControllerType) -> Option<&Controller> {
    let mut found = definition.devices.iter().filter_map(|device| match device {
        Device::Controller(controller) if controller.kind.kind() == kind => Some(&**controller),
        _ => None,
    });
    found.next().filter(|_| found.next().is_none())
}

fn only_audio(definition: &Definition) -> Option<&Audio> {
    let mut found = definition.devices.iter().filter_map(|device| match device {
        Device::Audio(audio) => Some(&**audio),
        _ => None,
    });
    found.next().filter(|_| found.next().is_none())
}

fn is_default_usb(usb: &Controller) -> bool {
    usb.index == Some(0)
        && matches!(usb.kind, ControllerKind::Usb { model: Some(UsbModel::Piix3Uhci), .. })
        && !has_user_alias(usb)
}

fn is_plain_root(root: &Controller) -> bool {
    let ControllerKind::Pci(pci) = &root.kind else { return false };
    root.index == Some(0)
        && pci.model == Some(PciModel::PciRoot)
        && pci.pcihole64.is_none()
        && !has_user_alias(root)
}

fn has_user_alias(controller: &Controller) -> bool {
    controller.info.alias.as_deref().is_some_and(is_user_alias)
}

/// Whether a host would add this back end for the displays that the guest has.
fn is_implied(audio: &Audio, definition: &Definition) -> bool {
    let spice = definition.devices.iter().any(|device| match device {
        Device::Graphics(graphics) => matches!(graphics.kind, GraphicsKind::Spice(_)),
        _ => false,
    });
    let backend = if spice { AudioBackend::Spice } else { AudioBackend::None };
    let plain = AudioDirection::default();
    audio.id == 1
        && audio.timer_period.is_none()
        && audio.backend == backend
        && audio.input == plain
        && audio.output == plain
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(devices: &str) -> Vec<String> {
        let text = format!(
            "<domain type='qemu'><name>g</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><memory>65536</memory>
             <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{devices}</devices></domain>"
        );
        let definition = Definition::parse_str(&text, &ParseOptions::default()).unwrap();
        migratable(&definition).unwrap().devices.iter().map(short).collect()
    }

    fn short(device: &Device) -> String {
        match device {
            Device::Controller(c) => format!("{}{}", c.kind.kind(), c.index.unwrap()),
            other => other.element().to_owned(),
        }
    }

    const USB: &str = "<controller type='usb' index='0' model='piix3-uhci'/>";
    const ROOT: &str = "<controller type='pci' index='0' model='pci-root'/>";

    #[test]
    fn what_every_host_adds_is_left_out() {
        let all = format!(
            "{USB}{ROOT}<input type='mouse' bus='ps2'/><input type='keyboard' bus='ps2'/><audio id='1' type='none'/>"
        );
        assert_eq!(kinds(&all), ["input"]);
    }

    #[test]
    fn a_controller_beside_another_of_its_kind_stays() {
        assert_eq!(kinds(&format!("{USB}<controller type='usb' index='1' model='piix3-uhci'/>")), ["usb0", "usb1"]);
        assert_eq!(kinds(&format!("{ROOT}<controller type='pci' index='1' model='pci-bridge'/>")), ["pci0", "pci1"]);
    }

    #[test]
    fn what_would_be_lost_keeps_a_controller() {
        let alias = "<alias name='ua-mine'/>";
        for controller in [
            &format!("<controller type='usb' index='0' model='piix3-uhci'>{alias}</controller>"),
            "<controller type='usb' index='1' model='piix3-uhci'/>",
            "<controller type='usb' index='0' model='qemu-xhci'/>",
            &format!("<controller type='pci' index='0' model='pci-root'>{alias}</controller>"),
            "<controller type='pci' index='0' model='pci-root'><pcihole64>1024</pcihole64></controller>",
            "<controller type='pci' index='0' model='pcie-root'/>",
        ] {
            assert_eq!(kinds(controller).len(), 1, "{controller}");
        }
    }

    #[test]
    fn sound_goes_only_where_the_display_implies_it() {
        let spice = "<graphics type='spice'/>";
        assert_eq!(kinds(&format!("{spice}<audio id='1' type='spice'/>")), ["graphics"]);
        assert_eq!(kinds(&format!("{spice}<audio id='1' type='none'/>")), ["graphics", "audio"]);
        for audio in [
            "<audio id='2' type='none'/>",
            "<audio id='1' type='none' timerPeriod='50'/>",
            "<audio id='1' type='none'><input voices='2'/></audio>",
            "<audio id='1' type='oss'/>",
        ] {
            assert_eq!(kinds(audio), ["audio"], "{audio}");
        }
        assert_eq!(kinds("<audio id='1' type='none'/><audio id='2' type='none'/>"), ["audio", "audio"]);
    }
}
