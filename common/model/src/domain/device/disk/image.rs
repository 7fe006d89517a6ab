//! An image and its backing chain: `<source>`, `<backingStore>`.

use super::StartupPolicy;
use super::source::{
    Backing, Encryption, Location, LocationType, NetworkSource, NvmeSource, Reservations, StorageAuth,
    StorageFormat, StorageSlice, StorageSource,
};
use crate::Token;
use crate::domain::device::address::PciAddress;
use crate::domain::device::chardev::Reconnect;
use crate::domain::seclabel::DeviceSecLabel;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError, scale};

/// What of a source is written elsewhere or by the caller.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct SourceLayout {
    pub(super) startup_policy: Option<StartupPolicy>,
    pub(super) without_auth: bool,
    pub(super) without_encryption: bool,
    /// Written even if there is nothing to say.
    pub(super) required: bool,
}

impl StorageSource {
    /// Reads `<source>`; without one, an empty source of the given type.
    pub(super) fn parse(
        source: Option<&Element>,
        kind: LocationType,
        options: &ParseOptions,
    ) -> Result<Self, XmlError> {
        let location = Location::parse(source, kind)?;
        let mut image = Self { location, ..Self::default() };
        let Some(source) = source else { return Ok(image) };
        image.index = source.attr_num("index")?.filter(|_| options.status);
        let mut slices = source.child("slices").into_iter().flat_map(|s| s.children_named("slice"));
        let slice = slices.find(|s| s.attr("type") == Some("storage"));
        image.slice = slice.map(StorageSlice::parse).transpose()?;
        image.seclabels = DeviceSecLabel::parse_all(source)?;
        // That a file could not be labelled is found out again at each start.
        image.seclabels.retain(|label| options.status || !label.label_skip);
        image.auth = source.child("auth").map(StorageAuth::parse).transpose()?.map(Box::new);
        image.encryption = source.child("encryption").map(Encryption::parse).transpose()?.map(Box::new);
        image.reservations = source.child("reservations").map(Reservations::parse).transpose()?.map(Box::new);
        Ok(image)
    }

    /// Reads the `<backingStore>` below `parent` with all below it. Depth is bounded by the parser's.
    pub(super) fn parse_backing(parent: &Element, options: &ParseOptions) -> Result<Backing, XmlError> {
        let Some(element) = parent.child("backingStore") else { return Ok(Backing::Unknown) };
        let Some(word) = element.attr("type") else { return Ok(Backing::None) };
        let unknown = || XmlError::xml(format!("unknown storage source type '{word}'"));
        let kind = LocationType::from_word(word).ok_or_else(unknown)?;
        let missing = || XmlError::xml("missing disk backing store format");
        let format_element = element.child("format").ok_or_else(missing)?;
        let format = format_element.attr("type").ok_or_else(missing)?;
        let unknown = || XmlError::xml(format!("unknown storage source format '{format}'"));
        let format = StorageFormat::from_word(format).ok_or_else(unknown)?;
        let source =
            element.child("source").ok_or_else(|| XmlError::xml("missing disk backing store source"))?;
        let mut image = Self::parse(Some(source), kind, options)?;
        image.format = Some(format);
        image.metadata_cache_size = metadata_cache_size(format_element)?;
        image.index = element.attr_num("index")?.filter(|_| options.status);
        image.backing = Self::parse_backing(element, options)?;
        Ok(Backing::Source(Box::new(image)))
    }

    /// Whether there is nothing behind it: an empty drive.
    pub fn is_empty(&self) -> bool {
        match &self.location {
            Location::File { path, fdgroup } => path.is_none() && fdgroup.is_none(),
            Location::Block { path } | Location::Dir { path } => path.is_none(),
            Location::Volume { .. }
            | Location::Network(_)
            | Location::Nvme(_)
            | Location::VhostUser { .. } => false,
        }
    }

