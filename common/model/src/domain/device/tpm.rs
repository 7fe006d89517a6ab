//! `<tpm>`: trusted platform modules.

use uuid::Uuid;

use super::DeviceXml;
use super::chardev::{Backend, BackendType, Source};
use super::info::Allow;
use super::info::DeviceInfo;
use crate::Token;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// The host's TPM when none is named.
const DEFAULT_DEVICE: &str = "/dev/tpm0";

/// A TPM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tpm {
    /// Model; none: the driver's choice.
    pub model: Option<TpmModel>,
    /// Who does the work.
    pub backend: TpmBackend,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// Who does the work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TpmBackend {
    /// The host's TPM.
    Passthrough {
        /// Path of the device.
        device: Option<String>,
    },
    /// swtpm, run by the driver.
    Emulator(TpmEmulator),
    /// swtpm or another, run by somebody else.
    External {
        /// Its socket.
        source: Source,
    },
}

/// `<backend type='emulator'>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TpmEmulator {
    /// Version; none: the driver's choice.
    pub version: Option<TpmVersion>,
    /// UUID of the secret that encrypts the state.
    pub encryption_secret: Option<Uuid>,
    /// Whether the state of a transient guest is kept.
    pub persistent_state: Option<bool>,
    /// Banks to switch on.
    pub active_pcr_banks: Vec<TpmPcrBank>,
}

tokens! {
    /// `model=`
    pub enum TpmModel {
        Tis = "tpm-tis", Crb = "tpm-crb", Spapr = "tpm-spapr", SpaprProxy = "spapr-tpm-proxy",
    }

    /// `<backend type=>`
    pub enum TpmBackendType { Passthrough = "passthrough", Emulator = "emulator", External = "external" }

    /// `version=`
    pub enum TpmVersion { V1_2 = "1.2", V2_0 = "2.0" }

    /// Elements of `<active_pcr_banks>`.
    pub enum TpmPcrBank { Sha1 = "sha1", Sha256 = "sha256", Sha384 = "sha384", Sha512 = "sha512" }
}

impl DeviceXml for Tpm {
    const ELEMENT: &'static str = "tpm";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let model = element.attr_token("model")?;
        let mut backends = element.children_named("backend");
        let backend = match (backends.next(), backends.next()) {
            (Some(backend), None) => TpmBackend::parse(backend, options)?,
            (None, _) => return Err(XmlError::xml("missing TPM device backend")),
            _ => return Err(XmlError::xml("only one TPM backend is supported")),
        };
        Ok(Self { model, backend, info: DeviceInfo::parse(element, options, Allow::NOTHING)? })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("tpm").attr_opt("model", self.model);
        w.start("backend");
        match &self.backend {
            TpmBackend::Passthrough { device } => {
                w.attr("type", TpmBackendType::Passthrough);
                w.start("device").attr_opt("path", device.as_ref()).end();
            }
            TpmBackend::Emulator(emulator) => emulator.format(w),
            TpmBackend::External { source } => {
                w.attr("type", TpmBackendType::External);
                source.format_typed(w, options);
            }
        }
        w.end();
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        match &self.backend {
            TpmBackend::Emulator(emulator) => {
                let banks = !emulator.active_pcr_banks.is_empty();
                if banks && emulator.version == Some(TpmVersion::V1_2) {
                    return Err(XmlError::xml("<active_pcr_banks/> requires TPM version '2.0'"));
                }
            }
            TpmBackend::External { source: Source { backend: Backend::Unix(unix), .. } } => {
                if unix.listen {
                    return Err(XmlError::xml("only 'client' mode is supported for external TPM device"));
                }
                if unix.path.is_none() {
                    return Err(XmlError::xml("missing socket path for external TPM device"));
                }
            }
            TpmBackend::External { .. } | TpmBackend::Passthrough { .. } => {}
        }
        Ok(())
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl TpmBackend {
    fn parse(backend: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        Ok(match backend.require_token("type")? {
            TpmBackendType::Passthrough => {
                let device = backend.child("device").and_then(|d| d.attr_string("path"));
                Self::Passthrough { device: Some(device.unwrap_or_else(|| DEFAULT_DEVICE.to_owned())) }
            }
            TpmBackendType::Emulator => Self::Emulator(TpmEmulator::parse(backend)?),
            TpmBackendType::External => {
                let Some(source) = backend.child("source") else {
                    return Err(XmlError::xml("missing chardev source for external TPM"));
                };
                let kind = source.require_token("type")?;
                if kind != BackendType::Unix {
                    return Err(XmlError::xml(
                        "only source type 'unix' is supported for external TPM device",
                    ));
                }
                Self::External { source: Source::parse_typed(backend, kind, options)? }
            }
        })
    }
}

impl TpmEmulator {
    fn parse(backend: &Element) -> Result<Self, XmlError> {
        let mut emulator = Self {
            version: backend.attr_token("version")?,
            persistent_state: backend
                .attr_yes_no("persistent_state")
                .map_err(|_| XmlError::internal("Invalid persistent_state value, either 'yes' or 'no'"))?,
            ..Self::default()
        };
        if let Some(secret) = backend.child("encryption").and_then(|e| e.attr("secret")) {
            let bad = |_| XmlError::internal(format!("malformed uuid '{secret}'"));
            emulator.encryption_secret = Some(Uuid::parse_str(secret).map_err(bad)?);
        }
        for bank in backend.child("active_pcr_banks").into_iter().flat_map(Element::elements) {
            let unknown = || XmlError::unsupported(format!("Unsupported PCR banks '{}'", bank.name));
            emulator.active_pcr_banks.push(TpmPcrBank::from_word(&bank.name).ok_or_else(unknown)?);
        }
        emulator.active_pcr_banks.sort();
        emulator.active_pcr_banks.dedup();
        Ok(emulator)
    }

    fn format(&self, w: &mut Writer) {
        w.attr("type", TpmBackendType::Emulator)
            .attr_opt("version", self.version)
            .attr_yes_no("persistent_state", self.persistent_state);
        if let Some(secret) = self.encryption_secret {
            w.start("encryption").attr("secret", secret).end();
        }
        w.start("active_pcr_banks");
        for bank in &self.active_pcr_banks {
            w.empty(bank.as_str());
        }
        w.end_or_drop();
    }
}
