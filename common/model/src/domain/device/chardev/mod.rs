//! Character devices: `<serial>`, `<parallel>`, `<console>`, `<channel>` and the host end they share.

mod ports;
mod source;

use super::info::DeviceInfo;
use crate::domain::seclabel::DeviceSecLabel;

/// The host end of a character device. Also of smart cards, USB redirection, entropy sources, TPMs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// What it is.
    pub backend: Backend,
    /// An attribute that the backend needs and the document left out; [`Source::validate`] refuses it.
    pub missing: Option<Missing>,
    /// Copy of all output.
    pub log: Option<Box<ChardevLog>>,
    /// Labels of a file or socket.
    pub seclabels: Vec<DeviceSecLabel>,
}

/// What the host end is.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Backend {
    /// `null`: nothing.
    #[default]
    Null,
    /// `vc`: a virtual console of the display.
    Vc,
    /// `pty`: a pseudo terminal.
    Pty {
        /// Its path, while the guest runs.
        path: Option<String>,
    },
    /// `dev`: a terminal of the host.
    Dev {
        /// Path.
        path: String,
    },
    /// `file`
    File {
        /// Path.
        path: String,
        /// Whether to keep what is there.
        append: Option<bool>,
    },
    /// `pipe`: a pair of FIFOs, or one.
    Pipe {
        /// Path.
        path: String,
    },
    /// `stdio` of the emulator.
    Stdio,
    /// `udp`
    Udp(UdpSource),
    /// `tcp`
    Tcp(TcpSource),
    /// `unix`
    Unix(UnixSource),
    /// `spicevmc`: a channel of the SPICE client.
    SpiceVmc,
    /// `spiceport`: a named channel of the SPICE client.
    SpicePort {
        /// Name.
        channel: String,
    },
    /// `nmdm`: bhyve's null modem.
    Nmdm {
        /// Our end.
        master: String,
        /// The other end.
        slave: String,
    },
    /// `qemu-vdagent`: QEMU plays the SPICE agent's host part.
    QemuVdagent {
        /// Who moves the pointer.
        mouse: Option<MouseMode>,
        /// Whether clipboards are shared.
        clipboard_copypaste: Option<bool>,
    },
    /// `dbus`: a channel of the D-Bus display.
    Dbus {
        /// Name.
        channel: String,
    },
}

/// `type='tcp'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TcpSource {
    /// Host.
    pub host: String,
    /// Port or service name.
    pub service: String,
    /// We listen (`mode='bind'`) instead of connecting.
    pub listen: bool,
    /// What is spoken.
    pub protocol: TcpProtocol,
    /// Whether TLS is used.
    pub tls: Option<bool>,
    /// The value of `tls` comes from the driver's configuration; status documents only.
    pub tls_from_config: bool,
    /// When the connection breaks.
    pub reconnect: Option<Reconnect>,
}

/// `type='udp'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UdpSource {
    /// Our address.
    pub bind_host: Option<String>,
    /// Our port.
    pub bind_service: Option<String>,
    /// Peer.
    pub connect_host: Option<String>,
    /// Port of the peer.
    pub connect_service: Option<String>,
}

/// `type='unix'`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct UnixSource {
    /// Path; none: chosen at start.
    pub path: Option<String>,
    /// We listen (`mode='bind'`) instead of connecting.
    pub listen: bool,
    /// When the connection breaks.
    pub reconnect: Option<Reconnect>,
}

/// `<reconnect>`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reconnect {
    /// Whether to connect again.
    pub enabled: Option<bool>,
    /// Seconds between attempts.
    pub timeout: u32,
}

/// `<log>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ChardevLog {
    /// Path.
    pub file: String,
    /// Whether to keep what is there.
    pub append: Option<bool>,
}

/// `<serial>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Serial {
    /// Host end.
    pub source: Source,
    /// Bus of the guest end.
    pub target_type: Option<SerialTarget>,
    /// Device of the guest end.
    pub target_model: Option<SerialModel>,
    /// Number; none: the next free one.
    pub port: Option<u32>,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// `<parallel>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Parallel {
    /// Host end.
    pub source: Source,
    /// Number; none: the next free one.
    pub port: Option<u32>,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// `<console>`
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Console {
    /// Host end.
    pub source: Source,
    /// Guest end; none: the driver's default.
    pub target_type: Option<ConsoleTarget>,
    /// Number; none: the next free one.
    pub port: Option<u32>,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// `<channel>`
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Channel {
    /// Host end.
    pub source: Source,
    /// Guest end.
    pub target: ChannelTarget,
    /// Alias, address.
    pub info: DeviceInfo,
}

/// Guest end of a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ChannelTarget {
    /// `guestfwd`: TCP of the guest's user network.
    GuestFwd {
        /// Address in the guest's network: IPv4.
        address: String,
        /// Port.
        port: u32,
    },
    /// `virtio`
    Virtio {
        /// Name of the port.
        name: Option<String>,
        /// Whether the guest has it open; live definitions only.
        connected: Option<ChannelState>,
    },
    /// `xen`
    Xen {
        /// Name of the channel.
        name: Option<String>,
        /// Whether the guest has it open; live definitions only.
        connected: Option<ChannelState>,
    },
}

tokens! {
    /// Attributes of `<source>` that a backend may need.
    pub enum Missing {
        Path = "path", Host = "host", Service = "service", Channel = "channel", Master = "master", Slave = "slave",
    }
}

tokens! {
    /// `type=` of a character device.
    pub enum BackendType {
        Null = "null", Vc = "vc", Pty = "pty", Dev = "dev", File = "file", Pipe = "pipe", Stdio = "stdio",
        Udp = "udp", Tcp = "tcp", Unix = "unix", SpiceVmc = "spicevmc", SpicePort = "spiceport", Nmdm = "nmdm",
        QemuVdagent = "qemu-vdagent", Dbus = "dbus",
    }

    /// `<protocol type=>`
    #[derive(Default)]
    pub enum TcpProtocol { #[default] Raw = "raw", Telnet = "telnet", Telnets = "telnets", Tls = "tls" }

    /// `<mouse mode=>`, also of SPICE.
    pub enum MouseMode { Client = "client", Server = "server" }

    /// `<target type=>` of `<serial>`.
    pub enum SerialTarget {
        Isa = "isa-serial", Usb = "usb-serial", Pci = "pci-serial", SpaprVio = "spapr-vio-serial",
        System = "system-serial", Sclp = "sclp-serial", IsaDebug = "isa-debug",
    }

    /// `<model name=>` of `<serial>`.
    pub enum SerialModel {
        IsaSerial = "isa-serial", UsbSerial = "usb-serial", PciSerial = "pci-serial", SpaprVty = "spapr-vty",
        Pl011 = "pl011", SclpConsole = "sclpconsole", SclpLmConsole = "sclplmconsole", Uart16550a = "16550a",
        IsaDebugcon = "isa-debugcon",
    }

    /// `<target type=>` of `<console>`.
    pub enum ConsoleTarget {
        Serial = "serial", Xen = "xen", Uml = "uml", Virtio = "virtio", Lxc = "lxc", Openvz = "openvz",
        Sclp = "sclp", SclpLm = "sclplm",
    }

    /// `<target type=>` of `<channel>`.
    pub enum ChannelTargetType { GuestFwd = "guestfwd", Virtio = "virtio", Xen = "xen" }

    /// `<target state=>` of `<channel>`.
    pub enum ChannelState { Connected = "connected", Disconnected = "disconnected" }
}
