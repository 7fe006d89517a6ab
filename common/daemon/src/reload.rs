//! The daemon's configuration file at start and again at SIGHUP.

use crate::admin::Roster;
use crate::args::Arguments;
use crate::conf::ConfError;
use crate::config::Config;
use crate::context::{BoxError, Context};
use crate::{Spec, chain, logging, supervisor};
use host::paths::{Mode, Paths};
use std::io::IsTerminal;
use std::path::PathBuf;
use std::time::Duration;

/// How long the driver's part of a reload may take; meanwhile the daemon serves, but hears no other signal.
const HOOK_LIMIT: Duration = Duration::from_secs(30);

/// Where the configuration comes from, and what the command line puts over it.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    path: PathBuf,
    /// Named on the command line: it must exist.
    required: bool,
    /// One user's; one that may listen on the network.
    kind: (bool, bool),
    settings: logging::Settings,
}

impl Source {
    /// What `arguments` and the environment say for the daemon at `paths`.
    pub(crate) fn new(spec: &Spec, arguments: &Arguments, paths: &Paths) -> Result<Self, BoxError> {
        let log_file = paths.daemon_log();
        if arguments.daemon
            && let Some(folder) = log_file.parent()
        {
            std::fs::create_dir_all(folder)?;
        }
        let private = std::env::var_os("OXIVIRT_ROOT").is_some();
        let unattended = arguments.daemon || !std::io::stdin().is_terminal();
        let settings = logging::Settings {
            name: spec.name,
            verbose: arguments.verbose,
            background_file: arguments.daemon.then_some(log_file),
            // A private instance keeps to its own folder.
            prefer_journald: unattended && !private && logging::journald_listens(),
            ..logging::Settings::default()
        };
        let given = arguments.config.as_ref().map(std::path::absolute).transpose()?;
        let required = given.is_some();
        let path = given.unwrap_or_else(|| paths.daemon_config());
        let kind = (paths.mode == Mode::Session, spec.remote);
        Ok(Self { path, required, kind, settings })
    }

    /// Reads and checks the file. Blocks.
    pub(crate) fn load(&self) -> Result<Config, ConfError> {
        Config::load(&self.path, self.required, self.kind)
    }

    /// Sets the log up as `config` says, and warns about options that mean nothing.
    pub(crate) fn apply_logging(&self, config: &Config) -> Result<(), logging::LogError> {
        let settings = logging::Settings {
            level: config.log_level,
            filters: config.log_filters.clone(),
            outputs: config.log_outputs.clone(),
            ..self.settings.clone()
        };
        logging::apply(&settings)?;
        for (key, line) in config.unknown() {
            tracing::warn!("{}:{line}: the option '{key}' is not known", self.path.display());
        }
        Ok(())
    }
}

/// Reads the configuration again; a file with an error changes nothing. Sockets keep what they were made with.
pub(crate) async fn reload(source: &Source, context: &Context, roster: &Roster) {
    supervisor::reloading();
    tracing::info!("reading the configuration again");
    let reader = source.clone();
    let read = tokio::task::spawn_blocking(move || {
        let config = reader.load().map_err(|error| chain(&error))?;
        reader.apply_logging(&config).map_err(|error| chain(&error))?;
        Ok::<_, String>(config)
    });
    match read.await {
        Ok(Ok(config)) => {
            roster.apply(&config);
            context.set_config(config);
            for entry in roster.all() {
                if let Some(Err(problem)) = entry.server.update_tls().await {
                    tracing::error!("the certificates stay as they were: {problem}");
                }
            }
            if tokio::time::timeout(HOOK_LIMIT, context.run_reload_hooks()).await.is_err() {
                tracing::error!("the driver did not finish its reload in time");
            }
        }
        Ok(Err(error)) => tracing::error!("the configuration stays as it was: {error}"),
        Err(error) => tracing::error!("the configuration stays as it was: {error}"),
    }
    supervisor::ready();
}
