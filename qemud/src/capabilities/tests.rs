//! Domain capabilities compared with the reference's recorded ones; probes of stand-ins for QEMU and of QEMU itself.
//!
//! `testdata/*.xml` are answers of libvirt 9.0 about QEMU 7.2 (corpus, kind host); what that QEMU says of itself is
//! in `tests/data/caps_7.2*.json`.

use std::os::unix::fs::PermissionsExt;

use host::paths::Paths;
use model::Token;
use model::domain::VirtType;
use model::xml::{Limits, parse};

use super::domain::{Subject, Surroundings};
use super::*;
use crate::command::firmware::Firmware;

/// The recorded capabilities of QEMU 7.2 on a host with KVM.
fn recorded(arch: &str) -> QemuCaps {
    let text = match arch {
        "i686" => include_str!("../../tests/data/caps_7.2_i686.json"),
        _ => include_str!("../../tests/data/caps_7.2.json"),
    };
    serde_json::from_str(text).unwrap()
}

fn descriptor(image: &str, machines: &str, features: &str) -> Firmware {
    let text = format!(
        r#"{{"interface-types": ["uefi"], "features": [{features}],
            "mapping": {{"device": "flash", "executable": {{"filename": "{image}", "format": "raw"}},
                         "nvram-template": {{"filename": "/v", "format": "raw"}}}},
            "targets": [{{"architecture": "x86_64", "machines": [{machines}]}}]}}"#
    );
    Firmware::parse(&text).unwrap()
}

