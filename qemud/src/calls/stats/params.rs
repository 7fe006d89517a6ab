//! Typed parameters of a statistics record.

use std::fmt::Display;

use protocol::consts::typed_parameter_type as kind;
use protocol::limits::CONNECT_GET_ALL_DOMAIN_STATS_MAX;
use protocol::remote::TypedParam;
use protocol::xdr::{EncodeError, Encoder, Packed, Xdr};

/// The list of a record.
pub(in crate::calls) type RecordParams = Packed<TypedParam, CONNECT_GET_ALL_DOMAIN_STATS_MAX>;

/// A record's parameters in the making, encoded one by one: a reply has tens of thousands.
#[derive(Debug)]
pub(in crate::calls) struct Params(RecordParams);

/// Bytes of most records of domains that do not run.
const USUAL_LEN: usize = 512;

impl Default for Params {
    fn default() -> Self {
        Self(RecordParams::with_capacity(USUAL_LEN))
    }
}

impl Params {
    /// Add a signed number.
    pub(in crate::calls) fn int(&mut self, field: impl Display, value: i32) {
        self.add(field, kind::INT, |out| value.encode(out));
    }

    /// Add a count.
    pub(in crate::calls) fn uint(&mut self, field: impl Display, value: usize) {
        let value = u32::try_from(value).unwrap_or(u32::MAX);
        self.add(field, kind::UINT, |out| value.encode(out));
    }

    /// Add a signed large number.
    pub(in crate::calls) fn llong(&mut self, field: impl Display, value: i64) {
        self.add(field, kind::LLONG, |out| value.encode(out));
    }

    /// Add a yes or no.
    pub(in crate::calls) fn boolean(&mut self, field: impl Display, value: bool) {
        self.add(field, kind::BOOLEAN, |out| i32::from(value).encode(out));
    }

    /// Add a large number.
    pub(in crate::calls) fn ullong(&mut self, field: impl Display, value: u64) {
        self.add(field, kind::ULLONG, |out| value.encode(out));
    }

    /// Add a text.
    pub(in crate::calls) fn text(&mut self, field: impl Display, value: &str) {
        self.add(field, kind::STRING, |out| out.displayed(value));
    }

    /// Add all of another list.
    pub(in crate::calls) fn append(&mut self, other: &Params) {
        self.0.append(&other.0);
    }

    /// As a record holds them.
    pub(in crate::calls) fn into_list(self) -> RecordParams {
        self.0
    }

    fn add(
        &mut self,
        field: impl Display,
        kind: i32,
        value: impl FnOnce(&mut Encoder) -> Result<(), EncodeError>,
    ) {
        self.0.push_with(|out| {
            out.displayed(field)?;
            out.word(kind.cast_unsigned());
            value(out)
        });
    }
}

#[cfg(test)]
mod tests {
    use protocol::remote::TypedParamValue;

    use super::*;

    #[test]
    fn every_kind_is_read_back() {
        let mut params = Params::default();
        params.int("i", -1);
        params.uint(format_args!("u.{}", 7), usize::MAX);
        params.llong("l", i64::MIN);
        params.ullong("ul", u64::MAX);
        params.boolean("b", true);
        let mut more = Params::default();
        more.text("t", "text");
        params.append(&more);
        let expected = [
            TypedParam::new("i", TypedParamValue::Int(-1)),
            TypedParam::new("u.7", TypedParamValue::Uint(u32::MAX)),
            TypedParam::new("l", TypedParamValue::Llong(i64::MIN)),
            TypedParam::new("ul", TypedParamValue::Ullong(u64::MAX)),
            TypedParam::new("b", TypedParamValue::Boolean(1)),
            TypedParam::new("t", TypedParamValue::String("text".to_owned())),
        ];
        assert!(params.into_list().iter().eq(expected));
    }
}
