//! `features`: what the machine offers its guest.

mod groups;
mod hyperv;

pub use groups::{
    CapabilitiesFeature, CapabilityPolicy, KvmFeature, KvmFeatures, XenFeatures, XenPassthroughMode,
};
pub use hyperv::{Hyperv, HypervFeature, HypervMode};

use crate::Token;
use crate::xml::{Element, Writer, XmlError, scale, short_size};

tokens! {
    /// Who emulates the I/O APIC.
    pub enum IoApic { Qemu = "qemu", Kvm = "kvm" }

    /// Version of Arm's interrupt controller.
    pub enum GicVersion { V2 = "2", V3 = "3", Host = "host" }

    /// Resizing of POWER's hash page table.
    pub enum HptResizing { Enabled = "enabled", Disabled = "disabled", Required = "required" }

    /// What a read of an unknown model specific register does.
    pub enum UnknownMsr { Ignore = "ignore", Fault = "fault" }

    /// Cache flush on privilege change (POWER).
    pub enum Cfpc { Broken = "broken", Workaround = "workaround", Fixed = "fixed" }

    /// Speculation barrier bounds checking (POWER).
    pub enum Sbbc { Broken = "broken", Workaround = "workaround", Fixed = "fixed" }

    /// Indirect branch speculation (POWER).
    pub enum Ibs {
        Broken = "broken",
        Workaround = "workaround",
        FixedIbs = "fixed-ibs",
        FixedCcd = "fixed-ccd",
        FixedNa = "fixed-na",
    }
}

/// `features`. `Option<bool>`: on, off, or the emulator's default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Features {
    /// ACPI.
    pub acpi: bool,
    /// APIC.
    pub apic: Option<Apic>,
    /// PAE.
    pub pae: bool,
    /// Hardware assisted paging.
    pub hap: Option<bool>,
    /// Viridian extensions (Xen).
    pub viridian: bool,
    /// A network namespace of its own (LXC).
    pub privnet: bool,
    /// Hyper-V enlightenments.
    pub hyperv: Option<Box<Hyperv>>,
    /// KVM's own.
    pub kvm: Option<KvmFeatures>,
    /// Paravirtual spinlocks.
    pub pvspinlock: Option<bool>,
    /// Process capabilities (LXC).
    pub capabilities: Option<CapabilitiesFeature>,
    /// Performance counters.
    pub pmu: Option<bool>,
    /// VMware's I/O port.
    pub vmport: Option<bool>,
    /// Arm's interrupt controller; inner `None`: any version.
    pub gic: Option<Option<GicVersion>>,
    /// System management mode.
    pub smm: Option<Smm>,
    /// I/O APIC.
    pub ioapic: Option<IoApic>,
    /// Hash page table.
    pub hpt: Option<Hpt>,
    /// Crash information for the host.
    pub vmcoreinfo: Option<bool>,
    /// Hardware transactional memory.
    pub htm: Option<bool>,
    /// Nested virtualization (POWER).
    pub nested_hv: Option<bool>,
    /// Unknown registers.
    pub msrs: Option<UnknownMsr>,
    /// Count cache flush assist (POWER).
    pub ccf_assist: Option<bool>,
    /// Xen's own.
    pub xen: Option<XenFeatures>,
    /// Cache flush.
    pub cfpc: Option<Cfpc>,
    /// Speculation barrier.
    pub sbbc: Option<Sbbc>,
    /// Branch speculation.
    pub ibs: Option<Ibs>,
    /// KiB of translated code that TCG keeps.
    pub tcg_tb_cache_kib: Option<u64>,
}

/// `features/apic`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Apic {
    /// End of interrupt by shared memory.
    pub eoi: Option<bool>,
}

/// `features/smm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Smm {
    /// On or off.
    pub state: bool,
    /// Bytes of TSEG.
    pub tseg: Option<u64>,
}

/// `features/hpt`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Hpt {
    /// Resizing.
    pub resizing: Option<HptResizing>,
    /// KiB.
    pub max_page_size_kib: Option<u64>,
}

