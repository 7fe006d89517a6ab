//! `<domainCapabilities>`: what one emulator offers one machine type.

use crate::domain::VirtType;
use crate::domain::cpu::{Cpu, CpuMode};
use crate::domain::os::Arch;
use crate::xml::Writer;

/// The whole document.
#[derive(Clone, Debug, PartialEq)]
pub struct DomainCapabilities {
    /// Path of the emulator.
    pub path: String,
    /// Hypervisor.
    pub virt_type: VirtType,
    /// Machine type, its alias resolved.
    pub machine: Option<String>,
    /// Architecture.
    pub arch: Arch,
    /// vCPUs at most.
    pub max_vcpus: Option<u32>,
    /// Are there iothreads?
    pub iothreads: Option<bool>,
    /// Firmware to choose; `None`: nothing is known of `os`.
    pub firmware: Option<ValueList>,
    /// Firmware images: paths, and lists of what goes with them.
    pub loader: Option<(Vec<String>, Section)>,
    /// CPUs.
    pub cpu: CpuCaps,
    /// Memory backing.
    pub memory_backing: Section,
    /// Devices in libvirt's order.
    pub devices: Vec<Section>,
    /// Features.
    pub features: FeatureCaps,
}

/// A part that is there or not, with lists of values.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Section {
    /// Element.
    pub name: &'static str,
    /// Is it there?
    pub supported: bool,
    /// Lists; not written when it is not there.
    pub lists: Vec<ValueList>,
}

/// `enum`: the values that an attribute can have.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ValueList {
    /// Name.
    pub name: &'static str,
    /// Values in libvirt's order.
    pub values: Vec<String>,
}

/// `cpu`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct CpuCaps {
    /// The host's own; the list tells whether it can migrate.
    pub host_passthrough: Option<ValueList>,
    /// All that can be emulated.
    pub maximum: Option<ValueList>,
    /// The model for `host-model`, with its features.
    pub host_model: Option<Cpu>,
    /// Named models.
    pub custom: Vec<CpuModelCaps>,
}

/// A named model.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CpuModelCaps {
    /// Name.
    pub name: String,
    /// Can the host run it? `None`: unknown.
    pub usable: Option<bool>,
    /// The emulator advises against it.
    pub deprecated: bool,
    /// Vendor; `None`: unknown.
    pub vendor: Option<String>,
}

/// `features`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FeatureCaps {
    /// Versions of Arm's interrupt controller; empty: none.
    pub gic: Vec<String>,
    /// vmcoreinfo.
    pub vmcoreinfo: bool,
    /// Generation id.
    pub genid: bool,
    /// Backing chains can be given.
    pub backing_store_input: bool,
    /// Incremental backup.
    pub backup: bool,
    /// IBM protected virtualization; `None`: not told.
    pub s390_pv: Option<bool>,
    /// AMD SEV.
    pub sev: Option<SevCaps>,
    /// Intel SGX.
    pub sgx: Option<SgxCaps>,
    /// Hyper-V enlightenments; `None`: not told, empty: none.
    pub hyperv: Option<Vec<String>>,
}

/// AMD SEV.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SevCaps {
    /// Place of the encryption bit.
    pub cbitpos: u32,
    /// Address bits that are lost.
    pub reduced_phys_bits: u32,
    /// Guests at once.
    pub max_guests: u32,
    /// Guests with encrypted state at once.
    pub max_es_guests: u32,
}

/// Intel SGX.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SgxCaps {
    /// Flexible launch control.
    pub flc: bool,
    /// Version 1.
    pub sgx1: bool,
    /// Version 2.
    pub sgx2: bool,
    /// KiB of enclave memory.
    pub section_size_kib: u64,
    /// By NUMA node.
    pub sections: Vec<SgxSection>,
}

/// Enclave memory of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SgxSection {
    /// Node.
    pub node: u32,
    /// KiB.
    pub size_kib: u64,
}

impl DomainCapabilities {
    /// The document in libvirt's layout.
    pub fn format(&self) -> String {
        let mut w = Writer::new();
        w.start("domainCapabilities");
        w.text_element("path", &self.path);
        w.text_element("domain", self.virt_type);
        w.text_element_opt("machine", self.machine.as_ref());
        w.text_element("arch", self.arch);
        w.start("vcpu").attr_opt("max", self.max_vcpus).end_or_drop();
        w.start("iothreads").attr_yes_no("supported", self.iothreads).end_or_drop();
        self.format_os(&mut w);
        self.cpu.format(&mut w);
        self.memory_backing.format(&mut w);
        w.start("devices");
        self.devices.iter().for_each(|d| d.format(&mut w));
        w.end();
        self.features.format(&mut w);
        w.end();
        w.finish()
    }

    fn format_os(&self, w: &mut Writer) {
        w.start("os").attr_yes_no("supported", Some(self.firmware.is_some() || self.loader.is_some()));
        if let Some(firmware) = &self.firmware {
            firmware.format(w);
        }
        if let Some((paths, section)) = &self.loader {
            w.start("loader").attr_yes_no("supported", Some(section.supported));
            if section.supported {
                for path in paths {
                    w.text_element("value", path);
                }
                section.lists.iter().for_each(|l| l.format(w));
            }
            w.end();
        }
        w.end();
    }
}

