//! Clients of the network: plain, behind TLS, and behind a security layer of SASL.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use protocol::message::{Header, Kind, Status, encode_raw};
use protocol::{ErrorCode, Fault};
use rpc::{
    AuthStep, AuthType, Authenticator, BoxFuture, Endpoint, EndpointKind, Identity, Limits, Listener, NoAuth,
    Offer, Proof, SecurityLayer, Server, Session, TlsAcceptor, TlsSettings, Transport,
};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::NoServerSessionStorage;
use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConfig, StreamOwned, SupportedProtocolVersion,
};

use crate::support::{CREATE, Client, Closures, PATIENCE, TYPE, call, fault, soon};

fn data(name: &str) -> String {
    format!("{}/tests/data/{name}", env!("CARGO_MANIFEST_DIR"))
}

fn chain(who: &str) -> Vec<CertificateDer<'static>> {
    vec![CertificateDer::from_pem_file(data(&format!("{who}cert.pem"))).expect("certificate")]
}

fn key(who: &str) -> PrivateKeyDer<'static> {
    PrivateKeyDer::from_pem_file(data(&format!("{who}key.pem"))).expect("key")
}

fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::ring::default_provider())
}

/// Asks for no certificates; `refuse`: nobody is let in.
fn settings(refuse: bool) -> TlsSettings {
    let versions = ServerConfig::builder_with_provider(provider()).with_safe_default_protocol_versions();
    let mut config = versions
        .expect("versions")
        .with_no_client_auth()
        .with_single_cert(chain("server"), key("server"))
        .expect("key fits");
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    let judge = move |_: &[CertificateDer<'static>]| {
        if refuse { Err("nobody is let in".to_owned()) } else { Ok(Some("CN=somebody".to_owned())) }
    };
    TlsSettings { config: Arc::new(config), judge: Arc::new(judge) }
}

fn listen(server: &Server<Closures>, tls: Option<TlsSettings>, auth: Arc<dyn Authenticator>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("address");
    let listener = match tls {
        Some(settings) => Listener::Tls(listener, Arc::new(TlsAcceptor::new(settings))),
        None => Listener::Tcp(listener),
    };
    server.listen(Endpoint::new(EndpointKind::Main, listener, auth)).expect("listens");
    address
}

fn connect(address: SocketAddr) -> TcpStream {
    let stream = TcpStream::connect(address).expect("connected");
    stream.set_read_timeout(Some(PATIENCE)).expect("timeout");
    stream.set_write_timeout(Some(PATIENCE)).expect("timeout");
    stream
}

type TlsStream = StreamOwned<ClientConnection, TcpStream>;

fn tls(address: SocketAddr, versions: &[&'static SupportedProtocolVersion]) -> TlsStream {
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(data("cacert.pem")).expect("authority")).expect("added");
    let config = ClientConfig::builder_with_provider(provider()).with_protocol_versions(versions);
    let config = config.expect("versions").with_root_certificates(roots).with_no_client_auth();
    let name = ServerName::try_from("localhost").expect("name");
    let conn = ClientConnection::new(Arc::new(config), name).expect("connection");
    StreamOwned::new(conn, connect(address))
}

/// A client behind TLS that has its confirmation.
fn confirmed(address: SocketAddr) -> TlsStream {
    let mut stream = tls(address, rustls::ALL_VERSIONS);
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("confirmation");
    assert_eq!(byte, [1]);
    stream
}

fn send(stream: &mut impl Write, procedure: i32, serial: u32, body: &[u8]) {
    stream.write_all(&encode_raw(&call(procedure, serial), body)).expect("written");
}

fn read(stream: &mut impl Read) -> (Header, Vec<u8>) {
    let mut word = [0; 4];
    stream.read_exact(&mut word).expect("length");
    let mut rest = vec![0; u32::from_be_bytes(word) as usize - 4];
    stream.read_exact(&mut rest).expect("message");
    let message = [word.as_slice(), &rest].concat();
    (Header::decode(&message).expect("header"), rest[24..].to_vec())
}

