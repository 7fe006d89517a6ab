//! Bytes that no good client sends.

use std::io::Write;
use std::os::unix::net::UnixStream;

use proptest::prelude::*;
use proptest::strategy::ValueTree;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use protocol::message::{Header, Kind, Status, encode_raw};
use protocol::{keepalive, remote};
use rpc::{EndpointKind, Limits};

use crate::support::{Client, Closures, TYPE, soon};

/// A message, or bytes that look like one for a while.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    let word = || {
        prop_oneof![
            Just(0u32),
            Just(1),
            2u32..10,
            Just(remote::PROGRAM),
            Just(keepalive::PROGRAM),
            0u32..500,
            any::<u32>()
        ]
    };
    let header = (word(), word(), word(), word(), word(), word());
    let body = proptest::collection::vec(any::<u8>(), 0..120);
    let good = (header, body).prop_map(|((program, version, procedure, kind, serial, status), body)| {
        let header = Header {
            program,
            version,
            procedure: procedure.cast_signed(),
            kind: Kind::from_word(kind),
            serial,
            status: Status::from_word(status.cast_signed()),
        };
        encode_raw(&header, &body)
    });
    let lied = (good.clone(), any::<u32>()).prop_map(|(mut message, length)| {
        message[..4].copy_from_slice(&length.to_be_bytes());
        message
    });
    let cut = (good.clone(), any::<prop::sample::Index>()).prop_map(|(mut message, at)| {
        message.truncate(at.index(message.len()));
        message
    });
    prop_oneof![6 => good, 2 => lied, 1 => cut, 1 => proptest::collection::vec(any::<u8>(), 1..200)]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_thousand_malformed_frames() {
    let server = Closures::new().serve(Limits::default());
    let mut bystander = Client::main(&server);
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &[7; 32]);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let strategy = frame();
    let mut connections = 0;
    let mut stream: Option<UnixStream> = None;
    for count in 0..10_000 {
        let bytes = strategy.new_tree(&mut runner).expect("a frame").current();
        let mut current = stream.take().unwrap_or_else(|| {
            connections += 1;
            let (near, far) = UnixStream::pair().expect("pair");
            near.set_nonblocking(true).expect("nonblocking");
            server.serve_connection(far, EndpointKind::Main).expect("served");
            near
        });
        // A client that was closed, or whose answers nobody reads, is replaced.
        if current.write_all(&bytes).is_ok() && count % 7 != 6 {
            stream = Some(current);
        }
        if count % 100 == 0 {
            assert_eq!(bystander.ask(TYPE, count, b"fine"), b"fine");
        }
    }
    drop(stream);
    assert!(connections > 1000, "{connections}");
    soon(server.client_count().wait_for(|count| *count == 1)).await.expect("server lives");
    assert_eq!(bystander.ask(TYPE, 1, b"fine"), b"fine");
    assert_eq!(server.service().closed(connections).await.len(), connections);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bad_lengths_close_and_limits_do_not() {
    let server = Closures::new().serve(Limits::default());
    for length in [0u32, 1, 27, 33_554_437, 40_000_000, u32::MAX] {
        let mut client = Client::main(&server);
        client.raw(&[&length.to_be_bytes(), [0u8; 24].as_slice()].concat());
        assert!(client.is_closed(), "{length}");
    }
    let mut client = Client::main(&server);
    client.raw(&33_554_436u32.to_be_bytes());
    let mut other = Client::main(&server);
    other.ask(TYPE, 1, b"");
    assert!(client.is_silent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_message_byte_by_byte_is_a_message() {
    let server = Closures::new().serve(Limits::default());
    let mut client = Client::main(&server);
    for byte in encode_raw(&crate::support::call(TYPE, 5), b"slow") {
        client.raw(&[byte]);
    }
    assert_eq!(client.read().1, b"slow");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn pings_of_a_client_that_does_not_read_are_bounded() {
    let server = Closures::new().serve(Limits { max_event_bytes: 100_000, ..Limits::default() });
    let (client, session) = Client::pair(&server, EndpointKind::Main);
    let ping = encode_raw(&crate::support::keepalive(&keepalive::rows::ping), b"").repeat(1000);
    let mut stream = client.stream.try_clone().expect("cloned");
    let writing = std::thread::spawn(move || while stream.write_all(&ping).is_ok() {});
    soon(session.closed()).await;
    writing.join().expect("ended");
}
