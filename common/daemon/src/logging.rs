//! Logging with libvirt's levels, filters and outputs, on top of `tracing`; exchangeable while the daemon runs.
//!
//! A message is written when its level reaches the threshold of its module (a filter, else `log_level`), to each
//! output whose own level it reaches. Precedence: command line, environment, configuration.

mod format;
mod journald;
mod level;
mod output;
mod syslog;

pub use format::stamp;
pub use level::Level;

use arc_swap::ArcSwap;
use level::Filters;
use output::{Output, OutputSpec, Target};
use std::fmt::{Debug, Write};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use tracing::field::{Field, Visit};
use tracing::span;
use tracing::subscriber::Interest;
use tracing::{Event, Metadata, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};
use tracing_subscriber::registry::LookupSpan;

/// Where a message came from.
#[derive(Debug, Clone, Copy)]
struct Origin<'a> {
    /// The module, as `crate::module`.
    target: &'a str,
    file: Option<&'a str>,
    line: Option<u32>,
}

/// What decides about the log, from all places where it can be said.
#[derive(Debug, Clone, Default)]
pub(crate) struct Settings {
    /// Name of the daemon.
    pub(crate) name: &'static str,
    /// `-v`.
    pub(crate) verbose: bool,
    /// `log_level` of the configuration.
    pub(crate) level: Option<u32>,
    /// `log_filters` of the configuration.
    pub(crate) filters: Option<String>,
    /// `log_outputs` of the configuration.
    pub(crate) outputs: Option<String>,
    /// The log file of a daemon in the background on a host without journald.
    pub(crate) background_file: Option<PathBuf>,
    /// Whether journald is wanted when nothing else is said.
    pub(crate) prefer_journald: bool,
}

impl Settings {
    /// Where messages go when nothing says it, and which.
    fn usual(&self, default: Level) -> OutputSpec {
        OutputSpec { level: default, target: self.usual_target() }
    }

    /// Puts the environment over the configuration: LIBVIRT_DEBUG, LIBVIRT_LOG_FILTERS, LIBVIRT_LOG_OUTPUTS.
    fn resolve(&self, variable: impl Fn(&str) -> Option<String>) -> Result<Resolved, String> {
        let configured = match self.level {
            None | Some(0) => Level::Warning,
            Some(number) => Level::from_number(number)
                .ok_or_else(|| format!("log_level is {number}, but levels are 1 to 4"))?,
        };
        let mut default = match variable("LIBVIRT_DEBUG").filter(|text| !text.is_empty()) {
            Some(text) => Level::from_text(&text)
                .ok_or_else(|| format!("LIBVIRT_DEBUG is '{text}', but levels are 1 to 4"))?,
            None => configured,
        };
        if self.verbose {
            default = default.min(Level::Info);
        }
        let filters = variable("LIBVIRT_LOG_FILTERS").or_else(|| self.filters.clone()).unwrap_or_default();
        let outputs = variable("LIBVIRT_LOG_OUTPUTS").or_else(|| self.outputs.clone()).unwrap_or_default();
        let mut outputs = OutputSpec::parse_all(&outputs)?;
        if outputs.is_empty() {
            outputs.push(self.usual(default));
        }
        Ok(Resolved { default, filters: Filters::parse(&filters)?, outputs })
    }

    fn usual_target(&self) -> Target {
        if self.prefer_journald {
            return Target::Journald;
        }
        self.background_file.clone().map_or(Target::Stderr, Target::File)
    }
}

/// Is journald there to be written to?
pub(crate) fn journald_listens() -> bool {
    rustix::fs::access(journald::SOCKET, rustix::fs::Access::WRITE_OK).is_ok()
}

struct Resolved {
    default: Level,
    filters: Filters,
    outputs: Vec<OutputSpec>,
}

/// Why the log cannot be as somebody wants it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LogError {
    /// The text is wrong.
    #[error("{0}")]
    Invalid(String),
    /// A place cannot be opened.
    #[error("cannot open log output '{output}'")]
    Open { output: String, source: std::io::Error },
}

impl From<String> for LogError {
    fn from(text: String) -> Self {
        Self::Invalid(text)
    }
}

/// What the layer works with; replaced as a whole.
#[derive(Debug, Clone)]
struct State {
    name: &'static str,
    default: Level,
    filters: Filters,
    outputs: Arc<[Output]>,
    /// What counts when no output is named.
    usual: OutputSpec,
    /// First line of each log.
    banner: String,
}

impl State {
    fn open(settings: &Settings) -> Result<Self, LogError> {
        let resolved = settings.resolve(|name| std::env::var(name).ok())?;
        let banner = format!("{} of Oxivirt {}", settings.name, env!("CARGO_PKG_VERSION"));
        Ok(Self {
            name: settings.name,
            default: resolved.default,
            filters: resolved.filters,
            outputs: open_all(&resolved.outputs, settings.name)?,
            usual: settings.usual(resolved.default),
            banner,
        })
    }

