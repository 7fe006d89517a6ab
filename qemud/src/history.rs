//! Documents of snapshots and checkpoints, a directory per guest. Nothing in this daemon makes one yet; those that another
//! daemon has left on this host are seen, and in the way where they would be lost. Everything here blocks on the disk.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use host::store::{self, Entry};

/// The documents of one guest. There are none for a guest whose name has no directory of its own.
pub fn documents(dir: Option<&Path>) -> host::Result<Vec<Entry>> {
    dir.map_or(Ok(Vec::new()), |dir| store::list(dir, ".xml"))
}

/// Whether a guest has documents.
pub fn exists(dir: Option<PathBuf>) -> host::Result<bool> {
    documents(dir.as_deref()).map(|documents| !documents.is_empty())
}

/// The names of the guests that have documents: `dir` is the parent of their directories.
pub fn owners(dir: &Path) -> host::Result<HashSet<String>> {
    let mut owners = HashSet::new();
    for entry in store::directories(dir)? {
        if exists(Some(entry.path))? {
            owners.insert(entry.name);
        }
    }
    Ok(owners)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_has_documents() {
        let dir = tempfile::tempdir().unwrap();
        assert!(owners(&dir.path().join("none")).unwrap().is_empty());
        for (name, file) in [("a", "s.xml"), ("b", "s.txt"), ("c", ".s.xml")] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
            std::fs::write(dir.path().join(name).join(file), "").unwrap();
        }
        std::fs::write(dir.path().join("d.xml"), "").unwrap();
        assert_eq!(owners(dir.path()).unwrap(), HashSet::from(["a".to_owned()]));
        let exists = |name: &str| exists(Some(dir.path().join(name))).unwrap();
        assert_eq!((exists("a"), exists("b"), exists("e")), (true, false, false));
        assert_eq!(documents(None).unwrap(), []);
    }
}
