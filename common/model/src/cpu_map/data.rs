//! What a processor says of itself: CPUID leaves and feature registers (Intel SDM volume 2A, CPUID).

use std::collections::BTreeMap;

use crate::capabilities::Signature;

/// Where bits stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Leaf {
    /// A CPUID leaf and sub-leaf.
    Cpuid {
        /// Leaf.
        eax: u32,
        /// Sub-leaf.
        ecx: u32,
    },
    /// A model specific register; its value is in `eax` (low) and `edx` (high).
    Msr(u32),
}

/// Four registers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Registers {
    /// EAX.
    pub eax: u32,
    /// EBX.
    pub ebx: u32,
    /// ECX.
    pub ecx: u32,
    /// EDX.
    pub edx: u32,
}

/// Bits by place.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CpuData(BTreeMap<Leaf, Registers>);

const LEAF_VENDOR: Leaf = Leaf::Cpuid { eax: 0, ecx: 0 };
const LEAF_SIGNATURE: Leaf = Leaf::Cpuid { eax: 1, ecx: 0 };

impl CpuData {
    /// Adds bits to a leaf.
    pub fn set(&mut self, leaf: Leaf, bits: Registers) {
        let old = self.0.entry(leaf).or_default();
        *old = old.zip(bits, |a, b| a | b);
    }

    /// The registers of a leaf.
    pub fn get(&self, leaf: Leaf) -> Option<Registers> {
        self.0.get(&leaf).copied()
    }

    /// The places that have bits.
    pub fn leaves(&self) -> impl Iterator<Item = Leaf> {
        self.0.keys().copied()
    }

    /// Adds all bits of `other`.
    pub fn add(&mut self, other: &Self) {
        other.0.iter().for_each(|(leaf, bits)| self.set(*leaf, *bits));
    }

    /// Takes away all bits of `other`.
    pub fn subtract(&mut self, other: &Self) {
        for (leaf, bits) in &other.0 {
            if let Some(own) = self.0.get_mut(leaf) {
                *own = own.zip(*bits, |a, b| a & !b);
            }
        }
    }

    /// Are all bits of `other` set, and is there any?
    pub fn contains(&self, other: &Self) -> bool {
        let has = |(leaf, bits): (&Leaf, &Registers)| {
            let own = self.get(*leaf).unwrap_or_default();
            own.zip(*bits, |a, b| a & b) == *bits
        };
        !other.0.is_empty() && other.0.iter().all(has)
    }

    /// The 12 characters of leaf 0.
    pub fn vendor(&self) -> Option<String> {
        let r = self.get(LEAF_VENDOR)?;
        let bytes = [r.ebx, r.edx, r.ecx].map(u32::to_le_bytes).concat();
        String::from_utf8(bytes).ok()
    }

    /// Sets leaf 0 from the vendor's 12 characters; other lengths change nothing.
    pub fn set_vendor(&mut self, vendor: &str) {
        let Ok(bytes) = <[u8; 12]>::try_from(vendor.as_bytes()) else { return };
        let word = |i: usize| u32::from_le_bytes([bytes[i], bytes[i + 1], bytes[i + 2], bytes[i + 3]]);
        let bits = Registers { eax: 0, ebx: word(0), ecx: word(8), edx: word(4) };
        self.0.insert(LEAF_VENDOR, bits);
    }

    /// Family, model and stepping of leaf 1.
    pub fn signature(&self) -> Option<Signature> {
        let eax = self.get(LEAF_SIGNATURE).map(|r| r.eax).filter(|eax| *eax != 0)?;
        Some(Signature {
            family: ((eax >> 20) & 0xff) + ((eax >> 8) & 0xf),
            model: ((eax >> 12) & 0xf0) + ((eax >> 4) & 0xf),
            stepping: eax & 0xf,
        })
    }

    /// Sets the signature of leaf 1.
    pub fn set_signature(&mut self, s: Signature) {
        let extended = s.family.saturating_sub(0xf) & 0xff;
        let family = (extended << 20) | (s.family.min(0xf) << 8);
        let model = ((s.model & 0xf0) << 12) | ((s.model & 0xf) << 4);
        self.0.entry(LEAF_SIGNATURE).or_default().eax = family | model | (s.stepping & 0xf);
    }

    /// Without vendor and signature: only what features are made of.
    pub fn features_only(&self) -> Self {
        let mut copy = self.clone();
        copy.0.remove(&LEAF_VENDOR);
        if let Some(r) = copy.0.get_mut(&LEAF_SIGNATURE) {
            r.eax = 0;
        }
        copy
    }
}

impl Registers {
    fn zip(self, other: Self, f: impl Fn(u32, u32) -> u32) -> Self {
        Self {
            eax: f(self.eax, other.eax),
            ebx: f(self.ebx, other.ebx),
            ecx: f(self.ecx, other.ecx),
            edx: f(self.edx, other.edx),
        }
    }
}
