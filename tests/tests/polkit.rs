//! Clients that polkit lets in or not, asked by the built daemon of a real polkitd on a bus of its own.

use tests::Instance;
use tests::script::CODE;
use tests::users::{NOBODY, User, can_be_others};

/// Users that every Debian has, without rights.
const DAEMON: User = User { id: 1, group: 1 };
const GAMES: User = User { id: 5, group: 5 };

/// nobody may manage, games may not, others have to prove that they are administrators.
const RULES: &str = r#"
polkit.addRule(function (action, subject) {
    if (action.id == "org.libvirt.unix.manage" && subject.user == "nobody") { return polkit.Result.YES; }
    if (action.id == "org.libvirt.unix.manage" && subject.user == "games") { return polkit.Result.NO; }
    if (action.id == "org.libvirt.unix.monitor" && subject.user == "games") { return polkit.Result.NO; }
    return polkit.Result.NOT_HANDLED;
});
"#;

/// Opens a connection and gives the code of its error.
fn opens(user: User, instance: &Instance) -> String {
    user.python(instance, &format!("{CODE}print(code(lambda: libvirt.open(uri)))\n")).ok()
}

#[test]
fn polkit_decides_who_comes_in() {
    let mut instance = Instance::builder().prepare();
    if instance.start_polkitd("polkit_decides_who_comes_in", RULES).is_none() {
        return;
    }
    instance.start_again();
    assert!(!NOBODY.virsh(&instance, &["hostname"]).ok().trim().is_empty());
    let denied = GAMES.virsh(&instance, &["hostname"]).fails();
    assert!(denied.contains("authentication failed: access denied by policy"), "{denied}");
    let nobody_to_ask = DAEMON.virsh(&instance, &["hostname"]).fails();
    assert!(
        nobody_to_ask.contains("authentication unavailable: no polkit agent available")
            && nobody_to_ask.contains("'org.libvirt.unix.manage'"),
        "{nobody_to_ask}"
    );
    assert_eq!((opens(NOBODY, &instance), opens(GAMES, &instance)), ("done\n".to_owned(), "45\n".to_owned()));
    assert_eq!(opens(DAEMON, &instance), "94\n");
    // Watching is everybody's who has no rule against it.
    assert!(!DAEMON.virsh_ro(&instance, &["hostname"]).ok().trim().is_empty());
    assert!(GAMES.virsh_ro(&instance, &["hostname"]).fails().contains("authentication failed"));
    assert!(!instance.virsh(&["hostname"]).ok().trim().is_empty());
}

#[test]
fn without_polkit_root_comes_in_and_others_hear_why_not() {
    let test = "without_polkit_root_comes_in_and_others_hear_why_not";
    if !can_be_others(test) {
        return;
    }
    let nowhere = "unix:path=/nonexistent/bus";
    let instance = Instance::builder().env("DBUS_SYSTEM_BUS_ADDRESS", nowhere).start();
    assert!(!instance.virsh(&["hostname"]).ok().trim().is_empty());
    let error = NOBODY.virsh(&instance, &["hostname"]).fails();
    assert!(error.contains("polkit") && error.contains("system bus"), "{error}");
    assert!(NOBODY.virsh_ro(&instance, &["hostname"]).fails().contains("system bus"));
    assert_eq!(opens(NOBODY, &instance), "1\n");
    assert!(!instance.virsh(&["hostname"]).ok().trim().is_empty());
}

#[test]
fn sockets_that_ask_nothing_let_everybody_in() {
    let test = "sockets_that_ask_nothing_let_everybody_in";
    if !can_be_others(test) {
        return;
    }
    let conf = "auth_unix_rw = \"none\"\nauth_unix_ro = \"none\"\n";
    let instance = Instance::builder().conf(conf).env("DBUS_SYSTEM_BUS_ADDRESS", "unix:path=/none").start();
    assert!(!NOBODY.virsh(&instance, &["hostname"]).ok().trim().is_empty());
    assert!(!NOBODY.virsh_ro(&instance, &["hostname"]).ok().trim().is_empty());
}
