//! Guests' processors: like the host's, named, checked; and what the live definition tells of them.

use tests::script::CODE;
use tests::{Instance, guest, not_run};

/// Names and policies of processors are told from libvirt's map, which its packages install.
fn has_map(test: &str) -> bool {
    let there = std::path::Path::new("/usr/share/libvirt/cpu_map/index.xml").exists();
    if !there {
        not_run(test, "libvirt's map of processors is not installed");
    }
    there
}

fn with(name: &str, cpu: &str) -> String {
    guest::nano_xml(name, "qemu", &guest::files()).replace("<devices>", &format!("{cpu}<devices>"))
}

/// Codes and domains of the errors that starts end with.
fn refusals(instance: &Instance, cpus: &[&str]) -> Vec<String> {
    let documents: Vec<_> = cpus.iter().map(|cpu| with("g", cpu)).collect();
    let out = instance.python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         for xml in {documents:?}:\n\
         \x20   try: c.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED).destroy(); print('started')\n\
         \x20   except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain(), e.get_error_message())\n"
    ));
    out.ok().lines().map(str::to_owned).collect()
}

/// 91: the processor does not suit this host; 1 and 67 of the processors' domain (31).
#[test]
fn what_this_host_cannot_do_is_refused() {
    if !has_map("what_this_host_cannot_do_is_refused") {
        return;
    }
    let instance = Instance::start();
    let told = refusals(
        &instance,
        &[
            "<cpu mode='host-model'/>",
            "<cpu mode='host-model'><feature policy='require' name='avx512f'/></cpu>",
            "<cpu mode='host-model' check='none'><feature policy='optional' name='avx512f'/></cpu>",
            "<cpu mode='host-model' match='strict'/>",
            "<cpu mode='host-model'><model>Strange</model></cpu>",
            "<cpu mode='host-model' match='bogus'/>",
            "<cpu mode='host-model'><feature policy='forbid' name='aes'/></cpu>",
            "<cpu mode='host-model'><feature policy='forbid' name='hypervisor'/></cpu>",
            "<cpu mode='custom'><model>EPYC-v2</model></cpu>",
            "<cpu mode='custom'><model>max</model></cpu>",
            "<cpu mode='custom'><model>qemu64</model><feature name='strange'/></cpu>",
            "<cpu mode='custom' check='full'><model>Skylake-Server</model></cpu>",
            "<cpu mode='maximum'><vendor>AMD</vendor></cpu>",
            "<cpu mode='maximum'><maxphysaddr mode='passthrough' bits='42'/></cpu>",
        ],
    );
    let expected = [
        "started",
        "91 31 the CPU is incompatible with host CPU: Host CPU does not provide required features: avx512f",
        "started",
        "91 31 the CPU is incompatible with host CPU: Host CPU does not strictly match guest CPU: Extra features: ",
        "1 31 internal error: Unknown CPU model Strange",
        "27 5 XML error: ",
        "91 31 the CPU is incompatible with host CPU: Host CPU provides forbidden features: aes",
        "91 31 the CPU is incompatible with host CPU: Host CPU provides forbidden features: hypervisor",
        "1 31 internal error: Unknown CPU model EPYC-v2",
        "1 31 internal error: Unknown CPU model max",
        "67 31 unsupported configuration: unknown CPU feature: strange",
        "9 31 operation failed: guest CPU doesn't match specification: ",
        "27 31 XML error: CPU vendor specified without CPU model",
        "67 10 unsupported configuration: CPU maximum physical address bits number specification cannot be used with mode='passthrough'",
    ];
    assert_eq!(told.len(), expected.len(), "{told:#?}");
    for (told, expected) in told.iter().zip(expected) {
        assert!(told.starts_with(expected), "{told}\n{expected}");
    }
}

/// A named model becomes, in the live definition, what QEMU made of it; nothing else may take its place.
#[test]
fn live_definitions_tell_the_whole_processor() {
    if !has_map("live_definitions_tell_the_whole_processor") {
        return;
    }
    let instance = Instance::start();
    instance.define(&with("g", "<cpu mode='custom'><model>Nehalem</model></cpu>")).ok();
    instance.virsh(&["start", "g", "--paused"]).ok();
    let live = instance.virsh(&["dumpxml", "g"]).ok();
    assert!(live.contains("<cpu mode='custom' match='exact' check='full'>"), "{live}");
    assert!(live.contains("<model fallback='forbid'>Nehalem</model>"), "{live}");
    assert!(live.contains("<feature policy='require' name='hypervisor'/>"), "{live}");
    let stored = instance.virsh(&["dumpxml", "g", "--inactive"]).ok();
    assert!(stored.contains("<model fallback='allow'>Nehalem</model>"), "{stored}");
    assert!(!stored.contains("<feature policy"), "{stored}");
}

/// Of many features that a newer model would have to go without, and an older one with more added, the older one is
/// the host's likeness under emulation of 32 bits; with 64 bits fewer are missing.
#[test]
fn a_likeness_has_few_features_missing() {
    if !has_map("a_likeness_has_few_features_missing") {
        return;
    }
    if !std::path::Path::new("/usr/bin/qemu-system-i386").exists() {
        return not_run("a_likeness_has_few_features_missing", "no qemu-system-i386");
    }
    let instance = Instance::start();
    let model = |arch: &str| {
        let told = instance.virsh(&["domcapabilities", "--arch", arch, "--virttype", "qemu"]).ok();
        let (_, part) = told.split_once("<mode name='host-model' supported='yes'>").unwrap();
        let (part, _) = part.split_once("</mode>").unwrap();
        let (_, name) = part.split_once("<model fallback='forbid'>").unwrap();
        let missing = part.matches("policy='disable'").count();
        (name.split('<').next().unwrap().to_owned(), missing)
    };
    let (wide, narrow) = (model("x86_64"), model("i686"));
    // The figures are those of QEMU 7.2, which libvirt 9.0 chooses these models for.
    let version = instance.virsh(&["version"]).ok();
    if !version.contains("QEMU 7.2") {
        return not_run("a_likeness_has_few_features_missing", "the figures are those of QEMU 7.2");
    }
    assert_eq!((wide.0.as_str(), narrow.0.as_str()), ("EPYC", "Opteron_G2"));
    assert_eq!((wide.1, narrow.1), (10, 2));
}
