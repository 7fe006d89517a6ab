//! Pictures of a guest's screen.
//!
//! QEMU writes pictures into a file in memory that it is handed: nothing has to be made writable for the guest's user,
//! and nothing is left on disk if either side ends meanwhile.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::fd::{AsRawFd, OwnedFd};
use std::sync::{Arc, Mutex, PoisonError};

use ::driver::jobs::Job;
use bytes::Bytes;
use model::domain::Domain as Definition;
use model::domain::device::Device;
use protocol::procedure::StreamDirection;
use protocol::remote::{DomainScreenshotArgs, DomainScreenshotRet};
use protocol::{ErrorCode, ErrorDomain, Fault};
use rpc::{Call, Stream};
use rustix::fs::{MemfdFlags, memfd_create};

use crate::driver::{Driver, no_flags};
use crate::monitor::Monitor;
use crate::process::control::active_monitor;

/// The most bytes of a picture: more than any screen has (16384 by 16384 points).
const MAX_PICTURE: u64 = 1 << 30;

/// Take a picture of a screen and send it as the call's stream (procedure 211, QMP `screendump`): PNG where QEMU
/// writes that, else PPM.
pub async fn take(
    driver: &Driver,
    call: &Call,
    args: DomainScreenshotArgs,
) -> Result<DomainScreenshotRet, Fault> {
    no_flags("virDomainScreenshot", args.flags)?;
    let domain = driver.domain(&args.dom)?;
    let job = domain.begin(Job::Modify, "virDomainScreenshot").await?;
    let monitor = active_monitor(&domain)?;
    let (definition, sheet) = {
        let view = domain.view();
        let live = view.active()?;
        (Arc::clone(&live.definition), Arc::clone(&live.sheet))
    };
    let screen = screen(&definition, args.screen)?;
    let png = match &definition.emulator {
        // The binary may be gone from under the guest; every QEMU makes the other format.
        Some(emulator) => {
            let caps = driver.capabilities.of(emulator).await;
            caps.is_ok_and(|caps| caps.has_feature("screenshot-format-png"))
        }
        None => false,
    };
    let picture = dump(&monitor, &sheet, screen.as_ref(), png.then_some("png")).await?;
    drop(job);
    let stream = call.open_stream(StreamDirection::Read)?;
    tokio::spawn(send(picture, stream));
    let mime = if png { "image/png" } else { "image/x-portable-pixmap" };
    Ok(DomainScreenshotRet { mime: Some(mime.to_owned()) })
}

/// Which video device and which of its heads shows the screen of this number; `None` for the first screen, which
/// QEMU shows unless told otherwise. Screens are counted over all heads of all video devices.
fn screen(definition: &Definition, number: u32) -> Result<Option<(String, u32)>, Fault> {
    let videos = definition.devices.iter().filter_map(|device| match device {
        Device::Video(video) => Some((video.heads.unwrap_or(1).max(1), video.info.alias.as_deref())),
        _ => None,
    });
    let videos: Vec<_> = videos.collect();
    if videos.is_empty() {
        return Err(invalid("no screens to take screenshot from"));
    }
    if number == 0 {
        return Ok(None);
    }
    let mut left = number;
    for (heads, alias) in videos {
        if left < heads {
            return Ok(alias.map(|alias| (alias.to_owned(), left)));
        }
        left -= heads;
    }
    Err(invalid("no such screen ID"))
}

/// Have QEMU write the picture, and read it. The caller's job keeps others from the sheet meanwhile.
async fn dump(
    monitor: &Monitor,
    sheet: &Sheet,
    screen: Option<&(String, u32)>,
    format: Option<&str>,
) -> Result<Vec<u8>, Fault> {
    let paper = match sheet.get() {
        Some(paper) => paper,
        None => {
            let (paper, theirs) = Paper::new().map_err(no_file)?;
            let set = monitor.add_fd(None, Some("screenshot"), theirs).await.map_err(Fault::from)?;
            sheet.put(Paper { set, ..paper })
        }
    };
    paper.wipe().map_err(no_file)?;
    let screen = screen.map(|(device, head)| (device.as_str(), *head));
    let path = format!("/dev/fdset/{}", paper.set);
    monitor.screendump(&path, screen, format).await.map_err(Fault::from)?;
    let picture = paper.read();
    // The memory is given back; that of the guest's next picture is taken then.
    paper.wipe().map_err(no_file)?;
    picture.map_err(no_file)
}

/// Where a guest's pictures are written: one file, which QEMU is handed once. It gives descriptors back only while the
/// guest runs, and clients look at paused guests too.
#[derive(Debug, Default)]
pub struct Sheet {
    paper: Mutex<Option<Arc<Paper>>>,
}

impl Sheet {
    fn get(&self) -> Option<Arc<Paper>> {
        self.paper.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, paper: Paper) -> Arc<Paper> {
        let paper = Arc::new(paper);
        *self.paper.lock().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&paper));
        paper
    }
}

/// A file in memory.
#[derive(Debug)]
struct Paper {
    /// For reading.
    file: File,
    /// What QEMU has: it takes only descriptors opened for writing alone, and writes where the last writing ended.
    writer: File,
    /// QEMU's number of its set of descriptors.
    set: u32,
}

impl Paper {
    /// An empty file, and the descriptor for QEMU.
    fn new() -> io::Result<(Self, OwnedFd)> {
        let file = File::from(memfd_create("screenshot", MemfdFlags::CLOEXEC)?);
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let writer = OpenOptions::new().write(true).open(path)?;
        let theirs = writer.try_clone()?;
        Ok((Self { file, writer, set: 0 }, theirs.into()))
    }

    fn wipe(&self) -> io::Result<()> {
        self.writer.set_len(0)?;
        (&self.writer).seek(SeekFrom::Start(0)).map(drop)
    }

    /// All of it. It is in memory: reading does not wait.
    fn read(&self) -> io::Result<Vec<u8>> {
        let mut picture = Vec::new();
        let mut file = &self.file;
        file.seek(SeekFrom::Start(0))?;
        file.take(MAX_PICTURE).read_to_end(&mut picture)?;
        Ok(picture)
    }
}

async fn send(picture: Vec<u8>, stream: Stream) {
    if stream.send(Bytes::from(picture)).await.is_ok() {
        // A client that is gone needs no answer.
        let _ = stream.finish().await;
    }
}

fn no_file(error: io::Error) -> Fault {
    let errno = error.raw_os_error().unwrap_or(0);
    Fault::system(ErrorDomain::QEMU, errno, "cannot use the file for the picture")
}

fn invalid(detail: &str) -> Fault {
    Fault::new(ErrorDomain::QEMU, ErrorCode::OPERATION_INVALID, detail)
}
