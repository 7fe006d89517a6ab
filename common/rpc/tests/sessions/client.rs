//! A daemon that passes its clients' calls on to another one, over the client of `rpc`.

use std::os::unix::net::UnixListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::client::{ClientError, Transport};
use protocol::message::{Header, Kind, MAX_MESSAGE, Status};
use protocol::procedure::StreamDirection;
use protocol::{ErrorCode, ErrorDomain, Fault, Meta, remote};
use rpc::client::{Events, Link, Settings, forward, lost};
use rpc::{Call, Endpoint, EndpointKind, Limits, NoAuth, Packet, Server, Service, Session, Unknown};
use tokio::sync::{Mutex, mpsc};

use crate::support::{CONSOLE, CREATE, Client, Closures, LIFECYCLE, PATIENCE, TYPE, call, own_user};

/// Passes everything on to the daemon at a socket: each session has one connection there, each stream one of its own.
struct Relay {
    socket: PathBuf,
    link: Mutex<Option<Link>>,
}

impl Relay {
    fn to(socket: PathBuf) -> Server<Self> {
        Server::new(Arc::new(Self { socket, link: Mutex::default() }), Limits::default())
    }

    async fn connect(&self, session: &Session) -> Link {
        let events = session.clone();
        let events = move |header: &Header, body| {
            events.send_event(header.program, header.procedure, body);
        };
        let link = Link::connect(&self.socket, settings(session, Box::new(events))).await.expect("connected");
        link.authenticate().await.expect("let in");
        link
    }
}

fn settings(session: &Session, events: Events) -> Settings {
    Settings { name: "other".to_owned(), keepalive: session.keepalive(), events, end: session.end() }
}

impl Service for Relay {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &[(remote::PROGRAM, 1)])
    }

    async fn call(self: Arc<Self>, call: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        let link = if call.meta().stream == StreamDirection::None {
            let mut link = self.link.lock().await;
            if link.is_none() {
                *link = Some(self.connect(call.session()).await);
            }
            link.clone().expect("connected")
        } else {
            self.connect(call.session()).await
        };
        forward(&link, &call, body).await.map_err(|error| match error {
            ClientError::Fault(fault) => fault,
            _ => lost("other"),
        })
    }
}

