//! Who may come in and for whom a client calls: modes and groups of the sockets, the system token, identities that a
//! daemon passes on.

use std::os::unix::fs::{MetadataExt, PermissionsExt};

use tests::Instance;
use tests::script::CODE;
use tests::users::{NOBODY, User, can_be_others};

/// A group that has no members, so that it need not exist by name.
const GUARDS: u32 = 4242;

/// A daemon as root runs it; `None` if it is not root who tests.
fn system(test: &str, conf: &str) -> Option<Instance> {
    can_be_others(test).then(|| Instance::builder().conf(conf).start())
}

#[test]
fn the_token_is_made_once_and_is_roots_alone() {
    let Some(mut instance) = system("the_token_is_made_once_and_is_roots_alone", "") else { return };
    let path = instance.run_dir().join("common/system.token");
    let token = std::fs::read_to_string(&path).unwrap();
    assert!(token.len() == 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o7777, 0o600);
    let folder = std::fs::metadata(path.parent().unwrap()).unwrap();
    assert_eq!(folder.permissions().mode() & 0o7777, 0o700);
    instance.restart();
    assert_eq!(std::fs::read_to_string(&path).unwrap(), token);
    assert!(!instance.log().contains(&token));
    std::fs::write(&path, "not a token").unwrap();
    instance.kill();
    instance.spawn();
    assert_eq!(instance.ended(), 2);
    assert!(instance.log().contains("system.token"), "{}", instance.log());
}

#[test]
fn a_daemon_tells_for_whom_it_calls() {
    let instance = Instance::start();
    let script = format!(
        "{CODE}\
         everything = {{'user-name': 'joe', 'unix-user-id': 1234, 'group-name': 'g', 'unix-group-id': 55, \
         'process-id': 77, 'process-time': 88, 'sasl-user-name': 's', 'x509-distinguished-name': 'CN=x', \
         'selinux-context': 'a:b:c'}}\n\
         for what in [everything, {{}}, everything, {{'foo': 'x'}}, {{'process-id': -2**40}}]:\n    \
         print(code(lambda: c.setIdentity(what, 0)))\n\
         print(code(lambda: c.getHostname() and None))\n"
    );
    let out = instance.python(&format!("c = libvirt.open(uri)\n{script}"));
    assert_eq!(out.ok(), "done\ndone\ndone\n74\n8\ndone\n");
}

#[test]
fn nobody_else_calls_for_others_without_the_token() {
    let test = "nobody_else_calls_for_others_without_the_token";
    let Some(instance) = system(test, "auth_unix_rw = \"none\"\n") else { return };
    let token = std::fs::read_to_string(instance.run_dir().join("common/system.token")).unwrap();
    let out = NOBODY.python(
        &instance,
        &format!(
            "{CODE}\
             c = libvirt.open(uri)\n\
             for what in [{{'unix-user-id': 0}}, {{}}, {{'system.token': '0' * 32}}, {{'system.token': '{token}'}}]:\n    \
             print(code(lambda: c.setIdentity(what, 0)))\n"
        ),
    );
    assert_eq!(out.ok(), "88\n88\n88\ndone\n");
}

#[test]
fn the_sockets_group_and_modes_let_its_members_in() {
    let test = "the_sockets_group_and_modes_let_its_members_in";
    let conf = format!(
        "unix_sock_group = \"{GUARDS}\"\nunix_sock_rw_perms = \"0770\"\nunix_sock_ro_perms = \"0777\"\n\
         auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n"
    );
    let Some(instance) = system(test, &conf) else { return };
    for (socket, mode) in [(instance.socket(), 0o770), (instance.socket_ro(), 0o777)] {
        let found = std::fs::metadata(&socket).unwrap();
        assert_eq!(
            (found.gid(), found.mode() & 0o7777, found.uid()),
            (GUARDS, mode, 0),
            "{}",
            socket.display()
        );
    }
    let member = User { group: GUARDS, ..NOBODY }.virsh(&instance, &["hostname"]);
    assert!(!member.ok().trim().is_empty());
    let stranger = NOBODY.virsh(&instance, &["hostname"]);
    let error = stranger.fails();
    assert!(error.contains("virtqemud-sock") && error.contains("Permission denied"), "{error}");
    // The read-only socket is everybody's, and stays one for reading.
    assert!(!NOBODY.virsh_ro(&instance, &["hostname"]).ok().trim().is_empty());
    assert!(NOBODY.virsh_ro(&instance, &["nodesuspend", "mem", "60"]).fails().contains("read only access"));
}
