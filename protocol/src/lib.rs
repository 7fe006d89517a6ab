//! libvirt's wire protocol: XDR codec, message types, procedure tables, wire error. No I/O.
//!
//! - [`xdr`]: the codec and the wire's own basic types;
//! - [`message`]: header and framing;
//! - [`fault`]: the error that travels in a reply;
//! - [`procedure`]: what is known about each procedure, beside its types;
//! - [`remote`], [`qemu`], [`lxc`], [`admin`], [`keepalive`], [`log`], [`lock`]: the programs: types, server
//!   traits, dispatch and client stubs, all made from one row per procedure;
//! - [`consts`]: the numbers and names of the public interface (flags, states, event ids, parameter names).
//!
//! Numbers, names, layouts and limits are those of libvirt 12.6; procedures up to 443 were compared with 9.0.

#![forbid(unsafe_code)]

#[macro_use]
mod macros;

pub mod admin;
pub mod client;
pub mod consts;
pub mod fault;
pub mod keepalive;
pub mod limits;
pub mod lock;
pub mod log;
pub mod lxc;
pub mod message;
pub mod procedure;
pub mod qemu;
#[cfg(feature = "reflect")]
pub mod reflect;
pub mod remote;
pub mod shared;
pub mod subject;
pub mod xdr;

pub use client::{ClientError, Transport};
pub use fault::{ErrorCode, ErrorDomain, Fault};
pub use procedure::Meta;
pub use xdr::{List, Opaque, Uuid, Xdr};
