//! Definitions and values on disk, in libvirt's places and form.
//!
//! A secret has `UUID.xml`, and for its value `UUID.base64`, or with a key `UUID.aes256cbc` (libvirt 12.1): in Base64 the
//! initialization vector and what AES-256-CBC made of the value. Nothing of it is for others: mode 0600. Everything here
//! blocks on the disk.

use std::path::{Path, PathBuf};

use driver::base64;
use driver::secret::{IV_LEN, Key, Value};
use host::{Error, Result, store, system};
use model::secret::Secret as Definition;
use uuid::Uuid;

const MODE: u32 = 0o600;
/// The largest document or value that is read, as in libvirt.
const MAX_FILE: u64 = 10 << 20;
/// Suffixes of values: plain and encrypted.
const PLAIN: &str = ".base64";
const ENCRYPTED: &str = ".aes256cbc";

/// The directory of the secrets, and the key for their values.
#[derive(Debug, Clone)]
pub struct Storage {
    dir: PathBuf,
    key: Option<Key>,
}

/// What was found of a secret.
#[derive(Debug)]
pub struct Found {
    /// Its definition.
    pub definition: Definition,
    /// Its value, if it has one.
    pub value: Option<Value>,
}

impl Storage {
    /// The secrets in `dir`; values are written encrypted if there is a key.
    pub fn new(dir: PathBuf, key: Option<Key>) -> Self {
        Self { dir, key }
    }

    /// Write the definition.
    pub fn save(&self, uuid: Uuid, definition: &Definition) -> Result<()> {
        store::replace(&self.path(uuid, ".xml"), definition.format().as_bytes(), MODE)
    }

    /// Write the value, and take away what another form of it is there.
    pub fn save_value(&self, uuid: Uuid, value: &Value) -> Result<()> {
        let (suffix, other, text) = match &self.key {
            None => (PLAIN, ENCRYPTED, base64::encode(value.bytes())),
            Some(key) => {
                let mut iv = [0; IV_LEN];
                system::random(&mut iv)?;
                let bytes = [&iv[..], &key.encrypt(&iv, value)].concat();
                (ENCRYPTED, PLAIN, base64::encode(&bytes))
            }
        };
        // Wiped when it is dropped.
        let text = Value::new(text.into_bytes());
        store::replace(&self.path(uuid, suffix), text.bytes(), MODE)?;
        store::remove(&self.path(uuid, other)).map(|_| ())
    }

    /// Take the secret away. The definition goes first: a value without one is swept at the next start.
    pub fn remove(&self, uuid: Uuid) -> Result<()> {
        store::remove(&self.path(uuid, ".xml"))?;
        self.remove_value(uuid)
    }

    /// Take the value away.
    pub fn remove_value(&self, uuid: Uuid) -> Result<()> {
        for suffix in [PLAIN, ENCRYPTED] {
            store::remove(&self.path(uuid, suffix))?;
        }
        Ok(())
    }

    /// All secrets, with why one cannot be read in its place: such files are left as they are. What a crash has left of
    /// others is removed first.
    pub fn load(&self) -> Result<Vec<std::result::Result<Found, String>>> {
        store::sweep(&self.dir)?;
        let documents = store::list(&self.dir, ".xml")?;
        for suffix in [PLAIN, ENCRYPTED] {
            for orphan in store::list(&self.dir, suffix)? {
                let is_ours = Uuid::try_parse(&orphan.name).is_ok();
                if is_ours && !documents.iter().any(|document| document.name == orphan.name) {
                    store::remove(&orphan.path)?;
                }
            }
        }
        let read = |entry: store::Entry| {
            self.read(&entry).map_err(|problem| format!("'{}': {problem}", entry.path.display()))
        };
        Ok(documents.into_iter().map(read).collect())
    }

    fn read(&self, entry: &store::Entry) -> std::result::Result<Found, String> {
        let full = |error: Error| error.full_text();
        let bytes = store::read(&entry.path, MAX_FILE).map_err(full)?;
        let text = String::from_utf8(bytes).map_err(|_| "not UTF-8".to_owned())?;
        let definition = Definition::parse_str(&text).map_err(|error| error.to_string())?;
        let uuid = definition.uuid.ok_or("it has no UUID")?;
        if uuid.to_string() != entry.name {
            return Err(format!("it is the definition of {uuid}"));
        }
        let value = self.read_value(uuid)?;
        Ok(Found { definition, value })
    }

    /// The value, if there is one. Of two forms the younger counts: the older would have been taken away, but for a crash.
    fn read_value(&self, uuid: Uuid) -> std::result::Result<Option<Value>, String> {
        let paths = [ENCRYPTED, PLAIN].map(|suffix| self.path(uuid, suffix));
        let written = |path: &Path| path.metadata().and_then(|metadata| metadata.modified()).ok();
        let [encrypted, plain] = paths.each_ref().map(|path| written(path));
        let is_encrypted = encrypted.is_some() && encrypted >= plain;
        let [encrypted, plain] = paths;
        let path = if is_encrypted { encrypted } else { plain };
        if !path.exists() {
            return Ok(None);
        }
        let problem = |what: &str| format!("value in '{}': {what}", path.display());
        let text = Value::new(store::read(&path, MAX_FILE).map_err(|error| problem(&error.full_text()))?);
        let bytes = Value::new(base64::decode(text.bytes()).ok_or_else(|| problem("not Base64"))?);
        if !is_encrypted {
            return Ok(Some(bytes));
        }
        let key = self.key.as_ref().ok_or_else(|| problem("encrypted, and there is no key"))?;
        let (iv, encrypted) = bytes.bytes().split_first_chunk().ok_or_else(|| problem("too short"))?;
        let value = key.decrypt(iv, encrypted);
        value.map(Some).ok_or_else(|| problem("not encrypted with this key"))
    }

