//! What makes a guest other than what was tested: said once per run in the guest's log and the daemon's, and kept in
//! the status document. Pure.

use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::disk::DiskDevice;
use model::domain::device::disk::source::Location;

use crate::capabilities::QemuCaps;

/// A kind of taint (`virDomainTaintFlags` of libvirt's status documents), in libvirt's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Taint {
    /// `<qemu:commandline>`.
    CustomArgv,
    /// A client sent commands to the monitor.
    CustomMonitor,
    /// QEMU runs as root, or a disk may send any SCSI command.
    HighPrivileges,
    /// A script of the definition runs for a network interface.
    ShellScripts,
    /// A drive of the host is passed through.
    CdromPassthrough,
    /// A device tree of the definition.
    CustomDtb,
    /// A client sent commands to the guest's agent.
    CustomGaCommand,
    /// `<qemu:capabilities>`.
    CustomHypervisorFeature,
    /// A machine or processor that QEMU will drop.
    DeprecatedConfig,
    /// `<qemu:override>`.
    CustomDevice,
}

use Taint::{
    CdromPassthrough, CustomArgv, CustomDevice, CustomDtb, CustomGaCommand, CustomHypervisorFeature,
    CustomMonitor, DeprecatedConfig, HighPrivileges, ShellScripts,
};

/// Each kind with its word in logs and status documents, and what it is for people; in the order of the enumeration.
const TABLE: [(Taint, &str, &str); 10] = [
    (CustomArgv, "custom-argv", "the definition adds arguments or variables to QEMU's command line"),
    (CustomMonitor, "custom-monitor", "a client sent commands to QEMU's monitor"),
    (HighPrivileges, "high-privileges", "QEMU has more privileges than it should have"),
    (ShellScripts, "shell-scripts", "scripts of the definition run for network interfaces"),
    (CdromPassthrough, "cdrom-passthrough", "an optical drive of the host is passed through"),
    (CustomDtb, "custom-dtb", "the definition brings a device tree"),
    (CustomGaCommand, "custom-ga-command", "a client sent commands to the guest agent"),
    (
        CustomHypervisorFeature,
        "custom-hypervisor-feature",
        "the definition overrides what QEMU was found to be able to do",
    ),
    (DeprecatedConfig, "deprecated-config", "the configuration uses what QEMU will drop"),
    (CustomDevice, "custom-device", "the definition overrides properties of devices"),
];

impl Taint {
    /// The word in logs and status documents.
    pub fn word(self) -> &'static str {
        TABLE[self as usize].1
    }

    /// The taint of a status document's word; none for words of other times.
    pub fn from_word(word: &str) -> Option<Taint> {
        TABLE.iter().find(|(_, known, _)| *known == word).map(|(taint, ..)| *taint)
    }

    /// What it is, for people.
    pub fn text(self) -> &'static str {
        TABLE[self as usize].2
    }
}

/// The taints of one run of a guest.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Taints {
    found: Vec<Taint>,
    deprecations: Vec<String>,
}

/// A taint as it goes to the logs: the kind, and what is concerned where that says more.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The kind.
    pub taint: Taint,
    /// What is deprecated.
    pub detail: Option<String>,
}

impl Finding {
    /// The kind with its detail, as logs have it.
    pub fn text(&self) -> String {
        match &self.detail {
            Some(detail) => format!("{} ({detail})", self.taint.word()),
            None => self.taint.word().to_owned(),
        }
    }
}

impl From<Taint> for Finding {
    fn from(taint: Taint) -> Self {
        Finding { taint, detail: None }
    }
}

impl Taints {
    /// Adds one; answers whether it is new.
    pub fn add(&mut self, finding: &Finding) -> bool {
        let is_new = match self.found.binary_search(&finding.taint) {
            Ok(_) => false,
            Err(at) => {
                self.found.insert(at, finding.taint);
                true
            }
        };
        match &finding.detail {
            Some(detail) if !self.deprecations.contains(detail) => {
                self.deprecations.push(detail.clone());
                true
            }
            _ => is_new,
        }
    }

    /// The kinds, in their order.
    pub fn kinds(&self) -> &[Taint] {
        &self.found
    }

    /// What is deprecated.
    pub fn deprecations(&self) -> &[String] {
        &self.deprecations
    }
}

/// What a definition brings with it, in the order in which it is told. `privileged`: QEMU runs as root.
/// `is_host_cdrom` answers for a path on the host.
pub fn of_definition(
    definition: &Definition,
    caps: &QemuCaps,
    privileged: bool,
    is_host_cdrom: impl Fn(&str) -> bool,
) -> Vec<Finding> {
    let mut found = Vec::new();
    if privileged {
        found.push(HighPrivileges.into());
    }
    if let Some(qemu) = &definition.qemu {
        let kinds = [
            (CustomArgv, !qemu.args.is_empty() || !qemu.env.is_empty()),
            (CustomDevice, !qemu.overrides.is_empty()),
            (CustomHypervisorFeature, !qemu.capabilities_add.is_empty() || !qemu.capabilities_del.is_empty()),
        ];
        found.extend(kinds.into_iter().filter(|(_, there)| *there).map(|(taint, _)| Finding::from(taint)));
    }
    let of_devices = definition.devices.iter().flat_map(|device| of_device(device, &is_host_cdrom));
    found.extend(of_devices.map(Finding::from));
    if definition.os.dtb.is_some() {
        found.push(CustomDtb.into());
    }
    found.extend(deprecated(definition, caps));
    found
}

