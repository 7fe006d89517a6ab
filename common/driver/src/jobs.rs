//! Jobs: the right to change an object.
//!
//! Reading an object needs no job. Whatever changes it holds a [`JobGuard`] of the object's [`Jobs`]; the
//! functions that change take the guard as an argument, so that forgetting it does not compile. One short job
//! and one long job can be held at a time; the long one says which short ones it lets pass (libvirt's job
//! rules: the QEMU driver's normal and asynchronous jobs). [`fits`] is the whole policy and is pure.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use thiserror::Error;
use tokio::sync::Notify;

/// How long a caller waits for a job before it is told that it cannot have it (libvirt's 30 seconds).
pub const WAIT_LIMIT: Duration = Duration::from_secs(30);

/// A short job: what its holder does to the object.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Job {
    /// Change only what is kept on disk for the next start.
    Config,
    /// Change the running guest.
    Modify,
    /// Stop or resume the guest's processors.
    Suspend,
    /// End the guest.
    Destroy,
    /// Cancel the long job.
    Abort,
}

impl Job {
    /// Every short job.
    pub const ALL: [Job; 5] = [Job::Config, Job::Modify, Job::Suspend, Job::Destroy, Job::Abort];

    /// The word libvirt uses for this job in messages and status documents.
    pub fn name(self) -> &'static str {
        match self {
            Job::Config => "config",
            Job::Modify => "modify",
            Job::Suspend => "suspend",
            Job::Destroy => "destroy",
            Job::Abort => "abort",
        }
    }
}

/// A long job, and with it which short jobs may pass it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LongJob {
    /// The guest is being started: nothing passes but its destruction.
    Start,
    /// State is taken over by a restarted daemon: as for a start.
    Reconnect,
    /// Guest memory is written out (save, dump): it may be ended, suspended, and the job aborted.
    Save,
}

impl LongJob {
    /// Every long job.
    pub const ALL: [LongJob; 3] = [LongJob::Start, LongJob::Reconnect, LongJob::Save];

    /// The word for this job in messages and status documents.
    pub fn name(self) -> &'static str {
        match self {
            LongJob::Start => "start",
            LongJob::Reconnect => "reconnect",
            LongJob::Save => "save",
        }
    }

    /// Whether the short job may run while this one does.
    pub fn allows(self, job: Job) -> bool {
        match self {
            LongJob::Start | LongJob::Reconnect => matches!(job, Job::Destroy | Job::Config),
            LongJob::Save => matches!(job, Job::Destroy | Job::Config | Job::Suspend | Job::Abort),
        }
    }
}

/// The policy: may `wanted` start while `short` and `long` are held? Pure: no lock, no clock.
pub fn fits(short: Option<Job>, long: Option<LongJob>, wanted: Wanted) -> bool {
    match wanted {
        Wanted::Short(job) => short.is_none() && long.is_none_or(|l| l.allows(job)),
        Wanted::Long(_) => short.is_none() && long.is_none(),
    }
}

/// What a caller waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// A short job.
    Short(Job),
    /// A long job.
    Long(LongJob),
}

/// Why a job was not granted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum JobError {
    /// Waited for the limit; the holder is named (libvirt: `VIR_ERR_OPERATION_TIMEOUT`).
    #[error("cannot acquire state change lock (held by {holder})")]
    Timeout {
        /// The call that holds it.
        holder: String,
    },
    /// Too many callers wait already (libvirt: `VIR_ERR_OPERATION_FAILED`, `max_queued`).
    #[error("cannot acquire state change lock due to max_queued limit ({limit})")]
    TooManyWaiting {
        /// The limit.
        limit: usize,
    },
}

#[derive(Debug)]
struct Holder<J> {
    job: J,
    api: &'static str,
    since: Instant,
}

#[derive(Debug, Default)]
struct Table {
    short: Option<Holder<Job>>,
    long: Option<Holder<LongJob>>,
    /// Tickets of the callers that wait, in order of arrival.
    queue: VecDeque<(u64, Wanted)>,
    next_ticket: u64,
}

impl Table {
    fn fits(&self, wanted: Wanted) -> bool {
        fits(self.short.as_ref().map(|h| h.job), self.long.as_ref().map(|h| h.job), wanted)
    }

