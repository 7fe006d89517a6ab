//! The end of sessions and of the server.

use std::os::unix::net::{UnixListener, UnixStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use rpc::{Endpoint, EndpointKind, Limits, NoAuth, Session};

use crate::support::{CREATE, Client, Closures, Gate, PATIENCE, TYPE, soon};

/// Says when it is dropped.
#[derive(Default)]
struct Dropped(Mutex<Option<Arc<AtomicBool>>>);

impl Drop for Dropped {
    fn drop(&mut self) {
        if let Some(flag) = self.0.lock().expect("no panic").take() {
            flag.store(true, Ordering::SeqCst);
        }
    }
}

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
async fn a_call_in_flight_outlives_its_client() {
    let (gate, passed) = (Gate::new(), Gate::new());
    let (held, told) = (gate.clone(), passed.clone());
    let service = Closures::new().on(CREATE, move |call, _| {
        let (held, told) = (held.clone(), told.clone());
        async move {
            held.pass().await;
            assert!(call.session().is_closed());
            told.open();
            told.pass().await;
            Ok(vec![1])
        }
    });
    let server = service.serve(Limits::default());
    let (mut client, session) = Client::pair(&server, EndpointKind::Main);
    let flag = Arc::new(AtomicBool::new(false));
    *session.extension::<Dropped>().0.lock().expect("no panic") = Some(Arc::clone(&flag));
    client.call(CREATE, 1, b"");
    gate.waiting(1).await;
    drop(client);
    soon(session.closed()).await;
    assert_eq!(server.service().closed(1).await, [session.id()]);
    soon(server.client_count().wait_for(|count| *count == 0)).await.expect("server lives");
    assert!(flag.load(Ordering::SeqCst), "extension lives on");
    gate.open();
    passed.waiting(1).await;
    assert_eq!(server.service().closed(1).await.len(), 1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_driver_can_close_a_session() {
    let server = Closures::new().serve(Limits::default());
    let (mut client, session) = Client::pair(&server, EndpointKind::Main);
    client.ask(TYPE, 1, b"");
    let found: Vec<u64> = server.sessions().iter().map(Session::id).collect();
    assert_eq!(found, [session.id()]);
    server.session(session.id()).expect("there").close("asked to");
    assert!(client.is_closed());
    soon(session.closed()).await;
    assert!(!session.send_event(1, 1, bytes::Bytes::new()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn shutdown_lets_running_calls_end() {
    let gate = Gate::new();
    let server = gated(&gate).serve(Limits::default());
    let dir = tempfile::tempdir().expect("dir");
    let path = dir.path().join("sock");
    let listener = UnixListener::bind(&path).expect("bound");
    server.listen(Endpoint::new(EndpointKind::Main, listener, Arc::new(NoAuth))).expect("listens");
    let mut idle = Client::new(UnixStream::connect(&path).expect("connected"));
    idle.ask(TYPE, 1, b"");
    let mut busy = Client::new(UnixStream::connect(&path).expect("connected"));
    busy.call(CREATE, 1, b"last");
    gate.waiting(1).await;
    let stopping = server.clone();
    let stop = tokio::spawn(async move { stopping.shutdown(PATIENCE).await });
    assert!(idle.is_closed());
    gate.open();
    assert_eq!(busy.read().1, b"last");
    assert!(busy.is_closed());
    soon(stop).await.expect("stopped");
    assert!(UnixStream::connect(&path).is_err());
}

#[tokio::test(start_paused = true)]
async fn shutdown_does_not_wait_for_ever() {
    let gate = Gate::new();
    let server = gated(&gate).serve(Limits::default());
    let (mut client, _) = Client::pair(&server, EndpointKind::Main);
    client.call(CREATE, 1, b"");
    gate.waiting(1).await;
    let start = tokio::time::Instant::now();
    server.shutdown(Duration::from_secs(30)).await;
    assert_eq!(start.elapsed().as_secs(), 30);
    assert!(client.is_closed());
    assert_eq!(server.counters().clients, 0);
}