    fn path(&self, uuid: Uuid, suffix: &str) -> PathBuf {
        self.dir.join(format!("{uuid}{suffix}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    const UUID: Uuid = Uuid::from_u128(0x1111_1111_0000_4000_8000_0000_0000_0001);

    fn definition() -> Definition {
        Definition { uuid: Some(UUID), description: Some("d".to_owned()), ..Definition::default() }
    }

    fn files(dir: &Path) -> Vec<String> {
        let entries = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap());
        let mut names: Vec<_> = entries
            .map(|entry| {
                let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
                assert_eq!(mode, 0o600, "{:?}", entry.path());
                entry.path().extension().unwrap().to_str().unwrap().to_owned()
            })
            .collect();
        names.sort();
        names
    }

    fn loaded(storage: &Storage) -> std::result::Result<Option<Value>, String> {
        let mut all = storage.load().unwrap();
        assert_eq!(all.len(), 1);
        all.pop().unwrap().map(|found| {
            assert_eq!(found.definition, definition());
            found.value
        })
    }

    #[test]
    fn both_forms_of_values() {
        let dir = tempfile::tempdir().unwrap();
        let keyed = Storage::new(dir.path().to_owned(), Key::new(&[5; 32]));
        let plain = Storage::new(dir.path().to_owned(), None);
        plain.save(UUID, &definition()).unwrap();
        assert_eq!(loaded(&plain).unwrap(), None);
        let value = Value::new(b"foobar".to_vec());
        plain.save_value(UUID, &value).unwrap();
        assert_eq!(std::fs::read_to_string(dir.path().join(format!("{UUID}.base64"))).unwrap(), "Zm9vYmFy");
        assert_eq!(
            (loaded(&plain).unwrap(), loaded(&keyed).unwrap()),
            (Some(value.clone()), Some(value.clone()))
        );
        assert_eq!(files(dir.path()), ["base64", "xml"]);

        keyed.save_value(UUID, &value).unwrap();
        assert_eq!(files(dir.path()), ["aes256cbc", "xml"]);
        assert_eq!(loaded(&keyed).unwrap(), Some(value.clone()));
        let text = || std::fs::read(dir.path().join(format!("{UUID}.aes256cbc"))).unwrap();
        let first = text();
        assert_eq!(base64::decode(&first).unwrap().len(), 32);
        keyed.save_value(UUID, &value).unwrap();
        assert_ne!(text(), first);

        assert!(loaded(&plain).unwrap_err().contains("there is no key"));
        let other = Storage::new(dir.path().to_owned(), Key::new(&[6; 32]));
        assert!(loaded(&other).is_err());
        std::fs::write(dir.path().join(format!("{UUID}.aes256cbc")), "Zm9v").unwrap();
        assert!(loaded(&keyed).unwrap_err().contains("too short"));
        keyed.remove(UUID).unwrap();
        assert_eq!(files(dir.path()), [""; 0]);
    }

    #[test]
    fn of_two_values_the_younger_counts() {
        let dir = tempfile::tempdir().unwrap();
        let keyed = Storage::new(dir.path().to_owned(), Key::new(&[5; 32]));
        let plain = Storage::new(dir.path().to_owned(), None);
        plain.save(UUID, &definition()).unwrap();
        let (old, new) = (Value::new(b"old".to_vec()), Value::new(b"new".to_vec()));
        plain.save_value(UUID, &old).unwrap();
        let path = dir.path().join(format!("{UUID}.base64"));
        let kept = std::fs::read(&path).unwrap();
        keyed.save_value(UUID, &new).unwrap();
        // A crash before the older one was taken away.
        std::fs::write(&path, kept).unwrap();
        let file = std::fs::File::options().write(true).open(&path).unwrap();
        let now = std::time::SystemTime::now();
        file.set_modified(now - std::time::Duration::from_secs(9)).unwrap();
        assert_eq!(loaded(&keyed).unwrap(), Some(new));
        file.set_modified(now + std::time::Duration::from_secs(9)).unwrap();
        assert_eq!(loaded(&keyed).unwrap(), Some(old));
    }

    #[test]
    fn what_a_crash_leaves_and_what_is_not_ours() {
        let dir = tempfile::tempdir().unwrap();
        let storage = Storage::new(dir.path().to_owned(), None);
        storage.save_value(UUID, &Value::new(b"x".to_vec())).unwrap();
        std::fs::write(dir.path().join("mine.base64"), "").unwrap();
        let other = Uuid::from_u128(7);
        std::fs::write(dir.path().join(format!("{other}.xml")), "<secret").unwrap();
        std::fs::write(dir.path().join(format!("{other}.base64")), "Zg==").unwrap();
        let third = Uuid::from_u128(8);
        std::fs::write(dir.path().join(format!("{third}.xml")), definition().format()).unwrap();
        let problems: Vec<_> = storage.load().unwrap().into_iter().map(|one| one.unwrap_err()).collect();
        assert_eq!(problems.len(), 2);
        assert!(problems[0].contains("definition_of_secret"), "{}", problems[0]);
        assert!(problems[1].contains(&UUID.to_string()), "{}", problems[1]);
        let left = |name: String| dir.path().join(name).exists();
        assert!(!left(format!("{UUID}.base64")));
        assert!(left(format!("{other}.base64")) && left("mine.base64".to_owned()));
    }
}
