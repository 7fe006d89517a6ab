//! Streams in all directions, and all their ends.

use std::sync::Arc;

use bytes::Bytes;
use protocol::message::{Header, Kind, MAX_STREAM_CHUNK, Status, StreamHole};
use protocol::procedure::StreamDirection;
use protocol::{ErrorCode, ErrorDomain, Fault, xdr};
use rpc::{Call, EndpointKind, Limits, Packet, Stream, StreamClosed};
use tokio::sync::mpsc;

use crate::support::{CONSOLE, Client, Closures, DOWNLOAD, TYPE, UPLOAD, call, fault, soon};

type Streams = mpsc::UnboundedReceiver<Stream>;

/// A service whose stream calls hand their streams to the test.
fn streaming() -> (Closures, Streams) {
    let (tx, rx) = mpsc::unbounded_channel();
    let open = move |direction, holes| {
        let tx = tx.clone();
        move |call: Arc<Call>, _: Bytes| {
            let stream = call.open_stream(direction).expect("opens");
            if holes {
                stream.allow_holes();
            }
            tx.send(stream).expect("test lives");
            std::future::ready(Ok(Vec::new()))
        }
    };
    let service = Closures::new()
        .on(UPLOAD, open(StreamDirection::Write, true))
        .on(DOWNLOAD, open(StreamDirection::Read, false))
        .on(CONSOLE, open(StreamDirection::Both, false));
    (service, rx)
}

async fn opened(client: &mut Client, streams: &mut Streams, procedure: i32) -> Stream {
    client.ask(procedure, 5, b"");
    soon(streams.recv()).await.expect("a stream")
}

fn packet(procedure: i32, kind: Kind, status: Status) -> Header {
    Header { kind, status, ..call(procedure, 5) }
}

fn data(procedure: i32) -> Header {
    packet(procedure, Kind::Stream, Status::Continue)
}

fn ended(procedure: i32, status: Status) -> Header {
    packet(procedure, Kind::Stream, status)
}

