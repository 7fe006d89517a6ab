//! `<source protocol=>`: images on servers.

use super::source::{Cookie, HostTransport, NetworkHost, NetworkProtocol, NetworkSource};
use crate::Token;
use crate::domain::FormatOptions;
use crate::xml::{Element, Writer, XmlError};

impl NetworkSource {
    /// A source of this protocol with nothing set.
    pub fn new(protocol: NetworkProtocol) -> Self {
        Self {
            protocol,
            name: None,
            query: None,
            tls: None,
            tls_hostname: None,
            hosts: Vec::new(),
            snapshot: None,
            config_file: None,
            initiator: None,
            ssl_verify: None,
            cookies: Vec::new(),
            readahead: None,
            timeout: None,
            nfs_user: None,
            nfs_group: None,
        }
    }

    pub(super) fn parse(source: &Element) -> Result<Self, XmlError> {
        let protocol = source.require_token("protocol")?;
        let mut network = Self::new(protocol);
        network.name = source.attr_string("name");
        if network.name.is_none() && protocol != NetworkProtocol::Nbd {
            return Err(XmlError::xml("missing name for disk source"));
        }
        network.tls = source.attr_yes_no("tls")?;
        network.tls_hostname = source.attr_string("tlsHostname");
        network.query = source.attr_string("query").filter(|_| is_http(protocol));
        let part = |path: &str, name: &str| source.child(path).and_then(|e| e.attr_string(name));
        network.snapshot = part("snapshot", "name");
        network.config_file = part("config", "file");
        network.hosts = source
            .children_named("host")
            .map(|h| NetworkHost::parse(h, protocol))
            .collect::<Result<_, _>>()?;
        network.parse_initiator(source);
        network.parse_transfer(source)?;
        network.check_name()?;
        Ok(network)
    }

    /// Reads `<initiator>`.
    pub fn parse_initiator(&mut self, source: &Element) {
        self.initiator = source.find("initiator/iqn").and_then(|iqn| iqn.attr_string("name"));
    }

    /// Writes `<initiator>`.
    pub fn format_initiator(&self, w: &mut Writer) {
        if let Some(name) = &self.initiator {
            w.start("initiator").start("iqn").attr("name", name).end();
            w.end();
        }
    }

    pub(super) fn format_attrs(&self, w: &mut Writer) {
        w.attr("protocol", self.protocol)
            .attr_opt("name", self.name.as_ref())
            .attr_opt("query", self.query.as_ref())
            .attr_yes_no("tls", self.tls)
            .attr_opt("tlsHostname", self.tls_hostname.as_ref());
    }

    pub(super) fn format_children(&self, w: &mut Writer, options: &FormatOptions) {
        for host in &self.hosts {
            host.format(w);
        }
        w.start("snapshot").attr_opt("name", self.snapshot.as_ref()).end_or_drop();
        w.start("config").attr_opt("file", self.config_file.as_ref()).end_or_drop();
        self.format_initiator(w);
        w.start("ssl").attr_yes_no("verify", self.ssl_verify).end_or_drop();
        w.start("cookies");
        // Cookies are as good as passwords.
        for cookie in self.cookies.iter().filter(|_| options.secure) {
            w.start("cookie").attr("name", &cookie.name).text(&cookie.value).end();
        }
        w.end_or_drop();
        w.start("readahead").attr_opt("size", self.readahead).end_or_drop();
        w.start("timeout").attr_opt("seconds", self.timeout).end_or_drop();
        w.start("identity")
            .attr_opt("user", self.nfs_user.as_ref())
            .attr_opt("group", self.nfs_group.as_ref())
            .end_or_drop();
    }

    /// Reads what governs the transfer: certificates, cookies, time limits, identities.
    fn parse_transfer(&mut self, source: &Element) -> Result<(), XmlError> {
        if is_web(self.protocol) {
            let certified = matches!(self.protocol, NetworkProtocol::Https | NetworkProtocol::Ftps);
            if let Some(ssl) = source.child("ssl").filter(|_| certified) {
                self.ssl_verify = ssl.attr_yes_no("verify")?;
            }
            if let Some(readahead) = source.child("readahead") {
                self.readahead = readahead.attr_num("size")?.filter(|n| *n > 0);
            }
            if let Some(timeout) = source.child("timeout") {
                self.timeout = timeout.attr_num("seconds")?.filter(|n| *n > 0);
            }
        }
        if is_http(self.protocol) {
            for cookie in source.child("cookies").into_iter().flat_map(|c| c.children_named("cookie")) {
                self.cookies.push(Cookie::parse(cookie)?);
            }
        }
        if self.protocol == NetworkProtocol::Nfs
            && let Some(identity) = source.child("identity")
        {
            self.nfs_user = identity.attr_string("user");
            self.nfs_group = identity.attr_string("group");
        }
        Ok(())
    }

