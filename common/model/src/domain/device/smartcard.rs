//! `<smartcard>`: smart card readers.

use super::DeviceXml;
use super::address::Address;
use super::chardev::Source;
use super::info::Allow;
use super::info::DeviceInfo;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A smart card reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Smartcard {
    /// Whose card is in it.
    pub kind: SmartcardKind,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// `mode=`
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SmartcardKind {
    /// `host`: a reader of the host.
    Host,
    /// `host-certificates`: three certificates of a database.
    HostCertificates {
        /// Names of the certificates.
        certificates: [String; 3],
        /// Directory of the database; none: the system's.
        database: Option<String>,
    },
    /// `passthrough`: somebody else's.
    Passthrough(Box<Source>),
}

tokens! {
    /// `mode=`
    pub enum SmartcardMode {
        Host = "host", HostCertificates = "host-certificates", Passthrough = "passthrough",
    }
}

impl DeviceXml for Smartcard {
    const ELEMENT: &'static str = "smartcard";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = match element.require_token("mode")? {
            SmartcardMode::Host => SmartcardKind::Host,
            SmartcardMode::HostCertificates => SmartcardKind::parse_certificates(element)?,
            SmartcardMode::Passthrough => {
                if element.attr("type").is_none() {
                    return Err(XmlError::xml("passthrough mode requires a character device type attribute"));
                }
                SmartcardKind::Passthrough(Box::new(Source::parse(element, options)?))
            }
        };
        Ok(Self { kind, info: DeviceInfo::parse(element, options, Allow::NOTHING)? })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("smartcard");
        match &self.kind {
            SmartcardKind::Host => _ = w.attr("mode", SmartcardMode::Host),
            SmartcardKind::HostCertificates { certificates, database } => {
                w.attr("mode", SmartcardMode::HostCertificates);
                for certificate in certificates {
                    w.text_element("certificate", certificate);
                }
                w.text_element_opt("database", database.as_ref());
            }
            SmartcardKind::Passthrough(source) => {
                w.attr("mode", SmartcardMode::Passthrough);
                source.format(w, options);
            }
        }
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        if self.info.address.as_ref().is_some_and(|a| !matches!(a, Address::Ccid { .. })) {
            return Err(XmlError::unsupported("Controllers must use the 'ccid' address type"));
        }
        match &self.kind {
            SmartcardKind::Passthrough(source) => source.validate(false),
            SmartcardKind::Host | SmartcardKind::HostCertificates { .. } => Ok(()),
        }
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl SmartcardKind {
    fn parse_certificates(element: &Element) -> Result<Self, XmlError> {
        let names: Vec<_> = element.children_named("certificate").map(Element::text).collect();
        let certificates = names
            .try_into()
            .map_err(|_| XmlError::xml("host-certificates mode needs exactly three certificates"))?;
        let database = element.child_text("database");
        if let Some(path) = database.as_ref().filter(|d| !d.starts_with('/')) {
            return Err(XmlError::xml(format!("expecting absolute path: {path}")));
        }
        Ok(Self::HostCertificates { certificates, database })
    }
}
