//! Running the system's programs: a command is a value, a [`Runner`] makes a process of it, and a test's
//! [`Script`] answers instead.
//!
//! Programs come from a closed list ([`Tool`]), are found once by absolute path and not through PATH, get a clean
//! environment and no shell, and have a deadline and a bound on their output.

mod script;
mod system;
mod tool;

use std::ffi::OsString;
use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

pub use script::Script;
pub use system::System;
pub use tool::Tool;

use crate::process::Exit;
use crate::{Error, Result};

/// A future on the heap, so that a [`Runner`] can be a trait object.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// A program to be run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cmd {
    /// Which program.
    pub tool: Tool,
    /// Its arguments; never split or expanded.
    pub args: Vec<OsString>,
    /// What it reads from its standard input; None for nothing.
    pub stdin: Option<Vec<u8>>,
    /// How long it may run before it and what it started are killed.
    pub limit: Duration,
    /// Most bytes it may write to its output, and to its error output.
    pub max_output: usize,
}

impl Cmd {
    /// A command with the usual bounds: 30 seconds, 16 MiB.
    pub fn new<I>(tool: Tool, args: I) -> Cmd
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        Cmd {
            tool,
            args: args.into_iter().map(Into::into).collect(),
            stdin: None,
            limit: Duration::from_secs(30),
            max_output: 16 << 20,
        }
    }

    /// One more argument.
    pub fn arg(mut self, arg: impl Into<OsString>) -> Cmd {
        self.args.push(arg.into());
        self
    }

    /// With this standard input.
    pub fn stdin(mut self, bytes: impl Into<Vec<u8>>) -> Cmd {
        self.stdin = Some(bytes.into());
        self
    }

    /// With this deadline.
    pub fn limit(mut self, limit: Duration) -> Cmd {
        self.limit = limit;
        self
    }
}

/// What a program left.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Output {
    /// How it ended.
    pub exit: Exit,
    /// What it wrote to its output.
    pub stdout: Vec<u8>,
    /// What it wrote to its error output; bytes that are not UTF-8 are replaced.
    pub stderr: String,
}

impl Output {
    /// The output of a program that ended well; otherwise [`Error::ToolFailed`] with its error output.
    pub fn success(self, tool: Tool) -> Result<Vec<u8>> {
        if self.exit.success() {
            return Ok(self.stdout);
        }
        Err(Error::ToolFailed {
            tool: tool.name(),
            status: self.exit.to_string(),
            stderr: self.stderr.trim().to_owned(),
        })
    }
}

/// Makes processes of commands.
pub trait Runner: Send + Sync {
    /// Runs a command to its end. Errors: the program is missing, cannot be started, wrote too much, or did not
    /// end in time; a status other than 0 is in [`Output::exit`]. Dropping the future kills the program.
    fn run(&self, cmd: Cmd) -> BoxFuture<'_, Result<Output>>;
}
