//! The grammar of `.conf` files.
//!
//! ```text
//! file   = { blank | comment | name "=" value [comment] newline }
//! name   = letter { letter | digit | "_" }
//! value  = number | "'" text "'" | '"' text '"' | '"""' text with newlines '"""' | "[" [value {"," value} [","]] "]"
//! ```
//! Strings have no escapes. A list may go over several lines and hold comments.

use super::{Entry, Value};

/// A violation of the grammar.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct SyntaxError {
    pub(super) line: usize,
    pub(super) problem: String,
}

/// All assignments of `text`, in order.
pub(super) fn entries(text: &str) -> Result<Vec<Entry>, SyntaxError> {
    let mut cursor = Cursor { rest: text, line: 1 };
    let mut entries = Vec::new();
    loop {
        cursor.skip_lines();
        if cursor.rest.is_empty() {
            return Ok(entries);
        }
        entries.push(cursor.assignment()?);
    }
}

struct Cursor<'a> {
    rest: &'a str,
    line: usize,
}

impl<'a> Cursor<'a> {
    fn assignment(&mut self) -> Result<Entry, SyntaxError> {
        let line = self.line;
        let key = self.name()?.to_owned();
        self.skip_blanks();
        if !self.take("=") {
            return Err(self.problem(format!("'=' is expected after '{key}'")));
        }
        self.skip_blanks();
        let value = self.value(Place::Line)?;
        self.skip_blanks();
        self.skip_comment();
        if !(self.rest.is_empty() || self.rest.starts_with(['\n', '\r'])) {
            return Err(self.problem(format!("only a comment may follow the value of '{key}'")));
        }
        Ok(Entry { key, value, line })
    }

