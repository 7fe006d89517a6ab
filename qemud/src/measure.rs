//! Figures for operators at the moment of a scrape: guests by state, jobs by kind.

use std::sync::Arc;

use ::driver::jobs::{Job, LongJob};
use daemon::Measured;

use crate::domain::status::Condition;
use crate::driver::Driver;

/// Have the daemon ask for them. The driver may end before the daemon does.
pub(crate) fn register(driver: &Arc<Driver>) {
    let weak = Arc::downgrade(driver);
    driver.context.on_measure(move || weak.upgrade().map(|driver| measure(&driver)).unwrap_or_default());
}

fn measure(driver: &Driver) -> Vec<Measured> {
    let mut states: Vec<(&str, u64)> = Condition::all().map(|condition| (condition.word(), 0)).collect();
    let short = Job::ALL.iter().map(|job| job.name());
    let mut jobs: Vec<(&str, u64)> =
        short.chain(LongJob::ALL.iter().map(|job| job.name())).map(|name| (name, 0)).collect();
    let mut waiting = 0;
    for domain in driver.domains.list().iter() {
        count(&mut states, domain.view().status.condition.word());
        let (short, long) = domain.jobs().held();
        for name in short.map(Job::name).into_iter().chain(long.map(LongJob::name)) {
            count(&mut jobs, name);
        }
        waiting += u64::try_from(domain.jobs().waiting()).unwrap_or(u64::MAX);
    }
    vec![
        Measured { name: "domains", help: "Domains by state", label: "state", values: states },
        Measured { name: "jobs", help: "Jobs that are held on domains", label: "job", values: jobs },
        Measured {
            name: "jobs_queued",
            help: "Callers that wait for a job on a domain",
            label: "driver",
            values: vec![("qemu", waiting)],
        },
    ]
}

fn count(figures: &mut [(&str, u64)], name: &str) {
    if let Some((_, figure)) = figures.iter_mut().find(|(known, _)| *known == name) {
        *figure += 1;
    }
}
