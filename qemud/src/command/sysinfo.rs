//! `-uuid`, `-smbios`, `-fw_cfg`, the generation id.

use model::Token;
use model::domain::GenId;
use model::domain::os::SmbiosMode;
use model::domain::sysinfo::{FwcfgEntry, Smbios, Sysinfo, SystemEntry, Table};

use super::PlanError;
use super::build::Build;
use super::props::Props;
use super::quote::commas;

/// What tells guests apart.
pub(super) fn identity(build: &mut Build<'_>) -> Result<(), PlanError> {
    if let Some(uuid) = build.domain.uuid {
        build.plan.option("-uuid", uuid.to_string());
    }
    if let Some(GenId::Given(id)) = build.domain.genid {
        let props = Props::device("vmgenid").str("guid", &id.to_string()).str("id", "vmgenid0");
        build.device(props)?;
    }
    smbios(build)?;
    for info in &build.domain.sysinfo {
        if let Sysinfo::Fwcfg(entries) = info {
            entries.iter().for_each(|entry| firmware_file(build, entry));
        }
    }
    Ok(())
}

fn smbios(build: &mut Build<'_>) -> Result<(), PlanError> {
    let options = match build.domain.os.smbios {
        None | Some(SmbiosMode::Emulate) => return Ok(()),
        Some(SmbiosMode::Host) => match &build.options.host_smbios {
            Some(tables) => options(&without_uuid(tables))?,
            None => return Err(PlanError::unsupported("Host SMBIOS information is not available")),
        },
        Some(SmbiosMode::Sysinfo) => options(own_tables(build)?)?,
    };
    for option in options {
        build.plan.option("-smbios", option);
    }
    Ok(())
}

/// The tables that the definition gives.
fn own_tables<'a>(build: &Build<'a>) -> Result<&'a Smbios, PlanError> {
    let tables = build.domain.sysinfo.iter().find_map(|info| match info {
        Sysinfo::Smbios(smbios) => Some(smbios),
        Sysinfo::Fwcfg(_) => None,
    });
    let name = &build.domain.name;
    tables.ok_or_else(|| PlanError::xml(format!("Domain '{name}' sysinfo are not available")))
}

/// A host's tables as a guest gets them: the UUID stays the guest's own.
fn without_uuid(host: &Smbios) -> Smbios {
    let mut tables = host.clone();
    tables.system.0.retain(|(entry, _)| *entry != SystemEntry::Uuid);
    tables
}

fn options(smbios: &Smbios) -> Result<Vec<String>, PlanError> {
    if smbios.base_boards.len() > 1 {
        return Err(PlanError::unsupported(
            "qemu does not support more than one entry to Type 2 in SMBIOS table",
        ));
    }
    let mut options = Vec::new();
    options.extend(table(0, &smbios.bios));
    options.extend(table(1, &smbios.system));
    options.extend(smbios.base_boards.first().and_then(|board| table(2, board)));
    options.extend(table(3, &smbios.chassis));
    if !smbios.oem_strings.is_empty() {
        let strings: String =
            smbios.oem_strings.iter().map(|text| format!(",value={}", commas(text))).collect();
        options.push(format!("type=11{strings}"));
    }
    Ok(options)
}

fn table<T: Token>(number: u32, table: &Table<T>) -> Option<String> {
    if table.0.is_empty() {
        return None;
    }
    let entries: String =
        table.0.iter().map(|(key, value)| format!(",{}={}", key.as_str(), commas(value))).collect();
    Some(format!("type={number}{entries}"))
}

fn firmware_file(build: &mut Build<'_>, entry: &FwcfgEntry) {
    let value = match (&entry.value, &entry.file) {
        (Some(value), _) => format!("string={}", commas(value)),
        (None, Some(path)) => {
            build.plan.label(path, true, true);
            format!("file={}", commas(path))
        }
        (None, None) => "string=".to_owned(),
    };
    build.plan.option("-fw_cfg", format!("name={},{value}", commas(&entry.name)));
}
