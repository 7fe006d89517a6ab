//! virtqemud: QEMU guests for libvirt clients.
//!
//! * [`service`] and [`calls`]: the procedures that clients call;
//! * [`driver`]: what the calls share; [`domain`]: one domain's state; [`define`]: definitions;
//! * [`validate`]: the flags that ask for validation; [`migratable`]: the XML for older hosts;
//! * [`process`]: the guest's QEMU from its start to its end, and after a restart of the daemon;
//! * [`confine`]: users, owners of files, control groups and limits of guests;
//! * [`monitor`]: QMP; [`capabilities`]: what the emulators of this host can do;
//! * [`neighbour`]: calls for other daemons, passed on;
//! * [`secrets`]: values that virtsecretd keeps for guests' disks and certificates;
//! * [`network`]: taps and other devices of the host for guests' cards;
//! * [`defaults`]: what a definition leaves open; [`command`] and [`device`]: from a definition to QEMU's
//!   command line, pure.
#![forbid(unsafe_code)]

pub mod access;
pub mod balloon;
pub mod calls;
pub mod capabilities;
pub mod command;
pub mod config;
pub mod confine;
pub mod console;
pub mod cpumaps;
pub mod defaults;
pub mod define;
pub mod device;
pub mod diskinfo;
pub mod domain;
pub mod driver;
pub mod figures;
pub mod guest;
pub mod history;
pub mod hostfacts;
pub mod hostinfo;
pub mod hoststats;
pub mod hostsysinfo;
pub mod impact;
pub mod lifecycle_action;
mod measure;
pub mod metadata;
pub mod migratable;
pub mod monitor;
pub mod neighbour;
pub mod network;
pub mod notify;
pub mod parts;
pub mod ports;
pub mod process;
pub mod rename;
pub mod secrets;
pub mod service;
pub mod startup;
pub mod unbuilt;
pub mod validate;
