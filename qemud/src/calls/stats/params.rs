//! Typed parameters of a statistics record.

use protocol::remote::{TypedParam, TypedParamValue};

/// A list of typed parameters in the making.
#[derive(Debug, Default)]
pub(in crate::calls) struct Params(Vec<TypedParam>);

impl Params {
    /// Add a signed number.
    pub(in crate::calls) fn int(&mut self, field: &str, value: i32) {
        self.add(field, TypedParamValue::Int(value));
    }

    /// Add a count.
    pub(in crate::calls) fn uint(&mut self, field: &str, value: usize) {
        self.add(field, TypedParamValue::Uint(u32::try_from(value).unwrap_or(u32::MAX)));
    }

    /// Add a signed large number.
    pub(in crate::calls) fn llong(&mut self, field: &str, value: i64) {
        self.add(field, TypedParamValue::Llong(value));
    }

    /// Add a yes or no.
    pub(in crate::calls) fn boolean(&mut self, field: &str, value: bool) {
        self.add(field, TypedParamValue::Boolean(value.into()));
    }

    /// Add a large number.
    pub(in crate::calls) fn ullong(&mut self, field: &str, value: u64) {
        self.add(field, TypedParamValue::Ullong(value));
    }

    /// Add a text.
    pub(in crate::calls) fn text(&mut self, field: &str, value: &str) {
        self.add(field, TypedParamValue::String(value.to_owned()));
    }

    /// Add all of another list.
    pub(in crate::calls) fn append(&mut self, mut other: Params) {
        self.0.append(&mut other.0);
    }

    /// As a record holds them.
    pub(in crate::calls) fn into_list<L: From<Vec<TypedParam>>>(self) -> L {
        self.0.into()
    }

    fn add(&mut self, field: &str, value: TypedParamValue) {
        self.0.push(TypedParam { field: field.to_owned(), value });
    }
}
