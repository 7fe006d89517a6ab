//! Elements of QEMU's own namespace: arguments that libvirt has no element for.

use crate::xml::{Element, Writer, XmlError};

/// Namespace of the elements.
pub const QEMU_NAMESPACE: &str = "http://libvirt.org/schemas/domain/qemu/1.0";

/// All of them.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QemuNamespace {
    /// Arguments added to the command line.
    pub args: Vec<String>,
    /// Environment of the emulator.
    pub env: Vec<(String, Option<String>)>,
    /// Capabilities of the emulator taken for given.
    pub capabilities_add: Vec<String>,
    /// Capabilities of the emulator taken as absent.
    pub capabilities_del: Vec<String>,
    /// What the emulator does with deprecated interfaces.
    pub deprecation: Option<String>,
    /// Properties of devices.
    pub overrides: Vec<DeviceOverride>,
}

/// Properties of one device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeviceOverride {
    /// Alias of the device.
    pub alias: String,
    /// Name and value.
    pub properties: Vec<(String, OverrideValue)>,
}

/// A value that replaces what libvirt would give.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OverrideValue {
    /// Text.
    String(String),
    /// Number.
    Unsigned(u64),
    /// Number.
    Signed(i64),
    /// Truth value.
    Bool(bool),
    /// The property is left out.
    Remove,
}

impl QemuNamespace {
    pub(super) fn parse(domain: &Element) -> Result<Option<Self>, XmlError> {
        let child = |name| domain.child_in(QEMU_NAMESPACE, name);
        let mut all = Self::default();
        if let Some(e) = child("commandline") {
            all.args = attributes(e, "arg", "value", "No qemu command-line argument specified")?;
            for env in named(e, "env") {
                all.env.push(parse_env(env)?);
            }
        }
        if let Some(e) = child("capabilities") {
            all.capabilities_add = attributes(e, "add", "capability", "missing capability name")?;
            all.capabilities_del = attributes(e, "del", "capability", "missing capability name")?;
        }
        all.deprecation = child("deprecation").and_then(|e| e.attr_string("behavior"));
        if let Some(e) = child("override") {
            for device in named(e, "device") {
                all.overrides.push(DeviceOverride::parse(device)?);
            }
        }
        Ok(Some(all).filter(|a| *a != Self::default()))
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("qemu:commandline");
        for arg in &self.args {
            w.start("qemu:arg").attr("value", arg).end();
        }
        for (name, value) in &self.env {
            w.start("qemu:env").attr("name", name).attr_opt("value", value.as_ref()).end();
        }
        w.end_or_drop();
        w.start("qemu:capabilities");
        for name in &self.capabilities_add {
            w.start("qemu:add").attr("capability", name).end();
        }
        for name in &self.capabilities_del {
            w.start("qemu:del").attr("capability", name).end();
        }
        w.end_or_drop();
        w.start("qemu:override");
        self.overrides.iter().for_each(|o| o.format(w));
        w.end_or_drop();
        w.start("qemu:deprecation").attr_opt("behavior", self.deprecation.as_ref()).end_or_drop();
    }
}

impl DeviceOverride {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let Some(alias) = e.attr_string("alias") else {
            return Err(XmlError::xml("missing 'alias' attribute for qemu namespace device override"));
        };
        let mut properties = Vec::new();
        for p in named(e, "frontend").flat_map(|f| named(f, "property")) {
            let Some(name) = p.attr_string("name") else {
                let text = format!("missing 'name' attribute of override property of device '{alias}'");
                return Err(XmlError::xml(text));
            };
            let value = OverrideValue::parse(p, &name)?;
            properties.push((name, value));
        }
        Ok(Self { alias, properties })
    }

    fn format(&self, w: &mut Writer) {
        w.start("qemu:device").attr("alias", &self.alias);
        w.start("qemu:frontend");
        for (name, value) in &self.properties {
            w.start("qemu:property").attr("name", name);
            match value {
                OverrideValue::String(v) => w.attr("type", "string").attr("value", v),
                OverrideValue::Unsigned(v) => w.attr("type", "unsigned").attr("value", v),
                OverrideValue::Signed(v) => w.attr("type", "signed").attr("value", v),
                OverrideValue::Bool(v) => w.attr("type", "bool").attr("value", v),
                OverrideValue::Remove => w.attr("type", "remove"),
            };
            w.end();
        }
        w.end_or_drop();
        w.end();
    }
}

impl OverrideValue {
    fn parse(p: &Element, name: &str) -> Result<Self, XmlError> {
        let value = || p.attr("value").ok_or_else(|| XmlError::missing_attr("property", "value"));
        let invalid = || XmlError::xml(format!("invalid value of override property '{name}'"));
        Ok(match p.require("type")? {
            "string" => Self::String(value()?.to_owned()),
            "unsigned" => Self::Unsigned(value()?.parse().map_err(|_| invalid())?),
            "signed" => Self::Signed(value()?.parse().map_err(|_| invalid())?),
            "bool" => Self::Bool(value()?.parse().map_err(|_| invalid())?),
            "remove" => Self::Remove,
            other => return Err(XmlError::bad_attr("property", "type", other)),
        })
    }
}

fn named<'a>(e: &'a Element, local: &'a str) -> impl Iterator<Item = &'a Element> {
    e.elements().filter(move |c| c.namespace.as_deref() == Some(QEMU_NAMESPACE) && c.local_name() == local)
}

fn attributes(e: &Element, local: &str, name: &str, missing: &str) -> Result<Vec<String>, XmlError> {
    let value = |c: &Element| c.attr_string(name).ok_or_else(|| XmlError::internal(missing));
    named(e, local).map(value).collect()
}

fn parse_env(e: &Element) -> Result<(String, Option<String>), XmlError> {
    let Some(name) = e.attr_string("name") else {
        return Err(XmlError::internal("No qemu environment name specified"));
    };
    let starts = |c: char| c.is_ascii_alphabetic() || c == '_';
    if name.is_empty() {
        return Err(XmlError::internal("Empty qemu environment name specified"));
    }
    if !name.starts_with(starts) {
        return Err(XmlError::internal(
            "Invalid environment name, it must begin with a letter or underscore",
        ));
    }
    if !name.chars().all(|c| starts(c) || c.is_ascii_digit()) {
        let text = "Invalid environment name, it must contain only alphanumerics and underscore";
        return Err(XmlError::internal(text));
    }
    Ok((name, e.attr_string("value")))
}
