//! A stream of a call, in the hands of the driver's task that moves the data.

use std::sync::{Arc, Mutex};

use bytes::Bytes;
use protocol::message::{Header, Kind, MAX_STREAM_CHUNK, Status, StreamHole};
use protocol::procedure::StreamDirection;
use protocol::{Fault, xdr};
use tokio::sync::Notify;

use crate::core::outbound::Outgoing;
use crate::core::stream::{Flow, Reaction};
pub use crate::core::stream::{Packet, StreamClosed};
use crate::output::Token;
use crate::sync::lock;
use crate::{Session, faults};

/// The stream of a call. Dropping it without [`Self::finish`] sends the client an error, or the answer to its abort: what
/// the stream held is free again by then.
///
/// All packets wait until the reply of the call is queued; if the call fails, every method gives
/// [`StreamClosed::Failed`]. Receiving and sending may go on at the same time.
#[derive(Debug)]
pub struct Stream {
    state: Arc<StreamState>,
}

/// What session and driver share of a stream.
#[derive(Debug)]
pub(crate) struct StreamState {
    session: Session,
    header: Header,
    guarded: Mutex<Guarded>,
    /// Something arrived, or it is over.
    arrived: Notify,
    /// A packet left, the reply was queued, or it is over.
    moved: Notify,
}

#[derive(Debug)]
struct Guarded {
    flow: Flow,
    /// Counted in the session's number of full streams.
    full: bool,
    /// Error to be sent behind the reply.
    pending: Option<Fault>,
    /// The client has aborted and hears so when the driver has let go.
    aborted: bool,
}

impl Stream {
    pub(crate) fn new(state: Arc<StreamState>) -> Self {
        Self { state }
    }

    /// The call was made with the flag for sparse streams: the client may send holes. To be called before the reply;
    /// otherwise a hole from the client ends the stream with an error.
    pub fn allow_holes(&self) {
        self.state.with(Flow::allow_holes);
    }

    /// The next packet of the client. Cancel safe.
    ///
    /// # Errors
    /// The stream is over for another reason than an abort, which comes as [`Packet::Abort`].
    pub async fn recv(&self) -> Result<Packet, StreamClosed> {
        self.state.until(&self.state.arrived, Flow::take).await
    }

    /// Sends data, in packets of at most [`MAX_STREAM_CHUNK`]; returns when the last one has left for the socket. Empty
    /// data sends nothing. When it is cancelled, the packet in flight still leaves.
    ///
    /// # Errors
    /// The stream is over, or the client has finished.
    pub async fn send(&self, mut data: Bytes) -> Result<(), StreamClosed> {
        while !data.is_empty() {
            let chunk = data.split_to(data.len().min(MAX_STREAM_CHUNK));
            self.state.send(Kind::Stream, chunk).await?;
        }
        Ok(())
    }

    /// Sends a hole of `length` bytes; only for calls that were made sparse.
    ///
    /// # Errors
    /// As [`Self::send`].
    pub async fn send_hole(&self, length: i64) -> Result<(), StreamClosed> {
        let hole = xdr::to_vec(&StreamHole { length, flags: 0 }).map_err(|_| StreamClosed::Failed)?;
        self.state.send(Kind::StreamHole, hole.into()).await
    }

    /// Ends the stream well. Unless the client has finished already, tells it that there is no more data and waits for it
    /// to finish; then answers that all is done.
    ///
    /// # Errors
    /// The client aborted or is gone; the stream had failed before.
    pub async fn finish(self) -> Result<(), StreamClosed> {
        let state = &self.state;
        let finished = state.until(&state.moved, |flow| {
            let finished = flow.skip_to_finish()?;
            Ok(flow.is_live().then_some(finished))
        });
        if !finished.await? && state.with(|flow| flow.goes_down()) {
            match state.send(Kind::Stream, Bytes::new()).await {
                Ok(()) | Err(StreamClosed::Finished) => {}
                Err(reason) => return Err(reason),
            }
        }
        state.until(&state.arrived, |flow| Ok(flow.skip_to_finish()?.then_some(()))).await?;
        if state.end(StreamClosed::Finished).is_none() {
            state.answer(Status::Ok, Bytes::new());
        }
        Ok(())
    }

    /// Ends the stream with an error for the client.
    pub fn fail(self, fault: Fault) {
        self.state.fail(fault);
    }
}

impl Drop for Stream {
    fn drop(&mut self) {
        self.state.fail(faults::stream_dropped());
        self.state.answer_abort();
    }
}

impl StreamState {
    pub(crate) fn new(session: Session, header: Header, direction: StreamDirection) -> Self {
        let guarded = Guarded { flow: Flow::new(direction), full: false, pending: None, aborted: false };
        Self { session, header, guarded: Mutex::new(guarded), arrived: Notify::new(), moved: Notify::new() }
    }

