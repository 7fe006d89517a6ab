//! RPC server: sockets, framing, sessions, dispatch, streams, event queues, keepalive.
