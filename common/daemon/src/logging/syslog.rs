//! Messages to syslog: one datagram each to `/dev/log`, in the form of RFC 3164.

use super::level::Level;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

const SOCKET: &str = "/dev/log";
/// Facility "daemon" of syslog(3), shifted into place.
const FACILITY: u8 = 3 << 3;

/// A connection to the system's log daemon.
#[derive(Debug)]
pub(super) struct Syslog {
    socket: UnixDatagram,
    tag: String,
}

impl Syslog {
    /// Connects; `name` is the tag of the messages.
    pub(super) fn connect(name: &str) -> io::Result<Self> {
        Self::connect_to(Path::new(SOCKET), name)
    }

    fn connect_to(path: &Path, name: &str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        // A log daemon that does not read must not hold up this one.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, tag: format!("{name}[{}]", std::process::id()) })
    }

    /// Sends one message; it is lost when the log daemon is away or overloaded.
    pub(super) fn send(&self, level: Level, message: &str) {
        // Time and host are left to the receiver, which knows them for local senders.
        let text = format!("<{}>{}: {message}", FACILITY | level.syslog_priority(), self.tag);
        let _ = self.socket.send(text.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn priority_tag_and_text() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let receiver = UnixDatagram::bind(&path).unwrap();
        Syslog::connect_to(&path, "virttestd").unwrap().send(Level::Warning, "careful");
        let mut buffer = [0; 200];
        let length = receiver.recv(&mut buffer).unwrap();
        let expected = format!("<28>virttestd[{}]: careful", std::process::id());
        assert_eq!(std::str::from_utf8(&buffer[..length]).unwrap(), expected);
    }
}
