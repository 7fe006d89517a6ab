//! UEFI: chosen by its descriptors, with variables made from a template, up to the firmware's own words.

use std::path::{Path, PathBuf};
use tests::{Instance, guest, not_run};

const CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M";
const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M";

/// A guest without disks whose serial port is recorded.
fn efi(name: &str, features: &str, serial: &Path) -> String {
    guest::nano_xml(name, "qemu", &guest::files())
        .replace(&format!("<kernel>{}</kernel>", guest::files().nano.display()), features)
        .replace("<os>", "<os firmware='efi'>")
        .replace("arch='x86_64'", "arch='x86_64' machine='q35'")
        .replace("'MiB'>16<", "'MiB'>128<")
        .replace("<acpi/>", "<acpi/><smm state='on'/>")
        .replace(
            "<serial type='pty'/>\n    <console type='pty'/>",
            &format!("<serial type='file'><source path='{}'/></serial>", serial.display()),
        )
}

fn variables(instance: &Instance, name: &str) -> PathBuf {
    let folder = if instance.is_system() { instance.library_dir() } else { instance.config_dir() };
    folder.join(format!("nvram/{name}_VARS.fd"))
}

fn is_installed(test: &str) -> bool {
    let there = Path::new(VARIABLES).with_extension("fd").exists();
    if !there {
        not_run(test, "OVMF is not installed");
    }
    there
}

#[test]
fn the_firmware_starts_and_keeps_its_variables() {
    if !is_installed("the_firmware_starts_and_keeps_its_variables") {
        return;
    }
    let instance = Instance::start();
    let serial = instance.root().join("serial.out");
    let plain = "<firmware><feature enabled='no' name='secure-boot'/></firmware>";
    instance.define(&efi("fw", plain, &serial)).ok();
    instance.virsh(&["start", "fw"]).ok();
    let xml = instance.virsh(&["dumpxml", "fw"]).ok();
    let file = variables(&instance, "fw");
    let nvram = format!("<nvram template='{VARIABLES}.fd'>{}</nvram>", file.display());
    assert!(xml.contains(&format!("<loader readonly='yes' type='pflash'>{CODE}.fd</loader>")), "{xml}");
    assert!(xml.contains(&nvram), "{xml}");
    // What OVMF says when it looks for something to boot.
    let said = || std::fs::read(&serial).is_ok_and(|text| String::from_utf8_lossy(&text).contains("BdsDxe"));
    let begun = std::time::Instant::now();
    while !said() {
        assert!(begun.elapsed() < tests::LIMIT, "the firmware says nothing");
        instance.virsh(&["domstate", "fw"]).ok();
    }
    instance.virsh(&["destroy", "fw"]).ok();
    assert!(!instance.virsh(&["dumpxml", "fw"]).ok().contains("<nvram"), "the choice is the start's");

    // Kept over starts, made anew when that is asked for.
    let template = std::fs::read(format!("{VARIABLES}.fd")).unwrap();
    let ours = vec![0x5a; template.len()];
    std::fs::write(&file, &ours).unwrap();
    instance.virsh(&["start", "fw", "--paused"]).ok();
    assert!(std::fs::read(&file).unwrap() == ours);
    instance.virsh(&["destroy", "fw"]).ok();
    instance.virsh(&["start", "fw", "--paused", "--reset-nvram"]).ok();
    assert!(std::fs::read(&file).unwrap() == template);
    instance.virsh(&["destroy", "fw"]).ok();

    let error = instance.virsh(&["undefine", "fw"]).fails();
    assert!(error.contains("cannot undefine domain with nvram"), "{error}");
    instance.virsh(&["undefine", "fw", "--keep-nvram"]).ok();
    assert!(file.exists());
    instance.define(&efi("fw", plain, &serial)).ok();
    instance.virsh(&["undefine", "fw", "--nvram"]).ok();
    assert!(!file.exists());
}

