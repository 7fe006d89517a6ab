//! The guest ends of character devices.

use std::net::IpAddr;

use super::{
    Backend, Channel, ChannelTarget, ChannelTargetType, Console, Parallel, Serial, SerialModel, Source,
};
use crate::Token;
use crate::domain::device::DeviceXml;
use crate::domain::device::info::{Allow, DeviceInfo};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

impl DeviceXml for Serial {
    const ELEMENT: &'static str = "serial";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = Source::parse_kind(element)?;
        let mut serial = Self::default();
        if let Some(target) = element.child("target") {
            serial.target_type = target_type(target)?;
            serial.port = port(target)?;
            serial.target_model = target.child("model").map(target_model).transpose()?.flatten();
        }
        serial.source = Source::parse_typed(element, kind, options)?;
        serial.info = DeviceInfo::parse(element, options, Allow::NOTHING)?;
        Ok(serial)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("serial");
        self.source.format(w, options);
        w.start("target").attr_opt("type", self.target_type).attr_opt("port", self.port);
        if let Some(model) = self.target_model {
            w.start("model").attr("name", model).end();
        }
        w.end();
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        no_spicevmc(&self.source)?;
        self.source.validate(false)
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl DeviceXml for Parallel {
    const ELEMENT: &'static str = "parallel";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = Source::parse_kind(element)?;
        Ok(Self {
            port: element.child("target").map(port).transpose()?.flatten(),
            source: Source::parse_typed(element, kind, options)?,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("parallel");
        self.source.format(w, options);
        w.start("target").attr_opt("port", self.port).end();
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        no_spicevmc(&self.source)?;
        self.source.validate(false)
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl DeviceXml for Console {
    const ELEMENT: &'static str = "console";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = Source::parse_kind(element)?;
        let target = element.child("target");
        Ok(Self {
            target_type: target.map(target_type).transpose()?.flatten(),
            port: target.map(port).transpose()?.flatten(),
            source: Source::parse_typed(element, kind, options)?,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("console").attr("type", self.source.backend.kind());
        if let Backend::Pty { path: Some(path) } = &self.source.backend
            && !options.inactive
            && self.port.is_none_or(|port| port == 0)
        {
            // The older place of the first terminal's path, which clients still read.
            w.attr("tty", path);
        }
        self.source.format_children(w, options, None);
        w.start("target").attr_opt("type", self.target_type).attr_opt("port", self.port).end();
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        no_spicevmc(&self.source)?;
        self.source.validate(false)
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl DeviceXml for Channel {
    const ELEMENT: &'static str = "channel";

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let kind = Source::parse_kind(element)?;
        let target = element.child("target");
        Ok(Self {
            target: target
                .map(|t| ChannelTarget::parse(t, options))
                .transpose()?
                .ok_or_else(|| XmlError::xml("target type must be specified for channel device"))?,
            source: Source::parse_typed(element, kind, options)?,
            info: DeviceInfo::parse(element, options, Allow::NOTHING)?,
        })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("channel");
        self.source.format(w, options);
        self.target.format(w, options);
        self.info.format(w, options);
        w.end();
    }

    fn validate(&self) -> Result<(), XmlError> {
        let guestfwd = matches!(self.target, ChannelTarget::GuestFwd { .. });
        if !matches!(self.target, ChannelTarget::Virtio { .. }) {
            no_spicevmc(&self.source)?;
        }
        self.source.validate(!guestfwd)
    }

    fn info(&self) -> Option<&DeviceInfo> {
        Some(&self.info)
    }

    fn info_mut(&mut self) -> Option<&mut DeviceInfo> {
        Some(&mut self.info)
    }
}

impl ChannelTarget {
    /// The word for it.
    pub fn kind(&self) -> ChannelTargetType {
        match self {
            Self::GuestFwd { .. } => ChannelTargetType::GuestFwd,
            Self::Virtio { .. } => ChannelTargetType::Virtio,
            Self::Xen { .. } => ChannelTargetType::Xen,
        }
    }

    fn parse(target: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let name = target.attr_string("name");
        let state = |t: &Element| if options.status { t.attr_token("state") } else { Ok(None) };
        Ok(match target_type(target)?.ok_or_else(no_target)? {
            ChannelTargetType::GuestFwd => Self::parse_guestfwd(target)?,
            ChannelTargetType::Virtio => Self::Virtio { name, connected: state(target)? },
            ChannelTargetType::Xen => Self::Xen { name, connected: state(target)? },
        })
    }

    fn parse_guestfwd(target: &Element) -> Result<Self, XmlError> {
        let missing = |what: &str| XmlError::xml(format!("guestfwd channel does not define a target {what}"));
        let address = target.attr("address").ok_or_else(|| missing("address"))?;
        match address.parse::<IpAddr>() {
            Ok(IpAddr::V4(_)) => {}
            Ok(IpAddr::V6(_)) => {
                return Err(XmlError::unsupported("guestfwd channel only supports IPv4 addresses"));
            }
            Err(_) => return Err(XmlError::invalid(format!("Cannot parse socket address '{address}'"))),
        }
        let port = target.attr_num::<u32>("port")?;
        let port = port.ok_or_else(|| XmlError::missing_attr("target", "port"))?;
        Ok(Self::GuestFwd { address: address.to_owned(), port })
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.start("target").attr("type", self.kind());
        match self {
            Self::GuestFwd { address, port } => _ = w.attr("address", address).attr("port", port),
            Self::Virtio { name, connected } | Self::Xen { name, connected } => {
                w.attr_opt("name", name.as_ref());
                w.attr_opt("state", connected.filter(|_| !options.inactive));
            }
        }
        w.end();
    }
}

fn no_target() -> XmlError {
    XmlError::unsupported("a channel device needs a target type")
}

fn no_spicevmc(source: &Source) -> Result<(), XmlError> {
    match source.backend {
        Backend::SpiceVmc => Err(XmlError::unsupported("spicevmc device type only supports virtio")),
        _ => Ok(()),
    }
}

/// `none` is a word of the reference's lists and means what no word means.
fn target_type<T: Token>(target: &Element) -> Result<Option<T>, XmlError> {
    let Some(word) = target.attr("type").filter(|w| *w != "none") else { return Ok(None) };
    let text = || format!("unknown target type '{word}' specified for character device");
    T::from_word(word).map(Some).ok_or_else(|| XmlError::unsupported(text()))
}

fn target_model(model: &Element) -> Result<Option<SerialModel>, XmlError> {
    let Some(word) = model.attr("name").filter(|w| *w != "none") else { return Ok(None) };
    let text = || format!("unknown target model '{word}' specified for character device");
    SerialModel::from_word(word).map(Some).ok_or_else(|| XmlError::unsupported(text()))
}

fn port(target: &Element) -> Result<Option<u32>, XmlError> {
    let Some(text) = target.attr("port").filter(|t| *t != "-1") else { return Ok(None) };
    text.parse().map(Some).map_err(|_| XmlError::xml(format!("Invalid port number: {text}")))
}
