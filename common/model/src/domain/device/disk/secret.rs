//! `<auth>` and `<encryption>`, also of storage pools and volumes.

use uuid::Uuid;

use super::source::{
    Cipher, Encryption, EncryptionEngine, EncryptionFormat, EncryptionSecret, EncryptionSecretType, IvGen,
    SecretRef, SecretUsageType, StorageAuth,
};
use crate::Token;
use crate::xml::{Element, Writer, XmlError};

impl StorageAuth {
    /// Reads `<auth>`.
    pub fn parse(element: &Element) -> Result<Self, XmlError> {
        let username = element.attr_string("username").filter(|u| !u.is_empty());
        let username = username.ok_or_else(|| XmlError::xml("missing username for auth"))?;
        let secret =
            element.child("secret").ok_or_else(|| XmlError::xml("Missing <secret> element in auth"))?;
        let word = secret.attr("type");
        let unknown = || XmlError::unsupported(format!("unknown secret type '{}'", word.unwrap_or("<null>")));
        let secret_type = word.and_then(SecretUsageType::from_word).ok_or_else(unknown)?;
        Ok(Self { username, secret_type, secret: SecretRef::parse(secret)? })
    }

    /// Writes `<auth>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("auth").attr("username", &self.username);
        w.start("secret").attr("type", self.secret_type);
        self.secret.format_attr(w);
        w.end().end();
    }
}

impl SecretRef {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        match (element.attr("uuid"), element.attr("usage")) {
            (Some(uuid), None) => Uuid::parse_str(uuid)
                .map(Self::Uuid)
                .map_err(|_| XmlError::xml(format!("invalid secret uuid '{uuid}'"))),
            (None, Some(usage)) => Ok(Self::Usage(usage.to_owned())),
            (None, None) => Err(XmlError::xml("missing auth secret uuid or usage attribute")),
            (Some(_), Some(_)) => Err(XmlError::xml("either auth secret uuid or usage expected")),
        }
    }

    fn format_attr(&self, w: &mut Writer) {
        match self {
            Self::Uuid(uuid) => w.attr("uuid", uuid),
            Self::Usage(usage) => w.attr("usage", usage),
        };
    }
}

impl Encryption {
    /// Reads `<encryption>`.
    pub fn parse(element: &Element) -> Result<Self, XmlError> {
        let format =
            element.attr("format").ok_or_else(|| XmlError::xml("unknown volume encryption format"))?;
        let unknown = || XmlError::unsupported(format!("unknown volume encryption format type {format}"));
        let format = EncryptionFormat::from_word(format).ok_or_else(unknown)?;
        let engine = element.attr_token::<EncryptionEngine>("engine")?;
        let secrets =
            element.children_named("secret").map(EncryptionSecret::parse).collect::<Result<_, _>>()?;
        let takes_cipher = matches!(format, EncryptionFormat::Luks | EncryptionFormat::Luks2);
        let cipher = element.child("cipher").filter(|_| takes_cipher).map(Cipher::parse).transpose()?;
        let ivgen = element.child("ivgen").filter(|_| cipher.is_some()).map(IvGen::parse).transpose()?;
        Ok(Self { format, engine, secrets, cipher, ivgen })
    }

    /// Writes `<encryption>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("encryption").attr("format", self.format).attr_opt("engine", self.engine);
        for secret in &self.secrets {
            w.start("secret").attr("type", secret.kind);
            secret.secret.format_attr(w);
            w.end();
        }
        if let Some(cipher) = &self.cipher {
            w.start("cipher")
                .attr("name", &cipher.name)
                .attr("size", cipher.size)
                .attr_opt("mode", cipher.mode.as_ref())
                .attr_opt("hash", cipher.hash.as_ref())
                .end();
        }
        if let Some(ivgen) = &self.ivgen {
            w.start("ivgen").attr("name", &ivgen.name).attr_opt("hash", ivgen.hash.as_ref()).end();
        }
        w.end();
    }
}

impl EncryptionSecret {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let word =
            element.attr("type").ok_or_else(|| XmlError::xml("unknown volume encryption secret type"))?;
        let unknown = || XmlError::unsupported(format!("unknown volume encryption secret type {word}"));
        let kind = EncryptionSecretType::from_word(word).ok_or_else(unknown)?;
        Ok(Self { kind, secret: SecretRef::parse(element)? })
    }
}

impl Cipher {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let name = element
            .attr_string("name")
            .ok_or_else(|| XmlError::xml("cipher info missing 'name' attribute"))?;
        let size =
            element.attr("size").ok_or_else(|| XmlError::xml("cipher info missing 'size' attribute"))?;
        let size = size.parse().map_err(|_| XmlError::xml(format!("cannot parse cipher size: '{size}'")))?;
        Ok(Self { name, size, mode: element.attr_string("mode"), hash: element.attr_string("hash") })
    }
}

impl IvGen {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let name =
            element.attr_string("name").ok_or_else(|| XmlError::xml("missing ivgen info name string"))?;
        Ok(Self { name, hash: element.attr_string("hash") })
    }
}
