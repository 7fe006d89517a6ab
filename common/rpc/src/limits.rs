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
    /// Connections that have not authenticated yet; at the limit likewise. Those of the network are counted apart. 0: no
    /// limit of their own.
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
    /// Calls that wait for a permit.
    waiting: AtomicUsize,
}

/// How busy a server's workers are; a worker is the right of one ordinary call to be at work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WorkerFigures {
    /// Workers there are; after [`Limits::max_workers`] was lowered it takes calls to end until there are so few.
    pub total: usize,
    /// Those of them without a call.
    pub free: usize,
    /// Calls that wait for a worker.
    pub waiting: usize,
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
            waiting: AtomicUsize::new(0),
        }
    }

    /// The figures of the moment, where the limit is `limit`.
    pub(crate) fn figures(&self, limit: usize) -> WorkerFigures {
        let limit = limit.clamp(1, Semaphore::MAX_PERMITS);
        WorkerFigures {
            total: limit.saturating_add(self.debt.load(Ordering::Relaxed)),
            free: self.permits.available_permits(),
            waiting: self.waiting.load(Ordering::Relaxed),
        }
    }

    /// Waits for a permit, in the order of the first poll.
    pub(crate) async fn acquire(self: Arc<Self>) -> Worker {
        // Permits that come back go to those who wait first, so nobody overtakes here.
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Worker { permit: Some(permit), workers: self };
        }
        let waiting = Waiting::new(&self.waiting);
        // The semaphore is never closed; without a permit the call would merely not be counted.
        let permit = Arc::clone(&self.permits).acquire_owned().await.ok();
        drop(waiting);
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

/// Counts a call that waits, also if it stops waiting because its client is gone.
struct Waiting<'a>(&'a AtomicUsize);

impl<'a> Waiting<'a> {
    fn new(count: &'a AtomicUsize) -> Self {
        count.fetch_add(1, Ordering::Relaxed);
        Self(count)
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
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
    #[tokio::test]
    async fn figures_tell_who_works_and_who_waits() {
        let workers = Arc::new(Workers::new(2));
        let figures = |limit| {
            let WorkerFigures { total, free, waiting } = workers.figures(limit);
            (total, free, waiting)
        };
        assert_eq!(figures(2), (2, 2, 0));
        let first = Arc::clone(&workers).acquire().await;
        let second = Arc::clone(&workers).acquire().await;
        assert_eq!(figures(2), (2, 0, 0));
        let mut third = Box::pin(Arc::clone(&workers).acquire());
        assert!(futures_pending(&mut third).await);
        assert_eq!(figures(2), (2, 0, 1));
        workers.resize(2, 1);
        assert_eq!(figures(1), (2, 0, 1));
        drop(first);
        assert!(futures_pending(&mut third).await);
        assert_eq!(figures(1), (1, 0, 1));
        drop(second);
        let third = third.await;
        assert_eq!(figures(1), (1, 0, 0));
        drop(third);
        assert_eq!(figures(1), (1, 1, 0));
    }

    async fn futures_pending<T>(future: &mut std::pin::Pin<Box<impl Future<Output = T>>>) -> bool {
        std::future::poll_fn(|cx| std::task::Poll::Ready(future.as_mut().poll(cx).is_pending())).await
    }
}
