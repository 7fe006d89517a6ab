//! The agent inside a guest. This daemon does not speak to it: no agent is ever connected, and what only an agent can
//! do is refused with the reason that holds for the guest.

use model::domain::Domain as Definition;
use model::domain::device::Device;
use model::domain::device::chardev::ChannelTarget;
use protocol::{ErrorCode, ErrorDomain, Fault};

use crate::domain::{Condition, View};

/// The name of the channel on which the guest's agent listens.
pub const CHANNEL: &str = "org.qemu.guest_agent.0";

/// Why the agent of this guest cannot be asked: its processors do not run, it has no channel for an agent, or nobody
/// is connected to that.
pub fn unavailable(view: &View) -> Fault {
    let running = view.live.as_ref().filter(|_| view.status.condition == Condition::Running);
    let (code, detail) = match running.map(|live| has_channel(&live.definition)) {
        None => (ErrorCode::OPERATION_INVALID, "domain is not running"),
        Some(true) => (ErrorCode::AGENT_UNRESPONSIVE, "QEMU guest agent is not connected"),
        Some(false) => (ErrorCode::ARGUMENT_UNSUPPORTED, "QEMU guest agent is not configured"),
    };
    Fault::new(ErrorDomain::QEMU, code, detail)
}

fn has_channel(definition: &Definition) -> bool {
    definition.devices.iter().any(|device| match device {
        Device::Channel(channel) => {
            matches!(&channel.target, ChannelTarget::Virtio { name: Some(name), .. } if name == CHANNEL)
        }
        _ => false,
    })
}