/// A client of a relay to a server with these closures; the folder and the server have to be kept.
fn relayed(closures: Closures) -> (Client, tempfile::TempDir, Server<Closures>) {
    let folder = tempfile::tempdir().expect("folder");
    let socket = folder.path().join("sock");
    let server = closures.serve(Limits::default());
    let listener = UnixListener::bind(&socket).expect("bound");
    server.listen(Endpoint::new(EndpointKind::Main, listener, own_user())).expect("listens");
    (Client::main(&Relay::to(socket)), folder, server)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bodies_descriptors_and_errors_come_unchanged() {
    let fault = Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN, "x").ints(7, 8);
    let refusal = fault.clone();
    let (mut client, _folder, _server) = relayed(
        Closures::new()
            .on(TYPE, |call, body| {
                call.reply_fds(call.take_fds());
                std::future::ready(Ok(body.to_vec()))
            })
            .on(CREATE, move |_, _| std::future::ready(Err(refusal.clone()))),
    );
    let (pipe, write) = std::io::pipe().expect("pipe");
    client.send_with_fds(call(TYPE, 1), b"with", 1, &[write.into()]);
    let (header, body) = client.read();
    assert_eq!((header, &body[4..]), (call(TYPE, 1).answer(Kind::ReplyWithFds, Status::Ok), &b"with"[..]));
    let mut write = std::fs::File::from(client.read_fd());
    std::io::Write::write_all(&mut write, b"through").expect("written");
    drop(write);
    assert_eq!(std::io::read_to_string(pipe).expect("read"), "through");
    client.call(CREATE, 2, b"");
    assert_eq!(client.error(call(CREATE, 2)), fault);
    let large = vec![7; MAX_MESSAGE - 28];
    assert!(client.ask(60, 3, &large) == large);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_overtake_each_other_and_events_keep_their_order() {
    let (mut client, _folder, _server) = relayed(
        Closures::new()
            .on(CREATE, |call, _| async move {
                tokio::time::sleep(Duration::from_millis(100)).await;
                for number in 0..100u8 {
                    call.session().send_event(remote::PROGRAM, LIFECYCLE, Bytes::from(vec![number; 4]));
                }
                Ok(Vec::new())
            })
            .on(TYPE, |_, _| std::future::ready(Ok(b"fast".to_vec()))),
    );
    client.call(CREATE, 1, b"");
    assert_eq!(client.ask(TYPE, 2, b""), b"fast");
    let mut events = Vec::new();
    let mut replied = false;
    while events.len() < 100 || !replied {
        let (header, body) = client.read();
        match header.kind {
            Kind::Message => events.push(body[0]),
            _ => replied = true,
        }
    }
    assert_eq!(events, (0..100).collect::<Vec<u8>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_directions_of_a_stream_flow_at_once() {
    let (mut client, _folder, _server) = relayed(Closures::new().on(CONSOLE, |call, _| async move {
        let stream = call.open_stream(StreamDirection::Both)?;
        tokio::spawn(async move {
            // Everything that comes in has to go out before more is taken.
            while let Ok(Packet::Data(data)) = stream.recv().await {
                stream.send(data).await.expect("sent");
            }
            stream.finish().await
        });
        Ok(Vec::new())
    }));
    let opened = call(CONSOLE, 1);
    client.call(CONSOLE, 1, b"");
    assert_eq!(client.read().0.status, Status::Ok);
    let mut writer = Client::new(client.stream.try_clone().expect("cloned"));
    let packets = 200usize;
    let sender = std::thread::spawn(move || {
        for _ in 0..packets {
            writer.send(opened.answer(Kind::Stream, Status::Continue), &[5; 40_000]);
        }
    });
    let mut received = 0;
    while received < packets * 40_000 {
        received += client.read().1.len();
    }
    sender.join().expect("sent");
    assert_eq!(received, packets * 40_000);
    client.send(opened.answer(Kind::Stream, Status::Ok), b"");
    assert_eq!(client.read().0, opened.answer(Kind::Stream, Status::Ok));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_is_told_to_all_who_wait() {
    let folder = tempfile::tempdir().expect("folder");
    let socket = folder.path().join("sock");
    let listener = UnixListener::bind(&socket).expect("bound");
    let server = Closures::new()
        .on(CREATE, |call, _| async move {
            call.session().closed().await;
            Ok(Vec::new())
        })
        .serve(Limits::default());
    server.listen(Endpoint::new(EndpointKind::Main, listener, Arc::new(NoAuth))).expect("listens");
    let (said, mut news) = mpsc::unbounded_channel();
    let end = tokio_util::sync::CancellationToken::new();
    let link = Link::connect(
        &socket,
        Settings {
            name: "other".to_owned(),
            keepalive: (Duration::ZERO, 0),
            events: Box::new(move |header, _| said.send(header.procedure).expect("the test listens")),
            end: end.clone(),
        },
    );
    let link = link.await.expect("connected");
    assert_eq!(
        Transport::call(&link, &remote::rows::connect_get_type, b"abcd".to_vec()).await.unwrap(),
        b"abcd"[..]
    );
    server.sessions()[0].send_event(remote::PROGRAM, LIFECYCLE, Bytes::new());
    assert_eq!(tokio::time::timeout(PATIENCE, news.recv()).await.expect("in time"), Some(LIFECYCLE));
    let waiting = {
        let link = link.clone();
        tokio::spawn(async move { link.call(&remote::rows::domain_create, Bytes::new(), Vec::new()).await })
    };
    while server.counters().calls_running == 0 {
        tokio::task::yield_now().await;
    }
    server.sessions()[0].close("the test wants it");
    let error = waiting.await.expect("no panic").expect_err("cut off");
    assert!(matches!(error, ClientError::Closed(_)), "{error}");
    tokio::time::timeout(PATIENCE, link.ended()).await.expect("in time");
    assert!(!link.is_open());
    let late = link.call(&remote::rows::connect_get_type, Bytes::new(), Vec::new()).await;
    assert!(matches!(late, Err(ClientError::Closed(_))), "{late:?}");

    // A connection ends with its last handle, and with what it was made for.
    let settings = || Settings {
        name: "other".to_owned(),
        keepalive: (Duration::ZERO, 0),
        events: Box::new(|_, _| {}),
        end: end.clone(),
    };
    let (dropped, ended) = (
        Link::connect(&socket, settings()).await.unwrap(),
        Link::connect(&socket, settings()).await.unwrap(),
    );
    drop(dropped);
    end.cancel();
    tokio::time::timeout(PATIENCE, ended.ended()).await.expect("in time");
    server.service().closed(3).await;
}
