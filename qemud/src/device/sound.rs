//! Sound cards.

use model::domain::device::Device;
use model::domain::device::sound::{Sound, SoundCodec, SoundModel};

use super::QemuDevice;
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::props::Props;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;

impl QemuDevice for Sound {
    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        match self.model {
            SoundModel::Ich6 | SoundModel::Ich9 | SoundModel::Ac97 | SoundModel::Es1370 => Some(board.pci()),
            SoundModel::Ich7 => Some(Connect::NONE),
            SoundModel::Sb16 | SoundModel::Pcspk | SoundModel::Usb => None,
        }
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let audio = audio_id(self, build);
        let driver = match self.model {
            SoundModel::Es1370 => "ES1370",
            SoundModel::Ac97 => "AC97",
            SoundModel::Ich6 => "intel-hda",
            SoundModel::Ich9 => "ich9-intel-hda",
            SoundModel::Usb => "usb-audio",
            SoundModel::Sb16 => "sb16",
            SoundModel::Pcspk => {
                build.plan.option("-soundhw", "pcspk");
                return Ok(());
            }
            SoundModel::Ich7 => {
                return Err(PlanError::unsupported("sound card model 'ich7' is not supported in this QEMU"));
            }
        };
        let hda = matches!(self.model, SoundModel::Ich6 | SoundModel::Ich9);
        let props = Props::device(driver).str("id", &alias);
        let props = if hda { props } else { props.opt_str("audiodev", audio.as_deref()) };
        let props = build.place(props, &self.info)?;
        build.device(props)?;
        if hda { codecs(self, &alias, audio.as_deref(), build) } else { Ok(()) }
    }
}

/// The back end a card plays to: its own, else the first.
fn audio_id(sound: &Sound, build: &Build<'_>) -> Option<String> {
    let first = build.domain.devices.iter().find_map(|device| match device {
        Device::Audio(audio) => Some(audio.id),
        _ => None,
    });
    sound.audio_id.or(first).map(|id| format!("audio{id}"))
}

/// An HDA card without codecs gets one for both directions.
fn codecs(sound: &Sound, alias: &str, audio: Option<&str>, build: &mut Build<'_>) -> Result<(), PlanError> {
    let default = [SoundCodec::Duplex];
    let list = if sound.codecs.is_empty() { &default[..] } else { &sound.codecs };
    for (number, codec) in list.iter().enumerate() {
        let driver = match codec {
            SoundCodec::Duplex => "hda-duplex",
            SoundCodec::Micro => "hda-micro",
            SoundCodec::Output => "hda-output",
        };
        let props = Props::device(driver)
            .str("id", &format!("{alias}-codec{number}"))
            .str("bus", &format!("{alias}.0"))
            .set("cad", number)
            .opt_str("audiodev", audio);
        build.device(props)?;
    }
    Ok(())
}
