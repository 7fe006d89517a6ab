//! Serial ports, parallel ports, consoles, channels.

use model::Token;
use model::domain::device::address::Address;
use model::domain::device::chardev::{
    Backend, Channel, ChannelTarget, Console, ConsoleTarget, Parallel, Reconnect, Serial, SerialModel,
    SerialTarget, Source,
};

use super::{Check, QemuDevice};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::chardev::{Use, open};
use crate::command::props::Props;
use crate::defaults::board::Board;
use crate::defaults::pci::bus::Connect;
use crate::defaults::{DefaultsError, Part};

impl QemuDevice for Serial {
    fn complete(&mut self, _board: &Board<'_>) -> Result<(), DefaultsError> {
        let target = *self.target_type.get_or_insert(match &self.info.address {
            Some(Address::Pci(_)) => SerialTarget::Pci,
            Some(Address::Usb(_)) => SerialTarget::Usb,
            _ => SerialTarget::Isa,
        });
        if self.target_model.is_none() {
            self.target_model = model_of(target);
        }
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        let target = self.target_type.unwrap_or(SerialTarget::Isa);
        if model_of(target).is_none() || self.target_model != model_of(target) {
            let model = self.target_model.map_or("none", Token::as_str);
            return Err(DefaultsError::unsupported(format!(
                "a serial port with target type '{}' and target model '{model}' is not supported on this machine",
                target.as_str()
            )));
        }
        let fits = matches!(
            (&self.info.address, target),
            (None, _)
                | (Some(Address::Isa { .. }), SerialTarget::Isa | SerialTarget::IsaDebug)
                | (Some(Address::Usb(_)), SerialTarget::Usb)
                | (Some(Address::Pci(_)), SerialTarget::Pci)
        );
        if !fits {
            let target = target.as_str();
            return Err(DefaultsError::unsupported(format!(
                "the address of a serial port with target type '{target}' is of another bus"
            )));
        }
        source_rules(&self.source, check)
    }

    fn plug(&self, board: &Board<'_>) -> Option<Connect> {
        (self.target_type == Some(SerialTarget::Pci)).then(|| board.pci())
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let chardev = open(build, &self.source, &alias, Use::Plain)?;
        let driver = self.target_model.map_or("isa-serial", Token::as_str);
        let props = Props::device(driver).str("chardev", &chardev).str("id", &alias);
        let isa = self.target_type == Some(SerialTarget::Isa);
        let props = props.opt("index", self.port.filter(|_| isa));
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}

/// The one device of a target type on x86; none for the types of other machines.
fn model_of(target: SerialTarget) -> Option<SerialModel> {
    match target {
        SerialTarget::Isa => Some(SerialModel::IsaSerial),
        SerialTarget::Usb => Some(SerialModel::UsbSerial),
        SerialTarget::Pci => Some(SerialModel::PciSerial),
        SerialTarget::IsaDebug => Some(SerialModel::IsaDebugcon),
        SerialTarget::SpaprVio | SerialTarget::System | SerialTarget::Sclp => None,
    }
}

impl QemuDevice for Parallel {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        source_rules(&self.source, check)
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let chardev = open(build, &self.source, &alias, Use::Parallel)?;
        build.device(Props::device("isa-parallel").str("chardev", &chardev).str("id", &alias))
    }
}

impl QemuDevice for Console {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        match self.target_type {
            Some(ConsoleTarget::Serial | ConsoleTarget::Virtio) | None => {}
            Some(ConsoleTarget::Sclp | ConsoleTarget::SclpLm) => {
                return Err(DefaultsError::unsupported("sclpconsole is not supported in this QEMU binary"));
            }
            Some(other) => {
                let name = other.as_str();
                return Err(DefaultsError::unsupported(format!("unsupported console target type {name}")));
            }
        }
        source_rules(&self.source, check)
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        if self.target_type != Some(ConsoleTarget::Virtio) {
            // The first console is the first serial port under another name.
            return Ok(());
        }
        let alias = build.alias(&self.info)?;
        let chardev = open(build, &self.source, &alias, Use::Plain)?;
        let props = build.place(Props::device("virtconsole"), &self.info)?;
        build.device(props.str("chardev", &chardev).str("id", &alias))
    }
}

