//! How displays are reached: WebSockets, sockets, ports, TLS, SASL and passwords, from definitions and qemu.conf.

use tests::script::CODE;
use tests::{Instance, guest};

fn with(name: &str, graphics: &str) -> String {
    guest::nano_xml(name, "qemu", &guest::files())
        .replace("</devices>", &format!("{graphics}<video><model type='vga'/></video></devices>"))
}

/// Settings of qemu.conf under which guests run as the daemon's own user.
fn conf(text: &str) -> String {
    let own = if rustix::process::geteuid().is_root() { "user = \"root\"\ngroup = \"root\"\n" } else { "" };
    format!("{own}cgroup_controllers = [ \"cpuset\", \"memory\", \"devices\" ]\n{text}")
}

/// Value of an attribute in the first element of a name.
fn attribute<'a>(xml: &'a str, element: &str, name: &str) -> Option<&'a str> {
    let line = xml.lines().find(|line| line.trim_start().starts_with(&format!("<{element} ")))?;
    line.split_once(&format!(" {name}='"))?.1.split('\'').next()
}

/// The argument after an option in the command line that a definition stands for.
fn argument(instance: &Instance, xml: &str, option: &str) -> String {
    let file = instance.root().join("native.xml");
    std::fs::write(&file, xml).unwrap();
    let line = instance.virsh(&["domxml-to-native", "qemu-argv", file.to_str().unwrap()]).ok();
    let (_, rest) = line.split_once(&format!(" {option} ")).unwrap_or_else(|| panic!("no {option}: {line}"));
    rest.split_whitespace().next().unwrap().to_owned()
}

/// Both servers answer at ports of the configured ranges, which stored definitions do not hold.
#[test]
fn websockets_have_ports_of_their_own() {
    // Other runs of this test have other ports.
    let first = u16::try_from(20_000 + std::process::id() % 400 * 40).unwrap();
    let (websockets, displays) = (first..=first + 19, first + 20..=first + 39);
    let ranges = format!(
        "remote_websocket_port_min = {}\nremote_websocket_port_max = {}\n\
         remote_display_port_min = {}\nremote_display_port_max = {}\n",
        websockets.start(),
        websockets.end(),
        displays.start(),
        displays.end()
    );
    let instance = Instance::builder().qemu_conf(&conf(&ranges)).start();
    let mut found = Vec::new();
    for name in ["w1", "w2"] {
        instance.define(&with(name, "<graphics type='vnc' websocket='-1'/>")).ok();
        instance.virsh(&["start", name, "--paused"]).ok();
        let live = instance.virsh(&["dumpxml", name]).ok();
        let port = |what| attribute(&live, "graphics", what).unwrap().parse::<u16>().unwrap();
        let (display, websocket) = (port("port"), port("websocket"));
        assert!(displays.contains(&display) && websockets.contains(&websocket), "{live}");
        std::net::TcpStream::connect(("127.0.0.1", display)).unwrap();
        let mut client = std::net::TcpStream::connect(("127.0.0.1", websocket)).unwrap();
        let hello = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                     Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\
                     Sec-WebSocket-Protocol: binary\r\n\r\n";
        std::io::Write::write_all(&mut client, hello.as_bytes()).unwrap();
        let mut answer = [0; 12];
        std::io::Read::read_exact(&mut client, &mut answer).unwrap();
        assert_eq!(&answer, b"HTTP/1.1 101");
        let stored = instance.virsh(&["dumpxml", name, "--inactive"]).ok();
        assert_eq!(attribute(&stored, "graphics", "websocket"), Some("-1"));
        found.push(websocket);
    }
    assert_ne!(found[0], found[1]);
    // What one guest gave back, another gets.
    instance.virsh(&["destroy", "w1"]).ok();
    instance.virsh(&["start", "w1", "--paused"]).ok();
    let live = instance.virsh(&["dumpxml", "w1"]).ok();
    assert_eq!(attribute(&live, "graphics", "websocket"), Some(found[0].to_string().as_str()));
}

