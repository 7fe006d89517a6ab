//! Guests to boot: built once by `tests/guest/build`, and definitions of domains that run them.

use crate::{command, project};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

/// Building may have to fetch a kernel.
const BUILD_LIMIT: Duration = Duration::from_secs(600);

/// The files of the guests.
#[derive(Debug, Clone)]
pub struct Guest {
    /// A Linux kernel.
    pub vmlinuz: PathBuf,
    /// Its first file system: says GUEST READY on ttyS0, powers off when told by ACPI.
    pub initrd: PathBuf,
    /// A guest of a few hundred bytes that does the same.
    pub nano: PathBuf,
}

/// The files of the guests, built if they are missing or older than their sources.
pub fn files() -> Guest {
    static BUILT: OnceLock<Guest> = OnceLock::new();
    let built = BUILT.get_or_init(|| {
        let folder = project().join("target/guest");
        let build = project().join("tests/guest/build");
        command::run(Command::new(build).arg(&folder), "", BUILD_LIMIT).ok();
        Guest {
            vmlinuz: folder.join("vmlinuz"),
            initrd: folder.join("initrd"),
            nano: folder.join("nano.elf"),
        }
    });
    built.clone()
}

/// Can KVM be used here?
pub fn has_kvm() -> bool {
    rustix::fs::access("/dev/kvm", rustix::fs::Access::READ_OK | rustix::fs::Access::WRITE_OK).is_ok()
}

/// A domain that runs the Linux guest, emulated, with its console on a pty.
pub fn linux_xml(name: &str, files: &Guest) -> String {
    let boot = format!(
        "<kernel>{}</kernel>\n    <initrd>{}</initrd>\n    <cmdline>console=ttyS0 quiet</cmdline>",
        files.vmlinuz.display(),
        files.initrd.display()
    );
    domain(name, "qemu", 96, &boot)
}

/// A domain of type `kind` ("qemu" or "kvm") that runs `nano.elf`, with its console on a pty.
pub fn nano_xml(name: &str, kind: &str, files: &Guest) -> String {
    domain(name, kind, 16, &format!("<kernel>{}</kernel>", files.nano.display()))
}

fn domain(name: &str, kind: &str, memory_mib: u32, boot: &str) -> String {
    format!(
        "<domain type='{kind}'>\n  \
           <name>{name}</name>\n  \
           <memory unit='MiB'>{memory_mib}</memory>\n  \
           <vcpu>1</vcpu>\n  \
           <os>\n    <type arch='x86_64'>hvm</type>\n    {boot}\n  </os>\n  \
           <features><acpi/></features>\n  \
           <devices>\n    <serial type='pty'/>\n    <console type='pty'/>\n  </devices>\n\
         </domain>\n"
    )
}

/// User and group of guests that run as somebody else: numbers, so that no entry of the user database is needed.
pub const OTHER_USER: (u32, u32) = (64055, 64056);

/// `qemu.conf` for guests of [`OTHER_USER`], with display ports of this process' own, and `more`.
pub fn other_user_conf(more: &str) -> String {
    let (user, group) = OTHER_USER;
    let first = 5900 + std::process::id() % 800 * 32;
    let last = first + 31;
    format!(
        "user = \"+{user}\"\ngroup = \"+{group}\"\nremote_display_port_min = {first}\n\
         remote_display_port_max = {last}\n{more}\n"
    )
}
