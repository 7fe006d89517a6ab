//! Messages to journald, in its native protocol (systemd, "Native Journal Protocol"), with the fields libvirt sets.

use super::Origin;
use super::level::Level;
use std::io;
use std::os::unix::net::UnixDatagram;
use std::path::Path;

/// Where journald listens.
pub(super) const SOCKET: &str = "/run/systemd/journal/socket";
/// Longest message text, in bytes: with the other fields it stays below the default size of a datagram.
const MAX_TEXT: usize = 128 * 1024;

/// A connection to journald.
#[derive(Debug)]
pub(super) struct Journal {
    socket: UnixDatagram,
    identifier: String,
}

impl Journal {
    /// Connects; `name` becomes SYSLOG_IDENTIFIER.
    pub(super) fn connect(name: &str) -> io::Result<Self> {
        Self::connect_to(Path::new(SOCKET), name)
    }

    fn connect_to(path: &Path, name: &str) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.connect(path)?;
        // journald that does not read must not hold up this daemon.
        socket.set_nonblocking(true)?;
        Ok(Self { socket, identifier: name.to_owned() })
    }

    /// Sends one message; it is lost when journald is away or overloaded.
    pub(super) fn send(&self, level: Level, origin: &Origin<'_>, message: &str) {
        let mut packet = Vec::with_capacity(message.len() + 160);
        field(&mut packet, "MESSAGE", truncated(message));
        field(&mut packet, "PRIORITY", &level.syslog_priority().to_string());
        field(&mut packet, "SYSLOG_IDENTIFIER", &self.identifier);
        field(&mut packet, "LIBVIRT_SOURCE", &origin.target.replace("::", "."));
        if let Some(file) = origin.file {
            field(&mut packet, "CODE_FILE", file);
        }
        if let Some(line) = origin.line {
            field(&mut packet, "CODE_LINE", &line.to_string());
        }
        field(&mut packet, "CODE_FUNC", origin.target);
        let _ = self.socket.send(&packet);
    }
}

/// One field: `NAME=value`, or with its length in front when the value has several lines.
fn field(packet: &mut Vec<u8>, name: &str, value: &str) {
    packet.extend_from_slice(name.as_bytes());
    if value.contains('\n') {
        packet.push(b'\n');
        packet.extend_from_slice(&(value.len() as u64).to_le_bytes());
    } else {
        packet.push(b'=');
    }
    packet.extend_from_slice(value.as_bytes());
    packet.push(b'\n');
}

fn truncated(message: &str) -> &str {
    let fits = |end: &usize| message.is_char_boundary(*end);
    let end = (0..=message.len().min(MAX_TEXT)).rev().find(fits).unwrap_or_default();
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let receiver = UnixDatagram::bind(&path).unwrap();
        let journal = Journal::connect_to(&path, "virttestd").unwrap();
        let origin = Origin { target: "rpc::session", file: Some("src/session.rs"), line: Some(12) };
        journal.send(Level::Error, &origin, "lost it");
        let mut buffer = [0; 500];
        let length = receiver.recv(&mut buffer).unwrap();
        let expected = "MESSAGE=lost it\nPRIORITY=3\nSYSLOG_IDENTIFIER=virttestd\nLIBVIRT_SOURCE=rpc.session\n\
                        CODE_FILE=src/session.rs\nCODE_LINE=12\nCODE_FUNC=rpc::session\n";
        assert_eq!(std::str::from_utf8(&buffer[..length]).unwrap(), expected);
    }

    #[test]
    fn a_value_of_several_lines_carries_its_length() {
        let mut packet = Vec::new();
        field(&mut packet, "MESSAGE", "a\nb");
        assert_eq!(packet, b"MESSAGE\n\x03\0\0\0\0\0\0\0a\nb\n");
    }
}
