//! virtsecretd, driven by the installed clients: definitions, values, lists, events; what is on disk, and what is nowhere
//! else.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;

use protocol::remote::{self, NonnullSecret, rows};
use protocol::xdr::Uuid;
use protocol::{ErrorCode, ErrorDomain, Fault};
use tests::script::{CODE, EVENTS};
use tests::wire::Wire;
use tests::{Daemon, Instance};

/// The secret that most scripts speak of.
const UUID: &str = "11111111-0000-4000-8000-000000000001";

/// `document(n, usage, attributes)` is the XML of secret `n`; `volume(path)` a usage; `refused(f)` code, domain and message
/// of the error that `f` ends with.
const SECRETS: &str = "\
libvirt.registerErrorHandler(lambda *a: None, None)\n\
U = '11111111-0000-4000-8000-00000000000'\n\
volume = lambda path: f\"<usage type='volume'><volume>{path}</volume></usage>\"\n\
def document(n, usage='', attributes='', more=''):\n\
\x20   return f'<secret {attributes}><uuid>{U}{n}</uuid>{more}{usage}</secret>'\n\
def refused(f):\n\
\x20   try: return repr(f())\n\
\x20   except libvirt.libvirtError as e: return (e.get_error_code(), e.get_error_domain(), e.get_error_message())\n\
c = libvirt.open(uri)\n";

fn secretd() -> tests::Builder {
    Instance::of(Daemon::Virtsecretd)
}

/// `/etc/libvirt/secrets`: names, texts; fails if others could read any of it.
fn files(instance: &Instance) -> BTreeMap<String, String> {
    let dir = instance.etc_dir().join("secrets");
    assert_eq!(dir.metadata().unwrap().permissions().mode() & 0o777, 0o700);
    let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
    let read = entries.map(|entry| {
        let name = entry.file_name().into_string().unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{name}");
        (name, std::fs::read_to_string(entry.path()).unwrap())
    });
    read.collect()
}

fn names(instance: &Instance) -> Vec<String> {
    files(instance).into_keys().map(|name| name.replace("11111111-0000-4000-8000-00000000000", "")).collect()
}

fn python(instance: &Instance, script: &str) -> String {
    instance.python(&format!("{SECRETS}{script}")).ok()
}

