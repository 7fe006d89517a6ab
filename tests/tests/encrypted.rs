//! Encrypted disks: virtqemud asks virtsecretd for the passphrase, which reaches QEMU under the guest's own key.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use tests::{Daemon, Instance, guest};

const UUID: &str = "22222222-0000-4000-8000-000000000001";
const PASSPHRASE: &str = "a passphrase that nobody guesses";

/// An encrypted image that opens with [`PASSPHRASE`]; None where no qemu-img is installed.
fn image(instance: &Instance, format: &str) -> Option<PathBuf> {
    let path = instance.root().join(format!("disk.{format}"));
    let options = match format {
        "raw" => ["-f", "luks", "-o", "key-secret=s,iter-time=10"],
        _ => ["-f", "qcow2", "-o", "encrypt.format=luks,encrypt.key-secret=s,encrypt.iter-time=10"],
    };
    let secret = format!("secret,id=s,data={PASSPHRASE}");
    let head = ["create", "-q", "--object", &secret];
    let end = [path.to_str().unwrap(), "4M"];
    let arguments = [&head[..], &options, &end].concat();
    loop {
        let made = instance.run_if_installed("qemu-img", &arguments)?;
        // It measures the processor to count its rounds, and gives up where that took no tick of the clock.
        if !made.stderr.contains("Unable to get accurate CPU usage") {
            made.ok();
            return Some(path);
        }
    }
}

fn xml(format: &str, path: &Path, secret: &str) -> String {
    let disk = format!(
        "<disk type='file' device='disk'><driver name='qemu' type='{format}'/>\
         <source file='{}'><encryption format='luks'><secret type='passphrase' {secret}/></encryption></source>\
         <target dev='vda' bus='virtio'/></disk></devices>",
        path.display()
    );
    guest::nano_xml("e1", "qemu", &guest::files()).replace("</devices>", &disk)
}

/// Defines the secret of a volume and sets its value.
fn secret(instance: &Instance, path: &Path, value: &str) {
    let text = format!(
        "s = libvirt.open({:?})\n\
         x = s.secretDefineXML(\"<secret private='yes'><uuid>{UUID}</uuid><usage type='volume'><volume>{}</volume></usage></secret>\")\n\
         x.setValue({value:?}.encode())\n",
        instance.uri_of(Daemon::Virtsecretd),
        path.display()
    );
    instance.python(&text).ok();
}

#[test]
fn disks_open_with_private_secrets_by_uuid_and_by_path() {
    let mut instance = Instance::start();
    instance.start_beside(Daemon::Virtsecretd);
    for format in ["raw", "qcow2"] {
        let Some(path) = image(&instance, format) else {
            return tests::not_run(
                "encrypted disks",
                "qemu-img is not installed (Debian package qemu-utils)",
            );
        };
        secret(&instance, &path, PASSPHRASE);
        for by in [format!("uuid='{UUID}'"), format!("usage='{}'", path.display())] {
            instance.define(&xml(format, &path, &by)).ok();
            instance.virsh(&["start", "e1", "--paused"]).ok();
            let pid = instance.guests()[0];
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap();
            let line = String::from_utf8_lossy(&line).into_owned();
            assert!(
                line.contains("-format-encryption-secret0\",\"data\":\"") && line.contains("\"masterKey0\""),
                "{line}"
            );
            assert!(!line.contains(PASSPHRASE) && !instance.log().contains(PASSPHRASE));
            // QEMU has read the header with the passphrase: it knows the size of what is inside.
            assert!(instance.virsh(&["domblkinfo", "e1", "vda"]).ok().contains("4194304"));
            let key = instance
                .library_dir()
                .join(format!("domain-{}-e1/master-key.aes", instance.virsh(&["domid", "e1"]).ok().trim()));
            let metadata = key.metadata().unwrap();
            assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (32, 0o600));
            instance.virsh(&["destroy", "e1"]).ok();
            assert!(!key.exists());
            instance.virsh(&["undefine", "e1"]).ok();
        }
        instance
            .python(&format!(
                "libvirt.open({:?}).secretLookupByUUIDString('{UUID}').undefine()\n",
                instance.uri_of(Daemon::Virtsecretd)
            ))
            .ok();
    }
}

#[test]
fn without_the_right_passphrase_no_guest_starts() {
    let mut instance = Instance::start();
    let Some(path) = image(&instance, "raw") else {
        return tests::not_run("encrypted disks", "qemu-img is not installed (Debian package qemu-utils)");
    };
    instance.define(&xml("raw", &path, &format!("uuid='{UUID}'"))).ok();
    let absent = instance.virsh(&["start", "e1"]).fails();
    assert!(absent.contains("virtsecretd-sock") && absent.contains("No such file"), "{absent}");
    instance.start_beside(Daemon::Virtsecretd);
    let unknown = instance.virsh(&["start", "e1"]).fails();
    assert!(unknown.contains("Secret not found") && unknown.contains(UUID), "{unknown}");
    secret(&instance, &path, "a wrong passphrase");
    let wrong = instance.virsh(&["start", "e1"]).fails();
    assert!(wrong.contains("Invalid password"), "{wrong}");
    instance.wait_idle();
    secret(&instance, &path, PASSPHRASE);
    instance.virsh(&["start", "e1", "--paused"]).ok();
    instance.virsh(&["destroy", "e1"]).ok();
}
