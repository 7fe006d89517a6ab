//! Hung guests, rude clients, killed daemons.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;

use tests::{Instance, guest, signal};

#[test]
fn a_hung_guest_harms_nobody_and_can_be_destroyed() {
    let instance = Instance::start();
    let files = guest::files();
    let path = instance.root().join("h1.xml");
    std::fs::write(&path, guest::nano_xml("h1", "qemu", &files)).unwrap();
    instance.virsh(&["create", path.to_str().unwrap()]).ok();
    let pid = instance.guests()[0];
    signal(pid, "STOP");
    let out = instance.python(
        "import time, threading\n\
         c = libvirt.open(uri); d = c.lookupByName('h1')\n\
         def stuck():\n\
         \x20   try: libvirt.open(uri).lookupByName('h1').suspend()\n\
         \x20   except libvirt.libvirtError: pass\n\
         threading.Thread(target=stuck, daemon=True).start()\n\
         worst = 0\n\
         for n in range(20):\n\
         \x20   for f in (lambda: c.listAllDomains(), d.info, lambda: d.XMLDesc(0), d.state, lambda: c.getAllDomainStats()):\n\
         \x20       t = time.monotonic(); f(); worst = max(worst, time.monotonic() - t)\n\
         print('at once' if worst < 2 else worst)\n\
         t = time.monotonic(); d.destroy()\n\
         print('destroyed' if time.monotonic() - t < 10 else time.monotonic() - t, c.listAllDomains())\n",
    );
    assert_eq!(out.ok(), "at once\ndestroyed []\n");
    assert!(instance.guests().is_empty());
}

#[test]
fn garbage_of_every_kind() {
    let instance = Instance::start();
    let mut seed = 0x9e37_79b9_7f4a_7c15_u64;
    let mut random = move || {
        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        seed
    };
    let call = [0u32, 0x2000_8086, 1, 66, 0, 0, 0];
    let mut socket = UnixStream::connect(instance.socket()).unwrap();
    for _ in 0..10_000 {
        let mut frame: Vec<u8> = call.iter().flat_map(|word| word.to_be_bytes()).collect();
        let extra = (random() % 64) as usize;
        frame.extend((0..extra).map(|_| random() as u8));
        let length = frame.len() as u32;
        frame[..4].copy_from_slice(&length.to_be_bytes());
        for _ in 0..=random() % 3 {
            let at = random() as usize % frame.len();
            frame[at] = random() as u8;
        }
        if socket.write_all(&frame).is_err() {
            socket = UnixStream::connect(instance.socket()).unwrap();
        }
        drain(&mut socket);
    }
    assert_eq!(instance.virsh(&["list", "--all", "--name"]).ok().trim(), "");
}

/// Take what the daemon answered so far, so that it never waits for us.
fn drain(socket: &mut UnixStream) {
    socket.set_nonblocking(true).unwrap();
    let mut buffer = [0u8; 65536];
    while matches!(socket.read(&mut buffer), Ok(n) if n > 0) {}
    socket.set_nonblocking(false).unwrap();
}

#[test]
fn a_client_that_stops_reading_costs_others_nothing() {
    let instance = Instance::start();
    let out = instance.python(
        "import os, signal, subprocess, sys, time\n\
         child = subprocess.Popen([sys.executable, '-c', '''\n\
import libvirt, sys, time\n\
libvirt.virEventRegisterDefaultImpl()\n\
c = libvirt.open(sys.argv[1])\n\
c.domainEventRegisterAny(None, 0, lambda *a: None, None)\n\
print(\"ready\", flush=True)\n\
while True: libvirt.virEventRunDefaultImpl()\n\
''', uri], stdout=subprocess.PIPE)\n\
         child.stdout.readline()\n\
         os.kill(child.pid, signal.SIGSTOP)\n\
         c = libvirt.open(uri)\n\
         x = \"<domain type='qemu'><name>e</name><uuid>11111111-fade-4000-8000-000000000001</uuid>\"\\\n\
             \"<memory>65536</memory><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>\"\n\
         worst = 0\n\
         for n in range(300):\n\
         \x20   t = time.monotonic(); d = c.defineXML(x); d.undefine(); worst = max(worst, time.monotonic() - t)\n\
         print('fine' if worst < 2 else worst)\n\
         os.kill(child.pid, signal.SIGKILL); child.wait()\n",
    );
    assert_eq!(out.ok(), "fine\n");
}

