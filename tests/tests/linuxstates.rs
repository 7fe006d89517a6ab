//! What Linux does to its devices and to itself, and which states clients see: trays, disks that cannot be read, sleep on
//! disk, a panic. The sequences are those of libvirt 9.0 for the same guest.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use tests::script::{CODE, CONSOLE, EVENTS, EVERYTHING};
use tests::{Instance, guest};

fn script(rest: &str) -> String {
    format!("{EVENTS}{CODE}{CONSOLE}{EVERYTHING}{rest}")
}

fn open_to_all(path: &Path) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o666)).unwrap();
}

/// A file of zeros that guests may write.
fn image(instance: &Instance, name: &str, size: u64) -> PathBuf {
    let path = instance.root().join(name);
    std::fs::File::create(&path).unwrap().set_len(size).unwrap();
    open_to_all(&path);
    path
}

fn linux(name: &str, devices: &str) -> String {
    guest::linux_xml(name, &guest::files()).replace("</devices>", &format!("{devices}</devices>"))
}

/// The guest's driver lets its last reader eject the medium, and the next one take it in again.
#[test]
fn a_guest_moves_its_tray() {
    let mut instance = Instance::start();
    let medium = image(&instance, "cd.iso", 1 << 20);
    let disk = format!(
        "<controller type='scsi' model='virtio-scsi'/><disk type='file' device='cdrom'><source file='{}'/>\
         <target dev='sda' bus='scsi'/><readonly/></disk>",
        medium.display()
    );
    let xml = linux("l1", &disk);
    let target = "import re\ntray = lambda: re.findall(\"<target dev='sda'[^>]*>\", d.XMLDesc())\n";
    let out = instance.python(&script(&format!(
        "{target}d = c.createXML({xml:?}, 1); s = prompt(d); quiet()\n\
         shell(s, 'echo 1 > /proc/sys/dev/cdrom/autoeject; head -c 1 /dev/sr0 | wc -c')\n\
         print(hear('tray_change'), tray())\n"
    )));
    assert_eq!(
        out.ok(),
        "[('tray_change', 'scsi0-0-0-0', 0)] [\"<target dev='sda' bus='scsi' tray='open'/>\"]\n"
    );
    // Another daemon knows it too.
    instance.restart();
    let out = instance.python(&script(&format!(
        "{target}d = c.lookupByName('l1'); s = console(d); print(tray())\n\
         shell(s, 'echo 0 > /proc/sys/dev/cdrom/autoeject; head -c 1 /dev/sr0 | wc -c')\n\
         print(hear('tray_change'), tray())\n"
    )));
    let expected = "[\"<target dev='sda' bus='scsi' tray='open'/>\"]\n\
                    [('tray_change', 'scsi0-0-0-0', 1)] [\"<target dev='sda' bus='scsi'/>\"]\n";
    assert_eq!(out.ok(), expected);
}

/// A packed image whose middle is no longer what was packed: the guest boots beside it, and reads it in vain.
fn broken_image(instance: &Instance) -> PathBuf {
    let (raw, packed) = (instance.root().join("r.raw"), instance.root().join("r.qcow2"));
    std::fs::write(&raw, b"some text that is easily packed\n".repeat(131_072)).unwrap();
    let mut convert = Command::new("qemu-img");
    convert.args(["convert", "-c", "-O", "qcow2"]).arg(&raw).arg(&packed);
    tests::run(&mut convert, "", tests::LIMIT).ok();
    let mut bytes = std::fs::read(&packed).unwrap();
    // Five clusters of tables come first (QEMU's docs/interop/qcow2.txt).
    let begin = 5 << 16;
    let length = bytes.len() - begin;
    bytes[begin + length / 2..][..length / 4].fill(0xff);
    std::fs::write(&packed, bytes).unwrap();
    open_to_all(&packed);
    packed
}

