//! What QEMU tells of the running guest: processors, memory, accelerator, VNC.

use serde::Deserialize;
use serde_json::{Value, json};

use super::{Monitor, MonitorError};

/// Answer of `query-status`.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct RunState {
    /// The processors run.
    pub running: bool,
    /// QEMU's RunState: "running", "paused", "prelaunch", "inmigrate", "shutdown", "guest-panicked", ...
    pub status: String,
}

/// One processor (`query-cpus-fast`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Cpu {
    /// QEMU's index.
    pub cpu_index: u32,
    /// Id of the host thread that runs it; under TCG several processors may share one.
    pub thread_id: u32,
    /// Its place in the object tree.
    pub qom_path: String,
    /// Where it sits: socket-id, die-id, core-id, thread-id, node-id.
    #[serde(default)]
    pub props: CpuProps,
}

/// One thread for disks and cards (`query-iothreads`).
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct IoThreadInfo {
    /// Its alias ("iothread1").
    pub id: String,
    /// Id of the host thread.
    pub thread_id: i32,
    /// How long it polls before it sleeps, at most, in nanoseconds.
    #[serde(default)]
    pub poll_max_ns: u64,
    /// By what factor the time of polling grows.
    #[serde(default)]
    pub poll_grow: u32,
    /// By what factor it shrinks.
    #[serde(default)]
    pub poll_shrink: u32,
}

impl IoThreadInfo {
    /// The number in the alias.
    pub fn number(&self) -> Option<u32> {
        self.id.strip_prefix("iothread")?.parse().ok()
    }
}

/// Topology of one processor; what the machine does not have is absent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct CpuProps {
    /// NUMA node.
    pub node_id: Option<u32>,
    /// Socket.
    pub socket_id: Option<u32>,
    /// Die.
    pub die_id: Option<u32>,
    /// Core.
    pub core_id: Option<u32>,
    /// Thread.
    pub thread_id: Option<u32>,
}

/// Answer of `query-kvm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub struct KvmInfo {
    /// This QEMU uses KVM.
    pub enabled: bool,
    /// This QEMU could use KVM.
    pub present: bool,
}

/// Figures from the guest's balloon driver, in bytes unless said otherwise; absent until the guest reports.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BalloonStats {
    /// Memory swapped in.
    pub swap_in: Option<u64>,
    /// Memory swapped out.
    pub swap_out: Option<u64>,
    /// Page faults that needed the disk (a count).
    pub major_faults: Option<u64>,
    /// Other page faults (a count).
    pub minor_faults: Option<u64>,
    /// Memory left unused.
    pub free: Option<u64>,
    /// Memory the guest has.
    pub total: Option<u64>,
    /// Memory usable without swapping.
    pub available: Option<u64>,
    /// Memory in caches that can be dropped.
    pub disk_caches: Option<u64>,
    /// Huge page allocations that worked (a count).
    pub hugetlb_allocations: Option<u64>,
    /// Huge page allocations that failed (a count).
    pub hugetlb_failures: Option<u64>,
    /// When the guest last reported, in seconds since the epoch; 0 for never.
    pub last_update: u64,
}

/// Answer of `query-vnc`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
pub struct VncInfo {
    /// A server runs.
    pub enabled: bool,
    /// Its address.
    pub host: Option<String>,
    /// Its port or path.
    pub service: Option<String>,
    /// "ipv4", "ipv6", "unix".
    pub family: Option<String>,
    /// How clients are authenticated.
    pub auth: Option<String>,
    /// Who is connected.
    #[serde(default)]
    pub clients: Vec<VncClient>,
}

/// A connected VNC client.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct VncClient {
    /// Its address.
    pub host: String,
    /// Its port.
    pub service: String,
    /// "ipv4", "ipv6", "unix".
    pub family: String,
    /// It came over a websocket.
    #[serde(default)]
    pub websocket: bool,
}

#[derive(Deserialize)]
struct BalloonInfo {
    actual: u64,
}

/// One entry of `query-memory-devices`.
#[derive(Deserialize)]
struct MemoryModule {
    data: MemoryModuleData,
}

#[derive(Deserialize)]
struct MemoryModuleData {
    id: Option<String>,
    addr: Option<u64>,
}

#[derive(Deserialize)]
struct Versions {
    qemu: VersionTriple,
}

#[derive(Deserialize)]
struct VersionTriple {
    major: u32,
    minor: u32,
    micro: u32,
}

impl Monitor {
    /// Whether and how the guest runs.
    pub async fn query_status(&self) -> Result<RunState, MonitorError> {
        self.ask("query-status", Value::Null).await
    }

