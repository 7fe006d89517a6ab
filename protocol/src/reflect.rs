//! Shapes, value trees and random values of all wire types. Only with the feature `reflect`: for tests and
//! fuzzing.

use crate::shared::TypedParamValue;
use crate::xdr::{
    self, Char, DecodeError, Decoder, List, Opaque, Packed, STRING_MAX, Short, Text, UChar, UShort, Uuid, Xdr,
};
use crate::{admin, lock, log, lxc, message, qemu, remote, shared};

pub mod harness;

/// Layout of a wire type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A number, by the name it has in the reference's tables (`uint`, `hyper`, ...).
    Number(&'static str),
    /// An enumeration with these numbers.
    Cases(&'static [i32]),
    /// Text of at most so many bytes.
    Text(usize),
    /// At most so many bytes.
    Opaque(usize),
    /// Sixteen bytes.
    Uuid,
    /// At most so many values.
    List(Box<Shape>, usize),
    /// Exactly so many values.
    Array(Box<Shape>, usize),
    /// A value or nothing.
    Optional(Box<Shape>),
    /// A number, and then what belongs to that number.
    Union(Vec<(i32, Shape)>),
    /// Fields in order, under the name of the type.
    Struct(&'static str, Vec<(&'static str, Shape)>),
}

/// A value without its type.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Any integer.
    Integer(i128),
    /// Floating point.
    Double(f64),
    /// Text.
    Text(String),
    /// Bytes, and lists of `char` with one byte from each.
    Bytes(Vec<u8>),
    /// Values in order.
    List(Vec<Value>),
    /// A value or nothing.
    Optional(Option<Box<Value>>),
    /// Number and value.
    Union(i32, Box<Value>),
    /// Fields in order.
    Struct(Vec<(&'static str, Value)>),
}

/// Bytes that values are made from; when they run out, zeros follow, and so everything gets empty.
#[derive(Debug)]
pub struct Entropy<'a>(pub &'a [u8]);

/// A type that tells its layout.
pub trait Reflect: Xdr {
    /// The layout.
    fn shape() -> Shape;
    /// The value as a tree.
    fn value(&self) -> Value;
    /// A value made from the given bytes: equal bytes, equal value.
    fn arbitrary(entropy: &mut Entropy<'_>) -> Self;
}

/// A value, how many bytes it took, and its encoding.
pub type Decoded = (Value, usize, Vec<u8>);

/// One named type, for tests that go through all of them.
#[derive(Clone, Copy, Debug)]
pub struct TypeEntry {
    /// Name of the Rust type.
    pub name: &'static str,
    /// Its layout.
    pub shape: fn() -> Shape,
    /// Decodes, and encodes again.
    pub decode: fn(&[u8]) -> Result<Decoded, DecodeError>,
    /// The tree and encoding of a value made from the given bytes.
    pub arbitrary: fn(&[u8]) -> (Value, Vec<u8>),
    /// Fewest bytes of an encoding.
    pub min_len: usize,
}

/// All types, each with the name of the program whose table has it; `net` is what all programs share.
pub fn all() -> impl Iterator<Item = (&'static str, &'static TypeEntry)> {
    LISTS.iter().flat_map(|(program, list)| list.iter().map(move |entry| (*program, entry)))
}

/// The type of this name, as a program's table means it.
pub fn find(program: &str, name: &str) -> Option<&'static TypeEntry> {
    all().find(|(of, entry)| *of == program && entry.name == name).map(|(_, entry)| entry)
}

/// Numbers and names of the programs that have types.
pub static PROGRAMS: &[(u32, &str)] = &[
    (remote::PROGRAM, "remote"),
    (qemu::PROGRAM, "qemu"),
    (lxc::PROGRAM, "lxc"),
    (admin::PROGRAM, "admin"),
    (log::PROGRAM, "log"),
    (lock::PROGRAM, "lock"),
];