/// A display on a socket, by its definition and by the configuration; it is found again by the next daemon.
#[test]
fn sockets_lie_with_the_guest() {
    let mut instance = Instance::builder().qemu_conf(&conf("vnc_auto_unix_socket = 1\n")).start();
    for (name, graphics) in [
        ("own", "<graphics type='vnc'><listen type='socket'/></graphics>"),
        ("conf", "<graphics type='vnc' autoport='yes'/>"),
    ] {
        instance.define(&with(name, graphics)).ok();
        instance.virsh(&["start", name, "--paused"]).ok();
        let live = instance.virsh(&["dumpxml", name]).ok();
        let path = attribute(&live, "graphics", "socket").unwrap_or_else(|| panic!("{live}"));
        assert!(
            path.ends_with("/vnc.sock") && live.contains(&format!("<listen type='socket' socket='{path}'/>"))
        );
        let mut greeting = [0; 12];
        let mut client = std::os::unix::net::UnixStream::connect(path).unwrap();
        std::io::Read::read_exact(&mut client, &mut greeting).unwrap();
        assert_eq!(&greeting, b"RFB 003.008\n");
        let stored = instance.virsh(&["dumpxml", name, "--inactive"]).ok();
        assert_eq!(attribute(&stored, "graphics", "socket"), None, "{stored}");
    }
    let before = instance.virsh(&["dumpxml", "own"]).ok();
    instance.kill();
    instance.start_again();
    assert_eq!(instance.virsh(&["dumpxml", "own"]).ok(), before);
    instance.virsh(&["destroy", "own"]).ok();
    let listening = with("addr", "<graphics type='vnc' listen='127.0.0.1'/>");
    assert!(argument(&instance, &listening, "-vnc").starts_with("127.0.0.1:"), "an address wins");
}

/// TLS, SASL and passwords of qemu.conf are in the command line.
#[test]
fn the_configuration_guards_displays() {
    let text = "vnc_tls = 1\nvnc_tls_x509_cert_dir = \"/srv/certs\"\nvnc_tls_x509_verify = 1\nvnc_sasl = 1\n\
                vnc_sasl_dir = \"/srv/sasl\"\nvnc_password = \"abc\"\nspice_tls = 1\n\
                default_tls_x509_cert_dir = \"/srv/common\"\n";
    let instance = Instance::builder().qemu_conf(&conf(text)).start();
    let vnc = with("g", "<graphics type='vnc' sharePolicy='force-shared'/>");
    let told = argument(&instance, &vnc, "-vnc");
    assert!(told.contains(",share=force-shared,password=on,tls-creds=vnc-tls-creds0,sasl=on"), "{told}");
    let file = instance.root().join("native.xml");
    let line = instance.virsh(&["domxml-to-native", "qemu-argv", file.to_str().unwrap()]).ok();
    assert!(line.contains("SASL_CONF_PATH=/srv/sasl"), "{line}");
    assert!(
        line.contains(r#""id":"vnc-tls-creds0","dir":"/srv/certs","endpoint":"server","verify-peer":true"#)
    );
    let spice =
        with("g", "<graphics type='spice' autoport='yes'><channel name='main' mode='secure'/></graphics>");
    let told = argument(&instance, &spice, "-spice");
    let expected =
        "port=5901,tls-port=5902,addr=127.0.0.1,disable-ticketing=on,x509-dir=/srv/common,tls-channel=main";
    assert!(told.starts_with(expected), "{told}");
}

/// Codes of what cannot be: 67 for settings that contradict the host's or each other, 38 for what is missing.
#[test]
fn displays_that_cannot_be_are_refused() {
    let instance = Instance::start();
    let refused = [
        "<graphics type='vnc' port='65536' autoport='no'/>",
        "<graphics type='vnc'/><graphics type='vnc'/>",
        "<graphics type='vnc' passwd='a' connected='fail'/>",
        "<graphics type='spice' tlsPort='-1'/>",
        "<graphics type='spice' autoport='yes' defaultMode='secure'/>",
        "<graphics type='spice' port='5999'><channel name='main' mode='secure'/></graphics>",
        "<graphics type='vnc'><listen type='address'/><listen type='address'/></graphics>",
        "<graphics type='vnc'><listen type='network' network='nowhere'/></graphics>",
        "<graphics type='egl-headless'><gl rendernode='/dev/dri/nosuch'/></graphics>",
    ];
    let documents: Vec<_> = refused.iter().map(|graphics| with("g", graphics)).collect();
    let out = instance.python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         for xml in {documents:?}: print(code(lambda: c.createXML(xml, libvirt.VIR_DOMAIN_START_PAUSED)))\n"
    ));
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), ["67", "67", "67", "67", "67", "67", "67", "43", "38"]);
    instance.wait_idle();
}