impl Features {
    pub(in crate::domain) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let mut features = Self::default();
        for e in domain.child("features").into_iter().flat_map(Element::elements) {
            features.read(e)?;
        }
        Ok(features)
    }

    fn read(&mut self, e: &Element) -> Result<(), XmlError> {
        match e.name.as_str() {
            "acpi" => self.acpi = true,
            "apic" => self.apic = Some(Apic { eoi: e.attr_on_off("eoi")? }),
            "pae" => self.pae = true,
            "hap" => self.hap = state_or_on(e)?,
            "viridian" => self.viridian = true,
            "privnet" => self.privnet = true,
            "hyperv" => self.hyperv = Some(Box::new(Hyperv::parse(e)?)),
            "kvm" => self.kvm = Some(KvmFeatures::parse(e)?),
            "pvspinlock" => self.pvspinlock = state_or_on(e)?,
            "capabilities" => self.capabilities = Some(CapabilitiesFeature::parse(e)?),
            "pmu" => self.pmu = state_or_on(e)?,
            "vmport" => self.vmport = state_or_on(e)?,
            "gic" => self.gic = Some(e.attr_token("version")?),
            "smm" => self.smm = Some(Smm::parse(e)?),
            "ioapic" => self.ioapic = e.attr_token("driver")?,
            "vmcoreinfo" => self.vmcoreinfo = state_or_on(e)?,
            "xen" => self.xen = Some(XenFeatures::parse(e)?),
            "tcg" => {
                let size = e.child("tb-cache").map(|c| scaled_text(c, 1024)).transpose()?;
                self.tcg_tb_cache_kib = size.map(|bytes| bytes.div_ceil(1024)).filter(|kib| *kib != 0);
            }
            _ => self.read_foreign(e)?,
        }
        Ok(())
    }

    /// Features of other architectures than x86.
    fn read_foreign(&mut self, e: &Element) -> Result<(), XmlError> {
        match e.name.as_str() {
            "hpt" => self.hpt = Some(Hpt::parse(e)?).filter(|h| *h != Hpt::default()),
            "htm" => self.htm = Some(required_state(e)?),
            "nested-hv" => self.nested_hv = Some(required_state(e)?),
            "msrs" => self.msrs = Some(e.require_token("unknown")?),
            "ccf-assist" => self.ccf_assist = Some(required_state(e)?),
            "cfpc" => self.cfpc = e.attr_token("value")?,
            "sbbc" => self.sbbc = e.attr_token("value")?,
            "ibs" => self.ibs = e.attr_token("value")?,
            name => return Err(XmlError::unsupported(format!("unexpected feature '{name}'"))),
        }
        Ok(())
    }

    pub(in crate::domain) fn format(&self, w: &mut Writer) {
        w.start("features");
        flag(w, "acpi", self.acpi);
        if let Some(apic) = self.apic {
            w.start("apic").attr_on_off("eoi", apic.eoi).end();
        }
        flag(w, "pae", self.pae);
        state(w, "hap", self.hap);
        flag(w, "viridian", self.viridian);
        flag(w, "privnet", self.privnet);
        if let Some(hyperv) = &self.hyperv {
            hyperv.format(w);
        }
        if let Some(kvm) = &self.kvm {
            kvm.format(w);
        }
        state(w, "pvspinlock", self.pvspinlock);
        if let Some(capabilities) = &self.capabilities {
            capabilities.format(w);
        }
        state(w, "pmu", self.pmu);
        state(w, "vmport", self.vmport);
        if let Some(version) = self.gic {
            w.start("gic").attr_opt("version", version).end();
        }
        if let Some(smm) = self.smm {
            smm.format(w);
        }
        attr_feature(w, "ioapic", "driver", self.ioapic);
        self.format_foreign(w);
        w.end_or_drop();
    }

    fn format_foreign(&self, w: &mut Writer) {
        if let Some(hpt) = self.hpt {
            hpt.format(w);
        }
        state(w, "vmcoreinfo", self.vmcoreinfo);
        state(w, "htm", self.htm);
        state(w, "nested-hv", self.nested_hv);
        attr_feature(w, "msrs", "unknown", self.msrs);
        state(w, "ccf-assist", self.ccf_assist);
        if let Some(xen) = &self.xen {
            xen.format(w);
        }
        attr_feature(w, "cfpc", "value", self.cfpc);
        attr_feature(w, "sbbc", "value", self.sbbc);
        attr_feature(w, "ibs", "value", self.ibs);
        if let Some(kib) = self.tcg_tb_cache_kib {
            w.start("tcg").start("tb-cache").attr("unit", "KiB").text(kib).end().end();
        }
    }
}

impl Smm {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let state = e.attr_on_off("state")?.unwrap_or(true);
        // A bare number counts MiB here.
        let tseg = match e.child("tseg").filter(|_| state) {
            Some(t) => Some(scaled_text(t, 1 << 20)?),
            None => None,
        };
        Ok(Self { state, tseg })
    }

    fn format(self, w: &mut Writer) {
        w.start("smm").attr_on_off("state", Some(self.state));
        if let Some(bytes) = self.tseg {
            let (size, unit) = short_size(bytes);
            w.start("tseg").attr("unit", unit).text(size).end();
        }
        w.end();
    }
}

impl Hpt {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let size = e.child("maxpagesize").map(|c| scaled_text(c, 1024)).transpose()?;
        let max_page_size_kib = size.map(|bytes| bytes.div_ceil(1024)).filter(|kib| *kib != 0);
        Ok(Self { resizing: e.attr_token("resizing")?, max_page_size_kib })
    }

    fn format(self, w: &mut Writer) {
        w.start("hpt").attr_opt("resizing", self.resizing);
        if let Some(kib) = self.max_page_size_kib {
            w.start("maxpagesize").attr("unit", "KiB").text(kib).end();
        }
        w.end();
    }
}

/// The size that text and `unit` of an element give, in bytes.
fn scaled_text(e: &Element, default_scale: u64) -> Result<u64, XmlError> {
    let text = e.text();
    let value = crate::xml::Number::read(&text, false);
    let value = value.ok_or_else(|| XmlError::bad_path(&e.name, &text))?;
    scale(value, e.attr("unit"), default_scale, u64::MAX)
}

/// `state`, which is on when the attribute is absent.
fn state_or_on(e: &Element) -> Result<Option<bool>, XmlError> {
    Ok(Some(e.attr_on_off("state")?.unwrap_or(true)))
}

fn required_state(e: &Element) -> Result<bool, XmlError> {
    e.attr_on_off("state")?.ok_or_else(|| XmlError::missing_attr(&e.name, "state"))
}

fn flag(w: &mut Writer, name: &str, set: bool) {
    if set {
        w.empty(name);
    }
}

fn state(w: &mut Writer, name: &str, value: Option<bool>) {
    w.start(name).attr_on_off("state", value).end_or_drop();
}

fn attr_feature<T: Token>(w: &mut Writer, name: &str, attribute: &str, value: Option<T>) {
    w.start(name).attr_opt(attribute, value).end_or_drop();
}
