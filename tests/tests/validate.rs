//! The flags that ask for validation against the installed schema, and the XML for older hosts.

use tests::{Instance, Output};

fn xml(name: &str, extra: &str) -> String {
    format!(
        "<domain type='qemu'><name>{name}</name><memory unit='MiB'>64</memory><vcpu>1</vcpu>{extra}\
         <os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
    )
}

fn with_file(instance: &Instance, command: &[&str], text: &str) -> Output {
    let path = instance.root().join("in.xml");
    std::fs::write(&path, text).unwrap();
    let mut words = command.to_vec();
    words.push(path.to_str().unwrap());
    instance.virsh(&words)
}

fn installed() -> bool {
    let there = std::path::Path::new("/usr/share/libvirt/schemas/domain.rng").exists();
    if !there {
        tests::not_run("validate", "libvirt's schemas (package libvirt0) are not installed");
    }
    there
}

#[test]
fn what_fits_the_schema_is_defined() {
    if !installed() {
        return;
    }
    let instance = Instance::start();
    let foreign = "<metadata><my:app xmlns:my='urn:example:app' my:level='3'><my:part n='1'>text</my:part></my:app>\
                   </metadata>";
    for (name, extra) in [
        ("plain", ""),
        ("foreign", foreign),
        (
            "devices",
            "<devices><disk type='file' device='disk'><source file='/a.img'/><target dev='vda'/></disk></devices>",
        ),
    ] {
        with_file(&instance, &["define", "--validate"], &xml(name, extra)).ok();
    }
    let dump = instance.virsh(&["dumpxml", "foreign"]).ok();
    assert!(dump.contains("<my:part n=\"1\">text</my:part>"), "{dump}");
}

#[test]
fn what_does_not_fit_is_refused_and_named() {
    if !installed() {
        return;
    }
    let instance = Instance::start();
    for (extra, part) in [
        ("<foo/>", "foo"),
        ("<on_reboot>sometimes</on_reboot>", "on_reboot"),
        ("<devices><disk typ='file'><target dev='vda'/></disk></devices>", "disk"),
        ("<x:thing xmlns:x='urn:example:not-in-metadata'/>", "thing"),
    ] {
        let text = xml("bad", extra);
        for command in ["define", "create"] {
            let error = with_file(&instance, &[command, "--validate"], &text).fails();
            for words in [
                "XML document failed to validate against schema: ",
                "/usr/share/libvirt/schemas/domain.rng",
                part,
            ] {
                assert!(error.contains(words), "{words} in {error}");
            }
        }
    }
    assert_eq!(instance.virsh(&["list", "--all", "--name"]).ok().trim(), "");
    // Without the flag, what libvirt does not know is passed over.
    with_file(&instance, &["define"], &xml("bad", "<foo/>")).ok();
}

#[test]
fn the_error_has_libvirts_numbers() {
    if !installed() {
        return;
    }
    let instance = Instance::start();
    let text = xml("bad", "<foo/>");
    let script = format!(
        "c = libvirt.open(uri)\n\
         for call in (lambda: c.defineXMLFlags({text:?}, libvirt.VIR_DOMAIN_DEFINE_VALIDATE),\n\
         \x20            lambda: c.createXML({text:?}, libvirt.VIR_DOMAIN_START_VALIDATE)):\n\
         \x20   try:\n\
         \x20       call()\n\
         \x20       print('taken')\n\
         \x20   except libvirt.libvirtError as e:\n\
         \x20       print(e.get_error_code(), e.get_error_domain())\n"
    );
    let answer = instance.python(&script).ok();
    assert_eq!(answer.lines().collect::<Vec<_>>(), ["92 5", "92 5"]);
}

#[test]
fn the_migratable_form_leaves_out_what_every_host_adds() {
    let instance = Instance::start();
    with_file(
        &instance,
        &["define"],
        &xml("guest", "<devices><graphics type='vnc' passwd='secret'/></devices>"),
    )
    .ok();
    let whole = instance.virsh(&["dumpxml", "guest"]).ok();
    let migratable = instance.virsh(&["dumpxml", "--migratable", "guest"]).ok();
    for part in
        ["model='piix3-uhci'", "model='pci-root'", "<input type='keyboard' bus='ps2'/>", "<audio id='1'"]
    {
        assert!(whole.contains(part), "{part} in {whole}");
        assert!(!migratable.contains(part), "{part} in {migratable}");
    }
    assert!(migratable.contains("passwd='secret'") && !whole.contains("secret"), "{migratable}");
    // The same definition comes of it.
    let again = instance.root().join("again.xml");
    std::fs::write(&again, &migratable).unwrap();
    instance.virsh(&["define", again.to_str().unwrap()]).ok();
    assert_eq!(instance.virsh(&["dumpxml", "guest"]).ok(), whole);
}
