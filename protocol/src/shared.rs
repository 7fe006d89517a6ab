//! Types that several programs share: handles of objects and typed parameters.

use crate::xdr::{DecodeError, Decoder, EncodeError, Encoder, Uuid, Xdr};

wire! {
    /// Handle of a domain.
    struct NonnullDomain names Domain {
        name: String,
        uuid: Uuid,
        id: i32,
    }

    /// Handle of a network.
    struct NonnullNetwork {
        name: String,
        uuid: Uuid,
    }

    /// Typed parameter: a name and a value of one of seven types.
    struct TypedParam {
        field: String,
        value: TypedParamValue,
    }
}

/// Value of a typed parameter; the case's number (1..=7) goes before it on the wire.
#[derive(Clone, Debug, PartialEq)]
pub enum TypedParamValue {
    /// Case 1.
    Int(i32),
    /// Case 2.
    Uint(u32),
    /// Case 3.
    Llong(i64),
    /// Case 4.
    Ullong(u64),
    /// Case 5.
    Double(f64),
    /// Case 6: 0 is false, all else is true.
    Boolean(i32),
    /// Case 7; may be sent only to a client that set `VIR_TYPED_PARAM_STRING_OKAY` (4) in the flags of its
    /// call.
    String(String),
}

impl TypedParam {
    /// A parameter of this name.
    pub fn new(field: impl Into<String>, value: impl Into<TypedParamValue>) -> Self {
        Self { field: field.into(), value: value.into() }
    }
}

impl TypedParamValue {
    /// Number of the type, as in `virTypedParameterType`.
    pub fn case(&self) -> i32 {
        match self {
            Self::Int(_) => 1,
            Self::Uint(_) => 2,
            Self::Llong(_) => 3,
            Self::Ullong(_) => 4,
            Self::Double(_) => 5,
            Self::Boolean(_) => 6,
            Self::String(_) => 7,
        }
    }
}

impl Xdr for TypedParamValue {
    const MIN_LEN: usize = 8;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        self.case().encode(out)?;
        match self {
            Self::Int(value) | Self::Boolean(value) => value.encode(out),
            Self::Uint(value) => value.encode(out),
            Self::Llong(value) => value.encode(out),
            Self::Ullong(value) => value.encode(out),
            Self::Double(value) => value.encode(out),
            Self::String(value) => value.encode(out),
        }
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match i32::decode(input)? {
            1 => Xdr::decode(input).map(Self::Int),
            2 => Xdr::decode(input).map(Self::Uint),
            3 => Xdr::decode(input).map(Self::Llong),
            4 => Xdr::decode(input).map(Self::Ullong),
            5 => Xdr::decode(input).map(Self::Double),
            6 => Xdr::decode(input).map(Self::Boolean),
            7 => Xdr::decode(input).map(Self::String),
            value => Err(DecodeError::Case { of: "typed parameter", value }),
        }
    }
}

impl From<i32> for TypedParamValue {
    fn from(value: i32) -> Self {
        Self::Int(value)
    }
}

impl From<u32> for TypedParamValue {
    fn from(value: u32) -> Self {
        Self::Uint(value)
    }
}

impl From<i64> for TypedParamValue {
    fn from(value: i64) -> Self {
        Self::Llong(value)
    }
}

impl From<u64> for TypedParamValue {
    fn from(value: u64) -> Self {
        Self::Ullong(value)
    }
}

impl From<f64> for TypedParamValue {
    fn from(value: f64) -> Self {
        Self::Double(value)
    }
}

impl From<bool> for TypedParamValue {
    fn from(value: bool) -> Self {
        Self::Boolean(value.into())
    }
}

impl From<String> for TypedParamValue {
    fn from(value: String) -> Self {
        Self::String(value)
    }
}

impl From<&str> for TypedParamValue {
    fn from(value: &str) -> Self {
        Self::String(value.to_owned())
    }
}
