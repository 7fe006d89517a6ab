//! Events of QEMU (qapi/*.json of QEMU, "event"): typed where the driver acts on them, raw otherwise.

use serde_json::Value;

/// One event.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// QEMU's name: "SHUTDOWN".
    pub name: String,
    /// When it happened, by QEMU's clock (CLOCK_REALTIME).
    pub at: Timestamp,
    /// What happened.
    pub kind: EventKind,
    /// The data as QEMU sent it; null when there was none.
    pub data: Value,
}

/// Seconds and microseconds since the epoch.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Timestamp {
    /// Seconds.
    pub seconds: i64,
    /// Microseconds, 0 to 999999.
    pub microseconds: u32,
}

/// What an event says. Members that QEMU leaves out are empty, zero or false.
#[derive(Clone, Debug, PartialEq)]
pub enum EventKind {
    /// QEMU is about to end or to stop for good; reasons are "guest-shutdown", "host-qmp-quit", "host-signal", ...
    Shutdown {
        /// The guest asked for it.
        guest: bool,
        /// QEMU's ShutdownCause.
        reason: Option<String>,
    },
    /// The guest was reset.
    Reset {
        /// The guest asked for it.
        guest: bool,
        /// QEMU's ShutdownCause.
        reason: Option<String>,
    },
    /// Processors stopped.
    Stop,
    /// Processors go on.
    Resume,
    /// The power button was pressed.
    Powerdown,
    /// The guest sleeps in RAM.
    Suspend,
    /// The guest sleeps on disk.
    SuspendDisk,
    /// The guest woke up.
    Wakeup,
    /// The guest set its clock: seconds from what it was started with.
    RtcChange {
        /// Seconds, negative for the past.
        offset: i64,
    },
    /// The watchdog fired; the action QEMU took.
    Watchdog {
        /// What QEMU did about it.
        action: String,
    },
    /// A disk operation failed.
    BlockIoError(Box<BlockIoError>),
    /// A device is gone, after `device_del` or by the guest.
    DeviceDeleted {
        /// The device's or job's name.
        device: Option<String>,
        /// Its place in the object tree.
        path: String,
    },
    /// The guest refused to give a device up.
    DeviceUnplugError {
        /// The device's or job's name.
        device: Option<String>,
        /// Its place in the object tree.
        path: String,
    },
    /// The guest panicked; the action QEMU took ("pause", "poweroff", "run") and its details.
    GuestPanicked {
        /// What QEMU did about it.
        action: String,
        /// Details, null without.
        info: Value,
    },
    /// The guest loaded its crash kernel.
    GuestCrashloaded {
        /// What QEMU did about it.
        action: String,
    },
    /// A VNC or SPICE client came, was accepted, or left.
    Graphics(Box<GraphicsEvent>),
    /// The balloon's size in bytes.
    BalloonChange {
        /// Bytes.
        actual: u64,
    },
    /// A program in the guest opened or closed a virtio-serial port.
    VserportChange {
        /// The object's alias.
        id: String,
        /// Open, not closed.
        open: bool,
    },
    /// A tray moved.
    DeviceTrayMoved {
        /// The device's or job's name.
        device: String,
        /// The object's alias.
        id: String,
        /// Open, not closed.
        open: bool,
    },
    /// A network device's filter changed.
    NicRxFilterChanged {
        /// The device's alias.
        name: Option<String>,
    },
    /// A job changed its state (qapi JobStatus).
    JobStatusChange {
        /// The object's alias.
        id: String,
        /// The new state.
        status: String,
    },
    /// A block job ended, failed or waits: the whole of it is in the data.
    BlockJob {
        /// The device's or job's name.
        device: String,
        /// It reached its end.
        completed: bool,
        /// Why it failed.
        error: Option<String>,
    },
    /// Migration changed its state (qapi MigrationStatus).
    Migration {
        /// The new state.
        status: String,
    },
    /// Migration began another pass over the memory.
    MigrationPass {
        /// Counted from 1.
        pass: i64,
    },
    /// A block node was written beyond its threshold.
    BlockWriteThreshold {
        /// The node.
        node_name: String,
        /// Bytes beyond it.
        amount_exceeded: u64,
        /// The threshold in bytes.
        write_threshold: u64,
    },
    /// A memory device changed its size, in bytes.
    MemoryDeviceSizeChange {
        /// The object's alias.
        id: Option<String>,
        /// Bytes.
        size: u64,
    },
    /// The helper for persistent reservations came or went.
    PrManagerStatusChanged {
        /// The object's alias.
        id: String,
        /// It is there.
        connected: bool,
    },
    /// The host's memory failed under the guest.
    MemoryFailure {
        /// "hypervisor" or "guest".
        recipient: String,
        /// "ignore", "inject", "fatal" or "reset".
        action: String,
        /// Something has to be done before the guest goes on.
        action_required: bool,
        /// It failed again while the guest dealt with an earlier failure.
        recursive: bool,
    },
    /// A dump of the guest's memory ended.
    DumpCompleted {
        /// Why it failed.
        error: Option<String>,
    },
    /// Anything else: see name and data.
    Other,
}

