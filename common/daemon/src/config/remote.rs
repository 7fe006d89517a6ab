//! Options of a daemon that listens on the network (virtproxyd).

use std::path::PathBuf;

use super::{Auth, Options};
use crate::conf::{ConfError, Document};
use crate::tls::Priority;

/// Weakest security layer that may be asked for in place of the default.
const LEAST_SSF: u32 = 112;
/// The default: what DES gives.
const USUAL_SSF: u32 = 56;

/// Where and how to listen on the network. Defaults are the reference's for a daemon that needs no `--listen`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remote {
    /// Listen for TLS.
    pub listen_tls: bool,
    /// Listen without it.
    pub listen_tcp: bool,
    /// Port or service of TLS.
    pub tls_port: String,
    /// Port or service without it.
    pub tcp_port: String,
    /// Address or name of this host; unset: all addresses.
    pub listen_addr: Option<String>,
    /// Authentication behind TLS.
    pub auth_tls: Auth,
    /// Authentication without TLS.
    pub auth_tcp: Auth,
    /// Weakest security layer of SASL without TLS.
    pub tcp_min_ssf: u32,
    pub(crate) tls: TlsOptions,
}

/// Certificates and what is asked of clients'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TlsOptions {
    /// The authority's certificate, and ours with their keys; unset: the usual places.
    pub(crate) named: Option<Named>,
    /// Revoked certificates.
    pub(crate) crl_file: Option<PathBuf>,
    /// Check our own certificates.
    pub(crate) sanity: bool,
    /// Refuse clients without a good certificate.
    pub(crate) verify: bool,
    /// Patterns of the names that are let in.
    pub(crate) allowed_dn: Option<Vec<String>>,
    /// Versions and algorithms.
    pub(crate) priority: Priority,
}

/// The authority's certificate, and certificates with their keys.
pub(crate) type Named = (PathBuf, Vec<(PathBuf, PathBuf)>);

impl Remote {
    pub(super) fn read(options: &mut Options<'_>) -> Result<Self, ConfError> {
        let flag = |options: &mut Options<'_>, key| {
            options.read(key, Document::boolean).map(|value| value.unwrap_or(false))
        };
        let text = |options: &mut Options<'_>, key, usual: &str| {
            options.read(key, Document::text).map(|value| value.unwrap_or_else(|| usual.to_owned()))
        };
        let remote = Self {
            listen_tls: flag(options, "listen_tls")?,
            listen_tcp: flag(options, "listen_tcp")?,
            tls_port: text(options, "tls_port", "16514")?,
            tcp_port: text(options, "tcp_port", "16509")?,
            listen_addr: options.read("listen_addr", Document::text)?,
            auth_tls: network_auth(options, "auth_tls", Auth::None)?,
            auth_tcp: network_auth(options, "auth_tcp", Auth::Sasl)?,
            tcp_min_ssf: options.unsigned("tcp_min_ssf", USUAL_SSF)?,
            tls: TlsOptions {
                named: named(options)?,
                crl_file: options.read("crl_file", Document::text)?.map(PathBuf::from),
                sanity: !flag(options, "tls_no_sanity_certificate")?,
                verify: !flag(options, "tls_no_verify_certificate")?,
                allowed_dn: options.read("tls_allowed_dn_list", Document::list)?,
                priority: priority(options)?,
            },
        };
        if options.file.get("tcp_min_ssf").is_some() && remote.tcp_min_ssf < LEAST_SSF {
            let problem = format!("levels below {LEAST_SSF} are not supported");
            return Err(options.file.refused("tcp_min_ssf", problem));
        }
        Ok(remote)
    }
}

fn network_auth(options: &mut Options<'_>, key: &'static str, usual: Auth) -> Result<Auth, ConfError> {
    match options.auth(key, usual)? {
        Auth::Polkit => Err(options.file.refused(key, "polkit knows nobody who comes over the network")),
        auth => Ok(auth),
    }
}

fn priority(options: &mut Options<'_>) -> Result<Priority, ConfError> {
    const KEY: &str = "tls_priority";
    match options.read(KEY, Document::text)? {
        None => Ok(Priority::default()),
        Some(text) => Priority::parse(&text).map_err(|problem| options.file.refused(KEY, problem)),
    }
}