impl QemuDevice for Channel {
    fn complete(&mut self, board: &Board<'_>) -> Result<(), DefaultsError> {
        if let (ChannelTarget::Virtio { name: Some(name), .. }, Backend::Unix(unix)) =
            (&self.target, &mut self.source.backend)
            && unix
                .path
                .as_deref()
                .is_some_and(|path| was_generated(path, name, &board.host.conf.channel_dir))
        {
            unix.path = None;
            unix.listen = true;
        }
        Ok(())
    }

    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        match &self.target {
            ChannelTarget::GuestFwd { address, .. } if address.contains(':') => {
                return Err(DefaultsError::unsupported("guestfwd channels take IPv4 addresses only"));
            }
            ChannelTarget::GuestFwd { .. } | ChannelTarget::Virtio { .. } | ChannelTarget::Xen { .. } => {}
        }
        source_rules(&self.source, check)
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let chardev = open(build, &self.source, &alias, Use::Plain)?;
        match &self.target {
            ChannelTarget::GuestFwd { address, port } => {
                let rule = format!("tcp:{address}:{port}-chardev:{chardev}");
                let rules = vec![Props::new().str("str", &rule).into_value()];
                let props = Props::new().str("type", "user").set("guestfwd", rules).str("id", &alias);
                build.plan.option("-netdev", props.to_json());
                Ok(())
            }
            ChannelTarget::Virtio { name, .. } => {
                // SPICE's agent is known by this one name.
                if let (Backend::SpiceVmc, Some(name)) = (&self.source.backend, name)
                    && name != "com.redhat.spice.0"
                {
                    return Err(PlanError::unsupported(format!("Unsupported spicevmc target name '{name}'")));
                }
                let props = build.place(Props::device("virtserialport"), &self.info)?;
                let props = props.str("chardev", &chardev).str("id", &alias).opt_str("name", name.as_deref());
                build.device(props)
            }
            ChannelTarget::Xen { .. } => {
                Err(PlanError::unsupported("channel target type 'xen' is not supported by QEMU"))
            }
        }
    }
}

/// Whether an earlier start made up the path: it does not belong into a definition.
fn was_generated(path: &str, name: &str, dir: &str) -> bool {
    let flat = path.strip_prefix(dir).and_then(|rest| rest.strip_prefix('/'));
    let flat = flat.map(|rest| rest.strip_prefix("target/").unwrap_or(rest));
    if flat.is_some_and(|rest| rest.split('/').next().is_some_and(|first| first.contains('.'))) {
        return true;
    }
    let parent = path.strip_suffix(name).and_then(|rest| rest.strip_suffix('/'));
    parent.and_then(|parent| parent.rsplit('/').next()).is_some_and(|last| last.starts_with("domain-"))
}

/// What is refused of the host end, whatever the device.
pub fn source_rules(source: &Source, check: &Check<'_>) -> Result<(), DefaultsError> {
    let spice = crate::defaults::has_spice(check.domain);
    match &source.backend {
        Backend::SpiceVmc if !spice => {
            Err(DefaultsError::unsupported("chardev 'spicevmc' not supported without spice graphics"))
        }
        Backend::SpicePort { .. } if !spice => {
            Err(DefaultsError::unsupported("chardev 'spiceport' not supported without spice graphics"))
        }
        Backend::Unix(unix) => reconnect_rules(unix.reconnect, unix.listen),
        Backend::Tcp(tcp) => reconnect_rules(tcp.reconnect, tcp.listen),
        _ => Ok(()),
    }
}

fn reconnect_rules(reconnect: Option<Reconnect>, listen: bool) -> Result<(), DefaultsError> {
    match reconnect {
        Some(Reconnect { enabled: Some(true), .. }) if listen => {
            Err(DefaultsError::internal("chardev reconnect is possible only for connect mode")
                .by(Part::Domain))
        }
        Some(Reconnect { enabled: Some(true), timeout: 0 }) => {
            let detail = "chardev reconnect source timeout cannot be '0'".to_owned();
            Err(DefaultsError::Invalid { part: Part::Qemu, detail })
        }
        _ => Ok(()),
    }
}
