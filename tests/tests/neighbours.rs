//! Calls that virtqemud passes on: networks, pools, devices of the daemons beside it, as clients find them on one
//! connection. The neighbour here is a few lines that speak the protocol; clients and virtqemud are the real ones.

use protocol::message::{self, Header, Kind, Message, Status};
use protocol::remote::{self, AuthType, NonnullNetwork, rows};
use protocol::xdr::{self, Uuid, Xdr};
use protocol::{ErrorCode, ErrorDomain, Fault, keepalive};
use std::io::{Read, Write};
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use tests::Instance;
use tests::script::CODE;

/// Number of the event that tells of a network's beginning and end.
const NETWORK_EVENT_LIFECYCLE: i32 = 315;

/// The one network that the neighbour has.
fn network() -> NonnullNetwork {
    NonnullNetwork { name: "n1".to_owned(), uuid: Uuid([7; 16]) }
}

/// Serves at this socket until the test ends, and says which URIs are opened, with which flags.
fn serve(socket: &Path) -> Receiver<(String, u32)> {
    let listener = UnixListener::bind(socket).unwrap();
    std::fs::set_permissions(socket, std::fs::Permissions::from_mode(0o777)).unwrap();
    let (opened, news) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            let opened = opened.clone();
            std::thread::spawn(move || while answer(&stream, &opened).is_some() {});
        }
    });
    news
}

/// Reads one call and answers it; `None` at the end of the connection.
fn answer(stream: &UnixStream, opened: &Sender<(String, u32)>) -> Option<()> {
    let call = receive(stream)?;
    let header = call.header.answer(Kind::Reply, Status::Ok);
    let number = call.header.procedure;
    if number == rows::auth_list.number {
        let types = vec![AuthType::None].into();
        say(stream, &header, &remote::AuthListRet { types })
    } else if number == rows::connect_open.number {
        let args: remote::ConnectOpenArgs = xdr::from_slice(&call.body).unwrap();
        // The test may be over already.
        let _ = opened.send((args.name.unwrap(), args.flags));
        say(stream, &header, &())
    } else if number == rows::connect_set_identity.number {
        let args: remote::ConnectSetIdentityArgs = xdr::from_slice(&call.body).unwrap();
        let told: Vec<&str> = args.params.iter().map(|param| param.field.as_str()).collect();
        assert!(told.contains(&"unix-user-id") && !told.contains(&"system.token"), "{told:?}");
        say(stream, &header, &())
    } else if number == rows::connect_network_event_register_any.number {
        say(stream, &header, &remote::ConnectNetworkEventRegisterAnyRet { callbackID: 5 })
    } else if number == rows::connect_num_of_networks.number {
        // Told with each of these calls; a client that has not subscribed passes it over.
        let event = Header { kind: Kind::Message, serial: 0, procedure: NETWORK_EVENT_LIFECYCLE, ..header };
        let told = remote::NetworkEventLifecycleMsg { callbackID: 5, net: network(), event: 2, detail: 0 };
        say(stream, &event, &told)?;
        say(stream, &header, &remote::ConnectNumOfNetworksRet { num: 7 })
    } else if number == rows::network_lookup_by_name.number {
        let args: remote::NetworkLookupByNameArgs = xdr::from_slice(&call.body).unwrap();
        if args.name == "n1" {
            return say(stream, &header, &remote::NetworkLookupByNameRet { net: network() });
        }
        let detail = format!("no network with matching name '{}'", args.name);
        let fault = Fault::new(ErrorDomain::NETWORK, ErrorCode::NO_NETWORK, detail).to_wire();
        let header = call.header.answer(Kind::Reply, Status::Error);
        say(stream, &header, &fault)
    } else {
        None
    }
}

fn say(mut stream: &UnixStream, header: &Header, value: &impl Xdr) -> Option<()> {
    stream.write_all(&message::encode_message(header, value).unwrap()).ok()
}

fn receive(mut stream: &UnixStream) -> Option<Message> {
    let mut word = [0; 4];
    stream.read_exact(&mut word).ok()?;
    let mut frame = vec![0; message::message_len(word).unwrap()];
    frame[..4].copy_from_slice(&word);
    stream.read_exact(&mut frame[4..]).ok()?;
    message::split(frame.into()).ok()
}

/// The script's beginning: an event loop, and `c`, a connection.
const OPEN: &str = "\
import threading, queue\n\
libvirt.virEventRegisterDefaultImpl()\n\
threading.Thread(target=lambda: [libvirt.virEventRunDefaultImpl() for _ in iter(int, 1)], daemon=True).start()\n\
c = libvirt.open(uri)\n";

