//! Giving files to a guest, and taking them back.
//!
//! What was given is noted in a journal beside the status document, a line before each step, so that a daemon that
//! is killed on the way neither forgets a file nor gives one back twice.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ::driver::documents::blocking;
use host::label::{self, Owner};
use host::{Error, Result, store};

use super::files::GuestFile;

/// How long all files of a guest may take: some lie on servers.
const LIMIT: Duration = Duration::from_secs(60);
/// Most bytes of a journal.
const MAX_JOURNAL: u64 = 16 << 20;

/// The labels of one guest.
#[derive(Debug, Clone)]
pub struct Labels {
    /// The journal: `STATE_DIR/NAME.labels`.
    journal: PathBuf,
    /// Owners of before are remembered (`remember_owner`).
    remember: bool,
}

impl Labels {
    /// Those of the guest with this journal.
    pub fn new(journal: PathBuf, remember: bool) -> Self {
        Self { journal, remember }
    }

    /// Gives the files to the guest, all or none.
    pub async fn give(&self, files: Vec<GuestFile>) -> Result<()> {
        if files.is_empty() {
            return Ok(());
        }
        let labels = self.clone();
        in_time("giving files to the guest", move || {
            labels.give_all(&files).inspect_err(|_| {
                if let Err(error) = labels.take_back_all(&[]) {
                    tracing::warn!(target: "qemu", "files stay with a guest that does not start: {}", error.full_text());
                }
            })
        })
        .await
    }

    /// Takes back what the journal names; without one, `otherwise`: the guest of another daemon. Goes on after an
    /// error and returns the first.
    pub async fn take_back(&self, otherwise: Vec<GuestFile>) -> Result<()> {
        let labels = self.clone();
        in_time("taking files back from the guest", move || labels.take_back_all(&otherwise)).await
    }

    fn give_all(&self, files: &[GuestFile]) -> Result<()> {
        let mut journal = self.open()?;
        for file in files {
            let path = Path::new(&file.path);
            if file.optional && !path.exists() {
                continue;
            }
            if file.output {
                label::make_output(path)?;
            }
            if file.given_back {
                self.note(&mut journal, '+', file)?;
            }
            host::fault::at("label.noted");
            if let Err(error) = label::set(path, file.owner, file.given_back && self.remember) {
                // It took back what it did itself.
                if file.given_back {
                    self.note(&mut journal, '-', file)?;
                }
                return Err(error);
            }
            host::fault::at("label.given");
        }
        Ok(())
    }

    fn take_back_all(&self, otherwise: &[GuestFile]) -> Result<()> {
        let noted = match store::read(&self.journal, MAX_JOURNAL) {
            Ok(text) => remaining(&String::from_utf8_lossy(&text)),
            Err(error) if error.is_not_found() => {
                let there = |file: &&GuestFile| !file.optional || Path::new(&file.path).exists();
                otherwise.iter().filter(|file| file.given_back).filter(there).cloned().collect()
            }
            Err(error) => return Err(error),
        };
        let mut first = Ok(());
        if !noted.is_empty() {
            let mut journal = self.open()?;
            for file in noted.iter().rev() {
                let done = label::restore(Path::new(&file.path), file.owner, self.remember);
                host::fault::at("label.taken");
                first = first.and(done).and(self.note(&mut journal, '-', file));
            }
        }
        first.and(store::remove(&self.journal).map(|_| ()))
    }

    fn open(&self) -> Result<File> {
        let opened = OpenOptions::new().append(true).create(true).mode(0o600).open(&self.journal);
        opened.map_err(Error::file("open", &self.journal))
    }

    /// One line in one write. Not synced: what a power cut loses, it also makes stale.
    fn note(&self, journal: &mut File, sign: char, file: &GuestFile) -> Result<()> {
        let line = line(sign, file);
        journal.write_all(line.as_bytes()).map_err(Error::file("write", &self.journal))
    }
}

