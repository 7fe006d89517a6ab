//! `<filesystem>`: directories of the host shown to the guest.

use super::DeviceXml;
use super::disk::source::StorageFormat;
use super::info::Allow;
use super::info::{DeviceInfo, VirtioOptions};
use super::words::token_or_default;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, ErrorKind, Writer, XmlError, scale};

/// A shared directory, or a container's mount.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filesystem {
    /// What lies behind it.
    pub source: FilesystemSource,
    /// Who sets owners and modes of files.
    pub access_mode: FilesystemAccessMode,
    /// Mode of new files, octal.
    pub fmode: Option<u32>,
    /// Mode of new directories, octal.
    pub dmode: Option<u32>,
    /// virtio flavour.
    pub model: Option<FilesystemModel>,
    /// What to do when the directory spans devices.
    pub multidevs: Option<Multidevs>,
    /// `<driver>`.
    pub driver: FilesystemDriver,
    /// Tag the guest mounts it by, or the path in a container.
    pub target: String,
    /// The guest can only read.
    pub readonly: bool,
    /// Bytes; containers only.
    pub space_hard_limit: Option<u64>,
    /// Bytes; containers only.
    pub space_soft_limit: Option<u64>,
    /// virtiofsd.
    pub virtiofsd: Virtiofsd,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// `type=` with the content of `<source>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FilesystemSource {
    /// `mount`: a directory, or a socket that somebody else serves.
    Mount {
        /// Directory.
        dir: Option<String>,
        /// Socket.
        socket: Option<String>,
    },
    /// `block`
    Block {
        /// Path of the device.
        dev: String,
    },
    /// `file`: an image.
    File {
        /// Path.
        file: String,
    },
    /// `template` (OpenVZ).
    Template {
        /// Name.
        name: String,
    },
    /// `ram`: a file system in memory.
    Ram {
        /// Size in bytes.
        usage: u64,
    },
    /// `bind`: another directory of the container.
    Bind {
        /// Directory.
        dir: String,
    },
    /// `volume`: of storaged.
    Volume {
        /// Pool.
        pool: String,
        /// Volume in it.
        volume: String,
    },
}

/// `<driver>` of a file system.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FilesystemDriver {
    /// Which.
    pub kind: Option<FilesystemDriverType>,
    /// Image format (nbd).
    pub format: Option<StorageFormat>,
    /// When writes reach the host.
    pub wrpolicy: Option<WritePolicy>,
    /// Entries of a queue (virtiofs).
    pub queue: Option<u64>,
    /// virtio settings.
    pub virtio: VirtioOptions,
}

/// `<binary>` and `<idmap>`: how virtiofsd is run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Virtiofsd {
    /// Path of the program.
    pub path: Option<String>,
    /// Extended attributes.
    pub xattr: Option<bool>,
    /// How much the guest caches.
    pub cache: Option<VirtiofsCache>,
    /// How it is confined.
    pub sandbox: Option<VirtiofsSandbox>,
    /// POSIX locks.
    pub lock_posix: Option<bool>,
    /// BSD locks.
    pub lock_flock: Option<bool>,
    /// Threads; 0 is a value.
    pub thread_pool_size: Option<i32>,
}

tokens! {
    /// `type=`
    #[derive(Default)]
    pub enum FilesystemType {
        #[default] Mount = "mount", Block = "block", File = "file", Template = "template", Ram = "ram",
        Bind = "bind", Volume = "volume",
    }

    /// `accessmode=`
    #[derive(Default)]
    pub enum FilesystemAccessMode {
        Default = "default", #[default] Passthrough = "passthrough", Mapped = "mapped", Squash = "squash",
    }

    /// `model=`
    pub enum FilesystemModel {
        Virtio = "virtio", VirtioTransitional = "virtio-transitional",
        VirtioNonTransitional = "virtio-non-transitional",
    }

    /// `multidevs=`
    pub enum Multidevs { Remap = "remap", Forbid = "forbid", Warn = "warn" }

    /// `<driver type=>`
    pub enum FilesystemDriverType {
        Path = "path", Handle = "handle", Loop = "loop", Nbd = "nbd", Ploop = "ploop", Virtiofs = "virtiofs",
    }

    /// `wrpolicy=`
    pub enum WritePolicy { Immediate = "immediate" }

    /// `<cache mode=>`
    pub enum VirtiofsCache { None = "none", Always = "always" }

    /// `<sandbox mode=>`
    pub enum VirtiofsSandbox { Namespace = "namespace", Chroot = "chroot" }
}

