//! Acceptance tests: the built daemons, driven through their sockets by real clients.
