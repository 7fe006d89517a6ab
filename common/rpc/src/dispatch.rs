//! From a message to its answer: judge it, run the handler, hand on the reply.
//!
//! The fast path: a handler is polled once right here, with a waker that wakes nobody. What is ready is answered by the
//! session's task itself; only what has to wait becomes a task, which polls it again with a waker of its own.

use std::any::Any;
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use bytes::Bytes;
use protocol::keepalive::rows;
use protocol::message::{HEADER_LEN, Header, Kind, MAX_FDS, MAX_MESSAGE, Message, Status};
use protocol::{Fault, List, xdr};

use crate::auth::{self, Authenticator, Offer};
use crate::core::admission::{self, Verdict};
use crate::core::framer::Frame;
use crate::core::outbound::Outgoing;
use crate::limits::Workers;
use crate::output::Token;
use crate::service::{Call, Service};
use crate::{Session, faults};

/// AUTH_LIST, which is answered here.
const AUTH_LIST: i32 = 66;
/// AUTH_SASL_INIT, AUTH_SASL_START, AUTH_SASL_STEP.
const SASL: std::ops::RangeInclusive<i32> = 67..=69;

/// Most bytes of a handler's state. It is moved several times before the first poll: what is large belongs in a box of
/// its own, where only the call that needs it pays for it.
const LARGEST_STATE: usize = 1024;

/// What handlers give.
type Outcome = Result<Bytes, Fault>;

/// Where the messages of one session go.
pub(crate) struct Dispatcher<S> {
    session: Session,
    auth: Arc<dyn Authenticator>,
    service: Arc<S>,
    workers: Arc<Workers>,
}

impl<S: Service> Dispatcher<S> {
    pub(crate) fn new(
        session: Session,
        auth: Arc<dyn Authenticator>,
        service: Arc<S>,
        workers: Arc<Workers>,
    ) -> Self {
        Self { session, auth, service, workers }
    }

    /// Lets the client in if the socket asks for no more than it has proved already.
    pub(crate) fn admit_if_nothing_to_prove(&self) {
        if self.auth.offer(self.session.peer()) == Offer::NotNeeded {
            self.session.admit();
        }
    }

    /// Handles one message of the client.
    pub(crate) fn dispatch(&self, frame: Frame) {
        let Frame { message: Message { header, body, .. }, fds } = frame;
        let meta = |program, version, procedure| self.service.meta(program, version, procedure);
        match admission::judge(&header, &body, self.session.standing(), meta) {
            Verdict::Ignore => {}
            Verdict::Pong => self.session.send_keepalive(&rows::pong),
            Verdict::Stream { hole } => {
                if let Some(stream) = self.session.find_stream(&header) {
                    stream.on_packet(hole, header.status, body);
                }
            }
            Verdict::Refuse(fault) => {
                if let Some(observer) = self.session.inner().gauge.observer() {
                    observer.refused();
                }
                self.session.begin();
                self.session.reply(error_reply(&header, &fault), true);
            }
            Verdict::Authenticate(meta) => {
                self.authenticate(Call::new(&self.session, header, meta, fds), header, body)
            }
            Verdict::Call(meta) => self.call(Call::new(&self.session, header, meta, fds), header, body),
        }
    }

    fn call(&self, call: Call, header: Header, body: Bytes) {
        let call = Arc::new(call);
        let service = Arc::clone(&self.service);
        let workers = service.takes_worker(call.meta()).then(|| Arc::clone(&self.workers));
        let handled = Arc::clone(&call);
        run(call, header, async move {
            let _worker = match workers {
                Some(workers) => Some(workers.acquire().await),
                None => None,
            };
            service.call(handled, body).await
        });
    }

