//! What connections cost in memory; alone in its process, so that nothing else is measured.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use bytes::Bytes;
use protocol::message::{Header, Kind, Status, encode_raw};
use protocol::{Fault, Meta, remote};
use rpc::{Call, EndpointKind, Limits, Server, Service, Unknown};

const CLIENTS: usize = 1000;
/// CONNECT_GET_TYPE.
const PROCEDURE: i32 = 3;

struct Echo;

impl Service for Echo {
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown> {
        rpc::known(program, version, procedure, &[(remote::PROGRAM, 1)])
    }

    async fn call(self: Arc<Self>, _: Arc<Call>, body: Bytes) -> Result<Bytes, Fault> {
        Ok(body)
    }
}

/// Resident memory of this process in bytes.
fn resident() -> usize {
    let statm = std::fs::read_to_string("/proc/self/statm").expect("statm");
    let pages: usize = statm.split(' ').nth(1).and_then(|word| word.parse().ok()).expect("pages");
    pages * 4096
}

/// Connections that have been used and are idle now.
fn used(server: &Server<Echo>, count: usize, message: &[u8]) -> Vec<UnixStream> {
    let mut reply = vec![0; message.len()];
    let connect = |_| {
        let (mut near, far) = UnixStream::pair().expect("pair");
        server.serve_connection(far, EndpointKind::Main).expect("served");
        near.write_all(message).expect("written");
        near.read_exact(&mut reply).expect("answered");
        near
    };
    (0..count).map(connect).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_thousand_connections_cost_kilobytes_each() {
    let many = rustix::process::Rlimit { current: Some(4096), maximum: Some(4096) };
    // Where the limit is higher already and cannot be changed, it is enough as well.
    let _ = rustix::process::setrlimit(rustix::process::Resource::Nofile, many).is_ok();
    let server = Server::new(Arc::new(Echo), Limits::default());
    let (program, procedure, kind, status) = (remote::PROGRAM, PROCEDURE, Kind::Call, Status::Ok);
    let header = Header { program, version: 1, procedure, kind, serial: 1, status };
    // Large enough to arrive in pieces now and then.
    let message = encode_raw(&header, &[1; 200_000]);
    let warm = used(&server, 50, &message);
    let before = resident();
    let clients = used(&server, CLIENTS, &message);
    let each = resident().saturating_sub(before) / CLIENTS;
    assert!(each < 8192, "{each} bytes for a connection");
    assert_eq!(server.counters().clients, CLIENTS + 50);
    drop((warm, clients));
    server.client_count().wait_for(|count| *count == 0).await.expect("server lives");
}