    fn passes(&self, metadata: &Metadata<'_>) -> bool {
        Level::of(metadata.level())
            .is_some_and(|level| level >= self.filters.threshold(metadata.target(), self.default))
    }
}

fn open_all(specs: &[OutputSpec], name: &str) -> Result<Arc<[Output]>, LogError> {
    specs
        .iter()
        .map(|spec| {
            let failed = |source| LogError::Open { output: spec.to_string(), source };
            Output::open(spec, name).map_err(failed)
        })
        .collect()
}

/// The state of this process's log, once it is set up.
static CURRENT: OnceLock<Arc<ArcSwap<State>>> = OnceLock::new();
/// Held by who replaces the state by a changed copy.
static CHANGING: Mutex<()> = Mutex::new(());

/// Sets up the log of this process, or exchanges it if it is set up already.
pub(crate) fn apply(settings: &Settings) -> Result<(), LogError> {
    let state = Arc::new(State::open(settings)?);
    if let Some(current) = CURRENT.get() {
        let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
        current.store(state);
        tracing::callsite::rebuild_interest_cache();
        return Ok(());
    }
    let current = Arc::new(ArcSwap::new(state));
    let layer = LogLayer { state: Arc::clone(&current) };
    let subscriber = tracing_subscriber::registry().with(layer);
    tracing::subscriber::set_global_default(subscriber)
        .map_err(|error| LogError::Invalid(error.to_string()))?;
    // Only the first caller gets here: a second one fails above.
    let _ = CURRENT.set(current);
    Ok(())
}

/// The filters in force, in the form of `log_filters`, and their number.
pub(crate) fn filters() -> (String, u32) {
    listed(|state| state.filters.to_string())
}

/// The outputs in force, in the form of `log_outputs`, and their number.
pub(crate) fn outputs() -> (String, u32) {
    listed(|state| {
        let items: Vec<String> = state.outputs.iter().map(|output| output.spec.to_string()).collect();
        items.join(" ")
    })
}

/// Replaces the filters; none: all modules have the level of the configuration.
pub(crate) fn set_filters(text: &str) -> Result<(), LogError> {
    let filters = Filters::parse(text)?;
    change(|state| {
        state.filters = filters;
        Ok(())
    })
}

/// Replaces the outputs; none: the usual one. What cannot be opened leaves all as it was. Blocks.
pub(crate) fn set_outputs(text: &str) -> Result<(), LogError> {
    let mut specs = OutputSpec::parse_all(text)?;
    change(|state| {
        if specs.is_empty() {
            specs.push(state.usual.clone());
        }
        state.outputs = open_all(&specs, state.name)?;
        Ok(())
    })
}

fn listed(read: impl Fn(&State) -> String) -> (String, u32) {
    let text = CURRENT.get().map(|current| read(&current.load())).unwrap_or_default();
    let count = text.split_ascii_whitespace().count();
    (text, u32::try_from(count).unwrap_or(u32::MAX))
}

fn change(work: impl FnOnce(&mut State) -> Result<(), LogError>) -> Result<(), LogError> {
    let current = CURRENT.get().ok_or_else(|| LogError::Invalid("there is no log".to_owned()))?;
    let _changing = CHANGING.lock().unwrap_or_else(PoisonError::into_inner);
    let mut state = State::clone(&current.load());
    work(&mut state)?;
    current.store(Arc::new(state));
    tracing::callsite::rebuild_interest_cache();
    Ok(())
}

/// The tracing layer that filters, formats and writes.
struct LogLayer {
    state: Arc<ArcSwap<State>>,
}

/// The fields of a span, as they are written behind a message.
struct SpanText(String);

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn register_callsite(&self, metadata: &'static Metadata<'static>) -> Interest {
        if self.state.load().passes(metadata) { Interest::always() } else { Interest::never() }
    }

    fn enabled(&self, metadata: &Metadata<'_>, _: Context<'_, S>) -> bool {
        self.state.load().passes(metadata)
    }

    fn max_level_hint(&self) -> Option<tracing::level_filters::LevelFilter> {
        use tracing::level_filters::LevelFilter;
        let state = self.state.load();
        Some(match state.filters.least(state.default) {
            Level::Debug => LevelFilter::DEBUG,
            Level::Info => LevelFilter::INFO,
            Level::Warning => LevelFilter::WARN,
            Level::Error => LevelFilter::ERROR,
        })
    }

    fn on_new_span(&self, attributes: &span::Attributes<'_>, id: &span::Id, context: Context<'_, S>) {
        let Some(span) = context.span(id) else { return };
        let mut text = Text::default();
        attributes.record(&mut text);
        span.extensions_mut().insert(SpanText(text.into_string()));
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let Some(level) = Level::of(event.metadata().level()) else { return };
        let mut text = Text::default();
        event.record(&mut text);
        let mut message = text.into_string();
        for span in context.event_scope(event).into_iter().flatten() {
            let fields = span.extensions().get::<SpanText>().map(|text| text.0.clone()).unwrap_or_default();
            let _ = write!(message, " [{}{}{fields}]", span.name(), if fields.is_empty() { "" } else { " " });
        }
        let metadata = event.metadata();
        let origin = Origin { target: metadata.target(), file: metadata.file(), line: metadata.line() };
        let state = self.state.load();
        for output in state.outputs.iter().filter(|output| level >= output.spec.level) {
            output.write(level, &origin, &message, &state.banner);
        }
    }
}

