//! virtproxyd beside the daemon of an instance, and other programs that are started under its keeper.

use std::os::unix::fs::chown;
use std::path::{Path, PathBuf};

use super::Instance;
use crate::command::{self, Output};
use crate::keeper::End;
use crate::{LIMIT, program};

impl Instance {
    /// Starts virtproxyd in the places of this instance and waits until it serves; it ends with the instance. The drivers'
    /// daemons that it may start are those in its own folder. Answers its process number.
    pub fn start_proxy(&mut self) -> u32 {
        self.start_daemon("virtproxyd")
    }

    /// Starts one more daemon in the places of this instance, as [`Self::start_proxy`] does.
    pub fn start_daemon(&mut self, name: &str) -> u32 {
        let mut daemon = program(name);
        if let Some((uid, gid)) = self.other_user() {
            let copy = self.root().join("bin").join(name);
            std::fs::copy(&daemon, &copy).unwrap();
            chown(&copy, Some(uid), Some(gid)).unwrap();
            daemon = copy;
        }
        let folder = if self.is_system() { self.root().join("run") } else { self.run_dir() };
        let pid = self.keep(&daemon, &["--daemon".to_owned()]);
        assert_eq!(self.keeper.wait(pid), End::Code(0), "{name} does not start: {}", self.log());
        std::fs::read_to_string(folder.join(format!("{name}.pid"))).unwrap().trim().parse().unwrap()
    }

    /// Starts a program under the keeper, with the environment of the daemon, and answers its process number.
    pub fn start_program(&mut self, program: &Path, args: &[String]) -> u32 {
        self.keep(program, args)
    }

    /// The main socket of virtproxyd.
    pub fn proxy_socket(&self) -> PathBuf {
        self.run_dir().join("libvirt-sock")
    }

    /// A URI that is opened through virtproxyd: `qemu:///system` as `qemu`, `/system`.
    pub fn proxy_uri(&self, scheme: &str, path: &str) -> String {
        format!("{scheme}+unix://{path}?socket={}", self.proxy_socket().display())
    }

    /// Runs a Python script in which libvirt is imported and `uri` leads to QEMU's driver through virtproxyd, `direct`
    /// without it.
    pub fn python_by_proxy(&self, script: &str) -> Output {
        let mode = if self.is_system() { "/system" } else { "/session" };
        let head = format!(
            "import libvirt, sys, time, os\nuri = {:?}\ndirect = {:?}\nproxy = {:?}\n",
            self.proxy_uri("qemu", mode),
            self.uri(),
            self.proxy_uri("SCHEME", "PATH"),
        );
        let mut command = self.client("/usr/bin/python3");
        command.args(["-u", "-"]);
        command::run(&mut command, &(head + script), LIMIT)
    }
}