#[test]
fn guests_outlive_a_hundred_kills_of_the_daemon() {
    let mut instance = Instance::start();
    let files = guest::files();
    for n in 0..3 {
        let path = instance.root().join(format!("k{n}.xml"));
        std::fs::write(&path, guest::nano_xml(&format!("k{n}"), "qemu", &files)).unwrap();
        if n == 0 {
            instance.virsh(&["define", path.to_str().unwrap()]).ok();
            instance.virsh(&["start", "k0"]).ok();
        } else {
            instance.virsh(&["create", path.to_str().unwrap()]).ok();
        }
    }
    instance.virsh(&["suspend", "k1"]).ok();
    let mut guests = instance.guests();
    guests.sort_unstable();
    assert_eq!(guests.len(), 3);
    for _ in 0..100 {
        instance.kill();
        instance.restart();
        let names = instance.virsh(&["list", "--name"]).ok();
        let mut names: Vec<&str> = names.split_whitespace().collect();
        names.sort_unstable();
        assert_eq!(names, ["k0", "k1", "k2"]);
    }
    let mut after = instance.guests();
    after.sort_unstable();
    assert_eq!(after, guests, "the very same processes");
    assert_eq!(instance.virsh(&["domstate", "k1"]).ok().trim(), "paused");
    instance.virsh(&["resume", "k1"]).ok();
    // One dies while no daemon looks.
    instance.kill();
    signal(guests[0], "KILL");
    instance.restart();
    let out = instance.python(
        "c = libvirt.open(uri)\n\
         print(sorted(d.name() for d in c.listAllDomains()), c.numOfDomains())\n\
         for d in c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE): d.destroy()\n\
         print(c.numOfDomains(), [(d.name(), d.isActive()) for d in c.listAllDomains()])\n",
    );
    let out = out.ok();
    assert!(
        out.starts_with("['k0', 'k1', 'k2'] 2\n") || out.lines().next().unwrap().ends_with(" 2"),
        "{out}"
    );
    assert_eq!(out.lines().last().unwrap(), "0 [('k0', 0)]");
    assert_eq!(instance.run_files(), Vec::<String>::new());
}

#[test]
fn a_daemon_killed_at_any_moment_leaves_nothing_behind() {
    let files = guest::files();
    let mut instance = Instance::start();
    let path = instance.root().join("f.xml");
    std::fs::write(&path, guest::nano_xml("f1", "qemu", &files)).unwrap();
    let path = path.to_str().unwrap().to_owned();
    // Once through, so that what is only written the first time does not count below.
    live_once(&instance, &path);
    instance.virsh(&["undefine", "f1"]).ok();
    let mut killed = 0;
    for point in FAULT_POINTS {
        for nth in 1..=4 {
            instance.set_env("OXIVIRT_FAULT", &format!("{point}:{nth}"));
            instance.restart();
            let defined = live_once(&instance, &path);
            killed += u32::from(!instance.is_running());
            instance.clear_env("OXIVIRT_FAULT");
            instance.restart();
            after_the_crash(&instance, &format!("{point}:{nth}"), defined);
        }
    }
    assert!(killed >= 20, "only {killed} of the fault points were reached");
}

/// Where the daemon is killed, each at its first to fourth passing.
const FAULT_POINTS: [&str; 10] = [
    "store.create",
    "store.write",
    "store.sync",
    "store.rename",
    "store.dirsync",
    "start.wired",
    "start.files",
    "start.spawned",
    "start.running",
    "stop.cleaned",
];

/// Define, start, destroy; any of them may be cut short. Says whether the definition was acknowledged.
fn live_once(instance: &Instance, path: &str) -> bool {
    let defined = instance.virsh(&["define", path]).code == 0;
    if defined && instance.virsh(&["start", "f1"]).code == 0 {
        instance.virsh(&["destroy", "f1"]);
    }
    defined
}

/// Nothing acknowledged is lost, nothing is left behind, and the domain can live again.
fn after_the_crash(instance: &Instance, at: &str, defined: bool) {
    let names = instance.virsh(&["list", "--all", "--name"]).ok();
    assert!(!defined || names.trim() == "f1", "{at} lost the definition");
    if instance.virsh(&["list", "--name"]).ok().trim() == "f1" {
        instance.virsh(&["destroy", "f1"]);
    }
    instance.wait_idle();
    assert!(instance.guests().is_empty(), "{at} left a process");
    assert_eq!(instance.run_files(), Vec::<String>::new(), "{at} left files");
    if names.trim() == "f1" {
        instance.virsh(&["start", "f1"]).ok();
        instance.virsh(&["destroy", "f1"]).ok();
        instance.virsh(&["undefine", "f1"]).ok();
    }
}
