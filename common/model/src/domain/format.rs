//! From [`Domain`] to text.

use super::qemu_namespace::QEMU_NAMESPACE;
use super::{Domain, FormatOptions, GenId};
use crate::xml::Writer;

impl Domain {
    /// The document in libvirt's layout, with a line feed at its end.
    pub fn format(&self, options: &FormatOptions) -> String {
        let mut w = Writer::new();
        self.format_into(&mut w, options);
        w.finish()
    }

    /// Writes `<domain>` as a part of another document.
    pub fn format_into(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("domain").attr("type", self.virt_type);
        w.attr_opt("id", self.id.filter(|_| !options.inactive));
        if self.qemu.is_some() {
            w.attr("xmlns:qemu", QEMU_NAMESPACE);
        }
        self.format_identity(w);
        self.format_resources(w);
        self.format_machine(w, options);
        w.start("devices").force_content();
        w.text_element_opt("emulator", self.emulator.as_ref());
        for device in &self.devices {
            device.format(w, options);
        }
        w.end();
        self.seclabels.iter().for_each(|l| l.format(w, options));
        if let Some(qemu) = &self.qemu {
            qemu.format(w);
        }
        if let Some(keywrap) = self.keywrap {
            keywrap.format(w);
        }
        if let Some(security) = &self.launch_security {
            security.format(w);
        }
        w.end();
    }

    fn format_identity(&self, w: &mut Writer) {
        w.text_element("name", &self.name);
        w.text_element_opt("uuid", self.uuid);
        match self.genid {
            None => {}
            Some(GenId::Wanted) => _ = w.empty("genid"),
            Some(GenId::Given(uuid)) => _ = w.text_element("genid", uuid),
        }
        w.text_element_opt("title", self.title.as_ref());
        w.text_element_opt("description", self.description.as_ref());
        if let Some(metadata) = &self.metadata {
            metadata.format(w);
        }
    }

    fn format_resources(&self, w: &mut Writer) {
        self.memory.format(w);
        self.blkiotune.format(w);
        self.memtune.format(w);
        self.memory_backing.format(w);
        self.vcpus.format(w);
        self.iothreads.format(w);
        self.cputune.format(w, &self.iothreads);
        self.numatune.format(w);
        if let Some(resource) = &self.resource {
            resource.format(w);
        }
    }

    fn format_machine(&self, w: &mut Writer, options: &FormatOptions) {
        self.sysinfo.iter().for_each(|s| s.format(w));
        self.os.format(w, options);
        self.idmap.format(w);
        self.features.format(w);
        self.cpu.format(w, options);
        self.clock.format(w, options.status);
        self.lifecycle.format(w);
        self.pm.format(w);
        self.perf.format(w);
    }
}
