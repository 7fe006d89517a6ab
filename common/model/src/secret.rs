//! `<secret>`: what a value that is kept for others is called, and what it is for. The value itself is no part of it.

use uuid::Uuid;

use crate::Token;
use crate::xml::{Element, ErrorKind, Limits, Scope, Writer, XmlError, parse, parse_uuid};

tokens! {
    /// What a secret is used for (`virSecretUsageType`, which counts them in this order from 0).
    #[derive(Default)]
    pub enum UsageType {
        #[default]
        None = "none",
        Volume = "volume",
        Ceph = "ceph",
        Iscsi = "iscsi",
        Tls = "tls",
        Vtpm = "vtpm",
    }
}

impl UsageType {
    /// The number that stands for it on the wire.
    pub fn number(self) -> i32 {
        Self::ALL.iter().zip(0..).find(|(known, _)| **known == self).map_or(0, |(_, number)| number)
    }

    /// The element with what the secret is used for, and what libvirt calls the kind and that element in its errors.
    /// None for secrets without use.
    fn element(self) -> Option<(&'static str, &'static str, &'static str)> {
        match self {
            Self::None => None,
            Self::Volume => Some(("volume", "volume", "volume path")),
            Self::Ceph => Some(("name", "Ceph", "name")),
            Self::Iscsi => Some(("target", "iSCSI", "target")),
            Self::Tls => Some(("name", "TLS", "name")),
            Self::Vtpm => Some(("name", "vTPM", "name")),
        }
    }
}

/// What a secret is used for: a volume by its path, others by a name.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Usage {
    /// The kind of use.
    pub kind: UsageType,
    /// Path, name or target; empty for [`UsageType::None`] alone.
    pub id: String,
}

/// The definition of a secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Secret {
    /// Is the value kept in memory only?
    pub ephemeral: bool,
    /// Is the value told to no client, only to other daemons of the host?
    pub private: bool,
    /// Its name everywhere; whoever defines a secret without one leaves the choice to the daemon.
    pub uuid: Option<Uuid>,
    /// For people.
    pub description: Option<String>,
    /// What it is used for.
    pub usage: Usage,
}

impl Secret {
    /// Reads a document as a client sends it or as it lies on disk.
    ///
    /// # Errors
    /// A document that is not well-formed, has another root, or holds values outside of their lists.
    pub fn parse_str(text: &str) -> Result<Self, XmlError> {
        Self::read(&Self::tree(text)?)
    }

    /// The document as a tree, for those who want to hold it against a schema first.
    ///
    /// # Errors
    /// As [`parse_str`](Self::parse_str), as far as the form goes.
    pub fn tree(text: &str) -> Result<Element, XmlError> {
        let root =
            parse(text, &Limits::document("definition_of_secret")).map_err(|e| e.scoped(Scope::Secret))?;
        if root.is("secret") {
            return Ok(root);
        }
        let text = format!("expecting root element of 'secret', not '{}'", root.local_name());
        Err(XmlError::xml(text).scoped(Scope::Xml))
    }

    /// Reads `<secret>`; elements that are not known are passed over.
    ///
    /// # Errors
    /// Values outside of their lists, a UUID that is none, a use without its object.
    pub fn read(root: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            ephemeral: yes_no(root, "ephemeral")?,
            private: yes_no(root, "private")?,
            uuid: root
                .child_text("uuid")
                .map(|text| parse_uuid(&text, "uuid").map_err(|error| error.scoped(Scope::Secret)))
                .transpose()?,
            description: root.child_text("description"),
            usage: root.child("usage").map(Usage::read).transpose()?.unwrap_or_default(),
        })
    }

    /// The document in libvirt's layout.
    pub fn format(&self) -> String {
        let mut w = Writer::new();
        w.start("secret");
        w.attr_yes_no("ephemeral", Some(self.ephemeral)).attr_yes_no("private", Some(self.private));
        w.text_element_opt("uuid", self.uuid);
        w.text_element_opt("description", self.description.as_deref());
        if let Some((element, _, _)) = self.usage.kind.element() {
            w.start("usage").attr("type", self.usage.kind).text_element(element, &self.usage.id).end();
        }
        w.end();
        w.finish()
    }
}

