//! The daemon on the network, asked by virsh with certificates that certtool made, good and bad ones.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;

use rustix::process::Signal;

use super::{Daemon, LIMIT, Place};

const SERVER: &str = "cn = localhost\ndns_name = localhost\ntls_www_server\nencryption_key\nsigning_key\n";
const CLIENT: &str = "tls_www_client\nencryption_key\nsigning_key\n";
const VALID: &str = "expiration_days = 300\n";
const PAST: &str = "activation_date = \"2020-01-01 00:00:00\"\nexpiration_date = \"2021-01-01 00:00:00\"\n";
const FUTURE: &str = "activation_date = \"2090-01-01 00:00:00\"\nexpiration_date = \"2091-01-01 00:00:00\"\n";
/// What virsh says when the server does not accept its certificate; so it is with the reference.
const REFUSED: &str = "Unable to read TLS confirmation: Input/output error";
/// The client's name as the reference writes it in its log and compares it.
const DNAME: &str = r"C=GB,ST=London,L=London,O=Red Hat\, Inc,CN=client1";

/// Certificates of all tests of this process.
struct Pki(tempfile::TempDir);

static PKI: LazyLock<Option<Pki>> = LazyLock::new(Pki::make);

/// The certificates, unless the programs are missing.
fn pki(test: &str) -> Option<&'static Pki> {
    if PKI.is_none() {
        println!("not run: {test}: certtool (gnutls-bin) or virsh (libvirt-clients) is missing");
    }
    PKI.as_ref()
}

impl Pki {
    fn make() -> Option<Self> {
        for program in ["certtool", "virsh"] {
            Command::new(program).arg("--version").stdout(std::process::Stdio::null()).status().ok()?;
        }
        let pki = Self(tempfile::tempdir().unwrap());
        for authority in ["ca", "other"] {
            let template = format!("cn = {authority} authority\nca\ncert_signing_key\n{VALID}");
            pki.prepare(authority, &template);
            pki.sign(&["--generate-self-signed"], authority);
        }
        let gb = "country = GB\nstate = London\nlocality = London\norganization = \"Red Hat, Inc\"\n";
        for (name, authority, template) in [
            ("server", "ca", format!("{SERVER}{VALID}")),
            (
                "elsewhere",
                "ca",
                format!("cn = a\ndns_name = elsewhere\ntls_www_server\nencryption_key\nsigning_key\n{VALID}"),
            ),
            ("old", "ca", format!("{SERVER}{PAST}")),
            ("early", "ca", format!("{SERVER}{FUTURE}")),
            ("authority", "ca", format!("{SERVER}ca\ncert_signing_key\n{VALID}")),
            ("foreign", "other", format!("{SERVER}{VALID}")),
            ("client", "ca", format!("{gb}cn = client1\n{CLIENT}{VALID}")),
            ("second", "ca", format!("cn = client2\n{CLIENT}{VALID}")),
            ("revoked", "ca", format!("cn = revoked\n{CLIENT}{VALID}")),
            ("oldclient", "ca", format!("cn = old\n{CLIENT}{PAST}")),
            ("foreignclient", "other", format!("cn = client1\n{CLIENT}{VALID}")),
        ] {
            pki.prepare(name, &template);
            let (cert, key) =
                (pki.file(&format!("{authority}cert.pem")), pki.file(&format!("{authority}key.pem")));
            pki.sign(
                &["--generate-certificate", "--load-ca-certificate", &cert, "--load-ca-privkey", &key],
                name,
            );
        }
        std::fs::write(pki.0.path().join("crl.info"), "crl_next_update = 300\n").unwrap();
        let [cert, key, revoked, template, out] =
            ["cacert.pem", "cakey.pem", "revokedcert.pem", "crl.info", "crl.pem"].map(|name| pki.file(name));
        certtool(&[
            "--generate-crl",
            "--load-ca-certificate",
            &cert,
            "--load-ca-privkey",
            &key,
            "--load-certificate",
            &revoked,
            "--template",
            &template,
            "--outfile",
            &out,
        ]);
        for name in ["client", "second", "revoked"] {
            pki.folder(name, &["clientcert.pem", "clientkey.pem"]);
        }
        pki.folder("none", &[]);
        Some(pki)
    }

