//! What a daemon provides: the procedures. And what it gets with each call.

use std::future::Future;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use protocol::message::Header;
use protocol::procedure::{self, Priority, StreamDirection};
use protocol::{Fault, Meta};

use crate::stream::{Stream, StreamState};
use crate::sync::lock;
use crate::{Identity, Session, faults};

/// The procedures behind a server's sockets.
pub trait Service: Send + Sync + 'static {
    /// What a number means. [`known`] is the usual body.
    ///
    /// # Errors
    /// This server does not have it; the client is told with error 39.
    fn meta(&self, program: u32, version: u32, procedure: i32) -> Result<&'static Meta, Unknown>;

    /// Runs a call. Authentication, limits and the read-only check are behind it. `body` holds the encoded arguments; so
    /// does the result hold the encoded reply.
    ///
    /// The future is polled once on the session's own task, and the reply written at once if it is ready; so it must
    /// not block. May be written as `async fn call(self: Arc<Self>, ..)`.
    fn call(
        self: Arc<Self>,
        call: Arc<Call>,
        body: Bytes,
    ) -> impl Future<Output = Result<Bytes, Fault>> + Send + 'static;

    /// Whether the call counts among the ordinary ones, of which there may only be so many at a time
    /// ([`crate::Limits::max_workers`]). A daemon whose calls only wait for others says no.
    fn takes_worker(&self, meta: &Meta) -> bool {
        meta.priority == Priority::Low
    }

    /// Whether calls are checked against the rules of their rows, by this service or by the one that it passes them to. A
    /// daemon whose configuration asks for it does not start without.
    fn checks_access(&self) -> bool {
        false
    }

    /// A client has connected.
    fn session_opened(&self, session: &Session) {
        let _ = session;
    }

    /// The client is gone; called exactly once for each session. Its calls in flight go on without a reader of their
    /// reply: what they subscribe to is found out by [`Session::is_closed`] or a `send_event` that gives `false`.
    fn session_closed(&self, session: &Session) {
        let _ = session;
    }
}

/// What is not known about a call's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The program.
    Program,
    /// The program has no such version.
    Version,
    /// The program has no such procedure.
    Procedure,
}

/// Looks a procedure up in the tables of `programs` (number and version of each).
///
/// # Errors
/// It is not there.
pub fn known(
    program: u32,
    version: u32,
    procedure: i32,
    programs: &[(u32, u32)],
) -> Result<&'static Meta, Unknown> {
    let (_, served) = programs.iter().find(|(number, _)| *number == program).ok_or(Unknown::Program)?;
    if *served != version {
        return Err(Unknown::Version);
    }
    procedure::find(program, procedure).ok_or(Unknown::Procedure)
}

/// One call at work.
#[derive(Debug)]
pub struct Call {
    session: Session,
    header: Header,
    meta: &'static Meta,
    identity: Identity,
    fds: Mutex<Vec<OwnedFd>>,
    answer: Mutex<Answer>,
    /// When it began, if an observer wants to know.
    begun: Option<Instant>,
}

/// What the handler left to go with its reply.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) fds: Vec<OwnedFd>,
    pub(crate) stream: Option<Arc<StreamState>>,
    given: bool,
}

impl Call {
    pub(crate) fn new(session: &Session, header: Header, meta: &'static Meta, fds: Vec<OwnedFd>) -> Self {
        let identity = session.identity();
        Self {
            session: session.clone(),
            header,
            meta,
            identity,
            fds: Mutex::new(fds),
            answer: Mutex::default(),
            begun: session.inner().gauge.observer().map(|_| Instant::now()),
        }
    }

    /// The client.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// The procedure.
    pub fn meta(&self) -> &'static Meta {
        self.meta
    }

    /// Number of the program.
    pub fn program(&self) -> u32 {
        self.header.program
    }

    /// Number of the procedure.
    pub fn procedure(&self) -> i32 {
        self.header.procedure
    }

    /// The client's number of the call.
    pub fn serial(&self) -> u32 {
        self.header.serial
    }

    /// Whether the client may only read.
    pub fn readonly(&self) -> bool {
        self.session.readonly()
    }

    /// On whose behalf the call is made, as it was when the call began.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The descriptors that came with the call. Those not taken are closed when the call ends.
    pub fn take_fds(&self) -> Vec<OwnedFd> {
        std::mem::take(&mut lock(&self.fds))
    }

    /// Sends descriptors after the reply, at most 32 in all; more make the call fail. An error reply carries none.
    pub fn reply_fds(&self, fds: Vec<OwnedFd>) {
        lock(&self.answer).fds.extend(fds);
    }

    /// Opens the stream of the call; packets flow once the reply has been queued.
    ///
    /// # Errors
    /// The call has its stream already or is answered; the client has too many; the client is gone.
    pub fn open_stream(&self, direction: StreamDirection) -> Result<Stream, Fault> {
        let mut answer = lock(&self.answer);
        if answer.given || answer.stream.is_some() {
            return Err(faults::stream_exists(self.meta));
        }
        let state = self.session.add_stream(self.header, self.meta, direction)?;
        answer.stream = Some(Arc::clone(&state));
        Ok(Stream::new(state))
    }

    /// Tells the observer, if there is one, that the call is answered.
    pub(crate) fn observed(&self, failed: bool) {
        if let (Some(begun), Some(observer)) = (self.begun, self.session.inner().gauge.observer()) {
            observer.answered(self.meta, begun.elapsed(), failed);
        }
    }

    /// What goes with the reply; from now on nothing can be added.
    pub(crate) fn close(&self) -> Answer {
        let mut answer = lock(&self.answer);
        std::mem::replace(&mut *answer, Answer { given: true, ..Answer::default() })
    }
}
