//! Events: order, registration, bound.

use bytes::Bytes;
use protocol::message::{EVENT_SERIAL, Header, Kind, Status};
use protocol::remote;
use rpc::{EndpointKind, Limits, Session};

use crate::support::{CREATE, Client, Closures, Gate, LIFECYCLE, REGISTER, TYPE, call, soon};

/// Nearly the longest message.
const LONG: usize = 33_000_000;

fn emit(session: &Session, body: &'static [u8]) {
    assert!(session.send_event(remote::PROGRAM, LIFECYCLE, Bytes::from_static(body)));
}

fn event() -> Header {
    Header { kind: Kind::Message, ..call(LIFECYCLE, EVENT_SERIAL) }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_reply_to_a_registration_comes_first() {
    let gate = Gate::new();
    let slow = gate.clone();
    let service = Closures::new().on(REGISTER, move |call, body| {
        let slow = slow.clone();
        async move {
            emit(call.session(), b"1st ");
            if !body.is_empty() {
                slow.pass().await;
                emit(call.session(), b"3rd ");
            }
            Ok(b"id  ".to_vec())
        }
    });
    let server = service.serve(Limits::default());
    let (mut client, session) = Client::pair(&server, EndpointKind::Main);
    client.call(REGISTER, 1, b"");
    assert_eq!(client.read().0.kind, Kind::Reply);
    let (header, body) = client.read();
    assert_eq!((header, body.as_slice()), (event(), b"1st ".as_slice()));

    client.call(REGISTER, 2, b"slow");
    gate.waiting(1).await;
    emit(&session, b"2nd ");
    client.ask(TYPE, 3, b"others pass");
    assert!(client.is_silent());
    gate.open();
    assert_eq!(client.read().0, call(REGISTER, 2).answer(Kind::Reply, Status::Ok));
    for body in [b"1st ", b"2nd ", b"3rd "] {
        assert_eq!(client.read(), (event(), body.to_vec()));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn other_calls_do_not_hold_events_back() {
    let gate = Gate::new();
    let slow = gate.clone();
    let service = Closures::new().on(CREATE, move |_, _| {
        let slow = slow.clone();
        async move {
            slow.pass().await;
            Ok(Vec::new())
        }
    });
    let server = service.serve(Limits::default());
    let (mut client, session) = Client::pair(&server, EndpointKind::Main);
    client.call(CREATE, 1, b"");
    gate.waiting(1).await;
    emit(&session, b"now ");
    assert_eq!(client.read(), (event(), b"now ".to_vec()));
    gate.open();
    assert_eq!(client.read().0.serial, 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn order_is_kept_between_replies() {
    let service = Closures::new().on(TYPE, |call, body| {
        emit(call.session(), b"evnt");
        std::future::ready(Ok(body.to_vec()))
    });
    let server = service.serve(Limits::default());
    let (mut client, session) = Client::pair(&server, EndpointKind::Main);
    let emitter = tokio::spawn(async move {
        for number in 0u32..5000 {
            assert!(session.send_event(remote::PROGRAM, 107, number.to_be_bytes().to_vec().into()));
            if number % 100 == 0 {
                tokio::task::yield_now().await;
            }
        }
    });
    let (mut next, mut replies, mut own) = (0u32, 0, 0);
    client.call(TYPE, 0, b"");
    while next < 5000 || replies < 200 || own < 200 {
        let (header, body) = client.read();
        match (header.kind, header.procedure) {
            (Kind::Message, 107) => {
                assert_eq!(body, next.to_be_bytes());
                next += 1;
            }
            (Kind::Message, _) => {
                own += 1;
                assert!(own <= replies, "an event has overtaken its reply");
            }
            _ => {
                replies += 1;
                if replies < 200 {
                    client.call(TYPE, replies, b"");
                }
            }
        }
    }
    soon(emitter).await.expect("emitted");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_is_disconnected_at_the_bound_only() {
    let server = Closures::new().serve(Limits { max_event_bytes: 1 << 20, ..Limits::default() });
    let (_lazy, lazy_session) = Client::pair(&server, EndpointKind::Main);
    let (mut other, other_session) = Client::pair(&server, EndpointKind::Main);
    let body = Bytes::from(vec![0; 1000]);
    let mut sent = 0;
    while lazy_session.send_event(remote::PROGRAM, LIFECYCLE, body.clone()) {
        sent += body.len();
        emit(&other_session, b"evnt");
        assert_eq!(other.read().1, b"evnt");
    }
    assert!((1 << 20..4 << 20).contains(&sent), "{sent}");
    soon(lazy_session.closed()).await;
    assert_eq!(server.service().closed(1).await, [lazy_session.id()]);
    other.ask(TYPE, 1, b"fine");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_long_reply_is_no_reason_to_disconnect() {
    let begun = Gate::new();
    begun.open();
    let counter = begun.clone();
    let service = Closures::new().on(TYPE, move |_, _| {
        let counter = counter.clone();
        async move {
            counter.pass().await;
            Ok(vec![0; LONG])
        }
    });
    let server = service.serve(Limits { max_event_bytes: 1 << 20, ..Limits::default() });
    let (mut client, session) = Client::pair(&server, EndpointKind::Main);
    client.call(TYPE, 1, b"");
    begun.waiting(1).await;
    let reading = std::thread::spawn(move || {
        let first = client.read();
        let events: usize = (0..500).map(|_| usize::from(client.read().0.kind == Kind::Message)).sum();
        (first.1.len(), events)
    });
    for _ in 0..500 {
        assert!(session.send_event(remote::PROGRAM, LIFECYCLE, Bytes::from(vec![0; 1000])));
    }
    assert_eq!(reading.join().expect("read"), (LONG, 500));
}
