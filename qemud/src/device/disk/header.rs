//! What image files say of the image below them: QEMU's `docs/interop/qcow2.txt`, `qed_spec.txt`, and the old qcow.
//!
//! The bytes come from guests and strangers: every length and offset is checked.

use model::Token;
use model::domain::device::disk::source::StorageFormat;

/// Bytes from the start of a file that are enough: headers and names lie in the first cluster, and `qemu-img` writes
/// them at its beginning.
pub const HEAD: usize = 64 << 10;

/// Longest name of a backing file that QEMU takes.
const LONGEST_NAME: usize = 1023;

/// The image below, as the header names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Below {
    /// File name, URL or `json:` text.
    pub name: String,
    /// Its format, if the header says so.
    pub format: Option<StorageFormat>,
}

/// The image below, none if there is none or the format has no such thing. An error says what is wrong.
pub fn below(format: StorageFormat, head: &[u8]) -> Result<Option<Below>, &'static str> {
    match format {
        StorageFormat::Qcow2 => qcow2(head),
        StorageFormat::Qcow => qcow(head),
        StorageFormat::Qed => qed(head),
        _ => Ok(None),
    }
}

/// The size that a guest sees, as the header tells it; none for raw images and for what is no such image.
pub fn capacity(format: StorageFormat, head: &[u8]) -> Option<u64> {
    match format {
        StorageFormat::Qcow2 | StorageFormat::Qcow if head.starts_with(b"QFI\xfb") => be64(head, 24).ok(),
        StorageFormat::Qed if head.starts_with(b"QED\0") => be64(head, 48).ok().map(u64::swap_bytes),
        // Footer and header copy of a VHD: the present size.
        StorageFormat::Vpc if head.starts_with(b"conectix") => be64(head, 48).ok(),
        StorageFormat::Vdi if head.get(0x40..0x44) == Some(&[0x7f, 0x10, 0xda, 0xbe]) => {
            be64(head, 0x170).ok().map(u64::swap_bytes)
        }
        // In sectors of 512 bytes.
        StorageFormat::Vmdk if head.starts_with(b"KDMV") => {
            be64(head, 12).ok().and_then(|sectors| sectors.swap_bytes().checked_mul(512))
        }
        _ => None,
    }
}

/// Format by the first bytes, as far as it matters here: whether it is raw.
pub fn is_raw(head: &[u8]) -> bool {
    const MAGICS: [&[u8]; 7] =
        [b"QFI\xfb", b"QED\0", b"KDMV", b"COWD", b"# Disk DescriptorFile", b"vhdxfile", b"conectix"];
    let vdi = head.get(0x40..0x44) == Some(&[0x7f, 0x10, 0xda, 0xbe]);
    let parallels = head.starts_with(b"WithoutFreeSpace") || head.starts_with(b"WithouFreSpacExt");
    !(vdi || parallels || MAGICS.iter().any(|magic| head.starts_with(magic)))
}

fn be32(head: &[u8], at: usize) -> Result<u32, &'static str> {
    let bytes = head.get(at..at.saturating_add(4)).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u32::from_be_bytes).ok_or(SHORT)
}

fn be64(head: &[u8], at: usize) -> Result<u64, &'static str> {
    let bytes = head.get(at..at.saturating_add(8)).and_then(|bytes| bytes.try_into().ok());
    bytes.map(u64::from_be_bytes).ok_or(SHORT)
}

const SHORT: &str = "the header is cut off";

fn name(head: &[u8], offset: u64, length: u32) -> Result<String, &'static str> {
    let (start, length) = (usize::try_from(offset).map_err(|_| SHORT)?, length as usize);
    if length > LONGEST_NAME {
        return Err("the name of the backing file is too long");
    }
    let bytes =
        head.get(start..start.saturating_add(length)).ok_or("the backing file's name lies too far")?;
    String::from_utf8(bytes.to_vec()).map_err(|_| "the name of the backing file is not UTF-8")
}

/// Versions 2 and 3: big-endian; after the header follow extensions of type, length and padded data.
fn qcow2(head: &[u8]) -> Result<Option<Below>, &'static str> {
    const MAGIC: &[u8] = b"QFI\xfb";
    const BACKING_FORMAT: u32 = 0xe279_2aca;
    const EXTERNAL_DATA: u64 = 1 << 2;
    if !head.starts_with(MAGIC) {
        return Err("it is no qcow2 image");
    }
    let version = be32(head, 4)?;
    if !(2..=3).contains(&version) {
        return Err("its version is unknown");
    }
    let (offset, length) = (be64(head, 8)?, be32(head, 16)?);
    if version == 3 && be64(head, 72)? & EXTERNAL_DATA != 0 {
        return Err("it keeps its data in another file, which is not supported");
    }
    if offset == 0 || length == 0 {
        return Ok(None);
    }
    let name = name(head, offset, length)?;
    let mut at = if version == 2 { 72 } else { be32(head, 100)? as usize };
    let mut format = None;
    // The extensions end before the name.
    while (at as u64) < offset {
        let (kind, length) = (be32(head, at)?, be32(head, at.saturating_add(4))? as usize);
        if kind == 0 {
            break;
        }
        let data = at.saturating_add(8);
        if kind == BACKING_FORMAT {
            let bytes = head.get(data..data.saturating_add(length)).ok_or(SHORT)?;
            let word = std::str::from_utf8(bytes).unwrap_or_default();
            format = Some(StorageFormat::from_word(word).ok_or("the format of its backing file is unknown")?);
        }
        at = data.saturating_add(length.next_multiple_of(8));
    }
    Ok(Some(Below { name, format }))
}

