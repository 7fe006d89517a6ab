//! Serial ports and consoles: numbers, and the console that is the first serial port under another name.

use model::domain::Domain;
use model::domain::device::chardev::{Console, ConsoleTarget, Serial, SerialTarget};
use model::domain::device::info::DeviceInfo;
use model::domain::device::{Device, insert};
use model::domain::os::OsType;

use super::error::{DefaultsError, Part};

/// Pairs the first console with the first serial port and gives numbers.
pub(super) fn pair(domain: &mut Domain) -> Result<(), DefaultsError> {
    number(domain)?;
    if domain.os.os_type == OsType::Hvm {
        pair_first(domain)?;
    }
    Ok(())
}

fn pair_first(domain: &mut Domain) -> Result<(), DefaultsError> {
    let first = consoles(domain).next().cloned();
    let is_serial = |console: &Console| matches!(console.target_type, None | Some(ConsoleTarget::Serial));
    if consoles(domain).skip(1).any(is_serial) {
        return Err(
            DefaultsError::unsupported("Only the first console can be a serial port").by(Part::Domain)
        );
    }
    match first {
        Some(console) if is_serial(&console) => {
            let serial = first_serial(domain).cloned();
            let (source, address, port) = match serial {
                Some(serial) => (serial.source, serial.info.address, serial.port),
                None => {
                    let serial = Serial {
                        source: console.source.clone(),
                        target_type: Some(SerialTarget::Isa),
                        target_model: Some(model::domain::device::chardev::SerialModel::IsaSerial),
                        port: Some(0),
                        info: console.info.clone(),
                    };
                    insert(&mut domain.devices, serial.into());
                    (console.source, console.info.address, Some(0))
                }
            };
            if let Some(console) = consoles_mut(domain).next() {
                console.source = source;
                console.port = port;
                console.target_type = Some(ConsoleTarget::Serial);
                console.info = DeviceInfo { address, ..DeviceInfo::default() };
            }
        }
        other => stub(domain, other.is_some()),
    }
    Ok(())
}

/// A guest with a serial port has a console for it.
fn stub(domain: &mut Domain, others: bool) {
    let Some(serial) = first_serial(domain) else { return };
    if !matches!(
        serial.target_type,
        None | Some(SerialTarget::Isa | SerialTarget::SpaprVio | SerialTarget::System | SerialTarget::Sclp)
    ) {
        return;
    }
    let console = Console {
        source: serial.source.clone(),
        target_type: Some(ConsoleTarget::Serial),
        port: serial.port,
        info: DeviceInfo { address: serial.info.address.clone(), ..DeviceInfo::default() },
    };
    let at = others
        .then(|| domain.devices.iter().position(|device| matches!(device, Device::Console(_))))
        .flatten();
    match at {
        Some(at) => domain.devices.insert(at, console.into()),
        None => insert(&mut domain.devices, console.into()),
    }
}

/// Numbers of those that have none: the next after the highest of their kind; a repeated port is an error. Consoles
/// are counted, whatever the document says.
fn number(domain: &mut Domain) -> Result<(), DefaultsError> {
    for (count, console) in (0..).zip(consoles_mut(domain)) {
        console.port = Some(count);
    }
    for index in 0..domain.devices.len() {
        let device = &domain.devices[index];
        let Some(port) = port(device) else { continue };
        let taken = |wanted: u32| {
            domain.devices[..index]
                .iter()
                .any(|other| same_kind(device, other) && self::port(other) == Some(Some(wanted)))
        };
        let number = match port {
            Some(number) if !taken(number) => continue,
            Some(number) if !matches!(device, Device::Console(_)) => {
                return Err(DefaultsError::internal(format!("target port '{number}' already allocated"))
                    .by(Part::Domain));
            }
            _ => next(domain, device),
        };
        match &mut domain.devices[index] {
            Device::Serial(serial) => serial.port = Some(number),
            Device::Parallel(parallel) => parallel.port = Some(number),
            Device::Console(console) => console.port = Some(number),
            _ => {}
        }
    }
    Ok(())
}

