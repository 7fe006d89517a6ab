//! The codec: random values of every type there and back, every limit at N and N + 1, and bytes that lie.

use proptest::collection::vec;
use proptest::prelude::*;
use protocol::reflect::{self, Shape, TypeEntry};
use protocol::remote::{AuthType, TypedParam, TypedParamValue};
use protocol::xdr::{
    Char, DecodeError, EncodeError, List, NO_TEXT, Opaque, Text, UChar, UShort, Xdr, from_slice, to_vec,
};

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn values_survive(entropy in vec(any::<u8>(), 0..400)) {
        for (program, entry) in reflect::all() {
            let (value, bytes) = (entry.arbitrary)(&entropy);
            prop_assert!(bytes.len() >= entry.min_len && bytes.len() % 4 == 0, "{} {}", program, entry.name);
            let (back, taken, again) = (entry.decode)(&bytes).expect("own encoding");
            prop_assert_eq!((&back, taken, &again), (&value, bytes.len(), &bytes), "{} {}", program, entry.name);

            let longer = [&bytes[..], &[0xff; 8]].concat();
            let (back, taken, _) = (entry.decode)(&longer).expect("left-over bytes are no matter");
            prop_assert_eq!((back, taken), (value, bytes.len()));

            let shorter = &bytes[..bytes.len() - 4];
            prop_assert!((entry.decode)(shorter).is_err(), "{} one word short", entry.name);
        }
    }
}

#[test]
fn limits_of_every_field() {
    let mut probed = 0;
    for (_, entry) in reflect::all() {
        let Shape::Struct(_, fields) = (entry.shape)() else { panic!("{}", entry.name) };
        for (place, (field, shape)) in fields.iter().enumerate() {
            let (marker, counted) = match shape {
                Shape::Optional(of) => (true, &**of),
                other => (false, other),
            };
            let Some((max, element)) = bound(counted) else { continue };
            let mut front: Vec<u8> = fields[..place].iter().flat_map(|(_, shape)| smallest(shape)).collect();
            if marker {
                front.extend([0, 0, 0, 1]);
            }
            let back = fields[place + 1..].iter().flat_map(|(_, shape)| smallest(shape)).collect::<Vec<_>>();
            probe(entry, field, &[front.clone(), sized(max, &element), back].concat());
            front.extend(u32::try_from(max + 1).expect("a word").to_be_bytes());
            let over = (entry.decode)(&front).expect_err("over the limit");
            assert_eq!(over, DecodeError::TooLong { len: max + 1, max }, "{}.{field}", entry.name);
            probed += 1;
        }
    }
    assert_eq!(probed, 473, "bounded fields");
}

fn probe(entry: &TypeEntry, field: &str, bytes: &[u8]) {
    match (entry.decode)(bytes) {
        Ok((_, taken, again)) => {
            assert!(taken == bytes.len() && again == bytes, "{}.{field} at its limit", entry.name);
        }
        Err(error) => panic!("{}.{field} at its limit: {error}", entry.name),
    }
}

/// The limit of a counted shape, and the bytes of one element (nothing for those of one byte each).
fn bound(shape: &Shape) -> Option<(usize, Vec<u8>)> {
    match shape {
        Shape::Text(max) | Shape::Opaque(max) => Some((*max, Vec::new())),
        Shape::List(of, max) => Some((*max, smallest(of))),
        _ => None,
    }
}

/// A counted value of `len` elements.
fn sized(len: usize, element: &[u8]) -> Vec<u8> {
    let mut bytes = u32::try_from(len).expect("a word").to_be_bytes().to_vec();
    if element.is_empty() {
        bytes.resize(4 + len, b'x');
        bytes.resize(4 + len.next_multiple_of(4), 0);
    } else {
        bytes.extend(element.repeat(len));
    }
    bytes
}

/// The smallest encoding of a shape.
fn smallest(shape: &Shape) -> Vec<u8> {
    match shape {
        Shape::Number("hyper" | "uhyper" | "double") => vec![0; 8],
        Shape::Number(_) | Shape::Cases(_) | Shape::Text(_) | Shape::Opaque(_) => vec![0; 4],
        Shape::List(..) | Shape::Optional(_) => vec![0; 4],
        Shape::Uuid => vec![0; 16],
        Shape::Array(of, len) => smallest(of).repeat(*len),
        Shape::Union(arms) => {
            let (case, of) = &arms[0];
            [case.to_be_bytes().to_vec(), smallest(of)].concat()
        }
        Shape::Struct(_, fields) => fields.iter().flat_map(|(_, shape)| smallest(shape)).collect(),
    }
}

#[test]
fn smallest_encodings_are_min_len() {
    for (_, entry) in reflect::all() {
        let bytes = smallest(&(entry.shape)());
        assert_eq!(bytes.len(), entry.min_len, "{}", entry.name);
        assert_eq!((entry.decode)(&bytes).map(|(_, taken, _)| taken), Ok(bytes.len()), "{}", entry.name);
    }
}

