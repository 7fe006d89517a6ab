//! `<graphics>`: ways to see the guest's screen.

mod format;
mod listen;
mod parse;
mod time;

use super::DeviceXml;
use super::chardev::MouseMode;
use super::info::DeviceInfo;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

/// A display server or window.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Graphics {
    /// Which, with its settings.
    pub kind: GraphicsKind,
    /// Where it listens (VNC, SPICE, RDP).
    pub listens: Vec<Listen>,
    /// Alias (only).
    pub info: DeviceInfo,
}

/// Kind of a display.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GraphicsKind {
    /// `sdl`: a window.
    Sdl(SdlGraphics),
    /// `vnc`
    Vnc(VncGraphics),
    /// `rdp`
    Rdp(RdpGraphics),
    /// `desktop`: a window of VirtualBox.
    Desktop {
        /// X display.
        display: Option<String>,
        /// Whole screen.
        fullscreen: Option<bool>,
    },
    /// `spice`
    Spice(Box<SpiceGraphics>),
    /// `egl-headless`: OpenGL without a window.
    EglHeadless {
        /// DRM render node.
        rendernode: Option<String>,
    },
    /// `dbus`
    Dbus(DbusGraphics),
}

/// `type='sdl'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SdlGraphics {
    /// X display.
    pub display: Option<String>,
    /// X authority file.
    pub xauth: Option<String>,
    /// Whole screen.
    pub fullscreen: Option<bool>,
    /// OpenGL.
    pub gl: Option<bool>,
}

/// `type='vnc'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct VncGraphics {
    /// TCP port; none or with `autoport`: chosen at start.
    pub port: Option<i32>,
    /// The port is chosen at start.
    pub autoport: bool,
    /// WebSocket port; -1: chosen at start.
    pub websocket: Option<i32>,
    /// The WebSocket port was chosen at start; a stored definition does not hold it.
    pub websocket_generated: bool,
    /// Keyboard layout.
    pub keymap: Option<String>,
    /// Password and its end.
    pub auth: GraphicsAuth,
    /// What happens to others when a client connects.
    pub share_policy: Option<SharePolicy>,
    /// Whether clients may power the guest off.
    pub power_control: Option<bool>,
    /// Number of the `<audio>` it carries.
    pub audio_id: Option<u32>,
}

/// `type='rdp'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RdpGraphics {
    /// TCP port.
    pub port: Option<i32>,
    /// The port is chosen at start.
    pub autoport: bool,
    /// A second client takes over.
    pub replace_user: Option<bool>,
    /// Several clients at once.
    pub multi_user: Option<bool>,
}

/// `type='spice'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SpiceGraphics {
    /// TCP port; -1: chosen at start.
    pub port: Option<i32>,
    /// Port with TLS; -1: chosen at start.
    pub tls_port: Option<i32>,
    /// Both ports are chosen at start.
    pub autoport: bool,
    /// Keyboard layout.
    pub keymap: Option<String>,
    /// Password and its end.
    pub auth: GraphicsAuth,
    /// Security of channels that are not listed.
    pub default_mode: Option<SpiceChannelMode>,
    /// Security per channel, in the order of [`SpiceChannelName`].
    pub channels: Vec<(SpiceChannelName, SpiceChannelMode)>,
    /// Image compression.
    pub image_compression: Option<SpiceImageCompression>,
    /// JPEG compression.
    pub jpeg_compression: Option<SpiceJpegCompression>,
    /// zlib-GLZ compression.
    pub zlib_compression: Option<SpiceZlibCompression>,
    /// Audio compression.
    pub playback_compression: Option<bool>,
    /// Detection of video streams.
    pub streaming: Option<SpiceStreaming>,
    /// Who moves the pointer.
    pub mouse: Option<MouseMode>,
    /// Whether clipboards are shared.
    pub clipboard_copypaste: Option<bool>,
    /// Whether files can be dropped into the guest.
    pub filetransfer: Option<bool>,
    /// OpenGL.
    pub gl: Option<bool>,
    /// DRM render node.
    pub rendernode: Option<String>,
}

/// `type='dbus'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DbusGraphics {
    /// Peer to peer, without a bus.
    pub p2p: Option<bool>,
    /// Bus address.
    pub address: Option<String>,
    /// The address was made at start.
    pub from_config: bool,
    /// OpenGL.
    pub gl: Option<bool>,
    /// DRM render node.
    pub rendernode: Option<String>,
    /// Number of the `<audio>` it carries.
    pub audio_id: Option<u32>,
}

