//! virtproxyd: one place for all clients, which passes their calls on to the drivers' daemons.
//!
//! * [`service`]: whose a call is, and the few calls that are answered here;
//! * [`upstream`]: a session's connection to a driver, which outlives the driver's restarts;
//! * [`subscriptions`]: the events that a session has asked a driver for, and the numbers it knows them by, pure;
//! * [`drivers`]: which daemon has which URI and which family of procedures, pure;
//! * [`presence`]: which daemons are there, waiting for one, starting a user's own.
#![forbid(unsafe_code)]

pub mod drivers;
pub mod presence;
pub mod service;
pub mod startup;
pub mod subscriptions;
pub mod upstream;