#[test]
fn a_disk_that_cannot_be_read() {
    let instance = Instance::start();
    let path = broken_image(&instance);
    let with = |policy: &str| {
        linux(
            "l1",
            &format!(
                "<disk type='file'><driver name='qemu' type='qcow2' rerror_policy='{policy}'/><source file='{}'/>\
                 <target dev='vda' bus='virtio'/></disk>",
                path.display()
            ),
        )
    };
    let (stop, report, ignore) = (with("stop"), with("report"), with("ignore"));
    let out = instance.python(&script(&format!(
        "def begin(xml):\n\
         \x20   d = c.createXML(xml, 1); s = prompt(d); quiet()\n\
         \x20   s.send(b'dd if=/dev/vda of=/dev/null bs=4k count=1 skip=640 iflag=direct 2>&1; echo fini\"\"shed\\n')\n\
         \x20   print(hear('io_error')[0][1:], hear('io_error_reason')[0][1:])\n\
         \x20   return d, s\n\
         d, s = begin({stop:?}); print(hear('lifecycle'), d.state(), d.diskErrors())\n\
         print(code(d.resume), hear('lifecycle'), hear('lifecycle'), d.state()); d.destroy()\n\
         for xml in ({report:?}, {ignore:?}):\n\
         \x20   d, s = begin(xml); print(b'put/output error' in read(s, b'finished'), d.state(), d.diskErrors()); d.destroy()\n"
    )));
    let told = |action| {
        let path = path.display();
        format!("('{path}', 'virtio-disk0', {action}) ('{path}', 'virtio-disk0', {action}, '')")
    };
    let expected = [
        told(1),
        "[('lifecycle', 3, 2)] [3, 5] {'vda': 1}".to_owned(),
        "done [('lifecycle', 4, 0)] [('lifecycle', 3, 2)] [3, 5]".to_owned(),
        told(2),
        "True [1, 5] {}".to_owned(),
        told(0),
        "False [1, 5] {}".to_owned(),
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

/// The guest writes its memory to its swap and powers off.
#[test]
fn a_guest_sleeps_on_disk() {
    let instance = Instance::start();
    let swap = image(&instance, "swap", 128 << 20);
    let disk = format!(
        "<disk type='file'><source file='{}'/><target dev='vda' bus='virtio'/></disk>",
        swap.display()
    );
    let xml = linux("l1", &disk)
        .replace(">96</memory>", ">256</memory>")
        .replace("<devices>", "<pm><suspend-to-disk enabled='yes'/></pm><devices>");
    let out = instance.python(&script(&format!(
        "d = c.createXML({xml:?}, 1); s = prompt(d); quiet()\n\
         shell(s, 'mkswap /dev/vda; swapon /dev/vda; echo 0 > /sys/power/image_size')\n\
         s.send(b'echo disk > /sys/power/state\\n')\n\
         print(hear('pmsuspend_disk'), hear('lifecycle'), hear('lifecycle'), hear('lifecycle'))\n"
    )));
    let expected =
        "[('pmsuspend_disk', 0)] [('lifecycle', 7, 1)] [('lifecycle', 6, 1)] [('lifecycle', 5, 0)]\n";
    assert_eq!(out.ok(), expected);
}

/// libvirt mostly tells first that the guest stands still: two of its threads hear of it, in any order.
#[test]
fn a_kernel_panics() {
    let instance = Instance::start();
    let xml =
        linux("l1", "<panic model='isa'/>").replace("<devices>", "<on_crash>preserve</on_crash><devices>");
    let out = instance.python(&script(&format!(
        "d = c.createXML({xml:?}, 1); s = prompt(d); quiet()\n\
         s.send(b'echo c > /proc/sysrq-trigger\\n')\n\
         print(hear('lifecycle'), d.state())\n"
    )));
    assert_eq!(out.ok(), "[('lifecycle', 8, 0)] [6, 1]\n");
}

/// The actions after which the guest goes on or is gone; the others are in `guestevents`.
#[test]
fn a_watchdog_interrupts_and_ends() {
    let instance = Instance::start();
    let xml = |action: &str| {
        guest::nano_xml("w1", "qemu", &guest::files())
            .replace("<devices>", &format!("<devices><watchdog model='ib700' action='{action}'/>"))
    };
    let (interrupt, off) = (xml("inject-nmi"), xml("poweroff"));
    let out = instance.python(&script(&format!(
        "d = c.createXML({interrupt:?}, 1); s = boot(d); hear('lifecycle'); quiet(); s.send(b'w')\n\
         print(hear('watchdog'), d.state()); s.send(b'xyz\\n'); print(read(s, b'xyz')); d.destroy()\n\
         while hear('lifecycle')[-1][1] != 5: pass\n\
         d = c.createXML({off:?}, 1); s = boot(d); hear('lifecycle'); quiet(); s.send(b'w')\n\
         print(hear('watchdog'), hear('lifecycle'))\n"
    )));
    assert_eq!(out.ok(), "[('watchdog', 6)] [1, 5]\nb'xyz\\n'\n[('watchdog', 3)] [('lifecycle', 5, 5)]\n");
}
