//! What a client may do that is not to change anything: on the read-only socket, and on the main one when it says so
//! itself. The refusals are the daemon's own: calls go over the wire, past the client library's checks.

use protocol::procedure::Meta;
use protocol::qemu;
use protocol::remote::{self, NonnullDomain, rows};
use protocol::xdr::Xdr;
use protocol::{ErrorCode, Fault};
use tests::script::CODE;
use tests::wire::{Anything, Raw, Wire};
use tests::{Instance, guest};

/// A running guest with a password in its definition, and its identity.
fn with_guest(instance: &Instance) -> NonnullDomain {
    let xml = guest::nano_xml("r1", "qemu", &guest::files());
    let xml = xml.replace("</devices>", "<graphics type='vnc' autoport='yes' passwd='s3cret'/></devices>");
    instance.define(&xml).ok();
    instance.virsh(&["start", "r1"]).ok();
    let mut wire = Wire::open(&instance.socket(), &driver_uri(instance)).unwrap();
    let args = remote::DomainLookupByNameArgs { name: "r1".to_owned() };
    let found: remote::DomainLookupByNameRet = wire.call(&rows::domain_lookup_by_name, &args).unwrap();
    found.dom
}

fn driver_uri(instance: &Instance) -> String {
    if instance.is_system() { "qemu:///system" } else { "qemu:///session" }.to_owned()
}

/// Connections that are read-only in either way.
fn connections(instance: &Instance) -> Vec<Wire> {
    let mut own_wish = Wire::connect(&instance.socket()).unwrap();
    let _: remote::AuthListRet = own_wish.call(&rows::auth_list, &()).unwrap();
    let open = remote::ConnectOpenArgs { name: Some(driver_uri(instance)), flags: 1 };
    own_wish.call::<()>(&rows::connect_open, &open).unwrap();
    let mut all = vec![own_wish];
    if instance.is_system() {
        all.push(Wire::open(&instance.socket_ro(), &driver_uri(instance)).unwrap());
    } else {
        tests::not_run("the read-only socket", "a session has none");
    }
    all
}

/// Expects that a call is refused for want of rights.
#[track_caller]
fn refused<R: Xdr + std::fmt::Debug>(wire: &mut Wire, meta: &'static Meta, args: &impl Xdr) {
    let answer: Result<R, Fault> = wire.call(meta, args);
    let error = answer.expect_err(meta.name);
    assert_eq!(error.code, ErrorCode::OPERATION_DENIED, "{}: {}", meta.name, error.message);
    assert!(error.message.starts_with("operation forbidden: "), "{}: {}", meta.name, error.message);
}

#[test]
fn nothing_can_be_changed() {
    let instance = Instance::start();
    let dom = with_guest(&instance);
    let xml = "<domain type='qemu'><name>r2</name></domain>".to_owned();
    for mut wire in connections(&instance) {
        let w = &mut wire;
        refused::<remote::DomainDefineXmlRet>(
            w,
            &rows::domain_define_xml,
            &remote::DomainDefineXmlArgs { xml: xml.clone() },
        );
        let create = remote::DomainCreateXmlArgs { xml_desc: xml.clone(), flags: 0 };
        refused::<remote::DomainCreateXmlRet>(w, &rows::domain_create_xml, &create);
        refused::<()>(w, &rows::domain_create, &remote::DomainCreateArgs { dom: dom.clone() });
        refused::<()>(w, &rows::domain_destroy, &remote::DomainDestroyArgs { dom: dom.clone() });
        let destroy = remote::DomainDestroyFlagsArgs { dom: dom.clone(), flags: 0 };
        refused::<()>(w, &rows::domain_destroy_flags, &destroy);
        refused::<()>(w, &rows::domain_shutdown, &remote::DomainShutdownArgs { dom: dom.clone() });
        refused::<()>(w, &rows::domain_reboot, &remote::DomainRebootArgs { dom: dom.clone(), flags: 0 });
        refused::<()>(w, &rows::domain_reset, &remote::DomainResetArgs { dom: dom.clone(), flags: 0 });
        refused::<()>(w, &rows::domain_suspend, &remote::DomainSuspendArgs { dom: dom.clone() });
        refused::<()>(w, &rows::domain_resume, &remote::DomainResumeArgs { dom: dom.clone() });
        refused::<()>(w, &rows::domain_undefine, &remote::DomainUndefineArgs { dom: dom.clone() });
        let autostart = remote::DomainSetAutostartArgs { dom: dom.clone(), autostart: 1 };
        refused::<()>(w, &rows::domain_set_autostart, &autostart);
        let console = remote::DomainOpenConsoleArgs { dom: dom.clone(), dev_name: None, flags: 0 };
        refused::<()>(w, &rows::domain_open_console, &console);
        let native = remote::ConnectDomainXmlToNativeArgs {
            nativeFormat: "qemu-argv".to_owned(),
            domainXml: xml.clone(),
            flags: 0,
        };
        refused::<remote::ConnectDomainXmlToNativeRet>(w, &rows::connect_domain_xml_to_native, &native);
        let command =
            qemu::DomainMonitorCommandArgs { dom: dom.clone(), cmd: "info name".to_owned(), flags: 1 };
        refused::<qemu::DomainMonitorCommandRet>(w, &qemu::rows::domain_monitor_command, &command);
    }
    assert_eq!(instance.virsh(&["list", "--all", "--name"]).ok().trim(), "r1");
    assert_eq!(instance.virsh(&["domstate", "r1"]).ok().trim(), "running");
    assert!(instance.virsh(&["dominfo", "r1"]).ok().contains("Autostart:      disable"));
}

