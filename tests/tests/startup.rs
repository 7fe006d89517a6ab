//! What a start does when something is not there: images that may be missing, emulators that vanish or change.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use tests::Instance;

/// Hears events while a guest is started and destroyed, with the definition in `text`.
const LISTEN: &str = "
import threading
libvirt.registerErrorHandler(lambda *a: None, None)
libvirt.virEventRegisterDefaultImpl()
def loop():
    while True: libvirt.virEventRunDefaultImpl()
threading.Thread(target=loop, daemon=True).start()
c = libvirt.open(uri)
heard = []
ended = threading.Event()
def lifecycle(c, d, event, detail, o):
    heard.append(event)
    if event == libvirt.VIR_DOMAIN_EVENT_STOPPED: ended.set()
c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, None)
c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_DISK_CHANGE,
    lambda c, d, old, new, alias, reason, o: heard.append((d.name(), d.ID() > 0, old, new, alias, reason)), None)
def run(text):
    heard.clear(); ended.clear()
    try: d = c.lookupByName('p'); d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)
    except libvirt.libvirtError: d = c.createXML(text, libvirt.VIR_DOMAIN_START_PAUSED)
    live = d.XMLDesc(0)
    d.destroy()
    ended.wait(20)
    return live
def fails(make):
    try: make()
    except libvirt.libvirtError as e: return (e.get_error_code(), e.get_error_domain(), e.get_error_message())
";

fn disk(device: &str, path: &Path, policy: &str, target: &str, bus: &str) -> String {
    let policy = if policy.is_empty() { String::new() } else { format!(" startupPolicy='{policy}'") };
    let path = path.display();
    format!(
        "<disk type='file' device='{device}'><driver name='qemu' type='raw'/><source file='{path}'{policy}/>\
         <target dev='{target}' bus='{bus}'/></disk>"
    )
}

/// An image that lies on another, which need not be there.
fn overlay(path: &Path, below: &Path) {
    let mut command = Command::new("qemu-img");
    command.args(["create", "-q", "-u", "-f", "qcow2", "-F", "raw", "-b"]).arg(below).arg(path).arg("1M");
    tests::run(&mut command, "", tests::LIMIT).ok();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap();
}

fn domain(name: &str, emulator: &Path, inner: &str) -> String {
    let emulator = emulator.display();
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>16</memory>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os>\
         <devices><emulator>{emulator}</emulator>{inner}</devices></domain>"
    )
}

fn plain(inner: &str) -> String {
    domain("p", Path::new("/usr/bin/qemu-system-x86_64"), inner)
}

#[test]
fn disks_that_may_be_missing_are_left_out() {
    for instance in [Instance::start(), Instance::builder().session().start()] {
        let gone = instance.root().join("gone.img");
        let there = instance.root().join("there.img");
        std::fs::write(&there, vec![0; 1 << 20]).unwrap();
        std::fs::set_permissions(&there, std::fs::Permissions::from_mode(0o666)).unwrap();
        let lost = instance.root().join("lost.qcow2");
        overlay(&lost, &gone);
        let path = gone.display();
        let cases = [
            (disk("cdrom", &gone, "optional", "sda", "sata"), "sata0-0-0", 0, &gone, 1),
            (disk("floppy", &gone, "optional", "fda", "fdc"), "fdc0-0-0", 0, &gone, 1),
            (disk("disk", &gone, "optional", "vda", "virtio"), "virtio-disk0", 1, &gone, 0),
            (
                disk("disk", &lost, "optional", "vda", "virtio").replace("type='raw'", "type='qcow2'"),
                "virtio-disk0",
                1,
                &lost,
                0,
            ),
        ];
        for (inner, alias, reason, old, left) in cases {
            let old = old.display();
            let told = instance.python(&format!(
                "{LISTEN}live = run(\"\"\"{}\"\"\")\nprint(heard)\nprint(live.count('<disk '), '<source file' in live)",
                plain(&inner)
            ));
            let expect =
                format!("[('p', True, '{old}', None, '{alias}', {reason}), 2, 3, 6, 5]\n{left} False\n");
            assert_eq!(told.ok(), expect, "{inner}");
        }
        // The last one is looked at first; the others keep their places and numbers.
        let inner = disk("disk", &there, "optional", "vda", "virtio")
            + &disk("disk", &gone, "optional", "vdb", "virtio")
            + &disk("cdrom", &gone, "optional", "sdb", "sata");
        let told = instance.python(&format!(
            "{LISTEN}c.defineXML(\"\"\"{text}\"\"\")\nlive = run(\"\"\"{text}\"\"\")\nd = c.lookupByName('p')\n\
             print([event[2:] for event in heard if isinstance(event, tuple)])\n\
             print(live.count('<disk '), \"index='3'\" in live, d.XMLDesc(0).count(\"startupPolicy='optional'\"))\n\
             d.undefine()",
            text = plain(&inner)
        ));
        let expect =
            format!("[('{path}', None, 'sata0-0-1', 0), ('{path}', None, 'virtio-disk1', 1)]\n2 True 3\n");
        assert_eq!(told.ok(), expect);
    }
}

