//! Calls: pipelines, order, errors, panics, sizes.

use bytes::Bytes;
use protocol::message::{HEADER_LEN, Header, Kind, MAX_MESSAGE, Status, encode_raw};
use protocol::{ErrorCode, ErrorDomain, Fault, keepalive, remote};
use rpc::{EndpointKind, Limits};

use crate::support::{CREATE, Client, Closures, Gate, TYPE, call, keepalive as packet};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pipelined_calls_are_answered_in_order() {
    let server = Closures::new().serve(Limits::default());
    let mut client = Client::main(&server);
    let wire: Vec<u8> =
        (0..500).flat_map(|serial| encode_raw(&call(TYPE, serial), &serial.to_be_bytes())).collect();
    client.raw(&wire);
    for serial in 0..500u32 {
        let (header, body) = client.read();
        assert_eq!((header.serial, header.kind, header.status), (serial, Kind::Reply, Status::Ok));
        assert_eq!(body, serial.to_be_bytes());
    }
    assert_eq!(server.counters().calls_total, 500);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_handler_lets_a_fast_one_pass() {
    let gate = Gate::new();
    let slow = gate.clone();
    let service = Closures::new().on(CREATE, move |_, body| {
        let slow = slow.clone();
        async move {
            slow.pass().await;
            Ok(body.to_vec())
        }
    });
    let server = service.serve(Limits::default());
    let mut client = Client::main(&server);
    client.call(CREATE, 1, b"slow");
    client.call(TYPE, 2, b"fast");
    assert_eq!(client.read().0.serial, 2);
    gate.open();
    let (header, body) = client.read();
    assert_eq!((header.serial, body.as_slice()), (1, b"slow".as_slice()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_cannot_be_run_is_answered_with_its_own_header() {
    let server = Closures::new().serve(Limits::default());
    let mut client = Client::main(&server);
    for (asked, text) in [
        (Header { program: 77, ..call(3, 1) }, "Cannot find program 77 version 1"),
        (Header { version: 9, ..call(3, 2) }, "Cannot find program 536903814 version 9"),
        (call(9999, 3), "unknown procedure: 9999"),
        (call(107, 4), "unknown procedure: 107"),
        (Header { status: Status::Error, ..call(60, 5) }, "Unexpected message status 1"),
        (
            Header { kind: Kind::Call, ..packet(&keepalive::rows::ping) },
            "Cannot find program 1801807216 version 1",
        ),
    ] {
        client.send(asked, b"rest");
        let fault = client.error(asked);
        assert_eq!(
            (fault.message.as_str(), fault.code, fault.domain),
            (text, ErrorCode::RPC, ErrorDomain::RPC)
        );
        assert_eq!((fault.str1.as_deref(), fault.str2.as_deref()), (Some("%s"), Some(text)));
    }
    for kind in [Kind::Reply, Kind::Message, Kind::Stream, Kind::StreamHole, Kind::Other(9)] {
        client.send(Header { kind, status: Status::Continue, ..call(208, 6) }, b"data");
    }
    assert_eq!(client.ask(TYPE, 7, b"here"), b"here");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_panic_costs_one_call() {
    let service = Closures::new()
        .on(TYPE, |_, body| async move { if body.is_empty() { Ok(Vec::new()) } else { panic!("at once") } })
        .on(CREATE, |_, _| async move {
            tokio::task::yield_now().await;
            panic!("later")
        });
    let server = service.serve(Limits::default());
    let mut client = Client::main(&server);
    for (procedure, name) in [(TYPE, "connect_get_type"), (CREATE, "domain_create")] {
        client.call(procedure, 1, b"xxxx");
        let fault = client.error(call(procedure, 1));
        assert_eq!(fault.code, ErrorCode::INTERNAL_ERROR);
        assert!(fault.message.contains(name), "{}", fault.message);
    }
    assert_eq!(client.ask(TYPE, 2, b""), b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_of_a_handler_is_the_reply() {
    let fault = Fault::new(ErrorDomain::QEMU, ErrorCode::NO_DOMAIN, "no domain with matching name 'x'");
    let given = fault.clone();
    let service = Closures::new().on(TYPE, move |_, _| std::future::ready(Err(given.clone())));
    let mut client = Client::main(&service.serve(Limits::default()));
    client.call(TYPE, 9, b"");
    assert_eq!(client.error(call(TYPE, 9)), fault);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_may_not_write() {
    let server = Closures::new().serve(Limits::default());
    let (mut reader, session) = Client::pair(&server, EndpointKind::ReadOnly);
    assert!(session.readonly());
    let text = "operation forbidden: read only access prevents virDomainCreate";
    reader.call(CREATE, 1, b"");
    let fault = reader.error(call(CREATE, 1));
    assert_eq!(
        (fault.message.as_str(), fault.code, fault.domain),
        (text, ErrorCode::OPERATION_DENIED, ErrorDomain::DOMAIN)
    );
    reader.ask(TYPE, 2, b"");

    let (mut writer, session) = Client::pair(&server, EndpointKind::Main);
    writer.ask(CREATE, 1, b"");
    session.set_readonly();
    writer.call(CREATE, 2, b"");
    assert_eq!(writer.error(call(CREATE, 2)).message, text);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_longest_message_both_ways() {
    let server = Closures::new().serve(Limits::default());
    let mut client = Client::main(&server);
    let body = vec![7; MAX_MESSAGE - HEADER_LEN];
    let mut writer = Client::new(client.stream.try_clone().expect("cloned"));
    let sent = body.clone();
    let writing = std::thread::spawn(move || writer.call(TYPE, 1, &sent));
    let (header, reply) = client.read();
    writing.join().expect("written");
    assert_eq!((header.serial, reply.len()), (1, body.len()));
    assert!(reply == body);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_result_too_long_for_a_message_is_an_error() {
    let service =
        Closures::new().on(TYPE, |_, _| std::future::ready(Ok(vec![0; MAX_MESSAGE - HEADER_LEN + 1])));
    let mut client = Client::main(&service.serve(Limits::default()));
    client.call(TYPE, 1, b"");
    assert_eq!(client.error(call(TYPE, 1)).code, ErrorCode::RPC);
    assert_eq!(client.ask(1, 2, b""), b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_call_knows_its_client() {
    let service = Closures::new().on(TYPE, |call, _| {
        let identity = call.identity();
        let own = (identity.pid, identity.uid)
            == (i32::try_from(std::process::id()).ok(), Some(nix::unistd::getuid().as_raw()));
        let numbers = (call.program(), call.procedure(), call.serial()) == (remote::PROGRAM, TYPE, 77);
        let state = call.session().extension::<std::sync::atomic::AtomicU8>();
        let before = state.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        std::future::ready(Ok(vec![u8::from(own), u8::from(numbers), u8::from(call.readonly()), before]))
    });
    let mut client = Client::main(&service.serve(Limits::default()));
    assert_eq!(client.ask(TYPE, 77, b""), [1, 1, 0, 0]);
    assert_eq!(client.ask(TYPE, 77, b""), [1, 1, 0, 1]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_event_of_a_past_session_goes_nowhere() {
    let server = Closures::new().serve(Limits::default());
    let (client, session) = Client::pair(&server, EndpointKind::Main);
    drop(client);
    session.closed().await;
    assert!(session.is_closed());
    assert!(!session.send_event(remote::PROGRAM, 318, Bytes::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_never_pauses_starves_nobody() {
    let (tx, mut rx) = tokio::sync::mpsc::unbounded_channel();
    let service = Closures::new().on(TYPE, move |call, _| {
        let (tx, serial) = (tx.clone(), call.serial());
        tokio::spawn(async move { tx.send(serial) });
        std::future::ready(Ok(Vec::new()))
    });
    let server = service.serve(Limits { linger: std::time::Duration::from_millis(50), ..Limits::default() });
    let mut busy = Client::main(&server);
    let mut other = Client::main(&server);
    for serial in 0..2000 {
        busy.ask(TYPE, serial, b"");
        if serial % 10 == 0 {
            assert_eq!(other.ask(1, serial, b"fine"), b"fine");
        }
    }
    let mut ran = Vec::new();
    while ran.len() < 2000 {
        ran.push(crate::support::soon(rx.recv()).await.expect("handlers live"));
    }
    ran.sort_unstable();
    assert!(ran.iter().copied().eq(0..2000));
}

/// A client that is watched for is read without the runtime's help; one that pauses longer than that is heard again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn quick_and_slow_by_turns() {
    let linger = std::time::Duration::from_millis(5);
    let server = Closures::new().serve(Limits { linger, ..Limits::default() });
    let mut client = Client::main(&server);
    let mut serial = 0;
    for _ in 0..20 {
        for _ in 0..20 {
            serial += 1;
            assert_eq!(client.ask(TYPE, serial, b"quick"), b"quick");
        }
        // Twice the time: nobody watches any more.
        tokio::time::sleep(linger * 2).await;
        serial += 1;
        // In pieces, each after a pause.
        let message = encode_raw(&call(TYPE, serial), b"slow");
        let (head, tail) = message.split_at(10);
        client.raw(head);
        tokio::time::sleep(linger).await;
        client.raw(tail);
        assert_eq!(client.read().1, b"slow");
    }
}

/// Replies that do not fit into the socket leave as it empties, also while the client is watched for.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn replies_larger_than_the_socket_reach_a_quick_client() {
    let linger = std::time::Duration::from_millis(5);
    let service = Closures::new().on(TYPE, |_, _| std::future::ready(Ok(vec![7; 3 << 20])));
    let server = service.serve(Limits { linger, ..Limits::default() });
    let mut client = Client::main(&server);
    for serial in 0..30 {
        assert_eq!(client.ask(1, serial, b"quick"), b"quick");
        assert_eq!(client.ask(TYPE, serial, b"").len(), 3 << 20);
    }
}
