//! libvirt's `.conf` files: what they hold and typed access to it.
//!
//! One assignment per line, `key = value`, where a value is a number, a string, or a list of those;
//! `#` starts a comment; the module `parse` has the grammar. Every error names the file and, where there is one, the line.

mod parse;

use std::fmt;
use std::io::Read;
use std::path::{Path, PathBuf};

/// Largest file that is read, in bytes; the same bound as the reference's.
const MAX_FILE: u64 = 10 * 1024 * 1024;

/// One value of a `.conf` file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A decimal number, possibly negative.
    Number(i128),
    /// A quoted string, without its quotes.
    Text(String),
    /// A list in brackets; its members are never lists.
    List(Vec<Value>),
}

impl Value {
    fn kind(&self) -> &'static str {
        match self {
            Self::Number(_) => "a number",
            Self::Text(_) => "a string",
            Self::List(_) => "a list",
        }
    }
}

/// What is wrong with a `.conf` file.
#[derive(Debug, thiserror::Error)]
pub enum ConfError {
    /// The file cannot be read.
    #[error("cannot read configuration file '{}'", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The text does not follow the grammar.
    #[error("{}:{line}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What was found or missing.
        problem: String,
    },
    /// A value has the wrong type or an impossible value.
    #[error("{}:{line}: {key}: {problem}", path.display())]
    Value {
        /// The file.
        path: PathBuf,
        /// The line of the assignment, counted from 1.
        line: usize,
        /// The option.
        key: String,
        /// What was expected.
        problem: String,
    },
}

#[derive(Debug, Clone)]
struct Entry {
    key: String,
    value: Value,
    line: usize,
}

/// A parsed `.conf` file.
#[derive(Debug, Clone)]
pub struct Document {
    path: PathBuf,
    entries: Vec<Entry>,
}

impl Document {
    /// Reads and parses the file at `path`.
    pub fn load(path: &Path) -> Result<Self, ConfError> {
        let failed = |source| ConfError::Read { path: path.to_owned(), source };
        let file = std::fs::File::open(path).map_err(failed)?;
        let mut bytes = Vec::new();
        file.take(MAX_FILE + 1).read_to_end(&mut bytes).map_err(failed)?;
        if bytes.len() as u64 > MAX_FILE {
            return Err(failed(std::io::Error::from(std::io::ErrorKind::FileTooLarge)));
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error.utf8_error().valid_up_to();
            let line = 1 + error.as_bytes()[..valid].iter().filter(|byte| **byte == b'\n').count();
            ConfError::Syntax { path: path.to_owned(), line, problem: "text is not UTF-8".to_owned() }
        })?;
        Self::parse(path, &text)
    }

    /// As [`Document::load`], but a file that does not exist is an empty document.
    pub fn load_if_present(path: &Path) -> Result<Self, ConfError> {
        match Self::load(path) {
            Err(ConfError::Read { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Self::empty(path))
            }
            other => other,
        }
    }

    /// Parses `text`; `path` is only named in errors.
    pub fn parse(path: &Path, text: &str) -> Result<Self, ConfError> {
        let entries = parse::entries(text).map_err(|error| ConfError::Syntax {
            path: path.to_owned(),
            line: error.line,
            problem: error.problem,
        })?;
        Ok(Self { path: path.to_owned(), entries })
    }

    /// A document without any assignment.
    pub fn empty(path: &Path) -> Self {
        Self { path: path.to_owned(), entries: Vec::new() }
    }

    /// The file it came from.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The value of `key`. Of several assignments the last counts.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entry(key).map(|entry| &entry.value)
    }

    /// The line on which `key` is assigned, counted from 1.
    pub fn line(&self, key: &str) -> Option<usize> {
        self.entry(key).map(|entry| entry.line)
    }

    /// All keys in the order of the file.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().map(|entry| entry.key.as_str())
    }

    /// Keys that are not among `known`, with their lines.
    pub fn unknown(&self, known: &[&str]) -> Vec<(&str, usize)> {
        let foreign = self.entries.iter().filter(|entry| !known.contains(&entry.key.as_str()));
        foreign.map(|entry| (entry.key.as_str(), entry.line)).collect()
    }

    /// A string.
    pub fn text(&self, key: &str) -> Result<Option<String>, ConfError> {
        self.typed(key, |value| match value {
            Value::Text(text) => Ok(text.clone()),
            other => Err(format!("a string is expected, not {}", other.kind())),
        })
    }

    /// A list of strings.
    pub fn list(&self, key: &str) -> Result<Option<Vec<String>>, ConfError> {
        self.typed(key, strings)
    }

    /// A list of strings, or one string that stands for a list of one.
    pub fn text_or_list(&self, key: &str) -> Result<Option<Vec<String>>, ConfError> {
        self.typed(key, |value| match value {
            Value::Text(text) => Ok(vec![text.clone()]),
            other => strings(other),
        })
    }

    /// A switch: 0 or 1.
    pub fn boolean(&self, key: &str) -> Result<Option<bool>, ConfError> {
        self.typed(key, |value| match value {
            Value::Number(0) => Ok(false),
            Value::Number(1) => Ok(true),
            _ => Err("0 or 1 is expected".to_owned()),
        })
    }

    /// A signed number of 32 bits.
    pub fn signed(&self, key: &str) -> Result<Option<i32>, ConfError> {
        self.typed(key, |value| number(value, i32::MIN, i32::MAX))
    }

    /// An unsigned number of 32 bits.
    pub fn unsigned(&self, key: &str) -> Result<Option<u32>, ConfError> {
        self.typed(key, |value| number(value, u32::MIN, u32::MAX))
    }

    /// An unsigned number of 64 bits.
    pub fn unsigned_long(&self, key: &str) -> Result<Option<u64>, ConfError> {
        self.typed(key, |value| number(value, u64::MIN, u64::MAX))
    }

    /// The error for a value of `key` that has the right type but cannot be used.
    pub fn refused(&self, key: &str, problem: impl Into<String>) -> ConfError {
        let line = self.line(key).unwrap_or(1);
        ConfError::Value { path: self.path.clone(), line, key: key.to_owned(), problem: problem.into() }
    }

    fn typed<T>(
        &self,
        key: &str,
        read: impl FnOnce(&Value) -> Result<T, String>,
    ) -> Result<Option<T>, ConfError> {
        let Some(entry) = self.entry(key) else { return Ok(None) };
        read(&entry.value).map(Some).map_err(|problem| self.refused(key, problem))
    }

    fn entry(&self, key: &str) -> Option<&Entry> {
        self.entries.iter().rev().find(|entry| entry.key == key)
    }
}