impl Section {
    /// A part that is there.
    pub fn supported(name: &'static str, lists: Vec<ValueList>) -> Self {
        Self { name, supported: true, lists }
    }

    /// A part that is not there.
    pub fn unsupported(name: &'static str) -> Self {
        Self { name, supported: false, lists: Vec::new() }
    }

    fn format(&self, w: &mut Writer) {
        w.start(self.name).attr_yes_no("supported", Some(self.supported));
        if self.supported {
            self.lists.iter().for_each(|l| l.format(w));
        }
        w.end();
    }
}

impl ValueList {
    /// A list of words.
    pub fn new<T: ToString>(name: &'static str, values: impl IntoIterator<Item = T>) -> Self {
        Self { name, values: values.into_iter().map(|v| v.to_string()).collect() }
    }

    fn format(&self, w: &mut Writer) {
        w.start("enum").attr("name", self.name);
        for value in &self.values {
            w.text_element("value", value);
        }
        w.end();
    }
}

impl CpuCaps {
    fn format(&self, w: &mut Writer) {
        w.start("cpu");
        let lists = [(CpuMode::HostPassthrough, &self.host_passthrough), (CpuMode::Maximum, &self.maximum)];
        for (mode, list) in lists {
            start_mode(w, mode, list.is_some());
            if let Some(list) = list {
                list.format(w);
            }
            w.end();
        }
        start_mode(w, CpuMode::HostModel, self.host_model.is_some());
        if let Some(cpu) = &self.host_model {
            format_host_model(w, cpu);
        }
        w.end();
        start_mode(w, CpuMode::Custom, !self.custom.is_empty());
        for model in &self.custom {
            let usable = model.usable.map_or("unknown", |u| if u { "yes" } else { "no" });
            w.start("model").attr("usable", usable);
            w.attr_yes_no("deprecated", model.deprecated.then_some(true));
            w.attr("vendor", model.vendor.as_deref().unwrap_or("unknown")).text(&model.name).end();
        }
        w.end().end();
    }
}

fn start_mode(w: &mut Writer, mode: CpuMode, supported: bool) {
    w.start("mode").attr("name", mode).attr_yes_no("supported", Some(supported));
}

fn format_host_model(w: &mut Writer, cpu: &Cpu) {
    if let Some(model) = &cpu.model {
        w.start("model").attr("fallback", cpu.fallback).text(model).end();
    }
    w.text_element_opt("vendor", cpu.vendor.as_ref());
    if let Some(m) = cpu.max_phys_addr {
        w.start("maxphysaddr").attr("mode", m.mode).attr_opt("bits", m.bits).end();
    }
    for f in &cpu.features {
        w.start("feature").attr("policy", f.policy).attr("name", &f.name).end();
    }
}

impl FeatureCaps {
    fn format(&self, w: &mut Writer) {
        w.start("features");
        w.start("gic").attr_yes_no("supported", Some(!self.gic.is_empty()));
        if !self.gic.is_empty() {
            ValueList { name: "version", values: self.gic.clone() }.format(w);
        }
        w.end();
        let flags = [
            ("vmcoreinfo", Some(self.vmcoreinfo)),
            ("genid", Some(self.genid)),
            ("backingStoreInput", Some(self.backing_store_input)),
            ("backup", Some(self.backup)),
            ("s390-pv", self.s390_pv),
        ];
        for (name, supported) in flags {
            w.start(name).attr_yes_no("supported", supported).end_or_drop();
        }
        self.format_sev(w);
        self.format_sgx(w);
        if let Some(features) = &self.hyperv {
            w.start("hyperv").attr_yes_no("supported", Some(!features.is_empty()));
            if !features.is_empty() {
                ValueList { name: "features", values: features.clone() }.format(w);
            }
            w.end();
        }
        w.end();
    }

    fn format_sev(&self, w: &mut Writer) {
        w.start("sev").attr_yes_no("supported", Some(self.sev.is_some()));
        if let Some(sev) = self.sev {
            w.text_element("cbitpos", sev.cbitpos);
            w.text_element("reducedPhysBits", sev.reduced_phys_bits);
            w.text_element("maxGuests", sev.max_guests);
            w.text_element("maxESGuests", sev.max_es_guests);
        }
        w.end();
    }

    fn format_sgx(&self, w: &mut Writer) {
        w.start("sgx").attr_yes_no("supported", Some(self.sgx.is_some()));
        if let Some(sgx) = &self.sgx {
            let word = |on| if on { "yes" } else { "no" };
            w.text_element("flc", word(sgx.flc));
            w.text_element("sgx1", word(sgx.sgx1));
            w.text_element("sgx2", word(sgx.sgx2));
            w.start("section_size").attr("unit", "KiB").text(sgx.section_size_kib).end();
            w.start("sections");
            for s in &sgx.sections {
                w.start("section").attr("node", s.node).attr("size", s.size_kib).attr("unit", "KiB").end();
            }
            w.end_or_drop();
        }
        w.end();
    }
}
