//! Figures of a server alone: what calls, events and streams cost, in the server's own processor time.
//!
//! Run with `cargo bench -p rpc`. Clients are threads of this process; their time is subtracted.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use nix::sys::resource::{UsageWho, getrusage};
use protocol::message::{Header, Kind, MAX_STREAM_CHUNK, Status, encode_raw};
use protocol::procedure::StreamDirection;
use protocol::{Fault, Meta, remote};
use rpc::{Call, EndpointKind, Limits, Packet, Server, Service, Unknown};

/// CONNECT_GET_TYPE and DOMAIN_CREATE: high and ordinary priority, ready at once.
const HIGH: i32 = 3;
const LOW: i32 = 9;
/// DOMAIN_RESUME: becomes a task.
const LATER: i32 = 28;
const UPLOAD: i32 = 208;
const DOWNLOAD: i32 = 209;
/// Bytes of each stream.
const STREAMED: usize = 1 << 30;

struct Bench;

impl Service for Bench {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &[(remote::PROGRAM, 1)])
    }

    async fn call(self: Arc<Self>, call: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        match call.procedure() {
            LATER => tokio::task::yield_now().await,
            UPLOAD => {
                let stream = call.open_stream(StreamDirection::Write)?;
                tokio::spawn(async move {
                    while let Ok(Packet::Data(_)) = stream.recv().await {}
                    stream.finish().await
                });
            }
            DOWNLOAD => {
                let stream = call.open_stream(StreamDirection::Read)?;
                tokio::spawn(async move {
                    let chunk = Bytes::from(vec![0; MAX_STREAM_CHUNK]);
                    for _ in 0..STREAMED / MAX_STREAM_CHUNK {
                        stream.send(chunk.clone()).await?;
                    }
                    stream.finish().await
                });
            }
            _ => {}
        }
        Ok(body)
    }
}

fn main() {
    let runtime =
        tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().expect("runtime");
    let _guard = runtime.enter();
    let server = Server::new(
        Arc::new(Bench),
        Limits { max_client_requests: 64, max_event_bytes: 256 << 20, ..Limits::default() },
    );
    memory(&server);
    println!("{:<28} {:>12} {:>14} {:>16}", "", "rate", "wall us each", "server cpu us");
    for _ in 0..2 {
        calls("ping, high priority", &server, HIGH, 1, 1);
        calls("ping, ordinary", &server, LOW, 1, 1);
        calls("ping, as a task", &server, LATER, 1, 1);
        calls("32 pipelined", &server, HIGH, 1, 32);
        calls("16 clients", &server, HIGH, 16, 1);
        events(&server);
        download(&server);
        upload(&server);
    }
}

fn call(procedure: i32) -> Header {
    Header {
        program: remote::PROGRAM,
        version: 1,
        procedure,
        kind: Kind::Call,
        serial: 1,
        status: Status::Ok,
    }
}

fn connect(server: &Server<Bench>) -> UnixStream {
    let (near, far) = UnixStream::pair().expect("pair");
    server.serve_connection(far, EndpointKind::Main).expect("served");
    near
}

fn cpu(who: UsageWho) -> Duration {
    let usage = getrusage(who).expect("usage");
    let sum = usage.user_time() + usage.system_time();
    Duration::from_micros(u64::try_from(sum.tv_sec() * 1_000_000 + sum.tv_usec()).expect("positive"))
}