#[test]
fn encoding_keeps_limits() {
    let over = EncodeError::TooLong { len: 3, max: 2 };
    assert_eq!(to_vec(&List::<u32, 2>::from(vec![1, 2])).map(|b| b.len()), Ok(12));
    assert_eq!(to_vec(&List::<u32, 2>::from(vec![1, 2, 3])), Err(over.clone()));
    assert_eq!(to_vec(&Opaque::<2>::from(vec![1, 2])), Ok(vec![0, 0, 0, 2, 1, 2, 0, 0]));
    assert_eq!(to_vec(&Opaque::<2>::from(vec![1, 2, 3])), Err(over.clone()));
    assert_eq!(to_vec(&Text::<2>::from("abc")), Err(over));
    assert_eq!(to_vec(&"a\0".to_owned()), Err(EncodeError::Nul));
    let max = protocol::xdr::STRING_MAX;
    assert_eq!(to_vec(&"x".repeat(max)).map(|b| b.len()), Ok(4 + max));
    assert_eq!(to_vec(&"x".repeat(max + 1)), Err(EncodeError::TooLong { len: max + 1, max }));
}

#[test]
fn lengths_are_judged_before_memory_is_taken() {
    let lie = [0xff; 8];
    let len = u32::MAX as usize;
    assert_eq!(from_slice::<String>(&lie), Err(DecodeError::TooLong { len, max: 4_194_304 }));
    assert_eq!(from_slice::<Opaque<9>>(&lie), Err(DecodeError::TooLong { len, max: 9 }));
    assert_eq!(from_slice::<List<u64, { usize::MAX }>>(&lie).map(|_| ()), Err(short(len * 8, 4)));
    // 262144 parameters of at least 12 bytes each cannot be in 8 bytes.
    let bytes = [262_144_u32.to_be_bytes(), [0; 4]].concat();
    assert_eq!(from_slice::<List<TypedParam, 262_144>>(&bytes).map(|_| ()), Err(short(262_144 * 12, 4)));
}

fn short(need: usize, left: usize) -> DecodeError {
    DecodeError::Short { need, left }
}

#[test]
fn bytes_that_are_no_value() {
    assert_eq!(from_slice::<u32>(&[0, 0, 1]), Err(short(4, 3)));
    assert_eq!(from_slice::<u64>(&[0; 7]), Err(short(8, 7)));
    assert_eq!(from_slice::<String>(&[0, 0, 0, 1, b'a', 0, 0, 1]), Err(DecodeError::Padding));
    assert_eq!(from_slice::<String>(&[0, 0, 0, 1, b'a', 0, 0]), Err(short(4, 3)));
    assert_eq!(from_slice::<Option<u32>>(&[0, 0, 0, 2, 0, 0, 0, 0]), Err(DecodeError::Marker(2)));
    assert_eq!(from_slice::<AuthType>(&[0, 0, 0, 3]), Err(case("authentication type", 3)));
    assert_eq!(from_slice::<TypedParamValue>(&[0; 12]), Err(case("typed parameter", 0)));
    assert_eq!(from_slice::<TypedParamValue>(&[0, 0, 0, 8, 0, 0, 0, 0]), Err(case("typed parameter", 8)));
}

#[test]
fn strings_that_are_no_text() {
    let read = |bytes: &[u8]| from_slice::<String>(&[&[0, 0, 0, 4], bytes].concat()).unwrap();
    assert_eq!(read(b"a\0bc"), "a");
    assert_eq!(read(b"a\0\xff\xff"), "a");
    assert_eq!(read(b"\0abc"), "");
    assert_eq!(read(b"a\xffbc"), format!("a{NO_TEXT}bc"));
    assert_eq!(read(b"a\xc0\x80b"), format!("a{NO_TEXT}{NO_TEXT}b"));
    assert_eq!(
        read("aä€".get(..3).unwrap().as_bytes().iter().copied().chain([0xe2]).collect::<Vec<_>>().as_slice()),
        format!("aä{NO_TEXT}")
    );
    assert_eq!(read("€a".as_bytes()), "€a");
}

fn case(of: &'static str, value: i32) -> DecodeError {
    DecodeError::Case { of, value }
}

#[test]
fn small_numbers_take_a_word_and_keep_their_range() {
    assert_eq!(to_vec(&Char(-1)), Ok(vec![0xff; 4]));
    assert_eq!(from_slice::<Char>(&[0xff; 4]), Ok(Char(-1)));
    assert_eq!(from_slice::<Char>(&128_i32.to_be_bytes()), Err(range("char", 128)));
    assert_eq!(from_slice::<UChar>(&255_i32.to_be_bytes()), Ok(UChar(255)));
    assert_eq!(from_slice::<UChar>(&256_i32.to_be_bytes()), Err(range("unsigned char", 256)));
    assert_eq!(from_slice::<UChar>(&[0xff; 4]), Err(range("unsigned char", -1)));
    assert_eq!(from_slice::<UShort>(&65_535_i32.to_be_bytes()), Ok(UShort(65_535)));
    assert_eq!(from_slice::<UShort>(&65_536_i32.to_be_bytes()), Err(range("unsigned short", 65_536)));
    let list = List::<Char, 8>::from_bytes(&[0, 0x80, 0xff]);
    assert_eq!((to_vec(&list).map(|b| b.len()), list.to_bytes()), (Ok(16), vec![0, 0x80, 0xff]));
}

fn range(of: &'static str, value: i32) -> DecodeError {
    DecodeError::Range { of, value }
}

#[test]
fn doubles_keep_every_bit() {
    for value in [0.0, -0.0, f64::INFINITY, f64::MIN_POSITIVE, 1.0 / 3.0] {
        assert_eq!(from_slice::<f64>(&to_vec(&value).expect("fits")).map(f64::to_bits), Ok(value.to_bits()));
    }
    assert_eq!(<[Char; 32]>::MIN_LEN, 128);
}
