//! What is found out about emulators and the host: kept on disk as long as it holds, and no longer.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tests::{Instance, guest};

fn cache_dir(instance: &Instance) -> PathBuf {
    let parts =
        if instance.is_system() { "var/cache/libvirt/qemu" } else { "home/.cache/libvirt/qemu/cache" };
    instance.root().join(parts).join("capabilities")
}

/// The one cache file whose text has `word`.
fn cache_file(instance: &Instance, word: &str) -> PathBuf {
    let entries = std::fs::read_dir(cache_dir(instance)).unwrap().map(|entry| entry.unwrap().path());
    let mut found: Vec<_> =
        entries.filter(|path| std::fs::read_to_string(path).is_ok_and(|text| text.contains(word))).collect();
    assert_eq!(found.len(), 1, "{found:?}");
    found.remove(0)
}

fn json(path: &Path) -> serde_json::Value {
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// An emulator of our own: QEMU, which finds its parts only from its own place.
fn wrap(path: &Path) {
    std::fs::write(path, "#!/bin/sh\nexec /usr/bin/qemu-system-x86_64 \"$@\"\n").unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn the_cache_is_dropped_when_the_binary_the_kernel_or_the_processor_change() {
    let mut instance = Instance::builder().prepare();
    let emulator = instance.root().join("emulator");
    wrap(&emulator);
    let emulator = emulator.to_str().unwrap().to_owned();
    instance.start_again();
    let ask = |instance: &Instance| {
        instance.virsh(&["domcapabilities", "--emulatorbin", &emulator, "--virttype", "qemu"]).ok()
    };
    let answer = ask(&instance);
    let file = cache_file(&instance, &emulator);
    let known = json(&file);

    // Nothing has changed: the next daemon reads it, and writes nothing.
    let written = |file: &Path| std::fs::metadata(file).unwrap().modified().unwrap();
    let before = written(&file);
    instance.restart();
    assert_eq!(ask(&instance), answer);
    assert_eq!(written(&file), before);

    for (key, other) in [("kernel", "1.0 #1"), ("cpu", "vendor_id : other"), ("daemon", "0.0.0")] {
        let mut stale = known.clone();
        assert!(stale["key"][key].is_string(), "{key}");
        stale["key"][key] = other.into();
        stale["caps"]["package"] = "stale".into();
        std::fs::write(&file, stale.to_string()).unwrap();
        instance.restart();
        assert_eq!(ask(&instance), answer, "{key}");
        assert_eq!(json(&file), known, "{key}");
    }

    // A running daemon sees a new binary as well.
    let before = written(&file);
    let fresh = instance.root().join("fresh");
    wrap(&fresh);
    std::fs::rename(&fresh, &emulator).unwrap();
    while written(&file) == before {
        assert_eq!(ask(&instance), answer);
    }
    assert_ne!(json(&file)["key"]["files"], known["key"]["files"]);
    // And that there is none any more.
    std::fs::remove_file(&emulator).unwrap();
    while instance.virsh(&["domcapabilities", "--emulatorbin", &emulator]).code == 0 {}
    let error = instance.virsh(&["domcapabilities", "--emulatorbin", &emulator]).fails();
    assert!(error.contains(&emulator), "{error}");
}

#[test]
fn firmware_that_comes_and_goes_is_noticed() {
    let instance = Instance::start();
    let folder = instance.etc_dir().parent().unwrap().join("qemu/firmware");
    let image = instance.root().join("firmware.bin");
    std::fs::write(&image, [0; 65536]).unwrap();
    let ask = || instance.virsh(&["domcapabilities", "--virttype", "qemu", "--machine", "q35"]).ok();
    let line = format!("<value>{}</value>", image.display());
    assert!(!ask().contains(&line));
    std::fs::create_dir_all(&folder).unwrap();
    let descriptor = folder.join("05-own.json");
    let text = format!(
        r#"{{"description":"own","interface-types":["uefi"],"mapping":{{"device":"memory","filename":"{}"}},
        "targets":[{{"architecture":"x86_64","machines":["pc-q35-*"]}}],"features":[],"tags":[]}}"#,
        image.display()
    );
    std::fs::write(&descriptor, text).unwrap();
    while !ask().contains(&line) {}
    // A start takes it, as the first in the order of names.
    let xml = guest::nano_xml("g", "qemu", &guest::files())
        .replace("<os>", "<os firmware='efi'>")
        .replace("arch='x86_64'", "arch='x86_64' machine='q35'");
    instance.define(&xml).ok();
    let native = instance.virsh(&["domxml-to-native", "qemu-argv", "--domain", "g"]).ok();
    assert!(native.contains(&format!("-bios {}", image.display())), "{native}");
    std::fs::remove_file(&descriptor).unwrap();
    while ask().contains(&line) {}
}

#[test]
fn the_host_tells_its_time_stamp_counter_where_kvm_does() {
    let instance = Instance::start();
    let host = instance.virsh(&["capabilities"]).ok();
    let counter = host.lines().find(|line| line.contains("<counter name='tsc' frequency='"));
    if guest::has_kvm() && std::env::consts::ARCH == "x86_64" {
        let hz = counter.and_then(|line| line.split('\'').nth(3)).and_then(|text| text.parse::<u64>().ok());
        assert!(hz.is_some_and(|hz| hz > 100_000_000), "{host}");
    } else {
        assert_eq!(counter, None);
    }
}
