//! What the host's firmware tells of its hardware (SMBIOS), from what `dmidecode` prints: as `<sysinfo>`, and as the
//! tables that a guest may be shown.

use host::command::{Cmd, Runner, Tool};
use model::Token;
use model::domain::Domain;
use model::domain::os::SmbiosMode;
use model::domain::sysinfo::{Smbios, Table};
use model::xml::Writer;
use protocol::{ErrorCode, ErrorDomain, Fault};

/// A kind of structure: dmidecode's title, our element, and the entries as dmidecode and the document name them.
struct Kind {
    title: &'static str,
    element: &'static str,
    entries: &'static [(&'static str, &'static str)],
}

/// In the order of the document.
const KINDS: [Kind; 6] = [
    Kind {
        title: "BIOS Information",
        element: "bios",
        entries: &[
            ("Vendor", "vendor"),
            ("Version", "version"),
            ("Release Date", "date"),
            ("BIOS Revision", "release"),
        ],
    },
    Kind {
        title: "System Information",
        element: "system",
        entries: &[
            ("Manufacturer", "manufacturer"),
            ("Product Name", "product"),
            ("Version", "version"),
            ("Serial Number", "serial"),
            ("UUID", "uuid"),
            ("SKU Number", "sku"),
            ("Family", "family"),
        ],
    },
    Kind {
        title: "Base Board Information",
        element: "baseBoard",
        entries: &[
            ("Manufacturer", "manufacturer"),
            ("Product Name", "product"),
            ("Version", "version"),
            ("Serial Number", "serial"),
            ("Asset Tag", "asset"),
            ("Location In Chassis", "location"),
        ],
    },
    Kind {
        title: "Chassis Information",
        element: "chassis",
        entries: &[
            ("Manufacturer", "manufacturer"),
            ("Version", "version"),
            ("Serial Number", "serial"),
            ("Asset Tag", "asset"),
            ("SKU Number", "sku"),
        ],
    },
    Kind {
        title: "Processor Information",
        element: "processor",
        entries: &[
            ("Socket Designation", "socket_destination"),
            ("Type", "type"),
            ("Family", "family"),
            ("Manufacturer", "manufacturer"),
            ("Signature", "signature"),
            ("Version", "version"),
            ("External Clock", "external_clock"),
            ("Max Speed", "max_speed"),
            ("Status", "status"),
            ("Serial Number", "serial_number"),
            ("Part Number", "part_number"),
        ],
    },
    Kind {
        title: "Memory Device",
        element: "memory_device",
        entries: &[
            ("Size", "size"),
            ("Form Factor", "form_factor"),
            ("Locator", "locator"),
            ("Bank Locator", "bank_locator"),
            ("Type", "type"),
            ("Type Detail", "type_detail"),
            ("Speed", "speed"),
            ("Manufacturer", "manufacturer"),
            ("Serial Number", "serial_number"),
            ("Part Number", "part_number"),
        ],
    },
];

/// The document (procedure 203).
pub async fn read(runner: &impl Runner) -> Result<String, Fault> {
    let printed = printed(runner).await;
    let sections = sections(&printed);
    if sections.is_empty() {
        let detail = "Host SMBIOS information is not available";
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail));
    }
    Ok(format(&sections))
}

/// The host's tables for a guest whose definition asks for them; none where the host has none to show.
pub async fn for_guest(runner: &impl Runner, definition: &Domain) -> Option<Smbios> {
    if definition.os.smbios != Some(SmbiosMode::Host) {
        return None;
    }
    let printed = printed(runner).await;
    let sections = sections(&printed);
    (!sections.is_empty()).then(|| tables(&sections))
}

/// Nothing where there is no dmidecode, or no table that it can read.
async fn printed(runner: &impl Runner) -> String {
    let output = runner.run(Cmd::new(Tool::Dmidecode, ["-q", "-t", "0,1,2,3,4,11,17"])).await;
    match output {
        Ok(output) if output.exit.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(_) | Err(_) => String::new(),
    }
}

/// One structure as dmidecode prints it: a title, and indented lines "Name: value".
#[derive(Debug, PartialEq)]
struct Section<'t> {
    title: &'t str,
    values: Vec<(&'t str, &'t str)>,
}

impl Section<'_> {
    /// What is printed after this name, if anything is.
    fn value(&self, printed: &str) -> Option<&str> {
        let value = self.values.iter().find(|(found, _)| *found == printed).map(|(_, value)| *value);
        value.filter(|value| !value.is_empty())
    }
}

fn sections(printed: &str) -> Vec<Section<'_>> {
    let mut sections: Vec<Section<'_>> = Vec::new();
    for line in printed.lines() {
        if !line.starts_with(char::is_whitespace) {
            if !line.is_empty() {
                sections.push(Section { title: line.trim(), values: Vec::new() });
            }
            continue;
        }
        // Lists of flags stand deeper and have no names.
        if let (Some(section), Some((name, value))) = (sections.last_mut(), line.split_once(':')) {
            section.values.push((name.trim(), value.trim()));
        }
    }
    sections.retain(|section| !section.values.is_empty());
    sections
}

