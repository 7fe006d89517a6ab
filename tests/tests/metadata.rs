//! Names, titles, notes and ends of domains, changed by calls: on disk, in the running guest, and told by events.

use tests::script::{CODE, EVENTS};
use tests::{Instance, guest};

/// Callbacks that keep what is told, and two ways to ask.
const TOLD: &str = "\
c = libvirt.open(uri)\n\
c.domainEventRegisterAny(None, 0, lifecycle, None)\n\
c.domainEventRegisterAny(None, 23, lambda c, d, t, ns, to: told.put((d.name(), d.ID() > 0, (t, ns))), None)\n\
LIVE, CONFIG = 1, 2\n\
def note(*args): d.setMetadata(*args); return until((args[0], args[3]))[-1][2]\n";

fn notes(instance: &mut Instance) {
    let xml = guest::nano_xml("m1", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{EVENTS}{CODE}{TOLD}\
         d = c.defineXML({xml:?})\n\
         print(code(lambda: d.metadata(1, None)), code(lambda: d.setMetadata(1, 'x', None, None, LIVE)))\n\
         d.create()\n\
         print(note(1, 'now', None, None, LIVE), note(1, 'next', None, None, CONFIG), note(0, 'both\\nlines', None, None, 3))\n\
         print(d.metadata(1, None), d.metadata(1, None, CONFIG), d.metadata(0, None, LIVE) == d.metadata(0, None, CONFIG))\n\
         print(note(2, '<app a=\"1\"><part/></app>', 'k', 'urn:app', 0), d.metadata(2, 'urn:app').split())\n\
         print(code(lambda: d.metadata(2, 'urn:app', CONFIG)), '<k:app xmlns:k=\"urn:app\" a=\"1\">' in d.XMLDesc(0))\n\
         print(code(lambda: d.setMetadata(2, 'no xml', 'k', 'urn:app', 0)), code(lambda: d.setMetadata(7, '', None, None, 0)))\n\
         print(code(lambda: d.metadata(1, None, 3)), code(lambda: d.metadata(1, None, 4)))\n"
    ));
    let expected = [
        "80 55",
        "(1, None) (1, None) (0, None)",
        "now next True",
        "(2, 'urn:app') ['<app', 'a=\"1\">', '<part/>', '</app>']",
        "80 True",
        "35 8",
        "8 8",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    // Both definitions are on disk: a daemon that comes back knows them.
    instance.restart();
    let out = instance.python(&format!(
        "{EVENTS}{CODE}{TOLD}\
         d = c.lookupByName('m1')\n\
         print(d.metadata(1, None), d.metadata(1, None, CONFIG), d.metadata(2, 'urn:app').split()[0])\n\
         print(note(1, None, None, None, 3), note(2, None, None, 'urn:app', 0))\n\
         print(code(lambda: d.metadata(1, None)), code(lambda: d.metadata(2, 'urn:app')), '<metadata' in d.XMLDesc(0))\n\
         d.undefine(); print(code(lambda: d.setMetadata(0, 'x', None, None, CONFIG)))\n\
         d.destroy()\n"
    ));
    assert_eq!(out.ok(), "now next <app\n(1, None) (2, 'urn:app')\n80 80 False\n55\n");
}

#[test]
fn titles_descriptions_and_elements() {
    notes(&mut Instance::start());
}

#[test]
fn titles_descriptions_and_elements_in_a_session() {
    notes(&mut Instance::builder().session().start());
}

#[test]
fn a_domain_gets_another_name() {
    let mut instance = Instance::start();
    let xml = guest::nano_xml("old", "qemu", &guest::files());
    let taken = guest::nano_xml("taken", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{EVENTS}{CODE}{TOLD}\
         c.defineXML({taken:?}); d = c.defineXML({xml:?}); d.setAutostart(1); uuid = d.UUIDString()\n\
         print([code(lambda: d.rename(n, 0)) for n in ['old', 'taken', 'a/b', '..', '']], code(lambda: d.rename('x', 1)))\n\
         d.rename('new', 0)\n\
         print([(name, what) for name, _, what in until((0, 2))[-2:]])\n\
         d = c.lookupByName('new'); print(d.UUIDString() == uuid, d.autostart(), code(lambda: c.lookupByName('old')))\n\
         d.create(); print(code(lambda: d.rename('other', 0))); d.destroy()\n\
         t = c.createXML({xml:?}.replace('>old<', '>t1<'), 0); print(code(lambda: t.rename('t2', 0))); t.destroy()\n"
    ));
    let expected = ["[55, 55, 27, 27, 8] 8", "[('old', (1, 1)), ('new', (0, 2))]", "True 1 42", "55", "55"];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
    let documents = |instance: &Instance| -> Vec<String> {
        let names = std::fs::read_dir(instance.config_dir()).unwrap();
        let names = names.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<String> = names.filter(|name| name.ends_with(".xml")).collect();
        names.sort();
        names
    };
    assert_eq!(documents(&instance), ["new.xml", "taken.xml"]);
    instance.restart();
    assert!(instance.virsh(&["dominfo", "new"]).ok().contains("Autostart:      enable"));
    let log = instance.root().join("var/log/libvirt/qemu/new.log");
    assert!(log.exists(), "{}", log.display());
}

