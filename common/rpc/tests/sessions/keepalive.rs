//! Keepalive both ways, on tokio's paused clock.

use std::sync::Arc;
use std::time::Duration;

use protocol::keepalive::rows;
use protocol::message::{Header, Kind, Status, encode_raw};
use rpc::{EndpointKind, Limits, Server, Session};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::time::{Instant, sleep};

use crate::support::{CREATE, Client, Closures, Gate, TYPE, call, keepalive};

const INTERVAL: Duration = Duration::from_secs(5);

fn connect(server: &Server<Closures>) -> (UnixStream, Session) {
    let (near, far) = UnixStream::pair().expect("pair");
    let session = server.serve_connection(far.into_std().expect("std"), EndpointKind::Main).expect("served");
    (near, session)
}

async fn header(client: &mut UnixStream) -> Header {
    let mut bytes = [0; 28];
    client.read_exact(&mut bytes).await.expect("message");
    Header::decode(&bytes).expect("header")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ping_is_answered_without_a_worker() {
    let gate = Gate::new();
    let slow = gate.clone();
    let service = Closures::new().on(CREATE, move |_, _| {
        let slow = slow.clone();
        async move {
            slow.pass().await;
            Ok(Vec::new())
        }
    });
    let server = service.serve(Limits { max_workers: 1, ..Limits::default() });
    let mut client = Client::main(&server);
    client.call(CREATE, 1, b"");
    client.send(keepalive(&rows::ping), b"");
    assert_eq!(client.read(), (keepalive(&rows::pong), Vec::new()));
    gate.open();
    assert_eq!(client.read().0.serial, 1);
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_pinged_and_given_up() {
    let limits = Limits { keepalive_interval: INTERVAL, keepalive_count: 3, ..Limits::default() };
    let server = Closures::new().serve(limits);
    let (mut client, session) = connect(&server);
    let start = Instant::now();
    session.enable_keepalive();
    for ping in 1..=3 {
        assert_eq!(header(&mut client).await, keepalive(&rows::ping));
        assert_eq!(start.elapsed().as_secs(), ping * 5);
    }
    session.closed().await;
    assert_eq!(start.elapsed().as_secs(), 20);
    assert_eq!(client.read(&mut [0]).await.expect("end"), 0);
}

#[tokio::test(start_paused = true)]
async fn any_packet_keeps_a_client() {
    let limits = Limits { keepalive_interval: INTERVAL, keepalive_count: 1, ..Limits::default() };
    let server = Closures::new().serve(limits);
    let (mut client, session) = connect(&server);
    session.enable_keepalive();
    for round in 0..20 {
        assert_eq!(header(&mut client).await, keepalive(&rows::ping));
        if round % 2 == 0 {
            client.write_all(&encode_raw(&keepalive(&rows::pong), b"")).await.expect("written");
        } else {
            client.write_all(&encode_raw(&call(TYPE, round), b"")).await.expect("written");
            assert_eq!(header(&mut client).await.kind, Kind::Reply);
        }
    }
    assert!(!session.is_closed());
}

#[tokio::test(start_paused = true)]
async fn who_never_asked_is_never_pinged() {
    let server = Closures::new().serve(Limits::default());
    let (mut client, session) = connect(&server);
    sleep(Duration::from_secs(3600)).await;
    client.write_all(&encode_raw(&call(TYPE, 1), b"")).await.expect("written");
    assert_eq!(header(&mut client).await, call(TYPE, 1).answer(Kind::Reply, Status::Ok));
    assert!(!session.is_closed());

    let server = Closures::new().serve(Limits { keepalive_interval: Duration::ZERO, ..Limits::default() });
    let (mut client, session) = connect(&server);
    session.enable_keepalive();
    sleep(Duration::from_secs(3600)).await;
    client.write_all(&encode_raw(&call(TYPE, 1), b"")).await.expect("written");
    assert_eq!(header(&mut client).await.kind, Kind::Reply);
}

#[tokio::test(start_paused = true)]
async fn silence_does_not_count_while_the_client_is_not_read() {
    let gate = Gate::new();
    let slow = gate.clone();
    let service = Closures::new().on(CREATE, move |_, _| {
        let slow = slow.clone();
        async move {
            slow.pass().await;
            Ok(Vec::new())
        }
    });
    let limits = Limits {
        keepalive_interval: INTERVAL,
        keepalive_count: 1,
        max_client_requests: 1,
        ..Limits::default()
    };
    let server = Arc::new(service.serve(limits));
    let (mut client, session) = connect(&server);
    session.enable_keepalive();
    client.write_all(&encode_raw(&call(CREATE, 1), b"")).await.expect("written");
    gate.waiting(1).await;
    sleep(Duration::from_secs(3600)).await;
    assert!(!session.is_closed());
    gate.open();
    assert_eq!(header(&mut client).await.kind, Kind::Reply);
    session.closed().await;
}
