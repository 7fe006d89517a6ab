//! secret.conf: whether values are encrypted on disk, and with which key (libvirt 12.1).

use std::path::{Path, PathBuf};

use daemon::conf::{ConfError, Document};
use driver::secret::{KEY_LEN, Key};
use host::store;

/// All options of secret.conf.
const OPTIONS: [&str; 2] = ["encrypt_data", "secrets_encryption_key"];
/// The credential that systemd hands over with the key.
const CREDENTIAL: &str = "secrets-encryption-key";

/// The key for values on disk; without one they are written as they are.
///
/// `encrypt_data = 0` switches encryption off and leaves values that are encrypted already out of reach, as in libvirt.
/// Otherwise the key comes from the file of `secrets_encryption_key`, or from systemd's credential. With
/// `encrypt_data = 1` and neither of them it has to lie at `usual`. Blocks.
///
/// # Errors
/// A value of another type, or a key that cannot be read or is not of 32 bytes.
pub fn key(document: &Document, usual: &Path) -> Result<Option<Key>, ConfError> {
    let credentials = std::env::var_os("CREDENTIALS_DIRECTORY").map(PathBuf::from);
    key_at(document, credentials.as_deref(), usual)
}

fn key_at(document: &Document, credentials: Option<&Path>, usual: &Path) -> Result<Option<Key>, ConfError> {
    for (key, line) in document.unknown(&OPTIONS) {
        tracing::warn!("{}:{line}: unknown option '{key}'", document.path().display());
    }
    let wanted = document.boolean("encrypt_data")?;
    let named = document.text("secrets_encryption_key")?.map(PathBuf::from);
    let handed_over = credentials.map(|dir| dir.join(CREDENTIAL)).filter(|path| path.exists());
    let path = match (wanted, named.or(handed_over)) {
        (Some(false), _) | (None, None) => return Ok(None),
        (_, Some(path)) => path,
        (Some(true), None) => usual.to_owned(),
    };
    let refused = |problem: String| document.refused("secrets_encryption_key", problem);
    let mut bytes = store::read(&path, KEY_LEN as u64 + 1).map_err(|error| refused(error.full_text()))?;
    let key = Key::new(&bytes);
    let length = bytes.len();
    bytes.fill(0);
    let key = key.ok_or_else(|| {
        refused(format!("a key has {KEY_LEN} bytes, '{}' has {}", path.display(), at_least(length)))
    })?;
    tracing::debug!(target: "secret", "values are encrypted with the key of '{}'", path.display());
    Ok(Some(key))
}

/// A length that was read up to a limit.
fn at_least(length: usize) -> String {
    if length > KEY_LEN { "more".to_owned() } else { length.to_string() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn conf(text: &str) -> Document {
        Document::parse(Path::new("secret.conf"), text).unwrap()
    }

    #[test]
    fn where_the_key_comes_from() {
        let dir = tempfile::tempdir().unwrap();
        let (credential, named, usual) =
            (dir.path().join(CREDENTIAL), dir.path().join("named"), dir.path().join("usual"));
        for (path, byte) in [(&credential, 1), (&named, 2), (&usual, 3)] {
            std::fs::write(path, [byte; KEY_LEN]).unwrap();
        }
        let name = format!("secrets_encryption_key = \"{}\"\n", named.display());
        let off = format!("{name}encrypt_data = 0\n");
        let empty = dir.path().join("empty");
        for (text, credentials, byte) in [
            ("", None, None),
            ("", Some(dir.path()), Some(1)),
            ("", Some(&*empty), None),
            ("encrypt_data = 1", None, Some(3)),
            ("encrypt_data = 1", Some(dir.path()), Some(1)),
            (&*name, None, Some(2)),
            (&*name, Some(dir.path()), Some(2)),
            (&*off, Some(dir.path()), None),
            ("encrypt_data = 0", Some(dir.path()), None),
        ] {
            let expected = byte.and_then(|byte| Key::new(&[byte; KEY_LEN]));
            assert!(key_at(&conf(text), credentials, &usual).unwrap() == expected, "{text}");
        }
    }

    #[test]
    fn keys_that_are_none() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let text = format!("secrets_encryption_key = \"{}\"", path.display());
        let problem = || key_at(&conf(&text), None, Path::new("/nowhere")).unwrap_err().to_string();
        assert!(problem().contains("No such file"), "{}", problem());
        for (length, words) in [(0, "has 0"), (31, "has 31"), (33, "has more")] {
            std::fs::write(&path, vec![1; length]).unwrap();
            assert!(problem().contains(words), "{}", problem());
        }
        let wrong = key_at(&conf("encrypt_data = \"yes\""), None, &path).unwrap_err().to_string();
        assert!(wrong.contains("encrypt_data"), "{wrong}");
    }
}