/// Details of [`EventKind::BlockIoError`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockIoError {
    /// The drive's name; empty with -blockdev.
    pub device: String,
    /// The block node.
    pub node_name: Option<String>,
    /// The device in QEMU's object tree (newer QEMU).
    pub qom_path: Option<String>,
    /// A write failed, not a read.
    pub write: bool,
    /// "ignore", "report" or "stop".
    pub action: String,
    /// The store is full.
    pub no_space: bool,
    /// The system's words.
    pub reason: String,
}

/// How far a graphics client has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GraphicsPhase {
    /// The connection is there.
    Connected,
    /// The client was accepted.
    Initialized,
    /// The connection is gone.
    Disconnected,
}

/// Details of [`EventKind::Graphics`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GraphicsEvent {
    /// VNC if false.
    pub spice: bool,
    /// How far the client has come.
    pub phase: GraphicsPhase,
    /// Our side.
    pub server: GraphicsPeer,
    /// The client's side.
    pub client: GraphicsPeer,
}

/// One end of a graphics connection.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct GraphicsPeer {
    /// "ipv4", "ipv6" or "unix".
    pub family: String,
    /// Address.
    pub host: String,
    /// Port or path.
    pub service: String,
    /// How clients are authenticated (server side).
    pub auth: Option<String>,
    /// The client's SASL name.
    pub sasl_username: Option<String>,
    /// The client's certificate.
    pub x509_dname: Option<String>,
}

impl Event {
    /// Take a message with an `event` member; `None` if that is not a text.
    pub(super) fn parse(message: Value) -> Option<Self> {
        let Value::Object(mut members) = message else { return None };
        let Some(Value::String(name)) = members.shift_remove("event") else { return None };
        let data = members.shift_remove("data").unwrap_or_default();
        let time = members.get("timestamp");
        let number =
            |key: &str| time.and_then(|time| time.get(key)).and_then(Value::as_i64).unwrap_or_default();
        let microseconds = u32::try_from(number("microseconds")).unwrap_or_default();
        let at = Timestamp { seconds: number("seconds"), microseconds };
        let kind = EventKind::of(&name, &data);
        Some(Self { name, at, kind, data })
    }
}