#[test]
fn disks_that_must_be_there_are_named() {
    let instance = Instance::start();
    let gone = instance.root().join("gone.img");
    for policy in ["", "mandatory", "requisite"] {
        for (device, target, bus) in
            [("cdrom", "sda", "sata"), ("floppy", "fda", "fdc"), ("disk", "vda", "virtio")]
        {
            let text = plain(&disk(device, &gone, policy, target, bus));
            let told =
                instance.python(&format!("{LISTEN}print(fails(lambda: run(\"\"\"{text}\"\"\")), heard)"));
            let missing =
                format!("Cannot access storage file '{}': No such file or directory", gone.display());
            let expect = match (device, policy) {
                ("disk", "requisite") => {
                    "(27, 20, \"XML error: disk startupPolicy 'requisite' is allowed only for cdrom or floppy\") []\n"
                        .to_owned()
                }
                _ => format!("(38, 18, \"{missing}\") []\n"),
            };
            assert_eq!(told.ok(), expect, "{device} {policy}");
        }
    }
}

/// A copy of QEMU that can be taken away. It looks for its modules and firmware beside itself.
fn emulator(instance: &Instance) -> PathBuf {
    let prefix = instance.root().join("usr");
    std::fs::create_dir_all(prefix.join("bin")).unwrap();
    for shared in ["lib", "share"] {
        std::os::unix::fs::symlink(Path::new("/usr").join(shared), prefix.join(shared)).unwrap();
    }
    let path = prefix.join("bin/qemu-system-copy");
    std::fs::copy("/usr/bin/qemu-system-x86_64", &path).unwrap();
    path
}

#[test]
fn an_emulator_that_vanishes_or_changes_is_told() {
    let instance = Instance::start();
    let path = emulator(&instance);
    let away = instance.root().join("away");
    instance.define(&domain("e1", &path, "")).ok();
    let start = |instance: &Instance| {
        let text = "libvirt.registerErrorHandler(lambda *a: None, None)\nc = libvirt.open(uri)\ntry: c.lookupByName('e1').createWithFlags(1)\n\
                    except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain(), e)";
        instance.python(text).ok()
    };
    std::fs::rename(&path, &away).unwrap();
    let name = path.display();
    let gone = format!("Cannot check QEMU binary {name}: No such file or directory");
    assert_eq!(start(&instance), format!("38 10 {gone}\n"));
    assert_eq!(instance.virsh(&["domstate", "e1"]).ok().trim(), "shut off");
    assert!(instance.virsh(&["dumpxml", "e1"]).ok().contains("<emulator>"));
    let again = instance.define(&domain("e1", &path, "")).fails();
    assert!(again.contains(&gone), "{again}");

    // Something else is in its place: it is asked anew, and what it says is told.
    std::fs::write(&path, "#!/bin/sh\necho this is no emulator >&2\nexit 3\n").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    let other = start(&instance);
    assert!(other.starts_with("1 10 ") && other.contains(&format!("{name}")), "{other}");
    assert!(other.contains("this is no emulator"), "{other}");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert_eq!(start(&instance), format!("38 10 QEMU binary {name} is not executable: Permission denied\n"));
    std::fs::remove_file(&path).unwrap();
    std::fs::create_dir(&path).unwrap();
    assert_eq!(start(&instance), format!("38 10 QEMU binary {name} is not executable: Is a directory\n"));
    std::fs::remove_dir(&path).unwrap();

    std::fs::rename(&away, &path).unwrap();
    assert_eq!(start(&instance), "");
    instance.virsh(&["destroy", "e1"]).ok();
}

#[test]
fn a_guest_outlives_its_emulators_file() {
    let mut instance = Instance::start();
    let path = emulator(&instance);
    let devices = "<video><model type='vga'/></video>";
    instance.define(&domain("e2", &path, devices)).ok();
    instance.virsh(&["start", "e2"]).ok();
    std::fs::remove_file(&path).unwrap();
    let steer = |instance: &Instance| {
        for (call, state) in [("suspend", "paused"), ("resume", "running")] {
            instance.virsh(&[call, "e2"]).ok();
            assert_eq!(instance.virsh(&["domstate", "e2"]).ok().trim(), state);
        }
        let picture = instance.root().join("picture");
        instance.virsh(&["screenshot", "e2", picture.to_str().unwrap()]).ok();
        assert!(instance.virsh(&["dommemstat", "e2"]).ok().contains("rss"));
        assert!(instance.virsh(&["dumpxml", "e2"]).ok().contains("id='1'"));
    };
    steer(&instance);
    instance.kill();
    instance.start_again();
    assert_eq!(instance.guests().len(), 1);
    steer(&instance);
    instance.virsh(&["destroy", "e2"]).ok();
    instance.wait_idle();
    let refused = instance.virsh(&["start", "e2"]).fails();
    assert!(refused.contains("Cannot check QEMU binary"), "{refused}");
    instance.virsh(&["undefine", "e2"]).ok();
}
