//! Figures of calls: how many, how many failed, how long they took; one slot per procedure, made at its first call.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::registry::Unit;
use protocol::procedure::{self, Meta};
use protocol::{admin, lxc, qemu, remote};
use std::fmt;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// Programs whose calls are counted, with the names that their figures carry.
const PROGRAMS: [(u32, &str); 4] =
    [(remote::PROGRAM, "remote"), (qemu::PROGRAM, "qemu"), (lxc::PROGRAM, "lxc"), (admin::PROGRAM, "admin")];
/// No procedure has a number so large.
const NUMBERS: i32 = 4096;
/// Upper bounds of the classes of latency; there is one more for what takes longer.
const BOUNDS: [Duration; 12] = [
    Duration::from_micros(25),
    Duration::from_micros(50),
    Duration::from_micros(100),
    Duration::from_micros(250),
    Duration::from_millis(1),
    Duration::from_micros(2500),
    Duration::from_millis(10),
    Duration::from_millis(50),
    Duration::from_millis(250),
    Duration::from_secs(1),
    Duration::from_secs(5),
    Duration::from_secs(30),
];

/// The figures of all procedures.
pub(super) struct CallFigures {
    /// Slots by number, one list per program.
    programs: [Vec<OnceLock<Box<Slot>>>; PROGRAMS.len()],
    refused: AtomicU64,
}

/// The figures of one procedure. They are read while they are written, so they may differ by the calls of a moment.
struct Slot {
    name: &'static str,
    errors: AtomicU64,
    /// Nanoseconds that all calls took together.
    total: AtomicU64,
    classes: [AtomicU64; BOUNDS.len() + 1],
}

impl Default for CallFigures {
    fn default() -> Self {
        let slots = |(program, _)| {
            let last = (1..NUMBERS).rev().find(|number| procedure::find(program, *number).is_some());
            (0..=last.unwrap_or_default()).map(|_| OnceLock::new()).collect()
        };
        Self { programs: PROGRAMS.map(slots), refused: AtomicU64::new(0) }
    }
}

impl rpc::Observer for CallFigures {
    fn answered(&self, meta: &'static Meta, took: Duration, failed: bool) {
        let list = PROGRAMS.iter().zip(&self.programs).find(|((program, _), _)| *program == meta.program);
        let number = usize::try_from(meta.number).unwrap_or(usize::MAX);
        let Some(place) = list.and_then(|(_, slots)| slots.get(number)) else { return };
        place.get_or_init(|| Box::new(Slot::new(meta.name))).add(took, failed);
    }

    fn refused(&self) {
        self.refused.fetch_add(1, Ordering::Relaxed);
    }
}

impl Slot {
    fn new(name: &'static str) -> Self {
        Self {
            name,
            errors: AtomicU64::new(0),
            total: AtomicU64::new(0),
            classes: std::array::from_fn(|_| AtomicU64::new(0)),
        }
    }