fn format(sections: &[Section<'_>]) -> String {
    let mut w = Writer::new();
    w.start("sysinfo").attr("type", "smbios");
    for kind in &KINDS {
        for section in sections.iter().filter(|section| section.title == kind.title) {
            structure(&mut w, kind, section);
        }
    }
    w.start("oemStrings");
    for value in oem_strings(sections) {
        w.text_element("entry", value);
    }
    w.end_or_drop();
    w.end();
    w.finish()
}

fn oem_strings<'t>(sections: &'t [Section<'t>]) -> impl Iterator<Item = &'t str> {
    let strings = sections.iter().filter(|section| section.title == "OEM Strings");
    strings.flat_map(|section| &section.values).map(|(_, value)| *value).filter(|value| !value.is_empty())
}

/// What of it guests have too.
fn tables(sections: &[Section<'_>]) -> Smbios {
    Smbios {
        bios: of_kind(sections, "bios").next().unwrap_or_default(),
        system: of_kind(sections, "system").next().unwrap_or_default(),
        base_boards: of_kind(sections, "baseBoard").filter(|board| !board.0.is_empty()).collect(),
        chassis: of_kind(sections, "chassis").next().unwrap_or_default(),
        oem_strings: oem_strings(sections).map(str::to_owned).collect(),
    }
}

/// The structures that have this element, one after the other.
fn of_kind<'t, T: Token>(
    sections: &'t [Section<'t>],
    element: &'static str,
) -> impl Iterator<Item = Table<T>> {
    let kind = KINDS.iter().find(|kind| kind.element == element);
    let found = kind.into_iter().flat_map(|kind| {
        sections.iter().filter(|section| section.title == kind.title).map(move |section| (kind, section))
    });
    found.map(|(kind, section)| {
        let entry = |token: &T| {
            let (printed, _) = kind.entries.iter().find(|(_, name)| *name == token.as_str())?;
            section.value(printed).map(|value| (*token, value.to_owned()))
        };
        Table(T::ALL.iter().filter_map(entry).collect())
    })
}

fn structure(w: &mut Writer, kind: &Kind, section: &Section<'_>) {
    w.start(kind.element);
    for (printed, name) in kind.entries {
        if let Some(value) = section.value(printed) {
            w.start("entry").attr("name", name).text(value).end();
        }
    }
    w.end_or_drop();
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "BIOS Information\n\tVendor: SeaBIOS\n\tVersion: 1.16 <x>\n\tRelease Date: 04/01/2014\n\
        \tCharacteristics:\n\t\tTargeted content distribution is supported\n\tBIOS Revision: 0.0\n\n\
        System Information\n\tManufacturer: QEMU\n\tProduct Name: Standard PC\n\tWake-up Type: Power Switch\n\n\
        Memory Device\n\tSize: 1 GB\n\tLocator: DIMM 0\n\nMemory Device\n\tSize: 2 GB\n\n\
        OEM Strings\n\tString 1: hello\n\n";

    #[test]
    fn structures_in_the_documents_order() {
        let text = format(&sections(PRINTED));
        let expected = "<sysinfo type='smbios'>\n  <bios>\n    <entry name='vendor'>SeaBIOS</entry>\n    \
            <entry name='version'>1.16 &lt;x&gt;</entry>\n    <entry name='date'>04/01/2014</entry>\n    \
            <entry name='release'>0.0</entry>\n  </bios>\n  <system>\n    \
            <entry name='manufacturer'>QEMU</entry>\n    <entry name='product'>Standard PC</entry>\n  </system>\n  \
            <memory_device>\n    <entry name='size'>1 GB</entry>\n    <entry name='locator'>DIMM 0</entry>\n  \
            </memory_device>\n  <memory_device>\n    <entry name='size'>2 GB</entry>\n  </memory_device>\n  \
            <oemStrings>\n    <entry>hello</entry>\n  </oemStrings>\n</sysinfo>\n";
        assert_eq!(text, expected);
    }

    #[test]
    fn nothing_printed_is_nothing_known() {
        assert!(sections("").is_empty());
        assert!(sections("# No SMBIOS nor DMI entry point found, sorry.\n").is_empty());
    }

    #[test]
    fn tables_for_a_guest() {
        let tables = tables(&sections(PRINTED));
        let bios = tables.bios.0.iter().map(|(entry, value)| (entry.as_str(), value.as_str()));
        let expected =
            [("vendor", "SeaBIOS"), ("version", "1.16 <x>"), ("date", "04/01/2014"), ("release", "0.0")];
        assert_eq!(bios.collect::<Vec<_>>(), expected);
        assert_eq!(tables.system.0.len(), 2);
        assert!(tables.base_boards.is_empty() && tables.chassis.0.is_empty());
        assert_eq!(tables.oem_strings, ["hello"]);
    }

    #[tokio::test]
    async fn what_dmidecode_answers() {
        let arguments = ["-q", "-t", "0,1,2,3,4,11,17"];
        let script = host::command::Script::new().expect(Tool::Dmidecode, arguments).fail(1, "/dev/mem: no");
        assert_eq!(read(&script).await.unwrap_err().code, ErrorCode::CONFIG_UNSUPPORTED);
        let script = host::command::Script::new().expect(Tool::Dmidecode, arguments).reply(PRINTED);
        assert!(read(&script).await.unwrap().contains("<entry name='vendor'>SeaBIOS</entry>"));
    }
}
