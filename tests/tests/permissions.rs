//! Fine-grained access control: what a client may do with which domain, asked of a real polkitd for each call.

use protocol::procedure::{Family, Meta};
use protocol::remote::{self, rows};
use protocol::{ErrorCode, Fault, qemu};
use tests::script::CODE;
use tests::users::{NOBODY, can_be_others};
use tests::wire::{Anything, Raw, Wire};
use tests::{Instance, guest};

/// nobody comes in, sees the domain "seen", and may start it and end it; what everybody may see of hosts is as it is.
const RULES: &str = r#"
polkit.addRule(function (action, subject) {
    if (action.id.indexOf("org.libvirt.unix.") == 0) { return polkit.Result.YES; }
    if (subject.user != "nobody") { return polkit.Result.NOT_HANDLED; }
    if (action.id == "org.libvirt.api.connect.write") { return polkit.Result.NO; }
    if (action.id.indexOf("org.libvirt.api.domain.") != 0) { return polkit.Result.NOT_HANDLED; }
    if (action.lookup("connect_driver") != "QEMU") { return polkit.Result.NO; }
    var may = ["getattr", "read", "start", "stop"].indexOf(action.id.split(".")[4]) >= 0;
    return may && action.lookup("domain_name") == "seen" ? polkit.Result.YES : polkit.Result.NO;
});
"#;

/// Python: a connection that calls for nobody, with the script's own process.
const TELL: &str = "\
def tell(c):\n\
\x20   start = int(open('/proc/self/stat').read().rsplit(')', 1)[1].split()[19])\n\
\x20   c.setIdentity({'unix-user-id': 65534, 'process-id': os.getpid(), 'process-time': start})\n";

/// nobody opens a connection and may do nothing else.
const NOTHING: &str = r#"
polkit.addRule(function (action, subject) {
    if (action.id.indexOf("org.libvirt.unix.") == 0) { return polkit.Result.YES; }
    if (subject.user != "nobody" || action.id == "org.libvirt.api.connect.getattr") {
        return polkit.Result.NOT_HANDLED;
    }
    return polkit.Result.NO;
});
"#;

/// A daemon that asks polkit with these rules, with two domains; `None` where that cannot be.
fn asking(test: &str, rules: &str) -> Option<Instance> {
    if !can_be_others(test) {
        return None;
    }
    let mut instance = Instance::builder().conf("access_drivers = [\"polkit\"]\n").prepare();
    instance.start_polkitd(test, rules)?;
    instance.start_again();
    for name in ["seen", "hidden"] {
        instance.define(&guest::nano_xml(name, "qemu", &guest::files())).ok();
    }
    Some(instance)
}

#[test]
fn each_domain_has_its_own_permissions() {
    let Some(instance) = asking("each_domain_has_its_own_permissions", RULES) else { return };
    let script = format!(
        "{CODE}\
         c = libvirt.open(uri)\n\
         print([d.name() for d in c.listAllDomains()], c.numOfDefinedDomains(), c.listDefinedDomains())\n\
         print([d.name() for d, _ in c.getAllDomainStats()])\n\
         print(code(lambda: c.lookupByName('hidden')), code(lambda: c.lookupByName('none')))\n\
         d = c.lookupByName('seen')\n\
         print(len(d.XMLDesc()) > 100, code(lambda: d.XMLDesc(libvirt.VIR_DOMAIN_XML_SECURE)))\n\
         print(code(d.create), [x.name() for x in c.listAllDomains(1)], c.numOfDomains(), len(c.listDomainsID()))\n\
         print(code(lambda: d.setAutostart(1)), code(d.undefine), code(d.suspend), code(d.destroy))\n\
         new = '<domain type=\"qemu\"><name>new</name><memory>1024</memory><os><type>hvm</type></os></domain>'\n\
         print(code(lambda: c.defineXML(new)), code(lambda: c.createXML(new)), code(lambda: c.defineXML('<bad')))\n\
         print(code(lambda: c.setIdentity({{}})), code(lambda: c.getHostname()))\n\
         try: d.undefine()\n\
         except libvirt.libvirtError as e: print(e.get_error_domain(), e.get_error_message())\n"
    );
    let lines = "['seen'] 1 ['seen']\n['seen']\n88 42\nTrue 88\ndone ['seen'] 1 1\n88 88 88 done\n88 88 88\n88 done\n\
                 55 access denied: 'QEMU' denied access\n";
    assert_eq!(NOBODY.python(&instance, &script).ok(), lines);
    // Root is asked about nowhere.
    let out = instance.virsh(&["list", "--all", "--name"]).ok();
    assert_eq!(out.split_whitespace().collect::<Vec<_>>().len(), 2, "{out}");
    instance.virsh(&["undefine", "hidden"]).ok();
}

