//! What a guest does and QEMU tells: crashes, watchdogs, trays, sleep, thresholds. The sequences are those of libvirt 9.0
//! for the same guest.

use tests::script::{CODE, CONSOLE, EVENTS};
use tests::{Instance, guest};

/// Keeps lifecycle, reboot and watchdog events of a domain; `after(s, key, last)` sends the guest a key and answers what
/// is told up to the event wanted.
const GUEST: &str = "\
def watchdog(c, d, action, to): told.put((d.name(), True, ('watchdog', action)))\n\
c = libvirt.open(uri)\n\
c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
c.domainEventRegisterAny(None, 1, reboot, None)\n\
c.domainEventRegisterAny(None, 3, watchdog, None)\n\
def begin(xml):\n\
\x20   d = c.createXML(xml, 1); s = boot(d); until((4, 0)); return d, s\n\
def after(s, key, last):\n\
\x20   s.send(key); return life(until(last))\n";

#[test]
fn what_follows_a_crash() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = |action: &str| {
        guest::nano_xml("p1", "qemu", &files)
            .replace("<devices>", &format!("<on_crash>{action}</on_crash><devices><panic model='isa'/>"))
    };
    let out = instance.python(&format!(
        "{EVENTS}{CODE}{CONSOLE}{GUEST}\
         d, s = begin({:?}); print('destroy', after(s, b'c', (5, 2)), c.numOfDomains())\n\
         d, s = begin({:?}); print('restart', after(s, b'c', (4, 0)), d.state()); d.destroy(); until((5, 1))\n\
         d, s = begin({:?}); print('preserve', after(s, b'c', (8, 0)), d.state())\n\
         print(code(d.resume), d.state()); d.destroy(); until((5, 1))\n\
         d, s = begin({:?}); print('coredump-destroy', after(s, b'c', (5, 2)))\n\
         d, s = begin({:?}); print('coredump-restart', after(s, b'c', (4, 0)), d.state()); d.destroy()\n",
        xml("destroy"),
        xml("restart"),
        xml("preserve"),
        xml("coredump-destroy"),
        xml("coredump-restart"),
    ));
    let expected = [
        "destroy [(8, 0), (5, 2)] 0",
        "restart [(8, 0), 'reboot', (4, 0)] [1, 9]",
        "preserve [(8, 0)] [6, 1]",
        "done [1, 5]",
        "coredump-destroy [(8, 0), (5, 2)]",
        "coredump-restart [(8, 0), 'reboot', (4, 0)] [1, 9]",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    check_dumps(&instance, &["4-p1-", "5-p1-"]);
}

#[test]
fn what_a_watchdog_does() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = |action: &str| {
        guest::nano_xml("w1", "qemu", &files)
            .replace("<devices>", &format!("<devices><watchdog model='ib700' action='{action}'/>"))
    };
    let out = instance.python(&format!(
        "{EVENTS}{CODE}{CONSOLE}{GUEST}\
         d, s = begin({:?}); print('reset', after(s, b'w', 'reboot')); d.destroy(); until((5, 1))\n\
         d, s = begin({:?}); print('pause', after(s, b'w', (3, 3)), d.state()); d.destroy(); until((5, 1))\n\
         d, s = begin({:?}); print('dump', after(s, b'w', (4, 0)), d.state()); d.destroy(); until((5, 1))\n\
         d, s = begin({:?}); print('none', after(s, b'w', ('watchdog', 0)), d.state()); d.destroy()\n",
        xml("reset"),
        xml("pause"),
        xml("dump"),
        xml("none"),
    ));
    let expected = [
        "reset [('watchdog', 2), 'reboot']",
        "pause [('watchdog', 1), (3, 3)] [3, 6]",
        "dump [('watchdog', 1), (3, 3), (4, 0)] [1, 5]",
        "none [('watchdog', 0)] [1, 5]",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    check_dumps(&instance, &["3-w1-"]);
}