fn of_device(device: &Device, is_host_cdrom: &impl Fn(&str) -> bool) -> Vec<Taint> {
    match device {
        Device::Disk(disk) => {
            let path = match &disk.source.location {
                Location::Block { path } => path.as_deref(),
                _ => None,
            };
            let passes = disk.device == DiskDevice::Cdrom && path.is_some_and(is_host_cdrom);
            let kinds = [(HighPrivileges, disk.rawio == Some(true)), (CdromPassthrough, passes)];
            kinds.into_iter().filter(|(_, there)| *there).map(|(taint, _)| taint).collect()
        }
        Device::Interface(interface) if interface.script.is_some() => vec![ShellScripts],
        _ => Vec::new(),
    }
}

/// Machine and processor that QEMU itself calls deprecated.
fn deprecated(definition: &Definition, caps: &QemuCaps) -> Vec<Finding> {
    let virt = model::Token::as_str(definition.virt_type);
    let mut found = Vec::new();
    let mut tell = |detail: String| found.push(Finding { taint: DeprecatedConfig, detail: Some(detail) });
    if let Some(machine) = &definition.os.machine
        && caps.machine(virt, machine).is_some_and(|known| known.deprecated)
    {
        tell(format!("machine type '{machine}'"));
    }
    if let Some(model) = &definition.cpu.model
        && caps.cpu_model(virt, model).is_some_and(|known| known.deprecated)
    {
        tell(format!("CPU model '{model}'"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capabilities::{Accel, Machine};
    use model::domain::ParseOptions;

    fn definition(rest: &str) -> Definition {
        let text = format!(
            "<domain type='qemu' xmlns:qemu='http://libvirt.org/schemas/domain/qemu/1.0'><name>g</name>\
             <memory>1024</memory><os><type machine='old'>hvm</type></os>{rest}</domain>"
        );
        Definition::parse_str(&text, &ParseOptions::default()).unwrap()
    }

    fn texts(rest: &str, privileged: bool) -> Vec<String> {
        let machine = Machine { name: "old".to_owned(), deprecated: true, ..Machine::default() };
        let tcg = Some(Accel { machines: vec![machine], ..Accel::default() });
        let caps = QemuCaps { tcg, ..QemuCaps::default() };
        let found = of_definition(&definition(rest), &caps, privileged, |path| path == "/dev/sr0");
        found.iter().map(Finding::text).collect()
    }

    #[test]
    fn a_definition_brings_its_taints_in_order() {
        let devices = "<devices><disk type='block' device='cdrom'><source dev='/dev/sr0'/><target dev='sda'/></disk>\
            <disk type='block' device='lun' rawio='yes'><source dev='/dev/sdb'/><target dev='sdb' bus='scsi'/></disk>\
            <interface type='ethernet'><script path='/bin/x'/></interface></devices>\
            <qemu:commandline><qemu:env name='A'/></qemu:commandline>\
            <qemu:capabilities><qemu:del capability='x'/></qemu:capabilities>";
        let found = texts(devices, false);
        let wanted = [
            "custom-argv",
            "custom-hypervisor-feature",
            "cdrom-passthrough",
            "high-privileges",
            "shell-scripts",
        ];
        assert_eq!(found[..5], wanted);
        assert_eq!(found[5..], ["deprecated-config (machine type 'old')"]);
        assert_eq!(texts("", true)[0], "high-privileges");
    }

    #[test]
    fn each_is_told_once() {
        let mut taints = Taints::default();
        assert!(taints.add(&CustomMonitor.into()));
        assert!(!taints.add(&CustomMonitor.into()));
        assert!(taints.add(&CustomArgv.into()));
        let old = |what: &str| Finding { taint: DeprecatedConfig, detail: Some(what.to_owned()) };
        assert!(taints.add(&old("a")));
        assert!(taints.add(&old("b")));
        assert!(!taints.add(&old("b")));
        assert_eq!(taints.kinds(), [CustomArgv, CustomMonitor, DeprecatedConfig]);
        assert_eq!(taints.deprecations(), ["a", "b"]);
    }

    #[test]
    fn words_are_found_again() {
        for (at, (taint, word, _)) in TABLE.into_iter().enumerate() {
            assert_eq!((taint as usize, taint.word()), (at, word));
            assert_eq!(Taint::from_word(word), Some(taint));
        }
        assert_eq!(Taint::from_word("disk-probing"), None);
    }
}
