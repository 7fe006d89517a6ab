//! Authentication before anything else.

use std::os::unix::net::UnixStream;
use std::sync::Arc;

use bytes::Bytes;
use protocol::{ErrorCode, Fault};
use rpc::{
    AuthStep, AuthType, Authenticator, BoxFuture, EndpointKind, Identity, Limits, Offer, Server, Session,
};

use crate::support::{Client, Closures, TYPE, call, own_user};

/// Admits by SASL: the third step, with the right bytes.
struct ThreeSteps;

impl Authenticator for ThreeSteps {
    fn offer(&self, _peer: &Identity) -> Offer {
        Offer::Prove(AuthType::Sasl)
    }

    fn step(&self, _session: &Session, procedure: i32, body: Bytes) -> BoxFuture<Result<AuthStep, Fault>> {
        Box::pin(async move {
            tokio::task::yield_now().await;
            Ok(match (procedure, body.as_ref()) {
                (67 | 68, _) => AuthStep::Continue(b"more".to_vec()),
                (69, b"open") => AuthStep::Admitted(b"done".to_vec()),
                _ => AuthStep::Refused,
            })
        })
    }
}

fn connect(server: &Server<Closures>, auth: Arc<dyn Authenticator>) -> Client {
    let (near, far) = UnixStream::pair().expect("pair");
    server.serve_with(far, EndpointKind::Main, auth).expect("served");
    Client::new(near)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_own_user_is_let_in_by_the_list() {
    let server = Closures::new().serve(Limits::default());
    let mut client = connect(&server, own_user());
    assert_eq!(server.counters().unauthenticated, 1);
    client.call(TYPE, 0, b"");
    let fault = client.error(call(TYPE, 0));
    assert_eq!((fault.message.as_str(), fault.code), ("authentication required", ErrorCode::RPC));
    assert_eq!(client.ask(66, 1, b""), [0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(client.ask(TYPE, 2, b"in"), b"in");
    assert_eq!(client.ask(66, 3, b""), [0, 0, 0, 1, 0, 0, 0, 0]);
    assert_eq!(server.counters().unauthenticated, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn steps_lead_in_and_refusals_do_not() {
    let server = Closures::new().serve(Limits::default());
    let mut client = connect(&server, Arc::new(ThreeSteps));
    assert_eq!(client.ask(66, 1, b""), [0, 0, 0, 1, 0, 0, 0, 1]);
    client.call(69, 2, b"nope");
    assert_eq!(client.error(call(69, 2)).code, ErrorCode::AUTH_FAILED);
    assert_eq!(client.ask(67, 3, b""), b"more");
    client.call(TYPE, 4, b"");
    assert_eq!(client.error(call(TYPE, 4)).code, ErrorCode::RPC);
    assert_eq!(client.ask(68, 5, b""), b"more");
    assert_eq!(client.ask(69, 6, b"open"), b"done");
    assert_eq!(client.ask(TYPE, 7, b"in"), b"in");
    client.call(69, 8, b"open");
    assert_eq!(client.error(call(69, 8)).code, ErrorCode::AUTH_FAILED);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_to_prove_needs_no_list() {
    let server = Closures::new().serve(Limits::default());
    let mut client = Client::main(&server);
    assert_eq!(server.counters().unauthenticated, 0);
    assert_eq!(client.ask(TYPE, 1, b"in"), b"in");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stranger_cannot_fill_memory() {
    let server = Closures::new().serve(Limits::default());
    let mut client = connect(&server, own_user());
    client.raw(&(2u32 << 20).to_be_bytes());
    assert!(client.is_closed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn leaving_before_authentication_frees_the_place() {
    let server = Closures::new().serve(Limits::default());
    drop(connect(&server, Arc::new(ThreeSteps)));
    server.service().closed(1).await;
    let mut count = server.client_count();
    count.wait_for(|count| *count == 0).await.expect("server lives");
    assert_eq!(server.counters().unauthenticated, 0);
}