#[test]
fn features_choose_the_firmware() {
    if !is_installed("features_choose_the_firmware") {
        return;
    }
    let instance = Instance::start();
    let chosen = |name: &str, secure: &str, keys: &str| {
        let features = format!(
            "<firmware><feature enabled='{secure}' name='secure-boot'/><feature enabled='{keys}' name='enrolled-keys'/></firmware>"
        );
        instance.define(&efi(name, &features, &instance.root().join("s"))).ok();
        let started = instance.virsh(&["start", name, "--paused"]);
        let xml = instance.virsh(&["dumpxml", name]).ok();
        let line =
            |tag: &str| xml.lines().find(|line| line.contains(tag)).unwrap_or_default().trim().to_owned();
        instance.virsh(&["destroy", name]);
        (started, line("<loader"), line("<nvram"))
    };
    let (started, loader, nvram) = chosen("keys", "yes", "yes");
    started.ok();
    assert_eq!(loader, format!("<loader readonly='yes' secure='yes' type='pflash'>{CODE}.ms.fd</loader>"));
    assert!(nvram.starts_with(&format!("<nvram template='{VARIABLES}.ms.fd'>")), "{nvram}");
    let (started, loader, _) = chosen("nokeys", "yes", "no");
    started.ok();
    assert_eq!(
        loader,
        format!("<loader readonly='yes' secure='yes' type='pflash'>{CODE}.secboot.fd</loader>")
    );
    // Keys without the feature that uses them are refused at once, a machine that no firmware with it has at the start.
    let features = "<firmware><feature enabled='no' name='secure-boot'/><feature enabled='yes' name='enrolled-keys'/></firmware>";
    let odd = efi("odd", features, &instance.root().join("s"));
    let error = instance.define(&odd).fails();
    assert!(error.contains("'enrolled-keys'") && error.contains("'secure-boot'"), "{error}");
    let old = odd.replace("enabled='no'", "enabled='yes'").replace("machine='q35'", "machine='pc'");
    instance.define(&old.replace("<smm state='on'/>", "")).ok();
    let error = instance.virsh(&["start", "odd"]).fails();
    assert!(error.contains("Unable to find any firmware to satisfy 'efi'"), "{error}");
}

/// What variables are made from: the descriptor of the code goes before `nvram` of qemu.conf; where neither knows the
/// code, they must be there already.
#[test]
fn variables_need_a_template() {
    if !is_installed("variables_need_a_template") {
        return;
    }
    let own = if rustix::process::geteuid().is_root() { "user = \"root\"\ngroup = \"root\"\n" } else { "" };
    let conf = format!("{own}nvram = [ \"{CODE}.fd:/nowhere\" ]\n");
    let instance = Instance::builder().qemu_conf(&conf).start();
    let code = instance.root().join("code.fd");
    std::fs::copy(format!("{CODE}.fd"), &code).unwrap();
    let by_path = |name: &str, code: &str, nvram: &str| {
        let serial = instance.root().join("s");
        let os = format!("<loader readonly='yes' type='pflash'>{code}</loader>{nvram}");
        efi(name, &os, &serial).replace("<os firmware='efi'>", "<os>")
    };
    instance.define(&by_path("known", &format!("{CODE}.fd"), "")).ok();
    instance.virsh(&["start", "known", "--paused"]).ok();
    let live = instance.virsh(&["dumpxml", "known"]).ok();
    assert!(live.contains(&format!("<nvram template='{VARIABLES}.fd'>")), "{live}");
    assert!(!instance.virsh(&["dumpxml", "known", "--inactive"]).ok().contains("template="));

    let own = instance.root().join("own.fd");
    let nvram = format!("<nvram>{}</nvram>", own.display());
    instance.define(&by_path("other", code.to_str().unwrap(), &nvram)).ok();
    let error = instance.virsh(&["start", "other", "--paused"]).fails();
    let expected = format!("unable to find any master var store for loader: {}", code.display());
    assert!(error.contains(&expected), "{error}");
    std::fs::copy(format!("{VARIABLES}.fd"), &own).unwrap();
    instance.virsh(&["start", "other", "--paused"]).ok();
    instance.virsh(&["destroy", "other"]).ok();
    let error = instance.virsh(&["start", "other", "--paused", "--reset-nvram"]).fails();
    assert!(error.contains(&expected), "{error}");
    assert!(own.exists());
}
