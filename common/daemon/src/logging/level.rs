//! libvirt's log levels, filters (`3:remote 4:event`) and which messages they let pass.

use std::fmt;

/// Importance of a message, numbered as in `log_level`, filters and outputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// 1: everything.
    Debug = 1,
    /// 2: what happens in normal operation.
    Info = 2,
    /// 3: something odd that the daemon copes with; the default threshold.
    Warning = 3,
    /// 4: something failed.
    Error = 4,
}

impl Level {
    /// The level of number 1 to 4.
    pub fn from_number(number: u32) -> Option<Self> {
        match number {
            1 => Some(Self::Debug),
            2 => Some(Self::Info),
            3 => Some(Self::Warning),
            4 => Some(Self::Error),
            _ => None,
        }
    }

    /// A level given as a number, as filters and outputs have it.
    pub(super) fn from_digit(text: &str) -> Option<Self> {
        text.parse().ok().and_then(Self::from_number)
    }

    /// A level given as number or by name, as `LIBVIRT_DEBUG` takes it.
    pub fn from_text(text: &str) -> Option<Self> {
        match text {
            "debug" => Some(Self::Debug),
            "info" => Some(Self::Info),
            "warning" => Some(Self::Warning),
            "error" => Some(Self::Error),
            number => Self::from_digit(number),
        }
    }

    /// The level of a tracing event; `None` for trace, which libvirt has no number for.
    pub(super) fn of(level: &tracing::Level) -> Option<Self> {
        match *level {
            tracing::Level::ERROR => Some(Self::Error),
            tracing::Level::WARN => Some(Self::Warning),
            tracing::Level::INFO => Some(Self::Info),
            tracing::Level::DEBUG => Some(Self::Debug),
            tracing::Level::TRACE => None,
        }
    }

    /// The numeric priority of syslog(3) and journald.
    pub(super) fn syslog_priority(self) -> u8 {
        match self {
            Self::Debug => 7,
            Self::Info => 6,
            Self::Warning => 4,
            Self::Error => 3,
        }
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Debug => "debug",
            Self::Info => "info",
            Self::Warning => "warning",
            Self::Error => "error",
        })
    }
}

/// A threshold of its own for some modules.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Filter {
    level: Level,
    /// Part of a target, possibly with `*` and `?`.
    pattern: String,
}

/// The filters of `log_filters`, in order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Filters(Vec<Filter>);

impl Filters {
    /// Parses `LEVEL:MATCH` items separated by blanks.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        text.split_ascii_whitespace().map(filter).collect::<Result<_, _>>().map(Self)
    }

    /// The threshold for messages of `target`: that of the first filter that matches, else `default`.
    pub(super) fn threshold(&self, target: &str, default: Level) -> Level {
        if self.0.is_empty() {
            return default;
        }
        let source = target.replace("::", ".");
        let hit = self.0.iter().find(|filter| contains(source.as_bytes(), filter.pattern.as_bytes()));
        hit.map_or(default, |filter| filter.level)
    }

    /// The lowest threshold that any module can have.
    pub(super) fn least(&self, default: Level) -> Level {
        self.0.iter().map(|filter| filter.level).fold(default, Level::min)
    }
}

impl fmt::Display for Filters {
    /// As `log_filters` has them; what matches anywhere is shown between stars, as the reference does.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, Filter { level, pattern }) in self.0.iter().enumerate() {
            let star = if pattern.contains('*') { "" } else { "*" };
            let blank = if at == 0 { "" } else { " " };
            write!(f, "{blank}{}:{star}{pattern}{star}", *level as u8)?;
        }
        Ok(())
    }
}

fn filter(item: &str) -> Result<Filter, String> {
    let (number, pattern) =
        item.split_once(':').ok_or_else(|| format!("log filter '{item}' is not of the form LEVEL:MATCH"))?;
    let level = Level::from_digit(number)
        .ok_or_else(|| format!("log filter '{item}': the level '{number}' is not one of 1 to 4"))?;
    // A leading + once asked for stack traces; it is accepted and means nothing, as in the reference.
    let pattern = pattern.strip_prefix('+').unwrap_or(pattern);
    if pattern.is_empty() {
        return Err(format!("log filter '{item}' does not say what it matches"));
    }
    Ok(Filter { level, pattern: pattern.to_owned() })
}

/// Does any part of `text` match `pattern`, in which `*` is any text and `?` any character?
fn contains(text: &[u8], pattern: &[u8]) -> bool {
    // Equal to matching the whole text against *pattern*: remember the last star and go back to it.
    let (mut at, mut next) = (0, 0);
    let (mut star, mut mark) = (None, 0);
    let mut origin = 0;
    loop {
        if next == pattern.len() {
            return true;
        }
        match pattern[next] {
            b'*' => {
                star = Some(next);
                mark = at;
                next += 1;
            }
            expected if at < text.len() && (expected == b'?' || expected == text[at]) => {
                at += 1;
                next += 1;
            }
            _ => {
                if at >= text.len() {
                    return false;
                }
                match star {
                    Some(place) => {
                        mark += 1;
                        at = mark;
                        next = place + 1;
                    }
                    None => {
                        origin += 1;
                        at = origin;
                        next = 0;
                    }
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_by_number_and_name() {
        assert_eq!(Level::from_text("1"), Some(Level::Debug));
        assert_eq!(Level::from_text("warning"), Some(Level::Warning));
        for wrong in ["0", "5", "", "-1", "loud"] {
            assert_eq!(Level::from_text(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn the_first_matching_filter_decides() {
        let filters = Filters::parse("1:rpc.session 4:rpc  2:qemud*job").unwrap();
        let threshold = |target| filters.threshold(target, Level::Warning);
        assert_eq!(threshold("rpc::session::read"), Level::Debug);
        assert_eq!(threshold("rpc::server"), Level::Error);
        assert_eq!(threshold("qemud::driver::jobs"), Level::Info);
        assert_eq!(threshold("host::store"), Level::Warning);
        assert_eq!(filters.least(Level::Warning), Level::Debug);
    }

    #[test]
    fn malformed_filters_are_refused() {
        for wrong in ["zzz", "x:y", "9:y", "1:", "1:+"] {
            assert!(Filters::parse(wrong).is_err(), "{wrong}");
        }
        assert_eq!(Filters::parse("  ").unwrap(), Filters::default());
    }

    #[test]
    fn patterns() {
        for (text, pattern, expected) in [
            ("abc", "b", true),
            ("abc", "d", false),
            ("abc", "*", true),
            ("", "*", true),
            ("", "a", false),
            ("aab", "ab", true),
            ("abxcd", "b*d", true),
            ("abxc", "b*d", false),
            ("abc", "a?c", true),
            ("xaxbxc", "a*b*c", true),
            ("ab", "abc", false),
        ] {
            assert_eq!(contains(text.as_bytes(), pattern.as_bytes()), expected, "{text} {pattern}");
        }
    }
}
