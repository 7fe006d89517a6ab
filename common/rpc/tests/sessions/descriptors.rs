//! Descriptors both ways.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::os::fd::OwnedFd;

use protocol::message::{Header, Kind, Status, encode_raw};
use protocol::qemu;
use rpc::Limits;

use crate::support::{Client, Closures, TYPE, call};

/// A file that holds one byte.
fn file(byte: u8) -> OwnedFd {
    let mut file = tempfile::tempfile().expect("file");
    file.write_all(&[byte]).expect("written");
    file.into()
}

fn content(fd: OwnedFd) -> u8 {
    let mut file = File::from(fd);
    file.rewind().expect("rewound");
    let mut byte = [0];
    file.read_exact(&mut byte).expect("read");
    byte[0]
}

/// Answers with the contents of the files that came, and sends the files back.
fn mirror() -> Closures {
    Closures::new().on(TYPE, |call, _| {
        let fds = call.take_fds();
        let copies = fds.iter().map(|fd| fd.try_clone().expect("cloned")).collect();
        let flags = fds.iter().map(|fd| rustix::io::fcntl_getfd(fd).expect("flags"));
        assert!(flags.clone().all(|flags| flags.contains(rustix::io::FdFlags::CLOEXEC)));
        call.reply_fds(copies);
        std::future::ready(Ok(fds.into_iter().map(content).collect()))
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_up_to_the_limit() {
    let mut client = Client::main(&mirror().serve(Limits::default()));
    for count in [1u8, 2, 31, 32] {
        let fds: Vec<OwnedFd> = (0..count).map(file).collect();
        client.send_with_fds(call(TYPE, 1), b"", u32::from(count), &fds);
        client.call(1, 2, b"next");
        let (header, body) = client.read();
        assert_eq!(header, call(TYPE, 1).answer(Kind::ReplyWithFds, Status::Ok));
        assert_eq!(body[..4], u32::from(count).to_be_bytes());
        assert_eq!(body[4..], (0..count).collect::<Vec<u8>>());
        for expected in 0..count {
            assert_eq!(content(client.read_fd()), expected);
        }
        assert_eq!(client.read().1, b"next");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn count_zero_is_an_ordinary_call() {
    let mut client = Client::main(&mirror().serve(Limits::default()));
    client.send_with_fds(call(TYPE, 1), b"", 0, &[]);
    let (header, body) = client.read();
    assert_eq!((header, body.len()), (call(TYPE, 1).answer(Kind::Reply, Status::Ok), 0));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_than_the_limit_closes() {
    let server = mirror().serve(Limits::default());
    let mut client = Client::main(&server);
    client.send_with_fds(call(TYPE, 1), b"", 33, &[]);
    assert!(client.is_closed());
    let mut client = Client::main(&server);
    client.send(Header { kind: Kind::CallWithFds, ..call(TYPE, 1) }, b"");
    assert!(client.is_closed());
    let fds: Vec<OwnedFd> = (0..40).map(file).collect();
    let mut client = Client::main(&server);
    client.send_fds(&fds.iter().collect::<Vec<_>>());
    assert!(client.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_missing_or_doubled_descriptor_closes() {
    let server = mirror().serve(Limits::default());
    let mut client = Client::main(&server);
    client.send_with_fds(call(TYPE, 1), b"", 1, &[]);
    client.raw(&[0]);
    assert!(client.is_closed());
    let mut client = Client::main(&server);
    client.send_with_fds(call(TYPE, 1), b"", 2, &[]);
    client.send_fds(&[&file(1), &file(2)]);
    assert!(client.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn calls_around_descriptors_keep_theirs() {
    let mut client = Client::main(&mirror().serve(Limits::default()));
    let mut expected = Vec::new();
    for round in 0..20u8 {
        client.raw(&encode_raw(&call(1, 100), b"plain"));
        client.send_with_fds(call(TYPE, u32::from(round)), b"", 1, &[file(round)]);
        expected.push(round);
        if round % 4 == 3 {
            for round in expected.drain(..) {
                assert_eq!(client.read().1, b"plain");
                assert_eq!(client.read().1, [0, 0, 0, 1, round]);
                assert_eq!(content(client.read_fd()), round);
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptors_that_nobody_takes_are_closed() {
    let server = Closures::new().serve(Limits::default());
    let mut client = Client::main(&server);
    let (reader, writer) = std::io::pipe().expect("pipe");
    client.send_with_fds(Header { program: qemu::PROGRAM, ..call(7, 1) }, b"body", 1, &[writer.into()]);
    assert_eq!(client.read().1, b"body");
    // All copies of the writing end are gone, so reading ends.
    let mut rest = Vec::new();
    File::from(OwnedFd::from(reader)).read_to_end(&mut rest).expect("ended");
    assert!(rest.is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_error_reply_carries_none() {
    let service = Closures::new().on(TYPE, |call, _| {
        let count = usize::try_from(call.serial()).expect("small");
        call.reply_fds((0..count).map(|_| file(1)).collect());
        std::future::ready(if count > 1 { Ok(Vec::new()) } else { Err(protocol::Fault::unknown()) })
    });
    let mut client = Client::main(&service.serve(Limits::default()));
    for serial in [1, 33] {
        client.call(TYPE, serial, b"");
        client.error(call(TYPE, serial));
    }
    client.ask(1, 2, b"");
}
