//! The host's processors: what they are (`/proc/cpuinfo`), what they did (`/proc/stat`), what KVM can give.

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::path::Path;
use std::sync::OnceLock;

use crate::{Error, Result, kernel, system};

/// What the first processor says of itself. Which of it is known depends on the architecture.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuInfo {
    /// "GenuineIntel", "AuthenticAMD".
    pub vendor: Option<String>,
    /// For people: "AMD EPYC 7543 32-Core Processor".
    pub model_name: Option<String>,
    /// Family of the processor's signature.
    pub family: Option<u32>,
    /// Model of the processor's signature.
    pub model: Option<u32>,
    /// Stepping of the processor's signature.
    pub stepping: Option<u32>,
    /// Version of the microcode.
    pub microcode: Option<u32>,
    /// Clock in MHz now, rounded down.
    pub mhz: Option<u32>,
    /// Bits of a physical address.
    pub physical_address_bits: Option<u32>,
    /// The kernel's names of features, in its order.
    pub flags: Vec<String>,
}

/// What the processors spent their time on since boot, in nanoseconds (as `virNodeGetCPUStats` groups it).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct CpuTimes {
    /// In the kernel, interrupts included.
    pub kernel: u64,
    /// In user mode, low priority included.
    pub user: u64,
    /// Doing nothing.
    pub idle: u64,
    /// Doing nothing while a disk was waited for.
    pub iowait: u64,
}

/// [`CpuTimes`] of all processors together and of each that is online.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct CpuStats {
    /// Sum of all.
    pub total: CpuTimes,
    /// Number and times of each, ascending.
    pub each: Vec<(u32, CpuTimes)>,
}

/// The architecture in libvirt's words.
pub fn arch() -> &'static str {
    static ARCH: OnceLock<String> = OnceLock::new();
    ARCH.get_or_init(system::architecture)
}

/// Describes the first processor.
pub fn info() -> Result<CpuInfo> {
    Ok(parse_info(&kernel::text(Path::new("/proc/cpuinfo"))?))
}

/// What the processors did since boot.
pub fn stats() -> Result<CpuStats> {
    let path = Path::new("/proc/stat");
    parse_stats(path, &kernel::text(path)?)
}

/// Most virtual CPUs of a guest that KVM allows (KVM_CAP_MAX_VCPUS; where it does not tell,
/// KVM_CAP_NR_VCPUS). [`Error::File`] if there is no KVM here or we may not use it.
pub fn kvm_max_vcpus() -> Result<i32> {
    const CAP_NR_VCPUS: libc::c_int = 9;
    const CAP_MAX_VCPUS: libc::c_int = 66;
    let path = Path::new("/dev/kvm");
    let kvm = File::open(path).map_err(Error::file("open", path))?;
    for capability in [CAP_MAX_VCPUS, CAP_NR_VCPUS] {
        match kvm_extension(&kvm, capability).map_err(Error::file("ask", path))? {
            0 => {}
            most => return Ok(most),
        }
    }
    Err(Error::Unavailable {
        what: "the number of virtual CPUs of KVM".to_owned(),
        reason: "the kernel does not tell it".to_owned(),
    })
}

/// The time stamp counter of this host's processors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tsc {
    /// Frequency in hertz.
    pub hz: u64,
    /// Whether a guest may have another frequency.
    pub scaling: bool,
}

/// The time stamp counter as KVM shows it to a guest (KVM_GET_TSC_KHZ of a virtual CPU made for the question).
/// None where KVM knows of none: on other processors than x86.
pub fn tsc() -> Result<Option<Tsc>> {
    const CAP_TSC_CONTROL: libc::c_int = 60;
    const CAP_GET_TSC_KHZ: libc::c_int = 61;
    let path = Path::new("/dev/kvm");
    let kvm = File::options().read(true).write(true).open(path).map_err(Error::file("open", path))?;
    if kvm_extension(&kvm, CAP_GET_TSC_KHZ).map_err(Error::file("ask", path))? == 0 {
        return Ok(None);
    }
    let machine = kvm_make(&kvm, KvmRequest::CreateVm).map_err(Error::file("ask", path))?;
    let vcpu = kvm_make(&machine, KvmRequest::CreateVcpu).map_err(Error::file("ask", path))?;
    let khz = kvm_number(&vcpu, KvmRequest::GetTscKhz, 0).map_err(Error::file("ask", path))?;
    let scaling = kvm_extension(&machine, CAP_TSC_CONTROL).map_err(Error::file("ask", path))? != 0;
    Ok(Some(Tsc { hz: u64::from(khz.unsigned_abs()) * 1000, scaling }))
}