#[test]
fn without_a_neighbour_its_calls_are_not_supported() {
    for instance in [Instance::start(), Instance::builder().session().start()] {
        // One that has died left its socket.
        let socket = instance.run_dir().join("virtnwfilterd-sock");
        drop(UnixListener::bind(&socket).unwrap());
        std::fs::set_permissions(&socket, std::fs::Permissions::from_mode(0o777)).unwrap();
        let out = instance.python(&format!(
            "{CODE}{OPEN}print([code(f) for f in (c.numOfNetworks, c.listAllStoragePools, c.listAllDevices, c.listSecrets,\n\
             \x20   c.listAllInterfaces, c.listAllNWFilters, lambda: c.networkLookupByName('n1'))])\n"
        ));
        assert_eq!(out.ok(), "[3, 3, 3, 3, 3, 38, 3]\n");
    }
}

#[test]
fn calls_errors_and_events_go_through() {
    for instance in [Instance::start(), Instance::builder().session().start()] {
        let socket = instance.run_dir().join("virtnetworkd-sock");
        let opened = serve(&socket);
        if !instance.is_system() && rustix::process::geteuid().is_root() {
            chown(&socket, Some(65534), Some(65534)).unwrap();
        }
        let out = instance.python(&format!(
            "{CODE}{OPEN}print(c.numOfNetworks(), c.networkLookupByName('n1').UUIDString())\n\
             try: c.networkLookupByName('none')\n\
             except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain(), e.get_error_message())\n\
             told = queue.Queue()\n\
             c.networkEventRegisterAny(None, 0, lambda c, n, event, detail, to: told.put((n.name(), event)), None)\n\
             c.numOfNetworks()\n\
             print(told.get(timeout=30))\n\
             print(code(c.listAllStoragePools), c.numOfDomains())\n"
        ));
        let expected = "7 07070707-0707-0707-0707-070707070707\n\
                        43 19 Network not found: no network with matching name 'none'\n\
                        ('n1', 2)\n3 0\n";
        assert_eq!(out.ok(), expected);
        let path = if instance.is_system() { "network:///system" } else { "network:///session" };
        assert_eq!(opened.recv().unwrap(), (path.to_owned(), 0));
        assert!(opened.try_recv().is_err(), "one connection serves a client");
    }
}

#[test]
fn who_may_only_read_is_a_reader_there_too() {
    let instance = Instance::start();
    let opened = serve(&instance.run_dir().join("virtnetworkd-sock"));
    let out = instance.python(&format!("{CODE}c = libvirt.openReadOnly(uri)\nprint(c.numOfNetworks())\n"));
    assert_eq!(out.ok(), "7\n");
    assert_eq!(opened.recv().unwrap().1, 1);
}

#[test]
fn a_neighbour_that_comes_and_goes_is_found_again() {
    let instance = Instance::start();
    let socket = instance.run_dir().join("virtnetworkd-sock");
    let listener = UnixListener::bind(&socket).unwrap();
    // It hangs up on its first client in the middle of the first call.
    std::thread::spawn(move || {
        let (stream, _) = listener.accept().unwrap();
        let (ignored, _news) = channel();
        (0..3).for_each(|_| answer(&stream, &ignored).unwrap());
        receive(&stream).unwrap();
        drop(stream);
        std::fs::remove_file(&socket).unwrap();
        drop(listener);
        drop(serve(&socket));
    });
    let out = instance.python(&format!(
        "{CODE}{OPEN}print(code(c.numOfNetworks))\n\
         until = time.monotonic() + 30\n\
         while code(c.numOfNetworks) != 'done': assert time.monotonic() < until\n\
         print(c.numOfNetworks(), c.isAlive())\n"
    ));
    assert_eq!(out.ok(), "39\n7 1\n");
}

/// A neighbour that stops answering in the middle of a call: the client hears so as soon as it has left its pings
/// unanswered; one that takes its time but answers them is waited for.
#[test]
fn a_neighbour_that_falls_silent_holds_nobody_up() {
    let instance = Instance::builder().conf("keepalive_interval = 1\nkeepalive_count = 1\n").start();
    let listener = UnixListener::bind(instance.run_dir().join("virtnetworkd-sock")).unwrap();
    std::thread::spawn(move || {
        let (ignored, _news) = channel();
        let (slow, _) = listener.accept().unwrap();
        (0..3).for_each(|_| answer(&slow, &ignored).unwrap());
        let call = receive(&slow).unwrap();
        for _ in 0..3 {
            let ping = receive(&slow).unwrap().header;
            assert_eq!((ping.program, ping.procedure), (keepalive::PROGRAM, keepalive::rows::ping.number));
            let pong = Header { procedure: keepalive::rows::pong.number, ..ping };
            let mut stream = &slow;
            stream.write_all(&message::encode_raw(&pong, &[])).unwrap();
        }
        say(&slow, &call.header.answer(Kind::Reply, Status::Ok), &remote::ConnectNumOfNetworksRet { num: 3 });
        // From now on it takes everything and says nothing.
        while receive(&slow).is_some() {}
    });
    let out = instance.python(&format!(
        "{CODE}{OPEN}print(c.numOfNetworks(), code(c.numOfNetworks), c.numOfDomains(), c.isAlive())\n"
    ));
    assert_eq!(out.ok(), "3 39 0 1\n");
}

