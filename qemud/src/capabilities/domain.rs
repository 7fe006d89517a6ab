//! Domain capabilities (`virConnectGetDomainCapabilities`): what one emulator offers one machine. Pure.

use std::sync::Arc;

use model::capabilities::{
    CpuCaps, CpuModelCaps, DomainCapabilities, FeatureCaps, Section, SevCaps, SgxCaps, SgxSection, ValueList,
};
use model::cpu_map::CpuMap;
use model::domain::VirtType;
use model::domain::os::Arch;

use super::binaries::is_native;
use super::firmware::Installed;
use super::host_cpu::{Which, host_model, named_models};
use super::qemu::{Gic, Machine, QemuCaps};

/// What a client asks about.
#[derive(Clone, Copy, Debug)]
pub(super) struct Subject<'a> {
    pub(super) caps: &'a QemuCaps,
    pub(super) virt_type: VirtType,
    pub(super) machine: &'a Machine,
    pub(super) arch: Arch,
}

/// What the answer depends on besides the emulator.
#[derive(Debug, Default)]
pub(super) struct Surroundings {
    pub(super) host_arch: String,
    pub(super) cpu_map: Option<Arc<CpuMap>>,
    /// Versions of the TPM that swtpm emulates; empty if it is not installed.
    pub(super) tpm_versions: Vec<&'static str>,
    /// Devices can be assigned by VFIO.
    pub(super) vfio: bool,
    /// Encrypted guests that the processor can run at once: without and with encrypted state.
    pub(super) sev_guests: (u32, u32),
    /// Most processors that KVM runs in one guest; none where it does not tell.
    pub(super) kvm_max_vcpus: Option<u32>,
}

