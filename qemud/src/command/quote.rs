//! Text rules of command lines: commas inside option values, and the shell form shown to people.

/// Doubles commas, as QEMU's option parser wants them inside a value.
pub fn commas(text: &str) -> String {
    text.replace(',', ",,")
}

/// One shell word: unchanged if it holds no special character, else in single quotes.
pub fn shell_word(text: &str) -> String {
    const SPECIAL: &str = "\r\t\n !\"#$&'()*;<>?[\\]^`{|}~";
    if text.is_empty() {
        return "''".to_owned();
    }
    if !text.contains(|c| SPECIAL.contains(c)) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        assert_eq!(shell_word("a=b,c:/d%"), "a=b,c:/d%");
        assert_eq!(shell_word(""), "''");
        assert_eq!(shell_word("it's"), "'it'\\''s'");
        assert_eq!(commas("a,b"), "a,,b");
    }
}
