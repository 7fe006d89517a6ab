//! Session mode: an unprivileged user's own daemon, found in the user's directories and started by the client.

use tests::{Instance, guest};

#[test]
fn a_user_s_guest_lives_in_the_user_s_directories() {
    let instance = Instance::builder().session().start();
    let files = guest::files();
    let xml = guest::nano_xml("u1", "qemu", &files);
    instance.define(&xml).ok();
    assert!(instance.config_dir().join("u1.xml").exists());
    let out = instance.python(
        "c = libvirt.open(uri)\n\
         d = c.lookupByName('u1')\n\
         d.createWithFlags(1)\n\
         s = c.newStream()\n\
         d.openConsole(None, s, 0)\n\
         d.resume()\n\
         text = b''\n\
         while b'GUEST READY' not in text: text += s.recv(4096)\n\
         s.abort()\n\
         print(d.state(), d.info()[0])\n\
         d.destroy()\n\
         print(d.state())\n\
         d.undefine()\n",
    );
    assert_eq!(out.ok(), "[1, 5] 1\n[5, 2]\n");
    assert!(instance.guests().is_empty());
    assert_eq!(instance.run_files(), Vec::<String>::new());
}

#[test]
fn a_session_s_guest_outlives_its_daemon() {
    let mut instance = Instance::builder().session().start();
    let files = guest::files();
    instance.define(&guest::nano_xml("u2", "qemu", &files)).ok();
    instance.virsh(&["start", "u2"]).ok();
    let before = instance.guests();
    instance.kill();
    instance.restart();
    assert_eq!(instance.virsh(&["domstate", "u2"]).ok().trim(), "running");
    assert_eq!(instance.guests(), before);
    instance.virsh(&["destroy", "u2"]).ok();
}
