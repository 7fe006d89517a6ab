//! Sanity of our own certificate and of the authority's: what clients would refuse is refused at the start.

use std::path::Path;

use rustls::pki_types::{CertificateDer, UnixTime};
use x509_parser::prelude::{FromDer, X509Certificate};

use super::judge::{Anchors, path_to_anchor};
use super::{TlsError, form};

/// Checks a server's chain and the authorities that are to vouch for it.
///
/// # Errors
/// As the reference: expired or not yet active, an authority's where a server's should be or the other way round, a
/// critical extension that forbids the use, not signed by the authority.
pub(super) fn check(
    chain: &[CertificateDer<'static>],
    path: &Path,
    authorities: (&[CertificateDer<'static>], &Path),
) -> Result<(), TlsError> {
    let (authorities, ca) = authorities;
    for der in authorities {
        let cert = parsed(der, "CA certificate", ca)?;
        in_time(&cert, "CA", ca)?;
        if !is_authority(&cert) {
            return Err(unfit(ca, "its basic constraints do not show a CA"));
        }
        if let Ok(Some(usage)) = cert.key_usage() {
            let problem = "its usage does not permit certificate signing";
            permit(usage.value.key_cert_sign(), usage.critical, ca, problem)?;
        }
    }
    let Some(first) = chain.first() else { return Ok(()) };
    let cert = parsed(first, "server certificate", path)?;
    in_time(&cert, "server", path)?;
    if is_authority(&cert) {
        return Err(unfit(path, "its basic constraints show a CA, but one of a server is needed"));
    }
    usable(&cert, "server", |purpose| purpose.server_auth, path)?;
    let anchors = Anchors::new(authorities);
    path_to_anchor(chain, &anchors, UnixTime::now()).map_err(|problem| TlsError::Untrusted {
        path: path.to_owned(),
        ca: ca.to_owned(),
        problem,
    })
}

/// Checks usage and purpose: where the extension is not critical, what it forbids is only worth a warning.
pub(super) fn usable(
    cert: &X509Certificate<'_>,
    role: &str,
    purpose: impl Fn(&x509_parser::extensions::ExtendedKeyUsage<'_>) -> bool,
    path: &Path,
) -> Result<(), TlsError> {
    if let Ok(Some(usage)) = cert.key_usage() {
        let signs = usage.value.digital_signature();
        permit(signs, usage.critical, path, "its usage does not permit digital signature")?;
        // Other keys than RSA's cannot encipher keys at all.
        if cert.public_key().algorithm.algorithm.to_id_string() == RSA {
            let enciphers = usage.value.key_encipherment();
            permit(enciphers, usage.critical, path, "its usage does not permit key encipherment")?;
        }
    }
    if let Ok(Some(purposes)) = cert.extended_key_usage() {
        let problem = format!("its purpose does not allow use with a TLS {role}");
        permit(purpose(purposes.value) || purposes.value.any, purposes.critical, path, &problem)?;
    }
    Ok(())
}

const RSA: &str = "1.2.840.113549.1.1.1";

pub(super) fn is_authority(cert: &X509Certificate<'_>) -> bool {
    cert.basic_constraints().ok().flatten().is_some_and(|constraints| constraints.value.ca)
}

fn parsed<'a>(
    der: &'a CertificateDer<'_>,
    what: &'static str,
    path: &Path,
) -> Result<X509Certificate<'a>, TlsError> {
    let parsed = X509Certificate::from_der(der.as_ref());
    parsed.map(|(_, cert)| cert).map_err(|error| form(what, path)(error.to_string()))
}

fn in_time(cert: &X509Certificate<'_>, whose: &'static str, path: &Path) -> Result<(), TlsError> {
    let now = i64::try_from(UnixTime::now().as_secs()).unwrap_or(i64::MAX);
    if cert.validity().not_after.timestamp() < now {
        return Err(TlsError::Expired { whose, path: path.to_owned() });
    }
    if cert.validity().not_before.timestamp() > now {
        return Err(TlsError::NotYet { whose, path: path.to_owned() });
    }
    Ok(())
}

fn permit(permitted: bool, critical: bool, path: &Path, problem: &str) -> Result<(), TlsError> {
    if permitted {
        return Ok(());
    }
    if critical {
        return Err(unfit(path, problem));
    }
    tracing::warn!("the certificate '{}': {problem}", path.display());
    Ok(())
}

fn unfit(path: &Path, problem: &str) -> TlsError {
    TlsError::Unfit { path: path.to_owned(), problem: problem.to_owned() }
}