    fn name(&mut self) -> Result<&'a str, SyntaxError> {
        if !self.rest.starts_with(|first: char| first.is_ascii_alphabetic()) {
            return Err(self.problem("the name of an option is expected"));
        }
        let inside = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let end = self.rest.find(|c| !inside(c)).unwrap_or(self.rest.len());
        Ok(self.advance(end))
    }

    fn value(&mut self, place: Place) -> Result<Value, SyntaxError> {
        match self.rest.chars().next() {
            Some('"' | '\'') => self.string().map(Value::Text),
            Some('[') if place == Place::List => Err(self.problem("a list cannot hold lists")),
            Some('[') => self.list(),
            Some('-' | '0'..='9') => self.number(),
            _ => Err(self.problem("a value is expected: a number, a quoted string, or a list")),
        }
    }

    fn string(&mut self) -> Result<String, SyntaxError> {
        if self.take("\"\"\"") {
            let Some(end) = self.rest.find("\"\"\"") else {
                return Err(self.problem("the string that begins here is not closed with \"\"\""));
            };
            let text = self.advance(end).to_owned();
            self.advance(3);
            return Ok(text);
        }
        let quote = if self.rest.starts_with('"') { '"' } else { '\'' };
        self.advance(1);
        match self.rest.find([quote, '\n']) {
            Some(end) if self.rest[end..].starts_with(quote) => {
                let text = self.advance(end).to_owned();
                self.advance(1);
                Ok(text)
            }
            _ => Err(self.problem(format!("the string is not closed with {quote}"))),
        }
    }

    fn list(&mut self) -> Result<Value, SyntaxError> {
        let begin = self.line;
        self.advance(1);
        let mut members = Vec::new();
        loop {
            self.skip_lines();
            if self.take("]") {
                return Ok(Value::List(members));
            }
            if self.rest.is_empty() {
                let problem = "the list that begins here is not closed with ]".to_owned();
                return Err(SyntaxError { line: begin, problem });
            }
            members.push(self.value(Place::List)?);
            self.skip_lines();
            if !self.take(",") && !self.rest.is_empty() && !self.rest.starts_with(']') {
                return Err(self.problem("the members of a list are separated by ,"));
            }
        }
    }

    fn number(&mut self) -> Result<Value, SyntaxError> {
        let sign = usize::from(self.rest.starts_with('-'));
        let digits = self.rest[sign..].find(|c: char| !c.is_ascii_digit());
        let end = sign + digits.unwrap_or(self.rest.len() - sign);
        let text = &self.rest[..end];
        let number = text.parse().map_err(|_| self.problem(format!("'{text}' is not a usable number")))?;
        self.advance(end);
        Ok(Value::Number(number))
    }

    fn skip_blanks(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }

    fn skip_comment(&mut self) {
        if self.rest.starts_with('#') {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.rest = &self.rest[end..];
        }
    }

    /// Blanks, newlines and comments.
    fn skip_lines(&mut self) {
        loop {
            let blank = self.rest.len() - self.rest.trim_start_matches([' ', '\t', '\r', '\n']).len();
            self.advance(blank);
            if !self.rest.starts_with('#') {
                return;
            }
            self.skip_comment();
        }
    }

    fn take(&mut self, token: &str) -> bool {
        let found = self.rest.starts_with(token);
        if found {
            self.advance(token.len());
        }
        found
    }

    /// Steps over `bytes` bytes, which must end at a character; counts the lines among them.
    fn advance(&mut self, bytes: usize) -> &'a str {
        let (taken, rest) = self.rest.split_at(bytes);
        self.rest = rest;
        self.line += taken.bytes().filter(|byte| *byte == b'\n').count();
        taken
    }

    fn problem(&self, problem: impl Into<String>) -> SyntaxError {
        SyntaxError { line: self.line, problem: problem.into() }
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Place {
    Line,
    List,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(text: &str) -> Vec<(String, Value)> {
        entries(text).unwrap().into_iter().map(|entry| (entry.key, entry.value)).collect()
    }

    fn text(value: &str) -> Value {
        Value::Text(value.to_owned())
    }

    #[test]
    fn every_kind_of_value() {
        let parsed = values(concat!(
            "# head\n\n a = 1 # one\r\n\tb='x # y'\nc=\"it's\"\n",
            "d = \"\"\"two\nlines\"\"\"\ne = [ 1, 'a' # c\n, \"b\",\n]\nf=[]\ng_1 = -7"
        ));
        let expected = [
            ("a", Value::Number(1)),
            ("b", text("x # y")),
            ("c", text("it's")),
            ("d", text("two\nlines")),
            ("e", Value::List(vec![Value::Number(1), text("a"), text("b")])),
            ("f", Value::List(vec![])),
            ("g_1", Value::Number(-7)),
        ];
        assert_eq!(parsed, expected.map(|(key, value)| (key.to_owned(), value)));
    }

    #[test]
    fn lines_are_counted_over_strings_and_lists() {
        let parsed = entries("a = \"\"\"x\ny\"\"\"\nb = [\n1,\n2 ]\n# c\nc = 3\n").unwrap();
        assert_eq!(parsed.iter().map(|entry| entry.line).collect::<Vec<_>>(), [1, 3, 7]);
    }

    #[test]
    fn errors_tell_line_and_problem() {
        for (input, line, part) in [
            ("a = 1\n= 3\n", 2, "name of an option"),
            ("1a = 3\n", 1, "name of an option"),
            ("foo\n", 1, "'=' is expected after 'foo'"),
            ("a = \n", 1, "a value is expected"),
            ("a = x\n", 1, "a value is expected"),
            ("a = 1 b = 2\n", 1, "only a comment"),
            ("a = 0x10\n", 1, "only a comment"),
            ("a = 'x\nb=1\n", 1, "not closed"),
            ("a = \"x", 1, "not closed"),
            ("\na = \"\"\"x\n\n", 2, "not closed"),
            ("\na = [ 1,\n 2\n", 2, "not closed"),
            ("a = [ 1 2 ]", 1, "separated by ,"),
            ("a = [ [1] ]", 1, "cannot hold lists"),
            ("a = -", 1, "not a usable number"),
            ("a = 9999999999999999999999999999999999999999999", 1, "not a usable number"),
            ("a.b = 1", 1, "'=' is expected"),
        ] {
            let error = entries(input).unwrap_err();
            assert_eq!(error.line, line, "{input:?}: {}", error.problem);
            assert!(error.problem.contains(part), "{input:?}: {}", error.problem);
        }
    }

    #[test]
    fn multibyte_text_is_kept() {
        assert_eq!(values("a = 'Größe €'\n"), [("a".to_owned(), text("Größe €"))]);
        assert!(entries("ä = 1").is_err());
    }

    #[test]
    fn any_text_is_parsed_or_refused() {
        let pieces = [
            "a", "_b1", "=", "'", "\"", "\"\"\"", "[", "]", ",", "#", "\n", "\r\n", " ", "-", "17", "é", "\0",
        ];
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..20_000 {
            let mut text = String::new();
            for _ in 0..12 {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                text.push_str(pieces[usize::try_from(state % 17).unwrap()]);
            }
            if let Err(error) = entries(&text) {
                assert!((1..=text.lines().count() + 1).contains(&error.line), "{text:?}: {error:?}");
            }
        }
        let deep = format!("a = {}", "[".repeat(100_000));
        assert!(entries(&deep).is_err());
    }
}
