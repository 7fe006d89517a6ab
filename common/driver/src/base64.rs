//! Base64 with the usual alphabet and padding (RFC 4648, section 4): the form of values in libvirt's files and on
//! QEMU's command line.

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// The bytes as text, on one line.
pub fn encode(bytes: &[u8]) -> String {
    // Room at once: text that grows would leave copies of its beginning behind.
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let group =
            chunk.iter().zip([16, 8, 0]).fold(0u32, |group, (byte, at)| group | u32::from(*byte) << at);
        for (place, at) in [18, 12, 6, 0].into_iter().enumerate() {
            let digit = ALPHABET.get((group >> at & 63) as usize).copied().unwrap_or(b'=');
            text.push(char::from(if place <= chunk.len() { digit } else { b'=' }));
        }
    }
    text
}

/// The bytes that the text stands for. Blanks and line ends do not count. None if it is not Base64.
pub fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3 + 3);
    let (mut group, mut digits, mut padding) = (0u32, 0, 0);
    for byte in text.iter().filter(|byte| !byte.is_ascii_whitespace()) {
        if *byte == b'=' {
            padding += 1;
            continue;
        }
        if padding > 0 {
            return None;
        }
        group = group << 6 | value(*byte)?;
        digits += 1;
        if digits == 4 {
            bytes.extend_from_slice(&group.to_be_bytes()[1..]);
            (group, digits) = (0, 0);
        }
    }
    match (digits, padding) {
        (0, 0) => {}
        (2, 2) if group & 0xf == 0 => bytes.push((group >> 4) as u8),
        (3, 1) if group & 0x3 == 0 => bytes.extend_from_slice(&(group >> 2).to_be_bytes()[2..]),
        _ => return None,
    }
    Some(bytes)
}

fn value(digit: u8) -> Option<u32> {
    let value = match digit {
        b'A'..=b'Z' => digit - b'A',
        b'a'..=b'z' => digit - b'a' + 26,
        b'0'..=b'9' => digit - b'0' + 52,
        b'+' => 62,
        b'/' => 63,
        _ => return None,
    };
    Some(u32::from(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_examples_of_the_standard() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(encode(bytes.as_bytes()), text);
            assert_eq!(decode(text.as_bytes()).as_deref(), Some(bytes.as_bytes()));
        }
    }

    #[test]
    fn every_byte_comes_back() {
        let all: Vec<u8> = (0..=255).collect();
        for end in 0..all.len() {
            assert_eq!(decode(encode(&all[..end]).as_bytes()).as_deref(), Some(&all[..end]));
        }
        assert_eq!(encode(&[0xfb, 0xff]), "+/8=");
        assert_eq!(decode(b" Zm9v\nYg=\n=\n").as_deref(), Some(&b"foob"[..]));
    }

    #[test]
    fn what_is_no_base64() {
        for text in
            ["Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Zm8", "=", "====", "Zg==Zg==", "Zm9v!", "Zm-_"]
        {
            assert_eq!(decode(text.as_bytes()), None, "{text}");
        }
    }
}
