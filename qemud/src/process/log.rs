//! The guest's log: `LOG_DIR/NAME.log`, with QEMU's command line, its messages, and the end.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use ::driver::documents::blocking;
use host::store;

use crate::command::Plan;
use crate::command::quote::shell_word;
use crate::domain::Ending;
use crate::driver::Driver;

/// How much of a log's end is looked at for QEMU's last words.
const TAIL: u64 = 4096;

/// The log of the domain with this name.
pub fn path(driver: &Driver, name: &str) -> PathBuf {
    // A name that is no file name was refused at its definition.
    driver.paths.guest_log(name).unwrap_or_else(|_| driver.paths.log_dir.join("unnamed.log"))
}

/// Open the log for a start and write its head: when, which versions, the command line.
pub fn open(path: &Path, plan: &Plan, versions: &str) -> Result<File, host::Error> {
    if let Some(dir) = path.parent() {
        store::create_dir(dir, 0o711)?;
    }
    let mut file = append(path).map_err(host::Error::file("open", path))?;
    let mut text = format!("{}: starting up {versions}\n", daemon::logging::stamp());
    for (name, value) in &plan.env {
        text.push_str(&format!("{name}={value} \\\n"));
    }
    text.push_str(&command_lines(&plan.argv));
    file.write_all(text.as_bytes()).map_err(host::Error::file("write", path))?;
    Ok(file)
}

/// A command line with an option and its value per line, so that a person can read and repeat it.
fn command_lines(argv: &[String]) -> String {
    let mut text = String::new();
    for (n, word) in argv.iter().enumerate() {
        let is_option = word.starts_with('-');
        if n > 0 {
            text.push_str(if is_option { " \\\n" } else { " " });
        }
        text.push_str(&shell_word(word));
    }
    text.push('\n');
    text
}

/// Note how the guest ended.
pub async fn note_end(driver: &Driver, name: &str, ending: Ending) {
    let path = path(driver, name);
    let line = format!("{}: shutting down, reason={}\n", daemon::logging::stamp(), ending.word());
    let noted = blocking(move || {
        let written = append(&path).and_then(|mut file| file.write_all(line.as_bytes()));
        written.map_err(host::Error::file("write", &path))
    });
    if let Err(error) = noted.await {
        tracing::warn!(target: "qemu", "the end of domain '{name}' is not in its log: {error}");
    }
}

/// What QEMU wrote since the last command line, for the error of a failed start.
pub async fn last_words(driver: &Driver, name: &str) -> String {
    let path = path(driver, name);
    let read = blocking(move || tail(&path).map_err(host::Error::file("read", &path)));
    match read.await {
        Ok(text) => words(&text),
        Err(error) => format!("(its log cannot be read: {error})"),
    }
}

/// The lines behind the command line's last one, which alone among its lines ends without a backslash.
fn words(text: &str) -> String {
    let lines: Vec<&str> = text.lines().collect();
    let argv_end = lines.windows(2).rposition(|pair| pair[0].ends_with('\\')).map_or(0, |at| at + 2);
    lines[argv_end.min(lines.len())..].join("\n")
}

fn tail(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    file.seek(SeekFrom::Start(length.saturating_sub(TAIL)))?;
    let mut bytes = Vec::new();
    file.take(TAIL).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn append(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).mode(0o600).open(path)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_stand_behind_the_command_line() {
        let text = "x: starting up\nA=b \\\nqemu \\\n-S\nno such disk\ngoodbye\n";
        assert_eq!(words(text), "no such disk\ngoodbye");
        assert_eq!(words("A \\\n-S\n"), "");
        assert_eq!(words(""), "");
    }
}
