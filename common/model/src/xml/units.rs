//! Sizes with units.

use super::{Element, ErrorKind, Number, Scope, XmlError};

/// `value` in bytes: times the unit `suffix` names, or `default_scale` when there is none.
///
/// Suffixes as in libvirt: none, `b`, `byte`, `bytes`; `k`, `KiB`; `KB` (1000); likewise M, G, T, P, E.
/// Fails with `VIR_ERR_INVALID_ARG` for another suffix, `VIR_ERR_OVERFLOW` above `limit` bytes.
pub fn scale(value: u64, suffix: Option<&str>, default_scale: u64, limit: u64) -> Result<u64, XmlError> {
    let factor = match suffix.filter(|s| !s.is_empty()) {
        None => default_scale,
        Some(s) => factor(s).ok_or_else(|| XmlError::invalid(format!("unknown suffix '{s}'")))?,
    };
    value.checked_mul(factor).filter(|bytes| *bytes <= limit).ok_or_else(|| XmlError {
        kind: ErrorKind::Overflow,
        scope: Scope::None,
        message: format!("value too large: {value}{}", suffix.unwrap_or_default()),
    })
}

/// The size that an element's text and `unit` attribute give, rounded up to KiB; KiB is also the default unit.
/// `path` names the element in the error (`memory[1]`).
pub fn kib_from_element(element: &Element, path: &str) -> Result<u64, XmlError> {
    let text = element.text();
    let value = u64::read(&text, false).ok_or_else(|| XmlError::bad_path(path, &text))?;
    // libvirt bounds memory so that bytes fit a signed long.
    let bytes = scale(value, element.attr("unit"), 1024, i64::MAX as u64)?;
    Ok(bytes.div_ceil(1024))
}

/// A size in the largest unit that divides it: number and unit, as libvirt writes some sizes.
pub fn short_size(bytes: u64) -> (u64, &'static str) {
    let units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    let mut power = 0;
    let mut size = bytes;
    while size != 0 && size.is_multiple_of(1024) && power + 1 < units.len() {
        size /= 1024;
        power += 1;
    }
    (size, units[power])
}

fn factor(suffix: &str) -> Option<u64> {
    if ["b", "byte", "bytes"].iter().any(|b| suffix.eq_ignore_ascii_case(b)) {
        return Some(1);
    }
    let mut chars = suffix.chars();
    let power = "kmgtpe".find(chars.next()?.to_ascii_lowercase())? as u32 + 1;
    match chars.as_str() {
        "" => Some(1024u64.pow(power)),
        rest if rest.eq_ignore_ascii_case("ib") => Some(1024u64.pow(power)),
        rest if rest.eq_ignore_ascii_case("b") => Some(1000u64.pow(power)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_in_their_largest_unit() {
        assert_eq!(short_size(3 << 20), (3, "MiB"));
        assert_eq!(short_size(1500), (1500, "B"));
        assert_eq!(short_size(0), (0, "B"));
    }

    #[test]
    fn units_of_both_families() {
        let scaled = |s| scale(2, Some(s), 1, u64::MAX).map_err(|e| e.message);
        assert_eq!(scaled("KiB"), Ok(2048));
        assert_eq!(scaled("k"), Ok(2048));
        assert_eq!(scaled("KB"), Ok(2000));
        assert_eq!(scaled("GB"), Ok(2_000_000_000));
        assert_eq!(scaled("bytes"), Ok(2));
        assert_eq!(scaled("bogus"), Err("unknown suffix 'bogus'".to_owned()));
        assert_eq!(scaled("EiBx"), Err("unknown suffix 'EiBx'".to_owned()));
        assert_eq!(scale(17, Some("EiB"), 1, u64::MAX).unwrap_err().kind, ErrorKind::Overflow);
    }
}
