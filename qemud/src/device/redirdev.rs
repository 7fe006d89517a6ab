//! USB devices of a client.

use model::domain::device::Device;
use model::domain::device::redirdev::{Redirdev, Redirfilter};

use super::{Check, QemuDevice, chardev};
use crate::command::PlanError;
use crate::command::build::Build;
use crate::command::chardev::{Use, open};
use crate::command::props::Props;
use crate::defaults::DefaultsError;

impl QemuDevice for Redirdev {
    fn validate(&self, check: &Check<'_>) -> Result<(), DefaultsError> {
        chardev::source_rules(&self.source, check)
    }

    fn args(&self, build: &mut Build<'_>) -> Result<(), PlanError> {
        let alias = build.alias(&self.info)?;
        let id = open(build, &self.source, &alias, Use::UsbRedir)?;
        let filter = build.domain.devices.iter().find_map(|device| match device {
            Device::Redirfilter(filter) => Some(rules(filter)),
            _ => None,
        });
        let props = Props::device("usb-redir")
            .str("chardev", &id)
            .str("id", &alias)
            .opt_str("filter", filter.as_deref())
            .opt("bootindex", build.boot_index(&self.info));
        let props = build.place(props, &self.info)?;
        build.device(props)
    }
}

/// `class:vendor:product:version:allow`, -1 for any, as QEMU's usb-redir takes it.
fn rules(filter: &Redirfilter) -> String {
    let part = |value: Option<u32>| value.map_or("-1".to_owned(), |v| format!("0x{v:04X}"));
    let rules = filter.rules.iter().map(|rule| {
        let class = rule.class.map_or("-1".to_owned(), |v| format!("0x{v:02X}"));
        let (vendor, product, version) = (part(rule.vendor), part(rule.product), part(rule.version));
        format!("{class}:{vendor}:{product}:{version}:{}", u8::from(rule.allow))
    });
    rules.collect::<Vec<_>>().join("|")
}