    fn file(&self, name: &str) -> String {
        self.0.path().join(name).to_str().unwrap().to_owned()
    }

    fn prepare(&self, name: &str, template: &str) {
        std::fs::write(self.0.path().join(format!("{name}.info")), template).unwrap();
        let key = self.file(&format!("{name}key.pem"));
        certtool(&["--generate-privkey", "--key-type=rsa", "--bits=2048", "--no-text", "--outfile", &key]);
    }

    fn sign(&self, how: &[&str], name: &str) {
        let (key, template) = (self.file(&format!("{name}key.pem")), self.file(&format!("{name}.info")));
        let out = self.file(&format!("{name}cert.pem"));
        let files = ["--load-privkey", &key, "--template", &template, "--no-text", "--outfile", &out];
        certtool(&[how, &files[..]].concat());
    }

    /// A folder for virsh's `pkipath`.
    fn folder(&self, name: &str, files: &[&str]) {
        let folder = self.0.path().join(format!("{name}.d"));
        std::fs::create_dir(&folder).unwrap();
        std::fs::copy(self.0.path().join("cacert.pem"), folder.join("cacert.pem")).unwrap();
        for file in files {
            let from = self.0.path().join(file.replace("client", name));
            std::fs::copy(from, folder.join(file)).unwrap();
        }
    }

    /// Options for this server's certificate.
    fn options(&self, server: &str, key: &str, more: &str) -> (u16, String) {
        let port = free_port();
        let [ca, cert, key] = ["cacert.pem".to_owned(), format!("{server}cert.pem"), format!("{key}key.pem")]
            .map(|name| self.file(&name));
        let text = format!(
            "listen_tls = 1\nlisten_addr = \"localhost\"\ntls_port = \"{port}\"\nca_file = \"{ca}\"\n\
             cert_file = \"{cert}\"\nkey_file = \"{key}\"\nlog_filters = \"1:daemon 1:rpc\"\n{more}\n"
        );
        (port, text)
    }
}

fn certtool(arguments: &[&str]) {
    let status =
        Command::new("certtool").args(arguments).stderr(std::process::Stdio::null()).status().unwrap();
    assert!(status.success(), "{arguments:?}");
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A home for virsh, which makes folders in it.
fn home() -> &'static Path {
    PKI.as_ref().unwrap().0.path()
}

/// A daemon that listens for TLS.
struct Listening {
    place: Place,
    daemon: Daemon,
    port: u16,
}

fn listening(pki: &Pki, server: &str, more: &str) -> Listening {
    let place = Place::new();
    let (port, text) = pki.options(server, server, more);
    let config = place.write("tls.conf", &text);
    let daemon = place.start(&["-f", &config]);
    Listening { place, daemon, port }
}

impl Listening {
    /// virsh's answer to `hostname`, with the certificate of this name.
    fn ask(&self, pki: &Pki, client: &str, more: &str) -> Result<String, String> {
        let pkipath = pki.file(&format!("{client}.d"));
        virsh(&format!("qemu+tls://localhost:{}/system?pkipath={pkipath}{more}", self.port))
    }

    fn stop(self) -> String {
        assert_eq!(self.daemon.stop().code(), Some(0));
        self.place.log()
    }
}

fn virsh(uri: &str) -> Result<String, String> {
    let child = Command::new("virsh")
        .args(["-c", uri, "hostname"])
        .env_clear()
        .env("HOME", home())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().trim().to_owned();
    if output.status.success() { Ok(text(output.stdout)) } else { Err(text(output.stderr)) }
}