impl Subject<'_> {
    /// Everything that is offered.
    pub(super) fn describe(&self, around: &Surroundings, firmware: &Installed) -> DomainCapabilities {
        let offer = firmware.offer(self.arch_word(), &self.machine.name);
        let firmware = [("bios", offer.bios), ("efi", offer.efi)];
        let secure = [("yes", offer.secure), ("no", true)];
        let lists = vec![
            list("type", ["rom", "pflash"]),
            list("readonly", ["yes", "no"]),
            ValueList::new("secure", on(secure)),
        ];
        DomainCapabilities {
            path: self.caps.binary.clone(),
            virt_type: self.virt_type,
            machine: Some(self.machine.name.clone()),
            arch: self.arch,
            max_vcpus: Some(self.max_vcpus(around)),
            iothreads: Some(self.caps.has_object("iothread")),
            firmware: Some(ValueList::new("firmware", on(firmware))),
            loader: Some((offer.images, Section::supported("loader", lists))),
            cpu: self.cpu(around),
            memory_backing: self.memory_backing(),
            devices: self.devices(around),
            features: self.features(around),
        }
    }

    fn max_vcpus(&self, around: &Surroundings) -> u32 {
        let own = self.machine.max_cpus;
        around.kvm_max_vcpus.filter(|_| self.virt_type == VirtType::Kvm).map_or(own, |kvm| own.min(kvm))
    }

    fn arch_word(&self) -> &'static str {
        model::Token::as_str(self.arch)
    }

    fn has(&self, device: &str) -> bool {
        self.caps.has_device(device)
    }

    fn feature(&self, name: &str) -> bool {
        self.caps.has_feature(name)
    }

    fn cpu(&self, around: &Surroundings) -> CpuCaps {
        let virt_type = model::Token::as_str(self.virt_type);
        let native = self.virt_type == VirtType::Kvm && is_native(&around.host_arch, self.arch_word());
        // The reference sees this property of the processor in QEMUs for x86_64 only.
        let migratable = self.feature("cpu.migratable") && self.caps.arch == "x86_64";
        let passthrough = if migratable { vec!["on", "off"] } else { vec!["off"] };
        let models = self.caps.accel(virt_type).map(|accel| accel.cpus.as_slice()).unwrap_or_default();
        let custom =
            named_models(around.cpu_map.as_deref(), models).into_iter().map(|(model, vendor)| CpuModelCaps {
                name: model.name.clone(),
                usable: model.usable,
                deprecated: model.deprecated,
                vendor,
            });
        CpuCaps {
            host_passthrough: native.then(|| ValueList::new("hostPassthroughMigratable", passthrough)),
            maximum: self.feature("cpu-max").then(|| list("maximumMigratable", ["on", "off"])),
            host_model: around
                .cpu_map
                .as_ref()
                .and_then(|map| host_model(map, self.caps, virt_type, Which::All)),
            custom: custom.collect(),
        }
    }

    fn memory_backing(&self) -> Section {
        let sources =
            [("file", true), ("anonymous", true), ("memfd", self.caps.has_object("memory-backend-memfd"))];
        Section::supported("memoryBacking", vec![ValueList::new("sourceType", on(sources))])
    }

    fn devices(&self, around: &Surroundings) -> Vec<Section> {
        vec![
            self.disk(),
            self.graphics(),
            self.video(),
            self.hostdev(around),
            self.rng(),
            self.filesystem(),
            self.tpm(around),
            section("redirdev", self.has("usb-redir"), vec![list("bus", ["usb"])]),
            self.channel(),
        ]
    }

    fn disk(&self) -> Section {
        // The machines of IBM's architectures have no floppy controller.
        let floppy = !self.is_machine("pseries") && !self.is_machine("s390-ccw");
        let devices = [("disk", true), ("cdrom", true), ("floppy", floppy), ("lun", true)];
        let buses = [
            ("ide", self.has_builtin_ide()),
            ("fdc", floppy),
            ("scsi", true),
            ("virtio", true),
            ("usb", self.has("usb-storage")),
            ("sata", self.has("ich9-ahci")),
        ];
        let lists = vec![
            ValueList::new("diskDevice", on(devices)),
            ValueList::new("bus", on(buses)),
            ValueList::new("model", self.virtio_models()),
        ];
        Section::supported("disk", lists)
    }

    fn graphics(&self) -> Section {
        let types = [
            ("sdl", self.feature("sdl")),
            ("vnc", self.feature("vnc")),
            ("spice", self.feature("spice")),
            ("egl-headless", self.feature("egl-headless")),
            ("dbus", self.feature("display-dbus")),
        ];
        Section::supported("graphics", vec![ValueList::new("type", on(types))])
    }

    fn video(&self) -> Section {
        let models = [
            ("vga", self.has("VGA")),
            ("cirrus", self.has("cirrus-vga")),
            ("vmvga", self.has("vmware-svga")),
            ("qxl", self.has("qxl")),
            ("virtio", self.has("virtio-gpu-device")),
            ("none", true),
            ("bochs", self.has("bochs-display")),
            ("ramfb", self.has("ramfb")),
        ];
        Section::supported("video", vec![ValueList::new("modelType", on(models))])
    }

    fn hostdev(&self, around: &Surroundings) -> Section {
        let vfio = around.vfio && self.has("vfio-pci");
        let backends = [("default", vfio), ("vfio", vfio)];
        let lists = vec![
            list("mode", ["subsystem"]),
            list("startupPolicy", ["default", "mandatory", "requisite", "optional"]),
            list("subsysType", ["usb", "pci", "scsi"]),
            ValueList::new("capsType", std::iter::empty::<&str>()),
            ValueList::new("pciBackend", on(backends)),
        ];
        Section::supported("hostdev", lists)
    }

    fn rng(&self) -> Section {
        let back_ends = [
            ("random", self.caps.has_object("rng-random")),
            ("egd", self.caps.has_object("rng-egd")),
            ("builtin", self.caps.has_object("rng-builtin")),
        ];
        let lists = vec![
            ValueList::new("model", self.virtio_models()),
            ValueList::new("backendModel", on(back_ends)),
        ];
        section("rng", self.has("virtio-rng-device"), lists)
    }

    fn filesystem(&self) -> Section {
        let local = self.has("virtio-9p-device");
        let drivers = [("path", local), ("handle", local), ("virtiofs", self.has("vhost-user-fs-device"))];
        let supported = drivers.iter().any(|(_, there)| *there);
        section("filesystem", supported, vec![ValueList::new("driverType", on(drivers))])
    }

    fn tpm(&self, around: &Surroundings) -> Section {
        let has_model = |name: &str| self.caps.tpm_models.contains(name);
        let models = [
            ("tpm-tis", has_model("tpm-tis") || has_model("tpm-tis-device")),
            ("tpm-crb", has_model("tpm-crb")),
            ("tpm-spapr", has_model("tpm-spapr")),
        ];
        let emulator = self.caps.tpm_types.contains("emulator") && !around.tpm_versions.is_empty();
        let back_ends = [
            ("passthrough", self.caps.tpm_types.contains("passthrough")),
            ("emulator", emulator),
            // Another's swtpm is as good as our own, and told of only together with it.
            ("external", emulator),
        ];
        let supported = models.iter().any(|(_, there)| *there) && back_ends.iter().any(|(_, there)| *there);
        let mut lists =
            vec![ValueList::new("model", on(models)), ValueList::new("backendModel", on(back_ends))];
        if emulator {
            lists.push(ValueList::new("backendVersion", around.tpm_versions.clone()));
        }
        section("tpm", supported, lists)
    }

    fn channel(&self) -> Section {
        let types = [("pty", true), ("unix", true), ("spicevmc", self.feature("spice"))];
        Section::supported("channel", vec![ValueList::new("type", on(types))])
    }

    fn features(&self, around: &Surroundings) -> FeatureCaps {
        let virt_type = model::Token::as_str(self.virt_type);
        let arm = matches!(self.arch, Arch::Aarch64 | Arch::Armv7l | Arch::Armv6l) && self.is_machine("virt");
        let gic = self.caps.gic.iter().filter(|gic| arm && gic.is_usable(virt_type));
        let hyperv = self.caps.hyperv.clone().unwrap_or_default();
        FeatureCaps {
            gic: gic.map(|Gic { version, .. }| version.to_string()).collect(),
            vmcoreinfo: self.has("vmcoreinfo"),
            genid: self.has("vmgenid"),
            backing_store_input: true,
            backup: self.feature("incremental-backup"),
            s390_pv: (self.arch == Arch::S390x).then_some(false),
            sev: self.caps.sev.as_ref().map(|sev| SevCaps {
                cbitpos: sev.cbitpos,
                reduced_phys_bits: sev.reduced_phys_bits,
                max_guests: around.sev_guests.0,
                max_es_guests: around.sev_guests.1,
            }),
            sgx: self.sgx(),
            hyperv: Some(hyperv),
        }
    }

    fn sgx(&self) -> Option<SgxCaps> {
        let sgx = self.caps.sgx.as_ref()?;
        let sections: Vec<_> = sgx
            .sections
            .iter()
            .map(|(node, size)| SgxSection { node: *node, size_kib: size / 1024 })
            .collect();
        let total = sections.iter().map(|section| section.size_kib).sum();
        Some(SgxCaps { flc: sgx.flc, sgx1: sgx.sgx1, sgx2: sgx.sgx2, section_size_kib: total, sections })
    }

    fn virtio_models(&self) -> Vec<&'static str> {
        let both = self.has("virtio-blk-pci-non-transitional");
        on([("virtio", true), ("virtio-transitional", both), ("virtio-non-transitional", both)]).collect()
    }

    fn is_machine(&self, kind: &str) -> bool {
        self.machine.name == kind || self.machine.name.starts_with(&format!("{kind}-"))
    }

    fn has_builtin_ide(&self) -> bool {
        let i440fx = self.is_machine("pc-i440fx")
            || self.machine.name == "pc"
            || self.machine.name.starts_with("rhel");
        i440fx || ["malta", "sun4u", "g3beige"].contains(&self.machine.name.as_str())
    }
}

/// The names of what is there.
fn on<const N: usize>(items: [(&'static str, bool); N]) -> impl Iterator<Item = &'static str> {
    items.into_iter().filter(|(_, there)| *there).map(|(name, _)| name)
}

fn list<const N: usize>(name: &'static str, values: [&'static str; N]) -> ValueList {
    ValueList::new(name, values)
}

fn section(name: &'static str, supported: bool, lists: Vec<ValueList>) -> Section {
    if supported { Section::supported(name, lists) } else { Section::unsupported(name) }
}