#[test]
fn a_renaming_cut_short_is_finished_or_never_was() {
    let mut instance = Instance::start();
    let xml = guest::nano_xml("a", "qemu", &guest::files());
    instance.define(&xml).ok();
    instance.virsh(&["autostart", "a"]).ok();
    let mut killed = 0;
    let mut names = ("a".to_owned(), "b".to_owned());
    let points =
        ["store.create", "store.rename", "store.dirsync", "store.link", "store.remove", "store.removed"];
    for point in points {
        for nth in 1..=3 {
            instance.set_env("OXIVIRT_FAULT", &format!("{point}:{nth}"));
            instance.restart();
            let cut_short = instance.virsh(&["domrename", &names.0, &names.1]).code != 0;
            killed += u32::from(cut_short);
            instance.clear_env("OXIVIRT_FAULT");
            instance.restart();
            let listed = instance.virsh(&["list", "--all", "--autostart", "--name"]).ok();
            let left: Vec<&str> = listed.split_whitespace().collect();
            assert_eq!(left.len(), 1, "{point}:{nth} leaves {left:?}");
            if left[0] == names.1 {
                names = (names.1, names.0);
            }
            assert_eq!(left[0], names.0, "{point}:{nth}");
            let folder = std::fs::read_dir(instance.config_dir()).unwrap();
            let files = folder.filter(|entry| entry.as_ref().unwrap().path().is_file()).count();
            assert_eq!(files, 1, "{point}:{nth} leaves files behind");
            let xml = std::fs::read_to_string(instance.config_dir().join(format!("{}.xml", names.0)));
            assert!(!xml.unwrap().contains("being renamed"), "{point}:{nth}");
        }
    }
    assert!(killed >= 10, "only {killed} of the fault points were reached");
}

#[test]
fn what_follows_a_guests_end_is_changed() {
    let instance = Instance::start();
    let xml = guest::nano_xml("e1", "qemu", &guest::files());
    let out = instance.python(&format!(
        "{EVENTS}{CODE}{TOLD}\
         import re\n\
         OFF, REBOOT, CRASH = 0, 1, 2; DESTROY, RESTART, PRESERVE = 0, 1, 3\n\
         ends = lambda flags: re.findall(r'<on_[a-z]*>([a-z-]*)<', d.XMLDesc(flags))\n\
         d = c.defineXML({xml:?}); until((0, 0))\n\
         d.setLifecycleAction(CRASH, PRESERVE, CONFIG); print(ends(0))\n\
         print([code(lambda: d.setLifecycleAction(*a)) for a in [(OFF, PRESERVE, CONFIG), (OFF, 4, CONFIG), (3, 0, CONFIG), (0, 6, CONFIG), (0, 2, 0), (0, 0, LIVE), (0, 0, 4)]])\n\
         d.create(); until((2, 0))\n\
         d.setLifecycleAction(REBOOT, DESTROY, LIVE); print(ends(0), ends(2))\n\
         d.reset(); print(life(until((5, 0))), d.isActive())\n"
    ));
    let expected = [
        "['destroy', 'restart', 'preserve']",
        "[67, 67, 8, 8, 67, 55, 8]",
        "['destroy', 'destroy', 'preserve'] ['destroy', 'restart', 'preserve']",
        "[(6, 2), (5, 0)] 0",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}

#[test]
fn what_a_definition_leaves_behind_is_removed_kept_or_in_the_way() {
    let instance = Instance::start();
    let save = instance.library_dir().join("save");
    let history = instance.library_dir().join("snapshot/u1");
    let nvram = instance.root().join("u1.fd");
    let loader = "<loader readonly='yes' type='pflash'>/usr/share/OVMF/OVMF_CODE_4M.fd</loader>";
    let xml = guest::nano_xml("u1", "qemu", &guest::files())
        .replace("<kernel>", &format!("{loader}<nvram>{}</nvram><kernel>", nvram.display()));
    if !std::path::Path::new("/usr/share/OVMF/OVMF_CODE_4M.fd").exists() {
        tests::not_run(
            "what_a_definition_leaves_behind_is_removed_kept_or_in_the_way",
            "ovmf is not installed",
        );
        return;
    }
    let out = instance.python(&format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         save, nvram, history = {save:?} + '/u1.save', {nvram:?}, {history:?}\n\
         def define(): return c.defineXML({xml:?})\n\
         def put(path): os.makedirs(os.path.dirname(path), exist_ok=True); open(path, 'w').write('x')\n\
         d = define(); put(nvram)\n\
         print([code(lambda: d.undefineFlags(f)) for f in [0, 12, 96, 128]])\n\
         print(code(lambda: d.undefineFlags(8)), os.path.exists(nvram)); d = define()\n\
         print(code(lambda: d.undefineFlags(4 | 32)), os.path.exists(nvram)); d = define()\n\
         put(save); print(d.hasManagedSaveImage(0), [len(c.listAllDomains(f)) for f in [256, 512]], code(lambda: d.undefineFlags(8)))\n\
         d.managedSaveRemove(0); print(d.hasManagedSaveImage(0), [len(c.listAllDomains(f)) for f in [256, 512]], code(lambda: d.managedSaveRemove(0)))\n\
         put(save); print(code(lambda: d.undefineFlags(1 | 64)), os.path.exists(save)); d = define()\n\
         put(history + '/s.xml'); print(code(lambda: d.undefineFlags(0)), code(lambda: d.snapshotNum(0)), code(lambda: d.rename('u2', 0)))\n\
         print(code(lambda: d.undefineFlags(2 | 16)), os.path.exists(history), len(c.listAllDomains(0)))\n",
        save = save.to_str().unwrap(),
        nvram = nvram.to_str().unwrap(),
        history = history.to_str().unwrap(),
    ));
    let expected = [
        "[55, 55, 55, 8]",
        "done True",
        "done False",
        "1 [1, 0] 55",
        "0 [0, 1] 38",
        "done False",
        "55 84 55",
        "done False 0",
    ];
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), expected);
}
