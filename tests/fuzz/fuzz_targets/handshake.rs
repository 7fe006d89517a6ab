//! Any bytes as what one client of the TLS socket sends.
#![no_main]

use std::sync::{Arc, LazyLock};

use rpc::TlsSettings;
use rustls::ServerConfig;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

static SETTINGS: LazyLock<TlsSettings> = LazyLock::new(|| {
    let chain =
        CertificateDer::from_pem_slice(include_bytes!("../../../common/rpc/tests/data/servercert.pem"));
    let key = PrivateKeyDer::from_pem_slice(include_bytes!("../../../common/rpc/tests/data/serverkey.pem"));
    let config = ServerConfig::builder_with_provider(Arc::new(default_provider()));
    let config = config.with_safe_default_protocol_versions().expect("versions").with_no_client_auth();
    let config = config.with_single_cert(vec![chain.expect("certificate")], key.expect("key")).expect("fits");
    TlsSettings { config: Arc::new(config), judge: Arc::new(|_: &[CertificateDer<'static>]| Ok(None)) }
});

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| {
    rpc::fuzz::handshake(&SETTINGS, bytes);
});
