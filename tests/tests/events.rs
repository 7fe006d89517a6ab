//! Events: who is told what, in which order, until when. The sequences are those that libvirt 9.0 sends for the same
//! calls.

use protocol::remote::{self, rows};
use protocol::xdr;
use tests::script::{CODE, CONSOLE, EVENTS};
use tests::wire::Wire;
use tests::{Instance, guest};

const UUID: &str = "11111111-fade-4000-8000-0000000000e1";

fn plain_xml(name: &str, uuid: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>16</memory>\
         <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
    )
}

#[test]
fn a_whole_life_in_the_reference_s_order() {
    let instance = Instance::start();
    let xml = guest::nano_xml("e1", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{EVENTS}{CONSOLE}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         c.domainEventRegisterAny(None, 1, reboot, None)\n\
         d = c.defineXML({xml:?})\n\
         print('define', until((0, 0)))\n\
         c.defineXML(d.XMLDesc())\n\
         print('again', life(until((0, 1))))\n\
         d.create()\n\
         print('start', until((2, 0)))\n\
         d.destroy(); until((5, 1)); d.createWithFlags(1)\n\
         s = boot(d); until((4, 0))\n\
         d.suspend(); print('suspend', life(until((3, 0))))\n\
         d.suspend()\n\
         d.resume(); print('resume', life(until((4, 0))), d.state())\n\
         d.reset(); print('reset', life(until('reboot'))); read(s)\n\
         d.reboot(); read(s)\n\
         d.suspend(); print('reboot', life(until((3, 0)))); d.resume(); until((4, 0)); s.abort()\n\
         d.shutdown(); print('shutdown', until((5, 0)), d.state())\n\
         d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED); print('paused', life(until((3, 0))))\n\
         d.destroy(); print('destroy', until((5, 1)), d.state())\n\
         d.undefine(); print('undefine', until((1, 0)))\n"
    ));
    let expected = [
        "define [('e1', False, (0, 0))]",
        "again [(0, 1)]",
        "start [('e1', True, (4, 0)), ('e1', True, (2, 0))]",
        "suspend [(3, 0)]",
        "resume [(4, 0)] [1, 5]",
        "reset ['reboot']",
        "reboot ['reboot', (3, 0)]",
        "shutdown [('e1', True, (6, 1)), ('e1', True, (5, 0))] [5, 1]",
        "paused [(2, 0), (3, 0)]",
        "destroy [('e1', True, (6, 2)), ('e1', False, (5, 1))] [5, 2]",
        "undefine [('e1', False, (1, 0))]",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn filters_and_two_clients() {
    let instance = Instance::start();
    let (one, two) = (plain_xml("e1", UUID), plain_xml("e2", "11111111-fade-4000-8000-0000000000e2"));
    let out = instance.python(&format!(
        "{EVENTS}{CODE}\
         first, second = libvirt.open(uri), libvirt.open(uri)\n\
         a, b = first.defineXML({one:?}), first.defineXML({two:?})\n\
         every, of_b, old = queue.Queue(), queue.Queue(), queue.Queue()\n\
         ids = [first.domainEventRegisterAny(None, 0, lifecycle, every),\n\
         \x20      second.domainEventRegisterAny(second.lookupByName('e2'), 0, lifecycle, of_b)]\n\
         second.domainEventRegister(lifecycle, old)\n\
         a.undefine(); b.undefine()\n\
         for q in (every, of_b, old):\n\
         \x20   last = until((1, 0), q)\n\
         \x20   while last[-1][0] != 'e2': last += until((1, 0), q)\n\
         \x20   print([e[0] for e in last])\n\
         # A filter stays when its domain goes and comes back.\n\
         b = first.defineXML({two:?})\n\
         print(life(until((0, 0), of_b)), life(until((0, 0), every)), life(until((0, 0), old)))\n\
         first.domainEventDeregisterAny(ids[0])\n\
         second.domainEventDeregister(lifecycle)\n\
         b.undefine()\n\
         print(life(until((1, 0), of_b)), every.empty(), old.empty())\n\
         second.domainEventDeregisterAny(ids[1])\n\
         print(code(lambda: second.domainEventDeregisterAny(ids[1])))\n\
         ghost = second.defineXML({two:?}); other = second.lookupByName('e2'); ghost.undefine()\n\
         print(code(lambda: second.domainEventRegisterAny(other, 0, lifecycle, None)))\n"
    ));
    assert_eq!(
        out.ok(),
        "['e1', 'e2']\n['e2']\n['e1', 'e2']\n[(0, 0)] [(0, 0)] [(0, 0)]\n[(1, 0)] True True\n8\ndone\n"
    );
}

/// The forms of older clients, which do without callback ids.
#[test]
fn forms_without_callback_ids() {
    let instance = Instance::start();
    let uri = if instance.is_system() { "qemu:///system" } else { "qemu:///session" };
    let mut watcher = Wire::open(&instance.socket(), uri).unwrap();
    let registered: remote::ConnectDomainEventRegisterRet =
        watcher.call(&rows::connect_domain_event_register, &()).unwrap();
    assert_eq!(registered.cb_registered, 1);
    let again = watcher
        .call::<remote::ConnectDomainEventRegisterRet>(&rows::connect_domain_event_register, &())
        .unwrap_err();
    assert!(again.message.contains("registered already"), "{}", again.message);
    instance.define(&plain_xml("e1", UUID)).ok();
    let told: remote::DomainEventLifecycleMsg = xdr::from_slice(&watcher.event()).unwrap();
    assert_eq!((told.dom.name.as_str(), told.dom.id, told.event, told.detail), ("e1", -1, 0, 0));
    let ended: remote::ConnectDomainEventDeregisterRet =
        watcher.call(&rows::connect_domain_event_deregister, &()).unwrap();
    assert_eq!(ended.cb_registered, 0);
    assert!(
        watcher
            .call::<remote::ConnectDomainEventDeregisterRet>(&rows::connect_domain_event_deregister, &())
            .is_err()
    );
    // The middle form: any event by its id, still without callback id.
    let lifecycle = remote::ConnectDomainEventRegisterAnyArgs { eventID: 0 };
    watcher.call::<()>(&rows::connect_domain_event_register_any, &lifecycle).unwrap();
    let unknown = remote::ConnectDomainEventRegisterAnyArgs { eventID: 4711 };
    let error = watcher.call::<()>(&rows::connect_domain_event_register_any, &unknown).unwrap_err();
    assert!(error.message.contains("4711"), "{}", error.message);
    instance.virsh(&["undefine", "e1"]).ok();
    let told: remote::DomainEventLifecycleMsg = xdr::from_slice(&watcher.event()).unwrap();
    assert_eq!((told.event, told.detail), (1, 0), "nothing was told while nothing was registered");
    let lifecycle = remote::ConnectDomainEventDeregisterAnyArgs { eventID: 0 };
    watcher.call::<()>(&rows::connect_domain_event_deregister_any, &lifecycle).unwrap();
}

#[test]
fn the_end_of_a_connection_is_told() {
    let mut instance = Instance::start();
    let daemon = instance.pid();
    let out = instance.python(&format!(
        "{EVENTS}{CODE}\
         closed = queue.Queue()\n\
         c = libvirt.open(uri)\n\
         tell = lambda c, reason, data: closed.put((reason, data))\n\
         c.registerCloseCallback(tell, 'first')\n\
         print(code(lambda: c.registerCloseCallback(tell, 'second')))\n\
         c.unregisterCloseCallback()\n\
         c.registerCloseCallback(tell, 'third')\n\
         os.kill({daemon}, 9)\n\
         print(closed.get(timeout=60), c.isAlive())\n"
    ));
    assert_eq!(out.ok(), "55\n(1, 'third') 0\n");
    instance.restart();
}

#[test]
fn autodestroy_at_a_client_s_sudden_end() {
    let instance = Instance::start();
    let files = guest::files();
    let (kept, gone) = (guest::nano_xml("kept", "qemu", &files), guest::nano_xml("gone", "qemu", &files));
    let out = instance.python(&format!(
        "{EVENTS}\
         import subprocess\n\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         kept = c.defineXML({kept:?})\n\
         child = subprocess.Popen([sys.executable, '-c', '''\n\
import libvirt, sys\n\
c = libvirt.open(sys.argv[1])\n\
c.lookupByName(\"kept\").createWithFlags(libvirt.VIR_DOMAIN_START_AUTODESTROY)\n\
gone = c.createXML(sys.argv[2], libvirt.VIR_DOMAIN_START_AUTODESTROY | libvirt.VIR_DOMAIN_START_PAUSED)\n\
print(\"ready\", flush=True)\n\
sys.stdin.read()\n\
''', uri, {gone:?}], stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n\
         child.stdout.readline()\n\
         print(sorted(d.name() for d in c.listAllDomains()), c.numOfDomains())\n\
         child.kill(); child.wait()\n\
         ends = until((5, 1)) + until((5, 1))\n\
         print(sorted(e[0] for e in ends if e[2] == (5, 1)))\n\
         print([d.name() for d in c.listAllDomains()], kept.state())\n"
    ));
    assert_eq!(out.ok(), "['gone', 'kept'] 2\n['gone', 'kept']\n['kept'] [5, 2]\n");
    assert!(instance.guests().is_empty());
}

/// Clients that define and undefine at once; everybody is told all of it, of all domains in one order.
#[test]
fn many_clients_are_told_the_same() {
    let instance = Instance::start();
    let out = instance.python(&format!(
        "{EVENTS}\
         watchers = []\n\
         for n in range(5):\n\
         \x20   q = queue.Queue(); c = libvirt.open(uri)\n\
         \x20   c.domainEventRegisterAny(None, 0, lifecycle, q); watchers.append((c, q))\n\
         def work(n):\n\
         \x20   c = libvirt.open(uri)\n\
         \x20   for k in range(50): c.defineXML({:?}.replace('NAME', 'm%d-%d' % (n, k))).undefine()\n\
         threads = [threading.Thread(target=work, args=(n,)) for n in range(6)]\n\
         for t in threads: t.start()\n\
         for t in threads: t.join()\n\
         lists = [[q.get(timeout=60) for _ in range(600)] for c, q in watchers]\n\
         print(all(l == lists[0] for l in lists), all(q.empty() for c, q in watchers))\n\
         for l in lists:\n\
         \x20   by = {{}}\n\
         \x20   for name, _, what in l: by.setdefault(name, []).append(what)\n\
         \x20   print(len(by), all(v == [(0, 0), (1, 0)] for v in by.values()))\n\
         # One that comes late hears of what is new, and nothing else.\n\
         c = libvirt.open(uri); c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         c.defineXML({:?}.replace('NAME', 'late'))\n\
         print(until((0, 0)))\n",
        "<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64'>hvm</type></os></domain>",
        "<domain type='qemu'><name>NAME</name><memory>16384</memory><os><type arch='x86_64'>hvm</type></os></domain>",
    ));
    assert_eq!(
        out.ok(),
        "True True\n300 True\n300 True\n300 True\n300 True\n300 True\n[('late', False, (0, 0))]\n"
    );
}