    fn authenticate(&self, call: Call, header: Header, body: Bytes) {
        let session = self.session.clone();
        if header.procedure == AUTH_LIST {
            let (kind, admitted) = auth::list(self.auth.offer(session.peer()), session.is_authenticated());
            if admitted {
                session.admit();
            }
            let reply = xdr::to_vec(&List::<i32, 20>::from(vec![kind as i32]));
            run(
                Arc::new(call),
                header,
                std::future::ready(reply.map(Bytes::from).map_err(|_| Fault::unknown())),
            );
        } else if session.is_authenticated() {
            run(Arc::new(call), header, std::future::ready(Err(faults::refused())));
        } else {
            let auth = Arc::clone(&self.auth);
            if SASL.contains(&header.procedure) {
                session.hush();
            }
            run(Arc::new(call), header, async move {
                let step = auth.step(&session, header.procedure, body).await;
                auth::conclude(&session, step).map(Bytes::from)
            });
        }
    }
}

/// Runs a handler: at once if it is ready at once, in a task otherwise.
fn run<F: Future<Output = Outcome> + Send + 'static>(call: Arc<Call>, header: Header, handler: F) {
    const { assert!(size_of::<F>() <= LARGEST_STATE) };
    call.session().begin();
    let mut caught = Caught(Box::pin(handler));
    match Pin::new(&mut caught).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(outcome) => answer(&call, &header, outcome, true),
        Poll::Pending => {
            // Whoever registers for events learns its callback id from the reply, so that has to come first.
            let holding = call.meta().name.contains("register");
            if !holding {
                call.session().release_events();
            }
            tokio::spawn(async move { answer(&call, &header, caught.await, holding) });
        }
    }
}

/// Hands a handler's result on.
fn answer(call: &Call, header: &Header, outcome: Result<Outcome, String>, holding: bool) {
    let left = call.close();
    let outcome = outcome.unwrap_or_else(|panic| {
        tracing::error!(
            procedure = call.meta().name,
            client = call.session().id(),
            "handler panicked: {panic}"
        );
        Err(faults::panicked(call.meta()))
    });
    let outcome = outcome.and_then(|body| checked(call, body, left.fds.len()));
    let failed = outcome.is_err();
    call.observed(failed);
    let message = match outcome {
        Ok(body) if left.fds.is_empty() => {
            Outgoing::new(&header.answer(Kind::Reply, Status::Ok), body, Some(Token::Request))
        }
        Ok(body) => {
            let header = header.answer(Kind::ReplyWithFds, Status::Ok);
            Outgoing::with_fds(&header, body, left.fds, Some(Token::Request))
        }
        Err(fault) => error_reply(header, &fault),
    };
    // After an error the client may use the number again at once; after a result the stream's packets follow it.
    let stream = left.stream.filter(|stream| {
        if failed {
            stream.call_failed();
        }
        !failed
    });
    call.session().reply(message, holding);
    if let Some(stream) = stream {
        stream.go_live();
    }
}

fn checked(call: &Call, body: Bytes, fds: usize) -> Outcome {
    if fds > 0 && call.session().is_remote() {
        return Err(faults::descriptors_by_network());
    }
    if fds > MAX_FDS as usize {
        return Err(faults::reply_descriptors(fds));
    }
    let len = HEADER_LEN + if fds > 0 { 4 } else { 0 } + body.len();
    if len > MAX_MESSAGE { Err(faults::reply_too_long(len)) } else { Ok(body) }
}

fn error_reply(header: &Header, fault: &Fault) -> Outgoing<Token> {
    Outgoing::new(&header.answer(Kind::Reply, Status::Error), fault.to_vec().into(), Some(Token::Request))
}

/// A future whose panic is an ordinary result: the panic's text.
struct Caught<F>(Pin<Box<F>>);

impl<F: Future> Future for Caught<F> {
    type Output = Result<F::Output, String>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        // Nobody looks at the handler's own state after a panic; what it shares has locks that poison.
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(poll) => poll.map(Ok),
            Err(panic) => Poll::Ready(Err(panic_text(panic.as_ref()))),
        }
    }
}

/// The words of a panic.
pub(crate) fn panic_text(panic: &(dyn Any + Send)) -> String {
    let text =
        panic.downcast_ref::<&str>().copied().or_else(|| panic.downcast_ref::<String>().map(String::as_str));
    text.unwrap_or("no text").to_owned()
}
