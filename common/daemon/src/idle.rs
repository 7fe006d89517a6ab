//! When a daemon may end by itself: no client, nothing that runs, for the time of `-t`.

use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// Counts what keeps the daemon from ending while idle.
#[derive(Debug, Clone)]
pub(crate) struct Inhibitors {
    count: Arc<watch::Sender<usize>>,
}

impl Inhibitors {
    pub(crate) fn new() -> Self {
        Self { count: Arc::new(watch::Sender::new(0)) }
    }

    /// One more reason to stay.
    pub(crate) fn inhibit(&self, what: String) -> Inhibitor {
        self.count.send_modify(|count| *count += 1);
        tracing::debug!(what, "the daemon stays");
        Inhibitor { what, count: Arc::clone(&self.count) }
    }

    pub(crate) fn count(&self) -> watch::Receiver<usize> {
        self.count.subscribe()
    }
}

/// Keeps the daemon from ending while idle, for as long as it lives.
#[derive(Debug)]
pub struct Inhibitor {
    what: String,
    count: Arc<watch::Sender<usize>>,
}

impl Drop for Inhibitor {
    fn drop(&mut self) {
        self.count.send_modify(|count| *count -= 1);
        tracing::debug!(what = self.what, "no reason to stay any more");
    }
}

/// Ends once there have been neither clients nor inhibitors for `limit`; never without a limit.
pub(crate) async fn idle(
    mut clients: watch::Receiver<usize>,
    mut inhibitors: watch::Receiver<usize>,
    limit: Option<Duration>,
) {
    let Some(limit) = limit else { return std::future::pending().await };
    loop {
        let busy = *clients.borrow_and_update() > 0 || *inhibitors.borrow_and_update() > 0;
        let wait = async {
            match busy {
                true => std::future::pending().await,
                false => tokio::time::sleep(limit).await,
            }
        };
        tokio::select! {
            () = wait => return,
            Ok(()) = clients.changed() => {}
            Ok(()) = inhibitors.changed() => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const LIMIT: Duration = Duration::from_secs(120);

    #[tokio::test(start_paused = true)]
    async fn time_runs_only_without_clients_and_inhibitors() {
        let clients = watch::Sender::new(1);
        let inhibitors = Inhibitors::new();
        let begin = Instant::now();
        let waiting = tokio::spawn(idle(clients.subscribe(), inhibitors.count(), Some(LIMIT)));
        tokio::time::sleep(LIMIT * 3).await;
        let guest = inhibitors.inhibit("guest".to_owned());
        clients.send_replace(0);
        tokio::time::sleep(LIMIT * 3).await;
        assert!(!waiting.is_finished());
        drop(guest);
        waiting.await.unwrap();
        assert_eq!(begin.elapsed(), LIMIT * 7);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_in_between_starts_the_time_anew() {
        let clients = watch::Sender::new(0);
        let inhibitors = Inhibitors::new();
        let begin = Instant::now();
        let waiting = tokio::spawn(idle(clients.subscribe(), inhibitors.count(), Some(LIMIT)));
        tokio::time::sleep(LIMIT / 2).await;
        clients.send_replace(1);
        clients.send_replace(0);
        waiting.await.unwrap();
        assert_eq!(begin.elapsed(), LIMIT / 2 + LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_never_ends() {
        let clients = watch::Sender::new(0);
        let inhibitors = Inhibitors::new();
        let endless = idle(clients.subscribe(), inhibitors.count(), None);
        assert!(tokio::time::timeout(LIMIT * 1000, endless).await.is_err());
    }
}
