//! Real guests: a Linux kernel under TCG, the nano kernel under KVM, and what clients see of their lives.

use tests::{Instance, guest};

/// Collects lifecycle events in Python: `events(c, f)` runs `f` and then returns the events until `last`.
const EVENTS: &str = "\
import threading, queue\n\
libvirt.virEventRegisterDefaultImpl()\n\
threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()\n\
got = queue.Queue()\n\
def cb(c, d, e, detail, o): got.put((d.name(), d.ID() > 0, e, detail))\n\
def until(*want):\n\
\x20   seen = []\n\
\x20   while not seen or seen[-1][2:] != want: seen.append(got.get(timeout=60))\n\
\x20   return [s[2:] for s in seen]\n";

#[test]
fn linux_boots_to_its_console_and_powers_off() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::linux_xml("tcg1", &files);
    let out = instance.python(&format!(
        "{EVENTS}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, cb, None)\n\
         d = c.defineXML({xml:?})\n\
         print(until(0, 0))\n\
         d.createWithFlags(1)\n\
         print(until(3, 0), d.isActive())\n\
         s = c.newStream()\n\
         d.openConsole(None, s, 0)\n\
         d.resume(); print(until(4, 0), d.state())\n\
         text = b''\n\
         while b'GUEST READY' not in text:\n\
         \x20   part = s.recv(4096)\n\
         \x20   assert part, text\n\
         \x20   text += part\n\
         s.abort()\n\
         d.shutdown()\n\
         print(until(5, 0), d.isActive(), d.state())\n\
         d.undefine()\n\
         print(until(1, 0))\n"
    ));
    assert_eq!(
        out.ok(),
        "[(0, 0)]\n\
         [(2, 0), (3, 0)] 1\n\
         [(4, 0)] [1, 5]\n\
         [(6, 1), (5, 0)] 0 [5, 1]\n\
         [(1, 0)]\n"
    );
    assert!(instance.guests().is_empty());
}

#[test]
fn nano_under_kvm() {
    if !guest::has_kvm() {
        return tests::not_run("nano_under_kvm", "no access to /dev/kvm");
    }
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("kvm1", "kvm", &files);
    let out = instance.python(&format!(
        "{EVENTS}\
         c = libvirt.open(uri)\n\
         c.domainEventRegister(cb, None)\n\
         d = c.createXML({xml:?}, 1)\n\
         print(until(3, 0), d.isPersistent())\n\
         s = c.newStream()\n\
         d.openConsole('serial0', s, 0)\n\
         d.resume(); print(until(4, 0))\n\
         text = b''\n\
         while b'GUEST READY' not in text: text += s.recv(4096)\n\
         s.abort()\n\
         d.suspend(); print(until(3, 0), d.state())\n\
         d.resume(); print(until(4, 0), d.state())\n\
         d.shutdown(); print(until(5, 0))\n\
         print(c.listAllDomains())\n"
    ));
    assert_eq!(
        out.ok(),
        "[(2, 0), (3, 0)] 0\n[(4, 0)]\n[(3, 0)] [3, 1]\n[(4, 0)] [1, 5]\n[(6, 1), (5, 0)]\n[]\n"
    );
}

#[test]
fn every_way_to_steer_a_paused_guest() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("p1", "qemu", &files);
    let out = instance.python(&format!(
        "{EVENTS}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, cb, None)\n\
         d = c.createXML({xml:?}, libvirt.VIR_DOMAIN_START_PAUSED)\n\
         print(until(3, 0), d.state(), d.ID())\n\
         print(c.lookupByID(d.ID()).name(), c.listDomainsID() == [d.ID()], c.numOfDomains())\n\
         for f in (d.create, lambda: c.createXML({xml:?}, 0)):\n\
         \x20   try: f()\n\
         \x20   except libvirt.libvirtError as e: print(e.get_error_code())\n\
         d.reset(0)\n\
         d.suspend()\n\
         print(d.controlInfo(), d.info()[0:4], d.OSType(), d.maxMemory(), d.maxVcpus())\n\
         d.resume(); print(until(4, 0))\n\
         try: d.resume()\n\
         except libvirt.libvirtError as e: print(e.get_error_code())\n\
         d.destroy()\n\
         print(until(5, 1))\n\
         try: d.info()\n\
         except libvirt.libvirtError as e: print(e.get_error_code())\n"
    ));
    assert_eq!(
        out.ok(),
        "[(2, 0), (3, 0)] [3, 1] 1\n\
         p1 True 1\n\
         55\n9\n\
         [0, 0, 0] [3, 16384, 16384, 1] hvm 16384 1\n\
         [(4, 0)]\n\
         55\n\
         [(6, 2), (5, 1)]\n\
         42\n"
    );
}