    /// Gluster and RBD names are volume and path.
    fn check_name(&self) -> Result<(), XmlError> {
        let split = matches!(self.protocol, NetworkProtocol::Gluster | NetworkProtocol::Rbd);
        let Some(name) = self.name.as_ref().filter(|_| split) else { return Ok(()) };
        match name.split_once('/') {
            Some((volume, _)) if !volume.is_empty() => Ok(()),
            _ => Err(XmlError::xml(format!("can't split path '{name}' into pool name and image name"))),
        }
    }
}

impl NetworkHost {
    /// Reads `<host>`; a port that is not given becomes the protocol's own.
    pub fn parse(element: &Element, protocol: NetworkProtocol) -> Result<Self, XmlError> {
        let mut host = Self::parse_bare(element)?;
        if host.transport == HostTransport::Tcp {
            host.port = host.port.or(default_port(protocol));
        }
        Ok(host)
    }

    /// Reads `<host>` as it stands.
    pub fn parse_bare(element: &Element) -> Result<Self, XmlError> {
        let transport = match element.attr("transport") {
            None => HostTransport::Tcp,
            Some(word) => HostTransport::from_word(word)
                .ok_or_else(|| XmlError::unsupported(format!("unknown protocol transport type '{word}'")))?,
        };
        let mut host = Self { transport, socket: element.attr_string("socket"), ..Self::default() };
        match (transport, &host.socket) {
            (HostTransport::Unix, None) => return Err(XmlError::xml("missing socket for unix transport")),
            (HostTransport::Tcp | HostTransport::Rdma, Some(_)) => {
                let text = format!("transport '{transport}' does not support socket attribute");
                return Err(XmlError::xml(text));
            }
            _ => {}
        }
        if transport != HostTransport::Unix {
            host.name =
                Some(element.attr_string("name").ok_or_else(|| XmlError::xml("missing name for host"))?);
            host.port = element.attr("port").map(port).transpose()?.filter(|p| *p > 0);
        }
        Ok(host)
    }

    /// Writes `<host>`.
    pub fn format(&self, w: &mut Writer) {
        w.start("host")
            .attr_opt("name", self.name.as_ref())
            .attr_opt("port", self.port)
            .attr_unless("transport", self.transport, HostTransport::Tcp)
            .attr_opt("socket", self.socket.as_ref())
            .end();
    }
}

impl Cookie {
    fn parse(element: &Element) -> Result<Self, XmlError> {
        let name = element.attr_string("name").ok_or_else(|| XmlError::xml("missing cookie name"))?;
        let value = Some(element.text()).filter(|v| !v.is_empty());
        let value = value.ok_or_else(|| XmlError::xml(format!("missing value for cookie '{name}'")))?;
        let bad = |c: char| c.is_ascii_control() || matches!(c, ' ' | '"' | ',' | ';' | '\\');
        if name.contains(bad) || value.trim_matches('"').contains(bad) {
            return Err(XmlError::xml(format!("cookie '{name}' contains invalid characters")));
        }
        Ok(Self { name, value })
    }
}

fn port(text: &str) -> Result<u32, XmlError> {
    let port =
        text.parse().map_err(|_| XmlError::invalid(format!("failed to parse port number '{text}'")))?;
    match port {
        0..=0xffff => Ok(port),
        _ => Err(XmlError::invalid(format!("port '{text}' out of range"))),
    }
}

fn is_http(protocol: NetworkProtocol) -> bool {
    matches!(protocol, NetworkProtocol::Http | NetworkProtocol::Https)
}

fn is_web(protocol: NetworkProtocol) -> bool {
    is_http(protocol) || matches!(protocol, NetworkProtocol::Ftp | NetworkProtocol::Ftps)
}

/// Ports as registered for the protocols; RBD and NFS find theirs.
fn default_port(protocol: NetworkProtocol) -> Option<u32> {
    match protocol {
        NetworkProtocol::Nbd => Some(10809),
        NetworkProtocol::Sheepdog => Some(7000),
        NetworkProtocol::Gluster => Some(24007),
        NetworkProtocol::Iscsi => Some(3260),
        NetworkProtocol::Http => Some(80),
        NetworkProtocol::Https => Some(443),
        NetworkProtocol::Ftp => Some(21),
        NetworkProtocol::Ftps => Some(990),
        NetworkProtocol::Tftp => Some(69),
        NetworkProtocol::Ssh => Some(22),
        NetworkProtocol::Vxhs => Some(9999),
        NetworkProtocol::Rbd | NetworkProtocol::Nfs => None,
    }
}
