//! Displays: where clients find them, and connections past the network as virt-viewer makes them.

use tests::script::{CODE, EVENTS};
use tests::{Instance, guest};

const VNC: &str =
    "<graphics type='vnc' autoport='yes' passwd='secret'/><video><model type='vga'/></video></devices>";

/// A client's own socket, and one that the daemon makes: the display's greeting comes over both, and with the flag it
/// asks for no password.
#[test]
fn descriptors_of_a_display() {
    let instance = Instance::start();
    let files = guest::files();
    let xml = guest::nano_xml("g1", "qemu", &files).replace("</devices>", VNC);
    let bare = guest::nano_xml("g2", "qemu", &files);
    let out = instance.python(&format!(
        "{CODE}\
         import socket\n\
         c = libvirt.open(uri)\n\
         d = c.defineXML({xml:?})\n\
         mine, other = socket.socketpair()\n\
         print(code(lambda: d.openGraphicsFD(0, 0)), code(lambda: d.openGraphics(0, other.fileno(), 0)))\n\
         d.create()\n\
         def securities(s):\n\
         \x20   hello = s.recv(12); s.sendall(hello)\n\
         \x20   count = s.recv(1)[0]\n\
         \x20   return hello, list(s.recv(count))\n\
         d.openGraphics(0, other.fileno(), 0); other.close()\n\
         print(securities(mine))\n\
         print(securities(socket.socket(fileno=d.openGraphicsFD(0, 0))))\n\
         print(securities(socket.socket(fileno=d.openGraphicsFD(0, libvirt.VIR_DOMAIN_OPEN_GRAPHICS_SKIPAUTH))))\n\
         print(code(lambda: d.openGraphicsFD(1, 0)), code(lambda: d.openGraphicsFD(0, 8)))\n\
         print(code(lambda: d.openGraphics(0, os.open('/dev/null', os.O_RDWR), 0)))\n\
         e = c.createXML({bare:?}, 0)\n\
         print(code(lambda: e.openGraphicsFD(0, 0)))\n"
    ));
    let expected = [
        "55 55",
        "(b'RFB 003.008\\n', [2])",
        "(b'RFB 003.008\\n', [2])",
        "(b'RFB 003.008\\n', [1])",
        "1 8",
        "8",
        "1",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

/// What virsh makes of the live XML, and a VNC server at that place.
#[test]
fn addresses_of_displays() {
    let instance = Instance::start();
    let files = guest::files();
    let xml =
        guest::nano_xml("g1", "qemu", &files).replace("</devices>", &VNC.replace(" passwd='secret'", ""));
    instance.define(&xml).ok();
    assert!(instance.virsh(&["domdisplay", "g1"]).fails().contains("not running"));
    instance.virsh(&["start", "g1"]).ok();
    let uri = instance.virsh(&["domdisplay", "g1"]).ok();
    let display: u16 = uri.trim().strip_prefix("vnc://127.0.0.1:").unwrap().parse().unwrap();
    assert_eq!(instance.virsh(&["vncdisplay", "g1"]).ok().trim(), format!("127.0.0.1:{display}"));
    for arguments in [["domdisplay", "g1", "--all"], ["domdisplay", "g1", "--type=vnc"]] {
        assert_eq!(instance.virsh(&arguments).ok().trim(), uri.trim());
    }
    assert!(instance.virsh(&["domdisplay", "g1", "--type=spice"]).fails().contains("No graphical display"));
    let mut greeting = [0; 12];
    let mut client = std::net::TcpStream::connect(("127.0.0.1", 5900 + display)).unwrap();
    std::io::Read::read_exact(&mut client, &mut greeting).unwrap();
    assert_eq!(&greeting, b"RFB 003.008\n");
}

/// The three phases of a display's client.
#[test]
fn clients_of_a_display_are_told_of() {
    let instance = Instance::start();
    let files = guest::files();
    let xml =
        guest::nano_xml("g1", "qemu", &files).replace("</devices>", &VNC.replace(" passwd='secret'", ""));
    let out = instance.python(&format!(
        "{EVENTS}\
         import socket, re\n\
         c = libvirt.open(uri)\n\
         def graphics(c, d, phase, local, remote, scheme, subject, to): told.put((phase, local, remote, scheme, subject))\n\
         c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_GRAPHICS, graphics, None)\n\
         d = c.createXML({xml:?}, 0)\n\
         port = int(re.search(r\"type='vnc' port='(\\d+)'\", d.XMLDesc()).group(1))\n\
         k = socket.create_connection(('127.0.0.1', port)); mine = str(k.getsockname()[1])\n\
         def check(wanted):\n\
         \x20   phase, local, remote, scheme, subject = told.get(timeout=20)\n\
         \x20   print(phase, local == {{'family': 0, 'node': '127.0.0.1', 'service': str(port)}},\n\
         \x20       remote == {{'family': 0, 'node': '127.0.0.1', 'service': mine}}, scheme, subject)\n\
         k.recv(12); check(0)\n\
         k.sendall(b'RFB 003.008\\n'); k.recv(2); k.sendall(b'\\x01'); k.recv(4); k.sendall(b'\\x01'); check(1)\n\
         k.close(); check(2)\n"
    ));
    assert_eq!(out.ok(), "0 True True none []\n1 True True none []\n2 True True none []\n");
}
