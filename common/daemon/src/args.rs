//! The command line of the daemons, as libvirt's modular daemons have it.

use crate::Spec;
use clap::error::ErrorKind;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::path::PathBuf;
use std::time::Duration;

/// What the command line asks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Arguments {
    /// Run in the background; the parent ends once the daemon serves or has failed.
    pub(crate) daemon: bool,
    /// Log informational messages too.
    pub(crate) verbose: bool,
    /// Configuration file in place of the usual one; it must exist.
    pub(crate) config: Option<PathBuf>,
    /// PID file in place of the usual one.
    pub(crate) pid_file: Option<PathBuf>,
    /// Idle time after which the daemon ends. Zero on the command line means never, as with the reference.
    pub(crate) timeout: Option<Duration>,
}

/// What to do instead of running: text for standard output (status 0) or for standard error (status 1).
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Run(Arguments),
    Print(String),
    Refuse(String),
}

/// Interprets the arguments of this process.
pub(crate) fn parse(spec: &Spec, arguments: impl IntoIterator<Item = std::ffi::OsString>) -> Outcome {
    match command(spec).try_get_matches_from(arguments) {
        Ok(matches) if matches.get_flag("version") => {
            Outcome::Print(format!("{} (Oxivirt) {}\n", spec.name, spec.version))
        }
        Ok(matches) => Outcome::Run(arguments_of(&matches)),
        Err(error) if error.kind() == ErrorKind::DisplayHelp => Outcome::Print(error.to_string()),
        Err(error) => Outcome::Refuse(error.to_string()),
    }
}

/// The command line's description; also the source of manual pages.
pub fn command(spec: &Spec) -> Command {
    let switch = |name: &'static str, short: char, help: &'static str| {
        Arg::new(name).long(name).short(short).action(ArgAction::SetTrue).help(help)
    };
    let valued = |name: &'static str, short: char, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).short(short).value_name(value).help(help)
    };
    Command::new(spec.name)
        .about(spec.about)
        .disable_version_flag(true)
        .args_override_self(true)
        .arg(switch("daemon", 'd', "Run in the background and write the PID file"))
        .arg(switch("verbose", 'v', "Log informational messages"))
        .arg(valued("config", 'f', "FILE", "Configuration file").value_parser(value_parser!(PathBuf)))
        .arg(valued("pid-file", 'p', "FILE", "PID file").value_parser(value_parser!(PathBuf)))
        .arg(
            valued("timeout", 't', "SECONDS", "End after this time without clients and running objects")
                .value_parser(value_parser!(u32).range(0..=i64::from(i32::MAX)))
                .allow_negative_numbers(true),
        )
        .arg(switch("version", 'V', "Show the version"))
        .after_help(files_help(spec))
}

fn files_help(spec: &Spec) -> String {
    let name = spec.name;
    format!(
        "As root:\n  \
           configuration  /etc/libvirt/{name}.conf\n  \
           sockets        /run/libvirt/{name}-sock, {name}-sock-ro, {name}-admin-sock\n  \
           PID file       /run/{name}.pid\n\
         As another user:\n  \
           configuration  $XDG_CONFIG_HOME/libvirt/{name}.conf\n  \
           sockets        $XDG_RUNTIME_DIR/libvirt/{name}-sock, {name}-admin-sock\n  \
           PID file       $XDG_RUNTIME_DIR/libvirt/{name}.pid"
    )
}

fn arguments_of(matches: &ArgMatches) -> Arguments {
    let seconds = matches.get_one::<u32>("timeout").copied().filter(|seconds| *seconds > 0);
    Arguments {
        daemon: matches.get_flag("daemon"),
        verbose: matches.get_flag("verbose"),
        config: matches.get_one::<PathBuf>("config").cloned(),
        pid_file: matches.get_one::<PathBuf>("pid-file").cloned(),
        timeout: seconds.map(|seconds| Duration::from_secs(u64::from(seconds))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SPEC: Spec =
        Spec { name: "virttestd", driver: "test", about: "A test.", version: "1.2.3", remote: false };

    fn parsed(arguments: &[&str]) -> Outcome {
        let all = std::iter::once("virttestd").chain(arguments.iter().copied());
        parse(&SPEC, all.map(Into::into))
    }

    #[test]
    fn short_and_long_forms() {
        let expected = Arguments {
            daemon: true,
            verbose: true,
            config: Some("/a".into()),
            pid_file: Some("/b".into()),
            timeout: Some(Duration::from_secs(120)),
        };
        let short = parsed(&["-d", "-v", "-f", "/a", "-p", "/b", "-t", "120"]);
        let long = parsed(&["--daemon", "--verbose", "--config=/a", "--pid-file", "/b", "--timeout=120"]);
        assert_eq!(short, Outcome::Run(expected.clone()));
        assert_eq!(long, Outcome::Run(expected));
        assert_eq!(parsed(&[]), Outcome::Run(Arguments::default()));
        assert_eq!(parsed(&["-t", "0"]), Outcome::Run(Arguments::default()));
    }

    #[test]
    fn version_and_help() {
        assert_eq!(parsed(&["-V"]), Outcome::Print("virttestd (Oxivirt) 1.2.3\n".to_owned()));
        assert_eq!(parsed(&["--version"]), parsed(&["-V"]));
        let Outcome::Print(help) = parsed(&["--help"]) else { panic!("no help") };
        for part in ["--daemon", "--config", "--pid-file", "--timeout", "--verbose", "virttestd-sock-ro"] {
            assert!(help.contains(part), "{part} in {help}");
        }
    }

    #[test]
    fn nonsense_is_refused() {
        for arguments in
            [&["-t", "abc"][..], &["-t", "-1"], &["-t", "5000000000"], &["--bogus"], &["extra"], &["-f"]]
        {
            assert!(matches!(parsed(arguments), Outcome::Refuse(_)), "{arguments:?}");
        }
    }
}