/// The dumps are there under their names, in QEMU's form, and nobody else may read them.
fn check_dumps(instance: &Instance, names: &[&str]) {
    use std::os::unix::fs::PermissionsExt;
    let entries = std::fs::read_dir(instance.library_dir().join("dump")).unwrap();
    let mut dumps: Vec<_> = entries.map(|entry| entry.unwrap().path()).collect();
    dumps.sort();
    assert_eq!(dumps.len(), names.len(), "{dumps:?}");
    for (dump, name) in dumps.iter().zip(names) {
        assert!(dump.file_name().unwrap().to_str().unwrap().starts_with(name), "{dump:?}");
        assert!(std::fs::read(dump).unwrap().starts_with(b"\x7fELF"), "{dump:?}");
        assert_eq!(std::fs::metadata(dump).unwrap().permissions().mode() & 0o777, 0o600);
    }
}

/// Trays in the live XML and in events; calls that need an agent or sleep.
#[test]
fn trays_agents_and_sleep() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("t1", "qemu", &files).replace(
        "</devices>",
        "<disk type='file' device='cdrom'><target dev='sda' bus='sata'/></disk>\
         <channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices>",
    );
    let bare = guest::nano_xml("t2", "qemu", &files);
    let out = instance.python(&format!(
        "{EVENTS}{CODE}\
         import libvirt_qemu as q\n\
         c = libvirt.open(uri)\n\
         def tray(c, d, alias, reason, to): told.put((alias, reason))\n\
         def agent(c, d, state, reason, to): told.put(('agent', state, reason))\n\
         c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_TRAY_CHANGE, tray, None)\n\
         c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_AGENT_LIFECYCLE, agent, None)\n\
         d = c.createXML({xml:?}, 0)\n\
         print(told.get(timeout=20))\n\
         move = lambda what: q.qemuMonitorCommand(d, '{{\"execute\":\"blockdev-%s-tray\",\"arguments\":{{\"id\":\"sata0-0-0\"}}}}' % what, 0)\n\
         move('open'); print(told.get(timeout=20), \"tray='open'\" in d.XMLDesc())\n\
         move('close'); print(told.get(timeout=20), \"tray='open'\" in d.XMLDesc())\n\
         e = c.defineXML({bare:?})\n\
         def all(d):\n\
         \x20   return [code(f) for f in (lambda: d.shutdownFlags(2), lambda: d.reboot(2), lambda: d.pMSuspendForDuration(0, 0),\n\
         \x20       lambda: d.pMSuspendForDuration(9, 0), lambda: d.pMSuspendForDuration(0, 5), lambda: d.pMWakeup())]\n\
         print(all(d)); print(all(e)); e.create(); print(all(e))\n"
    ));
    let expected = [
        "('agent', 2, 1)",
        "('sata0-0-0', 0) True",
        "('sata0-0-0', 1) False",
        "[86, 86, 86, 8, 74, 1]",
        "[55, 55, 55, 8, 74, 55]",
        "[74, 74, 74, 8, 74, 1]",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

/// What only an agent could do is refused for the reason that holds, by every call alike: code and domain of each.
#[test]
fn calls_for_an_agent_say_why_there_is_none() {
    let instance = Instance::start();
    let bare = guest::nano_xml("t3", "qemu", &guest::files());
    let channel =
        "<channel type='unix'><target type='virtio' name='org.qemu.guest_agent.0'/></channel></devices>";
    let with_agent = bare.replace("</devices>", channel);
    let out = instance.python(&format!(
        "c = libvirt.open(uri)\n\
         def why(f):\n\
         \x20   try: return f()\n\
         \x20   except libvirt.libvirtError as e: return e.get_error_code(), e.get_error_domain()\n\
         def all(d):\n\
         \x20   return [why(f) for f in (lambda: d.hostname(2), lambda: d.interfaceAddresses(1), lambda: d.vcpusFlags(8),\n\
         \x20       lambda: d.vcpusFlags(9), lambda: d.shutdownFlags(2), lambda: d.reboot(2),\n\
         \x20       lambda: d.pMSuspendForDuration(0, 0))]\n\
         for xml in ({bare:?}, {with_agent:?}):\n\
         \x20   d = c.defineXML(xml); print(all(d)); d.createWithFlags(1); print(set(all(d)))\n\
         \x20   d.resume(); print(set(all(d))); d.destroy(); d.undefine()\n"
    ));
    let off = "[(55, 20), (55, 20), (8, 10), (55, 20), (55, 10), (55, 10), (55, 10)]\n{(55, 10)}\n";
    assert_eq!(out.ok(), format!("{off}{{(74, 10)}}\n{off}{{(86, 10)}}\n"));
}