/// Runs `work` in `threads` threads, which say how much they did.
fn measure(name: &str, threads: usize, work: impl Fn() -> usize + Sync) {
    let runtime = tokio::runtime::Handle::current();
    let (start, process) = (Instant::now(), cpu(UsageWho::RUSAGE_SELF));
    let (done, clients) = std::thread::scope(|scope| {
        let run = || {
            let _guard = runtime.enter();
            let before = cpu(UsageWho::RUSAGE_THREAD);
            let done = work();
            (done, cpu(UsageWho::RUSAGE_THREAD) - before)
        };
        let all: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        all.into_iter()
            .map(|thread| thread.join().expect("no panic"))
            .fold((0, Duration::ZERO), |sum, one| (sum.0 + one.0, sum.1 + one.1))
    });
    let (wall, server) = (start.elapsed(), cpu(UsageWho::RUSAGE_SELF) - process - clients);
    let each = |time: Duration| time.as_secs_f64() * 1e6 / done as f64;
    println!(
        "{name:<28} {:>12.0} {:>14.2} {:>16.2}",
        done as f64 / wall.as_secs_f64(),
        each(wall),
        each(server)
    );
}

fn calls(name: &str, server: &Server<Bench>, procedure: i32, clients: usize, depth: usize) {
    let rounds = 100_000 / clients / depth;
    measure(name, clients, || {
        let mut client = connect(server);
        let wire = encode_raw(&call(procedure), b"args").repeat(depth);
        let mut reply = vec![0; wire.len()];
        for _ in 0..rounds {
            client.write_all(&wire).expect("written");
            client.read_exact(&mut reply).expect("read");
        }
        rounds * depth
    });
}

fn events(server: &Server<Bench>) {
    const EVENTS: usize = 200_000;
    measure("events, 100 bytes", 1, || {
        let (near, far) = UnixStream::pair().expect("pair");
        let session = server.serve_connection(far, EndpointKind::Main).expect("served");
        let reader = std::thread::spawn(move || {
            std::io::copy(&mut near.take(128 * EVENTS as u64), &mut std::io::sink())
        });
        let body = Bytes::from(vec![0; 100]);
        for _ in 0..EVENTS {
            assert!(session.send_event(remote::PROGRAM, 318, body.clone()));
        }
        reader.join().expect("no panic").expect("read");
        EVENTS
    });
}

fn download(server: &Server<Bench>) {
    measure("download, MiB", 1, || {
        let mut client = connect(server);
        client.write_all(&encode_raw(&call(DOWNLOAD), b"")).expect("written");
        let packets = STREAMED / MAX_STREAM_CHUNK;
        let mut buffer = vec![0; MAX_STREAM_CHUNK + 28];
        client.read_exact(&mut buffer[..28]).expect("reply");
        for _ in 0..packets {
            client.read_exact(&mut buffer).expect("packet");
        }
        STREAMED >> 20
    });
}

fn upload(server: &Server<Bench>) {
    measure("upload, MiB", 1, || {
        let mut client = connect(server);
        client.write_all(&encode_raw(&call(UPLOAD), b"")).expect("written");
        client.read_exact(&mut [0; 28]).expect("reply");
        let packet = Header { kind: Kind::Stream, status: Status::Continue, ..call(UPLOAD) };
        let data = encode_raw(&packet, &vec![0; MAX_STREAM_CHUNK]);
        for _ in 0..STREAMED / MAX_STREAM_CHUNK {
            client.write_all(&data).expect("written");
        }
        client.write_all(&encode_raw(&Header { status: Status::Ok, ..packet }, b"")).expect("written");
        client.read_exact(&mut [0; 28]).expect("answer");
        STREAMED >> 20
    });
}

/// Resident memory that an idle connection costs which has been used.
fn memory(server: &Server<Bench>) {
    const CLIENTS: usize = 400;
    let resident = || -> usize {
        let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
        statm.split(' ').nth(1).and_then(|word| word.parse::<usize>().ok()).expect("pages") * 4096
    };
    let before = resident();
    let clients: Vec<UnixStream> = (0..CLIENTS)
        .map(|_| {
            let mut client = connect(server);
            client.write_all(&encode_raw(&call(HIGH), &[0; 4000])).expect("written");
            client.read_exact(&mut vec![0; 4028]).expect("read");
            client
        })
        .collect();
    println!("memory of a connection: {} bytes", resident().saturating_sub(before) / CLIENTS);
    drop(clients);
}
