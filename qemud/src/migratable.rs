//! The form of a definition that older hosts understand (`VIR_DOMAIN_XML_MIGRATABLE`): without what is there
//! unsaid, because hosts that are older than the element would refuse it. Pure.
//!
//! What stands in a document as text of its own kind (listen addresses, sockets) is left out by the writer, see
//! `FormatOptions::migratable`.

use std::path::Path;

use model::domain::Domain as Definition;
use model::domain::device::audio::{Audio, AudioBackend, AudioDirection};
use model::domain::device::chardev::{Backend, Channel, ChannelTarget, Console, ConsoleTarget};
use model::domain::device::controller::{Controller, ControllerKind, ControllerType, PciModel, UsbModel};
use model::domain::device::graphics::{GraphicsKind, Listen};
use model::domain::device::info::is_user_alias;
use model::domain::device::input::{InputBus, InputType};
use model::domain::device::{Device, insert};
use model::domain::seclabel::{SecLabel, SecLabelType};

use crate::confine::seclabel::DAC;

/// `definition` without the devices that every host adds by itself: the PS/2 keyboard, and, where there is no
/// other of its kind and nothing is set that would be lost, the USB controller and the root bus of `pc` and the
/// sound back end that follows from the display.
///
/// Devices stand in the order of a document that was read, and consoles have the numbers of their places, as the
/// receiver will have them. Sockets of channels that a start has chosen are left to the receiver's
/// start.
pub fn migratable(definition: &Definition) -> Definition {
    let usb = is_pc(definition) && only(definition, ControllerType::Usb).is_some_and(is_default_usb);
    let root = only(definition, ControllerType::Pci).is_some_and(is_plain_root);
    let audio = only_audio(definition).is_some_and(|audio| is_implied(audio, definition));
    let stays = |device: &&Device| match device {
        Device::Controller(controller) => match controller.kind.kind() {
            ControllerType::Usb => !usb,
            ControllerType::Pci => !root,
            _ => true,
        },
        Device::Audio(_) => !audio,
        Device::Input(input) => !(input.kind == InputType::Keyboard && input.bus == Some(InputBus::Ps2)),
        _ => true,
    };
    let mut copy = definition.clone();
    copy.devices.clear();
    copy.seclabels.retain(|label| !is_own_label(label));
    let mut consoles = 0..;
    for device in definition.devices.iter().filter(stays) {
        let mut device = device.clone();
        match &mut device {
            Device::Console(console) => {
                console.port = consoles.next().map(|place| number(console, place, definition))
            }
            Device::Channel(channel) => forget_socket(channel),
            Device::Graphics(graphics) => graphics.listens.iter_mut().for_each(forget_address),
            _ => {}
        }
        insert(&mut copy.devices, device);
    }
    copy
}

/// A label that the host gives to every guest; the other host gives its own.
fn is_own_label(label: &SecLabel) -> bool {
    label.kind == Some(SecLabelType::Dynamic)
        && label.model.as_deref() == Some(DAC)
        && label.base_label.is_none()
}

/// A console has the number of its place; the first one that is a serial port has that port's.
fn number(console: &Console, place: u32, definition: &Definition) -> u32 {
    let mut serials = definition.devices.iter().filter_map(|device| match device {
        Device::Serial(serial) => serial.port,
        _ => None,
    });
    let is_serial = place == 0 && console.target_type == Some(ConsoleTarget::Serial);
    serials.next().filter(|_| is_serial).unwrap_or(place)
}

/// Drop an address that this host's qemu.conf gave: the receiver has its own.
fn forget_address(listen: &mut Listen) {
    if let Listen::Address { from_config: true, .. } = listen {
        *listen = Listen::Address { address: None, from_config: false };
    }
}

/// Drop the path of the channel's socket if a start has chosen it: `…/channel/target/domain-ID-NAME/PORT`.
fn forget_socket(channel: &mut Channel) {
    let ChannelTarget::Virtio { .. } = channel.target else { return };
    if let Backend::Unix(unix) = &mut channel.source.backend
        && unix.path.as_deref().and_then(|path| Path::new(path).parent()).is_some_and(is_guest_dir)
    {
        unix.path = None;
    }
}

fn is_guest_dir(dir: &Path) -> bool {
    let of_guest =
        dir.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.starts_with("domain-"));
    of_guest && dir.parent().is_some_and(|above| above.ends_with("channel/target"))
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

/// Whether the root of PCI is that of the i440fx machines, which have the USB controller on board.
fn is_pc(definition: &Definition) -> bool {
    definition.devices.iter().any(|device| match device {
        Device::Controller(controller) => match &controller.kind {
            ControllerKind::Pci(pci) => pci.model == Some(PciModel::PciRoot),
            _ => false,
        },
        _ => false,
    })
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
        && pci.extra.pcihole64.is_none()
        && !has_user_alias(root)
}