fn hole(length: i64) -> Vec<u8> {
    xdr::to_vec(&StreamHole { length, flags: 0 }).expect("encodes")
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn upload_with_a_hole() {
    let (service, mut streams) = streaming();
    let mut client = Client::main(&service.serve(Limits::default()));
    let stream = opened(&mut client, &mut streams, UPLOAD).await;
    client.send(data(UPLOAD), b"head");
    client.send(packet(UPLOAD, Kind::StreamHole, Status::Continue), &hole(1 << 40));
    client.send(data(UPLOAD), b"tail!");
    client.send(ended(UPLOAD, Status::Ok), b"");
    assert_eq!(soon(stream.recv()).await, Ok(Packet::Data(Bytes::from_static(b"head"))));
    assert_eq!(soon(stream.recv()).await, Ok(Packet::Hole(1 << 40)));
    assert_eq!(soon(stream.recv()).await, Ok(Packet::Data(Bytes::from_static(b"tail!"))));
    assert_eq!(soon(stream.recv()).await, Ok(Packet::Finish));
    assert!(client.is_silent());
    soon(stream.finish()).await.expect("finished");
    assert_eq!(client.read(), (ended(UPLOAD, Status::Ok), Vec::new()));
    // The number is free again.
    let stream = opened(&mut client, &mut streams, UPLOAD).await;
    stream.fail(Fault::new(ErrorDomain::STORAGE, ErrorCode::OPERATION_FAILED, "disk full"));
    let (header, body) = client.read();
    assert_eq!(header, ended(UPLOAD, Status::Error));
    assert!(fault(&body).message.contains("disk full"));
    client.send(data(UPLOAD), b"late");
    client.ask(TYPE, 1, b"");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn download_in_packets_to_its_end() {
    let (service, mut streams) = streaming();
    let mut client = Client::main(&service.serve(Limits::default()));
    let stream = opened(&mut client, &mut streams, DOWNLOAD).await;
    let content: Vec<u8> = (0..600_000u32).map(|n| n.to_le_bytes()[0]).collect();
    let sent = Bytes::from(content.clone());
    let sending = tokio::spawn(async move {
        stream.send(sent).await?;
        stream.send_hole(4096).await?;
        stream.finish().await
    });
    let mut got = Vec::new();
    for len in [MAX_STREAM_CHUNK, MAX_STREAM_CHUNK, 600_000 - 2 * MAX_STREAM_CHUNK] {
        let (header, body) = client.read();
        assert_eq!((header, body.len()), (data(DOWNLOAD), len));
        got.extend(body);
    }
    assert!(got == content);
    assert_eq!(client.read(), (packet(DOWNLOAD, Kind::StreamHole, Status::Continue), hole(4096)));
    assert_eq!(client.read(), (data(DOWNLOAD), Vec::new()));
    assert!(client.is_silent());
    client.send(ended(DOWNLOAD, Status::Ok), b"");
    assert_eq!(client.read(), (ended(DOWNLOAD, Status::Ok), Vec::new()));
    assert_eq!(soon(sending).await.expect("no panic"), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_ways_at_once() {
    let (service, mut streams) = streaming();
    let mut client = Client::main(&service.serve(Limits::default()));
    let stream = opened(&mut client, &mut streams, CONSOLE).await;
    let echo = tokio::spawn(async move {
        while let Packet::Data(bytes) = stream.recv().await? {
            stream.send(bytes).await?;
        }
        stream.finish().await
    });
    for round in 0..100u32 {
        client.send(data(CONSOLE), &round.to_be_bytes());
        assert_eq!(client.read(), (data(CONSOLE), round.to_be_bytes().to_vec()));
    }
    client.send(ended(CONSOLE, Status::Ok), b"");
    assert_eq!(client.read(), (ended(CONSOLE, Status::Ok), Vec::new()));
    assert_eq!(soon(echo).await.expect("no panic"), Ok(()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_abort_is_told_and_answered_when_the_driver_has_let_go() {
    let (service, mut streams) = streaming();
    let mut client = Client::main(&service.serve(Limits::default()));
    let stream = opened(&mut client, &mut streams, CONSOLE).await;
    client.send(data(CONSOLE), b"lost");
    client.send(ended(CONSOLE, Status::Error), b"");
    // The answer to this comes when both packets were taken.
    client.ask(TYPE, 1, b"");
    assert_eq!(soon(stream.recv()).await, Ok(Packet::Abort));
    assert_eq!(soon(stream.send(Bytes::from_static(b"x"))).await, Err(StreamClosed::Aborted));
    client.ask(TYPE, 1, b"");
    assert!(client.is_silent());
    assert_eq!(soon(stream.finish()).await, Err(StreamClosed::Aborted));
    assert_eq!(client.read(), (ended(CONSOLE, Status::Ok), Vec::new()));
    client.ask(TYPE, 1, b"");
    assert!(client.is_silent());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_dropped_stream_is_an_error() {
    let (service, mut streams) = streaming();
    let mut client = Client::main(&service.serve(Limits::default()));
    drop(opened(&mut client, &mut streams, DOWNLOAD).await);
    let (header, body) = client.read();
    assert_eq!(header, ended(DOWNLOAD, Status::Error));
    assert_eq!(fault(&body).domain, ErrorDomain::STREAMS);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_does_not_belong_to_the_stream_ends_it() {
    let (service, mut streams) = streaming();
    let mut client = Client::main(&service.serve(Limits::default()));
    for (procedure, header, body) in [
        (DOWNLOAD, data(DOWNLOAD), b"up".to_vec()),
        (CONSOLE, packet(CONSOLE, Kind::StreamHole, Status::Continue), hole(10)),
        (UPLOAD, packet(UPLOAD, Kind::StreamHole, Status::Continue), hole(-10)),
        (UPLOAD, packet(UPLOAD, Kind::Stream, Status::Other(9)), Vec::new()),
    ] {
        let stream = opened(&mut client, &mut streams, procedure).await;
        client.send(header, &body);
        assert_eq!(client.read().0, ended(procedure, Status::Error));
        assert_eq!(soon(stream.recv()).await, Err(StreamClosed::Failed));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_overtakes_the_reply() {
    let service = Closures::new().on(DOWNLOAD, |call, body| {
        let stream = call.open_stream(StreamDirection::Read).expect("opens");
        assert!(call.open_stream(StreamDirection::Read).is_err());
        let sending = tokio::spawn(async move { stream.send(Bytes::from_static(b"data")).await });
        async move {
            for _ in 0..100 {
                tokio::task::yield_now().await;
            }
            assert!(!sending.is_finished());
            if body.is_empty() { Ok(Vec::new()) } else { Err(Fault::unknown()) }
        }
    });
    let mut client = Client::main(&service.serve(Limits::default()));
    client.call(DOWNLOAD, 5, b"fail");
    client.error(call(DOWNLOAD, 5));
    client.ask(DOWNLOAD, 5, b"");
    assert_eq!(client.read(), (data(DOWNLOAD), b"data".to_vec()));
    assert_eq!(client.read().0, ended(DOWNLOAD, Status::Error));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_driver_stops_the_upload_and_nobody_else() {
    let (service, mut streams) = streaming();
    let server = service.serve(Limits::default());
    let mut client = Client::main(&server);
    let stream = opened(&mut client, &mut streams, UPLOAD).await;
    let mut writer = Client::new(client.stream.try_clone().expect("cloned"));
    let writing = std::thread::spawn(move || {
        for _ in 0..200 {
            writer.send(data(UPLOAD), &[7; 100_000]);
        }
        writer.send(ended(UPLOAD, Status::Ok), b"");
    });
    let mut other = Client::main(&server);
    for serial in 0..200 {
        other.ask(TYPE, serial, b"fine");
    }
    assert!(!writing.is_finished());
    let mut total = 0;
    while let Packet::Data(bytes) = soon(stream.recv()).await.expect("lives") {
        total += bytes.len();
    }
    assert_eq!(total, 20_000_000);
    soon(stream.finish()).await.expect("finished");
    writing.join().expect("written");
    assert_eq!(client.read().0, ended(UPLOAD, Status::Ok));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_reader_holds_one_packet() {
    let (service, mut streams) = streaming();
    let server = service.serve(Limits::default());
    let mut client = Client::main(&server);
    let stream = opened(&mut client, &mut streams, DOWNLOAD).await;
    let (tx, mut progress) = mpsc::unbounded_channel();
    let sending = tokio::spawn(async move {
        for _ in 0..100 {
            stream.send(Bytes::from(vec![1; 200_000])).await?;
            tx.send(()).expect("test lives");
        }
        stream.finish().await
    });
    let mut other = Client::main(&server);
    for serial in 0..200 {
        other.ask(TYPE, serial, b"fine");
    }
    // What the kernel buffers, and not more.
    assert!(progress.len() < 10, "{}", progress.len());
    for _ in 0..100 {
        assert_eq!(client.read().1.len(), 200_000);
    }
    assert!(client.read().1.is_empty());
    client.send(ended(DOWNLOAD, Status::Ok), b"");
    assert_eq!(client.read().0, ended(DOWNLOAD, Status::Ok));
    assert_eq!(soon(sending).await.expect("no panic"), Ok(()));
    while soon(progress.recv()).await.is_some() {}
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_finish_in_midst_of_a_download_is_told() {
    let (service, mut streams) = streaming();
    let mut client = Client::main(&service.serve(Limits::default()));
    let stream = opened(&mut client, &mut streams, DOWNLOAD).await;
    client.send(ended(DOWNLOAD, Status::Ok), b"");
    assert_eq!(soon(stream.recv()).await, Ok(Packet::Finish));
    assert_eq!(soon(stream.send(Bytes::from_static(b"x"))).await, Err(StreamClosed::Finished));
    soon(stream.finish()).await.expect("finished");
    assert_eq!(client.read(), (ended(DOWNLOAD, Status::Ok), Vec::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_session_ends_its_streams() {
    let (service, mut streams) = streaming();
    let server = service.serve(Limits::default());
    let (mut client, session) = Client::pair(&server, EndpointKind::Main);
    let stream = opened(&mut client, &mut streams, CONSOLE).await;
    let waiting = tokio::spawn(async move {
        let received = stream.recv().await;
        (received, stream.send(Bytes::from_static(b"x")).await)
    });
    drop(client);
    soon(session.closed()).await;
    let closed = StreamClosed::Session;
    assert_eq!(soon(waiting).await.expect("no panic"), (Err(closed), Err(closed)));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn streams_of_a_client_are_limited() {
    let service = Closures::new().on(DOWNLOAD, |call, _| {
        std::future::ready(call.open_stream(StreamDirection::Read).map(|stream| {
            tokio::spawn(async move { stream.recv().await });
            Vec::new()
        }))
    });
    let mut client = Client::main(&service.serve(Limits { max_client_streams: 3, ..Limits::default() }));
    for serial in 0..3 {
        client.ask(DOWNLOAD, serial, b"");
    }
    client.call(DOWNLOAD, 3, b"");
    assert_eq!(client.error(call(DOWNLOAD, 3)).code, ErrorCode::RPC);
}
