//! A daemon's life: from its arguments to its exit status.

use crate::admin::{Admin, Roster};
use crate::args::{self, Arguments, Outcome};
use crate::conf::ConfError;
use crate::config::{Auth, Config};
use crate::context::{BoxError, Context};
use crate::idle::Idleness;
use crate::logging::LogError;
use crate::metrics::{self, Figures, MetricsError};
use crate::network::ListenError;
use crate::pidfile::{PidFile, PidFileError};
use crate::polkit::SocketGatekeeper;
use crate::reload::{self, Source};
use crate::sockets::{Layout, SocketError, Sockets};
use crate::{Spec, background, chain, network, supervisor};
use host::paths::{Mode, Paths};
use host::token::SystemToken;
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;
use tokio::signal::unix::{Signal, SignalKind, signal};

/// How long calls in progress may go on once the daemon is asked to end.
const CALL_GRACE: Duration = Duration::from_secs(5);
/// How long the driver's own end may take.
const HOOK_GRACE: Duration = Duration::from_secs(5);
/// How long blocking work may go on after everything else has ended.
const RUNTIME_GRACE: Duration = Duration::from_secs(2);
/// Files that a daemon may have open, if the host allows as many: the limit that the unit asks for too.
const OPEN_FILES: u64 = 524_288;
/// Most threads for blocking work, such as files.
const BLOCKING_THREADS: usize = 64;