    /// The processors (`query-cpus-fast`).
    pub async fn query_cpus(&self) -> Result<Vec<Cpu>, MonitorError> {
        self.ask("query-cpus-fast", Value::Null).await
    }

    /// The threads for disks and cards (`query-iothreads`).
    pub async fn query_iothreads(&self) -> Result<Vec<IoThreadInfo>, MonitorError> {
        self.ask("query-iothreads", Value::Null).await
    }

    /// Whether KVM is in use.
    pub async fn query_kvm(&self) -> Result<KvmInfo, MonitorError> {
        self.ask("query-kvm", Value::Null).await
    }

    /// Major, minor and micro version of this QEMU.
    pub async fn query_version(&self) -> Result<(u32, u32, u32), MonitorError> {
        let Versions { qemu } = self.ask("query-version", Value::Null).await?;
        Ok((qemu.major, qemu.minor, qemu.micro))
    }

    /// The balloon's present size in bytes. Without a balloon device QEMU answers DeviceNotActive.
    pub async fn query_balloon(&self) -> Result<u64, MonitorError> {
        self.ask::<BalloonInfo>("query-balloon", Value::Null).await.map(|info| info.actual)
    }

    /// Addresses of the plugged memory modules in the guest, by the device's id.
    pub async fn query_memory_devices(&self) -> Result<Vec<(String, u64)>, MonitorError> {
        let modules: Vec<MemoryModule> = self.ask("query-memory-devices", Value::Null).await?;
        // Modules of other kinds are told by other members.
        let place = |module: MemoryModule| Some((module.data.id?, module.data.addr?));
        Ok(modules.into_iter().filter_map(place).collect())
    }

    /// Ask the guest to come to this size in bytes (`balloon`).
    pub async fn balloon(&self, bytes: u64) -> Result<(), MonitorError> {
        self.order("balloon", json!({"value": bytes})).await
    }

    /// The figures of the balloon device at `path` of the object tree (its property `guest-stats`).
    pub async fn balloon_stats(&self, path: &str) -> Result<BalloonStats, MonitorError> {
        Ok(BalloonStats::from_value(&self.qom_get(path, "guest-stats").await?))
    }

    /// How often the balloon device asks the guest for its figures, in seconds; 0 for never.
    pub async fn set_balloon_period(&self, path: &str, seconds: u32) -> Result<(), MonitorError> {
        self.qom_set(path, "guest-stats-polling-interval", seconds.into()).await
    }

    /// The VNC server.
    pub async fn query_vnc(&self) -> Result<VncInfo, MonitorError> {
        self.ask("query-vnc", Value::Null).await
    }

    /// Set the password of "vnc" or "spice"; `connected` ("keep", "disconnect", "fail") says what happens to
    /// clients that are there.
    pub async fn set_password(
        &self,
        protocol: &str,
        password: &str,
        connected: Option<&str>,
    ) -> Result<(), MonitorError> {
        let mut arguments = json!({"protocol": protocol, "password": password});
        if let Some(connected) = connected {
            arguments["connected"] = connected.into();
        }
        self.order("set_password", arguments).await
    }

    /// When that password ends: "now", "never", "+SECONDS" or a time in seconds since the epoch.
    pub async fn expire_password(&self, protocol: &str, time: &str) -> Result<(), MonitorError> {
        self.order("expire_password", json!({"protocol": protocol, "time": time})).await
    }
}

impl BalloonStats {
    /// From the property's value.
    pub fn from_value(value: &Value) -> Self {
        // A figure that the guest does not report is 2^64 - 1 (QEMU writes it as -1 in some versions).
        let figure =
            |name: &str| value.get("stats")?.get(name)?.as_u64().filter(|figure| *figure != u64::MAX);
        Self {
            swap_in: figure("stat-swap-in"),
            swap_out: figure("stat-swap-out"),
            major_faults: figure("stat-major-faults"),
            minor_faults: figure("stat-minor-faults"),
            free: figure("stat-free-memory"),
            total: figure("stat-total-memory"),
            available: figure("stat-available-memory"),
            disk_caches: figure("stat-disk-caches"),
            hugetlb_allocations: figure("stat-htlb-pgalloc"),
            hugetlb_failures: figure("stat-htlb-pgfail"),
            last_update: value.get("last-update").and_then(Value::as_u64).unwrap_or_default(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unreported_balloon_figures_are_absent() {
        let stats = BalloonStats::from_value(&json!({
            "stats": {"stat-swap-in": 18446744073709551615u64, "stat-swap-out": -1, "stat-free-memory": 4096},
            "last-update": 17
        }));
        assert_eq!(stats, BalloonStats { free: Some(4096), last_update: 17, ..BalloonStats::default() });
        assert_eq!(BalloonStats::from_value(&Value::Null), BalloonStats::default());
    }
}
