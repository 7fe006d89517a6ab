//! Tap and macvtap devices: the descriptors through which a guest's packets go (Documentation/networking/tuntap.rst
//! of the kernel).

use std::ffi::c_char;
use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

use super::MAX_NAME;
use crate::{Error, Result};

/// Queues that a tap device can have (Linux, `MAX_TAP_QUEUES`).
pub const MAX_QUEUES: u32 = 256;

/// A tap device to be made or opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tap<'a> {
    /// The clone device, usually `/dev/net/tun`.
    pub clone_device: &'a Path,
    /// Its name.
    pub name: &'a str,
    /// Descriptors wanted; more than one makes the device multi-queue.
    pub queues: u32,
    /// Packets have virtio's header in front.
    pub vnet_hdr: bool,
    /// It must not exist yet.
    pub fresh: bool,
}

/// Opens a tap device, making it if need be: one descriptor for each queue, close-on-exec. Errors: errno EBUSY when
/// it was to be fresh and exists, E2BIG for too many queues.
pub fn open_tap(tap: &Tap<'_>) -> Result<Vec<OwnedFd>> {
    if tap.queues > MAX_QUEUES {
        return Err(Error::device("open", tap.name)(io::Error::from_raw_os_error(libc::E2BIG)));
    }
    (0..tap.queues.max(1)).map(|queue| open_queue(tap, queue)).collect()
}

fn open_queue(tap: &Tap<'_>, queue: u32) -> Result<OwnedFd> {
    let file = open_rw(tap.clone_device)?;
    let mut flags = libc::IFF_TAP | libc::IFF_NO_PI;
    if tap.vnet_hdr {
        flags |= libc::IFF_VNET_HDR;
    }
    if tap.queues > 1 {
        flags |= libc::IFF_MULTI_QUEUE;
    }
    if tap.fresh && queue == 0 {
        flags |= libc::IFF_TUN_EXCL;
    }
    let mut request = request_for(tap.name)?;
    // The kernel takes the low 16 bits; IFF_TUN_EXCL is the highest of them.
    request.ifr_ifru.ifru_flags = flags as u16 as i16;
    // SAFETY: TUNSETIFF reads and writes one ifreq, which lives here; the descriptor is open.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if done < 0 {
        return Err(Error::device("create tap device", tap.name)(io::Error::last_os_error()));
    }
    Ok(file.into())
}

/// Opens the queues of the macvtap device with this number.
pub fn open_macvtap(index: u32, queues: u32, vnet_hdr: bool) -> Result<Vec<OwnedFd>> {
    let path = format!("/dev/tap{index}");
    (0..queues.max(1)).map(|_| open_macvtap_queue(Path::new(&path), queues > 1, vnet_hdr)).collect()
}

fn open_macvtap_queue(path: &Path, many: bool, vnet_hdr: bool) -> Result<OwnedFd> {
    let file = open_rw(path)?;
    let mut flags = libc::IFF_TAP | libc::IFF_NO_PI;
    if vnet_hdr {
        flags |= libc::IFF_VNET_HDR;
    }
    if many {
        flags |= libc::IFF_MULTI_QUEUE;
    }
    let mut request = request_for("")?;
    request.ifr_ifru.ifru_flags = flags as u16 as i16;
    // SAFETY: as in `open_queue`; a macvtap takes the flags and ignores the name.
    let done = unsafe { libc::ioctl(file.as_raw_fd(), libc::TUNSETIFF, &raw mut request) };
    if done < 0 {
        return Err(Error::file("set up", path)(io::Error::last_os_error()));
    }
    Ok(file.into())
}

/// The name of the device behind a tap's descriptor.
pub(super) fn name_of(fd: &OwnedFd) -> Result<String> {
    let mut request = request_for("")?;
    // SAFETY: TUNGETIFF writes one ifreq, which lives here; the descriptor is open.
    let done = unsafe { libc::ioctl(fd.as_raw_fd(), libc::TUNGETIFF, &raw mut request) };
    if done < 0 {
        return Err(Error::system("ask a tap device for its name")(io::Error::last_os_error()));
    }
    let bytes = request.ifr_name.iter().map(|byte| *byte as u8).take_while(|byte| *byte != 0);
    Ok(String::from_utf8_lossy(&bytes.collect::<Vec<_>>()).into_owned())
}

/// What ethtool's coalescing calls read and write (linux/ethtool.h, `struct ethtool_coalesce`): a command and 22
/// numbers.
type Coalesce = [u32; 23];
const ETHTOOL_GCOALESCE: u32 = 0x0e;
const ETHTOOL_SCOALESCE: u32 = 0x0f;
/// Place of `rx_max_coalesced_frames`.
const RX_FRAMES: usize = 2;

/// Lets a device take up to `frames` frames before it interrupts.
pub fn set_receive_coalescing(name: &str, frames: u32) -> Result<()> {
    let mut settings: Coalesce = [0; 23];
    settings[0] = ETHTOOL_GCOALESCE;
    ethtool(name, &mut settings)?;
    settings[0] = ETHTOOL_SCOALESCE;
    settings[RX_FRAMES] = frames;
    ethtool(name, &mut settings)
}

fn ethtool(name: &str, settings: &mut Coalesce) -> Result<()> {
    let failed = || Error::device("set coalescing of", name);
    let socket = rustix::net::socket(rustix::net::AddressFamily::INET, rustix::net::SocketType::DGRAM, None)
        .map_err(|error| failed()(error.into()))?;
    let mut request = request_for(name)?;
    request.ifr_ifru.ifru_data = settings.as_mut_ptr().cast::<c_char>();
    // SAFETY: SIOCETHTOOL reads one ifreq, which lives here, and reads and writes the structure of the command behind
    // its pointer, which `settings` has the size of and which outlives the call.
    let done = unsafe { libc::ioctl(socket.as_raw_fd(), libc::SIOCETHTOOL, &raw mut request) };
    if done < 0 { Err(failed()(io::Error::last_os_error())) } else { Ok(()) }
}

fn open_rw(path: &Path) -> Result<File> {
    OpenOptions::new().read(true).write(true).open(path).map_err(Error::file("open", path))
}

/// An interface request for a name, otherwise zero.
fn request_for(name: &str) -> Result<libc::ifreq> {
    if name.len() > MAX_NAME || name.bytes().any(|byte| byte == 0 || byte == b'/') {
        return Err(Error::device("use the name", name)(io::Error::from_raw_os_error(libc::ERANGE)));
    }
    // SAFETY: ifreq is plain data of the kernel's: all zero is a value of it.
    let mut request: libc::ifreq = unsafe { std::mem::zeroed() };
    for (to, from) in request.ifr_name.iter_mut().zip(name.bytes()) {
        *to = from as c_char;
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_bounded() {
        assert_eq!(request_for("abcdefghijklmnop").unwrap_err().errno(), Some(libc::ERANGE));
        assert!(request_for("a/b").is_err());
        assert!(request_for("abcdefghijklmno").is_ok());
    }

    #[test]
    fn too_many_queues_and_missing_devices_are_errors() {
        let mut tap = Tap {
            clone_device: Path::new("/nonexistent"),
            name: "t",
            queues: MAX_QUEUES + 1,
            vnet_hdr: true,
            fresh: true,
        };
        assert_eq!(open_tap(&tap).unwrap_err().errno(), Some(libc::E2BIG));
        tap.queues = 1;
        assert!(open_tap(&tap).unwrap_err().full_text().contains("/nonexistent"));
        assert!(open_macvtap(u32::MAX, 1, false).unwrap_err().is_not_found());
        assert!(set_receive_coalescing("no-such-device", 1).is_err());
    }
}
