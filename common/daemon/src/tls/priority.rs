//! GnuTLS's priority strings (`tls_priority`), as far as they name something that there is here.

use rustls::crypto::CryptoProvider;
use rustls::{SupportedCipherSuite, SupportedProtocolVersion, version};

use rustls::crypto::ring;

/// Ciphers of TLS that rustls has.
const CIPHERS: [&str; 3] = ["AES-128-GCM", "AES-256-GCM", "CHACHA20-POLY1305"];
/// Versions of TLS that rustls has.
const VERSIONS: [&str; 2] = ["TLS1.2", "TLS1.3"];
/// Names that GnuTLS knows and that mean nothing here: taking them away changes nothing.
const ABSENT: &[&str] = &[
    "VERS-SSL3.0",
    "VERS-TLS1.0",
    "VERS-TLS1.1",
    "VERS-DTLS0.9",
    "VERS-DTLS1.0",
    "VERS-DTLS1.2",
    "VERS-DTLS-ALL",
    "AES-128-CBC",
    "AES-192-CBC",
    "AES-256-CBC",
    "AES-128-CCM",
    "AES-256-CCM",
    "AES-128-CCM-8",
    "AES-256-CCM-8",
    "CAMELLIA-128-CBC",
    "CAMELLIA-256-CBC",
    "CAMELLIA-128-GCM",
    "CAMELLIA-256-GCM",
    "3DES-CBC",
    "DES-CBC",
    "ARCFOUR-128",
    "ARCFOUR-40",
    "RC2-40",
    "NULL",
    "RSA",
    "RSA-PSK",
    "RSA-EXPORT",
    "DHE-RSA",
    "DHE-DSS",
    "DHE-PSK",
    "ECDHE-PSK",
    "PSK",
    "SRP",
    "SRP-RSA",
    "SRP-DSS",
    "ANON-DH",
    "ANON-ECDH",
    "MD5",
    "SHA1",
    "COMP-DEFLATE",
    "SIGN-RSA-MD5",
    "SIGN-RSA-SHA1",
    "SIGN-DSA-SHA1",
    "SIGN-DSA-SHA256",
    "SIGN-ECDSA-SHA1",
];
/// Names of what is always there: adding them changes nothing.
const PRESENT: &[&str] = &[
    "AEAD",
    "SHA256",
    "SHA384",
    "COMP-NULL",
    "CTYPE-X509",
    "CTYPE-ALL",
    "SIGN-ALL",
    "MAC-ALL",
    "COMP-ALL",
    "KX-ALL",
    "GROUP-ALL",
    "CURVE-ALL",
    "GROUP-X25519",
    "GROUP-SECP256R1",
    "GROUP-SECP384R1",
    "ECDHE-RSA",
    "ECDHE-ECDSA",
];

/// What a priority string leaves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Priority {
    ciphers: [bool; 3],
    versions: [bool; 2],
}

impl Default for Priority {
    fn default() -> Self {
        Self { ciphers: [true; 3], versions: [true; 2] }
    }
}

