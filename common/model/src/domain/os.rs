//! `os`: what the guest boots, and how.

use super::FormatOptions;
use super::seclabel::DeviceSecLabel;
use crate::Rare;
use crate::Token;
use crate::xml::{Element, ErrorKind, Writer, XmlError};

tokens! {
    /// Kind of guest.
    #[derive(Default)]
    pub enum OsType {
        #[default]
        Hvm = "hvm",
        Xen = "xen",
        Linux = "linux",
        Exe = "exe",
        Uml = "uml",
        Xenpvh = "xenpvh",
    }

    /// Processor architecture.
    pub enum Arch {
        Alpha = "alpha", Armv6l = "armv6l", Armv7l = "armv7l", Armv7b = "armv7b", Aarch64 = "aarch64",
        Cris = "cris", I686 = "i686", Ia64 = "ia64", Lm32 = "lm32", Loongarch64 = "loongarch64", M68k = "m68k",
        Microblaze = "microblaze", Microblazeel = "microblazeel", Mips = "mips", Mipsel = "mipsel",
        Mips64 = "mips64", Mips64el = "mips64el", Or32 = "or32", Parisc = "parisc", Parisc64 = "parisc64",
        Ppc = "ppc", Ppcle = "ppcle", Ppc64 = "ppc64", Ppc64le = "ppc64le", Ppcemb = "ppcemb",
        Riscv32 = "riscv32", Riscv64 = "riscv64", S390 = "s390", S390x = "s390x", Sh4 = "sh4", Sh4eb = "sh4eb",
        Sparc = "sparc", Sparc64 = "sparc64", Unicore32 = "unicore32", X86_64 = "x86_64", Xtensa = "xtensa",
        Xtensaeb = "xtensaeb",
    }

    /// Firmware that is chosen for the guest.
    pub enum Firmware { Bios = "bios", Efi = "efi" }

    /// What the chosen firmware must have or lack.
    pub enum FirmwareFeature { EnrolledKeys = "enrolled-keys", SecureBoot = "secure-boot" }

    /// How firmware is mapped.
    pub enum LoaderType { Rom = "rom", Pflash = "pflash" }

    /// Class of device to boot from.
    pub enum BootDevice { Fd = "fd", Cdrom = "cdrom", Hd = "hd", Network = "network" }

    /// Where SMBIOS strings come from.
    pub enum SmbiosMode { Emulate = "emulate", Host = "host", Sysinfo = "sysinfo" }

    /// Kind of storage behind the variable store.
    pub enum NvramType { File = "file", Block = "block" }
}

/// `os`, and the two bootloader elements beside it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Os {
    /// Kind.
    pub os_type: OsType,
    /// Architecture; the driver fills it in.
    pub arch: Option<Arch>,
    /// Machine type; the driver fills it in and resolves aliases.
    pub machine: Option<String>,
    /// Firmware to choose.
    pub firmware: Option<Firmware>,
    /// Demands on it.
    pub firmware_features: Vec<(FirmwareFeature, bool)>,
    /// Firmware image.
    pub loader: Option<Loader>,
    /// Variable store.
    pub nvram: Option<Box<Nvram>>,
    /// Path of the kernel.
    pub kernel: Option<String>,
    /// Path of the initial RAM disk.
    pub initrd: Option<String>,
    /// Kernel command line.
    pub cmdline: Option<String>,
    /// Path of the device tree.
    pub dtb: Option<String>,
    /// Path of the SLIC table.
    pub slic_table: Option<String>,
    /// Devices to boot from, in order.
    pub boot: Vec<BootDevice>,
    /// Boot menu.
    pub boot_menu: Option<bool>,
    /// Milliseconds that the menu waits.
    pub boot_menu_timeout: Option<u16>,
    /// Firmware output on the serial port.
    pub bios_useserial: Option<bool>,
    /// Milliseconds before another boot attempt; -1: none.
    pub reboot_timeout: Option<i32>,
    /// SMBIOS source.
    pub smbios: Option<SmbiosMode>,
    /// First process, for containers.
    pub init: Rare<Init>,
    /// Root device, for paravirtual guests.
    pub root: Option<String>,
    /// Path of the bootloader program, for paravirtual guests.
    pub bootloader: Option<String>,
    /// Its arguments.
    pub bootloader_args: Option<String>,
}

