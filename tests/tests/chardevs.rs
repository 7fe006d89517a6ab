//! Host ends of serial ports, consoles and channels: every kind carries a real guest's words, and goes with it.

use tests::script::EVENTS;
use tests::{Instance, guest};

/// What the scripts share: `machine(serial, rest)` is a nano guest whose first serial port is `serial`; `begin(xml)`
/// starts it paused; `words(read)` reads until the guest has said that it is ready; `over(d, path, n)`
/// runs it until its words are in a file for the n-th time, `end(d)` ends it.
fn head(instance: &Instance) -> String {
    let xml = guest::nano_xml("c1", "qemu", &guest::files());
    let (before, rest) = xml.split_once("<serial type='pty'/>").unwrap();
    let after = rest.split_once("<console type='pty'/>").unwrap().1;
    format!(
        "{EVENTS}\
         import socket, json, subprocess, libvirt_qemu\n\
         folder = {:?}\n\
         c = libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
         def machine(serial, rest=''): return {before:?} + serial + rest + {after:?}\n\
         def begin(text): return c.createXML(text, libvirt.VIR_DOMAIN_START_PAUSED)\n\
         def words(read):\n\
         \x20   text = b''\n\
         \x20   while b'GUEST READY' not in text:\n\
         \x20       part = read()\n\
         \x20       assert part, text\n\
         \x20       text += part\n\
         \x20   return 'heard'\n\
         def grown(path, times):\n\
         \x20   tail = subprocess.Popen(['tail', '-n', '+1', '-F', path], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)\n\
         \x20   for _ in range(times):\n\
         \x20       while b'GUEST READY' not in tail.stdout.readline(): pass\n\
         \x20   tail.kill(); tail.wait()\n\
         def over(d, path, times):\n\
         \x20   d.resume(); grown(path, times); end(d)\n\
         def end(d):\n\
         \x20   d.destroy(); until((5, 1))\n\
         def free(kind):\n\
         \x20   with socket.socket(socket.AF_INET, kind) as s:\n\
         \x20       s.bind(('127.0.0.1', 0)); return s.getsockname()[1]\n\
         def code(f):\n\
         \x20   try: f(); return 'done'\n\
         \x20   except libvirt.libvirtError as error: return error.get_error_code()\n",
        instance.root().to_str().unwrap()
    )
}

fn check(script: &str, expected: &str) {
    let instance = Instance::start();
    let out = instance.python(&format!("{}{script}", head(&instance)));
    assert_eq!(out.ok(), expected);
    assert!(instance.guests().is_empty());
    assert_eq!(instance.run_files(), Vec::<String>::new());
}

#[test]
fn sockets_of_every_kind() {
    check(
        "port = free(socket.SOCK_STREAM)\n\
         d = begin(machine(\"<serial type='tcp'><source mode='bind' host='127.0.0.1' service='%d'/><protocol type='raw'/></serial>\" % port))\n\
         print(\"tls='no'\" in d.XMLDesc())\n\
         s = socket.create_connection(('127.0.0.1', port)); d.resume()\n\
         print('tcp bind', words(lambda: s.recv(4096))); s.close(); end(d)\n\
         l = socket.create_server(('127.0.0.1', 0))\n\
         d = begin(machine(\"<serial type='tcp'><source mode='connect' host='127.0.0.1' service='%d'/><protocol type='raw'/></serial>\" % l.getsockname()[1]))\n\
         s, _ = l.accept(); d.resume()\n\
         print('tcp connect', words(lambda: s.recv(4096))); s.close(); end(d)\n\
         u = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); u.bind(('127.0.0.1', 0))\n\
         d = begin(machine(\"<serial type='udp'><source mode='bind' host='127.0.0.1' service='%d'/><source mode='connect' host='127.0.0.1' service='%d'/></serial>\" % (free(socket.SOCK_DGRAM), u.getsockname()[1])))\n\
         d.resume(); print('udp', words(lambda: u.recv(4096))); end(d)\n\
         path = folder + '/serial.sock'\n\
         d = begin(machine(\"<serial type='unix'><source mode='bind' path='%s'/></serial>\" % path))\n\
         s = socket.socket(socket.AF_UNIX); s.connect(path); d.resume()\n\
         print('unix bind', words(lambda: s.recv(4096))); s.close(); end(d)\n\
         print('gone', not os.path.exists(path))\n\
         l = socket.socket(socket.AF_UNIX); l.bind(path); l.listen()\n\
         d = begin(machine(\"<serial type='unix'><source mode='connect' path='%s'/></serial>\" % path))\n\
         s, _ = l.accept(); d.resume()\n\
         print('unix connect', words(lambda: s.recv(4096))); s.close(); end(d)\n\
         print('theirs', os.path.exists(path))\n",
        "True\ntcp bind heard\ntcp connect heard\nudp heard\nunix bind heard\ngone True\nunix connect heard\ntheirs True\n",
    );
}

