//! Calls that reach into a running guest: keys, interrupts, pictures of the screen, QEMU's own monitor. Codes of errors
//! are those of libvirt 9.0 for the same calls.

use tests::script::{CODE, CONSOLE, EVENTS};
use tests::{Instance, guest};

const VIDEO: &str = "<video><model type='vga'/></video><video><model type='qxl'/></video></devices>";

#[test]
fn a_picture_of_every_screen() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("s1", "qemu", &files).replace("</devices>", VIDEO);
    let bare = guest::nano_xml("s2", "qemu", &files);
    let out = instance.python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         def shot(d, screen, flags=0):\n\
         \x20   s = c.newStream(); kind = d.screenshot(s, screen, flags)\n\
         \x20   data = b''\n\
         \x20   for part in iter(lambda: s.recv(65536), b''): data += part\n\
         \x20   s.finish(); return kind, data\n\
         d = c.defineXML({xml:?})\n\
         print(code(lambda: shot(d, 0)), code(lambda: shot(d, 0, 1)))\n\
         d.create()\n\
         for screen in (0, 1):\n\
         \x20   kind, data = shot(d, screen)\n\
         \x20   print(kind, data[:4] in (b'\\x89PNG', b'P6\\n7', b'P6\\n6'), data[-8:-4] == b'IEND' or kind != 'image/png')\n\
         print(code(lambda: shot(d, 2)))\n\
         # A client that asks and goes away is no trouble.\n\
         for _ in range(20):\n\
         \x20   other = libvirt.open(uri); s = other.newStream(); other.lookupByName('s1').screenshot(s, 0, 0); del s; other.close()\n\
         print(shot(d, 0)[0])\n\
         d.suspend(); print(shot(d, 0)[0])\n\
         import libvirt_qemu\n\
         print(libvirt_qemu.qemuMonitorCommand(d, '{{\"execute\":\"query-fdsets\"}}', 0).count('\"fd\"'))\n\
         e = c.createXML({bare:?}, 0)\n\
         print(code(lambda: shot(e, 0)))\n"
    ));
    let expected =
        ["55 8", "image/png True True", "image/png True True", "55", "image/png", "image/png", "1", "55"];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    let picture = instance.root().join("screen.png");
    instance.virsh(&["screenshot", "s1", picture.to_str().unwrap(), "--screen", "1"]).ok();
    assert!(std::fs::read(picture).unwrap().starts_with(b"\x89PNG"));
}

/// A Linux guest sees the keys that clients press by every set of codes: each writes one letter.
#[test]
fn keys_of_every_set_arrive() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::linux_xml("k1", &files)
        .replace("quiet", "quiet atkbd.softrepeat=0")
        .replace("</devices>", "<video><model type='vga'/></video></devices>");
    let out = instance.python(&format!(
        "{CODE}{CONSOLE}\
         import libvirt_qemu\n\
         c = libvirt.open(uri)\n\
         d = c.defineXML({xml:?})\n\
         print(code(lambda: d.sendKey(0, 0, [30], 1, 0)), code(lambda: d.injectNMI(0)))\n\
         d.createWithFlags(1)\n\
         s = prompt(d)\n\
         # The keyboard's device comes when its driver has found it; then every key is three lines of 24 bytes.\n\
         s.send(b'while ! grep -ls AT /sys/class/input/event*/device/na\\'\\'me; do :; done\\n')\n\
         node = read(s, b'/device/name').split(b'/sys/class/input/')[-1].split(b'/')[0]\n\
         # The device keeps what happens from its opening on.\n\
         s.send(b'exec 3</dev/input/' + node + b'; echo list\\'\\'ening; hexdump -e \"24/1 \\\\\"%02x\\\\\" \\\\\"-\\\\\\\\n\\\\\"\" <&3\\n')\n\
         read(s, b'listening')\n\
         def arrives(codeset, code, key):\n\
         \x20   d.sendKey(codeset, 30, [code], 1, 0)\n\
         \x20   assert b'0100%02x0001000000-' % key in read(s, b'0100%02x0000000000-' % key)\n\
         sets = (30, 0x1e, 0x1e, 0x1c, 0x1c, 0x00, 30, 4, 0x41, 30)\n\
         for codeset, key in enumerate(sets): arrives(codeset, key, 30)\n\
         downs = (108, 0xe050, 0xe050, 0xe072, 96, 0x7d, 336, 81, 0x28, 0xd0)\n\
         for codeset, key in enumerate(downs): arrives(codeset, key, 108)\n\
         print('all arrived')\n\
         for bad in ((10, 30), (99, 30), (0, 70000), (1, 250), (1, 157), (6, 128), (7, 300)):\n\
         \x20   print(bad, code(lambda: d.sendKey(bad[0], 0, [bad[1]], 1, 0)))\n\
         print(code(lambda: d.sendKey(0, 0, [30], 1, 1)), code(lambda: d.injectNMI(1)), code(lambda: d.injectNMI(0)))\n"
    ));
    assert_eq!(
        out.ok(),
        "55 55\nall arrived\n(10, 30) 8\n(99, 30) 8\n(0, 70000) 1\n(1, 250) 1\n(1, 157) 1\n(6, 128) 1\n(7, 300) 1\n8 8 done\n"
    );
    instance.virsh(&["send-key", "k1", "--codeset", "usb", "--holdtime", "5", "0x04", "0xe0"]).ok();
    instance.virsh(&["send-key", "k1", "KEY_LEFTCTRL", "KEY_LEFTALT", "KEY_DELETE"]).ok();
    instance.virsh(&["inject-nmi", "k1"]).ok();
}

