//! Firmware, boot order, kernel.

use model::domain::device::Device;
use model::domain::device::disk::DiskDevice;
use model::domain::device::info::DeviceInfo;
use model::domain::os::{BootDevice, LoaderType, NvramType};

use super::build::Build;
use super::plan::PlannedFile;
use super::props::Props;
use super::quote::commas;

/// Flash chips: code and variables.
pub(super) fn flash(build: &mut Build<'_>) {
    let os = &build.domain.os;
    let Some(loader) = &os.loader else { return };
    let Some(code) = &loader.path else { return };
    let nvram = os.nvram.as_ref().and_then(|nvram| Some((nvram, nvram.path.as_ref()?)));
    if let Some((nvram, path)) = nvram.filter(|(nvram, _)| nvram.kind != Some(NvramType::Block)) {
        build.plan.files.push(PlannedFile::Nvram {
            path: path.clone(),
            template: nvram.template.clone(),
            loader: code.clone(),
        });
    }
    if loader.kind != Some(LoaderType::Pflash) {
        return;
    }
    chip(build, 0, ("file", code), loader.readonly == Some(true));
    if let Some((nvram, path)) = nvram {
        let driver = if nvram.kind == Some(NvramType::Block) { "host_device" } else { "file" };
        chip(build, 1, (driver, path), false);
    }
}

fn chip(build: &mut Build<'_>, number: u32, (driver, path): (&str, &str), read_only: bool) {
    let storage = format!("libvirt-pflash{number}-storage");
    let node = Props::device(driver)
        .str("filename", path)
        .str("node-name", &storage)
        .set("auto-read-only", true)
        .str("discard", "unmap");
    build.plan.option("-blockdev", node.to_json());
    let format = Props::new()
        .str("node-name", &format!("libvirt-pflash{number}-format"))
        .set("read-only", read_only)
        .str("driver", "raw")
        .str("file", &storage);
    build.plan.option("-blockdev", format.to_json());
    if read_only {
        build.plan.label(path, true, true);
    } else {
        // Variables are made from a template at the first start.
        build.plan.output(path);
    }
}

/// A BIOS image, or the switch that only firmware may write the flash.
pub(super) fn loader(build: &mut Build<'_>) {
    let Some(loader) = &build.domain.os.loader else { return };
    match (loader.kind, &loader.path) {
        (Some(LoaderType::Rom), Some(path)) => {
            build.plan.label(path, true, true);
            build.plan.option("-bios", path.clone());
        }
        (Some(LoaderType::Pflash), _) if loader.secure == Some(true) => {
            build.plan.option("-global", "driver=cfi.pflash01,property=secure,value=on");
        }
        _ => {}
    }
}

/// `-boot`, kernel, ACPI tables.
pub(super) fn boot(build: &mut Build<'_>) {
    let os = &build.domain.os;
    let mut parts = Vec::new();
    if let Some(on) = os.boot_menu {
        parts.push(format!("menu={}", if on { "on" } else { "off" }));
    }
    if let Some(timeout) = os.reboot_timeout {
        parts.push(format!("reboot-timeout={timeout}"));
    }
    if let Some(timeout) = os.boot_menu_timeout {
        parts.push(format!("splash-time={timeout}"));
    }
    parts.push("strict=on".to_owned());
    build.plan.option("-boot", parts.join(","));
    let files = [("-kernel", &os.kernel), ("-initrd", &os.initrd)];
    for (option, path) in files {
        if let Some(path) = path {
            build.plan.label(path, true, true);
            build.plan.option(option, path.clone());
        }
    }
    if let Some(line) = &os.cmdline {
        build.plan.option("-append", line.clone());
    }
    if let Some(path) = &os.dtb {
        build.plan.label(path, true, true);
        build.plan.option("-dtb", path.clone());
    }
    if let Some(path) = &os.slic_table {
        build.plan.label(path, true, true);
        build.plan.option("-acpitable", format!("sig=SLIC,file={}", commas(path)));
    }
}

impl Build<'_> {
    /// Place of a device in the boot order: its own, or that of its class if it is the first of it.
    pub fn boot_index(&self, info: &DeviceInfo) -> Option<u32> {
        if info.boot_order.is_some() {
            return info.boot_order;
        }
        let os = &self.domain.os;
        os.boot.iter().enumerate().rev().find_map(|(number, class)| {
            let first = self.domain.devices.iter().find_map(|device| bootable(device, *class))?;
            std::ptr::eq(first, info).then_some(number as u32 + 1)
        })
    }
}

/// The device's place if it is of a class.
fn bootable(device: &Device, class: BootDevice) -> Option<&DeviceInfo> {
    match (device, class) {
        (Device::Disk(disk), class) => {
            let own = match disk.device {
                DiskDevice::Cdrom => BootDevice::Cdrom,
                DiskDevice::Floppy => BootDevice::Fd,
                DiskDevice::Disk | DiskDevice::Lun => BootDevice::Hd,
            };
            (own == class).then_some(&disk.info)
        }
        (Device::Interface(interface), BootDevice::Network) => Some(&interface.info),
        _ => None,
    }
}
