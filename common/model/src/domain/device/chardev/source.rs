//! The host end of a character device: reading, writing, rules.

use super::{
    Backend, BackendType, ChardevLog, Missing, MouseMode, Reconnect, Source, TcpProtocol, TcpSource,
    UdpSource, UnixSource,
};
use crate::Token;
use crate::domain::seclabel::DeviceSecLabel;
use crate::domain::{FormatOptions, ParseOptions};
use crate::xml::{Element, Writer, XmlError};

impl Source {
    /// Reads a host end whose `type=` and children belong to `element`.
    pub fn parse(element: &Element, options: &ParseOptions) -> Result<Self, XmlError> {
        Self::parse_typed(element, Self::parse_kind(element)?, options)
    }

    /// Reads `type=`; devices read their target after it and before the host end.
    pub(super) fn parse_kind(element: &Element) -> Result<BackendType, XmlError> {
        match element.attr("type") {
            None => Ok(BackendType::Pty),
            Some(word) => BackendType::from_word(word).ok_or_else(|| {
                XmlError::unsupported(format!("unknown type presented to host for character device: {word}"))
            }),
        }
    }

    /// Reads the children of `element` as those of a host end of the given kind.
    pub fn parse_typed(
        element: &Element,
        kind: BackendType,
        options: &ParseOptions,
    ) -> Result<Self, XmlError> {
        let sources: Vec<_> = element.children_named("source").collect();
        let backend = Backend::parse(element, &sources, kind, options)?;
        let missing = backend.missing_in(sources.first().copied());
        let seclabels = match sources.first() {
            Some(source) => DeviceSecLabel::parse_all(source)?,
            None => Vec::new(),
        };
        let log = element.child("log").map(ChardevLog::parse).transpose()?.flatten();
        Ok(Self { backend, missing, log: log.map(Box::new), seclabels })
    }

    /// Adds `type=` and the children to the element being written.
    pub fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.attr("type", self.backend.kind());
        self.format_children(w, options, None);
    }

    /// As [`Source::format`], with the type inside `<source>`, as TPMs have it.
    pub fn format_typed(&self, w: &mut Writer, options: &FormatOptions) {
        self.format_children(w, options, Some(self.backend.kind()));
    }

    /// Adds the children to the element being written.
    pub fn format_children(&self, w: &mut Writer, options: &FormatOptions, inner_type: Option<BackendType>) {
        if let Backend::Udp(udp) = &self.backend {
            udp.format(w);
        } else {
            w.start("source").attr_opt("type", inner_type);
            self.backend.format_source(w, options);
            for label in &self.seclabels {
                label.format(w, options);
            }
            self.backend.format_reconnect(w);
            w.end_or_drop();
        }
        if let Backend::Tcp(tcp) = &self.backend {
            w.start("protocol").attr("type", tcp.protocol).end();
        }
        if let Some(log) = &self.log {
            w.start("log").attr("file", &log.file).attr_on_off("append", log.append).end();
        }
    }

    /// Rules for every host end. `path_optional`: the path of a socket is chosen at start.
    pub fn validate(&self, path_optional: bool) -> Result<(), XmlError> {
        match (&self.backend, self.missing) {
            (Backend::Nmdm { .. }, Some(what)) => {
                return Err(XmlError::internal(format!("Missing {what} path attribute for nmdm device")));
            }
            (Backend::Unix(_), Some(_)) if path_optional => {}
            (_, Some(what)) => {
                let detail = format!("Missing source {what} attribute for char device");
                let unsupported = what == Missing::Channel;
                return Err(if unsupported {
                    XmlError::unsupported(detail)
                } else {
                    XmlError::internal(detail)
                });
            }
            (_, None) => {}
        }
        match &self.backend {
            Backend::Tcp(TcpSource { listen: true, reconnect: Some(r), .. })
            | Backend::Unix(UnixSource { listen: true, reconnect: Some(r), .. })
                if r.enabled.is_some() =>
            {
                Err(XmlError::internal("chardev reconnect is possible only for connect mode"))
            }
            _ => Ok(()),
        }
    }
}

impl Backend {
    /// The word for it.
    pub fn kind(&self) -> BackendType {
        match self {
            Self::Null => BackendType::Null,
            Self::Vc => BackendType::Vc,
            Self::Pty { .. } => BackendType::Pty,
            Self::Dev { .. } => BackendType::Dev,
            Self::File { .. } => BackendType::File,
            Self::Pipe { .. } => BackendType::Pipe,
            Self::Stdio => BackendType::Stdio,
            Self::Udp(_) => BackendType::Udp,
            Self::Tcp(_) => BackendType::Tcp,
            Self::Unix(_) => BackendType::Unix,
            Self::SpiceVmc => BackendType::SpiceVmc,
            Self::SpicePort { .. } => BackendType::SpicePort,
            Self::Nmdm { .. } => BackendType::Nmdm,
            Self::QemuVdagent { .. } => BackendType::QemuVdagent,
            Self::Dbus { .. } => BackendType::Dbus,
        }
    }