fn from_script(instance: &Instance, xml: &str) -> String {
    let path = instance.root().join("secret.xml");
    std::fs::write(&path, xml).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every virsh command for secrets, in both modes.
fn a_secret_s_life_by_virsh(instance: &Instance) {
    let kinds =
        [("volume", "volume"), ("ceph", "name"), ("iscsi", "target"), ("tls", "name"), ("vtpm", "name")];
    for (kind, element) in kinds {
        let id = if kind == "volume" { "/of/volume".to_owned() } else { format!("of-{kind}") };
        let document = format!(
            "<secret ephemeral='no' private='no'>\n  <uuid>{UUID}</uuid>\n  <description>one</description>\n  \
             <usage type='{kind}'>\n    <{element}>{id}</{element}>\n  </usage>\n</secret>\n"
        );
        let path = from_script(instance, &document);
        instance.virsh(&["secret-define", "--validate", &path]).ok();
        assert_eq!(instance.virsh(&["secret-dumpxml", UUID]).ok().trim(), document.trim());
        let list = instance.virsh(&["secret-list"]).ok();
        assert_eq!(list.split_whitespace().collect::<Vec<_>>(), [UUID, kind, &id]);
        let unset = instance.virsh(&["secret-get-value", UUID]).fails();
        assert!(unset.contains("does not have a value"), "{unset}");
        instance.virsh(&["secret-set-value", UUID, "--base64", "Zm9vYmFy"]).ok();
        assert_eq!(instance.virsh(&["secret-get-value", UUID]).ok().trim(), "Zm9vYmFy");
        let kept = files(instance);
        assert_eq!(kept.keys().map(|name| &name[36..]).collect::<Vec<_>>(), [".base64", ".xml"]);
        assert_eq!(kept[&format!("{UUID}.base64")], "Zm9vYmFy");
        assert_eq!(kept[&format!("{UUID}.xml")], document);
        instance.virsh(&["secret-undefine", UUID]).ok();
        assert_eq!(files(instance), BTreeMap::new());
        assert_eq!(instance.virsh(&["secret-list"]).ok().trim(), "");
    }
}

#[test]
fn a_secret_s_life_for_the_host() {
    a_secret_s_life_by_virsh(&secretd().start());
}

#[test]
fn a_secret_s_life_for_a_user() {
    let mut instance = secretd().session().start();
    a_secret_s_life_by_virsh(&instance);
    python(&instance, "c.secretDefineXML(document(1, volume('/a'))).setValue(b'abc')\n");
    instance.kill();
    instance.restart();
    assert_eq!(
        python(&instance, "print(c.getType(), c.secretLookupByUUIDString(U + '1').value())\n"),
        "secret b'abc'\n"
    );
    if instance.pid() > 0 && rustix::process::geteuid().is_root() {
        // What may not be dumped belongs to root.
        assert_eq!(Path::new(&format!("/proc/{}/mem", instance.pid())).metadata().unwrap().uid(), 0);
    }
}

#[test]
fn what_the_connection_tells() {
    let instance = secretd().start();
    let out = python(
        &instance,
        "print(c.getType(), c.getLibVersion(), c.isSecure(), c.isAlive(), c.isEncrypted())\n\
         for f in (c.getVersion, c.getHostname, c.getCapabilities, c.getInfo, c.listAllDomains, c.listAllNetworks,\n\
         \x20         c.listAllStoragePools, lambda: c.lookupByName('x')):\n\
         \x20   print(*refused(f)[:2])\n",
    );
    assert_eq!(out, "secret 9000000 1 1 0\n3 20\n3 20\n3 20\n3 20\n3 20\n3 19\n3 18\n3 20\n");
    let mut wire = Wire::connect(&instance.socket()).unwrap();
    let _: remote::AuthListRet = wire.call(&rows::auth_list, &()).unwrap();
    let early: Result<remote::ConnectNumOfSecretsRet, Fault> = wire.call(&rows::connect_num_of_secrets, &());
    assert_eq!(early.unwrap_err().code, ErrorCode::INTERNAL_ERROR);
    for uri in ["qemu:///system", "secret://host/system", "secret:///nowhere"] {
        let open = remote::ConnectOpenArgs { name: Some(uri.to_owned()), flags: 0 };
        assert!(wire.call::<()>(&rows::connect_open, &open).is_err(), "{uri}");
    }
    let own = if instance.is_system() { "secret:///system" } else { "secret:///session" };
    let open = remote::ConnectOpenArgs { name: Some(own.to_owned()), flags: 0 };
    wire.call::<()>(&rows::connect_open, &open).unwrap();
    let uri: remote::ConnectGetUriRet = wire.call(&rows::connect_get_uri, &()).unwrap();
    assert_eq!(uri.uri, own);
    let features = (0..20).filter(|feature| {
        let args = remote::ConnectSupportsFeatureArgs { feature: *feature };
        let answer: remote::ConnectSupportsFeatureRet =
            wire.call(&rows::connect_supports_feature, &args).unwrap();
        answer.supported != 0
    });
    assert_eq!(features.collect::<Vec<_>>(), [8, 10, 14, 15]);
}

#[test]
fn definitions_and_their_rules() {
    let instance = secretd().start();
    let out = python(
        &instance,
        "d = lambda *a, **k: c.secretDefineXML(document(*a, **k))\n\
         s = d(1, volume('/a'))\n\
         for f in (lambda: d(1, volume('/b')), lambda: d(1), lambda: d(2, volume('/a')),\n\
         \x20         lambda: c.secretDefineXML('<secret>' + volume('/a') + '</secret>')):\n\
         \x20   code, domain, message = refused(f)\n\
         \x20   print(code, domain, '/a' in message, U + '1' in message)\n\
         d(1, \"<usage type='ceph'><name>/a</name></usage>\")\n\
         print(c.secretLookupByUsage(2, '/a').UUIDString() == U + '1', refused(lambda: c.secretLookupByUsage(1, '/a')))\n\
         d(2, volume('/a'))\n\
         d(1, \"<usage type='ceph'><name>/a</name></usage>\", \"private='yes'\", '<description>d</description>')\n\
         print(refused(lambda: d(1, \"<usage type='ceph'><name>/a</name></usage>\"))[:2])\n\
         print(s.XMLDesc())\n\
         free = c.secretDefineXML('<secret/>')\n\
         print(free.usageType(), repr(free.usageID()), len(free.UUIDString()))\n\
         print(refused(lambda: c.secretDefineXML('<secret><foo/></secret>', libvirt.VIR_SECRET_DEFINE_VALIDATE))[:2])\n\
         print(refused(lambda: c.secretDefineXML('<secret/>', 2))[:2], refused(lambda: s.XMLDesc(1))[:2])\n\
         for x in ('', '<x/>', '<secret><uuid>x</uuid></secret>', \"<secret private='x'/>\", \"<secret><usage type='rbd'/></secret>\",\n\
         \x20         \"<secret><usage type='ceph'/></secret>\"): print(*refused(lambda: c.secretDefineXML(x))[:2])\n\
         s.undefine()\n\
         for f in (s.undefine, s.XMLDesc, s.value, lambda: s.setValue(b'x'), lambda: c.secretLookupByUUIDString(U + '1')):\n\
         \x20   code, domain, message = refused(f)\n\
         \x20   print(code, domain, U + '1' in message)\n",
    );
    let expected = "\
1 30 True True\n1 30 True True\n1 30 True True\n1 30 True True\n\
True (66, 30, \"Secret not found: no secret with matching usage '/a'\")\n\
(1, 30)\n\
<secret ephemeral='no' private='yes'>\n  <uuid>11111111-0000-4000-8000-000000000001</uuid>\n  \
<description>d</description>\n  <usage type='ceph'>\n    <name>/a</name>\n  </usage>\n</secret>\n\n\
0 '' 36\n\
(92, 5)\n(8, 30) (8, 30)\n\
35 30\n27 5\n1 30\n27 30\n67 30\n1 30\n\
66 30 True\n66 30 True\n66 30 True\n66 30 True\n66 30 True\n";
    assert_eq!(out, expected);
}

/// The errors that were recorded from the reference's virsh: exit status, and the words of what it says. Their codes are
/// in `definitions_and_their_rules`.
#[test]
fn the_recorded_failures() {
    let instance = secretd().start();
    python(&instance, "c.secretDefineXML(document(1, volume('/fm/a'), \"private='yes'\")).setValue(b'x')\n");
    let gone = "00000000-1111-2222-3333-444444444444";
    let taken = format!(
        "<secret><uuid>{}2</uuid><usage type='volume'><volume>/fm/a</volume></usage></secret>",
        &UUID[..35]
    );
    for (arguments, document, words) in [
        (
            vec!["secret-dumpxml", gone],
            "",
            format!("Secret not found: no secret with matching uuid '{gone}'"),
        ),
        (vec!["secret-dumpxml", "foo"], "", "must be a valid UUID".to_owned()),
        (vec!["secret-get-value", UUID], "", "Invalid secret: secret is private".to_owned()),
        (
            vec!["secret-define"],
            &*taken,
            format!("internal error: a secret with UUID {UUID} already defined for use with /fm/a"),
        ),
        (
            vec!["secret-define"],
            "<secret><usage type='foo'/></secret>",
            "unsupported configuration: unknown secret usage type foo".to_owned(),
        ),
    ] {
        let path = from_script(&instance, document);
        let file = (!document.is_empty()).then_some(path.as_str());
        let out = instance.virsh(&arguments.into_iter().chain(file).collect::<Vec<_>>());
        assert_eq!(out.code, 1, "{}", out.command);
        assert!(out.stderr.contains(&words), "{}: {}", out.command, out.stderr);
    }
}

#[test]
fn values_are_bytes_and_private_ones_stay_inside() {
    let instance = secretd().start();
    let out = python(
        &instance,
        "s = c.secretDefineXML(document(1, volume('/a')))\n\
         all = bytes(range(256)) * 256\n\
         for v in (b'\\0', b'a\\0b', all): s.setValue(v); print(s.value() == v)\n\
         print(refused(lambda: s.setValue(all + b'x'))[:2], refused(lambda: s.setValue(b''))[:2])\n\
         print(refused(lambda: s.value(1))[:2], refused(lambda: s.setValue(b'x', 1))[:2], s.value() == all)\n\
         p = c.secretDefineXML(document(2, volume('/b'), \"private='yes'\"))\n\
         p.setValue(b'hidden')\n\
         print(refused(p.value))\n",
    );
    let expected = "True\nTrue\nTrue\n(39, 13) (8, 30)\n(8, 30) (8, 30) True\n(65, 30, 'Invalid secret: secret is private')\n";
    assert_eq!(out, expected);
    // Over the wire too, whatever the client says that the secret is.
    let mut wire = Wire::open(&instance.socket(), "").unwrap();
    let uuid = "11111111000040008000000000000002";
    let bytes = std::array::from_fn(|n| u8::from_str_radix(&uuid[2 * n..2 * n + 2], 16).unwrap());
    let secret = NonnullSecret { uuid: Uuid(bytes), usageType: 0, usageID: String::new() };
    for flags in [0, 1, 2, u32::MAX] {
        let args = remote::SecretGetValueArgs { secret: secret.clone(), flags };
        let answer: Result<remote::SecretGetValueRet, Fault> = wire.call(&rows::secret_get_value, &args);
        assert_eq!(answer.unwrap_err().domain, ErrorDomain::SECRET);
    }
}

#[test]
fn private_values_are_told_to_daemons_alone() {
    let mut instance = secretd().start();
    python(
        &instance,
        "c.secretDefineXML(document(1, volume('/a'), \"private='yes'\")).setValue(b'hidden')\n",
    );
    let token = std::fs::read_to_string(instance.run_dir().join("common/system.token")).unwrap();
    let asked = format!(
        "for told in ({{}}, {{'unix-user-id': 0}}, {{'system.token': '0' * 32}}, {{'system.token': '{token}'}}, {{}}):\n\
         \x20   c.setIdentity(told); print(refused(c.secretLookupByUUIDString(U + '1').value))\n"
    );
    let private = "(65, 30, 'Invalid secret: secret is private')\n";
    assert_eq!(python(&instance, &asked), format!("{private}{private}{private}b'hidden'\n{private}"));
    // Another daemon that passes on a client's call does not lend the client its own rights.
    instance.start_beside(Daemon::Virtqemud);
    let uri = instance.uri_of(Daemon::Virtqemud);
    let out = python(
        &instance,
        &format!(
            "q = libvirt.open({uri:?})\nprint(q.getType(), refused(q.secretLookupByUUIDString(U + '1').value))\n"
        ),
    );
    assert_eq!(out, format!("QEMU {private}"));
}

#[test]
fn lists_with_their_filters() {
    let instance = secretd().start();
    let out = python(
        &instance,
        "n = 0\n\
         for e in ('no', 'yes'):\n\
         \x20   for p in ('no', 'yes'):\n\
         \x20       n += 1; c.secretDefineXML(document(n, volume(f'/{n}'), f\"ephemeral='{e}' private='{p}'\"))\n\
         print(c.numOfSecrets(), c.listSecrets() == [U + str(n) for n in range(1, 5)])\n\
         for f in range(16): print(''.join(sorted(s.UUIDString()[-1] for s in c.listAllSecrets(f))), end=' ')\n\
         print(refused(lambda: c.listAllSecrets(16))[:2])\n",
    );
    let filters = "1234 34 12 1234 24 4 2 24 13 3 1 13 1234 34 12 1234";
    assert_eq!(out, format!("4 True\n{filters} (8, 30)\n"));
    let list = instance.virsh(&["secret-list", "--ephemeral", "--no-private"]).ok();
    assert_eq!(list.split_whitespace().last(), Some("/3"));
}

#[test]
fn events_tell_of_every_change_in_order() {
    let instance = secretd().start();
    let out = python(
        &instance,
        &format!(
            "{EVENTS}\
             c = libvirt.open(uri)\n\
             c.setKeepAlive(5, 3)\n\
             life = lambda c, s, e, d, who: told.put((who, s.UUIDString()[-1], s.usageID(), e, d))\n\
             a = c.secretEventRegisterAny(None, libvirt.VIR_SECRET_EVENT_ID_LIFECYCLE, life, 'all')\n\
             c.secretEventRegisterAny(None, libvirt.VIR_SECRET_EVENT_ID_VALUE_CHANGED, lambda c, s, who: told.put((who, s.UUIDString()[-1])), 'value')\n\
             s = c.secretDefineXML(document(1, volume('/a')))\n\
             one = c.secretEventRegisterAny(s, libvirt.VIR_SECRET_EVENT_ID_LIFECYCLE, life, 'one')\n\
             s.setValue(b'x'); c.secretDefineXML(document(1, volume('/a'), \"private='yes'\"))\n\
             c.secretDefineXML(document(2)).undefine(); s.undefine()\n\
             seen = [told.get(timeout=20) for n in range(8)]\n\
             for who in ('all', 'one', 'value'): print([e[1:] for e in seen if e[0] == who])\n\
             c.secretEventDeregisterAny(a); c.secretEventDeregisterAny(one)\n\
             c.secretDefineXML(document(3)).setValue(b'y')\n\
             print(told.get(timeout=20))\n\
             print(refused(lambda: c.secretEventDeregisterAny(a))[:1])\n"
        ),
    );
    let all = "[('1', '/a', 0, 0), ('1', '/a', 0, 0), ('2', '', 0, 0), ('2', '', 1, 0), ('1', '/a', 1, 0)]";
    let one = "[('1', '/a', 0, 0), ('1', '/a', 1, 0)]";
    assert_eq!(out, format!("{all}\n{one}\n[('1',)]\n('value', '3')\n(8,)\n"));
}

#[test]
fn read_only_connections_neither_change_nor_read_values() {
    let instance = secretd().start();
    python(&instance, "c.secretDefineXML(document(1, volume('/a'))).setValue(b'abc')\n");
    let out = python(
        &instance,
        &format!(
            "{CODE}\
             r = libvirt.openReadOnly(uri)\n\
             s = r.secretLookupByUUIDString(U + '1')\n\
             print(r.numOfSecrets(), len(s.XMLDesc()) > 0, r.secretLookupByUsage(1, '/a').UUIDString() == U + '1')\n\
             print(code(s.value), code(s.undefine), code(lambda: s.setValue(b'x')), code(lambda: r.secretDefineXML(document(2))))\n"
        ),
    );
    assert_eq!(out, "1 True True\n29 29 29 29\n");
    if !instance.is_system() {
        tests::not_run("the read-only socket", "a session has none");
        return;
    }
    let mut wire = Wire::open(&instance.socket_ro(), "secret:///system").unwrap();
    let list = remote::ConnectListAllSecretsArgs { need_results: 1, flags: 0 };
    let found: remote::ConnectListAllSecretsRet = wire.call(&rows::connect_list_all_secrets, &list).unwrap();
    let args = remote::SecretGetValueArgs { secret: found.secrets[0].clone(), flags: 0 };
    let answer: Result<remote::SecretGetValueRet, Fault> = wire.call(&rows::secret_get_value, &args);
    assert_eq!(answer.unwrap_err().code, ErrorCode::OPERATION_DENIED);
}

#[test]
fn ephemeral_secrets_are_in_memory_only_and_keep_the_daemon() {
    let mut instance = secretd().args(&["--timeout", "1"]).start();
    python(
        &instance,
        "s = c.secretDefineXML(document(1, volume('/a'), \"ephemeral='yes'\"))\n\
         s.setValue(b'abc')\n\
         assert s.value() == b'abc'\n",
    );
    assert_eq!(names(&instance), [""; 0]);
    let pid = rustix::process::Pid::from_raw(i32::try_from(instance.pid()).unwrap()).unwrap();
    assert!(!tests::ends_within(pid, Duration::from_millis(2500)), "the daemon left its secret alone");
    // From memory to disk, with the value, and back: nothing of it stays on disk.
    let change = "c.secretDefineXML(document(1, volume('/a'), \"ephemeral='@'\"))\n\
                  assert c.secretLookupByUUIDString(U + '1').value() == b'abc'\n";
    python(&instance, &change.replace('@', "no"));
    assert_eq!(names(&instance), ["1.base64", "1.xml"]);
    python(&instance, &change.replace('@', "yes"));
    assert_eq!(names(&instance), [""; 0]);
    python(&instance, &change.replace('@', "no"));
    assert_eq!(instance.ended(), 0);
    instance.start_again();
    assert_eq!(python(&instance, "print(c.secretLookupByUUIDString(U + '1').value())\n"), "b'abc'\n");
    python(&instance, "c.secretDefineXML(document(2, '', \"ephemeral='yes'\")).setValue(b'x')\n");
    instance.restart();
    assert_eq!(python(&instance, "print([u[-1] for u in c.listSecrets()])\n"), "['1']\n");
}

#[test]
fn killed_at_every_point_nothing_is_lost_or_half_written() {
    let mut instance = secretd().start();
    // What a call does, what was before it (as a script that sets it up), and what may be found afterwards.
    let setup = "c.secretDefineXML(document(1, volume('/a'))).setValue(b'old')\n";
    let state = "print([(s.XMLDesc().count('new'), refused(s.value)) for s in c.listAllSecrets()])\n";
    let old = "[(0, \"b'old'\")]";
    let calls = [
        (
            "c.secretDefineXML(document(1, volume('/a'), '', '<description>new</description>'))",
            old,
            "[(1, \"b'old'\")]",
        ),
        ("c.secretLookupByUUIDString(U + '1').setValue(b'newer')", old, "[(0, \"b'newer'\")]"),
        ("c.secretLookupByUUIDString(U + '1').undefine()", old, "[]"),
        ("c.secretDefineXML(document(1, volume('/a'), \"ephemeral='yes'\"))", old, "[]"),
    ];
    let points = [
        "store.create",
        "store.write",
        "store.sync",
        "store.rename",
        "store.dirsync",
        "store.remove",
        "store.removed",
    ];
    let mut deaths = 0;
    python(&instance, setup);
    for (call, before, after) in calls {
        for point in points {
            for nth in 1..=3 {
                instance.kill();
                instance.set_env("OXIVIRT_FAULT", &format!("{point}:{nth}"));
                instance.start_again();
                let done = instance.python(&format!("{SECRETS}{call}\n")).code == 0;
                if done {
                    instance.kill();
                } else {
                    instance.ended();
                }
                instance.clear_env("OXIVIRT_FAULT");
                instance.start_again();
                let found = python(&instance, state);
                let found = found.trim();
                let fine = if done { found == after } else { [before, after].contains(&found) };
                assert!(fine, "{call} at {point}:{nth}, done: {done}: {found}");
                let expected: &[&str] = if found == "[]" { &[] } else { &["1.base64", "1.xml"] };
                assert_eq!(names(&instance), expected, "{call} at {point}:{nth}");
                if found != before {
                    python(&instance, &format!("for s in c.listAllSecrets(): s.undefine()\n{setup}"));
                }
                if done {
                    break;
                }
                deaths += 1;
            }
        }
    }
    assert!(deaths >= 20, "only {deaths} calls met a fault point");
}

#[test]
fn files_that_cannot_be_read_harm_no_other_secret() {
    let mut instance = secretd().start();
    python(&instance, "for n in (1, 2, 3, 4): c.secretDefineXML(document(n)).setValue(b'v')\n");
    instance.kill();
    let dir = instance.etc_dir().join("secrets");
    let file = |n: u32, suffix: &str| dir.join(format!("{}{n}{suffix}", &UUID[..35]));
    std::fs::write(file(1, ".xml"), "<secret").unwrap();
    std::fs::write(file(2, ".base64"), "no base 64!").unwrap();
    std::fs::remove_file(file(3, ".base64")).unwrap();
    std::fs::create_dir(file(3, ".base64")).unwrap();
    instance.start_again();
    assert_eq!(
        python(&instance, "print(c.listSecrets() == [U + '4'], c.listAllSecrets()[0].value())\n"),
        "True b'v'\n"
    );
    let log = instance.log();
    for n in 1..=3 {
        assert!(log.contains(&format!("{}{n}.xml'", &UUID[..35])), "{log}");
    }
    // As an administrator would mend it, without a restart.
    std::fs::remove_dir(file(3, ".base64")).unwrap();
    std::fs::write(file(2, ".base64"), "Zm9v").unwrap();
    instance.hangup();
    let out = python(
        &instance,
        "print([(u[-1], refused(c.secretLookupByUUIDString(u).value)) for u in sorted(c.listSecrets())])\n",
    );
    assert!(
        out.starts_with("[('2', \"b'foo'\"), ('3', (66, 30,") && out.contains("('4', \"b'v'\")"),
        "{out}"
    );
}

/// A key, as a file, and as openssl takes it.
fn key(instance: &Instance, byte: u8) -> (String, String) {
    let path = instance.root().join(format!("key{byte}"));
    std::fs::write(&path, [byte; 32]).unwrap();
    (path.to_str().unwrap().to_owned(), format!("{byte:02x}").repeat(32))
}

/// Runs openssl's AES-256-CBC; None if it is not installed.
fn openssl(instance: &Instance, arguments: &[&str], key: &str, iv: &str) -> Option<Vec<u8>> {
    let path = instance.root().join("openssl.out");
    let all = [arguments, &["-K", key, "-iv", iv, "-out", path.to_str().unwrap()]].concat();
    instance.run_if_installed("openssl", &[&["enc", "-aes-256-cbc"], &*all].concat())?.ok();
    Some(std::fs::read(path).unwrap())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Base64 by coreutils, the other way with `-d`.
fn base64(instance: &Instance, bytes: &[u8], arguments: &[&str]) -> Vec<u8> {
    let (from, to) = (instance.root().join("base64.in"), instance.root().join("base64.out"));
    std::fs::write(&from, bytes).unwrap();
    let line = format!("base64 -w0 {} {} > {}", arguments.join(" "), from.display(), to.display());
    instance.run_if_installed("sh", &["-c", &line]).unwrap().ok();
    std::fs::read(to).unwrap()
}

#[test]
fn values_are_encrypted_as_others_can_read_and_write_them() {
    let mut instance = secretd().prepare();
    let (path, key_text) = key(&instance, 0x21);
    let conf = instance.etc_dir().join("secret.conf");
    instance.start_again();
    python(&instance, "c.secretDefineXML(document(1)).setValue(b'was plain')\n");
    std::fs::write(&conf, format!("secrets_encryption_key = \"{path}\"\n")).unwrap();
    instance.restart();
    let out = python(
        &instance,
        "print(c.secretLookupByUUIDString(U + '1').value())\n\
         for n in (1, 2): c.secretDefineXML(document(n)).setValue(b'a value of two blocks')\n",
    );
    assert_eq!(out, "b'was plain'\n");
    assert_eq!(names(&instance), ["1.aes256cbc", "1.xml", "2.aes256cbc", "2.xml"]);
    let kept = files(&instance);
    let texts: Vec<_> = kept.iter().filter(|(name, _)| name.ends_with("cbc")).map(|(_, text)| text).collect();
    assert_ne!(texts[0], texts[1]);
    let bytes = base64(&instance, texts[0].as_bytes(), &["-d"]);
    assert_eq!(bytes.len(), 16 + 32);
    let input = instance.root().join("openssl.in");
    std::fs::write(&input, &bytes[16..]).unwrap();
    let Some(value) =
        openssl(&instance, &["-d", "-in", input.to_str().unwrap()], &key_text, &hex(&bytes[..16]))
    else {
        return tests::not_run("encrypted values and openssl", "openssl is not installed");
    };
    assert_eq!(value, b"a value of two blocks");

    // And what another writes is read.
    std::fs::write(&input, "of another").unwrap();
    let iv = [7; 16];
    let other = openssl(&instance, &["-in", input.to_str().unwrap()], &key_text, &hex(&iv)).unwrap();
    let text = base64(&instance, &[&iv[..], &other].concat(), &[]);
    std::fs::write(instance.etc_dir().join(format!("secrets/{UUID}.aes256cbc")), text).unwrap();
    instance.restart();
    let value = "print([refused(s.value) for s in c.listAllSecrets()])\n";
    assert_eq!(python(&instance, value), "[\"b'of another'\", \"b'a value of two blocks'\"]\n");

    // Switched off, what is encrypted is out of reach, and stays; another key does not read it either.
    let (wrong, _) = key(&instance, 0x22);
    for text in ["encrypt_data = 0\n".to_owned(), format!("secrets_encryption_key = \"{wrong}\"\n")] {
        std::fs::write(&conf, text).unwrap();
        instance.restart();
        assert_eq!(python(&instance, value), "[]\n");
    }
    std::fs::write(&conf, format!("secrets_encryption_key = \"{path}\"\nencrypt_data = 1\n")).unwrap();
    instance.restart();
    assert_eq!(python(&instance, value), "[\"b'of another'\", \"b'a value of two blocks'\"]\n");
}

#[test]
fn the_key_comes_from_a_credential_of_systemd() {
    let mut instance = secretd().prepare();
    let credentials = instance.root().join("credentials");
    std::fs::create_dir(&credentials).unwrap();
    std::fs::write(credentials.join("secrets-encryption-key"), [0x33; 32]).unwrap();
    instance.set_env("CREDENTIALS_DIRECTORY", credentials.to_str().unwrap());
    instance.start_again();
    python(&instance, "c.secretDefineXML(document(1)).setValue(b'sealed')\n");
    assert_eq!(names(&instance), ["1.aes256cbc", "1.xml"]);
    instance.restart();
    assert_eq!(python(&instance, "print(c.listAllSecrets()[0].value())\n"), "b'sealed'\n");
    instance.kill();

    std::fs::write(credentials.join("secrets-encryption-key"), [0x33; 31]).unwrap();
    instance.spawn();
    assert_eq!(instance.ended(), 10);
    assert!(instance.log().contains("has 31"), "{}", instance.log());
    instance.clear_env("CREDENTIALS_DIRECTORY");
    std::fs::write(instance.etc_dir().join("secret.conf"), "encrypt_data = \"yes\"\n").unwrap();
    instance.spawn();
    assert_eq!(instance.ended(), 10);
    assert!(instance.log().contains("secret.conf:1: "), "{}", instance.log());
}

#[test]
fn values_are_in_no_log_and_leave_memory_with_their_secrets() {
    let instance = secretd().conf("log_level = 1\nlog_outputs = \"1:stderr\"\n").start();
    let marker = "Marker-of-a-value-that-is-nowhere";
    let encoded = String::from_utf8(base64(&instance, marker.as_bytes(), &[])).unwrap();
    let in_memory = |instance: &Instance| {
        let needles = [marker.as_bytes(), encoded.as_bytes()];
        occurrences(instance.pid(), &needles)
    };
    let script = format!(
        "s = c.secretDefineXML(document(1, volume('/a'))); t = c.secretDefineXML(document(2, '', \"ephemeral='yes'\"))\n\
         for n in range(20):\n\
         \x20   s.setValue(b'{marker}' * (n + 1)); t.setValue(b'{marker}')\n\
         \x20   assert b'{marker}' in s.value() + t.value()\n"
    );
    python(&instance, &script);
    let log = instance.log();
    assert!(log.contains(" debug : ") && !log.contains(marker) && !log.contains(&encoded), "{log}");
    let Some(count) = in_memory(&instance) else {
        return tests::not_run("values leave memory", "another process's memory cannot be read");
    };
    assert!(count > 0, "the search finds nothing at all");
    // Clients are gone: only the values themselves are left, 20 in the first and one in the second.
    assert_eq!(count, 21, "copies are left");
    python(&instance, "for s in c.listAllSecrets(): s.undefine()\n");
    assert_eq!(in_memory(&instance), Some(0));
}

/// How often the needles occur in a process's memory; None if it cannot be read.
fn occurrences(pid: u32, needles: &[&[u8]]) -> Option<usize> {
    use std::os::unix::fs::FileExt;
    let memory = std::fs::File::open(format!("/proc/{pid}/mem")).ok()?;
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).ok()?;
    let mut count = 0;
    for line in maps.lines().filter(|line| line.contains(" rw")) {
        let range = line.split(' ').next()?.split_once('-')?;
        let (from, to) = (u64::from_str_radix(range.0, 16).ok()?, u64::from_str_radix(range.1, 16).ok()?);
        let mut bytes = vec![0; usize::try_from(to - from).ok()?];
        if memory.read_exact_at(&mut bytes, from).is_err() {
            continue;
        }
        for needle in needles {
            let first = needle[0];
            let starts = bytes.iter().enumerate().filter(|(_, byte)| **byte == first);
            count += starts.filter(|(at, _)| bytes[*at..].starts_with(needle)).count();
        }
    }
    Some(count)
}
