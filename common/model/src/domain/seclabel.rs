//! `seclabel`: what the host's security drivers do for the guest, and for a single device.

use super::options::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

tokens! {
    /// Where the label comes from.
    pub enum SecLabelType { None = "none", Dynamic = "dynamic", Static = "static" }
}

/// The guest's label in one security driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SecLabel {
    /// Driver ("selinux", "apparmor", "dac", "none"); `None`: the host's first one.
    pub model: Option<String>,
    /// Type; `None`: the element names a driver and nothing more.
    pub kind: Option<SecLabelType>,
    /// Are files of the guest labelled? Always known once read.
    pub relabel: bool,
    /// Label of the guest's process. With a dynamic type only while it runs.
    pub label: Option<String>,
    /// Label of its files, while it runs.
    pub image_label: Option<String>,
    /// What a dynamic label is made from.
    pub base_label: Option<String>,
}

/// The label of one device's source in one security driver.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeviceSecLabel {
    /// Driver; `None`: all.
    pub model: Option<String>,
    /// Is it labelled?
    pub relabel: Option<bool>,
    /// The file system would not take a label: kept while the guest runs.
    pub label_skip: bool,
    /// Label.
    pub label: Option<String>,
}

impl SecLabel {
    /// All labels of a domain.
    pub(super) fn parse_all(domain: &Element, options: &ParseOptions) -> Result<Vec<Self>, XmlError> {
        let mut labels: Vec<Self> = Vec::new();
        for e in domain.children_named("seclabel") {
            let label = Self::parse(e, options)?;
            if labels.iter().any(|other| other.model.is_some() && other.model == label.model) {
                let model = label.model.unwrap_or_default();
                return Err(XmlError::detail(format!("seclabel for model {model} is already provided")));
            }
            labels.push(label);
        }
        if labels.len() > 1 && labels.iter().any(|l| l.model.is_none()) {
            return Err(XmlError::xml("missing security model when using multiple labels"));
        }
        Ok(labels)
    }

    fn parse(e: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let model = e.attr_string("model").filter(|m| !m.is_empty());
        let given: Option<SecLabelType> = e.attr_token("type")?;
        let kind = match (given, model.as_deref()) {
            (None, Some("none")) => SecLabelType::None,
            (Some(kind), _) => kind,
            // Says nothing, and is not written either.
            (None, Some(_)) => return Ok(Self { model, ..Self::default() }),
            (None, None) => return Err(XmlError::xml("missing security model in domain seclabel")),
        };
        let relabel = e.attr_yes_no("relabel")?;
        match (kind, relabel) {
            (SecLabelType::Dynamic, Some(false)) => {
                return Err(XmlError::unsupported("dynamic label type must use resource relabeling"));
            }
            (SecLabelType::None, Some(true)) => {
                let text = "resource relabeling is not compatible with 'none' label type";
                return Err(XmlError::unsupported(text));
            }
            _ => {}
        }
        // Labels that a running guest was given are no part of a definition.
        let keep_live = options.status;
        let mut label = Self { model, kind: Some(kind), ..Self::default() };
        label.relabel = relabel.unwrap_or(kind == SecLabelType::Dynamic);
        if kind == SecLabelType::Static || (keep_live && kind == SecLabelType::Dynamic) {
            label.label = e.child_text("label");
            if label.label.is_none() && kind == SecLabelType::Static {
                return Err(XmlError::xml("security label is missing"));
            }
        }
        if label.relabel && keep_live && kind != SecLabelType::None {
            label.image_label = e.child_text("imagelabel");
        }
        if kind == SecLabelType::Dynamic {
            label.base_label = e.child_text("baselabel");
        }
        let needs_model = label.base_label.is_some() || kind == SecLabelType::Static;
        if needs_model && label.model.is_none() {
            return Err(XmlError::xml("missing security model in domain seclabel"));
        }
        Ok(label)
    }

    pub(super) fn format(&self, w: &mut Writer, options: &FormatOptions) {
        let Some(kind) = self.kind else { return };
        // The reference's own default says nothing.
        w.start("seclabel").attr("type", kind).attr_opt("model", self.model.as_ref());
        if kind == SecLabelType::None {
            w.end();
            return;
        }
        w.attr_yes_no("relabel", Some(self.relabel));
        let live = !options.inactive || options.status;
        if kind == SecLabelType::Static || live {
            w.text_element_opt("label", self.label.as_ref());
        }
        if live {
            w.text_element_opt("imagelabel", self.image_label.as_ref());
        }
        if kind == SecLabelType::Dynamic {
            w.text_element_opt("baselabel", self.base_label.as_ref());
        }
        w.end();
    }
}

impl DeviceSecLabel {
    /// All labels of a source element.
    pub fn parse_all(source: &Element) -> Result<Vec<Self>, XmlError> {
        let mut labels: Vec<Self> = Vec::new();
        for e in source.children_named("seclabel") {
            let label = Self {
                model: e.attr_string("model"),
                relabel: e.attr_yes_no("relabel")?,
                label_skip: e.attr_yes_no("labelskip")?.unwrap_or(false),
                label: e.child_text("label"),
            };
            if labels.iter().any(|other| other.model == label.model) {
                let model = label.model.unwrap_or_default();
                return Err(XmlError::detail(format!("seclabel for model {model} is already provided")));
            }
            if label.label.is_some() && label.relabel == Some(false) {
                let text = format!(
                    "Cannot specify a label if relabelling is turned off. model={}",
                    label.model.as_deref().unwrap_or("<null>")
                );
                return Err(XmlError::xml(text));
            }
            labels.push(label);
        }
        Ok(labels)
    }

    /// Writes the element; not in a definition when it says no more than what goes without saying.
    pub fn format(&self, w: &mut Writer, options: &FormatOptions) {
        if options.inactive && self.label.is_none() && self.relabel != Some(false) {
            return;
        }
        w.start("seclabel").attr_opt("model", self.model.as_ref());
        if self.label_skip {
            w.attr("labelskip", "yes");
        } else {
            w.attr_yes_no("relabel", self.relabel);
        }
        w.text_element_opt("label", self.label.as_ref());
        w.end();
    }
}
