//! Clocks of guests that set theirs; numbers of NUMA nodes that are left to the host's adviser; what is beside them in
//! definitions.

use tests::script::{CODE, CONSOLE, EVENTS};
use tests::{Instance, guest, not_run};

/// A variable offset follows the guest's clock, by what it was started with, over a restart of the daemon; clients hear
/// the whole adjustment. The stored definition keeps its own.
#[test]
fn variable_clocks_follow_the_guest() {
    let mut instance = Instance::start();
    let clock = "<clock offset='variable' adjustment='3600' basis='utc'/>";
    let xml = guest::linux_xml("l1", &guest::files()).replace("<devices>", &format!("{clock}<devices>"));
    assert_eq!(xml.matches("<clock").count(), 1, "{xml}");
    instance.define(&xml).ok();
    let set = |instance: &Instance, begin: &str, date: &str, seconds: u64| {
        instance.python(&format!(
            "{EVENTS}{CODE}{CONSOLE}\
             import time, re\n\
             c = libvirt.open(uri); d = c.lookupByName('l1')\n\
             c.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_RTC_CHANGE, lambda c, d, offset, to: told.put(offset), None)\n\
             {begin}\n\
             s.send(b'date -s \"{date}\"; hwclock -w -u\\n')\n\
             offset = told.get(timeout=50)\n\
             print(abs({seconds} - time.time() - offset) < 60)\n\
             shown = lambda flags: int(re.search(r\"adjustment='(-?\\d+)'\", d.XMLDesc(flags)).group(1))\n\
             print(shown(0) == offset, shown(libvirt.VIR_DOMAIN_XML_INACTIVE))\n"
        ))
    };
    instance.virsh(&["start", "l1", "--paused"]).ok();
    let told = set(&instance, "s = prompt(d)", "2030-01-02 03:04:05", 1_893_553_445).ok();
    assert_eq!(told, "True\nTrue 3600\n");
    instance.kill();
    instance.start_again();
    let again = set(&instance, "s = console(d)", "2035-01-02 03:04:05", 2_051_319_845).ok();
    assert_eq!(again, "True\nTrue 3600\n");
    instance.virsh(&["destroy", "l1"]).ok();
    assert!(instance.virsh(&["dumpxml", "l1"]).ok().contains("adjustment='3600'"));
}

/// Without numad there is no automatic placement: code 9, and the text names it.
#[test]
fn automatic_placement_asks_numad() {
    if std::path::Path::new("/usr/bin/numad").exists() {
        return not_run("automatic_placement_asks_numad", "numad is installed");
    }
    let instance = Instance::start();
    let nano = guest::nano_xml("g", "qemu", &guest::files());
    let by_memory = nano.replace("<os>", "<numatune><memory mode='strict' placement='auto'/></numatune><os>");
    let by_vcpus = nano.replace("<os>", "<vcpu placement='auto'>1</vcpu><os>");
    let by_vcpus = by_vcpus.replace("<vcpu>1</vcpu>", "");
    for xml in [by_memory, by_vcpus] {
        instance.define(&xml).ok();
        assert!(instance.virsh(&["dumpxml", "g"]).ok().contains("placement='auto'"));
        let out =
            instance.python(&format!("{CODE}print(code(libvirt.open(uri).lookupByName('g').create))\n"));
        assert_eq!(out.ok(), "9\n");
        let error = instance.virsh(&["start", "g"]).fails();
        assert!(error.contains("Failed to query numad for the advisory nodeset"), "{error}");
        instance.virsh(&["undefine", "g"]).ok();
    }
    instance.wait_idle();
}

/// Codes of contradictions: 67 and 27.
#[test]
fn contradictions_are_refused() {
    let instance = Instance::start();
    let nano = guest::nano_xml("g", "qemu", &guest::files());
    let with = |part: &str| nano.replace("<devices>", &format!("{part}<devices>"));
    let cell = |id: u32| format!("<cell id='{id}' cpus='0' memory='8192'/>");
    let documents = [
        with(&format!("<cpu><numa>{}{}</numa></cpu>", cell(0), cell(1))),
        with(
            "<cpu><numa><cell id='0' cpus='0' memory='16384'/></numa></cpu><numatune>\
             <memory mode='restrictive' nodeset='0'/><memnode cellid='0' mode='strict' nodeset='0'/></numatune>",
        ),
        nano.replace(
            "</devices>",
            "<watchdog model='ib700'><address type='pci' slot='5'/></watchdog></devices>",
        ),
        with("<clock offset='utc'><timer name='rtc' track='boot'/></clock>"),
    ];
    let out = instance.python(&format!(
        "{CODE}c = libvirt.open(uri)\nfor xml in {documents:?}: print(code(lambda: c.defineXML(xml)))\n"
    ));
    assert_eq!(out.ok().lines().collect::<Vec<_>>(), ["67", "27", "67", "67"]);
}
