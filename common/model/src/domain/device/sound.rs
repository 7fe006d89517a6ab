//! `<sound>`: sound cards.

use super::DeviceXml;
use super::info::Allow;
use super::info::DeviceInfo;
use crate::Token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A sound card.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sound {
    /// Model.
    pub model: SoundModel,
    /// Codecs of an HDA card.
    pub codecs: Vec<SoundCodec>,
    /// Number of the `<audio>` it plays to.
    pub audio_id: Option<u32>,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `model=`
    pub enum SoundModel {
        Sb16 = "sb16", Es1370 = "es1370", Pcspk = "pcspk", Ac97 = "ac97", Ich6 = "ich6", Ich9 = "ich9",
        Usb = "usb", Ich7 = "ich7",
    }

    /// `<codec type=>`
    pub enum SoundCodec { Duplex = "duplex", Micro = "micro", Output = "output" }
}

impl DeviceXml for Sound {
    const ELEMENT: &'static str = "sound";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let model = element.require_token("model")?;
        let mut codecs = Vec::new();
        if matches!(model, SoundModel::Ich6 | SoundModel::Ich9) {
            for codec in element.children_named("codec") {
                codecs.push(codec_type(codec)?);
            }
        }
        let audio_id = element.child("audio").map(|a| a.require_positive("id")).transpose()?;
        let info = DeviceInfo::parse(element, options, Allow::NOTHING)?;
        Ok(Self { model, codecs, audio_id, info })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("sound").attr("model", self.model);
        for codec in &self.codecs {
            w.start("codec").attr("type", codec).end();
        }
        if let Some(id) = self.audio_id {
            w.start("audio").attr("id", id).end();
        }
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

fn codec_type(codec: &Element) -> Result<SoundCodec, XmlError> {
    let word = codec.attr("type");
    let unknown = || XmlError::unsupported(format!("unknown codec type '{}'", word.unwrap_or("(null)")));
    word.and_then(SoundCodec::from_word).ok_or_else(unknown)
}
