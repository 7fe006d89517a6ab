//! What the rules need to know of the host and of the driver's configuration. Gathered by the driver.

use uuid::Uuid;

use crate::command::firmware::Firmware;

/// Facts of the host, as plain data.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HostFacts {
    /// Architecture of the host, libvirt's name ("x86_64").
    pub arch: String,
    /// The daemon serves one unprivileged user (`qemu:///session`).
    pub session: bool,
    /// Settings of `qemu.conf`.
    pub conf: QemuConf,
    /// Firmware descriptors, in order of preference.
    pub firmware: Vec<Firmware>,
    /// Mounted hugetlbfs directories.
    pub hugepages: Vec<HugetlbMount>,
    /// NUMA nodes of the host; empty when they are not known.
    pub numa_nodes: Vec<u32>,
    /// The host's time stamp counter, when it is known.
    pub tsc: Option<Tsc>,
}

/// A hugetlbfs mount.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct HugetlbMount {
    /// Mount point.
    pub path: String,
    /// Page size in KiB.
    pub kib: u64,
    /// Guests that name no page size get this one's.
    pub default: bool,
}

/// The host's time stamp counter.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Tsc {
    /// Frequency in hertz.
    pub hz: u64,
    /// A guest may have another frequency.
    pub scaling: bool,
}

/// The settings of `qemu.conf` that shape a guest.
#[derive(Clone, Debug, PartialEq)]
pub struct QemuConf {
    /// `vnc_listen`
    pub vnc_listen: String,
    /// `vnc_auto_unix_socket`
    pub vnc_auto_unix_socket: bool,
    /// `vnc_tls`
    pub vnc_tls: bool,
    /// `vnc_sasl`
    pub vnc_sasl: bool,
    /// `vnc_sasl_dir`
    pub vnc_sasl_dir: Option<String>,
    /// `vnc_password`
    pub vnc_password: Option<String>,
    /// `vnc_tls_x509_cert_dir`
    pub vnc_tls_dir: String,
    /// `vnc_tls_x509_verify`
    pub vnc_tls_verify: bool,
    /// `vnc_tls_x509_secret_uuid`: the secret that opens the key.
    pub vnc_tls_secret: Option<Uuid>,
    /// `vnc_allow_host_audio`
    pub vnc_host_audio: bool,
    /// `spice_listen`
    pub spice_listen: String,
    /// `spice_auto_unix_socket`
    pub spice_auto_unix_socket: bool,
    /// `spice_tls`
    pub spice_tls: bool,
    /// `spice_tls_x509_cert_dir`
    pub spice_tls_dir: String,
    /// `spice_sasl`
    pub spice_sasl: bool,
    /// `spice_sasl_dir`
    pub spice_sasl_dir: Option<String>,
    /// `spice_password`
    pub spice_password: Option<String>,
    /// `default_tls_x509_cert_dir`
    pub tls_dir: String,
    /// `chardev_tls`
    pub chardev_tls: bool,
    /// `chardev_tls_x509_cert_dir`
    pub chardev_tls_dir: String,
    /// `chardev_tls_x509_verify`
    pub chardev_tls_verify: bool,
    /// `chardev_tls_x509_secret_uuid`: the secret that opens the key.
    pub chardev_tls_secret: Option<Uuid>,
    /// `nbd_tls`, `vxhs_tls`
    pub nbd_tls: bool,
    /// `seccomp_sandbox`: none is "as QEMU allows".
    pub seccomp_sandbox: Option<bool>,
    /// `dump_guest_core`
    pub dump_guest_core: bool,
    /// `hugetlbfs_mount`; none: those that are mounted.
    pub hugetlbfs: Option<Vec<HugetlbMount>>,
    /// `memory_backing_dir`
    pub memory_backing_dir: String,
    /// `nvram`: code and template of its variable store. It does not count where there are firmware descriptors.
    pub nvram: Vec<(String, String)>,
    /// Directory of the sockets of channels.
    pub channel_dir: String,
    /// Directory of variable stores.
    pub nvram_dir: String,
    /// `gluster_debug_level`
    pub gluster_debug: u32,
    /// `stdio_handler`: output goes where it is kept within bounds, instead of into files that QEMU opens itself.
    pub stdio_logd: bool,
    /// `relaxed_acs_check` and others of passthrough live with the driver.
    pub set_process_name: bool,
}

/// Certificates and keys where qemu.conf names no directory.
const TLS_DIR: &str = "/etc/pki/qemu";

impl Default for QemuConf {
    fn default() -> Self {
        let loopback = "127.0.0.1".to_owned();
        QemuConf {
            vnc_listen: loopback.clone(),
            vnc_auto_unix_socket: false,
            vnc_tls: false,
            vnc_sasl: false,
            vnc_sasl_dir: None,
            vnc_password: None,
            vnc_tls_dir: TLS_DIR.to_owned(),
            vnc_tls_verify: false,
            vnc_tls_secret: None,
            vnc_host_audio: false,
            spice_listen: loopback,
            spice_auto_unix_socket: false,
            spice_tls: false,
            spice_tls_dir: TLS_DIR.to_owned(),
            spice_sasl: false,
            spice_sasl_dir: None,
            spice_password: None,
            tls_dir: TLS_DIR.to_owned(),
            chardev_tls: false,
            chardev_tls_dir: TLS_DIR.to_owned(),
            chardev_tls_verify: true,
            chardev_tls_secret: None,
            nbd_tls: false,
            seccomp_sandbox: None,
            dump_guest_core: false,
            hugetlbfs: None,
            memory_backing_dir: "/var/lib/libvirt/qemu/ram".to_owned(),
            nvram: default_nvram(),
            channel_dir: "/var/lib/libvirt/qemu/channel/target".to_owned(),
            nvram_dir: "/var/lib/libvirt/qemu/nvram".to_owned(),
            gluster_debug: 4,
            stdio_logd: true,
            set_process_name: true,
        }
    }
}

/// Code and variable templates where distributions install them.
fn default_nvram() -> Vec<(String, String)> {
    [
        ("/usr/share/OVMF/OVMF_CODE.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/OVMF/OVMF_CODE.secboot.fd", "/usr/share/OVMF/OVMF_VARS.fd"),
        ("/usr/share/AAVMF/AAVMF_CODE.fd", "/usr/share/AAVMF/AAVMF_VARS.fd"),
        ("/usr/share/AAVMF/AAVMF32_CODE.fd", "/usr/share/AAVMF/AAVMF32_VARS.fd"),
        ("/usr/share/OVMF/OVMF_CODE.ms.fd", "/usr/share/OVMF/OVMF_VARS.ms.fd"),
        ("/usr/share/OVMF/OVMF_CODE_4M.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE_4M.secboot.fd", "/usr/share/OVMF/OVMF_VARS_4M.fd"),
        ("/usr/share/OVMF/OVMF_CODE_4M.ms.fd", "/usr/share/OVMF/OVMF_VARS_4M.ms.fd"),
    ]
    .map(|(code, vars)| (code.to_owned(), vars.to_owned()))
    .to_vec()
}