    /// Whether a packet with this header belongs here.
    pub(crate) fn is(&self, header: &Header) -> bool {
        (header.serial, header.procedure, header.program)
            == (self.header.serial, self.header.procedure, self.header.program)
    }

    /// A packet of the client.
    pub(crate) fn on_packet(&self, hole: bool, status: Status, body: Bytes) {
        let reaction = self.with(|flow| flow.on_packet(hole, status, body));
        match reaction {
            Reaction::None => {}
            Reaction::Aborted => lock(&self.guarded).aborted = true,
            Reaction::Refused(what) => {
                self.answer(Status::Error, faults::stream_packet(what).to_vec().into());
            }
        }
        self.arrived.notify_waiters();
        self.moved.notify_waiters();
    }

    /// The reply of the call is queued.
    pub(crate) fn go_live(&self) {
        self.with(Flow::go_live);
        let pending = lock(&self.guarded).pending.take();
        if let Some(fault) = pending {
            self.answer(Status::Error, fault.to_vec().into());
        }
        self.moved.notify_waiters();
    }

    /// The call failed; its reply says why.
    pub(crate) fn call_failed(&self) {
        self.end(StreamClosed::Failed);
        self.session.remove_stream(self);
    }

    /// The client is gone.
    pub(crate) fn session_closed(&self) {
        self.end(StreamClosed::Session);
    }

    /// The packet in flight has left.
    pub(crate) fn packet_left(&self) {
        self.with(Flow::sent);
        self.moved.notify_waiters();
    }

    /// Ends the stream with an error, which waits for the reply if that is not queued yet.
    fn fail(&self, fault: Fault) {
        let live = {
            let mut guarded = lock(&self.guarded);
            if guarded.flow.over().is_some() {
                return;
            }
            let live = guarded.flow.is_live();
            if !live {
                guarded.pending = Some(fault.clone());
            }
            live
        };
        if self.end(StreamClosed::Failed).is_none() && live {
            self.answer(Status::Error, fault.to_vec().into());
        }
    }

    /// Answers the client's abort, once.
    fn answer_abort(&self) {
        if std::mem::take(&mut lock(&self.guarded).aborted) {
            self.answer(Status::Ok, Bytes::new());
        }
    }

    /// Marks the end; gives the reason of an earlier one.
    fn end(&self, reason: StreamClosed) -> Option<StreamClosed> {
        let before = self.with(|flow| {
            let before = flow.over();
            flow.end(reason);
            before
        });
        self.arrived.notify_waiters();
        self.moved.notify_waiters();
        before
    }

    /// Sends the last packet; the client's number is free again.
    fn answer(&self, status: Status, body: Bytes) {
        self.session.remove_stream(self);
        self.session.send(Outgoing::new(&self.header.answer(Kind::Stream, status), body, None));
    }

    /// Sends one packet and waits until it has left.
    async fn send(self: &Arc<Self>, kind: Kind, body: Bytes) -> Result<(), StreamClosed> {
        self.until(&self.moved, |flow| {
            let may = flow.may_send()?;
            if may {
                flow.queued();
            }
            Ok(may.then_some(()))
        })
        .await?;
        let header = self.header.answer(kind, Status::Continue);
        self.session.send(Outgoing::new(&header, body, Some(Token::Stream(Arc::clone(self)))));
        self.until(&self.moved, |flow| match flow.over() {
            Some(reason) => Err(reason),
            None => Ok((!flow.is_sending()).then_some(())),
        })
        .await
    }

    /// Waits on `notify` until `check` gives something.
    async fn until<T>(
        &self,
        notify: &Notify,
        mut check: impl FnMut(&mut Flow) -> Result<Option<T>, StreamClosed>,
    ) -> Result<T, StreamClosed> {
        loop {
            if let Some(value) = self.with(&mut check)? {
                return Ok(value);
            }
            let mut notified = std::pin::pin!(notify.notified());
            notified.as_mut().enable();
            if let Some(value) = self.with(&mut check)? {
                return Ok(value);
            }
            notified.await;
        }
    }

    /// Works on the flow and keeps the session's count of full streams right.
    fn with<R>(&self, work: impl FnOnce(&mut Flow) -> R) -> R {
        let (result, change) = {
            let mut guarded = lock(&self.guarded);
            let result = work(&mut guarded.flow);
            let full = guarded.flow.is_full();
            let change = (full != guarded.full).then_some(full);
            guarded.full = full;
            (result, change)
        };
        if let Some(full) = change {
            self.session.stream_full(full);
        }
        result
    }
}