    fn parse(
        element: &Element,
        sources: &[&Element],
        kind: BackendType,
        options: &ParseOptions,
    ) -> Result<Self, XmlError> {
        if kind == BackendType::Udp {
            return UdpSource::parse(sources).map(Self::Udp);
        }
        if sources.len() > 1 {
            return Err(XmlError::xml("only one source element is allowed for character device"));
        }
        let source = sources.first().copied();
        let optional = |name: &str| source.and_then(|s| s.attr_string(name));
        // What is missing is reported by validate(), as by the reference; what is empty is there.
        let text = |name: &str| optional(name).unwrap_or_default();
        Ok(match kind {
            BackendType::Null => Self::Null,
            BackendType::Vc => Self::Vc,
            BackendType::Pty => {
                Self::Pty { path: optional("path").filter(|path| options.status && !path.is_empty()) }
            }
            BackendType::Dev => Self::Dev { path: text("path") },
            BackendType::File => Self::File {
                path: text("path"),
                append: source.map(|s| s.attr_on_off("append")).transpose()?.flatten(),
            },
            BackendType::Pipe => Self::Pipe { path: text("path") },
            BackendType::Stdio => Self::Stdio,
            BackendType::Tcp | BackendType::Udp => Self::Tcp(TcpSource::parse(element, source)?),
            BackendType::Unix => Self::Unix(source.map(UnixSource::parse).transpose()?.unwrap_or_default()),
            BackendType::SpiceVmc => Self::SpiceVmc,
            BackendType::SpicePort => Self::SpicePort { channel: text("channel") },
            BackendType::Nmdm => Self::Nmdm { master: text("master"), slave: text("slave") },
            BackendType::QemuVdagent => Self::parse_vdagent(source)?,
            BackendType::Dbus => Self::Dbus { channel: text("channel") },
        })
    }

    /// The attribute of `source` that this kind needs and does not have.
    fn missing_in(&self, source: Option<&Element>) -> Option<Missing> {
        let has = |wanted: Missing| source.is_some_and(|source| source.attr(wanted.as_str()).is_some());
        let first_of = |names: &[Missing]| names.iter().copied().find(|name| !has(*name));
        match self {
            Self::Dev { .. } | Self::File { .. } | Self::Pipe { .. } | Self::Unix(_) => {
                first_of(&[Missing::Path])
            }
            Self::Tcp(_) => first_of(&[Missing::Host, Missing::Service]),
            Self::Udp(udp) => udp.connect_service.is_none().then_some(Missing::Service),
            Self::SpicePort { .. } | Self::Dbus { .. } => first_of(&[Missing::Channel]),
            // A null modem may have no ends at all, but not one.
            Self::Nmdm { .. } if has(Missing::Master) || has(Missing::Slave) => {
                first_of(&[Missing::Master, Missing::Slave])
            }
            Self::Nmdm { .. } => None,
            Self::Null | Self::Vc | Self::Pty { .. } | Self::Stdio | Self::SpiceVmc => None,
            Self::QemuVdagent { .. } => None,
        }
    }

    fn parse_vdagent(source: Option<&Element>) -> Result<Self, XmlError> {
        let mouse = source.and_then(|s| s.child("mouse"));
        let copypaste = |clipboard: &Element| {
            let missing = || XmlError::missing_attr("clipboard", "copypaste");
            clipboard.attr_yes_no("copypaste")?.ok_or_else(missing)
        };
        Ok(Self::QemuVdagent {
            mouse: mouse.map(|m| m.require_token::<MouseMode>("mode")).transpose()?,
            clipboard_copypaste: source.and_then(|s| s.child("clipboard")).map(copypaste).transpose()?,
        })
    }

    /// Adds attributes and children of `<source>` to the element being written.
    fn format_source(&self, w: &mut Writer, options: &FormatOptions) {
        match self {
            Self::Pty { path } => {
                w.attr_opt("path", path.as_ref().filter(|_| !options.inactive));
            }
            Self::Dev { path } | Self::Pipe { path } => _ = w.attr("path", path),
            Self::File { path, append } => _ = w.attr("path", path).attr_on_off("append", *append),
            Self::Tcp(tcp) => tcp.format(w, options),
            Self::Unix(unix) => unix.format(w),
            Self::SpicePort { channel } | Self::Dbus { channel } => _ = w.attr("channel", channel),
            Self::Nmdm { master, slave } if master.is_empty() && slave.is_empty() => {}
            Self::Nmdm { master, slave } => _ = w.attr("master", master).attr("slave", slave),
            Self::QemuVdagent { mouse, clipboard_copypaste } => {
                if clipboard_copypaste.is_some() {
                    w.start("clipboard").attr_yes_no("copypaste", *clipboard_copypaste).end();
                }
                if let Some(mouse) = mouse {
                    w.start("mouse").attr("mode", mouse).end();
                }
            }
            Self::Null | Self::Vc | Self::Stdio | Self::SpiceVmc | Self::Udp(_) => {}
        }
    }

