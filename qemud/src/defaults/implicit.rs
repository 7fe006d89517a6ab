//! Devices every machine has though no document names them: input, balloon, video, sound back end.

use model::Rare;
use model::domain::Domain;
use model::domain::device::audio::{Audio, AudioBackend};
use model::domain::device::graphics::GraphicsKind;
use model::domain::device::info::{DeviceInfo, VirtioOptions};
use model::domain::device::input::{Input, InputBus, InputType};
use model::domain::device::memballoon::{Memballoon, MemballoonModel};
use model::domain::device::video::{Video, VideoModel};
use model::domain::device::{Device, insert};

use super::Board;

/// Balloon and sound back end.
pub(super) fn before_devices(domain: &mut Domain, board: &Board<'_>) {
    if board.x86() && !domain.devices.iter().any(|device| matches!(device, Device::Memballoon(_))) {
        insert(
            &mut domain.devices,
            Memballoon {
                model: MemballoonModel::Virtio,
                autodeflate: None,
                free_page_reporting: None,
                stats_period: None,
                virtio: VirtioOptions::default(),
                info: DeviceInfo::default(),
            }
            .into(),
        );
    }
    audio(domain, board);
    if board.x86() {
        input(domain, InputType::Mouse);
        input(domain, InputType::Keyboard);
    }
}

/// A display needs a card; the first card is the primary one.
pub(super) fn after_devices(domain: &mut Domain) {
    let graphics = domain.devices.iter().any(|device| matches!(device, Device::Graphics(_)));
    let video = domain.devices.iter().any(|device| matches!(device, Device::Video(_)));
    if graphics && !video {
        insert(&mut domain.devices, Video { heads: Some(1), ..Video::default() }.into());
    }
    let primary =
        domain.devices.iter().position(|device| matches!(device, Device::Video(video) if video.primary));
    let first = domain.devices.iter().position(|device| matches!(device, Device::Video(_)));
    match (primary, first) {
        (None, Some(first)) => {
            if let Device::Video(video) = &mut domain.devices[first] {
                video.primary = video.model != Some(VideoModel::None);
            }
        }
        (Some(primary), Some(first)) if primary != first => domain.devices[first..=primary].rotate_right(1),
        _ => {}
    }
}

/// PS/2 devices come with the machine.
fn input(domain: &mut Domain, kind: InputType) {
    let there = domain.devices.iter().any(|device| {
        matches!(device, Device::Input(input)
            if input.kind == kind && matches!(input.bus, None | Some(InputBus::Ps2)))
    });
    if !there {
        insert(
            &mut domain.devices,
            Input {
                kind,
                bus: Some(InputBus::Ps2),
                model: None,
                source: None,
                grab_all: false,
                grab_toggle: None,
                repeat: None,
                virtio: VirtioOptions::default(),
                info: DeviceInfo::default(),
            }
            .into(),
        );
    }
}

/// The back end that goes with the display: SPICE carries sound, VNC only when the host's sound is allowed.
fn audio(domain: &mut Domain, board: &Board<'_>) {
    if domain.devices.iter().any(|device| matches!(device, Device::Audio(_))) {
        return;
    }
    let mut displays = domain.devices.iter().filter_map(|device| match device {
        Device::Graphics(graphics) => Some(&graphics.kind),
        _ => None,
    });
    let none = displays.clone().next().is_none();
    // The last display that has a say decides.
    let backend = displays.clone().rev().find_map(|kind| match kind {
        GraphicsKind::Spice(_) => Some(AudioBackend::Spice),
        GraphicsKind::Vnc(_) => Some(AudioBackend::None),
        _ => None,
    });
    let Some(backend) = backend.or(none.then_some(AudioBackend::None)) else { return };
    if board.host.conf.vnc_host_audio && displays.any(|kind| matches!(kind, GraphicsKind::Vnc(_))) {
        return;
    }
    insert(
        &mut domain.devices,
        Audio { id: 1, timer_period: None, backend, input: Rare::default(), output: Rare::default() }.into(),
    );
}
