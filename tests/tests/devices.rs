//! Every kind of device in a guest: QEMU has it, and the live definition says where.

use tests::script::CONSOLE;
use tests::{Instance, guest};

/// A python function that starts a guest, paused, and answers what QEMU says of it and its live definition.
const LOOK: &str = "\
import json, re, libvirt_qemu, xml.etree.ElementTree as ET\n\
libvirt.registerErrorHandler(lambda *a: None, None)\n\
c = libvirt.open(uri)\n\
def start(text): return c.createXML(text, libvirt.VIR_DOMAIN_START_PAUSED)\n\
def human(d, line): return libvirt_qemu.qemuMonitorCommand(d, line, 1)\n\
def ask(d, command, **arguments):\n\
\x20   body = json.dumps({'execute': command, 'arguments': arguments} if arguments else {'execute': command})\n\
\x20   return json.loads(libvirt_qemu.qemuMonitorCommand(d, body, 0))['return']\n\
def live(d): return ET.fromstring(d.XMLDesc())\n\
def devices(d):\n\
\x20   tree, found = human(d, 'info qtree'), {}\n\
\x20   for driver, name in re.findall(r'dev: ([^,]+), id \"([^\"]*)\"', tree): found[name] = driver\n\
\x20   return found\n\
def aliases(d):\n\
\x20   nodes = [n for n in live(d).find('devices') if n.tag != 'emulator']\n\
\x20   return {n.find('alias').get('name'): n for n in nodes if n.find('alias') is not None}\n";

fn xml(name: &str, kind: &str, machine: &str, devices: &str) -> String {
    let text = guest::nano_xml(name, kind, &guest::files());
    text.replace("<type arch='x86_64'>", &format!("<type arch='x86_64' machine='{machine}'>"))
        .replace("</devices>", &format!("{devices}</devices>"))
}

/// The accelerators that this machine has.
fn kinds(test: &str) -> Vec<&'static str> {
    if guest::has_kvm() {
        return vec!["qemu", "kvm"];
    }
    tests::not_run(test, "the KVM half: no access to /dev/kvm");
    vec!["qemu"]
}

fn image(instance: &Instance, name: &str, format: &str) -> String {
    let path = instance.root().join(name).to_str().unwrap().to_owned();
    let made = instance.run_if_installed("qemu-img", &["create", "-q", "-f", format, &path, "8M"]);
    made.expect("qemu-img belongs to QEMU").ok();
    path
}

/// A disk of a format on a bus; the first of a bus.
fn disk(path: &str, format: &str, bus: &str, target: &str, extra: &str) -> String {
    format!(
        "<disk type='file' device='disk'><driver name='qemu' type='{format}'/><source file='{path}'/>\
         <target dev='{target}' bus='{bus}'/>{extra}</disk>"
    )
}

#[test]
fn disks_on_every_bus() {
    let instance = Instance::start();
    let (raw, qcow2) = (image(&instance, "a.raw", "raw"), image(&instance, "a.qcow2", "qcow2"));
    let cases =
        [("pc", "ide", "hda", "ide-hd"), ("q35", "sata", "sda", "ide-hd"), ("pc", "sata", "sda", "ide-hd")];
    let everywhere = ["pc", "q35"].into_iter().flat_map(|machine| {
        [(machine, "virtio", "vda", "virtio-blk-pci"), (machine, "scsi", "sda", "scsi-hd")]
    });
    for (machine, bus, target, driver) in cases.into_iter().chain(everywhere) {
        for (path, format) in [(&raw, "raw"), (&qcow2, "qcow2")] {
            for kind in kinds("disks_on_every_bus") {
                let text = xml("d1", kind, machine, &disk(path, format, bus, target, "<serial>S1</serial>"));
                let out = instance.python(&format!(
                    "{LOOK}\
                     d = start({text:?})\n\
                     [(name, node)] = [(n, e) for n, e in aliases(d).items() if e.tag == 'disk']\n\
                     [block] = ask(d, 'query-block')\n\
                     print(devices(d)[name], block['inserted']['drv'], block['inserted']['ro'], block['inserted']['image']['virtual-size'])\n\
                     print(block['inserted']['image']['filename'], name)\n\
                     print(node.find('address') is not None)\n\
                     [(_, stats)] = c.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_BLOCK)\n\
                     print(stats['block.count'], stats['block.0.name'], stats['block.0.path'])\n\
                     d.destroy()\n"
                ));
                let alias = match bus {
                    "virtio" => "virtio-disk0",
                    "ide" => "ide0-0-0",
                    "sata" => "sata0-0-0",
                    _ => "scsi0-0-0",
                };
                let expected =
                    format!("{driver} {format} False 8388608\n{path} {alias}\nTrue\n1 {target} {path}\n");
                assert_eq!(out.ok(), expected, "{machine} {bus} {format} {kind}");
            }
        }
    }
}

