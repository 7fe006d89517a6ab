//! What definitions say about power-off, reboot and crashes, and definitions that change under a running guest.

use tests::script::{CODE, CONSOLE, EVENTS};
use tests::{Instance, guest, signal};

/// A definition of the nano guest with elements put before its devices.
fn with(name: &str, extra: &str) -> String {
    guest::nano_xml(name, "qemu", &guest::files()).replace("<devices>", &format!("{extra}<devices>"))
}

#[test]
fn linux_reboots_by_its_power_button() {
    let instance = Instance::start();
    let xml = guest::linux_xml("l1", &guest::files());
    let out = instance.python(&format!(
        "{EVENTS}{CONSOLE}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         c.domainEventRegisterAny(None, 1, reboot, None)\n\
         d = c.createXML({xml:?}, 1)\n\
         s = boot(d); until((4, 0))\n\
         d.reboot(libvirt.VIR_DOMAIN_REBOOT_ACPI_POWER_BTN)\n\
         read(s, b'GUEST POWEROFF')\n\
         print(life(until('reboot')), d.state())\n\
         d.destroy()\n"
    ));
    assert_eq!(out.ok(), "['reboot'] [1, 5]\n");
}

#[test]
fn a_linux_guest_that_reboots_itself() {
    let instance = Instance::start();
    let xml = guest::linux_xml("l1", &guest::files()).replace("quiet", "quiet guest.reboot");
    let ends = xml.replace("<devices>", "<on_reboot>destroy</on_reboot><devices>").replace("l1", "l2");
    let out = instance.python(&format!(
        "{EVENTS}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         c.domainEventRegisterAny(None, 1, reboot, None)\n\
         d = c.createXML({xml:?}, 0); print(life(until('reboot')), d.state()); d.destroy()\n\
         until((5, 1))\n\
         d = c.createXML({ends:?}, 0); print(life(until((5, 0))), c.numOfDomains())\n"
    ));
    assert_eq!(out.ok(), "[(4, 0), (2, 0), 'reboot'] [1, 1]\n[(4, 0), (2, 0), (6, 1), (5, 0)] 0\n");
}

