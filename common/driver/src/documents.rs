//! Definitions and status documents: a directory with one XML document per object, `NAME.xml`.
//!
//! Everything here blocks on the disk and runs on the blocking pool; every change is on stable storage when the
//! call returns.

use std::path::{Path, PathBuf};

use host::store;
use tokio::runtime::{Handle, RuntimeFlavor};

/// The largest document that is read back (libvirt's own limit for XML from files is of this order).
pub const MAX_DOCUMENT: u64 = 16 << 20;

/// Mode of a document: only the daemon's user reads it, since definitions may hold passwords.
const MODE: u32 = 0o600;

/// A directory of documents.
#[derive(Debug, Clone)]
pub struct Documents {
    dir: PathBuf,
    /// The client command that changes such a document, for the note at its head.
    edit_command: Option<&'static str>,
}

/// A document that was found at start.
#[derive(Debug)]
pub struct Found {
    /// The file's name without `.xml`.
    pub name: String,
    /// Where it is.
    pub path: PathBuf,
    /// Its text, or why it cannot be read.
    pub text: Result<String, host::Error>,
}

impl Documents {
    /// The documents of a directory, which is made when the first one is saved. `edit_command` (`virsh edit`)
    /// is named at the head of each.
    pub fn new(dir: PathBuf, edit_command: Option<&'static str>) -> Self {
        Self { dir, edit_command }
    }

    /// Where they are.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where the document of an object of this name is.
    pub fn path(&self, name: &str) -> PathBuf {
        self.dir.join(format!("{name}.xml"))
    }

    /// Write the object's document, replacing the one before as a whole.
    pub async fn save(&self, name: &str, xml: String) -> Result<(), host::Error> {
        let text = format!("{}{xml}", self.head(name));
        let path = self.path(name);
        blocking(move || match store::replace(&path, text.as_bytes(), MODE) {
            Err(host::Error::File { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                if let Some(dir) = path.parent() {
                    store::create_dir(dir, 0o700)?;
                }
                store::replace(&path, text.as_bytes(), MODE)
            }
            other => other,
        })
        .await
    }

    /// Remove the object's document; whether there was one.
    pub async fn remove(&self, name: &str) -> Result<bool, host::Error> {
        let path = self.path(name);
        blocking(move || store::remove(&path)).await
    }

    /// All documents, by name. Leftovers of writes that a crash cut short are removed first. One that cannot be
    /// read is reported in its place and harms no other.
    pub async fn load(&self) -> Result<Vec<Found>, host::Error> {
        let dir = self.dir.clone();
        blocking(move || {
            store::sweep(&dir)?;
            let entries = store::list(&dir, ".xml")?;
            Ok(entries.into_iter().map(read).collect())
        })
        .await
    }

    fn head(&self, name: &str) -> String {
        let Some(command) = self.edit_command else { return String::new() };
        // A comment must not hold two hyphens in a row.
        let name = name.replace("--", "- -");
        format!(
            "<!--\nWritten by the daemon, which will overwrite it. To change it, use\n  {command} {name}\nor any client of the libvirt API.\n-->\n\n"
        )
    }
}

fn read(entry: store::Entry) -> Found {
    let text = store::read(&entry.path, MAX_DOCUMENT).and_then(|bytes| {
        String::from_utf8(bytes)
            .map_err(|_| host::Error::Malformed { path: entry.path.clone(), what: "not UTF-8".to_owned() })
    });
    Found { name: entry.name, path: entry.path, text }
}

/// Run what blocks on the disk on the blocking pool.
pub async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, host::Error> + Send + 'static,
) -> Result<T, host::Error> {
    match tokio::task::spawn_blocking(work).await {
        Ok(result) => result,
        Err(error) => Err(host::Error::System { action: "finish work on the disk", source: error.into() }),
    }
}

/// Run file system calls that do not wait for the disk, such as taking a file away, without a change of threads.
///
/// Should one wait nevertheless, other tasks do not: another thread takes this one's place as worker first. That is
/// quicker than [`blocking`], whose caller is woken by a second thread afterwards.
pub async fn brief<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, host::Error> + Send + 'static,
) -> Result<T, host::Error> {
    match Handle::current().runtime_flavor() {
        RuntimeFlavor::MultiThread => tokio::task::block_in_place(work),
        _ => blocking(work).await,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn saved_found_and_removed() {
        let dir = tempfile::tempdir().unwrap();
        let documents = Documents::new(dir.path().join("qemu"), Some("virsh edit"));
        assert!(documents.load().await.unwrap().is_empty());
        documents.save("a--b", "<domain/>\n".to_owned()).await.unwrap();
        let found = documents.load().await.unwrap();
        assert_eq!(found.len(), 1);
        let text = found[0].text.as_ref().unwrap();
        assert!(text.ends_with("-->\n\n<domain/>\n") && text.contains("virsh edit a- -b"), "{text}");
        assert!(documents.remove("a--b").await.unwrap());
        assert!(!documents.remove("a--b").await.unwrap());
    }
}
