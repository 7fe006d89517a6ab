//! `<memory>`: pluggable memory.

use uuid::Uuid;

use super::DeviceXml;
use super::info::Allow;
use super::info::DeviceInfo;
use crate::bitmap::Bitmap;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError, kib_from_element};

/// Smallest label area of an NVDIMM in KiB.
const LABEL_MINIMUM: u64 = 128;

/// A memory module. Sizes are in KiB.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Memory {
    /// Model.
    pub model: MemoryModel,
    /// Whether others map it too.
    pub access: Option<MemoryAccess>,
    /// Whether the content is dropped at the end.
    pub discard: Option<bool>,
    /// NVDIMM: its UUID.
    pub uuid: Option<Uuid>,
    /// dimm, virtio-mem: page size; none: the host's.
    pub page_size: Option<u64>,
    /// Host NUMA nodes it comes from.
    pub source_nodes: Option<Bitmap>,
    /// nvdimm, virtio-pmem: file.
    pub path: Option<String>,
    /// nvdimm: alignment in KiB.
    pub align_size: Option<u64>,
    /// nvdimm: the file lies in persistent memory.
    pub pmem: bool,
    /// Size.
    pub size: u64,
    /// Guest NUMA node.
    pub node: Option<u32>,
    /// nvdimm: size of the label area.
    pub label_size: Option<u64>,
    /// nvdimm: the guest can only read.
    pub readonly: bool,
    /// virtio-mem: unit of change.
    pub block_size: Option<u64>,
    /// virtio-mem: wanted size.
    pub requested_size: Option<u64>,
    /// virtio-mem: size at this moment; live definitions only.
    pub current_size: Option<u64>,
    /// Alias, address.
    pub info: DeviceInfo,
}

tokens! {
    /// `model=`
    pub enum MemoryModel {
        Dimm = "dimm", Nvdimm = "nvdimm", VirtioPmem = "virtio-pmem", VirtioMem = "virtio-mem",
        SgxEpc = "sgx-epc",
    }

    /// `access=`
    pub enum MemoryAccess { Shared = "shared", Private = "private" }
}

