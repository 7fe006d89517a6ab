//! What a Linux guest reads of its own hardware: the tables of its firmware, and the files given to the firmware.

use std::os::unix::fs::PermissionsExt;
use tests::script::CONSOLE;
use tests::{Instance, guest};

/// `files(s, dir, names)` prints what the guest reads in files, `oem(s)` its OEM strings, one after the other.
const TABLES: &str = "\
import re\n\
c = libvirt.open(uri)\n\
def shell(s, line):\n\
\x20   s.send(line.encode() + b'; echo; echo do\"\"ne\\n')\n\
\x20   return read(s, b'done').decode().replace('\\r', '')\n\
def files(s, dir, names):\n\
\x20   for name in names.split():\n\
\x20       said = shell(s, 'echo \"[$(cat %s/%s)]\"' % (dir, name))\n\
\x20       print(name, re.findall(r'^\\[(.*)\\]$', said, re.M))\n\
def oem(s):\n\
\x20   said = shell(s, 'echo \"[$(tail -c +6 /sys/firmware/dmi/entries/11-0/raw | tr \"\\\\0\" \"|\")]\"')\n\
\x20   return re.findall(r'^\\[(.*)\\]$', said, re.M)\n\
DMI = '/sys/class/dmi/id'\n";

/// Every entry of every table, values with commas and other signs, and both kinds of files.
#[test]
fn a_guest_reads_its_tables() {
    let instance = Instance::start();
    let blob = instance.root().join("blob");
    std::fs::write(&blob, "of, a file").unwrap();
    std::fs::set_permissions(&blob, std::fs::Permissions::from_mode(0o644)).unwrap();
    let table = |element: &str, entries: &[(&str, &str)]| {
        let entries = entries.iter().map(|(name, value)| format!("<entry name='{name}'>{value}</entry>"));
        format!("<{element}>{}</{element}>", entries.collect::<String>())
    };
    let tables = [
        table(
            "bios",
            &[("vendor", "Bee, Inc."), ("version", "7.1"), ("date", "02/28/2031"), ("release", "10.22")],
        ),
        table(
            "system",
            &[
                ("manufacturer", "M &amp; N"),
                ("product", "P,1,,2"),
                ("version", "V=3"),
                ("serial", "S 4"),
                ("uuid", "6f2b6c0e-0b4a-4a5e-9c55-0c8e0a1f2d3c"),
                ("sku", "K5"),
                ("family", "F6"),
            ],
        ),
        table(
            "baseBoard",
            &[
                ("manufacturer", "BM"),
                ("product", "BP"),
                ("version", "BV"),
                ("serial", "BS"),
                ("asset", "BA"),
                ("location", "BL"),
            ],
        ),
        table(
            "chassis",
            &[("manufacturer", "CM"), ("version", "CV"), ("serial", "CS"), ("asset", "CA"), ("sku", "CK")],
        ),
        "<oemStrings><entry>one, two</entry><entry>app:three=3</entry></oemStrings>".to_owned(),
    ];
    let firmware_files = format!(
        "<sysinfo type='fwcfg'><entry name='opt/com.example/text'>a text, with signs</entry>\
         <entry name='opt/com.example/file' file='{}'/></sysinfo>",
        blob.display()
    );
    let uuid = "<uuid>6f2b6c0e-0b4a-4a5e-9c55-0c8e0a1f2d3c</uuid>";
    let xml = guest::linux_xml("s1", &guest::files())
        .replace("</name>", &format!("</name>{uuid}"))
        .replace("</os>", "<smbios mode='sysinfo'/></os>")
        .replace(
            "<features>",
            &format!("<sysinfo type='smbios'>{}</sysinfo>{firmware_files}<features>", tables.concat()),
        );
    let out = instance.python(&format!(
        "{CONSOLE}{TABLES}\
         d = c.createXML({xml:?}, 1); s = prompt(d)\n\
         files(s, DMI, 'bios_vendor bios_version bios_date bios_release')\n\
         files(s, DMI, 'sys_vendor product_name product_version product_serial product_uuid product_sku product_family')\n\
         files(s, DMI, 'board_vendor board_name board_version board_serial board_asset_tag')\n\
         files(s, DMI, 'chassis_vendor chassis_version chassis_serial chassis_asset_tag')\n\
         print('oem', oem(s))\n\
         files(s, '/sys/firmware/qemu_fw_cfg/by_name/opt/com.example', 'text/raw file/raw')\n"
    ));
    let expected = "\
        bios_vendor ['Bee, Inc.']\nbios_version ['7.1']\nbios_date ['02/28/2031']\nbios_release ['10.22']\n\
        sys_vendor ['M & N']\nproduct_name ['P,1,,2']\nproduct_version ['V=3']\nproduct_serial ['S 4']\n\
        product_uuid ['6f2b6c0e-0b4a-4a5e-9c55-0c8e0a1f2d3c']\nproduct_sku ['K5']\nproduct_family ['F6']\n\
        board_vendor ['BM']\nboard_name ['BP']\nboard_version ['BV']\nboard_serial ['BS']\nboard_asset_tag ['BA']\n\
        chassis_vendor ['CM']\nchassis_version ['CV']\nchassis_serial ['CS']\nchassis_asset_tag ['CA']\n\
        oem ['one, two|app:three=3||']\n\
        text/raw ['a text, with signs']\nfile/raw ['of, a file']\n";
    assert_eq!(out.ok(), expected);
}