impl EventKind {
    fn of(name: &str, data: &Value) -> Self {
        let data = Data(data);
        match name {
            "SHUTDOWN" => Self::Shutdown { guest: data.flag("guest"), reason: data.maybe("reason") },
            "RESET" => Self::Reset { guest: data.flag("guest"), reason: data.maybe("reason") },
            "STOP" => Self::Stop,
            "RESUME" => Self::Resume,
            "POWERDOWN" => Self::Powerdown,
            "SUSPEND" => Self::Suspend,
            "SUSPEND_DISK" => Self::SuspendDisk,
            "WAKEUP" => Self::Wakeup,
            "RTC_CHANGE" => Self::RtcChange { offset: data.signed("offset") },
            "WATCHDOG" => Self::Watchdog { action: data.text("action") },
            "GUEST_PANICKED" => Self::GuestPanicked { action: data.text("action"), info: data.value("info") },
            "GUEST_CRASHLOADED" => Self::GuestCrashloaded { action: data.text("action") },
            "BALLOON_CHANGE" => Self::BalloonChange { actual: data.unsigned("actual") },
            "MIGRATION" => Self::Migration { status: data.text("status") },
            "MIGRATION_PASS" => Self::MigrationPass { pass: data.signed("pass") },
            "MEMORY_FAILURE" => {
                let flags = data.value("flags");
                let flags = Data(&flags);
                Self::MemoryFailure {
                    recipient: data.text("recipient"),
                    action: data.text("action"),
                    action_required: flags.flag("action-required"),
                    recursive: flags.flag("recursive"),
                }
            }
            "DUMP_COMPLETED" => Self::DumpCompleted { error: data.maybe("error") },
            _ => Self::of_device(name, &data),
        }
    }

    fn of_device(name: &str, data: &Data<'_>) -> Self {
        let device = || data.maybe("device");
        match name {
            "DEVICE_DELETED" => Self::DeviceDeleted { device: device(), path: data.text("path") },
            // The older one of the two has the device's name alone.
            "DEVICE_UNPLUG_GUEST_ERROR" | "MEM_UNPLUG_ERROR" => {
                Self::DeviceUnplugError { device: device(), path: data.text("path") }
            }
            "VSERPORT_CHANGE" => Self::VserportChange { id: data.text("id"), open: data.flag("open") },
            "DEVICE_TRAY_MOVED" => Self::DeviceTrayMoved {
                device: data.text("device"),
                id: data.text("id"),
                open: data.flag("tray-open"),
            },
            "NIC_RX_FILTER_CHANGED" => Self::NicRxFilterChanged { name: data.maybe("name") },
            "JOB_STATUS_CHANGE" => Self::JobStatusChange { id: data.text("id"), status: data.text("status") },
            "MEMORY_DEVICE_SIZE_CHANGE" => {
                Self::MemoryDeviceSizeChange { id: data.maybe("id"), size: data.unsigned("size") }
            }
            "PR_MANAGER_STATUS_CHANGED" => {
                Self::PrManagerStatusChanged { id: data.text("id"), connected: data.flag("connected") }
            }
            "BLOCK_JOB_COMPLETED" | "BLOCK_JOB_CANCELLED" | "BLOCK_JOB_ERROR" | "BLOCK_JOB_READY" => {
                Self::BlockJob {
                    device: data.text("device"),
                    completed: name == "BLOCK_JOB_COMPLETED",
                    error: data.maybe("error"),
                }
            }
            "BLOCK_WRITE_THRESHOLD" => Self::BlockWriteThreshold {
                node_name: data.text("node-name"),
                amount_exceeded: data.unsigned("amount-exceeded"),
                write_threshold: data.unsigned("write-threshold"),
            },
            "BLOCK_IO_ERROR" => Self::BlockIoError(Box::new(BlockIoError {
                device: data.text("device"),
                node_name: data.maybe("node-name"),
                qom_path: data.maybe("qom-path"),
                write: data.text("operation") == "write",
                action: data.text("action"),
                no_space: data.flag("nospace"),
                reason: data.text("reason"),
            })),
            _ => Self::of_graphics(name, data),
        }
    }

    fn of_graphics(name: &str, data: &Data<'_>) -> Self {
        let (spice, phase) = match name.split_once('_') {
            Some(("VNC", phase)) => (false, phase),
            Some(("SPICE", phase)) => (true, phase),
            _ => return Self::Other,
        };
        let phase = match phase {
            "CONNECTED" => GraphicsPhase::Connected,
            "INITIALIZED" => GraphicsPhase::Initialized,
            "DISCONNECTED" => GraphicsPhase::Disconnected,
            _ => return Self::Other,
        };
        let (server, client) = (data.peer("server", spice), data.peer("client", spice));
        Self::Graphics(Box::new(GraphicsEvent { spice, phase, server, client }))
    }
}