#[test]
fn certificates_decide_who_is_let_in() {
    let Some(pki) = pki("certificates_decide_who_is_let_in") else { return };
    let crl = pki.file("crl.pem");
    let running = listening(
        pki,
        "server",
        &format!(
            "crl_file = \"{crl}\"\ntls_allowed_dn_list = [ \"CN=other\", \"C=GB,ST=London,*\", \"CN=revoked\" ]"
        ),
    );
    assert_eq!(running.ask(pki, "client", "").unwrap(), format!("Tls; {DNAME}; no name"));
    for (client, reason) in [
        ("revoked", "CN=revoked has been revoked"),
        ("second", "CN=client2 is not on the list of allowed clients (tls_allowed_dn_list)"),
        ("none", "no certificate was found"),
    ] {
        let problem = running.ask(pki, client, "").unwrap_err();
        assert!(problem.contains(REFUSED), "{client}: {problem}");
        let log = running.place.log();
        assert!(log.contains(&format!("the client's certificate is refused: {reason}")), "{client}: {log}");
    }
    // virsh itself refuses to use certificates that are out of date or of another authority.
    for (client, reason) in
        [("oldclient", "CN=old: "), ("foreignclient", "CN=client1: it has no known issuer")]
    {
        let answer = openssl_like(pki, running.port, client);
        assert!(answer.is_none(), "{client}: {answer:?}");
        let log = running.place.log();
        assert!(log.contains(&format!("is refused: {reason}")), "{client}: {log}");
    }
    assert_eq!(openssl_like(pki, running.port, "client"), Some(1));
    running.stop();
}

/// The first byte behind the handshake of a client that shows any certificate.
fn openssl_like(pki: &Pki, port: u16, client: &str) -> Option<u8> {
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(pki.file("cacert.pem")).unwrap()).unwrap();
    let chain = vec![CertificateDer::from_pem_file(pki.file(&format!("{client}cert.pem"))).unwrap()];
    let key = PrivateKeyDer::from_pem_file(pki.file(&format!("{client}key.pem"))).unwrap();
    let provider = rustls::crypto::ring::default_provider();
    let signer = provider.key_provider.load_private_key(key).unwrap();
    let shown =
        std::sync::Arc::new(Shown(std::sync::Arc::new(rustls::sign::CertifiedKey::new(chain, signer))));
    let config = rustls::ClientConfig::builder_with_provider(provider.into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_cert_resolver(shown);
    let conn =
        rustls::ClientConnection::new(config.into(), ServerName::try_from("localhost").unwrap()).unwrap();
    let stream = TcpStream::connect(("localhost", port)).unwrap();
    stream.set_read_timeout(Some(LIMIT)).unwrap();
    let mut stream = rustls::StreamOwned::new(conn, stream);
    let mut byte = [0];
    stream.read(&mut byte).is_ok_and(|count| count == 1).then_some(byte[0])
}

/// Shows its certificate whatever the server asks for.
#[derive(Debug)]
struct Shown(std::sync::Arc<rustls::sign::CertifiedKey>);

