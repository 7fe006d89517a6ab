//! UNIX sockets of helpers and guests, at paths that a guest's process may be able to change.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType, sockopt};

use crate::{Error, Result};

/// Connects to the stream socket at `path`, waiting at most `limit` for a listener whose queue is full. The
/// last part of the path is not followed if it is a symbolic link; the path may be longer than a socket address
/// allows. The result does not block. Needs a tokio runtime.
pub async fn connect(path: &Path, limit: Duration) -> Result<UnixStream> {
    let path: PathBuf = path.to_path_buf();
    let connected = tokio::task::spawn_blocking(move || connect_now(&path, limit)).await;
    connected.map_err(|error| Error::system("connect to a socket")(io::Error::other(error)))?
}

/// As [`connect`], for a thread that may block.
fn connect_now(path: &Path, limit: Duration) -> Result<UnixStream> {
    let file = OpenOptions::new()
        .read(true)
        .custom_flags(libc::O_PATH | libc::O_NOFOLLOW)
        .open(path)
        .map_err(Error::file("open", path))?;
    let kind = file.metadata().map_err(Error::file("examine", path))?.file_type();
    if !kind.is_socket() {
        return Err(Error::file("connect to", path)(io::Error::from_raw_os_error(libc::ENOTSOCK)));
    }
    // By its descriptor: no other file can take the socket's place any more.
    let address = format!("/proc/self/fd/{}", file.as_raw_fd());
    let socket = socket_to(&address, limit).map_err(|error| match error {
        rustix::io::Errno::AGAIN => {
            Error::Deadline { what: format!("connecting to '{}'", path.display()), limit }
        }
        other => Error::file("connect to", path)(other.into()),
    })?;
    let stream = UnixStream::from(socket);
    stream.set_write_timeout(None).map_err(Error::file("set up", path))?;
    stream.set_nonblocking(true).map_err(Error::file("set up", path))?;
    Ok(stream)
}

fn socket_to(address: &str, limit: Duration) -> rustix::io::Result<OwnedFd> {
    let socket =
        rustix::net::socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)?;
    // Zero would mean no limit.
    let limit = limit.max(Duration::from_millis(1));
    // The send timeout also bounds how long connect waits for room in the listener's queue (unix(7)).
    sockopt::set_socket_timeout(&socket, sockopt::Timeout::Send, Some(limit))?;
    rustix::net::connect(&socket, &SocketAddrUnix::new(address)?)?;
    Ok(socket)
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::net::{bind, listen, socket_with};
    use std::io::{Read, Write};
    use std::os::unix::net::UnixListener;

    const LIMIT: Duration = Duration::from_secs(10);

    #[tokio::test]
    async fn connects_and_does_not_block() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener = UnixListener::bind(&path).unwrap();
        let mut stream = connect(&path, LIMIT).await.unwrap();
        let (mut other, _) = listener.accept().unwrap();
        assert_eq!(stream.read(&mut [0]).unwrap_err().kind(), io::ErrorKind::WouldBlock);
        stream.write_all(b"x").unwrap();
        let mut byte = [0];
        other.read_exact(&mut byte).unwrap();
        assert_eq!(&byte, b"x");
    }

    #[tokio::test]
    async fn symbolic_links_and_other_files_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let _listener = UnixListener::bind(&path).unwrap();
        let link = dir.path().join("link");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        assert_eq!(connect(&link, LIMIT).await.unwrap_err().errno(), Some(libc::ENOTSOCK));
        std::fs::write(dir.path().join("f"), "").unwrap();
        assert_eq!(connect(&dir.path().join("f"), LIMIT).await.unwrap_err().errno(), Some(libc::ENOTSOCK));
        assert!(connect(&dir.path().join("none"), LIMIT).await.unwrap_err().is_not_found());
    }

    #[tokio::test]
    async fn a_full_queue_ends_at_the_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("s");
        let listener =
            socket_with(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None).unwrap();
        bind(&listener, &SocketAddrUnix::new(&path).unwrap()).unwrap();
        listen(&listener, 0).unwrap();
        let _first = connect(&path, LIMIT).await.unwrap();
        let late = connect(&path, Duration::from_millis(50)).await.unwrap_err();
        assert!(matches!(late, Error::Deadline { .. }), "{late}");
    }

    #[tokio::test]
    async fn long_paths_work() {
        let dir = tempfile::tempdir().unwrap();
        let deep = dir.path().join("d".repeat(200));
        std::fs::create_dir(&deep).unwrap();
        let short = dir.path().join("s");
        let _listener = UnixListener::bind(&short).unwrap();
        std::fs::rename(&short, deep.join("s")).unwrap();
        connect(&deep.join("s"), LIMIT).await.unwrap();
    }
}
