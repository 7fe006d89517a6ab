//! qemu.conf, as far as virtqemud follows it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use daemon::conf::{ConfError, Document};
use host::rotate::Limits;
use uuid::Uuid;

use crate::confine::Confinement;
use crate::defaults::facts::{HugetlbMount, QemuConf};

/// The settings of qemu.conf.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Callers that may wait for one domain's job; 0 = no limit (`max_queued`).
    pub max_queued: usize,
    /// Ports for displays (`remote_display_port_min`, `remote_display_port_max`).
    pub display_ports: RangeInclusive<u16>,
    /// Ports for WebSockets of displays (`remote_websocket_port_min`, `remote_websocket_port_max`).
    pub websocket_ports: RangeInclusive<u16>,
    /// The program that makes taps for daemons without root's rights (`bridge_helper`).
    pub bridge_helper: Option<String>,
    /// Bounds of guests' logs where the daemon keeps them itself: those of virtlogd.conf.
    pub log_limits: Limits,
    /// How guests are kept apart.
    pub confinement: Confinement,
    /// Where the memory of crashed guests is dumped (`auto_dump_path`); none is the data directory's `dump`.
    pub auto_dump_path: Option<PathBuf>,
    /// What decides about definitions and command lines.
    pub domain: QemuConf,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            max_queued: 0,
            display_ports: 5900..=65535,
            websocket_ports: 5700..=65535,
            bridge_helper: None,
            log_limits: Limits::default(),
            confinement: Confinement::default(),
            auto_dump_path: None,
            domain: QemuConf::default(),
        }
    }
}

impl Config {
    /// Read the settings; what is absent keeps libvirt's default. `system`: the daemon serves the host. Asks the user
    /// database: blocks.
    pub fn read(document: &Document, system: bool) -> Result<Self, ConfError> {
        let default = Config::default();
        let mut domain = default.domain;
        read_domain(document, &mut domain)?;
        read_displays(document, &mut domain)?;
        read_certificates(document, &mut domain, system)?;
        Ok(Self {
            max_queued: document.unsigned("max_queued")?.map_or(0, |n| n as usize),
            display_ports: ports(document, "remote_display_port", default.display_ports)?,
            websocket_ports: ports(document, "remote_websocket_port", default.websocket_ports)?,
            bridge_helper: document.text("bridge_helper")?,
            log_limits: default.log_limits,
            confinement: Confinement::read(document, system)?,
            auto_dump_path: document.text("auto_dump_path")?.map(PathBuf::from),
            domain,
        })
    }
}

/// The bounds of logs in virtlogd.conf, which hold for the daemon where it does virtlogd's work.
pub fn log_limits(document: &Document) -> Result<Limits, ConfError> {
    let default = Limits::default();
    Ok(Limits {
        max_size: document.unsigned_long("max_size")?.unwrap_or(default.max_size),
        max_backups: document.unsigned("max_backups")?.unwrap_or(default.max_backups),
    })
}

/// The mounts to be used for huge pages; an empty name stands for none. As the reference has it, of several mounts the
/// second has the default size.
fn hugetlbfs(document: &Document) -> Result<Option<Vec<HugetlbMount>>, ConfError> {
    const KEY: &str = "hugetlbfs_mount";
    let Some(paths) = document.text_or_list(KEY)? else { return Ok(None) };
    let named = paths.iter().filter(|path| !path.is_empty()).enumerate();
    let mount = |(at, path): (usize, &String)| match host::memory::huge_page_mount(Path::new(path)) {
        Ok(Some(kib)) => Ok(HugetlbMount { path: path.clone(), kib, default: at == 1 }),
        Ok(None) => Err(document.refused(KEY, format!("'{path}' is not a hugetlbfs mount"))),
        Err(error) => Err(document.refused(KEY, error.full_text())),
    };
    named.map(mount).collect::<Result<_, _>>().map(Some)
}

fn read_domain(document: &Document, domain: &mut QemuConf) -> Result<(), ConfError> {
    match document.text("stdio_handler")?.as_deref() {
        None | Some("logd") => {}
        Some("file") => domain.stdio_logd = false,
        Some(other) => {
            return Err(document.refused("stdio_handler", format!("'{other}' is neither 'logd' nor 'file'")));
        }
    }
    domain.hugetlbfs = hugetlbfs(document)?;
    if let Some(dir) = document.text("memory_backing_dir")? {
        domain.memory_backing_dir = dir;
    }
    if let Some(on) = document.boolean("set_process_name")? {
        domain.set_process_name = on;
    }
    if let Some(on) = document.boolean("dump_guest_core")? {
        domain.dump_guest_core = on;
    }
    if let Some(pairs) = document.list("nvram")? {
        domain.nvram = pairs.iter().map(|pair| firmware(document, pair)).collect::<Result<_, _>>()?;
    }
    domain.seccomp_sandbox = match document.signed("seccomp_sandbox")? {
        None | Some(-1) => None,
        Some(0) => Some(false),
        Some(1) => Some(true),
        Some(other) => {
            return Err(document.refused("seccomp_sandbox", format!("{other} is none of -1, 0, 1")));
        }
    };
    Ok(())
}