impl DeviceXml for Filesystem {
    const ELEMENT: &'static str = "filesystem";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = element.attr_token("type")?.unwrap_or_default();
        let target = element.child("target").and_then(|t| t.attr("dir"));
        let source = FilesystemSource::parse(element, kind, target)?;
        let target = target.ok_or_else(|| XmlError::new(ErrorKind::NoTarget, source.name()))?.to_owned();
        Ok(Self {
            access_mode: access_mode(element, &source)?,
            fmode: mode(element, "fmode")?,
            dmode: mode(element, "dmode")?,
            model: element.attr_token("model")?,
            multidevs: token_or_default(element, "multidevs")?,
            driver: element.child("driver").map(FilesystemDriver::parse).transpose()?.unwrap_or_default(),
            source,
            target,
            readonly: element.child("readonly").is_some(),
            space_hard_limit: element
                .child("space_hard_limit")
                .map(|e| bytes(e, "space_hard_limit"))
                .transpose()?,
            space_soft_limit: element
                .child("space_soft_limit")
                .map(|e| bytes(e, "space_soft_limit"))
                .transpose()?,
            virtiofsd: element.child("binary").map(Virtiofsd::parse).transpose()?.unwrap_or_default(),
            info: DeviceInfo::parse(element, options, Allow::BOOT)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("filesystem")
            .attr("type", self.source.kind())
            .attr_unless("accessmode", self.access_mode, FilesystemAccessMode::Default)
            .attr_opt("model", self.model)
            .attr_opt("multidevs", self.multidevs)
            .attr_opt("fmode", self.fmode.map(|m| format!("{m:04o}")))
            .attr_opt("dmode", self.dmode.map(|m| format!("{m:04o}")));
        self.driver.format(w);
        self.virtiofsd.format(w);
        self.source.format(w);
        w.start("target").attr("dir", &self.target).end();
        if self.readonly {
            w.empty("readonly");
        }
        self.info.format(w, options);
        for (name, limit) in
            [("space_hard_limit", self.space_hard_limit), ("space_soft_limit", self.space_soft_limit)]
        {
            if let Some(limit) = limit.filter(|l| *l > 0) {
                w.start(name).attr("unit", "bytes").text(limit).end();
            }
        }
        w.end();
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl FilesystemSource {
    /// The word for it.
    pub fn kind(&self) -> FilesystemType {
        match self {
            Self::Mount { .. } => FilesystemType::Mount,
            Self::Block { .. } => FilesystemType::Block,
            Self::File { .. } => FilesystemType::File,
            Self::Template { .. } => FilesystemType::Template,
            Self::Ram { .. } => FilesystemType::Ram,
            Self::Bind { .. } => FilesystemType::Bind,
            Self::Volume { .. } => FilesystemType::Volume,
        }
    }

    fn parse(element: &Element, kind: FilesystemType, target: Option<&str>) -> Result<Self, XmlError> {
        let source = element.child("source");
        let get = |name: &str| source.and_then(|s| s.attr_string(name));
        let missing = || XmlError::new(ErrorKind::NoSource, target.unwrap_or_default());
        let need = |name: &str| get(name).ok_or_else(missing);
        Ok(match kind {
            FilesystemType::Mount => {
                let (dir, socket) = (get("dir"), get("socket"));
                if dir.is_none() && socket.is_none() {
                    return Err(missing());
                }
                Self::Mount { dir, socket }
            }
            FilesystemType::Block => Self::Block { dev: need("dev")? },
            FilesystemType::File => Self::File { file: need("file")? },
            FilesystemType::Template => Self::Template { name: need("name")? },
            FilesystemType::Ram => {
                let usage = need("usage")?;
                let bad = |_| XmlError::xml(format!("cannot parse usage '{usage}' for RAM filesystem"));
                let number = usage.parse().map_err(bad)?;
                let unit = get("units");
                Self::Ram { usage: scale(number, unit.as_deref(), 1024, u64::MAX)? }
            }
            FilesystemType::Bind => Self::Bind { dir: need("dir")? },
            FilesystemType::Volume => Self::Volume { pool: need("pool")?, volume: need("volume")? },
        })
    }

    /// What the source is called in errors.
    fn name(&self) -> String {
        match self {
            Self::Mount { dir, socket } => dir.clone().or_else(|| socket.clone()).unwrap_or_default(),
            Self::Block { dev: name }
            | Self::File { file: name }
            | Self::Template { name }
            | Self::Bind { dir: name }
            | Self::Volume { volume: name, .. } => name.clone(),
            Self::Ram { .. } => String::new(),
        }
    }

    fn format(&self, w: &mut Writer) {
        w.start("source");
        match self {
            Self::Mount { dir, socket } => {
                w.attr_opt("dir", dir.as_ref()).attr_opt("socket", socket.as_ref());
            }
            Self::Block { dev } => _ = w.attr("dev", dev),
            Self::File { file } => _ = w.attr("file", file),
            Self::Template { name } => _ = w.attr("name", name),
            Self::Ram { usage } => _ = w.attr("usage", usage / 1024).attr("units", "KiB"),
            Self::Bind { dir } => _ = w.attr("dir", dir),
            Self::Volume { pool, volume } => _ = w.attr("pool", pool).attr("volume", volume),
        }
        w.end();
    }
}

impl FilesystemDriver {
    fn parse(driver: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            kind: token_or_default(driver, "type")?,
            format: driver.attr_token("format")?,
            wrpolicy: token_or_default(driver, "wrpolicy")?,
            queue: driver.attr_num("queue")?,
            virtio: VirtioOptions::parse(driver)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("driver")
            .attr_opt("type", self.kind)
            .attr_opt("format", self.format)
            .attr_opt("wrpolicy", self.wrpolicy)
            .attr_opt("queue", self.queue.filter(|n| *n > 0));
        self.virtio.format(w).end_or_drop();
    }
}

impl Virtiofsd {
    fn parse(binary: &Element) -> Result<Self, XmlError> {
        let mut daemon =
            Self { path: binary.attr_string("path"), xattr: binary.attr_on_off("xattr")?, ..Self::default() };
        if let Some(pool) = binary.child("thread_pool") {
            daemon.thread_pool_size = pool.attr_num("size")?;
        }
        if let Some(cache) = binary.child("cache") {
            daemon.cache = cache.attr_token("mode")?;
        }
        if let Some(sandbox) = binary.child("sandbox") {
            daemon.sandbox = sandbox.attr_token("mode")?;
        }
        if let Some(lock) = binary.child("lock") {
            daemon.lock_posix = lock.attr_on_off("posix")?;
            daemon.lock_flock = lock.attr_on_off("flock")?;
        }
        Ok(daemon)
    }

    fn format(&self, w: &mut Writer) {
        w.start("binary").attr_opt("path", self.path.as_ref()).attr_on_off("xattr", self.xattr);
        w.start("cache").attr_opt("mode", self.cache).end_or_drop();
        w.start("sandbox").attr_opt("mode", self.sandbox).end_or_drop();
        w.start("lock")
            .attr_on_off("posix", self.lock_posix)
            .attr_on_off("flock", self.lock_flock)
            .end_or_drop();
        w.start("thread_pool").attr_opt("size", self.thread_pool_size).end_or_drop();
        w.end_or_drop();
    }
}

/// A socket is served by somebody who knows; otherwise files keep their owners unless told else.
fn access_mode(element: &Element, source: &FilesystemSource) -> Result<FilesystemAccessMode, XmlError> {
    match element.attr_token("accessmode")? {
        Some(FilesystemAccessMode::Default) => Err(XmlError::bad_attr("filesystem", "accessmode", "default")),
        Some(mode) => Ok(mode),
        None if matches!(source, FilesystemSource::Mount { socket: Some(_), .. }) => {
            Ok(FilesystemAccessMode::Default)
        }
        None => Ok(FilesystemAccessMode::default()),
    }
}

/// An octal mode of at most 0777.
fn mode(element: &Element, name: &str) -> Result<Option<u32>, XmlError> {
    let Some(text) = element.attr(name) else { return Ok(None) };
    let bad = || XmlError::bad_number("filesystem", name, text, "non-negative integer value");
    let mode = u32::from_str_radix(text, 8).map_err(|_| bad())?;
    if mode > 0o777 { Err(bad()) } else { Ok(Some(mode)) }
}

fn bytes(element: &Element, name: &str) -> Result<u64, XmlError> {
    let text = element.text();
    let bad = |_| XmlError::bad_path(&format!("{name}[1]"), &text);
    scale(text.trim().parse().map_err(bad)?, element.attr("unit"), 1, u64::MAX)
}