fn has_user_alias(controller: &Controller) -> bool {
    controller.info.alias.as_deref().is_some_and(is_user_alias)
}

/// Whether a host would add this back end for the displays that the guest has.
fn is_implied(audio: &Audio, definition: &Definition) -> bool {
    let plain = AudioDirection::default();
    audio.id == 1
        && audio.timer_period.is_none()
        && implied_backend(definition).as_ref() == Some(&audio.backend)
        && *audio.input == plain
        && *audio.output == plain
}

/// The back end of the last display that has a say; none at all where there is no display.
fn implied_backend(definition: &Definition) -> Option<AudioBackend> {
    let mut displays = definition.devices.iter().rev().filter_map(|device| match device {
        Device::Graphics(graphics) => Some(&graphics.kind),
        _ => None,
    });
    if displays.clone().next().is_none() {
        return Some(AudioBackend::None);
    }
    displays.find_map(|kind| match kind {
        GraphicsKind::Spice(_) => Some(AudioBackend::Spice),
        GraphicsKind::Vnc(_) => Some(AudioBackend::None),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use model::domain::ParseOptions;

    use super::*;

    fn kinds(devices: &str) -> Vec<String> {
        let text = format!(
            "<domain type='qemu'><name>g</name><uuid>4dea22b3-1d52-d8f3-2516-782e98ab3fa0</uuid><memory>65536</memory>
             <os><type arch='x86_64' machine='pc'>hvm</type></os><devices>{devices}</devices></domain>"
        );
        let read = Definition::parse_str(&text, &ParseOptions::default()).unwrap();
        migratable(&read).devices.iter().map(short).collect()
    }

    fn short(device: &Device) -> String {
        match device {
            Device::Controller(c) => format!("{}{}", c.kind.kind(), c.index.unwrap()),
            Device::Console(c) => format!("console{}", c.port.unwrap()),
            Device::Channel(c) => match &c.source.backend {
                Backend::Unix(unix) => format!("channel {:?}", unix.path),
                other => panic!("{other:?}"),
            },
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
        assert_eq!(
            kinds(&format!("{ROOT}{USB}<controller type='usb' index='1' model='piix3-uhci'/>")),
            ["usb0", "usb1"]
        );
        assert_eq!(
            kinds(&format!("{ROOT}<controller type='pci' index='1' model='pci-bridge'/>")),
            ["pci0", "pci1"]
        );
    }

    #[test]
    fn what_would_be_lost_keeps_a_controller() {
        let alias = "<alias name='ua-mine'/>";
        for controller in [
            &format!("{ROOT}<controller type='usb' index='0' model='piix3-uhci'>{alias}</controller>"),
            &format!("{ROOT}<controller type='usb' index='1' model='piix3-uhci'/>"),
            &format!("{ROOT}<controller type='usb' index='0' model='qemu-xhci'/>"),
            USB,
            &format!("<controller type='pci' index='0' model='pci-root'>{alias}</controller>"),
            "<controller type='pci' index='0' model='pci-root'><pcihole64>1024</pcihole64></controller>",
            "<controller type='pci' index='0' model='pcie-root'/>",
        ] {
            assert_eq!(kinds(controller).len(), 1, "{controller}");
        }
    }

    #[test]
    fn sound_goes_only_where_the_display_implies_it() {
        let (spice, vnc) = ("<graphics type='spice'/>", "<graphics type='vnc'/>");
        assert_eq!(kinds(&format!("{spice}{vnc}<audio id='1' type='none'/>")), ["graphics", "graphics"]);
        assert_eq!(kinds(&format!("{vnc}{spice}<audio id='1' type='spice'/>")), ["graphics", "graphics"]);
        assert_eq!(
            kinds("<graphics type='egl-headless'/><audio id='1' type='none'/>"),
            ["graphics", "audio"]
        );
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

    #[test]
    fn what_a_start_chose_is_left_to_the_next() {
        let channel = |path: &str| {
            format!(
                "<channel type='unix'><source mode='bind' path='{path}'/><target type='virtio' name='a'/></channel>"
            )
        };
        assert_eq!(kinds(&channel("/var/lib/libvirt/qemu/channel/target/domain-1-g/a")), ["channel None"]);
        assert_eq!(kinds(&channel("/own/a")), ["channel Some(\"/own/a\")"]);
    }

    #[test]
    fn consoles_have_the_numbers_of_their_places() {
        let console = "<console type='pty'><target type='virtio' port='0'/></console>";
        assert_eq!(kinds(&format!("{console}{console}")), ["console0", "console1"]);
    }
}
