//! `<driver>` and `<backend>` of an interface.

use super::{GuestOffload, HostOffload, InterfaceBackend, InterfaceDriver};
use crate::domain::device::info::VirtioOptions;
use crate::xml::{Element, Scope, Writer, XmlError};

impl InterfaceDriver {
    /// Of a card that is not virtio only what virtio would have is read, to be refused.
    pub(super) fn parse(driver: &Element, is_virtio: bool) -> Result<Self, XmlError> {
        let virtio = VirtioOptions::parse(driver)?;
        if !is_virtio {
            return Ok(Self { virtio, ..Self::default() });
        }
        let number = |name: &str| driver.attr_num(name).map(|n| n.filter(|n| *n > 0));
        Ok(Self {
            name: driver.attr_token("name")?,
            txmode: driver.attr_token("txmode")?,
            ioeventfd: driver.attr_on_off("ioeventfd")?,
            event_idx: driver.attr_on_off("event_idx")?,
            // One queue is what there is anyway.
            queues: number("queues")?.filter(|n| *n > 1),
            rx_queue_size: number("rx_queue_size")?,
            tx_queue_size: number("tx_queue_size")?,
            rss: driver.attr_on_off("rss")?,
            rss_hash_report: driver.attr_on_off("rss_hash_report")?,
            virtio,
            host: driver.child("host").map(HostOffload::parse).transpose()?.unwrap_or_default(),
            guest: driver.child("guest").map(GuestOffload::parse).transpose()?.unwrap_or_default(),
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("driver")
            .attr_opt("name", self.name)
            .attr_opt("txmode", self.txmode)
            .attr_on_off("ioeventfd", self.ioeventfd)
            .attr_on_off("event_idx", self.event_idx)
            .attr_opt("queues", self.queues)
            .attr_opt("rx_queue_size", self.rx_queue_size)
            .attr_opt("tx_queue_size", self.tx_queue_size)
            .attr_on_off("rss", self.rss)
            .attr_on_off("rss_hash_report", self.rss_hash_report);
        self.virtio.format(w);
        self.host.format(w);
        self.guest.format(w);
        w.end_or_drop();
    }
}

impl HostOffload {
    pub(super) fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            csum: element.attr_on_off("csum")?,
            gso: element.attr_on_off("gso")?,
            tso4: element.attr_on_off("tso4")?,
            tso6: element.attr_on_off("tso6")?,
            ecn: element.attr_on_off("ecn")?,
            ufo: element.attr_on_off("ufo")?,
            mrg_rxbuf: element.attr_on_off("mrg_rxbuf")?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("host")
            .attr_on_off("csum", self.csum)
            .attr_on_off("gso", self.gso)
            .attr_on_off("tso4", self.tso4)
            .attr_on_off("tso6", self.tso6)
            .attr_on_off("ecn", self.ecn)
            .attr_on_off("ufo", self.ufo)
            .attr_on_off("mrg_rxbuf", self.mrg_rxbuf)
            .end_or_drop();
    }
}

impl GuestOffload {
    pub(super) fn parse(element: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            csum: element.attr_on_off("csum")?,
            tso4: element.attr_on_off("tso4")?,
            tso6: element.attr_on_off("tso6")?,
            ecn: element.attr_on_off("ecn")?,
            ufo: element.attr_on_off("ufo")?,
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("guest")
            .attr_on_off("csum", self.csum)
            .attr_on_off("tso4", self.tso4)
            .attr_on_off("tso6", self.tso6)
            .attr_on_off("ecn", self.ecn)
            .attr_on_off("ufo", self.ufo)
            .end_or_drop();
    }
}

impl InterfaceBackend {
    pub(super) fn parse(element: &Element, is_virtio: bool) -> Result<Self, XmlError> {
        // The reference knows the attribute and takes no value of it.
        if let Some(word) = element.attr("type") {
            return Err(XmlError::bad_attr("backend", "type", word).scoped(Scope::Domain));
        }
        Ok(Self {
            log_file: element.attr_string("logFile"),
            tap: element.attr_string("tap"),
            vhost: element.attr_string("vhost").filter(|_| is_virtio),
        })
    }

    pub(super) fn format(&self, w: &mut Writer) {
        w.start("backend")
            .attr_opt("tap", self.tap.as_ref())
            .attr_opt("vhost", self.vhost.as_ref())
            .attr_opt("logFile", self.log_file.as_ref())
            .end_or_drop();
    }
}
