//! Values that must not leak: wiped when they are dropped, told to no log, encrypted for the disk and for QEMU.
//!
//! Both libvirt (values on disk, since 12.1) and QEMU (objects of type `secret` with a key) use AES-256 in CBC mode
//! with the padding of PKCS #7 (RFC 5652, section 6.3) and a random initialization vector for each value.

use std::fmt;

use aes::Aes256;
use aes::cipher::block_padding::Pkcs7;
use aes::cipher::{BlockModeDecrypt, BlockModeEncrypt, KeyIvInit};
use zeroize::Zeroize;

/// Bytes of a key.
pub const KEY_LEN: usize = 32;
/// Bytes of an initialization vector.
pub const IV_LEN: usize = 16;

/// The bytes of a secret.
#[derive(Clone, PartialEq, Eq)]
pub struct Value(Vec<u8>);

impl Value {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes themselves.
    pub fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for Value {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value(..)")
    }
}

/// A key that values are encrypted with.
#[derive(Clone, PartialEq, Eq)]
pub struct Key([u8; KEY_LEN]);

impl Key {
    /// The key of these bytes; None if they are not [`KEY_LEN`].
    pub fn new(bytes: &[u8]) -> Option<Self> {
        bytes.try_into().map(Self).ok()
    }

    /// The key itself, for those who share it.
    pub fn bytes(&self) -> &[u8; KEY_LEN] {
        &self.0
    }

    /// The value, padded and encrypted. No two values may have the same `iv`.
    pub fn encrypt(&self, iv: &[u8; IV_LEN], value: &Value) -> Vec<u8> {
        cbc::Encryptor::<Aes256>::new(&self.0.into(), &(*iv).into())
            .encrypt_padded_vec::<Pkcs7>(value.bytes())
    }

    /// What [`encrypt`](Self::encrypt) made of a value. None if the key is not the one that it was made with; a wrong
    /// key is found out in all but one of 256 cases.
    pub fn decrypt(&self, iv: &[u8; IV_LEN], encrypted: &[u8]) -> Option<Value> {
        let cipher = cbc::Decryptor::<Aes256>::new(&self.0.into(), &(*iv).into());
        cipher.decrypt_padded_vec::<Pkcs7>(encrypted).ok().map(Value)
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base64;

    #[test]
    fn the_standard_s_example() {
        // NIST SP 800-38A, F.2.5: CBC-AES256. A block of padding follows there, since the text fills its last block.
        let key: Vec<u8> = hex("603deb1015ca71be2b73aef0857d77811f352c073b6108d72d9810a30914dff4");
        let iv: [u8; IV_LEN] = std::array::from_fn(|n| n as u8);
        let plain = hex("6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e51");
        let encrypted = hex("f58c4c04d6e5f1ba779eabfb5f7bfbd69cfc4e967edb808d679f777bc6702c7d");
        let key = Key::new(&key).unwrap();
        let got = key.encrypt(&iv, &Value::new(plain.clone()));
        assert_eq!((&got[..32], got.len()), (&*encrypted, 48));
        assert_eq!(key.decrypt(&iv, &got).unwrap().bytes(), plain);
    }

    #[test]
    fn every_length_comes_back_and_damage_is_seen() {
        let key = Key::new(&[7; KEY_LEN]).unwrap();
        let iv = [9; IV_LEN];
        for length in 0..70 {
            let value = Value::new((0..length).collect());
            let encrypted = key.encrypt(&iv, &value);
            assert_eq!(encrypted.len(), (usize::from(length) / 16 + 1) * 16);
            assert_eq!(key.decrypt(&iv, &encrypted), Some(value));
            assert_eq!(key.decrypt(&iv, &encrypted[1..]), None);
        }
        assert_eq!(key.decrypt(&iv, &[]), None);
        let other = Key::new(&[8; KEY_LEN]).unwrap();
        assert_eq!(other.decrypt(&iv, &key.encrypt(&iv, &Value::new(b"abc".to_vec()))), None);
        assert!(Key::new(&[0; 31]).is_none() && Key::new(&[0; 33]).is_none());
    }

    #[test]
    fn nothing_of_them_is_shown() {
        let shown = format!("{:?} {:?}", Value::new(b"abc".to_vec()), Key::new(&[97; KEY_LEN]).unwrap());
        assert_eq!(shown, "Value(..) Key(..)");
    }

    /// As openssl writes it: `openssl enc -aes-256-cbc -K 00..1f -iv 00..0f -a`.
    #[test]
    fn openssl_s_form() {
        let key = Key::new(&std::array::from_fn::<u8, 32, _>(|n| n as u8)).unwrap();
        let iv = std::array::from_fn(|n| n as u8);
        let encrypted = base64::decode(OPENSSL.as_bytes()).unwrap();
        assert_eq!(key.decrypt(&iv, &encrypted).unwrap().bytes(), b"a value of some length");
    }

    const OPENSSL: &str = "s64ccnC1NHD6QndIPCiDdG4DULidyP2dP6+nTuN9puM=";

    fn hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
    }
}
