//! TLS of the daemons that listen on the network: certificates in libvirt's places, checked before they are used.

mod dn;
mod judge;
mod key;
mod own;
mod pattern;
mod priority;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use host::paths::{Mode, Paths};
use rustls::ServerConfig;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;

use crate::config::TlsOptions;

pub(crate) use pattern::matches;
pub(crate) use priority::Priority;

/// Why TLS cannot be offered.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TlsError {
    #[error("cannot read {what} '{}'", path.display())]
    Read { what: &'static str, path: PathBuf, source: std::io::Error },
    #[error("cannot read {what} '{}': {problem}", path.display())]
    Form { what: &'static str, path: PathBuf, problem: String },
    #[error("the {whose} certificate '{}' has expired", path.display())]
    Expired { whose: &'static str, path: PathBuf },
    #[error("the {whose} certificate '{}' is not yet active", path.display())]
    NotYet { whose: &'static str, path: PathBuf },
    #[error("the certificate '{}' cannot be used here: {problem}", path.display())]
    Unfit { path: PathBuf, problem: String },
    #[error("our own certificate '{}' failed validation against '{}': {problem}", path.display(), ca.display())]
    Untrusted { path: PathBuf, ca: PathBuf, problem: String },
    #[error("the certificate '{}' and the key '{}' do not match", cert.display(), key.display())]
    Mismatch { cert: PathBuf, key: PathBuf },
    #[error("TLS cannot be set up: {0}")]
    Setup(#[from] rustls::Error),
}

/// Where the files are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Files {
    ca: PathBuf,
    /// It need not exist.
    crl: Option<PathBuf>,
    /// Certificates with their keys.
    pairs: Vec<(PathBuf, PathBuf)>,
}

impl Files {
    /// Those that the options name; else libvirt's usual ones.
    pub(crate) fn new(options: &TlsOptions, paths: &Paths) -> Self {
        if let Some((ca, pairs)) = &options.named {
            return Self { ca: ca.clone(), crl: options.crl_file.clone(), pairs: pairs.clone() };
        }
        let pki = &paths.pki_dir;
        let (authority, own, keys) = match paths.mode {
            Mode::System => (pki.join("CA"), pki.join("libvirt"), pki.join("libvirt/private")),
            Mode::Session => (pki.clone(), pki.clone(), pki.clone()),
        };
        Self {
            ca: authority.join("cacert.pem"),
            crl: Some(options.crl_file.clone().unwrap_or_else(|| authority.join("cacrl.pem"))),
            pairs: vec![(own.join("servercert.pem"), keys.join("serverkey.pem"))],
        }
    }
}

/// Reads and checks everything that new sessions need. Blocks.
pub(crate) fn load(options: &TlsOptions, paths: &Paths) -> Result<rpc::TlsSettings, TlsError> {
    let files = Files::new(options, paths);
    let authorities = certificates("CA certificate", &files.ca)?;
    let crl = match &files.crl {
        Some(path) => judge::revocations(path)?,
        None => Vec::new(),
    };
    let provider = Arc::new(options.priority.provider());
    let mut keys = Vec::new();
    for (cert, key) in &files.pairs {
        let chain = certificates("server certificate", cert)?;
        let signer = provider
            .key_provider
            .load_private_key(key::load(key)?)
            .map_err(|error| form("server key", key)(error.to_string()))?;
        if options.sanity {
            own::check(&chain, cert, (&authorities, &files.ca))?;
        }
        let pair = CertifiedKey::new(chain, signer);
        if let Err(rustls::Error::InconsistentKeys(_)) = pair.keys_match() {
            return Err(TlsError::Mismatch { cert: cert.clone(), key: key.clone() });
        }
        keys.push(Arc::new(pair));
    }
    let verifier = judge::AnyCertificate::new(&authorities, Arc::clone(&provider));
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(options.priority.versions())?
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(Certificates(keys)));
    // Clients of libvirt never resume a session.
    config.session_storage = Arc::new(NoServerSessionStorage {});
    config.send_tls13_tickets = 0;
    let judge = judge::Rules::new(&authorities, crl, options);
    Ok(rpc::TlsSettings {
        config: Arc::new(config),
        judge: Arc::new(move |chain: &[CertificateDer<'static>]| judge.judge(chain)),
    })
}

/// The first certificate whose key can sign as the client asks.
#[derive(Debug)]
struct Certificates(Vec<Arc<CertifiedKey>>);

impl ResolvesServerCert for Certificates {
    fn resolve(&self, hello: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let signs = |pair: &&Arc<CertifiedKey>| pair.key.choose_scheme(hello.signature_schemes()).is_some();
        self.0.iter().find(signs).cloned()
    }
}

fn certificates(what: &'static str, path: &Path) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let bytes = read(what, path)?;
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&bytes).collect();
    let chain = chain.map_err(|error| form(what, path)(error.to_string()))?;
    if chain.is_empty() {
        return Err(form(what, path)("it holds no certificate in PEM form".to_owned()));
    }
    Ok(chain)
}

/// Most bytes of a file; those of whole lists of authorities have some hundred thousand.
const MAX_FILE: u64 = 10 << 20;

fn read(what: &'static str, path: &Path) -> Result<Vec<u8>, TlsError> {
    use std::io::Read;
    let mut bytes = Vec::new();
    let file = std::fs::File::open(path);
    let result = file.and_then(|file| file.take(MAX_FILE).read_to_end(&mut bytes));
    result.map_err(|source| TlsError::Read { what, path: path.to_owned(), source })?;
    Ok(bytes)
}

fn form(what: &'static str, path: &Path) -> impl Fn(String) -> TlsError {
    move |problem| TlsError::Form { what, path: path.to_owned(), problem }
}