/// `os/loader`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Loader {
    /// Path; none when firmware is chosen.
    pub path: Option<String>,
    /// Mapped read-only.
    pub readonly: Option<bool>,
    /// Supports Secure Boot.
    pub secure: Option<bool>,
    /// Has no variable store.
    pub stateless: Option<bool>,
    /// How it is mapped.
    pub kind: Option<LoaderType>,
}

/// `os/nvram`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Nvram {
    /// Path of the image it is made from.
    pub template: Option<String>,
    /// Given with a type and a source element, and written so.
    pub kind: Option<NvramType>,
    /// Path of the store itself.
    pub path: Option<String>,
    /// Labels of the store.
    pub seclabels: Vec<DeviceSecLabel>,
}

/// First process of a container.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Init {
    /// Path.
    pub path: Option<String>,
    /// Arguments.
    pub args: Vec<String>,
    /// Environment.
    pub env: Vec<(String, String)>,
    /// Working directory.
    pub dir: Option<String>,
    /// User name or number.
    pub user: Option<String>,
    /// Group name or number.
    pub group: Option<String>,
}

impl Os {
    pub(super) fn parse(domain: &Element) -> Result<Self, XmlError> {
        let mut os = Self {
            bootloader: domain.child_text("bootloader"),
            bootloader_args: domain.child_text("bootloader_args"),
            ..Self::default()
        };
        let empty = Element::new("os");
        let e = domain.child("os").unwrap_or(&empty);
        os.parse_type(e)?;
        if let Some(word) = e.attr("firmware") {
            let fault = || XmlError::xml(format!("unknown firmware value {word}"));
            os.firmware = Some(Firmware::from_word(word).ok_or_else(fault)?);
        }
        if e.child("firmware").is_some() || os.firmware.is_some() {
            os.parse_firmware_features(e)?;
        }
        os.loader = e.child("loader").map(Loader::parse).transpose()?.filter(|l| *l != Loader::default());
        os.nvram =
            e.child("nvram").map(Nvram::parse).transpose()?.filter(|n| *n != Nvram::default()).map(Box::new);
        os.kernel = e.child_text("kernel");
        os.initrd = e.child_text("initrd");
        os.cmdline = e.child_text("cmdline");
        os.dtb = e.child_text("dtb");
        os.root = e.child_text("root");
        if matches!(os.os_type, OsType::Hvm | OsType::Xenpvh) {
            os.parse_boot(e)?;
        }
        os.parse_acpi(e)?;
        if let Some(smbios) = e.child("smbios") {
            // "none" is libvirt's word for saying nothing.
            if smbios.attr("mode") != Some("none") {
                os.smbios = smbios.attr_supported("mode", "unknown smbios mode")?;
            }
        }
        os.init = Init::parse(e)?.into();
        Ok(os)
    }

    fn parse_type(&mut self, e: &Element) -> Result<(), XmlError> {
        let type_element = e.child("type");
        match type_element.map(Element::text).filter(|t| !t.is_empty()) {
            Some(word) => {
                self.os_type = Token::from_word(&word)
                    .ok_or_else(|| XmlError::unsupported(format!("unknown OS type '{word}'")))?;
            }
            // A bootloader alone means a paravirtual guest.
            None if self.bootloader.is_some() => self.os_type = OsType::Xen,
            None => return Err(XmlError::xml("an os <type> must be specified")),
        }
        // "linux" is an old word for a paravirtual Xen guest.
        if let Some(t) = type_element {
            self.machine = t.attr_string("machine").filter(|m| !m.is_empty());
            if let Some(arch) = t.attr("arch").filter(|a| !a.is_empty()) {
                let arch = Token::from_word(arch)
                    .ok_or_else(|| XmlError::unsupported(format!("Unknown architecture {arch}")))?;
                self.arch = Some(arch);
            }
        }
        Ok(())
    }

