//! Error domains (`virErrorDomain`).

/// The part of the system an error comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ErrorDomain(pub i32);

impl ErrorDomain {
    /// Nobody in particular.
    pub const NONE: Self = Self(0);
    /// Xen.
    pub const XEN: Self = Self(1);
    /// Xen daemon.
    pub const XEND: Self = Self(2);
    /// Xen store.
    pub const XENSTORE: Self = Self(3);
    /// S-expressions.
    pub const SEXPR: Self = Self(4);
    /// XML parser.
    pub const XML: Self = Self(5);
    /// Domain handles (old).
    pub const DOM: Self = Self(6);
    /// The RPC layer.
    pub const RPC: Self = Self(7);
    /// Xen proxy.
    pub const PROXY: Self = Self(8);
    /// Configuration files.
    pub const CONF: Self = Self(9);
    /// QEMU driver.
    pub const QEMU: Self = Self(10);
    /// Network handles (old).
    pub const NET: Self = Self(11);
    /// Test driver.
    pub const TEST: Self = Self(12);
    /// Remote driver of the client.
    pub const REMOTE: Self = Self(13);
    /// OpenVZ driver.
    pub const OPENVZ: Self = Self(14);
    /// Xen configuration files.
    pub const XENXM: Self = Self(15);
    /// Interface statistics.
    pub const STATS_LINUX: Self = Self(16);
    /// LXC driver.
    pub const LXC: Self = Self(17);
    /// Storage driver.
    pub const STORAGE: Self = Self(18);
    /// Network driver.
    pub const NETWORK: Self = Self(19);
    /// Domain configuration and API.
    pub const DOMAIN: Self = Self(20);
    /// User-mode Linux driver.
    pub const UML: Self = Self(21);
    /// Node device driver.
    pub const NODEDEV: Self = Self(22);
    /// Xen inotify.
    pub const XEN_INOTIFY: Self = Self(23);
    /// Security drivers.
    pub const SECURITY: Self = Self(24);
    /// VirtualBox driver.
    pub const VBOX: Self = Self(25);
    /// Interface driver.
    pub const INTERFACE: Self = Self(26);
    /// OpenNebula driver.
    pub const ONE: Self = Self(27);
    /// ESX driver.
    pub const ESX: Self = Self(28);
    /// IBM Power hypervisor driver.
    pub const PHYP: Self = Self(29);
    /// Secret driver.
    pub const SECRET: Self = Self(30);
    /// CPU models.
    pub const CPU: Self = Self(31);
    /// XenAPI driver.
    pub const XENAPI: Self = Self(32);
    /// Network filter driver.
    pub const NWFILTER: Self = Self(33);
    /// Hook scripts.
    pub const HOOK: Self = Self(34);
    /// Snapshots.
    pub const DOMAIN_SNAPSHOT: Self = Self(35);
    /// Audit.
    pub const AUDIT: Self = Self(36);
    /// System information.
    pub const SYSINFO: Self = Self(37);
    /// Streams.
    pub const STREAMS: Self = Self(38);
    /// VMware driver.
    pub const VMWARE: Self = Self(39);
    /// Event loop.
    pub const EVENT: Self = Self(40);
    /// libxl driver.
    pub const LIBXL: Self = Self(41);
    /// Lock manager.
    pub const LOCKING: Self = Self(42);
    /// Hyper-V driver.
    pub const HYPERV: Self = Self(43);
    /// Capabilities.
    pub const CAPABILITIES: Self = Self(44);
    /// URIs.
    pub const URI: Self = Self(45);
    /// Authentication files.
    pub const AUTH: Self = Self(46);
    /// D-Bus.
    pub const DBUS: Self = Self(47);
    /// Parallels driver.
    pub const PARALLELS: Self = Self(48);
    /// Devices.
    pub const DEVICE: Self = Self(49);
    /// SSH transport.
    pub const SSH: Self = Self(50);
    /// Lock spaces.
    pub const LOCKSPACE: Self = Self(51);
    /// Guest init control.
    pub const INITCTL: Self = Self(52);
    /// Identities.
    pub const IDENTITY: Self = Self(53);
    /// Cgroups.
    pub const CGROUP: Self = Self(54);
    /// Access control.
    pub const ACCESS: Self = Self(55);
    /// systemd.
    pub const SYSTEMD: Self = Self(56);
    /// bhyve driver.
    pub const BHYVE: Self = Self(57);
    /// Cryptography.
    pub const CRYPTO: Self = Self(58);
    /// Firewall.
    pub const FIREWALL: Self = Self(59);
    /// polkit.
    pub const POLKIT: Self = Self(60);
    /// Threads.
    pub const THREAD: Self = Self(61);
    /// Admin interface.
    pub const ADMIN: Self = Self(62);
    /// Log manager.
    pub const LOGGING: Self = Self(63);
    /// Xen xl configuration.
    pub const XENXL: Self = Self(64);
    /// Performance events.
    pub const PERF: Self = Self(65);
    /// libssh transport.
    pub const LIBSSH: Self = Self(66);
    /// Resource control.
    pub const RESCTRL: Self = Self(67);
    /// firewalld.
    pub const FIREWALLD: Self = Self(68);
    /// Checkpoints.
    pub const DOMAIN_CHECKPOINT: Self = Self(69);
    /// TPM.
    pub const TPM: Self = Self(70);
    /// BPF.
    pub const BPF: Self = Self(71);
    /// Cloud Hypervisor driver.
    pub const CH: Self = Self(72);
}