/// What a host's dmidecode prints for its tables.
const HOST_TABLES: &str = "#!/bin/sh\ncat <<'.'\nBIOS Information\n\tVendor: Host, Inc.\n\tVersion: 9\n\n\
    System Information\n\tManufacturer: Maker\n\tProduct Name: Product\n\
    \tUUID: 11111111-2222-3333-4444-555555555555\n\n\
    Base Board Information\n\tManufacturer: Boards\n\n\
    Processor Information\n\tVersion: not shown\n\nOEM Strings\n\tString 1: from the host\n\n.\n";

/// A guest that is to look like its host has the host's tables, but its own UUID.
#[test]
fn a_guest_with_the_tables_of_its_host() {
    if !tests::can_make_networks("a_guest_with_the_tables_of_its_host") {
        return;
    }
    let dmidecode = "/usr/sbin/dmidecode";
    if !std::path::Path::new(dmidecode).exists() {
        tests::not_run(
            "a_guest_with_the_tables_of_its_host",
            "dmidecode is missing (Debian package dmidecode)",
        );
        return;
    }
    let mut instance = Instance::builder().private_net().prepare();
    let program = instance.root().join("dmidecode");
    std::fs::write(&program, HOST_TABLES).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o755)).unwrap();
    instance.in_net(&["mount", "--bind", program.to_str().unwrap(), dmidecode]).ok();
    instance.restart();
    let uuid = "<uuid>6f2b6c0e-0b4a-4a5e-9c55-0c8e0a1f2d3c</uuid>";
    let xml = guest::linux_xml("s2", &guest::files())
        .replace("</name>", &format!("</name>{uuid}"))
        .replace("</os>", "<smbios mode='host'/></os>");
    let out = instance.python(&format!(
        "{CONSOLE}{TABLES}\
         print([line for line in re.findall('-smbios (.*?) (?=-)', c.domainXMLToNative('qemu-argv', {xml:?}).replace('\\\\\\n', ''))])\n\
         d = c.createXML({xml:?}, 1); s = prompt(d)\n\
         files(s, DMI, 'bios_vendor bios_version sys_vendor product_name product_uuid board_vendor')\n\
         print('oem', oem(s), 'Host, Inc.' in c.getSysinfo())\n"
    ));
    let expected = "\
        [\"'type=0,vendor=Host,, Inc.,version=9'\", 'type=1,manufacturer=Maker,product=Product', \
        'type=2,manufacturer=Boards', \"'type=11,value=from the host'\"]\n\
        bios_vendor ['Host, Inc.']\nbios_version ['9']\nsys_vendor ['Maker']\nproduct_name ['Product']\n\
        product_uuid ['6f2b6c0e-0b4a-4a5e-9c55-0c8e0a1f2d3c']\nboard_vendor ['Boards']\n\
        oem ['from the host||'] True\n";
    assert_eq!(out.ok(), expected);
}