/// Number of a device that has one at all.
fn port(device: &Device) -> Option<Option<u32>> {
    match device {
        Device::Serial(serial) => Some(serial.port),
        Device::Parallel(parallel) => Some(parallel.port),
        Device::Console(console) => Some(console.port),
        _ => None,
    }
}

/// Serial ports are numbered by type.
fn same_kind(one: &Device, other: &Device) -> bool {
    match (one, other) {
        (Device::Serial(one), Device::Serial(other)) => one.target_type == other.target_type,
        (Device::Parallel(_), Device::Parallel(_)) | (Device::Console(_), Device::Console(_)) => true,
        _ => false,
    }
}

fn next(domain: &Domain, device: &Device) -> u32 {
    let ports = domain
        .devices
        .iter()
        .filter(|other| same_kind(device, other))
        .filter_map(|other| port(other).flatten());
    ports.max().map_or(0, |highest| highest.saturating_add(1))
}

fn first_serial(domain: &Domain) -> Option<&Serial> {
    domain.devices.iter().find_map(|device| match device {
        Device::Serial(serial) => Some(&**serial),
        _ => None,
    })
}

fn consoles(domain: &Domain) -> impl Iterator<Item = &Console> {
    domain.devices.iter().filter_map(|device| match device {
        Device::Console(console) => Some(&**console),
        _ => None,
    })
}

fn consoles_mut(domain: &mut Domain) -> impl Iterator<Item = &mut Console> {
    domain.devices.iter_mut().filter_map(|device| match device {
        Device::Console(console) => Some(&mut **console),
        _ => None,
    })
}

#[cfg(test)]
mod tests {
    use model::domain::ParseOptions;

    use super::*;

    fn paired(devices: &str) -> Result<Domain, DefaultsError> {
        let text = format!(
            "<domain type='kvm'><name>g</name><memory>1024</memory><os><type>hvm</type></os><devices>{devices}</devices></domain>"
        );
        let mut domain = Domain::parse_str(&text, &ParseOptions::default()).unwrap();
        pair(&mut domain).map(|()| domain)
    }

    fn targets(domain: &Domain) -> Vec<(Option<ConsoleTarget>, Option<u32>)> {
        consoles(domain).map(|console| (console.target_type, console.port)).collect()
    }

    #[test]
    fn a_console_brings_its_serial_port_and_the_reverse() {
        for devices in ["<console type='pty'/>", "<serial type='pty'/>"] {
            let domain = paired(devices).unwrap();
            assert!(first_serial(&domain).is_some(), "{devices}");
            assert_eq!(targets(&domain), [(Some(ConsoleTarget::Serial), Some(0))], "{devices}");
        }
    }

    #[test]
    fn a_virtio_console_stands_behind_the_serial_one() {
        let domain =
            paired("<serial type='pty'/><console type='pty'><target type='virtio'/></console>").unwrap();
        let expected = [(Some(ConsoleTarget::Serial), Some(0)), (Some(ConsoleTarget::Virtio), Some(0))];
        assert_eq!(targets(&domain), expected);
    }

    #[test]
    fn a_console_has_the_number_of_its_serial_port() {
        let serial = "<serial type='pty'><target port='1'/></serial>";
        for console in ["", "<console type='pty'><target type='serial' port='1'/></console>"] {
            let domain = paired(&format!("{serial}{console}")).unwrap();
            assert_eq!(targets(&domain), [(Some(ConsoleTarget::Serial), Some(1))], "{console}");
        }
    }

    #[test]
    fn only_one_console_is_a_serial_port() {
        let serial = "<console type='pty'><target type='serial'/></console>";
        assert!(paired(&serial.repeat(2)).is_err());
    }

    #[test]
    fn a_port_is_given_once() {
        let serial = "<serial type='pty'><target type='isa-serial' port='3'/></serial>";
        let error = paired(&serial.repeat(2)).unwrap_err();
        assert_eq!(error.to_string(), "target port '3' already allocated");
        let domain =
            paired(&format!("{serial}<serial type='pty'><target type='isa-serial'/></serial>")).unwrap();
        let ports: Vec<_> = domain.devices.iter().filter_map(port).collect();
        assert!(ports.contains(&Some(4)), "{ports:?}");
    }
}
