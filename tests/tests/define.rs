//! Definitions: what a client defines is there, on disk and in every look-up, until it is undefined.

use protocol::remote::{
    DomainDefineXmlRet, DomainGetAutostartOnceArgs, DomainGetAutostartOnceRet, DomainLookupByNameArgs,
    DomainLookupByNameRet, DomainSetAutostartOnceArgs, rows,
};
use protocol::{Fault, Opaque};
use tests::Instance;

const UUID: &str = "11111111-fade-4000-8000-000000000001";

fn xml(name: &str, uuid: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><uuid>{uuid}</uuid><memory unit='MiB'>64</memory>\
         <vcpu>2</vcpu><os><type arch='x86_64' machine='pc'>hvm</type></os>\
         <devices><disk type='file' device='disk'><driver name='qemu' type='raw'/>\
         <source file='/nonexistent/a.img'/><target dev='vda' bus='virtio'/></disk></devices></domain>"
    )
}

fn define(instance: &Instance, name: &str, uuid: &str) {
    let path = instance.root().join(format!("{name}-in.xml"));
    std::fs::write(&path, xml(name, uuid)).unwrap();
    instance.virsh(&["define", path.to_str().unwrap()]).ok();
}

#[test]
fn defined_found_and_undefined() {
    let instance = Instance::start();
    define(&instance, "a1", UUID);
    assert_eq!(instance.virsh(&["domuuid", "a1"]).ok().trim(), UUID);
    assert_eq!(instance.virsh(&["domname", UUID]).ok().trim(), "a1");
    assert_eq!(instance.virsh(&["domstate", "a1", "--reason"]).ok().trim(), "shut off (unknown)");
    let info = instance.virsh(&["dominfo", "a1"]).ok();
    for line in
        ["Persistent:     yes", "Autostart:      disable", "CPU(s):         2", "Max memory:     65536 KiB"]
    {
        assert!(info.contains(line), "{line} in {info}");
    }
    let dump = instance.virsh(&["dumpxml", "a1"]).ok();
    assert!(dump.contains("<type arch='x86_64' machine='pc-i440fx-7.2'>hvm</type>"), "{dump}");
    assert!(dump.contains("<controller type='usb' index='0' model='piix3-uhci'>"), "{dump}");
    assert!(
        dump.contains("<address type='pci' domain='0x0000' bus='0x00' slot='0x02' function='0x0'/>"),
        "{dump}"
    );
    let file = instance.config_dir().join("a1.xml");
    let stored = std::fs::read_to_string(&file).unwrap();
    assert!(stored.ends_with(&dump.trim_end().to_owned()) || stored.contains(dump.trim()), "{stored}");
    instance.virsh(&["undefine", "a1"]).ok();
    assert!(!file.exists());
    assert!(instance.virsh(&["dominfo", "a1"]).fails().contains("failed to get domain 'a1'"));
}

#[test]
fn names_and_uuids_do_not_mix() {
    let instance = Instance::start();
    define(&instance, "a1", UUID);
    let path = instance.root().join("clash.xml");
    std::fs::write(&path, xml("a1", "11111111-fade-4000-8000-000000000002")).unwrap();
    let error = instance.virsh(&["define", path.to_str().unwrap()]).fails();
    assert!(error.contains(&format!("domain 'a1' already exists with uuid {UUID}")), "{error}");
    std::fs::write(&path, xml("a2", UUID)).unwrap();
    let error = instance.virsh(&["define", path.to_str().unwrap()]).fails();
    assert!(error.contains(&format!("domain 'a1' is already defined with uuid {UUID}")), "{error}");
    assert_eq!(instance.virsh(&["list", "--all", "--name"]).ok().trim(), "a1");
}

#[test]
fn autostart_is_kept_and_goes_with_the_definition() {
    let mut instance = Instance::start();
    define(&instance, "a1", UUID);
    instance.virsh(&["autostart", "a1"]).ok();
    let link = instance.config_dir().join("autostart/a1.xml");
    assert_eq!(std::fs::read_link(&link).unwrap(), instance.config_dir().join("a1.xml"));
    instance.restart();
    assert_eq!(instance.virsh(&["list", "--all", "--autostart", "--name"]).ok().trim(), "a1");
    instance.virsh(&["autostart", "--disable", "a1"]).ok();
    assert!(!link.exists());
    assert_eq!(instance.virsh(&["list", "--all", "--no-autostart", "--name"]).ok().trim(), "a1");
    instance.virsh(&["autostart", "a1"]).ok();
    instance.virsh(&["undefine", "a1"]).ok();
    assert!(std::fs::symlink_metadata(&link).is_err());
}