impl DeviceXml for Memory {
    const ELEMENT: &'static str = "memory";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let mut memory = Self {
            model: element.require_token("model")?,
            access: element.attr_token("access")?,
            discard: element.attr_yes_no("discard")?,
            uuid: element.child("uuid").map(parse_uuid).transpose()?,
            page_size: None,
            source_nodes: None,
            path: None,
            align_size: None,
            pmem: false,
            size: 0,
            node: None,
            label_size: None,
            readonly: false,
            block_size: None,
            requested_size: None,
            current_size: None,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        };
        match element.child("source") {
            Some(source) => memory.parse_source(source)?,
            None if matches!(memory.model, MemoryModel::Nvdimm | MemoryModel::VirtioPmem) => {
                return Err(missing_path(memory.model));
            }
            None => {}
        }
        let target =
            element.child("target").ok_or_else(|| XmlError::xml("missing target for <memory> device"))?;
        memory.parse_target(target, options)?;
        if memory.model == MemoryModel::VirtioPmem {
            // It has no other mode.
            memory.access = memory.access.or(Some(MemoryAccess::Shared));
        }
        Ok(memory)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("memory")
            .attr("model", self.model)
            .attr_opt("access", self.access)
            .attr_yes_no("discard", self.discard);
        w.text_element_opt("uuid", self.uuid);
        self.format_source(w);
        self.format_target(w, options);
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        match self.model {
            MemoryModel::VirtioPmem => {
                if self.access == Some(MemoryAccess::Private) {
                    let text = "shared access mode required for virtio-pmem device";
                    return Err(XmlError::unsupported(text));
                }
                if self.node.is_some() {
                    return Err(XmlError::unsupported("virtio-pmem does not support NUMA nodes"));
                }
                Ok(())
            }
            MemoryModel::VirtioMem => self.validate_virtio_mem(),
            MemoryModel::Dimm | MemoryModel::Nvdimm | MemoryModel::SgxEpc => Ok(()),
        }
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl Memory {
    fn validate_virtio_mem(&self) -> Result<(), XmlError> {
        let block = self.block_size.unwrap_or_default();
        let requested = self.requested_size.unwrap_or_default();
        if !block.is_power_of_two() {
            return Err(XmlError::detail("block size must be a power of two"));
        }
        if requested > self.size {
            return Err(XmlError::detail(format!(
                "requested size must be smaller than or equal to @size ({}KiB)",
                self.size
            )));
        }
        if !requested.is_multiple_of(block) {
            return Err(XmlError::detail("requested size must be an integer multiple of block size"));
        }
        Ok(())
    }

    fn parse_source(&mut self, source: &Element) -> Result<(), XmlError> {
        match self.model {
            MemoryModel::Dimm | MemoryModel::VirtioMem => {
                self.page_size = kib(source, "pagesize")?;
                self.source_nodes = node_set(source)?;
            }
            MemoryModel::Nvdimm => {
                self.path = Some(source.child_text("path").ok_or_else(|| missing_path(self.model))?);
                self.align_size = kib(source, "alignsize")?;
                self.pmem = source.child("pmem").is_some();
            }
            MemoryModel::VirtioPmem => {
                self.path = Some(source.child_text("path").ok_or_else(|| missing_path(self.model))?);
            }
            MemoryModel::SgxEpc => self.source_nodes = node_set(source)?,
        }
        Ok(())
    }

    fn parse_target(&mut self, target: &Element, options: &ParseOptions) -> Result<(), XmlError> {
        self.node = target.child_num("node")?;
        let size = kib(target, "size")?;
        self.size = size.ok_or_else(|| XmlError::xml("missing memory device size"))?;
        match self.model {
            MemoryModel::Nvdimm => {
                if let Some(label) = target.child("label") {
                    self.label_size = kib(label, "size")?;
                    if self.label_size.is_some_and(|l| l < LABEL_MINIMUM) {
                        return Err(XmlError::xml("nvdimm label must be at least 128KiB"));
                    }
                    if self.label_size.is_some_and(|l| l >= self.size) {
                        return Err(XmlError::xml("label size must be smaller than NVDIMM size"));
                    }
                }
                self.readonly = target.child("readonly").is_some();
            }
            MemoryModel::VirtioMem => {
                self.block_size = kib(target, "block")?;
                self.requested_size = Some(kib(target, "requested")?.unwrap_or_default());
                if options.status {
                    self.current_size = kib(target, "current")?;
                }
            }
            MemoryModel::Dimm | MemoryModel::VirtioPmem | MemoryModel::SgxEpc => {}
        }
        Ok(())
    }

    fn format_source(&self, w: &mut Writer) {
        w.start("source").text_element_opt("nodemask", self.source_nodes.as_ref());
        size_element(w, "pagesize", self.page_size.filter(|s| *s > 0));
        w.text_element_opt("path", self.path.as_ref());
        size_element(w, "alignsize", self.align_size.filter(|s| *s > 0));
        if self.pmem {
            w.empty("pmem");
        }
        w.end_or_drop();
    }

    fn format_target(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("target");
        size_element(w, "size", Some(self.size));
        w.text_element_opt("node", self.node);
        if self.label_size.is_some() {
            w.start("label");
            size_element(w, "size", self.label_size);
            w.end();
        }
        if self.readonly {
            w.empty("readonly");
        }
        if self.model == MemoryModel::VirtioMem {
            size_element(w, "block", self.block_size);
            size_element(w, "requested", self.requested_size);
            if !options.inactive {
                size_element(w, "current", self.current_size);
            }
        }
        w.end();
    }
}

fn size_element(w: &mut Writer, name: &str, kib: Option<u64>) {
    if let Some(kib) = kib {
        w.start(name).attr("unit", "KiB").text(kib).end();
    }
}

fn kib(parent: &Element, name: &str) -> Result<Option<u64>, XmlError> {
    parent.child(name).map(|e| kib_from_element(e, name)).transpose()
}

fn node_set(source: &Element) -> Result<Option<Bitmap>, XmlError> {
    let Some(text) = source.child_text("nodemask") else { return Ok(None) };
    let set = Bitmap::parse(&text)?;
    if set.is_empty() {
        return Err(XmlError::unsupported(format!("Invalid value of 'nodemask': {text}")));
    }
    Ok(Some(set))
}

fn parse_uuid(element: &Element) -> Result<Uuid, XmlError> {
    Uuid::parse_str(&element.text()).map_err(|_| XmlError::internal("malformed uuid element"))
}

fn missing_path(model: MemoryModel) -> XmlError {
    XmlError::detail(format!("path is required for model '{model}'"))
}
