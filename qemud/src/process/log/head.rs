//! What a guest's log has of ours: how it was started, and the notes between. Pure.

use crate::capabilities::QemuCaps;
use crate::command::Plan;
use crate::command::quote::shell_word;

/// A line of ours, with the time that it begins with.
pub(super) fn note(text: &str) -> String {
    format!("{}: {text}\n", daemon::logging::stamp())
}

/// The head of a start: when, which versions, the environment and the command line, to be repeated in a shell.
pub(super) fn head(plan: &Plan, versions: &str) -> String {
    let mut text = note(&format!("starting up {versions}"));
    for (name, value) in &plan.env {
        text.push_str(&format!("{name}={} \\\n", shell_word(value)));
    }
    text.push_str(&command_lines(&plan.argv));
    text
}

/// Which versions of what run together; the words are those that programs seek in logs.
pub(super) fn versions(caps: &QemuCaps, libvirt: &str, kernel: &str, hostname: &str) -> String {
    let oxivirt = env!("CARGO_PKG_VERSION");
    let (qemu, package) = (&caps.version, &caps.package);
    format!(
        "libvirt version: {libvirt}, package: oxivirt {oxivirt}, qemu version: {qemu}{package}, \
         kernel: {kernel}, hostname: {hostname}"
    )
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

/// Bytes of an error's text that QEMU's words may have: the wire's bound on what clients show.
const MAX_WORDS: usize = 1000;

/// QEMU's last words: what it wrote, without what is no news, cut to its end.
pub(super) fn words(text: &str) -> String {
    let is_news = |line: &&str| !line.contains("char device redirected to ") && !line.trim().is_empty();
    let kept = text.lines().filter(is_news).collect::<Vec<_>>().join("\n");
    let begin = kept.ceil_char_boundary(kept.len().saturating_sub(MAX_WORDS));
    kept[begin..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_head_can_be_repeated_in_a_shell() {
        let plan = Plan {
            argv: ["/bin/q", "-name", "a b", "-S"].map(str::to_owned).to_vec(),
            env: vec![("A".to_owned(), "b c".to_owned())],
            ..Plan::default()
        };
        let text = head(&plan, "v");
        let (first, rest) = text.split_once('\n').unwrap();
        assert!(first.ends_with("+0000: starting up v"), "{first}");
        assert_eq!(rest, "A='b c' \\\n/bin/q \\\n-name 'a b' \\\n-S\n");
    }

    #[test]
    fn last_words_are_the_end_without_noise() {
        let text = "char device redirected to /dev/pts/1\n2026 char device redirected to /dev/pts/1 (label x)\nno disk\n\nbye\n";
        assert_eq!(words(text), "no disk\nbye");
        let long = "é".repeat(2000);
        assert_eq!(words(&long).len(), MAX_WORDS);
        assert_eq!(words(""), "");
    }
}
