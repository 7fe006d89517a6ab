//! Private keys.

use std::path::Path;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{PrivateKeyDer, PrivateSec1KeyDer};

use super::{TlsError, form, read};

/// A version of SEC1: INTEGER 1.
const VERSION: [u8; 3] = [2, 1, 1];
/// Object identifiers of the curves, with the length of a key.
const CURVES: [(&[u8], usize); 2] =
    [(&[6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 3, 1, 7], 32), (&[6, 5, 0x2b, 0x81, 4, 0, 0x22], 48)];

/// The first key of a file. Blocks.
pub(super) fn load(path: &Path) -> Result<PrivateKeyDer<'static>, TlsError> {
    let what = "server key";
    let key = PrivateKeyDer::from_pem_slice(&read(what, path)?);
    match key.map_err(|error| form(what, path)(error.to_string()))? {
        PrivateKeyDer::Sec1(key) => {
            let mended = mend(key.secret_sec1_der());
            Ok(PrivateKeyDer::Sec1(mended.map_or(key, PrivateSec1KeyDer::from)))
        }
        other => Ok(other),
    }
}

/// certtool writes the number of an elliptic key as a number: with a zero in front, or shorter, where RFC 5915 wants all
/// bytes of the curve's length and no more. `None`: nothing is to be mended.
fn mend(der: &[u8]) -> Option<Vec<u8>> {
    let (0x30, body, []) = element(der)? else { return None };
    let (4, number, rest) = element(body.strip_prefix(&VERSION)?)? else { return None };
    let (_, len) = CURVES.iter().find(|(curve, _)| rest.windows(curve.len()).any(|part| part == *curve))?;
    if number.len() == *len {
        return None;
    }
    let significant = number.get(number.iter().position(|byte| *byte != 0)?..)?;
    let zeros = len.checked_sub(significant.len())?;
    let number = [vec![0; zeros], significant.to_vec()].concat();
    let body = [&VERSION[..], &with_head(4, &number), rest].concat();
    Some(with_head(0x30, &body))
}

/// Tag and content of the first element of DER, and what follows it.
fn element(der: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (tag, rest) = der.split_first()?;
    let (first, rest) = rest.split_first()?;
    let (len, rest) = match first {
        0..=0x7f => (usize::from(*first), rest),
        0x81 => rest.split_first().map(|(len, rest)| (usize::from(*len), rest))?,
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(len)?;
    Some((*tag, content, rest))
}

/// An element of fewer than 256 bytes.
fn with_head(tag: u8, content: &[u8]) -> Vec<u8> {
    let len = content.len() as u8;
    let head = if len < 0x80 { vec![tag, len] } else { vec![tag, 0x81, len] };
    [&head, content].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key of certtool whose number has a zero in front.
    const KEY: &str = "-----BEGIN EC PRIVATE KEY-----\n\
        MHgCAQEEIQDn0EtzIHHdd69IjRXG5RnxdkIGsSNIGHFXXb2cBzZIKaAKBggqhkjO\n\
        PQMBB6FEA0IABDpbvVpWviPRgBwdj8cU5+IutMLlqucIQY3Ryu06nFe8d17Ew40t\n\
        d7ZqqgeIUsmrrzqW+P9npaRPMuYmegVRBHc=\n-----END EC PRIVATE KEY-----\n";

    #[test]
    fn keys_of_certtool_get_the_length_of_their_curve() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key.pem");
        std::fs::write(&path, KEY).unwrap();
        let mended = load(&path).unwrap();
        assert_eq!(mended.secret_der().len(), 0x77 + 2);
        assert!(rustls::crypto::ring::sign::any_supported_type(&mended).is_ok());
        assert_eq!(mend(mended.secret_der()), None);
        let raw = PrivateKeyDer::from_pem_slice(KEY.as_bytes()).unwrap();
        assert!(rustls::crypto::ring::sign::any_supported_type(&raw).is_err());
        for end in 0..raw.secret_der().len() {
            mend(&raw.secret_der()[..end]);
        }
    }
}
