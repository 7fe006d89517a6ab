//! Clients of other users than the test's own.

use std::process::Command;
use std::time::Duration;

use crate::command::{self, Output};
use crate::{Instance, not_run};

/// How long a client may take.
const LIMIT: Duration = Duration::from_secs(60);

/// A user of the host without rights, in one more group.
#[derive(Debug, Clone, Copy)]
pub struct User {
    /// Its number, and that of its group.
    pub id: u32,
    /// The group it is in besides.
    pub group: u32,
}

/// nobody, as Debian numbers it.
pub const NOBODY: User = User { id: 65534, group: 65534 };

impl User {
    /// Runs a client program as this user; `input` is what it reads.
    pub fn run(self, instance: &Instance, program: &str, arguments: &[&str], input: &str) -> Output {
        let client = instance.client(program);
        let (id, group) = (self.id.to_string(), self.group.to_string());
        let mut command = Command::new("setpriv");
        command.args(["--reuid", &id, "--regid", &id, "--groups", &group, program]).args(arguments);
        command.env_clear().current_dir("/");
        for (key, value) in client.get_envs() {
            command.env(key, value.unwrap_or_default());
        }
        command::run(&mut command, input, LIMIT)
    }

    /// Runs virsh against the daemon as this user.
    pub fn virsh(self, instance: &Instance, arguments: &[&str]) -> Output {
        self.run(instance, "virsh", &[&["-q", "-c", &instance.uri()], arguments].concat(), "")
    }

    /// Runs virsh with the read-only socket as this user.
    pub fn virsh_ro(self, instance: &Instance, arguments: &[&str]) -> Output {
        let uri = format!("qemu+unix:///system?socket={}", instance.socket_ro().display());
        self.run(instance, "virsh", &[&["-q", "-r", "-c", &uri], arguments].concat(), "")
    }

    /// Runs a Python script as this user, in which libvirt is imported and `uri` is that of the daemon.
    pub fn python(self, instance: &Instance, script: &str) -> Output {
        let head = format!("import libvirt, sys, time, os\nuri = {:?}\n", instance.uri());
        self.run(instance, "/usr/bin/python3", &["-u", "-"], &(head + script))
    }
}

/// Whether the test can use other users; says what is not run if not.
pub fn can_be_others(test: &str) -> bool {
    let root = rustix::process::geteuid().is_root();
    if !root {
        not_run(test, "only root can run clients of other users");
    }
    root
}
