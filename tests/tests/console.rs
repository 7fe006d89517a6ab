//! Consoles as streams: who may have one, how it is taken over, and how it ends.

use tests::script::{CODE, CONSOLE};
use tests::{Instance, guest};

/// `VIR_ERR_OPERATION_FAILED`: the console is taken.
const SECOND: &str = "9";
/// `VIR_ERR_RPC`: another client has taken the console.
const FORCED: &str = "39";

#[test]
fn one_client_at_a_time_unless_it_insists() {
    let instance = Instance::start();
    let xml = guest::nano_xml("c1", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{CODE}{CONSOLE}\
         a, b = libvirt.open(uri), libvirt.open(uri)\n\
         d = a.createXML({xml:?}, 1); other = b.lookupByName('c1')\n\
         first = boot(d)\n\
         print('second', code(lambda: console(other)), code(lambda: console(d)))\n\
         second = console(other, None, libvirt.VIR_DOMAIN_CONSOLE_FORCE)\n\
         print('forced out', code(lambda: [first.recv(1) for _ in iter(int, 1)]))\n\
         second.send(b'x')\n\
         print('echo', second.recv(1))\n\
         # Left in the regular way, by a close of the connection, or by an abort: the next one may have it.\n\
         second.finish()\n\
         third = libvirt.open(uri); s = console(third.lookupByName('c1'))\n\
         del s; third.close()\n\
         fourth = None\n\
         while fourth is None:\n\
         \x20   try: fourth = console(d)\n\
         \x20   except libvirt.libvirtError: pass\n\
         fourth.send(b'y'); print('after', fourth.recv(1)); fourth.abort()\n\
         print('same client again', code(lambda: console(d).abort()))\n"
    ));
    let expected = format!(
        "second {SECOND} {SECOND}\nforced out {FORCED}\necho b'x'\nafter b'y'\nsame client again done\n"
    );
    assert_eq!(out.ok(), expected);
}

#[test]
fn the_stream_ends_with_the_guest() {
    let instance = Instance::start();
    let xml = guest::nano_xml("c1", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{CODE}{CONSOLE}\
         c = libvirt.open(uri)\n\
         d = c.createXML({xml:?}, 1)\n\
         s = boot(d)\n\
         d.destroy()\n\
         print('at the end', s.recv(64))\n\
         print(code(s.finish))\n\
         print(code(lambda: console(d)))\n"
    ));
    assert_eq!(out.ok(), "at the end b''\ndone\n42\n");
}

