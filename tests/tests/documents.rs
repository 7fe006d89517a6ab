//! Documents: what a definition looks like with each flag, and what the daemon finds on disk when it starts.
//! The texts in `data/` are libvirt 9.0's answers for the same definitions.

use std::path::{Path, PathBuf};

use tests::{Instance, guest};

/// The definition that `data/inactive.xml` and `data/migratable.xml` answer to.
fn definition() -> String {
    format!(
        "<domain type='qemu'><name>x1</name><uuid>11111111-fade-4000-8000-0000000000f1</uuid>\
         <memory unit='MiB'>16</memory><vcpu>1</vcpu>\
         <os><type arch='x86_64' machine='pc'>hvm</type><kernel>{}</kernel></os><features><acpi/></features>\
         <devices><serial type='pty'/><console type='pty'/>\
         <channel type='unix'><target type='virtio' name='org.example.port'/></channel>\
         <graphics type='vnc' autoport='yes' passwd='s3cret' passwdValidTo='2031-01-01T00:00:00'/>\
         <video><model type='cirrus'/></video><memballoon model='virtio'/></devices></domain>",
        guest::files().nano.display()
    )
}

fn recorded(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name);
    let kernel = guest::files().nano;
    std::fs::read_to_string(path).unwrap().replace("KERNEL", kernel.to_str().unwrap())
}

/// The machine of the recorded answers is the newest of QEMU 7.2.
fn comparable(instance: &Instance, test: &str) -> bool {
    let version = instance.virsh(&["version"]).ok();
    let same = version.contains("QEMU 7.2.");
    if !same {
        tests::not_run(test, "the answers were recorded with QEMU 7.2");
    }
    same
}

#[test]
fn a_definition_with_every_flag() {
    let instance = Instance::start();
    if !comparable(&instance, "a_definition_with_every_flag") {
        return;
    }
    instance.define(&definition()).ok();
    let dump = |flags: &[&str]| {
        let mut arguments = vec!["dumpxml", "x1"];
        arguments.extend(flags);
        instance.virsh(&arguments).ok().trim_end().to_owned()
    };
    let plain = recorded("inactive.xml").trim_end().to_owned();
    let shown = plain.replace("autoport='yes'", "autoport='yes' passwd='s3cret'");
    let elsewhere = recorded("migratable.xml").trim_end().to_owned();
    assert_eq!(dump(&[]), plain);
    assert_eq!(dump(&["--inactive"]), plain);
    assert_eq!(dump(&["--update-cpu"]), plain);
    assert_eq!(dump(&["--security-info"]), shown);
    assert_eq!(dump(&["--migratable"]), elsewhere);
    instance.virsh(&["start", "x1", "--paused"]).ok();
    assert_eq!(dump(&["--inactive"]), plain);
    assert_eq!(dump(&["--inactive", "--security-info"]), shown);
    // A running guest also says which partition it is in, as the reference has it.
    let partition = "  <resource>\n    <partition>/machine</partition>\n  </resource>\n";
    assert_eq!(dump(&["--migratable"]).replace(partition, ""), elsewhere);
    assert_eq!(dump(&["--migratable", "--inactive"]), elsewhere);
    let live = dump(&[]);
    assert!(!live.contains("s3cret"), "{live}");
    assert_eq!(dump(&["--security-info"]).replace(" passwd='s3cret'", ""), live);
    for part in [
        "<domain type='qemu' id='1'>",
        "<source path='/dev/pts/",
        "<console type='pty' tty='/dev/pts/",
        "/channel/target/domain-1-x1/org.example.port'/>",
        "<target type='virtio' name='org.example.port' state='disconnected'/>",
        "<graphics type='vnc' port='",
        "' autoport='yes' listen='127.0.0.1' passwdValidTo='2031-01-01T00:00:00'>",
        "<listen type='address' address='127.0.0.1'/>",
        "<alias name='serial0'/>",
        "<alias name='channel0'/>",
        "<alias name='video0'/>",
        "<alias name='balloon0'/>",
        "<alias name='pci.0'/>",
    ] {
        assert!(live.contains(part), "{part} in {live}");
    }
    let unknown = instance.python(
        "try: libvirt.open(uri).lookupByName('x1').XMLDesc(1 << 4)\n\
         except libvirt.libvirtError as e: print(e.get_error_code())\n",
    );
    assert_eq!(unknown.ok(), "8\n");
}

/// A file in the definition directory as somebody else wrote it.
fn put(instance: &Instance, name: &str, text: &str) -> PathBuf {
    let folder = instance.config_dir();
    std::fs::create_dir_all(folder.join("autostart")).unwrap();
    let path = folder.join(format!("{name}.xml"));
    std::fs::write(&path, text).unwrap();
    path
}

