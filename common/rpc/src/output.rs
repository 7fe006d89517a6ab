//! The sending side of a session: whoever has something to send queues it here and writes it at once if nobody is ahead.

use std::io::{self, IoSlice};
use std::sync::Arc;
use std::task::Waker;

use crate::SecurityLayer;
use crate::core::outbound::{Outgoing, SendQueue};
use crate::layer::Layer;
use crate::socket::{self, Sent, Socket};
use crate::stream::StreamState;

/// Parts of one write; a message has two.
const SLICES: usize = 16;

/// Who waits for a message to leave.
#[derive(Debug)]
pub(crate) enum Token {
    /// A request: its client may have another one now.
    Request,
    /// The packet in flight of a stream.
    Stream(Arc<StreamState>),
}

/// Why a session has to end.
#[derive(Clone, Debug, thiserror::Error)]
pub(crate) enum Close {
    /// The client has gone; seen when writing.
    #[error("the client has closed the connection")]
    Client,
    /// The driver wants it.
    #[error("{0}")]
    Asked(String),
    /// It cannot go on.
    #[error("{0}")]
    Failed(String),
}

/// State behind the session's lock.
#[derive(Debug)]
pub(crate) struct Output {
    /// The socket; `None` once closed.
    pub(crate) socket: Option<Arc<Socket>>,
    /// What waits for it.
    pub(crate) queue: SendQueue<Token>,
    /// The socket is full; the session's task waits for it.
    pub(crate) blocked: bool,
    /// The session's task is in a batch and writes at its end.
    pub(crate) corked: bool,
    /// Requests whose replies have not left.
    pub(crate) in_flight: usize,
    /// The client is not read until the reply of its step of authentication has left.
    pub(crate) hushed: bool,
    /// What bytes pass once that reply has left.
    pub(crate) layer: Option<Box<dyn SecurityLayer>>,
    /// That reply is queued.
    pub(crate) layer_is_next: bool,
    /// The session's task wants to hear of every reply that leaves.
    pub(crate) starved: bool,
    /// No more requests are taken; the session ends with the last reply.
    pub(crate) draining: bool,
    /// Why the session has to end, or has ended.
    pub(crate) close: Option<Close>,
    /// The session's task.
    pub(crate) waker: Option<Waker>,
}

/// Streams whose packets have left; to be told outside the lock.
pub(crate) type Departed = Vec<Arc<StreamState>>;

impl Output {
    /// `blocked`: nothing may leave yet.
    pub(crate) fn new(socket: Arc<Socket>, blocked: bool) -> Self {
        Self {
            socket: Some(socket),
            queue: SendQueue::new(),
            blocked,
            corked: false,
            in_flight: 0,
            hushed: false,
            layer: None,
            layer_is_next: false,
            starved: false,
            draining: false,
            close: None,
            waker: None,
        }
    }

    /// Whether nothing can be sent any more.
    pub(crate) fn is_closed(&self) -> bool {
        self.close.is_some()
    }

    /// Queues an answer and writes what can be written.
    pub(crate) fn send(&mut self, message: Outgoing<Token>) -> Departed {
        if self.is_closed() {
            return Departed::new();
        }
        self.queue.push(message);
        self.flush_unless_corked()
    }

    /// Writes, unless the session's task will do so soon.
    pub(crate) fn flush_unless_corked(&mut self) -> Departed {
        if self.corked { Departed::new() } else { self.flush() }
    }

    /// Writes until the queue is empty or the socket is full.
    pub(crate) fn flush(&mut self) -> Departed {
        let mut departed = Departed::new();
        let Some(socket) = self.socket.clone() else { return departed };
        while !self.blocked && (!self.queue.is_empty() || socket.holds_back()) {
            match self.write(&socket, &mut departed) {
                Ok(true) => {
                    self.blocked = true;
                    self.wake();
                }
                Ok(false) => {}
                Err(error) => {
                    self.end(match error.kind() {
                        io::ErrorKind::BrokenPipe | io::ErrorKind::ConnectionReset => Close::Client,
                        _ => Close::Failed(format!("cannot write: {error}")),
                    });
                    break;
                }
            }
        }
        if self.layer_is_next && self.queue.is_empty() && !self.blocked {
            self.put_layer_on(&socket);
        }
        if self.draining {
            self.wake();
        }
        departed
    }

    /// A reply has been queued: where no layer begins behind it, the client is read again.
    pub(crate) fn replied(&mut self) {
        self.layer_is_next = self.layer.is_some();
        if self.hushed && !self.layer_is_next {
            self.hushed = false;
            self.wake();
        }
    }

    fn put_layer_on(&mut self, socket: &Socket) {
        self.layer_is_next = false;
        if let Some(layer) = self.layer.take() {
            socket.put_on(Layer::of_sasl(layer));
            self.hushed = false;
            self.wake();
        }
    }

    /// Asks the session's task to end.
    pub(crate) fn end(&mut self, reason: Close) {
        if self.close.is_none() {
            self.close = Some(reason);
            self.queue.clear();
            self.wake();
        }
    }

    /// Wakes the session's task.
    pub(crate) fn wake(&self) {
        if let Some(waker) = &self.waker {
            waker.wake_by_ref();
        }
    }

    /// One write; whether the socket is full now.
    fn write(&mut self, socket: &Socket, departed: &mut Departed) -> io::Result<bool> {
        let mut replies = 0;
        let sent = |token| match token {
            Token::Request => replies += 1,
            Token::Stream(stream) => departed.push(stream),
        };
        let blocked = if let Some(fd) = self.queue.descriptor() {
            let Sent { count, blocked } = socket::send_descriptor(socket, fd)?;
            if count > 0 {
                self.queue.descriptor_sent(sent);
            }
            blocked
        } else {
            let mut slices = [IoSlice::new(&[]); SLICES];
            let (used, total) = self.queue.fill(&mut slices);
            let Sent { count, blocked } =
                socket::send(socket, slices.get(..used).unwrap_or_default(), total)?;
            self.queue.advance(count, sent);
            blocked
        };
        self.in_flight = self.in_flight.saturating_sub(replies);
        if replies > 0 && self.starved {
            self.wake();
        }
        Ok(blocked)
    }
}
