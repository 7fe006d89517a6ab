//! `<rng>`: random number generators.

use super::DeviceXml;
use super::chardev::{BackendType, Source};
use super::info::Allow;
use super::info::{DeviceInfo, VirtioOptions};
use super::words::supported_token;
use crate::Token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Number, Writer, XmlError};

/// Where bytes come from when no device is named.
const DEFAULT_SOURCE: &str = "/dev/random";

/// A random number generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rng {
    /// Model.
    pub model: RngModel,
    /// Where the bytes come from.
    pub backend: RngBackend,
    /// Bytes that the guest may take per period.
    pub rate: Option<RngRate>,
    /// virtio settings.
    pub virtio: VirtioOptions,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// Where random bytes come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RngBackend {
    /// A device of the host; when none is named, the usual one.
    Random(Option<String>),
    /// An entropy gathering daemon.
    Egd(Box<Source>),
    /// QEMU itself.
    Builtin,
}

/// `<rate>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RngRate {
    /// Bytes.
    pub bytes: u32,
    /// Milliseconds; none: 1000.
    pub period: Option<u32>,
}

tokens! {
    /// `model=`
    pub enum RngModel {
        Virtio = "virtio", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }

    /// `<backend model=>`
    pub enum RngBackendModel { Random = "random", Egd = "egd", Builtin = "builtin" }
}

impl DeviceXml for Rng {
    const ELEMENT: &'static str = "rng";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let model = supported_token(element, "model", "RNG model")?;
        let model = model.ok_or_else(|| XmlError::xml("missing RNG device model"))?;
        let rate = element.child("rate").map(RngRate::parse).transpose()?.flatten();
        let mut backends = element.children_named("backend");
        let (Some(backend), None) = (backends.next(), backends.next()) else {
            return Err(XmlError::xml("a rng device needs exactly one <backend>"));
        };
        Ok(Self {
            model,
            backend: RngBackend::parse(backend, options)?,
            rate,
            virtio: VirtioOptions::parse_below(element)?,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("rng").attr("model", self.model);
        if let Some(rate) = self.rate {
            w.start("rate").attr("bytes", rate.bytes).attr_opt("period", rate.period).end();
        }
        self.backend.format(w, options);
        self.virtio.format_alone(w);
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        match &self.backend {
            RngBackend::Egd(source) => source.validate(false),
            RngBackend::Random(_) | RngBackend::Builtin => Ok(()),
        }
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl RngBackend {
    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let model = supported_token(element, "model", "RNG backend model")?;
        Ok(match model.ok_or_else(|| XmlError::xml("missing RNG device backend model"))? {
            RngBackendModel::Random => {
                let path = Some(element.text()).filter(|t| !t.is_empty());
                Self::Random(path.or_else(|| Some(DEFAULT_SOURCE.to_owned())))
            }
            RngBackendModel::Egd => {
                let Some(word) = element.attr("type") else {
                    return Err(XmlError::xml("missing EGD backend type"));
                };
                let unknown = || XmlError::unsupported(format!("unknown backend type '{word}' for egd"));
                let kind = BackendType::from_word(word).ok_or_else(unknown)?;
                Self::Egd(Box::new(Source::parse_typed(element, kind, options)?))
            }
            RngBackendModel::Builtin => Self::Builtin,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("backend");
        match self {
            Self::Random(path) => {
                w.attr("model", RngBackendModel::Random);
                if let Some(path) = path {
                    w.text(path);
                }
            }
            Self::Egd(source) => {
                w.attr("model", RngBackendModel::Egd);
                source.format(w, options);
            }
            Self::Builtin => _ = w.attr("model", RngBackendModel::Builtin),
        }
        w.end();
    }
}

impl RngRate {
    /// None when no bytes are named: then there is no limit.
    fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let number = |name: &str| {
            let Some(text) = element.attr(name).filter(|text| !text.is_empty()) else { return Ok(None) };
            let number = u32::read(text, false);
            number.ok_or_else(|| XmlError::xml(format!("invalid RNG rate {name} value '{text}'"))).map(Some)
        };
        let bytes = number("bytes")?.filter(|n| *n > 0);
        let period = number("period")?.filter(|n| *n > 0);
        Ok(bytes.map(|bytes| Self { bytes, period }))
    }
}
