//! Figures of a guest's memory: from its balloon driver, and what its process takes.

use host::proc;
use model::domain::Domain as Definition;
use protocol::consts::domain_memory_stat_tags as tag;
use protocol::remote::DomainMemoryStat;
use serde_json::json;

use super::Params;
use crate::domain::Live;
use crate::figures;
use crate::monitor::BalloonStats;
use crate::parts;

/// A figure's tag, its name in bulk statistics, and its value (KiB, a count, or seconds).
type Figure = (i32, &'static str, u64);

/// The single call: at most `most` figures (procedure 159).
pub(super) async fn stats(live: &Live, most: u32) -> Vec<DomainMemoryStat> {
    let mut figures = Vec::new();
    if parts::has_balloon(&live.definition) {
        figures.push((tag::ACTUAL_BALLOON, live.balloon_kib));
        figures.extend(guest(live).await.into_iter().map(|(tag, _, value)| (tag, value)));
    }
    figures.extend(proc::resident_kib(live.process.pid).map(|kib| (tag::RSS, kib)));
    figures.truncate(most as usize);
    figures.into_iter().map(|(tag, val)| DomainMemoryStat { tag, val }).collect()
}

/// The sizes in the group of a record; `current` in KiB.
pub(super) fn sizes(current: u64, definition: &Definition, params: &mut Params) {
    params.ullong("balloon.current", current);
    params.ullong("balloon.maximum", definition.memory.total_kib);
}

/// The group of a running guest's record.
pub(super) async fn group(live: &Live) -> Params {
    let mut params = Params::default();
    sizes(live.balloon_kib, &live.definition, &mut params);
    for (_, name, value) in guest(live).await {
        params.ullong(format_args!("balloon.{name}"), value);
    }
    if let Some(kib) = proc::resident_kib(live.process.pid) {
        params.ullong("balloon.rss", kib);
    }
    params
}

/// What the guest's driver has reported.
async fn guest(live: &Live) -> Vec<Figure> {
    let alias = parts::balloon(&live.definition).and_then(|balloon| balloon.info.alias.as_deref());
    let Some(alias) = alias else { return Vec::new() };
    let arguments = json!({"path": format!("/machine/peripheral/{alias}"), "property": "guest-stats"});
    let Some(answer) = figures::answer(live, "guest-stats", "qom-get", arguments).await else {
        return Vec::new();
    };
    named(&BalloonStats::from_value(&answer))
}

fn named(stats: &BalloonStats) -> Vec<Figure> {
    let kib = |bytes: Option<u64>| bytes.map(|bytes| bytes / 1024);
    let all = [
        (tag::SWAP_IN, "swap_in", kib(stats.swap_in)),
        (tag::SWAP_OUT, "swap_out", kib(stats.swap_out)),
        (tag::MAJOR_FAULT, "major_fault", stats.major_faults),
        (tag::MINOR_FAULT, "minor_fault", stats.minor_faults),
        (tag::UNUSED, "unused", kib(stats.free)),
        (tag::AVAILABLE, "available", kib(stats.total)),
        (tag::USABLE, "usable", kib(stats.available)),
        (tag::LAST_UPDATE, "last-update", Some(stats.last_update)),
        (tag::DISK_CACHES, "disk_caches", kib(stats.disk_caches)),
        (tag::HUGETLB_PGALLOC, "hugetlb_pgalloc", stats.hugetlb_allocations),
        (tag::HUGETLB_PGFAIL, "hugetlb_pgfail", stats.hugetlb_failures),
    ];
    all.into_iter().filter_map(|(tag, name, value)| Some((tag, name, value?))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_the_guest_reports() {
        let stats = BalloonStats { free: Some(4096), last_update: 7, ..BalloonStats::default() };
        assert_eq!(named(&stats), [(tag::UNUSED, "unused", 4), (tag::LAST_UPDATE, "last-update", 7)]);
    }
}