    fn parse_firmware_features(&mut self, e: &Element) -> Result<(), XmlError> {
        for f in e.child("firmware").into_iter().flat_map(|f| f.children_named("feature")) {
            let name: FirmwareFeature = f.require_token("name")?;
            let enabled =
                f.attr_yes_no("enabled")?.ok_or_else(|| XmlError::missing_attr("feature", "enabled"))?;
            self.firmware_features.retain(|(other, _)| *other != name);
            self.firmware_features.push((name, enabled));
        }
        self.firmware_features.sort_by_key(|(name, _)| *name);
        Ok(())
    }

    fn parse_boot(&mut self, e: &Element) -> Result<(), XmlError> {
        // The reference keeps the first four devices.
        for b in e.children_named("boot").take(4) {
            self.boot.push(b.require_token("dev")?);
        }
        if let Some(menu) = e.child("bootmenu") {
            self.boot_menu = menu.attr_yes_no("enable")?;
            if let Some(timeout) = menu.attr_num::<u32>("timeout")?.filter(|_| self.boot_menu == Some(true)) {
                self.boot_menu_timeout = Some(u16::try_from(timeout).map_err(|_| {
                    XmlError::unsupported("invalid value for boot menu timeout, must be in range [0,65535]")
                })?);
            }
        }
        if let Some(bios) = e.child("bios") {
            self.bios_useserial = bios.attr_yes_no("useserial")?;
            self.reboot_timeout = bios.attr_num("rebootTimeout")?;
            if self.reboot_timeout.is_some_and(|n| !(-1..=65535).contains(&n)) {
                let text = "invalid value for rebootTimeout, must be in range [-1,65535]";
                return Err(XmlError::unsupported(text));
            }
        }
        Ok(())
    }

    fn parse_acpi(&mut self, e: &Element) -> Result<(), XmlError> {
        let mut tables = e.child("acpi").into_iter().flat_map(|a| a.children_named("table"));
        let Some(table) = tables.next() else { return Ok(()) };
        if tables.next().is_some() {
            return Err(XmlError::xml("Only one acpi table is supported"));
        }
        match table.attr("type") {
            Some("slic") => self.slic_table = Some(table.text()),
            Some(other) => return Err(XmlError::xml(format!("Unknown acpi table type: {other}"))),
            None => return Err(XmlError::xml("Missing acpi table type")),
        }
        Ok(())
    }

    pub(super) fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.text_element_opt("bootloader", self.bootloader.as_ref());
        w.text_element_opt("bootloader_args", self.bootloader_args.as_ref());
        w.start("os").attr_opt("firmware", self.firmware);
        w.start("type").attr_opt("arch", self.arch).attr_opt("machine", self.machine.as_ref());
        // libvirt writes the old word for paravirtual Xen guests.
        w.text(if self.os_type == OsType::Xen { OsType::Linux } else { self.os_type }).end();
        w.start("firmware");
        for (name, enabled) in &self.firmware_features {
            w.start("feature").attr_yes_no("enabled", Some(*enabled)).attr("name", name).end();
        }
        w.end_or_drop();
        self.init.format(w);
        if let Some(loader) = &self.loader {
            loader.format(w);
        }
        if let Some(nvram) = &self.nvram {
            nvram.format(w, options);
        }
        w.text_element_opt("kernel", self.kernel.as_ref());
        w.text_element_opt("initrd", self.initrd.as_ref());
        w.text_element_opt("cmdline", self.cmdline.as_ref());
        w.text_element_opt("dtb", self.dtb.as_ref());
        w.text_element_opt("root", self.root.as_ref());
        if let Some(path) = &self.slic_table {
            w.start("acpi").start("table").attr("type", "slic").text(path).end().end();
        }
        self.format_boot(w);
        w.end();
    }

    fn format_boot(&self, w: &mut Writer) {
        for device in &self.boot {
            w.start("boot").attr("dev", device).end();
        }
        w.start("bootmenu").attr_yes_no("enable", self.boot_menu);
        w.attr_opt("timeout", self.boot_menu_timeout).end_or_drop();
        w.start("bios").attr_yes_no("useserial", self.bios_useserial);
        w.attr_opt("rebootTimeout", self.reboot_timeout).end_or_drop();
        w.start("smbios").attr_opt("mode", self.smbios).end_or_drop();
    }
}

