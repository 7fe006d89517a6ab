//! qemu.conf, as far as virtqemud follows it.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};

use daemon::conf::{ConfError, Document};
use host::rotate::Limits;

use crate::confine::Confinement;
use crate::defaults::facts::{HugetlbMount, QemuConf};

/// The settings of qemu.conf.
#[derive(Debug, Clone, PartialEq)]
pub struct Config {
    /// Callers that may wait for one domain's job; 0 = no limit (`max_queued`).
    pub max_queued: usize,
    /// Ports for displays (`remote_display_port_min`, `remote_display_port_max`).
    pub display_ports: RangeInclusive<u16>,
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
        let min = port(document, "remote_display_port_min")?.unwrap_or(*default.display_ports.start());
        let max = port(document, "remote_display_port_max")?.unwrap_or(*default.display_ports.end());
        if min > max {
            return Err(document.refused(
                "remote_display_port_min",
                format!("the lowest display port {min} is above the highest, {max}"),
            ));
        }
        let mut domain = default.domain;
        read_domain(document, &mut domain)?;
        Ok(Self {
            max_queued: document.unsigned("max_queued")?.map_or(0, |n| n as usize),
            display_ports: min..=max,
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
    if let Some(address) = document.text("vnc_listen")? {
        domain.vnc_listen = address;
    }
    if let Some(address) = document.text("spice_listen")? {
        domain.spice_listen = address;
    }
    domain.hugetlbfs = hugetlbfs(document)?;
    if let Some(dir) = document.text("memory_backing_dir")? {
        domain.memory_backing_dir = dir;
    }
    if let Some(on) = document.boolean("set_process_name")? {
        domain.set_process_name = on;
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

/// A display port: VNC counts its displays from 5900.
fn port(document: &Document, key: &str) -> Result<Option<u16>, ConfError> {
    let Some(number) = document.unsigned(key)? else { return Ok(None) };
    match u16::try_from(number) {
        Ok(port) if port >= 5900 => Ok(Some(port)),
        _ => Err(document.refused(key, format!("{number} is not a port between 5900 and 65535"))),
    }
}
