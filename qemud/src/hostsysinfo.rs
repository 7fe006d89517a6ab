//! What the host's firmware tells of its hardware (SMBIOS), as `<sysinfo>`: from what `dmidecode` prints.

use host::command::{Cmd, Runner, Tool};
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
    let output = runner.run(Cmd::new(Tool::Dmidecode, ["-q", "-t", "0,1,2,3,4,11,17"])).await;
    let printed = match output {
        Ok(output) if output.exit.success() => String::from_utf8_lossy(&output.stdout).into_owned(),
        Ok(_) | Err(_) => String::new(),
    };
    let sections = sections(&printed);
    if sections.is_empty() {
        let detail = "Host SMBIOS information is not available";
        return Err(Fault::new(ErrorDomain::QEMU, ErrorCode::CONFIG_UNSUPPORTED, detail));
    }
    Ok(format(&sections))
}

/// One structure as dmidecode prints it: a title, and indented lines "Name: value".
#[derive(Debug, PartialEq)]
struct Section<'t> {
    title: &'t str,
    values: Vec<(&'t str, &'t str)>,
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
    let strings = sections.iter().filter(|section| section.title == "OEM Strings");
    w.start("oemStrings");
    for (_, value) in strings.flat_map(|section| &section.values).filter(|(_, value)| !value.is_empty()) {
        w.text_element("entry", value);
    }
    w.end_or_drop();
    w.end();
    w.finish()
}

fn structure(w: &mut Writer, kind: &Kind, section: &Section<'_>) {
    w.start(kind.element);
    for (printed, name) in kind.entries {
        let value = section.values.iter().find(|(found, _)| found == printed).map(|(_, value)| *value);
        if let Some(value) = value.filter(|value| !value.is_empty()) {
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

    #[tokio::test]
    async fn what_dmidecode_answers() {
        let arguments = ["-q", "-t", "0,1,2,3,4,11,17"];
        let script = host::command::Script::new().expect(Tool::Dmidecode, arguments).fail(1, "/dev/mem: no");
        assert_eq!(read(&script).await.unwrap_err().code, ErrorCode::CONFIG_UNSUPPORTED);
        let script = host::command::Script::new().expect(Tool::Dmidecode, arguments).reply(PRINTED);
        assert!(read(&script).await.unwrap().contains("<entry name='vendor'>SeaBIOS</entry>"));
    }
}
