//! Limits: workers, requests, clients; and what they cost others.

use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::Arc;

use protocol::keepalive::rows;
use protocol::message::encode_raw;
use rpc::{Endpoint, EndpointKind, Limits, NoAuth, Server};

use crate::support::{CREATE, Client, Closures, Gate, TYPE, call, keepalive, own_user};

/// CREATE waits at the gate.
fn gated(gate: &Gate) -> Closures {
    let gate = gate.clone();
    Closures::new().on(CREATE, move |_, body| {
        let gate = gate.clone();
        async move {
            gate.pass().await;
            Ok(body.to_vec())
        }
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn urgent_calls_pass_blocked_workers() {
    let gate = Gate::new();
    let server = gated(&gate).serve(Limits { max_workers: 2, ..Limits::default() });
    let mut blocked: Vec<Client> = (0..4).map(|_| Client::main(&server)).collect();
    for client in &mut blocked {
        client.call(CREATE, 1, b"low");
        // The pong shows that the call before it has been taken on.
        client.send(keepalive(&rows::ping), b"");
        assert_eq!(client.read().0, keepalive(&rows::pong));
    }
    gate.waiting(2).await;
    let mut other = Client::main(&server);
    other.call(CREATE, 1, b"waits");
    assert_eq!(other.ask(TYPE, 2, b"high"), b"high");
    assert_eq!((gate.count(), server.counters().calls_running), (2, 5));
    gate.open();
    for client in blocked.iter_mut().chain([&mut other]) {
        assert_eq!(client.read().0.serial, 1);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_at_its_limit_is_not_read_and_others_are() {
    let gate = Gate::new();
    let server = gated(&gate).serve(Limits { max_client_requests: 3, ..Limits::default() });
    let mut greedy = Client::main(&server);
    let wire: Vec<u8> = (0..10).flat_map(|serial| encode_raw(&call(CREATE, serial), b"xml!")).collect();
    greedy.raw(&wire);
    greedy.call(TYPE, 10, b"");
    gate.waiting(3).await;
    let mut other = Client::main(&server);
    for serial in 0..100 {
        other.ask(TYPE, serial, b"fine");
    }
    assert_eq!(gate.count(), 3);
    assert!(greedy.is_silent());
    gate.open();
    let mut serials: Vec<u32> = (0..11).map(|_| greedy.read().0.serial).collect();
    serials.sort_unstable();
    assert_eq!(serials, (0..11).collect::<Vec<u32>>());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn unread_replies_count_as_requests() {
    let gate = Gate::new();
    let counter = gate.clone();
    let service = Closures::new().on(TYPE, move |_, _| {
        let counter = counter.clone();
        async move {
            counter.pass().await;
            Ok(vec![0; 4 << 20])
        }
    });
    gate.open();
    let server = service.serve(Limits { max_client_requests: 2, ..Limits::default() });
    let mut lazy = Client::main(&server);
    for serial in 0..6 {
        lazy.call(TYPE, serial, b"");
    }
    gate.waiting(2).await;
    let mut other = Client::main(&server);
    for serial in 0..50 {
        other.ask(1, serial, b"fine");
    }
    assert_eq!(gate.count(), 2);
    for serial in 0..6 {
        let (header, body) = lazy.read();
        assert_eq!((header.serial, body.len()), (serial, 4 << 20));
    }
}

fn listen(
    server: &Server<Closures>,
    auth: Arc<dyn rpc::Authenticator>,
) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("sock");
    let listener = UnixListener::bind(&path).expect("bound");
    server.listen(Endpoint::new(EndpointKind::Main, listener, auth)).expect("listens");
    (dir, path)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_beyond_the_limit_wait_outside() {
    let server = Closures::new().serve(Limits { max_clients: 2, ..Limits::default() });
    let (_dir, path) = listen(&server, Arc::new(NoAuth));
    let connect = || Client::new(UnixStream::connect(&path).expect("connected"));
    let mut inside = [connect(), connect()];
    for client in &mut inside {
        client.ask(TYPE, 1, b"in");
    }
    let mut outside = connect();
    outside.call(TYPE, 1, b"out");
    for client in &mut inside {
        client.ask(TYPE, 2, b"in");
    }
    assert_eq!(*server.client_count().borrow(), 2);
    assert!(outside.is_silent());
    drop(inside);
    assert_eq!(outside.read().1, b"out");

    let mut next = [connect(), connect()];
    next[0].ask(TYPE, 1, b"in");
    next[1].call(TYPE, 1, b"later");
    server.set_limits(Limits { max_clients: 3, ..Limits::default() });
    assert_eq!(next[1].read().1, b"later");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn anonymous_clients_have_their_own_limit() {
    let server = Closures::new().serve(Limits { max_anonymous_clients: 1, ..Limits::default() });
    let (_dir, path) = listen(&server, own_user());
    let connect = || Client::new(UnixStream::connect(&path).expect("connected"));
    let mut first = connect();
    first.call(TYPE, 0, b"");
    first.error(call(TYPE, 0));
    let mut second = connect();
    second.call(66, 1, b"");
    assert!(second.is_silent());
    first.ask(66, 1, b"");
    assert_eq!(second.read().1, [0, 0, 0, 1, 0, 0, 0, 0]);
    first.ask(TYPE, 2, b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn workers_can_be_added_while_all_are_busy() {
    let gate = Gate::new();
    let server = gated(&gate).serve(Limits { max_workers: 1, ..Limits::default() });
    let mut client = Client::main(&server);
    client.call(CREATE, 1, b"");
    client.call(CREATE, 2, b"");
    gate.waiting(1).await;
    server.set_limits(Limits { max_workers: 2, ..Limits::default() });
    gate.waiting(2).await;
    gate.open();
    client.read();
    client.read();
}