/// Password of a display.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphicsAuth {
    /// The password; only shown with security information.
    pub passwd: Option<String>,
    /// When it ends: seconds since 1970, UTC.
    pub valid_to: Option<i64>,
    /// What happens to connected clients when it changes.
    pub connected: Option<Connected>,
}

/// `<listen>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Listen {
    /// `address`; none: the driver's default.
    Address {
        /// Address or name.
        address: Option<String>,
        /// The address came from the driver's configuration; status documents only.
        from_config: bool,
    },
    /// `network`: the address of a network of networkd.
    Network {
        /// The network.
        network: String,
        /// What was found; live definitions only.
        address: Option<String>,
    },
    /// `socket`; none: chosen at start.
    Socket {
        /// Path.
        socket: Option<String>,
        /// That it is a socket came from the driver's configuration; status documents only.
        from_config: bool,
        /// The path was made at start; a stored definition does not hold it.
        auto_generated: bool,
    },
    /// `none`: clients get a descriptor by the API.
    None,
}

tokens! {
    /// `type=`
    pub enum GraphicsType {
        Sdl = "sdl", Vnc = "vnc", Rdp = "rdp", Desktop = "desktop", Spice = "spice",
        EglHeadless = "egl-headless", Dbus = "dbus",
    }

    /// `<listen type=>`
    pub enum ListenType { None = "none", Address = "address", Network = "network", Socket = "socket" }

    /// `connected=`
    pub enum Connected { Fail = "fail", Disconnect = "disconnect", Keep = "keep" }

    /// `sharePolicy=`
    pub enum SharePolicy {
        AllowExclusive = "allow-exclusive", ForceShared = "force-shared", Ignore = "ignore",
    }

    /// `<channel name=>`
    pub enum SpiceChannelName {
        Main = "main", Display = "display", Inputs = "inputs", Cursor = "cursor", Playback = "playback",
        Record = "record", Smartcard = "smartcard", Usbredir = "usbredir",
    }

    /// `<channel mode=>`, `defaultMode=`
    pub enum SpiceChannelMode { Any = "any", Secure = "secure", Insecure = "insecure" }

    /// `<image compression=>`
    pub enum SpiceImageCompression {
        AutoGlz = "auto_glz", AutoLz = "auto_lz", Quic = "quic", Glz = "glz", Lz = "lz", Off = "off",
    }

    /// `<jpeg compression=>`
    pub enum SpiceJpegCompression { Auto = "auto", Never = "never", Always = "always" }

    /// `<zlib compression=>`
    pub enum SpiceZlibCompression { Auto = "auto", Never = "never", Always = "always" }

    /// `<streaming mode=>`
    pub enum SpiceStreaming { Filter = "filter", All = "all", Off = "off" }
}

impl DeviceXml for Graphics {
    const ELEMENT: &'static str = "graphics";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        parse::parse(element, options)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        format::format(self, w, options);
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl SpiceGraphics {
    /// Whether the plain port and the one with TLS are chosen at the start: those that channels need, both where
    /// nothing is said and the server can encrypt (`tls`).
    pub fn wanted_ports(&self, tls: bool) -> (bool, bool) {
        let (mut plain, mut secure) = (self.port == Some(-1), self.tls_port == Some(-1));
        if self.autoport {
            let default = self.default_mode.unwrap_or(SpiceChannelMode::Any);
            plain |= default != SpiceChannelMode::Secure;
            secure |= default == SpiceChannelMode::Secure || (tls && default == SpiceChannelMode::Any);
            for (_, mode) in &self.channels {
                plain |= *mode == SpiceChannelMode::Insecure;
                secure |= *mode == SpiceChannelMode::Secure;
            }
        }
        (plain, secure)
    }
}

impl GraphicsKind {
    /// The word for it.
    pub fn kind(&self) -> GraphicsType {
        match self {
            Self::Sdl(_) => GraphicsType::Sdl,
            Self::Vnc(_) => GraphicsType::Vnc,
            Self::Rdp(_) => GraphicsType::Rdp,
            Self::Desktop { .. } => GraphicsType::Desktop,
            Self::Spice(_) => GraphicsType::Spice,
            Self::EglHeadless { .. } => GraphicsType::EglHeadless,
            Self::Dbus(_) => GraphicsType::Dbus,
        }
    }
}
