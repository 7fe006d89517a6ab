//! What changes in a copy of the definition before its command line is made: firmware, aliases, paths; and, when the
//! line is only shown, what a real start would find out.

use model::Rare;
use model::domain::Domain;
use model::domain::clock::{ClockBasis, ClockOffset};
use model::domain::device::Device;
use model::domain::device::address::Address;
use model::domain::device::chardev::{Backend, ChannelTarget};
use model::domain::device::disk::CacheMode;
use model::domain::device::graphics::{Graphics, GraphicsKind, Listen};
use model::domain::device::info::DeviceInfo;
use model::domain::device::interface::{Interface, InterfaceSource};
use model::domain::features::Smm;
use model::domain::os::{Firmware, FirmwareFeature, Loader, LoaderType, NvramType};

use super::PlanError;
use super::firmware::{self, Mapping, Wanted, choose};
use super::options::{Mode, PlanOptions};
use crate::capabilities::QemuCaps;
use crate::defaults::Part;
use crate::defaults::facts::HostFacts;

/// Ports shown instead of those a start would find free.
const SHOWN_VNC: i32 = 5900;
const SHOWN_SPICE: i32 = 5901;
const SHOWN_SPICE_TLS: i32 = 5902;

/// Readies the live copy of a definition: chooses firmware, gives aliases and socket paths.
pub fn prepare(
    domain: &mut Domain,
    caps: &QemuCaps,
    host: &HostFacts,
    options: &PlanOptions,
) -> Result<(), PlanError> {
    firmware(domain, host, options)?;
    uncached(domain);
    domain.devices.iter().try_for_each(listens)?;
    sockets(domain, host, options);
    super::processor::resolve(domain, caps, options)?;
    crate::defaults::aliases(domain);
    crate::device::disk::chain::number(domain);
    channels(domain, options);
    encryption(domain, host);
    render_nodes(domain, options)?;
    if options.mode == Mode::Start {
        count_from_utc(domain, options);
    }
    Ok(())
}

/// As [`prepare`], for a line that is only shown: no interface is set up, no port is taken.
pub fn native_prepare(
    domain: &mut Domain,
    caps: &QemuCaps,
    host: &HostFacts,
    options: &PlanOptions,
) -> Result<(), PlanError> {
    sockets(domain, host, options);
    for device in &mut domain.devices {
        match device {
            Device::Interface(interface) => disconnect(interface),
            Device::Graphics(graphics) => show(graphics, host.conf.spice_tls),
            _ => {}
        }
    }
    // Interfaces lost their places; with what they are now they may get others.
    let board = crate::defaults::board(domain, caps, host);
    crate::defaults::place(domain, &board)?;
    prepare(domain, caps, host, options)
}

/// Gives a display the ports that are shown.
fn show(graphics: &mut Graphics, tls: bool) {
    if matches!(graphics.listens.first(), Some(Listen::Socket { .. } | Listen::None)) {
        return;
    }
    match &mut graphics.kind {
        GraphicsKind::Vnc(vnc) if vnc.autoport => vnc.port = Some(SHOWN_VNC),
        GraphicsKind::Spice(spice) => {
            let (plain, secure) = spice.wanted_ports(tls);
            if plain {
                spice.port = Some(SHOWN_SPICE);
            }
            if secure {
                spice.tls_port = Some(SHOWN_SPICE_TLS);
            }
        }
        _ => {}
    }
}

/// Refuses places to listen at that QEMU or this daemon cannot use.
fn listens(device: &Device) -> Result<(), PlanError> {
    let Device::Graphics(graphics) = device else { return Ok(()) };
    if graphics.listens.len() > 1 {
        return Err(PlanError::unsupported(
            "QEMU does not support multiple listens for one graphics device.",
        ));
    }
    match graphics.listens.first() {
        // Networks belong to another daemon.
        Some(Listen::Network { network, address: None }) => {
            Err(PlanError::NoNetwork(format!("no network with matching name '{network}'")))
        }
        _ => Ok(()),
    }
}

/// The device that OpenGL draws on, where the definition leaves it open: the host's first.
fn render_nodes(domain: &mut Domain, options: &PlanOptions) -> Result<(), PlanError> {
    for device in &mut domain.devices {
        let Device::Graphics(graphics) = device else { continue };
        let (wanted, node) = match &mut graphics.kind {
            GraphicsKind::Spice(spice) => (spice.gl == Some(true), &mut spice.rendernode),
            GraphicsKind::Dbus(dbus) => (dbus.gl == Some(true), &mut dbus.rendernode),
            GraphicsKind::EglHeadless { rendernode } => (true, rendernode),
            _ => continue,
        };
        if !wanted || node.is_some() {
            continue;
        }
        let nodes = options.render_nodes.as_ref().ok_or_else(|| PlanError::Missing {
            part: Part::None,
            detail: "cannot open directory '/dev/dri'".to_owned(),
        })?;
        let first = nodes.first().ok_or_else(|| PlanError::Internal {
            part: Part::None,
            detail: "No DRM render nodes available".to_owned(),
        })?;
        *node = Some(first.clone());
    }
    Ok(())
}