    /// First come, first served among those that could run now; one that cannot holds up nobody.
    fn my_turn(&self, ticket: u64, wanted: Wanted) -> bool {
        self.fits(wanted) && !self.queue.iter().take_while(|(t, _)| *t != ticket).any(|(_, w)| self.fits(*w))
    }

    fn holder(&self) -> String {
        let short = self.short.as_ref().map(|h| (h.job.name(), h.api, h.since));
        let long = self.long.as_ref().map(|h| (h.job.name(), h.api, h.since));
        match short.or(long) {
            Some((job, api, since)) => {
                format!("{api}, job '{job}', for {} s", since.elapsed().as_secs())
            }
            None => "a caller that has just ended".to_owned(),
        }
    }
}

/// The job table of one object.
#[derive(Debug, Default)]
pub struct Jobs {
    table: Mutex<Table>,
    changed: Notify,
    max_waiting: usize,
}

impl Jobs {
    /// A table in which at most `max_waiting` callers may wait at a time; 0 means no limit.
    pub fn new(max_waiting: usize) -> Arc<Self> {
        Arc::new(Self { max_waiting, ..Self::default() })
    }

    /// Wait for a short job on behalf of the public call `api`.
    pub async fn begin(self: &Arc<Self>, job: Job, api: &'static str) -> Result<JobGuard, JobError> {
        self.wait(Wanted::Short(job), api, WAIT_LIMIT).await
    }

    /// Wait for a long job on behalf of the public call `api`.
    pub async fn begin_long(self: &Arc<Self>, job: LongJob, api: &'static str) -> Result<JobGuard, JobError> {
        self.wait(Wanted::Long(job), api, WAIT_LIMIT).await
    }

    /// The short job if it is free this moment.
    pub fn try_begin(self: &Arc<Self>, job: Job, api: &'static str) -> Option<JobGuard> {
        let mut table = self.lock();
        let wanted = Wanted::Short(job);
        let free = table.fits(wanted) && !table.queue.iter().any(|(_, w)| table.fits(*w));
        free.then(|| self.grant(&mut table, wanted, api))
    }

    /// The long job if it is free this moment: for objects that no other caller can reach yet.
    pub fn try_begin_long(self: &Arc<Self>, job: LongJob, api: &'static str) -> Option<JobGuard> {
        let mut table = self.lock();
        let wanted = Wanted::Long(job);
        table.fits(wanted).then(|| self.grant(&mut table, wanted, api))
    }

    /// What is held now: the short job and the long job.
    pub fn held(&self) -> (Option<Job>, Option<LongJob>) {
        let table = self.lock();
        (table.short.as_ref().map(|h| h.job), table.long.as_ref().map(|h| h.job))
    }

    /// Callers that wait for a job.
    pub fn waiting(&self) -> usize {
        self.lock().queue.len()
    }

    /// How long the job that stands in a caller's way has been held; zero when none is.
    pub fn held_for(&self) -> Duration {
        let table = self.lock();
        let since = table.short.as_ref().map(|h| h.since).or(table.long.as_ref().map(|h| h.since));
        since.map_or(Duration::ZERO, |s| s.elapsed())
    }

    /// As [`begin`](Self::begin) with a limit of the caller's.
    pub async fn wait(
        self: &Arc<Self>,
        wanted: Wanted,
        api: &'static str,
        limit: Duration,
    ) -> Result<JobGuard, JobError> {
        let ticket = {
            let mut table = self.lock();
            if table.queue.is_empty() && table.fits(wanted) {
                return Ok(self.grant(&mut table, wanted, api));
            }
            if self.max_waiting > 0 && table.queue.len() >= self.max_waiting {
                return Err(JobError::TooManyWaiting { limit: self.max_waiting });
            }
            let ticket = table.next_ticket;
            table.next_ticket += 1;
            table.queue.push_back((ticket, wanted));
            Ticket { jobs: self, number: ticket }
        };
        match tokio::time::timeout(limit, self.until_granted(&ticket, wanted, api)).await {
            Ok(guard) => Ok(guard),
            Err(_) => Err(JobError::Timeout { holder: self.lock().holder() }),
        }
    }

