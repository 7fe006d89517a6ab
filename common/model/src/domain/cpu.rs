//! `cpu`: which processor the guest sees. Its `numa` part is [`super::numa`].

use std::collections::BTreeSet;

use super::numa::GuestNuma;
use super::options::FormatOptions;
use crate::Token;
use crate::xml::{Element, Scope, Writer, XmlError};

tokens! {
    /// Where the description comes from.
    pub enum CpuMode {
        Custom = "custom",
        HostModel = "host-model",
        HostPassthrough = "host-passthrough",
        Maximum = "maximum",
    }

    /// How close the guest's CPU must be to the description.
    pub enum CpuMatch { Minimum = "minimum", Exact = "exact", Strict = "strict" }

    /// What is checked before start.
    pub enum CpuCheck { None = "none", Partial = "partial", Full = "full" }

    /// May a near model stand in?
    #[derive(Default)]
    pub enum CpuFallback { #[default] Allow = "allow", Forbid = "forbid" }

    /// What is asked of a feature.
    #[derive(Default)]
    pub enum FeaturePolicy {
        Force = "force",
        #[default]
        Require = "require",
        Optional = "optional",
        Disable = "disable",
        Forbid = "forbid",
    }

    /// How caches are shown.
    pub enum CacheMode { Emulate = "emulate", Passthrough = "passthrough", Disable = "disable" }

    /// How the width of physical addresses is chosen.
    pub enum MaxPhysAddrMode { Emulate = "emulate", Passthrough = "passthrough" }
}

/// The guest's CPU. `Default` is a document without the element.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cpu {
    /// Mode; `None` without model: only topology and NUMA are given.
    pub mode: Option<CpuMode>,
    /// Match, in custom mode.
    pub matching: Option<CpuMatch>,
    /// Check.
    pub check: Option<CpuCheck>,
    /// Only features that can migrate.
    pub migratable: Option<bool>,
    /// Name of the model.
    pub model: Option<String>,
    /// Fallback, in custom mode.
    pub fallback: CpuFallback,
    /// The 12 characters that CPUID shows.
    pub vendor_id: Option<String>,
    /// Vendor that the host's CPU must have.
    pub vendor: Option<String>,
    /// Topology.
    pub topology: Option<Topology>,
    /// Caches.
    pub cache: Option<CpuCache>,
    /// Physical addresses.
    pub max_phys_addr: Option<MaxPhysAddr>,
    /// Features, in document order.
    pub features: Vec<CpuFeature>,
    /// NUMA cells of the guest.
    pub numa: GuestNuma,
}

/// `cpu/topology`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Topology {
    /// Sockets.
    pub sockets: u32,
    /// Dies in a socket.
    pub dies: u32,
    /// Cores in a die.
    pub cores: u32,
    /// Threads in a core.
    pub threads: u32,
}

/// `cpu/cache`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CpuCache {
    /// 1 to 3; `None`: all.
    pub level: Option<u32>,
    /// Mode.
    pub mode: CacheMode,
}

/// `cpu/maxphysaddr`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MaxPhysAddr {
    /// Mode.
    pub mode: MaxPhysAddrMode,
    /// Width.
    pub bits: Option<u32>,
}

/// `cpu/feature`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuFeature {
    /// Name as in the CPU map.
    pub name: String,
    /// Policy.
    pub policy: FeaturePolicy,
}

impl Topology {
    /// vCPUs that fill it; `None` when the number does not fit.
    pub fn count(self) -> Option<u32> {
        self.sockets.checked_mul(self.dies)?.checked_mul(self.cores)?.checked_mul(self.threads)
    }

    fn parse(e: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            sockets: e.require_positive("sockets")?,
            dies: e.attr_positive("dies")?.unwrap_or(1),
            cores: e.require_positive("cores")?,
            threads: e.require_positive("threads")?,
        })
    }
}

impl Cpu {
    /// Is there nothing to say but NUMA cells and topology?
    pub fn has_model(&self) -> bool {
        self.mode.is_some_and(|m| m != CpuMode::Custom) || self.model.is_some()
    }