    /// Writes `<source>`, when there is anything to say.
    pub(super) fn format(&self, w: &mut Writer, options: &FormatOptions, layout: SourceLayout) {
        w.start("source");
        self.location.format_attrs(w);
        w.attr_opt("startupPolicy", layout.startup_policy);
        w.attr_opt("index", self.index.filter(|_| !options.inactive));
        self.location.format_children(w, options);
        if let Some(slice) = self.slice {
            w.start("slices").start("slice").attr("type", "storage");
            w.attr("offset", slice.offset).attr("size", slice.size).end();
            w.end();
        }
        for label in &self.seclabels {
            label.format(w, options);
        }
        if let Some(auth) = self.auth.as_ref().filter(|_| !layout.without_auth) {
            auth.format(w);
        }
        if let Some(reservations) = &self.reservations {
            reservations.format(w);
        }
        if let Some(encryption) = self.encryption.as_ref().filter(|_| !layout.without_encryption) {
            encryption.format(w);
        }
        if layout.required {
            w.end()
        } else {
            w.end_or_drop()
        };
    }
}

impl Backing {
    /// Writes `<backingStore>` with all below it.
    pub(super) fn format(&self, w: &mut Writer, options: &FormatOptions) {
        match self {
            Self::Unknown => {}
            Self::None => _ = w.empty("backingStore"),
            Self::Source(image) => {
                w.start("backingStore").attr("type", image.location.kind());
                w.attr_opt("index", image.index.filter(|_| !options.inactive));
                w.start("format").attr_opt("type", image.format);
                format_metadata_cache(w, image.metadata_cache_size);
                w.end();
                let shown = StorageSource { index: None, backing: Self::Unknown, ..(**image).clone() };
                shown.format(w, options, SourceLayout { required: true, ..SourceLayout::default() });
                image.backing.format(w, options);
                w.end();
            }
        }
    }
}

impl Location {
    /// The word for it.
    pub fn kind(&self) -> LocationType {
        match self {
            Self::File { .. } => LocationType::File,
            Self::Block { .. } => LocationType::Block,
            Self::Dir { .. } => LocationType::Dir,
            Self::Network(_) => LocationType::Network,
            Self::Volume { .. } => LocationType::Volume,
            Self::Nvme(_) => LocationType::Nvme,
            Self::VhostUser { .. } => LocationType::VhostUser,
        }
    }

    /// Path on the host, of the types that have one.
    pub fn path(&self) -> Option<&str> {
        match self {
            Self::File { path, .. } | Self::Block { path } | Self::Dir { path } => path.as_deref(),
            Self::VhostUser { path, .. } => Some(path),
            Self::Network(_) | Self::Volume { .. } | Self::Nvme(_) => None,
        }
    }

    fn parse(source: Option<&Element>, kind: LocationType) -> Result<Self, XmlError> {
        let attr = |name: &str| source.and_then(|s| s.attr_string(name)).filter(|v| !v.is_empty());
        let Some(element) = source else { return Ok(Self::empty()) };
        Ok(match kind {
            LocationType::File => Self::File { path: attr("file"), fdgroup: attr("fdgroup") },
            LocationType::Block => {
                attr("dev").map_or_else(Self::empty, |dev| Self::Block { path: Some(dev) })
            }
            LocationType::Dir => attr("dir").map_or_else(Self::empty, |dir| Self::Dir { path: Some(dir) }),
            LocationType::Network => Self::Network(Box::new(NetworkSource::parse(element)?)),
            LocationType::Volume => {
                let need = |name: &str| {
                    attr(name).ok_or_else(|| {
                        XmlError::xml("'pool' and 'volume' must be specified together for 'pool' type source")
                    })
                };
                if attr("pool").is_none() && attr("volume").is_none() {
                    return Ok(Self::empty());
                }
                Self::Volume {
                    pool: need("pool")?,
                    volume: need("volume")?,
                    mode: element.attr_token("mode")?,
                }
            }
            LocationType::Nvme => Self::Nvme(NvmeSource::parse(element)?),
            LocationType::VhostUser => Self::parse_vhost_user(element)?,
        })
    }

    /// No medium, which is a file's: without `<source>` a definition tells no other type.
    fn empty() -> Self {
        Self::default()
    }

    fn parse_vhost_user(source: &Element) -> Result<Self, XmlError> {
        if source.require("type")? != "unix" {
            return Err(XmlError::xml("invalid 'type' attribute for vhostuser disk source"));
        }
        let path =
            source.attr_string("path").ok_or_else(|| XmlError::xml("missing path of a vhostuser disk"))?;
        Ok(Self::VhostUser { path, reconnect: Reconnect::parse_below(source)? })
    }

