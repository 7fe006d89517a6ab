//! What only the QEMU driver has; on the same connections as `remote`.

use crate::procedure::{Index, index};
use crate::shared::NonnullDomain;
use crate::{Meta, client};

/// Number of the program.
pub const PROGRAM: u32 = 0x2000_8087;
/// Version of the program.
pub const VERSION: u32 = 1;

/// Marks the program in the type of its client.
#[derive(Debug)]
pub enum Program {}

/// Calls the procedures of the program.
pub type Client<T> = client::Client<Program, T>;

static TABLE: Index<8> = index(&[ROWS, EVENTS]);

/// The row of a procedure or event.
pub fn meta(number: i32) -> Option<&'static Meta> {
    TABLE.get(number)
}

procedures! {
    /// What only the QEMU driver has; on the same connections as `remote`.
    trait Qemu in qemu;

    /// Sends a command to QEMU's monitor.
    1 domain_monitor_command(DomainMonitorCommandArgs)
        -> DomainMonitorCommandRet = "virDomainQemuMonitorCommand":
        writes, acl(domain: write);

    /// Takes over a running QEMU process.
    2 domain_attach(DomainAttachArgs) -> DomainAttachRet = "virDomainQemuAttach":
        writes, acl(domain: start, domain: write);

    /// Sends a command to the guest's agent.
    3 domain_agent_command(DomainAgentCommandArgs) -> DomainAgentCommandRet = "virDomainQemuAgentCommand":
        writes, acl(domain: write);

    /// Asks for events of QEMU's monitor, of one domain or of all.
    4 connect_domain_monitor_event_register(ConnectDomainMonitorEventRegisterArgs)
        -> ConnectDomainMonitorEventRegisterRet = "virConnectDomainQemuMonitorEventRegister":
        high, writes, acl(connect: search_domains, connect: write), filter(domain: getattr);

    /// Stops the monitor events of a callback id.
    5 connect_domain_monitor_event_deregister(ConnectDomainMonitorEventDeregisterArgs)
        -> () = "virConnectDomainQemuMonitorEventDeregister":
        high, acl(connect: write);

    /// Sends a command to QEMU's monitor, with descriptors both ways.
    7 domain_monitor_command_with_files(DomainMonitorCommandWithFilesArgs)
        -> DomainMonitorCommandWithFilesRet = "virDomainQemuMonitorCommandWithFiles":
        writes, fds(Both), acl(domain: write);

    events {
        /// QEMU's monitor sent an event.
        6 domain_monitor_event(DomainMonitorEventMsg);
    }
}

wire! {
    /// Arguments of `virDomainQemuMonitorCommand` (1).
    struct DomainMonitorCommandArgs { dom: NonnullDomain, cmd: String, flags: u32 }

    /// Result of `virDomainQemuMonitorCommand` (1).
    struct DomainMonitorCommandRet { result: String }

    /// Arguments of `virDomainQemuAttach` (2).
    struct DomainAttachArgs { pid_value: u32, flags: u32 }

    /// Result of `virDomainQemuAttach` (2).
    struct DomainAttachRet { dom: NonnullDomain }

    /// Arguments of `virDomainQemuAgentCommand` (3).
    struct DomainAgentCommandArgs { dom: NonnullDomain, cmd: String, timeout: i32, flags: u32 }

    /// Result of `virDomainQemuAgentCommand` (3).
    struct DomainAgentCommandRet { result: Option<String> }

    /// Arguments of `virConnectDomainQemuMonitorEventRegister` (4).
    struct ConnectDomainMonitorEventRegisterArgs {
        dom: Option<NonnullDomain>,
        event: Option<String>,
        flags: u32,
    }

    /// Result of `virConnectDomainQemuMonitorEventRegister` (4).
    struct ConnectDomainMonitorEventRegisterRet { callbackID: i32 }

    /// Arguments of `virConnectDomainQemuMonitorEventDeregister` (5).
    struct ConnectDomainMonitorEventDeregisterArgs { callbackID: i32 }

    /// Event 6: QEMU's monitor sent an event.
    struct DomainMonitorEventMsg {
        callbackID: i32,
        dom: NonnullDomain,
        event: String,
        seconds: i64,
        micros: u32,
        details: Option<String>,
    }

    /// Arguments of `virDomainQemuMonitorCommandWithFiles` (7).
    struct DomainMonitorCommandWithFilesArgs { dom: NonnullDomain, cmd: String, flags: u32 }

    /// Result of `virDomainQemuMonitorCommandWithFiles` (7).
    struct DomainMonitorCommandWithFilesRet { result: String }
}
