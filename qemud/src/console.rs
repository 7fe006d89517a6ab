//! Consoles and channels of a guest as streams: bytes between a client and the device's host end.
//!
//! One client at a time has a device; another is refused, or takes it over when it insists. Terminals are locked
//! against programs beside the daemon, as libvirt locks them.

use std::collections::HashMap;
use std::io;
use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use ::driver::documents::{blocking, brief};
use ::driver::fault;
use bytes::Bytes;
use host::fd::Interest;
use host::terminal::TerminalLock;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::chardev::{Backend, ChannelTarget, Source};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::{Packet, Stream, StreamClosed};
use tokio::io::unix::AsyncFd;
use tokio_util::sync::CancellationToken;

use crate::domain::Live;

/// How much is read from a device at once.
const CHUNK: usize = 16 << 10;
/// How long a device's socket may take to accept.
const CONNECT_LIMIT: Duration = Duration::from_secs(5);

/// EACCES.
const NO_ACCESS: i32 = rustix::io::Errno::ACCESS.raw_os_error();

/// Who has which device of one guest, by the device's alias.
#[derive(Debug, Default)]
pub struct Users {
    by_alias: Mutex<HashMap<String, User>>,
}

/// Who has a device.
#[derive(Debug)]
struct User {
    /// Ends its use.
    lost: CancellationToken,
    /// The lock of its terminal. Who takes the device over has the lock with it.
    lock: Option<TerminalLock>,
}

impl Users {
    /// Claim a device; with `force` its present user loses it.
    fn claim(self: &Arc<Self>, alias: &str, force: bool) -> Result<Claim, Fault> {
        let mut users = self.lock();
        let mut lock = None;
        if let Some(present) = users.get_mut(alias) {
            if !force {
                let detail = "Active console session exists for this domain";
                return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_FAILED, detail));
            }
            present.lost.cancel();
            lock = present.lock.take();
        }
        let lost = CancellationToken::new();
        users.insert(alias.to_owned(), User { lost: lost.clone(), lock });
        Ok(Claim { users: Arc::clone(self), alias: alias.to_owned(), lost })
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, User>> {
        self.by_alias.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The use of a device, until dropped.
struct Claim {
    users: Arc<Users>,
    alias: String,
    lost: CancellationToken,
}

impl Claim {
    /// Lock the terminal, unless this use was given its lock by the one before.
    async fn lock_terminal(&self, place: &Terminals<'_>, terminal: &str) -> Result<(), Fault> {
        let (users, alias) = (Arc::clone(&self.users), self.alias.clone());
        let (dir, path) = (place.locks.to_path_buf(), PathBuf::from(terminal));
        let taken = blocking(move || {
            // Held while the lock is made: of two uses of one terminal here only one may make it.
            let mut users = users.lock();
            if let Some(user) = users.get_mut(&alias).filter(|user| user.lock.is_none()) {
                user.lock = Some(TerminalLock::take(&dir, &path)?);
            }
            Ok(())
        });
        match taken.await {
            Ok(()) => Ok(()),
            Err(host::Error::Locked { path, holder }) => {
                let holder = holder.map(|pid| format!(" by process {pid}")).unwrap_or_default();
                let detail =
                    format!("device '{terminal}' is locked{holder}, by its lock file '{}'", path.display());
                Err(Fault::new(ErrorDomain::NONE, ErrorCode::OPERATION_FAILED, detail))
            }
            // A user's daemon may not write there on every host; who insists on a lock is refused then.
            Err(error) if !place.safe && error.errno() == Some(NO_ACCESS) => {
                tracing::info!(target: "qemu", "a terminal is used without a lock: {}", error.full_text());
                Ok(())
            }
            Err(error) => Err(fault::host(ErrorDomain::NONE)(error)),
        }
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        if !self.lost.is_cancelled() {
            // With it goes the lock, before anybody else may claim the device.
            self.users.lock().remove(&self.alias);
        }
    }
}

/// What is to be known about terminals.
#[derive(Debug, Clone, Copy)]
pub struct Terminals<'a> {
    /// The directory of their locks.
    pub locks: &'a Path,
    /// Whether a terminal that cannot be locked is refused.
    pub safe: bool,
}

/// A device with a host end that a client can use.
#[derive(Debug, Clone)]
pub struct Target {
    alias: String,
    source: Source,
}

/// The console that a client means: the one with the alias, or the first one.
pub fn find_console(definition: &Definition, alias: Option<&str>) -> Result<Target, Fault> {
    let found = match alias {
        Some(alias) => definition.devices.iter().filter_map(console).find(|target| target.alias == alias),
        None => default_console(definition),
    };
    found.ok_or_else(|| match alias {
        Some(alias) => missing(format!("cannot find character device {alias}")),
        None => missing("cannot find default console device".to_owned()),
    })
}

/// The channel that a client means: by alias or by the name that the guest sees, or the first one.
pub fn find_channel(definition: &Definition, name: Option<&str>) -> Result<Target, Fault> {
    let mut channels = definition.devices.iter().filter_map(|device| match device {
        Device::Channel(channel) => {
            let alias = channel.info.alias.clone()?;
            let name = match &channel.target {
                ChannelTarget::Virtio { name, .. } | ChannelTarget::Xen { name, .. } => name.as_deref(),
                ChannelTarget::GuestFwd { .. } => None,
            };
            Some((Target { alias, source: channel.source.clone() }, name))
        }
        _ => None,
    });
    let found = match name {
        Some(name) => channels.find(|(target, guest)| target.alias == name || *guest == Some(name)),
        None => channels.next(),
    };
    let found = found.map(|(target, _)| target);
    found.ok_or_else(|| missing(format!("cannot find channel {}", name.unwrap_or("of any name"))))
}