/// Networks, pools, volumes with their content, secrets and filters of the installed libvirt's drivers, as unmodified
/// clients use them on a connection to virtqemud.
#[test]
fn the_reference_beside() {
    let test = "the_reference_beside";
    if !tests::can_make_networks(test) {
        return;
    }
    let mut instance = Instance::builder().private_net().start();
    if instance.start_libvirtd().is_none() {
        return tests::not_run(test, "libvirtd is not installed (Debian package libvirt-daemon)");
    }
    let pool = instance.root().join("pool");
    std::fs::create_dir(&pool).unwrap();
    std::fs::set_permissions(&pool, std::fs::Permissions::from_mode(0o777)).unwrap();
    let out = instance.python(&format!(
        "{CODE}{OPEN}import hashlib\n\
         told = queue.Queue()\n\
         c.storagePoolEventRegisterAny(None, 0, lambda c, p, event, detail, to: told.put((p.name(), event)), None)\n\
         pool = c.storagePoolDefineXML('<pool type=\"dir\"><name>p</name><target><path>{}</path></target></pool>')\n\
         pool.create(); print([told.get(timeout=30) for _ in range(2)], [p.name() for p in c.listAllStoragePools()])\n\
         make = lambda name, size: pool.createXML('<volume><name>%s</name><capacity>%d</capacity><allocation>0</allocation></volume>' % (name, size))\n\
         content = os.urandom(3 << 20); volume = make('v.raw', len(content))\n\
         def upload(volume, content, flags=0):\n\
         \x20   stream = c.newStream(); volume.upload(stream, 0, len(content), flags)\n\
         \x20   at = 0\n\
         \x20   while at < len(content): at += stream.send(content[at:at + 200000])\n\
         \x20   stream.finish()\n\
         def download(volume, flags=0):\n\
         \x20   stream = c.newStream(); volume.download(stream, 0, 0, flags); parts = []\n\
         \x20   while parts[-1:] != [b'']: parts.append(stream.recv(1 << 18))\n\
         \x20   stream.finish(); return b''.join(parts)\n\
         upload(volume, content); print(download(volume) == content, volume.info()[1] == len(content))\n\
         # Left early, and refused by the neighbour.\n\
         stream = c.newStream(); volume.download(stream, 0, 0, 0); stream.recv(10); stream.abort()\n\
         stream = c.newStream(); print(code(lambda: volume.download(stream, 0, 0, 1 << 9)), download(volume) == content)\n\
         # Holes go as holes.\n\
         sparse = make('s.raw', 1 << 30)\n\
         got = []; stream = c.newStream(); sparse.download(stream, 0, 0, libvirt.VIR_STORAGE_VOL_DOWNLOAD_SPARSE_STREAM)\n\
         stream.sparseRecvAll(lambda s, data, to: got.append(len(data)), lambda s, length, to: got.append(-length), None)\n\
         stream.finish(); print(got[:3])\n\
         print(code(lambda: c.networkLookupByName('none')), c.networkDefineXML('<network><name>n</name></network>').name())\n\
         secret = c.secretDefineXML('<secret ephemeral=\"no\" private=\"no\"><usage type=\"volume\"><volume>/x</volume></usage></secret>')\n\
         secret.setValue(b'abc'); print(secret.value(), c.numOfSecrets())\n\
         print(c.nwfilterDefineXML('<filter name=\"f\"/>').name(), len(c.listAllInterfaces()) >= 0)\n",
        pool.display()
    ));
    let expected =
        ["[('p', 0), ('p', 2)] ['p']", "True True", "8 True", "[-1073741824]", "43 n", "b'abc' 1", "f True"];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    let file = instance.root().join("up");
    std::fs::write(&file, b"from virsh").unwrap();
    let virsh = |words: &[&str]| instance.virsh(words).ok();
    virsh(&["vol-upload", "--pool", "p", "v.raw", file.to_str().unwrap()]);
    virsh(&["vol-download", "--pool", "p", "v.raw", file.to_str().unwrap(), "--length", "10"]);
    assert_eq!(std::fs::read(&file).unwrap(), b"from virsh");
}
