//! vhost: the kernel moves a guest's packets, or carries its sockets, without going through QEMU.

use std::fs::OpenOptions;
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use crate::{Error, Result};

/// Opens a vhost device (`/dev/vhost-net`) once for each queue.
pub fn open_vhost(path: &Path, queues: u32) -> Result<Vec<OwnedFd>> {
    (0..queues.max(1)).map(|_| open(path)).collect()
}

fn open(path: &Path) -> Result<OwnedFd> {
    let opened = OpenOptions::new().read(true).write(true).open(path);
    opened.map(OwnedFd::from).map_err(Error::file("open", path))
}

/// `_IOW(VHOST_VIRTIO, 0x60, __u64)` of linux/vhost.h.
const VHOST_VSOCK_SET_GUEST_CID: libc::Ioctl = 0x4008_af60;
/// Addresses below it are the hypervisor's and the host's (vsock(7)).
const FIRST_GUEST_CID: u64 = 3;
/// Highest address of a guest; the one above means any.
const LAST_GUEST_CID: u64 = 0xffff_fffe;

/// Opens `/dev/vhost-vsock` and gives it a guest's address: `wanted`, or with none the first free one. Answers the
/// address. Errors: errno EADDRINUSE when the address has an owner.
pub fn open_vsock(path: &Path, wanted: Option<u32>) -> Result<(OwnedFd, u32)> {
    let device = open(path)?;
    let cid = choose(wanted.map(u64::from), |cid| set_cid(&device, cid))
        .map_err(Error::file("set the guest's address of", path))?;
    Ok((device, cid as u32))
}

/// The wanted address or the first that is not in use.
fn choose(wanted: Option<u64>, mut set: impl FnMut(u64) -> io::Result<()>) -> io::Result<u64> {
    if let Some(cid) = wanted {
        return set(cid).map(|()| cid);
    }
    for cid in FIRST_GUEST_CID..=LAST_GUEST_CID {
        match set(cid) {
            Err(error) if error.raw_os_error() == Some(libc::EADDRINUSE) => {}
            done => return done.map(|()| cid),
        }
    }
    Err(io::Error::from_raw_os_error(libc::EADDRINUSE))
}

fn set_cid(device: &OwnedFd, cid: u64) -> io::Result<()> {
    // SAFETY: the call reads one u64, which lives here; the descriptor is open.
    let done = unsafe { libc::ioctl(device.as_raw_fd(), VHOST_VSOCK_SET_GUEST_CID, &raw const cid) };
    if done < 0 { Err(io::Error::last_os_error()) } else { Ok(()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_taken_from_the_first_free_one() {
        let in_use = |below: u64| {
            move |cid: u64| match cid < below {
                true => Err(io::Error::from_raw_os_error(libc::EADDRINUSE)),
                false => Ok(()),
            }
        };
        assert_eq!(choose(None, in_use(0)).unwrap(), 3);
        assert_eq!(choose(None, in_use(7)).unwrap(), 7);
        assert_eq!(choose(Some(9), in_use(7)).unwrap(), 9);
        assert_eq!(choose(Some(5), in_use(7)).unwrap_err().raw_os_error(), Some(libc::EADDRINUSE));
        let broken = |_| Err(io::Error::from_raw_os_error(libc::EPERM));
        assert_eq!(choose(None, broken).unwrap_err().raw_os_error(), Some(libc::EPERM));
    }

    #[test]
    fn a_device_that_is_no_vsock_is_an_error() {
        assert!(open_vsock(Path::new("/nonexistent"), None).unwrap_err().is_not_found());
        assert_eq!(open_vsock(Path::new("/dev/null"), Some(3)).unwrap_err().errno(), Some(libc::ENOTTY));
        assert_eq!(open_vhost(Path::new("/dev/null"), 3).unwrap().len(), 3);
    }
}