#[test]
fn autodestroy_ends_with_its_client() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("auto1", "qemu", &files);
    let out = instance.python(&format!(
        "{EVENTS}\
         watcher = libvirt.open(uri)\n\
         watcher.domainEventRegisterAny(None, 0, cb, None)\n\
         c = libvirt.open(uri)\n\
         d = c.createXML({xml:?}, libvirt.VIR_DOMAIN_START_AUTODESTROY)\n\
         del d\n\
         c.close()\n\
         print(until(5, 1)[-1], watcher.listAllDomains())\n"
    ));
    assert_eq!(out.ok(), "(5, 1) []\n");
}

#[test]
fn a_guest_that_cannot_start_says_why() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("bad1", "qemu", &files);
    let missing = xml.replace(files.nano.to_str().unwrap(), "/nonexistent/kernel");
    let garbage = instance.root().join("garbage");
    std::fs::write(&garbage, "not a kernel at all").unwrap();
    let garbage = xml.replace(files.nano.to_str().unwrap(), garbage.to_str().unwrap());
    let out = instance.python(&format!(
        "c = libvirt.open(uri)\n\
         for x in ({missing:?}, {garbage:?}):\n\
         \x20   try: c.createXML(x, 0); print('started')\n\
         \x20   except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_message().splitlines()[0])\n\
         print(c.listAllDomains())\n"
    ));
    let out = out.ok();
    let lines: Vec<&str> = out.lines().collect();
    assert!(lines[0].starts_with("38 ") && lines[0].contains("/nonexistent/kernel"), "{out}");
    assert!(
        lines[1].starts_with("1 ") && lines[1].contains("process exited while connecting to monitor"),
        "{out}"
    );
    assert_eq!(lines[2], "[]");
    assert_eq!(instance.run_files(), Vec::<String>::new(), "nothing stays behind");
}

#[test]
fn fifty_guests_paused_at_once() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("NAME", "qemu", &files);
    let out = instance.python(&format!(
        "import threading\n\
         xml = {xml:?}\n\
         failed = []\n\
         def start(n):\n\
         \x20   try: libvirt.open(uri).createXML(xml.replace('NAME', 'g%d' % n), libvirt.VIR_DOMAIN_START_PAUSED)\n\
         \x20   except libvirt.libvirtError as e: failed.append(str(e))\n\
         threads = [threading.Thread(target=start, args=(n,)) for n in range(50)]\n\
         for t in threads: t.start()\n\
         for t in threads: t.join()\n\
         c = libvirt.open(uri)\n\
         print(failed, len(c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_PAUSED)))\n\
         print(len(set(c.listDomainsID())), len(c.getAllDomainStats()))\n\
         for d in c.listAllDomains(): d.destroy()\n\
         print(c.listAllDomains())\n"
    ));
    assert_eq!(out.ok(), "[] 50\n50 50\n[]\n");
    assert!(instance.guests().is_empty());
    assert_eq!(instance.run_files(), Vec::<String>::new());
}

#[test]
fn statistics_and_monitor() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("s1", "qemu", &files);
    let out = instance.python(&format!(
        "import libvirt_qemu, json\n\
         c = libvirt.open(uri)\n\
         d = c.createXML({xml:?}, libvirt.VIR_DOMAIN_START_PAUSED)\n\
         [(dom, stats)] = c.getAllDomainStats()\n\
         print(dom.name(), stats['state.state'], stats['state.reason'])\n\
         print(stats['balloon.current'], stats['balloon.maximum'], stats['vcpu.current'], stats['vcpu.maximum'])\n\
         print(stats['cpu.time'] > 0, stats['vcpu.0.state'], 'block.count' in stats, 'net.count' in stats)\n\
         [(dom, stats)] = c.getAllDomainStats(libvirt.VIR_DOMAIN_STATS_STATE)\n\
         print(stats)\n\
         print(c.getAllDomainStats(0, libvirt.VIR_CONNECT_GET_ALL_DOMAINS_STATS_RUNNING))\n\
         print(json.loads(libvirt_qemu.qemuMonitorCommand(d, json.dumps({{'execute': 'query-status'}}), 0))['return']['running'])\n\
         print(libvirt_qemu.qemuMonitorCommand(d, 'info name', 1).strip())\n\
         d.destroy()\n"
    ));
    assert_eq!(
        out.ok(),
        "s1 3 1\n16384 16384 1 1\nTrue 1 True True\n{'state.state': 3, 'state.reason': 1}\n[]\nFalse\ns1\n"
    );
}

#[test]
fn native_command_line() {
    let instance = Instance::start();
    let files = guest::files();
    let path = instance.root().join("n1.xml");
    std::fs::write(&path, guest::nano_xml("n1", "qemu", &files)).unwrap();
    let line = instance.virsh(&["domxml-to-native", "qemu-argv", path.to_str().unwrap()]).ok();
    for part in
        ["/usr/bin/qemu-system-x86_64", "-name guest=n1,debug-threads=on", "-no-shutdown", "-accel tcg"]
    {
        assert!(line.contains(part), "{part} in {line}");
    }
    let error = instance.virsh(&["domxml-to-native", "xen-xl", path.to_str().unwrap()]).fails();
    assert!(error.contains("xen-xl"), "{error}");
}