/// The first `<console>`, which most often stands for the first serial port; else that port.
fn default_console(definition: &Definition) -> Option<Target> {
    let first =
        |wanted: fn(&Device) -> bool| definition.devices.iter().filter(|d| wanted(d)).find_map(console);
    first(|d| matches!(d, Device::Console(_))).or_else(|| first(|d| matches!(d, Device::Serial(_))))
}

fn console(device: &Device) -> Option<Target> {
    let (source, info) = match device {
        Device::Serial(serial) => (&serial.source, &serial.info),
        Device::Console(console) => (&console.source, &console.info),
        Device::Parallel(parallel) => (&parallel.source, &parallel.info),
        _ => return None,
    };
    Some(Target { alias: info.alias.clone()?, source: source.clone() })
}

/// Connect a client's stream with the device, until either side ends.
pub async fn attach(
    live: &Live,
    target: Target,
    stream: Stream,
    force: bool,
    terminals: Terminals<'_>,
) -> Result<(), Fault> {
    let claim = live.consoles.claim(&target.alias, force)?;
    if let Backend::Pty { path: Some(path) } | Backend::Dev { path } = &target.source.backend {
        claim.lock_terminal(&terminals, path).await?;
    }
    let end = open(&target).await?;
    tokio::spawn(async move {
        let lost = claim.lost.clone();
        tokio::select! {
            // A client that lost the device to another sees its stream fail.
            () = lost.cancelled() => {
                stream.fail(Fault::new(ErrorDomain::QEMU, ErrorCode::RPC, "another client took the console over"));
            }
            ended = pump(&end, &stream) => {
                // The next user need not wait until this one has heard of the end.
                release(claim).await;
                if ended {
                    // A client that is gone needs no answer.
                    let _ = stream.finish().await;
                }
            }
        }
    });
    Ok(())
}

/// Give a device back; its lock file goes.
async fn release(claim: Claim) {
    let dropped = brief(move || {
        drop(claim);
        Ok(())
    });
    // Nothing in it can fail.
    let _ = dropped.await;
}

/// The descriptor of the device's host end, not blocking.
async fn open(target: &Target) -> Result<AsyncFd<OwnedFd>, Fault> {
    let host_fault = fault::host(ErrorDomain::QEMU);
    let fd: OwnedFd = match &target.source.backend {
        Backend::Pty { path: Some(path) } | Backend::Dev { path } => {
            let path = path.clone();
            blocking(move || host::pty::open(path.as_ref())).await.map_err(&host_fault)?
        }
        Backend::Unix(unix) => {
            let path = unix.path.clone().unwrap_or_default();
            host::unix::connect(path.as_ref(), CONNECT_LIMIT).await.map_err(&host_fault)?.into()
        }
        _ => {
            let detail = format!("character device {} is not using a PTY or UNIX socket", target.alias);
            return Err(Fault::internal(ErrorDomain::QEMU, detail));
        }
    };
    host::fd::watch(fd, Interest::READABLE | Interest::WRITABLE).map_err(|error| {
        Fault::system(
            ErrorDomain::QEMU,
            error.raw_os_error().unwrap_or(0),
            "Cannot watch the character device",
        )
    })
}

/// Both directions at once. True when the client has finished or the device has ended; false when the client is
/// gone.
async fn pump(end: &AsyncFd<OwnedFd>, stream: &Stream) -> bool {
    tokio::select! {
        ended = from_device(end, stream) => ended,
        ended = from_client(end, stream) => ended,
    }
}

async fn from_device(end: &AsyncFd<OwnedFd>, stream: &Stream) -> bool {
    let mut buffer = vec![0u8; CHUNK];
    loop {
        let Ok(mut ready) = end.readable().await else { return true };
        match ready.try_io(|end| Ok(rustix::io::read(end, &mut buffer[..])?)) {
            // A terminal whose other end is closed reads as an error, a socket as an end.
            Ok(Ok(0)) | Ok(Err(_)) => return true,
            Ok(Ok(n)) => {
                if let Err(reason) = stream.send(Bytes::copy_from_slice(&buffer[..n])).await {
                    return matches!(reason, StreamClosed::Finished);
                }
            }
            Err(_would_block) => {}
        }
    }
}

async fn from_client(end: &AsyncFd<OwnedFd>, stream: &Stream) -> bool {
    loop {
        match stream.recv().await {
            Ok(Packet::Data(data)) => {
                if write_all(end, &data).await.is_err() {
                    return true;
                }
            }
            Ok(Packet::Hole(_)) => {}
            Ok(Packet::Finish) => return true,
            Ok(Packet::Abort) | Err(_) => return false,
        }
    }
}

async fn write_all(end: &AsyncFd<OwnedFd>, mut data: &[u8]) -> io::Result<()> {
    while !data.is_empty() {
        let mut ready = end.writable().await?;
        match ready.try_io(|end| Ok(rustix::io::write(end, data)?)) {
            Ok(Ok(n)) => data = &data[n..],
            Ok(Err(error)) => return Err(error),
            Err(_would_block) => {}
        }
    }
    Ok(())
}

fn missing(detail: String) -> Fault {
    Fault::internal(ErrorDomain::QEMU, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_user_at_a_time() {
        let users = Arc::new(Users::default());
        let first = users.claim("serial0", false).unwrap();
        assert_eq!(users.claim("serial0", false).err().unwrap().code, ErrorCode::OPERATION_FAILED);
        let second = users.claim("serial0", true).unwrap();
        assert!(first.lost.is_cancelled());
        drop(first);
        assert!(users.claim("serial0", false).is_err(), "the second one still has it");
        drop(second);
        assert!(users.claim("serial0", false).is_ok());
    }
}