#[test]
fn cdroms_and_what_is_only_read() {
    let instance = Instance::start();
    let raw = image(&instance, "a.raw", "raw");
    let (ro, iso) = (image(&instance, "ro.raw", "raw"), image(&instance, "cd.iso", "raw"));
    for (machine, bus, dev) in [("pc", "ide", "hd"), ("q35", "sata", "sd")] {
        let parts = format!(
            "<disk type='file' device='cdrom'><target dev='{dev}a' bus='{bus}'/></disk>\
             <disk type='file' device='cdrom'><source file='{iso}'/><target dev='{dev}b' bus='{bus}'/><readonly/></disk>\
             {}{}",
            disk(&ro, "raw", "virtio", "vda", "<readonly/>"),
            disk(&raw, "raw", "virtio", "vdb", "<shareable/>"),
        );
        let out = instance.python(&format!(
            "{LOOK}\
             d = start({:?})\n\
             for b in sorted(ask(d, 'query-block'), key=lambda b: b['qdev']):\n\
             \x20   i = b.get('inserted', {{}})\n\
             \x20   print(b['qdev'].split('/')[0] or b['qdev'].split('/')[3], b['removable'], i.get('ro'), os.path.basename(i.get('file', '')))\n\
             for n in live(d).findall('devices/disk'):\n\
             \x20   print(n.get('device'), n.find('target').get('dev'), n.find('readonly') is not None, n.find('source') is not None)\n\
             print(sorted(v for v in devices(d).values() if v in ('ide-cd', 'virtio-blk-pci')))\n",
            xml("c1", "qemu", machine, &parts)
        ));
        let expected = [
            "virtio-disk0 False True ro.raw".to_owned(),
            "virtio-disk1 False False a.raw".to_owned(),
            format!("cdrom {dev}a True False"),
            format!("cdrom {dev}b True True"),
            "disk vda True True".to_owned(),
            "disk vdb False True".to_owned(),
            "['ide-cd', 'ide-cd', 'virtio-blk-pci', 'virtio-blk-pci']".to_owned(),
        ];
        let out = out.ok();
        let mut lines = out.lines().map(str::to_owned).collect::<Vec<_>>();
        let drives: Vec<String> = lines.extract_if(.., |line| line.contains(&format!("{bus}0-"))).collect();
        assert!(drives[0].ends_with("True None ") && drives[1].ends_with("True True cd.iso"), "{drives:?}");
        lines.sort_by_key(|line| !line.starts_with("virtio-disk"));
        assert_eq!(lines, expected, "{machine}");
        instance.virsh(&["destroy", "c1"]).ok();
    }
}