    fn add(&self, took: Duration, failed: bool) {
        let class = BOUNDS.iter().position(|bound| took <= *bound).unwrap_or(BOUNDS.len());
        if let Some(count) = self.classes.get(class) {
            count.fetch_add(1, Ordering::Relaxed);
        }
        self.total.fetch_add(u64::try_from(took.as_nanos()).unwrap_or(u64::MAX), Ordering::Relaxed);
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn classes(&self) -> Vec<(f64, u64)> {
        let bounds = BOUNDS.iter().map(Duration::as_secs_f64).chain([f64::INFINITY]);
        bounds.zip(&self.classes).map(|(bound, count)| (bound, count.load(Ordering::Relaxed))).collect()
    }

    fn count(&self) -> u64 {
        self.classes.iter().map(|count| count.load(Ordering::Relaxed)).sum()
    }
}

impl CallFigures {
    /// Every procedure that was called, with its program's name.
    fn called(&self) -> impl Iterator<Item = (&'static str, &Slot)> {
        let programs = PROGRAMS.iter().zip(&self.programs);
        programs.flat_map(|((_, name), slots)| {
            slots.iter().filter_map(OnceLock::get).map(move |slot| (*name, slot.as_ref()))
        })
    }
}

fn labels(program: &'static str, slot: &Slot) -> [(&'static str, &'static str); 2] {
    [("program", program), ("procedure", slot.name)]
}

impl Collector for CallFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let help = "Calls that were answered";
        let mut calls = encoder.encode_descriptor("calls", help, None, MetricType::Counter)?;
        for (program, slot) in self.called() {
            let labels = labels(program, slot);
            calls.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&slot.count(), None)?;
        }
        let help = "Calls that were answered with an error";
        let mut errors = encoder.encode_descriptor("call_errors", help, None, MetricType::Counter)?;
        for (program, slot) in self.called() {
            let (labels, count) = (labels(program, slot), slot.errors.load(Ordering::Relaxed));
            errors.encode_family(&labels)?.encode_counter::<NoLabelSet, _, u64>(&count, None)?;
        }
        let help = "Time from the request to its answer";
        let kind = MetricType::Histogram;
        let mut times = encoder.encode_descriptor("call_duration", help, Some(&Unit::Seconds), kind)?;
        for (program, slot) in self.called() {
            let (labels, classes) = (labels(program, slot), slot.classes());
            let count = classes.iter().map(|(_, count)| count).sum();
            let total = Duration::from_nanos(slot.total.load(Ordering::Relaxed)).as_secs_f64();
            times.encode_family(&labels)?.encode_histogram::<NoLabelSet>(total, count, &classes, None)?;
        }
        let help = "Messages that were refused before they became calls";
        let mut refused = encoder.encode_descriptor("messages_refused", help, None, MetricType::Counter)?;
        refused.encode_counter::<NoLabelSet, _, u64>(&self.refused.load(Ordering::Relaxed), None)
    }
}

impl fmt::Debug for CallFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallFigures").field("called", &self.called().count()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use prometheus_client::registry::Registry;
    use rpc::Observer;
    use std::sync::Arc;

    fn text(figures: &Arc<CallFigures>) -> String {
        let mut registry = Registry::with_prefix("oxivirt");
        registry.register_collector(Box::new(Arc::clone(figures)));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry).unwrap();
        text
    }

    #[test]
    fn calls_errors_and_times_are_told_per_procedure() {
        let figures = Arc::new(CallFigures::default());
        let meta = procedure::find(remote::PROGRAM, 1).unwrap();
        figures.answered(meta, Duration::from_micros(40), false);
        figures.answered(meta, Duration::from_secs(2), true);
        figures.answered(meta, Duration::from_secs(60), true);
        figures.answered(procedure::find(admin::PROGRAM, 20).unwrap(), Duration::ZERO, false);
        figures.refused();
        let text = text(&figures);
        let one = "{program=\"remote\",procedure=\"connect_open\"";
        for line in [
            format!("oxivirt_calls_total{one}}} 3"),
            format!("oxivirt_call_errors_total{one}}} 2"),
            format!("oxivirt_call_duration_seconds_count{one}}} 3"),
            "# TYPE oxivirt_call_duration_seconds histogram".to_owned(),
            "oxivirt_messages_refused_total 1".to_owned(),
            "oxivirt_calls_total{program=\"admin\",procedure=\"connect_daemon_shutdown\"} 1".to_owned(),
        ] {
            assert!(text.lines().any(|have| have == line), "{line} in\n{text}");
        }
        // Classes add up; the last holds all.
        let classes: Vec<u64> = text
            .lines()
            .filter(|line| {
                line.starts_with("oxivirt_call_duration_seconds_bucket") && line.contains("connect_open")
            })
            .map(|line| line.rsplit(' ').next().unwrap().parse().unwrap())
            .collect();
        assert_eq!(classes, [0, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3], "{text}");
        assert!(text.ends_with("# EOF\n"));
    }
}
