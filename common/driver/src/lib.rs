//! What all drivers share, whatever objects they keep.
//!
//! * [`registry`]: the objects of one kind, found by UUID, name or id;
//! * [`jobs`]: who may change an object now, and who has to wait;
//! * [`events`]: subscriptions of clients, and the way of an event to them;
//! * [`undo`]: the steps back when a compound operation fails half-way;
//! * [`documents`]: definitions and status documents on disk;
//! * [`removals`]: files taken away, and when the disk has it;
//! * `schemas` (feature `validate`): the installed schemas, for the flags that ask for validation;
//! * [`secret`]: values that must not leak: wiped when dropped, encrypted for the disk and for QEMU; [`base64`];
//! * [`connection`]: a client's connection, and the calls about it that every driver answers;
//! * [`access`]: what a client may do with which object;
//! * [`identity`]: for whom a client calls, told by another daemon;
//! * [`flags`]: flags of calls, checked; [`room`]: the room that a client has for an answer;
//! * [`fault`]: the one place where errors of `model` and `host` become wire errors.
#![forbid(unsafe_code)]

pub mod access;
pub mod base64;
pub mod connection;
pub mod documents;
pub mod events;
pub mod fault;
pub mod flags;
pub mod identity;
pub mod jobs;
pub mod registry;
pub mod removals;
pub mod room;
#[cfg(feature = "validate")]
pub mod schemas;
pub mod secret;
pub mod undo;