#[test]
fn what_is_no_terminal_says_so() {
    let instance = Instance::start();
    let file = instance.root().join("serial.log");
    let xml = guest::nano_xml("c1", "qemu", &guest::files()).replace(
        "<serial type='pty'/>\n    <console type='pty'/>",
        &format!(
            "<serial type='file'><source path='{}'/></serial><serial type='pty'/><serial type='null'/>",
            file.display()
        ),
    );
    let out = instance.python(&format!(
        "{CODE}{CONSOLE}\
         c = libvirt.open(uri)\n\
         d = c.defineXML({xml:?})\n\
         print(code(lambda: console(d)))\n\
         d.create()\n\
         for name in (None, 'serial0', 'serial1', 'serial2', 'serial9'):\n\
         \x20   try: console(d, name).abort(); print(name, 'opened')\n\
         \x20   except libvirt.libvirtError as e: print(name, e.get_error_code(), e.get_error_message())\n\
         print(code(lambda: d.openConsole(None, c.newStream(), 1 << 7)))\n\
         print(code(lambda: d.openChannel(None, c.newStream(), 0)))\n"
    ));
    let no = "internal error: character device";
    let expected = [
        "55".to_owned(),
        format!("None 1 {no} serial0 is not using a PTY or UNIX socket"),
        format!("serial0 1 {no} serial0 is not using a PTY or UNIX socket"),
        "serial1 opened".to_owned(),
        format!("serial2 1 {no} serial2 is not using a PTY or UNIX socket"),
        "serial9 1 internal error: cannot find character device serial9".to_owned(),
        "8".to_owned(),
        "1".to_owned(),
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    let log = std::fs::read_to_string(file).unwrap();
    assert!(log.is_empty() || log.contains("GUEST READY"), "{log}");
}

#[test]
fn a_console_on_a_socket() {
    let instance = Instance::start();
    let socket = instance.root().join("serial.sock");
    let xml = guest::nano_xml("c1", "qemu", &guest::files()).replace(
        "<serial type='pty'/>\n    <console type='pty'/>",
        &format!("<serial type='unix'><source mode='bind' path='{}'/></serial>", socket.display()),
    );
    let out = instance.python(&format!(
        "{CODE}{CONSOLE}\
         c = libvirt.open(uri)\n\
         d = c.createXML({xml:?}, libvirt.VIR_DOMAIN_START_PAUSED)\n\
         s = console(d)\n\
         d.resume()\n\
         read(s)\n\
         s.send(b'z'); print(s.recv(1))\n\
         print(code(lambda: console(d)))\n\
         d.destroy()\n\
         print(s.recv(1))\n"
    ));
    assert_eq!(out.ok(), "b'z'\n9\nb''\n");
}

/// A program beside the daemon talks to a channel, and so does a client.
#[test]
fn a_channel_as_a_stream() {
    let instance = Instance::start();
    let xml = guest::nano_xml("c1", "qemu", &guest::files()).replace(
        "</devices>",
        "<channel type='unix'><target type='virtio' name='org.example.one'/></channel>\
         <channel type='pty'><target type='virtio' name='org.example.two'/></channel></devices>",
    );
    let out = instance.python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         d = c.createXML({xml:?}, 0)\n\
         def channel(name, flags=0):\n\
         \x20   s = c.newStream(); d.openChannel(name, s, flags); return s\n\
         one = channel('org.example.one')\n\
         print(code(lambda: channel('channel0')), code(lambda: channel('org.example.none')))\n\
         two = channel('org.example.two')\n\
         again = channel('channel0', libvirt.VIR_DOMAIN_CHANNEL_FORCE)\n\
         print(code(lambda: one.recv(1)))\n\
         again.abort(); two.abort()\n\
         print(d.XMLDesc().count(\"state='disconnected'\"))\n"
    ));
    assert_eq!(out.ok(), format!("{SECOND} 1\n{FORCED}\n2\n"));
}

/// Lock files keep programs beside the daemon off a terminal, and the daemon off theirs: as in libvirt 9.0 with and
/// without the flag that asks for it.
#[test]
fn terminals_are_locked() {
    let mut instance = Instance::start();
    let xml = guest::nano_xml("c1", "qemu", &guest::files());
    let locks = instance.root().join("var/lock");
    let head = format!(
        "{CODE}{CONSOLE}\
         SAFE, FORCE = libvirt.VIR_DOMAIN_CONSOLE_SAFE, libvirt.VIR_DOMAIN_CONSOLE_FORCE\n\
         locks = lambda: {{name: open(os.path.join({locks:?}, name)).read() for name in os.listdir({locks:?})}}\n\
         c = libvirt.open(uri)\n"
    );
    let script = "\
        d = c.createXML(xml, 0); other = libvirt.open(uri).lookupByName('c1')\n\
        number = d.XMLDesc().split(\"path='/dev/pts/\")[1].split(\"'\")[0]\n\
        file = os.path.join(folder, 'LCK.._pts_' + number)\n\
        ours = {os.path.basename(file): '%10d\\n' % daemon}\n\
        first = console(d, None, SAFE); print(locks() == ours, code(lambda: console(other, None, SAFE)))\n\
        second = console(other, None, SAFE | FORCE)\n\
        print(code(lambda: [first.recv(1) for _ in iter(int, 1)]), locks() == ours)\n\
        second.finish(); print(locks())\n\
        plain = console(d); print(locks() == ours); plain.finish(); print(locks())\n\
        for holder in (os.getpid(), 2 ** 22 + 1, 'junk'):\n\
        \x20   open(file, 'w').write(str(holder))\n\
        \x20   for flags in (0, SAFE, FORCE):\n\
        \x20       try: s = console(d, None, flags); print('opened', locks() == ours); s.finish()\n\
        \x20       except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain(), all(str(w) in e.get_error_message() for w in ('/dev/pts/' + number, file, holder)))\n\
        os.remove(file) if os.path.exists(file) else None\n\
        kept = console(d, None, SAFE); os.kill(daemon, 9)\n";
    let set = |script: &str, daemon: u32| {
        format!("xml, folder, daemon = {xml:?}, {locks:?}, {daemon}\n{head}{script}")
    };
    let out = instance.python(&set(script, instance.pid()));
    let mut expected = vec!["True 9", "39 True", "{}", "True", "{}"];
    expected.extend(["9 0 True"; 3]);
    expected.extend(["opened True"; 6]);
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    // What a daemon that was killed leaves behind keeps nobody off.
    assert_eq!(instance.ended(), -1);
    assert_eq!(std::fs::read_dir(&locks).unwrap().count(), 1);
    instance.start_again();
    let out = instance.python(&set(
        "d = c.lookupByName('c1'); s = console(d, None, SAFE); print(list(locks().values()) == ['%10d\\n' % daemon])\n\
         d.destroy(); s.recv(1); s.finish(); print(locks())\n",
        instance.pid(),
    ));
    assert_eq!(out.ok(), "True\n{}\n");
}
