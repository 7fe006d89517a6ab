//! What the tests share: recorded data, and values as JSON.

use protocol::reflect::{Shape, Value};

/// Rows of a recorded table: lines of tab separated fields; `#` begins a comment.
pub(crate) fn rows(table: &'static str) -> impl Iterator<Item = Vec<&'static str>> {
    table.lines().filter(|line| !line.starts_with('#')).map(|line| line.split('\t').collect())
}

/// A value in the JSON form that the recordings have.
pub(crate) fn json(value: &Value) -> serde_json::Value {
    use serde_json::Value as Json;
    match value {
        Value::Integer(number) => match i64::try_from(*number) {
            Ok(number) => number.into(),
            Err(_) => u64::try_from(*number).expect("no integer of the wire is wider").into(),
        },
        Value::Double(number) => (*number).into(),
        Value::Text(text) => text.as_str().into(),
        Value::Bytes(bytes) => hex(bytes).into(),
        Value::List(values) => values.iter().map(json).collect(),
        Value::Optional(value) => value.as_ref().map_or(Json::Null, |value| json(value)),
        Value::Union(case, value) => {
            let arm = ["", "i", "ui", "l", "ul", "d", "b", "s"][*case as usize];
            serde_json::json!({ "disc": case, "arm": arm, "value": json(value) })
        }
        Value::Struct(fields) => {
            fields.iter().map(|(name, value)| (plain(name).to_owned(), json(value))).collect()
        }
    }
}

/// A shape in the notation of `data/types.tsv`; inner structs by name.
pub(crate) fn notation(shape: &Shape) -> String {
    match shape {
        Shape::Number(name) => (*name).to_owned(),
        Shape::Cases(cases) => format!("cases<{}>", joined(cases.iter().map(ToString::to_string))),
        Shape::Text(max) => format!("text<{max}>"),
        Shape::Opaque(max) => format!("opaque<{max}>"),
        Shape::Uuid => "uuid".to_owned(),
        Shape::List(of, max) => format!("list<{},{max}>", notation(of)),
        Shape::Array(of, len) => format!("array<{},{len}>", notation(of)),
        Shape::Optional(of) => format!("opt<{}>", notation(of)),
        Shape::Union(arms) => {
            format!("union<{}>", joined(arms.iter().map(|(case, of)| format!("{case}:{}", notation(of)))))
        }
        Shape::Struct(name, _) => (*name).to_owned(),
    }
}

/// A field's name without the mark of a raw identifier.
pub(crate) fn plain(name: &str) -> &str {
    name.strip_prefix("r#").unwrap_or(name)
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

pub(crate) fn unhex(text: &str) -> Vec<u8> {
    let digits = text.as_bytes().chunks(2);
    digits.map(|two| u8::from_str_radix(std::str::from_utf8(two).expect("ASCII"), 16).expect("hex")).collect()
}

fn joined(parts: impl Iterator<Item = String>) -> String {
    parts.collect::<Vec<_>>().join(",")
}
