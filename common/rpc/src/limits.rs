//! How much a server takes on, and the permits that ordinary calls need.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// Limits of a server; all can be changed while it runs. The defaults are libvirt's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Connections; at the limit the sockets are not accepted from.
    pub max_clients: usize,
    /// Connections that have not authenticated yet; at the limit likewise. Those of the network are counted apart.
    pub max_anonymous_clients: usize,
    /// How long a client of the network that has not authenticated keeps its place while others wait for one.
    pub stranger_time: Duration,
    /// How long a TLS handshake may take.
    pub handshake_time: Duration,
    /// Ordinary calls at work at a time. Calls of high priority are exempt, so stuck ones cannot block queries.
    pub max_workers: usize,
    /// Calls of one client whose replies have not left; at the limit its socket is not read.
    pub max_client_requests: usize,
    /// Open streams of one client.
    pub max_client_streams: usize,
    /// Bytes of events that a client may leave unread before it is disconnected.
    pub max_event_bytes: usize,
    /// Silence before the server pings a client that asked for keepalive; zero: never.
    pub keepalive_interval: Duration,
    /// Unanswered pings before a client is given up.
    pub keepalive_count: u32,
    /// How long the server watches for the next request of a client that asks one thing after another, without giving up
    /// the processor; zero: never. Only one session does so at a time, and only where another worker thread can serve
    /// the rest.
    pub linger: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            max_clients: 5000,
            max_anonymous_clients: 20,
            stranger_time: Duration::from_secs(10),
            handshake_time: Duration::from_secs(30),
            max_workers: 20,
            max_client_requests: 5,
            max_client_streams: 256,
            max_event_bytes: 8 << 20,
            keepalive_interval: Duration::from_secs(5),
            keepalive_count: 5,
            linger: Duration::from_micros(50),
        }
    }
}

/// Permits for ordinary calls; their number can be changed while some are out.
#[derive(Debug)]
pub(crate) struct Workers {
    permits: Arc<Semaphore>,
    /// Permits to be withdrawn as they come back.
    debt: AtomicUsize,
}

/// One call at work.
#[derive(Debug)]
pub(crate) struct Worker {
    permit: Option<OwnedSemaphorePermit>,
    workers: Arc<Workers>,
}

impl Workers {
    pub(crate) fn new(count: usize) -> Self {
        Self {
            permits: Arc::new(Semaphore::new(count.clamp(1, Semaphore::MAX_PERMITS))),
            debt: AtomicUsize::new(0),
        }
    }

    /// Waits for a permit, in the order of the first poll.
    pub(crate) async fn acquire(self: Arc<Self>) -> Worker {
        // The semaphore is never closed; without a permit the call would merely not be counted.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        Worker { permit, workers: self }
    }

    /// Changes the number from `old` to `new`; what is out goes on.
    pub(crate) fn resize(&self, old: usize, new: usize) {
        let (old, new) = (old.clamp(1, Semaphore::MAX_PERMITS), new.clamp(1, Semaphore::MAX_PERMITS));
        if new > old {
            let mut grow = new - old;
            while grow > 0 && self.pay() {
                grow -= 1;
            }
            self.permits.add_permits(grow);
        } else {
            let missing = (old - new) - self.permits.forget_permits(old - new);
            self.debt.fetch_add(missing, Ordering::Relaxed);
        }
    }

    fn pay(&self) -> bool {
        self.debt.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |debt| debt.checked_sub(1)).is_ok()
    }
}

impl Drop for Worker {
    fn drop(&mut self) {
        if self.workers.debt.load(Ordering::Relaxed) > 0
            && self.workers.pay()
            && let Some(permit) = self.permit.take()
        {
            permit.forget();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn shrinking_waits_for_those_at_work() {
        let workers = Arc::new(Workers::new(3));
        let mut out = Vec::new();
        for _ in 0..3 {
            out.push(Arc::clone(&workers).acquire().await);
        }
        workers.resize(3, 1);
        out.truncate(1);
        assert_eq!(workers.permits.available_permits(), 0);
        workers.resize(1, 2);
        assert_eq!(workers.permits.available_permits(), 1);
        out.clear();
        assert_eq!(workers.permits.available_permits(), 2);
        workers.resize(2, 0);
        assert_eq!(workers.permits.available_permits(), 1);
    }
}