fn qcow(head: &[u8]) -> Result<Option<Below>, &'static str> {
    if !head.starts_with(b"QFI\xfb") {
        return Err("it is no qcow image");
    }
    let (offset, length) = (be64(head, 8)?, be32(head, 16)?);
    if offset == 0 || length == 0 {
        return Ok(None);
    }
    Ok(Some(Below { name: name(head, offset, length)?, format: None }))
}

/// Little-endian; a flag says that the backing file is raw.
fn qed(head: &[u8]) -> Result<Option<Below>, &'static str> {
    const BACKING_FILE: u64 = 1;
    const BACKING_RAW: u64 = 1 << 2;
    if !head.starts_with(b"QED\0") {
        return Err("it is no qed image");
    }
    let features = be64(head, 16)?.swap_bytes();
    if features & BACKING_FILE == 0 {
        return Ok(None);
    }
    let (offset, length) = (be32(head, 56)?.swap_bytes(), be32(head, 60)?.swap_bytes());
    let format = (features & BACKING_RAW != 0).then_some(StorageFormat::Raw);
    Ok(Some(Below { name: name(head, u64::from(offset), length)?, format }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(name: &str, format: Option<&str>) -> Vec<u8> {
        let mut head = vec![0; 104];
        head[..4].copy_from_slice(b"QFI\xfb");
        head[4..8].copy_from_slice(&3u32.to_be_bytes());
        head[100..104].copy_from_slice(&104u32.to_be_bytes());
        if let Some(format) = format {
            head.extend(0xe279_2acau32.to_be_bytes());
            head.extend((format.len() as u32).to_be_bytes());
            head.extend(format.bytes());
            head.resize(head.len().next_multiple_of(8), 0);
        }
        head.extend([0; 8]);
        let at = head.len() as u64;
        head[8..16].copy_from_slice(&at.to_be_bytes());
        head[16..20].copy_from_slice(&(name.len() as u32).to_be_bytes());
        head.extend(name.bytes());
        head
    }

    #[test]
    fn name_and_format_of_a_backing_file() {
        let head = image("base.raw", Some("raw"));
        let below = below(StorageFormat::Qcow2, &head).unwrap().unwrap();
        assert_eq!(below, Below { name: "base.raw".to_owned(), format: Some(StorageFormat::Raw) });
        let head = image("b", None);
        assert_eq!(super::below(StorageFormat::Qcow2, &head).unwrap().unwrap().format, None);
    }

    #[test]
    fn capacities() {
        let mut head = image("b", None);
        head[24..32].copy_from_slice(&(5u64 << 30).to_be_bytes());
        assert_eq!(capacity(StorageFormat::Qcow2, &head), Some(5 << 30));
        assert_eq!(capacity(StorageFormat::Qcow2, &head[..20]), None);
        assert_eq!(capacity(StorageFormat::Raw, &head), None);
        assert_eq!(capacity(StorageFormat::Qcow2, b"nothing"), None);
    }

    #[test]
    fn no_backing_file() {
        let mut head = image("", Some("raw"));
        head[8..16].fill(0);
        assert_eq!(below(StorageFormat::Qcow2, &head), Ok(None));
        assert_eq!(below(StorageFormat::Raw, b"QFI\xfb"), Ok(None));
    }

    #[test]
    fn every_cut_and_every_bad_length_is_an_error_or_no_name() {
        let head = image("base.qcow2", Some("qcow2"));
        for cut in 0..head.len() {
            assert!(!matches!(below(StorageFormat::Qcow2, &head[..cut]), Ok(Some(_))), "cut at {cut}");
        }
        for at in 4..head.len() {
            let mut broken = head.clone();
            broken[at] = 0xff;
            // Whatever it says, it must say it without a panic.
            _ = below(StorageFormat::Qcow2, &broken);
        }
    }

    #[test]
    fn raw_is_what_has_no_magic() {
        assert!(is_raw(&[0; 512]));
        assert!(is_raw(b""));
        assert!(!is_raw(&image("x", None)));
    }
}
