//! What Linux does in a guest, and what clients hear of it: channels, clock, balloon, thresholds, failing disks, sleep,
//! interrupts. The sequences are those of libvirt 9.0 for the same guest.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use tests::script::{CODE, CONSOLE, EVENTS, EVERYTHING};
use tests::{Instance, guest};

fn script(rest: &str) -> String {
    format!("{EVENTS}{CODE}{CONSOLE}{EVERYTHING}{rest}")
}

/// A file that guests may write.
fn image(instance: &Instance, name: &str, size: u64) -> PathBuf {
    let path = instance.root().join(name);
    std::fs::File::create(&path).unwrap().set_len(size).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o666)).unwrap();
    path
}

fn linux(name: &str, devices: &str) -> String {
    guest::linux_xml(name, &guest::files()).replace("</devices>", &format!("{devices}</devices>"))
}

/// A virtio disk of raw bytes.
fn disk(path: &std::path::Path, driver: &str) -> String {
    format!(
        "<disk type='file'><driver name='qemu' type='raw' {driver}/><source file='{}'/>\
         <target dev='vda' bus='virtio'/></disk>",
        path.display()
    )
}

#[test]
fn programs_in_the_guest_open_channels() {
    let instance = Instance::start();
    let channel = |name| format!("<channel type='unix'><target type='virtio' name='{name}'/></channel>");
    let xml = linux("l1", &(channel("org.qemu.guest_agent.0") + &channel("org.example.a")));
    let out = instance.python(&script(&format!(
        "import re\n\
         d = c.createXML({xml:?}, 1); s = prompt(d); print(hear('agent_lifecycle')); quiet()\n\
         states = lambda: re.findall(\"name='([^']*)' state='([^']*)'\", d.XMLDesc())\n\
         shell(s, 'exec 7<>/dev/vport0p1'); print(hear('agent_lifecycle'), states())\n\
         shell(s, 'exec 8<>/dev/vport0p2; exec 7<&-'); print(hear('agent_lifecycle'), states())\n\
         shell(s, 'exec 8<&-; exec 7<>/dev/vport0p1'); print(hear('agent_lifecycle'), states())\n\
         # An agent that does not answer is there, but unresponsive.\n\
         print(told.empty())\n"
    )));
    let (agent, other) = ("('org.qemu.guest_agent.0', '", "('org.example.a', '");
    let expected = [
        "[('agent_lifecycle', 2, 1)]".to_owned(),
        format!("[('agent_lifecycle', 1, 2)] [{agent}connected'), {other}disconnected')]"),
        format!("[('agent_lifecycle', 2, 2)] [{agent}disconnected'), {other}connected')]"),
        format!("[('agent_lifecycle', 1, 2)] [{agent}connected'), {other}disconnected')]"),
        "True".to_owned(),
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn thresholds_clocks_balloons_and_interrupts() {
    let instance = Instance::start();
    let path = image(&instance, "t.img", 8 << 20);
    let xml = linux("l1", &disk(&path, ""));
    let out = instance.python(&script(&format!(
        "import libvirt_qemu as q, json\n\
         d = c.createXML({xml:?}, 1); s = prompt(d); quiet()\n\
         limit = lambda name: code(lambda: d.setBlockThreshold(name, 1 << 20))\n\
         print([limit(name) for name in ('vda', 'vda[1]', 'vda[7]', 'vdz', '')])\n\
         write = lambda place: shell(s, 'dd if=/dev/zero of=/dev/vda bs=512 seek=%d count=8 oflag=direct 2>/dev/null' % place)\n\
         write(100); print(told.empty())\n\
         write(2100); [(_, *whose, excess)] = hear('block_threshold'); print(whose, 0 < excess <= 64 << 10)\n\
         write(2200); print(told.empty())\n\
         limit('vda'); write(2200); print([hear('block_threshold')[0][1] for _ in range(2)])\n\
         shell(s, 'date -s \"2030-01-02 03:04:05\"; hwclock -w -u')\n\
         [(_, offset)] = hear('rtc_change'); print(abs(1893553445 - time.time() - offset) < 60)\n\
         q.qemuMonitorCommand(d, json.dumps({{'execute': 'balloon', 'arguments': {{'value': 80 << 20}}}}), 0)\n\
         while hear('balloon_change')[-1][1] != 80 << 10: pass\n\
         print(d.info()[1:3]); quiet()\n\
         d.injectNMI(0); print('Uhhuh. NMI received' in shell(s, 'dmesg | grep -i nmi'))\n"
    )));
    let path = path.display();
    let expected = [
        "['done', 'done', 8, 8, 8]".to_owned(),
        "True".to_owned(),
        format!("['vda[1]', '{path}', {}] True", 1 << 20),
        "True".to_owned(),
        "['vda', 'vda[1]']".to_owned(),
        "True".to_owned(),
        "[98304, 81920]".to_owned(),
        "True".to_owned(),
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn a_guest_sleeps_in_memory() {
    let mut instance = Instance::start();
    let xml = linux("l1", "");
    let begin = format!(
        "def sleep():\n\
         \x20   s.send(b'echo mem > /sys/power/state; echo wo\"\"ken\\n')\n\
         \x20   heard = hear('pmsuspend')\n\
         \x20   return heard + [until_state()]\n\
         def until_state():\n\
         \x20   return hear('lifecycle')[-1]\n\
         d = c.createXML({xml:?}, 1); s = prompt(d); quiet()\n"
    );
    let out = instance.python(&script(&format!(
        "{begin}\
         print(sleep(), d.state())\n\
         print([code(f) for f in (d.suspend, d.resume, d.shutdown)])\n\
         print(code(d.pMWakeup), hear('pmwakeup') + hear('lifecycle')[-1:], d.state())\n\
         read(s, b'woken'); print('woken', code(d.pMWakeup)); quiet()\n\
         sleep(); print(code(d.reset), hear('reboot'), d.state())\n\
         print(code(d.pMWakeup), code(d.resume), d.state())\n\
         print(code(d.reboot), code(d.destroy), hear('lifecycle') + hear('lifecycle'))\n\
         d = c.createXML({xml:?}, 1); s = prompt(d); quiet(); print(sleep())\n"
    )));
    let expected = [
        "[('pmsuspend', 0), ('lifecycle', 7, 0)] [7, 0]",
        "[55, 55, 55]",
        "done [('pmwakeup', 0), ('lifecycle', 2, 4)] [1, 8]",
        "woken 1",
        "done [('reboot',)] [7, 0]",
        "1 55 [7, 0]",
        "done done [('lifecycle', 6, 2), ('lifecycle', 5, 1)]",
        "[('pmsuspend', 0), ('lifecycle', 7, 0)]",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    // Another daemon finds it asleep, and wakes it.
    instance.restart();
    assert_eq!(instance.virsh(&["domstate", "l1", "--reason"]).ok().trim(), "pmsuspended (unknown)");
    let out = instance.python(&script(
        "d = c.lookupByName('l1'); s = console(d); print(d.pMWakeup(), hear('pmwakeup'))\n\
         read(s, b'woken'); print(d.state())\n",
    ));
    assert_eq!(out.ok(), "0 [('pmwakeup', 0)]\n[1, 8]\n");
}

/// A full file system stops the guest, as often as it goes on without room; with room it finishes what it began. Other
/// policies tell of the error and let the guest go on.
#[test]
fn a_disk_without_room() {
    if !tests::can_make_networks("a_disk_without_room") {
        return;
    }
    let instance = Instance::builder().private_net().start();
    let small = instance.root().join("small");
    std::fs::create_dir(&small).unwrap();
    let folder = small.to_str().unwrap();
    instance.in_net(&["mount", "-t", "tmpfs", "-o", "size=3m,mode=777", "none", folder]).ok();
    let paths = ["stop.img", "report.img"].map(|name| small.join(name));
    for path in &paths {
        instance.in_net(&["truncate", "-s", "8M", path.to_str().unwrap()]).ok();
    }
    let [stop, report] = [(&paths[0], "error_policy='stop'"), (&paths[1], "error_policy='report'")]
        .map(|(path, driver)| linux("l1", &disk(path, driver)));
    let out = instance.python(&script(&format!(
        "FILL = b'dd if=/dev/zero of=/dev/vda bs=64k count=80 oflag=direct 2>&1; echo fini\"\"shed\\n'\n\
         d = c.createXML({stop:?}, 1); s = prompt(d); quiet()\n\
         s.send(FILL); print(hear('io_error')[0]); print(hear('io_error_reason')[0]); print(hear('lifecycle'), d.state(), d.diskErrors())\n\
         print(code(d.resume), hear('lifecycle'))\n\
         print(hear('lifecycle'), d.state())\n\
         print(code(d.resume), hear('lifecycle'), hear('lifecycle'), d.state(), d.diskErrors())\n"
    )));
    let path = paths[0].display();
    let expected = [
        format!("('io_error', '{path}', 'virtio-disk0', 1)"),
        format!("('io_error_reason', '{path}', 'virtio-disk0', 1, 'enospc')"),
        "[('lifecycle', 3, 2)] [3, 5] {'vda': 2}".to_owned(),
        "done [('lifecycle', 4, 0)]".to_owned(),
        "[('lifecycle', 3, 2)] [3, 5]".to_owned(),
        "done [('lifecycle', 4, 0)] [('lifecycle', 3, 2)] [3, 5] {'vda': 2}".to_owned(),
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    assert_eq!(instance.virsh(&["domstate", "l1", "--reason"]).ok().trim(), "paused (I/O error)");
    instance.in_net(&["mount", "-o", "remount,size=20m", folder]).ok();
    let out = instance.python(&script(
        "d = c.lookupByName('l1'); s = console(d); quiet(); d.resume(); print(b'80+0 records out' in read(s, b'finished'), d.state())\n\
         while not told.empty(): print(told.get())\n",
    ));
    assert_eq!(out.ok(), "True [1, 5]\n('lifecycle', 4, 0)\n");
    instance.virsh(&["destroy", "l1"]).ok();
    instance.in_net(&["rm", paths[0].to_str().unwrap()]).ok();
    instance.in_net(&["mount", "-o", "remount,size=3m", folder]).ok();
    let out = instance.python(&script(&format!(
        "d = c.createXML({report:?}, 1); s = prompt(d); quiet()\n\
         s.send(b'dd if=/dev/zero of=/dev/vda bs=64k count=80 oflag=direct 2>&1; echo fini\"\"shed\\n')\n\
         print(hear('io_error')[0][2:], hear('io_error_reason')[0][2:], b'rror' in read(s, b'finished'), d.state())\n"
    )));
    assert_eq!(out.ok(), "('virtio-disk0', 2) ('virtio-disk0', 2, '') True [1, 5]\n");
}