#[test]
fn commands_for_the_monitor() {
    let instance = Instance::start();
    let xml = guest::nano_xml("m1", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{CODE}\
         import libvirt_qemu as q, json\n\
         c = libvirt.open(uri)\n\
         d = c.defineXML({xml:?})\n\
         print(code(lambda: q.qemuMonitorCommand(d, 'info name', 1)))\n\
         d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)\n\
         ask = lambda text, flags=0: q.qemuMonitorCommand(d, text, flags)\n\
         print(repr(ask('info name', 1)), repr(ask('nonsense', 1)))\n\
         print(json.loads(ask('{{\"execute\":\"query-nonsense\"}}'))['error']['class'])\n\
         print(json.loads(ask('{{\"a\":1}}'))['error']['class'])\n\
         for bad in ('nonsense', '{{\"execute\":\"query-name\",\"id\":\"x\"}}'): print(code(lambda: ask(bad)))\n\
         print(code(lambda: ask('info name', 4)))\n\
         f = os.open('/etc/hostname', os.O_RDONLY)\n\
         files = lambda text, fds, flags=0: q.qemuMonitorCommandWithFiles(d, text, fds, flags)\n\
         text, fds = files('{{\"execute\":\"add-fd\",\"arguments\":{{\"fdset-id\":77}}}}', [f])\n\
         print(json.loads(text)['return']['fdset-id'], fds)\n\
         print(json.loads(files('{{\"execute\":\"query-name\"}}', [])[0])['return'])\n\
         print(code(lambda: files('{{\"execute\":\"query-fdsets\"}}', [f, f])))\n"
    ));
    let expected = [
        "55",
        "'m1\\r\\n' \"unknown command: 'nonsense'\\r\\n\"",
        "CommandNotFound",
        "GenericError",
        "1",
        "1",
        "8",
        "77 []",
        "{'name': 'm1'}",
        "8",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

/// Events of QEMU's monitor as they are, chosen by name and by domain.
#[test]
fn events_of_the_monitor() {
    let instance = Instance::start();
    let files = guest::files();
    let (one, two) = (guest::nano_xml("m1", "qemu", &files), guest::nano_xml("m2", "qemu", &files));
    let out = instance.python(&format!(
        "{EVENTS}{CODE}\
         import libvirt_qemu as q, json\n\
         c = libvirt.open(uri)\n\
         second = libvirt.open(uri)\n\
         a, b = c.createXML({one:?}, 1), c.createXML({two:?}, 1)\n\
         def tell(c, d, event, seconds, micros, details, to): to.put((d.name(), event, seconds > 1e9, details))\n\
         def watch(d, event, flags=0, c=c):\n\
         \x20   to = queue.Queue(); to.id = q.qemuMonitorEventRegister(c, d, event, tell, to, flags); return to\n\
         every, of_b, stop, low, pattern = watch(None, None), watch(second.lookupByName('m2'), None, 0, second), watch(None, 'STOP'), \\\n\
         \x20   watch(None, 'stop', 2), watch(None, '^re', 3)\n\
         none = watch(None, 'stop')\n\
         a.resume(); a.suspend(); b.resume(); b.suspend()\n\
         names = lambda to, n: [to.get(timeout=20)[:2] for _ in range(n)]\n\
         print(names(every, 4)); print(names(of_b, 2)); print(names(stop, 2)); print(names(low, 2)); print(names(pattern, 2))\n\
         q.qemuMonitorEventDeregister(c, every.id)\n\
         b.reset()\n\
         name, event, dated, details = pattern.get(timeout=20)\n\
         print(name, event, dated, json.loads(details)['guest'], every.empty(), none.empty(), stop.empty())\n\
         print(code(lambda: watch(None, '(', 1)), code(lambda: watch(None, 'x', 4)))\n"
    ));
    let expected = [
        "[('m1', 'RESUME'), ('m1', 'STOP'), ('m2', 'RESUME'), ('m2', 'STOP')]",
        "[('m2', 'RESUME'), ('m2', 'STOP')]",
        "[('m1', 'STOP'), ('m2', 'STOP')]",
        "[('m1', 'STOP'), ('m2', 'STOP')]",
        "[('m1', 'RESUME'), ('m2', 'RESUME')]",
        "m2 RESET True False True True True",
        "8 8",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}
