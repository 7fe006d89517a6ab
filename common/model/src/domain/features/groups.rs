//! Groups of features: KVM's, Xen's, and the process capabilities of containers.

use std::collections::BTreeMap;

use super::required_state;
use crate::Token;
use crate::xml::{Element, Writer, XmlError};

tokens! {
    /// A feature of KVM.
    pub enum KvmFeature {
        Hidden = "hidden",
        HintDedicated = "hint-dedicated",
        PollControl = "poll-control",
        PvIpi = "pv-ipi",
        DirtyRing = "dirty-ring",
    }

    /// How Xen passes devices through.
    pub enum XenPassthroughMode { SyncPt = "sync_pt", SharePt = "share_pt" }

    /// What holds for capabilities that are not named.
    #[derive(Default)]
    pub enum CapabilityPolicy { #[default] Default = "default", Allow = "allow", Deny = "deny" }
}

/// `features/kvm`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KvmFeatures {
    /// On or off, for those that the document names.
    pub features: BTreeMap<KvmFeature, bool>,
    /// Entries of each vCPU's ring: a power of two from 1024 to 65536.
    pub dirty_ring_size: Option<u32>,
}

/// `features/xen`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct XenFeatures {
    /// The host's memory map.
    pub e820_host: Option<bool>,
    /// Devices can be passed through.
    pub passthrough: Option<bool>,
    /// How.
    pub passthrough_mode: Option<XenPassthroughMode>,
}

/// `features/capabilities`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CapabilitiesFeature {
    /// For those that are not named.
    pub policy: CapabilityPolicy,
    /// Kept or dropped, by name without `CAP_`, in libvirt's order.
    pub states: Vec<(&'static str, bool)>,
}

/// Names of process capabilities in libvirt's order.
const CAPABILITIES: [&str; 37] = [
    "audit_control",
    "audit_write",
    "block_suspend",
    "chown",
    "dac_override",
    "dac_read_search",
    "fowner",
    "fsetid",
    "ipc_lock",
    "ipc_owner",
    "kill",
    "lease",
    "linux_immutable",
    "mac_admin",
    "mac_override",
    "mknod",
    "net_admin",
    "net_bind_service",
    "net_broadcast",
    "net_raw",
    "setgid",
    "setfcap",
    "setpcap",
    "setuid",
    "sys_admin",
    "sys_boot",
    "sys_chroot",
    "sys_module",
    "sys_nice",
    "sys_pacct",
    "sys_ptrace",
    "sys_rawio",
    "sys_resource",
    "sys_time",
    "sys_tty_config",
    "syslog",
    "wake_alarm",
];

impl KvmFeatures {
    /// Is `feature` switched on?
    pub fn is_on(&self, feature: KvmFeature) -> bool {
        self.features.get(&feature) == Some(&true)
    }

    pub(super) fn parse(e: &Element) -> Result<Self, XmlError> {
        let mut kvm = Self::default();
        for c in e.elements() {
            let Some(feature) = KvmFeature::from_word(&c.name) else {
                return Err(XmlError::unsupported(format!("unsupported KVM feature: {}", c.name)));
            };
            let on = required_state(c)?;
            kvm.features.insert(feature, on);
            if feature == KvmFeature::DirtyRing && on {
                let size: u32 = c.require_num("size")?;
                if !size.is_power_of_two() || !(1024..=65536).contains(&size) {
                    let text = "dirty ring must be power of 2 and ranges [1024, 65536]";
                    return Err(XmlError::xml(text));
                }
                kvm.dirty_ring_size = Some(size);
            }
        }
        Ok(kvm)
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("kvm").force_content();
        for (feature, on) in &self.features {
            w.start(feature.as_str()).attr_on_off("state", Some(*on));
            if *feature == KvmFeature::DirtyRing {
                w.attr_opt("size", self.dirty_ring_size);
            }
            w.end();
        }
        w.end();
    }
}

impl XenFeatures {
    pub(super) fn parse(e: &Element) -> Result<Self, XmlError> {
        let mut xen = Self::default();
        for c in e.elements() {
            match c.name.as_str() {
                "e820_host" => xen.e820_host = Some(required_state(c)?),
                "passthrough" => {
                    xen.passthrough = Some(required_state(c)?);
                    xen.passthrough_mode = c.attr_token("mode")?;
                }
                name => return Err(XmlError::unsupported(format!("unsupported Xen feature: {name}"))),
            }
        }
        Ok(xen)
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("xen").force_content();
        w.start("e820_host").attr_on_off("state", self.e820_host).end_or_drop();
        w.start("passthrough").attr_on_off("state", self.passthrough);
        w.attr_opt("mode", self.passthrough_mode.filter(|_| self.passthrough == Some(true))).end_or_drop();
        w.end();
    }
}

impl CapabilitiesFeature {
    pub(super) fn parse(e: &Element) -> Result<Self, XmlError> {
        let mut states = BTreeMap::new();
        for c in e.elements() {
            let Some(i) = CAPABILITIES.iter().position(|name| *name == c.name) else {
                let text = format!("unexpected capability feature '{}'", c.name);
                return Err(XmlError::unsupported(text));
            };
            states.insert(i, c.attr_on_off("state")?.unwrap_or(true));
        }
        let states = states.into_iter().map(|(i, on)| (CAPABILITIES[i], on)).collect();
        Ok(Self { policy: e.attr_token("policy")?.unwrap_or_default(), states })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        // What says nothing is not written.
        if self.policy == CapabilityPolicy::Default && self.states.is_empty() {
            return;
        }
        w.start("capabilities").attr("policy", self.policy);
        for (name, on) in &self.states {
            w.start(name).attr_on_off("state", Some(*on)).end();
        }
        w.end();
    }
}
