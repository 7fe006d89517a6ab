//! Sessions over socket pairs and listening sockets, with a client made of plain system calls.

mod auth;
mod calls;
mod client;
mod descriptors;
mod events;
mod hostile;
mod keepalive;
mod lifetime;
mod limits;
mod remote;
mod streams;
mod support;