/// KVM_CHECK_EXTENSION: 0 for a capability that the kernel does not have.
fn kvm_extension(kvm: &File, capability: libc::c_int) -> io::Result<i32> {
    kvm_number(kvm, KvmRequest::CheckExtension, capability)
}

/// Requests of KVM that take a number and answer one.
#[derive(Debug, Clone, Copy)]
enum KvmRequest {
    CreateVm = 0xAE01,
    CheckExtension = 0xAE03,
    CreateVcpu = 0xAE41,
    GetTscKhz = 0xAEA3,
}

fn kvm_number(kvm: &File, request: KvmRequest, argument: libc::c_int) -> io::Result<i32> {
    // SAFETY: each of these requests takes a number and touches no memory of ours, whatever kind of file this is:
    // their numbers belong to KVM alone.
    let answer = unsafe { libc::ioctl(kvm.as_raw_fd(), request as libc::Ioctl, argument) };
    if answer < 0 { Err(io::Error::last_os_error()) } else { Ok(answer) }
}

/// A machine, or its first virtual CPU: answers the descriptor that the kernel made.
fn kvm_make(kvm: &File, request: KvmRequest) -> io::Result<File> {
    let number = kvm_number(kvm, request, 0)?;
    // SAFETY: the kernel has just made this descriptor for us in answer to the request; nobody else owns it.
    #[expect(clippy::disallowed_methods, reason = "this crate is where raw descriptors become owned")]
    let fd = unsafe { OwnedFd::from_raw_fd(number) };
    Ok(File::from(fd))
}

fn parse_info(text: &str) -> CpuInfo {
    let mut info = CpuInfo::default();
    // The first block is the first processor; the file's other blocks repeat it. Some architectures put what
    // is common to all after a blank line, so values are taken where they come first.
    for line in text.lines() {
        let Some((name, value)) = line.split_once(':') else { continue };
        let value = value.trim();
        match name.trim() {
            "vendor_id" => first(&mut info.vendor, value),
            "model name" | "cpu" => first(&mut info.model_name, value),
            "cpu family" => first_number(&mut info.family, value),
            "model" => first_number(&mut info.model, value),
            "stepping" => first_number(&mut info.stepping, value),
            "microcode" if info.microcode.is_none() => info.microcode = hexadecimal(value),
            "cpu MHz" | "clock" => first_number(&mut info.mhz, whole(value)),
            "address sizes" => first_number(&mut info.physical_address_bits, whole_word(value)),
            "flags" | "Features" if info.flags.is_empty() => {
                info.flags = value.split_ascii_whitespace().map(str::to_owned).collect();
            }
            _ => {}
        }
    }
    info
}

fn first(place: &mut Option<String>, value: &str) {
    if place.is_none() {
        *place = Some(value.to_owned());
    }
}

fn first_number(place: &mut Option<u32>, value: &str) {
    if place.is_none() {
        *place = value.parse().ok();
    }
}

fn hexadecimal(value: &str) -> Option<u32> {
    match value.strip_prefix("0x") {
        Some(digits) => u32::from_str_radix(digits, 16).ok(),
        None => value.parse().ok(),
    }
}

/// The part of "2596.148" or "3425.000000MHz" before the point.
fn whole(value: &str) -> &str {
    value.split('.').next().unwrap_or(value)
}

/// "48" of "48 bits physical, 48 bits virtual".
fn whole_word(value: &str) -> &str {
    value.split(' ').next().unwrap_or(value)
}

fn parse_stats(path: &Path, text: &str) -> Result<CpuStats> {
    let mut stats = CpuStats::default();
    let mut found = false;
    for line in text.lines() {
        let mut words = line.split_ascii_whitespace();
        let Some(which) = words.next().and_then(|word| word.strip_prefix("cpu")) else { continue };
        let ticks: Vec<u64> = words.map(|word| kernel::parse(path, word)).collect::<Result<_>>()?;
        let times = cpu_times(&ticks).ok_or_else(|| Error::malformed(path, "a line of a CPU is short"))?;
        match which {
            "" => (stats.total, found) = (times, true),
            number => stats.each.push((kernel::parse(path, number)?, times)),
        }
    }
    if found { Ok(stats) } else { Err(Error::malformed(path, "it has no line 'cpu'")) }
}