/// Collects the fields of an event or a span: the message first, then `name=value`.
#[derive(Default)]
struct Text {
    message: String,
    fields: String,
}

impl Text {
    fn into_string(self) -> String {
        match (self.message.is_empty(), self.fields.is_empty()) {
            (_, true) => self.message,
            (true, false) => self.fields,
            (false, false) => self.message + " " + &self.fields,
        }
    }

    fn field(&mut self, name: &str, value: std::fmt::Arguments<'_>) {
        let separator = if self.fields.is_empty() { "" } else { " " };
        let _ = write!(self.fields, "{separator}{name}={value}");
    }
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "message" => self.message.push_str(value),
            name => self.field(name, format_args!("{value}")),
        }
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        match field.name() {
            "message" => {
                let _ = write!(self.message, "{value:?}");
            }
            name => self.field(name, format_args!("{value:?}")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(change: impl FnOnce(&mut Settings)) -> Settings {
        let mut settings = Settings { name: "virttestd", ..Settings::default() };
        change(&mut settings);
        settings
    }

    fn resolved(settings: &Settings, variables: &[(&str, &str)]) -> Result<Resolved, String> {
        settings.resolve(|name| {
            let hit = variables.iter().find(|(key, _)| *key == name);
            hit.map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_environment_goes_over_the_configuration_and_the_command_line_over_both() {
        let conf = settings(|s| {
            s.level = Some(4);
            s.outputs = Some("1:stderr".to_owned());
        });
        assert_eq!(resolved(&conf, &[]).unwrap().default, Level::Error);
        assert_eq!(resolved(&conf, &[("LIBVIRT_DEBUG", "1")]).unwrap().default, Level::Debug);
        let outputs = resolved(&conf, &[("LIBVIRT_LOG_OUTPUTS", "2:file:/x")]).unwrap().outputs;
        assert_eq!(outputs[0].target, Target::File("/x".into()));
        let verbose = settings(|s| {
            s.level = Some(4);
            s.verbose = true;
        });
        assert_eq!(resolved(&verbose, &[]).unwrap().default, Level::Info);
    }

    #[test]
    fn usual_outputs() {
        let target = |s: &Settings| resolved(s, &[]).unwrap().outputs.remove(0).target;
        assert_eq!(target(&settings(|_| ())), Target::Stderr);
        let file = settings(|s| s.background_file = Some("/l".into()));
        assert_eq!(target(&file), Target::File("/l".into()));
        assert_eq!(target(&settings(|s| s.prefer_journald = true)), Target::Journald);
    }

    #[test]
    fn wrong_settings_are_refused() {
        assert!(resolved(&settings(|s| s.level = Some(9)), &[]).is_err());
        assert!(resolved(&settings(|_| ()), &[("LIBVIRT_DEBUG", "foo")]).is_err());
        assert!(resolved(&settings(|s| s.filters = Some("zzz".to_owned())), &[]).is_err());
        assert!(resolved(&settings(|s| s.outputs = Some("9:stderr".to_owned())), &[]).is_err());
    }

    #[test]
    fn messages_with_fields_and_spans_reach_a_file_by_level() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("log");
        let conf = settings(|s| {
            s.level = Some(3);
            s.filters = Some("1:daemon.logging".to_owned());
            s.outputs = Some(format!("2:file:{}", path.display()));
        });
        let state = Arc::new(ArcSwap::from_pointee(State::open(&conf).unwrap()));
        let subscriber = tracing_subscriber::registry().with(LogLayer { state });
        tracing::subscriber::with_default(subscriber, || {
            let _span = tracing::info_span!("call", procedure = 7).entered();
            tracing::warn!(path = "/x", count = 2, "cannot read");
            tracing::debug!("too low for the output");
            tracing::info!(target: "elsewhere", "too low for the default");
        });
        let text = std::fs::read_to_string(path).unwrap();
        let last = text.lines().last().unwrap();
        assert!(last.ends_with(" : cannot read path=/x count=2 [call procedure=7]"), "{text}");
        assert!(!text.contains("too low"), "{text}");
    }
}