#[test]
fn passwords_stay_hidden() {
    let instance = Instance::start();
    let dom = with_guest(&instance);
    let describe = |flags| remote::DomainGetXmlDescArgs { dom: dom.clone(), flags };
    for mut wire in connections(&instance) {
        let text: remote::DomainGetXmlDescRet = wire.call(&rows::domain_get_xml_desc, &describe(0)).unwrap();
        assert!(text.xml.contains("<graphics type='vnc'") && !text.xml.contains("s3cret"), "{}", text.xml);
        let text: remote::DomainGetXmlDescRet = wire.call(&rows::domain_get_xml_desc, &describe(2)).unwrap();
        assert!(!text.xml.contains("s3cret"), "{}", text.xml);
        // Both of these would show it: asked for by name, and for another host.
        refused::<remote::DomainGetXmlDescRet>(&mut wire, &rows::domain_get_xml_desc, &describe(1));
        refused::<remote::DomainGetXmlDescRet>(&mut wire, &rows::domain_get_xml_desc, &describe(8));
    }
}

#[test]
fn everything_can_be_seen() {
    let instance = Instance::start();
    with_guest(&instance);
    if !instance.is_system() {
        return tests::not_run("everything_can_be_seen", "a session has no read-only socket");
    }
    let out = instance.python(&format!(
        "{CODE}\
         for c in (libvirt.openReadOnly(uri), libvirt.openReadOnly(uri.replace('-sock', '-sock-ro'))):\n\
         \x20   d = c.lookupByName('r1')\n\
         \x20   print([d.name() for d in c.listAllDomains()], c.lookupByID(d.ID()).UUID() == d.UUID(), d.state(), d.autostart())\n\
         \x20   print([code(f) for f in (d.XMLDesc, d.info, d.controlInfo, d.maxMemory, d.maxVcpus, d.OSType,\n\
         \x20       c.getAllDomainStats, c.getCapabilities, c.getHostname, c.getInfo, c.getFreeMemory, c.getVersion,\n\
         \x20       d.hasManagedSaveImage, d.isUpdated, d.isPersistent)])\n\
         \x20   print(code(d.destroy), code(lambda: d.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)))\n\
         \x20   libvirt.virEventRegisterDefaultImpl()\n\
         \x20   print(c.domainEventRegisterAny(None, 0, lambda *a: None, None) >= 0)\n"
    ));
    let done = ["'done'"; 15].join(", ");
    let one = format!("['r1'] True [1, 1] 0\n[{done}]\n29 29\nTrue\n");
    assert_eq!(out.ok(), one.repeat(2));
    assert!(instance.virsh_ro(&["dumpxml", "r1"]).ok().contains("<name>r1</name>"));
    let refusal = instance.virsh_ro(&["dumpxml", "r1", "--security-info"]).fails();
    assert!(refusal.contains("operation forbidden"), "{refusal}");
    for call in [["destroy", "r1"], ["suspend", "r1"], ["undefine", "r1"], ["autostart", "r1"]] {
        assert!(instance.virsh_ro(&call).fails().contains("read only access"), "{call:?}");
    }
}

/// Every procedure, with the same bytes as they were sent to the reference, is refused or not as it was there.
#[test]
fn each_procedure_is_one_that_reads_or_one_that_changes() {
    let test = "each_procedure_is_one_that_reads_or_one_that_changes";
    let instance = Instance::start();
    if !instance.is_system() {
        return tests::not_run(test, "a session has no read-only socket");
    }
    instance
        .define("<domain type='qemu'><name>r1</name><memory>1024</memory><os><type>hvm</type></os></domain>")
        .ok();
    let open = || Wire::open(&instance.socket_ro(), "qemu:///system").unwrap();
    let mut wire = open();
    let args = remote::DomainLookupByNameArgs { name: "r1".to_owned() };
    let found: remote::DomainLookupByNameRet = wire.call(&rows::domain_lookup_by_name, &args).unwrap();
    let remote = (1..=456).filter_map(remote::meta);
    let calls = remote.chain((1..=20).filter_map(qemu::meta)).filter(|meta| !meta.event);
    let recorded = include_str!("data/readonly.txt").lines().filter(|line| !line.starts_with('#'));
    let mut recorded: std::collections::BTreeMap<(&str, &str), &str> = recorded
        .filter_map(|line| {
            let mut words = line.split(' ');
            Some(((words.next()?, words.next()?), words.next()?))
        })
        .collect();
    let mut wrong = Vec::new();
    for meta in calls {
        let answer: Result<Anything, Fault> = wire.call(meta, &Raw::about(meta, &found.dom));
        let refused = answer.as_ref().is_err_and(|fault| {
            fault.code == ErrorCode::OPERATION_DENIED
                && (fault.message.contains("read only access prevents")
                    || fault.message.contains("with secure flag"))
        });
        let program = if meta.program == qemu::PROGRAM { "qemu" } else { "remote" };
        let ours = if refused { "refused" } else { "allowed" };
        let theirs = recorded.remove(&(program, meta.name));
        if theirs != Some(ours) {
            wrong.push(format!("{program} {}: {ours}, recorded {theirs:?}: {answer:?}", meta.name));
        }
        if meta.name == "connect_close" {
            wire = open();
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(recorded.is_empty(), "no such calls: {recorded:?}");
    assert!(instance.virsh(&["dominfo", "r1"]).ok().contains("shut off"));
}