    fn format_attrs(&self, w: &mut Writer) {
        match self {
            Self::File { path, fdgroup } => {
                w.attr_opt("file", path.as_ref()).attr_opt("fdgroup", fdgroup.as_ref());
            }
            Self::Block { path } => _ = w.attr_opt("dev", path.as_ref()),
            Self::Dir { path } => _ = w.attr_opt("dir", path.as_ref()),
            Self::Network(network) => network.format_attrs(w),
            Self::Volume { pool, volume, mode } => {
                w.attr("pool", pool).attr("volume", volume).attr_opt("mode", *mode);
            }
            Self::Nvme(nvme) => {
                w.attr("type", "pci").attr_yes_no("managed", nvme.managed).attr("namespace", nvme.namespace);
            }
            Self::VhostUser { path, .. } => _ = w.attr("type", "unix").attr("path", path),
        }
    }

    fn format_children(&self, w: &mut Writer, options: &FormatOptions) {
        match self {
            Self::Network(network) => network.format_children(w, options),
            Self::Nvme(nvme) => {
                w.start("address");
                nvme.address.format_numbers(w).end();
            }
            Self::VhostUser { reconnect: Some(reconnect), .. } => reconnect.format(w),
            _ => {}
        }
    }
}

impl NvmeSource {
    fn parse(source: &Element) -> Result<Self, XmlError> {
        if source.require("type")? != "pci" {
            let word = source.attr("type").unwrap_or_default();
            return Err(XmlError::xml(format!("unsupported source type '{word}'")));
        }
        let namespace = source
            .attr("namespace")
            .ok_or_else(|| XmlError::xml("missing 'namespace' attribute to disk source"))?;
        let bad = || XmlError::xml(format!("malformed namespace '{namespace}'"));
        let namespace = namespace.parse().map_err(|_| bad())?;
        if namespace == 0 {
            return Err(XmlError::unsupported("NVMe namespace can't be zero"));
        }
        let address =
            source.child("address").ok_or_else(|| XmlError::xml("NVMe disk source is missing address"))?;
        Ok(Self {
            managed: source.attr_yes_no("managed")?.or(Some(true)),
            namespace,
            address: PciAddress::parse(address)?,
        })
    }
}

impl StorageSlice {
    fn parse(slice: &Element) -> Result<Self, XmlError> {
        Ok(Self { offset: slice.require_num("offset")?, size: slice.require_num("size")? })
    }
}

impl Reservations {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let managed = match element.attr_yes_no("managed")? {
            Some(managed) => managed,
            None => return Err(XmlError::missing_attr("reservations", "managed")),
        };
        if managed {
            return Ok(Self { managed, path: None });
        }
        let source = element.child("source");
        let get = |name: &str| source.and_then(|s| s.attr(name));
        let missing = |what: &str| XmlError::xml(format!("missing connection {what} for <reservations/>"));
        if get("type").ok_or_else(|| missing("type"))? != "unix" {
            return Err(XmlError::xml("unsupported connection type for <reservations/>"));
        }
        let path = get("path").ok_or_else(|| missing("path"))?.to_owned();
        if get("mode").ok_or_else(|| missing("mode"))? != "client" {
            return Err(XmlError::xml("unsupported connection mode for <reservations/>"));
        }
        Ok(Self { managed, path: Some(path) })
    }

    fn format(&self, w: &mut Writer) {
        w.start("reservations").attr_yes_no("managed", Some(self.managed));
        if let Some(path) = &self.path {
            w.start("source").attr("type", "unix").attr("path", path).attr("mode", "client").end();
        }
        w.end();
    }
}

/// Size of the metadata cache below `<driver>` or `<format>`; 0 is as good as none.
pub(super) fn metadata_cache_size(parent: &Element) -> Result<Option<u64>, XmlError> {
    let Some(element) = parent.find("metadata_cache/max_size") else { return Ok(None) };
    let text = element.text();
    let bad = |_| XmlError::bad_path("max_size", &text);
    let size = scale(text.trim().parse().map_err(bad)?, element.attr("unit"), 1, u64::MAX)?;
    Ok(Some(size).filter(|s| *s > 0))
}

/// Writes what [`metadata_cache_size`] reads.
pub(super) fn format_metadata_cache(w: &mut Writer, size: Option<u64>) {
    if let Some(size) = size {
        w.start("metadata_cache").start("max_size").attr("unit", "bytes").text(size).end();
        w.end();
    }
}