/// A running guest's clock counts from UTC: local time changes when summer does.
fn count_from_utc(domain: &mut Domain, options: &PlanOptions) {
    if let ClockOffset::Variable { adjustment, basis, start } = &mut domain.clock.offset {
        if *basis == ClockBasis::Localtime {
            *adjustment = adjustment.saturating_add(options.local_offset);
            *basis = ClockBasis::Utc;
        }
        *start = Some(*adjustment);
    }
}

/// Displays' sockets without a name lie in the guest's own directory; qemu.conf can put displays on sockets for which
/// no address is named.
fn sockets(domain: &mut Domain, host: &HostFacts, options: &PlanOptions) {
    let dir = options.domain_dir(domain);
    for device in &mut domain.devices {
        let Device::Graphics(graphics) = device else { continue };
        let (name, automatic) = match &graphics.kind {
            GraphicsKind::Vnc(_) => ("vnc", host.conf.vnc_auto_unix_socket),
            GraphicsKind::Spice(_) => ("spice", host.conf.spice_auto_unix_socket),
            _ => continue,
        };
        if graphics.listens.is_empty() {
            graphics.listens.push(Listen::Address { address: None, from_config: false });
        }
        for listen in &mut graphics.listens {
            let from_config = match listen {
                Listen::Socket { socket: None, .. } => false,
                Listen::Address { address: None, .. } if automatic => true,
                _ => continue,
            };
            let socket = Some(format!("{dir}/{name}.sock"));
            *listen = Listen::Socket { socket, from_config, auto_generated: true };
        }
    }
}

/// An interface as it can be shown without setting it up: a tap device.
fn disconnect(interface: &mut Interface) {
    if matches!(interface.source, InterfaceSource::Hostdev { .. }) {
        return;
    }
    let shown = Interface {
        source: InterfaceSource::Ethernet { ips: Vec::new(), routes: Vec::new() },
        mac: interface.mac.clone(),
        model: interface.model.clone(),
        driver: Rare::default(),
        backend: Rare::default(),
        target_dev: None,
        target_managed: None,
        guest_dev: None,
        guest_actual: None,
        virtual_port: None,
        filter: None,
        bandwidth: None,
        vlan: None,
        trust_guest_rx_filters: None,
        port_isolated: None,
        port_forwards: Vec::new(),
        ips: Vec::new(),
        routes: Vec::new(),
        script: None,
        downscript: None,
        backend_domain: None,
        link_state: None,
        mtu: None,
        sndbuf: None,
        coalesce_rx_frames: None,
        teaming: None,
        info: DeviceInfo::default(),
    };
    *interface = shown;
}

/// What other guests write to must not be cached.
fn uncached(domain: &mut Domain) {
    for device in &mut domain.devices {
        if let Device::Disk(disk) = device
            && disk.shareable
            && !disk.readonly
        {
            disk.driver.cache.get_or_insert(CacheMode::None);
        }
    }
}

/// Whether a TCP socket is encrypted is qemu.conf's choice where the definition leaves it open.
fn encryption(domain: &mut Domain, host: &HostFacts) {
    let sources = domain.devices.iter_mut().filter_map(crate::parts::character_source);
    for source in sources {
        if let Backend::Tcp(tcp) = &mut source.backend
            && tcp.tls.is_none()
        {
            tcp.tls = Some(host.conf.chardev_tls);
            tcp.tls_from_config = true;
        }
    }
}

/// Sockets of channels that name none lie in the guest's own directory, under the name of the port.
fn channels(domain: &mut Domain, options: &PlanOptions) {
    let dir = options.channel_dir(domain);
    for device in &mut domain.devices {
        let Device::Channel(channel) = device else { continue };
        let ChannelTarget::Virtio { name, .. } = &channel.target else { continue };
        let file = match (name, &channel.info.address) {
            (Some(name), _) => name.clone(),
            (None, Some(Address::VirtioSerial(at))) => {
                format!("vioser-{:02}-{:02}-{:02}.sock", at.controller, at.bus, at.port)
            }
            (None, _) => channel.info.alias.clone().unwrap_or_default(),
        };
        if let Backend::Unix(unix) = &mut channel.source.backend
            && unix.path.is_none()
        {
            unix.path = Some(format!("{dir}/{file}"));
            unix.listen = true;
        }
    }
}