/// Why a daemon does not run. Each kind has libvirt's exit status.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("cannot read the configuration")]
    Config(#[from] ConfError),
    #[error("cannot set up the log")]
    Log(#[from] LogError),
    #[error("cannot run in the background")]
    Background(#[source] std::io::Error),
    #[error(transparent)]
    PidFile(#[from] PidFileError),
    #[error("cannot prepare the daemon's folders")]
    Folders(#[source] BoxError),
    #[error("cannot start the runtime")]
    Runtime(#[source] std::io::Error),
    #[error("cannot handle signals")]
    Signals(#[source] std::io::Error),
    #[error(transparent)]
    Sockets(#[from] SocketError),
    #[error(transparent)]
    Network(#[from] ListenError),
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    #[error("cannot serve")]
    Serve(#[source] std::io::Error),
    #[error("access_drivers: this daemon checks no access")]
    Access,
    #[error("the driver failed to start")]
    Driver(#[source] BoxError),
}

impl Failure {
    fn status(&self) -> u8 {
        match self {
            Self::Config(_) | Self::Log(_) | Self::Background(_) | Self::PidFile(_) => 1,
            Self::Folders(_) => 2,
            Self::Runtime(_) => 3,
            Self::Signals(_) => 4,
            Self::Sockets(_) | Self::Network(_) | Self::Metrics(_) | Self::Serve(_) => 6,
            Self::Access | Self::Driver(_) => 10,
        }
    }
}

/// Runs a daemon until it is asked to end or has been idle for long enough; the result is the process's status.
///
/// `start` makes the service. It runs when sockets and PID file are had; clients that come meanwhile wait. It should
/// return as soon as calls can be answered.
pub fn run<S, F, Fut, E>(spec: Spec, start: F) -> ExitCode
where
    S: rpc::Service,
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<S, E>> + Send + 'static,
    E: Into<BoxError>,
{
    let arguments = match args::parse(&spec, std::env::args_os()) {
        Outcome::Run(arguments) => arguments,
        Outcome::Print(text) => {
            // A reader that is gone does not matter here.
            let _ = std::io::stdout().write_all(text.as_bytes());
            return ExitCode::SUCCESS;
        }
        Outcome::Refuse(text) => return refuse(spec.name, &text),
    };
    if arguments.daemon && !background::is_child() {
        return background::launch().unwrap_or_else(|error| refuse(spec.name, &error.to_string()));
    }
    match frame(&spec, &arguments, start) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            let text = chain(&failure);
            if tracing::dispatcher::has_been_set() {
                tracing::error!("{text}");
            }
            // In the background the log is elsewhere, but whoever started the daemon looks here.
            if arguments.daemon || !tracing::dispatcher::has_been_set() {
                eprintln!("{}: error: {text}", spec.name);
            }
            ExitCode::from(failure.status())
        }
    }
}

fn refuse(name: &str, text: &str) -> ExitCode {
    eprintln!("{name}: {}", text.trim_end());
    ExitCode::FAILURE
}

fn frame<S, F, Fut, E>(spec: &Spec, arguments: &Arguments, start: F) -> Result<(), Failure>
where
    S: rpc::Service,
    F: FnOnce(Context) -> Fut,
    Fut: Future<Output = Result<S, E>> + Send + 'static,
    E: Into<BoxError>,
{
    if arguments.daemon {
        background::detach().map_err(Failure::Background)?;
    }
    let paths = Arc::new(Paths::for_process(spec.driver));
    let umask = if paths.mode == Mode::Session { 0o077 } else { 0o022 };
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(umask));
    let source = Source::new(spec, arguments, &paths).map_err(Failure::Folders)?;
    let config = source.load()?;
    paths.create().map_err(|error| Failure::Folders(error.into()))?;
    source.apply_logging(&config)?;
    log_panics();
    // Every client and every guest costs descriptors.
    if let Err(error) = host::limits::raise_open_files(OPEN_FILES) {
        tracing::warn!("{}", chain(&error));
    }

    let token = SystemToken::ensure(&paths.system_token()).map_err(|error| Failure::Folders(error.into()))?;
    let _locks = lock(arguments, &paths)?;
    let sockets = open_sockets(spec, &config, &paths)?;
    let metrics = metrics::Listener::open(&config)?;
    let runtime = runtime(spec.name).map_err(Failure::Runtime)?;
    let context = Context::new(spec.clone(), paths, config, token);
    context.set_idle_limit(arguments.timeout);
    let life = Life { context, source, metrics, arguments: arguments.clone() };
    let result = runtime.block_on(life.live(sockets, start));
    runtime.shutdown_timeout(RUNTIME_GRACE);
    tracing::info!("{} ends", spec.name);
    result
}

/// Makes sure that this is the only daemon at its places: by the PID file, and by the driver's own, which also keeps
/// out one that was given another PID file.
fn lock(arguments: &Arguments, paths: &Paths) -> Result<[PidFile; 2], Failure> {
    let pid_file = match &arguments.pid_file {
        // The working folder changes later.
        Some(given) => std::path::absolute(given).map_err(|error| Failure::Folders(error.into()))?,
        None => paths.pid_file(),
    };
    Ok([PidFile::acquire(&pid_file)?, PidFile::acquire(&paths.driver_lock())?])
}

fn open_sockets(spec: &Spec, config: &Config, paths: &Paths) -> Result<Sockets, Failure> {
    let handed_over = host::fd::activation_fds();
    if !handed_over.is_empty() {
        return Ok(Sockets::adopt(spec.name, handed_over, config.remote.as_ref())?);
    }
    let folder = config.unix_sock_dir.clone().unwrap_or_else(|| paths.run_dir.clone());
    let session = paths.mode == Mode::Session;
    Ok(Sockets::make(&Layout { name: paths.sockets.clone(), folder, session }, config)?)
}

fn runtime(name: &str) -> std::io::Result<tokio::runtime::Runtime> {
    let cpus = std::thread::available_parallelism().map_or(2, usize::from);
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(cpus.clamp(2, 4))
        .max_blocking_threads(BLOCKING_THREADS)
        .thread_name(name)
        .enable_all()
        .build()
}

/// The asynchronous part of a daemon's life.
struct Life {
    context: Context,
    source: Source,
    /// Where figures are served; taken when serving begins.
    metrics: Option<metrics::Listener>,
    arguments: Arguments,
}

impl Life {
    async fn live<S, F, Fut, E>(mut self, sockets: Sockets, start: F) -> Result<(), Failure>
    where
        S: rpc::Service,
        F: FnOnce(Context) -> Fut,
        Fut: Future<Output = Result<S, E>> + Send + 'static,
        E: Into<BoxError>,
    {
        let mut signals = Signals::new().map_err(Failure::Signals)?;
        let service = tokio::select! {
            started = start(self.context.clone()) => started.map_err(|error| Failure::Driver(error.into()))?,
            name = signals.ending.next() => {
                tracing::info!(signal = name, "asked to end before the driver was ready");
                return Ok(());
            }
        };
        if !self.context.config().access_drivers.is_empty() && !service.checks_access() {
            return Err(Failure::Access);
        }
        let servers = Servers::new(&self.context, service);
        let metrics = self.metrics.take();
        let _metrics =
            metrics.map(|listener| self.measure(listener, &servers)).transpose().map_err(Failure::Serve)?;
        self.listen(&servers, &sockets)?;
        network::listen(&self.context, &servers.main, &sockets.network)?;
        supervisor::ready();
        if self.arguments.daemon {
            background::report_ready().map_err(Failure::Background)?;
        }
        tracing::info!("{} serves", self.context.spec().name);
        let watchdog = tokio::spawn(supervisor::feed_watchdog());
        self.serve(&mut signals, &servers).await;
        watchdog.abort();
        self.end(servers, sockets).await;
        Ok(())
    }

    /// Serves figures; calls are counted only then.
    fn measure<S: rpc::Service>(
        &self,
        listener: metrics::Listener,
        servers: &Servers<S>,
    ) -> std::io::Result<metrics::Running> {
        let figures = Figures::new(Arc::clone(&servers.roster));
        servers.main.observe(figures.observer());
        servers.admin.observe(figures.observer());
        listener.serve(&self.context, &figures)
    }

    fn listen<S: rpc::Service>(&self, servers: &Servers<S>, sockets: &Sockets) -> Result<(), Failure> {
        let config = self.context.config();
        for socket in &sockets.sockets {
            let listener = socket.listener.try_clone().map_err(Failure::Serve)?;
            let auth = match socket.kind {
                rpc::EndpointKind::ReadOnly => config.auth_unix_ro,
                rpc::EndpointKind::Main => config.auth_unix_rw,
                // The admin server itself looks at who comes.
                rpc::EndpointKind::Admin => Auth::None,
            };
            let authenticator: Arc<dyn rpc::Authenticator> = match auth {
                Auth::None => Arc::new(rpc::NoAuth),
                Auth::Polkit | Auth::Sasl => {
                    let gatekeeper = SocketGatekeeper::new(Arc::clone(self.context.polkit()), socket.kind);
                    Arc::new(rpc::ByPolkit(Arc::new(gatekeeper)))
                }
            };
            let endpoint = rpc::Endpoint::new(socket.kind, listener, authenticator);
            match socket.kind {
                rpc::EndpointKind::Admin => servers.admin.listen(endpoint),
                _ => servers.main.listen(endpoint),
            }
            .map_err(Failure::Serve)?;
        }
        Ok(())
    }

    /// Returns when the daemon is to end.
    async fn serve<S: rpc::Service>(&self, signals: &mut Signals, servers: &Servers<S>) {
        let idleness = Idleness {
            clients: servers.main.client_count(),
            admins: servers.admin.client_count(),
            inhibitors: self.context.inhibitor_count(),
            limit: self.context.idle_limit(),
        };
        let mut idle = std::pin::pin!(idleness.reached());
        let mut asked = self.context.stop_requested();
        loop {
            tokio::select! {
                name = signals.ending.next() => {
                    tracing::info!(signal = name, "asked to end");
                    return;
                }
                Some(()) = signals.hangup.recv() => reload::reload(&self.source, &self.context, &servers.roster).await,
                () = &mut idle => {
                    tracing::info!("idle for long enough");
                    return;
                }
                Ok(_) = asked.wait_for(|asked| *asked) => return,
            }
        }
    }

    async fn end<S: rpc::Service>(&self, servers: Servers<S>, sockets: Sockets) {
        supervisor::stopping();
        self.context.mark_stopping();
        // New clients shall find no socket rather than one that nobody answers.
        drop(sockets);
        tokio::join!(servers.main.shutdown(CALL_GRACE), servers.admin.shutdown(CALL_GRACE));
        servers.roster.clear();
        if tokio::time::timeout(HOOK_GRACE, self.context.run_stop_hooks()).await.is_err() {
            tracing::warn!("the driver did not end in time");
        }
    }
}

/// The daemon's two servers: the one for its clients, and the one for its administrator, who sees both.
struct Servers<S> {
    main: rpc::Server<S>,
    admin: rpc::Server<Admin>,
    roster: Arc<Roster>,
}

impl<S: rpc::Service> Servers<S> {
    fn new(context: &Context, service: S) -> Self {
        let config = context.config();
        let roster = Arc::new(Roster::default());
        let main = rpc::Server::new(Arc::new(service), config.limits());
        let administration = Admin::new(context.clone(), Arc::clone(&roster));
        let admin = rpc::Server::new(Arc::new(administration), config.admin_limits());
        roster.add_main(context.spec().name, Arc::new(main.clone()), &config);
        roster.add_admin(Arc::new(admin.clone()), &config);
        Self { main, admin, roster }
    }
}

struct Signals {
    ending: Ending,
    hangup: Signal,
}

/// The signals that ask the daemon to end.
struct Ending {
    terminate: Signal,
    interrupt: Signal,
    quit: Signal,
}

impl Signals {
    fn new() -> std::io::Result<Self> {
        let ending = Ending {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            quit: signal(SignalKind::quit())?,
        };
        Ok(Self { ending, hangup: signal(SignalKind::hangup())? })
    }
}

impl Ending {
    /// The name of the next such signal, when it comes.
    async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
            _ = self.quit.recv() => "SIGQUIT",
        }
    }
}

/// Puts panics into the log. The task that panicked ends; the daemon goes on.
fn log_panics() {
    std::panic::set_hook(Box::new(|info| {
        let backtrace = std::backtrace::Backtrace::capture();
        let thread = std::thread::current();
        let name = thread.name().unwrap_or("without name");
        if backtrace.status() == std::backtrace::BacktraceStatus::Captured {
            tracing::error!("thread {name}: {info}\n{backtrace}");
        } else {
            tracing::error!("thread {name}: {info}");
        }
    }));
}
