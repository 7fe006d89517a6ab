//! Where log lines go: `1:stderr`, `2:file:PATH`, `3:syslog:NAME`, `4:journald`.

use super::level::Level;
use super::{Origin, format, journald::Journal, syslog::Syslog};
use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

/// One item of `log_outputs`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct OutputSpec {
    pub(super) level: Level,
    pub(super) target: Target,
}

/// The kind of place and its argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    Stderr,
    File(PathBuf),
    Syslog(String),
    Journald,
}

impl OutputSpec {
    /// Parses `LEVEL:KIND[:ARGUMENT]` items separated by blanks. Of several for one place the last gives the level.
    pub(super) fn parse_all(text: &str) -> Result<Vec<Self>, String> {
        let mut all: Vec<Self> = Vec::new();
        for item in text.split_ascii_whitespace() {
            let spec = Self::parse(item)?;
            match all.iter_mut().find(|earlier| earlier.target == spec.target) {
                Some(earlier) => *earlier = spec,
                None => all.push(spec),
            }
        }
        Ok(all)
    }

    fn parse(item: &str) -> Result<Self, String> {
        let mut parts = item.splitn(3, ':');
        let number = parts.next().unwrap_or_default();
        let level = Level::from_digit(number)
            .ok_or_else(|| format!("log output '{item}': the level '{number}' is not one of 1 to 4"))?;
        let target = match (parts.next(), parts.next()) {
            (Some("stderr"), None) => Target::Stderr,
            (Some("journald"), None) => Target::Journald,
            (Some("syslog"), Some(name)) => Target::Syslog(name.to_owned()),
            (Some("file"), Some(path)) if !path.is_empty() => Target::File(absolute(path)),
            (Some("stderr" | "journald" | "syslog" | "file"), _) => {
                return Err(format!("log output '{item}' has a missing or a needless argument"));
            }
            _ => return Err(format!("log output '{item}' names no known kind of output")),
        };
        Ok(Self { level, target })
    }
}

/// The daemon's working folder may change later.
fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

impl fmt::Display for OutputSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.level as u8)?;
        match &self.target {
            Target::Stderr => f.write_str("stderr"),
            Target::File(path) => write!(f, "file:{}", path.display()),
            Target::Syslog(name) => write!(f, "syslog:{name}"),
            Target::Journald => f.write_str("journald"),
        }
    }
}

/// An open output.
#[derive(Debug)]
pub(super) struct Output {
    pub(super) spec: OutputSpec,
    sink: Sink,
    /// Whether the first line, which says who writes, is out.
    introduced: AtomicBool,
}

#[derive(Debug)]
enum Sink {
    Stderr,
    File(File),
    Syslog(Syslog),
    Journald(Journal),
}

impl Output {
    /// Opens the place; a log file is created with mode 0600 and appended to.
    pub(super) fn open(spec: &OutputSpec, name: &str) -> std::io::Result<Self> {
        let sink = match &spec.target {
            Target::Stderr => Sink::Stderr,
            Target::File(path) => Sink::File(open_file(path)?),
            Target::Syslog(tag) => Sink::Syslog(Syslog::connect(if tag.is_empty() { name } else { tag })?),
            Target::Journald => Sink::Journald(Journal::connect(name)?),
        };
        Ok(Self { spec: spec.clone(), sink, introduced: AtomicBool::new(false) })
    }

    /// Writes one message. A place that fails is not reported: there is nowhere to report it to.
    pub(super) fn write(&self, level: Level, origin: &Origin<'_>, message: &str, banner: &str) {
        match &self.sink {
            Sink::Stderr => self.line(&mut std::io::stderr().lock(), level, origin, message, banner),
            Sink::File(file) => self.line(&mut &*file, level, origin, message, banner),
            Sink::Syslog(syslog) => syslog.send(level, message),
            Sink::Journald(journal) => journal.send(level, origin, message),
        }
    }

    fn line(&self, place: &mut dyn Write, level: Level, origin: &Origin<'_>, message: &str, banner: &str) {
        let mut text = String::with_capacity(message.len() + 96);
        if !self.introduced.swap(true, Ordering::Relaxed) {
            format::line(&mut text, Level::Info, None, banner);
        }
        format::line(&mut text, level, Some(origin), message);
        // One write, so that lines of several threads or processes do not mix.
        let _ = place.write_all(text.as_bytes());
    }
}

fn open_file(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_kinds() {
        let specs = OutputSpec::parse_all("1:stderr 2:file:/a:b  3:syslog:me 4:journald").unwrap();
        let spec = |level, target| OutputSpec { level, target };
        let expected = [
            spec(Level::Debug, Target::Stderr),
            spec(Level::Info, Target::File("/a:b".into())),
            spec(Level::Warning, Target::Syslog("me".to_owned())),
            spec(Level::Error, Target::Journald),
        ];
        assert_eq!(specs, expected);
    }

    #[test]
    fn the_last_for_a_place_gives_its_level() {
        let specs = OutputSpec::parse_all("1:stderr 2:file:/a 3:stderr 4:syslog:").unwrap();
        let texts: Vec<String> = specs.iter().map(ToString::to_string).collect();
        assert_eq!(texts, ["3:stderr", "2:file:/a", "4:syslog:"]);
    }

    #[test]
    fn malformed_outputs_are_refused() {
        for wrong in [
            "9:stderr",
            "stderr",
            "1:zzz",
            "1:",
            "1:journald:x",
            "1:stderr:",
            "1:syslog",
            "1:file:",
            "x:stderr",
            "debug:stderr",
        ] {
            assert!(OutputSpec::parse_all(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn a_file_gets_an_introduction_and_is_appended_to() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let spec = OutputSpec { level: Level::Debug, target: Target::File(path.clone()) };
        let origin = Origin { target: "a::b", file: None, line: Some(7) };
        for _ in 0..2 {
            let output = Output::open(&spec, "virttestd").unwrap();
            output.write(Level::Warning, &origin, "hello", "who");
            output.write(Level::Error, &origin, "again", "who");
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let ends: Vec<_> = text.lines().map(|line| line.splitn(5, ':').last().unwrap()).collect();
        let once = [" info : who", " warning : a.b:7 : hello", " error : a.b:7 : again"];
        assert_eq!(ends, [once, once].concat());
        use std::os::unix::fs::PermissionsExt;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_folder_that_is_missing_is_an_error() {
        let spec = OutputSpec { level: Level::Debug, target: Target::File("/nonexistent/x/log".into()) };
        let error = Output::open(&spec, "x").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::NotFound);
        assert_eq!(spec.to_string(), "1:file:/nonexistent/x/log");
    }
}
