//! Asking a QEMU binary what it can do.
//!
//! QEMU reads all commands from a memory file and writes its answers into another one: nothing is exchanged back
//! and forth, so a probe costs QEMU's own start and thinking; nothing can be lost in a full socket; and since the
//! last command is `quit`, QEMU ends by itself even when the daemon is killed meanwhile.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::time::Duration;

use host::process::{Exit, Ids, PidFd, Plan, Stdio, spawn};
use rustix::fs::{MemfdFlags, SealFlags, fcntl_add_seals, ftruncate, memfd_create};
use rustix::process::Signal;

use super::error::CapabilitiesError;
use super::qemu::QemuCaps;
use super::queries::{Answers, Round, digest, script};

/// How long a binary may take, on the slowest host under load.
const LIMIT: Duration = Duration::from_secs(60);
/// Most bytes of answers: ten times what QEMU 10 writes.
const MAX_OUTPUT: u64 = 16 << 20;
/// Most bytes of its messages.
const MAX_MESSAGES: u64 = 64 << 10;
/// How much of its messages goes into an error.
const QUOTED: usize = 2000;

/// How QEMU is started for a probe.
#[derive(Clone, Debug, Default)]
pub(super) struct How {
    /// The user to run it as; none for ours.
    pub(super) ids: Option<Ids>,
    /// Whether KVM can be opened, so that KVM and TCG must be asked separately.
    pub(super) kvm: bool,
}

/// Ask a binary. The processes run side by side.
pub(super) async fn probe(binary: &str, how: How) -> Result<QemuCaps, CapabilitiesError> {
    let failed = |reason: String| CapabilitiesError::Probe { binary: binary.to_owned(), reason };
    let run = |round| ask(binary, how.ids.clone(), round);
    let (best, tcg) = match how.kvm {
        true => {
            let (best, tcg) = tokio::join!(run(Round::Best), run(Round::Tcg));
            // A QEMU without TCG refuses the second question; then there is nothing to know about it.
            (best, tcg.ok())
        }
        false => (run(Round::Best).await, None),
    };
    let best = best.map_err(&failed)?;
    let binary = binary.to_owned();
    let digested = tokio::task::spawn_blocking(move || {
        let tcg = tcg.map(|output| Answers::parse(&output.answers)).transpose()?;
        digest(&binary, &Answers::parse(&best.answers)?, tcg.as_ref()).map_err(|reason| {
            match best.messages.is_empty() {
                true => reason.to_string(),
                false => format!("{reason}: {}", best.messages),
            }
        })
    });
    match digested.await {
        Ok(caps) => caps.map_err(failed),
        Err(error) => Err(failed(error.to_string())),
    }
}

/// What a process wrote.
struct Output {
    answers: Vec<u8>,
    messages: String,
}

impl From<super::queries::Unusable> for String {
    fn from(reason: super::queries::Unusable) -> Self {
        reason.to_string()
    }
}

async fn ask(binary: &str, ids: Option<Ids>, round: Round) -> Result<Output, String> {
    let plan = Plan::new(binary);
    let (plan, mut answers, mut messages) = prepare(plan, ids, round).map_err(|error| error.to_string())?;
    let child = tokio::task::spawn_blocking(move || spawn(plan)).await.map_err(|error| error.to_string())?;
    let process = Ended(child.map_err(|error| error.full_text())?.pidfd);
    let exit = match tokio::time::timeout(LIMIT, process.0.wait()).await {
        Ok(exit) => exit.map_err(|error| error.full_text())?,
        Err(_) => return Err(format!("no answer within {} seconds", LIMIT.as_secs())),
    };
    drop(process);
    let output = tokio::task::spawn_blocking(move || {
        let answers = written(&mut answers)?;
        let messages =
            String::from_utf8_lossy(&written(&mut messages)?).trim().chars().take(QUOTED).collect();
        Ok::<_, io::Error>(Output { answers, messages })
    });
    let output = output.await.map_err(|error| error.to_string())?.map_err(|error| error.to_string())?;
    match exit {
        Exit::Code(0) => Ok(output),
        Exit::Code(code) => Err(format!("exit status {code}: {}", output.messages)),
        Exit::Signal(signal) => Err(format!("ended by signal {signal}: {}", output.messages)),
        Exit::Unknown => Err(format!("ended: {}", output.messages)),
    }
}

/// A process that does not outlive its probe.
struct Ended(PidFd);

impl Drop for Ended {
    fn drop(&mut self) {
        // It has usually ended already; then this says so and does nothing.
        let _ = self.0.signal(Signal::KILL.as_raw());
    }
}

fn prepare(mut plan: Plan, ids: Option<Ids>, round: Round) -> io::Result<(Plan, File, File)> {
    let accel = if round == Round::Best { "none,accel=kvm:tcg" } else { "none,accel=tcg" };
    let args =
        ["-S", "-no-user-config", "-nodefaults", "-display", "none", "-machine", accel, "-qmp", "stdio"];
    plan.args = args.iter().map(OsString::from).collect();
    plan.env = vec![("LC_ALL".into(), "C".into()), ("PATH".into(), "/usr/sbin:/usr/bin:/sbin:/bin".into())];
    plan.ids = ids;
    let mut commands = File::from(memfd_create("qmp-commands", MemfdFlags::CLOEXEC)?);
    commands.write_all(&script(round))?;
    commands.seek(SeekFrom::Start(0))?;
    let answers = bounded("qmp-answers", MAX_OUTPUT)?;
    let messages = bounded("qemu-messages", MAX_MESSAGES)?;
    plan.stdin = Stdio::Fd(OwnedFd::from(commands));
    plan.stdout = Stdio::Fd(OwnedFd::from(answers.try_clone()?));
    plan.stderr = Stdio::Fd(OwnedFd::from(messages.try_clone()?));
    Ok((plan, answers, messages))
}

/// A memory file that cannot grow beyond a size, whoever writes to it.
fn bounded(name: &str, size: u64) -> io::Result<File> {
    let file = memfd_create(name, MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING)?;
    ftruncate(&file, size)?;
    fcntl_add_seals(&file, SealFlags::GROW | SealFlags::SHRINK | SealFlags::SEAL)?;
    Ok(File::from(file))
}

/// What was written to a bounded file: the position is shared with the writer.
fn written(file: &mut File) -> io::Result<Vec<u8>> {
    let length = file.stream_position()?;
    file.seek(SeekFrom::Start(0))?;
    let mut bytes = Vec::new();
    file.take(length).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Whether KVM can be used by the user that probes run as.
pub(super) fn can_use_kvm() -> bool {
    File::options().read(true).write(true).open(Path::new("/dev/kvm")).is_ok()
}
