//! Figures of the moment: servers, their clients and workers, and what the driver tells.

use crate::Spec;
use crate::admin::Roster;
use crate::context::Context;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::metrics::MetricType;
use std::fmt;
use std::sync::Arc;

/// The daemon and its servers.
pub(super) struct ServerFigures {
    pub(super) spec: Spec,
    pub(super) roster: Arc<Roster>,
}

/// What the driver measures at each scrape.
pub(super) struct DriverFigures {
    pub(super) context: Context,
}

/// A server's figures: name and meaning.
const KINDS: [(&str, &str); 8] = [
    ("clients", "Connected clients"),
    ("clients_limit", "Clients that may be connected"),
    ("clients_unauthenticated", "Connected clients that have not proved who they are"),
    ("calls_running", "Calls whose answers have not left"),
    ("calls_queued", "Calls that wait for a worker"),
    ("workers", "Ordinary calls that can be at work at once"),
    ("workers_free", "Workers without a call"),
    ("client_calls_limit", "Calls of one client that may be at work at once"),
];

impl Collector for ServerFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        encoder
            .encode_descriptor("daemon", "The daemon and its version", None, MetricType::Info)?
            .encode_info(&[("name", self.spec.name), ("version", self.spec.version)])?;
        let servers: Vec<_> = self.roster.all().iter().map(|entry| (entry.name, entry.figures())).collect();
        for (at, (name, help)) in KINDS.into_iter().enumerate() {
            let mut kind = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (server, figures) in &servers {
                let figure = figures.get(at).copied().unwrap_or_default();
                kind.encode_family(&[("server", *server)])?.encode_gauge(&figure)?;
            }
        }
        Ok(())
    }
}

impl crate::admin::Entry {
    /// The figures of the moment, in the order of [`KINDS`].
    fn figures(&self) -> [u64; KINDS.len()] {
        let (counters, workers) = (self.server.counters(), self.server.workers());
        let limits = self.server.limits();
        [
            counters.clients,
            limits.max_clients,
            counters.unauthenticated,
            counters.calls_running,
            workers.waiting,
            workers.total,
            workers.free,
            limits.max_client_requests,
        ]
        .map(|figure| u64::try_from(figure).unwrap_or(u64::MAX))
    }
}

impl Collector for DriverFigures {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
        for measured in self.context.measure() {
            let (name, help) = (measured.name, measured.help);
            let mut kind = encoder.encode_descriptor(name, help, None, MetricType::Gauge)?;
            for (value, figure) in measured.values {
                kind.encode_family(&[(measured.label, value)])?.encode_gauge(&figure)?;
            }
        }
        Ok(())
    }
}

impl fmt::Debug for ServerFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerFigures").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl fmt::Debug for DriverFigures {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DriverFigures").finish_non_exhaustive()
    }
}
