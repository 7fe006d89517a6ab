//! What a daemon's driver is given at its start.

use crate::Spec;
use crate::conf::{ConfError, Document};
use crate::config::Config;
use crate::idle::{Inhibitor, Inhibitors};
use crate::metrics::Measured;
use arc_swap::ArcSwap;
use host::paths::{Mode, Paths};
use host::polkit::Polkit;
use host::token::SystemToken;
use std::error::Error;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;

/// A boxed future.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;
/// Any error.
pub type BoxError = Box<dyn Error + Send + Sync>;

type Measure = Arc<dyn Fn() -> Vec<Measured> + Send + Sync>;
type ReloadHook = Arc<dyn Fn(Arc<Config>) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync>;
type StopHook = Box<dyn FnOnce() -> BoxFuture<'static, ()> + Send>;

/// The daemon around the driver: its paths, its configuration, its life. Cheap to clone.
#[derive(Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

struct Inner {
    spec: Spec,
    paths: Arc<Paths>,
    config: ArcSwap<Config>,
    token: SystemToken,
    polkit: Arc<Polkit>,
    inhibitors: Inhibitors,
    stop: watch::Sender<bool>,
    /// Idle time after which the daemon ends.
    idle_limit: watch::Sender<Option<Duration>>,
    measures: Mutex<Vec<Measure>>,
    reload_hooks: Mutex<Vec<ReloadHook>>,
    stop_hooks: Mutex<Vec<StopHook>>,
}

impl Context {
    pub(crate) fn new(spec: Spec, paths: Arc<Paths>, config: Config, token: SystemToken) -> Self {
        Self {
            inner: Arc::new(Inner {
                spec,
                paths,
                config: ArcSwap::from_pointee(config),
                token,
                polkit: Arc::default(),
                inhibitors: Inhibitors::new(),
                stop: watch::Sender::new(false),
                idle_limit: watch::Sender::new(None),
                measures: Mutex::default(),
                reload_hooks: Mutex::default(),
                stop_hooks: Mutex::default(),
            }),
        }
    }

    /// What the daemon is called.
    pub fn spec(&self) -> &Spec {
        &self.inner.spec
    }

    /// All folders and files of this daemon.
    pub fn paths(&self) -> &Arc<Paths> {
        &self.inner.paths
    }

    /// Does the daemon serve one user (`qemu:///session`) instead of the whole host?
    pub fn session_mode(&self) -> bool {
        self.inner.paths.mode == Mode::Session
    }

    /// The daemon's configuration; another one after each reload.
    pub fn config(&self) -> Arc<Config> {
        self.inner.config.load_full()
    }

    /// The secret by which the daemons of this host (in a session: of this user) know each other.
    pub fn system_token(&self) -> &SystemToken {
        &self.inner.token
    }

    /// polkit, which is asked where the configuration says so.
    pub fn polkit(&self) -> &Arc<Polkit> {
        &self.inner.polkit
    }

    /// Reads a driver's configuration file, such as `qemu.conf`; one that does not exist is empty. Blocks.
    pub fn driver_conf(&self, file: &str) -> Result<Document, ConfError> {
        Document::load_if_present(&self.inner.paths.config_dir.join(file))
    }

    /// Keeps the daemon from ending while idle; `what` is for the log. Hold one per running object.
    pub fn inhibit(&self, what: impl Into<String>) -> Inhibitor {
        self.inner.inhibitors.inhibit(what.into())
    }

    /// Has `hook` called at every reload (SIGHUP), after the daemon's own; its error is logged.
    pub fn on_reload(
        &self,
        hook: impl Fn(Arc<Config>) -> BoxFuture<'static, Result<(), BoxError>> + Send + Sync + 'static,
    ) {
        lock(&self.inner.reload_hooks).push(Arc::new(hook));
    }

    /// Has `measure` asked for the driver's figures at each scrape of the metrics; it may block for a moment.
    pub fn on_measure(&self, measure: impl Fn() -> Vec<Measured> + Send + Sync + 'static) {
        lock(&self.inner.measures).push(Arc::new(measure));
    }

    /// Has `hook` called when the daemon ends, after the last client is gone. All hooks share a time limit.
    pub fn on_stop(&self, hook: impl FnOnce() -> BoxFuture<'static, ()> + Send + 'static) {
        lock(&self.inner.stop_hooks).push(Box::new(hook));
    }

    /// Ends the daemon as SIGTERM would.
    pub fn request_stop(&self, reason: &str) {
        tracing::info!(reason, "the daemon is asked to end");
        self.inner.stop.send_replace(true);
    }

    /// Turns true when the daemon begins to end.
    pub fn stop_requested(&self) -> watch::Receiver<bool> {
        self.inner.stop.subscribe()
    }

    pub(crate) fn inhibitor_count(&self) -> watch::Receiver<usize> {
        self.inner.inhibitors.count()
    }

    pub(crate) fn idle_limit(&self) -> watch::Receiver<Option<Duration>> {
        self.inner.idle_limit.subscribe()
    }

    /// From now on the daemon ends after this idle time; `None`: never.
    pub(crate) fn set_idle_limit(&self, limit: Option<Duration>) {
        self.inner.idle_limit.send_replace(limit);
    }

    pub(crate) fn set_config(&self, config: Config) {
        self.inner.config.store(Arc::new(config));
    }

    pub(crate) fn mark_stopping(&self) {
        self.inner.stop.send_replace(true);
    }

    pub(crate) fn measure(&self) -> Vec<Measured> {
        let measures = lock(&self.inner.measures).clone();
        measures.iter().flat_map(|measure| measure()).collect()
    }

    pub(crate) async fn run_reload_hooks(&self) {
        let hooks = lock(&self.inner.reload_hooks).clone();
        for hook in hooks {
            if let Err(error) = hook(self.config()).await {
                tracing::error!("reload: {}", crate::chain(error.as_ref()));
            }
        }
    }

    pub(crate) async fn run_stop_hooks(&self) {
        let hooks = std::mem::take(&mut *lock(&self.inner.stop_hooks));
        for hook in hooks {
            hook().await;
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
