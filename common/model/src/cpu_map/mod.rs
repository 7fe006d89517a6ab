//! The map of CPU models and features (`/usr/share/libvirt/cpu_map`): reading it, and finding the model nearest to
//! a processor. No I/O: the caller brings the texts.

mod data;
mod decode;

pub use data::{CpuData, Leaf, Registers};
pub use decode::{Candidates, Decoded};

use std::collections::BTreeMap;

use crate::capabilities::Signature;
use crate::xml::{Element, Limits, Scope, XmlError, parse};

/// Vendors, features and models of one architecture.
#[derive(Clone, Debug, Default)]
pub struct CpuMap {
    /// Vendors.
    pub vendors: Vec<Vendor>,
    /// Features in the map's order.
    pub features: Vec<Feature>,
    /// Models in the map's order.
    pub models: Vec<Model>,
    by_name: BTreeMap<String, usize>,
}

/// A maker of processors.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vendor {
    /// Name ("AMD").
    pub name: String,
    /// What CPUID leaf 0 says ("AuthenticAMD").
    pub string: String,
}

/// A feature.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Feature {
    /// Name.
    pub name: String,
    /// Other names that QEMU or Linux have for it.
    pub aliases: Vec<String>,
    /// Can a guest that sees it migrate?
    pub migratable: bool,
    /// Its bits.
    pub data: CpuData,
}

/// A model.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Model {
    /// Name.
    pub name: String,
    /// Vendor, where there is one.
    pub vendor: Option<String>,
    /// Families and models of real processors.
    pub signatures: Vec<ModelSignature>,
    /// Can a host be described by it?
    pub decode_host: bool,
    /// Can a guest be described by it?
    pub decode_guest: bool,
    /// Names of its features, without those that were removed later.
    pub features: Vec<String>,
    /// Features that the model once had: always named explicitly.
    pub removed: Vec<String>,
    /// Bits of its features.
    pub data: CpuData,
}

/// Family and model, for certain steppings.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModelSignature {
    /// Family.
    pub family: u32,
    /// Model.
    pub model: u32,
    /// Bit by stepping; all set where the map says nothing.
    pub steppings: u32,
}

impl ModelSignature {
    /// Does a processor with this signature fit?
    pub fn matches(self, s: Signature) -> bool {
        let stepping = s.stepping < 32 && self.steppings & (1 << s.stepping) != 0;
        self.family == s.family && self.model == s.model && stepping
    }
}

impl CpuMap {
    /// Names of the files that the index includes for an architecture ("x86", "arm", "ppc64"), in order.
    pub fn includes(index: &str, arch: &str) -> Result<Vec<String>, XmlError> {
        let root = document(index)?;
        let mut files = Vec::new();
        for e in root.children_named("arch").filter(|a| a.attr("name") == Some(arch)) {
            for include in e.children_named("include") {
                files.push(include.require("filename")?.to_owned());
            }
        }
        Ok(files)
    }

    /// Reads the included files' texts in order.
    ///
    /// Fails on a document that is none, and on a model that names what was not declared before it.
    pub fn parse<T: AsRef<str>>(texts: impl IntoIterator<Item = T>) -> Result<Self, XmlError> {
        let mut map = Self::default();
        for text in texts {
            for e in document(text.as_ref())?.elements() {
                match e.name.as_str() {
                    "vendor" => map.vendors.push(Vendor {
                        name: e.require("name")?.to_owned(),
                        string: e.attr_string("string").unwrap_or_default(),
                    }),
                    "feature" => map.add_feature(Feature::parse(e)?),
                    "model" => {
                        let model = map.parse_model(e)?;
                        map.models.push(model);
                    }
                    _ => {}
                }
            }
        }
        Ok(map)
    }

    /// The feature of this name or alias.
    pub fn feature(&self, name: &str) -> Option<&Feature> {
        self.by_name.get(name).map(|i| &self.features[*i])
    }

    /// The model of this name.
    pub fn model(&self, name: &str) -> Option<&Model> {
        self.models.iter().find(|m| m.name == name)
    }

    /// Names of all features whose bits are set in `data`, in the map's order.
    pub fn feature_names(&self, data: &CpuData) -> Vec<&str> {
        self.features.iter().filter(|f| data.contains(&f.data)).map(|f| f.name.as_str()).collect()
    }

    fn add_feature(&mut self, feature: Feature) {
        let i = self.features.len();
        // A name goes before an alias that another feature has.
        for alias in &feature.aliases {
            self.by_name.entry(alias.clone()).or_insert(i);
        }
        self.by_name.insert(feature.name.clone(), i);
        self.features.push(feature);
    }

    fn parse_model(&self, e: &Element) -> Result<Model, XmlError> {
        let mut model = Model {
            name: e.require("name")?.to_owned(),
            decode_host: true,
            decode_guest: true,
            ..Model::default()
        };
        // A model may start from another one.
        if let Some(base) = e.child("model") {
            let name = base.require("name")?;
            let base = self.model(name).ok_or_else(|| unknown("model", name))?;
            model = Model { name: model.name, ..base.clone() };
        }
        if let Some(decode) = e.child("decode") {
            model.decode_host = decode.attr_on_off("host")?.unwrap_or(false);
            model.decode_guest = decode.attr_on_off("guest")?.unwrap_or(false);
        }
        if e.child("signature").is_some() {
            model.signatures =
                e.children_named("signature").map(parse_signature).collect::<Result<_, _>>()?;
        }
        if let Some(vendor) = e.child("vendor") {
            model.vendor = Some(vendor.require("name")?.to_owned());
        }
        for f in e.children_named("feature") {
            let name = f.require("name")?;
            let feature = self.feature(name).ok_or_else(|| unknown("feature", name))?;
            if f.attr_yes_no("removed")? == Some(true) {
                model.removed.push(name.to_owned());
            } else {
                model.features.push(name.to_owned());
                model.data.add(&feature.data);
            }
        }
        Ok(model)
    }
}

impl Feature {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let mut data = CpuData::default();
        for bits in e.elements() {
            let register =
                |name: &str| -> Result<u32, XmlError> { Ok(bits.attr_num_any_base(name)?.unwrap_or(0)) };
            let leaf = match bits.name.as_str() {
                "cpuid" => Leaf::Cpuid { eax: register("eax_in")?, ecx: register("ecx_in")? },
                "msr" => Leaf::Msr(register("index")?),
                _ => continue,
            };
            let registers = Registers {
                eax: register("eax")?,
                ebx: register("ebx")?,
                ecx: register("ecx")?,
                edx: register("edx")?,
            };
            data.set(leaf, registers);
        }
        Ok(Self {
            name: e.require("name")?.to_owned(),
            aliases: e.children_named("alias").filter_map(|a| a.attr_string("name")).collect(),
            migratable: e.attr_yes_no("migratable")?.unwrap_or(true),
            data,
        })
    }
}

fn parse_signature(e: &Element) -> Result<ModelSignature, XmlError> {
    let steppings = match e.attr("stepping") {
        Some(list) => {
            crate::bitmap::Bitmap::parse(list)?.iter().filter(|n| *n < 32).fold(0, |m, n| m | 1 << n)
        }
        None => u32::MAX,
    };
    Ok(ModelSignature { family: e.require_num("family")?, model: e.require_num("model")?, steppings })
}

fn document(text: &str) -> Result<Element, XmlError> {
    parse(text, &Limits::document("cpu_map"))
}

fn unknown(kind: &str, name: &str) -> XmlError {
    XmlError::internal(format!("Unknown CPU {kind} {name}")).scoped(Scope::Cpu)
}

#[cfg(test)]
mod tests;