#[test]
fn what_is_to_start_with_the_host_starts_once_per_boot() {
    let meta = |number| protocol::remote::meta(number).unwrap();
    let mut instance = Instance::start();
    let nano = |name: &str| tests::guest::nano_xml(name, "qemu", &tests::guest::files());
    for name in ["always", "once", "never"] {
        instance.define(&nano(name)).ok();
    }
    instance.virsh(&["autostart", "always"]).ok();
    let uri = if instance.is_system() { "qemu:///system" } else { "qemu:///session" };
    let named = |wire: &mut tests::wire::Wire| {
        let args = DomainLookupByNameArgs { name: "once".to_owned() };
        wire.call::<DomainLookupByNameRet>(meta(23), &args).unwrap().dom
    };
    let is_once = |instance: &Instance| {
        let mut wire = tests::wire::Wire::open(&instance.socket(), uri).unwrap();
        let args = DomainGetAutostartOnceArgs { dom: named(&mut wire) };
        wire.call::<DomainGetAutostartOnceRet>(meta(449), &args).unwrap().autostart
    };
    let mut wire = tests::wire::Wire::open(&instance.socket(), uri).unwrap();
    let args = DomainSetAutostartOnceArgs { dom: named(&mut wire), autostart: 1 };
    wire.call::<()>(meta(450), &args).unwrap();
    drop(wire);
    let link = instance.config_dir().join("autostart/once.xml.once");
    assert_eq!(std::fs::read_link(&link).unwrap(), instance.config_dir().join("once.xml"));

    // The daemon comes back within the same boot: nothing starts.
    instance.restart();
    assert_eq!(is_once(&instance), 1);
    assert_eq!(instance.virsh(&["list", "--name"]).ok().trim(), "");

    // The host boots: its run directory is empty.
    let boot = |instance: &mut Instance| {
        instance.kill();
        std::fs::remove_file(instance.state_dir().join("autostarted")).unwrap();
        instance.start_again();
    };
    let running = |instance: &Instance| {
        let mut names: Vec<_> =
            instance.virsh(&["list", "--name"]).ok().split_whitespace().map(str::to_owned).collect();
        names.sort();
        names
    };
    boot(&mut instance);
    while running(&instance).len() < 2 {}
    assert_eq!(running(&instance), ["always", "once"]);
    assert_eq!(is_once(&instance), 0);
    assert!(std::fs::symlink_metadata(&link).is_err());
    for name in ["always", "once"] {
        // The start may still hold the job.
        instance.virsh(&["destroy", name]).ok();
    }
    boot(&mut instance);
    while running(&instance).is_empty() {}
    assert_eq!(running(&instance), ["always"]);
    instance.virsh(&["destroy", "always"]).ok();

    // Both ways to start go with the definition.
    instance.virsh(&["autostart", "once"]).ok();
    let mut wire = tests::wire::Wire::open(&instance.socket(), uri).unwrap();
    let args = DomainSetAutostartOnceArgs { dom: named(&mut wire), autostart: 1 };
    wire.call::<()>(meta(450), &args).unwrap();
    let links = || {
        let entries = std::fs::read_dir(instance.config_dir().join("autostart")).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    };
    assert_eq!(links(), ["always.xml", "once.xml", "once.xml.once"]);
    instance.virsh(&["undefine", "once"]).ok();
    assert_eq!(links(), ["always.xml"]);
}