fn ask(stream: &mut (impl Read + Write), procedure: i32, serial: u32, body: &[u8]) -> Vec<u8> {
    send(stream, procedure, serial, body);
    let (header, reply) = read(stream);
    assert_eq!(header, call(procedure, serial).answer(Kind::Reply, Status::Ok));
    reply
}

/// Whether the connection ends without another byte.
fn ends(stream: &mut impl Read) -> bool {
    match stream.read(&mut [0]) {
        Ok(count) => count == 0,
        Err(error) => {
            matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::UnexpectedEof)
        }
    }
}

/// Gives everybody what the client said, and who it is.
fn introduced() -> Closures {
    Closures::new().on(CREATE, |call, _| async move {
        let session = call.session();
        let dname = call.identity().x509_dname().unwrap_or("none").to_owned();
        let user = call.identity().sasl_user().unwrap_or("none").to_owned();
        let local = session.remote_address().is_some_and(|address| address.ip().is_loopback());
        Ok(format!("{:?} {dname} {user} {local} {:?}", session.transport(), call.identity().uid).into())
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn plain_clients_of_the_network_are_served() {
    let server = introduced().serve(Limits::default());
    let mut stream = connect(listen(&server, None, Arc::new(NoAuth)));
    assert_eq!(ask(&mut stream, CREATE, 1, b"x"), b"Tcp none none true None");
    let long = vec![7; 3 << 20];
    assert_eq!(ask(&mut stream, TYPE, 2, &long), long);
    assert_eq!(server.sessions()[0].transport(), Transport::Tcp);
    drop(stream);
    let mut count = server.client_count();
    soon(count.wait_for(|count| *count == 0)).await.expect("server lives");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn descriptors_are_refused_where_they_cannot_be_sent() {
    let service = Closures::new().on(CREATE, |call, _| async move {
        call.reply_fds(vec![std::fs::File::open("/dev/null").expect("opens").into()]);
        Ok(Vec::new())
    });
    let server = service.serve(Limits::default());
    let mut stream = connect(listen(&server, None, Arc::new(NoAuth)));
    send(&mut stream, CREATE, 1, b"");
    let (header, body) = read(&mut stream);
    assert_eq!(header.status, Status::Error);
    assert_eq!(fault(&body).code, ErrorCode::INTERNAL_ERROR);
    assert_eq!(ask(&mut stream, TYPE, 2, b"goes on"), b"goes on");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn both_versions_of_tls_carry_calls() {
    for version in rustls::ALL_VERSIONS {
        let server = introduced().serve(Limits::default());
        let address = listen(&server, Some(settings(false)), Arc::new(NoAuth));
        let mut stream = tls(address, &[version]);
        let mut byte = [0];
        stream.read_exact(&mut byte).expect("confirmation");
        assert_eq!(byte, [1]);
        assert_eq!(ask(&mut stream, CREATE, 1, b"x"), b"Tls CN=somebody none true None");
        assert_eq!(server.counters().unauthenticated, 0);
        for len in [0usize, 1, 16_383, 16_384, 16_385, 65_536, 1_000_000, 3 << 20] {
            let body: Vec<u8> = (0..len).map(|byte| byte as u8).collect();
            assert_eq!(ask(&mut stream, TYPE, 2, &body), body, "{len}");
        }
        stream.conn.send_close_notify();
        stream.flush().expect("flushed");
        assert!(ends(&mut stream));
        let mut count = server.client_count();
        soon(count.wait_for(|count| *count == 0)).await.expect("server lives");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reply_is_one_record() {
    let server = Closures::new().serve(Limits::default());
    let mut stream = confirmed(listen(&server, Some(settings(false)), Arc::new(NoAuth)));
    send(&mut stream, TYPE, 1, b"body");
    stream.flush().expect("flushed");
    let mut head = [0; 5];
    stream.sock.read_exact(&mut head).expect("record");
    let len = usize::from(u16::from_be_bytes([head[3], head[4]]));
    assert!(len > 28 + 4, "head and body go together, not in a record of {len} bytes");
    let mut record = head.to_vec();
    record.resize(5 + len, 0);
    stream.sock.read_exact(&mut record[5..]).expect("record");
    stream.conn.read_tls(&mut record.as_slice()).expect("taken");
    let state = stream.conn.process_new_packets().expect("good");
    assert_eq!(state.plaintext_bytes_to_read(), 28 + 4);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_requests_behind_tls_are_answered_in_order() {
    let server = Closures::new().serve(Limits::default());
    let mut stream = confirmed(listen(&server, Some(settings(false)), Arc::new(NoAuth)));
    let wire: Vec<u8> = (0..3000u32)
        .flat_map(|serial| encode_raw(&call(TYPE, serial), &vec![serial as u8; (serial % 97) as usize * 4]))
        .collect();
    for part in wire.chunks(1501) {
        stream.write_all(part).expect("written");
        // Each write is a record of its own, so that messages are cut anywhere.
        stream.flush().expect("flushed");
    }
    for serial in 0..3000u32 {
        let (header, body) = read(&mut stream);
        assert_eq!((header.serial, body.len()), (serial, (serial % 97) as usize * 4));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_client_that_reads_late_gets_all_behind_tls() {
    let service = Closures::new().on(TYPE, |_, _| async { Ok(vec![5; 8 << 20]) });
    let server = service.serve(Limits::default());
    let mut stream = confirmed(listen(&server, Some(settings(false)), Arc::new(NoAuth)));
    send(&mut stream, TYPE, 1, b"");
    send(&mut stream, 1, 2, b"second");
    let session = server.sessions().remove(0);
    // Events wait behind the reply, in memory of the daemon.
    for _ in 0..100 {
        assert!(session.send_event(protocol::remote::PROGRAM, 318, Bytes::from_static(&[9; 4096])));
    }
    let mut replies = 0;
    let mut events = 0;
    while replies < 2 || events < 100 {
        let (header, body) = read(&mut stream);
        match (header.kind, header.serial) {
            (Kind::Reply, 1) => assert!(body.len() == 8 << 20 && body.iter().all(|byte| *byte == 5)),
            (Kind::Reply, _) => assert_eq!(body, b"second"),
            _ => assert_eq!(body, [9; 4096]),
        }
        if header.kind == Kind::Reply { replies += 1 } else { events += 1 }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_certificate_finds_the_connection_closed() {
    let server = Closures::new().serve(Limits::default());
    let mut stream = tls(listen(&server, Some(settings(true)), Arc::new(NoAuth)), rustls::ALL_VERSIONS);
    assert!(ends(&mut stream));
    let mut count = server.client_count();
    soon(count.wait_for(|count| *count == 0)).await.expect("server lives");
    assert_eq!(server.counters().unauthenticated, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn new_settings_hold_for_new_sessions() {
    let server = Closures::new().serve(Limits::default());
    let listener = TcpListener::bind("127.0.0.1:0").expect("bound");
    let address = listener.local_addr().expect("address");
    let acceptor = Arc::new(TlsAcceptor::new(settings(false)));
    let endpoint = Listener::Tls(listener, Arc::clone(&acceptor));
    server.listen(Endpoint::new(EndpointKind::Main, endpoint, Arc::new(NoAuth))).expect("listens");
    let mut old = confirmed(address);
    acceptor.replace(settings(true));
    assert!(ends(&mut tls(address, rustls::ALL_VERSIONS)));
    assert_eq!(ask(&mut old, TYPE, 1, b"still in"), b"still in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn garbage_before_the_handshake_ends_the_connection() {
    let server = Closures::new().serve(Limits::default());
    let address = listen(&server, Some(settings(false)), Arc::new(NoAuth));
    let plain = encode_raw(&call(TYPE, 1), b"a plain call");
    let endless: Vec<u8> =
        std::iter::repeat_n([22u8, 3, 1, 0x40, 0].into_iter().chain([0; 0x4000]), 20).flatten().collect();
    for garbage in [
        &plain[..],
        b"GET / HTTP/1.0\r\n\r\n",
        &[0xff; 5000],
        &[22, 3, 1, 0, 4, 1, 0xff, 0xff, 0xff],
        &endless,
    ] {
        let mut stream = connect(address);
        // The server may have closed before all is written.
        let _ = stream.write_all(garbage);
        let _ = stream.shutdown(Shutdown::Write);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(answer.is_empty() || answer[0] == 21, "an alert at most: {answer:?}");
    }
    assert_eq!(ask(&mut confirmed(address), TYPE, 1, b"fine"), b"fine");
    let mut count = server.client_count();
    soon(count.wait_for(|count| *count == 0)).await.expect("server lives");
}

/// The first flight of a client.
fn hello(address: SocketAddr) -> Vec<u8> {
    let mut stream = tls(address, rustls::ALL_VERSIONS);
    let mut hello = Vec::new();
    stream.conn.write_tls(&mut hello).expect("written");
    hello
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn half_a_hello_keeps_its_place_no_longer_than_allowed() {
    let limits = Limits { handshake_time: Duration::from_millis(200), ..Limits::default() };
    let server = Closures::new().serve(limits);
    let address = listen(&server, Some(settings(false)), Arc::new(NoAuth));
    let hello = hello(address);
    let mut half = connect(address);
    half.write_all(&hello[..hello.len() / 2]).expect("written");
    let mut dropped = connect(address);
    dropped.write_all(&hello).expect("written");
    drop(dropped);
    let mut silent = connect(address);
    assert!(ends(&mut half) && ends(&mut silent));
    let mut count = server.client_count();
    soon(count.wait_for(|count| *count == 0)).await.expect("server lives");
    assert_eq!(server.counters().unauthenticated, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hello_byte_by_byte_is_understood() {
    let server = Closures::new().serve(Limits::default());
    let address = listen(&server, Some(settings(false)), Arc::new(NoAuth));
    let mut stream = tls(address, rustls::ALL_VERSIONS);
    let mut hello = Vec::new();
    stream.conn.write_tls(&mut hello).expect("written");
    stream.sock.set_nodelay(true).expect("set");
    for byte in hello {
        stream.sock.write_all(&[byte]).expect("written");
    }
    let mut byte = [0];
    stream.read_exact(&mut byte).expect("confirmation");
    assert_eq!(ask(&mut stream, TYPE, 1, b"in"), b"in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn strangers_who_say_nothing_do_not_keep_others_out() {
    let limits =
        Limits { max_anonymous_clients: 3, stranger_time: Duration::from_millis(100), ..Limits::default() };
    let server = Closures::new().serve(limits);
    let address = listen(&server, Some(settings(false)), Arc::new(NoAuth));
    let mut silent: Vec<TcpStream> = (0..9).map(|_| connect(address)).collect();
    assert_eq!(ask(&mut confirmed(address), TYPE, 1, b"in"), b"in");
    assert!(silent.iter_mut().take(7).all(ends));
    // Those of the network never hold the places of the host.
    let (near, far) = UnixStream::pair().expect("pair");
    server.serve_connection(far, EndpointKind::Main).expect("served");
    assert_eq!(Client::new(near).ask(TYPE, 1, b"local"), b"local");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_of_the_server_ends_handshakes_and_sessions() {
    let server = Closures::new().serve(Limits::default());
    let address = listen(&server, Some(settings(false)), Arc::new(NoAuth));
    let mut inside = confirmed(address);
    let mut silent = connect(address);
    let mut count = server.client_count();
    soon(count.wait_for(|count| *count == 2)).await.expect("server lives");
    soon(server.shutdown(Duration::from_secs(10))).await;
    // The client is told, so that it knows that nothing was cut off.
    assert!(matches!(inside.read(&mut [0]), Ok(0)));
    assert!(ends(&mut silent));
}

/// Adds one to each byte, in packets of up to 8 bytes behind their length.
#[derive(Debug, Default)]
struct Caesar(Vec<u8>);

impl SecurityLayer for Caesar {
    fn encode(&mut self, plain: &[u8], wire: &mut Vec<u8>) -> io::Result<()> {
        for part in plain.chunks(8) {
            wire.push(part.len() as u8);
            wire.extend(part.iter().map(|byte| byte.wrapping_add(1)));
        }
        Ok(())
    }

    fn decode(&mut self, wire: &[u8], plain: &mut Vec<u8>) -> io::Result<()> {
        self.0.extend_from_slice(wire);
        while let Some((len, rest)) = self.0.split_first() {
            let len = usize::from(*len);
            if len > 8 {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let Some(part) = rest.get(..len) else { break };
            plain.extend(part.iter().map(|byte| byte.wrapping_sub(1)));
            self.0.drain(..=len);
        }
        Ok(())
    }
}

/// The first step lets in, under a name and behind a layer; `late`: not at once.
struct Named {
    late: bool,
}

impl Authenticator for Named {
    fn offer(&self, _peer: &Identity) -> Offer {
        Offer::Prove(AuthType::Sasl)
    }

    fn step(&self, session: &Session, _procedure: i32, _body: Bytes) -> BoxFuture<Result<AuthStep, Fault>> {
        let identity = session.peer().clone().with_sasl_user("fred");
        let late = self.late;
        Box::pin(async move {
            if late {
                tokio::task::yield_now().await;
            }
            let layer = Some(Box::new(Caesar::default()) as Box<dyn SecurityLayer>);
            Ok(AuthStep::Proved(Box::new(Proof { reply: b"done".to_vec(), identity, layer })))
        })
    }
}

/// The client's side of the layer.
struct Disguised {
    stream: TcpStream,
    layer: Caesar,
    plain: Vec<u8>,
}

impl Read for Disguised {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.plain.is_empty() {
            let mut wire = [0; 4096];
            let count = self.stream.read(&mut wire)?;
            if count == 0 {
                return Ok(0);
            }
            self.layer.decode(&wire[..count], &mut self.plain)?;
        }
        let count = self.plain.len().min(buffer.len());
        buffer[..count].copy_from_slice(&self.plain[..count]);
        self.plain.drain(..count);
        Ok(count)
    }
}

impl Write for Disguised {
    fn write(&mut self, plain: &[u8]) -> io::Result<usize> {
        let mut wire = Vec::new();
        self.layer.encode(plain, &mut wire)?;
        self.stream.write_all(&wire)?;
        Ok(plain.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_security_layer_begins_behind_the_reply() {
    for late in [false, true] {
        let server = introduced().serve(Limits::default());
        let mut stream = connect(listen(&server, None, Arc::new(Named { late })));
        send(&mut stream, TYPE, 1, b"");
        assert_eq!(fault(&read(&mut stream).1).message, "authentication required");
        assert_eq!(ask(&mut stream, 67, 2, b""), b"done");
        let mut stream = Disguised { stream, layer: Caesar::default(), plain: Vec::new() };
        assert_eq!(ask(&mut stream, CREATE, 3, b"x"), b"Tcp none fred true None");
        let long: Vec<u8> = (0..500_000u32).map(|byte| byte as u8).collect();
        assert_eq!(ask(&mut stream, TYPE, 4, &long), long);
        stream.stream.write_all(&[200, 0]).expect("written");
        assert!(ends(&mut stream));
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_came_before_the_layer_is_not_taken_for_the_clients() {
    for late in [false, true] {
        for cut in [4, 10] {
            let service = Closures::new().on(CREATE, |_, _| async { panic!("a call that nobody protected") });
            let server = service.serve(Limits::default());
            let mut stream = connect(listen(&server, None, Arc::new(Named { late })));
            let mut wire = encode_raw(&call(67, 1), b"");
            let second = encode_raw(&call(CREATE, 2), b"slipped in");
            wire.extend_from_slice(&second[..second.len() - cut % 10]);
            stream.write_all(&wire).expect("written");
            assert_eq!(read(&mut stream).1, b"done");
            assert!(ends(&mut stream), "{late} {cut}");
        }
    }
}
