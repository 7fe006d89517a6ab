//! What all drivers share, whatever objects they keep.
//!
//! * [`registry`]: the objects of one kind, found by UUID, name or id;
//! * [`jobs`]: who may change an object now, and who has to wait;
//! * [`events`]: subscriptions of clients, and the way of an event to them;
//! * [`undo`]: the steps back when a compound operation fails half-way;
//! * [`documents`]: definitions and status documents on disk;
//! * [`removals`]: files taken away, and when the disk has it;
//! * `schemas` (feature `validate`): the installed schemas, for the flags that ask for validation;
//! * [`flags`]: flags of calls, checked;
//! * [`identity`]: for whom a client calls, told by another daemon;
//! * [`fault`]: the one place where errors of `model` and `host` become wire errors.
#![forbid(unsafe_code)]

pub mod documents;
pub mod events;
pub mod fault;
pub mod flags;
pub mod identity;
pub mod jobs;
pub mod registry;
pub mod removals;
#[cfg(feature = "validate")]
pub mod schemas;
pub mod undo;