    fn format_reconnect(&self, w: &mut Writer) {
        let reconnect = match self {
            Self::Tcp(tcp) => tcp.reconnect,
            // A socket without a path is not shown: it is chosen at start.
            Self::Unix(unix) => unix.reconnect.filter(|_| unix.path.is_some()),
            _ => None,
        };
        if let Some(reconnect) = reconnect {
            reconnect.format(w);
        }
    }
}

impl TcpSource {
    fn parse(element: &Element, source: Option<&Element>) -> Result<Self, XmlError> {
        let mut tcp = Self::default();
        if let Some(source) = source {
            tcp.listen = is_listening(source)?;
            tcp.host = source.attr_string("host").unwrap_or_default();
            tcp.service = source.attr_string("service").unwrap_or_default();
            tcp.tls = source.attr_yes_no("tls")?;
            tcp.tls_from_config = source.attr("tlsFromConfig").is_some_and(|v| v != "0");
            tcp.reconnect = Reconnect::parse_below(source)?;
        }
        let mut protocols = element.children_named("protocol");
        if let Some(protocol) = protocols.next() {
            if protocols.next().is_some() {
                return Err(XmlError::xml("only one protocol element is allowed for character device"));
            }
            if let Some(word) = protocol.attr("type") {
                let unknown = || XmlError::unsupported(format!("Unknown protocol '{word}'"));
                tcp.protocol = TcpProtocol::from_word(word).ok_or_else(unknown)?;
            }
        }
        Ok(tcp)
    }

    fn format(&self, w: &mut Writer, options: &FormatOptions) {
        w.attr("mode", mode_word(self.listen)).attr("host", &self.host).attr("service", &self.service);
        if !(options.migratable && self.tls_from_config) {
            w.attr_yes_no("tls", self.tls);
        }
        if options.status && self.tls_from_config {
            w.attr("tlsFromConfig", 1);
        }
    }
}

impl UnixSource {
    fn parse(source: &Element) -> Result<Self, XmlError> {
        Ok(Self {
            path: source.attr_string("path"),
            listen: is_listening(source)?,
            reconnect: Reconnect::parse_below(source)?,
        })
    }

    fn format(&self, w: &mut Writer) {
        if let Some(path) = &self.path {
            w.attr("mode", mode_word(self.listen)).attr("path", path);
        }
    }
}

impl UdpSource {
    fn parse(sources: &[&Element]) -> Result<Self, XmlError> {
        if sources.len() > 2 {
            return Err(XmlError::xml("only two source elements are allowed for character device"));
        }
        let mut udp = Self::default();
        for source in sources {
            let (host, service) = (source.attr_string("host"), source.attr_string("service"));
            if is_listening(source)? {
                (udp.bind_host, udp.bind_service) = (host, service);
            } else {
                (udp.connect_host, udp.connect_service) = (host, service);
            }
        }
        Ok(udp)
    }

    fn format(&self, w: &mut Writer) {
        let ends = [
            ("bind", &self.bind_host, &self.bind_service),
            ("connect", &self.connect_host, &self.connect_service),
        ];
        for (mode, host, service) in ends {
            if host.is_some() || service.is_some() {
                w.start("source").attr("mode", mode);
                w.attr_opt("host", host.as_ref()).attr_opt("service", service.as_ref()).end();
            }
        }
    }
}

impl Reconnect {
    /// Reads the `<reconnect>` below `source`, if there is one.
    pub fn parse_below(source: &Element) -> Result<Option<Self>, XmlError> {
        let Some(element) = source.child("reconnect") else { return Ok(None) };
        let enabled = element.attr_yes_no("enabled")?;
        let timeout = if enabled == Some(true) { element.require_num("timeout")? } else { 0 };
        Ok(Some(Self { enabled, timeout }))
    }

    /// Writes `<reconnect>`; the time only when it is used.
    pub fn format(&self, w: &mut Writer) {
        if self.enabled.is_some() {
            w.start("reconnect").attr_yes_no("enabled", self.enabled);
            w.attr_opt("timeout", Some(self.timeout).filter(|_| self.enabled == Some(true))).end();
        }
    }
}

impl ChardevLog {
    fn parse(element: &Element) -> Result<Option<Self>, XmlError> {
        let append = element.attr_on_off("append")?;
        Ok(element.attr_string("file").map(|file| Self { file, append }))
    }
}

fn is_listening(source: &Element) -> Result<bool, XmlError> {
    match source.attr("mode") {
        None | Some("connect") => Ok(false),
        Some("bind") => Ok(true),
        Some(mode) => Err(XmlError::bad_attr(source.local_name(), "mode", mode)),
    }
}

fn mode_word(listen: bool) -> &'static str {
    if listen { "bind" } else { "connect" }
}
