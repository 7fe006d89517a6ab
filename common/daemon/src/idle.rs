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

/// What decides whether the daemon may end.
pub(crate) struct Idleness {
    /// Clients of the main server.
    pub(crate) clients: watch::Receiver<usize>,
    /// Clients of the admin server.
    pub(crate) admins: watch::Receiver<usize>,
    pub(crate) inhibitors: watch::Receiver<usize>,
    /// `None`: never.
    pub(crate) limit: watch::Receiver<Option<Duration>>,
}

impl Idleness {
    /// Ends once there have been neither clients nor inhibitors for the time of the limit; a limit that changes counts
    /// from then on.
    pub(crate) async fn reached(mut self) {
        loop {
            let counts = [&mut self.clients, &mut self.admins, &mut self.inhibitors];
            let counts = counts.map(|count| *count.borrow_and_update());
            let busy = counts.iter().any(|count| *count > 0);
            let limit = *self.limit.borrow_and_update();
            let wait = async {
                match limit {
                    Some(limit) if !busy => tokio::time::sleep(limit).await,
                    _ => std::future::pending().await,
                }
            };
            tokio::select! {
                () = wait => return,
                Ok(()) = self.clients.changed() => {}
                Ok(()) = self.admins.changed() => {}
                Ok(()) = self.inhibitors.changed() => {}
                Ok(()) = self.limit.changed() => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use tokio::time::Instant;

    const LIMIT: Duration = Duration::from_secs(120);

    /// What an idleness watches.
    struct Watched {
        clients: watch::Sender<usize>,
        admins: watch::Sender<usize>,
        inhibitors: Inhibitors,
        limit: watch::Sender<Option<Duration>>,
    }

    impl Watched {
        fn new(limit: Option<Duration>) -> Self {
            Self {
                clients: watch::Sender::new(0),
                admins: watch::Sender::new(0),
                inhibitors: Inhibitors::new(),
                limit: watch::Sender::new(limit),
            }
        }

        fn idleness(&self) -> Idleness {
            Idleness {
                clients: self.clients.subscribe(),
                admins: self.admins.subscribe(),
                inhibitors: self.inhibitors.count(),
                limit: self.limit.subscribe(),
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn time_runs_only_without_clients_and_inhibitors() {
        let watched = Watched::new(Some(LIMIT));
        watched.clients.send_replace(1);
        let begin = Instant::now();
        let waiting = tokio::spawn(watched.idleness().reached());
        tokio::time::sleep(LIMIT * 3).await;
        let guest = watched.inhibitors.inhibit("guest".to_owned());
        watched.clients.send_replace(0);
        tokio::time::sleep(LIMIT * 3).await;
        watched.admins.send_replace(1);
        drop(guest);
        tokio::time::sleep(LIMIT * 3).await;
        assert!(!waiting.is_finished());
        watched.admins.send_replace(0);
        waiting.await.unwrap();
        assert_eq!(begin.elapsed(), LIMIT * 10);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_in_between_starts_the_time_anew() {
        let watched = Watched::new(Some(LIMIT));
        let begin = Instant::now();
        let waiting = tokio::spawn(watched.idleness().reached());
        tokio::time::sleep(LIMIT / 2).await;
        watched.clients.send_replace(1);
        watched.clients.send_replace(0);
        waiting.await.unwrap();
        assert_eq!(begin.elapsed(), LIMIT / 2 + LIMIT);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_limit_it_never_ends_until_one_is_set() {
        let watched = Watched::new(None);
        let mut endless = Box::pin(watched.idleness().reached());
        assert!(tokio::time::timeout(LIMIT * 1000, &mut endless).await.is_err());
        let begin = Instant::now();
        watched.limit.send_replace(Some(LIMIT));
        endless.await;
        assert_eq!(begin.elapsed(), LIMIT);
    }
}