/// What was installed where the recorded answers come from.
fn surroundings() -> Option<(Surroundings, firmware::Installed)> {
    let Some(cpu_map) = host_cpu::read_map("x86_64") else {
        eprintln!("NOT RUN: libvirt's CPU map is not installed");
        return None;
    };
    let image = |name: &str| format!("/usr/share/OVMF/OVMF_CODE{name}.fd");
    let (q35, all) = (r#""pc-q35-*""#, r#""pc-i440fx-*", "pc-q35-*""#);
    let secure = r#""acpi-s3", "requires-smm", "secure-boot""#;
    let firmware = firmware::Installed {
        descriptors: vec![
            descriptor(&image("_4M.ms"), q35, secure),
            descriptor(&image("_4M.secboot"), q35, secure),
            descriptor(&image("_4M"), all, r#""acpi-s3""#),
        ],
        images: ["_4M.ms", "_4M.secboot", "_4M", "", ".secboot"].iter().map(|name| image(name)).collect(),
    };
    let around = Surroundings {
        host_arch: "x86_64".to_owned(),
        cpu_map: Some(std::sync::Arc::new(cpu_map)),
        tpm_versions: vec!["1.2", "2.0"],
        vfio: false,
        sev_guests: (0, 0),
        kvm_max_vcpus: Some(1024),
    };
    Some((around, firmware))
}

#[test]
fn domain_capabilities_are_the_reference_s() {
    let Some((around, firmware)) = surroundings() else { return };
    let cases = [
        ("x86_64", VirtType::Kvm, "q35", include_str!("testdata/kvm-q35-x86_64.xml")),
        ("x86_64", VirtType::Qemu, "pc", include_str!("testdata/qemu-pc-x86_64.xml")),
        ("x86_64", VirtType::Kvm, "isapc", include_str!("testdata/kvm-isapc-x86_64.xml")),
        ("i686", VirtType::Kvm, "pc", include_str!("testdata/kvm-pc-i686.xml")),
    ];
    for (arch, virt_type, machine, expected) in cases {
        let caps = recorded(arch);
        let machine = caps.machine(virt_type.as_str(), machine).unwrap();
        let arch = Arch::from_word(arch).unwrap();
        let answer = Subject { caps: &caps, virt_type, machine, arch }.describe(&around, &firmware).format();
        assert_eq!(answer.trim_end(), expected.trim_end(), "{virt_type} {}", machine.name);
    }
}

#[test]
fn recorded_questions_of_the_argv_writer() {
    let caps = recorded("x86_64");
    assert_eq!(caps.version_number(), 7_002_022);
    assert!(caps.at_least(7, 2) && !caps.at_least(7, 3));
    assert!(caps.has_device("virtio-blk-pci") && !caps.has_device("virtio-blk-ccw"));
    assert!(caps.has_command("blockdev-add") && caps.has_option("sandbox", "enable"));
    assert_eq!(caps.canonical_machine("kvm", "q35"), Some("pc-q35-7.2"));
    assert_eq!(caps.default_machine("qemu").unwrap().name, "pc-i440fx-7.2");
    assert_eq!(caps.default_cpu_model("kvm", "pc"), Some("qemu64"));
    assert!(caps.machine("kvm", "none").is_none() && caps.machine("xen", "pc").is_none());
    for feature in
        ["device.json", "netdev.json", "object.qapified", "kvm", "tcg", "spice", "screenshot-format-png"]
    {
        assert!(caps.has_feature(feature), "{feature}");
    }
}

/// A shell script in the place of QEMU: notes each start in a file, then does what it is told.
struct StandIn {
    dir: tempfile::TempDir,
    binary: String,
}

const ANSWERS: &str = r#"{"QMP": {}}
{"return": {}, "id": "qmp_capabilities"}
{"return": {"qemu": {"major": 8, "minor": 1, "micro": 2}, "package": "stand-in"}, "id": "query-version"}
{"return": {"arch": "x86_64"}, "id": "query-target"}
{"return": {"enabled": false, "present": true}, "id": "query-kvm"}
{"return": [{"name": "tcg-accel"}, {"name": "iothread"}], "id": "qom-list-types"}
{"return": [{"name": "query-vnc"}], "id": "query-commands"}
{"error": {"class": "CommandNotFound", "desc": "no"}, "id": "query-qmp-schema"}
{"timestamp": {"seconds": 1, "microseconds": 1}, "event": "SHUTDOWN"}
{"return": [{"name": "none", "cpu-max": 1}, {"name": "pc-1", "alias": "pc", "is-default": true, "cpu-max": 8, "hotpluggable-cpus": true, "new": {}}], "id": "query-machines"}
"#;

impl StandIn {
    fn new(last: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("answers"), ANSWERS).unwrap();
        let binary = dir.path().join("qemu-system-x86_64").to_str().unwrap().to_owned();
        let stand_in = Self { dir, binary };
        stand_in.change(last);
        stand_in
    }

    /// Another version of the binary.
    fn change(&self, last: &str) {
        let dir = self.dir.path().display();
        let script = format!(
            "#!/bin/sh\necho \"$*\" >> {dir}/starts\n{}\n",
            last.replace("ANSWERS", &format!("{dir}/answers"))
        );
        let fresh = self.dir.path().join("fresh");
        std::fs::write(&fresh, script).unwrap();
        std::fs::set_permissions(&fresh, std::fs::Permissions::from_mode(0o755)).unwrap();
        std::fs::rename(fresh, &self.binary).unwrap();
    }

    /// How often it was asked for everything.
    fn starts(&self) -> usize {
        let text = std::fs::read_to_string(self.dir.path().join("starts")).unwrap_or_default();
        text.lines().filter(|line| line.contains("accel=kvm:tcg")).count()
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities::new(Settings {
            cache_dir: self.dir.path().join("cache"),
            dirs: vec![self.dir.path().to_owned()],
            ..Settings::for_daemon(&Paths::for_process("qemu"))
        })
    }
}

#[tokio::test]
async fn many_askers_share_one_probe_and_the_next_daemon_has_the_cache() {
    let stand_in = StandIn::new("cat ANSWERS");
    let capabilities = stand_in.capabilities();
    let askers: Vec<_> = (0..20)
        .map(|_| {
            let (capabilities, binary) = (capabilities.clone(), stand_in.binary.clone());
            tokio::spawn(async move { capabilities.of(&binary).await.unwrap() })
        })
        .collect();
    for asker in askers {
        let caps = asker.await.unwrap();
        assert_eq!((caps.version, caps.package.as_str()), (Version::new(8, 1, 2), "stand-in"));
        assert_eq!(caps.tcg.as_ref().unwrap().machines.len(), 1);
        assert!(caps.kvm.is_none() && caps.has_feature("vnc"));
    }
    assert_eq!(stand_in.starts(), 1);
    stand_in.capabilities().of(&stand_in.binary).await.unwrap();
    assert_eq!(stand_in.starts(), 1);
}

#[tokio::test]
async fn another_version_or_a_damaged_cache_is_probed_again() {
    let stand_in = StandIn::new("cat ANSWERS");
    stand_in.capabilities().of(&stand_in.binary).await.unwrap();
    stand_in.change("sed s/stand-in/newer/ ANSWERS");
    let caps = stand_in.capabilities().of(&stand_in.binary).await.unwrap();
    assert_eq!((caps.package.as_str(), stand_in.starts()), ("newer", 2));
    for entry in std::fs::read_dir(stand_in.dir.path().join("cache")).unwrap() {
        std::fs::write(entry.unwrap().path(), "{\"key\": 1}").unwrap();
    }
    stand_in.capabilities().of(&stand_in.binary).await.unwrap();
    assert_eq!(stand_in.starts(), 3);
}

#[tokio::test]
async fn a_failed_probe_says_why_and_is_remembered() {
    let stand_in = StandIn::new("echo no such luck >&2; exit 3");
    let capabilities = stand_in.capabilities();
    let error = capabilities.of(&stand_in.binary).await.unwrap_err();
    assert!(error.to_string().contains("no such luck"), "{error}");
    assert_eq!(capabilities.of(&stand_in.binary).await.unwrap_err(), error);
    assert_eq!(stand_in.starts(), 1);
}

#[tokio::test]
async fn answers_that_are_none_are_refused() {
    let cases = [
        ("true", "did not answer 'query-version'"),
        ("echo garbage", "not QMP"),
        ("sed 's/\"major\": 8/\"major\": 3/' ANSWERS", "version >= 4.2.0"),
        ("sed 's/\"cpu-max\": 8/\"cpu-max\": []/' ANSWERS", "'query-machines' is malformed"),
        ("head -3 ANSWERS", "did not answer 'query-target'"),
        ("yes '{}'", "'"),
    ];
    for (script, words) in cases {
        let stand_in = StandIn::new(script);
        let error = stand_in.capabilities().of(&stand_in.binary).await.unwrap_err().to_string();
        assert!(
            error.starts_with("Failed to probe QEMU binary") && error.contains(words),
            "{script}: {error}"
        );
    }
}

#[tokio::test]
async fn wrong_questions_get_the_reference_s_errors() {
    let stand_in = StandIn::new("cat ANSWERS");
    let capabilities = stand_in.capabilities();
    let binary = stand_in.binary.as_str();
    let cases = [
        (None, Some("foo"), None, None, 8, "unknown architecture: foo".to_owned()),
        (Some("/nosuch"), Some("foo"), None, Some("bar"), 8, "unknown virttype: bar".to_owned()),
        (
            Some("/nosuch"),
            None,
            None,
            None,
            38,
            "Cannot check QEMU binary /nosuch: No such file or directory".to_owned(),
        ),
        (
            Some("/etc/passwd"),
            None,
            None,
            None,
            38,
            "QEMU binary /etc/passwd is not executable: Permission denied".to_owned(),
        ),
        (
            None,
            Some("ppc64"),
            None,
            None,
            67,
            "unable to find any emulator to serve 'ppc64' architecture".to_owned(),
        ),
        (
            Some(binary),
            Some("aarch64"),
            None,
            None,
            8,
            "architecture from emulator 'x86_64' doesn't match given architecture 'aarch64'".to_owned(),
        ),
        (
            None,
            None,
            Some("bogus"),
            Some("xen"),
            8,
            format!("the machine 'bogus' is not supported by emulator '{binary}'"),
        ),
        (
            None,
            None,
            Some("pc"),
            Some("xen"),
            8,
            format!("Emulator '{binary}' does not support virt type 'xen'"),
        ),
    ];
    for (emulator, arch, machine, virt_type, code, words) in cases {
        let error = capabilities.domain_xml(emulator, arch, machine, virt_type).await.unwrap_err();
        let fault = protocol::Fault::from(error);
        assert_eq!((fault.code.0, fault.str2.as_deref()), (code, Some(words.as_str())));
    }
    let answer = capabilities.domain_xml(None, None, None, Some("none")).await.unwrap();
    let root = parse(&answer, &Limits::document("domainCapabilities")).unwrap();
    assert_eq!(root.child_text("machine").as_deref(), Some("pc-1"));
    assert_eq!(root.child_text("domain").as_deref(), Some("qemu"));
}

#[tokio::test]
async fn the_installed_emulators_are_described() {
    let dir = tempfile::tempdir().unwrap();
    let settings =
        Settings { cache_dir: dir.path().to_owned(), ..Settings::for_daemon(&Paths::for_process("qemu")) };
    let capabilities = Capabilities::new(settings);
    let native = match capabilities.native().await {
        Ok(native) => native,
        Err(CapabilitiesError::None) => {
            eprintln!("NOT RUN: no emulator is installed");
            return;
        }
        Err(error) => panic!("{error}"),
    };
    assert!(native.version >= OLDEST && native.tcg.is_some());
    let xml = capabilities.host_xml().await.unwrap();
    let root = parse(&xml, &Limits::document("capabilities")).unwrap();
    let host = root.child("host").unwrap();
    assert_eq!(host.child_text("cpu/arch"), Some(::host::system::architecture()));
    assert!(host.find("topology/cells/cell/cpus/cpu").is_some());
    let emulators: Vec<_> =
        root.children_named("guest").filter_map(|guest| guest.child_text("arch/emulator")).collect();
    assert!(emulators.contains(&native.binary), "{emulators:?}");
    let answer = capabilities.domain_xml(None, None, None, None).await.unwrap();
    let root = parse(&answer, &Limits::document("domainCapabilities")).unwrap();
    assert_eq!(root.child_text("path").as_ref(), Some(&native.binary));
}