/// Code and variables of `nvram`: "CODE:VARIABLES".
fn firmware(document: &Document, pair: &str) -> Result<(String, String), ConfError> {
    match pair.split_once(':') {
        Some((code, variables)) if !code.is_empty() && !variables.is_empty() => {
            Ok((code.to_owned(), variables.to_owned()))
        }
        _ => Err(document.refused("nvram", format!("'{pair}' is not of the form CODE:VARIABLES"))),
    }
}

/// How displays are reached and guarded.
fn read_displays(document: &Document, domain: &mut QemuConf) -> Result<(), ConfError> {
    if let Some(address) = document.text("vnc_listen")? {
        domain.vnc_listen = address;
    }
    if let Some(address) = document.text("spice_listen")? {
        domain.spice_listen = address;
    }
    let switches = [
        ("vnc_auto_unix_socket", &mut domain.vnc_auto_unix_socket),
        ("vnc_tls", &mut domain.vnc_tls),
        ("vnc_sasl", &mut domain.vnc_sasl),
        ("vnc_allow_host_audio", &mut domain.vnc_host_audio),
        ("spice_auto_unix_socket", &mut domain.spice_auto_unix_socket),
        ("spice_tls", &mut domain.spice_tls),
        ("spice_sasl", &mut domain.spice_sasl),
        ("chardev_tls", &mut domain.chardev_tls),
    ];
    for (key, switch) in switches {
        *switch = document.boolean(key)?.unwrap_or(*switch);
    }
    domain.vnc_password = document.text("vnc_password")?;
    domain.vnc_sasl_dir = document.text("vnc_sasl_dir")?;
    domain.spice_password = document.text("spice_password")?;
    domain.spice_sasl_dir = document.text("spice_sasl_dir")?;
    Ok(())
}

/// Directories of certificates: each service's own, the common one, what is installed for the service, QEMU's.
fn read_certificates(document: &Document, domain: &mut QemuConf, system: bool) -> Result<(), ConfError> {
    let common = document.text("default_tls_x509_cert_dir")?;
    if let Some(dir) = &common {
        domain.tls_dir.clone_from(dir);
    } else if let (false, Some(home)) = (system, std::env::var_os("HOME")) {
        domain.tls_dir = PathBuf::from(home).join(".pki/qemu").display().to_string();
    }
    let services = [
        ("vnc", &mut domain.vnc_tls_dir),
        ("spice", &mut domain.spice_tls_dir),
        ("chardev", &mut domain.chardev_tls_dir),
    ];
    for (service, dir) in services {
        let installed = format!("/etc/pki/libvirt-{service}");
        let there = common.is_none() && system && std::path::Path::new(&installed).is_dir();
        let own = document.text(&format!("{service}_tls_x509_cert_dir"))?;
        *dir = own.or(there.then_some(installed)).unwrap_or_else(|| domain.tls_dir.clone());
    }
    let secret = secret_uuid(document, "default")?;
    domain.vnc_tls_secret = secret_uuid(document, "vnc")?.or(secret);
    domain.chardev_tls_secret = secret_uuid(document, "chardev")?.or(secret);
    let verify = document.boolean("default_tls_x509_verify")?;
    domain.vnc_tls_verify = document.boolean("vnc_tls_x509_verify")?.or(verify).unwrap_or(false);
    domain.chardev_tls_verify = document.boolean("chardev_tls_x509_verify")?.or(verify).unwrap_or(true);
    Ok(())
}

/// The secret that opens the key of a service's certificate.
fn secret_uuid(document: &Document, service: &str) -> Result<Option<Uuid>, ConfError> {
    let key = format!("{service}_tls_x509_secret_uuid");
    let Some(text) = document.text(&key)? else { return Ok(None) };
    Uuid::try_parse(&text).map(Some).map_err(|_| document.refused(&key, format!("'{text}' is not a UUID")))
}

/// The range of ports between `KEY_min` and `KEY_max`, which must not start below the default's.
fn ports(
    document: &Document,
    key: &str,
    default: RangeInclusive<u16>,
) -> Result<RangeInclusive<u16>, ConfError> {
    let read = |key: &str, otherwise: u16| match document.unsigned(key)? {
        None => Ok(otherwise),
        Some(number) => u16::try_from(number).ok().filter(|port| default.contains(port)).ok_or_else(|| {
            let (first, last) = (default.start(), default.end());
            document.refused(key, format!("{number} is not a port between {first} and {last}"))
        }),
    };
    let lowest = format!("{key}_min");
    let (min, max) = (read(&lowest, *default.start())?, read(&format!("{key}_max"), *default.end())?);
    if min > max {
        return Err(document.refused(&lowest, format!("the lowest port {min} is above the highest, {max}")));
    }
    Ok(min..=max)
}