impl Usage {
    fn read(element: &Element) -> Result<Self, XmlError> {
        let word = element.attr("type").filter(|word| !word.is_empty());
        let word = word.ok_or_else(|| secret_error(ErrorKind::Xml, "unknown secret usage type"))?;
        let kind = UsageType::from_word(word).ok_or_else(|| {
            secret_error(ErrorKind::Unsupported, format!("unknown secret usage type {word}"))
        })?;
        let Some((name, kind_in_words, what)) = kind.element() else { return Ok(Self::default()) };
        let id = element.child_text(name).ok_or_else(|| {
            let detail = format!("{kind_in_words} usage specified, but {what} is missing");
            secret_error(ErrorKind::Internal, detail)
        })?;
        Ok(Self { kind, id })
    }
}

/// An attribute that is `yes` or `no`; one that is empty or missing is `no`.
fn yes_no(root: &Element, name: &str) -> Result<bool, XmlError> {
    match root.attr(name).unwrap_or_default() {
        "" | "no" => Ok(false),
        "yes" => Ok(true),
        _ => Err(secret_error(ErrorKind::Xml, format!("invalid value of '{name}'"))),
    }
}

fn secret_error(kind: ErrorKind, message: impl Into<String>) -> XmlError {
    XmlError::new(kind, message).scoped(Scope::Secret)
}

#[cfg(test)]
mod tests {
    use super::*;

    const UUID: &str = "7303abd6-bafb-5c34-a47b-f3ccdb5355f3";

    /// A document with `inside` in its middle.
    fn with(attributes: &str, inside: &str) -> String {
        format!("<secret {attributes}><uuid>{UUID}</uuid>{inside}</secret>")
    }

    #[test]
    fn every_use_is_read_and_written() {
        for (number, (kind, element)) in
            [("volume", "volume"), ("ceph", "name"), ("iscsi", "target"), ("tls", "name"), ("vtpm", "name")]
                .into_iter()
                .enumerate()
        {
            let text = with(
                "",
                &format!(
                    "<usage type='{kind}'><{element}>a'&amp;b</{element}><{element}>2</{element}></usage>"
                ),
            );
            let secret = Secret::parse_str(&text).unwrap();
            assert_eq!((secret.usage.kind.number() as usize, &*secret.usage.id), (number + 1, "a'&b"));
            let written = format!(
                "<secret ephemeral='no' private='no'>\n  <uuid>{UUID}</uuid>\n  <usage type='{kind}'>\n    \
                 <{element}>a&apos;&amp;b</{element}>\n  </usage>\n</secret>\n"
            );
            assert_eq!(secret.format(), written);
            assert_eq!(Secret::parse_str(&written).unwrap(), secret);

            let without = with("", &format!("<usage type='{kind}'><{element}/></usage>"));
            let error = Secret::parse_str(&without).unwrap_err();
            assert_eq!((error.kind, error.scope), (ErrorKind::Internal, Scope::Secret));
            assert!(error.message.contains("usage specified, but"), "{}", error.message);
        }
    }

    #[test]
    fn what_is_left_open() {
        let secret = Secret::parse_str("<secret ephemeral='' private='no'><frob/></secret>").unwrap();
        assert_eq!(secret, Secret::default());
        let secret = Secret::parse_str(&with("private='yes'", "<description>  </description>")).unwrap();
        assert!(secret.private && !secret.ephemeral);
        assert_eq!(secret.description.as_deref(), Some("  "));
        let none = Secret::parse_str(&with("ephemeral='yes'", "<usage type='none'><name>x</name></usage>"));
        assert_eq!(none.unwrap().usage, Usage::default());
    }

    #[test]
    fn faults_have_the_reference_s_codes() {
        for (text, kind, scope, words) in [
            ("<x/>", ErrorKind::Xml, Scope::Xml, "'secret', not 'x'"),
            ("<secret", ErrorKind::Detail, Scope::Secret, "(definition_of_secret):1:"),
            ("<secret private='maybe'/>", ErrorKind::Xml, Scope::Secret, "invalid value of 'private'"),
            ("<secret><uuid>x</uuid></secret>", ErrorKind::Internal, Scope::Secret, "malformed uuid"),
            ("<secret><usage><name>x</name></usage></secret>", ErrorKind::Xml, Scope::Secret, "usage type"),
            ("<secret><usage type='rbd'/></secret>", ErrorKind::Unsupported, Scope::Secret, "type rbd"),
        ] {
            let error = Secret::parse_str(text).unwrap_err();
            assert_eq!((error.kind, error.scope), (kind, scope), "{text}");
            assert!(error.message.contains(words), "{text}: {}", error.message);
        }
    }
}