    async fn until_granted(
        self: &Arc<Self>,
        ticket: &Ticket<'_>,
        wanted: Wanted,
        api: &'static str,
    ) -> JobGuard {
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            // From here on no change is missed.
            changed.as_mut().enable();
            {
                let mut table = self.lock();
                if table.my_turn(ticket.number, wanted) {
                    table.queue.retain(|(t, _)| *t != ticket.number);
                    return self.grant(&mut table, wanted, api);
                }
            }
            changed.await;
        }
    }

    fn grant(self: &Arc<Self>, table: &mut Table, wanted: Wanted, api: &'static str) -> JobGuard {
        let since = Instant::now();
        match wanted {
            Wanted::Short(job) => table.short = Some(Holder { job, api, since }),
            Wanted::Long(job) => table.long = Some(Holder { job, api, since }),
        }
        JobGuard { jobs: Arc::clone(self), held: wanted }
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A place in the queue, given up when the caller goes away.
struct Ticket<'a> {
    jobs: &'a Jobs,
    number: u64,
}

impl Drop for Ticket<'_> {
    fn drop(&mut self) {
        self.jobs.lock().queue.retain(|(t, _)| *t != self.number);
        self.jobs.changed.notify_waiters();
    }
}

/// The permission to change an object, until dropped.
#[derive(Debug)]
pub struct JobGuard {
    jobs: Arc<Jobs>,
    held: Wanted,
}

impl JobGuard {
    /// What is held.
    pub fn held(&self) -> Wanted {
        self.held
    }
}

impl Drop for JobGuard {
    fn drop(&mut self) {
        {
            let mut table = self.jobs.lock();
            match self.held {
                Wanted::Short(_) => table.short = None,
                Wanted::Long(_) => table.long = None,
            }
        }
        self.jobs.changed.notify_waiters();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn policy_table() {
        for wanted in Job::ALL {
            assert!(fits(None, None, Wanted::Short(wanted)));
            for held in Job::ALL {
                assert!(!fits(Some(held), None, Wanted::Short(wanted)));
            }
            for long in LongJob::ALL {
                assert_eq!(fits(None, Some(long), Wanted::Short(wanted)), long.allows(wanted));
                assert!(!fits(None, Some(long), Wanted::Long(long)));
                assert!(long.allows(Job::Destroy), "a guest can always be destroyed");
            }
        }
    }

    #[tokio::test(start_paused = true)]
    async fn second_caller_waits_and_is_told_the_holder() {
        let jobs = Jobs::new(0);
        let first = jobs.begin(Job::Modify, "virDomainReset").await.unwrap();
        let error = jobs.begin(Job::Suspend, "virDomainSuspend").await.unwrap_err();
        assert!(error.to_string().contains("virDomainReset"), "{error}");
        drop(first);
        jobs.begin(Job::Suspend, "virDomainSuspend").await.unwrap();
    }

    #[tokio::test(start_paused = true)]
    async fn queue_is_bounded_and_emptied() {
        let jobs = Jobs::new(1);
        let first = jobs.begin(Job::Modify, "a").await.unwrap();
        let waiting = tokio::spawn({
            let jobs = Arc::clone(&jobs);
            async move { jobs.begin(Job::Modify, "b").await }
        });
        tokio::task::yield_now().await;
        assert_eq!(jobs.begin(Job::Modify, "c").await.unwrap_err(), JobError::TooManyWaiting { limit: 1 });
        waiting.abort();
        assert!(waiting.await.unwrap_err().is_cancelled());
        drop(first);
        assert!(jobs.try_begin(Job::Modify, "d").is_some());
    }

    #[tokio::test]
    async fn long_job_lets_destroy_pass() {
        let jobs = Jobs::new(0);
        let _start = jobs.begin_long(LongJob::Start, "virDomainCreate").await.unwrap();
        assert!(jobs.try_begin(Job::Modify, "m").is_none());
        assert!(jobs.try_begin(Job::Destroy, "d").is_some());
    }

    #[tokio::test]
    async fn first_come_first_served() {
        let jobs = Jobs::new(0);
        let first = jobs.begin(Job::Modify, "0").await.unwrap();
        let order = Arc::new(Mutex::new(Vec::new()));
        let mut tasks = Vec::new();
        for n in 1..=8 {
            let (jobs, order) = (Arc::clone(&jobs), Arc::clone(&order));
            tasks.push(tokio::spawn(async move {
                let _guard = jobs.begin(Job::Modify, "n").await.unwrap();
                order.lock().unwrap().push(n);
            }));
            tokio::task::yield_now().await;
        }
        drop(first);
        for task in tasks {
            task.await.unwrap();
        }
        assert_eq!(*order.lock().unwrap(), (1..=8).collect::<Vec<_>>());
    }
}