#[test]
fn everything_else_at_once() {
    let instance = Instance::start();
    let log = instance.root().join("serial.log");
    let socket = instance.root().join("serial.sock");
    let parts = format!(
        "<controller type='scsi' index='0' model='virtio-scsi'/><controller type='usb' model='qemu-xhci'/>\
         <controller type='virtio-serial' index='0'/>\
         <interface type='user'><mac address='52:54:00:00:00:01'/><model type='virtio'/></interface>\
         <interface type='user'><mac address='52:54:00:00:00:02'/><model type='e1000'/></interface>\
         <serial type='file'><source path='{}'/></serial><serial type='unix'><source mode='bind' path='{}'/></serial>\
         <console type='pty'><target type='virtio'/></console>\
         <channel type='unix'><target type='virtio' name='org.example.one'/></channel>\
         <input type='tablet' bus='usb'/><input type='mouse' bus='usb'/><input type='keyboard' bus='virtio'/>\
         <graphics type='vnc' autoport='yes'/><video><model type='virtio'/></video>\
         <memballoon model='virtio'/><rng model='virtio'><backend model='random'>/dev/urandom</backend></rng>",
        log.display(),
        socket.display()
    );
    for (machine, kind) in
        ["pc", "q35"].into_iter().flat_map(|m| kinds("everything_else").into_iter().map(move |k| (m, k)))
    {
        let out = instance.python(&format!(
            "{LOOK}\
             import socket\n\
             d = start({:?})\n\
             have, said = devices(d), aliases(d)\n\
             print([have.get(n) for n in ('scsi0', 'usb', 'virtio-serial0', 'net0', 'net1', 'serial0', 'serial1', 'serial2',\n\
             \x20   'console1', 'channel0', 'input0', 'input1', 'input2', 'video0', 'balloon0', 'rng0')])\n\
             print([n for n in have if n and n not in said and n not in ('balloon0',)])\n\
             for name in ('net0', 'net1', 'scsi0', 'video0', 'balloon0', 'rng0', 'virtio-serial0'):\n\
             \x20   if said[name].find('address').get('type') != 'pci': print(name, 'has no place')\n\
             ttys = [said[n].find('source').get('path') for n in ('serial0', 'console1')]\n\
             print([os.path.exists(t) and t.startswith('/dev/pts/') for t in ttys], len(set(ttys)))\n\
             path = said['channel0'].find('source').get('path')\n\
             channel = socket.socket(socket.AF_UNIX); channel.connect(path)\n\
             print(path.endswith('/channel/target/domain-%d-e1/org.example.one' % d.ID()), os.path.exists({:?}), os.path.exists({:?}))\n\
             print([i['name'] for i in ask(d, 'query-rx-filter') if i['name'] in ('net0',)])\n\
             print(re.findall(r'52:54:00:00:00:0[12]', human(d, 'info network')))\n\
             print(ask(d, 'query-balloon')['actual'] // 1024, [m['name'] for m in ask(d, 'query-mice') if 'Tablet' in m['name']] != [])\n\
             d.destroy()\n",
            xml("e1", kind, machine, &parts),
            log.to_str().unwrap(),
            socket.to_str().unwrap(),
        ));
        let expected = [
            "['virtio-scsi-pci', 'qemu-xhci', 'virtio-serial-pci', 'virtio-net-pci', 'e1000', 'isa-serial', 'isa-serial', \
             'isa-serial', 'virtconsole', 'virtserialport', 'usb-tablet', 'usb-mouse', 'virtio-keyboard-pci', \
             'virtio-vga', 'virtio-balloon-pci', 'virtio-rng-pci']",
            "[]",
            "[True, True] 2",
            "True True True",
            "['net0']",
            "['52:54:00:00:00:01', '52:54:00:00:00:02']",
            "16384 True",
        ];
        assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected, "{machine} {kind}");
        instance.wait_idle();
    }
}

