//! `keywrap` and `launchSecurity`: what keeps a guest from its host.

use crate::Token;
use crate::xml::{Element, Writer, XmlError};

tokens! {
    /// Key wrapping of s390.
    pub enum KeyWrapCipher { Aes = "aes", Dea = "dea" }
}

/// `keywrap`; `None`: the host's default.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct KeyWrap {
    /// AES keys.
    pub aes: Option<bool>,
    /// DEA keys.
    pub dea: Option<bool>,
}

/// `launchSecurity`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LaunchSecurity {
    /// AMD Secure Encrypted Virtualization.
    Sev(Sev),
    /// IBM protected virtualization.
    S390Pv,
}

/// Settings of SEV.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sev {
    /// Hashes of kernel, initrd and command line are measured.
    pub kernel_hashes: Option<bool>,
    /// Place of the bit that marks encrypted memory.
    pub cbitpos: Option<u32>,
    /// Bits of the physical address that are lost.
    pub reduced_phys_bits: Option<u32>,
    /// Policy bits.
    pub policy: u32,
    /// Guest owner's Diffie-Hellman certificate, base64.
    pub dh_cert: Option<String>,
    /// Session of the guest owner, base64.
    pub session: Option<String>,
}

impl KeyWrap {
    pub(super) fn parse(domain: &Element) -> Result<Option<Self>, XmlError> {
        let Some(e) = domain.child("keywrap") else { return Ok(None) };
        let mut wrap = Self::default();
        for c in e.children_named("cipher") {
            let name: KeyWrapCipher = c.require_token("name")?;
            let state = c.attr_on_off("state")?.ok_or_else(|| XmlError::missing_attr("cipher", "state"))?;
            let slot = match name {
                KeyWrapCipher::Aes => &mut wrap.aes,
                KeyWrapCipher::Dea => &mut wrap.dea,
            };
            if slot.replace(state).is_some() {
                let text =
                    format!("A domain definition can have no more than one cipher node with name {name}");
                return Err(XmlError::internal(text));
            }
        }
        Ok(Some(wrap).filter(|w| *w != Self::default()))
    }

    pub(super) fn format(self, w: &mut Writer) {
        w.start("keywrap");
        for (cipher, state) in [(KeyWrapCipher::Aes, self.aes), (KeyWrapCipher::Dea, self.dea)] {
            if state.is_some() {
                w.start("cipher").attr("name", cipher.as_str()).attr_on_off("state", state).end();
            }
        }
        w.end_or_drop();
    }
}

impl LaunchSecurity {
    pub(super) fn parse(domain: &Element) -> Result<Option<Self>, XmlError> {
        let Some(e) = domain.child("launchSecurity") else { return Ok(None) };
        match e.require("type")? {
            "sev" => Sev::parse(e).map(|sev| Some(Self::Sev(sev))),
            "s390-pv" => Ok(Some(Self::S390Pv)),
            other => Err(XmlError::bad_attr("launchSecurity", "type", other)),
        }
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("launchSecurity");
        match self {
            Self::S390Pv => _ = w.attr("type", "s390-pv"),
            Self::Sev(sev) => {
                w.attr("type", "sev").attr_yes_no("kernelHashes", sev.kernel_hashes);
                w.text_element_opt("cbitpos", sev.cbitpos);
                w.text_element_opt("reducedPhysBits", sev.reduced_phys_bits);
                w.text_element("policy", format_args!("{:#06x}", sev.policy));
                w.text_element_opt("dhCert", sev.dh_cert.as_ref());
                w.text_element_opt("session", sev.session.as_ref());
            }
        }
        w.end();
    }
}

impl Sev {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let policy = e.child_text("policy").and_then(|p| hex(&p));
        let Some(policy) = policy else {
            return Err(XmlError::xml("failed to get launch security policy"));
        };
        Ok(Self {
            kernel_hashes: e.attr_yes_no("kernelHashes")?,
            cbitpos: e.child_num("cbitpos")?,
            reduced_phys_bits: e.child_num("reducedPhysBits")?,
            policy,
            dh_cert: e.child_text("dhCert"),
            session: e.child_text("session"),
        })
    }
}

/// The policy is hexadecimal also without a prefix.
fn hex(text: &str) -> Option<u32> {
    u32::from_str_radix(text.strip_prefix("0x").unwrap_or(text), 16).ok()
}
