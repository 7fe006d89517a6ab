//! Arguments, results and events of [`super::Auth`], in the order of their procedures.

use crate::limits::{AUTH_SASL_DATA_MAX, AUTH_TYPE_LIST_MAX};
use crate::xdr::{Char, DecodeError, Decoder, EncodeError, Encoder, List, Xdr};

wire! {
    /// Result of `virAuthList` (66).
    struct AuthListRet { types: List<AuthType, AUTH_TYPE_LIST_MAX> }

    /// Result of `virAuthSaslInit` (67).
    struct AuthSaslInitRet { mechlist: String }

    /// Arguments of `virAuthSaslStart` (68).
    struct AuthSaslStartArgs { mech: String, nil: i32, data: List<Char, AUTH_SASL_DATA_MAX> }

    /// Result of `virAuthSaslStart` (68).
    struct AuthSaslStartRet { complete: i32, nil: i32, data: List<Char, AUTH_SASL_DATA_MAX> }

    /// Arguments of `virAuthSaslStep` (69).
    struct AuthSaslStepArgs { nil: i32, data: List<Char, AUTH_SASL_DATA_MAX> }

    /// Result of `virAuthSaslStep` (69).
    struct AuthSaslStepRet { complete: i32, nil: i32, data: List<Char, AUTH_SASL_DATA_MAX> }

    /// Result of `virAuthPolkit` (70).
    struct AuthPolkitRet { complete: i32 }
}

/// How a client can prove who it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AuthType {
    /// Nothing to prove.
    #[default]
    None = 0,
    /// SASL (67, 68, 69).
    Sasl = 1,
    /// polkit (70).
    Polkit = 2,
}

impl Xdr for AuthType {
    const MIN_LEN: usize = 4;

    fn encode(&self, out: &mut Encoder) -> Result<(), EncodeError> {
        (*self as i32).encode(out)
    }

    fn decode(input: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        match i32::decode(input)? {
            0 => Ok(Self::None),
            1 => Ok(Self::Sasl),
            2 => Ok(Self::Polkit),
            value => Err(DecodeError::Case { of: "authentication type", value }),
        }
    }
}
