//! Command lines as recorded: shell words, option/value pairs, JSON compared as JSON.

use serde_json::Value;

/// An option with its value, JSON parsed.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Pair {
    /// `-device`; or `NAME=` for an environment variable.
    pub(crate) option: String,
    /// Plain value.
    pub(crate) plain: Option<String>,
    /// Value if it is JSON.
    pub(crate) json: Option<Value>,
}

impl std::fmt::Display for Pair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.option)?;
        match (&self.json, &self.plain) {
            (Some(json), _) => write!(f, " {json}"),
            (None, Some(plain)) => write!(f, " {plain}"),
            (None, None) => Ok(()),
        }
    }
}

/// Splits a line as a POSIX shell does (quotes and backslash, no expansion).
pub(crate) fn split(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut chars = line.chars();
    while let Some(c) = chars.next() {
        match c {
            ' ' | '\t' | '\n' => words.extend(word.take()),
            '\'' => word.get_or_insert_default().extend(chars.by_ref().take_while(|&c| c != '\'')),
            '"' => word.get_or_insert_default().extend(chars.by_ref().take_while(|&c| c != '"')),
            '\\' => word.get_or_insert_default().extend(chars.next()),
            c => word.get_or_insert_default().push(c),
        }
    }
    words.extend(word);
    words
}

/// Groups words into environment, program and option/value pairs, with what differs from run to run masked.
pub(crate) fn pairs(words: &[String]) -> Vec<Pair> {
    let mut out: Vec<Pair> = Vec::new();
    let mut options = false;
    for word in words {
        let opens = word.starts_with('-') && word.len() > 1;
        options |= opens;
        if options
            && !opens
            && out.last().is_some_and(|pair| pair.option.starts_with('-') && pair.plain.is_none())
        {
            if let Some(last) = out.last_mut() {
                let text = mask(&last.option, word);
                last.json = serde_json::from_str(&text).ok().filter(Value::is_object);
                last.plain = Some(text);
            }
            continue;
        }
        out.push(Pair { option: mask_env(word), plain: None, json: None });
    }
    out
}

fn mask_env(word: &str) -> String {
    if word.starts_with("PATH=") { "PATH=@PATH@".to_owned() } else { word.to_owned() }
}

fn mask(option: &str, value: &str) -> String {
    let mut text = value.to_owned();
    if option == "-rtc" && text.starts_with("base=") && text[5..].starts_with(|c: char| c.is_ascii_digit()) {
        let rest = text.find(',').map(|at| text[at..].to_owned()).unwrap_or_default();
        text = format!("base=@TIME@{rest}");
    }
    text = text.replace("/domain-1-", "/domain-@ID@-");
    for key in ["\"fd\":\"", "fd=", "vhostfd=", "\"vhostfd\":\""] {
        text = mask_digits(&text, key);
    }
    text
}

fn mask_digits(text: &str, key: &str) -> String {
    let Some(at) = text.find(key) else { return text.to_owned() };
    let start = at + key.len();
    let digits = text[start..].bytes().take_while(u8::is_ascii_digit).count();
    if digits == 0 {
        return text.to_owned();
    }
    format!("{}@FD@{}", &text[..start], &text[start + digits..])
}

/// What is only in one of the two, as lines `-only expected` and `+only got`.
pub(crate) fn diff(expected: &[Pair], got: &[Pair]) -> Vec<String> {
    let mut left: Vec<&Pair> = got.iter().collect();
    let mut lines = Vec::new();
    for pair in expected {
        match left.iter().position(|other| *other == pair) {
            Some(at) => {
                left.remove(at);
            }
            None => lines.push(format!("-{pair}")),
        }
    }
    lines.extend(left.into_iter().map(|pair| format!("+{pair}")));
    lines
}
