//! JSON text without the blanks between its parts. Pure.

/// Leave out blanks outside strings; all else stays as QEMU wrote it, numbers above all.
pub(super) fn compact(line: &[u8]) -> String {
    let mut out = Vec::with_capacity(line.len());
    let (mut in_string, mut escaped) = (false, false);
    for &byte in line {
        if in_string {
            in_string = escaped || byte != b'"';
            escaped = !escaped && byte == b'\\';
        } else if byte.is_ascii_whitespace() {
            continue;
        } else {
            in_string = byte == b'"';
        }
        out.push(byte);
    }
    String::from_utf8_lossy(&out).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_blanks_between_parts_go() {
        let text = br#"{"return": {"a b": "c \" d\\", "n": 1.50, "l": [1, 2]} , "id": "libvirt-1"}"#;
        let expected = r#"{"return":{"a b":"c \" d\\","n":1.50,"l":[1,2]},"id":"libvirt-1"}"#;
        assert_eq!(compact(text), expected);
    }
}
