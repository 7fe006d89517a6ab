//! The settings of qemu.conf that confine guests.

use daemon::conf::{ConfError, Document, Value};
use host::cgroup::Controller;
use host::label::Owner;
use host::process::Ids;
use host::{private_dev, users};

/// Devices that every guest may use (`cgroup_device_acl`); those that the host does not have are passed over.
pub const DEFAULT_DEVICES: [&str; 8] = [
    "/dev/null",
    "/dev/full",
    "/dev/zero",
    "/dev/random",
    "/dev/urandom",
    "/dev/ptmx",
    "/dev/kvm",
    "/dev/userfaultfd",
];

/// Users that distributions give to QEMU, with a group of the same name.
const USUAL_USERS: [&str; 2] = ["libvirt-qemu", "qemu"];

/// How guests are confined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Confinement {
    /// User and group of QEMU (`user`, `group`); none in a session, where guests are the user's own processes.
    pub owner: Option<Owner>,
    /// Files of guests change hands (`dynamic_ownership`).
    pub dynamic_ownership: bool,
    /// They go back to the owner of before (`remember_owner`).
    pub remember_owner: bool,
    /// QEMU opens the files of its output itself (`stdio_handler = "file"`).
    pub outputs: bool,
    /// Guests without a label of their own get one (`security_default_confined`).
    pub default_confined: bool,
    /// Guests that want no label are refused (`security_require_confined`).
    pub require_confined: bool,
    /// Most processes and threads of the guests' user; 0: as the daemon's (`max_processes`).
    pub max_processes: u32,
    /// Most open files of a guest; 0: as the daemon's (`max_files`).
    pub max_files: u32,
    /// Bytes of a core file; `u64::MAX`: no limit (`max_core`).
    pub max_core: u64,
    /// Controllers that are used; none: all there are (`cgroup_controllers`).
    pub controllers: Option<Vec<Controller>>,
    /// Devices that every guest may use (`cgroup_device_acl`).
    pub devices: Vec<String>,
    /// Every guest sees these and its own devices only, in a mount namespace of its own (`namespaces`).
    pub own_dev: bool,
}

/// Who a guest's QEMU runs as.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// User and group of the process.
    pub process: Owner,
    /// Owner of the guest's files.
    pub files: Owner,
    /// Whether files change hands.
    pub relabel: bool,
    /// Whether QEMU opens the files of its output itself.
    pub outputs: bool,
}

impl Identity {
    /// The process's user with all its groups. Asks the user database: blocks.
    pub fn ids(&self) -> host::Result<Ids> {
        let Owner { uid, gid } = self.process;
        Ok(Ids { uid, gid, groups: users::groups_of(uid, gid)? })
    }
}

impl Default for Confinement {
    fn default() -> Self {
        Self {
            owner: None,
            dynamic_ownership: true,
            remember_owner: true,
            outputs: false,
            default_confined: true,
            require_confined: false,
            max_processes: 0,
            max_files: 0,
            max_core: 0,
            controllers: None,
            devices: DEFAULT_DEVICES.map(str::to_owned).to_vec(),
            own_dev: false,
        }
    }
}

impl Confinement {
    /// Read the settings; `system`: the daemon serves the host. Asks the user database and tries what the kernel lets us
    /// do: blocks.
    pub fn read(document: &Document, system: bool) -> Result<Self, ConfError> {
        let default = Confinement::default();
        drivers(document)?;
        Ok(Confinement {
            owner: if system { Some(owner(document)?) } else { None },
            dynamic_ownership: document.boolean("dynamic_ownership")?.unwrap_or(default.dynamic_ownership),
            remember_owner: document.boolean("remember_owner")?.unwrap_or(default.remember_owner),
            outputs: document.text("stdio_handler")?.as_deref() == Some("file"),
            default_confined: document
                .boolean("security_default_confined")?
                .unwrap_or(default.default_confined),
            require_confined: document
                .boolean("security_require_confined")?
                .unwrap_or(default.require_confined),
            max_processes: document.unsigned("max_processes")?.unwrap_or(0),
            max_files: document.unsigned("max_files")?.unwrap_or(0),
            max_core: max_core(document)?,
            controllers: controllers(document)?,
            devices: document.list("cgroup_device_acl")?.unwrap_or(default.devices),
            own_dev: system && own_dev(document)?,
        })
    }
}

/// Labels of SELinux and AppArmor are not made by this daemon; whoever asks for them relies on them.
fn drivers(document: &Document) -> Result<(), ConfError> {
    let wanted = document.text_or_list("security_driver")?.unwrap_or_default();
    match wanted.iter().find(|driver| !matches!(driver.as_str(), "none" | "dac")) {
        Some(driver) => {
            Err(document.refused("security_driver", format!("security driver '{driver}' is not available")))
        }
        None => Ok(()),
    }
}