#[test]
fn displays_have_ports_of_their_own() {
    let instance = Instance::start();
    let auto = "<graphics type='vnc' autoport='yes' listen='127.0.0.1'/>";
    let out = instance.python(&format!(
        "{LOOK}\
         import socket\n\
         def port(d): return int(live(d).find('devices/graphics').get('port'))\n\
         def greeting(p): return socket.create_connection(('127.0.0.1', p), 10).recv(4)\n\
         a, b = start({:?}), start({:?})\n\
         print(port(a) != port(b), port(a) >= 5900, greeting(port(a)), greeting(port(b)))\n\
         # The port of a guest that is gone is given out again.\n\
         freed = port(a); a.destroy(); a = start({:?}); print(port(a) == freed)\n\
         held = socket.socket(); held.bind(('127.0.0.1', 0)); free = held.getsockname()[1]; held.close()\n\
         e = start({:?}.replace('PORT', str(free))); print(port(e) == free, greeting(free))\n\
         try: start({:?}.replace('PORT', str(free)))\n\
         except libvirt.libvirtError as error: print(error.get_error_code(), 'in use' in str(error))\n\
         print(sorted(d.name() for d in c.listAllDomains()))\n",
        xml("v1", "qemu", "pc", auto),
        xml("v2", "qemu", "pc", auto),
        xml("v3", "qemu", "q35", auto),
        xml("v4", "qemu", "pc", "<graphics type='vnc' port='PORT' autoport='no' listen='127.0.0.1'/>"),
        xml("v5", "qemu", "pc", "<graphics type='vnc' port='PORT' autoport='no' listen='127.0.0.1'/>"),
    ));
    assert_eq!(out.ok(), "True True b'RFB ' b'RFB '\nTrue\nTrue b'RFB '\n1 True\n['v2', 'v3', 'v4']\n");
}

#[test]
fn models_of_video() {
    let instance = Instance::start();
    let models = [
        ("vga", "VGA"),
        ("cirrus", "cirrus-vga"),
        ("bochs", "bochs-display"),
        ("qxl", "qxl-vga"),
        ("virtio", "virtio-vga"),
        ("vmvga", "vmware-svga"),
        ("ramfb", "ramfb"),
    ];
    for machine in ["pc", "q35"] {
        for (model, driver) in models {
            let parts = format!("<graphics type='vnc'/><video><model type='{model}'/></video>");
            let script = format!(
                "{LOOK}\
                 try:\n\
                 \x20   d = start({:?}); print(devices(d).get('video0')); d.destroy()\n\
                 except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_message())\n",
                xml("m1", "qemu", machine, &parts)
            );
            let out = instance.python(&script).ok();
            // Packages of QEMU may come without one or the other.
            let absent = out.starts_with("67 ") && out.contains(model);
            assert!(out.trim() == driver || absent, "{machine} {model}: {out}");
            assert!(!absent || !["vga", "cirrus", "bochs"].contains(&model), "{machine} {model}: {out}");
        }
        let parts = "<video><model type='none'/></video>";
        let out = instance.python(&format!(
            "{LOOK}d = start({:?})\nprint(devices(d).get('video0')); d.destroy()\n",
            xml("m1", "qemu", machine, parts)
        ));
        assert_eq!(out.ok(), "None\n");
    }
}

/// What is not built yet is refused when it is defined, by name.
#[test]
fn what_is_not_built_is_refused_by_name() {
    let instance = Instance::start();
    for (device, name) in [
        ("<tpm model='tpm-tis'><backend type='emulator' version='2.0'/></tpm>", "tpm"),
        (
            "<hostdev mode='subsystem' type='pci'><source><address domain='0' bus='0' slot='9' function='0'/></source></hostdev>",
            "hostdev",
        ),
        (
            "<filesystem type='mount'><driver type='virtiofs'/><source dir='/tmp'/><target dir='t'/></filesystem>",
            "filesystem",
        ),
        ("<interface type='vdpa'><source dev='/dev/vhost-vdpa-0'/></interface>", "vdpa"),
    ] {
        let shared = "<memoryBacking><source type='memfd'/><access mode='shared'/></memoryBacking><devices>";
        let text = xml("n1", "qemu", "q35", device).replace("<devices>", shared);
        let out = instance.python(&format!(
            "{LOOK}\
             for f in (c.defineXML, start):\n\
             \x20   try: f({text:?}); print('accepted')\n\
             \x20   except libvirt.libvirtError as e: print(e.get_error_code(), {name:?} in e.get_error_message(), e.get_error_message())\n\
             print(c.listAllDomains())\n"
        )).ok();
        let lines: Vec<&str> = out.lines().collect();
        assert!(lines[0].starts_with("67 True") && lines[1].starts_with("67 True"), "{device}: {out}");
        assert_eq!(lines[2], "[]");
    }
}

