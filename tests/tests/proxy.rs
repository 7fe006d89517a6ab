//! virtproxyd: unmodified clients behind one socket, the drivers' daemons behind it.

use protocol::remote::{ConnectGetUriRet, ConnectOpenArgs, rows};
use std::os::unix::net::UnixListener;
use tests::script::{CODE, CONSOLE, EVENTS};
use tests::wire::Wire;
use tests::{Instance, guest};

/// Documents, errors, events, streams and descriptors through the proxy, beside those of the daemon itself.
#[test]
fn clients_find_what_they_find_without_it() {
    let mut instance = Instance::start();
    instance.start_proxy();
    let xml = guest::nano_xml("g", "qemu", &guest::files())
        .replace("</devices>", "<graphics type='vnc'/></devices>");
    let out = instance.python_by_proxy(&format!(
        "{EVENTS}{CODE}{CONSOLE}import socket\n\
         c, beside = libvirt.open(uri), libvirt.open(direct)\n\
         c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, None)\n\
         d = c.defineXML({xml:?})\n\
         print(d.XMLDesc() == beside.lookupByName('g').XMLDesc(), c.getType(), c.isAlive(), c.isSecure())\n\
         print(c.getCapabilities() == beside.getCapabilities(), c.getHostname() == beside.getHostname())\n\
         def error(f):\n\
         \x20   try: f()\n\
         \x20   except libvirt.libvirtError as e: return e.get_error_code(), e.get_error_domain(), e.get_error_message(), e.get_str1(), e.get_int1()\n\
         for act in (lambda c: c.lookupByName('none'), lambda c: c.defineXML('<a/>'), lambda c: c.lookupByName('g').suspend(),\n\
         \x20           lambda c: c.lookupByName('g').setVcpus(900), lambda c: c.listAllDomains(1 << 30), lambda c: c.numOfNetworks()):\n\
         \x20   print(error(lambda: act(c)) == error(lambda: act(beside)) != None)\n\
         d.createWithFlags(libvirt.VIR_DOMAIN_START_PAUSED)\n\
         vnc = socket.socket(fileno=d.openGraphicsFD(0, 0)); print(vnc.recv(3))\n\
         stream = boot(d); d.destroy(); d.undefine()\n\
         print([e[2][0] for e in until((libvirt.VIR_DOMAIN_EVENT_UNDEFINED, 0)) if e[2][0] != libvirt.VIR_DOMAIN_EVENT_SHUTDOWN])\n\
         c.close()\n"
    ));
    let all = out.ok();
    let lines: Vec<&str> = all.lines().collect();
    assert_eq!(lines[..2], ["True QEMU 1 1", "True True"]);
    assert_eq!(lines[2..8], ["True"; 6]);
    assert_eq!(lines[8], "b'RFB'");
    // Defined, started, paused, resumed, stopped, undefined. QEMU may tell that it was asked to end, too.
    assert_eq!(lines[9], "[0, 2, 3, 4, 5, 1]");
}

#[test]
fn who_may_only_read_only_reads() {
    let mut instance = Instance::start();
    instance.start_proxy();
    let socket = instance.run_dir().join("libvirt-sock-ro");
    let out = instance.python_by_proxy(&format!(
        "{CODE}by_socket = libvirt.openReadOnly('qemu+unix:///system?socket={}')\n\
         by_flag = libvirt.openReadOnly(uri)\n\
         for c in (by_socket, by_flag): print(c.numOfDomains(), code(lambda: c.defineXML('<domain/>')))\n",
        socket.display()
    ));
    assert_eq!(out.ok(), "0 29\n0 29\n");
}

/// Which driver a URI leads to, and the errors of those without one.
#[test]
fn uris_find_their_drivers() {
    let mut instance = Instance::start();
    instance.start_proxy();
    let socket = instance.proxy_socket();
    let opened = |name: Option<&str>| -> Result<String, (i32, String)> {
        let mut wire = Wire::connect(&socket).unwrap();
        let _: protocol::remote::AuthListRet = wire.call(&rows::auth_list, &()).unwrap();
        let args = ConnectOpenArgs { name: name.map(str::to_owned), flags: 0 };
        let told = |fault: protocol::Fault| (fault.code.0, fault.message);
        wire.call::<()>(&rows::connect_open, &args).map_err(told)?;
        let uri: ConnectGetUriRet = wire.call(&rows::connect_get_uri, &()).unwrap();
        assert_eq!(wire.call::<()>(&rows::connect_open, &args).unwrap_err().code.0, 1);
        Ok(uri.uri)
    };
    for name in [None, Some(""), Some("qemu:///system")] {
        assert_eq!(opened(name), Ok("qemu:///system".to_owned()));
    }
    for uri in ["xen:///system", "vbox:///session", "test:///default", "qemu://elsewhere/system", "nonsense"]
    {
        assert_eq!(opened(Some(uri)), Err((5, format!("no connection driver available for {uri}"))));
    }
    let direct = instance.virsh(&["-c", &instance.uri().replace("/system", "/bogus"), "uri"]);
    let (code, message) = opened(Some("qemu:///bogus")).unwrap_err();
    assert!(code == 1 && direct.fails().contains(&message), "{message}");
    // A daemon that is not there.
    let (code, message) = opened(Some("lxc:///system")).unwrap_err();
    let missing = instance.run_dir().join("virtlxcd-sock");
    let expected = format!("Failed to connect socket to '{}': No such file or directory", missing.display());
    assert_eq!((code, message), (38, expected));
    // Before the connection is open.
    let mut wire = Wire::connect(&socket).unwrap();
    let _: protocol::remote::AuthListRet = wire.call(&rows::auth_list, &()).unwrap();
    assert_eq!(wire.call::<ConnectGetUriRet>(&rows::connect_get_uri, &()).unwrap_err().code.0, 1);
}