#[test]
fn what_follows_a_power_off_and_a_reset() {
    let instance = Instance::start();
    let (restart, destroy) = (
        with("restart", "<on_poweroff>restart</on_poweroff>"),
        with("destroy", "<on_reboot>destroy</on_reboot>"),
    );
    let out = instance.python(&format!(
        "{EVENTS}{CODE}{CONSOLE}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         c.domainEventRegisterAny(None, 1, reboot, None)\n\
         d = c.createXML({restart:?}, 1)\n\
         s = boot(d); until((4, 0)); d.shutdown(); read(s); s.abort()\n\
         print('restart', life(until('reboot')), d.state())\n\
         d.destroy(); last = life(until((5, 1))); print([e for e in last if e != 'reboot'], c.numOfDomains())\n\
         d = c.defineXML({destroy:?}); d.create()\n\
         until((2, 0)); d.reset(); print('reset', life(until((5, 0))), d.state())\n\
         d.createWithFlags(1); boot(d).abort()\n\
         until((4, 0)); d.reboot(); print('reboot', life(until((5, 0))), d.state())\n\
         # A guest that stands still cannot take the button, but a reboot waits for it to go on.\n\
         d.createWithFlags(1); until((3, 0)); print(code(d.shutdown), code(lambda: d.reboot()))\n"
    ));
    let expected = [
        "restart ['reboot'] [1, 5]",
        "[(5, 1)] 0",
        "reset [(6, 2), (5, 0)] [5, 1]",
        "reboot [(6, 1), (5, 0)] [5, 1]",
        "55 done",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn qemu_killed_and_qemu_asked_to_end() {
    let instance = Instance::start();
    instance.define(&with("k1", "")).ok();
    let watch = format!(
        "{EVENTS}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         d = c.lookupByName('k1'); d.create(); until((2, 0))\n\
         os.kill(pid(), SIGNAL)\n\
         print(until(LAST), d.state(), d.isActive())\n"
    );
    let state = instance.state_dir().join("k1.pid");
    let script = |number: &str, last: &str| {
        let pid = format!("def pid(): return int(open({:?}).read())\n", state.to_str().unwrap());
        pid + &watch.replace("SIGNAL", number).replace("LAST", last)
    };
    assert_eq!(instance.python(&script("9", "(5, 5)")).ok(), "[('k1', True, (5, 5))] [5, 3] 0\n");
    assert_eq!(instance.virsh(&["domstate", "k1", "--reason"]).ok().trim(), "shut off (crashed)");
    assert_eq!(
        instance.python(&script("15", "(5, 0)")).ok(),
        "[('k1', True, (6, 2)), ('k1', True, (5, 0))] [5, 1] 0\n"
    );
    instance.wait_idle();
    // A transient one is gone with its process.
    let path = instance.root().join("t.xml");
    std::fs::write(&path, with("t1", "")).unwrap();
    instance.virsh(&["create", path.to_str().unwrap()]).ok();
    signal(instance.guests()[0], "KILL");
    instance.wait_idle();
    assert_eq!(instance.virsh(&["list", "--all", "--name"]).ok().trim(), "k1");
}

#[test]
fn definitions_that_change_under_a_guest() {
    let instance = Instance::start();
    let xml = with("d1", "<uuid>11111111-fade-4000-8000-0000000000d1</uuid>");
    let out = instance.python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         small = {xml:?}; big = small.replace(\"<memory unit='MiB'>16\", \"<memory unit='MiB'>32\")\n\
         d = c.defineXML(small); d.create()\n\
         c.defineXML(big)\n\
         print(d.maxMemory(), '16384' in d.XMLDesc(), '32768' in d.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))\n\
         print(d.vcpusFlags(0), d.isUpdated(), d.isPersistent(), d.isActive())\n\
         d.destroy(); print(d.maxMemory()); d.create(); print(d.maxMemory())\n\
         # Undefined while it runs, it lives on until its end.\n\
         d.setAutostart(1); d.undefine()\n\
         print(d.isPersistent(), d.isActive(), d.autostart(), code(lambda: d.setAutostart(1)), code(d.undefine))\n\
         print(code(lambda: d.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)), [x.name() for x in c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_TRANSIENT)])\n\
         # Defined again while it runs, it stays after its end.\n\
         c.defineXML(small); print(d.isPersistent(), d.maxMemory())\n\
         d.destroy(); print(d.isActive(), d.maxMemory())\n\
         d.undefine(); print(code(d.info))\n\
         # One without definition vanishes.\n\
         d = c.createXML(small, 0); print(d.isPersistent(), code(lambda: c.createXML(small, 0)))\n\
         print(code(lambda: c.defineXML(small.replace('d1</name>', 'd2</name>'))))\n\
         d.destroy(); print(code(d.info), c.listAllDomains())\n"
    ));
    let expected = [
        "16384 True True",
        "1 0 1 1",
        "32768",
        "32768",
        "0 1 0 55 55",
        "done ['d1']",
        "1 32768",
        "0 16384",
        "42",
        "0 55",
        "9",
        "42 []",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    assert!(instance.run_files().is_empty());
    assert!(!instance.config_dir().join("d1.xml").exists());
}

/// The balloon brings a guest down to `currentMemory` at its start.
#[test]
fn less_memory_than_it_could_have() {
    let instance = Instance::start();
    let xml = with("b1", "<currentMemory unit='MiB'>12</currentMemory>");
    instance.define(&xml).ok();
    instance.virsh(&["start", "b1", "--paused"]).ok();
    let info = instance.virsh(&["dominfo", "b1"]).ok();
    assert!(info.contains("Max memory:     16384 KiB"), "{info}");
    assert!(
        info.contains("Used memory:    16384 KiB") || info.contains("Used memory:    12288 KiB"),
        "{info}"
    );
}

/// Memory that another daemon saved is neither restored nor passed over: a boot beside it would spoil the disk for
/// whoever restores it later.
#[test]
fn saved_memory_keeps_a_guest_from_booting_unless_it_is_given_up() {
    let instance = Instance::start();
    instance.define(&with("saved", "")).ok();
    let image = instance.library_dir().join("save/saved.save");
    std::fs::create_dir_all(image.parent().unwrap()).unwrap();
    std::fs::write(&image, "memory").unwrap();
    let out = instance.virsh(&["start", "saved"]);
    assert!(out.code != 0 && out.stderr.contains(image.to_str().unwrap()), "{out:?}");
    assert_eq!(instance.virsh(&["domstate", "saved"]).ok().trim(), "shut off");
    assert!(image.exists());
    instance.virsh(&["start", "--force-boot", "saved"]).ok();
    assert!(!image.exists());
    instance.virsh(&["destroy", "saved"]).ok();
}

/// Who is only asked to end may refuse; then nothing has changed, and a later end is that of then.
#[test]
fn a_graceful_end() {
    let instance = Instance::start();
    let xml = guest::nano_xml("g1", "qemu", &guest::files());
    let begin = format!(
        "{EVENTS}{CODE}\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         gently = libvirt.VIR_DOMAIN_DESTROY_GRACEFUL\n"
    );
    let out = instance.python(&format!(
        "{begin}d = c.createXML({xml:?}, 0)\n\
         until((2, 0)); d.destroyFlags(gently); print(life(until((5, 1))), code(lambda: d.destroyFlags(gently)))\n"
    ));
    assert_eq!(out.ok(), "[(6, 2), (5, 1)] 42\n");

    instance.define(&xml).ok();
    instance.virsh(&["start", "g1"]).ok();
    let pid = instance.guests()[0];
    signal(pid, "STOP");
    let out = instance.python(&format!(
        "{begin}d = c.lookupByName('g1'); print(code(lambda: d.destroyFlags(gently)), d.state(), d.isActive())\n"
    ));
    assert_eq!(out.ok(), "9 [1, 1] 1\n");
    signal(pid, "CONT");
    instance.wait_idle();
    // QEMU says that a signal has ended it.
    assert_eq!(instance.virsh(&["domstate", "--reason", "g1"]).ok().trim(), "shut off (shutdown)");
}