/// Reads members of an event's data; what is absent or of another type is empty.
struct Data<'a>(&'a Value);

impl Data<'_> {
    fn maybe(&self, key: &str) -> Option<String> {
        self.0.get(key).and_then(Value::as_str).map(str::to_owned)
    }

    fn text(&self, key: &str) -> String {
        self.maybe(key).unwrap_or_default()
    }

    fn flag(&self, key: &str) -> bool {
        self.0.get(key).and_then(Value::as_bool).unwrap_or_default()
    }

    fn signed(&self, key: &str) -> i64 {
        self.0.get(key).and_then(Value::as_i64).unwrap_or_default()
    }

    fn unsigned(&self, key: &str) -> u64 {
        self.0.get(key).and_then(Value::as_u64).unwrap_or_default()
    }

    fn value(&self, key: &str) -> Value {
        self.0.get(key).cloned().unwrap_or_default()
    }

    fn peer(&self, key: &str, spice: bool) -> GraphicsPeer {
        let none = Value::Null;
        let peer = Data(self.0.get(key).unwrap_or(&none));
        GraphicsPeer {
            family: peer.text("family"),
            host: peer.text("host"),
            service: peer.text(if spice { "port" } else { "service" }),
            auth: peer.maybe("auth"),
            sasl_username: peer.maybe("sasl_username"),
            x509_dname: peer.maybe("x509_dname"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn kind(name: &str, data: Value) -> EventKind {
        Event::parse(json!({"event": name, "data": data})).unwrap().kind
    }

    #[test]
    fn name_time_and_data_are_kept() {
        let message = json!({"timestamp": {"seconds": 5, "microseconds": 7}, "event": "STOP"});
        let event = Event::parse(message).unwrap();
        assert_eq!((event.name.as_str(), event.kind, event.data), ("STOP", EventKind::Stop, Value::Null));
        assert_eq!(event.at, Timestamp { seconds: 5, microseconds: 7 });
    }

    #[test]
    fn known_events_are_typed() {
        assert_eq!(
            kind("SHUTDOWN", json!({"guest": true, "reason": "guest-shutdown"})),
            EventKind::Shutdown { guest: true, reason: Some("guest-shutdown".to_owned()) }
        );
        assert_eq!(kind("RTC_CHANGE", json!({"offset": -3})), EventKind::RtcChange { offset: -3 });
        assert_eq!(
            kind("DEVICE_DELETED", json!({"path": "/machine/x"})),
            EventKind::DeviceDeleted { device: None, path: "/machine/x".to_owned() }
        );
        let EventKind::Graphics(graphics) = kind(
            "VNC_INITIALIZED",
            json!({"server": {"auth": "none", "family": "ipv4", "service": "5900", "host": "127.0.0.1"},
                   "client": {"family": "ipv4", "service": "40000", "host": "127.0.0.1"}}),
        ) else {
            panic!("not a graphics event");
        };
        assert_eq!((graphics.spice, graphics.phase), (false, GraphicsPhase::Initialized));
        assert_eq!(
            (graphics.server.service.as_str(), graphics.server.auth.as_deref()),
            ("5900", Some("none"))
        );
    }

    #[test]
    fn unknown_and_odd_events_are_kept_raw() {
        assert_eq!(kind("SOMETHING_NEW", json!({"a": 1})), EventKind::Other);
        assert_eq!(kind("VNC_SOMETHING", json!(3)), EventKind::Other);
        assert_eq!(kind("SHUTDOWN", json!("odd")), EventKind::Shutdown { guest: false, reason: None });
        assert_eq!(kind("STOP", json!({"new": 1})), EventKind::Stop);
    }
}
