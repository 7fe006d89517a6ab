//! Distinguished names as libvirt's lists have them: in the order of the certificate, with GnuTLS's names and the escapes
//! of RFC 4514.

use std::fmt::Write;

use x509_parser::der_parser::asn1_rs::Any;
use x509_parser::x509::X509Name;

/// Kinds that have a name.
const NAMES: &[(&str, &str)] = &[
    ("2.5.4.3", "CN"),
    ("2.5.4.5", "serialNumber"),
    ("2.5.4.6", "C"),
    ("2.5.4.7", "L"),
    ("2.5.4.8", "ST"),
    ("2.5.4.9", "street"),
    ("2.5.4.10", "O"),
    ("2.5.4.11", "OU"),
    ("2.5.4.12", "title"),
    ("2.5.4.17", "postalCode"),
    ("2.5.4.20", "telephoneNumber"),
    ("2.5.4.4", "surName"),
    ("2.5.4.41", "name"),
    ("2.5.4.42", "givenName"),
    ("2.5.4.43", "initials"),
    ("2.5.4.46", "dnQualifier"),
    ("2.5.4.65", "pseudonym"),
    ("0.9.2342.19200300.100.1.1", "UID"),
    ("0.9.2342.19200300.100.1.25", "DC"),
    ("1.2.840.113549.1.9.1", "EMAIL"),
];

/// The name in one line.
pub(super) fn text(name: &X509Name<'_>) -> String {
    let mut text = String::new();
    for rdn in name.iter_rdn() {
        for (number, part) in rdn.iter().enumerate() {
            if !text.is_empty() {
                text.push(if number > 0 { '+' } else { ',' });
            }
            let oid = part.attr_type().to_id_string();
            match NAMES.iter().find(|(id, _)| *id == oid) {
                Some((_, kind)) => text.push_str(kind),
                None => text.push_str(&oid),
            }
            text.push('=');
            match part.as_str() {
                Ok(value) => escape(value, &mut text),
                Err(_) => hex(part.attr_value(), &mut text),
            }
        }
    }
    text
}

fn escape(value: &str, text: &mut String) {
    let last = value.chars().count().saturating_sub(1);
    for (place, letter) in value.chars().enumerate() {
        let special = matches!(letter, ',' | '+' | '"' | '\\' | '<' | '>' | ';');
        let edge = (letter == ' ' && (place == 0 || place == last)) || (letter == '#' && place == 0);
        if special || edge {
            text.push('\\');
        }
        text.push(letter);
    }
}

fn hex(value: &Any<'_>, text: &mut String) {
    text.push('#');
    for byte in value.data {
        // Writing to a string cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
}