static LISTS: &[(&str, &[TypeEntry])] = &[
    ("net", message::TYPES),
    ("net", shared::TYPES),
    ("remote", remote::handles::TYPES),
    ("remote", remote::auth::types::TYPES),
    ("remote", remote::connect::types::TYPES),
    ("remote", remote::domain_lifecycle::types::TYPES),
    ("remote", remote::domain_devices::types::TYPES),
    ("remote", remote::domain_compute::types::TYPES),
    ("remote", remote::domain_block::types::TYPES),
    ("remote", remote::domain_migration::types::TYPES),
    ("remote", remote::domain_agent::types::TYPES),
    ("remote", remote::domain_stats::types::TYPES),
    ("remote", remote::domain_snapshot::types::TYPES),
    ("remote", remote::domain_checkpoint::types::TYPES),
    ("remote", remote::domain_events::types::TYPES),
    ("remote", remote::network::types::TYPES),
    ("remote", remote::storage_pool::types::TYPES),
    ("remote", remote::storage_vol::types::TYPES),
    ("remote", remote::node_device::types::TYPES),
    ("remote", remote::secret::types::TYPES),
    ("remote", remote::interface::types::TYPES),
    ("remote", remote::nwfilter::types::TYPES),
    ("qemu", qemu::TYPES),
    ("lxc", lxc::TYPES),
    ("admin", admin::TYPES),
    ("log", log::TYPES),
    ("lock", lock::TYPES),
];

impl TypeEntry {
    /// The entry of a type.
    pub const fn of<T: Reflect>(name: &'static str) -> Self {
        Self { name, shape: T::shape, decode: decode::<T>, arbitrary: arbitrary::<T>, min_len: T::MIN_LEN }
    }
}

fn decode<T: Reflect>(bytes: &[u8]) -> Result<Decoded, DecodeError> {
    let mut input = Decoder::new(bytes);
    let value = T::decode(&mut input)?;
    let again = xdr::to_vec(&value).unwrap_or_default();
    Ok((value.value(), bytes.len() - input.left(), again))
}

fn arbitrary<T: Reflect>(entropy: &[u8]) -> (Value, Vec<u8>) {
    let value = T::arbitrary(&mut Entropy(entropy));
    (value.value(), xdr::to_vec(&value).unwrap_or_default())
}

impl Entropy<'_> {
    /// The next `N` bytes.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let mut taken = [0; N];
        let len = N.min(self.0.len());
        let (front, rest) = self.0.split_at(len);
        taken[..len].copy_from_slice(front);
        self.0 = rest;
        taken
    }

    /// A small length that respects a limit.
    pub fn length(&mut self, max: usize) -> usize {
        let [byte] = self.take();
        usize::from(byte % 9).min(max)
    }

    /// Text of some characters of all lengths in UTF-8.
    pub fn text(&mut self, max: usize) -> String {
        const CHARACTERS: [char; 16] =
            ['a', 'b', '7', '-', '/', ' ', '\n', '%', '"', '<', 'é', 'ß', 'Ж', '€', '語', '🦀'];
        let mut text = String::new();
        for _ in 0..self.length(max / 4) {
            let [byte] = self.take();
            text.push(CHARACTERS[usize::from(byte % 16)]);
        }
        text
    }
}

impl Reflect for u32 {
    fn shape() -> Shape {
        Shape::Number("uint")
    }

    fn value(&self) -> Value {
        Value::Integer((*self).into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self::from_be_bytes(entropy.take())
    }
}

impl Reflect for i32 {
    fn shape() -> Shape {
        Shape::Number("int")
    }

    fn value(&self) -> Value {
        Value::Integer((*self).into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self::from_be_bytes(entropy.take())
    }
}

impl Reflect for u64 {
    fn shape() -> Shape {
        Shape::Number("uhyper")
    }

    fn value(&self) -> Value {
        Value::Integer((*self).into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self::from_be_bytes(entropy.take())
    }
}

impl Reflect for i64 {
    fn shape() -> Shape {
        Shape::Number("hyper")
    }

    fn value(&self) -> Value {
        Value::Integer((*self).into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self::from_be_bytes(entropy.take())
    }
}

impl Reflect for f64 {
    fn shape() -> Shape {
        Shape::Number("double")
    }

    fn value(&self) -> Value {
        Value::Double(*self)
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self::from(i32::from_be_bytes(entropy.take())) / 8.0
    }
}

impl Reflect for Char {
    fn shape() -> Shape {
        Shape::Number("char")
    }

    fn value(&self) -> Value {
        Value::Integer(self.0.into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self(i8::from_be_bytes(entropy.take()))
    }
}

impl Reflect for UChar {
    fn shape() -> Shape {
        Shape::Number("uchar")
    }

    fn value(&self) -> Value {
        Value::Integer(self.0.into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self(u8::from_be_bytes(entropy.take()))
    }
}

impl Reflect for Short {
    fn shape() -> Shape {
        Shape::Number("short")
    }

    fn value(&self) -> Value {
        Value::Integer(self.0.into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self(i16::from_be_bytes(entropy.take()))
    }
}

impl Reflect for UShort {
    fn shape() -> Shape {
        Shape::Number("ushort")
    }