#[test]
fn linux_with_disk_and_entropy() {
    let instance = Instance::start();
    let path = image(&instance, "linux.qcow2", "qcow2");
    let parts = format!(
        "{}<rng model='virtio'><backend model='random'>/dev/urandom</backend></rng></devices>",
        disk(&path, "qcow2", "virtio", "vda", "")
    );
    let text = guest::linux_xml("x1", &guest::files()).replace("</devices>", &parts);
    let out = instance.python(&format!(
        "{}{LOOK}\
         d = c.createXML({text:?}, 1)\n\
         s = prompt(d)\n\
         def shell(line, wanted):\n\
         \x20   s.send(line.encode() + b'\\n'); return read(s, wanted)\n\
         shell('cat /sys/block/vda/size', b'16384')\n\
         shell('cat /sys/class/misc/hw_random/rng_current', b'virtio_rng')\n\
         shell('echo hello >/dev/vda; sync; echo wri\"\"tten', b'written')\n\
         s.abort(); d.destroy()\n\
         print('done')\n",
        tests::script::CONSOLE
    ));
    assert_eq!(out.ok(), "done\n");
    let map = instance.run_if_installed("qemu-io", &["-r", "-f", "qcow2", "-c", "read -v 0 16", &path]);
    assert!(map.expect("qemu-io belongs to QEMU").ok().contains("68 65 6c 6c 6f"), "the guest's bytes");
}

/// A machine without PCI: devices sit in its virtio-mmio slots, if the definition says so.
#[test]
fn a_microvm_has_no_pci() {
    let instance = Instance::start();
    let disk = instance.root().join("m.img");
    std::fs::File::create(&disk).unwrap().set_len(1 << 20).unwrap();
    std::fs::set_permissions(&disk, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    let with = |address: &str| {
        guest::nano_xml("m1", "qemu", &guest::files())
            .replace("<type arch='x86_64'>", "<type arch='x86_64' machine='microvm'>")
            .replace(
                "</devices>",
                &format!(
                    "<controller type='usb' model='none'/><memballoon model='none'/>\
                     <disk type='file' device='disk'><source file='{}'/><target dev='vda' bus='virtio'/>{address}</disk>\
                     <rng model='virtio'><backend model='random'>/dev/urandom</backend>{address}</rng></devices>",
                    disk.display()
                ),
            )
    };
    assert!(instance.define(&with("")).fails().contains("No PCI buses available"));
    instance.define(&with("<address type='virtio-mmio'/>")).ok();
    let out = instance.python(&format!(
        "{CONSOLE}\
         import libvirt_qemu as q\n\
         c = libvirt.open(uri)\n\
         d = c.lookupByName('m1'); d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)\n\
         boot(d)\n\
         tree = q.qemuMonitorCommand(d, 'info qtree', q.VIR_DOMAIN_QEMU_MONITOR_COMMAND_HMP)\n\
         print('virtio-blk-device' in tree, 'virtio-rng-device' in tree, 'pci' in tree)\n\
         print(d.XMLDesc().count(\"<address type='virtio-mmio'/>\"))\n\
         d.destroy()\n"
    ));
    assert_eq!(out.ok(), "True True False\n2\n");
}