    /// The policy for a feature, if named.
    pub fn feature(&self, name: &str) -> Option<FeaturePolicy> {
        self.features.iter().find(|f| f.name == name).map(|f| f.policy)
    }

    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        match domain.child("cpu") {
            Some(e) => Self::parse_element(e),
            None => Ok(Self::default()),
        }
    }

    /// Reads a guest's `cpu` element that stands alone.
    pub fn parse_element(e: &Element) -> Result<Self, XmlError> {
        let mut cpu = Self { numa: GuestNuma::parse(e)?, ..Self::default() };
        cpu.mode = match e.attr("mode") {
            None => None,
            Some(word) => {
                let fault = || cpu_fault_unsupported(format!("Invalid mode attribute '{word}'"));
                Some(CpuMode::from_word(word).ok_or_else(fault)?)
            }
        };
        cpu.matching = e.attr_token("match")?;
        cpu.check = e.attr_token("check")?;
        cpu.migratable = e.attr_on_off("migratable")?;
        let can_migrate = matches!(cpu.mode, Some(CpuMode::HostPassthrough | CpuMode::Maximum));
        if cpu.migratable.is_some() && !can_migrate {
            let text =
                "Attribute migratable is only allowed for 'host-passthrough' / 'maximum' CPU mode".to_owned();
            return Err(cpu_fault_unsupported(text));
        }
        cpu.parse_model(e)?;
        cpu.topology = e.child("topology").map(Topology::parse).transpose()?;
        cpu.parse_cache(e)?;
        if let Some(m) = e.child("maxphysaddr") {
            cpu.max_phys_addr =
                Some(MaxPhysAddr { mode: m.require_token("mode")?, bits: m.attr_num("bits")? });
        }
        cpu.parse_features(e)?;
        cpu.settle()?;
        Ok(cpu)
    }

    fn parse_model(&mut self, e: &Element) -> Result<(), XmlError> {
        self.vendor = e.child_text("vendor");
        let Some(model) = e.child("model") else { return Ok(()) };
        self.model = Some(model.text()).filter(|m| !m.is_empty());
        // The other modes have no use for either and do not look at them.
        if !matches!(self.mode, None | Some(CpuMode::Custom | CpuMode::HostModel)) {
            return Ok(());
        }
        if let Some(word) = model.attr("fallback").filter(|word| !word.is_empty()) {
            self.fallback = CpuFallback::from_word(word)
                .ok_or_else(|| cpu_fault_unsupported("Invalid fallback attribute".to_owned()))?;
        }
        if let Some(id) = model.attr("vendor_id").filter(|id| !id.is_empty()) {
            if id.len() != 12 {
                return Err(cpu_fault("vendor_id must be exactly 12 characters long"));
            }
            if id.contains(',') {
                return Err(cpu_fault("vendor id is invalid"));
            }
            self.vendor_id = Some(id.to_owned());
        }
        Ok(())
    }

    fn parse_cache(&mut self, e: &Element) -> Result<(), XmlError> {
        let mut caches = e.children_named("cache");
        let Some(c) = caches.next() else { return Ok(()) };
        if caches.next().is_some() {
            return Err(cpu_fault("at most one CPU cache element may be specified"));
        }
        let level: Option<u32> = c.attr_num("level")?;
        if level.is_some_and(|l| !(1..=3).contains(&l)) {
            return Err(cpu_fault("invalid CPU cache level, must be in range [1,3]"));
        }
        self.cache = Some(CpuCache { level, mode: c.require_token("mode")? });
        Ok(())
    }

    fn parse_features(&mut self, e: &Element) -> Result<(), XmlError> {
        let custom = matches!(self.mode, None | Some(CpuMode::Custom));
        if custom && self.model.is_none() && self.vendor.is_none() && e.child("feature").is_some() {
            return Err(cpu_fault("Non-empty feature list specified without CPU model"));
        }
        let mut seen = BTreeSet::new();
        for f in e.children_named("feature") {
            let policy = match f.attr("policy") {
                None => FeaturePolicy::default(),
                Some(word) => FeaturePolicy::from_word(word)
                    .ok_or_else(|| cpu_fault_unsupported("Invalid CPU feature policy".to_owned()))?,
            };
            let Some(name) = f.attr_string("name").filter(|n| !n.is_empty()) else {
                return Err(cpu_fault("Invalid CPU feature name"));
            };
            if !seen.insert(name.clone()) {
                return Err(cpu_fault(format!("CPU feature '{name}' specified more than once")));
            }
            self.features.push(CpuFeature { name, policy });
        }
        Ok(())
    }

    /// Brings the parts into agreement, as the reference does while reading.
    fn settle(&mut self) -> Result<(), XmlError> {
        let host = self.mode.is_some_and(|m| m != CpuMode::Custom);
        if host {
            if self.vendor.is_some() && self.model.is_none() {
                return Err(cpu_fault("CPU vendor specified without CPU model"));
            }
            // Strictness counts where a model like the host's is compared, but is not written.
            self.matching = self
                .matching
                .filter(|matching| self.mode == Some(CpuMode::HostModel) && *matching == CpuMatch::Strict);
            if self.mode != Some(CpuMode::HostModel) || self.model.is_none() {
                self.fallback = CpuFallback::Allow;
            }
            if self.mode != Some(CpuMode::HostModel) {
                self.model = None;
                self.vendor_id = None;
                self.vendor = None;
            }
            return Ok(());
        }
        if self.model.is_some() {
            self.mode = Some(CpuMode::Custom);
            self.matching.get_or_insert(CpuMatch::Exact);
            return Ok(());
        }
        if self.vendor.is_some() {
            return Err(cpu_fault("CPU vendor specified without CPU model"));
        }
        if self.check.take().is_some_and(|check| check != CpuCheck::None) {
            let text = "check attribute specified for CPU with no model".to_owned();
            return Err(cpu_fault_unsupported(text));
        }
        self.mode = None;
        self.matching = None;
        Ok(())
    }

    /// Writes the element; one that says nothing is left out.
    pub fn format(&self, w: &mut Writer, _options: &FormatOptions) {
        w.start("cpu");
        let matching = self.matching.filter(|_| self.mode == Some(CpuMode::Custom));
        w.attr_opt("mode", self.mode).attr_opt("match", matching).attr_opt("check", self.check);
        w.attr_on_off("migratable", self.migratable);
        self.format_model(w);
        if let Some(t) = self.topology {
            w.start("topology").attr("sockets", t.sockets).attr("dies", t.dies).attr("cores", t.cores);
            w.attr("threads", t.threads).end();
        }
        if let Some(c) = self.cache {
            w.start("cache").attr_opt("level", c.level).attr("mode", c.mode).end();
        }
        if let Some(m) = self.max_phys_addr {
            w.start("maxphysaddr").attr("mode", m.mode).attr_opt("bits", m.bits).end();
        }
        for f in &self.features {
            w.start("feature").attr("policy", f.policy).attr("name", &f.name).end();
        }
        self.numa.format(w);
        w.end_or_drop();
    }

    fn format_model(&self, w: &mut Writer) {
        if self.model.is_some() || self.vendor_id.is_some() {
            let fallback = self.model.is_some().then_some(self.fallback);
            w.start("model").attr_opt("fallback", fallback).attr_opt("vendor_id", self.vendor_id.as_ref());
            if let Some(model) = &self.model {
                w.text(model);
            }
            w.end();
        }
        w.text_element_opt("vendor", self.vendor.as_ref());
    }
}

fn cpu_fault(message: impl Into<String>) -> XmlError {
    XmlError::xml(message).scoped(Scope::Cpu)
}

fn cpu_fault_unsupported(message: String) -> XmlError {
    XmlError::unsupported(message).scoped(Scope::Cpu)
}
