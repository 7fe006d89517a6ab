//! Generic devices of the host's SCSI units.

use std::collections::BTreeMap;
use std::path::Path;

use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::hostdev::HostdevSource;

/// Where the kernel lists units, by `host:bus:target:unit`.
const UNITS: &str = "/sys/bus/scsi/devices";

/// The generic device of each unit, if the definition passes any to the guest: looked up at each start, for units
/// come and go.
pub(super) async fn generic(definition: &Definition) -> BTreeMap<String, String> {
    let passes = |device: &Device| matches!(device, Device::Hostdev(hostdev) if matches!(hostdev.source, HostdevSource::Scsi(_)));
    if !definition.devices.iter().any(passes) {
        return BTreeMap::new();
    }
    tokio::task::spawn_blocking(|| read(Path::new(UNITS))).await.unwrap_or_default()
}

/// A unit's directory has `scsi_generic/sgN`. What cannot be read has no generic device.
fn read(units: &Path) -> BTreeMap<String, String> {
    let names = |dir: &Path| -> Vec<String> {
        let entries = std::fs::read_dir(dir).into_iter().flatten().flatten();
        entries.filter_map(|entry| entry.file_name().into_string().ok()).collect()
    };
    let found = names(units).into_iter().filter_map(|unit| {
        let generic = names(&units.join(&unit).join("scsi_generic")).into_iter().next()?;
        Some((unit, format!("/dev/{generic}")))
    });
    found.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn units_with_and_without_a_generic_device() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(dir.path().join("0:0:1:0/scsi_generic/sg3")).unwrap();
        std::fs::create_dir_all(dir.path().join("host0")).unwrap();
        let expected = BTreeMap::from([("0:0:1:0".to_owned(), "/dev/sg3".to_owned())]);
        assert_eq!(read(dir.path()), expected);
        assert!(read(Path::new("/nosuch")).is_empty());
    }
}
