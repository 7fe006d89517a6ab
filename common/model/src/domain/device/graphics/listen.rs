//! Where a display listens: `<listen>` and the older attributes of `<graphics>`.

use super::{Listen, ListenType};
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

impl Listen {
    /// All listens of a display. Without `<listen>` one is made of the attributes `listen` and (VNC) `socket`;
    /// beside it these must agree with the first of their kind.
    pub(super) fn parse_all(
        graphics: &Element,
        takes_socket: bool,
        options: &ParseOptions,
    ) -> Result<Vec<Self>, XmlError> {
        let non_empty = |name| graphics.attr_string(name).filter(|v| !v.is_empty());
        let socket = if takes_socket { non_empty("socket") } else { None };
        let address = non_empty("listen");
        let mut listens = graphics
            .children_named("listen")
            .map(|e| Self::parse(e, options))
            .collect::<Result<Vec<_>, _>>()?;
        if listens.is_empty() {
            return Ok(vec![match socket {
                Some(_) => Self::Socket { socket, from_config: false },
                None => Self::Address { address, from_config: false },
            }]);
        }
        if let Some(address) = &address {
            agrees("listen", "address", address, listens.iter().find_map(Self::address_part))?;
        }
        if let Some(path) = socket {
            agrees("socket", "socket", &path, listens.iter().find_map(Self::socket_part))?;
            // The attribute wins over an address.
            if let Some(first @ Self::Address { .. }) = listens.first_mut() {
                *first = Self::Socket { socket: Some(path), from_config: false };
            }
        }
        Ok(listens)
    }

    /// The word for it.
    pub fn kind(&self) -> ListenType {
        match self {
            Self::Address { .. } => ListenType::Address,
            Self::Network { .. } => ListenType::Network,
            Self::Socket { .. } => ListenType::Socket,
            Self::None => ListenType::None,
        }
    }

    fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        let from_config = options.status && element.attr("fromConfig") == Some("1");
        let address = element.attr_string("address").filter(|a| !a.is_empty());
        let kind = element.require_token("type")?;
        for (attribute, owner) in [("network", ListenType::Network), ("socket", ListenType::Socket)] {
            if kind != owner && element.attr(attribute).is_some_and(|v| !v.is_empty()) {
                let text = format!("'{attribute}' attribute is valid only for listen type '{owner}'");
                return Err(XmlError::xml(text));
            }
        }
        Ok(match kind {
            ListenType::Address => Self::Address { address, from_config },
            ListenType::Network => Self::Network {
                network: element.attr_string("network").filter(|n| !n.is_empty()).ok_or_else(|| {
                    XmlError::xml("'network' attribute is required for listen type 'network'")
                })?,
                address: address.filter(|_| options.status),
            },
            ListenType::Socket => Self::Socket { socket: element.attr_string("socket"), from_config },
            ListenType::None => Self::None,
        })
    }

    /// Adds the older attributes to `<graphics>`.
    pub(super) fn format_attrs(&self, w: &mut Writer, options: &FormatOptions) {
        match self {
            Self::Address { address, from_config } => {
                w.attr_opt("listen", address.as_ref().filter(|_| !(options.migratable && *from_config)));
            }
            Self::Network { address, .. } => {
                w.attr_opt("listen", address.as_ref().filter(|_| !options.inactive));
            }
            Self::Socket { .. } | Self::None => {}
        }
    }

    /// Writes `<listen>`.
    pub(super) fn format(&self, w: &mut Writer, options: &FormatOptions) {
        let (Self::Address { from_config, .. } | Self::Socket { from_config, .. }) = self else {
            return self.format_element(w, options, false);
        };
        if !(options.migratable && *from_config) {
            self.format_element(w, options, options.status && *from_config);
        }
    }

    fn format_element(&self, w: &mut Writer, options: &FormatOptions, mark: bool) {
        w.start("listen").attr("type", self.kind());
        match self {
            Self::Address { address, .. } => _ = w.attr_opt("address", address.as_ref()),
            Self::Network { network, address } => {
                w.attr_opt("address", address.as_ref().filter(|_| !options.inactive));
                w.attr_opt("network", Some(network).filter(|n| !n.is_empty()));
            }
            Self::Socket { socket, .. } => _ = w.attr_opt("socket", socket.as_ref()),
            Self::None => {}
        }
        w.attr_opt("fromConfig", mark.then_some(1)).end();
    }

    /// None: not of this kind; the inner one: no address given.
    fn address_part(&self) -> Option<Option<&str>> {
        match self {
            Self::Address { address, .. } => Some(address.as_deref()),
            _ => None,
        }
    }

    fn socket_part(&self) -> Option<Option<&str>> {
        match self {
            Self::Socket { socket, .. } => Some(socket.as_deref()),
            _ => None,
        }
    }
}

fn agrees(attribute: &str, part: &str, value: &str, first: Option<Option<&str>>) -> Result<(), XmlError> {
    match first {
        Some(found) if found != Some(value) => Err(XmlError::unsupported(format!(
            "graphics '{attribute}' attribute '{value}' must match '{part}' attribute of first listen element (found '{}')",
            found.unwrap_or("none")
        ))),
        _ => Ok(()),
    }
}
