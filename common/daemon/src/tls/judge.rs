//! Who is let in by certificate.

use std::path::Path;
use std::sync::Arc;

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, CertificateRevocationListDer, TrustAnchor, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};
use webpki::{EndEntityCert, ExtendedKeyUsageValidator, KeyPurposeIdIter, anchor_from_trusted_cert};
use x509_parser::prelude::{CertificateRevocationList, FromDer, X509Certificate};

use super::own::{is_authority, usable};
use super::{TlsError, dn, form, matches, read};
use crate::config::TlsOptions;

/// Authorities, each with the seconds since 1970 between which its certificate is valid.
#[derive(Debug)]
pub(super) struct Anchors(Vec<(TrustAnchor<'static>, i64, i64)>);

impl Anchors {
    /// What can be used of these certificates.
    pub(super) fn new(authorities: &[CertificateDer<'static>]) -> Self {
        let anchor = |der: &CertificateDer<'static>| {
            let anchor = anchor_from_trusted_cert(der).ok()?.to_owned();
            let (_, cert) = X509Certificate::from_der(der.as_ref()).ok()?;
            let validity = cert.validity();
            Some((anchor, validity.not_before.timestamp(), validity.not_after.timestamp()))
        };
        Self(authorities.iter().filter_map(anchor).collect())
    }
}

/// Whether an authority vouches for the first certificate, perhaps by way of the others.
///
/// # Errors
/// Why not.
pub(super) fn path_to_anchor(
    chain: &[CertificateDer<'static>],
    anchors: &Anchors,
    now: UnixTime,
) -> Result<(), String> {
    let (first, others) = chain.split_first().ok_or("no certificate was found")?;
    let seconds = i64::try_from(now.as_secs()).unwrap_or(i64::MAX);
    let valid = anchors.0.iter().filter(|(_, from, to)| (*from..=*to).contains(&seconds));
    let valid: Vec<TrustAnchor<'static>> = valid.map(|(anchor, _, _)| anchor.clone()).collect();
    let cert = EndEntityCert::try_from(first).map_err(|error| error.to_string())?;
    let path =
        cert.verify_for_usage(webpki::ALL_VERIFICATION_ALGS, &valid, others, now, AnyPurpose, None, None);
    match path {
        Ok(_) => Ok(()),
        Err(webpki::Error::UnknownIssuer) => Err("it has no known issuer".to_owned()),
        Err(error) => Err(error.to_string()),
    }
}

/// Purposes are judged apart, as the reference does.
struct AnyPurpose;

impl ExtendedKeyUsageValidator for AnyPurpose {
    fn validate(&self, _: KeyPurposeIdIter<'_, '_>) -> Result<(), webpki::Error> {
        Ok(())
    }
}

/// Issuer (as DER) and serial number of a certificate that is revoked.
type Revocation = (Vec<u8>, Vec<u8>);

/// What a list of the authority revokes; nothing if there is no such file. Its signature does not matter: whoever can
/// write the file can write the authority's certificate too.
pub(super) fn revocations(path: &Path) -> Result<Vec<Revocation>, TlsError> {
    let what = "CA revocation list";
    let bytes = match read(what, path) {
        Err(TlsError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
            tracing::debug!("there is no revocation list '{}'", path.display());
            return Ok(Vec::new());
        }
        other => other?,
    };
    let mut revoked = Vec::new();
    for der in CertificateRevocationListDer::pem_slice_iter(&bytes) {
        let der = der.map_err(|error| form(what, path)(error.to_string()))?;
        let parsed = CertificateRevocationList::from_der(der.as_ref());
        let (_, list) = parsed.map_err(|error| form(what, path)(error.to_string()))?;
        let issuer = list.issuer().as_raw().to_vec();
        revoked.extend(list.iter_revoked_certificates().map(|entry| {
            let serial = entry.raw_serial().to_vec();
            (issuer.clone(), serial)
        }));
    }
    Ok(revoked)
}

/// The rules for clients' certificates.
#[derive(Debug)]
pub(super) struct Rules {
    anchors: Anchors,
    revoked: Vec<Revocation>,
    allowed: Option<Vec<String>>,
    required: bool,
}

impl Rules {
    pub(super) fn new(
        authorities: &[CertificateDer<'static>],
        revoked: Vec<Revocation>,
        options: &TlsOptions,
    ) -> Self {
        Self {
            anchors: Anchors::new(authorities),
            revoked,
            allowed: options.allowed_dn.clone(),
            required: options.verify,
        }
    }

    /// The name of the client, or why it is refused.
    pub(super) fn judge(&self, chain: &[CertificateDer<'static>]) -> Result<Option<String>, String> {
        let parsed = chain.first().map(|der| X509Certificate::from_der(der.as_ref()));
        let cert = match parsed {
            Some(parsed) => Some(parsed.map_err(|error| error.to_string())?.1),
            None => None,
        };
        let name = cert.as_ref().map(|cert| dn::text(cert.subject()));
        match self.check(chain, cert.as_ref(), name.as_deref()) {
            Err(problem) if self.required => Err(problem),
            Err(problem) => {
                tracing::info!("a certificate is not accepted, but none is asked for: {problem}");
                Ok(name)
            }
            Ok(()) => Ok(name),
        }
    }

    fn check(
        &self,
        chain: &[CertificateDer<'static>],
        cert: Option<&X509Certificate<'_>>,
        name: Option<&str>,
    ) -> Result<(), String> {
        let (Some(cert), Some(name)) = (cert, name) else {
            return Err("no certificate was found".to_owned());
        };
        path_to_anchor(chain, &self.anchors, UnixTime::now())
            .map_err(|problem| format!("{name}: {problem}"))?;
        for der in chain {
            let parsed = X509Certificate::from_der(der.as_ref());
            let (_, link) = parsed.map_err(|error| format!("{name}: {error}"))?;
            let (issuer, serial) = (link.issuer().as_raw(), link.raw_serial());
            if self.revoked.iter().any(|(by, number)| by == issuer && number == serial) {
                return Err(format!("{name} has been revoked"));
            }
        }
        if let Some(allowed) = &self.allowed
            && !allowed.iter().any(|pattern| matches(pattern, name))
        {
            return Err(format!("{name} is not on the list of allowed clients (tls_allowed_dn_list)"));
        }
        if is_authority(cert) {
            return Err(format!("{name} is the certificate of a CA"));
        }
        let session = Path::new("[session]");
        usable(cert, "client", |purpose| purpose.client_auth, session).map_err(|error| error.to_string())
    }
}

/// Lets every certificate through the handshake whose key the client has: it is judged behind that.
#[derive(Debug)]
pub(super) struct AnyCertificate {
    hints: Vec<DistinguishedName>,
    provider: Arc<CryptoProvider>,
}

impl AnyCertificate {
    pub(super) fn new(authorities: &[CertificateDer<'static>], provider: Arc<CryptoProvider>) -> Self {
        let hint = |der: &CertificateDer<'static>| {
            let (_, cert) = X509Certificate::from_der(der.as_ref()).ok()?;
            Some(DistinguishedName::from(cert.subject().as_raw().to_vec()))
        };
        Self { hints: authorities.iter().filter_map(hint).collect(), provider }
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.hints
    }

    fn verify_client_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, cert, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, cert, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