#[test]
fn documents_of_libvirt_load_unchanged() {
    let mut instance = Instance::builder().prepare();
    let text = recorded("written.xml");
    let document = format!("<!--\nMade by another program.\n-->\n\n{text}");
    let path = put(&instance, "written", &document);
    std::os::unix::fs::symlink(&path, instance.config_dir().join("autostart/written.xml")).unwrap();
    // Not the first daemon since the host's start: it does not start what starts with the host.
    std::fs::create_dir_all(instance.state_dir()).unwrap();
    std::fs::write(instance.state_dir().join("autostarted"), "").unwrap();
    instance.start_again();
    let dump = instance.virsh(&["dumpxml", "written", "--security-info"]).ok();
    assert_eq!(dump.trim_end(), text.trim_end());
    assert_eq!(std::fs::read_to_string(&path).unwrap(), document, "looking changes nothing");
    assert_eq!(instance.virsh(&["list", "--all", "--autostart", "--name"]).ok().trim(), "written");
    assert_eq!(instance.virsh(&["domstate", "written"]).ok().trim(), "shut off");
    // Defined again as it is, it stays as it is.
    let file = instance.root().join("again.xml");
    std::fs::write(&file, &dump).unwrap();
    instance.virsh(&["define", file.to_str().unwrap()]).ok();
    let stored = std::fs::read_to_string(&path).unwrap();
    assert!(stored.ends_with(&text), "{stored}");
}

#[test]
fn broken_documents_harm_nobody() {
    let mut instance = Instance::builder().prepare();
    let good = |name: &str, uuid: u8| {
        format!(
            "<domain type='qemu'><name>{name}</name><uuid>11111111-fade-4000-8000-0000000000{uuid:02x}</uuid>\
             <memory>16384</memory><os><type arch='x86_64' machine='pc'>hvm</type></os></domain>"
        )
    };
    put(&instance, "good", &good("good", 1));
    let left = [
        ("empty", String::new()),
        ("cut", good("cut", 2)[..80].to_owned()),
        ("other", good("named-otherwise", 3)),
        ("twin", good("twin", 1)),
        ("network", "<network><name>network</name></network>".to_owned()),
        ("deep", "<a>".repeat(100_000)),
        ("binary", "\u{0}\u{1}<domain/>".to_owned()),
    ];
    let paths: Vec<_> = left.iter().map(|(name, text)| put(&instance, name, text)).collect();
    std::fs::create_dir(instance.config_dir().join("folder.xml")).unwrap();
    std::os::unix::fs::symlink("/nonexistent", instance.config_dir().join("autostart/gone.xml")).unwrap();
    instance.start_again();
    let names = instance.virsh(&["list", "--all", "--name"]).ok();
    // Of two with the same UUID one is there.
    assert!(["good", "twin"].contains(&names.trim()), "{names}");
    for ((name, text), path) in left.iter().zip(&paths) {
        assert_eq!(&std::fs::read_to_string(path).unwrap(), text, "{name} is left alone");
        if *name != "twin" {
            assert!(instance.log().contains(name), "the log names '{name}': {}", instance.log());
        }
    }
    // A broken document does not keep its name.
    instance.define(&good("cut", 2)).ok();
    assert_eq!(instance.virsh(&["domstate", "cut"]).ok().trim(), "shut off");
}

#[test]
fn guests_start_with_the_host_once() {
    let mut instance = Instance::start();
    let files = guest::files();
    for name in ["a1", "a2", "bad", "idle"] {
        let xml = guest::nano_xml(name, "qemu", &files);
        let broken = xml.replace("<kernel>", "<kernel>/nonexistent");
        instance.define(if name == "bad" { &broken } else { &xml }).ok();
    }
    for name in ["a1", "a2", "bad"] {
        instance.virsh(&["autostart", name]).ok();
    }
    // The same boot of the host: nothing starts.
    instance.restart();
    assert_eq!(instance.virsh(&["list", "--name"]).ok().trim(), "");
    // The next one: the run directory is new.
    assert_eq!(instance.stop(), 0);
    std::fs::remove_dir_all(instance.run_dir()).unwrap();
    instance.start_again();
    let out = instance.python(
        "c = libvirt.open(uri)\n\
         end = time.monotonic() + 30\n\
         def names(): return sorted(d.name() for d in c.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_RUNNING))\n\
         while names() != ['a1', 'a2'] and time.monotonic() < end: pass\n\
         print(names(), sorted(d.name() for d in c.listAllDomains()))\n",
    );
    assert_eq!(out.ok(), "['a1', 'a2'] ['a1', 'a2', 'bad', 'idle']\n");
    // What was stopped since stays so when only the daemon comes back.
    instance.virsh(&["destroy", "a2"]).ok();
    instance.restart();
    assert_eq!(instance.virsh(&["list", "--name"]).ok().trim(), "a1");
    assert!(instance.log().contains("domain 'bad' does not start"), "{}", instance.log());
    instance.virsh(&["destroy", "a1"]).ok();
    instance.wait_idle();
}