/// "+64055:107 /path": given; "-64055:107 /path": taken back.
fn line(sign: char, file: &GuestFile) -> String {
    let path = file.path.replace('\\', "\\\\").replace('\n', "\\n");
    format!("{sign}{}:{} {path}\n", file.owner.uid, file.owner.gid)
}

/// What was given and not yet taken back; a line that was cut short counts for nothing.
fn remaining(text: &str) -> Vec<GuestFile> {
    let mut left: Vec<GuestFile> = Vec::new();
    for line in text.split_inclusive('\n') {
        let Some((sign, file)) = line.strip_suffix('\n').and_then(read) else { continue };
        if sign == '+' {
            left.push(file);
        } else if let Some(at) = left.iter().rposition(|other| *other == file) {
            left.remove(at);
        }
    }
    left
}

fn read(line: &str) -> Option<(char, GuestFile)> {
    let sign = line.chars().next().filter(|sign| matches!(sign, '+' | '-'))?;
    let (owner, path) = line.get(1..)?.split_once(' ')?;
    let (uid, gid) = owner.split_once(':')?;
    let owner = Owner { uid: uid.parse().ok()?, gid: gid.parse().ok()? };
    let mut unescaped = String::with_capacity(path.len());
    let mut chars = path.chars();
    while let Some(c) = chars.next() {
        unescaped.push(match c {
            '\\' => match chars.next()? {
                'n' => '\n',
                other => other,
            },
            other => other,
        });
    }
    Some((sign, GuestFile { path: unescaped, owner, given_back: true, output: false, optional: false }))
}

/// Off the runtime, with a deadline: a disk that never answers holds up its guest only.
async fn in_time(what: &'static str, work: impl FnOnce() -> Result<()> + Send + 'static) -> Result<()> {
    let late = |_| Error::Deadline { what: what.to_owned(), limit: LIMIT };
    tokio::time::timeout(LIMIT, blocking(work)).await.map_err(late)?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str) -> GuestFile {
        let owner = Owner { uid: 64055, gid: 107 };
        GuestFile { path: path.to_owned(), owner, given_back: true, output: false, optional: false }
    }

    #[test]
    fn the_journal_tells_what_is_left() {
        let (a, b) = (file("/a b\nc\\n"), file("/b"));
        let text = [line('+', &a), line('+', &b), line('+', &b), line('-', &b)].concat();
        assert_eq!(remaining(&text), [a.clone(), b.clone()]);
        assert_eq!(remaining(&format!("{text}{}", line('-', &a))), [b]);
        assert_eq!(remaining("+1:1 /cut short"), []);
        assert_eq!(remaining("nonsense\n+x:y /a\n+1 /a\n\n+1:1 /a\\\n"), []);
    }

    #[tokio::test]
    async fn a_missing_file_leaves_nothing_given() {
        let dir = tempfile::tempdir().unwrap();
        let labels = Labels::new(dir.path().join("a.labels"), false);
        let own = Owner { uid: nix::unistd::getuid().as_raw(), gid: nix::unistd::getgid().as_raw() };
        let there = dir.path().join("there");
        std::fs::write(&there, b"").unwrap();
        let there = GuestFile { owner: own, ..file(there.to_str().unwrap()) };
        let missing = GuestFile { owner: own, ..file("/nosuch/image") };
        let error = labels.give(vec![there.clone(), missing]).await.unwrap_err();
        assert!(error.is_not_found(), "{error}");
        assert!(!dir.path().join("a.labels").exists());
        let output = dir.path().join("out").to_str().unwrap().to_owned();
        labels.give(vec![GuestFile { owner: own, output: true, ..file(&output) }, there]).await.unwrap();
        assert!(dir.path().join("a.labels").exists() && Path::new(&output).exists());
        labels.take_back(Vec::new()).await.unwrap();
        assert!(!dir.path().join("a.labels").exists());
    }
}
