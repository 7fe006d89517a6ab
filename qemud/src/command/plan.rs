//! What a guest's start needs, as plain data: the command line and everything that must exist before it runs.

use ::driver::secret::Key;

use super::quote::shell_word;

/// A command line in the making and, when done, the whole plan of a start.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Plan {
    /// Program and arguments; descriptor numbers are those of the child.
    pub argv: Vec<String>,
    /// The whole environment.
    pub env: Vec<(String, String)>,
    /// Descriptors the child must find at these numbers.
    pub fds: Vec<PassedFd>,
    /// Files and directories to make before the start, in this order.
    pub files: Vec<PlannedFile>,
    /// Paths the guest's user must be able to use.
    pub labels: Vec<Labelled>,
    /// Path of the QMP socket.
    pub monitor_path: String,
    /// Unix sockets the daemon connects to as the guest agent, by channel alias.
    pub sockets: Vec<ChardevSocket>,
}

/// A descriptor to pass.
#[derive(Clone, Debug, PartialEq)]
pub struct PassedFd {
    /// Its number in the child.
    pub number: u32,
    /// What it is.
    pub source: FdSource,
}

/// Where a descriptor comes from.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum FdSource {
    /// A unix socket that listens at this path before the child starts, so that a client can connect at once.
    ListenUnix {
        /// Path of the socket.
        path: String,
    },
    /// What appends to a file that is kept within bounds.
    Output {
        /// Path of the file.
        path: String,
        /// Keep what the file has.
        append: bool,
    },
    /// A queue of a tap or macvtap interface.
    Tap {
        /// Alias of the interface, `net0`.
        alias: String,
        /// Queue, from 0.
        queue: u32,
    },
    /// `/dev/vhost-net` for a queue of an interface.
    VhostNet {
        /// Alias of the interface.
        alias: String,
        /// Queue, from 0.
        queue: u32,
    },
    /// `/dev/vhost-vsock`.
    VhostVsock {
        /// Alias of the device.
        alias: String,
    },
}

/// A file or directory to make.
#[derive(Clone, Debug, PartialEq)]
pub enum PlannedFile {
    /// A directory for the guest's user.
    Dir {
        /// Path.
        path: String,
        /// Permission bits.
        mode: u32,
    },
    /// The key of all secrets passed to QEMU.
    MasterKey {
        /// Path.
        path: String,
        /// The key that secrets are encrypted with already; without one, random bytes that nothing is encrypted with yet.
        key: Option<Key>,
    },
    /// Variable store of the firmware, copied from its template unless it exists.
    Nvram {
        /// Path.
        path: String,
        /// What to copy; without one the store must be there.
        template: Option<String>,
        /// Code of the firmware.
        loader: String,
    },
}

/// A path that the guest's user uses.
#[derive(Clone, Debug, PartialEq)]
pub struct Labelled {
    /// Path of a file or block device.
    pub path: String,
    /// Only read.
    pub read_only: bool,
    /// Several guests write it.
    pub shared: bool,
    /// It need not exist before the start.
    pub made: bool,
}

/// A unix socket of a character device.
#[derive(Clone, Debug, PartialEq)]
pub struct ChardevSocket {
    /// Alias of the device, `channel0`.
    pub alias: String,
    /// Path.
    pub path: String,
}

/// Lowest descriptor number given to the child.
const FIRST_FD: u32 = 20;

impl Plan {
    /// Adds an option without a value.
    pub fn flag(&mut self, option: &str) {
        self.argv.push(option.to_owned());
    }

    /// The directories that are made for the guest alone.
    pub fn directories(&self) -> Vec<String> {
        let dir = |file: &PlannedFile| match file {
            PlannedFile::Dir { path, .. } => Some(path.clone()),
            _ => None,
        };
        self.files.iter().filter_map(dir).collect()
    }

    /// Adds an option and its value.
    pub fn option(&mut self, option: &str, value: impl Into<String>) {
        self.argv.push(option.to_owned());
        self.argv.push(value.into());
    }

    /// Reserves a descriptor number for the child.
    pub fn pass(&mut self, source: FdSource) -> u32 {
        let number = FIRST_FD + self.fds.len() as u32;
        self.fds.push(PassedFd { number, source });
        number
    }

    /// Passes an output as a descriptor set, which QEMU opens by the path that is returned.
    pub fn pass_output(&mut self, path: &str, append: bool, what: &str) -> String {
        let outputs = |passed: &&PassedFd| matches!(passed.source, FdSource::Output { .. });
        let set = self.fds.iter().filter(outputs).count();
        let fd = self.pass(FdSource::Output { path: path.to_owned(), append });
        self.option("-add-fd", format!("set={set},fd={fd},opaque={what}"));
        format!("/dev/fdset/{set}")
    }

    /// Notes that the guest's user must be able to use a path.
    pub fn label(&mut self, path: &str, read_only: bool, shared: bool) {
        self.labels.push(Labelled { path: path.to_owned(), read_only, shared, made: false });
    }

    /// Notes a file that the guest's output goes to; QEMU makes it if it is missing.
    pub fn output(&mut self, path: &str) {
        self.labels.push(Labelled { path: path.to_owned(), read_only: false, shared: false, made: true });
    }
}

/// One line of shell, environment first, as domxml-to-native shows it.
pub fn native_line(plan: &Plan) -> String {
    let env = plan.env.iter().map(|(key, value)| format!("{key}={}", shell_word(value)));
    env.chain(plan.argv.iter().map(|word| shell_word(word))).collect::<Vec<_>>().join(" ")
}
