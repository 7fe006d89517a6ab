//! QEMU's bridge helper: a set-user-id program that makes a tap on a bridge for users who may not (QEMU's
//! `qemu-bridge-helper`, `/etc/qemu/bridge.conf`). It hands the tap's descriptor over a socket that it inherits.

use std::io::{self, IoSliceMut, Read};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
};
use rustix::net::{recvmsg, socketpair, sockopt};

use super::tap;
use crate::process::{Plan, Stdio, spawn};
use crate::{Error, Result};

/// How long the helper may take.
pub const HELPER_LIMIT: Duration = Duration::from_secs(20);
/// The number under which it finds its socket.
const SOCKET: i32 = 3;
/// Most bytes that are read of what it says when it fails.
const WORDS: u64 = 4096;

/// A tap that the helper made.
#[derive(Debug)]
pub struct Helped {
    /// Its only queue.
    pub fd: OwnedFd,
    /// The device's name.
    pub name: String,
}

/// Has the helper make a tap on a bridge. Blocks for as long as it works, at most [`HELPER_LIMIT`]. Errors: it is
/// missing, or refused: then with its own words.
pub fn ask_helper(helper: &Path, bridge: &str, vnet_hdr: bool) -> Result<Helped> {
    let failed = |source: io::Error| Error::System { action: "ask the bridge helper", source };
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(io::Error::from)
        .map_err(failed)?;
    sockopt::set_socket_timeout(&ours, sockopt::Timeout::Recv, Some(HELPER_LIMIT))
        .map_err(|error| failed(error.into()))?;
    let (mut words, stderr) = io::pipe().map_err(failed)?;
    let mut plan = Plan::new(helper);
    if vnet_hdr {
        plan.args.push("--use-vnet".into());
    }
    plan.args.push(format!("--br={bridge}").into());
    plan.args.push(format!("--fd={SOCKET}").into());
    plan.stderr = Stdio::Fd(stderr.into());
    plan.fds.push((theirs, SOCKET));
    let child = spawn(plan)?;
    match receive(&ours) {
        Ok(fd) => Ok(Helped { name: tap::name_of(&fd)?, fd }),
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
            // Nothing else ends a helper that hangs.
            let _ = child.pidfd.signal(libc::SIGKILL);
            Err(Error::Deadline { what: format!("'{}'", helper.display()), limit: HELPER_LIMIT })
        }
        Err(_) => {
            let mut stderr = String::new();
            // It has closed its socket, so it ends, and its words with it.
            let _ = (&mut words).take(WORDS).read_to_string(&mut stderr);
            Err(Error::ToolFailed {
                tool: "qemu-bridge-helper",
                status: format!("made no tap on bridge '{bridge}'"),
                stderr: stderr.trim().to_owned(),
            })
        }
    }
}

/// The one descriptor that comes with one byte.
fn receive(socket: &OwnedFd) -> io::Result<OwnedFd> {
    let mut byte = [0u8; 1];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    recvmsg(socket, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)?;
    let mut fds = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(fds) => Some(fds),
        _ => None,
    });
    fds.next().and_then(|mut fds| fds.next()).ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[tokio::test]
    async fn a_helper_that_refuses_says_why() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("helper");
        std::fs::write(&path, "#!/bin/sh\necho \"not $*\" >&2\nexit 1\n").unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        let text = ask_helper(&path, "br7", true).unwrap_err().to_string();
        assert!(text.contains("'br7'") && text.contains("not --use-vnet --br=br7 --fd=3"), "{text}");
        assert!(ask_helper(Path::new("/nonexistent"), "br7", false).is_err());
    }
}