/// The files by name: all that belong together, or none.
fn named(options: &mut Options<'_>) -> Result<Option<Named>, ConfError> {
    let ca = options.read("ca_file", Document::text)?;
    let one = [("cert_file", "cert_files"), ("key_file", "key_files")];
    let mut lists = Vec::new();
    for (single, several) in one {
        let file = options.read(single, Document::text)?;
        let files = options.read(several, Document::list)?;
        if file.is_some() && files.is_some() {
            return Err(options.file.refused(several, format!("it cannot be set together with {single}")));
        }
        lists.push(files.unwrap_or_else(|| file.into_iter().collect()));
    }
    let (Some(keys), Some(certs)) = (lists.pop(), lists.pop()) else { return Ok(None) };
    if ca.is_none() && certs.is_empty() && keys.is_empty() {
        return Ok(None);
    }
    let set = ["ca_file", "cert_file", "cert_files", "key_file", "key_files"];
    let key = set.into_iter().find(|key| options.file.get(key).is_some()).unwrap_or("ca_file");
    let Some(ca) = ca else { return Err(options.file.refused(key, "ca_file has to be set too")) };
    if certs.is_empty() || keys.is_empty() {
        return Err(options.file.refused(key, "the server's certificate and key have to be set too"));
    }
    if certs.len() != keys.len() {
        let problem = format!("there are {} certificates, but {} keys", certs.len(), keys.len());
        return Err(options.file.refused(key, problem));
    }
    let pairs = certs.into_iter().zip(keys).map(|(cert, key)| (cert.into(), key.into()));
    Ok(Some((ca.into(), pairs.collect())))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::Config;

    fn remote(text: &str) -> Result<Remote, String> {
        let document = Document::parse(Path::new("p.conf"), text).map_err(|error| error.to_string())?;
        let config = Config::from_document(&document, (false, true)).map_err(|error| error.to_string())?;
        assert!(config.unknown().is_empty(), "{:?}", config.unknown());
        config.remote.ok_or_else(|| "not remote".to_owned())
    }

    #[test]
    fn defaults_are_the_references() {
        let usual = remote("").unwrap();
        assert!(!usual.listen_tls && !usual.listen_tcp && usual.listen_addr.is_none());
        assert_eq!((usual.tls_port.as_str(), usual.tcp_port.as_str()), ("16514", "16509"));
        assert_eq!((usual.auth_tls, usual.auth_tcp, usual.tcp_min_ssf), (Auth::None, Auth::Sasl, 56));
        assert!(usual.tls.sanity && usual.tls.verify && usual.tls.named.is_none());
    }

    #[test]
    fn options_are_read() {
        let read = remote(concat!(
            "listen_tls = 1\nlisten_tcp = 1\ntls_port = \"1\"\ntcp_port = \"2\"\nlisten_addr = \"::1\"\n",
            "auth_tls = \"sasl\"\nauth_tcp = \"none\"\ntcp_min_ssf = 112\nca_file = \"/a\"\n",
            "cert_files = [ \"/b\", \"/c\" ]\nkey_files = [ \"/d\", \"/e\" ]\ncrl_file = \"/f\"\n",
            "tls_no_sanity_certificate = 1\ntls_no_verify_certificate = 1\n",
            "tls_allowed_dn_list = [ \"CN=*\" ]\ntls_priority = \"NORMAL:-VERS-TLS1.2\"\n",
        ))
        .unwrap();
        assert!(read.listen_tls && read.listen_tcp && !read.tls.sanity && !read.tls.verify);
        assert_eq!((read.auth_tls, read.auth_tcp, read.tcp_min_ssf), (Auth::Sasl, Auth::None, 112));
        let pairs = vec![("/b".into(), "/d".into()), ("/c".into(), "/e".into())];
        assert_eq!(read.tls.named, Some(("/a".into(), pairs)));
        assert_eq!(read.tls.allowed_dn, Some(vec!["CN=*".to_owned()]));
    }

    #[test]
    fn wrong_values_are_refused_with_their_place() {
        for (text, part) in [
            ("listen_tls = 2", "p.conf:1: listen_tls: 0 or 1"),
            ("tls_port = 16514", "p.conf:1: tls_port: a string"),
            ("auth_tcp = \"polkit\"", "polkit knows nobody"),
            ("tcp_min_ssf = 56", "levels below 112"),
            ("cert_file = \"/a\"\nkey_file = \"/b\"", "ca_file has to be set"),
            ("ca_file = \"/a\"\nkey_file = \"/b\"", "certificate and key have to be set"),
            ("cert_file = \"/a\"\ncert_files = [ \"/b\" ]", "together with cert_file"),
            (
                "ca_file = \"/a\"\ncert_files = [ \"/b\", \"/c\" ]\nkey_file = \"/k\"",
                "2 certificates, but 1 keys",
            ),
            ("tls_priority = \"BOGUS\"", "p.conf:1: tls_priority: 'BOGUS'"),
        ] {
            let problem = remote(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