/// Chooses the files behind `<os firmware=…>`.
fn firmware(domain: &mut Domain, host: &HostFacts, options: &PlanOptions) -> Result<(), PlanError> {
    let Some(kind) = domain.os.firmware.take() else {
        template(domain, host);
        return Ok(());
    };
    if domain.os.loader.as_ref().is_some_and(|loader| loader.path.is_some()) {
        return Ok(());
    }
    let chosen = chosen(domain, kind, host)?;
    if kind == Firmware::Efi && !domain.features.acpi {
        return Err(PlanError::unsupported("UEFI requires ACPI on this architecture"));
    }
    let secure = chosen.has("secure-boot") && chosen.has("requires-smm");
    if chosen.has("requires-smm") {
        if domain.features.smm.is_some_and(|smm| !smm.state) {
            return Err(PlanError::OperationInvalid(
                "domain has SMM turned off but chosen firmware requires it".to_owned(),
            ));
        }
        domain.features.smm.get_or_insert(Smm { state: true, tseg: None });
    }
    let loader = domain.os.loader.take().unwrap_or_default();
    match &chosen.mapping {
        Mapping::Flash { executable, nvram_template, .. } => {
            domain.os.loader = Some(Loader {
                path: Some(executable.filename.clone()),
                readonly: Some(true),
                secure: secure.then_some(true),
                kind: Some(LoaderType::Pflash),
                ..loader
            });
            if let Some(template) = nvram_template {
                let nvram = domain.os.nvram.get_or_insert_default();
                nvram.template = Some(template.filename.clone());
                let path = default_nvram(&options.dirs.nvram, &domain.name);
                nvram.path.get_or_insert(path);
            }
        }
        Mapping::Memory { filename } | Mapping::Kernel { filename } => {
            domain.os.loader =
                Some(Loader { path: Some(filename.clone()), kind: Some(LoaderType::Rom), ..loader });
        }
    }
    Ok(())
}

/// What a variable store that is named without a template is made from: as the code's descriptor says, or qemu.conf.
fn template(domain: &mut Domain, host: &HostFacts) {
    let Some(code) = domain.os.loader.as_ref().and_then(|loader| loader.path.as_deref()) else { return };
    let nvram = domain.os.nvram.as_mut().filter(|nvram| nvram.kind != Some(NvramType::Block));
    let Some(nvram) = nvram.filter(|nvram| nvram.path.is_some() && nvram.template.is_none()) else { return };
    let described = host.firmware.iter().find_map(|firmware| match &firmware.mapping {
        Mapping::Flash { executable, nvram_template: Some(template), .. } if executable.filename == code => {
            Some(&template.filename)
        }
        _ => None,
    });
    let known = || host.conf.nvram.iter().find(|(own, _)| own == code).map(|(_, variables)| variables);
    nvram.template = described.or_else(known).cloned();
}

/// Where a guest's firmware variables are, if its definition does not say.
pub fn default_nvram(dir: &str, name: &str) -> String {
    format!("{dir}/{name}_VARS.fd")
}

/// The first descriptor that has what the definition asks for.
fn chosen<'a>(
    domain: &Domain,
    kind: Firmware,
    host: &'a HostFacts,
) -> Result<&'a firmware::Firmware, PlanError> {
    let feature = |wanted: FirmwareFeature| {
        domain.os.firmware_features.iter().find(|(feature, _)| *feature == wanted).map(|(_, on)| *on)
    };
    let loader = domain.os.loader.as_ref();
    let arch = domain.os.arch.map(|arch| arch.to_string()).unwrap_or_default();
    let wanted = Wanted {
        interface: if kind == Firmware::Efi { "uefi" } else { "bios" },
        arch: &arch,
        machine: domain.os.machine.as_deref().unwrap_or(""),
        acpi_s3: domain.pm.suspend_to_mem == Some(true),
        acpi_s4: domain.pm.suspend_to_disk == Some(true),
        secure_boot: feature(FirmwareFeature::SecureBoot),
        enrolled_keys: feature(FirmwareFeature::EnrolledKeys),
        loader_secure: loader.is_some_and(|loader| loader.secure == Some(true)),
        stateless: loader.is_some_and(|loader| loader.stateless == Some(true)),
    };
    choose(&host.firmware, &wanted)
        .ok_or_else(|| PlanError::Failed(format!("Unable to find any firmware to satisfy '{kind}'")))
}