    fn value(&self) -> Value {
        Value::Integer(self.0.into())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self(u16::from_be_bytes(entropy.take()))
    }
}

impl Reflect for String {
    fn shape() -> Shape {
        Shape::Text(STRING_MAX)
    }

    fn value(&self) -> Value {
        Value::Text(self.clone())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        entropy.text(STRING_MAX)
    }
}

impl<const MAX: usize> Reflect for Text<MAX> {
    fn shape() -> Shape {
        Shape::Text(MAX)
    }

    fn value(&self) -> Value {
        Value::Text(self.to_string())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        entropy.text(MAX).into()
    }
}

impl Reflect for Uuid {
    fn shape() -> Shape {
        Shape::Uuid
    }

    fn value(&self) -> Value {
        Value::Bytes(self.0.to_vec())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        Self(entropy.take())
    }
}

impl<const MAX: usize> Reflect for Opaque<MAX> {
    fn shape() -> Shape {
        Shape::Opaque(MAX)
    }

    fn value(&self) -> Value {
        Value::Bytes(self.to_vec())
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        let len = entropy.length(MAX);
        let bytes: [u8; 8] = entropy.take();
        bytes[..len].into()
    }
}

impl<T: Reflect, const MAX: usize> Reflect for List<T, MAX> {
    fn shape() -> Shape {
        Shape::List(Box::new(T::shape()), MAX)
    }

    fn value(&self) -> Value {
        values(self)
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        (0..entropy.length(MAX)).map(|_| T::arbitrary(entropy)).collect()
    }
}

impl<T: Reflect, const MAX: usize> Reflect for Packed<T, MAX> {
    fn shape() -> Shape {
        <List<T, MAX>>::shape()
    }

    fn value(&self) -> Value {
        self.iter().collect::<List<T, MAX>>().value()
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        <List<T, MAX>>::arbitrary(entropy).into_iter().collect()
    }
}

impl<T: Reflect + Copy + Default, const N: usize> Reflect for [T; N] {
    fn shape() -> Shape {
        Shape::Array(Box::new(T::shape()), N)
    }

    fn value(&self) -> Value {
        values(self)
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        std::array::from_fn(|_| T::arbitrary(entropy))
    }
}

impl<T: Reflect> Reflect for Option<T> {
    fn shape() -> Shape {
        Shape::Optional(Box::new(T::shape()))
    }

    fn value(&self) -> Value {
        Value::Optional(self.as_ref().map(|value| Box::new(value.value())))
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        let [byte] = entropy.take();
        (byte % 2 == 1).then(|| T::arbitrary(entropy))
    }
}

impl Reflect for TypedParamValue {
    fn shape() -> Shape {
        Shape::Union(vec![
            (1, i32::shape()),
            (2, u32::shape()),
            (3, i64::shape()),
            (4, u64::shape()),
            (5, f64::shape()),
            (6, i32::shape()),
            (7, String::shape()),
        ])
    }

    fn value(&self) -> Value {
        let value = match self {
            Self::Int(value) | Self::Boolean(value) => value.value(),
            Self::Uint(value) => value.value(),
            Self::Llong(value) => value.value(),
            Self::Ullong(value) => value.value(),
            Self::Double(value) => value.value(),
            Self::String(value) => value.value(),
        };
        Value::Union(self.case(), Box::new(value))
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        let [byte] = entropy.take();
        match byte % 7 {
            0 => Self::Int(Reflect::arbitrary(entropy)),
            1 => Self::Uint(Reflect::arbitrary(entropy)),
            2 => Self::Llong(Reflect::arbitrary(entropy)),
            3 => Self::Ullong(Reflect::arbitrary(entropy)),
            4 => Self::Double(Reflect::arbitrary(entropy)),
            5 => Self::Boolean(Reflect::arbitrary(entropy)),
            _ => Self::String(Reflect::arbitrary(entropy)),
        }
    }
}

impl Reflect for remote::AuthType {
    fn shape() -> Shape {
        Shape::Cases(&[0, 1, 2])
    }

    fn value(&self) -> Value {
        Value::Integer(*self as i128)
    }

    fn arbitrary(entropy: &mut Entropy<'_>) -> Self {
        let [byte] = entropy.take();
        [Self::None, Self::Sasl, Self::Polkit][usize::from(byte % 3)]
    }
}

/// Values in order; those of `char` as the bytes they are.
fn values<T: Reflect>(values: &[T]) -> Value {
    let values = values.iter().map(T::value);
    if T::shape() != Char::shape() {
        return Value::List(values.collect());
    }
    Value::Bytes(values.map(|value| if let Value::Integer(byte) = value { byte as u8 } else { 0 }).collect())
}
