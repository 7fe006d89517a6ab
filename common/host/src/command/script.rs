//! A runner for tests: expects commands in order and answers them.

use std::collections::VecDeque;
use std::ffi::OsString;
use std::sync::{Mutex, PoisonError};

use super::{BoxFuture, Cmd, Output, Runner, Tool};
use crate::process::Exit;
use crate::{Error, Result};

/// Commands with their answers. A command that is not the next one is refused with an error that shows both.
#[derive(Debug, Default)]
pub struct Script {
    steps: Mutex<VecDeque<Step>>,
}

#[derive(Debug)]
struct Step {
    tool: Tool,
    args: Vec<OsString>,
    output: Output,
}

impl Script {
    /// A script that expects nothing.
    pub fn new() -> Script {
        Script::default()
    }

    /// Expects this command next, and answers it with success and no output unless told otherwise.
    #[must_use]
    pub fn expect<I>(mut self, tool: Tool, args: I) -> Script
    where
        I: IntoIterator,
        I::Item: Into<OsString>,
    {
        let args = args.into_iter().map(Into::into).collect();
        let output = Output { exit: Exit::Code(0), stdout: Vec::new(), stderr: String::new() };
        self.steps_mut().push_back(Step { tool, args, output });
        self
    }

    /// The command expected last succeeds with this output.
    #[must_use]
    pub fn reply(mut self, stdout: impl Into<Vec<u8>>) -> Script {
        if let Some(step) = self.steps_mut().back_mut() {
            step.output.stdout = stdout.into();
        }
        self
    }

    /// The command expected last fails with this status and error output.
    #[must_use]
    pub fn fail(mut self, status: i32, stderr: &str) -> Script {
        if let Some(step) = self.steps_mut().back_mut() {
            step.output.exit = Exit::Code(status);
            step.output.stderr = stderr.to_owned();
        }
        self
    }

    /// How many of the expected commands did not come.
    pub fn left(&self) -> usize {
        self.steps.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    fn steps_mut(&mut self) -> &mut VecDeque<Step> {
        self.steps.get_mut().unwrap_or_else(PoisonError::into_inner)
    }

    fn next(&self, cmd: &Cmd) -> Result<Output> {
        let mut steps = self.steps.lock().unwrap_or_else(PoisonError::into_inner);
        match steps.front() {
            Some(step) if step.tool == cmd.tool && step.args == cmd.args => {}
            next => {
                let expected = next.map(|step| (step.tool, &step.args));
                let status = format!("was not expected: {:?}; next is {expected:?}", cmd.args);
                return Err(Error::ToolFailed { tool: cmd.tool.name(), status, stderr: String::new() });
            }
        }
        steps.pop_front().map(|step| step.output).ok_or(Error::ToolMissing { tool: cmd.tool.name() })
    }
}

impl Runner for Script {
    fn run(&self, cmd: Cmd) -> BoxFuture<'_, Result<Output>> {
        Box::pin(std::future::ready(self.next(&cmd)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn answers_in_order_and_refuses_others() {
        let script = Script::new()
            .expect(Tool::QemuImg, ["info", "/a"])
            .reply("{}")
            .expect(Tool::QemuImg, ["check", "/a"])
            .fail(3, "leaked");
        let info = Cmd::new(Tool::QemuImg, ["info", "/a"]);
        assert_eq!(script.run(info.clone()).await.unwrap().stdout, b"{}");
        let error = script.run(info).await.unwrap_err().to_string();
        assert!(error.contains("check"), "{error}");
        let failed = script.run(Cmd::new(Tool::QemuImg, ["check", "/a"])).await.unwrap();
        assert_eq!((failed.exit, failed.stderr.as_str()), (Exit::Code(3), "leaked"));
        assert_eq!(script.left(), 0);
    }
}