impl Priority {
    /// Understands a string such as `NORMAL:-VERS-TLS1.3`.
    ///
    /// # Errors
    /// A part has no meaning here, or nothing is left.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut priority = Self::default();
        for (place, part) in text.split(':').enumerate() {
            if place == 0 && !part.starts_with(['+', '-', '!', '%']) {
                priority.keyword(part)?;
            } else {
                priority.change(part)?;
            }
        }
        if !priority.ciphers.contains(&true) || !priority.versions.contains(&true) {
            return Err(format!("'{text}' leaves no cipher or no version of TLS"));
        }
        Ok(priority)
    }

    fn keyword(&mut self, word: &str) -> Result<(), String> {
        // The system's settings ("@SYSTEM", with other names to be tried before it) are GnuTLS's own.
        let word = word.strip_prefix('@').map_or(word, |_| "NORMAL");
        self.ciphers = match word {
            "NORMAL" | "PERFORMANCE" | "SECURE128" | "PFS" | "LEGACY" => [true; 3],
            "SECURE192" | "SECURE256" | "SUITEB192" => [false, true, word != "SUITEB192"],
            "SUITEB128" => [true, true, false],
            "NONE" => {
                self.versions = [false; 2];
                [false; 3]
            }
            _ => return Err(format!("'{word}' is not a set of algorithms that is known here")),
        };
        Ok(())
    }

    fn change(&mut self, part: &str) -> Result<(), String> {
        if part.starts_with('%') || part.is_empty() {
            // Ways around other implementations' mistakes; none is needed.
            return Ok(());
        }
        let (on, name) = match part.split_at_checked(1) {
            Some(("+", name)) => (true, name),
            Some(("-" | "!", name)) => (false, name),
            _ => return Err(format!("'{part}' does not begin with + or -")),
        };
        if let Some(version) = name.strip_prefix("VERS-") {
            if version == "ALL" || version == "TLS-ALL" {
                self.versions = [on; 2];
                return Ok(());
            }
            if let Some(known) = set(&VERSIONS, version, &mut self.versions) {
                *known = on;
                return Ok(());
            }
        }
        if name == "CIPHER-ALL" {
            self.ciphers = [on; 3];
        } else if let Some(known) = set(&CIPHERS, name, &mut self.ciphers) {
            *known = on;
        } else if !(if on { PRESENT } else { ABSENT }).contains(&name) {
            let what = if on { "added" } else { "taken away" };
            return Err(format!("'{name}' cannot be {what} here"));
        }
        Ok(())
    }

    /// Versions of TLS.
    pub(super) fn versions(&self) -> &'static [&'static SupportedProtocolVersion] {
        static BOTH: &[&SupportedProtocolVersion] = &[&version::TLS13, &version::TLS12];
        match self.versions {
            [true, false] => &BOTH[1..],
            [false, true] => &BOTH[..1],
            _ => BOTH,
        }
    }

    /// Algorithms.
    pub(super) fn provider(&self) -> CryptoProvider {
        let mut provider = ring::default_provider();
        provider.cipher_suites.retain(|suite| self.allows(suite));
        provider
    }

    fn allows(&self, suite: &SupportedCipherSuite) -> bool {
        let name = format!("{:?}", suite.suite()).replace('_', "-");
        CIPHERS.iter().zip(self.ciphers).any(|(cipher, on)| on && name.contains(cipher))
    }
}

fn set<'a>(names: &[&str], name: &str, values: &'a mut [bool]) -> Option<&'a mut bool> {
    values.get_mut(names.iter().position(|known| *known == name)?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usual_strings_are_understood() {
        let suites = |text: &str| {
            let priority = Priority::parse(text).unwrap();
            (priority.versions().len(), priority.provider().cipher_suites.len())
        };
        assert_eq!(suites("NORMAL"), (2, 9));
        assert_eq!(suites("@LIBVIRT,SYSTEM"), (2, 9));
        assert_eq!(suites("NORMAL:-VERS-TLS1.0:-VERS-TLS1.1:%SERVER_PRECEDENCE"), (2, 9));
        assert_eq!(suites("SECURE256:-VERS-TLS1.2"), (1, 6));
        assert_eq!(suites("NORMAL:-VERS-ALL:+VERS-TLS1.2"), (1, 9));
        assert_eq!(suites("NONE:+VERS-TLS1.3:+AES-256-GCM:+AEAD:+GROUP-ALL:+SIGN-ALL:+KX-ALL"), (1, 3));
    }

    #[test]
    fn others_are_refused() {
        for (text, part) in [
            ("BOGUS", "'BOGUS' is not a set"),
            ("NORMAL:BOGUS", "does not begin with"),
            ("NORMAL:+ARCFOUR-128", "'ARCFOUR-128' cannot be added"),
            ("NORMAL:-ECDHE-RSA", "'ECDHE-RSA' cannot be taken away"),
            ("NORMAL:+VERS-TLS1.0", "'VERS-TLS1.0' cannot be added"),
            ("NORMAL:-VERS-ALL", "leaves no cipher or no version"),
            ("", "is not a set"),
        ] {
            let problem = Priority::parse(text).unwrap_err();
            assert!(problem.contains(part), "{text}: {problem}");
        }
    }
}
