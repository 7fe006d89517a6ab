//! CPUID and MSRs of the processor that we run on (Intel SDM volume 2A, CPUID; AMD APM volume 3, appendix E).

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
use model::cpu_map::Registers;
use model::cpu_map::{CpuData, Leaf};

/// Leaves and sub-leaves that features, vendor and signature are in.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
const LEAVES: &[(u32, u32)] = &[
    (0, 0),
    (1, 0),
    (6, 0),
    (7, 0),
    (7, 1),
    (7, 2),
    (0xd, 1),
    (0xf, 1),
    (0x12, 0),
    (0x12, 1),
    (0x14, 0),
    (0x19, 0),
    (0x8000_0001, 0),
    (0x8000_0007, 0),
    (0x8000_0008, 0),
    (0x8000_000a, 0),
    (0x8000_001f, 0),
    (0x8000_0021, 0),
];
/// Registers with features: IA32_ARCH_CAPABILITIES and IA32_CORE_CAPABILITIES.
pub(super) const MSRS: &[u32] = &[0x10a, 0xcf];

/// What the processor says of itself.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct HostCpuid {
    /// Everything that features are made of; vendor and signature.
    pub(super) data: CpuData,
    /// Bits of a physical address.
    pub(super) address_bits: Option<u32>,
}

impl HostCpuid {
    /// Encrypted guests that can run at once, without and with encrypted state: AMD keeps the low key numbers for
    /// the latter (leaf 0x8000001f: ECX the number of keys, EDX the first one for guests without).
    pub(super) fn sev_guests(&self) -> (u32, u32) {
        let leaf = self.data.get(Leaf::Cpuid { eax: 0x8000_001f, ecx: 0 });
        match leaf {
            Some(keys) if keys.edx > 0 => (keys.ecx.saturating_add(1).saturating_sub(keys.edx), keys.edx - 1),
            _ => (0, 0),
        }
    }
}

/// Read everything; none where the architecture has no CPUID. Blocks on the file system for the MSRs.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
pub(super) fn read() -> Option<HostCpuid> {
    let (basic, extended) = (cpuid(0, 0).eax, cpuid(0x8000_0000, 0).eax);
    let mut data = CpuData::default();
    for &(eax, ecx) in LEAVES {
        let last = if eax >= 0x8000_0000 { extended } else { basic };
        if eax <= last {
            data.set(Leaf::Cpuid { eax, ecx }, cpuid(eax, ecx));
        }
    }
    for &index in MSRS {
        if let Some([eax, edx]) = read_msr(index) {
            data.set(Leaf::Msr(index), Registers { eax, edx, ..Registers::default() });
        }
    }
    let address_bits = (extended >= 0x8000_0008).then(|| cpuid(0x8000_0008, 0).eax & 0xff);
    Some(HostCpuid { data, address_bits })
}

/// Other architectures have no CPUID.
#[cfg(not(any(target_arch = "x86_64", target_arch = "x86")))]
pub(super) fn read() -> Option<HostCpuid> {
    None
}

#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn cpuid(eax: u32, ecx: u32) -> Registers {
    #[cfg(target_arch = "x86")]
    use std::arch::x86::__cpuid_count;
    #[cfg(target_arch = "x86_64")]
    use std::arch::x86_64::__cpuid_count;
    let answer = __cpuid_count(eax, ecx);
    Registers { eax: answer.eax, ebx: answer.ebx, ecx: answer.ecx, edx: answer.edx }
}

/// The low and the high half. Needs root and the msr module; without them the features of MSRs are not known.
#[cfg(any(target_arch = "x86_64", target_arch = "x86"))]
fn read_msr(index: u32) -> Option<[u32; 2]> {
    use std::os::unix::fs::FileExt;
    let file = std::fs::File::open("/dev/cpu/0/msr").ok()?;
    let mut bytes = [0; 8];
    file.read_exact_at(&mut bytes, u64::from(index)).ok()?;
    let value = u64::from_le_bytes(bytes);
    Some([u32::try_from(value & 0xffff_ffff).ok()?, u32::try_from(value >> 32).ok()?])
}
