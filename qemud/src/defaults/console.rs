//! Serial ports and consoles: numbers, and the console that is the first serial port under another name.

use model::domain::Domain;
use model::domain::device::chardev::{Console, ConsoleTarget, Serial, SerialTarget};
use model::domain::device::info::DeviceInfo;
use model::domain::device::{Device, insert};
use model::domain::os::OsType;

use super::error::{DefaultsError, Part};

/// Pairs the first console with the first serial port and gives numbers.
pub fn pair(domain: &mut Domain) -> Result<(), DefaultsError> {
    number(domain);
    if domain.os.os_type == OsType::Hvm {
        pair_first(domain)?;
    }
    Ok(())
}

fn pair_first(domain: &mut Domain) -> Result<(), DefaultsError> {
    let first = consoles(domain).next().cloned();
    let is_serial = |console: &Console| matches!(console.target_type, None | Some(ConsoleTarget::Serial));
    match first {
        Some(console) if is_serial(&console) => {
            if consoles(domain).skip(1).any(|other| other.target_type == Some(ConsoleTarget::Serial)) {
                return Err(
                    DefaultsError::internal("Only the first console can be a serial port").by(Part::Domain)
                );
            }
            let serial = first_serial(domain).cloned();
            let (source, address) = match serial {
                Some(serial) => (serial.source, serial.info.address),
                None => {
                    let serial = Serial {
                        source: console.source.clone(),
                        target_type: Some(SerialTarget::Isa),
                        target_model: Some(model::domain::device::chardev::SerialModel::IsaSerial),
                        port: Some(0),
                        info: console.info.clone(),
                    };
                    insert(&mut domain.devices, serial.into());
                    (console.source, console.info.address)
                }
            };
            if let Some(console) = consoles_mut(domain).next() {
                console.source = source;
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
        port: Some(0),
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

/// Numbers of those that have none: the next after the highest of their kind.
fn number(domain: &mut Domain) {
    for index in 0..domain.devices.len() {
        let next = match &domain.devices[index] {
            Device::Serial(serial) if serial.port.is_none() => next(domain, |device| match device {
                Device::Serial(other) if other.target_type == serial.target_type => other.port,
                _ => None,
            }),
            Device::Parallel(parallel) if parallel.port.is_none() => next(domain, |device| match device {
                Device::Parallel(other) => other.port,
                _ => None,
            }),
            Device::Console(console) if console.port.is_none() => next(domain, |device| match device {
                Device::Console(other) => other.port,
                _ => None,
            }),
            _ => continue,
        };
        match &mut domain.devices[index] {
            Device::Serial(serial) => serial.port = Some(next),
            Device::Parallel(parallel) => parallel.port = Some(next),
            Device::Console(console) => console.port = Some(next),
            _ => {}
        }
    }
}

fn next(domain: &Domain, port: impl Fn(&Device) -> Option<u32>) -> u32 {
    domain.devices.iter().filter_map(port).max().map_or(0, |highest| highest.saturating_add(1))
}

fn first_serial(domain: &Domain) -> Option<&Serial> {
    domain.devices.iter().find_map(|device| match device {
        Device::Serial(serial) => Some(serial),
        _ => None,
    })
}

fn consoles(domain: &Domain) -> impl Iterator<Item = &Console> {
    domain.devices.iter().filter_map(|device| match device {
        Device::Console(console) => Some(console),
        _ => None,
    })
}

fn consoles_mut(domain: &mut Domain) -> impl Iterator<Item = &mut Console> {
    domain.devices.iter_mut().filter_map(|device| match device {
        Device::Console(console) => Some(console),
        _ => None,
    })
}