#[test]
fn files_pipes_and_terminals() {
    check(
        "path = folder + '/serial.txt'\n\
         def said(): return open(path, 'rb').read().count(b'GUEST READY')\n\
         for text, times in (('', 1), (\" append='on'\", 2), (\" append='off'\", 1)):\n\
         \x20   over(begin(machine(\"<serial type='file'><source path='%s'%s/></serial>\" % (path, text))), path, times)\n\
         \x20   print('file%s' % text, said())\n\
         os.mkfifo(folder + '/p.in'); os.mkfifo(folder + '/p.out')\n\
         d = begin(machine(\"<serial type='pipe'><source path='%s/p'/></serial>\" % folder))\n\
         p = os.open(folder + '/p.out', os.O_RDWR); d.resume()\n\
         print('pipe', words(lambda: os.read(p, 4096))); end(d)\n\
         import pty, tty\n\
         ours, theirs = pty.openpty(); tty.setraw(theirs)\n\
         d = begin(machine(\"<serial type='dev'><source path='%s'/></serial>\" % os.ttyname(theirs)))\n\
         d.resume(); print('dev', words(lambda: os.read(ours, 4096))); end(d)\n\
         for kind in ('null', 'vc', 'stdio'):\n\
         \x20   d = begin(machine(\"<serial type='%s'/>\" % kind)); d.resume(); print(kind, d.isActive()); end(d)\n",
        "file 1\nfile append='on' 2\nfile append='off' 1\npipe heard\ndev heard\nnull 1\nvc 1\nstdio 1\n",
    );
}

#[test]
fn logs_of_consoles() {
    check(
        "path = folder + '/console.log'\n\
         log = lambda append: \"<log file='%s' append='%s'/>\" % (path, append)\n\
         def said(): return open(path, 'rb').read().count(b'GUEST READY')\n\
         over(begin(machine(\"<serial type='null'>%s</serial>\" % log('on'))), path, 1); print(said())\n\
         over(begin(machine(\"<serial type='pty'>%s</serial>\" % log('on'))), path, 2); print(said())\n\
         d = begin(machine(\"<serial type='pty'>%s</serial>\" % log('off')))\n\
         s = c.newStream(); d.openConsole(None, s, 0); d.resume()\n\
         print(words(lambda: s.recv(4096))); s.abort(); end(d); print(said())\n",
        "1\n2\nheard\n1\n",
    );
}

#[test]
fn channels_of_every_kind() {
    check(
        "def chardev(d):\n\
         \x20   body = json.dumps({'execute': 'query-chardev'})\n\
         \x20   all = json.loads(libvirt_qemu.qemuMonitorCommand(d, body, 0))['return']\n\
         \x20   return [x['filename'].split(':')[0] for x in all if x['label'] == 'charchannel0'][0]\n\
         def channel(kind, source, target='a.b', more=''):\n\
         \x20   text = \"<channel type='%s'>%s<target type='virtio' name='%s'/></channel>%s\" % (kind, source, target, more)\n\
         \x20   d = begin(machine(\"<serial type='null'/>\", text))\n\
         \x20   print(kind, chardev(d), \"state='disconnected'\" in d.XMLDesc()); end(d)\n\
         channel('pty', '')\n\
         channel('unix', '')\n\
         channel('null', '')\n\
         channel('file', \"<source path='%s/f'/>\" % folder)\n\
         channel('tcp', \"<source mode='bind' host='127.0.0.1' service='%d'/>\" % free(socket.SOCK_STREAM))\n\
         channel('spicevmc', '', 'com.redhat.spice.0', \"<graphics type='spice' autoport='yes'/>\")\n\
         channel('spiceport', \"<source channel='org.x'/>\", 'org.x', \"<graphics type='spice' autoport='yes'/>\")\n\
         channel('qemu-vdagent', \"<source><clipboard copypaste='yes'/></source>\", 'com.redhat.spice.0', \"<graphics type='vnc'/>\")\n\
         print(code(lambda: begin(machine(\"<serial type='spicevmc'/>\"))))\n\
         print(code(lambda: begin(machine(\"<console type='pty'/><console type='pty'/>\"))))\n",
        "pty pty True\nunix disconnected True\nnull null True\nfile file True\ntcp disconnected True\n\
         spicevmc spicevmc True\nspiceport spiceport True\nqemu-vdagent qemu-vdagent True\n67\n67\n",
    );
}