/// user nice system idle iowait irq softirq, in ticks; kernels append further columns.
fn cpu_times(ticks: &[u64]) -> Option<CpuTimes> {
    let [user, nice, system, idle, iowait, irq, softirq, ..] = *ticks else { return None };
    Some(CpuTimes {
        kernel: system::ticks_to_ns(system.saturating_add(irq).saturating_add(softirq)),
        user: system::ticks_to_ns(user.saturating_add(nice)),
        idle: system::ticks_to_ns(idle),
        iowait: system::ticks_to_ns(iowait),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const X86: &str = "processor\t: 0\nvendor_id\t: AuthenticAMD\ncpu family\t: 25\nmodel\t\t: 17\n\
        model name\t: AMD EPYC\nstepping\t: 1\nmicrocode\t: 0x1000065\ncpu MHz\t\t: 2596.948\n\
        flags\t\t: fpu vme de\naddress sizes\t: 48 bits physical, 52 bits virtual\n\n\
        processor\t: 1\nvendor_id\t: Other\nmodel\t\t: 9\nflags\t\t: x\n";

    #[test]
    fn first_processor_is_described() {
        let info = parse_info(X86);
        assert_eq!(info.vendor.as_deref(), Some("AuthenticAMD"));
        assert_eq!(info.model_name.as_deref(), Some("AMD EPYC"));
        assert_eq!((info.family, info.model, info.stepping), (Some(25), Some(17), Some(1)));
        assert_eq!((info.microcode, info.mhz), (Some(0x0100_0065), Some(2596)));
        assert_eq!(info.physical_address_bits, Some(48));
        assert_eq!(info.flags, ["fpu", "vme", "de"]);
    }

    #[test]
    fn other_architectures_tell_less() {
        let power = parse_info("processor : 0\ncpu : POWER9\nclock : 3425.000000MHz\n");
        assert_eq!((power.model_name.as_deref(), power.mhz), (Some("POWER9"), Some(3425)));
        let arm = parse_info("processor : 0\nFeatures : fp asimd\n");
        assert_eq!((arm.flags.len(), arm.vendor, arm.mhz), (2, None, None));
    }

    #[test]
    fn times_are_grouped_as_the_api_groups_them() {
        let path = Path::new("stat");
        let text = "cpu  1 2 3 4 5 6 7 8 9 10\ncpu0 10 20 30 40 50 60 70\ncpu12 0 0 0 0 0 0 0 0\nintr 5 6\n";
        let stats = parse_stats(path, text).unwrap();
        let ns = system::ticks_to_ns;
        assert_eq!(stats.total, CpuTimes { kernel: ns(16), user: ns(3), idle: ns(4), iowait: ns(5) });
        assert_eq!(stats.each[0].1.kernel, ns(160));
        assert_eq!(stats.each[1].0, 12);
        for bad in ["", "cpu 1 2 3\n", "cpu a b c d e f g\n", "cpu 1 1 1 1 1 1 1\ncpux 1 1 1 1 1 1 1\n"] {
            assert!(parse_stats(path, bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn this_host_answers() {
        assert!(!info().unwrap().flags.is_empty());
        let (before, after) = (stats().unwrap(), stats().unwrap());
        assert!(after.total.user >= before.total.user && !after.each.is_empty());
        assert!(!arch().is_empty());
    }

    #[test]
    fn kvm_answers_or_says_why_not() {
        match kvm_max_vcpus() {
            Ok(most) => assert!(most > 0),
            Err(error) => assert!(error.to_string().contains("/dev/kvm"), "{error}"),
        }
        match tsc() {
            Ok(Some(tsc)) => assert!(tsc.hz > 1_000_000),
            Ok(None) => assert_ne!(std::env::consts::ARCH, "x86_64"),
            Err(error) => assert!(error.to_string().contains("/dev/kvm"), "{error}"),
        }
        // Not a KVM file: an error, no harm.
        assert!(kvm_extension(&File::open("/dev/null").unwrap(), 9).is_err());
    }
}