impl rustls::client::ResolvesClientCert for Shown {
    fn resolve(
        &self,
        _: &[&[u8]],
        _: &[rustls::SignatureScheme],
    ) -> Option<std::sync::Arc<rustls::sign::CertifiedKey>> {
        Some(self.0.clone())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

#[test]
fn clients_need_no_certificate_where_none_is_verified() {
    let Some(pki) = pki("clients_need_no_certificate_where_none_is_verified") else { return };
    let crl = pki.file("crl.pem");
    let more = format!(
        "crl_file = \"{crl}\"\ntls_no_verify_certificate = 1\ntls_priority = \"NORMAL:-VERS-TLS1.3\""
    );
    let running = listening(pki, "server", &more);
    assert_eq!(running.ask(pki, "none", "").unwrap(), "Tls; no certificate; no name");
    assert_eq!(running.ask(pki, "revoked", "").unwrap(), "Tls; CN=revoked; no name");
    running.stop();
}

#[test]
fn clients_check_the_servers_name() {
    let Some(pki) = pki("clients_check_the_servers_name") else { return };
    let running = listening(pki, "elsewhere", "");
    let problem = running.ask(pki, "client", "").unwrap_err();
    assert!(problem.contains("Failed to verify peer's certificate"), "{problem}");
    assert!(running.ask(pki, "client", "&no_verify=1").is_ok());
    running.stop();
}

#[test]
fn bad_certificates_of_our_own_are_refused_at_the_start() {
    let Some(pki) = pki("bad_certificates_of_our_own_are_refused_at_the_start") else { return };
    let file = |name: &str| format!("{}cert.pem' ", pki.file(name));
    for (server, key, problem) in [
        ("old", "old", format!("the server certificate '{}has expired", file("old"))),
        ("early", "early", format!("the server certificate '{}is not yet active", file("early"))),
        (
            "authority",
            "authority",
            format!("the certificate '{}cannot be used here: its basic constraints", file("authority")),
        ),
        ("foreign", "foreign", format!("our own certificate '{}failed validation against", file("foreign"))),
        ("server", "client", "do not match".to_owned()),
        ("missing", "server", "cannot read server certificate '".to_owned()),
        ("server", "missing", "cannot read server key '".to_owned()),
    ] {
        let place = Place::new();
        let config = place.write("tls.conf", &pki.options(server, key, "").1);
        assert_eq!(place.refused(&["-f", &config]), 6, "{server} {key}");
        assert!(place.log().contains(&problem), "{server} {key}: {}", place.log());
    }
    let place = Place::new();
    let config = place.write("tls.conf", &pki.options("server", "server", "tls_priority = \"BOGUS\"").1);
    assert_eq!(place.refused(&["-f", &config]), 1);
    assert!(place.log().contains("tls.conf:8: tls_priority: 'BOGUS'"), "{}", place.log());
    // Whoever asks for it gets a certificate that clients will refuse.
    let running = listening(pki, "old", "tls_no_sanity_certificate = 1");
    let problem = running.ask(pki, "client", "").unwrap_err();
    assert!(problem.contains("Failed to verify peer's certificate"), "{problem}");
    running.stop();
}

#[test]
fn libvirts_places_are_used_without_options() {
    let Some(pki) = pki("libvirts_places_are_used_without_options") else { return };
    let place = Place::new();
    let system = rustix::process::geteuid().is_root();
    let places = if system {
        [
            "etc/pki/CA/cacert.pem",
            "etc/pki/CA/cacrl.pem",
            "etc/pki/libvirt/servercert.pem",
            "etc/pki/libvirt/private/serverkey.pem",
        ]
    } else {
        [
            ".pki/libvirt/cacert.pem",
            ".pki/libvirt/cacrl.pem",
            ".pki/libvirt/servercert.pem",
            ".pki/libvirt/serverkey.pem",
        ]
    };
    for (to, from) in places.iter().zip(["cacert.pem", "crl.pem", "servercert.pem", "serverkey.pem"]) {
        place.write(to, &std::fs::read_to_string(pki.file(from)).unwrap());
    }
    let port = free_port();
    let config = place.write("tls.conf", &format!("listen_tls = 1\ntls_port = \"{port}\"\n"));
    let daemon = place.start(&["-f", &config]);
    let running = Listening { place, daemon, port };
    assert!(running.ask(pki, "second", "").unwrap().contains("CN=client2"));
    assert!(running.ask(pki, "revoked", "").unwrap_err().contains(REFUSED));
    running.stop();
}

#[test]
fn certificates_are_read_again_and_sessions_live_on() {
    let Some(pki) = pki("certificates_are_read_again_and_sessions_live_on") else { return };
    let place = Place::new();
    let (port, text) = pki.options("server", "server", "");
    let config = place.write("tls.conf", &text);
    let daemon = place.start(&["-f", &config]);
    let running = Listening { place, daemon, port };
    let mut living = Live::start(pki, port);
    assert!(living.ask().contains("CN=client1"));

    // The list of revoked certificates is named by the new configuration.
    running.place.write("tls.conf", &format!("{text}crl_file = \"{}\"\n", pki.file("crl.pem")));
    assert!(running.ask(pki, "revoked", "").is_ok());
    running.reload();
    assert!(running.ask(pki, "revoked", "").unwrap_err().contains(REFUSED));
    assert!(living.ask().contains("CN=client1"));

    // What cannot be used changes nothing.
    running.place.write(
        "tls.conf",
        &pki.options("old", "old", "").1.replace("listen_tls", "listen_tcp = 0\nlisten_tls"),
    );
    running.reload();
    assert!(running.place.log().contains("the certificates stay as they were"), "{}", running.place.log());
    assert!(running.ask(pki, "second", "").is_ok());
    assert!(living.ask().contains("CN=client1"));
    drop(living);
    running.stop();
}

impl Listening {
    fn reload(&self) {
        self.daemon.signal(Signal::HUP);
        assert!(self.place.notice().starts_with("RELOADING=1"));
        assert_eq!(self.place.notice(), "READY=1\n");
    }
}

/// virsh with a connection that stays.
struct Live {
    child: std::process::Child,
    out: std::io::BufReader<std::process::ChildStdout>,
}

impl Live {
    fn start(pki: &Pki, port: u16) -> Self {
        let uri = format!("qemu+tls://localhost:{port}/system?pkipath={}", pki.file("client.d"));
        let mut child = Command::new("virsh")
            .args(["-q", "-c", &uri])
            .env_clear()
            .env("HOME", home())
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        let out = std::io::BufReader::new(child.stdout.take().unwrap());
        Self { child, out }
    }

    fn ask(&mut self) -> String {
        use std::io::BufRead;
        self.child.stdin.as_mut().unwrap().write_all(b"hostname\n").unwrap();
        let mut line = String::new();
        while !line.contains("Tls; ") {
            line.clear();
            assert!(self.out.read_line(&mut line).unwrap() > 0, "virsh has ended");
        }
        line
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        // Only of use when a test has failed: else it ends with its input.
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

#[test]
fn plain_clients_and_clients_of_tls_need_their_own_socket() {
    let Some(pki) = pki("plain_clients_and_clients_of_tls_need_their_own_socket") else { return };
    let plain = free_port();
    let more = format!("listen_tcp = 1\ntcp_port = \"{plain}\"\nauth_tcp = \"none\"");
    let running = listening(pki, "server", &more);
    assert_eq!(
        virsh(&format!("qemu+tcp://localhost:{plain}/system")).unwrap(),
        "Tcp; no certificate; no name"
    );
    assert!(virsh(&format!("qemu+tcp://localhost:{}/system", running.port)).is_err());
    let pkipath = pki.file("client.d");
    assert!(virsh(&format!("qemu+tls://localhost:{plain}/system?pkipath={pkipath}")).is_err());
    assert!(running.ask(pki, "client", "").is_ok());
    running.stop();
}

#[test]
fn the_service_manager_hands_the_socket_of_tls_over() {
    let Some(pki) = pki("the_service_manager_hands_the_socket_of_tls_over") else { return };
    let place = Place::new();
    let config = place.write("tls.conf", &pki.options("server", "server", "").1);
    let unix = std::os::unix::net::UnixListener::bind(place.root.path().join("sock")).unwrap();
    let tls = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = tls.local_addr().unwrap().port();
    let script = "LISTEN_PID=$$ LISTEN_FDS=2 LISTEN_FDNAMES=virtfaked.socket:virtfaked-tls.socket \
                  exec \"$0\" \"$@\" 3<&0 4<&1 </dev/null >/dev/null";
    let own = place.command(&["-f", &config]);
    let mut command = Command::new("/bin/sh");
    command.args(["-c", script]).arg(own.get_program()).args(own.get_args()).env_clear();
    command.envs(own.get_envs().filter_map(|(key, value)| Some((key, value?))));
    command.stdin(std::os::fd::OwnedFd::from(unix)).stdout(std::os::fd::OwnedFd::from(tls));
    command.stderr(std::fs::File::options().append(true).open(place.log_path()).unwrap());
    let daemon = place.start_with(command);
    let running = Listening { place, daemon, port };
    assert!(running.ask(pki, "client", "").unwrap().starts_with("Tls"));
    running.stop();
}