/// A URI without a name is the administrator's choice first.
#[test]
fn the_default_uri_is_the_configured_one() {
    let mut instance = Instance::builder().prepare();
    std::fs::write(instance.etc_dir().join("libvirt.conf"), "uri_default = \"foo:///x\"\n").unwrap();
    instance.start_proxy();
    let error = Wire::open(&instance.proxy_socket(), "").map(drop).unwrap_err();
    assert_eq!(error.to_string(), "no connection driver available for foo:///x");
}

/// Drivers beside that of the guests: one that was never there is not supported, one that has died is an error, and both
/// harm nobody.
#[test]
fn a_missing_daemon_harms_no_others() {
    let mut instance = Instance::start();
    instance.start_proxy();
    drop(UnixListener::bind(instance.run_dir().join("virtstoraged-sock")).unwrap());
    let out = instance.python_by_proxy(&format!(
        "{CODE}c = libvirt.open(uri)\n\
         print([code(f) for f in (c.numOfNetworks, c.listAllStoragePools, c.listAllDevices, c.listSecrets)], c.numOfDomains())\n\
         try: c.listAllStoragePools()\n\
         except libvirt.libvirtError as e: print(e.get_error_domain(), e.get_error_message())\n"
    ));
    let socket = instance.run_dir().join("virtstoraged-sock");
    let expected = format!(
        "[3, 38, 3, 3] 0\n7 Failed to connect socket to '{}': Connection refused\n",
        socket.display()
    );
    assert_eq!(out.ok(), expected);
}

/// One user's proxy starts that user's daemons, as libvirt's client does.
#[test]
fn a_session_starts_its_daemons() {
    let mut instance = Instance::builder().session().prepare();
    instance.start_proxy();
    assert!(!instance.socket().exists());
    let out = instance.python_by_proxy(
        "clients = [libvirt.open(uri) for _ in range(3)]\nprint([(c.getType(), c.numOfDomains()) for c in clients])\n",
    );
    assert_eq!(out.ok(), format!("[{}]\n", ["('QEMU', 0)"; 3].join(", ")));
    assert!(instance.socket().exists());
}

/// A socket that systemd holds: its daemon is started by the first client.
#[test]
fn a_daemon_behind_an_activated_socket_is_started_by_the_first_call() {
    let test = "a_daemon_behind_an_activated_socket_is_started_by_the_first_call";
    let activate = std::path::Path::new("/usr/bin/systemd-socket-activate");
    if !activate.exists() {
        return tests::not_run(test, "systemd-socket-activate is not installed (Debian package systemd)");
    }
    let mut instance = Instance::builder().prepare();
    instance.start_proxy();
    let socket = instance.socket();
    let daemon = tests::program("virtqemud");
    let words = ["-l", socket.to_str().unwrap(), daemon.to_str().unwrap()].map(str::to_owned);
    instance.start_program(activate, &words);
    // Whether it listens yet or not: the proxy waits for a driver that is installed.
    let out = instance.python_by_proxy("c = libvirt.open(uri)\nprint(c.getType(), c.numOfDomains())\n");
    assert_eq!(out.ok(), "QEMU 0\n");
}

/// A client of another host: the same calls over TCP, but no descriptors, and nothing that is secure.
#[test]
fn clients_of_the_network_reach_the_drivers() {
    let mut instance = Instance::start();
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let conf = format!(
        "listen_tls = 0\nlisten_tcp = 1\nauth_tcp = \"none\"\nlisten_addr = \"127.0.0.1\"\ntcp_port = \"{port}\"\n"
    );
    std::fs::write(instance.etc_dir().join("virtproxyd.conf"), conf).unwrap();
    instance.start_proxy();
    let out = instance.python_by_proxy(&format!(
        "{EVENTS}{CODE}c, beside = libvirt.open('qemu+tcp://127.0.0.1:{port}/system'), libvirt.open(uri)\n\
         c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lifecycle, None)\n\
         d = c.defineXML('<domain type=\"qemu\"><name>g</name><memory>1024</memory><os><type>hvm</type></os></domain>')\n\
         print(told.get(timeout=20)[0], d.XMLDesc() == beside.lookupByName('g').XMLDesc(), c.isSecure(), beside.isSecure())\n\
         d.undefine()\n"
    ));
    assert_eq!(out.ok(), "g True 0 1\n");
}
