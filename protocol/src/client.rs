//! Client stubs: each program's `Client` has a method per procedure; a [`Transport`] carries the bytes.

use std::marker::PhantomData;

use bytes::Bytes;

use crate::fault::Fault;
use crate::procedure::Meta;
use crate::xdr::{self, DecodeError, EncodeError, Xdr};

/// Carries calls to a server and waits for their replies.
pub trait Transport: Sync {
    /// Sends one call, without descriptors or stream, and waits for its reply's body.
    ///
    /// # Errors
    /// [`ClientError::Fault`] with the server's error; the others where no answer came.
    fn call(
        &self,
        meta: &'static Meta,
        body: Vec<u8>,
    ) -> impl Future<Output = Result<Bytes, ClientError>> + Send;
}

/// Why a call has no result.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum ClientError {
    /// The server answered with an error.
    #[error(transparent)]
    Fault(#[from] Fault),
    /// The reply is not what the procedure answers.
    #[error("cannot decode the reply: {0}")]
    Decode(#[from] DecodeError),
    /// The arguments are over a limit.
    #[error("cannot encode the arguments: {0}")]
    Encode(#[from] EncodeError),
    /// The connection is gone; the text says why.
    #[error("connection closed: {0}")]
    Closed(String),
    /// No answer in the time the transport allows.
    #[error("timed out waiting for the reply")]
    TimedOut,
}

/// Stubs of the program that `P` marks; use it by the name the program gives it, as `remote::Client`.
#[derive(Clone, Debug)]
pub struct Client<P, T> {
    transport: T,
    program: PhantomData<fn() -> P>,
}

/// What a stub sends: encoded arguments, or nothing.
pub(crate) trait Arguments {
    fn bytes(self) -> Result<Vec<u8>, EncodeError>;
}

impl<P, T> Client<P, T> {
    /// Stubs that call over this transport.
    pub fn over(transport: T) -> Self {
        Self { transport, program: PhantomData }
    }

    /// What carries the calls.
    pub fn transport(&self) -> &T {
        &self.transport
    }
}

impl<P, T: Transport> Client<P, T> {
    pub(crate) async fn call<R: Xdr>(
        &self,
        meta: &'static Meta,
        args: impl Arguments,
    ) -> Result<R, ClientError> {
        let body = args.bytes()?;
        let reply = self.transport.call(meta, body).await?;
        Ok(xdr::from_slice(&reply)?)
    }
}

impl Arguments for () {
    fn bytes(self) -> Result<Vec<u8>, EncodeError> {
        Ok(Vec::new())
    }
}

impl<A: Xdr> Arguments for &A {
    fn bytes(self) -> Result<Vec<u8>, EncodeError> {
        xdr::to_vec(self)
    }
}
