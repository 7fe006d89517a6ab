//! Calls that virtqemud passes on: networks, pools, devices of the daemons beside it, as clients find them on one
//! connection. The neighbour here is a few lines that speak the protocol; clients and virtqemud are the real ones.

use protocol::message::{self, Header, Kind, Message, Status};
use protocol::remote::{self, AuthType, NonnullNetwork, rows};
use protocol::xdr::{self, Uuid, Xdr};
use protocol::{ErrorCode, ErrorDomain, Fault};
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
        let out = instance.python(&format!(
            "{CODE}{OPEN}print([code(f) for f in (c.numOfNetworks, c.listAllStoragePools, c.listAllDevices, c.listSecrets,\n\
             \x20   c.listAllInterfaces, c.listAllNWFilters, lambda: c.networkLookupByName('n1'))])\n"
        ));
        assert_eq!(out.ok(), "[3, 3, 3, 3, 3, 3, 3]\n");
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
        answer(&stream, &ignored).unwrap();
        answer(&stream, &ignored).unwrap();
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