#[test]
fn a_forwarded_identity_is_the_one_that_is_asked_about() {
    let test = "a_forwarded_identity_is_the_one_that_is_asked_about";
    let Some(instance) = asking(test, RULES) else { return };
    let script = format!(
        "{CODE}{TELL}\
         c = libvirt.open(uri)\n\
         print(len(c.listAllDomains()))\n\
         print(code(lambda: tell(c)))\n\
         print([d.name() for d in c.listAllDomains()], code(lambda: c.lookupByName('hidden')))\n\
         c = libvirt.open(uri)\n\
         print(code(lambda: c.setIdentity({{'unix-user-id': 65534}})))\n\
         print(code(lambda: c.lookupByName('seen')))\n"
    );
    // Whoever is told of without a process cannot be asked about.
    assert_eq!(instance.python(&script).ok(), "2\ndone\n['seen'] 88\ndone\n88\n");
}

#[test]
fn events_of_hidden_domains_are_not_heard() {
    let Some(instance) = asking("events_of_hidden_domains_are_not_heard", RULES) else { return };
    // One process has both connections, so that all happens in the script's order.
    let script = format!(
        "{TELL}\
         libvirt.virEventRegisterDefaultImpl()\n\
         root, c = libvirt.open(uri), libvirt.open(uri)\n\
         tell(c)\n\
         heard, all = [], []\n\
         note = lambda c, d, event, detail, to: to.append((d.name(), event))\n\
         for which, to in [(c, heard), (root, all)]:\n    \
         which.domainEventRegisterAny(None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, note, to)\n\
         for name in ['hidden', 'seen', 'hidden', 'seen']:\n    \
         root.lookupByName(name).create()\n    \
         root.lookupByName(name).destroy()\n\
         root.lookupByName('hidden').undefine()\n\
         root.lookupByName('seen').undefine()\n\
         while ('seen', 1) not in heard or ('seen', 1) not in all: libvirt.virEventRunDefaultImpl()\n\
         print(heard == [one for one in all if one[0] == 'seen'], ('hidden', 1) in all, len(heard) > 4)\n"
    );
    assert_eq!(instance.python(&script).ok(), "True True True\n");
}

/// All calls of the families that virtqemud itself answers.
fn own_calls() -> impl Iterator<Item = &'static Meta> {
    let all = (1..=456).filter_map(remote::meta).chain((1..=20).filter_map(qemu::meta));
    all.filter(|meta| {
        let others = [
            Family::Auth,
            Family::Network,
            Family::Interface,
            Family::StoragePool,
            Family::StorageVol,
            Family::NodeDevice,
            Family::Secret,
            Family::Nwfilter,
        ];
        !meta.event && !others.contains(&meta.family)
    })
}

#[test]
fn no_call_that_has_a_rule_can_be_made_against_it() {
    let test = "no_call_that_has_a_rule_can_be_made_against_it";
    let Some(instance) = asking(test, NOTHING) else { return };
    let mut root = Wire::open(&instance.socket(), "qemu:///system").unwrap();
    instance.virsh(&["start", "hidden"]).ok();
    let args = remote::DomainLookupByNameArgs { name: "hidden".to_owned() };
    let found: remote::DomainLookupByNameRet = root.call(&rows::domain_lookup_by_name, &args).unwrap();
    // The client is root's here and says for whom it calls: a user of whom polkit thinks as of nobody.
    let mut wire = Wire::open(&instance.socket(), "qemu:///system").unwrap();
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let start: u64 = stat.rsplit(')').next().unwrap().split_whitespace().nth(19).unwrap().parse().unwrap();
    let told = remote::ConnectSetIdentityArgs {
        params: vec![
            remote::TypedParam::new("unix-user-id", u64::from(NOBODY.id)),
            remote::TypedParam::new("process-id", i64::from(std::process::id())),
            remote::TypedParam::new("process-time", start),
        ]
        .into(),
        flags: 0,
    };
    wire.call::<()>(&rows::connect_set_identity, &told).unwrap();
    let mut checked = 0;
    let mut wrong = Vec::new();
    for meta in own_calls().filter(|meta| meta.access.iter().any(|rule| rule.permission != "getattr")) {
        let answer: Result<Anything, Fault> = wire.call(meta, &Raw::about(meta, &found.dom));
        match answer {
            Err(fault) if fault.code == ErrorCode::ACCESS_DENIED => checked += 1,
            Err(fault) => wrong.push(format!("{}: {fault}", meta.name)),
            Ok(_) => wrong.push(format!("{}: done", meta.name)),
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(checked > 200, "{checked}");
    assert!(instance.virsh(&["domstate", "hidden"]).ok().contains("running"));
}