#[test]
fn every_filter_of_the_list() {
    let instance = Instance::start();
    define(&instance, "a1", UUID);
    define(&instance, "a2", "11111111-fade-4000-8000-000000000002");
    instance.virsh(&["autostart", "a2"]).ok();
    let out = instance.python(
        "c = libvirt.open(uri)\n\
         F = libvirt\n\
         def names(flags): print(sorted(d.name() for d in c.listAllDomains(flags)))\n\
         names(0)\n\
         for f in ['ACTIVE','INACTIVE','PERSISTENT','TRANSIENT','RUNNING','PAUSED','SHUTOFF','OTHER',\n\
                   'MANAGEDSAVE','NO_MANAGEDSAVE','AUTOSTART','NO_AUTOSTART','HAS_SNAPSHOT','NO_SNAPSHOT',\n\
                   'HAS_CHECKPOINT','NO_CHECKPOINT']:\n\
         \x20   print(f, end=' '); names(getattr(F, 'VIR_CONNECT_LIST_DOMAINS_' + f))\n\
         names(F.VIR_CONNECT_LIST_DOMAINS_INACTIVE | F.VIR_CONNECT_LIST_DOMAINS_NO_AUTOSTART)\n\
         print(c.numOfDomains(), c.numOfDefinedDomains(), c.listDomainsID(), sorted(c.listDefinedDomains()))\n\
         try: c.listAllDomains(1 << 30)\n\
         except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain())\n",
    );
    let both = "['a1', 'a2']";
    let expected = [
        both.to_owned(),
        "ACTIVE []".into(),
        format!("INACTIVE {both}"),
        format!("PERSISTENT {both}"),
        "TRANSIENT []".into(),
        "RUNNING []".into(),
        "PAUSED []".into(),
        format!("SHUTOFF {both}"),
        "OTHER []".into(),
        "MANAGEDSAVE []".into(),
        format!("NO_MANAGEDSAVE {both}"),
        "AUTOSTART ['a2']".into(),
        "NO_AUTOSTART ['a1']".into(),
        "HAS_SNAPSHOT []".into(),
        format!("NO_SNAPSHOT {both}"),
        "HAS_CHECKPOINT []".into(),
        format!("NO_CHECKPOINT {both}"),
        "['a1']".into(),
        format!("0 2 [] {both}"),
        "8 10".into(),
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

/// What another daemon left: saved memory, snapshots, checkpoints. Each filter sees its own, alone.
#[test]
fn filters_see_the_files_of_other_daemons() {
    let instance = Instance::start();
    define(&instance, "a1", UUID);
    define(&instance, "a2", "11111111-fade-4000-8000-000000000002");
    define(&instance, "a3", "11111111-fade-4000-8000-000000000003");
    for file in ["save/a1.save", "snapshot/a2/s.xml", "checkpoint/a3/c.xml", "snapshot/a3/notes.txt"] {
        let path = instance.library_dir().join(file);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, "").unwrap();
    }
    for (filter, with, without) in [
        ("managed-save", "a1", ["a2", "a3"]),
        ("snapshot", "a2", ["a1", "a3"]),
        ("checkpoint", "a3", ["a1", "a2"]),
    ] {
        let list = |flag: String| {
            let out = instance.virsh(&["list", "--all", "--name", &flag]).ok();
            out.split_whitespace().map(str::to_owned).collect::<Vec<_>>()
        };
        assert_eq!(list(format!("--with-{filter}")), [with], "{filter}");
        assert_eq!(list(format!("--without-{filter}")), without, "{filter}");
    }
}

#[test]
fn bad_documents_get_the_reference_s_codes() {
    let instance = Instance::start();
    let cases = [
        ("hello", 35, 20),
        ("<domain><name>x</name>", 35, 20),
        ("<network/>", 27, 5),
        ("<domain type='qemu'/>", 21, 20),
        ("<domain type='foo'><name>x</name></domain>", 67, 20),
        ("<domain type='qemu'><name>a/b</name><memory>1</memory><os><type>hvm</type></os></domain>", 27, 20),
        ("<domain type='qemu'><name>x</name><memory>1</memory></domain>", 27, 20),
        ("<domain type='qemu'><name>x</name><memory>1</memory><os><type>foo</type></os></domain>", 67, 20),
        ("<domain type='qemu'><name>x</name><os><type>hvm</type></os></domain>", 27, 20),
        (
            "<domain type='qemu'><name>x</name><memory unit='quux'>1</memory><os><type>hvm</type></os></domain>",
            8,
            0,
        ),
        (
            "<domain type='qemu'><name>x</name><uuid>zz</uuid><memory>1</memory><os><type>hvm</type></os></domain>",
            1,
            20,
        ),
    ];
    let list: Vec<String> = cases.iter().map(|(xml, ..)| format!("{xml:?}")).collect();
    let out = instance.python(&format!(
        "c = libvirt.open(uri)\n\
         for x in [{}]:\n\
         \x20   try: c.defineXML(x); print('accepted')\n\
         \x20   except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain(), len(e.get_error_message()) > 5)\n\
         print(c.numOfDefinedDomains())\n",
        list.join(", ")
    ));
    let expected: Vec<String> = cases
        .iter()
        .map(|(_, code, domain)| format!("{code} {domain} True"))
        .chain(["0".to_owned()])
        .collect();
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

/// What the reference answers by call: a string ends at its first NUL, and what is not UTF-8 is a name that nobody has.
#[test]
fn strings_that_are_no_text() {
    let instance = Instance::start();
    define(&instance, "a1", UUID);
    let mut client = tests::wire::Wire::open(&instance.socket(), instance.usual_uri()).unwrap();
    let mut look_up = |name: &[u8]| {
        let found: Result<DomainLookupByNameRet, Fault> =
            client.call(&rows::domain_lookup_by_name, &Opaque::<64>::from(name.to_vec()));
        found.map(|found| found.dom.name).map_err(|fault| (fault.code.0, fault.domain.0))
    };
    assert_eq!(look_up(b"a1"), Ok("a1".to_owned()));
    assert_eq!(look_up(b"a1\0\xff"), Ok("a1".to_owned()));
    assert_eq!(look_up(b"a1\xff"), Err((42, 10)));
    assert_eq!(look_up(b"\xed\xa0\x80"), Err((42, 10)));
    let mut document = xml("b", "11111111-fade-4000-8000-000000000002").into_bytes();
    document.splice(..0, *b"<!-- \xff -->");
    let refused: Result<DomainDefineXmlRet, Fault> =
        client.call(&rows::domain_define_xml, &Opaque::<4096>::from(document));
    assert_eq!(refused.map(|_| ()).map_err(|fault| (fault.code.0, fault.domain.0)), Err((35, 20)));
}

/// A name that stands for a directory all domains share, and limits that nothing could keep.
#[test]
fn small_refusals() {
    let instance = Instance::start();
    define(&instance, "a1", UUID);
    let with_cards = xml("a2", "11111111-fade-4000-8000-000000000002").replace(
        "</devices>",
        "<interface type='user'><mac address='52:54:00:00:00:01'/><target dev='t0'/></interface></devices>",
    );
    let dotted = [".", ".."].map(|name| xml(name, "11111111-fade-4000-8000-000000000003"));
    let out = instance.python(&format!(
        "c = libvirt.open(uri); d = c.defineXML({with_cards:?})\n\
         def code(f):\n\
         \x20   try: f(); print('done')\n\
         \x20   except libvirt.libvirtError as e: print(e.get_error_code(), e.get_error_domain())\n\
         for x in {dotted:?}: code(lambda: c.defineXML(x))\n\
         for device in ('t0', '52:54:00:00:00:01', 't1'): code(lambda: d.setInterfaceParameters(device, {{'inbound.average': 5}}, 2))\n\
         code(lambda: d.setInterfaceParameters('t0', {{'inbound.average': 5}}, 1))\n\
         code(lambda: d.interfaceParameters('t0', 3))\n\
         code(lambda: d.rename('a\\x01', 0))\n\
         print(sorted(d.name() for d in c.listAllDomains()))\n"
    ));
    let expected = "38 0\n38 0\n67 10\n67 10\n8 20\n55 20\n8 20\n27 10\n['a1', 'a2']\n";
    assert_eq!(out.ok(), expected);
}

#[test]
fn a_thousand_definitions_survive_a_kill() {
    let mut instance = Instance::start();
    let out = instance.python(
        "c = libvirt.open(uri)\n\
         for n in range(1000):\n\
         \x20   c.defineXML(\"<domain type='qemu'><name>d%d</name><memory>65536</memory>\"\n\
         \x20               \"<os><type arch='x86_64' machine='q35'>hvm</type></os></domain>\" % n)\n\
         print(len(c.listAllDomains()))\n",
    );
    assert_eq!(out.ok().trim(), "1000");
    let before = instance.virsh(&["dumpxml", "d777"]).ok();
    instance.kill();
    instance.restart();
    let names = instance.virsh(&["list", "--all", "--name"]).ok();
    assert_eq!(names.lines().filter(|line| line.starts_with('d')).count(), 1000);
    assert_eq!(instance.virsh(&["dumpxml", "d777"]).ok(), before);
}