/// The configured user and group; else those that the distribution made for QEMU; else root, as upstream's default.
fn owner(document: &Document) -> Result<Owner, ConfError> {
    let usual = USUAL_USERS.iter().find_map(|name| {
        let user = users::by_name(name).ok().flatten()?;
        let gid = users::group_by_name(name).ok().flatten().unwrap_or(user.gid);
        Some(Owner { uid: user.uid, gid })
    });
    let usual = usual.unwrap_or(Owner::ROOT);
    Ok(Owner {
        uid: id(document, "user", users::resolve)?.unwrap_or(usual.uid),
        gid: id(document, "group", users::resolve_group)?.unwrap_or(usual.gid),
    })
}

/// Looks up the number of a name.
type Resolve = fn(&str) -> host::Result<Option<u32>>;

fn id(document: &Document, key: &str, resolve: Resolve) -> Result<Option<u32>, ConfError> {
    let Some(name) = document.text(key)? else { return Ok(None) };
    match resolve(&name) {
        Ok(Some(id)) => Ok(Some(id)),
        Ok(None) => Err(document.refused(key, format!("there is no {key} '{name}'"))),
        Err(error) => Err(document.refused(key, error.full_text())),
    }
}

/// A number of bytes, or "unlimited".
fn max_core(document: &Document) -> Result<u64, ConfError> {
    match document.get("max_core") {
        Some(Value::Text(word)) if word == "unlimited" => Ok(u64::MAX),
        Some(Value::Text(word)) => {
            Err(document.refused("max_core", format!("'{word}' is neither a number nor \"unlimited\"")))
        }
        _ => Ok(document.unsigned_long("max_core")?.unwrap_or(0)),
    }
}

/// Whether guests get mount namespaces: where they can, unless the setting says otherwise. Who asks for them relies on
/// them.
fn own_dev(document: &Document) -> Result<bool, ConfError> {
    let Some(names) = document.list("namespaces")? else { return Ok(private_dev::is_available()) };
    match names.iter().find(|name| *name != "mount") {
        Some(name) => Err(document.refused("namespaces", format!("unknown namespace '{name}'"))),
        None if names.is_empty() => Ok(false),
        None if private_dev::is_available() => Ok(true),
        None => Err(document.refused("namespaces", "namespace 'mount' is not available".to_owned())),
    }
}

fn controllers(document: &Document) -> Result<Option<Vec<Controller>>, ConfError> {
    let Some(names) = document.list("cgroup_controllers")? else { return Ok(None) };
    let known = |name: &String| {
        // These exist, and this daemon has no use for them.
        if matches!(name.as_str(), "net_cls" | "perf_event" | "name=systemd") {
            return Ok(None);
        }
        let found = Controller::from_name(name);
        let refused = || document.refused("cgroup_controllers", format!("unknown controller '{name}'"));
        found.map(Some).ok_or_else(refused)
    };
    let found: Result<Vec<_>, _> = names.iter().map(known).collect();
    Ok(Some(found?.into_iter().flatten().collect()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(text: &str, system: bool) -> Result<Confinement, String> {
        let document = Document::parse(Path::new("qemu.conf"), text).unwrap();
        Confinement::read(&document, system).map_err(|error| error.to_string())
    }

    #[test]
    fn users_are_names_and_numbers() {
        let read = |text| read(text, true).unwrap().owner.unwrap();
        assert_eq!(read("user = \"root\"\ngroup = \"root\"\n"), Owner::ROOT);
        assert_eq!(read("user = \"+77\"\ngroup = \"78\"\n"), Owner { uid: 77, gid: 78 });
        assert_eq!(super::tests::read("user = \"root\"", false).unwrap().owner, None);
        let error = super::tests::read("user = \"no-such-user\"", true).unwrap_err();
        assert!(error.contains("no-such-user"), "{error}");
    }

    #[test]
    fn namespaces_are_for_the_host() {
        assert!(!read("namespaces = [ \"mount\" ]", false).unwrap().own_dev);
        assert!(!read("namespaces = [ ]", true).unwrap().own_dev);
        assert_eq!(read("", true).unwrap().own_dev, private_dev::is_available());
        let error = read("namespaces = [ \"net\" ]", true).unwrap_err();
        assert!(error.contains("unknown namespace 'net'"), "{error}");
    }

    #[test]
    fn limits_and_lists() {
        let read = |text| read(text, false);
        let all =
            read("max_core = \"unlimited\"\nmax_files = 10\ncgroup_controllers = [\"cpu\", \"memory\"]\n");
        let all = all.unwrap();
        assert_eq!((all.max_core, all.max_files), (u64::MAX, 10));
        assert_eq!(all.controllers, Some(vec![Controller::Cpu, Controller::Memory]));
        assert_eq!(read("max_core = 5").unwrap().max_core, 5);
        for bad in [
            "max_core = \"x\"",
            "cgroup_controllers = [\"x\"]",
            "security_driver = \"selinux\"",
            "max_files = -1",
        ] {
            assert!(read(bad).is_err(), "{bad}");
        }
        assert!(read("security_driver = [\"none\"]").is_ok());
    }
}