impl Loader {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let path = Some(e.text()).filter(|t| !t.is_empty());
        // A path without a type is that of a ROM image.
        let kind = e.attr_token("type")?.or(path.as_ref().map(|_| LoaderType::Rom));
        Ok(Self {
            readonly: e.attr_yes_no("readonly")?,
            secure: e.attr_yes_no("secure")?,
            stateless: e.attr_yes_no("stateless")?,
            path,
            kind,
        })
    }

    fn format(&self, w: &mut Writer) {
        w.start("loader").attr_yes_no("readonly", self.readonly).attr_yes_no("secure", self.secure);
        w.attr_opt("type", self.kind).attr_yes_no("stateless", self.stateless);
        if let Some(path) = &self.path {
            w.text(path);
        }
        w.end_or_drop();
    }
}

impl Nvram {
    fn parse(e: &Element) -> Result<Self, XmlError> {
        let mut nvram = Self { template: e.attr_string("template"), ..Self::default() };
        let source = match e.attr("type") {
            None => {
                nvram.path = Some(e.text()).filter(|t| !t.is_empty());
                return Ok(nvram);
            }
            Some(kind @ ("dir" | "network" | "volume" | "nvme" | "vhostuser")) => {
                return Err(XmlError::unsupported(format!("nvram of type '{kind}' is not supported")));
            }
            Some(_) => e.child("source"),
        };
        nvram.kind = e.attr_token("type")?;
        let Some(source) = source else {
            return Err(XmlError::xml("missing source element for nvram"));
        };
        nvram.path = match nvram.kind {
            Some(NvramType::Block) => source.attr_string("dev"),
            _ => source.attr_string("file"),
        };
        if nvram.path.is_none() {
            return Err(XmlError::new(ErrorKind::NoSource, "nvram"));
        }
        nvram.seclabels = DeviceSecLabel::parse_all(source)?;
        Ok(nvram)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("nvram").attr_opt("template", self.template.as_ref()).attr_opt("type", self.kind);
        match self.kind {
            None => {
                if let Some(path) = &self.path {
                    w.text(path);
                }
            }
            Some(kind) => {
                let name = if kind == NvramType::Block { "dev" } else { "file" };
                w.start("source").attr_opt(name, self.path.as_ref());
                self.seclabels.iter().for_each(|l| l.format(w, options));
                w.end();
            }
        }
        w.end_or_drop();
    }
}

impl Init {
    fn parse(os: &Element) -> Result<Self, XmlError> {
        let mut env = Vec::new();
        for e in os.children_named("initenv") {
            let Some(name) = e.attr_string("name").filter(|n| !n.is_empty()) else {
                return Err(XmlError::xml("No name for environment"));
            };
            let value = e.text();
            if value.is_empty() {
                return Err(XmlError::xml(format!("No value supplied for environment '{name}'")));
            }
            env.push((name, value));
        }
        Ok(Self {
            path: os.child_text("init"),
            args: os.children_named("initarg").map(Element::text).filter(|t| !t.is_empty()).collect(),
            env,
            dir: os.child_text("initdir"),
            user: os.child_text("inituser"),
            group: os.child_text("initgroup"),
        })
    }

    fn format(&self, w: &mut Writer) {
        w.text_element_opt("init", self.path.as_ref());
        for arg in &self.args {
            w.text_element("initarg", arg);
        }
        for (name, value) in &self.env {
            w.start("initenv").attr("name", name).text(value).end();
        }
        w.text_element_opt("initdir", self.dir.as_ref());
        w.text_element_opt("inituser", self.user.as_ref());
        w.text_element_opt("initgroup", self.group.as_ref());
    }
}