fn strings(value: &Value) -> Result<Vec<String>, String> {
    let Value::List(members) = value else {
        return Err(format!("a list of strings is expected, not {}", value.kind()));
    };
    let text = |member: &Value| match member {
        Value::Text(text) => Ok(text.clone()),
        other => Err(format!("a list of strings is expected, but it holds {}", other.kind())),
    };
    members.iter().map(text).collect()
}

fn number<T>(value: &Value, least: T, most: T) -> Result<T, String>
where
    T: TryFrom<i128> + fmt::Display,
{
    match value {
        Value::Number(number) => {
            T::try_from(*number).map_err(|_| format!("the number {number} lies outside of {least} to {most}"))
        }
        other => Err(format!("a number is expected, not {}", other.kind())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Document {
        Document::parse(Path::new("t.conf"), text).unwrap()
    }

    #[test]
    fn typed_values() {
        let conf =
            parse("n = 5\nneg = -1\ns = \"x\"\nl = [ \"a\", 'b', ]\nyes = 1\nbig = 18446744073709551615\n");
        assert_eq!(conf.unsigned("n").unwrap(), Some(5));
        assert_eq!(conf.signed("neg").unwrap(), Some(-1));
        assert_eq!(conf.text("s").unwrap().as_deref(), Some("x"));
        assert_eq!(conf.list("l").unwrap(), Some(vec!["a".to_owned(), "b".to_owned()]));
        assert_eq!(conf.text_or_list("s").unwrap(), Some(vec!["x".to_owned()]));
        assert_eq!(conf.boolean("yes").unwrap(), Some(true));
        assert_eq!(conf.unsigned_long("big").unwrap(), Some(u64::MAX));
        assert_eq!(conf.text("absent").unwrap(), None);
    }

    #[test]
    fn wrong_types_name_file_line_and_key() {
        let conf = parse("\nn = \"x\"\nneg = -1\nb = 2\nl = [ 1 ]\n");
        let message = |error: ConfError| error.to_string();
        assert_eq!(
            message(conf.unsigned("n").unwrap_err()),
            "t.conf:2: n: a number is expected, not a string"
        );
        assert_eq!(
            message(conf.unsigned("neg").unwrap_err()),
            "t.conf:3: neg: the number -1 lies outside of 0 to 4294967295"
        );
        assert!(message(conf.boolean("b").unwrap_err()).contains("0 or 1"));
        assert!(message(conf.list("l").unwrap_err()).contains("holds a number"));
        assert!(message(conf.list("n").unwrap_err()).contains("not a string"));
    }

    #[test]
    fn the_last_assignment_counts_and_unknown_keys_are_listed() {
        let conf = parse("a = 1\na = 2\nzz = 3\n");
        assert_eq!(conf.unsigned("a").unwrap(), Some(2));
        assert_eq!(conf.unknown(&["a"]), [("zz", 3)]);
        assert_eq!(conf.keys().collect::<Vec<_>>(), ["a", "a", "zz"]);
    }

    #[test]
    fn files() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x.conf");
        assert!(matches!(Document::load(&path), Err(ConfError::Read { .. })));
        assert_eq!(Document::load_if_present(&path).unwrap().keys().count(), 0);
        std::fs::write(&path, b"a = 1\nb = \"\xff\"\n").unwrap();
        assert!(Document::load(&path).unwrap_err().to_string().contains(":2: text is not UTF-8"));
    }
}
