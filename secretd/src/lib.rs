//! virtsecretd: values that are kept for others, as passphrases of volumes and keys of certificates.
//!
//! * [`service`] and [`calls`]: the procedures that clients call;
//! * [`secret`]: one secret's state; [`secrets`]: all of them, found by UUID and by use;
//! * [`define`] and [`value`]: what changes them; [`notify`]: events about that;
//! * [`storage`]: definitions and values on disk; [`config`]: secret.conf.
#![forbid(unsafe_code)]

pub mod calls;
pub mod config;
pub mod define;
pub mod driver;
pub mod notify;
pub mod secret;
pub mod secrets;
pub mod service;
pub mod startup;
pub mod storage;
pub mod value;
