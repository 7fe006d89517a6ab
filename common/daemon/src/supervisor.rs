//! What is said to the service manager (sd_notify(3)); nothing happens without one.

use sd_notify::NotifyState;
use std::time::Duration;

/// The daemon serves.
pub(crate) fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The daemon reads its configuration again; [`ready`] says when it is done.
pub(crate) fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!("cannot tell the service manager about the reload: {error}"),
    }
}

/// The daemon begins to end.
pub(crate) fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Reports twice per watchdog period that the runtime still works. Ends never; without a watchdog it does nothing.
pub(crate) async fn feed_watchdog() {
    let Some(period) = sd_notify::watchdog_enabled().filter(|period| *period > Duration::from_millis(1))
    else {
        return std::future::pending().await;
    };
    let mut ticks = tokio::time::interval(period / 2);
    loop {
        ticks.tick().await;
        tell(&[NotifyState::Watchdog]);
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!("cannot reach the service manager: {error}");
    }
}
