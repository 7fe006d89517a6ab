//! Secrets that QEMU is given: encrypted with a key of the guest's own, which lies in the guest's directory.

use ::driver::base64;
use ::driver::secret::{IV_LEN, Key, Value};
use model::domain::Domain;
use model::domain::device::Device;
use model::domain::device::chardev::Backend;
use model::domain::device::disk::source::{Backing, EncryptionEngine, SecretRef, StorageSource};
use uuid::Uuid;

use super::PlanError;
use super::build::Build;
use super::props::Props;
use crate::defaults::facts::QemuConf;
use crate::parts;

/// The values of secrets, encrypted, and the key of the guest that they are encrypted with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Secrets {
    key: Option<Key>,
    sealed: Vec<(SecretRef, Sealed)>,
}

/// A value as QEMU is told it, in Base64.
#[derive(Clone, Debug, PartialEq)]
struct Sealed {
    data: String,
    iv: String,
}

impl Secrets {
    /// No secrets yet; what comes is encrypted with `key`.
    pub fn new(key: Key) -> Self {
        Self { key: Some(key), sealed: Vec::new() }
    }

    /// The guest's key; None leaves the choice to the start, since nothing is encrypted with it.
    pub fn key(&self) -> Option<&Key> {
        self.key.as_ref()
    }

    /// Encrypt a value; no two may have the same `iv`.
    pub fn seal(&mut self, name: SecretRef, iv: &[u8; IV_LEN], value: &Value) {
        if let Some(key) = &self.key {
            let data = base64::encode(&key.encrypt(iv, value));
            self.sealed.push((name, Sealed { data, iv: base64::encode(iv) }));
        }
    }

    /// The object by which QEMU knows a secret under the name `id`.
    ///
    /// # Errors
    /// The secret was not looked up: a command line that is only shown has none.
    pub fn object(&self, id: &str, name: &SecretRef) -> Result<Props, PlanError> {
        let found = self.sealed.iter().find(|(known, _)| known == name);
        let (_, sealed) = found.ok_or_else(|| match name {
            SecretRef::Uuid(uuid) => PlanError::NoSecret(format!("no secret with matching uuid '{uuid}'")),
            SecretRef::Usage(usage) => {
                PlanError::NoSecret(format!("no secret with matching usage '{usage}'"))
            }
        })?;
        Ok(Props::object("secret", id)
            .str("data", &sealed.data)
            .str("keyid", "masterKey0")
            .str("iv", &sealed.iv)
            .str("format", "base64"))
    }
}

/// The secret that opens an encrypted image: the first, where QEMU itself decrypts.
pub fn of_image(image: &StorageSource) -> Option<&SecretRef> {
    let encryption = image.encryption.as_ref()?;
    let by_qemu = encryption.engine != Some(EncryptionEngine::Librbd);
    encryption.secrets.first().filter(|_| by_qemu).map(|first| &first.secret)
}

/// The secrets that a guest's QEMU needs, each once: of volumes by UUID or path, of certificates by UUID.
pub fn wanted(domain: &Domain, conf: &QemuConf) -> Vec<SecretRef> {
    let mut all: Vec<SecretRef> = Vec::new();
    let mut add = |name: SecretRef| {
        if !all.contains(&name) {
            all.push(name);
        }
    };
    for device in &domain.devices {
        match device {
            Device::Disk(disk) => {
                let mut next = Some(&disk.source);
                while let Some(image) = next {
                    of_image(image).cloned().into_iter().for_each(&mut add);
                    next = match &image.backing {
                        Backing::Source(below) => Some(below),
                        _ => None,
                    };
                }
            }
            Device::Graphics(_) if conf.vnc_tls => {
                conf.vnc_tls_secret.map(SecretRef::Uuid).into_iter().for_each(&mut add);
            }
            _ => {}
        }
    }
    let mut sources = domain.devices.iter().filter_map(parts::chardev_source);
    if sources.any(|source| matches!(&source.backend, Backend::Tcp(tcp) if tcp.tls == Some(true))) {
        conf.chardev_tls_secret.map(SecretRef::Uuid).into_iter().for_each(&mut add);
    }
    all
}

/// The object for the secret `uuid` that opens a certificate's key: its id, which the certificate's object is told.
///
/// # Errors
/// As [`Secrets::object`].
pub fn passphrase(
    build: &mut Build<'_>,
    alias: &str,
    uuid: Option<Uuid>,
) -> Result<Option<String>, PlanError> {
    let Some(uuid) = uuid else { return Ok(None) };
    let id = format!("{alias}-secret0");
    let object = build.options.secrets.object(&id, &SecretRef::Uuid(uuid))?;
    build.object(&object);
    Ok(Some(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_come_back_with_the_guest_s_key_alone() {
        let name = SecretRef::Usage("/a".to_owned());
        let mut secrets = Secrets::new(Key::new(&[1; 32]).unwrap());
        let value = Value::new(b"sesame".to_vec());
        secrets.seal(name.clone(), &[2; IV_LEN], &value);
        let object = secrets.object("x-secret0", &name).unwrap();
        let text = |key: &str| object.get_str(key).unwrap().to_owned();
        assert_eq!(
            (text("id"), text("keyid"), text("format")),
            ("x-secret0".into(), "masterKey0".into(), "base64".into())
        );
        assert_eq!(base64::decode(text("iv").as_bytes()).unwrap(), [2; IV_LEN]);
        let data = base64::decode(text("data").as_bytes()).unwrap();
        assert_eq!(secrets.key().unwrap().decrypt(&[2; IV_LEN], &data), Some(value));
        let unknown = secrets.object("y", &SecretRef::Uuid(Uuid::nil())).unwrap_err();
        assert!(unknown.to_string().contains(&Uuid::nil().to_string()));
        assert!(Secrets::default().object("x", &name).unwrap_err().to_string().contains("'/a'"));
    }
}
